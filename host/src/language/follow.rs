//! The tree of a text in a document, and where a path that a rule gives leads.

use super::build::{Builder, shift};
use super::comments::{self, Of};
use super::key::{self, Reading, Told};
use super::written::{self, Text};
use super::{Language, data, exec, limits, shell};
use crate::document::{self, Document, Entry, Format, Node, Place, Pointer, Span, Tree, TreeKey, Value};
use crate::parse::hcl;
use std::sync::Arc;

/// The tree of what stands under a key of a mapping; `None` where nothing stands there that the language is about.
/// `within` is the tree that the mapping is part of, if it is not part of the document itself. An empty key stands for
/// the mapping, of which comments can be asked for. Each tree is made once for a document.
pub fn tree(
    document: &Document,
    within: Option<&Arc<Tree>>,
    mapping: &Node,
    (key, entry): (&str, Option<&Entry>),
    reading: &Reading,
) -> Option<Arc<Tree>> {
    if reading.language == Language::Comments {
        return comments_of(document, within, mapping, (key, entry), reading);
    }
    if reading.language == Language::Json
        && !reading.each
        && within.is_none()
        && document.format == Format::Hcl
        && let Some(known) = entry.and_then(|entry| hcl::known_of_json(&entry.value))
    {
        return Some(encoded(document, entry?.value.span, known, reading));
    }
    let text = match reading.language {
        Language::Exec => written::argv(mapping, key)?,
        _ => written::text(mapping, entry?, reading)?,
    };
    let tree_key = TreeKey {
        within: within.map(|tree| Arc::as_ptr(tree) as usize),
        span: entry.map(|entry| entry.value.span).or_else(|| text.whole())?,
        reading: reading.to_string().into(),
        text: text.text.as_str().into(),
    };
    Some(document.derived.tree(tree_key, limits::VALUES_OF_A_DOCUMENT, |values| {
        let mut builder = Builder::new(values).in_room(document.derived.room(), text.text.len());
        let root = read(&text, mapping, key, reading, &mut builder);
        let map = text.map(document, within);
        (Tree { root, text: text.text.into(), map: Some(map) }, builder.made())
    }))
}

/// The tree of a text in JSON that is known in part, from what it is encoded from; its places are those of that.
fn encoded(document: &Document, span: Span, known: &Node, reading: &Reading) -> Arc<Tree> {
    // Instances of a block stand at one place, and need not have the same value there.
    let text = known.to_value().to_string();
    let tree_key = TreeKey { within: None, span, reading: reading.to_string().into(), text: text.into() };
    document.derived.tree(tree_key, limits::VALUES_OF_A_DOCUMENT, |values| {
        let mut builder = Builder::new(values).in_room(document.derived.room(), 0);
        let root = data::known(known, span, &mut builder);
        (Tree { root, text: "".into(), map: None }, builder.made())
    })
}

/// The comments of a value.
fn comments_of(
    document: &Document,
    within: Option<&Arc<Tree>>,
    mapping: &Node,
    (key, entry): (&str, Option<&Entry>),
    reading: &Reading,
) -> Option<Arc<Tree>> {
    let of = match entry {
        Some(entry) => Of::Entry(entry),
        None if key.is_empty() && std::ptr::eq(mapping, &document.root) => Of::Document,
        None if key.is_empty() => Of::Value(mapping),
        None => return None,
    };
    let tree_key = TreeKey {
        within: within.map(|tree| Arc::as_ptr(tree) as usize),
        span: of.node(document).span,
        reading: reading.to_string().into(),
        text: key.into(),
    };
    // What stands in a text has no comments of the document.
    within.is_none().then(|| {
        document.derived.tree(tree_key, limits::VALUES_OF_A_DOCUMENT, |values| {
            let mut builder = Builder::new(values);
            let root = comments::tree(document, of, reading, &mut builder);
            (Tree { root, text: "".into(), map: None }, builder.made())
        })
    })
}

/// Reads a text, all of it or each part.
fn read(text: &Text<'_>, mapping: &Node, key: &str, reading: &Reading, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.text.len());
    if reading.each {
        let mut items = Vec::with_capacity(text.parts.len());
        for part in &text.parts {
            items.push(match part {
                Some(part) => {
                    let begin = part.start + of_make(key, &text.text[part.clone()]);
                    let text = &text.text[begin..part.end];
                    let reason = too_much(text, builder);
                    let mut item = match reason {
                        Some(reason) => builder.nothing(Span::new(0, text.len()), reason),
                        None => reading.language.read(key, text, builder),
                    };
                    shift(&mut item, begin);
                    item
                }
                None => Node::new(Value::Null, whole),
            });
        }
        return builder.list(items, whole);
    }
    if let Some(reason) = too_much(&text.text, builder) {
        return builder.nothing(whole, reason);
    }
    match reading.language {
        Language::Exec => exec::tree(text, builder),
        Language::Shell if text.is_list => {
            shell::command(&text.text, text.parts.iter().flatten().cloned().collect(), builder)
        }
        Language::Shell => match foreign_interpreter(mapping) {
            Some(program) => builder.nothing(whole, format!("it is a script for `{program}`")),
            None => shell::script(&text.text, builder),
        },
        language => language.read(key, &text.text, builder),
    }
}

/// Bytes of a line of a Makefile's recipe that make reads itself: `@`, `-` and `+`.
fn of_make(key: &str, line: &str) -> usize {
    if key != "recipe" {
        return 0;
    }
    let command = line.trim_start_matches(['@', '-', '+', ' ', '\t']);
    line.len() - command.len()
}

/// Why a text is not read.
fn too_much(text: &str, builder: &Builder) -> Option<String> {
    if text.len() > limits::BYTES {
        return Some(format!("longer than {} bytes (limit `BYTES`)", limits::BYTES));
    }
    builder.is_full().then(|| {
        format!(
            "more than {} values, or {} in the document (limits `VALUES`, `VALUES_OF_A_DOCUMENT`)",
            limits::VALUES,
            limits::VALUES_OF_A_DOCUMENT
        )
    })
}

/// The program, other than a shell, that the `shell` beside a workflow's `run` names.
fn foreign_interpreter(mapping: &Node) -> Option<&str> {
    let program = mapping.get("shell")?.as_str()?.split_whitespace().next()?;
    (!shell::is_shell(program)).then_some(program)
}

/// Where a path that a rule gives leads.
#[derive(Debug, PartialEq)]
pub struct Led {
    /// The value of the document that it leads to, or into whose text.
    pub path: Pointer,
    /// Where it stands in a tree of that text; `None` for the value itself.
    pub place: Option<Place>,
}

/// Leads a path back into a document; the path has keys as rules are told of them. It may end in something absent, but not
/// outside: `None` for one that leads into a scalar or behind the end of a sequence.
pub fn follow(document: &Document, pointer: &Pointer) -> Option<Led> {
    let mut node = &document.root;
    let mut path: Vec<&str> = Vec::with_capacity(pointer.tokens().len());
    let owned: Vec<Told<'_>> = pointer.tokens().iter().map(|token| key::understand(token)).collect();
    let mut is_there = true;
    for (index, (token, told)) in pointer.tokens().iter().zip(&owned).enumerate() {
        match (&node.value, told) {
            (_, Told::Own(key)) if !is_there => path.push(key),
            (_, Told::Tree(..)) if !is_there => break,
            (Value::Object(_), Told::Own(key)) => {
                path.push(key);
                match node.get(key) {
                    Some(next) => node = next,
                    None => is_there = false,
                }
            }
            (Value::Object(_), Told::Tree(key, reading)) => {
                path.extend((!key.is_empty()).then_some(*key));
                let path: Pointer = path.into_iter().collect();
                let tree = tree(document, None, node, (key, node.entry(key)), reading);
                let place = match tree {
                    Some(tree) => Some(within(document, &tree, reading, &pointer.tokens()[index + 1..])?),
                    None => None,
                };
                // Where it is not known how a text is written, its tree stands where the text does.
                let place = place.map(|place| place.unwrap_or_else(|| document.locate(&path)));
                return Some(Led { path, place });
            }
            (Value::Null, Told::Own(key)) => {
                path.push(key);
                is_there = false;
            }
            (Value::Array(items), _) if token == "-" || *token == items.len().to_string() => {
                path.push(token);
                is_there = false;
            }
            (Value::Array(_), _) => {
                path.push(token);
                node = node.item(position(token)?)?;
            }
            _ => return None,
        }
    }
    Some(Led { path: path.into_iter().collect(), place: None })
}

/// Where a path in a tree leads: `None` for outside, `Some(None)` where it is not known how the text is written.
fn within(document: &Document, tree: &Arc<Tree>, reading: &Reading, tokens: &[String]) -> Option<Option<Place>> {
    let mut node = &tree.root;
    let mut path: Vec<String> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match (&node.value, key::understand(token)) {
            (Value::Object(_), Told::Tree(key, inner)) => {
                let nested = self::tree(document, Some(tree), node, (key, node.entry(key)), &inner);
                if let Some(nested) = nested {
                    let place = within(document, &nested, &inner, &tokens[index + 1..])?;
                    if place.is_some() {
                        return Some(place);
                    }
                }
                path.push(key.to_owned());
                break;
            }
            (Value::Object(_), Told::Own(key)) => {
                path.push(key.to_string());
                match node.get(&key) {
                    Some(next) => node = next,
                    None => break,
                }
            }
            (Value::Array(items), _) if *token == items.len().to_string() => {
                path.push(token.clone());
                break;
            }
            (Value::Array(_), _) => {
                node = node.item(position(token)?)?;
                path.push(token.clone());
            }
            (Value::Null, _) => break,
            _ => return None,
        }
    }
    if tree.map.as_ref().is_some_and(|map| !map.is_exact()) {
        return Some(None);
    }
    let whole = match &tree.map {
        Some(_) => &*tree.text,
        None => document.sources.get(usize::from(node.span.file)).map_or("", |source| &*source.text),
    };
    let text = |span: Span| match &tree.map {
        Some(_) => tree.text.get(span.range()),
        None => document.sources.get(usize::from(span.file)).and_then(|source| source.text.get(span.range())),
    };
    let found = if reading.language.is_data() {
        document::locate(&tree.root, &path, text)
    } else {
        let exact = document::value_at(&tree.root, &path).is_some();
        Place { span: first_line(node.span, whole), exact }
    };
    Some(Some(Place { span: tree.place(found.span), exact: found.exact }))
}

/// The part of a range that is on its first line.
fn first_line(span: Span, text: &str) -> Span {
    let line = text.get(span.range()).and_then(|text| text.lines().next()).map_or(0, str::len);
    Span { end: span.start + line as u32, ..span }
}

/// An array position as RFC 6901 writes it: without sign or leading zeros.
fn position(token: &str) -> Option<usize> {
    let is_plain = token == "0" || token.starts_with(|first: char| matches!(first, '1'..='9'));
    token.parse().ok().filter(|_| is_plain)
}
