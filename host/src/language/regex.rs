//! Regular expressions (`:regex`), as RE2 (Go, Prometheus, Kubernetes) has them.
//!
//! # The model
//!
//! ```text
//! { "start": true,                 it matches at the start of a text only
//!   "end": true,                   it matches up to the end of a text only
//!   "shortest": 3,                 bytes of the shortest text that it matches
//!   "texts": [ "a", "b" ],         all that it matches (anchors aside), where that is a few texts
//!   "anything": true }             it matches every text without line breaks: `.*`
//! ```
//!
//! Read by regex-syntax, which nests in bounds.

use super::build::Builder;
use super::limits;
use crate::document::{Node, Span};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Bytes of a pattern.
const BYTES: usize = 16 << 10;
/// Texts that are told.
const TEXTS: usize = 64;

/// The tree of a pattern.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    if text.len() > BYTES {
        return builder.nothing(whole, format!("longer than {BYTES} bytes"));
    }
    let pattern = match ParserBuilder::new().nest_limit(limits::DEPTH as u32).build().parse(text) {
        Ok(pattern) => pattern,
        Err(error) => {
            let (span, reason) = match &error {
                regex_syntax::Error::Parse(error) => (Some(error.span()), error.kind().to_string()),
                regex_syntax::Error::Translate(error) => (Some(error.span()), error.kind().to_string()),
                _ => (None, error.to_string()),
            };
            let at = span.map_or(whole, |span| Span::new(span.start.offset, span.end.offset));
            return builder.nothing(at, reason);
        }
    };
    let properties = pattern.properties();
    let mut entries = Vec::new();
    let is_start = properties.look_set_prefix().contains(Look::Start);
    for (key, flag) in [
        ("start", is_start),
        ("end", properties.look_set_suffix().contains(Look::End)),
        ("anything", is_anything(&pattern)),
    ] {
        if flag {
            entries.push((key, builder.yes(whole)));
        }
    }
    if let Some(shortest) = properties.minimum_len() {
        entries.push(("shortest", builder.number(shortest, whole)));
    }
    if let Some(texts) = texts(&pattern) {
        let items = texts.into_iter().map(|text| builder.string(text, whole)).collect();
        entries.push(("texts", builder.list(items, whole)));
    }
    builder.object(entries, whole)
}

/// Whether a pattern is `.*`, anchors and groups aside.
fn is_anything(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Repetition(repetition) => {
            let all = [Hir::dot(regex_syntax::hir::Dot::AnyCharExceptLF), Hir::dot(regex_syntax::hir::Dot::AnyChar)];
            repetition.min == 0 && repetition.max.is_none() && all.contains(&repetition.sub)
        }
        HirKind::Capture(capture) => is_anything(&capture.sub),
        HirKind::Concat(parts) => {
            let mut consuming =
                parts.iter().filter(|part| !matches!(part.kind(), HirKind::Look(Look::Start | Look::End)));
            consuming.next().is_some_and(is_anything) && consuming.next().is_none()
        }
        _ => false,
    }
}

/// The texts that a pattern matches, where they are few.
fn texts(pattern: &Hir) -> Option<Vec<String>> {
    let found = match pattern.kind() {
        HirKind::Empty | HirKind::Look(Look::Start | Look::End) => vec![String::new()],
        HirKind::Look(_) | HirKind::Repetition(_) => return None,
        HirKind::Literal(literal) => vec![String::from_utf8(literal.0.to_vec()).ok()?],
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.iter().map(|range| (range.start()..=range.end()).take(TEXTS + 1));
            ranges.flatten().take(TEXTS + 1).map(String::from).collect()
        }
        HirKind::Class(Class::Bytes(_)) => return None,
        HirKind::Capture(capture) => texts(&capture.sub)?,
        HirKind::Concat(parts) => parts.iter().try_fold(vec![String::new()], |heads, part| {
            let tails = texts(part)?;
            let few = heads.len() * tails.len() <= TEXTS;
            few.then(|| heads.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))).collect())
        })?,
        HirKind::Alternation(parts) => parts.iter().try_fold(Vec::new(), |mut found, part| {
            found.extend(texts(part)?);
            (found.len() <= TEXTS).then_some(found)
        })?,
    };
    (found.len() <= TEXTS).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn read(text: &str) -> Json {
        tree(text, &mut Builder::new(usize::MAX)).to_value()
    }

    #[test]
    fn patterns_are_read() {
        assert_eq!(
            read("^(api|web)-[ab]$"),
            json!({
                "start": true, "end": true, "shortest": 5, "texts": ["api-a", "api-b", "web-a", "web-b"],
            })
        );
        for pattern in [".*", "^.*$", "(.*)", "(?s).*"] {
            assert_eq!(read(pattern)["anything"], true, "{pattern}");
        }
        assert_eq!(read("a.*b"), json!({"shortest": 2}));
        assert_eq!(read("v1\\.2"), json!({"shortest": 4, "texts": ["v1.2"]}));
        assert!(read(".+")["anything"].is_null());
        for pattern in ["(", "a{2,1}", "[z-a]", "*", "(?=x)", "\\1"] {
            assert!(read(pattern)["unread"][0]["reason"].is_string(), "{pattern}");
        }
        for pattern in
            ["(".repeat(5_000) + &")".repeat(5_000), "[ab]".repeat(2_000), "(a|b)".repeat(2_000), "x".repeat(BYTES + 1)]
        {
            read(&pattern);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-c]|\\(|\\)|\\[|\\]|\\*|\\+|\\?|\\^|\\$|\\||\\\\|\\.|\\{|\\}|1|,|é|\\(\\?i\\)){0,20}") {
            let tree = tree(&text, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
