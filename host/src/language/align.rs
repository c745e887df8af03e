//! A text and how it is written, side by side: escapes, folded and indented lines, continuation lines.

use crate::document::{SourceMap, Span};
use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// A way of writing a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// With escapes; lines are folded.
    Double,
    /// With `''` for a quote; lines are folded.
    Single,
    /// Lines that are indented, and may be folded.
    Lines,
    /// Lines that an escape character continues, with comments and blank lines between them.
    Continued,
}

/// Goes through a text and how it is written together.
pub(super) struct Aligner<'s> {
    source: &'s str,
    at: usize,
    end: usize,
    style: Style,
    map: SourceMap,
}

fn is_white(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

impl<'s> Aligner<'s> {
    pub(super) fn new(source: &'s str, range: Range<usize>, style: Style) -> Self {
        Self { source, at: range.start, end: range.end, style, map: SourceMap::default() }
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.at..self.end).unwrap_or_default()
    }

    /// The map, when this is how the text is written.
    pub(super) fn run(mut self, text: &str, whole: Span) -> Option<SourceMap> {
        self.map = SourceMap::within(whole);
        // The line breaks at the end of a block are those behind it, whatever there are.
        let body = if self.style == Style::Lines { text.trim_end_matches('\n') } else { text };
        let mut wanted = body.char_indices().peekable();
        while wanted.peek().is_some() {
            self.step(&mut wanted)?;
        }
        if self.style != Style::Lines {
            self.skip_nothing()?;
        }
        for _ in body.len()..text.len() {
            let length =
                self.rest().find('\n').filter(|at| self.rest()[..*at].trim().is_empty()).map_or(0, |at| at + 1);
            self.map.escaped(1, self.at..self.at + length);
            self.at += length;
        }
        (self.map.text_len() == text.len()).then_some(self.map)
    }

    /// Takes one character of the text, or what is written between two.
    fn step(&mut self, wanted: &mut Peekable<CharIndices<'_>>) -> Option<()> {
        let rest = self.rest();
        let next = rest.chars().next()?;
        match self.style {
            Style::Double if next == '\\' => return self.escape(wanted),
            Style::Single if rest.starts_with("''") => return self.take(wanted, '\'', 2),
            Style::Continued => {
                if let Some(length) = continuation(rest) {
                    self.at += length;
                    return Some(());
                }
            }
            _ => {}
        }
        if is_white(next) && self.style != Style::Continued {
            return self.white(wanted);
        }
        self.take(wanted, next, next.len_utf8())
    }

    /// Takes a character of the text that is written in some bytes.
    fn take(&mut self, wanted: &mut Peekable<CharIndices<'_>>, character: char, bytes: usize) -> Option<()> {
        let (_, found) = wanted.next()?;
        if found != character {
            return None;
        }
        let written = self.at..self.at + bytes;
        if self.source.get(written.clone()).is_some_and(|text| text.chars().eq([character])) {
            self.map.verbatim(written);
        } else {
            self.map.escaped(character.len_utf8(), written);
        }
        self.at += bytes;
        Some(())
    }

    /// White space in a row: as it is, or with a line break, which is folded or stands before indentation.
    fn white(&mut self, wanted: &mut Peekable<CharIndices<'_>>) -> Option<()> {
        let rest = self.rest();
        let run = &rest[..rest.find(|c| !is_white(c)).unwrap_or(rest.len())];
        let breaks = run.matches('\n').count();
        // Indentation before the first line is not the text's either.
        if breaks == 0 && !(self.style == Style::Lines && self.map.text_len() == 0) {
            for character in run.chars() {
                self.take(wanted, character, 1)?;
            }
            return Some(());
        }
        let mut length = 0;
        if matches!(self.style, Style::Double | Style::Single) {
            for _ in 0..breaks.saturating_sub(1).max(1) {
                let (_, found) = wanted.next()?;
                if found != if breaks == 1 { ' ' } else { '\n' } {
                    return None;
                }
                length += 1;
            }
        } else {
            while wanted.next_if(|(_, character)| is_white(*character)).is_some() {
                length += 1;
            }
        }
        self.map.escaped(length, self.at..self.at + run.len());
        self.at += run.len();
        Some(())
    }

    /// An escape of YAML or JSON.
    fn escape(&mut self, wanted: &mut Peekable<CharIndices<'_>>) -> Option<()> {
        let rest = &self.rest()[1..];
        let name = rest.chars().next()?;
        if name == '\n' || rest.starts_with("\r\n") {
            // The line break and the indentation behind it are nothing.
            self.at += 1 + rest.len() - rest.trim_start_matches(is_white).len();
            return Some(());
        }
        let digits = match name {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits == 0 {
            return self.take(wanted, named_escape(name)?, 1 + name.len_utf8());
        }
        let number = |text: &str| u32::from_str_radix(text.get(..digits)?, 16).ok();
        let code = number(&rest[1..])?;
        if !(0xd800..0xdc00).contains(&code) {
            return self.take(wanted, char::from_u32(code)?, 2 + digits);
        }
        let low = number(rest.get(5..)?.strip_prefix("\\u")?)?;
        let character = char::from_u32(0x10000 + ((code - 0xd800) << 10) + low.checked_sub(0xdc00)?)?;
        self.take(wanted, character, 12)
    }

    /// Behind the text nothing may be left but what stands for nothing.
    fn skip_nothing(&mut self) -> Option<()> {
        while !self.rest().is_empty() {
            let length = match self.style {
                Style::Continued => continuation(self.rest())?,
                _ => return None,
            };
            self.at += length;
        }
        Some(())
    }
}

fn named_escape(name: char) -> Option<char> {
    Some(match name {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        ' ' | '"' | '/' | '\\' => name,
        _ => return None,
    })
}

/// Bytes of an escape character at the end of a line, the line break, and the comments and blank lines behind it.
fn continuation(rest: &str) -> Option<usize> {
    let behind = rest.strip_prefix(['\\', '`'])?.trim_start_matches([' ', '\t']);
    let mut left = behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix('\n'))?;
    loop {
        let line = left.split_inclusive('\n').next().unwrap_or_default();
        let visible = line.trim();
        if line.is_empty() || !(visible.is_empty() || visible.starts_with('#')) {
            return Some(rest.len() - left.len());
        }
        left = &left[line.len()..];
    }
}
