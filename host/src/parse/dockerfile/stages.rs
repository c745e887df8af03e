//! Stages: what they are based on, which variables they see, which of them matter.

use super::instruction::{Base, Definition, Instruction};
use super::{Budget, shell};
use crate::document::{Entry, Node, Span, Value};
use crate::parse::SyntaxError;
use std::collections::HashMap;
use std::rc::Rc;

/// A variable's value and where it was last set.
#[derive(Clone)]
struct Binding {
    name: Rc<str>,
    name_span: Span,
    value: Option<Rc<str>>,
    value_span: Span,
    environment: bool,
}

/// Variables in the order of their first definition.
#[derive(Default)]
struct Scope {
    bindings: Vec<Binding>,
    places: HashMap<Rc<str>, usize>,
}

impl Scope {
    fn get(&self, name: &str) -> Option<&Binding> {
        self.places.get(name).and_then(|place| self.bindings.get(*place))
    }

    fn value(&self, name: &str) -> Option<Rc<str>> {
        self.get(name)?.value.clone()
    }

    fn set(&mut self, binding: Binding) {
        match self.places.get(&binding.name).and_then(|place| self.bindings.get_mut(*place)) {
            // `ENV` always wins, and an `ARG` without a default leaves an earlier one in effect.
            Some(old) if !binding.environment && (old.environment || binding.value.is_none()) => {}
            Some(old) => *old = binding,
            None => {
                self.places.insert(binding.name.clone(), self.bindings.len());
                self.bindings.push(binding);
            }
        }
    }

    fn environment(&self) -> Self {
        let mut scope = Self::default();
        self.bindings.iter().filter(|binding| binding.environment).for_each(|binding| scope.set(binding.clone()));
        scope
    }
}

struct Stage {
    base: Base,
    keyword_span: Span,
    resolved: Option<String>,
    parent: Option<usize>,
    reads: Vec<usize>,
    scope: Scope,
    /// What runs shell forms, where something says that.
    runs: Option<Rc<str>>,
    instructions: Vec<Node>,
}

/// The file so far.
#[derive(Default)]
pub(super) struct Stages {
    globals: Scope,
    args: Vec<Node>,
    stages: Vec<Stage>,
    by_name: HashMap<String, usize>,
}

impl Stages {
    /// Adds the next instruction.
    pub(super) fn push(
        &mut self,
        instruction: Instruction,
        escape: char,
        budget: &mut Budget<'_>,
    ) -> Result<(), SyntaxError> {
        let at = instruction.keyword_span.start as usize;
        if let Some(base) = instruction.base {
            return self.open(base, instruction.keyword_span, escape, budget);
        }
        let current = self.stages.len();
        let Some(stage) = self.stages.last_mut() else {
            if instruction.keyword == "ARG" {
                return self.global(instruction, escape, budget);
            }
            return Err(SyntaxError::new(at, format!("{} comes before the first FROM", instruction.keyword)));
        };
        let environment = instruction.keyword == "ENV";
        let mut bindings = Vec::with_capacity(instruction.definitions.len());
        for definition in instruction.definitions {
            let inherited = if environment { None } else { self.globals.value(&definition.name) };
            bindings.push(bind(definition, environment, inherited, &stage.scope, escape, budget)?);
        }
        bindings.into_iter().for_each(|binding| stage.scope.set(binding));
        for source in instruction.reads {
            let by_number = instruction.keyword != "RUN";
            let found = self.by_name.get(&source.to_lowercase()).copied();
            let found = found.or_else(|| source.parse().ok().filter(|_| by_number));
            // A stage may only take from earlier ones; anything else is an image.
            stage.reads.extend(found.filter(|index| index + 1 < current));
        }
        let mut node = instruction.node;
        if instruction.keyword == "SHELL" {
            stage.runs = program(&node);
        } else if let Some(program) = &stage.runs {
            name_shell(&mut node, program, budget)?;
        }
        stage.instructions.push(node);
        Ok(())
    }

    fn global(&mut self, instruction: Instruction, escape: char, budget: &mut Budget<'_>) -> Result<(), SyntaxError> {
        let pairs = instruction.node.get("pairs").map(Node::items).unwrap_or_default();
        for (pair, definition) in pairs.iter().zip(instruction.definitions) {
            let mut pair = pair.clone();
            if let Value::Object(entries) = &mut pair.value {
                entries
                    .iter_mut()
                    .filter(|entry| &*entry.key == "value")
                    .for_each(|entry| entry.key = "default".into());
            }
            self.args.push(pair);
            let binding = bind(definition, false, None, &self.globals, escape, budget)?;
            self.globals.set(binding);
        }
        Ok(())
    }

    fn open(
        &mut self,
        base: Base,
        keyword_span: Span,
        escape: char,
        budget: &mut Budget<'_>,
    ) -> Result<(), SyntaxError> {
        let (image, span) = (&base.image.0, base.image.1);
        let at = span.start as usize;
        let expanded = shell::expand(image, budget.options(escape), &|name| self.globals.value(name))
            .map_err(|failure| SyntaxError::new(at, failure.message()))?;
        budget.take_bytes(expanded.text.len(), at)?;
        let resolved = Some(expanded.text).filter(|text| !expanded.unknown && !text.is_empty());
        let parent = resolved.as_ref().and_then(|name| self.by_name.get(&name.to_lowercase())).copied();
        let scope = parent.and_then(|parent| self.stages.get(parent)).map(|parent| parent.scope.environment());
        let scope = scope.unwrap_or_default();
        let runs = match parent.and_then(|parent| self.stages.get(parent)) {
            Some(parent) => parent.runs.clone(),
            None => (escape == '`' || is_of_windows(image)).then(|| "cmd".into()),
        };
        // Charged here as well as on output: inheritance copies it now.
        budget.take(scope.bindings.len(), at)?;
        if let Some((name, _)) = &base.name {
            self.by_name.insert(name.clone(), self.stages.len());
        }
        let instructions = Vec::new();
        self.stages.push(Stage { base, keyword_span, resolved, parent, reads: Vec::new(), scope, runs, instructions });
        Ok(())
    }

    /// The global arguments and the stages, as nodes.
    pub(super) fn finish(self, end: usize, budget: &mut Budget<'_>) -> Result<(Node, Node), SyntaxError> {
        let Some(first) = self.stages.first() else {
            return Err(SyntaxError::new(end, "there is no FROM"));
        };
        let span = Span::new(first.keyword_span.start as usize, end);
        let needed = self.needed();
        let mut ends: Vec<usize> = self.stages.iter().skip(1).map(|stage| stage.keyword_span.start as usize).collect();
        ends.push(end);
        let count = self.stages.len();
        let mut nodes = Vec::with_capacity(count);
        for (index, ((stage, end), feeds_final)) in self.stages.into_iter().zip(ends).zip(needed).enumerate() {
            nodes.push(stage.node(index, end, (index + 1 == count, feeds_final), budget)?);
        }
        budget.take(2, 0)?;
        let args_span = match (self.args.first(), self.args.last()) {
            (Some(first), Some(last)) => Span::new(first.span.start as usize, last.span.end as usize),
            _ => Span::new(0, 0),
        };
        let args = Node::new(Value::Array(self.args), args_span);
        Ok((args, Node::new(Value::Array(nodes), span)))
    }

    /// Which stages the last one needs. Stages only refer to earlier ones, so one pass backwards does.
    fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.stages.len()];
        if let Some(last) = needed.last_mut() {
            *last = true;
        }
        for (index, stage) in self.stages.iter().enumerate().rev() {
            if needed.get(index) != Some(&true) {
                continue;
            }
            for source in stage.reads.iter().chain(&stage.parent) {
                if let Some(source) = needed.get_mut(*source) {
                    *source = true;
                }
            }
        }
        needed
    }
}

/// Whether an image is one of Windows, by its name: `mcr.microsoft.com/windows/servercore`, a tag of a language's image
/// for it.
fn is_of_windows(image: &str) -> bool {
    let image = image.to_ascii_lowercase();
    ["/windows/", "/windows:", "windowsservercore", "nanoserver", "servercore"].iter().any(|part| image.contains(part))
}

/// The program that a `SHELL` names, without its folder and `.exe`.
fn program(node: &Node) -> Option<Rc<str>> {
    let program = node.get("exec")?.items().first()?.as_str()?;
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    Some(name.strip_suffix(".exe").unwrap_or(&name).into())
}

/// Says of a shell form, and of one that is kept for later, what runs it.
fn name_shell(node: &mut Node, program: &str, budget: &mut Budget<'_>) -> Result<(), SyntaxError> {
    let span = node.span;
    let is_shell_form = node.get("form").and_then(Node::as_str) == Some("shell");
    let Value::Object(entries) = &mut node.value else { return Ok(()) };
    if let Some(trigger) = entries.iter_mut().find(|entry| &*entry.key == "trigger") {
        return name_shell(&mut trigger.value, program, budget);
    }
    let runs = |entry: &Entry| {
        let keyword = entry.value.as_str().unwrap_or_default();
        &*entry.key == "instruction" && matches!(keyword, "RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK")
    };
    if is_shell_form && entries.iter().any(runs) {
        budget.take(1, span.start as usize)?;
        entries.push(Entry::new("shell", span, Node::string(program, span)));
    }
    Ok(())
}

fn bind(
    definition: Definition,
    environment: bool,
    inherited: Option<Rc<str>>,
    scope: &Scope,
    escape: char,
    budget: &mut Budget<'_>,
) -> Result<Binding, SyntaxError> {
    let at = definition.value_span.start as usize;
    let value = match &definition.value {
        Some(written) => {
            let expanded = shell::expand(written, budget.options(escape), &|name| scope.value(name))
                .map_err(|failure| SyntaxError::new(at, failure.message()))?;
            budget.take_bytes(expanded.text.len(), at)?;
            (!expanded.unknown).then(|| Rc::from(expanded.text))
        }
        None => inherited,
    };
    Ok(Binding {
        name: Rc::from(definition.name),
        name_span: definition.name_span,
        value,
        value_span: definition.value_span,
        environment,
    })
}

impl Stage {
    fn node(
        self,
        index: usize,
        end: usize,
        (is_final, feeds_final): (bool, bool),
        budget: &mut Budget<'_>,
    ) -> Result<Node, SyntaxError> {
        let from = self.keyword_span;
        let start = from.start as usize;
        let (image, image_span) = self.base.image;
        let number = |value: usize| Value::Number(value.to_string().into());
        let mut entries = vec![Entry::new("index", from, Node::new(number(index), from))];
        if let Some((name, span)) = self.base.name {
            entries.push(Entry::new("name", span, Node::string(name, span)));
        }
        entries.push(Entry::new("image", image_span, Node::string(image, image_span)));
        if let Some(resolved) = self.resolved {
            entries.push(Entry::new("resolved", image_span, Node::string(resolved, image_span)));
        }
        if let Some(parent) = self.parent {
            entries.push(Entry::new("stage", image_span, Node::new(number(parent), image_span)));
        }
        if let Some((platform, span)) = self.base.platform {
            entries.push(Entry::new("platform", span, Node::string(platform, span)));
        }
        for (key, flag) in [("final", is_final), ("feeds_final", feeds_final)] {
            entries.push(Entry::new(key, from, Node::new(Value::Bool(flag), from)));
        }
        entries.push(Entry::new("args", from, arguments(&self.scope, from, budget)?));
        let instructions = Node::new(Value::Array(self.instructions), Span::new(start, end));
        entries.push(Entry::new("instructions", from, instructions));
        budget.take(entries.len() + 1, start)?;
        Ok(Node::new(Value::Object(entries), Span::new(start, end)))
    }
}

fn arguments(scope: &Scope, span: Span, budget: &mut Budget<'_>) -> Result<Node, SyntaxError> {
    let mut entries = Vec::with_capacity(scope.bindings.len());
    for binding in &scope.bindings {
        let at = binding.name_span.start as usize;
        budget.take(1, at)?;
        budget.take_bytes(binding.value.as_ref().map_or(0, |value| value.len()), at)?;
        let value = binding.value.as_deref().map_or(Value::Null, |value| Value::String(value.into()));
        let value = Node::new(value, binding.value_span);
        entries.push(Entry::new(&*binding.name, binding.name_span, value));
    }
    Ok(Node::new(Value::Object(entries), span))
}
