//! What the readers of queries and of conditions share: expressions with their places, where reading stops, and texts in
//! quotes.

use super::build::{Builder, span};
use super::limits;
use crate::document::{Entry, Node, Span, Value};
use std::ops::Range;

/// Operators of one expression: `a + b + c` is nested as deep as it is long.
pub(super) const OPERATORS: usize = 256;

/// Where reading stops, and why.
pub(super) struct Stop {
    pub(super) at: usize,
    pub(super) reason: String,
}

pub(super) type Parsed<T> = Result<T, Stop>;

/// An expression, to which more may still be added.
#[derive(Clone)]
pub(super) struct Read {
    pub(super) at: Range<usize>,
    pub(super) entries: Vec<(&'static str, Node)>,
}

impl Read {
    pub(super) fn into_node(self) -> Node {
        let at = span(&self.at);
        let entries = self.entries.into_iter().map(|(key, value)| Entry::new(key, at, value));
        Node::new(Value::Object(entries.collect()), at)
    }
}

/// The tree of a text: its expression, or why there is none.
pub(super) fn tree_of(read: Parsed<Read>, text: &str, builder: &mut Builder) -> Node {
    match read {
        Ok(read) => builder.object([("expression", read.into_node())], Span::new(0, text.len())),
        Err(Stop { at, reason }) => builder.nothing(Span::new(at, at), reason),
    }
}

/// Stops where an expression would be nested too deep, or a tree too large.
pub(super) fn check_nesting(depth: usize, builder: &Builder, at: usize) -> Parsed<()> {
    if depth >= limits::DEPTH {
        return Err(Stop { at, reason: format!("nested deeper than {} levels", limits::DEPTH) });
    }
    if builder.is_full() {
        return Err(Stop { at, reason: "more values than a tree may have".to_owned() });
    }
    Ok(())
}

/// The text in the quotes that `rest` begins with, and the bytes that it takes with them; in backquotes nothing is escaped.
/// `escaped` are the characters that stand for themselves behind a backslash. `None` where the quotes are not closed;
/// `one_line` says that all but backquotes end with the line.
pub(super) fn quoted(rest: &str, escaped: &[char], one_line: bool) -> Option<(String, usize)> {
    let mut characters = rest.char_indices();
    let (_, quote) = characters.next()?;
    let mut text = String::new();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((text, at + quote.len_utf8()));
        }
        if character == '\n' && one_line && quote != '`' {
            return None;
        }
        if character != '\\' || quote == '`' {
            text.push(character);
            continue;
        }
        match characters.next()?.1 {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            other if escaped.contains(&other) => text.push(other),
            // Others are kept as they are: they matter to nobody who compares names.
            other => text.extend(['\\', other]),
        }
    }
    None
}
