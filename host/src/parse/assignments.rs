//! Files of names and values: `.env` files, and properties of Java.

use super::tree::{Tree, lines, range_of};
use super::{Limits, SyntaxError};
use crate::document::{Node, Value};
use std::ops::Range;

/// A name and its value, with where each is written.
struct Assignment {
    name: (String, Range<usize>),
    value: (String, Range<usize>),
}

/// Parses a `.env` file as docker compose and the libraries of that name read it: `NAME=value`, with `export` in front or
/// not; in double quotes escapes are decoded, and values in quotes go over lines. `path` is what the file is called in
/// the document.
///
/// # Errors
/// At the line that is none, at a quote that is not closed, or when a bound is exceeded.
pub fn parse_dotenv(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let mut assignments = Vec::new();
    let mut behind = 0;
    for (line, at) in lines(text) {
        let content = line.trim();
        if at.start < behind || content.is_empty() || content.starts_with('#') {
            continue;
        }
        let bare = content.strip_prefix("export ").map_or(content, str::trim_start);
        let (name, rest) = match bare.split_once('=') {
            Some((name, rest)) => (name.trim_end(), rest),
            // A name alone is passed through from outside.
            None => (bare, &bare[bare.len()..]),
        };
        let name_at = range_of(name, line, &at);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(SyntaxError::new(name_at.start, "expected `NAME=value`"));
        }
        let start = range_of(rest.trim_start(), line, &at).start;
        let value = dotenv_value(text, start, at.end)?;
        behind = value.1.end;
        assignments.push(Assignment { name: (name.to_owned(), name_at), value });
    }
    document(assignments, text, path, limits)
}

/// The value at `start`, on a line that ends at `line_end`.
fn dotenv_value(text: &str, start: usize, line_end: usize) -> Result<(String, Range<usize>), SyntaxError> {
    let rest = &text[start..];
    let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\'') && start < line_end) else {
        let line = &text[start..line_end];
        let is_comment = |at: &usize| *at == 0 || line[..*at].ends_with([' ', '\t']);
        let comment = line.match_indices('#').map(|(at, _)| at).find(is_comment);
        let value = line[..comment.unwrap_or(line.len())].trim_end();
        return Ok((value.to_owned(), start..start + value.len()));
    };
    let mut value = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            letter if letter == quote => return Ok((value, start..start + at + letter.len_utf8())),
            '\\' if quote == '"' => match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, 't')) => value.push('\t'),
                Some((_, escaped @ ('"' | '\\' | '$' | '\''))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            _ => value.push(letter),
        }
    }
    Err(SyntaxError::new(start, "the quote is not closed"))
}

/// Parses a file of Java properties as `java.util.Properties` reads it; `path` is what it is called in the document.
///
/// # Errors
/// At an escape that is none, or when a bound is exceeded.
pub fn parse_properties(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let mut assignments = Vec::new();
    let mut natural = lines(text).peekable();
    while let Some((line, at)) = natural.next() {
        let content = line.trim_start_matches(BLANKS);
        if content.is_empty() || content.starts_with(['#', '!']) {
            continue;
        }
        // What a logical line holds, each letter with its place.
        let mut letters: Vec<(usize, char)> = Vec::new();
        let mut part = (content, range_of(content, line, &at));
        while goes_on(part.0) {
            letters.extend(part.0[..part.0.len() - 1].char_indices().map(|(byte, c)| (part.1.start + byte, c)));
            let Some((line, at)) = natural.next() else {
                part = ("", part.1.end..part.1.end);
                break;
            };
            let content = line.trim_start_matches(BLANKS);
            part = (content, range_of(content, line, &at));
        }
        letters.extend(part.0.char_indices().map(|(byte, c)| (part.1.start + byte, c)));
        assignments.push(property(&letters, part.1.end)?);
    }
    document(assignments, text, path, limits)
}

/// White space of properties.
const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// Whether a line ends in a backslash that no other one escapes.
fn goes_on(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Takes a logical line that ends at `end` apart.
fn property(letters: &[(usize, char)], end: usize) -> Result<Assignment, SyntaxError> {
    let mut escaped = false;
    let ends_name = |(_, c): &(usize, char)| {
        let ends = !escaped && (BLANKS.contains(c) || matches!(c, '=' | ':'));
        escaped = !escaped && *c == '\\';
        ends
    };
    let name_end = letters.iter().position(ends_name).unwrap_or(letters.len());
    let is_blank = |at: usize| letters.get(at).is_some_and(|(_, c)| BLANKS.contains(c));
    let mut value_start = name_end;
    while is_blank(value_start) {
        value_start += 1;
    }
    if letters.get(value_start).is_some_and(|(_, c)| matches!(c, '=' | ':')) {
        value_start += 1;
        while is_blank(value_start) {
            value_start += 1;
        }
    }
    let place = |index: usize| letters.get(index).map_or(end, |(at, _)| *at);
    let name = decoded(&letters[..name_end])?;
    let value = decoded(&letters[value_start..])?;
    let name_stop = name_end.checked_sub(1).map_or(place(0), |last| letters[last].0 + letters[last].1.len_utf8());
    Ok(Assignment { name: (name, place(0)..name_stop), value: (value, place(value_start)..end) })
}

fn decoded(letters: &[(usize, char)]) -> Result<String, SyntaxError> {
    let mut text = String::new();
    let mut units: Vec<u16> = Vec::new();
    let mut rest = letters.iter();
    let flush = |units: &mut Vec<u16>, text: &mut String| {
        text.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    };
    while let Some((at, letter)) = rest.next() {
        let escaped = if *letter == '\\' { rest.next().map(|(_, escaped)| *escaped) } else { None };
        if escaped == Some('u') {
            let digits: String = rest.by_ref().take(4).map(|(_, digit)| *digit).collect();
            let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4 && !digits.starts_with('+'));
            units.push(unit.ok_or_else(|| SyntaxError::new(*at, "expected four hexadecimal digits behind `\\u`"))?);
            continue;
        }
        flush(&mut units, &mut text);
        match (*letter, escaped) {
            ('\\', None) => {}
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('r')) => text.push('\r'),
            ('\\', Some('f')) => text.push('\x0c'),
            ('\\', Some(other)) => text.push(other),
            (plain, _) => text.push(plain),
        }
    }
    flush(&mut units, &mut text);
    Ok(text)
}

fn document(assignments: Vec<Assignment>, text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let mut tree = Tree::new(limits);
    let mut entries = Vec::with_capacity(assignments.len());
    for Assignment { name, value } in assignments {
        let at = name.1.start..value.1.end.max(name.1.end);
        let name = tree.text(name.0, name.1)?;
        let value = tree.node(Value::String(value.0.into()), value.1)?;
        entries.push(tree.record([("name", Some(name)), ("value", Some(value))], at)?);
    }
    let path = tree.text(path, 0..0)?;
    let entries = tree.list(entries, 0..text.len())?;
    tree.record([("path", Some(path)), ("entries", Some(entries))], 0..text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;
    use proptest::prelude::*;
    use serde_json::json;

    fn dotenv(text: &str) -> Result<Node, SyntaxError> {
        parse_dotenv(text, ".env", &Limits::default())
    }

    fn properties(text: &str) -> Result<Node, SyntaxError> {
        parse_properties(text, "a.properties", &Limits::default())
    }

    #[test]
    fn variables_are_read_with_their_places() {
        let text = "\u{feff}# a\nexport A=b # c\nB=\"x\\n\\\"y\\\" # no\nz\" # yes\n C = 'it # is'\nD=\nE=a#b\r\nF\n";
        let root = dotenv(text).unwrap();
        assert_eq!(
            root.get("entries").unwrap().to_value(),
            json!([
                { "name": "A", "value": "b" },
                { "name": "B", "value": "x\n\"y\" # no\nz" },
                { "name": "C", "value": "it # is" },
                { "name": "D", "value": "" },
                { "name": "E", "value": "a#b" },
                { "name": "F", "value": "" },
            ])
        );
        check(&root, text);
        let value =
            |index: usize| &text[root.get("entries").unwrap().items()[index].get("value").unwrap().span.range()];
        assert_eq!((value(0), value(2), value(4)), ("b", "'it # is'", "a#b"));
        assert_eq!(dotenv("A=1\nnot one\n").unwrap_err().at, 4);
        assert_eq!(dotenv("A='x\n").unwrap_err().at, 2);
    }

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "! a\n# b\na=b\n c : d\\\n   e\nf g = h\nk\\ l\\:m=\\u0041\\t\\q\nn\n\no==p\n\\ud83d\\ude00=q\nr=s\\\\\nt=\\";
        let root = properties(text).unwrap();
        assert_eq!(
            root.get("entries").unwrap().to_value(),
            json!([
                { "name": "a", "value": "b" },
                { "name": "c", "value": "de" },
                { "name": "f", "value": "g = h" },
                { "name": "k l:m", "value": "A\tq" },
                { "name": "n", "value": "" },
                { "name": "o", "value": "=p" },
                { "name": "😀", "value": "q" },
                { "name": "r", "value": "s\\" },
                { "name": "t", "value": "" },
            ])
        );
        check(&root, text);
        assert_eq!(properties("a=b\nc=\\u00\n").unwrap_err().at, 6);
    }

    #[test]
    fn bounds_are_kept() {
        let few = Limits { nodes: 4, ..Limits::default() };
        assert!(parse_dotenv("A=1\nB=2\n", ".env", &few).unwrap_err().message.contains("limit `nodes`"));
        assert!(parse_properties("A=1\nB=2\n", "a", &few).unwrap_err().message.contains("limit `nodes`"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c=:\"'#!\\\\u0-9 \\n\\r\\t€]{0,40}") {
            for read in [dotenv(&text), properties(&text)].into_iter().flatten() {
                check(&read, &text);
            }
        }

        #[test]
        fn plain_values_are_what_was_written(values in prop::collection::vec("[a-z0-9/.-]{1,8}", 0..5)) {
            let text: String = values.iter().enumerate().map(|(at, value)| format!("N{at}={value}\n")).collect();
            let wanted: Vec<_> = values.iter().enumerate().map(|(at, value)| json!({ "name": format!("N{at}"), "value": value })).collect();
            for root in [dotenv(&text).unwrap(), properties(&text).unwrap()] {
                prop_assert_eq!(root.get("entries").unwrap().to_value(), json!(wanted));
            }
        }
    }
}
