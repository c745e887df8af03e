//! From events to a tree.

use super::events::{Events, Placed};
use super::{Limits, Repeated, RepeatedKeys, Scalars, SyntaxError, rewrite, scalar};
use crate::document::{Entry, Node, Span, Value};
use granit_parser::{ErrorKind, Event, ScalarStyle, ScanError, StructureStyle};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

pub(super) struct Builder<'t, 'l> {
    text: &'t str,
    scalars: Scalars,
    keys: RepeatedKeys,
    limits: &'l Limits,
    events: Events<'t>,
    repeated: Vec<Repeated>,
    /// Whether the event parser found something wrong with the indentation of quotes.
    is_about_indentation: bool,
    nodes: usize,
    /// Values and bytes of text that stand somewhere through an alias or a merge key.
    copied: usize,
    copied_bytes: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

/// What a text was built to.
pub(super) struct Built {
    /// The value; `None` when the document is empty.
    pub(super) root: Option<Node>,
    /// Keys that stand twice.
    pub(super) repeated: Vec<Repeated>,
}

/// Why nothing was built.
pub(super) struct Failure {
    pub(super) error: SyntaxError,
    /// Whether indenting the lines of quoted scalars may help.
    pub(super) is_about_indentation: bool,
}

/// A value, and where the text that puts it here ends: for an alias that is not where the value's own ends.
struct Written {
    node: Node,
    end: usize,
}

/// A `<<`.
struct Merge {
    value: Node,
    /// Where what is merged is named.
    at: usize,
    /// How many keys the mapping has of its own before it.
    behind: usize,
}

impl<'t, 'l> Builder<'t, 'l> {
    pub(super) fn new(text: &'t str, scalars: Scalars, keys: RepeatedKeys, limits: &'l Limits) -> Self {
        Self {
            text,
            scalars,
            keys,
            limits,
            events: Events::of(text, limits.depth),
            repeated: Vec::new(),
            is_about_indentation: false,
            nodes: 0,
            copied: 0,
            copied_bytes: 0,
        }
    }

    pub(super) fn document(mut self) -> Result<Built, Failure> {
        match self.root() {
            Ok(root) => Ok(Built { root, repeated: self.repeated }),
            Err(error) => Err(Failure { error, is_about_indentation: self.is_about_indentation }),
        }
    }

    fn root(&mut self) -> Parsed<Option<Node>> {
        let mut root = None;
        loop {
            let (event, range) = self.next(None)?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event if root.is_none() => {
                    let node = self.node((event, range), 0)?.node;
                    let empty = node.value == Value::Null && node.span.start == node.span.end;
                    root = (!empty).then_some(node);
                }
                _ => return Err(SyntaxError::new(range.start, "a second document begins here without `---`")),
            }
        }
    }

    fn next(&mut self, key_end: Option<usize>) -> Parsed<Placed<'t>> {
        self.events.next(key_end).map_err(|error| {
            self.is_about_indentation = rewrite::is_about_indentation(error.kind());
            self.scan_error(&error)
        })
    }

    fn scan_error(&self, error: &ScanError) -> SyntaxError {
        let at = self.events.position(error);
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => self.too_deep(at),
            _ => SyntaxError::new(at, error.info()),
        }
    }

    fn too_deep(&self, at: usize) -> SyntaxError {
        SyntaxError::new(at, format!("nested deeper than {} levels (limit `depth`)", self.limits.depth))
    }

    fn node(&mut self, (event, range): Placed<'t>, depth: usize) -> Parsed<Written> {
        if depth > self.limits.depth {
            return Err(self.too_deep(range.start));
        }
        match event {
            Event::Alias(anchor) => return self.alias(anchor, &range, depth),
            Event::Scalar(ref text, ..) => self.count(1, text.len(), range.start)?,
            _ => self.count(1, 0, range.start)?,
        }
        let (value, range) = match event {
            Event::Scalar(text, style, _, tag) => (scalar::value(&text, style, tag.as_deref(), self.scalars), range),
            Event::SequenceStart(style, ..) => self.sequence(style, &range, depth)?,
            Event::MappingStart(style, ..) => self.mapping(style, &range, depth)?,
            _ => return Err(SyntaxError::new(range.start, "a value was expected here")),
        };
        let span = Span::new(range.start, range.end.max(range.start));
        let end = range.end.max(range.start);
        Ok(Written { node: Node { value, span, aliased: self.events.is_replay() }, end })
    }

    fn count(&mut self, values: usize, bytes: usize, at: usize) -> Parsed<()> {
        if self.events.is_replay() {
            self.count_copies(values, bytes, at)?;
        }
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(SyntaxError::new(at, format!("more than {} values (limit `nodes`)", self.limits.nodes)));
        }
        Ok(())
    }

    fn count_copies(&mut self, values: usize, bytes: usize, at: usize) -> Parsed<()> {
        self.copied += values;
        if self.copied > self.limits.alias_nodes {
            let limit = self.limits.alias_nodes;
            return Err(SyntaxError::new(at, format!("aliases copy more than {limit} values (limit `alias_nodes`)")));
        }
        // Few values can hold much text, and a document is no larger for being written with aliases.
        self.copied_bytes += bytes;
        if self.copied_bytes > self.limits.bytes {
            let limit = self.limits.bytes;
            return Err(SyntaxError::new(at, format!("aliases copy more than {limit} bytes of text (limit `bytes`)")));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, range: &Range<usize>, depth: usize) -> Parsed<Written> {
        if !self.events.begin_replay(anchor) {
            return Err(open_anchor(range.start));
        }
        let written = self.next(None).and_then(|first| self.node(first, depth));
        self.events.end_replay();
        // What is wrong with a copy is the alias's fault.
        let written = written.map_err(|error| SyntaxError { at: range.start, ..error })?;
        Ok(Written { end: range.end, ..written })
    }

    fn sequence(&mut self, style: StructureStyle, start: &Range<usize>, depth: usize) -> Parsed<(Value, Range<usize>)> {
        let mut items = Vec::new();
        let mut end = start.end;
        loop {
            let (event, range) = self.next(None)?;
            if event == Event::SequenceEnd {
                let end = if self.has_brackets(style, start) { range.end } else { end };
                return Ok((Value::Array(items), start.start..end));
            }
            let item = self.node((event, range), depth + 1)?;
            end = item.end;
            items.push(item.node);
        }
    }

    fn mapping(&mut self, style: StructureStyle, start: &Range<usize>, depth: usize) -> Parsed<(Value, Range<usize>)> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut own: HashMap<Cow<'t, str>, usize> = HashMap::new();
        let mut merges: Vec<Merge> = Vec::new();
        // Indices of entries that a later one of the same key takes the place of.
        let mut replaced: Vec<usize> = Vec::new();
        let mut end = start.end;
        loop {
            let (event, range) = self.next(None)?;
            if event == Event::MappingEnd {
                let end = if self.has_brackets(style, start) { range.end } else { end };
                self.merge(&mut entries, &own, merges)?;
                remove(&mut entries, replaced);
                return Ok((Value::Object(entries), start.start..end));
            }
            let is_merge = is_merge_key(&event);
            let key = self.key(event, range.start)?;
            let value = self.next(Some(range.end))?;
            let at = value.1.start;
            let Written { node: value, end: value_end } = self.node(value, depth + 1)?;
            end = value_end.max(range.end);
            if is_merge {
                merges.push(Merge { value, at, behind: entries.len() });
                continue;
            }
            let entry = Entry::new(&*key, Span::new(range.start, range.end), value);
            if let Some(earlier) = own.insert(key, entries.len()) {
                self.repeat(&entry.key, range.start)?;
                replaced.push(earlier);
            }
            entries.push(entry);
        }
    }

    /// Takes note of a key that stood there before, when that is no error.
    fn repeat(&mut self, key: &str, at: usize) -> Parsed<()> {
        if self.keys == RepeatedKeys::Refused {
            return Err(SyntaxError::new(at, format!("the key `{key}` stands twice in this mapping")));
        }
        // What an alias copies was told where it is written.
        if !self.events.is_replay() {
            Repeated::note(&mut self.repeated, key, at);
        }
        Ok(())
    }

    /// A flow collection ends with its bracket, a block collection with its last child; so does the
    /// pair without brackets in `[a: b]`.
    fn has_brackets(&self, style: StructureStyle, start: &Range<usize>) -> bool {
        let first = self.text.as_bytes().get(start.start);
        style == StructureStyle::Flow && matches!(first, Some(b'{' | b'['))
    }

    /// A key's text. One that looks like another type keeps it: `on:`, `8080:`, `true:`.
    fn key(&mut self, event: Event<'t>, at: usize) -> Parsed<Cow<'t, str>> {
        match event {
            Event::Scalar(key, ..) => {
                self.count(0, key.len(), at)?;
                Ok(key)
            }
            Event::Alias(anchor) => match self.events.anchored(anchor).ok_or_else(|| open_anchor(at))? {
                Event::Scalar(key, ..) => {
                    let key = key.clone();
                    self.count_copies(1, key.len(), at)?;
                    Ok(key)
                }
                _ => Err(SyntaxError::new(at, "a key must be a scalar")),
            },
            _ => Err(SyntaxError::new(at, "a key must be a scalar")),
        }
    }

    /// The entries of `<<` (<https://yaml.org/type/merge.html>): what the mapping says itself wins, then the
    /// earlier of several. Not so for kubectl, whose reader sets one key after the other as they come:
    /// a merge key replaces what stands before it.
    fn merge(
        &mut self,
        entries: &mut Vec<Entry>,
        own: &HashMap<Cow<'t, str>, usize>,
        merges: Vec<Merge>,
    ) -> Parsed<()> {
        let replaces = self.scalars == Scalars::Kubernetes;
        let mut merges = merges;
        if replaces {
            merges.reverse();
        }
        let mut settled: HashSet<Box<str>> = HashSet::new();
        for Merge { value, at, behind } in merges {
            let sources = match value.value {
                Value::Array(items) => items,
                _ => vec![value],
            };
            for source in sources {
                let Value::Object(theirs) = source.value else {
                    return Err(SyntaxError::new(at, "`<<` merges mappings only"));
                };
                // Moving entries up through nested merge keys is work too.
                self.count_copies(theirs.len(), theirs.iter().map(|entry| entry.key.len()).sum(), at)?;
                for mut entry in theirs {
                    let place = own.get(&*entry.key).copied();
                    if place.is_some_and(|place| !replaces || place >= behind) || !settled.insert(entry.key.clone()) {
                        continue;
                    }
                    mark_aliased(&mut entry.value);
                    match place {
                        Some(place) => entries[place] = entry,
                        None => entries.push(entry),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Removes the entries with these indices.
fn remove(entries: &mut Vec<Entry>, mut indices: Vec<usize>) {
    if indices.is_empty() {
        return;
    }
    indices.sort_unstable();
    let mut index = 0;
    entries.retain(|_| {
        index += 1;
        indices.binary_search(&(index - 1)).is_err()
    });
}

fn open_anchor(at: usize) -> SyntaxError {
    SyntaxError::new(at, "the alias stands inside its own anchor")
}

fn is_merge_key(event: &Event<'_>) -> bool {
    match event {
        Event::Scalar(text, style, _, tag) => {
            let is_merge = tag.as_deref().map_or(*style == ScalarStyle::Plain, scalar::is_merge_tag);
            is_merge && text == "<<"
        }
        _ => false,
    }
}

/// Below what is marked, everything is.
fn mark_aliased(node: &mut Node) {
    if node.aliased {
        return;
    }
    node.aliased = true;
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(mark_aliased),
        Value::Object(entries) => entries.iter_mut().for_each(|entry| mark_aliased(&mut entry.value)),
        _ => {}
    }
}
