//! JSON (RFC 8259), with the place of every value.

use super::{Limits, Repeated, RepeatedKeys, SyntaxError};
use crate::document::{Entry, Node, Span, Value};
use std::collections::HashMap;

/// Parses a JSON text.
///
/// # Errors
/// At the byte where the text stops being JSON, a key stands twice, or a bound is exceeded.
pub fn parse(text: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    parse_with(text, RepeatedKeys::Refused, limits).map(|(root, _)| root)
}

/// Parses a JSON text. Tells which keys stand twice, when that is no error.
///
/// # Errors
/// At the byte where the text stops being JSON, a key stands twice that may not, or a bound is exceeded.
pub fn parse_with(text: &str, keys: RepeatedKeys, limits: &Limits) -> Result<(Node, Vec<Repeated>), SyntaxError> {
    let start = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let mut parser = Parser { text, at: start, keys, limits, nodes: 0, repeated: Vec::new() };
    let node = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.expected("the end of the text"));
    }
    Ok((node, parser.repeated))
}

/// Bytes of memory that the tree of a text takes at the most, while it is parsed and after. Where `nested`, strings may
/// hold JSON texts that are parsed as well, and the answer is for all of the trees together.
///
/// One look at each byte, and it never fails: what is no JSON is told apart by [`parse`].
pub fn tree_bytes(text: &str, nested: bool) -> usize {
    let (mut values, mut keys) = (1usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    // The last byte that was no white space.
    let mut last = 0;
    for byte in text.bytes() {
        if in_string && !nested {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b',' => values += 1,
            b':' => keys += 1,
            // The first value of a collection; an empty one has none.
            b']' | b'}' => values += usize::from(!matches!(last, b'[' | b'{')),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
    }
    // Decoded texts are no longer than they were written.
    text.len().saturating_add(values.saturating_mul(VALUE_BYTES)).saturating_add(keys.saturating_mul(KEY_BYTES))
}

/// The least that the allocator hands out, and what it adds to more.
const BLOCK_BYTES: usize = 32;
/// Bytes of a value: itself, a block for its text or its members, and half as much again of room that vectors
/// make while they grow.
const VALUE_BYTES: usize = size_of::<Node>() * 3 / 2 + BLOCK_BYTES;
/// Bytes of a key beside its value: the same, and its place in the search for equal keys.
const KEY_BYTES: usize = (size_of::<Entry>() - size_of::<Node>()) * 3 / 2 + BLOCK_BYTES + size_of::<u32>();

struct Parser<'t, 'l> {
    text: &'t str,
    at: usize,
    keys: RepeatedKeys,
    limits: &'l Limits,
    nodes: usize,
    repeated: Vec<Repeated>,
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
                items.shrink_to_fit();
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
            self.skip_space();
            if !self.eat(b':') {
                return Err(self.expected("`:`"));
            }
            entries.push(Entry::new(key, key_span, self.value(depth + 1)?));
            self.skip_space();
            if self.eat(b'}') {
                entries.shrink_to_fit();
                if let Some(Entry { key, key_span, .. }) = repeated(&entries) {
                    if self.keys == RepeatedKeys::Refused {
                        let message = format!("the key `{key}` stands twice in this object");
                        return Err(SyntaxError::new(key_span.start as usize, message));
                    }
                    self.keep_last(&mut entries);
                }
                return Ok(Value::Object(entries));
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    /// Keeps the last of entries with equal keys, and takes note of them.
    fn keep_last(&mut self, entries: &mut Vec<Entry>) {
        let mut last: HashMap<Box<str>, usize> = HashMap::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            if last.insert(entry.key.clone(), index).is_some() {
                Repeated::note(&mut self.repeated, &entry.key, entry.key_span.start as usize);
            }
        }
        let mut index = 0;
        entries.retain(|entry| {
            index += 1;
            last.get(&entry.key) == Some(&(index - 1))
        });
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

/// The first entry whose key is that of one before it.
fn repeated(entries: &[Entry]) -> Option<&Entry> {
    /// Up to so many, comparing each with each is quickest.
    const FEW: usize = 8;
    let key = |at: usize| &*entries[at].key;
    if entries.len() <= FEW {
        return (1..entries.len()).find(|at| (0..*at).any(|before| key(before) == key(*at))).map(|at| &entries[at]);
    }
    let mut order: Vec<u32> = (0..entries.len() as u32).collect();
    // Equal keys in their order.
    order.sort_by(|left, right| key(*left as usize).cmp(key(*right as usize)));
    let pairs = order.windows(2).filter(|pair| key(pair[0] as usize) == key(pair[1] as usize));
    pairs.map(|pair| &entries[pair[1] as usize]).min_by_key(|entry| entry.key_span.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) -> Result<(), TestCaseError> {
        let strict = parse(text, &Limits::default());
        let ours = parse_with(text, RepeatedKeys::LastCounts, &Limits::default());
        match serde_json::from_str::<serde_json::Value>(text) {
            // serde_json takes the last of equal keys, and numbers no larger than f64.
            Ok(theirs) => {
                let (node, repeated) = ours.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
                prop_assert_eq!(node.to_value(), theirs);
                prop_assert_eq!(strict.ok(), repeated.is_empty().then_some(node));
            }
            Err(error) => {
                prop_assert!(ours.is_err() || error.to_string().contains("out of range"), "{text}");
                prop_assert!(ours.is_ok() || strict.is_err(), "{text}");
            }
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

    proptest! {
        #[test]
        fn trees_are_never_larger_than_they_are_estimated(
            text in "\\[(1|\"\"|\"ab\\\\\"cd, \\[\"|\\{\\}|\\[ \\]|\\[1\\]|\\{\"a\": \"b,\", \"c\":\\[0\\]\\})(,(1|null|\\[\\[2\\],\\{\\}\\]|\"x\")){0,40}\\]"
        ) {
            let tree = parse(&text, &Limits::default()).unwrap();
            prop_assert!(tree.heap_bytes() <= tree_bytes(&text, false), "{text}");
            // The same text inside of a string, as Gatekeeper has it.
            let nested = serde_json::json!({ "keys": [text] }).to_string();
            let outer = parse(&nested, &Limits::default()).unwrap();
            prop_assert!(outer.heap_bytes() + tree.heap_bytes() <= tree_bytes(&nested, true), "{nested}");
        }

        #[test]
        fn estimates_never_fail(text in "[\\[\\]{}\",:\\\\ a0]{0,40}") {
            if let Ok(tree) = parse(&text, &Limits::default()) {
                prop_assert!(tree.heap_bytes() <= tree_bytes(&text, false), "{text}");
            }
            prop_assert!(tree_bytes(&text, false) <= tree_bytes(&text, true) + VALUE_BYTES, "{text}");
        }
    }

    #[test]
    fn estimates_are_within_a_factor_of_three() {
        let member = (0..20_000).map(|at| format!("\"k{at}\":1")).collect::<Vec<_>>().join(",");
        for text in
            [format!("[{}0]", "1,".repeat(20_000)), format!("[{}0]", "[],".repeat(20_000)), format!("{{{member}}}")]
        {
            let tree = parse(&text, &Limits::default()).unwrap().heap_bytes();
            assert!(tree_bytes(&text, false) < 3 * tree, "{} of {tree}", tree_bytes(&text, false));
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts_where_it_may() {
        let text = r#"{"a": 1, "b": {"c": 2, "c": 3}, "a": [4], "d": 5, "a": 6}"#;
        let (root, repeated) = parse_with(text, RepeatedKeys::LastCounts, &Limits::default()).unwrap();
        assert_eq!(root.to_json(), r#"{"b":{"c":3},"d":5,"a":6}"#);
        let told: Vec<(&str, usize)> = repeated.iter().map(|one| (&*one.key, one.at)).collect();
        assert_eq!(told, [("c", 23), ("a", 32), ("a", 50)]);
        let many = format!("{{{}\"a\":1}}", "\"a\":0,".repeat(1000));
        let (_, repeated) = parse_with(&many, RepeatedKeys::LastCounts, &Limits::default()).unwrap();
        assert_eq!(repeated.len(), Repeated::TOLD);
    }

    #[test]
    fn equal_keys_are_found_in_small_and_large_objects() {
        for count in [2, 7, 8, 9, 300] {
            let keys: Vec<String> = (0..count).map(|at| format!("\"k{at}\":1")).collect();
            assert!(parse(&format!("{{{}}}", keys.join(",")), &Limits::default()).is_ok());
            for twice in [0, count - 1] {
                let text = format!("{{{},{}}}", keys.join(","), keys[twice]);
                let error = parse(&text, &Limits::default()).unwrap_err();
                assert_eq!((error.at, error.message.contains("stands twice")), (text.rfind("\"k").unwrap(), true));
            }
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
