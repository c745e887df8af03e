//! Expansions (XCU 2.6): parameters, commands, arithmetic; nothing is expanded, they are told.

use super::parse::{Parsed, Parser, parse};
use super::syntax::{Nested, Script, What, Word};
use std::sync::Arc;

/// What stands between a parameter and the word that `${…}` has for it.
const OPERATORS: [&str; 21] = [
    ":-", ":=", ":?", ":+", "##", "%%", "//", "/#", "/%", "^^", ",,", "-", "=", "?", "+", "#", "%", "/", "^", ",", "@",
];

/// The quotes around a `${{ … }}`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    /// Those in which expansions are made, as they are in a here-document.
    Double,
    Single,
}

impl Parser<'_> {
    /// What `$` or a backquote begins.
    pub(super) fn expansion(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        let rest = self.rest();
        if rest.starts_with('`') {
            return self.backquoted(word, quoted);
        }
        if rest.starts_with("$((") {
            self.at += 1;
            let end = self.arithmetic_end();
            self.at -= 1;
            if let Some(end) = end {
                return self.arithmetic(word, end, quoted);
            }
        }
        if self.reference(word, quoted) {
            return Ok(());
        }
        if rest.starts_with("$(") {
            return self.commands(word, 2, quoted);
        }
        if let Some(length) = expression_length(rest) {
            self.expression(word, length, if quoted { Quotes::Double } else { Quotes::None });
            return Ok(());
        }
        if rest.starts_with("${") {
            return self.parameter(word, quoted);
        }
        match rest[1..].chars().next() {
            Some('\'') if !quoted => self.c_quoted(word),
            Some('"') if !quoted => {
                self.at += 1;
                self.double_quoted(word)
            }
            Some(first) => {
                let length = match first {
                    '@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9' => 1,
                    _ => name_length(&rest[1..]),
                };
                let name = rest[1..1 + length].to_owned();
                let start = word.text.len();
                self.literal(word, 1 + length);
                if length > 0 {
                    word.part(start, quoted, What::Variable { name, operator: String::new(), argument: None });
                }
                Ok(())
            }
            None => {
                self.literal(word, 1);
                Ok(())
            }
        }
    }

    /// `$(…)`, `<(…)` or `>(…)`, of which the first bytes open it.
    pub(super) fn commands(&mut self, word: &mut Word, opening: usize, quoted: bool) -> Parsed<()> {
        let start = self.at;
        self.at += opening;
        // Here-documents that are open have their bodies behind the line on which this ends.
        let outer = std::mem::take(&mut self.pending);
        let commands = self.list()?;
        self.expect(")")?;
        self.pending.splice(0..0, outer);
        let script = Some(Script { commands, unread: Vec::new() });
        let nested = Nested { at: start..self.at, by: String::new(), script, map: None, options: Vec::new() };
        self.part_as_written(word, start, quoted, What::Commands(nested));
        Ok(())
    }

    fn backquoted(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        let start = self.at;
        let mut inner = Word::new(start + 1);
        self.at += 1;
        loop {
            match self.rest().chars().next() {
                None => {
                    self.at = start;
                    return self.stop("a backquote is not closed");
                }
                Some('`') => break,
                Some('\\') => self.escaped(&mut inner, |c| matches!(c, '$' | '`' | '\\') || (quoted && c == '"')),
                Some(_) => self.run(&mut inner, &['`', '\\']),
            }
        }
        self.at += 1;
        let script = self.nested(|parser| Ok(parse(&inner.text, parser.depth, parser.references)))?;
        let nested = Nested {
            at: start..self.at,
            by: String::new(),
            script: Some(script),
            map: Some(Arc::new(inner.map)),
            options: Vec::new(),
        };
        self.part_as_written(word, start, quoted, What::Commands(nested));
        Ok(())
    }

    /// `$((…))` up to `end`, with the commands that it runs.
    fn arithmetic(&mut self, word: &mut Word, end: usize, quoted: bool) -> Parsed<()> {
        let start = word.text.len();
        self.literal(word, 3);
        let inner = word.parts.len();
        while self.at < end {
            match self.rest().starts_with(['$', '`']) {
                true => self.expansion(word, true)?,
                false => self.literal(word, self.rest().chars().next().map_or(1, char::len_utf8)),
            }
        }
        if word.parts.len() == inner {
            word.part(start, quoted, What::Arithmetic);
        }
        Ok(())
    }

    /// Where `((…))` ends that begins here, when it is arithmetic.
    pub(super) fn arithmetic_end(&self) -> Option<usize> {
        let bytes = self.rest().as_bytes();
        let mut depth = 0_usize;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth < 2 && at > 0 {
                // Brackets that close before the end are those of commands: `((a); (b))`.
                return (bytes.get(at + 1) == Some(&b')')).then_some(self.at + at + 2);
            }
        }
        None
    }

    /// `${{ … }}`
    pub(super) fn expression(&mut self, word: &mut Word, length: usize, quotes: Quotes) {
        let start = word.text.len();
        self.literal(word, length);
        word.part(start, quotes != Quotes::None, What::Expression { is_literal: quotes == Quotes::Single });
    }

    /// `${…}`
    fn parameter(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        let start = self.at;
        self.at += 2;
        let prefix = ["#", "!"].into_iter().find(|prefix| {
            self.rest().strip_prefix(prefix).is_some_and(|behind| !behind.starts_with('}') && name_length(behind) > 0)
        });
        self.at += prefix.map_or(0, str::len);
        let rest = self.rest();
        let special = rest.starts_with(['@', '*', '#', '?', '-', '$', '!']);
        let length = if special { 1 } else { rest.bytes().take_while(|byte| is_name(*byte)).count() };
        let name = rest[..length].to_owned();
        self.at += length;
        let mut operator = prefix.unwrap_or_default().to_owned();
        if self.rest().starts_with('[') {
            let Some(close) = self.rest().find(']') else { return self.stop("`[` is not closed") };
            operator.push_str(&self.rest()[..=close]);
            self.at += close + 1;
        }
        let behind = OPERATORS.into_iter().chain([":"]).find(|operator| self.rest().starts_with(operator));
        operator.push_str(behind.unwrap_or_default());
        self.at += behind.map_or(0, str::len);
        let argument = if behind.is_some() { Some(Box::new(self.argument(quoted)?)) } else { None };
        if !self.eat("}") {
            self.at = start;
            return self.stop("`${` is not closed, or not understood");
        }
        self.part_as_written(word, start, quoted, What::Variable { name, operator, argument });
        Ok(())
    }

    /// The word that `${…}` has behind its operator, up to the bracket.
    fn argument(&mut self, quoted: bool) -> Parsed<Word> {
        self.nested(|parser| {
            let mut word = Word::new(parser.at);
            while let Some(next) = parser.rest().chars().next() {
                match next {
                    '}' => break,
                    '\'' if quoted => parser.literal(&mut word, 1),
                    ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => parser.literal(&mut word, 1),
                    _ => parser.piece(&mut word, next)?,
                }
            }
            Ok(word.ended(parser.at))
        })
    }

    /// Adds an expansion that was read from `start` on, in its own text.
    fn part_as_written(&mut self, word: &mut Word, start: usize, quoted: bool, what: What) {
        let text_start = word.text.len();
        let end = self.at;
        self.at = start;
        self.literal(word, end - start);
        word.part(text_start, quoted, what);
    }
}

/// Bytes of the `${{ … }}` that a text begins with; it is not looked for without end.
pub(super) fn expression_length(text: &str) -> Option<usize> {
    const LONGEST: usize = 4096;
    let inner = text.strip_prefix("${{")?.as_bytes();
    let close = inner.iter().take(LONGEST).zip(inner.iter().skip(1)).position(|pair| pair == (&b'}', &b'}'))?;
    Some("${{".len() + close + "}}".len())
}

fn is_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// Bytes of the variable's name that a text begins with.
fn name_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.bytes().take_while(|byte| is_name(*byte)).count()
}
