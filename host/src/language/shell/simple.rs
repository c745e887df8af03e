//! Simple commands (XCU 2.9.1): assignments, words and redirections, and the words of `[[`.

use super::parse::{Parsed, Parser, Pending};
use super::syntax::{Assignment, Command, Redirect, Word};

const OPERATORS: [&str; 12] = ["<<<", "<<-", "<<", "<>", "<&", "<", "&>>", "&>", ">>", ">&", ">|", ">"];
/// Bytes in which the end of a subscript is looked for.
const LONGEST_SUBSCRIPT: usize = 256;

impl Parser<'_> {
    pub(super) fn redirects(&mut self, command: &mut Command) -> Parsed<()> {
        loop {
            self.skip_blanks();
            match self.redirect()? {
                Some(redirect) => command.redirects.push(redirect),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn simple(&mut self, command: &mut Command) -> Parsed<()> {
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                command.redirects.push(redirect);
                continue;
            }
            let rest = self.rest();
            let is_function =
                command.assignments.is_empty() && command.redirects.is_empty() && command.words.len() == 1;
            if rest.starts_with('(') && is_function {
                self.at += 1;
                self.skip_blanks();
                self.expect(")")?;
                let name = command.words.remove(0);
                command.compound = Some(self.function_body((name.text, name.at))?);
                return Ok(());
            }
            let is_process = rest.starts_with("<(") || rest.starts_with(">(");
            if !is_process && (rest.is_empty() || rest.starts_with(['\n', ';', '&', '|', '(', ')'])) {
                break;
            }
            if command.words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                command.assignments.push(assignment);
                continue;
            }
            let word = self.word()?;
            let is_test = command.words.is_empty() && word.text == "[[" && !word.quoted;
            command.words.push(word);
            if is_test {
                self.test(&mut command.words)?;
            }
        }
        if command.words.is_empty() && command.assignments.is_empty() && command.redirects.is_empty() {
            return self.stop("a command is missing");
        }
        Ok(())
    }

    /// The words of `[[ … ]]`, in which `<`, `&&` and brackets are words.
    fn test(&mut self, words: &mut Vec<Word>) -> Parsed<()> {
        loop {
            self.skip_lines();
            if self.rest().is_empty() {
                return self.stop("`[[` is not closed by `]]`");
            }
            let signs = ["&&", "||", "(", ")", "<", ">"];
            let sign = signs.into_iter().find(|sign| self.rest().starts_with(sign));
            let is_pattern = words.last().is_some_and(|word| word.text == "=~");
            match sign {
                Some(sign) if !is_pattern => {
                    words.push(self.verbatim(sign.len()));
                    continue;
                }
                _ => {}
            }
            let word = if is_pattern { self.pattern()? } else { self.word()? };
            if word.at.is_empty() {
                return self.stop("unexpected sign in `[[`");
            }
            let is_end = word.text == "]]";
            words.push(word);
            if is_end {
                return Ok(());
            }
        }
    }

    /// `NAME=value`, `NAME+=value`, `NAME[…]=value` or `NAME=(…)`.
    fn assignment(&mut self) -> Parsed<Option<Assignment>> {
        let rest = self.rest();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let name = rest.bytes().take_while(is_name).count();
        if name == 0 || rest.as_bytes()[0].is_ascii_digit() {
            return Ok(None);
        }
        let mut length = name;
        if rest[length..].starts_with('[') {
            let subscript = rest.as_bytes()[length..].iter().take(LONGEST_SUBSCRIPT);
            let mut closing = subscript.take_while(|byte| **byte != b'\n');
            let Some(close) = closing.position(|byte| *byte == b']') else { return Ok(None) };
            length += close + 1;
        }
        length += usize::from(rest[length..].starts_with('+'));
        if !rest[length..].starts_with('=') {
            return Ok(None);
        }
        let start = self.at;
        self.at += length + 1;
        let value = if self.rest().starts_with('(') { self.array()? } else { self.word()? };
        Ok(Some(Assignment { at: start..self.at, name: rest[..name].to_owned(), value }))
    }

    /// `(a b c)`: its text is what is written.
    fn array(&mut self) -> Parsed<Word> {
        let start = self.at;
        self.at += 1;
        let mut parts = Vec::new();
        loop {
            self.skip_lines();
            if self.eat(")") {
                break;
            }
            let word = self.word()?;
            if word.at.is_empty() {
                return self.stop("expected `)`");
            }
            // Ranges of parts are of the word's text, which is what is written.
            parts.extend(word.parts.into_iter().map(|mut part| {
                let place = word.map.lead(part.at).range();
                part.at = place.start - start..place.end - start;
                part
            }));
        }
        let length = self.at - start;
        self.at = start;
        let mut word = self.verbatim(length);
        word.parts = parts;
        Ok(word)
    }

    fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let start = self.at;
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let behind = &rest[digits..];
        let Some(operator) = OPERATORS.into_iter().find(|operator| behind.starts_with(operator)) else {
            return Ok(None);
        };
        let is_process = behind.starts_with("<(") || behind.starts_with(">(");
        if is_process || (digits > 0 && operator.starts_with('&')) {
            return Ok(None);
        }
        let descriptor = rest[..digits].parse().ok();
        self.at += digits + operator.len();
        self.skip_blanks();
        let target = self.word()?;
        if target.at.is_empty() {
            return self.stop(format!("`{operator}` leads nowhere"));
        }
        let heredoc = matches!(operator, "<<" | "<<-").then_some(self.bodies.len());
        if let Some(heredoc) = heredoc {
            self.bodies.push(None);
            self.pending.push(Pending {
                heredoc,
                delimiter: target.text.clone(),
                quoted: target.quoted,
                chomp: operator == "<<-",
            });
        }
        Ok(Some(Redirect { at: start..target.at.end, descriptor, operator, target, heredoc, body: None }))
    }
}
