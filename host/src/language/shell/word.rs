//! Words, and what quotes and backslashes make of them (XCU 2.2).

use super::expansion::{Quotes, expression_length};
use super::parse::{META, Parsed, Parser};
use super::references::up_to_next;
use super::syntax::{Part, What, Word};
use crate::document::{SourceMap, Span};
use std::ops::Range;
use std::sync::Arc;

impl<'t> Parser<'t> {
    /// Reads a word; an empty one where none begins.
    pub(super) fn word(&mut self) -> Parsed<Word> {
        self.nested(|parser| {
            let mut word = Word::new(parser.at);
            while let Some(next) = parser.rest().chars().next() {
                let rest = parser.rest();
                let is_process = rest.starts_with("<(") || rest.starts_with(">(");
                match next {
                    _ if is_process => parser.commands(&mut word, 2, false)?,
                    '(' if word.text.ends_with(['?', '*', '+', '@', '!']) => parser.brackets(&mut word)?,
                    '\r' if rest.starts_with("\r\n") => break,
                    _ if META.contains(&next) => break,
                    _ => parser.piece(&mut word, next)?,
                }
            }
            Ok(word.ended(parser.at))
        })
    }

    /// The regular expression behind `=~`, in which brackets are its own.
    pub(super) fn pattern(&mut self) -> Parsed<Word> {
        self.nested(|parser| {
            let mut word = Word::new(parser.at);
            while let Some(next) = parser.rest().chars().next() {
                match next {
                    '(' => parser.brackets(&mut word)?,
                    ' ' | '\t' | '\n' => break,
                    ';' | '&' | '|' | ')' | '<' | '>' => parser.literal(&mut word, 1),
                    _ => parser.piece(&mut word, next)?,
                }
            }
            Ok(word.ended(parser.at))
        })
    }

    /// The next bytes as a word, whatever they are.
    pub(super) fn verbatim(&mut self, length: usize) -> Word {
        let mut word = Word::new(self.at);
        self.literal(&mut word, length);
        word.ended(self.at)
    }

    /// The body of a here-document in which expansions are made.
    pub(super) fn body(&mut self) -> Parsed<Word> {
        let mut word = Word::new(self.at);
        while let Some(next) = self.rest().chars().next() {
            match next {
                '\\' => self.escaped(&mut word, |c| matches!(c, '$' | '`' | '\\')),
                '$' | '`' => self.expansion(&mut word, true)?,
                _ => self.run(&mut word, &['\\', '$', '`']),
            }
        }
        Ok(word.ended(self.at))
    }

    /// A part of a word that no sign ends.
    pub(super) fn piece(&mut self, word: &mut Word, next: char) -> Parsed<()> {
        match next {
            '\'' => return self.single_quoted(word),
            '"' => return self.double_quoted(word),
            '\\' => {
                word.quoted = true;
                self.escaped(word, |_| true);
            }
            '$' | '`' => return self.expansion(word, false),
            _ => self
                .run(word, &[' ', '\t', '\r', '\n', ';', '&', '|', '(', ')', '<', '>', '\'', '"', '\\', '$', '`', '}']),
        }
        Ok(())
    }

    /// Adds the next bytes as they are.
    pub(super) fn literal(&mut self, word: &mut Word, length: usize) {
        word.text.push_str(&self.rest()[..length]);
        word.map.verbatim(self.at..self.at + length);
        self.at += length;
    }

    /// Adds characters up to one of some, but at least one.
    pub(super) fn run(&mut self, word: &mut Word, ends: &[char]) {
        let rest = self.rest();
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let length = rest[first..].find(ends).map_or(rest.len(), |at| first + at);
        self.literal(word, length);
    }

    /// A backslash and the character behind it; the backslash stays unless that one is special.
    pub(super) fn escaped(&mut self, word: &mut Word, is_special: impl Fn(char) -> bool) {
        let behind = &self.rest()[1..];
        let line_break = if behind.starts_with("\r\n") { 2 } else { usize::from(behind.starts_with('\n')) };
        match behind.chars().next() {
            _ if line_break > 0 => self.at += 1 + line_break,
            Some(character) if is_special(character) => {
                let length = character.len_utf8();
                word.text.push(character);
                word.map.escaped(length, self.at..self.at + 1 + length);
                self.at += 1 + length;
            }
            _ => self.literal(word, 1),
        }
    }

    /// Brackets and what is between them, as they are written.
    fn brackets(&mut self, word: &mut Word) -> Parsed<()> {
        let mut depth = 0_usize;
        for (at, byte) in self.rest().bytes().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\n' => break,
                _ => {}
            }
            if depth == 0 {
                self.literal(word, at + 1);
                return Ok(());
            }
        }
        self.stop("`(` is not closed")
    }

    fn single_quoted(&mut self, word: &mut Word) -> Parsed<()> {
        word.quoted = true;
        let start = self.at + 1;
        let Some(length) = self.text[start..].find('\'') else { return self.stop("`'` is not closed") };
        self.at = start;
        let end = start + length;
        while self.at < end {
            // GitHub and Kubernetes fill in what a shell would leave alone.
            let text = &self.text[self.at..end];
            if self.references {
                if !self.reference(word, true) {
                    self.literal(word, up_to_next(text));
                }
                continue;
            }
            match (text.find("${{"), expression_length(text)) {
                (Some(0), Some(length)) => self.expression(word, length, Quotes::Single),
                (Some(0), None) => self.literal(word, 1),
                (at, _) => self.literal(word, at.unwrap_or(text.len())),
            }
        }
        self.at = end + 1;
        Ok(())
    }

    pub(super) fn double_quoted(&mut self, word: &mut Word) -> Parsed<()> {
        word.quoted = true;
        let start = self.at;
        self.at += 1;
        loop {
            match self.rest().chars().next() {
                None => {
                    self.at = start;
                    return self.stop("`\"` is not closed");
                }
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => self.escaped(word, |c| matches!(c, '$' | '`' | '"' | '\\')),
                Some('$' | '`') => self.expansion(word, true)?,
                Some(_) => self.run(word, &['"', '\\', '$', '`']),
            }
        }
    }

    /// `$'…'`
    pub(super) fn c_quoted(&mut self, word: &mut Word) -> Parsed<()> {
        word.quoted = true;
        self.at += 2;
        loop {
            let rest = self.rest();
            let mut characters = rest.chars();
            match (characters.next(), characters.next()) {
                (None, _) => return self.stop("`$'` is not closed"),
                (Some('\''), _) => {
                    self.at += 1;
                    return Ok(());
                }
                (Some('\\'), Some(name)) => {
                    let length = 1 + name.len_utf8();
                    let character = match name {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'a' => '\u{7}',
                        'b' => '\u{8}',
                        'e' | 'E' => '\u{1b}',
                        'f' => '\u{c}',
                        'v' => '\u{b}',
                        _ => name,
                    };
                    word.text.push(character);
                    word.map.escaped(character.len_utf8(), self.at..self.at + length);
                    self.at += length;
                }
                _ => self.run(word, &['\'', '\\']),
            }
        }
    }
}

impl Word {
    /// Adds a part that ends where the text ends.
    pub(super) fn part(&mut self, start: usize, quoted: bool, what: What) {
        self.text_part(start);
        self.parts.push(Part { at: start..self.text.len(), quoted, what });
    }

    /// Adds what lies between the last part and `end` as text.
    fn text_part(&mut self, end: usize) {
        let start = self.parts.last().map_or(0, |part| part.at.end);
        if start < end {
            self.parts.push(Part { at: start..end, quoted: false, what: What::Text });
        }
    }

    pub(super) fn ended(mut self, end: usize) -> Self {
        if !self.parts.is_empty() {
            self.text_part(self.text.len());
        }
        self.at.end = end;
        self
    }

    /// Moves a word of another text to where that text stands.
    pub(super) fn moved(mut self, map: &Arc<SourceMap>) -> Self {
        self.at = lead(map, self.at);
        self.map = self.map.through(map);
        for part in &mut self.parts {
            match &mut part.what {
                What::Commands(nested) => {
                    nested.at = lead(map, nested.at.clone());
                    nested.map = Some(match &nested.map {
                        Some(inner) => Arc::new(inner.through(map)),
                        None => Arc::clone(map),
                    });
                }
                What::Variable { argument: Some(argument), .. } => {
                    let word = std::mem::replace(&mut **argument, Word::new(0));
                    **argument = word.moved(map);
                }
                _ => {}
            }
        }
        self
    }
}

fn lead(map: &SourceMap, range: Range<usize>) -> Range<usize> {
    let Span { start, end, .. } = map.lead(range);
    start as usize..end as usize
}
