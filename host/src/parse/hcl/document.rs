//! The model of a module, from its blocks and the values of its expressions.

use super::calls::Instance;
use super::evaluate::Evaluator;
use super::module::{Merged, Parsed};
use super::names::Scope;
use super::repeated::{Each, Repeated};
use super::syntax::tree::{Attribute, Block};
use super::value::{Term, Value as Known};
use crate::document::{Entry, Node, Span, Value};
use crate::parse::{Limits, SyntaxError};
use indexmap::IndexMap;

/// The key of what is not known.
const UNKNOWN: &str = "$unknown";
/// The key of what a text in JSON that is not known is encoded from.
const ENCODED: &str = "$json";

/// What is known of the document in JSON that a value is: a text of which part is not known.
pub fn known_of_json(value: &Node) -> Option<&Node> {
    value.get(UNKNOWN).and_then(|_| value.get(ENCODED))
}

/// The text that a file was parsed from, by its number.
pub(super) type Texts<'a> = Vec<&'a str>;

/// Puts the model together, and keeps it within bounds.
pub(super) struct Writer<'e, 'a, 'l> {
    evaluator: &'e mut Evaluator<'a, 'l>,
    texts: &'e Texts<'a>,
    limits: &'e Limits,
    nodes: usize,
    /// Instances of blocks that may still be told apart.
    copies: usize,
}

/// Where the expressions of a block are evaluated.
#[derive(Clone, Copy)]
struct Frame<'f> {
    scope: Scope,
    /// The instance of the block that it is, where there are several.
    each: Option<&'f Each>,
}

impl Frame<'_> {
    fn of(scope: Scope) -> Self {
        Self { scope, each: None }
    }
}

/// Blocks that a module may have more than it writes, through `count` and `for_each`.
const COPIES: usize = 1024;

/// Blocks by their labels, each with where it is written.
type Addressed = IndexMap<String, (Span, Node)>;

impl<'e, 'a, 'l> Writer<'e, 'a, 'l> {
    /// One for a document whose spans lead into `texts`.
    pub fn new(evaluator: &'e mut Evaluator<'a, 'l>, texts: &'e Texts<'a>, limits: &'e Limits) -> Self {
        Self { evaluator, texts, limits, nodes: limits.nodes, copies: COPIES }
    }

    /// The document of a module: what is written in `files`, and what is in effect in `instances`, of which the first is
    /// the module itself.
    pub fn module(
        &mut self,
        path: &str,
        files: &'a [&'a Parsed],
        values: &[&'a Attribute],
        instances: &[Instance<'a>],
    ) -> Result<Node, SyntaxError> {
        let [root, ..] = instances else { return self.node(Value::Object(Vec::new()), Span::default()) };
        let top = Span::default();
        let mut names = Vec::with_capacity(files.len());
        let mut blocks = Vec::new();
        for file in files {
            names.push(self.node(Value::String(file.name.as_str().into()), Span::in_file(file.number, 0, 0))?);
            if file.is_configuration() {
                for block in &file.body.blocks {
                    blocks.push(self.block(&Merged::of(block), Frame::of(root.scope), 2, None)?);
                }
            }
        }
        let mut entries = vec![
            self.entry("path", Value::String(path.into()), top)?,
            self.entry("files", Value::Array(names), top)?,
            self.entry("blocks", Value::Array(blocks), top)?,
            self.variables("tfvars", values, root.scope)?,
        ];
        entries.push(self.settings(root)?);
        entries.push(self.providers(root)?);
        for kind in ["resource", "data", "module"] {
            entries.push(self.addressed(kind, instances)?);
        }
        self.node(Value::Object(entries), top)
    }

    /// The document of a file of variables.
    pub fn variables_file(&mut self, path: &str, values: &[&'a Attribute], scope: Scope) -> Result<Node, SyntaxError> {
        let top = Span::default();
        let entries =
            vec![self.entry("path", Value::String(path.into()), top)?, self.variables("values", values, scope)?];
        self.node(Value::Object(entries), top)
    }

    fn variables(&mut self, key: &str, values: &[&'a Attribute], scope: Scope) -> Result<Entry, SyntaxError> {
        let mut entries = Vec::with_capacity(values.len());
        for attribute in values {
            entries.push(self.attribute(attribute, Frame::of(scope), 2)?);
        }
        self.entry(key, Value::Object(entries), Span::default())
    }

    /// What the `terraform` blocks say together.
    fn settings(&mut self, root: &Instance<'a>) -> Result<Entry, SyntaxError> {
        let Some(settings) = root.module.of_kind("terraform").next() else {
            return self.entry("terraform", Value::Object(Vec::new()), Span::default());
        };
        let span = settings.block.span;
        let mut entries = vec![self.attributes(settings, Frame::of(root.scope), 2)?];
        for block in &settings.blocks {
            let node = match block.kind() {
                "required_providers" => self.attributes(block, Frame::of(root.scope), 2)?.value,
                "backend" | "cloud" => self.block(block, Frame::of(root.scope), 2, None)?,
                _ => continue,
            };
            entries.push(Entry::new(block.kind(), block.block.kind_span, node));
        }
        let node = self.node(Value::Object(entries), span)?;
        Ok(Entry::new("terraform", settings.block.kind_span, node))
    }

    /// The providers that are configured, by their names.
    fn providers(&mut self, root: &Instance<'a>) -> Result<Entry, SyntaxError> {
        let mut providers: IndexMap<&str, (Span, Vec<Node>)> = IndexMap::new();
        for provider in root.module.of_kind("provider") {
            let (Some(name), Some(label)) = (provider.label(0), provider.block.labels.first()) else { continue };
            let node = self.block(provider, Frame::of(root.scope), 3, None)?;
            providers.entry(name).or_insert((label.span, Vec::new())).1.push(node);
        }
        let mut entries = Vec::with_capacity(providers.len());
        for (name, (span, nodes)) in providers {
            let list = self.node(Value::Array(nodes), span)?;
            entries.push(Entry::new(name, span, list));
        }
        self.entry("provider", Value::Object(entries), Span::default())
    }

    /// The blocks of a kind by their labels, those of called modules behind the name of the call.
    fn addressed(&mut self, kind: &'static str, instances: &[Instance<'a>]) -> Result<Entry, SyntaxError> {
        let mut by_type: IndexMap<&str, (Span, Addressed)> = IndexMap::new();
        let mut first = None;
        for instance in instances {
            for block in instance.module.of_kind(kind) {
                let (type_label, name) = match block.block.labels.as_slice() {
                    [name] if kind == "module" => (None, name),
                    [type_label, name] if kind != "module" => (Some(type_label), name),
                    _ => continue,
                };
                let directory = instance.called.get(&*name.text).filter(|_| kind == "module").copied();
                let each = match kind {
                    "module" => vec![None],
                    _ => self.instances(block, instance.scope)?,
                };
                let group = type_label.map_or("", |label| &*label.text);
                let group_span = type_label.map_or(block.block.kind_span, |label| label.span);
                first.get_or_insert(block.block.kind_span);
                for each in each {
                    let frame = Frame { scope: instance.scope, each: each.as_ref() };
                    let node = self.block(block, frame, 3, directory)?;
                    let suffix = each.as_ref().map_or("", |each| &each.suffix);
                    let (_, named) = by_type.entry(group).or_insert((group_span, IndexMap::new()));
                    named.insert(format!("{}{}{suffix}", instance.prefix, name.text), (name.span, node));
                }
            }
        }
        let span = first.unwrap_or_default();
        let mut types = Vec::with_capacity(by_type.len());
        for (group, (group_span, named)) in by_type {
            let named = named.into_iter().map(|(name, (span, node))| Entry::new(name, span, node)).collect();
            if kind == "module" {
                return self.entry(kind, Value::Object(named), span);
            }
            let node = self.node(Value::Object(named), group_span)?;
            types.push(Entry::new(group, group_span, node));
        }
        self.entry(kind, Value::Object(types), span)
    }

    /// The instances of a block that are told apart: `None` stands for the block as it is written.
    fn instances(&mut self, block: &Merged<'a>, scope: Scope) -> Result<Vec<Option<Each>>, SyntaxError> {
        let repeated = self.evaluator.repeated(scope, block);
        self.evaluator.work.check()?;
        let each = match repeated {
            Repeated::Known(each) if each.len() <= self.copies => each,
            _ => return Ok(vec![None]),
        };
        if let [first, _, ..] = each.as_slice() {
            // Copies of a large block could be more than a document may have.
            let before = self.nodes;
            self.block(block, Frame { scope, each: Some(first) }, 3, None)?;
            let used = (before - self.nodes).saturating_mul(each.len());
            self.nodes = before;
            if used > before / 2 {
                return Ok(vec![None]);
            }
        }
        self.copies -= each.len();
        Ok(each.into_iter().map(Some).collect())
    }

    fn block(
        &mut self,
        block: &Merged<'a>,
        frame: Frame<'_>,
        depth: usize,
        directory: Option<&str>,
    ) -> Result<Node, SyntaxError> {
        let Block { kind, kind_span, labels, span, .. } = block.block;
        self.nest(depth, *span)?;
        let mut names = Vec::with_capacity(labels.len());
        for label in labels {
            names.push(self.node(Value::String(label.text.clone()), label.span)?);
        }
        let labels_span = around(names.iter().map(|name| name.span), *kind_span);
        let kind = self.node(Value::String(kind.clone()), *kind_span)?;
        let labels = self.node(Value::Array(names), labels_span)?;
        let attributes = self.attributes(block, frame, depth + 2)?;
        let mut inner = Vec::with_capacity(block.blocks.len());
        for nested in &block.blocks {
            inner.push(self.block(nested, frame, depth + 2, None)?);
        }
        let blocks_span = around(inner.iter().map(|nested| nested.span), *kind_span);
        let blocks = self.node(Value::Array(inner), blocks_span)?;
        let mut entries = vec![
            Entry::new("type", *kind_span, kind),
            Entry::new("labels", *kind_span, labels),
            attributes,
            Entry::new("blocks", *kind_span, blocks),
        ];
        if let Some(directory) = directory {
            let node = self.node(Value::String(directory.into()), *kind_span)?;
            entries.push(Entry::new("directory", *kind_span, node));
        }
        self.node(Value::Object(entries), *span)
    }

    fn attributes(&mut self, block: &Merged<'a>, frame: Frame<'_>, depth: usize) -> Result<Entry, SyntaxError> {
        let kind_span = block.block.kind_span;
        let mut entries = Vec::with_capacity(block.attributes.len());
        for attribute in block.attributes.values() {
            entries.push(self.attribute(attribute, frame, depth)?);
        }
        let span = around(entries.iter().flat_map(|entry| [entry.key_span, entry.value.span]), kind_span);
        Ok(Entry::new("attributes", kind_span, self.node(Value::Object(entries), span)?))
    }

    fn attribute(&mut self, attribute: &'a Attribute, frame: Frame<'_>, depth: usize) -> Result<Entry, SyntaxError> {
        let term = self.evaluator.argument_of(frame.scope, frame.each, &attribute.value);
        self.evaluator.work.check()?;
        let value = self.term(&term, None, depth)?;
        Ok(Entry::new(&*attribute.name, attribute.name_span, value))
    }

    /// A value as nodes; all at one place when it is written elsewhere.
    fn term(&mut self, term: &Term, at: Option<Span>, depth: usize) -> Result<Node, SyntaxError> {
        let span = at.unwrap_or(term.span);
        self.nest(depth, span)?;
        let inner = at.or(term.borrowed.then_some(span));
        let value = match &term.value {
            Known::Unknown(expression, encoded) => {
                let text = self.texts.get(usize::from(expression.file)).and_then(|text| text.get(expression.range()));
                let text = self.node(Value::String(text.unwrap_or_default().into()), span)?;
                let mut entries = Vec::new();
                // Whoever looks through all texts finds what is inside by itself first.
                if let Some(encoded) = encoded {
                    entries.push(Entry::new(ENCODED, span, self.term(encoded, inner, depth + 1)?));
                }
                entries.push(Entry::new(UNKNOWN, span, text));
                Value::Object(entries)
            }
            Known::Null => Value::Null,
            Known::Bool(flag) => Value::Bool(*flag),
            Known::Number(text) => Value::Number((&**text).into()),
            Known::Text(text) => {
                self.copied(text, inner)?;
                Value::String((&**text).into())
            }
            Known::List(list) => {
                let items = list.items.iter().map(|item| self.term(item, inner, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Known::Map(map) => {
                let mut entries = Vec::with_capacity(map.members.len());
                for (key, member) in &map.members {
                    self.copied(key, inner)?;
                    let value = self.term(&member.term, inner, depth + 1)?;
                    entries.push(Entry::new(escaped(key), inner.unwrap_or(member.key_span), value));
                }
                Value::Object(entries)
            }
        };
        self.node(value, span)
    }

    /// Accounts for a text that stands somewhere else as well.
    fn copied(&mut self, text: &str, at: Option<Span>) -> Result<(), SyntaxError> {
        if let Some(span) = at {
            self.evaluator.work.at = span;
            // What is exceeded, the check tells.
            let _ = self.evaluator.work.bytes(text.len());
        }
        self.evaluator.work.check()
    }

    /// Accounts for one more node.
    fn node(&mut self, value: Value, span: Span) -> Result<Node, SyntaxError> {
        let Some(left) = self.nodes.checked_sub(1) else {
            return Err(over(span, format!("more than {} values (limit `nodes`)", self.limits.nodes)));
        };
        self.nodes = left;
        Ok(Node::new(value, span))
    }

    fn nest(&self, depth: usize, span: Span) -> Result<(), SyntaxError> {
        if depth > self.limits.depth {
            return Err(over(span, format!("nested deeper than {} levels (limit `depth`)", self.limits.depth)));
        }
        Ok(())
    }

    /// An entry whose key is not in the text: it is shown where its value is.
    fn entry(&mut self, key: &str, value: Value, span: Span) -> Result<Entry, SyntaxError> {
        Ok(Entry::new(key, span, self.node(value, span)?))
    }
}

fn over(span: Span, message: String) -> SyntaxError {
    SyntaxError::new(span.start as usize, message).in_file(span.file)
}

/// A key as it stands in the model: one that would be taken for that of an unknown value has one more `$`.
fn escaped(key: &str) -> Box<str> {
    let is_alike = key.starts_with('$') && key.trim_start_matches('$') == UNKNOWN.trim_start_matches('$');
    if is_alike { format!("${key}").into() } else { key.into() }
}

/// The smallest place around all of these that are in the same file as the first; else another one.
fn around(spans: impl Iterator<Item = Span>, otherwise: Span) -> Span {
    let joined = spans.reduce(|first, next| match first.file == next.file {
        true => Span { start: first.start.min(next.start), end: first.end.max(next.end), ..first },
        false => first,
    });
    joined.unwrap_or(otherwise)
}
