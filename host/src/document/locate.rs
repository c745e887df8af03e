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
        value_at(&self.root, pointer.tokens())
    }

    /// Finds what to underline for a pointer, as [`locate`] does.
    pub fn locate(&self, pointer: &Pointer) -> Place {
        locate(&self.root, pointer.tokens(), |span| {
            self.sources.get(usize::from(span.file)).and_then(|source| source.text.get(span.range()))
        })
    }
}

/// The value that the tokens of a pointer lead to.
pub fn value_at<'n>(root: &'n Node, tokens: &[String]) -> Option<&'n Node> {
    tokens.iter().try_fold(root, |node, token| step(node, token).map(|step| step.node()))
}

/// Finds what to underline for the tokens of a pointer: a scalar's value, the key of a collection or of a text of
/// several lines, and for an absent path the same of its nearest ancestor. An element of a sequence is shown by its
/// `name` where it has one, since that is what people look for. `text` is what is written at a span.
pub fn locate<'t>(root: &Node, tokens: &[String], text: impl Fn(Span) -> Option<&'t str>) -> Place {
    let is_one_line = |node: &Node| {
        !node.is_collection() && text(node.span).is_some_and(|text| !text.is_empty() && !text.contains('\n'))
    };
    let mut node = root;
    let mut span = representative(root);
    let mut exact = true;
    for token in tokens {
        let Some(next) = step(node, token) else {
            exact = false;
            break;
        };
        span = match next {
            Step::Entry(entry) if is_one_line(&entry.value) => entry.value.span,
            Step::Entry(entry) => entry.key_span,
            Step::Item(item) => representative(item),
        };
        node = next.node();
    }
    Place { span, exact }
}

impl Document {
    /// A pointer with the elements of sequences by what they are called, where they are called something:
    /// `/spec/containers/[app]/image`. It stays when others come or go; two things may have the same.
    pub fn stable_path(&self, pointer: &Pointer) -> String {
        let mut path = String::new();
        let mut node = Some(&self.root);
        for token in pointer.tokens() {
            path.push('/');
            let next = node.and_then(|node| step(node, token));
            match &next {
                Some(Step::Item(item)) => match called(item) {
                    Some(name) => path.push_str(&format!("[{name}]")),
                    None => path.push_str(token),
                },
                _ => path.push_str(&token.replace('~', "~0").replace('/', "~1")),
            }
            node = next.map(|step| step.node());
        }
        path
    }
}

/// What an element of a list is called: by its name, a workflow's step by its id, a Terraform block by its type and
/// labels, an instruction of a Dockerfile by its keyword.
fn called(item: &Node) -> Option<String> {
    let text = |key| item.get(key).and_then(Node::as_str).map(str::to_owned);
    let block = || {
        let labels = item.get("labels").filter(|labels| matches!(labels.value, Value::Array(_)))?;
        let words = labels.items().iter().filter_map(Node::as_str);
        Some(text("type").into_iter().chain(words.map(str::to_owned)).collect::<Vec<_>>().join(" "))
    };
    text("name").or_else(|| text("id")).or_else(|| text("instruction")).or_else(block)
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
