//! What a YAML or JSON value is: Kubernetes objects, a workflow, a compose file, ….

use super::{Limits, Scalars, SyntaxError};
use crate::document::{Document, Node, Pointer, Subject, User, Value};

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

/// How plain scalars resolve: as the API server's clients do for what looks like a Kubernetes
/// object, else by YAML 1.2, as workflows and compose files do.
pub(super) fn scalars(path: &str, text: &str) -> Scalars {
    if text.contains("apiVersion") && !is_workflow_path(path) { Scalars::Kubernetes } else { Scalars::Core12 }
}

/// Says what a value is.
pub(super) fn classify(path: &str, root: Node, limits: &Limits) -> Result<Classified, SyntaxError> {
    let is_object =
        root.get("apiVersion").and_then(Node::as_str).is_some() && root.get("kind").and_then(Node::as_str).is_some();
    if is_object {
        let mut objects = Vec::new();
        expand(root, Pointer::root(), limits, &mut objects)?;
        return Ok(Classified::Objects(objects));
    }
    Ok(match file_kind(path, &root) {
        Some(kind) => Classified::File { kind, root },
        None => Classified::Nothing,
    })
}

fn file_kind(path: &str, root: &Node) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let has = |key| root.get(key).is_some();
    if has("jobs") && (has("on") || is_workflow_path(path)) {
        Some("GitHubWorkflow")
    } else if root.path(&["runs", "using"]).is_some() {
        Some("GitHubAction")
    } else if has("planned_values") && has("format_version") {
        Some("TerraformPlan")
    } else if has("phases") && (has("version") || name.starts_with("buildspec")) {
        Some("Buildspec")
    } else if name == "Chart.yaml" {
        Some("HelmChart")
    } else if has("services") && (is_compose_name(name) || services_look_composed(root)) {
        Some("Compose")
    } else {
        None
    }
}

fn is_workflow_path(path: &str) -> bool {
    path.starts_with(".github/workflows/") || path.contains("/.github/workflows/")
}

fn is_compose_name(name: &str) -> bool {
    name.starts_with("docker-compose") || name.starts_with("compose.") || name.starts_with("compose-")
}

fn services_look_composed(root: &Node) -> bool {
    let services = root.get("services").map_or(&[][..], Node::entries);
    !services.is_empty()
        && services.iter().all(|service| service.value.get("image").is_some() || service.value.get("build").is_some())
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
