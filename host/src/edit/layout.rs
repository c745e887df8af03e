//! How a document is laid out: what new text around it should look like.

use super::is_filled;
use super::render::{block_lines, flow_text, key_text};
use crate::document::{Entry, Format, Node, Value};
use crate::parse::yaml::dash_before;

/// The layout of a text.
pub(super) struct Layout<'t> {
    pub(super) text: &'t str,
    format: Format,
    /// `\n` or `\r\n`.
    pub(super) newline: &'static str,
    /// Columns by which a sequence stands in from its key: 0 or 2.
    sequence_indent: usize,
}

impl<'t> Layout<'t> {
    pub(super) fn of(text: &'t str, root: &Node, format: Format) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut layout = Self { text, format, newline, sequence_indent: 2 };
        layout.sequence_indent = layout.usual_sequence_indent(root);
        layout
    }

    /// What the first block sequence of the document does; without one, 2.
    fn usual_sequence_indent(&self, root: &Node) -> usize {
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            for entry in node.entries() {
                let is_sequence = matches!(entry.value.value, Value::Array(_)) && !entry.value.aliased;
                if is_sequence && !self.is_flow(&entry.value) && !entry.value.items().is_empty() {
                    let key = self.column(entry.key_span.start as usize);
                    return self.column(entry.value.span.start as usize).saturating_sub(key);
                }
            }
            open.extend(node.entries().iter().rev().map(|entry| &entry.value));
            open.extend(node.items().iter().rev());
        }
        2
    }

    /// True for `{…}` and `[…]`, and for everything in JSON.
    pub(super) fn is_flow(&self, node: &Node) -> bool {
        self.format == Format::Json || self.text[node.span.range()].starts_with(['{', '['])
    }

    /// Where the line of a byte starts.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Where the line of a byte ends, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline);
        if self.text[..end].ends_with('\r') && end > at { end - 1 } else { end }
    }

    /// Where the line behind a line's end starts.
    pub(super) fn next_line(&self, line_end: usize) -> usize {
        self.text[line_end..].find('\n').map_or(self.text.len(), |newline| line_end + newline + 1)
    }

    /// Characters between the start of the line and a byte.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// The byte behind the colon of an entry.
    pub(super) fn behind_colon(&self, entry: &Entry) -> usize {
        let key_end = entry.key_span.end as usize;
        self.text[key_end..].find(':').map_or(key_end, |colon| key_end + colon + 1)
    }

    /// The dash of an element of a block sequence.
    pub(super) fn dash(&self, item: usize) -> usize {
        dash_before(self.text, item).unwrap_or(item)
    }

    /// The end of a one-word value, an alias.
    pub(super) fn token_end(&self, entry: &Entry) -> usize {
        let colon = self.behind_colon(entry);
        let rest = &self.text[colon..];
        let start = rest.len() - rest.trim_start().len();
        let length = rest[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, ',' | '}' | ']'))
            .unwrap_or(rest.len() - start);
        colon + start + length
    }

    /// A value in flow style.
    pub(super) fn flow(&self, value: &serde_json::Value) -> String {
        flow_text(value, self.format)
    }

    /// `key: value` in flow style.
    pub(super) fn flow_entry(&self, key: &str, value: &serde_json::Value) -> String {
        format!("{}: {}", key_text(key, self.format), self.flow(value))
    }

    /// A value in block style whose first line stands at `column` already.
    pub(super) fn block(&self, value: &serde_json::Value, column: usize) -> String {
        self.indented(&block_lines(value, self.sequence_indent), column)
    }

    /// `key: value` in block style, the key at `column`.
    pub(super) fn block_entry(&self, key: &str, value: &serde_json::Value, column: usize) -> String {
        format!("{}:{}", key_text(key, self.format), self.behind_key(value, column))
    }

    /// What stands behind `key:` in block style.
    pub(super) fn behind_key(&self, value: &serde_json::Value, key_column: usize) -> String {
        if !is_filled(value) {
            return format!(" {}", self.flow(value));
        }
        let inner = key_column + if value.is_array() { self.sequence_indent } else { 2 };
        format!("{}{}{}", self.newline, " ".repeat(inner), self.block(value, inner))
    }

    /// What stands behind `key: ` of a text of several lines, where a literal block can hold it.
    pub(super) fn literal(&self, value: &serde_json::Value, key_column: usize) -> Option<String> {
        if self.format == Format::Json || !value.is_string() {
            return None;
        }
        let lines = block_lines(value, self.sequence_indent);
        let (head, body) = lines.split_first().filter(|(_, body)| !body.is_empty())?;
        let mut text = head.clone();
        for line in body {
            text.push_str(self.newline);
            if !line.is_empty() {
                text.push_str(&" ".repeat(key_column));
                text.push_str(line);
            }
        }
        Some(text)
    }

    fn indented(&self, lines: &[String], column: usize) -> String {
        lines.join(&format!("{}{}", self.newline, " ".repeat(column)))
    }
}
