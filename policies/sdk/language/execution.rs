//! Which commands of a script run, as far as its variables are known.
//!
//! A condition on known values is decided: `if [ "$PROFILE" = release ]; then … else … fi` leaves one
//! branch when `PROFILE` is known. Where it is not known all branches are kept, marked as such.

use super::shell::{Command, Word, commands};
use crate::json::View;

/// A command that runs, or may run.
#[derive(Clone)]
pub struct Execution<'d> {
    /// The command.
    pub command: Command<'d>,
    /// Its program and the arguments, without wrappers.
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

/// The simple commands of a `:shell` tree that run. Loops count as run once, assignments are followed, and commands
/// other than `[` and `test` count as successful on the left of `&&` and `||`.
pub fn executions<'d>(tree: &View<'d>, variables: &Variables<'_>) -> Vec<Execution<'d>> {
    let mut reader =
        Reader { variables, assigned: Vec::new(), mode: Mode::Runs, groups: 0, depth: 0, executions: Vec::new() };
    reader.list(tree);
    reader.executions
}

/// How deep commands in commands are followed: the host's own bound on trees is little more.
const MAX_DEPTH: u32 = 24;

/// Whether the commands at hand run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Runs,
    /// It is not known; with their group.
    May(u32),
    Skipped,
}

struct Reader<'d, 'v> {
    variables: &'v Variables<'v>,
    /// What the script assigned; the last one counts.
    assigned: Vec<(String, Option<String>)>,
    mode: Mode,
    groups: u32,
    depth: u32,
    executions: Vec<Execution<'d>>,
}

impl<'d> Reader<'d, '_> {
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

    /// Reads the commands of a list.
    fn list(&mut self, parent: &View<'d>) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        let outer = self.mode;
        // Of the commands joined by `&&` and `||`: whether the next one runs, and how the last ended.
        let (mut runs, mut status) = (Some(true), Some(true));
        for command in commands(parent) {
            match command.joined() {
                "&&" => runs = status,
                "||" => runs = status.map(|status| !status),
                "|" | "|&" => {}
                _ => {
                    runs = Some(true);
                    self.mode = outer;
                }
            }
            if runs.is_some() || !matches!(self.mode, Mode::May(_)) {
                self.mode = outer;
                self.mode = self.under(runs);
            }
            let result = self.step(&command).map(|result| result != command.get("negated").is_true());
            if runs != Some(false) {
                status = runs.and(result);
            }
        }
        self.mode = outer;
        self.depth -= 1;
    }

    /// Reads one command, simple or compound; how it ends.
    fn step(&mut self, command: &Command<'d>) -> Option<bool> {
        match command.kind() {
            "" => {
                if let Some(result) = self.test(command) {
                    return result;
                }
                self.simple(command);
            }
            "if" => self.conditional(&command.branches().collect::<Vec<_>>()),
            kind => {
                self.substitutions(command);
                let (outer, assigned) = (self.mode, self.assigned.len());
                if kind == "case" {
                    self.mode = self.under(None);
                }
                command.branches().for_each(|(_, branch)| self.list(&branch));
                self.mode = outer;
                if kind == "subshell" {
                    self.assigned.truncate(assigned);
                }
            }
        }
        Some(true)
    }

    /// Reads the branches of an `if`: a condition, `then`, and what is left.
    fn conditional(&mut self, branches: &[(&'d str, View<'d>)]) {
        match branches {
            [("condition", condition), (_, then), rest @ ..] => {
                let condition = self.condition(condition);
                let outer = self.mode;
                let holds = self.under(condition);
                // Of a condition that is not known both branches are in one group.
                let otherwise = if condition.is_none() { holds } else { self.under(condition.map(|holds| !holds)) };
                self.mode = holds;
                self.list(then);
                self.mode = otherwise;
                self.conditional(rest);
                self.mode = outer;
            }
            [(_, other), ..] => self.list(other),
            [] => {}
        }
    }

    /// Reads the commands of a condition; whether they hold.
    fn condition(&mut self, parent: &View<'d>) -> Option<bool> {
        let mut value = None;
        for command in commands(parent) {
            let own = match self.test(&command) {
                Some(result) => result.map(|result| result != command.get("negated").is_true()),
                None => {
                    self.step(&command);
                    None
                }
            };
            value = match (command.joined(), value, own) {
                ("&&", Some(false), _) | ("&&", _, Some(false)) => Some(false),
                ("||", Some(true), _) | ("||", _, Some(true)) => Some(true),
                ("&&" | "||", value, own) => value.and(own),
                _ => own,
            };
        }
        value
    }

    fn simple(&mut self, command: &Command<'d>) {
        self.substitutions(command);
        let group = match self.mode {
            Mode::Runs => 0,
            Mode::May(group) => group,
            Mode::Skipped => return,
        };
        let is_certain = group == 0;
        if command.get("words").is_empty() {
            for assignment in command.get("assignments").items() {
                let value = self.expand(&assignment.get("value")).filter(|_| is_certain);
                self.assigned.push((assignment.get("name").text().to_owned(), value));
            }
        }
        if command.name() == "export" {
            for word in command.program_words().skip(1) {
                let value = self.expand(&word);
                let text = value.as_deref().unwrap_or(word.text());
                if let Some((name, value_text)) = text.split_once('=') {
                    let known = value.as_ref().map(|_| value_text.to_owned()).filter(|_| is_certain);
                    self.assigned.push((name.to_owned(), known));
                }
            }
        }
        let words: Vec<Argument> = command.program_words().flat_map(|word| self.arguments(&word)).collect();
        if !words.is_empty() {
            self.executions.push(Execution { command: command.clone(), words, group });
        }
        for script in command.scripts() {
            let assigned = self.assigned.len();
            self.list(&script);
            self.assigned.truncate(assigned);
        }
    }

    /// The commands that run to make the words of a command.
    fn substitutions(&mut self, command: &Command<'d>) {
        for word in command.words() {
            self.word_substitutions(&word);
        }
        for assignment in command.get("assignments").items() {
            self.word_substitutions(&assignment.get("value"));
        }
        for redirect in command.get("redirects").items() {
            self.word_substitutions(&redirect.get("target"));
            self.word_substitutions(&redirect.get("heredoc"));
        }
    }

    fn word_substitutions(&mut self, word: &View<'d>) {
        for part in word.get("parts").items() {
            let argument = part.get("argument");
            if part.get("commands").exists() {
                let assigned = self.assigned.len();
                self.list(&part);
                self.assigned.truncate(assigned);
            } else if argument.exists() && self.depth < MAX_DEPTH {
                self.depth += 1;
                self.word_substitutions(&argument);
                self.depth -= 1;
            }
        }
    }

    /// What a word comes to: an expansion outside of quotes may be several arguments, or none.
    fn arguments(&self, word: &Word<'d>) -> Vec<Argument> {
        let splits =
            word.get("parts").items().any(|part| part.get("variable").exists() && !part.get("quoted").is_true());
        match self.expand(word) {
            None => vec![Argument { text: word.text().to_owned(), is_known: false }],
            Some(text) if splits => {
                text.split_ascii_whitespace().map(|part| Argument { text: part.to_owned(), is_known: true }).collect()
            }
            Some(text) => vec![Argument { text, is_known: true }],
        }
    }

    /// Whether a `[`, `[[`, `test`, `true` or `false` holds, if it can be told; `None` for other commands.
    fn test(&self, command: &Command<'d>) -> Option<Option<bool>> {
        let words: Vec<Word<'d>> = command.words().collect();
        let last = words.len().checked_sub(1)?;
        Some(match (words[0].known()?, words[last].text()) {
            (":" | "true", _) => Some(true),
            ("false", _) => Some(false),
            ("test", _) => self.compare(&words[1..]),
            ("[", "]") | ("[[", "]]") => self.compare(&words[1..last]),
            _ => return None,
        })
    }

    fn compare(&self, operands: &[Word<'d>]) -> Option<bool> {
        match operands {
            [value] => Some(!self.expand(value)?.is_empty()),
            [not, rest @ ..] if not.text() == "!" && rest.first().is_some_and(|next| next.text() != "!") => {
                self.compare(rest).map(|value| !value)
            }
            [operator, value] if matches!(operator.text(), "-z" | "-n") => {
                Some(self.expand(value)?.is_empty() == (operator.text() == "-z"))
            }
            [left, operator, right] if !right.text().contains(['*', '?']) => {
                let are_equal = self.expand(left)? == self.expand(right)?;
                match operator.text() {
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

    /// A word with its variables replaced; `None` when a value is not known.
    fn expand(&self, word: &View<'d>) -> Option<String> {
        if !word.get("parts").exists() {
            return Some(word.get("text").text().to_owned());
        }
        let mut out = String::new();
        for part in word.get("parts").items() {
            if part.get("variable").exists() {
                out.push_str(&self.parameter(&part)?);
            } else {
                out.push_str(part.get("text").as_str()?);
            }
        }
        Some(out)
    }

    /// What `${NAME:-…}` and its like come to.
    fn parameter(&self, part: &View<'d>) -> Option<String> {
        let value = self.value(part.get("variable").text())?;
        let operator = part.get("operator").text();
        // A value that is known is set; with a colon an empty one counts as unset.
        let is_unset = operator.starts_with(':') && value.is_empty();
        match (operator.trim_start_matches(':'), is_unset) {
            ("", _) | ("-" | "=", false) => Some(value),
            ("-" | "=", true) | ("+", false) => self.expand(&part.get("argument")),
            ("+", true) => Some(String::new()),
            _ => None,
        }
    }
}
