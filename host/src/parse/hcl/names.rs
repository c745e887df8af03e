//! What references name: variables, locals, and outputs of modules.

use super::evaluate::{Context, Evaluator};
use super::repeated::Each;
use super::syntax::tree::{Expression, Step};
use super::value::{Term, Value};
use std::collections::HashMap;
use std::rc::Rc;

/// One module as it is called: the module that is checked, or one that it calls, with the arguments of that call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scope(usize);

/// What may be named in a scope.
#[derive(Default)]
pub(super) struct Definitions<'a> {
    pub variables: HashMap<&'a str, Variable<'a>>,
    pub locals: HashMap<&'a str, &'a Expression>,
    pub outputs: HashMap<&'a str, &'a Expression>,
    /// The scopes of the modules that it calls once, by the names of the calls.
    pub calls: HashMap<&'a str, Scope>,
}

/// A variable of a module.
#[derive(Default)]
pub(super) struct Variable<'a> {
    pub declared: Option<&'a Expression>,
    pub default: Option<&'a Expression>,
    /// Whether `null` is a value of its own and does not stand for the default.
    pub nullable: bool,
    pub given: Option<Given<'a>>,
}

/// A value that is given to a variable: by a file of variables, or by a call.
#[derive(Clone)]
pub(super) struct Given<'a> {
    pub expression: &'a Expression,
    /// Where it is evaluated: for a call, the scope of the caller.
    pub scope: Scope,
    /// Which instance of the call it is of, where there are several.
    pub each: Option<Rc<Each>>,
}

/// What a reference leads to.
pub(super) struct Found {
    pub term: Term,
    /// Whether a call gave it. Then its place is where that is written, which is where it can be changed.
    pub is_argument: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Variable,
    Local,
    Output,
}

enum State {
    /// Being resolved: meeting it again is a cycle.
    Pending,
    Done(Option<Term>),
}

/// All scopes of a module, and what is known of their names.
#[derive(Default)]
pub(super) struct Names<'a> {
    scopes: Vec<Definitions<'a>>,
    resolved: HashMap<(Scope, Kind, &'a str), State>,
}

impl<'a> Names<'a> {
    /// Adds a scope.
    pub fn add(&mut self, definitions: Definitions<'a>) -> Scope {
        self.scopes.push(definitions);
        Scope(self.scopes.len() - 1)
    }

    /// What is defined in a scope, to be added to.
    pub fn definitions(&mut self, scope: Scope) -> Option<&mut Definitions<'a>> {
        self.scopes.get_mut(scope.0)
    }

    fn of(&self, scope: Scope) -> Option<&Definitions<'a>> {
        self.scopes.get(scope.0)
    }
}

impl<'a> Evaluator<'a, '_> {
    /// What a reference names, and the steps that lead further.
    pub(super) fn named(
        &mut self,
        root: &str,
        steps: &'a [Step],
        scope: Scope,
        depth: usize,
    ) -> Option<(Found, &'a [Step])> {
        let (Step::Attribute(name), rest) = steps.split_first()? else { return None };
        let found = |term| Found { term, is_argument: false };
        match root {
            "var" => {
                let given = self.names.of(scope)?.variables.get(&**name)?.given.as_ref();
                let is_argument = given.is_some_and(|given| given.scope != scope);
                let term = self.resolve(Kind::Variable, scope, name, depth)?;
                Some((Found { term, is_argument }, rest))
            }
            "local" => Some((found(self.resolve(Kind::Local, scope, name, depth)?), rest)),
            "module" => {
                let called = *self.names.of(scope)?.calls.get(&**name)?;
                let (Step::Attribute(output), rest) = rest.split_first()? else { return None };
                Some((found(self.resolve(Kind::Output, called, output, depth)?), rest))
            }
            _ => None,
        }
    }

    /// The value of a name; `None` when it is not defined, not known, or defined by itself.
    fn resolve(&mut self, kind: Kind, scope: Scope, name: &'a str, depth: usize) -> Option<Term> {
        let key = (scope, kind, name);
        match self.names.resolved.get(&key) {
            Some(State::Done(term)) => return term.clone(),
            Some(State::Pending) => return None,
            None => {}
        }
        self.names.resolved.insert(key, State::Pending);
        let term = self.work_out(kind, scope, name, depth).filter(|term| !term.is_all_unknown());
        self.names.resolved.insert(key, State::Done(term.clone()));
        term
    }

    fn work_out(&mut self, kind: Kind, scope: Scope, name: &str, depth: usize) -> Option<Term> {
        let definitions = self.names.of(scope)?;
        let expression = match kind {
            Kind::Local => *definitions.locals.get(name)?,
            Kind::Output => *definitions.outputs.get(name)?,
            Kind::Variable => return self.variable(scope, name, depth),
        };
        Some(self.term(expression, &mut Context::new(scope, depth)))
    }

    /// What is given to a variable, else its default, as the type that it is declared with.
    fn variable(&mut self, scope: Scope, name: &str, depth: usize) -> Option<Term> {
        let variable = self.names.of(scope)?.variables.get(name)?;
        let (declared, default, nullable, given) =
            (variable.declared, variable.default, variable.nullable, variable.given.clone());
        let mut term = given.map(|given| {
            self.term(given.expression, &mut Context::of_instance(given.scope, depth, given.each.as_deref()))
        });
        if term.as_ref().is_none_or(|term| matches!(term.value, Value::Null) && !nullable) {
            term = default.map(|default| self.term(default, &mut Context::new(scope, depth))).or(term);
        }
        match declared {
            Some(declared) => self.converted(term?, declared, &mut Context::new(scope, depth)),
            None => term,
        }
    }
}
