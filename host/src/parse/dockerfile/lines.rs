//! Physical lines into logical ones: parser directives, comments and continuations.

use crate::document::Span;
use crate::parse::SyntaxError;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// One parser directive, as written.
pub(super) struct Directive {
    pub name: String,
    pub name_span: Range<usize>,
    pub value: Range<usize>,
}

/// Part of a logical line that is contiguous in the file.
struct Piece {
    /// Where the piece starts in the logical line.
    at: usize,
    /// Where it starts in the file.
    file_at: usize,
}

/// An instruction's text with continuations joined, and the way back into the file.
pub(super) struct Line {
    pub text: String,
    pieces: Vec<Piece>,
    /// End in the file of the last physical line, without its line break.
    pub end: usize,
}

impl Line {
    /// The place in the file of byte `at` of the line.
    pub(super) fn offset(&self, at: usize) -> usize {
        let after = self.pieces.partition_point(|piece| piece.at <= at);
        self.pieces.get(after.saturating_sub(1)).map_or(self.end, |piece| piece.file_at + (at - piece.at))
    }

    /// The bytes of the file from the first to the last byte of a range of the line.
    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        let start = self.offset(range.start);
        let end = if range.is_empty() { start } else { self.offset(range.end - 1) + 1 };
        Span::new(start, end)
    }

    fn push(&mut self, text: &str, physical: Range<usize>) {
        self.pieces.push(Piece { at: self.text.len(), file_at: physical.start });
        self.text.push_str(&text[physical]);
    }
}

/// Reads a file line by line.
pub(super) struct Reader<'a> {
    pub text: &'a str,
    at: usize,
    pub escape: char,
    pub directives: Vec<Directive>,
    directives_done: bool,
    /// Where comments are, directives among them.
    pub comments: Vec<Range<usize>>,
    /// Where each line stands last, as it is and, marked, without the tabs before it; worked out when somebody asks.
    last_lines: OnceCell<HashMap<(bool, &'a str), usize>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        Self {
            text,
            at,
            escape: '\\',
            directives: Vec::new(),
            directives_done: false,
            comments: Vec::new(),
            last_lines: OnceCell::new(),
        }
    }

    /// Whether one of the lines that are still to be read is `line`, tabs before it aside where `chomp`.
    pub(super) fn is_ahead(&self, line: &str, chomp: bool) -> bool {
        let last_lines = self.last_lines.get_or_init(|| {
            let mut last = HashMap::new();
            let mut at = 0;
            for line in self.text.split_inclusive('\n') {
                let content = line.trim_end_matches(['\r', '\n']);
                last.insert((false, content), at);
                last.insert((true, content.trim_start_matches('\t')), at);
                at += line.len();
            }
            last
        });
        last_lines.get(&(chomp, line)).is_some_and(|at| *at >= self.at)
    }

    /// The next physical line with its line break.
    pub(super) fn physical(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        self.at = rest.find('\n').map_or(self.text.len(), |newline| start + newline + 1);
        Some(start..self.at)
    }

    /// The next instruction; comments and blank lines are skipped.
    pub(super) fn logical(&mut self) -> Result<Option<Line>, SyntaxError> {
        while let Some(physical) = self.physical() {
            let content = self.trim_start(&self.trim_line_break(&physical));
            self.directive(&content)?;
            if self.text[content.clone()].starts_with('#') {
                self.comments.push(content);
                continue;
            }
            let (kept, continued) = self.trim_continuation(&content);
            if kept.is_empty() && !continued {
                continue;
            }
            let mut line = Line { text: String::new(), pieces: Vec::new(), end: content.end };
            line.push(self.text, kept);
            if continued {
                self.continuation(&mut line);
            }
            return Ok(Some(line));
        }
        Ok(None)
    }

    /// Joins the lines that continue `line`. Comments and blank lines do not end it.
    fn continuation(&mut self, line: &mut Line) {
        while let Some(physical) = self.physical() {
            self.directives_done = true;
            let content = self.trim_line_break(&physical);
            let visible = self.trim_start(&content);
            if self.text[visible.clone()].starts_with('#') {
                self.comments.push(visible);
                continue;
            }
            if visible.is_empty() {
                continue;
            }
            let (kept, continued) = self.trim_continuation(&content);
            line.push(self.text, kept);
            line.end = content.end;
            if !continued {
                return;
            }
        }
    }

    fn trim_line_break(&self, range: &Range<usize>) -> Range<usize> {
        range.start..range.start + self.text[range.clone()].trim_end_matches(['\r', '\n']).len()
    }

    fn trim_start(&self, range: &Range<usize>) -> Range<usize> {
        range.end - self.text[range.clone()].trim_start().len()..range.end
    }

    /// The line without its continuation character, and whether it had one. A doubled escape
    /// character is an escaped one and continues nothing.
    fn trim_continuation(&self, range: &Range<usize>) -> (Range<usize>, bool) {
        let line = self.text[range.clone()].trim_end_matches([' ', '\t']);
        match line.strip_suffix(self.escape) {
            Some(kept) if !kept.ends_with(self.escape) => (range.start..range.start + kept.len(), true),
            _ => (range.clone(), false),
        }
    }

    /// Takes a `# name=value` line as a directive, while nothing else has been seen.
    fn directive(&mut self, range: &Range<usize>) -> Result<(), SyntaxError> {
        if self.directives_done {
            return Ok(());
        }
        let Some(found) = read_directive(self.text, range) else {
            self.directives_done = true;
            return Ok(());
        };
        if self.directives.iter().any(|seen| seen.name == found.name) {
            let message = format!("the parser directive `{}` is given twice", found.name);
            return Err(SyntaxError::new(range.start, message));
        }
        if found.name == "escape" {
            self.escape = match &self.text[found.value.clone()] {
                "\\" => '\\',
                "`" => '`',
                other => {
                    let message = format!("the escape character is `\\` or a backquote, but this one is `{other}`");
                    return Err(SyntaxError::new(found.value.start, message));
                }
            };
        }
        self.directives.push(found);
        Ok(())
    }
}

/// Whitespace as `\s` of Go's regular expressions has it.
fn is_space(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

fn read_directive(text: &str, range: &Range<usize>) -> Option<Directive> {
    let rest = text[range.clone()].strip_prefix('#')?.trim_start();
    let name_start = range.end - rest.len();
    let (before, after) = rest.split_once('=')?;
    let name = before.trim_end_matches(is_space);
    let letters = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = after.trim_matches(is_space);
    let lower = name.to_ascii_lowercase();
    if !letters || value.is_empty() || !["escape", "syntax", "check"].contains(&lower.as_str()) {
        return None;
    }
    let value_start = range.end - after.trim_start_matches(is_space).len();
    Some(Directive {
        name: lower,
        name_span: name_start..name_start + name.len(),
        value: value_start..value_start + value.len(),
    })
}
