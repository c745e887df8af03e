//! How much evaluating one module may take.

use super::value::{List, Map, Member, Term, Value};
use crate::document::Span;
use crate::parse::{Limits, SyntaxError};
use indexmap::IndexMap;
use std::rc::Rc;

/// Expressions that are evaluated, and values that functions and loops look at or make.
const STEPS: usize = 4_000_000;

/// What is left of the bounds. Where one is exceeded, nothing is known any more, and [`Work::error`] says why.
pub(super) struct Work<'l> {
    limits: &'l Limits,
    steps: usize,
    /// Bytes of text that templates, functions and references may still make.
    bytes: usize,
    error: Option<SyntaxError>,
    /// The expression that is evaluated, for errors and for what functions make.
    pub at: Span,
}

impl<'l> Work<'l> {
    /// All that one module may take.
    pub fn new(limits: &'l Limits) -> Self {
        Self { limits, steps: STEPS, bytes: limits.bytes, error: None, at: Span::default() }
    }

    /// The bounds of a text that a function reads.
    pub fn limits_of_text(&self) -> Limits {
        Limits { nodes: self.steps.min(self.limits.nodes), ..self.limits.clone() }
    }

    /// Fails where a bound was exceeded.
    pub fn check(&mut self) -> Result<(), SyntaxError> {
        self.error.take().map_or(Ok(()), Err)
    }

    fn exceed(&mut self, message: String) -> Option<()> {
        if self.error.is_none() {
            let error = SyntaxError::new(self.at.start as usize, message).in_file(self.at.file);
            self.error = Some(error);
        }
        self.steps = 0;
        None
    }

    /// Accounts for values that are looked at or made.
    pub fn steps(&mut self, count: usize) -> Option<()> {
        match self.steps.checked_sub(count) {
            Some(left) => {
                self.steps = left;
                Some(())
            }
            None => self.exceed(format!("its expressions take more than {STEPS} steps")),
        }
    }

    /// Accounts for text that is made.
    pub fn bytes(&mut self, count: usize) -> Option<()> {
        match self.bytes.checked_sub(count) {
            Some(left) => {
                self.bytes = left;
                Some(())
            }
            None => {
                let limit = self.limits.bytes;
                self.exceed(format!("references and functions make more than {limit} bytes (limit `bytes`)"))
            }
        }
    }

    /// What is nested more deeply than documents may be, or referred to through more levels, is not known.
    pub fn depth(&self, depth: usize) -> Option<()> {
        (depth <= self.limits.depth).then_some(())
    }

    /// A text that is made.
    pub fn text(&mut self, text: String) -> Option<Value> {
        self.bytes(text.len())?;
        Some(Value::text(text))
    }

    /// A list that is made.
    pub fn list(&mut self, items: Vec<Term>, is_set: bool) -> Option<Value> {
        self.steps(items.len())?;
        let list = List::new(items, is_set);
        let value = Value::List(Rc::new(list));
        self.depth(value.height())?;
        Some(value)
    }

    /// A map that is made.
    pub fn map(&mut self, members: IndexMap<Rc<str>, Member>) -> Option<Value> {
        self.steps(members.len())?;
        let value = Value::Map(Rc::new(Map::new(members)));
        self.depth(value.height())?;
        Some(value)
    }

    /// A value that a function makes for its result.
    pub fn term(&self, value: Value) -> Term {
        Term::new(value, self.at)
    }
}
