//! Conditions of Argo Rollouts (`:condition`): `successCondition` and `failureCondition` of an analysis, in the language
//! expr.
//!
//! # The model
//!
//! ```text
//! { "expression": EXPRESSION }      or  { "unread": [ { "reason": "…" } ] }
//! ```
//!
//! An EXPRESSION is
//!
//! ```text
//! { "name": "result" }                           also `#`, `#acc` and `#index` in a predicate
//! { "argument": "args.threshold" }               `{{args.threshold}}`, which Argo fills in before
//! { "number": "0.95" }     { "string": "…" }     { "literal": true }, false or null (`nil`)
//! { "operator": ">=", "operands": [ EXPRESSION, EXPRESSION ] }
//! { "call": "len", "arguments": [ EXPRESSION … ], "of": EXPRESSION }     `of` is what a method is called on
//! { "member": "ok", "of": EXPRESSION, "optional": true }                 `result.ok`, `result?.ok`, `result["ok"]`
//! { "index": EXPRESSION, "of": EXPRESSION, "optional": true }            `result[0]`
//! { "slice": true, "from": EXPRESSION, "to": EXPRESSION, "of": EXPRESSION }
//! { "list": [ EXPRESSION … ] }     { "entries": [ { "key": EXPRESSION, "value": EXPRESSION } ] }
//! { "predicate": EXPRESSION }                    what `all`, `any`, `filter` … ask of each element
//! { "variable": "x", "value": EXPRESSION, "in": EXPRESSION }             `let x = …; …`
//! ```
//!
//! `!` and the signs `-` and `+` have one operand; `a ? b : c` is `?:` with three, `a ?: c` with two. `not`, `and`, `or` and `^` are told as `!`, `&&`, `||`
//! and `**`; `a not in b` as `!` of `in`, `0 < a < 1` as `&&` of both, `result | len()` as the call. Brackets leave no
//! trace.
//!
//! Argo gives conditions `result`, `asInt`, `asFloat`, `isNaN`, `isInf`, `isNil` and `default` besides what expr brings.
//! By ours: expr itself is Go.

use super::build::{Builder, span};
use super::limits;
use super::reader::{OPERATORS, Parsed, Read, Stop, check_nesting, quoted, tree_of};
use crate::document::{Node, Value};
use std::ops::Range;

/// Operators with two operands that are words; `not` may stand before the last five.
const WORDS: [&str; 7] = ["or", "and", "in", "matches", "contains", "startsWith", "endsWith"];
/// Those that are signs, longer ones first.
const SIGNS: [&str; 20] =
    ["||", "&&", "==", "!=", "<=", ">=", "**", "??", "..", "<", ">", "+", "-", "*", "/", "%", "^", "|", "?.", "?"];
/// Words that are no names.
const KEYWORDS: [&str; 9] = ["not", "let", "or", "and", "in", "matches", "contains", "startsWith", "endsWith"];
/// Functions whose second argument is asked of each element.
const PREDICATES: [&str; 15] = [
    "all",
    "none",
    "any",
    "one",
    "filter",
    "map",
    "count",
    "sum",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "groupBy",
    "sortBy",
    "reduce",
];
/// How tightly comparisons bind, and the power, of which the right operand is what is right of it.
const COMPARISON: u32 = 20;
const POWER: u32 = 100;

/// How tightly an operator with two operands binds.
fn precedence(operator: &str) -> Option<u32> {
    Some(match operator {
        "|" => 0,
        "or" | "||" => 10,
        "and" | "&&" => 15,
        "==" | "!=" | "<" | ">" | ">=" | "<=" | "in" | "matches" | "contains" | "startsWith" | "endsWith" => COMPARISON,
        ".." => 25,
        "+" | "-" => 30,
        "*" | "/" | "%" => 60,
        "**" | "^" => POWER,
        "??" => 500,
        _ => return None,
    })
}

/// The one name of an operator that has two.
fn told(operator: &str) -> &str {
    match operator {
        "not" => "!",
        "and" => "&&",
        "or" => "||",
        "^" => "**",
        other => other,
    }
}

/// The tree of a condition.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let mut parser = Parser { text, at: 0, depth: 0, predicates: 0, operators: 0, builder };
    let read = parser.expression(0).and_then(|read| {
        parser.skip()?;
        if parser.at < text.len() { parser.stop("an operator or the end") } else { Ok(read) }
    });
    tree_of(read, text, builder)
}

/// How many values a tree has.
fn values(node: &Node) -> usize {
    let inner = node.items().iter().map(values).sum::<usize>();
    1 + inner + node.entries().iter().map(|entry| values(&entry.value)).sum::<usize>()
}

struct Parser<'t, 'b> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// Predicates around what is read: outside of any, `#` is nothing.
    predicates: usize,
    operators: usize,
    builder: &'b mut Builder,
}

impl<'t> Parser<'t, '_> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn stop<T>(&self, expected: &str) -> Parsed<T> {
        Err(Stop { at: self.at, reason: format!("expected {expected}") })
    }

    /// Passes over space and comments.
    fn skip(&mut self) -> Parsed<()> {
        loop {
            let rest = self.rest();
            let length = match rest.chars().next() {
                Some(character) if character.is_whitespace() => character.len_utf8(),
                Some('/') if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                Some('/') if rest.starts_with("/*") => match rest.find("*/") {
                    Some(end) => end + 2,
                    None => return self.stop("`*/`"),
                },
                _ => return Ok(()),
            };
            self.at += length;
        }
    }

    fn starts_with(&mut self, text: &str) -> Parsed<bool> {
        self.skip()?;
        Ok(self.rest().starts_with(text))
    }

    fn eat(&mut self, text: &str) -> Parsed<bool> {
        let found = self.starts_with(text)?;
        self.at += if found { text.len() } else { 0 };
        Ok(found)
    }

    fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.eat(text)? { Ok(()) } else { self.stop(&format!("`{text}`")) }
    }

    /// The word that comes next, keywords too; empty where none does.
    fn peek_word(&mut self) -> Parsed<&'t str> {
        self.skip()?;
        let rest = self.rest();
        if rest.starts_with(|first: char| first.is_numeric()) {
            return Ok("");
        }
        let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
        Ok(&rest[..rest.find(|character| !is_part(character)).unwrap_or(rest.len())])
    }

    fn node(&mut self, at: &Range<usize>, entries: Vec<(&'static str, Node)>) -> Read {
        self.builder.count(1);
        Read { at: at.clone(), entries }
    }

    fn string(&mut self, text: impl Into<Box<str>>, at: &Range<usize>) -> Node {
        self.builder.string(text, span(at))
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        check_nesting(self.depth, self.builder, self.at)?;
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Operators that bind as tightly as `level`, or tighter, and their operands.
    fn expression(&mut self, level: u32) -> Parsed<Read> {
        self.nested(|parser| {
            if level == 0 && parser.peek_word()? == "let" {
                return parser.declaration();
            }
            let mut left = parser.operand()?;
            while let Some((is_negated, operator)) = parser.operator(level)? {
                parser.operators += 1;
                if parser.operators > OPERATORS {
                    return parser.stop(&format!("no more than {OPERATORS} operators"));
                }
                left = parser.operation(left, is_negated, operator)?;
            }
            if level == 0 { parser.conditional(left) } else { Ok(left) }
        })
    }

    /// Takes the operator that comes next, when it binds as tightly as `level`, with the `not` before it.
    fn operator(&mut self, level: u32) -> Parsed<Option<(bool, Range<usize>)>> {
        let before = self.at;
        let mut word = self.peek_word()?;
        let is_negated = word == "not";
        if is_negated {
            self.at += word.len();
            word = self.peek_word()?;
        }
        let is_word = WORDS.contains(&word) && !(is_negated && matches!(word, "or" | "and"));
        let found = match is_word {
            true => Some(word),
            false if is_negated => None,
            false => SIGNS.into_iter().find(|sign| self.rest().starts_with(sign)),
        };
        match found.filter(|operator| precedence(operator).is_some_and(|tight| tight >= level)) {
            Some(operator) => {
                let start = self.at;
                self.at += operator.len();
                Ok(Some((is_negated, start..self.at)))
            }
            None => {
                self.at = before;
                Ok(None)
            }
        }
    }

    fn operation(&mut self, left: Read, is_negated: bool, operator: Range<usize>) -> Parsed<Read> {
        let text = &self.text[operator.clone()];
        let tight = precedence(text).unwrap_or_default();
        if text == "|" {
            let word = self.peek_word()?;
            if word.is_empty() || KEYWORDS.contains(&word) {
                return self.stop("a function");
            }
            let start = left.at.start;
            let mut call = self.call(Some(left))?;
            call.at.start = start;
            return Ok(call);
        }
        let right = self.expression(if tight == POWER { POWER } else { tight + 1 })?;
        let mut shared = (tight == COMPARISON && !is_negated).then(|| right.clone());
        let mut compared = self.binary(told(text), &operator, left, right);
        // `0 < a < 1`: the right operand is compared with what follows too.
        while let Some(left) = shared.take() {
            let before = self.at;
            let next = match self.operator(COMPARISON)? {
                Some((false, next)) if precedence(&self.text[next.clone()]) == Some(COMPARISON) => next,
                _ => {
                    self.at = before;
                    break;
                }
            };
            self.operators += 1;
            if self.operators > OPERATORS {
                return self.stop(&format!("no more than {OPERATORS} operators"));
            }
            self.builder.count(left.entries.iter().map(|(_, value)| values(value)).sum());
            let right = self.expression(COMPARISON + 1)?;
            shared = Some(right.clone());
            let second = self.binary(told(&self.text[next.clone()]), &next, left, right);
            compared = self.binary("&&", &next, compared, second);
        }
        if is_negated {
            let at = compared.at.clone();
            let name = self.string("!", &operator);
            let operands = self.builder.list(vec![compared.into_node()], span(&at));
            return Ok(self.node(&at, vec![("operator", name), ("operands", operands)]));
        }
        Ok(compared)
    }

    fn binary(&mut self, name: &str, operator: &Range<usize>, left: Read, right: Read) -> Read {
        let at = left.at.start..right.at.end;
        let name = self.string(name, operator);
        let operands = self.builder.list(vec![left.into_node(), right.into_node()], span(&at));
        self.node(&at, vec![("operator", name), ("operands", operands)])
    }

    /// `a ? b : c` and `a ?: c`, as often as they stand there.
    fn conditional(&mut self, mut condition: Read) -> Parsed<Read> {
        while self.starts_with("?")? && !self.rest().starts_with("?.") && !self.rest().starts_with("??") {
            self.operators += 1;
            if self.operators > OPERATORS {
                return self.stop(&format!("no more than {OPERATORS} operators"));
            }
            let sign = self.at..self.at + 1;
            self.at += 1;
            let accepted = match self.starts_with(":")? {
                true => None,
                false => Some(self.expression(0)?.into_node()),
            };
            self.expect(":")?;
            let refused = self.expression(0)?;
            let at = condition.at.start..refused.at.end;
            let operands = [Some(condition.into_node()), accepted, Some(refused.into_node())];
            let operands = self.builder.list(operands.into_iter().flatten().collect(), span(&at));
            let name = self.string("?:", &sign);
            condition = self.node(&at, vec![("operator", name), ("operands", operands)]);
        }
        Ok(condition)
    }

    fn declaration(&mut self) -> Parsed<Read> {
        let start = self.at;
        self.at += "let".len();
        let name = self.peek_word()?;
        if name.is_empty() || KEYWORDS.contains(&name) {
            return self.stop("the name of a variable");
        }
        let at = self.at..self.at + name.len();
        self.at += name.len();
        let variable = self.string(name, &at);
        self.expect("=")?;
        let value = self.expression(0)?.into_node();
        self.expect(";")?;
        let inner = self.expression(0)?;
        let at = start..inner.at.end;
        Ok(self.node(&at, vec![("variable", variable), ("value", value), ("in", inner.into_node())]))
    }

    /// An operand with the signs before it and the members behind it.
    fn operand(&mut self) -> Parsed<Read> {
        self.skip()?;
        let start = self.at;
        let word = self.peek_word()?;
        let (sign, tight) = match self.rest().chars().next() {
            _ if word == "not" => ("not", 50),
            Some('!') if !self.rest().starts_with("!=") => ("!", 50),
            Some('-') => ("-", 90),
            Some('+') => ("+", 90),
            _ => {
                let atom = self.atom()?;
                return self.members(atom);
            }
        };
        self.at += sign.len();
        let name = self.string(told(sign), &(start..self.at));
        let operand = self.expression(tight)?;
        let at = start..operand.at.end;
        let operands = self.builder.list(vec![operand.into_node()], span(&at));
        Ok(self.node(&at, vec![("operator", name), ("operands", operands)]))
    }

    fn atom(&mut self) -> Parsed<Read> {
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return self.stop("a value") };
        let is_number =
            first.is_ascii_digit() || first == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit());
        match first {
            _ if is_number => self.number(),
            '(' => {
                self.at += 1;
                let mut inner = self.expression(0)?;
                self.expect(")")?;
                inner.at = start..self.at;
                Ok(inner)
            }
            '"' | '\'' | '`' => {
                let text = self.quoted()?;
                let at = start..self.at;
                let text = self.string(text, &at);
                Ok(self.node(&at, vec![("string", text)]))
            }
            '[' => {
                let list = self.listed("[", "]", |parser| Ok(parser.expression(0)?.into_node()))?;
                let at = start..self.at;
                Ok(self.node(&at, vec![("list", list)]))
            }
            '{' if rest.starts_with("{{") => self.argument(),
            '{' => {
                let entries = self.listed("{", "}", Self::entry)?;
                let at = start..self.at;
                Ok(self.node(&at, vec![("entries", entries)]))
            }
            '#' if self.predicates > 0 => {
                self.at += 1;
                let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
                self.at += self.rest().find(|character| !is_part(character)).unwrap_or(self.rest().len());
                let at = start..self.at;
                let name = self.string(&self.text[at.clone()], &at);
                Ok(self.node(&at, vec![("name", name)]))
            }
            // In a predicate, `.ok` is that of the element.
            '.' if self.predicates > 0 => {
                let at = start..start;
                let name = self.string("#", &at);
                Ok(self.node(&at, vec![("name", name)]))
            }
            '#' | '.' => self.stop("a value, for no predicate is around"),
            ':' if rest.starts_with("::") => {
                self.at += 2;
                let word = self.peek_word()?;
                if word.is_empty() || KEYWORDS.contains(&word) {
                    return self.stop("a function");
                }
                self.call(None)
            }
            _ => self.named(),
        }
    }

    /// What begins with a name: a variable, a call, `true`.
    fn named(&mut self) -> Parsed<Read> {
        let word = self.peek_word()?;
        let at = self.at..self.at + word.len();
        if word.is_empty() || KEYWORDS.contains(&word) {
            return self.stop("a value");
        }
        let literal = match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "nil" => Some(Value::Null),
            _ => None,
        };
        if let Some(literal) = literal {
            self.at = at.end;
            let literal = self.builder.value(literal, span(&at));
            return Ok(self.node(&at, vec![("literal", literal)]));
        }
        self.at = at.end;
        let is_call = self.starts_with("(")?;
        self.at = if is_call { at.start } else { at.end };
        if is_call {
            return self.call(None);
        }
        let name = self.string(word, &at);
        Ok(self.node(&at, vec![("name", name)]))
    }

    /// A call from its name on; `first` is what a `|` gives it.
    fn call(&mut self, first: Option<Read>) -> Parsed<Read> {
        let name = self.peek_word()?;
        let start = self.at;
        self.at += name.len();
        let place = start..self.at;
        let mut arguments: Vec<Node> = first.map(Read::into_node).into_iter().collect();
        self.expect("(")?;
        let open = self.at - 1;
        let is_predicate = PREDICATES.contains(&name);
        while !self.eat(")")? {
            if self.at > open + 1 && !self.text[open + 1..self.at].trim().is_empty() {
                self.expect(",")?;
                if self.eat(")")? {
                    break;
                }
            }
            let argument = match is_predicate && arguments.len() == 1 {
                true => self.predicate()?,
                false => self.expression(0)?,
            };
            arguments.push(argument.into_node());
        }
        let at = start..self.at;
        let name = self.string(name, &place);
        let arguments = self.builder.list(arguments, span(&(open..self.at)));
        Ok(self.node(&at, vec![("call", name), ("arguments", arguments)]))
    }

    /// What is asked of each element, in braces or not.
    fn predicate(&mut self) -> Parsed<Read> {
        self.skip()?;
        let start = self.at;
        let is_braced = self.rest().starts_with('{') && !self.rest().starts_with("{{");
        self.at += usize::from(is_braced);
        self.predicates += 1;
        let inner = self.expression(0);
        self.predicates -= 1;
        let inner = inner?.into_node();
        if is_braced {
            self.expect("}")?;
        }
        let at = start..self.at.max(start);
        Ok(self.node(&at, vec![("predicate", inner)]))
    }

    fn entry(&mut self) -> Parsed<Node> {
        self.skip()?;
        let start = self.at;
        let key = match self.rest().chars().next() {
            Some('(') => self.atom()?,
            Some('"' | '\'' | '`') => self.atom()?,
            Some(first) if first.is_ascii_digit() => {
                let mut number = self.number()?;
                if let Some((key, _)) = number.entries.first_mut() {
                    *key = "string";
                }
                number
            }
            _ => {
                let word = self.peek_word()?;
                if word.is_empty() {
                    return self.stop("a key");
                }
                let at = self.at..self.at + word.len();
                self.at = at.end;
                let text = self.string(word, &at);
                self.node(&at, vec![("string", text)])
            }
        };
        self.expect(":")?;
        let value = self.expression(0)?;
        let at = span(&(start..value.at.end));
        Ok(self.builder.object([("key", key.into_node()), ("value", value.into_node())], at))
    }

    /// Members, indexes, slices and calls behind a value.
    fn members(&mut self, mut of: Read) -> Parsed<Read> {
        loop {
            let behind = self.at;
            self.skip()?;
            let is_optional = self.rest().starts_with("?.");
            let is_member = is_optional || self.rest().starts_with('.') && !self.rest().starts_with("..");
            // What `.` stands for in a predicate has its member behind it.
            let start = of.at.start;
            let mut entries = Vec::new();
            if is_member && !(is_optional && self.rest()[2..].trim_start().starts_with('[')) {
                self.at += 1 + usize::from(is_optional);
                let word = self.peek_word()?;
                if word.is_empty() {
                    return self.stop("a name");
                }
                let place = self.at..self.at + word.len();
                self.at = place.end;
                let name = self.string(word, &place);
                match self.starts_with("(")? {
                    true => {
                        let arguments = self.listed("(", ")", |parser| Ok(parser.expression(0)?.into_node()))?;
                        entries.extend([("call", name), ("arguments", arguments)]);
                    }
                    false => {
                        self.at = place.end;
                        entries.push(("member", name));
                    }
                }
            } else if is_optional || self.rest().starts_with('[') {
                self.at += if is_optional { 2 } else { 0 };
                self.expect("[")?;
                entries = self.index()?;
            } else {
                self.at = behind;
                return Ok(of);
            }
            if self.depth + 1 >= limits::DEPTH || entries.is_empty() {
                return Err(Stop { at: self.at, reason: format!("nested deeper than {} levels", limits::DEPTH) });
            }
            let at = start..self.at;
            entries.push(("of", of.into_node()));
            if is_optional {
                entries.push(("optional", self.builder.yes(span(&at))));
            }
            of = self.node(&at, entries);
            self.operators += 1;
            if self.operators > OPERATORS {
                return self.stop(&format!("no more than {OPERATORS} operators and members"));
            }
        }
    }

    /// What stands behind `[`, up to its `]`.
    fn index(&mut self) -> Parsed<Vec<(&'static str, Node)>> {
        let start = self.at - 1;
        let mut entries = Vec::new();
        let from = match self.starts_with(":")? {
            true => None,
            false => Some(self.expression(0)?),
        };
        if self.eat(":")? {
            entries.push(("slice", self.builder.yes(span(&(start..self.at)))));
            entries.extend(from.map(|from| ("from", from.into_node())));
            if !self.starts_with("]")? {
                entries.push(("to", self.expression(0)?.into_node()));
            }
        } else if let Some(index) = from {
            entries.push(match <[_; 1]>::try_from(index.entries) {
                Ok([("string", text)]) => ("member", text),
                Ok([only]) => ("index", Read { at: index.at, entries: vec![only] }.into_node()),
                Err(entries) => ("index", Read { at: index.at, entries }.into_node()),
            });
        }
        self.expect("]")?;
        Ok(entries)
    }

    /// `{{args.threshold}}`: Argo puts a value there before the condition is read.
    fn argument(&mut self) -> Parsed<Read> {
        let start = self.at;
        let Some(length) = self.rest().find("}}") else { return self.stop("`}}`") };
        let inner = &self.text[start + 2..start + length];
        let name = inner.trim();
        let is_name = !name.is_empty()
            && name.chars().all(|character| character.is_ascii_alphanumeric() || "._-".contains(character));
        if !is_name {
            return self.stop("the name of an argument between `{{` and `}}`");
        }
        self.at += length + 2;
        let begin = start + 2 + (inner.len() - inner.trim_start().len());
        let name = self.string(name, &(begin..begin + name.len()));
        Ok(self.node(&(start..self.at), vec![("argument", name)]))
    }

    fn number(&mut self) -> Parsed<Read> {
        let start = self.at;
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let is_prefixed =
            |letters: &[u8]| bytes.first() == Some(&b'0') && bytes.get(1).is_some_and(|b| letters.contains(b));
        let run = |from: usize, is_digit: &dyn Fn(u8) -> bool| {
            from + bytes[from..].iter().take_while(|byte| is_digit(**byte) || **byte == b'_').count()
        };
        let decimal = |byte: u8| byte.is_ascii_digit();
        let mut end = run(0, &decimal);
        if is_prefixed(b"xX") {
            end = run(2, &|byte| byte.is_ascii_hexdigit());
        } else if is_prefixed(b"oObB") {
            end = run(2, &decimal);
        } else {
            if bytes.get(end) == Some(&b'.') && bytes.get(end + 1) != Some(&b'.') {
                end = run(end + 1, &decimal);
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                end = run(end, &decimal);
            }
        }
        end = end.max(1);
        let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
        if rest[end..].starts_with(is_part) {
            return self.stop("a number");
        }
        self.at += end;
        let at = start..self.at;
        let number = self.string(&self.text[at.clone()], &at);
        Ok(self.node(&at, vec![("number", number)]))
    }

    /// What stands in brackets, with commas between, one perhaps behind the last.
    fn listed(&mut self, open: &str, close: &str, mut item: impl FnMut(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        self.expect(open)?;
        let start = self.at - open.len();
        let mut items = Vec::new();
        while !self.eat(close)? {
            if !items.is_empty() {
                self.expect(",")?;
                if self.eat(close)? {
                    break;
                }
            }
            items.push(item(self)?);
        }
        Ok(self.builder.list(items, span(&(start..self.at))))
    }

    /// A text in quotes; in backquotes nothing is escaped.
    fn quoted(&mut self) -> Parsed<String> {
        let Some(quote) = self.rest().chars().next() else { return self.stop("a text in quotes") };
        match quoted(self.rest(), &['\\', '"', '\'', '`'], true) {
            Some((text, length)) => {
                self.at += length;
                Ok(text)
            }
            None => self.stop(&format!("a closing `{quote}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn read(text: &str) -> Json {
        tree(text, &mut Builder::new(usize::MAX)).to_value()
    }

    /// An expression on one line, with brackets around every operation.
    fn outline(value: &Json) -> String {
        let list = |key: &str| {
            let items = value[key].as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().map(outline).collect::<Vec<_>>().join(", ")
        };
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let of = || outline(&value["of"]);
        let has = |key: &str| value.get(key).is_some();
        let question = if has("optional") { "?" } else { "" };
        match value {
            _ if has("operator") => format!("({} {})", text("operator"), list("operands")),
            _ if has("call") && has("of") => format!("{}{question}.{}({})", of(), text("call"), list("arguments")),
            _ if has("call") => format!("{}({})", text("call"), list("arguments")),
            _ if has("member") => format!("{}{question}.{}", of(), text("member")),
            _ if has("index") => format!("{}{question}[{}]", of(), outline(&value["index"])),
            _ if has("slice") => format!("{}[{}:{}]", of(), outline(&value["from"]), outline(&value["to"])),
            _ if has("list") => format!("[{}]", list("list")),
            _ if has("entries") => {
                let entries = value["entries"].as_array().unwrap().iter();
                let entries = entries.map(|entry| format!("{}: {}", outline(&entry["key"]), outline(&entry["value"])));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            _ if has("predicate") => format!("\\{}", outline(&value["predicate"])),
            _ if has("variable") => {
                format!("let {}={}; {}", text("variable"), outline(&value["value"]), outline(&value["in"]))
            }
            _ if has("literal") => value["literal"].to_string(),
            _ if has("argument") => format!("{{{{{}}}}}", text("argument")),
            _ if has("string") => format!("'{}'", text("string")),
            _ => format!("{}{}", text("name"), text("number")),
        }
    }

    #[test]
    fn conditions_are_read() {
        for (condition, expected) in [
            ("result[0] >= 0.95", "(>= result[0], 0.95)"),
            ("len(result) == 0 || result[0] < 5", "(|| (== len(result), 0), (< result[0], 5))"),
            ("isNaN(result[0]) or result[0]>=.9 and true", "(|| isNaN(result[0]), (&& (>= result[0], .9), true))"),
            ("default(result, 0) < {{args.threshold}}", "(< default(result, 0), {{args.threshold}})"),
            ("all(result, # > 0.95)", "all(result, \\(> #, 0.95))"),
            ("all(result, {# > 0.95})", "all(result, \\(> #, 0.95))"),
            ("any(result.items, .ok && #.n < 1)", "any(result.items, \\(&& #.ok, (< #.n, 1)))"),
            ("result.ok && result.successPercent >= 0.90", "(&& result.ok, (>= result.successPercent, 0.90))"),
            ("result['ok'] != nil", "(!= result.ok, null)"),
            ("asFloat(result.a.b[-1]) <= 1e-3", "(<= asFloat(result.a.b[(- 1)]), 1e-3)"),
            ("!isNil(result) && not isInf(result)", "(&& (! isNil(result)), (! isInf(result)))"),
            ("0 < result < 1", "(&& (< 0, result), (< result, 1))"),
            ("result not in [1, 2, 3,]", "(! (in result, [1, 2, 3]))"),
            ("result.name not matches 'a.*' || x", "(|| (! (matches result.name, 'a.*')), x)"),
            ("1 + 2 * 3 ** 4 ^ 5 - 6", "(- (+ 1, (* 2, (** 3, (** 4, 5)))), 6)"),
            ("-2 ** 2", "(- (** 2, 2))"),
            ("result?.a?.[0] ?? 1", "(?? result?.a?[0], 1)"),
            ("a ? b : c ? d : e", "(?: a, b, (?: c, d, e))"),
            ("result ?: 1", "(?: result, 1)"),
            ("result | filter(# > 0) | len() > 2", "(> len(filter(result, \\(> #, 0))), 2)"),
            ("let x = result[0]; x > 1 && x < 2", "let x=result[0]; (&& (> x, 1), (< x, 2))"),
            ("result[1:] == result[:2]", "(== result[:], result[:])"),
            ("{a: 1, 'b': [2]}.a == 1 // why\n", "(== {'a': 1, 'b': ['2']}.a, 1)"),
            ("result in 1..10 /* both */", "(in result, (.. 1, 10))"),
            ("result.trim().in == \"a\\\"b\"", "(== result.trim().in, 'a\"b')"),
            ("0xff == 1_000", "(== 0xff, 1_000)"),
        ] {
            // The slice's ends are looked at below.
            let read = read(condition);
            let read = outline(&read["expression"]).replace("[1:]", "[:]").replace("[:2]", "[:]");
            assert_eq!(read, expected.replace("['2']", "[2]"), "{condition}");
        }
        assert_eq!(
            read("result[1:]")["expression"],
            json!({"slice": true, "from": {"number": "1"}, "of": {"name": "result"}})
        );
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for condition in [
            "",
            "result >",
            "result[0 > 1",
            "# > 1",
            ".a",
            "result = 1",
            "a b",
            "len(result",
            "\"a",
            "1x",
            "{{ }} > 1",
            "{{args.a",
            "result |",
            "let x 1; x",
            "not",
            "a not or b",
            "{1 2}",
            "/* a",
            "result.",
            "a & b",
            "@",
            "all(x, #",
        ] {
            assert!(read(condition)["unread"][0]["reason"].is_string(), "{condition}");
        }
        for condition in [
            "(".repeat(10_000),
            "!".repeat(10_000),
            "a+".repeat(10_000) + "a",
            "f(".repeat(10_000),
            "a".to_owned() + &"[0]".repeat(10_000),
            "a".to_owned() + &".b".repeat(10_000),
            "a<".repeat(10_000) + "a",
            "a?".repeat(10_000),
            "[".repeat(10_000),
            "x | f()".to_owned() + &"| f()".repeat(10_000),
        ] {
            assert!(read(&condition)["unread"][0]["reason"].is_string(), "{:.20}", condition);
        }
    }

    #[test]
    fn places_are_exact() {
        let text = "len(result) > 0 && asFloat( result[0] ) >= {{ args.min }}";
        let tree = tree(text, &mut Builder::new(usize::MAX));
        let at = |path: &[&str]| {
            let mut node = &tree;
            for step in path {
                node = step.parse().map_or_else(|_| node.get(step), |at| node.item(at)).unwrap();
            }
            &text[node.span.range()]
        };
        let right = ["expression", "operands", "1"];
        assert_eq!(at(&right), "asFloat( result[0] ) >= {{ args.min }}");
        assert_eq!(at(&[&right[..], &["operator"]].concat()), ">=");
        assert_eq!(at(&[&right[..], &["operands", "0", "call"]].concat()), "asFloat");
        assert_eq!(at(&[&right[..], &["operands", "0", "arguments", "0"]].concat()), "result[0]");
        assert_eq!(at(&[&right[..], &["operands", "1"]].concat()), "{{ args.min }}");
        assert_eq!(at(&[&right[..], &["operands", "1", "argument"]].concat()), "args.min");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn places_are_in_the_text(text in "([a-c]|result|all|not|in|let|#|\\.|\\?|\\(|\\)|\\[|\\]|\\{|\\}|=|!|<|>|\"|'|`|\\+|-|\\*|/|\\^|&&|\\|\\|?|1|0x|_|e|:|;|,| |é|\\{\\{a\\}\\}|\\\\|\n){0,24}") {
            let tree = tree(&text, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
