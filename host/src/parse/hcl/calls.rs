//! Modules that a module calls, each with the arguments of its call.

use super::evaluate::Evaluator;
use super::files::{CALL_LEVELS, is_local};
use super::module::{Merged, Module};
use super::names::{Definitions, Given, Scope, Variable};
use super::repeated::{Each, Repeated};
use super::syntax::tree::{Expression, Form};
use super::value::Value;
use crate::document::joined;
use std::collections::HashMap;
use std::rc::Rc;

/// Calls that are followed from one module.
const CALLS: usize = 128;

/// Arguments of a call that are Terraform's own.
const OWN_ARGUMENTS: [&str; 6] = ["source", "version", "providers", "count", "for_each", "depends_on"];

/// One module as it is called.
pub(super) struct Instance<'a> {
    pub module: &'a Module<'a>,
    pub scope: Scope,
    /// What the addresses of its resources begin with: `module.storage.`; empty for the module that is checked.
    pub prefix: String,
    /// The directories of the modules that it calls, by the names of the calls.
    pub called: HashMap<&'a str, &'a str>,
    level: usize,
    /// The instance that calls it.
    caller: Option<usize>,
}

/// The module that is checked and all that it calls, as far as they are known.
pub(super) fn instances<'a>(
    evaluator: &mut Evaluator<'a, '_>,
    root: &'a Module<'a>,
    values: &HashMap<&'a str, &'a Expression>,
    modules: &'a HashMap<&'a str, Module<'a>>,
) -> Vec<Instance<'a>> {
    let scope = evaluator.names.add(definitions(root));
    evaluator.give(scope, scope, None, values.iter().map(|(name, value)| (*name, *value)));
    let mut instances = vec![Instance::new(root, scope, String::new(), 0, None)];
    let mut at = 0;
    while let Some(caller) = instances.get(at) {
        let (module, scope, level, prefix) = (caller.module, caller.scope, caller.level, caller.prefix.clone());
        for call in module.of_kind("module") {
            let Some(name) = call.label(0) else { continue };
            let Some(callee) = callee(module, call).and_then(|directory| modules.get(&*directory)) else { continue };
            let is_known = level < CALL_LEVELS && instances.len() <= CALLS && !is_within(&instances, at, callee);
            if !is_known || evaluator.is_left_out(scope, call) {
                continue;
            }
            let repeated = evaluator.repeated(scope, call);
            let is_single = matches!(repeated, Repeated::Once);
            let each: Vec<Option<Rc<Each>>> = match repeated {
                Repeated::Once | Repeated::Unknown => vec![None],
                Repeated::Known(each) => each.into_iter().map(|each| Some(Rc::new(each))).collect(),
            };
            for each in each.into_iter().take((CALLS + 1).saturating_sub(instances.len())) {
                let inner = evaluator.names.add(definitions(callee));
                let arguments = call.attributes.values().filter(|argument| !OWN_ARGUMENTS.contains(&&*argument.name));
                let arguments = arguments.map(|argument| (&*argument.name, &argument.value));
                evaluator.give(inner, scope, each.as_ref(), arguments);
                if let Some(definitions) = evaluator.names.definitions(scope).filter(|_| is_single) {
                    definitions.calls.insert(name, inner);
                }
                let suffix = each.as_ref().map_or("", |each| &each.suffix);
                let prefix = format!("{prefix}module.{name}{suffix}.");
                instances.push(Instance::new(callee, inner, prefix, level + 1, Some(at)));
            }
            if let Some(caller) = instances.get_mut(at) {
                caller.called.insert(name, callee.directory);
            }
        }
        at += 1;
    }
    instances
}

impl<'a> Instance<'a> {
    fn new(module: &'a Module<'a>, scope: Scope, prefix: String, level: usize, caller: Option<usize>) -> Self {
        Self { module, scope, prefix, called: HashMap::new(), level, caller }
    }
}

impl<'a> Evaluator<'a, '_> {
    /// Gives values to the variables of a scope; they are evaluated in another one, or in the same.
    fn give(
        &mut self,
        to: Scope,
        from: Scope,
        each: Option<&Rc<Each>>,
        values: impl Iterator<Item = (&'a str, &'a Expression)>,
    ) {
        let Some(definitions) = self.names.definitions(to) else { return };
        for (name, expression) in values {
            if let Some(variable) = definitions.variables.get_mut(name) {
                variable.given = Some(Given { expression, scope: from, each: each.cloned() });
            }
        }
    }

    /// Whether a call is known to be made no time at all.
    fn is_left_out(&mut self, scope: Scope, call: &Merged<'a>) -> bool {
        let count = call.attributes.get("count").map(|count| self.argument(scope, &count.value));
        let each = call.attributes.get("for_each").map(|each| self.argument(scope, &each.value));
        count.is_some_and(|count| count.value.to_number().and_then(|count| count.to_whole()) == Some(0))
            || each.is_some_and(|each| match &each.value {
                Value::List(list) => list.items.is_empty(),
                Value::Map(map) => map.members.is_empty(),
                _ => false,
            })
    }
}

/// The directory that a call names, when it is one beside the caller.
fn callee(module: &Module<'_>, call: &Merged<'_>) -> Option<String> {
    call.literal("source").filter(|source| is_local(source)).map(|source| joined(module.directory, source))
}

/// Whether a module is among those that an instance is called by, or itself.
fn is_within(instances: &[Instance<'_>], at: usize, module: &Module<'_>) -> bool {
    let mut next = Some(at);
    while let Some(instance) = next.and_then(|at| instances.get(at)) {
        if instance.module.directory == module.directory {
            return true;
        }
        next = instance.caller;
    }
    false
}

/// The variables, locals and outputs of a module.
fn definitions<'a>(module: &'a Module<'a>) -> Definitions<'a> {
    let mut definitions = Definitions::default();
    definitions.locals.extend(module.locals.iter().map(|(name, local)| (*name, &local.value)));
    for output in module.of_kind("output") {
        if let (Some(name), Some(value)) = (output.label(0), output.attributes.get("value")) {
            definitions.outputs.insert(name, &value.value);
        }
    }
    for variable in module.of_kind("variable") {
        let Some(name) = variable.label(0) else { continue };
        let attribute = |name: &str| variable.attributes.get(name).map(|attribute| &attribute.value);
        let nullable = !matches!(attribute("nullable"), Some(Expression { form: Form::Bool(false), .. }));
        let variable = Variable { declared: attribute("type"), default: attribute("default"), nullable, given: None };
        definitions.variables.insert(name, variable);
    }
    definitions
}
