//! JSON (RFC 8259), with the place of every value.

use super::{Limits, SyntaxError};
use crate::document::{Entry, Node, Span, Value};
use std::collections::HashSet;

/// Parses a JSON text.
///
/// # Errors
/// At the byte where the text stops being JSON, a key stands twice, or a bound is exceeded.
pub fn parse(text: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let start = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let mut parser = Parser { text, at: start, limits, nodes: 0 };
    let node = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.expected("the end of the text"));
    }
    Ok(node)
}

struct Parser<'t, 'l> {
    text: &'t str,
    at: usize,
    limits: &'l Limits,
    nodes: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'t> Parser<'t, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expected(&self, what: &str) -> SyntaxError {
        SyntaxError::new(self.at, format!("expected {what}"))
    }

    /// Steps over a byte when it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Parsed<Node> {
        self.skip_space();
        if depth > self.limits.depth {
            let limit = self.limits.depth;
            return Err(SyntaxError::new(self.at, format!("nested deeper than {limit} levels (limit `depth`)")));
        }
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let limit = self.limits.nodes;
            return Err(SyntaxError::new(self.at, format!("more than {limit} values (limit `nodes`)")));
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?.into()),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?.into()),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.expected("a value")),
        };
        Ok(Node::new(value, Span::new(start, self.at)))
    }

    fn word(&mut self, word: &str, value: Value) -> Parsed<Value> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Parsed<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        self.at += 1;
        let mut entries = Vec::new();
        let mut keys = HashSet::new();
        self.skip_space();
        if self.eat(b'}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let key: Box<str> = self.string()?.into();
            let key_span = Span::new(start, self.at);
            if !keys.insert(key.clone()) {
                return Err(SyntaxError::new(start, format!("the key `{key}` stands twice in this object")));
            }
            self.skip_space();
            if !self.eat(b':') {
                return Err(self.expected("`:`"));
            }
            entries.push(Entry::new(key, key_span, self.value(depth + 1)?));
            self.skip_space();
            if self.eat(b'}') {
                return Ok(Value::Object(entries));
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn number(&mut self) -> Parsed<&'t str> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    /// The string at its opening quote. Finding its end is ours, decoding it serde_json's.
    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..0x20) => return Err(self.expected("an escape instead of a control character")),
                Some(_) => self.at += 1,
                None => return Err(SyntaxError::new(start, "the string is not closed")),
            }
        }
        self.at += 1;
        let literal = &self.text[start..self.at];
        if !literal.contains('\\') {
            return Ok(literal[1..literal.len() - 1].to_owned());
        }
        serde_json::from_str(literal).map_err(|_| SyntaxError::new(start, "the string has an invalid escape"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) -> Result<(), TestCaseError> {
        let ours = parse(text, &Limits::default());
        match serde_json::from_str::<serde_json::Value>(text) {
            // serde_json takes the last of equal keys, and numbers no larger than f64.
            Ok(theirs) => match ours {
                Ok(node) => prop_assert_eq!(node.to_value(), theirs),
                Err(error) => prop_assert!(error.message.contains("stands twice"), "{text}: {error}"),
            },
            Err(error) => prop_assert!(ours.is_err() || error.to_string().contains("out of range"), "{text}"),
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}\",:\\\\u0-9a-f \\-.tneE+\\n]{0,30}") {
            check(&text)?;
        }

        #[test]
        fn agrees_with_serde_json_on_what_is_nearly_json(
            text in "\\{\"a\": ?(\\[1, ?(-?0|true|\"\\\\[nu\"][0d][08]3d\"|1\\.5e3|\\{\\}),? ?null\\]|\"x\"),? ?(\"b\":1)?\\}"
        ) {
            check(&text)?;
        }
    }

    #[test]
    fn spans_and_errors_have_places() {
        let text = "{\"a\": [1, \"é\"], \"b\": {}}";
        let root = parse(text, &Limits::default()).unwrap();
        assert_eq!(&text[root.get("a").unwrap().items()[1].span.range()], "\"é\"");
        assert_eq!(&text[root.entry("b").unwrap().key_span.range()], "\"b\"");
        assert_eq!(parse("{\"a\": 1, \"a\": 2}", &Limits::default()).unwrap_err().at, 9);
        assert_eq!(parse("[1, x]", &Limits::default()).unwrap_err().at, 4);
        let deep = parse(&"[".repeat(100_000), &Limits::default()).unwrap_err();
        assert!(deep.message.contains("limit `depth`"));
    }
}
