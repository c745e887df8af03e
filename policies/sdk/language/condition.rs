//! Conditions of Argo Rollouts, as `successCondition:condition` gives them. The model stands in policies/LANGUAGES.md.

use super::{mappings, unread};
use crate::json::View;
use std::ops::Deref;

/// A part of a condition: an operation, a call, a name ….
#[derive(Clone)]
pub struct Expression<'d>(View<'d>);

impl<'d> Deref for Expression<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

/// The condition of a `:condition` tree; why not, where it does not parse.
pub fn condition<'d>(tree: &View<'d>) -> Result<Expression<'d>, &'d str> {
    let expression = tree.get("expression");
    if expression.exists() { Ok(Expression(expression)) } else { Err(unread(tree).unwrap_or("there is no condition")) }
}

impl<'d> Expression<'d> {
    /// The operator of an operation: `>=`, `&&`, `!`; empty for anything else.
    pub fn operator(&self) -> &'d str {
        self.get("operator").text()
    }

    /// The operands of an operation.
    pub fn operands(&self) -> impl Iterator<Item = Expression<'d>> + use<'d> {
        self.get("operands").items().map(Expression)
    }

    /// The function that is called; empty for anything else.
    pub fn function(&self) -> &'d str {
        self.get("call").text()
    }

    /// The arguments of a call.
    pub fn arguments(&self) -> impl Iterator<Item = Expression<'d>> + use<'d> {
        self.get("arguments").items().map(Expression)
    }

    /// The name of a variable, `result` above all; empty for anything else.
    pub fn name(&self) -> &'d str {
        self.get("name").text()
    }

    /// What a member or an element is taken from.
    pub fn of(&self) -> Option<Expression<'d>> {
        Some(self.get("of")).filter(View::exists).map(Expression)
    }

    /// The variable that members, elements and slices are taken from in the end: `result` of `result.a[0]`.
    pub fn root(&self) -> Expression<'d> {
        let mut root = self.clone();
        while let Some(of) = root.of() {
            root = of;
        }
        root
    }

    /// The number that stands here, with its sign; `None` for anything else.
    pub fn number(&self) -> Option<f64> {
        if self.operator() == "-" {
            let mut operands = self.operands();
            return match (operands.next(), operands.next()) {
                (Some(only), None) => only.number().map(|number| -number),
                _ => None,
            };
        }
        let text = self.get("number").as_str()?.replace('_', "");
        match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => i64::from_str_radix(&text[2..], 16).ok().map(|number| number as f64),
            Some("0o") => i64::from_str_radix(&text[2..], 8).ok().map(|number| number as f64),
            Some("0b") => i64::from_str_radix(&text[2..], 2).ok().map(|number| number as f64),
            _ => text.parse().ok(),
        }
    }

    /// Whether Argo fills something in here before it reads the condition.
    pub fn is_argument(&self) -> bool {
        self.get("argument").exists()
    }

    /// The expression and all in it, each before what is in it.
    pub fn all(&self) -> Vec<Expression<'d>> {
        const KINDS: [&str; 14] = [
            "operator",
            "call",
            "name",
            "member",
            "index",
            "slice",
            "list",
            "entries",
            "predicate",
            "variable",
            "number",
            "string",
            "literal",
            "argument",
        ];
        let all = mappings(&self.0, |view| KINDS.iter().any(|kind| view.get(kind).exists()));
        all.into_iter().map(Expression).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn a_condition_is_gone_through() {
        let text = r#"{"expression":{"operator":"&&","operands":[
            {"operator":">","operands":[{"call":"len","arguments":[{"name":"result"}]},{"number":"0"}]},
            {"operator":"<","operands":[{"index":{"number":"0"},"of":{"member":"a","of":{"name":"result"}}},
                {"operator":"-","operands":[{"number":"1_0.5"}]}]}]}}"#;
        let json = Json::parse(text).unwrap();
        let Ok(condition) = condition(&json.root()) else { panic!("it is read") };
        assert_eq!(condition.operator(), "&&");
        let all = condition.all();
        assert_eq!(all.iter().filter(|part| part.name() == "result").count(), 2);
        assert_eq!(all.iter().map(Expression::function).find(|name| !name.is_empty()), Some("len"));
        let compared: Vec<Expression<'_>> = condition.operands().nth(1).unwrap().operands().collect();
        assert_eq!((compared[0].root().name(), compared[1].number()), ("result", Some(-10.5)));
        assert_eq!(compared[0].number(), None);
    }

    #[test]
    fn what_does_not_parse_has_a_reason() {
        let json = Json::parse(r#"{"unread":[{"reason":"expected a value"}]}"#).unwrap();
        assert_eq!(condition(&json.root()).err(), Some("expected a value"));
        let json = Json::parse("{}").unwrap();
        assert!(condition(&json.root().get("none")).is_err());
    }
}
