//! YAML and JSON in a string: a ConfigMap's file, the values of a HelmRelease, a policy of IAM.
//!
//! ```text
//! { "documents": [ … ] }                       `:yaml`, one entry a document, empty ones left out
//! { "value": … }                               `:json`
//! { "documents": [ … ], "unread": [ { "reason": "…" } ] }
//! ```
//!
//! Where Terraform encodes a document with a part that is not known (`jsonencode({ Resource = x.arn })`), that part is
//! `{"$unknown": "x.arn"}`. Of YAML, scalars are read by the core schema of YAML 1.2. A document that is broken is under `unread`, the others are
//! there.

use super::build::{Builder, shift, span};
use super::limits;
use crate::document::{Node, Span, Value};
use crate::parse::yaml::{self, Scalars};
use crate::parse::{SyntaxError, json as json_text};

/// The tree of a JSON text.
pub(super) fn json(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    builder.take(json_text::tree_bytes(text, false));
    match json_text::parse(text, &limits::of_data(builder.left())) {
        Ok(value) => {
            builder.count(values(&value));
            builder.object([("value", value)], whole)
        }
        Err(SyntaxError { at, message, .. }) => {
            let unread = builder.unread(vec![(Span::new(at, at), message)], whole);
            builder.object([("unread", unread)], whole)
        }
    }
}

/// The tree of a JSON text of which only the value is at hand, that of a module of Terraform.
pub(super) fn known(value: &Node, whole: Span, builder: &mut Builder) -> Node {
    builder.count(values(value));
    if builder.is_full() {
        return builder.nothing(whole, format!("more than {} values (limit `VALUES`)", limits::VALUES));
    }
    builder.object([("value", value.clone())], whole)
}

/// The tree of a YAML text.
pub(super) fn yaml(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    let mut documents = Vec::new();
    let mut unread = Vec::new();
    for piece in yaml::split_documents(text) {
        builder.take(yaml_bytes(&text[piece.clone()], builder));
        match yaml::parse(&text[piece.clone()], Scalars::Core12, &limits::of_data(builder.left())) {
            Ok(None) => {}
            Ok(Some(mut root)) => {
                builder.count(values(&root));
                shift(&mut root, piece.start);
                documents.push(root);
            }
            Err(SyntaxError { at, message, .. }) => unread.push((span(&(piece.start + at..piece.start + at)), message)),
        }
        if builder.is_full() {
            let message = format!("more than {} values (limit `VALUES`)", limits::VALUES);
            unread.push((span(&piece), message));
            break;
        }
    }
    let documents = builder.list(documents, whole);
    let mut entries = vec![("documents", documents)];
    if !unread.is_empty() {
        entries.push(("unread", builder.unread(unread, whole)));
    }
    builder.object(entries, whole)
}

/// Bytes of the events and values that YAML comes to at the most: a value takes a byte, and aliases are bounded.
fn yaml_bytes(text: &str, builder: &Builder) -> usize {
    const EVENT_BYTES: usize = 64;
    let limits = limits::of_data(builder.left());
    let copied = if text.contains('*') { limits.alias_nodes } else { 0 };
    let values = text.len().min(limits.nodes).saturating_add(copied);
    values.saturating_mul(EVENT_BYTES)
}

fn values(node: &Node) -> usize {
    1 + match &node.value {
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(entries) => entries.iter().map(|entry| values(&entry.value)).sum::<usize>(),
        _ => 0,
    }
}
