//! Terraform modules into documents: all files of one directory together.
//!
//! # The model
//!
//! ```text
//! { "path": "infra",
//!   "files": ["main.tf", "terraform.tfvars"],
//!   "has_tfvars": true,
//!   "blocks": [ {
//!     "type": "resource",
//!     "labels": ["aws_s3_bucket", "state"],
//!     "attributes": { "bucket": "acme-state", "tags": { "$unknown": "merge(local.a, local.b)" } },
//!     "blocks": [ … ] } ],
//!   "tfvars": { "region": "eu-central-1" } }
//! ```
//!
//! * `blocks` has the blocks of all files in the order of the files; nested blocks have the same shape.
//! * Literals are JSON. A string whose interpolations are all known is that string, and `"${x}"` is x itself.
//! * `var.x` is its value in `terraform.tfvars` or, stronger and in the order of their names,
//!   `*.auto.tfvars`; else the variable's default. Other `*.tfvars` files only count for `has_tfvars`.
//! * `local.x` is its value in a `locals` block. Indexes and attributes of known values are followed.
//! * Anything else (function calls, operators, references to resources, cycles) is
//!   `{"$unknown": "<its text>"}`, and so is an object with an unknown key.
//! * Of two equal keys of an object the last counts.
//!
//! # Spans
//!
//! Values have the span of their expression, quotes included; a resolved reference that of the
//! reference, with all that is in it. Blocks have the span of the whole block.

mod guard;
mod resolve;
#[cfg(test)]
mod tests;

use self::guard::Guard;
use self::resolve::{Definition, File, Kind, Resolver};
use crate::document::{Entry, Node, Source, Span, Value};
use crate::parse::{Limits, SyntaxError};
use hcl_edit::Span as _;
use hcl_edit::structure::{Attribute, Block, Body};
use std::ops::Range;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Parses the `*.tf` and `*.tfvars` files of one directory into one document.
pub fn parse_module(dir: &str, files: &[Source], limits: &Limits) -> Result<Node, SyntaxError> {
    let mut guard = Guard::new(limits);
    let mut parsed = Vec::with_capacity(files.len());
    for (index, source) in files.iter().enumerate() {
        let index = u16::try_from(index)
            .map_err(|_| SyntaxError::new(0, format!("a module of more than {} files", u16::MAX)).in_file(u16::MAX))?;
        parsed.push(parse_file(index, source, &mut guard, limits)?);
    }
    let mut module = Module { resolver: Resolver::new(limits), tfvars: Vec::new() };
    parsed.iter().filter(|file| !file.is_tfvars()).for_each(|file| module.define(file));
    module.define_tfvars(&parsed);
    module.document(dir, &parsed)
}

/// Where the line comments of a file are, as far as it can be read.
pub fn comments(text: &str, limits: &Limits) -> Vec<Range<usize>> {
    let without_bom = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let shift = text.len() - without_bom.len();
    let mut guard = Guard::new(limits);
    // What is wrong with the file, parsing it says.
    let _ = guard.check(without_bom);
    guard.into_comments().into_iter().map(|at| at.start + shift..at.end + shift).collect()
}

struct Parsed<'a> {
    name: &'a str,
    file: File<'a>,
    body: Body,
}

impl Parsed<'_> {
    fn is_tfvars(&self) -> bool {
        self.name.ends_with(".tfvars")
    }

    /// True for files that Terraform reads without being told to.
    fn is_loaded(&self) -> bool {
        self.name == "terraform.tfvars" || self.name.ends_with(".auto.tfvars")
    }
}

fn parse_file<'a>(
    index: u16,
    source: &'a Source,
    guard: &mut Guard<'_>,
    limits: &Limits,
) -> Result<Parsed<'a>, SyntaxError> {
    let text = source.text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&source.text);
    let file = File { index, text, base: source.text.len() - text.len() };
    if source.text.len() > limits.bytes {
        return Err(file.error(0, format!("longer than {} bytes (limit `bytes`)", limits.bytes)));
    }
    guard.check(text).map_err(|error| file.error(error.at, error.message))?;
    let body = hcl_edit::parser::parse_body(text).map_err(|error| {
        let mut at = error.location().offset().min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        file.error(at, error.message())
    })?;
    let name = source.path.rsplit('/').next().unwrap_or_default();
    Ok(Parsed { name, file, body })
}

struct Module<'a> {
    resolver: Resolver<'a>,
    /// The variables' values in effect, with the file each is written in.
    tfvars: Vec<(File<'a>, &'a Attribute)>,
}

impl<'a> Module<'a> {
    /// Takes note of a file's variables and locals.
    fn define(&mut self, parsed: &'a Parsed<'a>) {
        for block in parsed.body.blocks() {
            match (block.ident.as_str(), block.labels.first()) {
                ("locals", None) => {
                    for attribute in block.body.attributes() {
                        self.define_one(Kind::Local, attribute.key.as_str(), parsed.file, attribute);
                    }
                }
                ("variable", Some(name)) => {
                    if let Some(default) = block.body.get_attribute("default") {
                        self.define_one(Kind::Variable, name.as_str(), parsed.file, default);
                    }
                }
                _ => {}
            }
        }
    }

    fn define_one(&mut self, kind: Kind, name: &'a str, file: File<'a>, attribute: &'a Attribute) {
        self.resolver.define(kind, name, Definition { file, expression: &attribute.value });
    }

    /// Lets values from files override defaults: `terraform.tfvars`, then the others by name.
    fn define_tfvars(&mut self, parsed: &'a [Parsed<'a>]) {
        let mut loaded: Vec<_> = parsed.iter().filter(|file| file.is_loaded()).collect();
        loaded.sort_by_key(|file| (file.name != "terraform.tfvars", file.name));
        let mut places = std::collections::HashMap::new();
        for file in loaded {
            for attribute in file.body.attributes() {
                let name = attribute.key.as_str();
                self.define_one(Kind::Variable, name, file.file, attribute);
                let place = *places.entry(name).or_insert(self.tfvars.len());
                match self.tfvars.get_mut(place) {
                    Some(earlier) => *earlier = (file.file, attribute),
                    None => self.tfvars.push((file.file, attribute)),
                }
            }
        }
    }

    fn document(mut self, dir: &str, parsed: &'a [Parsed<'a>]) -> Result<Node, SyntaxError> {
        let start = Span::default();
        let mut names = Vec::with_capacity(parsed.len());
        let mut blocks = Vec::new();
        for file in parsed {
            let top = file.file.span(None);
            names.push(self.resolver.node(Value::String(file.name.into()), top)?);
            if file.is_tfvars() {
                continue;
            }
            for block in file.body.blocks() {
                blocks.push(self.block(file.file, block, 2)?);
            }
        }
        let mut tfvars = Vec::with_capacity(self.tfvars.len());
        for (file, attribute) in std::mem::take(&mut self.tfvars) {
            tfvars.push(self.attribute(file, attribute, 2)?);
        }
        let has_tfvars = parsed.iter().any(Parsed::is_tfvars);
        let entries = [
            ("path", Value::String(dir.into())),
            ("files", Value::Array(names)),
            ("has_tfvars", Value::Bool(has_tfvars)),
            ("blocks", Value::Array(blocks)),
            ("tfvars", Value::Object(tfvars)),
        ];
        self.mapping(entries.map(|(key, value)| (key, value, start)).into(), start)
    }

    /// A mapping whose keys are not in the text: each is shown where its value is.
    fn mapping(&mut self, values: Vec<(&str, Value, Span)>, span: Span) -> Result<Node, SyntaxError> {
        let mut entries = Vec::with_capacity(values.len());
        for (key, value, span) in values {
            entries.push(Entry::new(key, span, self.resolver.node(value, span)?));
        }
        self.resolver.node(Value::Object(entries), span)
    }

    /// A block, which `hcl-edit` nests 64 levels deep at the most.
    fn block(&mut self, file: File<'a>, block: &'a Block, depth: usize) -> Result<Node, SyntaxError> {
        let span = file.span(block.span());
        let ident = file.span(block.ident.span());
        self.resolver.nest(depth, span)?;
        let mut labels = Vec::with_capacity(block.labels.len());
        for label in &block.labels {
            labels.push(self.resolver.node(Value::String(label.as_str().into()), file.span(label.span()))?);
        }
        let mut attributes = Vec::new();
        for attribute in block.body.attributes() {
            attributes.push(self.attribute(file, attribute, depth + 2)?);
        }
        let mut blocks = Vec::new();
        for inner in block.body.blocks() {
            blocks.push(self.block(file, inner, depth + 2)?);
        }
        let labels_span = around(labels.iter().map(|label| label.span)).unwrap_or(ident);
        let attributes_span =
            around(attributes.iter().flat_map(|entry| [entry.key_span, entry.value.span])).unwrap_or(ident);
        let blocks_span = around(blocks.iter().map(|inner| inner.span)).unwrap_or(ident);
        let values = vec![
            ("type", Value::String(block.ident.as_str().into()), ident),
            ("labels", Value::Array(labels), labels_span),
            ("attributes", Value::Object(attributes), attributes_span),
            ("blocks", Value::Array(blocks), blocks_span),
        ];
        let mut node = self.mapping(values, span)?;
        if let Value::Object(entries) = &mut node.value {
            entries.iter_mut().for_each(|entry| entry.key_span = ident);
        }
        Ok(node)
    }

    fn attribute(&mut self, file: File<'a>, attribute: &'a Attribute, depth: usize) -> Result<Entry, SyntaxError> {
        let value = self.resolver.value(file, &attribute.value, depth)?;
        Ok(Entry::new(attribute.key.as_str(), file.span(attribute.key.span()), value))
    }
}

/// The smallest span around all of these, which are in one file and in order.
fn around(spans: impl Iterator<Item = Span>) -> Option<Span> {
    spans.reduce(|first, last| Span { end: first.end.max(last.end), ..first })
}
