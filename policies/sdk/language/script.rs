//! Which commands of a shell script run, as far as its variables are known.
//!
//! A condition on known values is decided: `if [ "$PROFILE" = release ]; then … else … fi` leaves one
//! branch when `PROFILE` is known. Where it is not known all branches are kept, marked as such.

use crate::language::shell::{self, SimpleCommand, simple_commands};
use std::borrow::Cow;

/// A command that runs, or may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub words: Vec<Argument>,
    /// 0 when it runs for certain. Otherwise it depends on a condition that is not known, and the
    /// commands with the same number are in other branches of it, or in the same one.
    pub group: u32,
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

/// The commands of a script. Loops count as run once, assignments are followed, `sh -c '…'` is looked
/// into, and commands other than `[` and `test` count as successful on the left of `&&` and `||`.
/// `None` where [`simple_commands`] gives up.
pub fn commands(script: &str, variables: &Variables<'_>) -> Option<Vec<Command>> {
    let mut reader = Reader {
        items: items(script)?,
        at: 0,
        variables,
        assigned: Vec::new(),
        depth: 0,
        mode: Mode::Runs,
        groups: 0,
        commands: Vec::new(),
    };
    reader.list(&[]);
    Some(reader.commands)
}

/// The commands of a script, with a reserved word in front of one as an item of its own.
fn items(script: &str) -> Option<Vec<SimpleCommand<'_>>> {
    const RESERVED: [&str; 12] = ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "time"];
    let mut items = Vec::new();
    for mut command in simple_commands(script)? {
        while command.words.len() > 1 && RESERVED.contains(&&*command.words[0]) {
            items.push(SimpleCommand { words: vec![command.words.remove(0)], terminator: "" });
        }
        items.push(command);
    }
    Some(items)
}

type Words<'a> = [Cow<'a, str>];

/// Whether the commands at hand run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Runs,
    /// It is not known; with their group.
    May(u32),
    Skipped,
}

struct Reader<'a, 'v> {
    items: Vec<SimpleCommand<'a>>,
    at: usize,
    variables: &'v Variables<'v>,
    /// What the script assigned; the last one counts.
    assigned: Vec<(String, Option<String>)>,
    depth: u32,
    mode: Mode,
    groups: u32,
    commands: Vec<Command>,
}

impl<'a> Reader<'a, '_> {
    /// The first word of an item; empty behind the last one.
    fn first(&self, at: usize) -> &str {
        self.items.get(at).and_then(|item| item.words.first()).map_or("", |word| word)
    }

    /// What a condition makes of the mode outside it.
    fn under(&mut self, condition: Option<bool>) -> Mode {
        match (self.mode, condition) {
            (Mode::Skipped, _) | (_, Some(false)) => Mode::Skipped,
            (mode, Some(true)) | (mode @ Mode::May(_), None) => mode,
            (Mode::Runs, None) => {
                self.groups += 1;
                Mode::May(self.groups)
            }
        }
    }

    /// Reads the commands up to one of some reserved words, which is not taken.
    fn list(&mut self, ends: &[&str]) {
        let outer = self.mode;
        // Of the commands joined by `&&` and `||`: whether the next one runs, and how the last ended.
        let (mut runs, mut status) = (Some(true), Some(true));
        while self.at < self.items.len() && !ends.contains(&self.first(self.at)) {
            if runs.is_some() || !matches!(self.mode, Mode::May(_)) {
                self.mode = outer;
                self.mode = self.under(runs);
            }
            let result = self.step();
            if runs != Some(false) {
                status = runs.and(result);
            }
            match self.items.get(self.at - 1).map_or("", |item| item.terminator) {
                "&&" => runs = status,
                "||" => runs = status.map(|status| !status),
                "|" | "|&" => {}
                _ => {
                    runs = Some(true);
                    self.mode = outer;
                }
            }
        }
        self.mode = outer;
    }

    /// Reads one command, simple or compound; how it ends.
    fn step(&mut self) -> Option<bool> {
        match self.first(self.at) {
            "if" => self.conditional(),
            "{" => self.block("}"),
            "do" => self.block("done"),
            "case" => self.case(),
            "for" | "while" | "until" | "time" => self.at += 1,
            _ => {
                let words = self.take();
                return match self.test(&words) {
                    Some(result) => result,
                    None => {
                        self.command(&words);
                        Some(true)
                    }
                };
            }
        }
        Some(true)
    }

    fn take(&mut self) -> Vec<Cow<'a, str>> {
        self.at += 1;
        std::mem::take(&mut self.items[self.at - 1].words)
    }

    fn block(&mut self, end: &str) {
        self.at += 1;
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            self.list(&[end]);
            self.depth -= 1;
            self.at += 1;
        }
    }

    /// From `case` to `esac`; all arms are alike.
    fn case(&mut self) {
        let mut at = self.at;
        while at < self.items.len() && self.first(at) != "esac" {
            let item = &mut self.items[at];
            // A pattern, unless it is the last command of a subshell.
            if item.terminator == ")" && item.words.len() == 1 {
                item.words = vec![":".into()];
            }
            at += 1;
        }
        let outer = self.mode;
        self.mode = self.under(None);
        self.block("esac");
        self.mode = outer;
    }

    /// From `if` or `elif` to `fi`.
    fn conditional(&mut self) {
        self.at += 1;
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        let condition = self.condition();
        self.at += 1;
        let outer = self.mode;
        let then = self.under(condition);
        // Of a condition that is not known both branches are in one group.
        let otherwise = if condition.is_none() { then } else { self.under(condition.map(|holds| !holds)) };
        self.mode = then;
        self.list(&["elif", "else", "fi"]);
        self.mode = otherwise;
        match self.first(self.at) {
            "elif" => self.conditional(),
            "else" => self.block("fi"),
            _ => self.at += 1,
        }
        self.mode = outer;
        self.depth -= 1;
    }

    /// Reads the commands up to `then`; whether they hold.
    fn condition(&mut self) -> Option<bool> {
        let (mut value, mut operator) = (None, "");
        while self.at < self.items.len() && self.first(self.at) != "then" {
            let words = self.take();
            let own = match self.test(&words) {
                Some(result) => result,
                None => {
                    self.command(&words);
                    None
                }
            };
            value = match (operator, value, own) {
                ("&&", Some(false), _) | ("&&", _, Some(false)) => Some(false),
                ("||", Some(true), _) | ("||", _, Some(true)) => Some(true),
                ("&&" | "||", value, own) => value.and(own),
                _ => own,
            };
            operator = self.items[self.at - 1].terminator;
        }
        value
    }

    fn command(&mut self, words: &Words<'_>) {
        let group = match self.mode {
            Mode::Runs => 0,
            Mode::May(group) => group,
            Mode::Skipped => return,
        };
        let assignments = match words {
            [first, rest @ ..] if first == "export" => rest,
            _ => words,
        };
        if assignments.iter().all(|word| assignment(word).is_some()) {
            for (name, value) in assignments.iter().filter_map(|word| assignment(word)) {
                let value = self.expand(value).filter(|_| group == 0);
                self.assigned.push((name.to_owned(), value));
            }
            return;
        }
        if let Some(script) = shell::script(words.iter().map(|word| &**word)) {
            return self.nested(script);
        }
        let mut arguments = Vec::new();
        for word in words {
            match self.expand(word) {
                None => arguments.push(Argument { text: word.clone().into_owned(), is_known: false }),
                Some(text) if text == **word => arguments.push(Argument { text, is_known: true }),
                Some(text) => {
                    for part in text.split_ascii_whitespace() {
                        arguments.push(Argument { text: part.to_owned(), is_known: true });
                    }
                }
            }
        }
        self.commands.push(Command { words: arguments, group });
    }

    /// The script of a `sh -c`, which has variables of its own.
    fn nested(&mut self, script: &str) {
        let Some(items) = items(script).filter(|_| self.depth < MAX_DEPTH) else { return };
        let mut inner = Reader {
            items,
            at: 0,
            variables: self.variables,
            assigned: std::mem::take(&mut self.assigned),
            depth: self.depth + 1,
            mode: self.mode,
            groups: self.groups,
            commands: std::mem::take(&mut self.commands),
        };
        let assigned = inner.assigned.len();
        inner.list(&[]);
        inner.assigned.truncate(assigned);
        (self.assigned, self.groups, self.commands) = (inner.assigned, inner.groups, inner.commands);
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

    /// The commands, with the groups of those that may run.
    fn outline(script: &str) -> String {
        let variables = |name: &str| match name {
            "PROFILE" => Some("release".to_owned()),
            "EMPTY" => Some(String::new()),
            "FLAGS" => Some("-a -b".to_owned()),
            _ => None,
        };
        let commands = commands(script, &variables).unwrap();
        let write = |command: &Command| {
            let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
            let group = if command.group > 0 { format!("?{} ", command.group) } else { String::new() };
            group + &words.join(" ")
        };
        commands.iter().map(write).collect::<Vec<_>>().join("; ")
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
    fn of_others_the_branches_form_a_group() {
        for (script, expected) in [
            (r#"if [ -n "$JOBS" ]; then a; else b; fi; c"#, "?1 a; ?1 b; c"),
            (r#"if [ -n "$JOBS" ]; then a; elif [ $PROFILE = x ]; then b; else [ $JOBS ] || c; fi"#, "?1 a; ?1 c"),
            ("if a; then b; fi; if c; then d; fi", "a; ?1 b; c; ?2 d"),
            ("test -f x && a || b; test -f y || c && d", "?1 a; ?1 b; ?2 c; ?2 d"),
            (r#"case "$JOBS" in 1) a;; *) b;; esac; c"#, "?1 a; ?1 b; c"),
            (r#"test -f x && sh -c "[ -f y ] && a; b"; c"#, "?1 a; ?1 b; c"),
            ("PROFILE=$(cat p); [ $PROFILE = x ] && a", "?1 a"),
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
            let _ = commands(&script, &|_| Some("x".to_owned()));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let script = "if a; then ".repeat(5_000);
        assert!(commands(&script, &|_| None).is_some());
    }
}
