//! Versions and ranges of versions (`:semver`), as npm, Cargo and Helm write them.
//!
//! # The model
//!
//! ```text
//! { "alternatives": [ [ { "operator": "^", "major": 1, "minor": 2, "patch": 3, "pre": "rc.1", "build": "b" } ] ] }
//! ```
//!
//! One of the alternatives (`||`) has to hold, with all of its comparators. `operator` is as it is written, empty without
//! one, which means the exact version to npm and Helm and `^` to Cargo; `1.2 - 1.4` is `-` before the second. Parts that
//! are left out, or `x`, `X` or `*`, are absent.

use super::build::{Builder, span};
use crate::document::{Node, Span};
use std::ops::Range;

/// Comparators of one text.
const COMPARATORS: usize = 1_000;
const OPERATORS: [&str; 11] = [">=", "<=", "=>", "=<", "!=", "==", ">", "<", "~", "^", "="];

/// The tree of a version or range.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    let mut alternatives = Vec::new();
    let mut start = 0;
    let mut count = 0;
    for alternative in text.split("||") {
        let range = start..start + alternative.len();
        start = range.end + "||".len();
        match comparators(text, range.clone(), builder, &mut count) {
            Ok(items) => alternatives.push(builder.list(items, span(&range))),
            Err(at) => return builder.nothing(span(&at), "no version, and no range of versions"),
        }
    }
    let alternatives = builder.list(alternatives, whole);
    builder.object([("alternatives", alternatives)], whole)
}

/// The comparators in a range of the text, with blanks or commas between them; the part that is none.
fn comparators(
    text: &str,
    range: Range<usize>,
    builder: &mut Builder,
    count: &mut usize,
) -> Result<Vec<Node>, Range<usize>> {
    let mut items = Vec::new();
    let mut at = range.start;
    let mut is_hyphen = false;
    loop {
        let rest = &text[at..range.end];
        at += rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',').len();
        let rest = &text[at..range.end];
        if rest.is_empty() {
            let is_empty = items.is_empty() || is_hyphen;
            return if is_empty { Err(range) } else { Ok(items) };
        }
        if !is_hyphen && !items.is_empty() && rest.starts_with("- ") {
            is_hyphen = true;
            at += 1;
            continue;
        }
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)).unwrap_or_default();
        let behind = rest[operator.len()..].trim_start();
        let begin = range.end - behind.len();
        let length =
            behind.find(|c: char| c.is_whitespace() || matches!(c, ',' | '<' | '>' | '=')).unwrap_or(behind.len());
        let place = begin..begin + length;
        *count += 1;
        if *count > COMPARATORS || (is_hyphen && !operator.is_empty()) {
            return Err(at..place.end);
        }
        let sign = if is_hyphen { "-" } else { operator };
        let sign = builder.string(sign, span(&(at..at + operator.len())));
        let mut entries = vec![("operator", sign)];
        entries.extend(version(text, place.clone(), builder).ok_or(at..place.end)?);
        items.push(builder.object(entries, span(&(at..place.end))));
        is_hyphen = false;
        at = place.end;
    }
}

/// The parts of a version.
fn version(text: &str, place: Range<usize>, builder: &mut Builder) -> Option<Vec<(&'static str, Node)>> {
    let written = &text[place.clone()];
    let place_of = |part: &str| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        span(&(start..start + part.len()))
    };
    let number = written.strip_prefix(['v', 'V']).unwrap_or(written);
    let (number, build) = number.split_once('+').map_or((number, None), |(number, build)| (number, Some(build)));
    let (number, pre) = number.split_once('-').map_or((number, None), |(number, pre)| (number, Some(pre)));
    let mut entries = Vec::new();
    let mut parts = number.split('.');
    let mut is_open = false;
    for key in ["major", "minor", "patch"] {
        let Some(part) = parts.next() else { break };
        if matches!(part, "x" | "X" | "*") {
            is_open = true;
        } else if part.is_empty() || is_open || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        } else {
            entries.push((key, builder.number(part.parse().ok()?, place_of(part))));
        }
    }
    let is_identifiers = |text: &str| {
        text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    };
    for (key, part) in [("pre", pre), ("build", build)] {
        if let Some(part) = part {
            if !is_identifiers(part) {
                return None;
            }
            entries.push((key, builder.string(part, place_of(part))));
        }
    }
    parts.next().is_none().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn outline(text: &str) -> Option<String> {
        let value = tree(text, &mut Builder::new(usize::MAX)).to_value();
        let comparator = |item: &Json| {
            let parts = ["major", "minor", "patch"].iter().filter_map(|key| item[*key].as_u64());
            let number = parts.map(|part| part.to_string()).collect::<Vec<_>>().join(".");
            let pre = item["pre"].as_str().map_or(String::new(), |pre| format!("-{pre}"));
            format!("{}{number}{pre}", item["operator"].as_str().unwrap())
        };
        let list = |items: &Json| items.as_array().unwrap().iter().map(comparator).collect::<Vec<_>>().join(" ");
        Some(value["alternatives"].as_array()?.iter().map(list).collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn ranges_are_read() {
        for (text, expected) in [
            ("1.2.3", "1.2.3"),
            ("v1.2.3-rc.1+b.5", "1.2.3-rc.1"),
            ("^1.2", "^1.2"),
            (">=1.2.0, <2", ">=1.2.0 <2"),
            (">= 1.2.0 < 2.0.0 || ~3.x", ">=1.2.0 <2.0.0 | ~3"),
            (">=1<2", ">=1 <2"),
            ("1.2 - 1.4.5", "1.2 -1.4.5"),
            ("*", ""),
            ("1.*", "1"),
            ("!=1.5", "!=1.5"),
        ] {
            assert_eq!(outline(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "latest", "1.2.3.4", "1..2", "^", "1.x.3", "1 - ", "|| 1", ">=a", "1.2.3-", "$V"] {
            assert_eq!(outline(text), None, "{text}");
        }
    }

    #[test]
    fn cargo_reads_the_same_comparators() {
        for text in ["^1.2.3", ">=1.2, <2", "~1", "=1.0.0-rc.1", "1.*", "<1.2.3"] {
            let known = semver::VersionReq::parse(text).unwrap();
            let ours = outline(text).unwrap();
            assert_eq!(ours.split(' ').count(), known.comparators.len(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([0-9.x*^~<>=-]|\\|\\|| |,|v|a|\\+|é){0,20}") {
            let tree = tree(&text, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
