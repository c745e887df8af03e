//! GitHub's expressions (`:expression`): what stands in `${{ … }}`, and an `if:` without them.
//!
//! # The model
//!
//! ```text
//! { "parts": [ { "text": "v" }, EXPRESSION, … ], "unread": [ { "reason": "…" } ] }
//! ```
//!
//! in the order of the text; `text` is what stands outside of `${{ … }}`. An EXPRESSION is
//!
//! ```text
//! { "literal": "main" }                            a text, number, `true`, `false` or `null`
//! { "context": "github.event.issue.title",         names in lower case, `['x']` and `.x` alike, `[*]` as `.*`, another
//!                                                  index as `[…]`
//!   "of": EXPRESSION, "indices": [ EXPRESSION ] }  what it is taken from when that is a call; its other indices
//! { "call": "contains", "arguments": [ EXPRESSION … ] }     the function's name in lower case
//! { "operator": "==", "operands": [ EXPRESSION, EXPRESSION ] }     `!` has one operand
//! ```
//!
//! Read by zizmor's parser (github-actions-expressions), which knows GitHub's depth of 50.

use super::build::{Builder, span};
use crate::document::{Node, Span, Value};
use github_actions_expressions::literal::Literal;
use github_actions_expressions::op::{BinExpr, BinOp, UnOp};
use github_actions_expressions::{Error, Expr, SpannedExpr};
use std::ops::Range;

/// Bytes of an expression; GitHub takes 21,000 characters.
const BYTES: usize = 21_000;
/// Signs of operators of an expression: `a && b && c` is nested as deep as it is long.
const SIGNS: usize = 256;

/// The tree of a text. Where `is_expression`, a text without `${{ … }}` is one expression.
pub(super) fn tree(text: &str, is_expression: bool, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    let mut reader = Reader { text, builder, unread: Vec::new() };
    let mut parts = Vec::new();
    let mut at = 0;
    if is_expression && !text.contains("${{") {
        parts.extend(reader.expression(0..text.len()));
        at = text.len();
    }
    while let Some(opening) = text[at..].find("${{").map(|found| at + found) {
        parts.extend(reader.outside(at..opening));
        let Some(end) = closing(&text[opening..]).map(|found| opening + found) else {
            reader.unread.push((span(&(opening..text.len())), "`${{` is not closed by `}}`".to_owned()));
            at = text.len();
            break;
        };
        parts.extend(reader.expression(opening + "${{".len()..end));
        at = end + "}}".len();
        if reader.builder.is_full() {
            break;
        }
    }
    parts.extend(reader.outside(at..text.len()));
    let Reader { builder, unread, .. } = reader;
    let parts = builder.list(parts, whole);
    let mut entries = vec![("parts", parts)];
    if !unread.is_empty() {
        entries.push(("unread", builder.unread(unread, whole)));
    }
    builder.object(entries, whole)
}

/// Where the `}}` stands that closes an expression: not in a text of it.
fn closing(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    let bytes = text.as_bytes();
    bytes.iter().enumerate().find_map(|(at, byte)| {
        is_quoted ^= *byte == b'\'';
        (!is_quoted && *byte == b'}' && bytes.get(at + 1) == Some(&b'}')).then_some(at)
    })
}

struct Reader<'t, 'b> {
    text: &'t str,
    builder: &'b mut Builder,
    unread: Vec<(Span, String)>,
}

impl Reader<'_, '_> {
    fn outside(&mut self, range: Range<usize>) -> Option<Node> {
        let at = span(&range);
        (!range.is_empty()).then(|| {
            let text = self.builder.string(&self.text[range], at);
            self.builder.object([("text", text)], at)
        })
    }

    /// Reads the expression in a range; what cannot be read is told.
    fn expression(&mut self, range: Range<usize>) -> Option<Node> {
        let text = &self.text[range.clone()];
        let signs = text.bytes().filter(|byte| b"&|=<>!".contains(byte)).count();
        if text.len() > BYTES || signs > SIGNS {
            let reason = format!("longer than {BYTES} bytes, or with more than {SIGNS} signs of operators");
            self.unread.push((span(&range), reason));
            return None;
        }
        match Expr::parse(text) {
            Ok(expression) => Some(self.node(&expression, range.start)),
            Err(error) => {
                let at = match &error {
                    Error::Syntax(syntax) => range.start + syntax.offset.min(text.len()),
                    Error::Depth | Error::Call(_) => range.start,
                };
                self.unread.push((span(&(at..range.end)), error.to_string()));
                None
            }
        }
    }

    fn node(&mut self, expression: &SpannedExpr<'_>, offset: usize) -> Node {
        let at = expression.origin.span.as_range();
        let at = span(&(offset + at.start..offset + at.end));
        let entries = match &expression.inner {
            Expr::Literal(literal) => vec![("literal", self.literal(literal, at))],
            Expr::Star => vec![("literal", self.builder.string("*", at))],
            Expr::Identifier(name) => vec![("context", self.builder.string(name.as_str().to_ascii_lowercase(), at))],
            Expr::Index(inner) => return self.node(inner, offset),
            Expr::Call(call) => {
                let name = expression.origin.raw.split('(').next().unwrap_or_default().trim().to_ascii_lowercase();
                let arguments = call.args.iter().map(|argument| self.node(argument, offset)).collect();
                vec![("call", self.builder.string(name, at)), ("arguments", self.builder.list(arguments, at))]
            }
            Expr::Context(context) => self.context(&context.parts, offset, at),
            Expr::BinExpr(BinExpr { lhs, op, rhs }) => {
                let operands = vec![self.node(lhs, offset), self.node(rhs, offset)];
                self.operation(binary(op), operands, at)
            }
            Expr::UnExpr { op: UnOp::Not, expr } => {
                let operands = vec![self.node(expr, offset)];
                self.operation("!", operands, at)
            }
        };
        self.builder.object(entries, at)
    }

    fn operation(&mut self, operator: &str, operands: Vec<Node>, at: Span) -> Vec<(&'static str, Node)> {
        vec![("operator", self.builder.string(operator, at)), ("operands", self.builder.list(operands, at))]
    }

    fn literal(&mut self, literal: &Literal<'_>, at: Span) -> Node {
        match literal {
            Literal::Null => self.builder.value(Value::Null, at),
            Literal::Boolean(flag) => self.builder.value(Value::Bool(*flag), at),
            Literal::Number(number) if number.is_finite() => {
                self.builder.value(Value::Number(number.to_string().into()), at)
            }
            Literal::Number(_) | Literal::String(_) => self.builder.string(&*literal.as_str(), at),
        }
    }

    /// A context as one name, with what is not a name beside it.
    fn context(&mut self, parts: &[SpannedExpr<'_>], offset: usize, at: Span) -> Vec<(&'static str, Node)> {
        let mut name = String::new();
        let (mut of, mut indices) = (None, Vec::new());
        for (position, part) in parts.iter().enumerate() {
            let step = match &part.inner {
                Expr::Identifier(step) => Some(step.as_str().to_ascii_lowercase()),
                Expr::Star => Some("*".to_owned()),
                Expr::Index(index) => match &index.inner {
                    Expr::Literal(Literal::String(step)) => Some(step.to_ascii_lowercase()),
                    Expr::Star => Some("*".to_owned()),
                    _ => {
                        indices.push(self.node(index, offset));
                        name.push_str("[…]");
                        continue;
                    }
                },
                _ if position == 0 => {
                    of = Some(self.node(part, offset));
                    None
                }
                _ => None,
            };
            if position > 0 {
                name.push('.');
            }
            name.push_str(step.as_deref().unwrap_or_default());
        }
        let mut entries = vec![("context", self.builder.string(name, at))];
        entries.extend(of.map(|of| ("of", of)));
        if !indices.is_empty() {
            entries.push(("indices", self.builder.list(indices, at)));
        }
        entries
    }
}

fn binary(operator: &BinOp) -> &'static str {
    match operator {
        BinOp::And => "&&",
        BinOp::Or => "||",
        BinOp::Eq => "==",
        BinOp::Neq => "!=",
        BinOp::Gt => ">",
        BinOp::Ge => ">=",
        BinOp::Lt => "<",
        BinOp::Le => "<=",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str, is_expression: bool) -> serde_json::Value {
        tree(text, is_expression, &mut Builder::new(usize::MAX)).to_value()
    }

    #[test]
    fn expressions_are_read_with_what_stands_around_them() {
        assert_eq!(
            read("v${{ github.Ref_Name }}-${{ Inputs['A'] == 'x}}' && !env.B }}", false)["parts"],
            json!([
                {"text": "v"},
                {"context": "github.ref_name"},
                {"text": "-"},
                {"operator": "&&", "operands": [
                    {"operator": "==", "operands": [{"context": "inputs.a"}, {"literal": "x}}"}]},
                    {"operator": "!", "operands": [{"context": "env.b"}]},
                ]},
            ])
        );
        assert_eq!(
            read("contains(github.event.commits.*.message, 'x') || fromJSON(env.A).b[matrix.c]", true)["parts"][0],
            json!({"operator": "||", "operands": [
                {"call": "contains", "arguments": [{"context": "github.event.commits.*.message"}, {"literal": "x"}]},
                {"context": ".b[…]", "of": {"call": "fromjson", "arguments": [{"context": "env.a"}]},
                 "indices": [{"context": "matrix.c"}]},
            ]})
        );
        assert_eq!(read("main", false)["parts"], json!([{"text": "main"}]));
        assert_eq!(read("always()", true)["parts"], json!([{"call": "always", "arguments": []}]));
    }

    #[test]
    fn what_is_no_expression_is_told() {
        for text in ["a ${{ b", "${{ }}", "${{ a + }}", "${{ nothing('x') }}"] {
            assert!(read(text, false)["unread"][0]["reason"].is_string(), "{text}");
        }
        for text in ["a && ".repeat(200_000) + "a", "!".repeat(10_000), "(".repeat(10_000), "a".repeat(30_000)] {
            assert!(read(&format!("${{{{ {text} }}}}"), false)["unread"][0]["reason"].is_string());
        }
    }

    proptest! {
        #[test]
        fn places_are_in_the_text(text in "(\\$\\{\\{|\\}\\}|[a-c]|\\.|'|\\[|\\]|\\(|\\)|&&|\\|\\||==|!|\\*|é| |1){0,24}", flag: bool) {
            let tree = tree(&text, flag, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
