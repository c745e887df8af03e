//! The instances of a block with `count` or `for_each`.

use super::evaluate::{Context, Evaluator};
use super::module::Merged;
use super::names::Scope;
use super::number::Decimal;
use super::syntax::tree::Expression;
use super::value::{Member, Term, Value};
use indexmap::IndexMap;
use std::rc::Rc;

/// Instances of one block that are told apart. Where there are more, the block is there once, and what depends on the
/// instance is not known.
pub(super) const INSTANCES: usize = 64;

/// How often a block is there.
pub(super) enum Repeated {
    /// It has neither `count` nor `for_each`.
    Once,
    /// It is not known, or too often.
    Unknown,
    /// Each of these.
    Known(Vec<Each>),
}

/// One instance of a block.
#[derive(Clone)]
pub(super) struct Each {
    /// What its address ends with: `["a"]`, `[0]`.
    pub suffix: String,
    /// What its expressions name: `each` or `count`.
    pub name: &'static str,
    /// The value of that.
    pub term: Term,
}

impl<'a> Evaluator<'a, '_> {
    /// How often a block is there.
    pub(super) fn repeated(&mut self, scope: Scope, block: &Merged<'a>) -> Repeated {
        if let Some(count) = block.attributes.get("count") {
            let term = self.argument(scope, &count.value);
            let number = term.value.to_number().and_then(Decimal::to_index);
            return match number.filter(|number| *number <= INSTANCES) {
                Some(number) => self.known((0..number).map(|at| counted(at, &term)).collect()),
                None => Repeated::Unknown,
            };
        }
        let Some(each) = block.attributes.get("for_each") else { return Repeated::Once };
        let term = self.argument(scope, &each.value);
        let instances = match &term.value {
            Value::Map(map) if map.members.len() <= INSTANCES => {
                map.sorted().into_iter().map(|(key, member)| keyed(key, &member.term, &term)).collect()
            }
            // Terraform takes a set of texts, and no list.
            Value::List(list) if list.is_set && list.items.len() <= INSTANCES => {
                let keys = list.items.iter().map(|item| match &item.value {
                    Value::Text(key) => Some(keyed(key, item, &term)),
                    _ => None,
                });
                match keys.collect::<Option<Vec<Each>>>() {
                    Some(instances) => instances,
                    None => return Repeated::Unknown,
                }
            }
            _ => return Repeated::Unknown,
        };
        self.known(instances)
    }

    fn known(&mut self, instances: Vec<Each>) -> Repeated {
        match self.work.steps(instances.len()) {
            Some(()) => Repeated::Known(instances),
            None => Repeated::Unknown,
        }
    }

    /// The value of an argument of a block, or of one instance of it.
    pub(super) fn argument_of(&mut self, scope: Scope, each: Option<&Each>, expression: &'a Expression) -> Term {
        match each {
            None => self.argument(scope, expression),
            Some(each) => self.term(expression, &mut Context::of_instance(scope, 0, Some(each))),
        }
    }
}

fn counted(at: usize, term: &Term) -> Each {
    let index = Value::Number(at.to_string().into());
    Each {
        suffix: format!("[{at}]"),
        name: "count",
        term: object([("index", Term { value: index, ..term.clone() })], term),
    }
}

fn keyed(key: &Rc<str>, value: &Term, term: &Term) -> Each {
    let own_key = Term { value: Value::Text(key.clone()), ..term.clone() };
    let quoted = key.replace('\\', "\\\\").replace('"', "\\\"");
    Each {
        suffix: format!("[\"{quoted}\"]"),
        name: "each",
        term: object([("key", own_key), ("value", value.clone())], term),
    }
}

fn object<const N: usize>(members: [(&str, Term); N], at: &Term) -> Term {
    let members = members.into_iter().map(|(name, term)| (Rc::from(name), Member { key_span: at.span, term }));
    Term::new(Value::Map(Rc::new(super::value::Map::new(members.collect::<IndexMap<_, _>>()))), at.span)
}
