//! Expressions into values.
//!
//! `None` is what is not known: a reference to what only a plan or an apply tells, a function that is not here, and
//! whatever depends on one. What Terraform would refuse is not known either.

use super::functions;
use super::names::{Names, Scope};
use super::number::Decimal;
use super::repeated::Each;
use super::syntax::tree::{Call, Expression, For, Form, Item, Operator, Part};
use super::value::{Member, Term, Value};
use super::work::Work;
use indexmap::IndexMap;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

/// Evaluates the expressions of a module and of those that it calls.
pub(super) struct Evaluator<'a, 'l> {
    pub work: Work<'l>,
    pub(super) names: Names<'a>,
    /// The arguments that were evaluated, by scope and place in memory.
    arguments: HashMap<(Scope, *const Expression), Term>,
}

/// Where an expression is evaluated.
#[derive(Clone)]
pub(super) struct Context<'a> {
    pub scope: Scope,
    /// The names that loops around it bind, the innermost last.
    bindings: Vec<(&'a str, Term)>,
    /// Levels of expressions and references around it.
    pub depth: usize,
}

impl<'a, 'l> Evaluator<'a, 'l> {
    /// One that knows these names.
    pub fn new(names: Names<'a>, work: Work<'l>) -> Self {
        Self { work, names, arguments: HashMap::new() }
    }

    /// The value of an argument of a block, which is worked out once.
    pub fn argument(&mut self, scope: Scope, expression: &'a Expression) -> Term {
        let key = (scope, std::ptr::from_ref(expression));
        if let Some(term) = self.arguments.get(&key) {
            return term.clone();
        }
        let term = self.term(expression, &mut Context::new(scope, 0));
        self.arguments.insert(key, term.clone());
        term
    }

    /// The value of an expression, or that it is not known.
    pub fn term(&mut self, expression: &'a Expression, context: &mut Context<'a>) -> Term {
        let before = std::mem::replace(&mut self.work.at, expression.span);
        context.depth += 1;
        let term = self.work.steps(1).and_then(|()| {
            self.work.depth(context.depth)?;
            self.evaluate(expression, context)
        });
        context.depth -= 1;
        self.work.at = before;
        match term {
            Some(Term { value: Value::Unknown(_, Some(encoded)), span, borrowed }) => {
                Term { value: Value::Unknown(expression.span, Some(encoded)), span, borrowed }
            }
            Some(term) if !term.is_unknown() => term,
            _ => Term::unknown(expression.span),
        }
    }

    /// The value of an expression without its place.
    pub(super) fn value(&mut self, expression: &'a Expression, context: &mut Context<'a>) -> Value {
        self.term(expression, context).value
    }

    fn evaluate(&mut self, expression: &'a Expression, context: &mut Context<'a>) -> Option<Term> {
        let span = expression.span;
        let value = match &expression.form {
            Form::Null => Value::Null,
            Form::Bool(flag) => Value::Bool(*flag),
            Form::Number(text) => number(text)?,
            Form::Template(parts) => match parts.as_slice() {
                // `"${x}"` is x itself, whatever its type.
                [Part::Value(only)] => return Some(Term { span, ..self.term(only, context) }),
                parts => {
                    let text = self.template(parts, context)?;
                    Value::text(text)
                }
            },
            Form::Tuple(items) => {
                let items = items.iter().map(|item| self.term(item, context)).collect();
                self.work.list(items, false)?
            }
            Form::Object(items) => self.object(items, context)?,
            Form::Name(name) => return context.bound(name).map(|term| term.at(span)),
            Form::Traversal(from, steps) => {
                let found = self.traversal(from, steps, context)?;
                return Some(if found.is_argument { found.term } else { found.term.at(span) });
            }
            Form::Call(call) => self.call(call, context)?,
            Form::Conditional(parts) => {
                let [condition, accepted, refused] = &**parts;
                let holds = self.value(condition, context).to_bool()?;
                let (chosen, other) = if holds { (accepted, refused) } else { (refused, accepted) };
                let term = self.term(chosen, context);
                // Both results are of one type: of a text and another scalar, that of the text.
                return Some(match (&term.value, self.value(other, context)) {
                    (Value::Number(_) | Value::Bool(_), Value::Text(_)) => {
                        Term::new(Value::Text(term.value.to_text()?), span)
                    }
                    _ => Term { span, ..term },
                });
            }
            Form::Binary(first, rest) => self.operation(first, rest, context)?,
            Form::Negative(operand) => Value::number(self.value(operand, context).to_number()?.negative()?),
            Form::Not(operand) => Value::Bool(!self.value(operand, context).to_bool()?),
            Form::For(repeated) => match &repeated.key {
                None => self.list_of(repeated, context)?,
                Some(key) => self.map_of(repeated, key, context)?,
            },
            Form::Parentheses(inner) => return Some(Term { span, ..self.term(inner, context) }),
        };
        Some(Term::new(value, span))
    }

    fn object(&mut self, items: &'a [Item], context: &mut Context<'a>) -> Option<Value> {
        let mut members: IndexMap<Rc<str>, Member> = IndexMap::with_capacity(items.len());
        for item in items {
            let key = match &item.key.form {
                Form::Name(name) => Rc::from(&**name),
                Form::Null => Rc::from("null"),
                _ => self.value(&item.key, context).to_text()?,
            };
            // Of two equal keys the last one counts.
            members.insert(key, Member { key_span: item.key.span, term: self.term(&item.value, context) });
        }
        self.work.map(members)
    }

    fn template(&mut self, parts: &'a [Part], context: &mut Context<'a>) -> Option<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Literal(literal) => {
                    self.work.bytes(literal.len())?;
                    text.push_str(literal);
                }
                Part::Value(value) => {
                    let value = self.value(value, context).to_text()?;
                    self.work.bytes(value.len())?;
                    text.push_str(&value);
                }
                Part::If(condition, accepted, refused) => {
                    let chosen = if self.value(condition, context).to_bool()? { accepted } else { refused };
                    text.push_str(&self.template(chosen, context)?);
                }
                Part::For(repeated) => {
                    for item in self.list_of(repeated, context)?.items()? {
                        let item = item.value.to_text()?;
                        self.work.bytes(item.len())?;
                        text.push_str(&item);
                    }
                }
            }
        }
        Some(text)
    }

    fn call(&mut self, call: &'a Call, context: &mut Context<'a>) -> Option<Value> {
        let mut arguments: Vec<Term> = call.arguments.iter().map(|argument| self.term(argument, context)).collect();
        if call.expands {
            let last = arguments.pop()?;
            let items = last.value.items()?;
            self.work.steps(items.len())?;
            arguments.extend_from_slice(items);
        }
        functions::call(&call.name, &arguments, &mut self.work)
    }

    fn operation(
        &mut self,
        first: &'a Expression,
        rest: &'a [(Operator, Expression)],
        context: &mut Context<'a>,
    ) -> Option<Value> {
        let mut left = self.value(first, context);
        for (operator, operand) in rest {
            let right = self.value(operand, context);
            left = self.combined(&left, *operator, &right).unwrap_or(Value::Unknown(first.span, None));
        }
        Some(left)
    }

    fn combined(&mut self, left: &Value, operator: Operator, right: &Value) -> Option<Value> {
        let numbers = || Some((left.to_number()?, right.to_number()?));
        let reckoned = |reckon: fn(Decimal, Decimal) -> Option<Decimal>| {
            let (left, right) = numbers().filter(|(left, right)| left.is_binary() && right.is_binary())?;
            reckon(left, right).filter(|result| result.is_binary()).map(Value::number)
        };
        let compared = |holds: fn(Ordering) -> bool| {
            numbers().and_then(|(left, right)| left.compare(right)).map(|order| Value::Bool(holds(order)))
        };
        match operator {
            Operator::Or => either(left.to_bool(), right.to_bool(), true),
            Operator::And => either(left.to_bool(), right.to_bool(), false),
            Operator::Equal => functions::equal(left, right, &mut self.work).map(Value::Bool),
            Operator::NotEqual => functions::equal(left, right, &mut self.work).map(|same| Value::Bool(!same)),
            Operator::Greater => compared(Ordering::is_gt),
            Operator::GreaterOrEqual => compared(Ordering::is_ge),
            Operator::Less => compared(Ordering::is_lt),
            Operator::LessOrEqual => compared(Ordering::is_le),
            Operator::Add => reckoned(Decimal::add),
            Operator::Subtract => reckoned(Decimal::subtract),
            Operator::Multiply => reckoned(Decimal::multiply),
            Operator::Divide => reckoned(Decimal::divide),
            Operator::Modulo => reckoned(Decimal::modulo),
        }
    }

    /// Calls `each` for the elements of a loop that its condition lets pass.
    fn repeat(
        &mut self,
        repeated: &'a For,
        context: &mut Context<'a>,
        mut each: impl FnMut(&mut Self, &mut Context<'a>) -> Option<()>,
    ) -> Option<()> {
        let collection = self.term(&repeated.collection, context);
        let span = repeated.collection.span;
        let elements: Vec<(Value, Term)> = match &collection.value {
            Value::List(list) => {
                let key = |(at, item): (usize, &Term)| match list.is_set {
                    true => item.value.clone(),
                    false => Value::Number(at.to_string().into()),
                };
                list.items.iter().enumerate().map(|(at, item)| (key((at, item)), item.clone())).collect()
            }
            Value::Map(map) => {
                let members = map.sorted().into_iter();
                members.map(|(key, member)| (Value::Text(key.clone()), member.term.clone())).collect()
            }
            _ => return None,
        };
        let outer = context.bindings.len();
        for (key, term) in elements {
            if let Some(name) = &repeated.key_name {
                context.bindings.push((name, Term::new(key, span)));
            }
            context.bindings.push((&repeated.value_name, term));
            let passes = match &repeated.condition {
                None => Some(true),
                Some(condition) => self.value(condition, context).to_bool(),
            };
            let done = passes.and_then(|passes| if passes { each(self, context) } else { Some(()) });
            context.bindings.truncate(outer);
            done?;
        }
        Some(())
    }

    fn list_of(&mut self, repeated: &'a For, context: &mut Context<'a>) -> Option<Value> {
        let mut items = Vec::new();
        self.repeat(repeated, context, |evaluator, context| {
            items.push(evaluator.term(&repeated.value, context));
            Some(())
        })?;
        self.work.list(items, false)
    }

    fn map_of(&mut self, repeated: &'a For, key: &'a Expression, context: &mut Context<'a>) -> Option<Value> {
        let mut groups: IndexMap<Rc<str>, Vec<Term>> = IndexMap::new();
        self.repeat(repeated, context, |evaluator, context| {
            let key = evaluator.value(key, context).to_text()?;
            let term = evaluator.term(&repeated.value, context);
            let group = groups.entry(key).or_default();
            group.push(term);
            // Terraform refuses a key that comes twice.
            (repeated.groups || group.len() == 1).then_some(())
        })?;
        let mut members = IndexMap::with_capacity(groups.len());
        for (name, mut terms) in groups {
            let term = match repeated.groups {
                true => Term::new(self.work.list(terms, false)?, repeated.value.span),
                false => terms.pop()?,
            };
            members.insert(name, Member { key_span: key.span, term });
        }
        self.work.map(members)
    }
}

impl<'a> Context<'a> {
    /// Outside of any loop.
    pub fn new(scope: Scope, depth: usize) -> Self {
        Self { scope, bindings: Vec::new(), depth }
    }

    /// In a block, or in one instance of it.
    pub fn of_instance(scope: Scope, depth: usize, each: Option<&Each>) -> Self {
        Self { scope, bindings: each.map(|each| (each.name, each.term.clone())).into_iter().collect(), depth }
    }

    /// What a loop around it binds a name to.
    pub(super) fn bound(&self, name: &str) -> Option<&Term> {
        self.bindings.iter().rev().find(|(bound, _)| *bound == name).map(|(_, term)| term)
    }
}

/// A number as JSON: as Terraform would write it, or as it is written where it is too long for that.
fn number(text: &str) -> Option<Value> {
    if let Some(number) = Decimal::parse(text) {
        return Some(Value::number(number));
    }
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    is_json.then(|| Value::Number(text.into()))
}

/// `||` where `decides` is true, `&&` where it is false: one operand may settle it, whatever the other is.
fn either(left: Option<bool>, right: Option<bool>, decides: bool) -> Option<Value> {
    match (left, right) {
        (Some(flag), _) | (_, Some(flag)) if flag == decides => Some(Value::Bool(decides)),
        (Some(_), Some(_)) => Some(Value::Bool(!decides)),
        _ => None,
    }
}
