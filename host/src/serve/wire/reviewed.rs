//! The object of a request, whatever its wire: refused where it is malformed, prepared where it is checked.

use crate::decide::forget_owners;
use crate::document::{Document, Format, Node, Source, Subject, Value};
use crate::serve::config::Config;
use crate::workload::controller;

/// What a request says of an object beside the object itself.
pub(super) struct Claims<'r> {
    pub(super) operation: &'r str,
    pub(super) namespace: &'r str,
    pub(super) name: &'r str,
    /// Group, version and kind of the object, where the caller says them too.
    pub(super) kind: Option<[&'r str; 3]>,
    /// Who asks for the object. Where there is an operation, nobody is nobody to be trusted.
    pub(super) user: Option<&'r str>,
    /// Whether a rule is asked about the operation. Few are about a deletion or a connection.
    pub(super) is_judged: bool,
}

/// An object to be checked.
pub(super) struct Reviewed {
    pub(super) document: Document,
    /// Whether a controller writes it, or is said to.
    pub(super) controlled: bool,
}

impl Reviewed {
    /// Whether its safe fixes may be offered: what a controller writes is the controller's.
    pub(super) fn is_open(reviewed: Option<&Self>) -> bool {
        reviewed.is_none_or(|reviewed| !reviewed.controlled)
    }
}

/// Reads the object of a request; `None` for a deletion, or a connection, that no rule is asked about. What is deleted
/// is the object that is there.
///
/// # Errors
/// Why it is no object that anybody could check.
pub(super) fn reviewed(
    text: &str,
    object: Option<Node>,
    old: Option<Node>,
    claims: &Claims<'_>,
    config: &Config,
) -> Result<Option<Reviewed>, String> {
    if !claims.is_judged && matches!(claims.operation, "DELETE" | "CONNECT") {
        return Ok(None);
    }
    let (field, object, old) = match claims.operation {
        "DELETE" => ("oldObject", old, None),
        _ => ("object", object, old),
    };
    let mut object = match object {
        None | Some(Node { value: Value::Null, .. }) => return Err(format!("`{field}` is missing")),
        Some(object) => object,
    };
    let subject = subject(field, &object)?;
    if let Some([group, version, kind]) = claims.kind
        && [group, version, kind] != [&subject.group, &subject.version, &subject.kind]
    {
        let (is, says) = (named(&subject.group, &subject.version, &subject.kind), named(group, version, kind));
        return Err(format!("`object` is {is}, and the request says that it is {says}"));
    }
    let old = old.filter(|old| !is_nothing(old));
    if let Some(old) = &old {
        let old = self::subject("oldObject", old)?;
        if (&old.group, &old.kind) != (&subject.group, &subject.kind) {
            let (is, was) =
                (named(&subject.group, &subject.version, &subject.kind), named(&old.group, &old.version, &old.kind));
            return Err(format!("`oldObject` is {was}, and `object` is {is}"));
        }
    }
    let mut old = old;
    let controlled = [Some(&object), old.as_ref()].into_iter().flatten().any(|state| controller(state).is_some());
    if !is_believed(claims, config) {
        [Some(&mut object), old.as_mut()].into_iter().flatten().for_each(forget_owners);
    }
    let subject = completed(subject, claims)?;
    let document = Document { old, ..Document::new(subject, Format::Json, [Source::new("object", text)], object) };
    Ok(Some(Reviewed { document, controlled }))
}

/// Whether there is not one of it: engines write that as null, as an empty text, or as an empty object.
fn is_nothing(object: &Node) -> bool {
    match &object.value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        _ => object.as_str() == Some(""),
    }
}

/// Whether the owners that an object names are believed: those of a controller that is trusted by name, and where
/// nobody asks for anything (an audit, a background scan), since the object is in the cluster already.
fn is_believed(claims: &Claims<'_>, config: &Config) -> bool {
    match claims.user.unwrap_or_default() {
        "" => claims.operation.is_empty(),
        user => config.trusts(user),
    }
}

/// Who an object is, if it is one.
fn subject(field: &str, object: &Node) -> Result<Subject, String> {
    if !matches!(object.value, Value::Object(_)) {
        return Err(format!("`{field}` is not a JSON object"));
    }
    let subject = Subject::of_object(object);
    for (key, text) in [("apiVersion", &subject.version), ("kind", &subject.kind)] {
        if text.is_empty() {
            return Err(format!("`{field}` has no `{key}`"));
        }
    }
    Ok(subject)
}

/// The subject with what the request says beside it; the two must not disagree.
fn completed(mut subject: Subject, claims: &Claims<'_>) -> Result<Subject, String> {
    if !claims.operation.is_empty() {
        claims.operation.clone_into(&mut subject.operation);
    }
    if !subject.namespace.is_empty() && !claims.namespace.is_empty() && subject.namespace != claims.namespace {
        let (own, said) = (shorten(&subject.namespace), shorten(claims.namespace));
        return Err(format!("`object` is in the namespace `{own}`, and the request is about `{said}`"));
    }
    for (own, said) in [(&mut subject.namespace, claims.namespace), (&mut subject.name, claims.name)] {
        if own.is_empty() {
            said.clone_into(own);
        }
    }
    Ok(subject)
}

fn named(group: &str, version: &str, kind: &str) -> String {
    let slash = if group.is_empty() { "" } else { "/" };
    format!("`{}{slash}{} {}`", shorten(group), shorten(version), shorten(kind))
}

/// What a caller wrote, as much of it as a message needs.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(100).collect()
}
