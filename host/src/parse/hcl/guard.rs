//! A look at a file before `hcl-edit` parses it.
//!
//! `hcl-edit` bounds nesting by itself, but looks for duplicate keys by comparing each key of an
//! object with all before it, and builds large trees from small texts. This scan finds where
//! strings, templates, heredocs and comments begin and end exactly as `hcl-edit` does, and refuses
//! what would take too long or too much memory.

use crate::parse::{Limits, SyntaxError};
use hcl_edit::Ident;
use std::ops::Range;

/// What comparing keys may cost in one module, in units of about 4 ns. One object of 10,000 short
/// keys costs a tenth of it.
const KEY_WORK: u64 = 1 << 30;

/// What a byte of a key costs in a comparison: sixteenths of what a comparison costs at the least.
/// A plain key is compared as bytes, an expression as a tree.
const PLAIN_BYTE: u64 = 1;
const EXPRESSION_BYTE: u64 = 64;

/// What all files of a module may still cost.
pub(super) struct Guard<'l> {
    limits: &'l Limits,
    tokens: usize,
    key_work: u64,
    /// Where line comments of the last file are.
    comments: Vec<Range<usize>>,
}

impl<'l> Guard<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, tokens: limits.nodes, key_work: KEY_WORK, comments: Vec::new() }
    }

    /// Where the line comments of the file that was checked last are.
    pub(super) fn into_comments(self) -> Vec<Range<usize>> {
        self.comments
    }

    /// What keys have cost so far.
    #[cfg(test)]
    pub(super) fn spent(&self) -> u64 {
        KEY_WORK - self.key_work
    }

    /// Checks one file.
    pub(super) fn check(&mut self, text: &str) -> Result<(), SyntaxError> {
        self.comments.clear();
        let mut scan = Scan { guard: self, text, at: 0, frames: vec![Frame::code(b' ', 0)] };
        while scan.at < text.len() {
            if !scan.step()? {
                break;
            }
        }
        while let Some(frame) = scan.frames.pop() {
            scan.settle(&frame)?;
        }
        Ok(())
    }
}

/// What a `}` behind `%{` leads to.
#[derive(Clone, Copy)]
enum Directive {
    Open,
    Else,
    Close,
}

/// What the scan is inside of.
enum Frame<'t> {
    /// Expressions or a body, up to a closing bracket.
    Code { closer: u8, keys: u64, key_cost: u64, item_start: usize, in_value: bool },
    /// `${…}` or, with a directive, `%{…}`.
    Control(Option<Directive>),
    /// A quoted string.
    Quote,
    /// A heredoc up to its name.
    Heredoc(&'t str),
    /// What stands between `%{ if … }` and `%{ endif }`: quotes and heredoc names mean nothing here.
    Template,
}

impl Frame<'_> {
    fn code(closer: u8, item_start: usize) -> Self {
        Self::Code { closer, keys: 0, key_cost: 0, item_start, in_value: false }
    }
}

struct Scan<'g, 'l, 't> {
    guard: &'g mut Guard<'l>,
    text: &'t str,
    at: usize,
    frames: Vec<Frame<'t>>,
}

impl<'t> Scan<'_, '_, 't> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Moves on by one token; false where `hcl-edit` is sure to give up.
    fn step(&mut self) -> Result<bool, SyntaxError> {
        match self.frames.last() {
            Some(Frame::Code { .. } | Frame::Control(_)) => self.code(),
            Some(Frame::Quote) => self.literal(&['"', '\\', '$', '%']),
            Some(Frame::Heredoc(_)) => self.literal(&['\n', '$', '%']),
            Some(Frame::Template) => self.literal(&['$', '%']),
            None => Ok(false),
        }
    }

    fn comment(&mut self, rest: &str) {
        let length = rest.find('\n').unwrap_or(rest.len());
        self.guard.comments.push(self.at..self.at + length);
        self.skip_past(length);
    }

    fn code(&mut self) -> Result<bool, SyntaxError> {
        let rest = self.rest();
        let Some(&byte) = rest.as_bytes().first() else { return Ok(false) };
        match byte {
            b'#' => self.comment(rest),
            b'/' if rest.starts_with("//") => self.comment(rest),
            b'/' if rest.starts_with("/*") => {
                self.skip_past(rest.get(2..).and_then(|tail| tail.find("*/")).map_or(rest.len(), |end| end + 4));
            }
            b'"' => self.push(Frame::Quote, 1)?,
            b'<' => self.heredoc()?,
            b'{' => self.push(Frame::code(b'}', self.at + 1), 1)?,
            b'[' => self.push(Frame::code(b']', self.at + 1), 1)?,
            b'(' => self.push(Frame::code(b')', self.at + 1), 1)?,
            b'}' | b']' | b')' => return self.close(byte),
            b'=' | b':' => self.assignment(rest)?,
            b'\n' | b',' => self.separator(byte)?,
            b'.' => {
                self.token()?;
                self.skip_past(1);
            }
            _ => {
                let word = rest.find(|next: char| !next.is_alphanumeric()).unwrap_or(rest.len());
                self.skip_past(word.max(char_length(rest)));
            }
        }
        Ok(true)
    }

    fn skip_past(&mut self, bytes: usize) {
        self.at += bytes;
    }

    fn token(&mut self) -> Result<(), SyntaxError> {
        let limit = self.guard.limits.nodes;
        let left = self.guard.tokens.checked_sub(1);
        self.guard.tokens =
            left.ok_or_else(|| SyntaxError::new(self.at, format!("more than {limit} values (limit `nodes`)")))?;
        Ok(())
    }

    fn push(&mut self, frame: Frame<'t>, length: usize) -> Result<(), SyntaxError> {
        self.token()?;
        let depth = self.guard.limits.depth;
        if self.frames.len() > depth {
            return Err(SyntaxError::new(self.at, format!("nested deeper than {depth} levels (limit `depth`)")));
        }
        self.frames.push(frame);
        self.at += length;
        Ok(())
    }

    /// Opens a heredoc, when there is one here.
    fn heredoc(&mut self) -> Result<(), SyntaxError> {
        let Some(rest) = self.rest().strip_prefix("<<") else {
            self.at += 1;
            return Ok(());
        };
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let length = rest.find(|next| !continues_identifier(next)).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(length);
        if name.is_empty() || !(tail.starts_with('\n') || tail.starts_with("\r\n")) {
            self.at += 2;
            return Ok(());
        }
        let line_break = tail.find('\n').map_or(0, |newline| newline + 1);
        let body = self.text.len() - tail.len() + line_break;
        self.push(Frame::Heredoc(name), 0)?;
        self.at = body;
        self.heredoc_end(name);
        Ok(())
    }

    /// Leaves a heredoc when its name stands at the start of this line.
    fn heredoc_end(&mut self, name: &str) {
        let rest = self.rest();
        let line = rest.trim_start_matches([' ', '\t']);
        if line.strip_prefix(name).is_some_and(|tail| !tail.starts_with(continues_identifier)) {
            self.at += rest.len() - line.len() + name.len();
            self.frames.pop();
        }
    }

    fn close(&mut self, byte: u8) -> Result<bool, SyntaxError> {
        self.at += 1;
        match self.frames.last() {
            Some(Frame::Control(directive)) if byte == b'}' => {
                let directive = *directive;
                self.frames.pop();
                match directive {
                    Some(Directive::Open) => self.push(Frame::Template, 0)?,
                    Some(Directive::Close) if matches!(self.frames.last(), Some(Frame::Template)) => {
                        self.frames.pop();
                    }
                    _ => {}
                }
                Ok(true)
            }
            Some(Frame::Code { closer, .. }) if *closer == byte => {
                if let Some(frame) = self.frames.pop() {
                    self.settle(&frame)?;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Pays for the comparisons of an object's or body's keys.
    fn settle(&mut self, frame: &Frame<'_>) -> Result<(), SyntaxError> {
        let Frame::Code { keys, key_cost, .. } = frame else { return Ok(()) };
        let work = keys.saturating_mul(*keys).saturating_add(keys.saturating_mul(*key_cost) / 16);
        let Some(left) = self.guard.key_work.checked_sub(work) else {
            let message = format!("too many keys in objects and blocks to look for duplicates ({keys} in this one)");
            return Err(SyntaxError::new(self.at.min(self.text.len()), message));
        };
        self.guard.key_work = left;
        Ok(())
    }

    /// A `=` or `:`, which ends a key unless it is part of an operator.
    fn assignment(&mut self, rest: &str) -> Result<(), SyntaxError> {
        self.token()?;
        let before = self.at.checked_sub(1).and_then(|before| self.text.as_bytes().get(before));
        let operator = rest.starts_with("==") || rest.starts_with("::");
        let at = self.at;
        self.at += if operator { 2 } else { 1 };
        if operator || matches!(before, Some(b'!' | b'<' | b'>')) {
            return Ok(());
        }
        if let Some(Frame::Code { keys, key_cost, item_start, in_value, .. }) = self.frames.last_mut()
            && !*in_value
        {
            let key = self.text.get(*item_start..at).unwrap_or_default();
            *keys += 1;
            *key_cost += key.len() as u64 * if is_plain(key) { PLAIN_BYTE } else { EXPRESSION_BYTE };
            *in_value = true;
        }
        Ok(())
    }

    fn separator(&mut self, byte: u8) -> Result<(), SyntaxError> {
        if byte == b',' {
            self.token()?;
        }
        self.at += 1;
        if let Some(Frame::Code { item_start, in_value, .. }) = self.frames.last_mut() {
            *item_start = self.at;
            *in_value = false;
        }
        Ok(())
    }

    /// Text up to the next character that may mean something.
    fn literal(&mut self, stops: &[char]) -> Result<bool, SyntaxError> {
        let rest = self.rest();
        let Some(run) = rest.find(stops) else {
            self.at = self.text.len();
            return Ok(false);
        };
        self.at += run;
        let rest = &rest[run..];
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.at += 3;
        } else if rest.starts_with("${") {
            self.push(Frame::Control(None), 2)?;
        } else if let Some(inner) = rest.strip_prefix("%{") {
            self.push(Frame::Control(Some(directive(inner))), 2)?;
        } else if rest.starts_with('\\') {
            self.at += 1 + rest.get(1..).map_or(0, char_length);
        } else if rest.starts_with('"') {
            self.frames.pop();
            self.at += 1;
        } else {
            let newline = rest.starts_with('\n');
            self.at += 1;
            if let (true, Some(Frame::Heredoc(name))) = (newline, self.frames.last()) {
                self.heredoc_end(name);
            }
        }
        Ok(true)
    }
}

/// True for an identifier or a string without templates.
fn is_plain(key: &str) -> bool {
    let key = key.trim();
    match key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
        Some(text) => !text.contains(['"', '{']),
        None => key.chars().all(|next| next.is_alphanumeric() || matches!(next, '_' | '-')),
    }
}

fn char_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// As `hcl-edit` has it, which tells through what it accepts as an identifier.
fn continues_identifier(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    }
    let mut identifier = String::from("a");
    identifier.push(character);
    Ident::try_new(identifier).is_ok()
}

/// The kind of a directive, from what follows its `%{`.
fn directive(text: &str) -> Directive {
    let mut rest = text.strip_prefix('~').unwrap_or(text);
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let comment = if rest.starts_with('#') || rest.starts_with("//") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|end| end + 2)
        } else {
            None
        };
        match comment.and_then(|end| rest.get(end..)) {
            Some(tail) => rest = tail,
            None => break,
        }
    }
    if rest.starts_with("else") {
        Directive::Else
    } else if rest.starts_with("end") {
        Directive::Close
    } else {
        Directive::Open
    }
}
