//! JSON values with source positions.

use std::fmt::Write as _;

/// A half-open byte range in one of a document's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// Index into the document's files; 0 unless the document spans several (a Terraform module).
    pub file: u16,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A range in the document's first file.
    pub fn new(start: usize, end: usize) -> Self {
        Self::in_file(0, start, end)
    }

    /// A range in the document's file number `file`. Sources are bounded far below 4 GiB
    /// (see [`crate::parse::Limits`]); a position beyond that saturates.
    pub fn in_file(file: u16, start: usize, end: usize) -> Self {
        let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end) }
    }

    /// The range as indices into the file's text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One value and the bytes it was written as.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it is written. A value that the host derived has the span of what it was derived from.
    pub span: Span,
    /// True when the value stands here through a YAML alias or merge key: its span is the anchor's,
    /// so an edit of it would change other places too.
    pub aliased: bool,
}

/// A JSON value. Numbers keep their JSON text, so no precision is lost.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as valid JSON text.
    Number(Box<str>),
    /// A string, decoded.
    String(Box<str>),
    /// A sequence.
    Array(Vec<Node>),
    /// A mapping in source order, keys distinct.
    Object(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, decoded.
    pub key: Box<str>,
    /// Where the key is written.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Entry {
    /// An entry.
    pub fn new(key: impl Into<Box<str>>, key_span: Span, value: Node) -> Self {
        Self { key: key.into(), key_span, value }
    }
}

impl Node {
    /// A node at `span`.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span, aliased: false }
    }

    /// A string at `span`.
    pub fn string(text: impl Into<Box<str>>, span: Span) -> Self {
        Self::new(Value::String(text.into()), span)
    }

    /// The value under `key`, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, when this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Object(entries) => entries.iter().find(|entry| &*entry.key == key),
            _ => None,
        }
    }

    /// The element at `index`, when this is a sequence that long.
    pub fn item(&self, index: usize) -> Option<&Node> {
        match &self.value {
            Value::Array(items) => items.get(index),
            _ => None,
        }
    }

    /// Follows a chain of mapping keys.
    pub fn path(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a sequence; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; empty for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Object(entries) => entries,
            _ => &[],
        }
    }

    /// True for a mapping or a sequence.
    pub fn is_collection(&self) -> bool {
        matches!(self.value, Value::Array(_) | Value::Object(_))
    }

    /// Bytes that the value takes in memory, what the allocator adds included.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.owned_bytes()
    }

    /// Bytes of the blocks that the value owns.
    fn owned_bytes(&self) -> usize {
        // What common allocators hand out: a header, in steps of 16 bytes, at least 32.
        let block = |bytes: usize| if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16).max(32) };
        match &self.value {
            Value::Null | Value::Bool(_) => 0,
            Value::Number(text) | Value::String(text) => block(text.len()),
            Value::Array(items) => {
                block(items.capacity() * size_of::<Self>()) + items.iter().map(Self::owned_bytes).sum::<usize>()
            }
            Value::Object(entries) => {
                let owned = entries.iter().map(|entry| block(entry.key.len()) + entry.value.owned_bytes());
                block(entries.capacity() * size_of::<Entry>()) + owned.sum::<usize>()
            }
        }
    }

    /// Appends the value as compact JSON.
    pub fn write_json(&self, out: &mut String) {
        self.write(Order::Written, out);
    }

    /// Appends the value as compact JSON in which equal values are equal texts: keys are in order.
    pub fn write_canonical_json(&self, out: &mut String) {
        self.write(Order::Sorted, out);
    }

    fn write(&self, order: Order, out: &mut String) {
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(text) => out.push_str(text),
            Value::String(text) => write_json_string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(order, out);
                }
                out.push(']');
            }
            Value::Object(entries) => match order {
                Order::Written => write_entries(entries.iter(), order, out),
                Order::Sorted => {
                    let mut entries: Vec<&Entry> = entries.iter().collect();
                    entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
                    write_entries(entries.into_iter(), order, out);
                }
            },
        }
    }

    /// The value as compact JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// The value as a [`serde_json::Value`]. A number beyond `f64` becomes its text as a string.
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string())),
            Value::String(text) => Json::String(text.to_string()),
            Value::Array(items) => Json::Array(items.iter().map(Node::to_value).collect()),
            Value::Object(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_value())).collect())
            }
        }
    }
}

/// In which order an object's keys are written.
#[derive(Clone, Copy)]
enum Order {
    Written,
    Sorted,
}

fn write_entries<'n>(entries: impl Iterator<Item = &'n Entry>, order: Order, out: &mut String) {
    out.push('{');
    for (index, entry) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_json_string(&entry.key, out);
        out.push(':');
        entry.value.write(order, out);
    }
    out.push('}');
}

/// Appends `text` as a JSON string, copying runs that need no escape in one go.
pub(crate) fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    let mut clean_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean_from..at]);
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        clean_from = at + 1;
    }
    out.push_str(&text[clean_from..]);
    out.push('"');
}
