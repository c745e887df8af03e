//! Expressions into values: literals, templates, and references to variables and locals.

use crate::document::{Entry, Node, Span, Value};
use crate::parse::{Limits, SyntaxError};
use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object, ObjectKey, Traversal, TraversalOperator};
use hcl_edit::template::{Element, Strip, Template};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// Entries of objects that all references of a module may look through.
const LOOKUPS: usize = 100_000_000;

/// The key of what cannot be known from the files.
const UNKNOWN: &str = "$unknown";

/// A parsed file.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    /// Its number in the module.
    pub index: u16,
    /// What was parsed.
    pub text: &'a str,
    /// Where that starts in the file: behind a byte order mark.
    pub base: usize,
}

impl File<'_> {
    pub(super) fn span(&self, range: Option<Range<usize>>) -> Span {
        let range = range.unwrap_or(0..0);
        Span::in_file(self.index, self.base + range.start, self.base + range.end)
    }

    fn slice(&self, range: Option<Range<usize>>) -> &str {
        range.and_then(|range| self.text.get(range)).unwrap_or_default()
    }

    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.base + at, message).in_file(self.index)
    }
}

/// An expression and the file it is written in.
#[derive(Clone, Copy)]
pub(super) struct Definition<'a> {
    pub file: File<'a>,
    pub expression: &'a Expression,
}

/// What a reference may name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Variable,
    Local,
}

enum State {
    /// Being resolved: meeting it again is a cycle.
    Pending,
    Done(Rc<Node>),
}

/// Resolves the expressions of one module.
pub(super) struct Resolver<'a> {
    limits: &'a Limits,
    definitions: HashMap<(Kind, &'a str), Definition<'a>>,
    resolved: HashMap<(Kind, &'a str), State>,
    nodes: usize,
    /// Bytes of text that references and templates may still produce.
    bytes: usize,
    lookups: usize,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            definitions: HashMap::new(),
            resolved: HashMap::new(),
            nodes: limits.nodes,
            bytes: limits.bytes,
            lookups: LOOKUPS,
        }
    }

    /// Defines a name; a later definition replaces an earlier one.
    pub(super) fn define(&mut self, kind: Kind, name: &'a str, definition: Definition<'a>) {
        self.definitions.insert((kind, name), definition);
    }

    /// Accounts for one more node.
    pub(super) fn node(&mut self, value: Value, span: Span) -> Result<Node, SyntaxError> {
        let Some(left) = self.nodes.checked_sub(1) else {
            return Err(over(span, format!("more than {} values (limit `nodes`)", self.limits.nodes)));
        };
        self.nodes = left;
        Ok(Node::new(value, span))
    }

    /// Accounts for a level of nesting.
    pub(super) fn nest(&self, depth: usize, span: Span) -> Result<(), SyntaxError> {
        if depth > self.limits.depth {
            return Err(over(span, format!("nested deeper than {} levels (limit `depth`)", self.limits.depth)));
        }
        Ok(())
    }

    fn text(&mut self, text: &str, span: Span) -> Result<Value, SyntaxError> {
        let Some(left) = self.bytes.checked_sub(text.len()) else {
            let message = format!("references resolve to more than {} bytes (limit `bytes`)", self.limits.bytes);
            return Err(over(span, message));
        };
        self.bytes = left;
        Ok(Value::String(text.into()))
    }

    /// The value of an expression that stands at `depth` in the document.
    pub(super) fn value(
        &mut self,
        file: File<'a>,
        expression: &'a Expression,
        depth: usize,
    ) -> Result<Node, SyntaxError> {
        let span = file.span(expression.span());
        self.nest(depth, span)?;
        let value = match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(flag) => Value::Bool(*flag.value()),
            Expression::Number(number) => {
                Value::Number(number_text(file.slice(expression.span()), number.value()).into())
            }
            Expression::String(text) => Value::String(text.value().as_str().into()),
            Expression::Array(array) => {
                let items = array.iter().map(|item| self.value(file, item, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Expression::Object(object) => match self.object(file, object, depth)? {
                Some(entries) => Value::Object(entries),
                None => return self.unknown(file, expression),
            },
            Expression::Parenthesis(inner) => {
                let node = self.value(file, inner.inner(), depth + 1)?;
                return if is_unknown(&node) { self.unknown(file, expression) } else { Ok(Node { span, ..node }) };
            }
            Expression::StringTemplate(template) => return self.template(file, expression, template, depth),
            Expression::HeredocTemplate(heredoc) => return self.template(file, expression, &heredoc.template, depth),
            Expression::Traversal(traversal) => return self.reference(file, expression, traversal, depth),
            _ => return self.unknown(file, expression),
        };
        self.node(value, span)
    }

    /// What stands for an expression whose value is not in the files: its text.
    fn unknown(&mut self, file: File<'a>, expression: &Expression) -> Result<Node, SyntaxError> {
        let range = expression.span();
        let span = file.span(range.clone());
        let text = self.node(Value::String(file.slice(range).into()), span)?;
        self.node(Value::Object(vec![Entry::new(UNKNOWN, span, text)]), span)
    }

    /// The entries of an object; `None` when a key is not known.
    fn object(&mut self, file: File<'a>, object: &'a Object, depth: usize) -> Result<Option<Vec<Entry>>, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(object.len());
        let mut places: HashMap<Box<str>, usize> = HashMap::with_capacity(object.len());
        for (key, value) in object.iter() {
            let (name, key_span) = match key {
                ObjectKey::Ident(name) => (Some(Box::<str>::from(name.as_str())), file.span(name.span())),
                ObjectKey::Expression(expression) => {
                    let node = self.value(file, expression, depth + 1)?;
                    (scalar_text(&node).map(Box::from), node.span)
                }
            };
            let Some(name) = name else { return Ok(None) };
            let entry = Entry::new(name, key_span, self.value(file, value.expr(), depth + 1)?);
            // `a` and `"a"` are the same key; as in Terraform the last one counts.
            match places.get(&entry.key).and_then(|place| entries.get_mut(*place)) {
                Some(earlier) => *earlier = entry,
                None => {
                    places.insert(entry.key.clone(), entries.len());
                    entries.push(entry);
                }
            }
        }
        Ok(Some(entries))
    }

    fn template(
        &mut self,
        file: File<'a>,
        expression: &Expression,
        template: &'a Template,
        depth: usize,
    ) -> Result<Node, SyntaxError> {
        let span = file.span(expression.span());
        if let Some(Element::Interpolation(only)) = template.as_single_element() {
            // `"${x}"` is x itself, whatever its type.
            let node = self.value(file, &only.expr, depth + 1)?;
            return if is_unknown(&node) { self.unknown(file, expression) } else { Ok(Node { span, ..node }) };
        }
        let mut text = String::new();
        let mut strip_next = false;
        for element in template.iter() {
            match element {
                Element::Literal(literal) => {
                    let literal = literal.as_str();
                    text.push_str(if strip_next { literal.trim_start() } else { literal });
                    strip_next = false;
                }
                Element::Interpolation(interpolation) => {
                    let node = self.value(file, &interpolation.expr, depth + 1)?;
                    let Some(part) = scalar_text(&node) else { return self.unknown(file, expression) };
                    if matches!(interpolation.strip, Strip::Start | Strip::Both) {
                        text.truncate(text.trim_end().len());
                    }
                    strip_next = matches!(interpolation.strip, Strip::End | Strip::Both);
                    text.push_str(part);
                }
                Element::Directive(_) => return self.unknown(file, expression),
            }
        }
        let value = self.text(&text, span)?;
        self.node(value, span)
    }

    fn reference(
        &mut self,
        file: File<'a>,
        expression: &Expression,
        traversal: &'a Traversal,
        depth: usize,
    ) -> Result<Node, SyntaxError> {
        let span = file.span(expression.span());
        let Some((kind, name, path)) = target(traversal) else { return self.unknown(file, expression) };
        let Some(root) = self.resolve(kind, name, depth)? else { return self.unknown(file, expression) };
        let mut node = &*root;
        for operator in path {
            let next = match operator.value() {
                TraversalOperator::GetAttr(name) => self.entry(node, name.as_str(), span)?,
                TraversalOperator::LegacyIndex(index) => {
                    usize::try_from(*index.value()).ok().and_then(|index| node.item(index))
                }
                TraversalOperator::Index(index) => {
                    let index = self.value(file, index, depth + 1)?;
                    match (&index.value, &node.value) {
                        (Value::Number(number), Value::Array(items)) => {
                            number.parse::<usize>().ok().and_then(|index| items.get(index))
                        }
                        _ => match scalar_text(&index) {
                            Some(key) => self.entry(node, key, span)?,
                            None => None,
                        },
                    }
                }
                _ => None,
            };
            let Some(next) = next else { return self.unknown(file, expression) };
            node = next;
        }
        if is_unknown(node) { self.unknown(file, expression) } else { self.copy(node, span, depth) }
    }

    /// Looks a key up; every entry that may have to be compared is accounted for.
    fn entry<'n>(&mut self, node: &'n Node, key: &str, span: Span) -> Result<Option<&'n Node>, SyntaxError> {
        let Some(left) = self.lookups.checked_sub(node.entries().len()) else {
            return Err(over(span, format!("references look through more than {LOOKUPS} entries of objects")));
        };
        self.lookups = left;
        Ok(node.get(key))
    }

    /// The value of a variable or local; `None` when it is not defined or defined by itself.
    fn resolve(&mut self, kind: Kind, name: &'a str, depth: usize) -> Result<Option<Rc<Node>>, SyntaxError> {
        let key = (kind, name);
        match self.resolved.get(&key) {
            Some(State::Done(node)) => return Ok(Some(node.clone())),
            Some(State::Pending) => return Ok(None),
            None => {}
        }
        let Some(definition) = self.definitions.get(&key).copied() else { return Ok(None) };
        self.resolved.insert(key, State::Pending);
        let node = Rc::new(self.value(definition.file, definition.expression, depth + 1)?);
        self.resolved.insert(key, State::Done(node.clone()));
        Ok(Some(node))
    }

    /// A copy of a value for the place that refers to it.
    fn copy(&mut self, node: &Node, span: Span, depth: usize) -> Result<Node, SyntaxError> {
        self.nest(depth, span)?;
        let value = match &node.value {
            Value::String(text) => self.text(text, span)?,
            Value::Array(items) => {
                let items = items.iter().map(|item| self.copy(item, span, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let mut copies = Vec::new();
                for entry in entries {
                    let Value::String(key) = self.text(&entry.key, span)? else { continue };
                    copies.push(Entry::new(key, span, self.copy(&entry.value, span, depth + 1)?));
                }
                Value::Object(copies)
            }
            scalar => scalar.clone(),
        };
        self.node(value, span)
    }
}

fn over(span: Span, message: String) -> SyntaxError {
    SyntaxError::new(span.start as usize, message).in_file(span.file)
}

/// The name that a `var.x…` or `local.x…` refers to, and what follows it.
fn target(traversal: &Traversal) -> Option<(Kind, &str, &[hcl_edit::Decorated<TraversalOperator>])> {
    let Expression::Variable(root) = &traversal.expr else { return None };
    let kind = match root.as_str() {
        "var" => Kind::Variable,
        "local" => Kind::Local,
        _ => return None,
    };
    let (first, path) = traversal.operators.split_first()?;
    match first.value() {
        TraversalOperator::GetAttr(name) => Some((kind, name.as_str(), path)),
        _ => None,
    }
}

fn is_unknown(node: &Node) -> bool {
    matches!(node.entries(), [only] if &*only.key == UNKNOWN)
}

/// The text of what can become part of a string.
fn scalar_text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) | Value::Number(text) => Some(text),
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        _ => None,
    }
}

/// A number as JSON: as written where that is JSON, so that no digit is lost.
fn number_text(written: &str, number: &hcl_edit::Number) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(written) {
        Ok(_) => written.to_owned(),
        Err(_) => number.to_string(),
    }
}
