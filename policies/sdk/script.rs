//! Which commands of a shell script run, as far as its variables are known.
//!
//! A condition on known values is decided: `if [ "$PROFILE" = release ]; then … else … fi` leaves one
//! branch when `PROFILE` is known. Where it is not known all branches are kept side by side.

use crate::shell::{self, SimpleCommand, simple_commands};
use std::borrow::Cow;

/// A part of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A program and its arguments.
    Command(Vec<Argument>),
    /// What depends on a condition that is not known. Of an `if` one branch runs, of `a && b || c`
    /// perhaps both; the arms of a `case` are all in one.
    Branches(Vec<Vec<Step>>),
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The word with its variables replaced, or as it is written when one of them is not known.
    pub text: String,
    /// True when the text is what the program gets.
    pub is_known: bool,
}

/// The value of a variable; `None` when it is not known.
pub type Variables<'f> = dyn Fn(&str) -> Option<String> + 'f;

/// How deep compound commands and `sh -c` may nest; what is deeper is passed over.
const MAX_DEPTH: u32 = 8;

/// The steps of a script. Loops count as run once, assignments are followed, `sh -c '…'` is looked
/// into, and commands other than `[` and `test` count as successful on the left of `&&` and `||`.
/// `None` where [`simple_commands`] gives up.
pub fn steps(script: &str, variables: &Variables<'_>) -> Option<Vec<Step>> {
    nested(script, variables, 0)
}

fn nested(script: &str, variables: &Variables<'_>, depth: u32) -> Option<Vec<Step>> {
    let mut items = Vec::new();
    for command in simple_commands(script)? {
        split_reserved(command, &mut items);
    }
    let mut reader = Reader { items, at: 0, variables, assigned: Vec::new(), depth };
    Some(reader.list(&[]))
}

fn split_reserved<'a>(mut command: SimpleCommand<'a>, items: &mut Vec<SimpleCommand<'a>>) {
    const RESERVED: [&str; 12] =
        ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "time"];
    while command.words.len() > 1 && RESERVED.contains(&&*command.words[0]) {
        items.push(SimpleCommand { words: vec![command.words.remove(0)], terminator: "" });
    }
    items.push(command);
}

type Words<'a> = [Cow<'a, str>];

/// A command starts with a reserved word only when that is all of it.
struct Reader<'a, 'v> {
    items: Vec<SimpleCommand<'a>>,
    at: usize,
    variables: &'v Variables<'v>,
    /// What the script assigned; the last one counts.
    assigned: Vec<(String, Option<String>)>,
    depth: u32,
}

impl<'a> Reader<'a, '_> {
    /// The first word of a command; empty behind the last one.
    fn first(&self, at: usize) -> &str {
        self.items.get(at).and_then(|item| item.words.first()).map_or("", |word| word)
    }

    fn take(&mut self) -> Vec<Cow<'a, str>> {
        std::mem::take(&mut self.items[self.at].words)
    }

    /// The commands up to one of some reserved words, which is not taken.
    fn list(&mut self, ends: &[&str]) -> Vec<Step> {
        let mut steps = Vec::new();
        // Of the commands joined by `&&` and `||`: whether the next one runs, how the last one ended,
        // and those of which it is not known.
        let (mut runs, mut status) = (Some(true), Some(true));
        let mut branches: Vec<Vec<Step>> = vec![Vec::new()];
        while self.at < self.items.len() && !ends.contains(&self.first(self.at)) {
            let (made, result) = self.step(runs);
            match runs {
                Some(true) => steps.extend(made),
                Some(false) => {}
                None => {
                    if let Some(branch) = branches.last_mut() {
                        branch.extend(made);
                    }
                }
            }
            if runs != Some(false) {
                status = if runs.is_some() { result } else { None };
            }
            match self.items.get(self.at - 1).map_or("", |item| item.terminator) {
                "&&" => runs = status,
                "||" => {
                    runs = status.map(|status| !status);
                    branches.push(Vec::new());
                }
                "|" | "|&" => {}
                _ => {
                    runs = Some(true);
                    settle(&mut steps, &mut branches);
                }
            }
        }
        settle(&mut steps, &mut branches);
        steps
    }

    /// One command, simple or compound, and how it ends.
    fn step(&mut self, runs: Option<bool>) -> (Vec<Step>, Option<bool>) {
        match self.first(self.at) {
            "if" => (self.conditional(), Some(true)),
            "{" => (self.block("}"), Some(true)),
            "do" => (self.block("done"), Some(true)),
            "case" => (self.case(), Some(true)),
            "for" | "while" | "until" | "time" => {
                self.at += 1;
                (Vec::new(), Some(true))
            }
            _ => {
                let words = self.take();
                self.at += 1;
                match self.test(&words) {
                    Some(result) => (Vec::new(), result),
                    None => (self.command(&words, runs), Some(true)),
                }
            }
        }
    }

    fn block(&mut self, end: &str) -> Vec<Step> {
        self.at += 1;
        if self.depth >= MAX_DEPTH {
            return Vec::new();
        }
        self.depth += 1;
        let steps = self.list(&[end]);
        self.depth -= 1;
        self.at += 1;
        steps
    }

    /// From `case` to `esac`: all arms in one branch.
    fn case(&mut self) -> Vec<Step> {
        let mut at = self.at;
        while at < self.items.len() && self.first(at) != "esac" {
            let item = &mut self.items[at];
            // A pattern, unless it is the last command of a subshell.
            if item.terminator == ")" && item.words.len() == 1 {
                item.words = vec![":".into()];
            }
            at += 1;
        }
        vec![Step::Branches(vec![self.block("esac")])]
    }

    /// From `if` or `elif` to `fi`.
    fn conditional(&mut self) -> Vec<Step> {
        self.at += 1;
        if self.depth >= MAX_DEPTH {
            return Vec::new();
        }
        self.depth += 1;
        let (mut steps, condition) = self.condition();
        self.at += 1;
        let then = self.list(&["elif", "else", "fi"]);
        let otherwise = match self.first(self.at) {
            "elif" => self.conditional(),
            "else" => self.block("fi"),
            _ => {
                self.at += 1;
                Vec::new()
            }
        };
        self.depth -= 1;
        match condition {
            Some(true) => steps.extend(then),
            Some(false) => steps.extend(otherwise),
            None => steps.push(Step::Branches(vec![then, otherwise])),
        }
        steps
    }

    /// The commands up to `then`, and whether they hold.
    fn condition(&mut self) -> (Vec<Step>, Option<bool>) {
        let (mut steps, mut value, mut operator) = (Vec::new(), None, "");
        while self.at < self.items.len() && self.first(self.at) != "then" {
            let words = self.take();
            let own = match self.test(&words) {
                Some(result) => result,
                None => {
                    steps.extend(self.command(&words, Some(true)));
                    None
                }
            };
            value = match (operator, value, own) {
                ("&&", Some(false), _) | ("&&", _, Some(false)) => Some(false),
                ("||", Some(true), _) | ("||", _, Some(true)) => Some(true),
                ("&&" | "||", value, own) => value.and(own),
                _ => own,
            };
            operator = self.items[self.at].terminator;
            self.at += 1;
        }
        (steps, value)
    }

    fn command(&mut self, words: &Words<'_>, runs: Option<bool>) -> Vec<Step> {
        let assignments = match words {
            [first, rest @ ..] if first == "export" => rest,
            _ => words,
        };
        if assignments.iter().all(|word| assignment(word).is_some()) {
            for (name, value) in assignments.iter().filter_map(|word| assignment(word)) {
                let value = self.expand(value).filter(|_| runs == Some(true));
                self.assigned.push((name.to_owned(), value));
            }
            return Vec::new();
        }
        let script = shell::script(words.iter().map(|word| &**word)).filter(|_| self.depth < MAX_DEPTH);
        if let Some(script) = script {
            return nested(script, &|name| self.value(name), self.depth + 1).unwrap_or_default();
        }
        let mut arguments = Vec::new();
        for word in words {
            match self.expand(word) {
                None => arguments.push(Argument { text: word.clone().into_owned(), is_known: false }),
                Some(text) if text == **word => arguments.push(Argument { text, is_known: true }),
                Some(text) => {
                    let parts = text.split_ascii_whitespace();
                    arguments.extend(parts.map(|part| Argument { text: part.to_owned(), is_known: true }));
                }
            }
        }
        vec![Step::Command(arguments)]
    }

    /// Whether a `[`, `[[`, `test`, `true` or `false` holds, if it can be told; `None` for other commands.
    fn test(&self, words: &Words<'_>) -> Option<Option<bool>> {
        let bangs = words.iter().take_while(|word| *word == "!").count();
        let words = &words[bangs..];
        let last = words.len().checked_sub(1)?;
        let result = match (&*words[0], &*words[last]) {
            (":" | "true", _) => Some(true),
            ("false", _) => Some(false),
            ("test", _) => self.compare(&words[1..]),
            ("[", "]") | ("[[", "]]") => self.compare(&words[1..last]),
            _ => return None,
        };
        Some(result.map(|value| value == (bangs % 2 == 0)))
    }

    fn compare(&self, operands: &Words<'_>) -> Option<bool> {
        match operands {
            [value] => Some(!self.expand(value)?.is_empty()),
            [not, rest @ ..] if not == "!" && rest[0] != "!" => self.compare(rest).map(|value| !value),
            [operator, value] if operator == "-z" || operator == "-n" => {
                Some(self.expand(value)?.is_empty() == (operator == "-z"))
            }
            [left, operator, right] if !right.contains(['*', '?']) => {
                let are_equal = self.expand(left)? == self.expand(right)?;
                match &**operator {
                    "=" | "==" => Some(are_equal),
                    "!=" => Some(!are_equal),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        match self.assigned.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => value.clone(),
            None => (self.variables)(name),
        }
    }

    /// Replaces `$NAME`, `${NAME}` and `${NAME:-…}`; `None` when a value is not known.
    fn expand(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '`']) {
            out.push_str(&rest[..at]);
            rest = rest[at..].strip_prefix('$')?;
            if let Some(braced) = rest.strip_prefix('{') {
                let (parameter, behind) = braced.split_once('}')?;
                out.push_str(&self.parameter(parameter)?);
                rest = behind;
            } else {
                let (name, behind) = split_name(rest);
                out.push_str(&self.value(name).filter(|_| !name.is_empty())?);
                rest = behind;
            }
        }
        Some(out + rest)
    }

    /// What stands between `${` and `}`.
    fn parameter(&self, text: &str) -> Option<String> {
        let (name, operation) = split_name(text);
        let value = self.value(name)?;
        // A value that is known is set; with a colon an empty one counts as unset.
        let is_unset = operation.starts_with(':') && value.is_empty();
        let operation = operation.strip_prefix(':').unwrap_or(operation);
        match (operation.chars().next(), is_unset) {
            (None, _) | (Some('-' | '='), false) => Some(value),
            (Some('-' | '='), true) | (Some('+'), false) => self.expand(&operation[1..]),
            (Some('+'), true) => Some(String::new()),
            _ => None,
        }
    }
}

fn settle(steps: &mut Vec<Step>, branches: &mut Vec<Vec<Step>>) {
    let branches = std::mem::replace(branches, vec![Vec::new()]);
    if branches.iter().any(|branch| !branch.is_empty()) {
        steps.push(Step::Branches(branches));
    }
}

/// Splits a variable's name from what is behind it.
fn split_name(text: &str) -> (&str, &str) {
    let mut end = 0;
    while let Some(byte) = text.as_bytes().get(end) {
        if !(*byte == b'_' || byte.is_ascii_alphabetic() || (end > 0 && byte.is_ascii_digit())) {
            break;
        }
        end += 1;
    }
    text.split_at(end)
}

/// The name and value of a word such as `NAME=value`.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, rest) = split_name(word);
    Some((name, rest.strip_prefix('=')?)).filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The commands that run for certain, then in brackets those that may.
    fn outline(script: &str) -> String {
        let variables = |name: &str| match name {
            "PROFILE" => Some("release".to_owned()),
            "EMPTY" => Some(String::new()),
            "FLAGS" => Some("-a -b".to_owned()),
            _ => None,
        };
        write(&steps(script, &variables).unwrap())
    }

    fn write(steps: &[Step]) -> String {
        let texts: Vec<String> = steps
            .iter()
            .map(|step| match step {
                Step::Command(words) => words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "),
                Step::Branches(branches) => {
                    format!("[{}]", branches.iter().map(|branch| write(branch)).collect::<Vec<_>>().join("|"))
                }
            })
            .collect();
        texts.join("; ")
    }

    #[test]
    fn known_conditions_are_decided() {
        for (script, expected) in [
            (r#"if [ "$PROFILE" = "release" ]; then a --x; else b; fi"#, "a --x"),
            (r#"if [ "$PROFILE" != release ]; then a; else b; fi; c"#, "b; c"),
            (r#"if [[ ${PROFILE} == debug ]]; then a; elif test -n "$EMPTY"; then b; else c; fi"#, "c"),
            (r#"if ! test -z "$EMPTY"; then a; fi"#, ""),
            (r#"if [ -z "$EMPTY" ] && [ "$PROFILE" = release ]; then a; fi"#, "a"),
            (r#"[ "$PROFILE" = release ] && a || b"#, "a"),
            (r#"[ "$PROFILE" = debug ] && a || b"#, "b"),
            ("PROFILE=debug; if [ $PROFILE = release ]; then a; else b; fi", "b"),
            (r#"sh -c 'if [ "$PROFILE" = release ]; then a; fi'"#, "a"),
            ("for x in 1 2; do a $x; done; { b; c; }", "a $x; b; c"),
            ("a | b && c", "a; b; c"),
        ] {
            assert_eq!(outline(script), expected, "{script}");
        }
    }

    #[test]
    fn of_others_the_branches_stand_side_by_side() {
        for (script, expected) in [
            (r#"if [ -n "$JOBS" ]; then a; else b; fi; c"#, "[a|b]; c"),
            ("if a; then b; fi", "a; [b|]"),
            ("test -f x && a || b", "[a|b]"),
            (r#"case "$JOBS" in 1) a;; *) b;; esac; c"#, "[a; b]; c"),
            ("PROFILE=$(cat p); [ $PROFILE = x ] && a", "[a]"),
        ] {
            assert_eq!(outline(script), expected, "{script}");
        }
    }

    #[test]
    fn variables_are_replaced() {
        for (script, expected) in [
            ("a ${PROFILE:-x} ${EMPTY:-x} ${EMPTY-x}", "a release x"),
            ("a ${PROFILE:+--release} ${EMPTY:+--release}", "a --release"),
            ("a $FLAGS ${JOBS:-4} $(nproc) `x` $?", "a -a -b ${JOBS:-4} $(nproc) `x` $?"),
        ] {
            assert_eq!(outline(script), expected, "{script}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(script in "(if|then|elif|else|fi|case|esac|do|done|a|\\[|\\]|!|=|\\$A|\\$\\{A:-|\\}|\\{|;|&&|\\|\\||\\(|\\)|\"|'|\n| ){0,30}") {
            let _ = steps(&script, &|_| Some("x".to_owned()));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let script = "if a; then ".repeat(5_000);
        assert!(steps(&script, &|_| None).is_some());
    }
}
