//! GitHub's expressions, as `X:expression` gives them. The model stands in policies/LANGUAGES.md.

use super::{mappings, unread};
use crate::json::{Kind, View};
use std::ops::Deref;

/// An expression, or a part of one.
#[derive(Clone)]
pub struct Expression<'d>(View<'d>);

impl<'d> Deref for Expression<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

impl<'d> Expression<'d> {
    /// The context that it names, in lower case (`github.event.issue.title`); empty where it is something else.
    pub fn context(&self) -> &'d str {
        self.get("context").text()
    }

    /// The function that it calls, in lower case; empty where it is something else.
    pub fn call(&self) -> &'d str {
        self.get("call").text()
    }

    /// Its operator; empty where it is something else.
    pub fn operator(&self) -> &'d str {
        self.get("operator").text()
    }

    /// What it is written as: a text, a number, a flag or `null`; absent where it is something else.
    pub fn literal(&self) -> View<'d> {
        self.get("literal")
    }

    /// The operands of an operator and the arguments of a call.
    pub fn operands(&self) -> Vec<Self> {
        ["operands", "arguments"].into_iter().flat_map(|list| self.get(list).items()).map(Self).collect()
    }

    /// The contexts whose text can become part of the value. What is only compared or asked for cannot.
    pub fn flows(&self) -> Vec<Self> {
        let mut found = Vec::new();
        let mut open = vec![self.clone()];
        while let Some(expression) = open.pop() {
            let operands = expression.operands();
            match (expression.operator(), expression.call()) {
                // The left side is the value only when it is empty, or false.
                ("&&", _) => open.extend(operands.into_iter().nth(1)),
                ("||", _) | (_, "format" | "join" | "tojson" | "fromjson") => open.extend(operands.into_iter().rev()),
                // A condition, then a value, and so on; the last value has none.
                (_, "case") => {
                    let last = operands.len().saturating_sub(1);
                    let values = operands.into_iter().enumerate().filter(|(at, _)| at % 2 == 1 || *at == last);
                    open.extend(values.map(|(_, value)| value));
                }
                ("", "") if expression.get("of").exists() => open.push(Self(expression.get("of"))),
                ("", "") if !expression.context().is_empty() => found.push(expression),
                _ => {}
            }
        }
        found
    }

    /// Its value, where it can be told; `facts` are asked first, about every part of it.
    pub fn value(&self, facts: &Facts<'_>) -> Option<Value> {
        if let Some(value) = facts(self) {
            return Some(value);
        }
        let literal = self.literal();
        if let Some(kind) = literal.kind() {
            return Some(match kind {
                Kind::Bool(flag) => Value::Bool(flag),
                Kind::Number => Value::Number(literal.scalar_text()?.to_owned()),
                Kind::String => Value::Text(literal.text().to_owned()),
                _ => Value::Null,
            });
        }
        let operands = self.operands();
        let operand = |at: usize| operands.get(at)?.value(facts);
        match (self.operator(), self.call()) {
            ("!", _) => Some(Value::Bool(!operand(0)?.holds())),
            ("&&", _) => match operand(0) {
                Some(left) if left.holds() => operand(1),
                Some(left) => Some(left),
                None => operand(1).filter(|right| !right.holds()),
            },
            ("||", _) => match operand(0) {
                Some(left) if left.holds() => Some(left),
                Some(_) => operand(1),
                None => operand(1).filter(Value::holds),
            },
            ("==", _) => Some(Value::Bool(operand(0)?.equals(&operand(1)?)?)),
            ("!=", _) => Some(Value::Bool(!operand(0)?.equals(&operand(1)?)?)),
            (_, "always") => Some(Value::Bool(true)),
            (_, call @ ("contains" | "startswith" | "endswith")) => {
                let (Value::Text(text), Value::Text(part)) = (operand(0)?, operand(1)?) else { return None };
                let (text, part) = (text.to_lowercase(), part.to_lowercase());
                Some(Value::Bool(match call {
                    "contains" => text.contains(&part),
                    "startswith" => text.starts_with(&part),
                    _ => text.ends_with(&part),
                }))
            }
            _ => None,
        }
    }
}

/// What is known of an expression, or of a part of one, beside what is written in it.
pub type Facts<'f> = dyn Fn(&Expression<'_>) -> Option<Value> + 'f;

/// Facts of somebody who knows nothing.
pub fn no_facts(_: &Expression<'_>) -> Option<Value> {
    None
}

/// The value of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, by its digits.
    Number(String),
    /// A text.
    Text(String),
}

impl Value {
    /// Whether a condition with this value holds.
    pub fn holds(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(flag) => *flag,
            Self::Number(digits) => digits != "0",
            Self::Text(text) => !text.is_empty(),
        }
    }

    /// GitHub's `==`, which ignores case; `None` where the kinds differ, and it converts to numbers.
    fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.to_lowercase() == right.to_lowercase()),
            (Self::Null, Self::Null) => Some(true),
            (Self::Bool(left), Self::Bool(right)) => Some(left == right),
            (Self::Number(left), Self::Number(right)) => Some(left == right),
            _ => None,
        }
    }
}

/// The expressions of a text, those that stand in `${{ … }}`.
pub fn expressions<'d>(tree: &View<'d>) -> impl Iterator<Item = Expression<'d>> + use<'d> {
    tree.get("parts").items().filter(|part| !part.get("text").exists()).map(Expression)
}

/// The one expression that a text consists of; `None` where something stands beside it.
pub fn whole<'d>(tree: &View<'d>) -> Option<Expression<'d>> {
    let mut parts = tree.get("parts").items();
    let first = parts.next().filter(|part| !part.get("text").exists())?;
    (parts.next().is_none() && unread(tree).is_none()).then_some(Expression(first))
}

/// Every expression of a tree, parts of others included.
pub fn all<'d>(tree: &View<'d>) -> Vec<Expression<'d>> {
    let is_one = |view: &View<'d>| {
        let names = ["context", "call", "operator"].into_iter().any(|key| view.get(key).as_str().is_some());
        names || view.get("literal").kind().is_some()
    };
    mappings(tree, is_one).into_iter().map(Expression).collect()
}

/// All `:expression` trees below a place of a document that the rule reads.
pub fn trees<'d>(place: &View<'d>) -> Vec<View<'d>> {
    let mut found = Vec::new();
    let mut open = vec![place.clone()];
    while let Some(view) = open.pop() {
        let of_expressions = view.trees().filter(|(key, _)| key.ends_with(":expression"));
        // Of a list of texts there is a list of trees.
        found.extend(of_expressions.flat_map(|(_, tree)| match tree.kind() {
            Some(Kind::Array) => tree.items().collect(),
            _ => vec![tree],
        }));
        open.extend(view.items().chain(view.entries().map(|(_, child)| child)));
    }
    found
}

/// Whether a condition, an `if:expression`, may hold, by the facts. Without a condition it does, and so does a text
/// that is not one expression.
pub fn may_hold(condition: &View<'_>, facts: &Facts<'_>) -> bool {
    whole(condition).and_then(|expression| expression.value(facts)).is_none_or(|value| value.holds())
}

/// Whether a condition, an `if:expression`, holds although something before it failed or was skipped.
pub fn ignores_failure(condition: &View<'_>) -> bool {
    all(condition).iter().any(|part| matches!(part.call(), "always" | "failure" | "cancelled"))
}

/// The contexts that an `:expression` tree names, in lower case: `secrets.deploy_key`, `github.event.issue.title`.
pub fn contexts<'d>(tree: &View<'d>) -> Vec<&'d str> {
    let named = mappings(tree, |view| view.get("context").as_str().is_some());
    named.iter().map(|view| view.get("context").text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn contexts_are_found_wherever_they_stand() {
        let text = r#"{"parts":[{"text":"a"},{"call":"format","arguments":[{"literal":"x"},{"context":"github.ref"}]},
            {"context":".b[…]","of":{"call":"fromjson","arguments":[{"context":"env.a"}]},"indices":[{"context":"matrix.c"}]}]}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(contexts(&json.root()), ["github.ref", ".b[…]", "env.a", "matrix.c"]);
        assert!(contexts(&json.root().get("none")).is_empty());
        assert_eq!((all(&json.root()).len(), expressions(&json.root()).count()), (7, 2));
        assert!(whole(&json.root()).is_none());
    }

    const A: &str = r#"{"context":"a"}"#;
    const B: &str = r#"{"context":"b"}"#;

    fn operation(operator: &str, operands: &[&str]) -> String {
        format!(r#"{{"operator":"{operator}","operands":[{}]}}"#, operands.join(","))
    }

    fn call(name: &str, arguments: &[&str]) -> String {
        format!(r#"{{"call":"{name}","arguments":[{}]}}"#, arguments.join(","))
    }

    #[test]
    fn what_is_only_compared_does_not_flow() {
        let of = format!(r#"{{"context":".x","of":{}}}"#, call("fromjson", &[A]));
        for (text, expected) in [
            (operation("&&", &[A, B]), &["b"][..]),
            (operation("||", &[A, B]), &["a", "b"]),
            (operation("==", &[A, B]), &[]),
            (operation("!", &[A]), &[]),
            (call("format", &[r#"{"literal":"{0}"}"#, A]), &["a"]),
            (call("contains", &[A, B]), &[]),
            (call("case", &[A, B, r#"{"context":"c"}"#]), &["c", "b"]),
            (of, &["a"]),
        ] {
            let json = Json::parse(&text).unwrap();
            let flows = Expression(json.root()).flows();
            let named: Vec<&str> = flows.iter().map(Expression::context).collect();
            assert_eq!(named, expected, "{text}");
        }
    }

    #[test]
    fn conditions_are_decided_by_what_is_known() {
        let facts = |expression: &Expression<'_>| match expression.context() {
            "a" => Some(Value::Text("Push".into())),
            _ => None,
        };
        let push = r#"{"literal":"push"}"#;
        let is_push = operation("==", &[A, push]);
        let is_not = operation("!=", &[A, push]);
        for (text, expected) in [
            (is_push.clone(), Some(true)),
            (operation("&&", &[B, &is_not]), Some(false)),
            (operation("&&", &[B, &is_push]), None),
            (operation("||", &[B, &is_push]), Some(true)),
            (operation("!", &[&operation("||", &[B, &is_push])]), Some(false)),
            (operation("==", &[A, r#"{"literal":1}"#]), None),
            (call("startswith", &[A, r#"{"literal":"pu"}"#]), Some(true)),
            (call("always", &[]), Some(true)),
            (r#"{"literal":""}"#.to_owned(), Some(false)),
            (r#"{"literal":null}"#.to_owned(), Some(false)),
            (r#"{"literal":0}"#.to_owned(), Some(false)),
        ] {
            let json = Json::parse(&text).unwrap();
            let value = Expression(json.root()).value(&facts);
            assert_eq!(value.map(|value| value.holds()), expected, "{text}");
            let tree = format!(r#"{{"parts":[{text}]}}"#);
            let tree = Json::parse(&tree).unwrap();
            assert_eq!(may_hold(&tree.root(), &facts), expected != Some(false), "{text}");
        }
        let beside = format!(r#"{{"parts":[{is_not},{{"text":" && x"}}]}}"#);
        assert!(may_hold(&Json::parse(&beside).unwrap().root(), &facts));
        assert!(may_hold(&Json::parse("{}").unwrap().root(), &facts));
    }

    #[test]
    fn trees_of_a_document_are_found() {
        let text = r#"{"a":"x","a:expression":{"parts":[]},"b":[{"c":"y","c:expression":{"parts":[]},"c:shell":{}}],
            "d":["z"],"d[*]:expression":[{"parts":[]},{"parts":[]}]}"#;
        assert_eq!(trees(&Json::parse(text).unwrap().root()).len(), 4);
    }

    #[test]
    fn status_functions_are_told() {
        let ignores = |part: &str| {
            let text = format!(r#"{{"parts":[{part}]}}"#);
            ignores_failure(&Json::parse(&text).unwrap().root())
        };
        assert!(ignores(&operation("!", &[&call("cancelled", &[])])));
        assert!(!ignores(A));
    }
}
