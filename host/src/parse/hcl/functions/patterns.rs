//! Regular expressions: `regex`, `regexall`, and `replace` with a pattern between slashes.
//!
//! Terraform has those of RE2. Where the two libraries read a pattern in different ways, and where letters beyond ASCII
//! are asked about, nothing is known.

use super::super::value::{Member, Term, Value};
use super::super::work::Work;
use super::Answer;
use indexmap::IndexMap;
use regex::{Captures, Regex, RegexBuilder};
use std::rc::Rc;

/// Bytes that a compiled pattern may take.
const SIZE: usize = 1 << 20;
/// Bytes of a pattern.
const PATTERN: usize = 4096;

/// Calls a function of patterns; `None` when it is not one of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let texts: Vec<Option<Rc<str>>> = arguments.iter().map(|argument| argument.value.to_text()).collect();
    let answer = match (name, texts.as_slice()) {
        ("regex", [Some(pattern), Some(text)]) => pattern_of(pattern, text, work).and_then(|pattern| {
            let captures = pattern.captures(text)?;
            found(&pattern, &captures, work)
        }),
        ("regexall", [Some(pattern), Some(text)]) => pattern_of(pattern, text, work).and_then(|pattern| {
            let mut all = Vec::new();
            for captures in pattern.captures_iter(text) {
                let value = found(&pattern, &captures, work)?;
                all.push(work.term(value));
            }
            work.list(all, false)
        }),
        ("regex" | "regexall", _) => None,
        _ => return None,
    };
    Some(answer)
}

/// `replace` with a pattern.
pub(super) fn replace(text: &str, pattern: &str, new: &str, work: &mut Work<'_>) -> Answer {
    let pattern = pattern_of(pattern, text, work)?;
    let replaced = pattern.replace_all(text, new);
    work.text(replaced.into_owned())
}

fn pattern_of(pattern: &str, text: &str, work: &mut Work<'_>) -> Option<Regex> {
    work.bytes(text.len() + pattern.len())?;
    work.steps(text.len())?;
    let is_plain = pattern.len() <= PATTERN && pattern.is_ascii() && text.is_ascii() && means_the_same(pattern);
    is_plain.then(|| RegexBuilder::new(pattern).size_limit(SIZE).dfa_size_limit(SIZE).build().ok()).flatten()
}

/// Whether both libraries read a pattern in the same way: `\<` is a letter to RE2 and the beginning of a word here;
/// classes have no classes and operations in them there; and some flags are only here.
fn means_the_same(pattern: &str) -> bool {
    let mut letters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('<' | '>' | 'u' | 'U' | 'Q' | 'E' | 'C' | 'R' | 'X') => return false,
                Some('b' | 'B') if letters.peek() == Some(&'{') => return false,
                _ => {}
            },
            '[' if in_class && letters.peek() != Some(&':') => return false,
            '[' if in_class => {}
            '[' => {
                in_class = true;
                // A bracket at the beginning is one of the letters.
                if letters.peek() == Some(&'^') {
                    letters.next();
                }
                if letters.peek() == Some(&']') {
                    letters.next();
                }
            }
            ':' if in_class && letters.peek() == Some(&']') => {
                // The end of `[:alpha:]`, or a colon before the end of the class: which, does not matter here.
                letters.next();
                in_class = letters.clone().any(|next| next == ']');
            }
            ']' => in_class = false,
            '&' | '-' | '~' if in_class && letters.peek() == Some(&letter) => return false,
            _ => {}
        }
    }
    !["(?x", "(?u", "(?R", "(?-u", "(?ix", "(?sx", "(?mx"].iter().any(|flag| pattern.contains(flag))
}

/// What one match comes to: the text, a list of the groups, or a map of those with names.
fn found(pattern: &Regex, captures: &Captures<'_>, work: &mut Work<'_>) -> Answer {
    let mut group = |at: usize| match captures.get(at) {
        Some(group) => work.text(group.as_str().to_owned()),
        None => Some(Value::Null),
    };
    if pattern.captures_len() == 1 {
        return group(0);
    }
    let names: Vec<Option<&str>> = pattern.capture_names().skip(1).collect();
    let mut values = Vec::with_capacity(names.len());
    for at in 1..=names.len() {
        values.push(group(at)?);
    }
    if names.iter().all(Option::is_none) {
        let items = values.into_iter().map(|value| work.term(value)).collect();
        return work.list(items, false);
    }
    // Groups with and without names do not go together.
    let names: Vec<&str> = names.into_iter().collect::<Option<_>>()?;
    let mut members = IndexMap::new();
    for (name, value) in names.into_iter().zip(values) {
        members.insert(Rc::from(name), Member { key_span: work.at, term: work.term(value) });
    }
    work.map(members)
}
