//! Templates: quoted strings, here-documents, and strings of JSON files.
//!
//! They are read in two steps, as hclsyntax does: into pieces, of which a here-document has one or more for each line, so
//! that `~` and `<<-` trim by line; and from these into a tree, which has the directives.

use super::Parser;
use super::expression::Intro;
use super::scan::{Kind, Token};
use super::tree::{Expression, For, Form, Part};
use crate::parse::SyntaxError;

/// A part of a template before directives are put together.
enum Piece {
    Literal(String),
    Value(Expression),
    If(Expression),
    For(Intro),
    Else,
    EndIf,
    EndFor,
}

/// What ends a template.
#[derive(Clone, Copy)]
enum Ending<'m> {
    /// A quote.
    Quote,
    /// A line that is this name and blanks.
    Heredoc(&'m str),
    /// The end of the text.
    Text,
}

/// Pieces with the places where they begin.
type Pieces = Vec<(usize, Piece)>;
/// Those that are still to be put together.
type Rest = std::vec::IntoIter<(usize, Piece)>;
/// Parts, and the piece that ends them.
type Read = (Vec<Part>, Option<(usize, Piece)>);

impl Parser<'_, '_> {
    /// A quoted template behind its first quote.
    pub(super) fn quoted(&mut self) -> Result<Vec<Part>, SyntaxError> {
        let pieces = self.pieces(Ending::Quote, self.at.saturating_sub(1))?;
        self.assembled(pieces)
    }

    /// A quoted text behind its first quote, in which there must be no template.
    pub(super) fn quoted_literal(&mut self) -> Result<String, SyntaxError> {
        let start = self.at.saturating_sub(1);
        let mut text = String::new();
        for (at, piece) in self.pieces(Ending::Quote, start)? {
            match piece {
                Piece::Literal(literal) => text.push_str(&literal),
                _ => return Err(self.error(at, "a label holds no template; write `$${` or `%%{` for the characters")),
            }
        }
        Ok(text)
    }

    /// A here-document behind its first line.
    pub(super) fn heredoc(&mut self, opener: &Token) -> Result<Vec<Part>, SyntaxError> {
        let intro = self.slice(opener).trim_start_matches('<').trim_end().to_owned();
        let name = intro.strip_prefix('-');
        let mut pieces = self.pieces(Ending::Heredoc(name.unwrap_or(&intro)), opener.range.start)?;
        if name.is_some() {
            flush(&mut pieces);
        }
        self.assembled(pieces)
    }

    /// The whole text as a template.
    pub(super) fn bare_template(&mut self) -> Result<Vec<Part>, SyntaxError> {
        let pieces = self.pieces(Ending::Text, 0)?;
        self.assembled(pieces)
    }

    /// Reads up to the end of a template that began at `start`, and passes that.
    fn pieces(&mut self, ending: Ending<'_>, start: usize) -> Result<Pieces, SyntaxError> {
        let mut pieces: Pieces = Vec::new();
        let mut starts_line = true;
        let mut trims = false;
        loop {
            if starts_line && self.is_heredoc_end(ending) {
                return Ok(pieces);
            }
            let rest = self.rest();
            let at = self.at;
            if rest.is_empty() {
                return match ending {
                    Ending::Text => Ok(pieces),
                    Ending::Quote => Err(self.error(start, "the string is not closed")),
                    Ending::Heredoc(name) => {
                        Err(self.error(start, format!("the here-document is not ended by a line `{name}`")))
                    }
                };
            }
            if rest.starts_with('"') && matches!(ending, Ending::Quote) {
                self.at += 1;
                return Ok(pieces);
            }
            if rest.starts_with("${") || rest.starts_with("%{") {
                let (piece, trims_before, trims_behind) = self.sequence()?;
                if let (true, Some((_, Piece::Literal(before)))) = (trims_before, pieces.last_mut()) {
                    before.truncate(before.trim_end().len());
                }
                pieces.push((at, piece));
                trims = trims_behind;
                starts_line = false;
            } else {
                let literal = self.literal(ending)?;
                starts_line = literal.ends_with('\n');
                let literal = if trims { literal.trim_start().to_owned() } else { literal };
                pieces.push((at, Piece::Literal(literal)));
                trims = false;
            }
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether the line that begins here ends a here-document; if so, it is passed but for its line break.
    fn is_heredoc_end(&mut self, ending: Ending<'_>) -> bool {
        let Ending::Heredoc(name) = ending else { return false };
        let Some((line, _)) = self.rest().split_once('\n') else { return false };
        let length = line.strip_suffix('\r').unwrap_or(line).len();
        let ends = line.trim() == name;
        if ends {
            self.at += length;
        }
        ends
    }

    /// Text up to a sequence, the end, or the end of the line; there is some.
    fn literal(&mut self, ending: Ending<'_>) -> Result<String, SyntaxError> {
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else { return Ok(text) };
            let quoted = matches!(ending, Ending::Quote);
            let (length, decoded) = match first {
                '$' | '%' if rest.starts_with("$${") || rest.starts_with("%%{") => (3, None),
                '$' | '%' if rest.get(1..).is_some_and(|behind| behind.starts_with('{')) => return Ok(text),
                '"' if quoted => return Ok(text),
                '\\' if quoted => {
                    let (length, decoded) = self.escape()?;
                    (length, Some(decoded))
                }
                '\n' | '\r' if quoted => return Err(self.error(self.at, "a quoted string does not go over lines")),
                '\r' if matches!(ending, Ending::Heredoc(_)) && !rest.starts_with("\r\n") => {
                    return Err(self.error(self.at, "a carriage return without a line feed"));
                }
                _ => (first.len_utf8(), Some(first)),
            };
            match decoded {
                Some(decoded) => text.push(decoded),
                None => {
                    text.push(first);
                    text.push('{');
                }
            }
            self.at += length;
            if first == '\n' {
                return Ok(text);
            }
        }
    }

    /// The escape sequence that begins here: its length and the character that it stands for.
    fn escape(&self) -> Result<(usize, char), SyntaxError> {
        let rest = self.rest();
        let decoded = match rest.chars().nth(1) {
            Some('n') => Some((2, '\n')),
            Some('r') => Some((2, '\r')),
            Some('t') => Some((2, '\t')),
            Some('"') => Some((2, '"')),
            Some('\\') => Some((2, '\\')),
            Some('u') => hexadecimal(rest, 6),
            Some('U') => hexadecimal(rest, 10),
            _ => None,
        };
        decoded.ok_or_else(|| {
            self.error(
                self.at,
                "no escape sequence: there are `\\n`, `\\r`, `\\t`, `\\\"`, `\\\\`, `\\uNNNN` and `\\UNNNNNNNN`",
            )
        })
    }

    /// `${ … }` or `%{ … }`, and whether it trims what is before and behind it.
    fn sequence(&mut self) -> Result<(Piece, bool, bool), SyntaxError> {
        let is_value = self.rest().starts_with('$');
        self.at += 2;
        let trims_before = self.rest().starts_with('~');
        self.at += usize::from(trims_before);
        let (piece, trims_behind) = self.bracketed(false, |parser| {
            let piece = if is_value { Piece::Value(parser.expression()?) } else { parser.directive()? };
            let trims = parser.eat("~}");
            if !trims {
                parser.expect("}")?;
            }
            Ok((piece, trims))
        })?;
        Ok((piece, trims_before, trims_behind))
    }

    fn directive(&mut self) -> Result<Piece, SyntaxError> {
        const KEYWORDS: &str = "`if`, `else`, `endif`, `for` or `endfor`";
        let token = self.peek();
        if token.kind != Kind::Identifier {
            return Err(self.expected(KEYWORDS));
        }
        let keyword = self.slice(&token).to_owned();
        let known = ["if", "else", "endif", "for", "endfor"];
        if !known.contains(&keyword.as_str()) {
            return Err(self.expected(KEYWORDS));
        }
        self.next();
        Ok(match keyword.as_str() {
            "if" => Piece::If(self.expression()?),
            "for" => Piece::For(self.for_intro()?),
            "else" => Piece::Else,
            "endif" => Piece::EndIf,
            _ => Piece::EndFor,
        })
    }

    fn assembled(&mut self, pieces: Pieces) -> Result<Vec<Part>, SyntaxError> {
        let mut pieces = pieces.into_iter();
        let (parts, end) = self.parts(&mut pieces)?;
        match end {
            None => Ok(parts),
            Some((at, _)) => Err(self.error(at, "there is no directive here that this could belong to")),
        }
    }

    /// Parts up to a piece that goes on with a directive or ends it, and that piece.
    fn parts(&mut self, pieces: &mut Rest) -> Result<Read, SyntaxError> {
        let mut parts = Vec::new();
        let mut text: Option<String> = None;
        while let Some((at, piece)) = pieces.next() {
            if let Piece::Literal(literal) = piece {
                text.get_or_insert_default().push_str(&literal);
                continue;
            }
            parts.extend(text.take().map(|text| Part::Literal(text.into())));
            match piece {
                Piece::Value(value) => parts.push(Part::Value(value)),
                Piece::If(condition) => {
                    let (accepted, refused) = self.nested(|parser| parser.branches(at, pieces))?;
                    parts.push(Part::If(condition, accepted, refused));
                }
                Piece::For(Intro { key_name, value_name, collection }) => {
                    let body = self.nested(|parser| parser.repeated(at, pieces))?;
                    let value = Expression { span: self.span(at..at), form: Form::Template(body) };
                    let key = None;
                    let (groups, condition) = (false, None);
                    let repeated = For { key_name, value_name, collection, key, value, groups, condition };
                    parts.push(Part::For(Box::new(repeated)));
                }
                end => return Ok((parts, Some((at, end)))),
            }
        }
        parts.extend(text.map(|text| Part::Literal(text.into())));
        Ok((parts, None))
    }

    /// What is behind the `if` at a place, up to its end.
    fn branches(&mut self, at: usize, pieces: &mut Rest) -> Result<(Vec<Part>, Vec<Part>), SyntaxError> {
        let (accepted, end) = self.parts(pieces)?;
        let (refused, end) = match end {
            Some((_, Piece::Else)) => self.parts(pieces)?,
            end => (Vec::new(), end),
        };
        match end {
            Some((_, Piece::EndIf)) => Ok((accepted, refused)),
            Some((at, _)) => Err(self.error(at, "expected `endif`")),
            None => Err(self.error(at, "the directive `if` has no `endif`")),
        }
    }

    /// What is behind the `for` at a place, up to its end.
    fn repeated(&mut self, at: usize, pieces: &mut Rest) -> Result<Vec<Part>, SyntaxError> {
        match self.parts(pieces)? {
            (body, Some((_, Piece::EndFor))) => Ok(body),
            (_, Some((at, _))) => Err(self.error(at, "expected `endfor`")),
            (_, None) => Err(self.error(at, "the directive `for` has no `endfor`")),
        }
    }
}

/// A character given by the hexadecimal digits that end at `length`.
fn hexadecimal(sequence: &str, length: usize) -> Option<(usize, char)> {
    let digits = sequence.get(2..length).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    Some((length, char::from_u32(u32::from_str_radix(digits, 16).ok()?)?))
}

/// Cuts off what all lines of a here-document are indented by; a line of blanks does not count.
fn flush(pieces: &mut Pieces) {
    let mut least = usize::MAX;
    let mut indented = Vec::new();
    let mut starts_line = true;
    for (index, (_, piece)) in pieces.iter().enumerate() {
        let literal = match piece {
            Piece::Literal(literal) => Some(literal),
            _ => None,
        };
        if std::mem::take(&mut starts_line) {
            let text = literal.map_or("", |literal| literal);
            let trimmed = text.trim_start();
            if !(trimmed.is_empty() && text.ends_with('\n')) {
                indented.push(index);
                least = least.min(text[..text.len() - trimmed.len()].chars().count());
            }
        }
        starts_line = literal.is_some_and(|literal| literal.ends_with('\n'));
    }
    for index in indented {
        if let Some((_, Piece::Literal(literal))) = pieces.get_mut(index) {
            *literal = literal.chars().skip(least).collect();
        }
    }
}
