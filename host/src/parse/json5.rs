//! JSON with comments, and JSON5, with the place of every value.

use super::tree::{Tree, without_mark};
use super::{Limits, Repeated, SyntaxError};
use crate::document::{Entry, Node, Span, Value};
use jsonc_parser::ast::Value as Written;
use jsonc_parser::common::{Range as At, Ranged as _};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::collections::HashMap;
use std::ops::Range;

/// Parses a JSON5 text. Of equal keys the last counts, and each is told. Infinity and NaN are texts, since JSON has none.
///
/// # Errors
/// At the byte where the text stops being JSON5, or a bound is exceeded. The parser itself nests no deeper than 512 levels.
pub fn parse_with(text: &str, limits: &Limits) -> Result<(Node, Vec<Repeated>), SyntaxError> {
    let (bare, mark) = without_mark(text);
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    let parsed = parse_to_ast(bare, &CollectOptions::default(), &options).map_err(|error| {
        SyntaxError::new((error.range().start + mark).min(text.len()), lower(&error.kind().to_string()))
    })?;
    let value = parsed.value.ok_or_else(|| SyntaxError::new(text.len(), "expected a value"))?;
    let mut builder = Builder { tree: Tree::new(limits), mark, repeated: Vec::new() };
    let root = builder.value(&value, 0)?;
    Ok((root, builder.repeated))
}

/// A message that begins in lower case, as all of ours.
fn lower(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

struct Builder<'l> {
    tree: Tree<'l>,
    mark: usize,
    repeated: Vec<Repeated>,
}

impl Builder<'_> {
    fn place(&self, at: At) -> Range<usize> {
        at.start + self.mark..at.end + self.mark
    }

    fn value(&mut self, written: &Written<'_>, depth: usize) -> Result<Node, SyntaxError> {
        let at = self.place(written.range());
        self.tree.nest(depth, at.start)?;
        let value = match written {
            Written::NullKeyword(_) => Value::Null,
            Written::BooleanLit(flag) => Value::Bool(flag.value),
            Written::NumberLit(number) => number_of(number.value),
            Written::StringLit(text) => Value::String((&*text.value).into()),
            Written::Array(array) => {
                let items = array.elements.iter().map(|item| self.value(item, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Written::Object(object) => {
                let mut last: HashMap<&str, usize> = HashMap::new();
                for (index, property) in object.properties.iter().enumerate() {
                    let key = property.name.as_str();
                    if last.insert(key, index).is_some() {
                        let at = self.place(property.name.range()).start;
                        Repeated::note(&mut self.repeated, key, at);
                    }
                }
                let mut entries = Vec::with_capacity(last.len());
                for (index, property) in object.properties.iter().enumerate() {
                    let key = property.name.as_str();
                    if last.get(key) == Some(&index) {
                        let key_at = self.place(property.name.range());
                        let value = self.value(&property.value, depth + 1)?;
                        entries.push(Entry::new(key, Span::new(key_at.start, key_at.end), value));
                    }
                }
                Value::Object(entries)
            }
        };
        self.tree.node(value, at)
    }
}

/// A number as JSON has it: hexadecimal ones in decimal, with digits around the point.
fn number_of(text: &str) -> Value {
    let unsigned = text.trim_start_matches('+');
    let (sign, digits) = unsigned.strip_prefix('-').map_or(("", unsigned), |digits| ("-", digits));
    let json = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).map(|number| format!("{sign}{number}")).ok(),
        None => decimal(digits).map(|digits| format!("{sign}{digits}")),
    };
    match json.filter(|json| serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok()) {
        Some(json) => Value::Number(json.into()),
        None => Value::String(text.into()),
    }
}

/// `.5` as `0.5`, `5.` as `5.0`.
fn decimal(digits: &str) -> Option<String> {
    let Some((whole, rest)) = digits.split_once('.') else { return Some(digits.to_owned()) };
    let end = rest.find(['e', 'E']).unwrap_or(rest.len());
    let (fraction, exponent) = rest.split_at(end);
    let or_zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
    Some(format!("{}.{}{exponent}", or_zero(whole), or_zero(fraction)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(text: &str) -> Result<Node, SyntaxError> {
        parse_with(text, &Limits::default()).map(|(root, _)| root)
    }

    #[test]
    fn what_json5_adds_is_read() {
        let text = "\u{feff}// a\n{extends: ['a', \"b\"], /* c */ n: [.5, 5., +1, -0x1F, 1e3, Infinity], 'd e': null,}";
        let root = parse(text).unwrap();
        assert_eq!(
            root.to_value(),
            json!({"extends": ["a", "b"], "n": [0.5, 5.0, 1, -31, 1e3, "Infinity"], "d e": null})
        );
        check(&root, text);
        assert_eq!(&text[root.get("extends").unwrap().items()[0].span.range()], "'a'");
        assert_eq!(&text[root.entry("d e").unwrap().key_span.range()], "'d e'");
    }

    #[test]
    fn mistakes_and_repeated_keys_are_told_where_they_are() {
        assert_eq!(parse("{a: 1 b: 2}").unwrap_err().at, 5);
        assert!(parse("").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        let (root, repeated) = parse_with("{a: 1, b: 2, 'a': 3}", &Limits::default()).unwrap();
        assert_eq!((root.to_json().as_str(), repeated[0].at), ("{\"b\":2,\"a\":3}", 13));
        let few = Limits { nodes: 2, depth: 1, ..Limits::default() };
        assert!(parse_with("[1, 2, 3]", &few).unwrap_err().message.contains("limit `nodes`"));
        assert!(parse_with("[[[]]]", &few).unwrap_err().message.contains("limit `depth`"));
    }

    proptest! {
        #[test]
        fn what_is_json_is_the_same(text in "[\\[\\]{}\",:0-9a-c \\-.tneE+\\n']{0,30}") {
            let ours = parse(&text);
            if let Ok(root) = &ours {
                check(root, &text);
            }
            if let Ok(theirs) = serde_json::from_str::<serde_json::Value>(&text) {
                prop_assert_eq!(ours.map_err(|error| TestCaseError::fail(error.to_string()))?.to_value(), theirs);
            }
        }
    }
}
