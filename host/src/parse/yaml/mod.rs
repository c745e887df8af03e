//! YAML, one document at a time, with the place of every value.

mod scalar;
mod split;

pub(crate) use scalar::is_plain_string;
pub use split::split_documents;

use super::{Limits, SyntaxError};
use crate::document::{Entry, Node, Span, Value};
use granit_parser::{Event, Parser, ScalarStyle, ScanError};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// How plain scalars become values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalars {
    /// YAML 1.2's core schema: GitHub workflows, compose files, bundles.
    Core12,
    /// As the Kubernetes clients resolve them (go.yaml.in/yaml/v2, `resolve.go`: YAML 1.1): `y`, `yes`
    /// and `on` are booleans, `0777` is octal.
    Kubernetes,
}

/// Parses one document; `None` when it is empty.
///
/// # Errors
/// At the byte where the text stops being YAML, a key stands twice, or a bound is exceeded.
pub fn parse(text: &str, scalars: Scalars, limits: &Limits) -> Result<Option<Node>, SyntaxError> {
    let text_without_bom = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut options = granit_parser::Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = limits.depth;
    options.block_nesting_limit = limits.depth;
    let events = Parser::new_from_str_with_options(text_without_bom, options);
    let shift = text.len() - text_without_bom.len();
    Builder { text, shift, scalars, limits, events, anchors: HashMap::new(), open: HashSet::new(), nodes: 0, copied: 0 }
        .document()
}

struct Builder<'t, 'l> {
    text: &'t str,
    /// Bytes of the byte order mark, which the event parser does not see.
    shift: usize,
    scalars: Scalars,
    limits: &'l Limits,
    events: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    /// Anchors of collections that are still being built.
    open: HashSet<usize>,
    nodes: usize,
    copied: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'t> Builder<'t, '_> {
    fn next(&mut self) -> Parsed<(Event<'t>, Range<usize>)> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                let range = span.byte_range().unwrap_or(0..0);
                Ok((event, range.start + self.shift..range.end + self.shift))
            }
            Some(Err(error)) => Err(self.scan_error(&error)),
            None => Ok((Event::StreamEnd, self.text.len()..self.text.len())),
        }
    }

    fn scan_error(&self, error: &ScanError) -> SyntaxError {
        let at = error.marker().byte_offset().map_or(self.text.len(), |at| at + self.shift).min(self.text.len());
        let message = error.info();
        if message.contains("nesting") || message.contains("recursion limit") {
            return self.too_deep(at);
        }
        SyntaxError::new(at, message)
    }

    fn too_deep(&self, at: usize) -> SyntaxError {
        SyntaxError::new(at, format!("nested deeper than {} levels (limit `depth`)", self.limits.depth))
    }

    fn document(mut self) -> Parsed<Option<Node>> {
        let mut root = None;
        loop {
            let (event, range) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event if root.is_none() => {
                    let node = self.node(event, range, 0)?;
                    let empty = node.value == Value::Null && node.span.start == node.span.end;
                    root = (!empty).then_some(node);
                }
                _ => return Err(SyntaxError::new(range.start, "a second document begins here without `---`")),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, range: Range<usize>, depth: usize) -> Parsed<Node> {
        if depth > self.limits.depth {
            return Err(self.too_deep(range.start));
        }
        self.count(1, range.start)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar::value(&text, style, tag.as_deref(), self.scalars);
                let node = Node::new(value, self.scalar_span(range, style));
                Ok(self.anchored(anchor, node))
            }
            Event::SequenceStart(_, anchor, _) => self.sequence(anchor, range, depth),
            Event::MappingStart(_, anchor, _) => self.mapping(anchor, range, depth),
            Event::Alias(anchor) => self.alias(anchor, range),
            _ => Err(SyntaxError::new(range.start, "a value was expected here")),
        }
    }

    fn count(&mut self, nodes: usize, at: usize) -> Parsed<()> {
        self.nodes += nodes;
        if self.nodes > self.limits.nodes {
            return Err(SyntaxError::new(at, format!("more than {} values (limit `nodes`)", self.limits.nodes)));
        }
        Ok(())
    }

    /// A scalar's span; a block scalar's from its indicator, without the line breaks behind it.
    fn scalar_span(&self, range: Range<usize>, style: ScalarStyle) -> Span {
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return Span::new(range.start, range.end.max(range.start));
        }
        let content = self.text.get(range.clone()).map_or(0, |text| text.trim_end().len());
        let start = block_indicator(self.text, range.start).unwrap_or(range.start);
        Span::new(start, range.start + content)
    }

    fn anchored(&mut self, anchor: usize, node: Node) -> Node {
        if anchor != 0 {
            self.open.remove(&anchor);
            self.anchors.insert(anchor, node.clone());
        }
        node
    }

    fn sequence(&mut self, anchor: usize, start: Range<usize>, depth: usize) -> Parsed<Node> {
        // A sequence that does not stand in from its key is reported to start behind its first dash.
        let bytes = self.text.as_bytes();
        let start = match bytes.get(start.start) {
            Some(b'[') => start,
            Some(b'-') if bytes.get(start.start + 1).is_none_or(u8::is_ascii_whitespace) => start,
            _ => dash_before(self.text, start.start).map_or(start.clone(), |dash| dash..start.end),
        };
        self.open.insert(anchor);
        let mut items = Vec::new();
        loop {
            let (event, range) = self.next()?;
            if event == Event::SequenceEnd {
                let span = self.collection_span(&start, &range, items.last().map(|item: &Node| item.span.end));
                return Ok(self.anchored(anchor, Node::new(Value::Array(items), span)));
            }
            items.push(self.node(event, range, depth + 1)?);
        }
    }

    fn mapping(&mut self, anchor: usize, start: Range<usize>, depth: usize) -> Parsed<Node> {
        self.open.insert(anchor);
        let mut entries: Vec<Entry> = Vec::new();
        let mut keys: HashSet<Box<str>> = HashSet::new();
        let mut merged: Vec<Node> = Vec::new();
        let mut last_end = None;
        loop {
            let (event, range) = self.next()?;
            if event == Event::MappingEnd {
                let span = self.collection_span(&start, &range, last_end);
                self.merge(&mut entries, &mut keys, merged)?;
                return Ok(self.anchored(anchor, Node::new(Value::Object(entries), span)));
            }
            let (key, is_merge) = self.key(event, &range, depth)?;
            let key_span = Span::new(range.start, range.end);
            let (event, value_range) = self.next()?;
            let mut value = self.node(event, value_range, depth + 1)?;
            if value.span.start == value.span.end && value.value == Value::Null {
                value.span = self.behind_colon(range.end);
            }
            last_end = Some(value.span.end.max(key_span.end));
            if is_merge {
                merged.push(value);
                continue;
            }
            if !keys.insert(key.clone()) {
                return Err(SyntaxError::new(range.start, format!("the key `{key}` stands twice in this mapping")));
            }
            entries.push(Entry::new(key, key_span, value));
        }
    }

    /// Where the value of a key without one would stand.
    fn behind_colon(&self, key_end: usize) -> Span {
        let rest = self.text.get(key_end..).unwrap_or_default();
        let colon = rest.find(':').map_or(key_end, |at| key_end + at + 1);
        Span::new(colon, colon)
    }

    /// A key as JSON has it, and whether it is a merge key.
    fn key(&mut self, event: Event<'t>, range: &Range<usize>, depth: usize) -> Parsed<(Box<str>, bool)> {
        let plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, _, _));
        let text: Option<Cow<'t, str>> = match &event {
            Event::Scalar(text, ..) => Some(text.clone()),
            _ => None,
        };
        let node = self.node(event, range.clone(), depth + 1)?;
        match (node.value, text) {
            (Value::String(key), _) => Ok((key.clone(), plain && &*key == "<<")),
            // A key that looks like another type keeps its text: `on:`, `8080:`, `true:`.
            (_, Some(text)) => Ok((text.into(), false)),
            (Value::Null, None) => Ok(("null".into(), false)),
            (Value::Bool(flag), None) => Ok((flag.to_string().into(), false)),
            (Value::Number(number), None) => Ok((number, false)),
            _ => Err(SyntaxError::new(range.start, "a key must be a scalar")),
        }
    }

    /// The entries of `<<`: what the mapping says itself wins, then the earlier of several.
    fn merge(&mut self, entries: &mut Vec<Entry>, keys: &mut HashSet<Box<str>>, merged: Vec<Node>) -> Parsed<()> {
        for node in merged {
            let at = node.span.start as usize;
            let sources = match node.value {
                Value::Object(_) => vec![node],
                Value::Array(items) => items,
                _ => return Err(SyntaxError::new(at, "`<<` merges mappings only")),
            };
            for source in sources {
                let Value::Object(theirs) = source.value else {
                    return Err(SyntaxError::new(at, "`<<` merges mappings only"));
                };
                for mut entry in theirs {
                    if keys.insert(entry.key.clone()) {
                        mark_aliased(&mut entry.value);
                        entries.push(entry);
                    }
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, range: Range<usize>) -> Parsed<Node> {
        if self.open.contains(&anchor) {
            return Err(SyntaxError::new(range.start, "the alias stands inside its own anchor"));
        }
        let Some(mut node) = self.anchors.get(&anchor).cloned() else {
            return Err(SyntaxError::new(range.start, "the alias has no anchor"));
        };
        let copies = size(&node);
        self.copied += copies;
        if self.copied > self.limits.alias_nodes {
            let limit = self.limits.alias_nodes;
            let message = format!("aliases copy more than {limit} values (limit `alias_nodes`)");
            return Err(SyntaxError::new(range.start, message));
        }
        self.count(copies, range.start)?;
        mark_aliased(&mut node);
        Ok(node)
    }

    /// A flow collection ends with its bracket, a block collection with its last child.
    fn collection_span(&self, start: &Range<usize>, end: &Range<usize>, last_child: Option<u32>) -> Span {
        let is_flow = self.text.as_bytes().get(start.start).is_some_and(|byte| matches!(byte, b'{' | b'['));
        let end = if is_flow { end.end } else { last_child.map_or(start.end, |end| end as usize) };
        Span::new(start.start, end.max(start.start))
    }
}

/// The `|` or `>` of the block scalar whose content starts at `content`: on the line before it, with
/// nothing behind it but indentation and chomping marks and a comment.
fn block_indicator(text: &str, content: usize) -> Option<usize> {
    let head = text.get(..content)?.trim_end();
    let line_start = head.rfind('\n').map_or(0, |newline| newline + 1);
    let ends_header = |at: &usize| {
        let rest =
            head[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')).trim_start();
        rest.is_empty() || rest.starts_with('#')
    };
    let indicators = head[line_start..].match_indices(['|', '>']).map(|(at, _)| line_start + at);
    indicators.into_iter().find(ends_header)
}

/// The dash of the element of a block sequence that starts at `item`: the last one before it with
/// nothing but space and other dashes before it on its line.
pub(crate) fn dash_before(text: &str, item: usize) -> Option<usize> {
    let leads = |at: &usize| {
        let line_start = text[..*at].rfind('\n').map_or(0, |newline| newline + 1);
        text[line_start..*at].bytes().all(|byte| matches!(byte, b' ' | b'-' | b'?' | b':'))
    };
    text.get(..item)?.rmatch_indices('-').map(|(at, _)| at).find(leads)
}

fn size(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        _ => 0,
    };
    below + 1
}

fn mark_aliased(node: &mut Node) {
    node.aliased = true;
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(mark_aliased),
        Value::Object(entries) => entries.iter_mut().for_each(|entry| mark_aliased(&mut entry.value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
