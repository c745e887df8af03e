//! Bodies: attributes and blocks.

use super::Parser;
use super::scan::{Kind, Token};
use super::tree::{Attribute, Block, Body, Label};
use crate::parse::SyntaxError;
use std::collections::HashSet;

impl Parser<'_, '_> {
    /// A whole file.
    pub(super) fn file(&mut self) -> Result<Body, SyntaxError> {
        let body = self.body()?;
        match self.peek().kind {
            Kind::End => Ok(body),
            _ => Err(self.expected("an argument or a block")),
        }
    }

    /// Attributes and blocks, up to what is neither.
    fn body(&mut self) -> Result<Body, SyntaxError> {
        let mut body = Body::default();
        let mut names: HashSet<Box<str>> = HashSet::new();
        loop {
            match self.peek().kind {
                Kind::Newline => {
                    self.next();
                }
                Kind::Identifier => {
                    let name = self.next();
                    self.count()?;
                    if self.at_symbol("=") {
                        let attribute = self.attribute(&name)?;
                        if !names.insert(attribute.name.clone()) {
                            let message = format!("the argument `{}` is set twice", attribute.name);
                            return Err(self.error(name.range.start, message));
                        }
                        body.attributes.push(attribute);
                    } else {
                        body.blocks.push(self.block(&name)?);
                    }
                    self.end_of_line()?;
                }
                _ => return Ok(body),
            }
        }
    }

    fn end_of_line(&mut self) -> Result<(), SyntaxError> {
        match self.peek().kind {
            Kind::Newline => {
                self.next();
                Ok(())
            }
            Kind::End => Ok(()),
            _ => Err(self.expected("the end of the line")),
        }
    }

    /// An attribute behind its name.
    fn attribute(&mut self, name: &Token) -> Result<Attribute, SyntaxError> {
        self.expect("=")?;
        let value = self.expression()?;
        Ok(Attribute { name: self.slice(name).into(), name_span: self.span(name.range.clone()), value })
    }

    /// A block behind its kind.
    fn block(&mut self, kind: &Token) -> Result<Block, SyntaxError> {
        let mut labels = Vec::new();
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Identifier => {
                    self.next();
                    labels.push(Label { text: self.slice(&token).into(), span: self.span(token.range) });
                }
                Kind::Quote => {
                    self.next();
                    let text = self.quoted_literal()?;
                    labels.push(Label { text: text.into(), span: self.span(token.range.start..self.at) });
                }
                _ if self.at_symbol("{") => break,
                _ if labels.is_empty() => return Err(self.expected("`=`, `{` or a label")),
                _ => return Err(self.expected("`{` or a label")),
            }
            self.count()?;
        }
        self.next();
        let body = self.bracketed(true, Self::block_body)?;
        Ok(Block {
            kind: self.slice(kind).into(),
            kind_span: self.span(kind.range.clone()),
            labels,
            body,
            span: self.span(kind.range.start..self.at),
        })
    }

    /// The body of a block up to its brace: over lines, or one attribute on the same line.
    fn block_body(&mut self) -> Result<Body, SyntaxError> {
        let body = match self.peek().kind {
            Kind::Identifier => {
                let name = self.next();
                self.count()?;
                Body { attributes: vec![self.attribute(&name)?], blocks: Vec::new() }
            }
            _ => self.body()?,
        };
        self.expect("}")?;
        Ok(body)
    }
}
