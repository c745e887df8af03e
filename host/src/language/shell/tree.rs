//! From a script to the tree that rules get; `shell` has the model.

use super::syntax::{Branch, Command, Nested, Part, Redirect, Script, What, Word};
use crate::document::{Node, Span};
use crate::language::build::Builder;
use crate::language::limits;
use std::ops::Range;

/// Leads a range of the script that is written to the text that the tree is of.
type Lead<'l> = &'l dyn Fn(Range<usize>) -> Span;

/// Writes a script.
pub(super) struct Writer<'b> {
    builder: &'b mut Builder,
    unread: Vec<(Span, String)>,
}

impl<'b> Writer<'b> {
    pub(super) fn new(builder: &'b mut Builder) -> Self {
        Self { builder, unread: Vec::new() }
    }

    /// The tree of a whole script.
    pub(super) fn root(mut self, script: &Script, at: Span) -> Node {
        let commands = self.script(script, &|range| Span::new(range.start, range.end));
        let mut entries = vec![("commands", commands)];
        if self.builder.is_full() {
            self.unread.push((at, format!("more than {} values (limit `VALUES`)", limits::VALUES)));
        }
        if !self.unread.is_empty() {
            entries.push(("unread", self.builder.unread(self.unread, at)));
        }
        self.builder.object(entries, at)
    }

    fn script(&mut self, script: &Script, lead: Lead<'_>) -> Node {
        self.unread.extend(script.unread.iter().map(|unread| (lead(unread.at.clone()), unread.reason.clone())));
        let at = match (script.commands.first(), script.commands.last()) {
            (Some(first), Some(last)) => lead(first.at.start..last.at.end),
            _ => Span::default(),
        };
        self.commands(&script.commands, at, lead)
    }

    fn commands(&mut self, commands: &[Command], at: Span, lead: Lead<'_>) -> Node {
        let items = commands.iter().map_while(|command| (!self.builder.is_full()).then(|| self.command(command, lead)));
        let items = items.collect();
        self.builder.list(items, at)
    }

    fn command(&mut self, command: &Command, lead: Lead<'_>) -> Node {
        let at = lead(command.at.clone());
        let mut entries = Vec::new();
        if let Some(compound) = &command.compound {
            entries.push(("kind", self.builder.string(compound.kind, at)));
            if let Some((name, range)) = &compound.name {
                entries.push(("variable", self.builder.string(name.as_str(), lead(range.clone()))));
            }
        }
        if let Some(name) = &command.start.name {
            let program = command.words.get(command.start.program).map_or(at, |word| lead(word.at.clone()));
            entries.push(("name", self.builder.string(name.as_str(), program)));
        }
        if !command.words.is_empty() {
            entries.push(("words", self.words(&command.words, at, lead)));
        }
        if !command.start.wrappers.is_empty() {
            let names = command.start.wrappers.iter();
            let names = names.map(|name| self.builder.string(name.as_str(), at)).collect();
            entries.push(("wrappers", self.builder.list(names, at)));
        }
        if command.start.program > 0 {
            entries.push(("program", self.builder.number(command.start.program, at)));
        }
        if let Some(subcommand) = command.start.subcommand {
            let word = command.words.get(subcommand).map_or(at, |word| lead(word.at.clone()));
            entries.push(("subcommand", self.builder.number(subcommand, word)));
        }
        if !command.assignments.is_empty() {
            let mut items = Vec::new();
            for assignment in &command.assignments {
                let at = lead(assignment.at.clone());
                let name = self.builder.string(assignment.name.as_str(), at);
                let value = self.word(&assignment.value, lead);
                items.push(self.builder.object([("name", name), ("value", value)], at));
            }
            entries.push(("assignments", self.builder.list(items, at)));
        }
        if !command.redirects.is_empty() {
            let items = command.redirects.iter().map(|redirect| self.redirect(redirect, lead)).collect();
            entries.push(("redirects", self.builder.list(items, at)));
        }
        if let Some(compound) = &command.compound {
            let items = compound.branches.iter().map(|branch| self.branch(branch, lead)).collect();
            entries.push(("branches", self.builder.list(items, at)));
        }
        if !command.scripts.is_empty() {
            let items = command.scripts.iter().map(|nested| self.nested(nested, true, lead)).collect();
            entries.push(("scripts", self.builder.list(items, at)));
        }
        if command.joined != ";" {
            entries.push(("joined", self.builder.string(command.joined, at)));
        }
        for (name, flag) in [("negated", command.negated), ("background", command.background)] {
            if flag {
                entries.push((name, self.builder.yes(at)));
            }
        }
        if !command.options.is_empty() {
            let options = command.options.iter().map(|option| self.builder.string(*option, at)).collect();
            entries.push(("options", self.builder.list(options, at)));
        }
        self.builder.object(entries, at)
    }

    fn words(&mut self, words: &[Word], at: Span, lead: Lead<'_>) -> Node {
        let items = words.iter().map(|word| self.word(word, lead)).collect();
        self.builder.list(items, at)
    }

    fn word(&mut self, word: &Word, lead: Lead<'_>) -> Node {
        let at = lead(word.at.clone());
        let mut entries = vec![("text", self.builder.string(word.text.as_str(), at))];
        if word.quoted {
            entries.push(("quoted", self.builder.yes(at)));
        }
        if !word.parts.is_empty() {
            let items = word.parts.iter().map(|part| self.part(word, part, lead)).collect();
            entries.push(("parts", self.builder.list(items, at)));
        }
        self.builder.object(entries, at)
    }

    fn part(&mut self, word: &Word, part: &Part, lead: Lead<'_>) -> Node {
        let at = lead(word.map.lead(part.at.clone()).range());
        let text = &word.text[part.at.clone()];
        let mut entries = Vec::new();
        match &part.what {
            What::Text => entries.push(("text", self.builder.string(text, at))),
            What::Variable { name, operator, argument } => {
                entries.push(("variable", self.builder.string(name.as_str(), at)));
                if !operator.is_empty() {
                    entries.push(("operator", self.builder.string(operator.as_str(), at)));
                }
                if let Some(argument) = argument {
                    entries.push(("argument", self.word(argument, lead)));
                }
            }
            What::Commands(nested) => return self.nested(nested, part.quoted, lead),
            What::Arithmetic => entries.push(("arithmetic", self.builder.string(text, at))),
            What::Expression { is_literal } => {
                entries.push(("expression", self.builder.string(text, at)));
                if *is_literal {
                    entries.push(("literal", self.builder.yes(at)));
                }
            }
            What::Reference { name } => entries.push(("reference", self.builder.string(name.as_str(), at))),
        }
        if part.quoted {
            entries.push(("quoted", self.builder.yes(at)));
        }
        self.builder.object(entries, at)
    }

    fn redirect(&mut self, redirect: &Redirect, lead: Lead<'_>) -> Node {
        let at = lead(redirect.at.clone());
        let mut entries = vec![("operator", self.builder.string(redirect.operator, at))];
        if let Some(descriptor) = redirect.descriptor {
            entries.push(("descriptor", self.builder.number(descriptor, at)));
        }
        entries.push(("target", self.word(&redirect.target, lead)));
        if let Some(body) = &redirect.body {
            entries.push(("heredoc", self.word(body, lead)));
        }
        self.builder.object(entries, at)
    }

    fn branch(&mut self, branch: &Branch, lead: Lead<'_>) -> Node {
        let at = lead(branch.at.clone());
        let mut entries = vec![("role", self.builder.string(branch.role, at))];
        if !branch.patterns.is_empty() {
            entries.push(("patterns", self.words(&branch.patterns, at, lead)));
        }
        entries.push(("commands", self.commands(&branch.commands, at, lead)));
        self.builder.object(entries, at)
    }

    fn nested(&mut self, nested: &Nested, quoted: bool, lead: Lead<'_>) -> Node {
        let at = lead(nested.at.clone());
        let mut entries = Vec::new();
        if !nested.by.is_empty() {
            entries.push(("by", self.builder.string(nested.by.as_str(), at)));
        }
        match (&nested.script, &nested.map) {
            (Some(script), None) => entries.push(("commands", self.script(script, lead))),
            (Some(script), Some(map)) => {
                let through = |range: Range<usize>| lead(map.lead(range).range());
                entries.push(("commands", self.script(script, &through)));
            }
            (None, _) => entries.push(("unknown", self.builder.yes(at))),
        }
        if quoted && nested.by.is_empty() {
            entries.push(("quoted", self.builder.yes(at)));
        }
        self.builder.object(entries, at)
    }
}
