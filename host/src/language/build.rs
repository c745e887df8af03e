//! Trees within their bounds.

use super::limits;
use crate::document::{Entry, Node, Room, Span, Value};
use std::ops::Range;
use std::sync::Arc;

/// Makes the values of one tree and counts them. Behind the bound nothing is made any more; whoever reads asks
/// [`is_full`](Self::is_full) and says so.
pub(super) struct Builder {
    left: usize,
    made: usize,
    /// Values whose memory was taken.
    taken: usize,
    room: Option<Arc<dyn Room>>,
}

/// Bytes of a value with its key: themselves, a block for a text, and half as much again of room that vectors make while they grow.
const VALUE_BYTES: usize = (size_of::<Entry>() + 64) * 3 / 2;
/// How often a text is there beside the values that are made of it.
const TEXT_COPIES: usize = 3;
/// Values that memory is taken for at once.
const STEP: usize = 256;

impl Builder {
    /// For a tree of at most that many values, and no more than any tree may have.
    pub(super) fn new(values: usize) -> Self {
        Self { left: values.min(limits::VALUES), made: 0, taken: 0, room: None }
    }

    /// One that takes its memory from somebody, that of a text of some length first. Where there is none it makes nothing.
    pub(super) fn in_room(self, room: Option<&Arc<dyn Room>>, text: usize) -> Self {
        let mut builder = Self { room: room.cloned(), ..self };
        // The text itself, and what leads from it into the file.
        if builder.room.as_ref().is_some_and(|room| !room.take(text.saturating_mul(TEXT_COPIES))) {
            builder.left = 0;
        }
        builder
    }

    /// Takes memory for what is parsed elsewhere.
    pub(super) fn take(&mut self, bytes: usize) {
        if self.room.as_ref().is_some_and(|room| !room.take(bytes)) {
            self.left = 0;
        }
    }

    /// How many values were made.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// How many values may still be made.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Whether there is no room for another value.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Counts values that somebody else made.
    pub(super) fn count(&mut self, values: usize) {
        self.made += values;
        self.left = self.left.saturating_sub(values);
        while self.room.is_some() && self.taken < self.made && self.left > 0 {
            self.taken += STEP;
            self.take(STEP * VALUE_BYTES);
        }
    }

    /// A string at a place.
    pub(super) fn string(&mut self, text: impl Into<Box<str>>, at: Span) -> Node {
        self.count(1);
        Node::string(text, at)
    }

    /// A whole number at a place.
    pub(super) fn number(&mut self, number: usize, at: Span) -> Node {
        self.count(1);
        Node::new(Value::Number(number.to_string().into()), at)
    }

    /// A scalar at a place.
    pub(super) fn value(&mut self, value: Value, at: Span) -> Node {
        self.count(1);
        Node::new(value, at)
    }

    /// `true` at a place.
    pub(super) fn yes(&mut self, at: Span) -> Node {
        self.value(Value::Bool(true), at)
    }

    /// A list at a place.
    pub(super) fn list(&mut self, items: Vec<Node>, at: Span) -> Node {
        self.count(1);
        Node::new(Value::Array(items), at)
    }

    /// A mapping at a place.
    pub(super) fn object(&mut self, entries: impl IntoIterator<Item = (&'static str, Node)>, at: Span) -> Node {
        self.count(1);
        let entries = entries.into_iter().map(|(key, value)| Entry::new(key, at, value)).collect();
        Node::new(Value::Object(entries), at)
    }

    /// The entry that says what was not read, and why.
    pub(super) fn unread(&mut self, parts: Vec<(Span, String)>, at: Span) -> Node {
        let mut items = Vec::with_capacity(parts.len());
        for (span, reason) in parts {
            let reason = self.string(reason, span);
            items.push(self.object([("reason", reason)], span));
        }
        self.list(items, at)
    }

    /// A tree of which nothing was read.
    pub(super) fn nothing(&mut self, at: Span, reason: impl Into<String>) -> Node {
        let unread = self.unread(vec![(at, reason.into())], at);
        self.object([("unread", unread)], at)
    }
}

/// A range of a tree's text.
pub(super) fn span(range: &Range<usize>) -> Span {
    Span::new(range.start, range.end)
}

/// Moves a tree that was made of a part of a text to where that part begins.
pub(super) fn shift(node: &mut Node, by: usize) {
    let moved = |span: Span| Span::new(span.start as usize + by, span.end as usize + by);
    node.span = moved(node.span);
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Value::Object(entries) => entries.iter_mut().for_each(|entry| {
            entry.key_span = moved(entry.key_span);
            shift(&mut entry.value, by);
        }),
        _ => {}
    }
}

/// That every value of a tree stands in its text.
#[cfg(test)]
pub(super) fn check_places(node: &Node, text: &str) {
    assert!(text.get(node.span.range()).is_some(), "{:?} is not in {text:?}", node.span);
    node.items().iter().for_each(|item| check_places(item, text));
    node.entries().iter().for_each(|entry| check_places(&entry.value, text));
}
