//! The wires: how each engine asks, and how it wants to be answered.

mod admission;
mod evaluate;
mod gatekeeper;
mod kyverno;

pub(super) use admission::Admission;
pub(super) use evaluate::Evaluate;
pub(super) use gatekeeper::Gatekeeper;
pub(super) use kyverno::Kyverno;

use super::config::Config;
use super::review::{Answer, Hints, Item, Question, Refusal, bundle, document};
use super::state::Serving;
use crate::document::{Node, Value};
use crate::parse::{Limits, json};

/// The body as a JSON object.
fn object(body: &str) -> Result<Node, Refusal> {
    let root = json::parse(body, &Limits::default())
        .map_err(|error| Refusal::bad(format!("the body is not JSON: byte {}: {}", error.at, error.message)))?;
    match root.value {
        Value::Object(_) => Ok(root),
        _ => Err(Refusal::bad("the body is not a JSON object")),
    }
}

/// Takes a field out of an object.
fn take(node: &mut Node, key: &str) -> Option<Node> {
    let Value::Object(entries) = &mut node.value else { return None };
    let at = entries.iter().position(|entry| &*entry.key == key)?;
    Some(entries.swap_remove(at).value)
}

/// A field's text; empty when it is absent or something else.
fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.path(path).and_then(Node::as_str).unwrap_or_default()
}

/// Whether a text is what the API server calls an operation; empty where a caller has none, as in an audit.
fn is_operation(text: &str) -> bool {
    ["", "CREATE", "UPDATE", "DELETE", "CONNECT"].contains(&text)
}

const NO_OPERATION: &str = "`operation` is none of CREATE, UPDATE, DELETE, CONNECT";

/// The one object of a request like `{"object": …, "oldObject": …, "operation": …}`.
fn plain_question(body: &str, serving: &Serving, name: &str, config: &Config) -> Result<Question<()>, Refusal> {
    let decider = bundle(serving, name)?;
    let mut root = object(body)?;
    let (reviewed, old) = (take(&mut root, "object"), take(&mut root, "oldObject"));
    let hints = Hints {
        operation: text(&root, &["operation"]),
        namespace: text(&root, &["namespace"]),
        name: text(&root, &["name"]),
        user: text(&root, &["user"]),
    };
    if !is_operation(hints.operation) {
        return Err(Refusal::bad(NO_OPERATION));
    }
    let reviewed = match reviewed {
        Some(Node { value: Value::Null, .. }) | None if hints.operation != "DELETE" => {
            return Err(Refusal::bad("`object` is missing"));
        }
        Some(node) if !matches!(node.value, Value::Object(_) | Value::Null) => {
            return Err(Refusal::bad("`object` is not a JSON object"));
        }
        reviewed => reviewed,
    };
    let document = reviewed.and_then(|object| document(body, object, old, &hints, config));
    Ok(Question { items: vec![Item { decider, document, wants_patch: true }], context: (), id: String::new() })
}
