//! Heredocs: where a line opens them, and their bodies.

use super::lines::{Line, Reader};
use super::shell::{self, Failure, Options};
use crate::document::Span;
use crate::parse::{Limits, SyntaxError};
use std::ops::Range;

/// A heredoc as a word of a line announces it.
pub(super) struct Opening {
    /// The terminator, unquoted.
    pub name: String,
    /// False when the terminator is quoted: variables stay as they are.
    pub expand: bool,
    /// True for `<<-`: leading tabs are removed.
    chomp: bool,
    /// True when a blank stands in front of the terminator, so that this may as well be an operator.
    apart: bool,
}

/// A heredoc with its body.
pub(super) struct Heredoc {
    pub opening: Opening,
    pub content: String,
    pub span: Span,
}

fn options(limits: &Limits, raw: bool) -> Options {
    Options {
        // BuildKit reads heredocs with `\`, whatever the escape directive says.
        escape: '\\',
        raw_quotes: raw,
        raw_escapes: raw,
        skip_unset: true,
        depth: limits.depth,
        bytes: limits.bytes,
    }
}

/// Reads a word as the start of a heredoc; `None` when it is something else.
pub(super) fn opening(word: &str, limits: &Limits) -> Result<Option<Opening>, Failure> {
    let Some(rest) = word.trim_start_matches(|digit: char| digit.is_ascii_digit()).strip_prefix("<<") else {
        return Ok(None);
    };
    let (chomp, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let (apart, rest) = (rest.starts_with(char::is_whitespace), rest.trim_start());
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let plain = shell::expand(rest, options(limits, false), &|_| None)?;
    let [name] = plain.words.as_slice() else { return Ok(None) };
    let quoted = Options { raw_escapes: false, ..options(limits, true) };
    let raw = shell::expand(rest, quoted, &|_| None)?;
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    let expand = raw.words.first().is_some_and(|raw| quotes(raw) == quotes(name));
    Ok(Some(Opening { name: name.clone(), expand, chomp, apart }))
}

/// Reads the bodies of all heredocs that a range of `line` opens; moves the line's end past them.
pub(super) fn read(
    reader: &mut Reader<'_>,
    line: &mut Line,
    range: &Range<usize>,
    limits: &Limits,
) -> Result<Vec<Heredoc>, SyntaxError> {
    let text = &line.text[range.clone()];
    if !text.contains("<<") {
        return Ok(Vec::new());
    }
    let at = line.offset(range.start);
    let words = match shell::expand(text, options(limits, true), &|_| None) {
        Ok(expanded) => expanded.words,
        // As in BuildKit: a line that is not shell syntax opens no heredoc.
        Err(Failure::Syntax(_)) => return Ok(Vec::new()),
        Err(Failure::Limit(message)) => return Err(SyntaxError::new(at, message)),
    };
    let mut heredocs = Vec::new();
    for word in words {
        let opening = opening(&word, limits).map_err(|failure| SyntaxError::new(at, failure.message()))?;
        // In `$(( 4 << 1 ))` there is none: nothing ends it.
        if let Some(opening) = opening.filter(|opening| !opening.apart || reader.is_ahead(&opening.name, opening.chomp))
        {
            heredocs.push(body(reader, line, opening, at)?);
        }
    }
    Ok(heredocs)
}

fn body(reader: &mut Reader<'_>, line: &mut Line, opening: Opening, at: usize) -> Result<Heredoc, SyntaxError> {
    let mut range: Option<Range<usize>> = None;
    while let Some(physical) = reader.physical() {
        let start = range.as_ref().map_or(physical.start, |range| range.start);
        let content = reader.text[physical.clone()].trim_end_matches(['\r', '\n']);
        let candidate = if opening.chomp { content.trim_start_matches('\t') } else { content };
        if candidate == opening.name {
            line.end = physical.start + content.len();
            let body = start..physical.start;
            let raw = &reader.text[body.clone()];
            let content = if opening.chomp { without_leading_tabs(raw) } else { raw.to_owned() };
            return Ok(Heredoc { opening, content, span: Span::new(body.start, body.end) });
        }
        range = Some(start..physical.end);
    }
    Err(SyntaxError::new(at, format!("the heredoc `{}` is not terminated", opening.name)))
}

fn without_leading_tabs(text: &str) -> String {
    text.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
}
