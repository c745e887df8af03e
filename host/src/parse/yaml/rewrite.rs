//! A text as the event parser can read it, where kubectl's reader takes more than that parser does, and where each
//! byte of it stands in the text as it is written.

use super::lexer::{Lexer, Token};
use crate::document::{Node, Span, Value};
use granit_parser::ErrorKind;
use std::borrow::Cow;
use std::ops::Range;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text and the parts of the original that it was put together from.
pub(super) struct Rewritten<'t> {
    pub(super) text: Cow<'t, str>,
    /// Where each part starts here, and which bytes of the original it is; empty when the text is the original.
    parts: Vec<(usize, Range<usize>)>,
}

impl<'t> Rewritten<'t> {
    /// A text without the byte order marks at its start. YAML 1.2.2 (§5.2) allows one before a document, and files that
    /// were put together by `cat` have one behind the marker of a document.
    pub(super) fn without_marks(text: &'t str) -> Self {
        if !text.contains(BYTE_ORDER_MARK) {
            return Self { text: text.into(), parts: Vec::new() };
        }
        Self::edited(text, &mark_edits(text))
    }

    /// The same, with the lines of quoted scalars indented as YAML 1.2 asks for: in front of the first word of a line,
    /// space means nothing. kubectl's reader asks for no indentation inside quotes. `None` when there is nothing to
    /// indent, or when the text would become longer than `bound` bytes.
    pub(super) fn with_indented_quotes(text: &'t str, bound: usize) -> Option<Self> {
        let mut edits = mark_edits(text);
        let marks = edits.len();
        let mut length = text.len();
        for token in Lexer::new(text) {
            let Token::Quoted { range, column } = token else { continue };
            let mut at = range.start;
            while let Some(newline) = text[at..range.end].find('\n') {
                at += newline + 1;
                let spaces = text[at..range.end].bytes().take_while(|byte| *byte == b' ').count();
                if spaces < column {
                    length += column - spaces;
                    if length > bound {
                        return None;
                    }
                    edits.push(Edit { at, removed: 0, added: column - spaces });
                }
            }
        }
        (edits.len() > marks).then(|| Self::edited(text, &edits))
    }

    fn edited(text: &'t str, edits: &[Edit]) -> Self {
        let mut new = String::with_capacity(text.len());
        let mut parts = Vec::with_capacity(edits.len() + 1);
        let mut done = 0;
        for edit in edits {
            parts.push((new.len(), done..edit.at));
            new.push_str(&text[done..edit.at]);
            new.extend(std::iter::repeat_n(' ', edit.added));
            done = edit.at + edit.removed;
        }
        parts.push((new.len(), done..text.len()));
        new.push_str(&text[done..]);
        Self { text: new.into(), parts }
    }

    /// Where a byte stands in the original; what was added stands where the text before it ends.
    pub(super) fn original(&self, at: usize) -> usize {
        let index = self.parts.partition_point(|(start, _)| *start <= at);
        match index.checked_sub(1).and_then(|index| self.parts.get(index)) {
            Some((start, part)) => (part.start + (at - start)).min(part.end),
            None => at,
        }
    }

    /// Gives a tree of this text the places of the original.
    pub(super) fn restore(&self, node: &mut Node) {
        if self.parts.is_empty() {
            return;
        }
        let span = |span: Span| Span::new(self.original(span.start as usize), self.original(span.end as usize));
        node.span = span(node.span);
        match &mut node.value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.restore(item)),
            Value::Object(entries) => entries.iter_mut().for_each(|entry| {
                entry.key_span = span(entry.key_span);
                self.restore(&mut entry.value);
            }),
            _ => {}
        }
    }
}

/// Whether an error may go away when quoted scalars are indented.
pub(super) fn is_about_indentation(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidQuotedScalarIndent | ErrorKind::TabInIndentation)
}

/// At `at` some bytes are left out, and spaces put in.
struct Edit {
    at: usize,
    removed: usize,
    added: usize,
}

/// Leaves out the marks in front of the first line that says something.
fn mark_edits(text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches(BYTE_ORDER_MARK);
        if bare.len() < line.len() {
            edits.push(Edit { at, removed: line.len() - bare.len(), added: 0 });
        }
        if !super::split::is_blank(bare) && !bare.starts_with('%') {
            break;
        }
        at += line.len();
    }
    edits
}
