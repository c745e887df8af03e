//! Tokens of bodies and expressions. Templates are read by character ([`super::template`]).

use super::Parser;
use crate::parse::SyntaxError;
use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line's end, told where it means something.
    Newline,
    Identifier,
    Number,
    /// `"`
    Quote,
    /// `<<NAME` or `<<-NAME` with the end of its line.
    Heredoc,
    /// An operator or a bracket, whose text it is.
    Symbol,
    /// A character that no token begins with.
    Invalid,
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// Longest first, since `=` also begins `==`.
const SYMBOLS: [&str; 34] = [
    "...", "==", "!=", ">=", "<=", "&&", "||", "::", "=>", "~}", "{", "}", "[", "]", "(", ")", ".", ",", "*", "/", "%",
    "+", "-", "=", "<", ">", "!", "?", ":", "&", "|", "~", "^", ";",
];

impl Parser<'_, '_> {
    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Token {
        let newlines = self.newlines.last().copied().unwrap_or(true);
        if let Some((at, with_newlines, token)) = &self.peeked
            && *at == self.at
            && *with_newlines == newlines
        {
            return token.clone();
        }
        let token = self.scan(newlines);
        self.peeked = Some((self.at, newlines, token.clone()));
        token
    }

    /// The next token, which is passed.
    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        self.at = token.range.end;
        token
    }

    /// The text of a token.
    pub(super) fn slice(&self, token: &Token) -> &str {
        self.text.get(token.range.clone()).unwrap_or_default()
    }

    /// Whether the next token is this symbol.
    pub(super) fn at_symbol(&mut self, symbol: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Symbol && self.slice(&token) == symbol
    }

    /// Whether the next token is this word.
    pub(super) fn at_word(&mut self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Identifier && self.slice(&token) == word
    }

    /// Passes a symbol if it comes next.
    pub(super) fn eat(&mut self, symbol: &str) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    /// Passes a symbol, which must come next.
    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.eat(symbol) { Ok(()) } else { Err(self.expected(&format!("`{symbol}`"))) }
    }

    /// Passes an identifier, which must come next.
    pub(super) fn identifier(&mut self) -> Result<Token, SyntaxError> {
        match self.peek().kind {
            Kind::Identifier => Ok(self.next()),
            _ => Err(self.expected("a name")),
        }
    }

    /// That something else should stand where the next token does.
    pub(super) fn expected(&mut self, what: &str) -> SyntaxError {
        let token = self.peek();
        let found = match token.kind {
            Kind::Newline => "the end of the line".to_owned(),
            Kind::End => "the end of the file".to_owned(),
            Kind::Heredoc => "a here-document".to_owned(),
            _ => format!("`{}`", self.slice(&token)),
        };
        self.error(token.range.start, format!("expected {what}, found {found}"))
    }

    fn scan(&mut self, newlines: bool) -> Token {
        let mut at = self.at;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(first) = rest.chars().next() else { return Token { kind: Kind::End, range: at..at } };
            let line_break = ["\n", "\r\n"].into_iter().find(|newline| rest.starts_with(newline));
            match (first, line_break) {
                (_, Some(newline)) if newlines => {
                    return Token { kind: Kind::Newline, range: at..at + newline.len() };
                }
                (_, Some(newline)) => at += newline.len(),
                (' ' | '\t', _) => at += 1,
                ('#', _) => at = self.comment(at, line_length(rest)),
                ('/', _) if rest.starts_with("//") => at = self.comment(at, line_length(rest)),
                ('/', _) if rest.starts_with("/*") => match rest.get(2..).and_then(|inner| inner.find("*/")) {
                    Some(length) => at = self.comment(at, length + 4),
                    None => return Token { kind: Kind::Invalid, range: at..at + 2 },
                },
                _ => return self.token(first, at),
            }
        }
    }

    /// Takes note of a comment. Returns where it ends.
    fn comment(&mut self, at: usize, length: usize) -> usize {
        // What is looked at twice is one comment.
        if self.comments.last().is_none_or(|last| last.start < at) {
            self.comments.push(at..at + length);
        }
        at + length
    }

    fn token(&self, first: char, at: usize) -> Token {
        let rest = self.text.get(at..).unwrap_or_default();
        let (kind, length) = if starts_identifier(first) {
            (Kind::Identifier, identifier_length(rest))
        } else if first.is_ascii_digit() {
            (Kind::Number, number_length(rest))
        } else if first == '"' {
            (Kind::Quote, 1)
        } else if let Some(length) = heredoc_length(rest) {
            (Kind::Heredoc, length)
        } else if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            (Kind::Symbol, symbol.len())
        } else {
            (Kind::Invalid, first.len_utf8())
        };
        Token { kind, range: at..at + length }
    }
}

fn starts_identifier(first: char) -> bool {
    first == '_' || unicode_ident::is_xid_start(first)
}

/// Bytes of the identifier that a text starts with.
fn identifier_length(text: &str) -> usize {
    text.find(|next| next != '-' && !unicode_ident::is_xid_continue(next)).unwrap_or(text.len())
}

/// Bytes up to the end of the line, without the line break.
fn line_length(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |end| if text[..end].ends_with('\r') { end - 1 } else { end })
}

/// Bytes of the number that a text starts with: digits, points and exponents, of which a point is not the last.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut length) = (0, 0);
    loop {
        match bytes.get(at) {
            Some(b'0'..=b'9') => {
                at += 1;
                length = at;
            }
            Some(b'.') => at += 1,
            Some(b'e' | b'E') => {
                let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
                if !bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
                    return length;
                }
                at += 1 + sign;
            }
            _ => return length,
        }
    }
}

/// Bytes of `<<NAME` with the line break behind it.
fn heredoc_length(text: &str) -> Option<usize> {
    let name = text.strip_prefix("<<")?;
    let name = name.strip_prefix('-').unwrap_or(name);
    name.chars().next().filter(|first| starts_identifier(*first))?;
    let behind = name.get(identifier_length(name)..)?;
    let line_break = if behind.starts_with("\r\n") { 2 } else { usize::from(behind.starts_with('\n')) };
    (line_break > 0).then(|| text.len() - behind.len() + line_break)
}
