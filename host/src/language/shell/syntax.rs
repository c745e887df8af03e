//! What a script consists of. Ranges are of the text that was parsed.

use crate::document::{SourceMap, Span};
use std::ops::Range;
use std::sync::Arc;

/// A part of a script that was not read.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    pub at: Range<usize>,
    pub reason: String,
}

/// Commands that a shell reads, and what of them could not be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub commands: Vec<Command>,
    pub unread: Vec<Unread>,
}

/// One command of a pipeline, simple or compound.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub at: Range<usize>,
    /// What joins it to the command before it in its list: `;`, `&&`, `||`, `|` or `|&`.
    pub joined: &'static str,
    /// Its pipeline has a `!`.
    pub negated: bool,
    /// Its list of pipelines ends with `&`.
    pub background: bool,
    pub assignments: Vec<Assignment>,
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    /// What it is when it is no simple command.
    pub compound: Option<Compound>,
    /// What its program is, behind wrappers.
    pub start: Start,
    /// Scripts and commands that it hands to somebody who runs them.
    pub scripts: Vec<Nested>,
    /// The options of `set` that hold when it runs.
    pub options: Vec<&'static str>,
}

impl Command {
    pub(super) fn new(at: Range<usize>) -> Self {
        Self {
            at,
            joined: ";",
            negated: false,
            background: false,
            assignments: Vec::new(),
            words: Vec::new(),
            redirects: Vec::new(),
            compound: None,
            start: Start::default(),
            scripts: Vec::new(),
            options: Vec::new(),
        }
    }
}

/// Which of a command's words is its program.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    /// Programs that start another and are skipped, by their names.
    pub wrappers: Vec<String>,
    /// The index of the program among the words.
    pub program: usize,
    /// Its name without a folder, where it is known.
    pub name: Option<String>,
    /// The index of its sub-command, behind the options that stand before it.
    pub subcommand: Option<usize>,
}

/// `NAME=value` before a command, or alone.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub at: Range<usize>,
    pub name: String,
    pub value: Word,
}

/// A compound command.
#[derive(Debug, Clone)]
pub(super) struct Compound {
    /// `if`, `while`, `until`, `for`, `select`, `case`, `subshell`, `group`, `function`, `arithmetic`.
    pub kind: &'static str,
    /// The variable of a `for`, the name of a function.
    pub name: Option<(String, Range<usize>)>,
    pub branches: Vec<Branch>,
}

/// A list of commands in a compound command.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub at: Range<usize>,
    /// `condition`, `then`, `else`, `body`, `arm`.
    pub role: &'static str,
    /// The patterns of an arm.
    pub patterns: Vec<Word>,
    pub commands: Vec<Command>,
}

/// A redirection.
#[derive(Debug, Clone)]
pub(super) struct Redirect {
    pub at: Range<usize>,
    /// The file descriptor that is written.
    pub descriptor: Option<usize>,
    pub operator: &'static str,
    pub target: Word,
    /// Which of the parser's here-documents it opens.
    pub heredoc: Option<usize>,
    /// The body of the here-document, once the script is read.
    pub body: Option<Word>,
}

/// A word without its quotes and backslashes.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub at: Range<usize>,
    /// Its text; expansions stand in it as they are written.
    pub text: String,
    /// Leads from `text` to the script.
    pub map: SourceMap,
    /// Its parts, in order, when some of them are expansions.
    pub parts: Vec<Part>,
    /// Whether any of it is in quotes.
    pub quoted: bool,
}

/// A part of a word.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Where it is in the word's text.
    pub at: Range<usize>,
    /// Whether it stands in quotes.
    pub quoted: bool,
    pub what: What,
}

/// What a part of a word is.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Text as it is.
    Text,
    /// `$NAME`, or `${NAME OPERATOR ARGUMENT}`.
    Variable { name: String, operator: String, argument: Option<Box<Word>> },
    /// `$(…)`, `` `…` ``, `<(…)` or `>(…)`.
    Commands(Nested),
    /// `$((…))`.
    Arithmetic,
    /// `${{ … }}`, which GitHub fills in before a shell sees it; in single quotes it is literal.
    Expression { is_literal: bool },
    /// `$(NAME)`, which Kubernetes fills in.
    Reference { name: String },
}

/// A script in a word or a here-document, or a command among the arguments of another.
#[derive(Debug, Clone)]
pub(super) struct Nested {
    /// Where all of it stands in the script around it.
    pub at: Range<usize>,
    /// The shell or program that runs it.
    pub by: String,
    /// What is run; `None` when it is not known.
    pub script: Option<Script>,
    /// Leads from its text to the script around it; `None` when its ranges are of that script.
    pub map: Option<Arc<SourceMap>>,
    /// The options of `set` that it begins with.
    pub options: Vec<&'static str>,
}

impl Word {
    /// An empty word.
    pub(super) fn new(at: usize) -> Self {
        Self {
            at: at..at,
            text: String::new(),
            map: SourceMap::within(Span::new(at, at)),
            parts: Vec::new(),
            quoted: false,
        }
    }

    /// Its text, when that is known.
    pub(super) fn known(&self) -> Option<&str> {
        self.parts.is_empty().then_some(&*self.text)
    }

    /// Calls a function with each script in the word.
    pub(super) fn for_each_nested(&mut self, call: &mut dyn FnMut(&mut Nested)) {
        for part in &mut self.parts {
            match &mut part.what {
                What::Commands(nested) => call(nested),
                What::Variable { argument: Some(argument), .. } => argument.for_each_nested(call),
                _ => {}
            }
        }
    }
}

impl Part {
    /// Whether commands run to make it.
    pub(super) fn runs_commands(&self) -> bool {
        match &self.what {
            What::Commands(_) => true,
            What::Variable { argument: Some(argument), .. } => argument.parts.iter().any(Part::runs_commands),
            _ => false,
        }
    }
}

impl Command {
    /// Calls a function with each word of the command itself, whatever it is for.
    pub(super) fn for_each_word(&mut self, call: &mut dyn FnMut(&mut Word)) {
        self.words.iter_mut().for_each(&mut *call);
        self.assignments.iter_mut().for_each(|assignment| call(&mut assignment.value));
        for redirect in &mut self.redirects {
            call(&mut redirect.target);
            redirect.body.iter_mut().for_each(&mut *call);
        }
        for branch in self.compound.iter_mut().flat_map(|compound| &mut compound.branches) {
            branch.patterns.iter_mut().for_each(&mut *call);
        }
    }
}
