//! The grammar of POSIX.1-2024, XCU 2.10, with what bash adds: from text to lists of commands.
//!
//! A parser of our own: brush-parser gives up a whole script at its first error, gives here-documents no place, counts
//! places in characters, recurses without a bound and brings 17 crates; yash-syntax is not licensed for us.

use super::syntax::{Command, Script, Unread, Word};
use crate::language::limits;

/// Why reading stopped.
#[derive(Debug)]
pub(super) struct Stop {
    pub at: usize,
    pub reason: String,
}

pub(super) type Parsed<T> = Result<T, Stop>;

/// A here-document whose body has not been read yet.
pub(super) struct Pending {
    pub heredoc: usize,
    pub delimiter: String,
    pub quoted: bool,
    pub chomp: bool,
}

/// Reads a script from its beginning to its end.
pub(super) struct Parser<'t> {
    pub text: &'t str,
    pub at: usize,
    /// Lists, words and expansions that are open.
    pub depth: usize,
    pub pending: Vec<Pending>,
    /// Bodies of here-documents, by number.
    pub bodies: Vec<Option<Word>>,
    /// What was not read although reading went on.
    pub unread: Vec<Unread>,
    /// Whether Kubernetes fills in `$(NAME)` before a shell sees it.
    pub references: bool,
}

/// Words that end a list when they stand where a command would.
const CLOSING: [&str; 8] = ["then", "do", "done", "elif", "else", "fi", "esac", "}"];
/// What ends a word.
pub(super) const META: [char; 10] = [' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>'];

/// Parses a script. What stands before an error is there. `references` says whether Kubernetes fills in `$(NAME)`.
pub(super) fn parse(text: &str, depth: usize, references: bool) -> Script {
    let mut parser = Parser::new(text, depth);
    parser.references = references;
    let mut script = Script::default();
    // Whole lines are kept, so that half a pipeline passes for none.
    loop {
        parser.skip_lines();
        let start = parser.at;
        if parser.rest().is_empty() {
            break;
        }
        match parser.line() {
            Ok(commands) => script.commands.extend(commands),
            Err(Stop { at, reason }) => {
                script.unread.push(Unread { at: start..text.len(), reason: format!("{reason} at byte {at}") });
                break;
            }
        }
    }
    parser.finish_heredocs();
    script.unread.append(&mut parser.unread);
    attach(&mut script.commands, &mut parser.bodies);
    script
}

/// Gives each redirection the here-document that it opened.
fn attach(commands: &mut [Command], bodies: &mut [Option<Word>]) {
    for command in commands {
        for redirect in &mut command.redirects {
            redirect.body = redirect.heredoc.and_then(|heredoc| bodies.get_mut(heredoc)?.take());
        }
        let branches = command.compound.iter_mut().flat_map(|compound| &mut compound.branches);
        branches.for_each(|branch| attach(&mut branch.commands, bodies));
        command.for_each_word(&mut |word| {
            word.for_each_nested(&mut |nested| {
                if let (None, Some(script)) = (&nested.map, &mut nested.script) {
                    attach(&mut script.commands, bodies);
                }
            });
        });
    }
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, depth: usize) -> Self {
        Self { text, at: 0, depth, pending: Vec::new(), bodies: Vec::new(), unread: Vec::new(), references: false }
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn stop<T>(&self, reason: impl Into<String>) -> Parsed<T> {
        Err(Stop { at: self.at, reason: reason.into() })
    }

    /// Goes one level deeper for the time of a call.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= limits::DEPTH {
            return self.stop(format!("nested deeper than {} levels (limit `DEPTH`)", limits::DEPTH));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Steps over a text when it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    pub(super) fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.eat(text) { Ok(()) } else { self.stop(format!("expected `{text}`")) }
    }

    /// Passes over blanks, continued lines and a comment.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let length = match rest.as_bytes() {
                [b' ' | b'\t', ..] => 1,
                [b'\r', b'\n', ..] => 1,
                [b'\\', b'\n', ..] => 2,
                [b'\\', b'\r', b'\n', ..] => 3,
                [b'#', ..] => rest.find('\n').unwrap_or(rest.len()),
                _ => return,
            };
            self.at += length;
        }
    }

    /// Passes over empty lines too, with the here-documents behind them.
    pub(super) fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            if !self.eat("\n") {
                return;
            }
            self.read_heredocs();
        }
    }

    /// Whether a reserved word comes next, as a word of its own.
    pub(super) fn at_word(&self, word: &str) -> bool {
        let rest = self.rest();
        rest.strip_prefix(word)
            .is_some_and(|behind| behind.is_empty() || behind.starts_with(META) || behind.starts_with('\r'))
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        self.skip_lines();
        if self.eat_word(word) { Ok(()) } else { self.stop(format!("expected `{word}`")) }
    }

    /// Whether a list ends here.
    fn at_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty()
            || rest.starts_with(')')
            || rest.starts_with(";;")
            || rest.starts_with(";&")
            || CLOSING.iter().any(|word| self.at_word(word))
    }

    /// The commands of a line; where one goes on over several lines, of all of them.
    fn line(&mut self) -> Parsed<Vec<Command>> {
        let mut commands = Vec::new();
        loop {
            if self.at_end() {
                return self.stop(format!("`{}` is not expected", self.next_sign()));
            }
            let separated = self.and_or(&mut commands)?;
            self.skip_blanks();
            if self.rest().is_empty() || self.rest().starts_with('\n') {
                return Ok(commands);
            }
            if !separated {
                return self.stop(format!("`{}` is not expected", self.next_sign()));
            }
        }
    }

    /// What comes next, for a message.
    pub(super) fn next_sign(&self) -> &'t str {
        let rest = self.rest();
        let word = rest.split(META).next().unwrap_or_default();
        if word.is_empty() {
            rest.get(..rest.chars().next().map_or(0, char::len_utf8)).unwrap_or_default()
        } else {
            word
        }
    }

    /// The commands up to what ends a list; that is not taken.
    pub(super) fn list(&mut self) -> Parsed<Vec<Command>> {
        self.nested(|parser| {
            let mut commands = Vec::new();
            loop {
                parser.skip_lines();
                if parser.at_end() {
                    return Ok(commands);
                }
                let goes_on = parser.and_or(&mut commands)?;
                parser.skip_blanks();
                if !goes_on && !parser.rest().starts_with('\n') && !parser.at_end() {
                    return parser.stop("a command is not separated from the next");
                }
            }
        })
    }

    /// Pipelines joined by `&&` and `||`; whether `;` or `&` is behind them.
    fn and_or(&mut self, commands: &mut Vec<Command>) -> Parsed<bool> {
        let first = commands.len();
        let mut joined = ";";
        loop {
            self.pipeline(joined, commands)?;
            self.skip_blanks();
            joined = if self.eat("&&") {
                "&&"
            } else if self.eat("||") {
                "||"
            } else {
                break;
            };
            self.skip_lines();
        }
        let rest = self.rest();
        if rest.starts_with('&') {
            self.at += 1;
            commands[first..].iter_mut().for_each(|command| command.background = true);
            return Ok(true);
        }
        let separated = rest.starts_with(';') && !rest.starts_with(";;") && !rest.starts_with(";&");
        self.at += usize::from(separated);
        Ok(separated)
    }

    fn pipeline(&mut self, joined: &'static str, commands: &mut Vec<Command>) -> Parsed<()> {
        let mut negated = false;
        while self.eat_word("!") {
            negated = !negated;
            self.skip_blanks();
        }
        let mut joined = joined;
        loop {
            let mut command = self.nested(Self::command)?;
            (command.joined, command.negated) = (joined, negated);
            commands.push(command);
            self.skip_blanks();
            joined = match self.rest() {
                rest if rest.starts_with("||") => break,
                rest if rest.starts_with("|&") => "|&",
                rest if rest.starts_with('|') => "|",
                _ => break,
            };
            self.at += joined.len();
            self.skip_lines();
        }
        Ok(())
    }

    pub(super) fn command(&mut self) -> Parsed<Command> {
        let start = self.at;
        let mut command = Command::new(start..start);
        // `time` before a compound command; before a simple one it is a wrapper like others.
        if self.at_word("time") {
            let behind = self.rest()["time".len()..].trim_start();
            if behind.starts_with(['(', '{']) {
                self.at += "time".len();
                self.skip_blanks();
            }
        }
        command.compound = self.compound(&mut command.words)?;
        if command.compound.is_some() {
            self.redirects(&mut command)?;
        } else {
            self.simple(&mut command)?;
        }
        command.at.end = start + self.text[start..self.at].trim_end().len();
        Ok(command)
    }
}
