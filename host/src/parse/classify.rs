//! What a YAML or JSON value is: Kubernetes objects, a workflow, a compose file, ….

use super::{Limits, Scalars, SyntaxError, plan};
use crate::document::{Document, Format, Node, Pointer, Subject, User, Value};
use crate::kinds::{self, Kind};

/// What a parsed value holds.
pub(super) enum Classified {
    /// Nothing that rules know.
    Nothing,
    /// A repository file of some kind.
    File {
        /// Its kind.
        kind: &'static str,
        /// It.
        root: Node,
    },
    /// Kubernetes objects.
    Objects(Vec<Object>),
}

/// A Kubernetes object and where it stood.
pub(super) struct Object {
    pub(super) subject: Subject,
    pub(super) base: Pointer,
    pub(super) root: Node,
    pub(super) old: Option<Node>,
    pub(super) subresource: String,
    pub(super) user: Option<User>,
}

/// How plain scalars resolve: as the API server's clients do for what looks like a Kubernetes object or is read by the same
/// library, else by YAML 1.2, as workflows and compose files do. `kind` is what the path says.
pub(super) fn scalars(kind: Option<&Kind>, text: &str) -> Scalars {
    let like_kubernetes = kind.map_or_else(|| text.contains("apiVersion"), |kind| kind.like_kubernetes);
    if like_kubernetes { Scalars::Kubernetes } else { Scalars::Core12 }
}

/// Says what a value is; `named` is the kind that its path says.
pub(super) fn classify(
    path: &str,
    named: Option<&'static Kind>,
    root: Node,
    format: Format,
    limits: &Limits,
) -> Result<Classified, SyntaxError> {
    let is_object =
        root.get("apiVersion").and_then(Node::as_str).is_some() && root.get("kind").and_then(Node::as_str).is_some();
    match kinds::of_content(&root, format, named, is_object) {
        Some(kind) if kind.name == "TerraformPlan" => {
            Ok(Classified::File { kind: kind.name, root: plan::document(&root, path, limits)? })
        }
        Some(kind) => Ok(Classified::File { kind: kind.name, root }),
        None if is_object => {
            let mut objects = Vec::new();
            expand(root, Pointer::root(), limits, &mut objects)?;
            Ok(Classified::Objects(objects))
        }
        None => Ok(Classified::Nothing),
    }
}

/// Takes Lists and AdmissionReviews apart.
fn expand(root: Node, base: Pointer, limits: &Limits, objects: &mut Vec<Object>) -> Result<(), SyntaxError> {
    let kind = root.get("kind").and_then(Node::as_str).unwrap_or_default();
    if kind == "AdmissionReview" {
        objects.extend(reviewed(root));
        return Ok(());
    }
    if kind.ends_with("List") && matches!(root.get("items").map(|items| &items.value), Some(Value::Array(_))) {
        return expand_list(root, &base, limits, objects);
    }
    if objects.len() >= limits.documents {
        let message = format!("more than {} documents in one file (limit `documents`)", limits.documents);
        return Err(SyntaxError::new(root.span.start as usize, message));
    }
    let subject = Subject::of_object(&root);
    objects.push(Object { subject, base, root, old: None, subresource: String::new(), user: None });
    Ok(())
}

fn expand_list(list: Node, base: &Pointer, limits: &Limits, objects: &mut Vec<Object>) -> Result<(), SyntaxError> {
    // The items of a typed list, as a client prints it, may leave out what the list says.
    let item_kind =
        list.get("kind").and_then(Node::as_str).and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
    let api_version = list.entry("apiVersion").cloned();
    let Value::Object(entries) = list.value else { return Ok(()) };
    let Some(items) = entries.into_iter().find(|entry| &*entry.key == "items") else { return Ok(()) };
    let base = base.join("items");
    let Value::Array(items) = items.value.value else { return Ok(()) };
    for (index, mut item) in items.into_iter().enumerate() {
        if let (Value::Object(entries), Some(kind), Some(version)) = (&mut item.value, &item_kind, &api_version)
            && !kind.is_empty()
            && !entries.iter().any(|entry| matches!(&*entry.key, "kind" | "apiVersion"))
        {
            let span = entries.first().map_or(item.span, |entry| entry.key_span);
            let kind = Node::string(kind.as_str(), span);
            entries.push(crate::document::Entry::new("kind", span, kind));
            entries.push(crate::document::Entry::new("apiVersion", span, version.value.clone()));
        }
        let is_object = item.get("kind").and_then(Node::as_str).is_some();
        if is_object {
            expand(item, base.join(index.to_string()), limits, objects)?;
        }
    }
    Ok(())
}

/// The object that an AdmissionReview asks about: a DELETE brings the one that is there.
fn reviewed(review: Node) -> Option<Object> {
    let request = review.get("request")?;
    let text = |key| request.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let operation = text("operation");
    let part = if operation == "DELETE" { "oldObject" } else { "object" };
    let root = request.get(part).filter(|object| matches!(object.value, Value::Object(_)))?.clone();
    let mut subject = Subject::of_object(&root);
    subject.operation = operation;
    for (field, own) in [("namespace", &mut subject.namespace), ("name", &mut subject.name)] {
        if own.is_empty() {
            *own = text(field);
        }
    }
    let old = request.get("oldObject").filter(|old| part == "object" && old.value != Value::Null).cloned();
    let user = request.get("userInfo").and_then(User::of_review);
    let subresource = Document::subresource_of_review(&text("subResource")).to_owned();
    Some(Object { subject, base: ["request", part].into_iter().collect(), root, old, subresource, user })
}
