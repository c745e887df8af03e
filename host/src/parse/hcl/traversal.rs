//! The way from a value to a part of it: attributes, indexes and splats.

use super::evaluate::{Context, Evaluator};
use super::names::Found;
use super::syntax::tree::{Expression, Form, Step};
use super::value::{Term, Value};

impl<'a> Evaluator<'a, '_> {
    /// The part of a value that steps lead to, from an expression or a name.
    pub(super) fn traversal(
        &mut self,
        from: &'a Expression,
        steps: &'a [Step],
        context: &mut Context<'a>,
    ) -> Option<Found> {
        if let Form::Name(root) = &from.form
            && context.bound(root).is_none()
        {
            let (found, rest) = self.named(root, steps, context.scope, context.depth)?;
            let term = self.follow(found.term, rest, context)?;
            return Some(Found { term, ..found });
        }
        let term = self.term(from, context);
        Some(Found { term: self.follow(term, steps, context)?, is_argument: false })
    }

    /// Goes from a value to a part of it.
    fn follow(&mut self, from: Term, steps: &'a [Step], context: &mut Context<'a>) -> Option<Term> {
        let mut term = from;
        for step in steps {
            self.work.steps(1)?;
            let next = match step {
                Step::Attribute(name) => term.value.map()?.get(name)?.clone(),
                Step::Index(key) => {
                    let key = self.value(key, context);
                    match &term.value {
                        Value::List(list) if !list.is_set => list.items.get(key.to_number()?.to_index()?)?.clone(),
                        Value::Map(map) => map.get(&key.to_text()?)?.clone(),
                        _ => return None,
                    }
                }
                Step::Splat(inner) => Term::new(self.splat(&term, inner, context)?, term.span),
            };
            term = if term.borrowed { next.at(term.span) } else { next };
            if term.is_all_unknown() {
                return None;
            }
        }
        Some(term)
    }

    fn splat(&mut self, from: &Term, steps: &'a [Step], context: &mut Context<'a>) -> Option<Value> {
        let items: Vec<Term> = match &from.value {
            Value::Unknown(..) => return None,
            Value::List(list) => list.items.clone(),
            Value::Null => Vec::new(),
            _ => vec![from.clone()],
        };
        let at = self.work.at;
        let taken = items.into_iter().map(|item| self.follow(item, steps, context).unwrap_or(Term::unknown(at)));
        let taken = taken.collect();
        self.work.list(taken, false)
    }
}
