//! The types that variables are declared with.

use super::evaluate::{Context, Evaluator};
use super::functions;
use super::syntax::tree::{Expression, Form, Item, Part};
use super::value::{Member, Term, Value};
use indexmap::IndexMap;
use std::rc::Rc;

impl<'a> Evaluator<'a, '_> {
    /// A value as the type that a variable is declared with; `None` where Terraform would refuse it.
    pub(super) fn converted(
        &mut self,
        term: Term,
        declared: &'a Expression,
        context: &mut Context<'a>,
    ) -> Option<Term> {
        if matches!(term.value, Value::Null | Value::Unknown(..)) {
            return Some(term);
        }
        context.depth += 1;
        let value = self.work.depth(context.depth).and_then(|()| self.as_declared(&term, declared, context));
        context.depth -= 1;
        Some(Term { value: value?, ..term })
    }

    fn as_declared(&mut self, term: &Term, declared: &'a Expression, context: &mut Context<'a>) -> Option<Value> {
        let value = &term.value;
        match &declared.form {
            Form::Name(name) => scalar(value, name),
            // As older configurations have it: `type = "string"`.
            Form::Template(parts) => match parts.as_slice() {
                [Part::Literal(name)] => scalar(value, name),
                _ => Some(value.clone()),
            },
            Form::Call(call) => match (&*call.name, call.arguments.as_slice()) {
                ("optional", [inner, ..]) => Some(self.converted(term.clone(), inner, context)?.value),
                ("list", [inner]) => self.list_of_type(value, inner, false, context),
                ("set", [inner]) => self.list_of_type(value, inner, true, context),
                ("map", [inner]) => self.map_of_type(value, inner, context),
                ("object", [Expression { form: Form::Object(items), .. }]) => {
                    self.object_of_type(value, items, context)
                }
                _ => Some(value.clone()),
            },
            _ => Some(value.clone()),
        }
    }

    fn list_of_type(
        &mut self,
        value: &Value,
        inner: &'a Expression,
        is_set: bool,
        context: &mut Context<'a>,
    ) -> Option<Value> {
        let items = value.items()?.iter().map(|item| self.converted(item.clone(), inner, context));
        let items: Vec<Term> = items.collect::<Option<_>>()?;
        if !is_set {
            return self.work.list(items, false);
        }
        match items.iter().all(|item| item.value.to_text().is_some()) {
            true => functions::set_of(&items, &mut self.work),
            // Which of these are the same is not looked into.
            false => self.work.list(items, true),
        }
    }

    fn map_of_type(&mut self, value: &Value, inner: &'a Expression, context: &mut Context<'a>) -> Option<Value> {
        let mut members: IndexMap<Rc<str>, Member> = IndexMap::new();
        for (key, member) in &value.map()?.members {
            let term = self.converted(member.term.clone(), inner, context)?;
            members.insert(key.clone(), Member { term, ..*member });
        }
        self.work.map(members)
    }

    /// The attributes that an object is declared with, and no others.
    fn object_of_type(&mut self, value: &Value, items: &'a [Item], context: &mut Context<'a>) -> Option<Value> {
        let map = value.map()?;
        let mut members: IndexMap<Rc<str>, Member> = IndexMap::new();
        for item in items {
            let name: Rc<str> = match &item.key.form {
                Form::Name(name) => Rc::from(&**name),
                _ => self.term(&item.key, context).value.to_text()?,
            };
            let default = match &item.value.form {
                Form::Call(call) if &*call.name == "optional" => Some(call.arguments.get(1)),
                _ => None,
            };
            let given = map.members.get(&name);
            let written = given.filter(|member| default.is_none() || !matches!(member.term.value, Value::Null));
            let (key_span, term) = match (written, default) {
                (Some(member), _) => (member.key_span, member.term.clone()),
                (None, Some(Some(default))) => (item.key.span, self.term(default, context)),
                (None, Some(None)) => (item.key.span, Term::new(Value::Null, item.key.span)),
                (None, None) => return None,
            };
            members.insert(name, Member { key_span, term: self.converted(term, &item.value, context)? });
        }
        self.work.map(members)
    }
}

fn scalar(value: &Value, name: &str) -> Option<Value> {
    match name {
        "string" => value.to_text().map(Value::Text),
        "number" => value.to_number().map(Value::number),
        "bool" => value.to_bool().map(Value::Bool),
        _ => Some(value.clone()),
    }
}
