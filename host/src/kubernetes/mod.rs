//! The types that the fields of Kubernetes objects have, and what in an object has another one.
//!
//! `types.txt` has them, of the kinds that rules read; a test holds it against `k8s-openapi`. What is not in it (custom
//! resources, statuses, fields of later versions) may be anything.

#[cfg(test)]
mod tests;
mod types;

use crate::document::{Document, Node, Pointer, Span, Value};
use crate::workload::Shape;
use types::{TYPES, Type};

/// The most that is told of one object.
const MOST: usize = 100;

/// A value of another type than its field has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistyped {
    /// Where it stands.
    pub span: Span,
    /// Its path in the document.
    pub path: Pointer,
    /// What it is, and what it should be.
    pub message: String,
}

/// The values of an object that the API server refuses for their types; nothing inside of such a value. Of a workload
/// of a kind that is not known its pod template is looked at.
pub fn mistyped(document: &Document, shape: &Shape) -> Vec<Mistyped> {
    let subject = &document.subject;
    let mut found = Vec::new();
    if let Some(of_kind) = TYPES.kind(&subject.group, &subject.version, &subject.kind) {
        check(&document.root, of_kind, &Way::Start(&Pointer::root()), &mut found);
    } else if let (Shape::Workload { template }, Some(of_template)) = (shape, TYPES.named("PodTemplateSpec"))
        && let Some(node) = document.at(template)
    {
        check(node, &of_template, &Way::Start(template), &mut found);
    }
    found
}

/// The way to a value, which is made a path of only where something is wrong.
enum Way<'w> {
    Start(&'w Pointer),
    Key(&'w Way<'w>, &'w str),
    Index(&'w Way<'w>, usize),
}

impl Way<'_> {
    fn path(&self) -> Pointer {
        match self {
            Way::Start(path) => (*path).clone(),
            Way::Key(before, key) => before.path().join(*key),
            Way::Index(before, index) => before.path().join(index.to_string()),
        }
    }
}

fn check(node: &Node, expected: &Type, way: &Way<'_>, found: &mut Vec<Mistyped>) {
    if found.len() == MOST {
        return;
    }
    match (expected, &node.value) {
        // Nothing, or what is filled in elsewhere.
        (Type::Any, _) | (_, Value::Null) => {}
        (_, Value::String(text)) if is_filled_in(text) => {}
        (Type::Object(fields), Value::Object(entries)) => {
            for entry in entries {
                if let Some(field) = TYPES.field(*fields, &entry.key) {
                    check(&entry.value, field, &Way::Key(way, &entry.key), found);
                }
            }
        }
        (Type::Map(value), Value::Object(entries)) => {
            entries.iter().for_each(|entry| check(&entry.value, value, &Way::Key(way, &entry.key), found));
        }
        (Type::List(item), Value::Array(items)) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, node)| check(node, item, &Way::Index(way, index), found));
        }
        (Type::String | Type::IntOrString | Type::Quantity, Value::String(_))
        | (Type::Integer | Type::Number | Type::IntOrString | Type::Quantity, Value::Number(_))
        | (Type::Boolean, Value::Bool(_)) => {}
        (expected, _) => {
            let path = way.path();
            let name = path.split_last().map_or("the object", |(_, name)| name).to_owned();
            let message = format!("`{name}` is {}, expected {}", described(&node.value), expected.described());
            found.push(Mistyped { span: node.span, path, message });
        }
    }
}

/// Whether a text is put together elsewhere, so that its type is not known here.
fn is_filled_in(text: &str) -> bool {
    ["${", "$(", "{{", "{%", "<%"].iter().any(|open| text.contains(open)) || text.starts_with(['$', '<'])
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
