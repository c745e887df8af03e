//! Whether a job or a step runs, by its `if`, when something before it has failed.

use crate::json::View;
use crate::language::mappings;

/// What is known of a failure.
pub(super) struct Failure<'f> {
    /// The result of a job that is needed: `failure`, `skipped` or `success`.
    pub(super) result: &'f dyn Fn(&str) -> Option<&'static str>,
    /// The results of all jobs that are needed.
    pub(super) results: &'f [&'static str],
}

/// The functions that say with which results of others something runs; without any of them it runs after successes only.
const STATUS: [&str; 4] = ["always", "cancelled", "failure", "success"];

/// Whether an `:expression` tree calls a function of these.
pub fn calls(tree: &View<'_>, functions: &[&str]) -> bool {
    !mappings(tree, |view| functions.contains(&view.get("call").text())).is_empty()
}

/// Whether something with this `if` may run after a failure. `tree` is the `:expression` of it.
pub(super) fn may_run(condition: &View<'_>, tree: &View<'_>, failure: &Failure<'_>) -> bool {
    if condition.as_bool() == Some(false) || !calls(tree, &STATUS) {
        return false;
    }
    let mut parts = tree.get("parts").items();
    match (parts.next(), parts.next()) {
        (Some(only), None) if !only.get("text").exists() => {
            value(&only, failure, 0).is_none_or(|value| value.is_true())
        }
        // Text around an expression is a text, which is true.
        _ => true,
    }
}

/// A value, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Bool(bool),
    Text(String),
}

impl Value {
    fn is_true(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => !text.is_empty(),
        }
    }
}

/// How deep expressions are followed; GitHub's own bound is 50.
const MAX_DEPTH: u32 = 50;

fn value(expression: &View<'_>, failure: &Failure<'_>, depth: u32) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let of = |view: &View<'_>| value(view, failure, depth + 1);
    let literal = expression.get("literal");
    if let Some(known) = literal.as_bool().map(Value::Bool).or(literal.as_str().map(|text| Value::Text(text.into()))) {
        return Some(known);
    }
    if let Some(context) = expression.get("context").as_str() {
        let job = context.strip_prefix("needs.")?.strip_suffix(".result")?;
        return (failure.result)(job).map(|result| Value::Text(result.into()));
    }
    let operands: Vec<View<'_>> = expression.get("operands").items().collect();
    match (expression.get("operator").text(), &operands[..]) {
        ("!", [operand]) => return of(operand).map(|value| Value::Bool(!value.is_true())),
        ("&&", [left, right]) => return junction(of(left), of(right), false),
        ("||", [left, right]) => return junction(of(left), of(right), true),
        (operator @ ("==" | "!="), [left, right]) => {
            let are_equal = match (of(left)?, of(right)?) {
                (Value::Text(left), Value::Text(right)) => left.eq_ignore_ascii_case(&right),
                (Value::Bool(left), Value::Bool(right)) => left == right,
                _ => return None,
            };
            return Some(Value::Bool(are_equal == (operator == "==")));
        }
        _ => {}
    }
    let arguments: Vec<View<'_>> = expression.get("arguments").items().collect();
    match (expression.get("call").text(), &arguments[..]) {
        ("always" | "failure", []) => Some(Value::Bool(true)),
        ("success" | "cancelled", []) => Some(Value::Bool(false)),
        ("contains", [list, item]) if is_all_results(list) => {
            let Value::Text(item) = of(item)? else { return None };
            Some(Value::Bool(failure.results.iter().any(|result| result.eq_ignore_ascii_case(&item))))
        }
        _ => None,
    }
}

/// `needs.*.result`, also in `join(needs.*.result, ',')`.
fn is_all_results(list: &View<'_>) -> bool {
    let list = if list.get("call").text() == "join" { list.get("arguments").item(0) } else { list.clone() };
    list.get("context").text() == "needs.*.result"
}

/// `&&` and `||`: one operand decides, where it is what the operator stops at.
fn junction(left: Option<Value>, right: Option<Value>, stops_at: bool) -> Option<Value> {
    let stops = |value: &Option<Value>| value.as_ref().is_some_and(|value| value.is_true() == stops_at);
    if stops(&left) || stops(&right) {
        return Some(Value::Bool(stops_at));
    }
    left.and(right)
}
