//! Making a document's tree of what a parser found, within bounds.

use super::{Limits, SyntaxError};
use crate::document::{Entry, Node, Span, Value};
use std::ops::Range;

/// Makes nodes of one text, as many as a document may have.
pub(super) struct Tree<'l> {
    limits: &'l Limits,
    nodes: usize,
}

impl<'l> Tree<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, nodes: 0 }
    }

    /// A value that is written at `at`.
    pub(super) fn node(&mut self, value: Value, at: Range<usize>) -> Result<Node, SyntaxError> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} values (limit `nodes`)", self.limits.nodes);
            return Err(SyntaxError::new(at.start, message));
        }
        Ok(Node::new(value, Span::new(at.start, at.end.max(at.start))))
    }

    /// A text.
    pub(super) fn text(&mut self, text: impl Into<Box<str>>, at: Range<usize>) -> Result<Node, SyntaxError> {
        self.node(Value::String(text.into()), at)
    }

    /// A list.
    pub(super) fn list(&mut self, items: Vec<Node>, at: Range<usize>) -> Result<Node, SyntaxError> {
        self.node(Value::Array(items), at)
    }

    /// A mapping whose keys are not in the text: each is shown where its value is.
    pub(super) fn record<const N: usize>(
        &mut self,
        fields: [(&str, Option<Node>); N],
        at: Range<usize>,
    ) -> Result<Node, SyntaxError> {
        let entry = |(key, value): (&str, Option<Node>)| value.map(|value| Entry::new(key, value.span, value));
        self.node(Value::Object(fields.into_iter().filter_map(entry).collect()), at)
    }

    /// Refuses what is nested deeper than a document may be.
    pub(super) fn nest(&self, depth: usize, at: usize) -> Result<(), SyntaxError> {
        if depth > self.limits.depth {
            let message = format!("nested deeper than {} levels (limit `depth`)", self.limits.depth);
            return Err(SyntaxError::new(at, message));
        }
        Ok(())
    }
}

/// A text without the byte order mark at its start, and the mark's bytes.
pub(super) fn without_mark(text: &str) -> (&str, usize) {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    (bare, text.len() - bare.len())
}

/// The lines of a text: each without its line break, and the bytes of it.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let (bare, mark) = without_mark(text);
    let mut at = mark;
    bare.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let content = line.strip_suffix('\n').unwrap_or(line);
        let content = content.strip_suffix('\r').unwrap_or(content);
        (content, start..start + content.len())
    })
}

/// The bytes of a part of a text.
pub(super) fn range_of(part: &str, line: &str, at: &Range<usize>) -> Range<usize> {
    let start = at.start + (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize).min(line.len());
    start..start + part.len()
}
