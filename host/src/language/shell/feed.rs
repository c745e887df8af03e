//! Scripts that commands hand to a shell (`sh -c`, a here-document, a pipe, `eval`, `trap`) and commands that they hand
//! to somebody else (`find -exec`), and the options of `set` that hold when a command runs.

use super::parse::parse;
use super::start::{base_name, start};
use super::syntax::{Command, Nested, Script, What, Word};
use crate::document::{SourceMap, Span};
use crate::language::limits;
use std::ops::Range;
use std::sync::Arc;

/// Shells whose scripts are read.
const SHELLS: [&str; 8] = ["sh", "bash", "ash", "dash", "ksh", "mksh", "zsh", "rbash"];

/// Whether a program, by its name or path, is a shell whose scripts are read.
pub(crate) fn is_shell(program: &str) -> bool {
    SHELLS.contains(&base_name(program))
}

/// Works out of each command what it starts and whom it feeds, everywhere in a script; `options` are those of `set` that
/// hold at its beginning, and then at its end.
pub(super) fn settle(commands: &mut [Command], options: &mut Vec<&'static str>, depth: usize) {
    for at in 0..commands.len() {
        let (before, rest) = commands.split_at_mut(at);
        let Some(command) = rest.first_mut() else { return };
        command.options.clone_from(options);
        if command.compound.is_none() {
            command.start = start(&command.words);
        }
        let piped = if command.joined.starts_with('|') { before.last() } else { None };
        command.scripts = scripts(command, piped, depth);
        for nested in &mut command.scripts {
            let mut own = nested.options.clone();
            settle_nested(nested, &mut own, depth + 1);
        }
        let inherited = options.clone();
        command.for_each_word(&mut |word| {
            word.for_each_nested(&mut |nested| settle_nested(nested, &mut inherited.clone(), depth + 1));
        });
        if let Some(compound) = &mut command.compound {
            let shares = !matches!(compound.kind, "subshell" | "function");
            for branch in &mut compound.branches {
                match shares {
                    true => settle(&mut branch.commands, options, depth + 1),
                    false => settle(&mut branch.commands, &mut inherited.clone(), depth + 1),
                }
            }
        }
        if command.start.name.as_deref() == Some("set") {
            let words = command.words.get(command.start.program + 1..).unwrap_or_default();
            read_options(&mut words.iter().filter_map(Word::known), options);
        }
    }
}

fn settle_nested(nested: &mut Nested, options: &mut Vec<&'static str>, depth: usize) {
    if let Some(script) = &mut nested.script {
        settle(&mut script.commands, options, depth);
    }
}

/// Takes the options of `set`, or of a shell before its script.
fn read_options(words: &mut dyn Iterator<Item = &str>, options: &mut Vec<&'static str>) {
    while let Some(word) = words.next() {
        let (is_on, letters) = match (word.strip_prefix('-'), word.strip_prefix('+')) {
            (Some(letters), _) => (true, letters),
            (_, Some(letters)) => (false, letters),
            _ => return,
        };
        for letter in letters.chars() {
            let option = match letter {
                'e' => Some("errexit"),
                'u' => Some("nounset"),
                'x' => Some("xtrace"),
                'o' => words.next().and_then(|name| {
                    ["errexit", "nounset", "pipefail", "xtrace"].into_iter().find(|known| *known == name)
                }),
                _ => None,
            };
            let Some(option) = option else { continue };
            options.retain(|known| *known != option);
            if is_on {
                options.push(option);
            }
        }
    }
}

/// What a command hands to somebody who runs it. `piped` is the command whose output it reads.
fn scripts(command: &Command, piped: Option<&Command>, depth: usize) -> Vec<Nested> {
    let Some(name) = command.start.name.as_deref() else { return Vec::new() };
    let arguments = command.words.get(command.start.program + 1..).unwrap_or_default();
    let mut found = Vec::new();
    match name {
        _ if is_shell(name) => found.extend(of_shell(name, arguments, command, piped, depth)),
        "eval" => found.extend(joined(name, arguments, command, depth)),
        "trap" => {
            let handler =
                arguments.first().filter(|word| arguments.len() > 1 && !word.text.is_empty() && word.text != "-");
            found.extend(handler.map(|word| script_of(name, word, Vec::new(), depth)));
        }
        "su" | "flock" | "script" | "runuser" | "env" => found.extend(behind_option(name, arguments, depth)),
        "watch" => found.extend(joined(name, arguments, command, depth)),
        "find" => found.extend(executed(arguments)),
        _ => {}
    }
    found
}

/// The script of a shell: behind `-c`, or what it reads where no file is named.
fn of_shell(
    name: &str,
    arguments: &[Word],
    command: &Command,
    piped: Option<&Command>,
    depth: usize,
) -> Option<Nested> {
    let mut options = Vec::new();
    let (mut has_script, mut reads_input) = (false, false);
    let mut at = 0;
    while let Some(word) = arguments.get(at).map(|word| &*word.text) {
        if word == "--" || word == "-" {
            at += 1;
            break;
        }
        if !word.starts_with(['-', '+']) || word.len() < 2 {
            break;
        }
        at += 1;
        if word.starts_with("--") {
            at += usize::from(matches!(word, "--rcfile" | "--init-file"));
            continue;
        }
        has_script |= word.starts_with('-') && word.contains('c');
        reads_input |= word.contains('s');
        let value = arguments.get(at).map_or("", |word| &*word.text);
        read_options(&mut [word, value].into_iter().take(1 + usize::from(word.contains('o'))), &mut options);
        at += usize::from(word.contains(['o', 'O']));
    }
    let operand = arguments.get(at);
    if operand.is_some_and(|word| word.text.starts_with("<(")) {
        return Some(unknown(name, command.at.clone()));
    }
    if has_script {
        return operand.map(|word| script_of(name, word, options, depth));
    }
    if operand.is_some_and(|word| word.text != "/dev/stdin" && word.text != "-") && !reads_input {
        return None;
    }
    input_of(command, piped).map(|input| match input {
        Some(word) => script_of(name, word, options, depth),
        None => unknown(name, command.at.clone()),
    })
}

/// What a command reads from its input: `None` for nothing that the script gives, `Some(None)` for what is not known.
fn input_of<'c>(command: &'c Command, piped: Option<&'c Command>) -> Option<Option<&'c Word>> {
    let input = command.redirects.iter().rev().find(|redirect| {
        redirect.operator.starts_with('<') && redirect.descriptor.is_none_or(|descriptor| descriptor == 0)
    });
    if let Some(redirect) = input {
        return match redirect.operator {
            "<<" | "<<-" => Some(redirect.body.as_ref()),
            "<<<" => Some(Some(&redirect.target)),
            _ => Some(None),
        };
    }
    let piped = piped?;
    let words = piped.words.get(piped.start.program..).unwrap_or_default();
    Some(match (piped.start.name.as_deref(), words) {
        (Some("cat"), [_]) => input_of(piped, None).flatten(),
        (Some("echo" | "printf"), [_, word]) if word.parts.is_empty() && !word.text.starts_with('-') => Some(word),
        _ => None,
    })
}

/// The script behind `-c` or its like.
fn behind_option(name: &str, arguments: &[Word], depth: usize) -> Option<Nested> {
    let is_last_of_several = |word: &str| {
        let letters = word.strip_prefix('-').filter(|letters| letters.bytes().all(|it| it.is_ascii_alphabetic()));
        name != "env" && letters.is_some_and(|letters| letters.ends_with('c'))
    };
    let takes = |word: &Word| {
        matches!(&*word.text, "-c" | "--command" | "-S" | "--split-string") || is_last_of_several(&word.text)
    };
    let at = arguments.iter().position(takes)?;
    Some(script_of(name, arguments.get(at + 1)?, Vec::new(), depth))
}

/// The script that is all arguments with blanks between them.
fn joined(name: &str, arguments: &[Word], command: &Command, depth: usize) -> Option<Nested> {
    let (first, last) = (arguments.first()?, arguments.last()?);
    if arguments.len() == 1 {
        return Some(script_of(name, first, Vec::new(), depth));
    }
    if arguments.iter().any(|word| !word.parts.is_empty()) {
        return Some(unknown(name, command.at.clone()));
    }
    let mut map = SourceMap::within(Span::new(first.at.start, last.at.end));
    let mut text = String::new();
    for word in arguments {
        if !text.is_empty() {
            text.push(' ');
            map.escaped(1, word.at.start..word.at.start);
        }
        text.push_str(&word.text);
        map.append(&word.map);
    }
    Some(read(name, (&text, false), map, first.at.start..last.at.end, Vec::new(), depth))
}

/// The script that a word holds. Variables that are expanded in it are taken for variables of the script; the output of
/// a command is some variable, since those commands are there already. Where the word is nothing but an expansion, nothing
/// of the script is known.
fn script_of(name: &str, word: &Word, options: Vec<&'static str>, depth: usize) -> Nested {
    if word.parts.len() == 1 {
        return unknown(name, word.at.clone());
    }
    let mut text = String::with_capacity(word.text.len());
    for part in word.parts.iter().filter(|part| part.runs_commands()) {
        text.push_str(&word.text[text.len()..part.at.start]);
        text.push('$');
        text.extend(std::iter::repeat_n('_', part.at.len().saturating_sub(1)));
    }
    text.push_str(&word.text[text.len()..]);
    let references = word.parts.iter().any(|part| matches!(part.what, What::Reference { .. }));
    read(name, (&text, references), word.map.clone(), word.at.clone(), options, depth)
}

fn read(
    name: &str,
    (text, references): (&str, bool),
    map: SourceMap,
    at: Range<usize>,
    options: Vec<&'static str>,
    depth: usize,
) -> Nested {
    if depth >= limits::DEPTH {
        return unknown(name, at);
    }
    let script = parse(text, depth + 1, references);
    Nested { at, by: name.to_owned(), script: Some(script), map: Some(Arc::new(map)), options }
}

fn unknown(name: &str, at: Range<usize>) -> Nested {
    Nested { at, by: name.to_owned(), script: None, map: None, options: Vec::new() }
}

/// The commands behind `-exec` and its like, up to `;` or `+`.
fn executed(arguments: &[Word]) -> Vec<Nested> {
    let is_exec = |word: &Word| matches!(&*word.text, "-exec" | "-execdir" | "-ok" | "-okdir");
    let mut found = Vec::new();
    let mut rest = arguments;
    while let Some(at) = rest.iter().position(is_exec) {
        rest = &rest[at + 1..];
        let end = rest.iter().position(|word| matches!(&*word.text, ";" | "+")).unwrap_or(rest.len());
        let mut words = rest[..end].to_vec();
        words.iter_mut().flat_map(|word| &mut word.parts).filter(|part| part.runs_commands()).for_each(|part| {
            // The commands are those of `find` itself.
            part.what = What::Variable { name: "_".to_owned(), operator: String::new(), argument: None };
        });
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            let at = first.at.start..last.at.end;
            let command = Command { words, ..Command::new(at.clone()) };
            let script = Script { commands: vec![command], unread: Vec::new() };
            found.push(Nested { at, by: "find".to_owned(), script: Some(script), map: None, options: Vec::new() });
        }
        rest = &rest[end..];
    }
    found
}
