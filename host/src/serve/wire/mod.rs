//! The wires: how each engine asks, and how it wants to be answered.

mod admission;
mod evaluate;
mod gatekeeper;
mod kyverno;
mod reviewed;

pub(super) use admission::Admission;
pub(super) use evaluate::Evaluate;
pub(super) use gatekeeper::Gatekeeper;
pub(super) use kyverno::Kyverno;

use super::config::Config;
use super::review::{Answer, Item, Question, Refusal, bundle};
use super::state::Serving;
use crate::document::{Node, Value};
use crate::parse::{Limits, json};
use reviewed::{Claims, Reviewed, reviewed};

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

/// Who asks; `None` where the request does not say.
fn user<'n>(node: &'n Node, path: &[&str]) -> Result<Option<&'n str>, String> {
    match node.path(path).map(|user| &user.value) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(user)) => Ok(Some(user).filter(|user| !user.is_empty()).map(|user| &**user)),
        Some(_) => Err(format!("`{}` is not a text", path.join("."))),
    }
}

/// Whether a text is what the API server calls an operation; empty where a caller has none, as in an audit.
fn is_operation(text: &str) -> bool {
    ["", "CREATE", "UPDATE", "DELETE", "CONNECT"].contains(&text)
}

const NO_OPERATION: &str = "`operation` must be CREATE, UPDATE, DELETE or CONNECT";

/// The one object of a request like `{"object": …, "oldObject": …, "operation": …}`.
fn plain_question(body: &str, serving: &Serving, name: &str, config: &Config) -> Result<Question<()>, Refusal> {
    let decider = bundle(serving, name)?;
    let mut root = object(body)?;
    let (reviewed, old) = (take(&mut root, "object"), take(&mut root, "oldObject"));
    let claims = Claims {
        operation: text(&root, &["operation"]),
        namespace: text(&root, &["namespace"]),
        name: text(&root, &["name"]),
        kind: None,
        user: user(&root, &["user"]).map_err(Refusal::bad)?,
        is_judged: decider.is_asked_about(text(&root, &["operation"])),
    };
    if !is_operation(claims.operation) {
        return Err(Refusal::bad(NO_OPERATION));
    }
    let reviewed = self::reviewed(body, reviewed, old, &claims, config).map_err(Refusal::bad)?;
    let wants_patch = Reviewed::is_open(reviewed.as_ref());
    let document = reviewed.map(|reviewed| reviewed.document);
    Ok(Question { items: vec![Item { decider, document, wants_patch }], context: (), id: String::new() })
}
