//! RFC 6902 operations on the text of a YAML or JSON document.
//!
//! Comments, order, quoting and layout of everything that is not touched stay. Each operation is
//! done on the text and, by the `json-patch` crate, on the value; where the edited text does not
//! parse to the patched value, the edit is refused and nothing changes.

mod layout;
mod operation;
mod render;

pub use operation::{Operation, OperationError, parse_operations, write_operations};
pub use render::write_yaml;

use crate::document::{Format, Node, Pointer, Value};
use crate::parse::SyntaxError;
use layout::Layout;
use std::ops::Range;

/// Why an edit was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The path leads nowhere.
    #[error("there is no `{0}`")]
    NoSuchPath(Pointer),
    /// A `test` operation did not hold.
    #[error("`{0}` is not what the fix expects")]
    TestFailed(Pointer),
    /// The value stands elsewhere.
    #[error("`{0}` stands here through an alias or merge key, so that an edit would change other places too")]
    Aliased(Pointer),
    /// The operation is not one that text edits know.
    #[error("`{0}` cannot be edited in place: {1}")]
    Unsupported(Pointer, &'static str),
    /// The edited text means something else than the patched value.
    #[error("the layout around `{0}` is one that cannot be edited in place")]
    Layout(Pointer),
}

/// A replacement of a part of the text.
struct Edit {
    range: Range<usize>,
    text: String,
}

/// Applies operations, one after the other, to the text that `root` was parsed from.
///
/// # Errors
/// Names the path; the text is untouched.
pub fn apply(
    text: &str,
    root: &Node,
    operations: &[Operation],
    format: Format,
    parse: impl Fn(&str) -> Result<Node, SyntaxError>,
) -> Result<String, EditError> {
    let mut text = text.to_owned();
    let mut root = root.clone();
    for operation in operations {
        let path = operation.path();
        let expected = patched(&root, operation)?;
        if let Operation::Test { .. } = operation {
            continue;
        }
        let edit = Editor { text: &text, root: &root, layout: Layout::of(&text, &root, format) }.edit(operation)?;
        let mut edited = text.clone();
        edited.replace_range(edit.range, &edit.text);
        let parsed = parse(&edited).map_err(|_| EditError::Layout(path.clone()))?;
        if parsed.to_value() != expected {
            return Err(EditError::Layout(path.clone()));
        }
        (text, root) = (edited, parsed);
    }
    Ok(text)
}

/// The value after an operation, as the RFC has it.
fn patched(root: &Node, operation: &Operation) -> Result<serde_json::Value, EditError> {
    let mut value = root.to_value();
    let wrong = |_| match operation {
        Operation::Test { path, .. } => EditError::TestFailed(path.clone()),
        other => EditError::NoSuchPath(other.path().clone()),
    };
    json_patch::patch(&mut value, &operation.to_patch().map_err(wrong)?).map_err(|_| match operation {
        Operation::Test { path, .. } => EditError::TestFailed(path.clone()),
        other => EditError::NoSuchPath(other.path().clone()),
    })?;
    Ok(value)
}

struct Editor<'e> {
    text: &'e str,
    root: &'e Node,
    layout: Layout<'e>,
}

impl Editor<'_> {
    fn edit(&self, operation: &Operation) -> Result<Edit, EditError> {
        let path = operation.path();
        let (parent_path, token) =
            path.split_last().ok_or_else(|| EditError::Unsupported(path.clone(), "it is the whole document"))?;
        let parent = self.at(&parent_path)?;
        match operation {
            Operation::Add { value, .. } => match &parent.value {
                Value::Object(_) if parent.get(token).is_some() => self.replace(parent, token, path, value),
                Value::Object(entries) if entries.is_empty() => Ok(self.fill(parent, Some(token), value)),
                Value::Object(_) => Ok(self.add_entry(parent, token, value)),
                Value::Array(items) if items.is_empty() => Ok(self.fill(parent, None, value)),
                Value::Array(items) => self.add_item(parent, items, token, path, value),
                _ => Err(EditError::NoSuchPath(path.clone())),
            },
            Operation::Replace { value, .. } => self.replace(parent, token, path, value),
            Operation::Remove { .. } => self.remove(&parent_path, parent, token, path),
            Operation::Test { .. } => Err(EditError::Unsupported(path.clone(), "a test changes nothing")),
        }
    }

    fn at(&self, path: &Pointer) -> Result<&Node, EditError> {
        let mut node = self.root;
        for token in path.tokens() {
            node = child(node, token).ok_or_else(|| EditError::NoSuchPath(path.clone()))?;
        }
        if node.aliased { Err(EditError::Aliased(path.clone())) } else { Ok(node) }
    }

    /// `key: old` becomes `key: new`, `- old` becomes `- new`.
    fn replace(
        &self,
        parent: &Node,
        token: &str,
        path: &Pointer,
        value: &serde_json::Value,
    ) -> Result<Edit, EditError> {
        let node = child(parent, token).ok_or_else(|| EditError::NoSuchPath(path.clone()))?;
        if node.aliased {
            return Err(EditError::Aliased(path.clone()));
        }
        let range = node.span.range();
        let in_flow = self.layout.is_flow(parent);
        // A script of several lines stays one.
        let is_block = self.layout.text[range.clone()].starts_with(['|', '>']);
        if let Some(entry) = parent.entry(token).filter(|_| is_block && !in_flow && !node.is_collection())
            && let Some(text) = self.layout.literal(value, self.layout.column(entry.key_span.start as usize))
        {
            return Ok(Edit { range, text });
        }
        let simple = in_flow || !is_filled(value);
        if simple {
            let space = if range.is_empty() { " " } else { "" };
            // A block collection starts on a line of its own; what replaces it goes behind the key.
            if !in_flow && node.is_collection() && !self.layout.is_flow(node) {
                let start = parent.entry(token).map_or(range.start, |entry| self.layout.behind_colon(entry));
                let space = if start < range.start { " " } else { "" };
                return Ok(Edit { range: start..range.end, text: format!("{space}{}", self.layout.flow(value)) });
            }
            return Ok(Edit { range, text: format!("{space}{}", self.layout.flow(value)) });
        }
        let Some(entry) = parent.entry(token) else {
            let column = self.layout.column(range.start);
            return Ok(Edit { range, text: self.layout.block(value, column) });
        };
        let column = self.layout.column(entry.key_span.start as usize);
        let start = self.layout.behind_colon(entry);
        Ok(Edit { range: start..range.end.max(start), text: self.layout.behind_key(value, column) })
    }

    /// The first entry of `{}`, or the first element of `[]`.
    fn fill(&self, parent: &Node, key: Option<&str>, value: &serde_json::Value) -> Edit {
        let text = match key {
            Some(key) => format!("{{{}}}", self.layout.flow_entry(key, value)),
            None => format!("[{}]", self.layout.flow(value)),
        };
        Edit { range: parent.span.range(), text }
    }

    fn add_entry(&self, parent: &Node, key: &str, value: &serde_json::Value) -> Edit {
        let first = parent.entries().first().map_or(parent.span, |entry| entry.key_span);
        if self.layout.is_flow(parent) {
            let entry = self.layout.flow_entry(key, value);
            return self.append_in_flow(parent, first.start as usize, &entry);
        }
        let column = self.layout.column(first.start as usize);
        let entry = self.layout.block_entry(key, value, column);
        self.append_line(parent.span.end as usize, column, &entry)
    }

    fn add_item(
        &self,
        parent: &Node,
        items: &[Node],
        token: &str,
        path: &Pointer,
        value: &serde_json::Value,
    ) -> Result<Edit, EditError> {
        let index = if token == "-" { Some(items.len()) } else { token.parse::<usize>().ok() };
        let index = index.filter(|index| *index <= items.len()).ok_or_else(|| EditError::NoSuchPath(path.clone()))?;
        if self.layout.is_flow(parent) {
            return match items.get(index) {
                None => Ok(self.append_in_flow(parent, items[0].span.start as usize, &self.layout.flow(value))),
                Some(next) => {
                    let at = next.span.start as usize;
                    Ok(Edit { range: at..at, text: format!("{}, ", self.layout.flow(value)) })
                }
            };
        }
        let column = self.layout.column(parent.span.start as usize);
        let item = format!("- {}", self.layout.block(value, column + 2));
        match items.get(index) {
            None => Ok(self.append_line(parent.span.end as usize, column, &item)),
            Some(next) => {
                let at = self.layout.line_start(next.span.start as usize);
                let indent = " ".repeat(column);
                Ok(Edit { range: at..at, text: format!("{indent}{item}{}", self.layout.newline) })
            }
        }
    }

    /// Behind the last entry of a flow collection, on a line of its own where the others are.
    fn append_in_flow(&self, parent: &Node, first: usize, entry: &str) -> Edit {
        let closing = parent.span.end as usize - 1;
        let last = self.text[..closing].trim_end().len();
        let first_line = self.layout.line_start(first);
        let separator = if self.text[first_line..first].trim().is_empty() && first_line > parent.span.start as usize {
            format!(",{}{}", self.layout.newline, &self.text[first_line..first])
        } else {
            ", ".to_owned()
        };
        // YAML allows a comma behind the last entry.
        let (at, separator) = match self.text[..last].strip_suffix(',') {
            Some(before) => (before.len(), separator),
            None => (last, separator),
        };
        Edit { range: at..last, text: format!("{separator}{entry}") }
    }

    /// On a new line behind the one on which something ends, comment and all.
    fn append_line(&self, end: usize, column: usize, content: &str) -> Edit {
        let at = self.layout.line_end(end);
        Edit { range: at..at, text: format!("{}{}{content}", self.layout.newline, " ".repeat(column)) }
    }

    fn remove(&self, parent_path: &Pointer, parent: &Node, token: &str, path: &Pointer) -> Result<Edit, EditError> {
        let index = match &parent.value {
            Value::Object(entries) => entries.iter().position(|entry| &*entry.key == token),
            Value::Array(items) => token.parse().ok().filter(|index| *index < items.len()),
            _ => None,
        };
        let index = index.ok_or_else(|| EditError::NoSuchPath(path.clone()))?;
        let parts = self.parts(parent);
        let inherited = child(parent, token).is_some_and(|node| node.aliased) && !parts.contains_key(&index);
        if inherited {
            return Err(EditError::Aliased(path.clone()));
        }
        if parent.entries().len().max(parent.items().len()) == 1 {
            return Ok(self.empty(parent_path, parent));
        }
        let part = parts.get(&index).cloned().ok_or_else(|| EditError::Layout(path.clone()))?;
        let next = parts.range(index + 1..).next().map(|(_, part)| part.start);
        if self.layout.is_flow(parent) {
            return Ok(match next {
                Some(next) => Edit { range: part.start..next, text: String::new() },
                None => {
                    let before = parts.range(..index).next_back().map_or(part.start, |(_, part)| part.end);
                    Edit { range: before..part.end, text: String::new() }
                }
            });
        }
        let line_start = self.layout.line_start(part.start);
        let leads_line = self.text[line_start..part.start].trim().is_empty();
        let end = self.layout.line_end(part.end);
        Ok(match next {
            // The first key of a `- ` element: the next one takes its place.
            Some(next) if !leads_line => Edit { range: part.start..next, text: String::new() },
            _ => Edit { range: line_start..self.layout.next_line(end), text: String::new() },
        })
    }

    /// Where each entry or element is written, by index; those that come from a merge key are not.
    fn parts(&self, parent: &Node) -> std::collections::BTreeMap<usize, Range<usize>> {
        let own = parent.span.range();
        let entries = parent.entries().iter().map(|entry| {
            let start = entry.key_span.start as usize;
            let end = if entry.value.aliased { self.layout.token_end(entry) } else { entry.value.span.end as usize };
            start..end.max(entry.key_span.end as usize)
        });
        let items = parent.items().iter().map(|item| {
            let start = item.span.start as usize;
            let start = if self.layout.is_flow(parent) { start } else { self.layout.dash(start) };
            start..item.span.end as usize
        });
        entries.chain(items).enumerate().filter(|(_, part)| own.contains(&part.start)).collect()
    }

    /// A collection whose only entry goes becomes `{}` or `[]`.
    fn empty(&self, parent_path: &Pointer, parent: &Node) -> Edit {
        let text = if matches!(parent.value, Value::Object(_)) { "{}" } else { "[]" };
        let range = parent.span.range();
        let entry = parent_path.split_last().and_then(|(above, token)| self.at(&above).ok()?.entry(token));
        match entry.filter(|_| !self.layout.is_flow(parent)) {
            Some(entry) => Edit { range: self.layout.behind_colon(entry)..range.end, text: format!(" {text}") },
            None => Edit { range, text: text.to_owned() },
        }
    }
}

fn child<'n>(node: &'n Node, token: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Array(_) => node.item(token.parse().ok()?),
        _ => node.get(token),
    }
}

/// A collection that has something in it: what is written as a block.
fn is_filled(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(map) => !map.is_empty(),
        serde_json::Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
