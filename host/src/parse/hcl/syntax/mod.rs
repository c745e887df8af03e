//! The native syntax of HCL, as HashiCorp's hclsyntax reads it.
//!
//! The parser is ours since the crates for HCL refuse what Terraform accepts (keys that stand twice in an object, new
//! lines inside `for` and directives, a here-document with its name inside) and compare each key of a body with all
//! others. `tests/hcl` holds it against hclsyntax itself.
//!
//! Where hclsyntax goes on after an error, this gives up at the first. What it produces:
//!
//! - [`tree`]: bodies, blocks and expressions, each with its place.
//! - The places of comments, also where the file is broken further down.

mod body;
mod expression;
mod scan;
mod template;
pub(super) mod tree;

use self::scan::Token;
use self::tree::{Body, Part};
use crate::document::Span;
use crate::parse::{Limits, SyntaxError};
use std::ops::Range;

/// Reads the text of a file.
///
/// `number` is the file's in its module, `base` where the text begins in it, `values` how many expressions and blocks
/// the module may still have.
///
/// # Errors
/// At the first byte that does not fit, or where a bound is exceeded.
pub(super) fn parse_body(
    text: &str,
    (number, base): (u16, usize),
    values: &mut usize,
    limits: &Limits,
) -> Result<Body, SyntaxError> {
    Parser::new(text, Places::Text { number, base }, values, limits).file()
}

/// Reads a text as a template: what a string of a JSON file holds. All that is in it has the place of the string.
///
/// # Errors
/// At the string.
pub(super) fn parse_template(
    text: &str,
    span: Span,
    values: &mut usize,
    limits: &Limits,
) -> Result<Vec<Part>, SyntaxError> {
    Parser::new(text, Places::At(span), values, limits).bare_template()
}

/// Where the comments of a text are, as far as it can be read.
pub(super) fn comments(text: &str, limits: &Limits) -> Vec<Range<usize>> {
    let mut values = limits.nodes;
    let mut parser = Parser::new(text, Places::Text { number: 0, base: 0 }, &mut values, limits);
    // What is wrong with the file, parsing it says.
    let _ = parser.file();
    parser.comments
}

/// How a place in the text is told.
#[derive(Clone, Copy)]
enum Places {
    /// As it is, in a file that has `base` bytes before the text.
    Text { number: u16, base: usize },
    /// As that of the whole.
    At(Span),
}

struct Parser<'t, 'l> {
    text: &'t str,
    at: usize,
    places: Places,
    /// The token at a place, when new lines are tokens or not.
    peeked: Option<(usize, bool, Token)>,
    /// Whether new lines are tokens, from the outermost bracket to the innermost.
    newlines: Vec<bool>,
    depth: usize,
    values: &'l mut usize,
    limits: &'l Limits,
    comments: Vec<Range<usize>>,
}

impl<'t, 'l> Parser<'t, 'l> {
    fn new(text: &'t str, places: Places, values: &'l mut usize, limits: &'l Limits) -> Self {
        Self { text, at: 0, places, peeked: None, newlines: vec![true], depth: 0, values, limits, comments: Vec::new() }
    }

    fn span(&self, range: Range<usize>) -> Span {
        match self.places {
            Places::Text { number, base } => Span::in_file(number, base + range.start, base + range.end),
            Places::At(span) => span,
        }
    }

    fn error(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        let span = self.span(at..at);
        SyntaxError::new(span.start as usize, message).in_file(span.file)
    }

    /// Goes one level deeper for `inner`.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, SyntaxError>) -> Result<T, SyntaxError> {
        if self.depth >= self.limits.depth {
            let limit = self.limits.depth;
            return Err(self.error(self.at, format!("nested deeper than {limit} levels (limit `depth`)")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Goes one level deeper for what is in brackets.
    fn bracketed<T>(
        &mut self,
        newlines: bool,
        inner: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.newlines.push(newlines);
        let result = self.nested(inner);
        self.newlines.pop();
        result
    }

    /// Accounts for one more expression or block.
    fn count(&mut self) -> Result<(), SyntaxError> {
        match self.values.checked_sub(1) {
            Some(left) => *self.values = left,
            None => {
                let limit = self.limits.nodes;
                return Err(self.error(self.at, format!("more than {limit} values (limit `nodes`)")));
            }
        }
        Ok(())
    }
}
