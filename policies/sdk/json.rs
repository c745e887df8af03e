//! Reading JSON: a flat, read-only tree and [`View`]s into it that know their own path.
//!
//! The tree is one vector in document order, because a rule lives for a single call: one
//! allocation, no recursion, and a subtree is skipped by one addition.

use crate::language::{is_tree, own_key};
use std::borrow::Cow;
use std::fmt;

/// A parsed JSON text.
#[derive(Debug)]
pub struct Json<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Debug)]
struct Node<'a> {
    kind: Kind,
    /// The key under which this node stands in its parent, when that is an object.
    key: Cow<'a, str>,
    /// A string's decoded text, or a number's digits.
    text: Cow<'a, str>,
    /// The node that holds this one; the root holds itself.
    parent: u32,
    /// One past the last node of this subtree.
    end: u32,
}

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number
    Number,
    /// A string
    String,
    /// An array
    Array,
    /// An object
    Object,
}

/// Why a text is not JSON: what was expected, and the byte where it was missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at byte {}", self.expected, self.at)
    }
}

impl<'a> Json<'a> {
    /// Parses a JSON text (RFC 8259). Nesting needs no stack, so there is no depth limit.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        Parser { text, at: 0, nodes: Vec::with_capacity(text.len() / 12 + 2) }.run()
    }

    /// The whole value.
    pub fn root(&self) -> View<'_> {
        View { nodes: &self.nodes, node: 0, missing: String::new() }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nodes: Vec<Node<'a>>,
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<Json<'a>, JsonError> {
        // The open array or object, if any; `parent` links lead outwards.
        let mut open: Option<u32> = None;
        let mut key = Cow::Borrowed("");
        loop {
            self.skip_space();
            let node = self.value(open.unwrap_or(0), std::mem::take(&mut key))?;
            let is_container = matches!(self.nodes[node as usize].kind, Kind::Array | Kind::Object);
            let mut first = false;
            if is_container {
                open = Some(node);
                first = true;
            }
            // Close what ends here, then step over the comma to the next value.
            loop {
                self.skip_space();
                let Some(container) = open else {
                    return if self.at == self.text.len() {
                        Ok(Json { nodes: self.nodes })
                    } else {
                        Err(self.expected("the end"))
                    };
                };
                let is_object = self.nodes[container as usize].kind == Kind::Object;
                if self.peek() == Some(if is_object { b'}' } else { b']' }) {
                    self.at += 1;
                    self.nodes[container as usize].end = self.nodes.len() as u32;
                    open = (container != 0).then_some(self.nodes[container as usize].parent);
                    first = false;
                    continue;
                }
                if !first {
                    self.take(b',', "`,` or the closing bracket")?;
                    self.skip_space();
                }
                if is_object {
                    key = self.string()?;
                    self.skip_space();
                    self.take(b':', "`:`")?;
                }
                break;
            }
        }
    }

    fn value(&mut self, parent: u32, key: Cow<'a, str>) -> Result<u32, JsonError> {
        let (kind, text) = match self.peek() {
            Some(b'{') => (Kind::Object, self.skip(1)),
            Some(b'[') => (Kind::Array, self.skip(1)),
            Some(b'"') => (Kind::String, self.string()?),
            Some(b't') => (Kind::Bool(true), self.word("true")?),
            Some(b'f') => (Kind::Bool(false), self.word("false")?),
            Some(b'n') => (Kind::Null, self.word("null")?),
            Some(b'-' | b'0'..=b'9') => (Kind::Number, self.number()),
            _ => return Err(self.expected("a value")),
        };
        let node = self.nodes.len() as u32;
        self.nodes.push(Node { kind, key, text, parent, end: node + 1 });
        Ok(node)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn skip(&mut self, bytes: usize) -> Cow<'a, str> {
        self.at += bytes;
        Cow::Borrowed("")
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &'static str) -> Result<Cow<'a, str>, JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.expected(word));
        }
        Ok(self.skip(word.len()))
    }

    fn number(&mut self) -> Cow<'a, str> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Cow::Borrowed(&self.text[start..self.at])
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.take(b'"', "a string")?;
        let start = self.at;
        let special = |byte: &u8| matches!(byte, b'"' | b'\\');
        let plain = self.text.as_bytes()[start..].iter().position(special);
        self.at = plain.map_or(self.text.len(), |plain| start + plain);
        match self.peek() {
            Some(b'"') => {
                let text = &self.text[start..self.at];
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            Some(_) => self.escaped_string(start),
            None => Err(self.expected("`\"`")),
        }
    }

    fn escaped_string(&mut self, start: usize) -> Result<Cow<'a, str>, JsonError> {
        let mut out = String::from(&self.text[start..self.at]);
        loop {
            let run = self.at;
            while !matches!(self.peek(), Some(b'"' | b'\\') | None) {
                self.at += 1;
            }
            out.push_str(&self.text[run..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return Err(self.expected("`\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escape = self.peek().ok_or_else(|| self.expected("an escape"))?;
        self.at += 1;
        Ok(match escape {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => char::from(escape),
            b'u' => {
                let high = self.hex4()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high).ok_or_else(|| self.expected("a Unicode scalar"));
                }
                self.take(b'\\', "a low surrogate")?;
                self.take(b'u', "a low surrogate")?;
                let low = self.hex4()?;
                if !(0xdc00..0xe000).contains(&low) {
                    return Err(self.expected("a low surrogate"));
                }
                let scalar = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                char::from_u32(scalar).ok_or_else(|| self.expected("a Unicode scalar"))?
            }
            _ => return Err(self.expected("an escape")),
        })
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or_else(|| self.expected("four hex digits"))?;
        let mut value = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(16).ok_or_else(|| self.expected("four hex digits"))?;
            value = value * 16 + digit;
        }
        self.at += 4;
        Ok(value)
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        JsonError { at: self.at, expected }
    }
}

/// A place in a JSON tree, present or not. Asking a view for something that is not there gives an
/// absent view, which still knows its path: findings point at what is missing with it.
///
/// Kubernetes treats `null` as unset, and so does a view: [`View::exists`] is false for `null`.
#[derive(Clone)]
pub struct View<'d> {
    nodes: &'d [Node<'d>],
    /// The nearest node that is there.
    node: u32,
    /// What is missing below it, as a JSON pointer; empty when the view is present.
    missing: String,
}

impl<'d> View<'d> {
    fn present(&self) -> Option<&'d Node<'d>> {
        if self.missing.is_empty() { self.nodes.get(self.node as usize) } else { None }
    }

    fn child(&self, node: u32) -> Self {
        View { nodes: self.nodes, node, missing: String::new() }
    }

    fn absent(&self, token: &str) -> Self {
        let mut missing = String::with_capacity(self.missing.len() + token.len() + 1);
        missing.push_str(&self.missing);
        push_token(token, &mut missing);
        View { nodes: self.nodes, node: self.node, missing }
    }

    /// The indices of the direct children.
    fn children(&self) -> Children<'d> {
        let end = match self.present() {
            Some(node) if matches!(node.kind, Kind::Array | Kind::Object) => node.end,
            _ => 0,
        };
        Children { nodes: self.nodes, next: self.node + 1, end }
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Self {
        match self.present().and_then(|_| find(self.nodes, self.node, key)) {
            Some(node) => self.child(node),
            None => self.absent(key),
        }
    }

    /// The value under a chain of keys joined by dots. For a key that contains a dot use [`View::get`].
    pub fn at(&self, dotted: &str) -> Self {
        let (mut node, mut rest) = (self.node, Some(dotted));
        if self.missing.is_empty() {
            while let Some(keys) = rest {
                let (key, others) = split_key(keys);
                let Some(found) = find(self.nodes, node, key) else { break };
                (node, rest) = (found, others);
            }
        }
        // What is missing is written once, however deep it is.
        let mut missing = String::new();
        if let Some(keys) = rest {
            missing.reserve_exact(self.missing.len() + keys.len() + 1);
            missing.push_str(&self.missing);
        }
        while let Some(keys) = rest {
            let (key, others) = split_key(keys);
            push_token(key, &mut missing);
            rest = others;
        }
        View { nodes: self.nodes, node, missing }
    }

    /// What stands at a dotted path; `[*]` is every element: `stages[*].image`.
    pub fn select(&self, path: &str) -> Vec<Self> {
        let mut found = vec![self.clone()];
        for (index, part) in path.split("[*]").enumerate() {
            let part = part.strip_prefix('.').unwrap_or(part);
            if index > 0 {
                found = found.iter().flat_map(View::items).collect();
            }
            if !part.is_empty() {
                found = found.iter().map(|view| view.at(part)).collect();
            }
        }
        found.retain(View::exists);
        found
    }

    /// The element at `index`.
    pub fn item(&self, index: usize) -> Self {
        let is_array = self.kind() == Some(Kind::Array);
        let found = if is_array { self.children().nth(index) } else { None };
        match found {
            Some(node) => self.child(node),
            None => self.absent(&index.to_string()),
        }
    }

    /// The place behind the last element, to append at (RFC 6902's `-`).
    pub fn end(&self) -> Self {
        self.absent("-")
    }

    /// The elements of an array; none for anything else.
    pub fn items(&self) -> impl Iterator<Item = View<'d>> + use<'d> {
        let view = self.clone();
        let is_array = self.kind() == Some(Kind::Array);
        self.children().filter(move |_| is_array).map(move |node| view.child(node))
    }

    /// The entries of an object; none for anything else. Trees of its texts are left out: see
    /// [`language`](crate::language).
    pub fn entries(&self) -> impl Iterator<Item = (&'d str, View<'d>)> + use<'d> {
        let view = self.clone();
        let is_object = self.kind() == Some(Kind::Object);
        self.children().filter(move |_| is_object).filter_map(move |node| {
            let key: &'d str = &view.nodes[node as usize].key;
            (!is_tree(key)).then(|| (own_key(key), view.child(node)))
        })
    }

    /// The trees that stand beside the entries of an object, by their keys: `run:shell`.
    pub(crate) fn trees(&self) -> impl Iterator<Item = (&'d str, View<'d>)> + use<'d> {
        let view = self.clone();
        let is_object = self.kind() == Some(Kind::Object);
        self.children().filter(move |_| is_object).filter_map(move |node| {
            let key: &'d str = &view.nodes[node as usize].key;
            is_tree(key).then(|| (key, view.child(node)))
        })
    }

    /// How many elements or entries there are.
    pub fn len(&self) -> usize {
        if self.kind() == Some(Kind::Object) { self.entries().count() } else { self.children().count() }
    }

    /// True when there is no element or entry.
    pub fn is_empty(&self) -> bool {
        if self.kind() == Some(Kind::Object) {
            self.entries().next().is_none()
        } else {
            self.children().next().is_none()
        }
    }

    /// What the value is; `None` when absent.
    pub fn kind(&self) -> Option<Kind> {
        self.present().map(|node| node.kind)
    }

    /// True when there is a value other than `null`.
    pub fn exists(&self) -> bool {
        self.kind().is_some_and(|kind| kind != Kind::Null)
    }

    /// A string's text.
    pub fn as_str(&self) -> Option<&'d str> {
        self.present().filter(|node| node.kind == Kind::String).map(|node| &*node.text)
    }

    /// A string's text; empty when there is none.
    pub fn text(&self) -> &'d str {
        self.as_str().unwrap_or_default()
    }

    /// A string's text, or the digits of a number: what an IntOrString or a quantity is read from.
    pub fn scalar_text(&self) -> Option<&'d str> {
        self.present().filter(|node| matches!(node.kind, Kind::String | Kind::Number)).map(|node| &*node.text)
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind() {
            Some(Kind::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// True only for `true`.
    pub fn is_true(&self) -> bool {
        self.as_bool() == Some(true)
    }

    /// An integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.present().filter(|node| node.kind == Kind::Number).and_then(|node| node.text.parse().ok())
    }

    /// The RFC 6901 pointer of this place.
    pub fn pointer(&self) -> String {
        let mut chain = Vec::new();
        let mut node = self.node;
        while node != 0 {
            chain.push(node);
            node = self.nodes[node as usize].parent;
        }
        let mut pointer = String::new();
        let mut parent = 0;
        for node in chain.into_iter().rev() {
            if self.nodes[parent as usize].kind == Kind::Object {
                push_token(&self.nodes[node as usize].key, &mut pointer);
            } else {
                let index = self.child(parent).children().position(|child| child == node).unwrap_or_default();
                push_token(&index.to_string(), &mut pointer);
            }
            parent = node;
        }
        pointer.push_str(&self.missing);
        pointer
    }

    /// The pointer of the first level that has to be made, and the levels below it, outermost
    /// first. `None` when the value is present. A `null` that something is missing below has to be
    /// made anew itself, since nothing can be added to it.
    pub(crate) fn missing_path(&self) -> Option<(String, Vec<&str>)> {
        let mut levels = self.missing.strip_prefix('/')?.split('/');
        let present = View { nodes: self.nodes, node: self.node, missing: String::new() };
        let mut pointer = present.pointer();
        if present.exists() {
            pointer.push('/');
            pointer.push_str(levels.next()?);
        }
        Some((pointer, levels.collect()))
    }
}

struct Children<'d> {
    nodes: &'d [Node<'d>],
    next: u32,
    end: u32,
}

impl Iterator for Children<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.next >= self.end {
            return None;
        }
        let node = self.next;
        self.next = self.nodes[node as usize].end;
        Some(node)
    }
}

/// The node under `key` of a node that is there.
fn find(nodes: &[Node<'_>], node: u32, key: &str) -> Option<u32> {
    let object = nodes.get(node as usize).filter(|node| node.kind == Kind::Object)?;
    let mut next = node + 1;
    while next < object.end {
        let child = &nodes[next as usize];
        // Most keys differ in length or in their first byte, which costs no call.
        let (theirs, ours) = (child.key.as_bytes(), key.as_bytes());
        if theirs.len() == ours.len() && theirs.first() == ours.first() && theirs == ours {
            return Some(next);
        }
        next = child.end;
    }
    None
}

/// The first of some keys that are joined by dots, and the others.
fn split_key(dotted: &str) -> (&str, Option<&str>) {
    match dotted.bytes().position(|byte| byte == b'.') {
        Some(dot) => (&dotted[..dot], Some(&dotted[dot + 1..])),
        None => (dotted, None),
    }
}

fn push_token(token: &str, pointer: &mut String) {
    pointer.push('/');
    if !token.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
        return pointer.push_str(token);
    }
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_with_stars_selects_every_element() {
        let json = Json::parse(r#"{"a":[{"b":[1,2]},{"c":3},{"b":[4]}],"d":{"e":5}}"#).unwrap();
        let select = |path: &str| -> Vec<i64> { json.root().select(path).iter().filter_map(View::as_i64).collect() };
        assert_eq!(select("a[*].b[*]"), [1, 2, 4]);
        assert_eq!(select("d.e"), [5]);
        assert!(select("d[*]").is_empty());
        assert_eq!(json.root().select("a[*].b").len(), 2);
        assert_eq!(json.root().select("a[*].b")[1].pointer(), "/a/2/b");
    }

    fn arbitrary_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Walks both trees: same values, and every pointer leads back to its value.
    fn assert_same(view: &View<'_>, value: &serde_json::Value, whole: &serde_json::Value) {
        assert_eq!(whole.pointer(&view.pointer()), Some(value));
        match value {
            serde_json::Value::Null => assert!(!view.exists()),
            serde_json::Value::Bool(flag) => assert_eq!(view.as_bool(), Some(*flag)),
            serde_json::Value::Number(number) => assert_eq!(view.as_i64(), number.as_i64()),
            serde_json::Value::String(text) => assert_eq!(view.as_str(), Some(text.as_str())),
            serde_json::Value::Array(items) => {
                assert_eq!(view.len(), items.len());
                for (index, (view, item)) in view.items().zip(items).enumerate() {
                    assert_same(&view, item, whole);
                    assert_eq!(whole.pointer(&view.pointer()), Some(&items[index]));
                }
            }
            serde_json::Value::Object(map) => {
                assert_eq!(view.len(), map.len());
                for (key, entry) in view.entries() {
                    assert_same(&entry, &map[key], whole);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_writes(value in arbitrary_json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let json = Json::parse(&text).unwrap();
            assert_same(&json.root(), &value, &value);
        }

        #[test]
        fn never_panics(text in "[\\[\\]{}\",:\\\\u0-9a-f \\-.tn]{0,40}") {
            let _ = Json::parse(&text);
        }
    }

    #[test]
    fn decodes_escapes_and_surrogates() {
        let json = Json::parse(r#"["\ud83d\ude00\n\/\u0041"]"#).unwrap();
        assert_eq!(json.root().item(0).as_str(), Some("😀\n/A"));
        assert!(Json::parse(r#"["\ud83d"]"#).is_err());
    }

    #[test]
    fn an_absent_view_knows_its_path() {
        let json = Json::parse(r#"{"a":[{"b":1}]}"#).unwrap();
        let missing = json.root().get("a").item(0).at("x.y/z");
        assert!(!missing.exists());
        assert_eq!(missing.pointer(), "/a/0/x/y~1z");
        assert_eq!(missing.missing_path(), Some(("/a/0/x".to_owned(), vec!["y~1z"])));
    }

    #[test]
    fn what_is_missing_below_null_is_made_in_its_place() {
        let json = Json::parse(r#"{"a":null}"#).unwrap();
        assert_eq!(json.root().at("a.b").missing_path(), Some(("/a".to_owned(), vec!["b"])));
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let text = "[".repeat(200_000) + &"]".repeat(200_000);
        assert!(Json::parse(&text).is_ok());
    }
}
