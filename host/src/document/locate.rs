//! From a JSON pointer to the place a person should look at.

use super::{Document, Entry, Node, Pointer, Span, Value};

/// Where a pointer leads in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What to underline.
    pub span: Span,
    /// False when the path itself is absent and `span` is that of its nearest ancestor.
    pub exact: bool,
}

impl Document {
    /// Finds the node a pointer leads to.
    pub fn at(&self, pointer: &Pointer) -> Option<&Node> {
        pointer.tokens().iter().try_fold(&self.root, |node, token| step(node, token).map(|step| step.node()))
    }

    /// Finds what to underline for a pointer: a scalar's value, the key of a collection or of a text of
    /// several lines, and for an absent path the same of its nearest ancestor. An element of a sequence is shown by its
    /// `name` where it has one, since that is what people look for.
    pub fn locate(&self, pointer: &Pointer) -> Place {
        let mut node = &self.root;
        let mut span = representative(&self.root);
        let mut exact = true;
        for token in pointer.tokens() {
            let Some(next) = step(node, token) else {
                exact = false;
                break;
            };
            span = match next {
                Step::Entry(entry) if self.is_one_line(&entry.value) => entry.value.span,
                Step::Entry(entry) => entry.key_span,
                Step::Item(item) => representative(item),
            };
            node = next.node();
        }
        Place { span, exact }
    }
}

impl Document {
    /// A scalar that is written on one line, and written at all.
    fn is_one_line(&self, node: &Node) -> bool {
        let text = self.sources.get(usize::from(node.span.file)).and_then(|source| source.text.get(node.span.range()));
        !node.is_collection() && text.is_some_and(|text| !text.is_empty() && !text.contains('\n'))
    }
}

enum Step<'a> {
    Entry(&'a Entry),
    Item(&'a Node),
}

impl<'a> Step<'a> {
    fn node(&self) -> &'a Node {
        match self {
            Step::Entry(entry) => &entry.value,
            Step::Item(item) => item,
        }
    }
}

fn step<'a>(node: &'a Node, token: &str) -> Option<Step<'a>> {
    match &node.value {
        Value::Object(_) => node.entry(token).map(Step::Entry),
        // RFC 6901 §4: no leading zeros.
        Value::Array(items) if token == "0" || !token.starts_with('0') => {
            items.get(token.parse::<usize>().ok()?).map(Step::Item)
        }
        _ => None,
    }
}

/// The part of a value that stands for the whole: a named element's name, the document's
/// `kind`, else the first key or element, else the scalar itself.
fn representative(node: &Node) -> Span {
    match &node.value {
        Value::Object(entries) => match node.entry("name").or_else(|| node.entry("kind")) {
            Some(entry) if !entry.value.is_collection() => entry.value.span,
            _ => entries.first().map_or(node.span, |entry| entry.key_span),
        },
        Value::Array(items) => items.first().map_or(node.span, representative),
        _ => node.span,
    }
}
