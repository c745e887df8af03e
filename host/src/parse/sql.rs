//! SQL as its statements and their words, with the place of each. Dialects differ in grammar, so there is no tree below.
//!
//! A parser of SQL would be many times the size of this, and read one dialect at a time; what a word is, all of them
//! agree on as far as it is told here.

use super::tree::{Tree, without_mark};
use super::{Limits, SyntaxError};
use crate::document::Node;
use std::ops::Range;

/// Parses a file of SQL; `path` is what it is called in the document.
///
/// # Errors
/// At a quote or comment that is not closed, or when a bound is exceeded.
pub fn parse(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let (_, mark) = without_mark(text);
    let mut words = Words { text, at: mark, unclosed: Vec::new() };
    let mut tree = Tree::new(limits);
    let mut statements = Vec::new();
    let mut statement: Vec<Node> = Vec::new();
    while let Some((kind, at)) = words.next()? {
        let written = &text[at.clone()];
        match kind {
            Word::End => statements.extend(finish(&mut tree, std::mem::take(&mut statement), text)?),
            Word::Bare => statement.push(tree.text(written.to_uppercase(), at)?),
            Word::Other => statement.push(tree.text(written, at)?),
        }
    }
    statements.extend(finish(&mut tree, statement, text)?);
    let path = tree.text(path, 0..0)?;
    let statements = tree.list(statements, 0..text.len())?;
    tree.record([("path", Some(path)), ("statements", Some(statements))], 0..text.len())
}

fn finish(tree: &mut Tree<'_>, words: Vec<Node>, text: &str) -> Result<Option<Node>, SyntaxError> {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return Ok(None) };
    let at = first.span.start as usize..last.span.end as usize;
    let whole = tree.text(&text[at.clone()], at.clone())?;
    let words = tree.list(words, at.clone())?;
    tree.record([("text", Some(whole)), ("words", Some(words))], at).map(Some)
}

/// What stands between space and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A keyword or a name without quotes.
    Bare,
    /// A name or a string in quotes, a number, an operator.
    Other,
    /// A semicolon.
    End,
}

struct Words<'t> {
    text: &'t str,
    at: usize,
    /// Tags of `$tag$` that are never closed, so that nobody looks for their ends again.
    unclosed: Vec<&'t str>,
}

impl<'t> Words<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Result<Option<(Word, Range<usize>)>, SyntaxError> {
        self.skip_space()?;
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let (kind, length) = match first {
            ';' => (Word::End, 1),
            '\'' | '"' | '`' => (Word::Other, self.quoted(first, false)?),
            'e' | 'E' if rest[1..].starts_with('\'') => {
                self.at += 1;
                (Word::Other, 1 + self.quoted('\'', true)?)
            }
            '$' => (Word::Other, self.dollar_quoted().unwrap_or(1)),
            c if c.is_ascii_digit() => {
                (Word::Other, rest.find(|c: char| !is_part(c) && c != '.').unwrap_or(rest.len()))
            }
            c if is_part(c) => (Word::Bare, rest.find(|c: char| !is_part(c)).unwrap_or(rest.len())),
            c => (Word::Other, c.len_utf8()),
        };
        self.at = start + length;
        Ok(Some((kind, start..self.at)))
    }

    /// Steps over space and comments, of which those between `/*` and `*/` nest.
    fn skip_space(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            let start = self.at;
            if self.rest().starts_with("--") {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if self.rest().starts_with("/*") {
                let mut open = 0usize;
                loop {
                    let rest = self.rest();
                    let Some(mark) = rest.find(['*', '/']) else {
                        return Err(SyntaxError::new(start, "the comment is not closed"));
                    };
                    self.at += mark;
                    match self.rest().as_bytes() {
                        [b'/', b'*', ..] => (self.at, open) = (self.at + 2, open + 1),
                        [b'*', b'/', ..] => (self.at, open) = (self.at + 2, open - 1),
                        _ => self.at += 1,
                    }
                    if open == 0 {
                        break;
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    /// Bytes of a string or name in quotes, which double the quote in it; a backslash escapes where `escapes`.
    fn quoted(&self, quote: char, escapes: bool) -> Result<usize, SyntaxError> {
        let bytes = self.rest().as_bytes();
        let mut at = 1;
        while let Some(byte) = bytes.get(at) {
            match *byte {
                b'\\' if escapes => at += 2,
                byte if byte == quote as u8 && bytes.get(at + 1) == Some(&byte) => at += 2,
                byte if byte == quote as u8 => return Ok(at + 1),
                _ => at += 1,
            }
        }
        Err(SyntaxError::new(self.at, "the quote is not closed"))
    }

    /// Bytes of `$tag$ … $tag$`; `None` when this is none.
    fn dollar_quoted(&mut self) -> Option<usize> {
        let rest = self.rest();
        let name = rest[1..].find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let is_tag = rest[1 + name..].starts_with('$') && !rest[1..].starts_with(|c: char| c.is_ascii_digit());
        let tag = is_tag.then(|| &rest[..name + 2])?;
        if self.unclosed.contains(&tag) || self.unclosed.len() == TAGS {
            return None;
        }
        match rest[tag.len()..].find(tag) {
            Some(length) => Some(length + 2 * tag.len()),
            None => {
                self.unclosed.push(tag);
                None
            }
        }
    }
}

/// Tags that are remembered as never closed; further ones are not looked for either.
const TAGS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn statements_are_cut_at_semicolons_alone() {
        let text = "\u{feff}-- a;\ncreate index concurrently \"I;é\" on t (a); /* b; /* c; */ */\nINSERT INTO t VALUES \
                    ('x;''y', 1.5, E'\\';');\nDO $b$ begin; $$ ; end $b$;\nselect $1, 1";
        let root = parse(text, "a.sql", &Limits::default()).unwrap();
        check(&root, text);
        let statements = root.get("statements").unwrap();
        let texts: Vec<&str> = statements.items().iter().filter_map(|one| one.get("text")?.as_str()).collect();
        assert_eq!(
            texts,
            [
                "create index concurrently \"I;é\" on t (a)",
                "INSERT INTO t VALUES ('x;''y', 1.5, E'\\';')",
                "DO $b$ begin; $$ ; end $b$",
                "select $1, 1"
            ]
        );
        assert_eq!(
            statements.items()[0].get("words").unwrap().to_value(),
            json!(["CREATE", "INDEX", "CONCURRENTLY", "\"I;é\"", "ON", "T", "(", "A", ")"])
        );
        assert_eq!(statements.items()[1].get("words").unwrap().items()[5].as_str(), Some("'x;''y'"));
    }

    #[test]
    fn mistakes_and_bounds_are_told() {
        let error = |text: &str| parse(text, "a.sql", &Limits::default()).unwrap_err();
        assert_eq!(error("select 'a").at, 7);
        assert_eq!(error("select /* a").at, 7);
        let few = Limits { nodes: 3, ..Limits::default() };
        assert!(parse("a b c d", "a.sql", &few).unwrap_err().message.contains("limit `nodes`"));
        // Done in linear time; the test would not end otherwise.
        let tags: String = (0..100_000).map(|at| format!("$a{at}$ ")).collect();
        assert!(parse(&tags, "a.sql", &Limits::default()).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-eE'\"`$;()*/ \\n\\r0-9.€\\\\-]{0,40}") {
            if let Ok(root) = parse(&text, "a.sql", &Limits::default()) {
                check(&root, &text);
            }
        }
    }
}
