//! The JSON syntax of Terraform, as the same tree as the native one.
//!
//! JSON does not tell blocks from arguments, so Terraform's own schema does. Blocks of a provider's resources are not
//! known here: they are arguments whose values are objects or lists of these.

use super::syntax::parse_template;
use super::syntax::tree::{Attribute, Block, Body, Expression, Form, Item, Label, Part};
use crate::document::{Entry, Node, Span, Value};
use crate::parse::{Limits, SyntaxError, json};

/// The blocks that a body may have: their kind, how many labels they have, and what blocks they hold.
type Schema = [(&'static str, usize, Inner)];

/// The schema of a block's own body.
#[derive(Clone, Copy)]
struct Inner(&'static Schema);

const NO_BLOCKS: Inner = Inner(&[]);
const RESOURCE: Inner = Inner(&[
    ("lifecycle", 0, CONDITIONS),
    ("provisioner", 1, CONNECTION),
    ("connection", 0, NO_BLOCKS),
    ("dynamic", 1, NO_BLOCKS),
]);
const CONNECTION: Inner = Inner(&[("connection", 0, NO_BLOCKS)]);
const CONDITIONS: Inner = Inner(&[("precondition", 0, NO_BLOCKS), ("postcondition", 0, NO_BLOCKS)]);
const CHECK: Inner = Inner(&[("data", 2, NO_BLOCKS), ("assert", 0, NO_BLOCKS)]);
const SETTINGS: Inner = Inner(&[
    ("backend", 1, NO_BLOCKS),
    ("cloud", 0, Inner(&[("workspaces", 0, NO_BLOCKS)])),
    ("required_providers", 0, NO_BLOCKS),
    ("provider_meta", 1, NO_BLOCKS),
]);
const FILE: Inner = Inner(&[
    ("terraform", 0, SETTINGS),
    ("provider", 1, NO_BLOCKS),
    ("variable", 1, Inner(&[("validation", 0, NO_BLOCKS)])),
    ("locals", 0, NO_BLOCKS),
    ("output", 1, CONDITIONS),
    ("module", 1, NO_BLOCKS),
    ("resource", 2, RESOURCE),
    ("data", 2, RESOURCE),
    ("ephemeral", 2, RESOURCE),
    ("moved", 0, NO_BLOCKS),
    ("import", 0, NO_BLOCKS),
    ("removed", 0, Inner(&[("lifecycle", 0, NO_BLOCKS), ("provisioner", 1, CONNECTION)])),
    ("check", 1, CHECK),
]);

/// Reads the text of a configuration file, the `number`th of its module.
///
/// # Errors
/// Where the text is no JSON, has something other than an object where a block must be, or exceeds a bound.
pub(super) fn parse_configuration(
    text: &str,
    number: u16,
    values: &mut usize,
    limits: &Limits,
) -> Result<Body, SyntaxError> {
    let root = read(text, number, limits)?;
    Reader { number, values, limits, are_literal: false }.body(&root, FILE)
}

/// Reads the text of a file of variables, whose strings are no templates.
///
/// # Errors
/// As for configuration.
pub(super) fn parse_variables(
    text: &str,
    number: u16,
    values: &mut usize,
    limits: &Limits,
) -> Result<Body, SyntaxError> {
    let root = read(text, number, limits)?;
    Reader { number, values, limits, are_literal: true }.body(&root, NO_BLOCKS)
}

fn read(text: &str, number: u16, limits: &Limits) -> Result<Node, SyntaxError> {
    json::parse(text, limits).map_err(|error| error.in_file(number))
}

struct Reader<'v, 'l> {
    number: u16,
    values: &'v mut usize,
    limits: &'l Limits,
    /// Whether strings are what they are, and no templates.
    are_literal: bool,
}

impl Reader<'_, '_> {
    fn span(&self, span: Span) -> Span {
        Span { file: self.number, ..span }
    }

    fn error(&self, span: Span, message: &str) -> SyntaxError {
        SyntaxError::new(span.start as usize, message).in_file(self.number)
    }

    fn count(&mut self, span: Span) -> Result<(), SyntaxError> {
        match self.values.checked_sub(1) {
            Some(left) => *self.values = left,
            None => {
                let message = format!("more than {} values (limit `nodes`)", self.limits.nodes);
                return Err(self.error(span, &message));
            }
        }
        Ok(())
    }

    /// A body, which may be written in several objects.
    fn body(&mut self, node: &Node, schema: Inner) -> Result<Body, SyntaxError> {
        let mut body = Body::default();
        for object in self.objects(node)? {
            for entry in object.entries() {
                let known = schema.0.iter().find(|(kind, ..)| *kind == &*entry.key);
                match known {
                    // A comment.
                    None if &*entry.key == "//" => {}
                    None => body.attributes.push(self.attribute(entry)?),
                    Some((_, labels, inner)) => {
                        self.blocks(entry, &entry.value, *labels, *inner, &mut Vec::new(), &mut body.blocks)?;
                    }
                }
            }
        }
        Ok(body)
    }

    /// An object, or a list of objects, which stands for them one after the other.
    fn objects<'n>(&self, node: &'n Node) -> Result<Vec<&'n Node>, SyntaxError> {
        match &node.value {
            Value::Object(_) => Ok(vec![node]),
            Value::Array(items) if items.iter().all(|item| matches!(item.value, Value::Object(_))) => {
                Ok(items.iter().collect())
            }
            Value::Null => Ok(Vec::new()),
            _ => Err(self.error(node.span, "expected an object, or a list of objects")),
        }
    }

    /// The blocks of a kind, whose labels are keys.
    fn blocks<'n>(
        &mut self,
        kind: &'n Entry,
        node: &'n Node,
        missing: usize,
        schema: Inner,
        labels: &mut Vec<&'n Entry>,
        blocks: &mut Vec<Block>,
    ) -> Result<(), SyntaxError> {
        for object in self.objects(node)? {
            self.count(object.span)?;
            if let Some(missing) = missing.checked_sub(1) {
                for entry in object.entries().iter().filter(|entry| &*entry.key != "//") {
                    labels.push(entry);
                    self.blocks(kind, &entry.value, missing, schema, labels, blocks)?;
                    labels.pop();
                }
                continue;
            }
            let outer = self.are_literal;
            // Terraform takes the defaults of variables as they are, too.
            self.are_literal |= &*kind.key == "variable";
            let body = self.body(object, schema);
            self.are_literal = outer;
            let label = |entry: &&Entry| Label { text: entry.key.clone(), span: self.span(entry.key_span) };
            let first = labels.last().map_or(kind.key_span, |label| label.key_span);
            blocks.push(Block {
                kind: kind.key.clone(),
                kind_span: self.span(kind.key_span),
                labels: labels.iter().map(label).collect(),
                body: body?,
                span: self.span(Span { start: first.start.min(object.span.start), ..object.span }),
            });
        }
        Ok(())
    }

    fn attribute(&mut self, entry: &Entry) -> Result<Attribute, SyntaxError> {
        Ok(Attribute {
            name: entry.key.clone(),
            name_span: self.span(entry.key_span),
            value: self.expression(&entry.value)?,
        })
    }

    fn expression(&mut self, node: &Node) -> Result<Expression, SyntaxError> {
        self.count(node.span)?;
        let span = self.span(node.span);
        let form = match &node.value {
            Value::Null => Form::Null,
            Value::Bool(flag) => Form::Bool(*flag),
            Value::Number(text) => match text.strip_prefix('-') {
                Some(positive) => Form::Negative(Box::new(Expression { span, form: Form::Number(positive.into()) })),
                None => Form::Number(text.clone()),
            },
            Value::String(text) => self.text(text, span)?,
            Value::Array(items) => {
                Form::Tuple(items.iter().map(|item| self.expression(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let items = entries.iter().filter(|entry| &*entry.key != "//").map(|entry| {
                    let key_span = self.span(entry.key_span);
                    let key = Expression { span: key_span, form: self.text(&entry.key, key_span)? };
                    Ok(Item { key, value: self.expression(&entry.value)? })
                });
                Form::Object(items.collect::<Result<_, _>>()?)
            }
        };
        Ok(Expression { span, form })
    }

    fn text(&mut self, text: &str, span: Span) -> Result<Form, SyntaxError> {
        let parts = match self.are_literal {
            true => vec![Part::Literal(text.into())],
            false => parse_template(text, span, self.values, self.limits)?,
        };
        Ok(Form::Template(parts))
    }
}
