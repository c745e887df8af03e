//! From a decoded text to how it is written: quotes, escapes, folded lines, indentation, continuations.
//!
//! A way of writing is believed only where it gives the very text that the document's parser gave. Where none does, what
//! is in the text stands where the text as a whole stands.

use super::align::{Aligner, Style};
use super::key::Reading;
use crate::document::{Document, Entry, Node, SourceMap, Span, Tree, Value};
use crate::parse::dockerfile;
use std::ops::Range;
use std::sync::Arc;

/// The text of a value, or of its parts one after the other.
pub(super) struct Text<'n> {
    /// The text.
    pub text: String,
    /// Whether it is that of a list.
    pub is_list: bool,
    /// Where the elements of a list are in the text; `None` for one that is no text.
    pub parts: Vec<Option<Range<usize>>>,
    /// Of a command with arguments, which of the parts is the first argument.
    pub first: usize,
    /// What the text is put together from.
    pieces: Vec<Piece<'n>>,
}

/// Part of a text.
enum Piece<'n> {
    /// What a value holds.
    Value(&'n Node),
    /// What stands nowhere in the document.
    Added(usize),
}

/// The text under a key of a mapping.
pub(super) fn text<'n>(mapping: &'n Node, entry: &'n Entry, reading: &Reading) -> Option<Text<'n>> {
    let mut text = Text { text: String::new(), is_list: false, parts: Vec::new(), pieces: Vec::new(), first: 0 };
    match &entry.value.value {
        Value::Array(items) => {
            text.is_list = true;
            for item in items {
                let part = text.push_value(item);
                if part.is_some() {
                    text.push("\n");
                } else if !reading.each {
                    return None;
                }
                text.parts.push(part);
            }
            (reading.each || reading.language == super::Language::Shell).then_some(text)
        }
        _ if reading.each => None,
        // What an exec form is written as is no script.
        _ if &*entry.key == "command" && mapping.get("form").and_then(Node::as_str) == Some("exec") => None,
        _ if &*entry.key == "command" && mapping.get("heredocs").is_some() => {
            text.push_command(mapping, &entry.value)?;
            Some(text)
        }
        _ => {
            text.push_value(&entry.value)?;
            Some(text)
        }
    }
}

/// The words of a container's command and arguments, the first of which stand under a key and the others under `args`;
/// `None` where there are neither. An element that is no text is `None` among the parts.
pub(super) fn argv<'n>(mapping: &'n Node, key: &str) -> Option<Text<'n>> {
    let lists = [mapping.get(key), mapping.get("args").filter(|_| key != "args")];
    let mut text = Text { text: String::new(), is_list: true, parts: Vec::new(), pieces: Vec::new(), first: 0 };
    for (at, list) in lists.into_iter().enumerate() {
        if at > 0 {
            text.first = text.parts.len();
        }
        let items = match list {
            None | Some(Node { value: Value::Null, .. }) => &[],
            Some(Node { value: Value::Array(items), .. }) => items.as_slice(),
            // No list, and so nothing that could be run.
            Some(other) => std::slice::from_ref(other),
        };
        for item in items {
            let part = text.push_value(item).filter(|_| list.is_some_and(|list| matches!(list.value, Value::Array(_))));
            if part.is_some() {
                text.push("\n");
            }
            text.parts.push(part);
        }
    }
    (!text.parts.is_empty()).then_some(text)
}

impl<'n> Text<'n> {
    /// From the first to the last value that it is put together from; `None` where there is none.
    pub(super) fn whole(&self) -> Option<Span> {
        let spans = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(node) => Some(node.span),
            Piece::Added(_) => None,
        });
        spans.reduce(|whole, span| Span { start: whole.start.min(span.start), end: whole.end.max(span.end), ..whole })
    }

    /// Adds what a value holds; where that is now.
    fn push_value(&mut self, node: &'n Node) -> Option<Range<usize>> {
        let (Value::String(text) | Value::Number(text)) = &node.value else { return None };
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push(Piece::Value(node));
        Some(start..self.text.len())
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.pieces.push(Piece::Added(text.len()));
    }

    /// Adds a Dockerfile's command with its here-documents behind it, as BuildKit gives it to the shell. Where the command
    /// is nothing but a here-document, that is the script.
    fn push_command(&mut self, instruction: &'n Node, command: &'n Node) -> Option<()> {
        let heredocs = instruction.get("heredocs")?.items();
        if dockerfile::is_heredoc(command.as_str()?) {
            self.push_value(heredocs.first()?.get("content")?)?;
            return Some(());
        }
        self.push_value(command)?;
        for heredoc in heredocs {
            self.push("\n");
            self.push_value(heredoc.get("content")?)?;
            self.push(heredoc.get("name")?.as_str()?);
        }
        Some(())
    }

    /// Leads from the text to the document's files; `within` is the tree that it stands in.
    pub(super) fn map(&self, document: &Document, within: Option<&Arc<Tree>>) -> SourceMap {
        let Some(whole) = self.whole() else { return SourceMap::default() };
        let within = within.filter(|tree| tree.map.is_some());
        let source = match within {
            Some(tree) => &*tree.text,
            None => document.sources.get(usize::from(whole.file)).map_or("", |source| &*source.text),
        };
        let mut map = SourceMap::within(whole);
        for piece in &self.pieces {
            match piece {
                Piece::Value(node) => match read_again(source, node) {
                    Some(part) => map.append(&part),
                    None => return into_files(SourceMap::within(whole), within),
                },
                Piece::Added(length) => {
                    let end = map.lead(map.text_len()..map.text_len()).range().start;
                    map.escaped(*length, end..end);
                }
            }
        }
        into_files(map, within)
    }
}

/// A map into the document's files, from one into the text that it stands in.
fn into_files(map: SourceMap, within: Option<&Arc<Tree>>) -> SourceMap {
    match within.and_then(|tree| tree.map.as_ref()) {
        Some(outer) => map.through(outer),
        None => map,
    }
}

/// How a value's text is written in a source; `None` when that is not known.
fn read_again(source: &str, node: &Node) -> Option<SourceMap> {
    let (Value::String(text) | Value::Number(text)) = &node.value else { return None };
    let range = node.span.range();
    let written = source.get(range.clone())?;
    let mut map = SourceMap::within(node.span);
    if written == &**text {
        map.verbatim(range);
        return Some(map);
    }
    let inner = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
    let header = || written.find('\n').map(|newline| range.start + newline..source.len());
    let read = |style, range: Range<usize>| Aligner::new(source, range, style).run(text, node.span);
    match written.as_bytes().first() {
        Some(b'"') => read(Style::Double, inner),
        Some(b'\'') => read(Style::Single, inner),
        Some(b'|' | b'>') => read(Style::Lines, header()?),
        _ if written.starts_with("<<") => read(Style::Lines, header()?),
        _ => None,
    }
    .or_else(|| read(Style::Continued, range.clone()))
    .or_else(|| read(Style::Double, range.clone()))
    .or_else(|| read(Style::Lines, range))
}
