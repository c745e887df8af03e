//! Shell scripts (`:shell`): the POSIX shell and what bash adds, as commands with words.
//!
//! # The model
//!
//! ```text
//! { "commands": [ COMMAND … ], "unread": [ { "reason": "…" } ] }
//! ```
//!
//! `unread` is there only when something was not read: from its place on nothing of the script is known. A string is a
//! script; a list of strings is the words of one command.
//!
//! A COMMAND is one of a pipeline. Commands that stand in others (in a branch, a word, a script that is handed to a
//! shell) stand in the tree the same way, so whoever wants all commands follows every `commands`.
//!
//! ```text
//! { "name": "cargo",                  the program, without its folder, behind wrappers; absent where it is not known
//!   "words": [ WORD … ],              all words, wrappers included, assignments and redirections not
//!   "wrappers": [ "sudo", "timeout" ],     programs that start the program: env, nice, nohup, xargs, exec …
//!   "program": 4,                     index of the program among the words; absent for 0
//!   "subcommand": 6,                  index of the sub-command, behind options that stand before it (`cargo -Z x build`);
//!                                     of tools whose options are known
//!   "assignments": [ { "name": "A", "value": WORD } ],
//!   "redirects": [ { "operator": "<<", "descriptor": 0, "target": WORD, "heredoc": WORD } ],
//!   "scripts": [ SCRIPT … ],          what it hands to a shell, `eval`, `trap`, `find -exec` …, which run it
//!   "joined": "&&",                   what joins it to the command before it: `&&`, `||`, `|`, `|&`; absent for the
//!                                     first, and behind `;`, `&` and a line break
//!   "negated": true,                  its pipeline has a `!`
//!   "background": true,               its list ends with `&`
//!   "options": [ "errexit", "pipefail" ] }     of `set`, that hold when it runs, as far as the script itself says
//! ```
//!
//! A compound command has no `name`, but
//!
//! ```text
//! { "kind": "if",                     `if`, `while`, `until`, `for`, `select`, `case`, `subshell`, `group`, `function`,
//!                                     `arithmetic` (`((…))`)
//!   "variable": "x",                  of a `for` or `select`; the name of a `function`
//!   "words": [ WORD … ],              of a `for`; what a `case` looks at
//!   "branches": [ { "role": "then", "patterns": [ WORD … ], "commands": [ COMMAND … ] } ] }
//! ```
//!
//! with roles `condition`, `then` and `else` of an `if` in their order (an `elif` is a further condition and `then`),
//! `condition` and `body` of a loop, `arm` of a `case` with its patterns, `body` of the others.
//!
//! A WORD is `{ "text": "…", "quoted": true, "parts": [ PART … ] }`: its text without quotes, expansions as they are
//! written. `parts` is there only where something is expanded; without it the text is what the program gets, but for file
//! names that it may match. A PART is
//!
//! ```text
//! { "text": "a" }
//! { "variable": "A", "operator": ":-", "argument": WORD, "quoted": true }     operator and argument of `${A:-x}`
//! { "commands": [ COMMAND … ], "quoted": true }                     `$(…)`, `` `…` ``, `<(…)`, `>(…)`
//! { "arithmetic": "$((1+1))" }
//! { "expression": "${{ github.ref }}", "quoted": true }             GitHub puts any text there; `"literal": true` in
//!                                                                   single quotes, where no variable is expanded
//! { "reference": "PORT" }                                           of `$(PORT)`, where Kubernetes puts any text (`:exec`)
//! ```
//!
//! A SCRIPT is `{ "by": "bash", "commands": [ COMMAND … ] }`, or `{ "by": "bash", "unknown": true }` where it is not known
//! what a shell runs (`curl … | sh`, `sh -c "$X"`).
//!
//! A Dockerfile's `command` is read with its here-documents; of the exec form, `exec` is what to read. A line of a
//! Makefile's `recipe` is read without the `@`, `-` and `+` that make takes of it. Beside a workflow's `shell` that is no shell, `run` is unread;
//! so is a script with `#!` and another interpreter.

mod compound;
mod expansion;
mod feed;
mod heredoc;
mod parse;
mod references;
mod simple;
mod start;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;
mod word;

pub(super) use feed::is_shell;

use super::build::Builder;
use crate::document::{Node, SourceMap, Span};
use std::ops::Range;
use syntax::{Command, Script, Word};

/// The tree of a script.
pub(super) fn script(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    if let Some(program) = interpreter(text).filter(|program| !is_shell(program)) {
        return builder.nothing(whole, format!("it is a script for `{program}`"));
    }
    let mut script = parse::parse(text, 0, false);
    feed::settle(&mut script.commands, &mut Vec::new(), 0);
    tree::Writer::new(builder).root(&script, whole)
}

/// The tree of a command whose words are in some ranges of a text.
pub(super) fn command(text: &str, words: Vec<Range<usize>>, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    let words: Vec<Word> = words.into_iter().map(|range| verbatim(text, range)).collect();
    let mut script = Script::default();
    if !words.is_empty() {
        script.commands.push(Command { words, ..Command::new(0..text.len()) });
    }
    feed::settle(&mut script.commands, &mut Vec::new(), 0);
    tree::Writer::new(builder).root(&script, whole)
}

/// The command that a container runs: its words are in some ranges of a text. Where the image's own program comes before
/// them (`is_whole` is false), it is not known which it is.
pub(super) fn container(text: &str, words: &[Range<usize>], is_whole: bool, builder: &mut Builder) -> Node {
    let at = 0..text.trim_end_matches('\n').len();
    let words = words.iter().map(|range| references::word(text, range.clone())).collect();
    let mut commands = vec![Command { words, ..Command::new(at) }];
    if is_whole {
        feed::settle(&mut commands, &mut Vec::new(), 0);
    }
    tree::Writer::new(builder).root(&Script { commands, unread: Vec::new() }, Span::new(0, text.len()))
}

/// A word that is passed to a program as it is.
fn verbatim(text: &str, range: Range<usize>) -> Word {
    let mut map = SourceMap::within(Span::new(range.start, range.end));
    map.verbatim(range.clone());
    Word { text: text[range.clone()].to_owned(), at: range, map, parts: Vec::new(), quoted: false }
}

/// The program that a script's first line names behind `#!`.
fn interpreter(text: &str) -> Option<&str> {
    let mut words = text.lines().next()?.strip_prefix("#!")?.split_whitespace();
    let program = words.next()?;
    if start::base_name(program) != "env" {
        return Some(program);
    }
    words.find(|word| !word.starts_with('-'))
}
