//! Where values are written, where the event parser does not say or says it differently.
//!
//! Whoever writes the input has an interest in scans that start over: each of these reads only what stands
//! between two tokens, so that all of them together read the text once.

use std::ops::Range;

/// Line breaks of YAML 1.2.
const BREAKS: [char; 2] = ['\n', '\r'];

/// Where the value of a key without one would stand.
pub(super) fn behind_colon(text: &str, key_end: usize) -> usize {
    let at = skip_space(text, key_end);
    if text.as_bytes().get(at) == Some(&b':') { at + 1 } else { key_end }
}

/// The first dash of the block sequence that is the value of the key that ends at `key_end`. A sequence that
/// does not stand in from its key is reported to start behind that dash, where an element may start that
/// looks like another sequence.
pub(super) fn first_dash(text: &str, key_end: usize) -> Option<usize> {
    let mut at = skip_space(text, behind_colon(text, key_end));
    while let Some(b'&' | b'!') = text.as_bytes().get(at) {
        let token = text[at..].find(|c: char| c == ' ' || c == '\t' || BREAKS.contains(&c))?;
        at = skip_space(text, at + token);
    }
    (text.as_bytes().get(at) == Some(&b'-')).then_some(at)
}

/// The first byte from `at` on that is neither space nor comment.
fn skip_space(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'#' => at = text[at..].find(BREAKS).map_or(text.len(), |length| at + length),
            _ => break,
        }
    }
    at
}

/// A block scalar from its indicator, without the line breaks behind it, when its content is at `content`.
pub(super) fn block_scalar(text: &str, content: Range<usize>) -> Range<usize> {
    let length = text.get(content.clone()).map_or(0, |content| content.trim_end().len());
    let start = block_indicator(text, content.start).unwrap_or(content.start);
    start..content.start + length
}

/// The `|` or `>` of the block scalar whose content starts at `content`: on the line before it, with
/// nothing behind it but indentation and chomping marks and a comment.
fn block_indicator(text: &str, content: usize) -> Option<usize> {
    let head = text.get(..content)?.trim_end();
    let line_start = line_start(head, head.len());
    let ends_header = |at: &usize| {
        let rest =
            head[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')).trim_start();
        rest.is_empty() || rest.starts_with('#')
    };
    head[line_start..].match_indices(['|', '>']).map(|(at, _)| line_start + at).find(ends_header)
}

/// The dash of the element of a block sequence that starts at `item`: the last one before it with
/// nothing but space and other dashes before it on its line.
pub(crate) fn dash_before(text: &str, item: usize) -> Option<usize> {
    let mut end = item;
    loop {
        let start = line_start(text, end);
        let line = text.get(start..end)?;
        let lead = line.find(|c| !matches!(c, ' ' | '-' | '?' | ':')).unwrap_or(line.len());
        if let Some(dash) = line[..lead].rfind('-') {
            return Some(start + dash);
        }
        end = start.checked_sub(1)?;
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind(BREAKS)).map_or(0, |newline| newline + 1)
}
