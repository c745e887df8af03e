//! An instruction's text into keyword, flags, words and pairs.

use std::ops::Range;

/// Whitespace that separates words on a line, as BuildKit's `reWhitespace` has it.
fn is_blank(character: char) -> bool {
    matches!(character, '\t' | '\x0b' | '\x0c' | '\r' | ' ')
}

/// The range without whitespace at its ends.
pub(super) fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let inner = text[range.clone()].trim_start();
    let start = range.end - inner.len();
    start..start + inner.trim_end().len()
}

/// Splits at the first run of blanks: the word before it and, when there is one, what follows it.
pub(super) fn split_first(text: &str, range: Range<usize>) -> (Range<usize>, Option<Range<usize>>) {
    let content = &text[range.clone()];
    let Some(end) = content.find(is_blank) else { return (range, None) };
    let rest = content[end..].trim_start_matches(is_blank);
    (range.start..range.start + end, Some(range.end - rest.len()..range.end))
}

/// The words of a range, split at runs of blanks.
pub(super) fn split_blank(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut rest = Some(range).filter(|range| !range.is_empty());
    std::iter::from_fn(move || {
        let (word, tail) = split_first(text, rest.take()?);
        rest = tail;
        Some(word)
    })
}

/// A `--name=value` before an instruction's arguments.
pub(super) struct Flag {
    /// The flag without its dashes, unquoted.
    pub name: String,
    /// The value, unquoted; empty when there is none.
    pub value: String,
    /// Where the whole flag is written.
    pub range: Range<usize>,
    /// Where the value is written.
    pub value_range: Range<usize>,
}

/// Takes the flags off the front of a range; also says where the arguments start.
pub(super) fn flags(text: &str, range: Range<usize>) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let rest = text[at..range.end].trim_start();
        at = range.end - rest.len();
        if !rest.starts_with("--") {
            return (flags, at);
        }
        let (word, length) = flag_word(rest);
        let whole = at..at + length;
        at = whole.end;
        if word == "--" {
            return (flags, at);
        }
        flags.push(flag(text, &word, whole));
    }
}

fn flag(text: &str, word: &str, range: Range<usize>) -> Flag {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let value_start = text[range.clone()].find('=').map_or(range.end, |equals| range.start + equals + 1);
    Flag {
        name: name.strip_prefix("--").unwrap_or(name).to_owned(),
        value: value.to_owned(),
        value_range: value_start..range.end,
        range,
    }
}

/// The first word, unquoted, and its length as written. Flags are always escaped with `\`,
/// whatever the escape directive says.
fn flag_word(text: &str) -> (String, usize) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, character)) = chars.next() {
        match character {
            _ if quote.is_none() && character.is_whitespace() => return (word, at),
            '\\' => word.extend(chars.next().map(|(_, escaped)| escaped)),
            _ if quote == Some(character) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(character),
            _ => word.push(character),
        }
    }
    (word, text.len())
}

/// Words with their quotes, split at whitespace outside of quotes.
fn quoted_words(text: &str, range: Range<usize>, escape: char) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let rest = text[at..range.end].trim_start();
        let start = range.end - rest.len();
        let length = quoted_word(rest, escape);
        at = start + length;
        // An escape character at the very end escapes nothing and is dropped.
        let dangling = at == range.end && ends_with_escape(&rest[..length], escape);
        let end = if dangling { at - escape.len_utf8() } else { at };
        (start < end).then_some(start..end)
    })
}

fn quoted_word(text: &str, escape: char) -> usize {
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, character)) = chars.next() {
        match character {
            _ if quote.is_none() && character.is_whitespace() => return at,
            // Nothing can be escaped between single quotes.
            _ if character == escape && quote != Some('\'') => {
                chars.next();
            }
            _ if quote == Some(character) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(character),
            _ => {}
        }
    }
    text.len()
}

/// True when the word's last character is an escape character that is not itself escaped.
fn ends_with_escape(word: &str, escape: char) -> bool {
    let escapes = word.chars().rev().take_while(|character| *character == escape).count();
    escapes % 2 == 1
}

/// A `name=value` or `name value`, as written.
pub(super) struct Pair {
    /// Where the name is written.
    pub name: Range<usize>,
    /// Where the value is written, quotes included; absent for a bare `ARG name`.
    pub value: Option<Range<usize>>,
}

/// The pair in a word, split at its first `=`.
fn split_pair(text: &str, word: Range<usize>) -> Pair {
    match text[word.clone()].find('=') {
        Some(equals) => Pair { name: word.start..word.start + equals, value: Some(word.start + equals + 1..word.end) },
        None => Pair { name: word, value: None },
    }
}

/// The pairs of an `ENV`, `LABEL` or `ARG`; or the place of an error and what it is.
pub(super) fn pairs(
    text: &str,
    keyword: &str,
    range: Range<usize>,
    escape: char,
) -> Result<Vec<Pair>, (usize, String)> {
    let words: Vec<_> = quoted_words(text, range.clone(), escape).collect();
    let legacy = words.first().is_some_and(|first| !text[first.clone()].contains('='));
    if keyword != "ARG" && legacy {
        // `ENV name value with blanks`
        let at = range.start;
        return match split_first(text, range) {
            (name, Some(value)) => Ok(vec![Pair { name, value: Some(value) }]),
            _ => Err((at, format!("{keyword} takes a name and a value"))),
        };
    }
    let pairs: Vec<_> = words.into_iter().map(|word| split_pair(text, word)).collect();
    match pairs.iter().find(|pair| pair.value.is_none()) {
        Some(bare) if keyword != "ARG" => {
            Err((bare.name.start, format!("`=` is missing in `{}`", &text[bare.name.clone()])))
        }
        _ => Ok(pairs),
    }
}

/// True for what BuildKit takes as the name of a stage, once it is in lower case.
pub(super) fn is_stage_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
}

/// The stage or image that a `RUN --mount` takes its files from.
pub(super) fn mount_source(value: &str) -> Option<String> {
    value.split(',').find_map(|field| {
        let (key, source) = field.trim_matches('"').split_once('=')?;
        key.eq_ignore_ascii_case("from").then(|| source.to_owned())
    })
}
