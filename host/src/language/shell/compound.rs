//! Compound commands (XCU 2.9.4) and functions.

use super::parse::{Parsed, Parser};
use super::syntax::{Branch, Compound, Word};
use std::ops::Range;

impl Parser<'_> {
    /// A compound command, if one begins here; `words` gets those of a `for` and the subject of a `case`.
    pub(super) fn compound(&mut self, words: &mut Vec<Word>) -> Parsed<Option<Compound>> {
        if self.rest().starts_with("((")
            && let Some(end) = self.arithmetic_end()
        {
            self.at = end;
            return Ok(Some(Compound { kind: "arithmetic", name: None, branches: Vec::new() }));
        }
        if self.eat("(") {
            return self.bracketed("subshell", ")").map(Some);
        }
        let keyword = ["{", "if", "while", "until", "for", "select", "case", "function"];
        let Some(keyword) = keyword.into_iter().find(|keyword| self.at_word(keyword)) else { return Ok(None) };
        self.at += keyword.len();
        match keyword {
            "{" => self.bracketed("group", "}"),
            "if" => self.conditional(),
            "while" | "until" => self.repeated(keyword),
            "for" | "select" => self.iterated(keyword, words),
            "case" => self.case(words),
            _ => self.function(),
        }
        .map(Some)
    }

    fn branch(&mut self, role: &'static str) -> Parsed<Branch> {
        let start = self.at;
        let commands = self.list()?;
        Ok(Branch { at: start..self.at, role, patterns: Vec::new(), commands })
    }

    fn bracketed(&mut self, kind: &'static str, close: &'static str) -> Parsed<Compound> {
        let body = self.branch("body")?;
        self.expect(close)?;
        Ok(Compound { kind, name: None, branches: vec![body] })
    }

    fn conditional(&mut self) -> Parsed<Compound> {
        let mut branches = vec![self.branch("condition")?];
        self.expect_word("then")?;
        branches.push(self.branch("then")?);
        loop {
            if self.eat_word("elif") {
                branches.push(self.branch("condition")?);
                self.expect_word("then")?;
                branches.push(self.branch("then")?);
            } else if self.eat_word("else") {
                branches.push(self.branch("else")?);
            } else {
                self.expect_word("fi")?;
                return Ok(Compound { kind: "if", name: None, branches });
            }
        }
    }

    fn repeated(&mut self, keyword: &'static str) -> Parsed<Compound> {
        let condition = self.branch("condition")?;
        let body = self.do_group()?;
        Ok(Compound { kind: keyword, name: None, branches: vec![condition, body] })
    }

    fn do_group(&mut self) -> Parsed<Branch> {
        self.skip_lines();
        if self.eat_word("{") {
            let body = self.branch("body")?;
            self.expect("}")?;
            return Ok(body);
        }
        self.expect_word("do")?;
        let body = self.branch("body")?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn iterated(&mut self, keyword: &'static str, words: &mut Vec<Word>) -> Parsed<Compound> {
        self.skip_blanks();
        let mut name = None;
        if self.rest().starts_with("((") {
            let Some(end) = self.arithmetic_end() else { return self.stop("expected `))`") };
            self.at = end;
        } else {
            let variable = self.word()?;
            name = Some((variable.text, variable.at));
            self.skip_lines();
            if self.eat_word("in") {
                loop {
                    self.skip_blanks();
                    if self.rest().starts_with([';', '\n']) || self.rest().is_empty() {
                        break;
                    }
                    let word = self.word()?;
                    if word.at.is_empty() {
                        return self.stop(format!("`{}` is not expected", self.next_sign()));
                    }
                    words.push(word);
                }
            }
        }
        self.skip_blanks();
        self.eat(";");
        let body = self.do_group()?;
        Ok(Compound { kind: keyword, name, branches: vec![body] })
    }

    fn case(&mut self, words: &mut Vec<Word>) -> Parsed<Compound> {
        self.skip_blanks();
        words.push(self.word()?);
        self.expect_word("in")?;
        let mut branches = Vec::new();
        loop {
            self.skip_lines();
            if self.eat_word("esac") {
                return Ok(Compound { kind: "case", name: None, branches });
            }
            let start = self.at;
            self.eat("(");
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                patterns.push(self.word()?);
                self.skip_blanks();
                if !self.eat("|") {
                    break;
                }
            }
            self.expect(")")?;
            let mut arm = self.branch("arm")?;
            (arm.at.start, arm.patterns) = (start, patterns);
            branches.push(arm);
            let _ = self.eat(";;&") || self.eat(";;") || self.eat(";&");
        }
    }

    /// `function NAME [()] COMMAND`, behind `function`.
    fn function(&mut self) -> Parsed<Compound> {
        self.skip_blanks();
        let name = self.word()?;
        self.skip_blanks();
        if self.eat("(") {
            self.skip_blanks();
            self.expect(")")?;
        }
        self.function_body((name.text, name.at))
    }

    pub(super) fn function_body(&mut self, name: (String, Range<usize>)) -> Parsed<Compound> {
        self.skip_lines();
        let start = self.at;
        let body = self.nested(Self::command)?;
        let branch = Branch { at: start..self.at, role: "body", patterns: Vec::new(), commands: vec![body] };
        Ok(Compound { kind: "function", name: Some(name), branches: vec![branch] })
    }
}
