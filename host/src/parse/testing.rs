//! What holds of every parser's tree.

use crate::document::{Node, Span, Value};
use std::collections::HashSet;

/// Asserts that every span is a part of the text, and that no mapping has a key twice.
pub(super) fn check(node: &Node, text: &str) {
    let within = |span: Span| assert!(text.get(span.range()).is_some(), "{span:?} is no part of {text:?}");
    within(node.span);
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| check(item, text)),
        Value::Object(entries) => {
            let mut keys = HashSet::new();
            for entry in entries {
                within(entry.key_span);
                assert!(keys.insert(&entry.key), "{:?} is there twice in {text:?}", entry.key);
                check(&entry.value, text);
            }
        }
        _ => {}
    }
}
