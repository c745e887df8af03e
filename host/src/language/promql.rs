//! PromQL (`:promql`): queries of recording rules, alerts, dashboards and scalers.
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
//! { "metric": "http_requests_total", "matchers": [ { "label": "job", "operator": "=~", "value": "a|b" } ] }
//! { "call": "rate", "arguments": [ EXPRESSION … ] }
//! { "aggregation": "sum", "by": [ "job" ], "without": [ … ], "arguments": [ EXPRESSION … ] }
//! { "operator": "/", "operands": [ EXPRESSION, EXPRESSION ], "bool": true, "on": [ … ], "ignoring": [ … ],
//!   "group": "left", "include": [ … ] }         `-` and `+` alone have one operand
//! { "number": "0.5" }     { "string": "…" }
//! ```
//!
//! with `"range": "5m"` for `[5m]`, `"step": "1m"` beside it for the `[5m:1m]` of a subquery (empty for `[5m:]`),
//! `"offset": "1h"` and `"at": "start()"`, all as they are written. `metric` is absent where only labels select. Names of
//! labels and metrics are texts at their place. Brackets leave no trace.
//!
//! By ours, since promql-parser tells no places and brings two parser generators.

use super::build::{Builder, span};
use super::reader::{OPERATORS, Parsed, Read, Stop, check_nesting, quoted, tree_of};
use crate::document::Node;
use std::ops::Range;

/// Operators by how tightly they bind, the loosest first.
const BINARY: [&[&str]; 6] =
    [&["or"], &["and", "unless"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%", "atan2"], &["^"]];
/// Of these the left operand is what is right of the operator before: `2 ^ 3 ^ 2`.
const POWER: usize = 5;
const AGGREGATIONS: [&str; 14] = [
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "count_values",
    "quantile",
    "limitk",
    "limit_ratio",
];

/// The tree of a query.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let mut parser = Parser { text, at: 0, depth: 0, operators: 0, builder };
    let read = parser.expression(0).and_then(|read| {
        parser.skip();
        if parser.at < text.len() { parser.stop("an operator or the end") } else { Ok(read) }
    });
    tree_of(read, text, builder)
}

struct Parser<'t, 'b> {
    text: &'t str,
    at: usize,
    depth: usize,
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
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let length = match rest.as_bytes().first() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => 1,
                Some(b'#') => rest.find('\n').unwrap_or(rest.len()),
                _ => return,
            };
            self.at += length;
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.eat(text) { Ok(()) } else { self.stop(&format!("`{text}`")) }
    }

    /// The name that comes next; empty where none does.
    fn peek_name(&mut self) -> &'t str {
        self.skip();
        let rest = self.rest();
        if rest.starts_with(|first: char| first.is_ascii_digit()) {
            return "";
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
        &rest[..rest.bytes().take_while(|byte| is_name(*byte)).count()]
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let name = self.peek_name();
        let found = name.eq_ignore_ascii_case(word);
        self.at += if found { name.len() } else { 0 };
        found
    }

    fn string(&mut self, text: impl Into<Box<str>>, at: Range<usize>) -> Node {
        self.builder.string(text, span(&at))
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        check_nesting(self.depth, self.builder, self.at)?;
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Operators that bind as tightly as `level`, or tighter, and their operands.
    fn expression(&mut self, level: usize) -> Parsed<Read> {
        self.nested(|parser| {
            let mut left = parser.unary()?;
            while let Some((found, operator)) = parser.operator(level) {
                parser.operators += 1;
                if parser.operators > OPERATORS {
                    return parser.stop(&format!("no more than {OPERATORS} operators"));
                }
                left = parser.operation(left, found, operator)?;
            }
            Ok(left)
        })
    }

    /// Takes the operator that comes next, when it binds as tightly as `level`.
    fn operator(&mut self, level: usize) -> Option<(usize, Range<usize>)> {
        let name = self.peek_name();
        let rest = self.rest();
        let is_next = |operator: &str| match operator.starts_with(|first: char| first.is_alphabetic()) {
            true => name.eq_ignore_ascii_case(operator),
            false => rest.starts_with(operator),
        };
        let levels = BINARY.iter().enumerate().skip(level);
        let (found, length) = levels
            .flat_map(|(at, operators)| operators.iter().map(move |operator| (at, *operator)))
            .find_map(|(at, operator)| is_next(operator).then_some((at, operator.len())))?;
        let start = self.at;
        self.at += length;
        Some((found, start..self.at))
    }

    fn operation(&mut self, left: Read, level: usize, operator: Range<usize>) -> Parsed<Read> {
        let mut entries = Vec::new();
        if self.eat_word("bool") {
            entries.push(("bool", self.builder.yes(span(&operator))));
        }
        for word in ["on", "ignoring"] {
            if self.eat_word(word) {
                entries.push((if word == "on" { "on" } else { "ignoring" }, self.labels()?));
            }
        }
        for (word, side) in [("group_left", "left"), ("group_right", "right")] {
            let start = self.at;
            if self.eat_word(word) {
                entries.push(("group", self.string(side, start..self.at)));
                self.skip();
                if self.rest().starts_with('(') {
                    entries.push(("include", self.labels()?));
                }
            }
        }
        let right = self.expression(if level == POWER { level } else { level + 1 })?;
        let at = left.at.start..right.at.end;
        let name = self.string(self.text[operator.clone()].to_ascii_lowercase(), operator);
        let operands = self.builder.list(vec![left.into_node(), right.into_node()], span(&at));
        self.builder.count(1);
        entries.splice(0..0, [("operator", name), ("operands", operands)]);
        Ok(Read { at, entries })
    }

    fn unary(&mut self) -> Parsed<Read> {
        self.skip();
        let start = self.at;
        if !self.rest().starts_with(['-', '+']) {
            let atom = self.atom()?;
            return self.modifiers(atom);
        }
        self.at += 1;
        let operator = self.string(&self.text[start..self.at], start..self.at);
        // As in Prometheus, `-1 ^ 2` is `-(1 ^ 2)`.
        let operand = self.expression(POWER)?;
        let at = start..operand.at.end;
        let operands = self.builder.list(vec![operand.into_node()], span(&at));
        self.builder.count(1);
        Ok(Read { at, entries: vec![("operator", operator), ("operands", operands)] })
    }

    fn atom(&mut self) -> Parsed<Read> {
        let start = self.at;
        self.builder.count(1);
        match self.rest().chars().next() {
            Some('(') => {
                self.at += 1;
                let mut inner = self.expression(0)?;
                self.expect(")")?;
                inner.at = start..self.at;
                Ok(inner)
            }
            Some('{') => {
                let matchers = self.matchers()?;
                Ok(Read { at: start..self.at, entries: vec![("matchers", matchers)] })
            }
            Some('"' | '\'' | '`') => {
                let text = self.quoted()?;
                let text = self.string(text, start..self.at);
                Ok(Read { at: start..self.at, entries: vec![("string", text)] })
            }
            Some(first) if first.is_ascii_digit() || first == '.' => {
                let is_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
                let mut length = self.rest().find(|c| !is_number(c)).unwrap_or(self.rest().len());
                // The sign of an exponent.
                let head = &self.rest()[..length];
                if head.ends_with(['e', 'E'])
                    && !head.starts_with("0x")
                    && self.rest()[length..].starts_with(['-', '+'])
                {
                    let digits = self.rest()[length + 1..].bytes().take_while(u8::is_ascii_digit).count();
                    length += 1 + digits;
                }
                self.at += length;
                let number = self.string(&self.text[start..self.at], start..self.at);
                Ok(Read { at: start..self.at, entries: vec![("number", number)] })
            }
            _ => self.named(),
        }
    }

    /// What begins with a name: a metric, a function, an aggregation, a number such as `Inf`.
    fn named(&mut self) -> Parsed<Read> {
        let name = self.peek_name();
        let start = self.at;
        if name.is_empty() {
            return self.stop("a metric, a function, a number or a text");
        }
        self.at += name.len();
        let place = start..self.at;
        if let Some(aggregation) = AGGREGATIONS.iter().find(|known| name.eq_ignore_ascii_case(known)) {
            let mut entries = vec![("aggregation", self.string(*aggregation, place))];
            entries.extend(self.grouping()?);
            entries.push(("arguments", self.arguments()?));
            if entries.len() == 2 {
                entries.extend(self.grouping()?);
            }
            return Ok(Read { at: start..self.at, entries });
        }
        self.skip();
        if self.rest().starts_with('(') {
            let entries = vec![("call", self.string(name, place)), ("arguments", self.arguments()?)];
            return Ok(Read { at: start..self.at, entries });
        }
        if name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("nan") {
            return Ok(Read { at: place.clone(), entries: vec![("number", self.string(name, place))] });
        }
        let mut end = place.end;
        let mut entries = vec![("metric", self.string(name, place))];
        if self.rest().starts_with('{') {
            entries.push(("matchers", self.matchers()?));
            end = self.at;
        }
        Ok(Read { at: start..end, entries })
    }

    /// `[5m]`, `[5m:1m]`, `offset 5m` and `@ start()`, in any order.
    fn modifiers(&mut self, mut read: Read) -> Parsed<Read> {
        loop {
            self.skip();
            if self.rest().starts_with('[') {
                let Some(length) = self.rest().find(']') else { return self.stop("`]`") };
                let inner = self.at + 1..self.at + length;
                let text = &self.text[inner.clone()];
                let (range, step) = text.split_once(':').map_or((text, None), |(range, step)| (range, Some(step)));
                if range.trim().is_empty() || text.contains(['(', '{', '"']) {
                    return self.stop("`[`, a duration and `]`");
                }
                read.entries.push(("range", self.string(range.trim(), inner.clone())));
                read.entries.extend(step.map(|step| ("step", self.string(step.trim(), inner))));
                self.at += length + 1;
            } else if self.eat_word("offset") {
                self.skip();
                let start = self.at;
                self.at += usize::from(self.rest().starts_with(['-', '+']));
                let is_duration = |c: char| c.is_ascii_alphanumeric() || matches!(c, '$' | '_' | '{' | '}' | '.');
                self.at += self.rest().find(|c| !is_duration(c)).unwrap_or(self.rest().len());
                if self.at == start {
                    return self.stop("a duration");
                }
                read.entries.push(("offset", self.string(&self.text[start..self.at], start..self.at)));
            } else if self.eat("@") {
                self.skip();
                let start = self.at;
                let is_time = |c: char| c.is_ascii_alphanumeric() || matches!(c, '(' | ')' | '.' | '-' | '+');
                self.at += self.rest().find(|c| !is_time(c)).unwrap_or(self.rest().len());
                read.entries.push(("at", self.string(&self.text[start..self.at], start..self.at)));
            } else {
                return Ok(read);
            }
            read.at.end = self.at;
        }
    }

    fn grouping(&mut self) -> Parsed<Option<(&'static str, Node)>> {
        for key in ["by", "without"] {
            if self.eat_word(key) {
                return Ok(Some((if key == "by" { "by" } else { "without" }, self.labels()?)));
            }
        }
        Ok(None)
    }

    /// What stands in brackets, with commas between, one perhaps behind the last.
    fn listed(&mut self, open: &str, close: &str, mut item: impl FnMut(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        self.expect(open)?;
        let start = self.at - open.len();
        let mut items = Vec::new();
        while !self.eat(close) {
            if !items.is_empty() {
                self.expect(",")?;
                if self.eat(close) {
                    break;
                }
            }
            items.push(item(self)?);
        }
        Ok(self.builder.list(items, span(&(start..self.at))))
    }

    fn arguments(&mut self) -> Parsed<Node> {
        self.listed("(", ")", |parser| parser.expression(0).map(Read::into_node))
    }

    fn labels(&mut self) -> Parsed<Node> {
        self.listed("(", ")", Self::label)
    }

    fn label(&mut self) -> Parsed<Node> {
        let name = self.peek_name();
        let start = self.at;
        if self.rest().starts_with(['"', '\'', '`']) {
            let text = self.quoted()?;
            return Ok(self.string(text, start..self.at));
        }
        if name.is_empty() {
            return self.stop("the name of a label");
        }
        self.at += name.len();
        Ok(self.string(name, start..self.at))
    }

    fn matchers(&mut self) -> Parsed<Node> {
        self.listed("{", "}", |parser| {
            parser.skip();
            let start = parser.at;
            let label = parser.label()?;
            parser.skip();
            let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| parser.rest().starts_with(operator));
            let Some(operator) = operator else {
                if !parser.text[start..].starts_with(['"', '\'', '`']) {
                    return parser.stop("`=`, `!=`, `=~` or `!~`");
                }
                // A metric's name in quotes.
                let name = parser.string("__name__", start..parser.at);
                let equals = parser.string("=", start..parser.at);
                let entries = [("label", name), ("operator", equals), ("value", label)];
                return Ok(parser.builder.object(entries, span(&(start..parser.at))));
            };
            let at = parser.at;
            parser.at += operator.len();
            let operator = parser.string(operator, at..parser.at);
            parser.skip();
            let at = parser.at;
            let value = parser.quoted()?;
            let value = parser.string(value, at..parser.at);
            let entries = [("label", label), ("operator", operator), ("value", value)];
            Ok(parser.builder.object(entries, span(&(start..parser.at))))
        })
    }

    /// A text in quotes; in backquotes nothing is escaped.
    fn quoted(&mut self) -> Parsed<String> {
        let Some(quote) = self.rest().chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`')) else {
            return self.stop("a text in quotes");
        };
        match quoted(self.rest(), &['\\', '"', '\''], false) {
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
    use serde_json::{Value, json};

    fn read(text: &str) -> Value {
        tree(text, &mut Builder::new(usize::MAX)).to_value()
    }

    /// An expression on one line, with brackets around every operation.
    fn outline(value: &Value) -> String {
        let list = |key: &str| {
            value[key]
                .as_array()
                .map(|items| items.iter().map(outline).collect::<Vec<_>>().join(", "))
                .unwrap_or_default()
        };
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let mut out = match value {
            Value::String(text) => text.clone(),
            _ if value.get("operator").is_some() && value.get("operands").is_some() => {
                format!("({} {})", text("operator"), list("operands"))
            }
            _ if value.get("call").is_some() => format!("{}({})", text("call"), list("arguments")),
            _ if value.get("aggregation").is_some() => format!("{}({})", text("aggregation"), list("arguments")),
            _ => format!("{}{}{}", text("metric"), text("number"), text("string")),
        };
        for key in ["range", "step", "offset", "at"] {
            if value.get(key).is_some() {
                out += &format!(" {key}={}", text(key));
            }
        }
        out
    }

    #[test]
    fn queries_are_read() {
        for (query, expected) in [
            ("up", "up"),
            ("rate(http_requests_total{job=\"a\"}[5m])", "rate(http_requests_total range=5m)"),
            ("a + b * c ^ d ^ e", "(+ a, (* b, (^ c, (^ d, e))))"),
            ("a - b - c", "(- (- a, b), c)"),
            ("-1 ^ 2 + 3", "(+ (- (^ 1, 2)), 3)"),
            ("a or b and c unless d == bool 1", "(or a, (unless (and b, c), (== d, 1)))"),
            ("sum by (job, pod) (rate(x[1m])) / on(job) group_left(team) y", "(/ sum(rate(x range=1m)), y)"),
            ("topk(3, sum(x) without (pod))", "topk(3, sum(x))"),
            (
                "max_over_time(rate(x[5m])[1h:30s] offset 5m)",
                "max_over_time(rate(x range=5m) range=1h step=30s offset=5m)",
            ),
            ("x @ end() offset -1h", "x offset=-1h at=end()"),
            ("rate(x[$__rate_interval])", "rate(x range=$__rate_interval)"),
            ("# a comment\nhistogram_quantile(0.99, x) > 1e-3", "(> histogram_quantile(0.99, x), 1e-3)"),
            ("absent(up{job=~'a|b',}) == 1 or vector(Inf)", "(or (== absent(up), 1), vector(Inf))"),
        ] {
            assert_eq!(outline(&read(query)["expression"]), expected, "{query}");
        }
        let selector = read("{__name__=~\"a.*\", job!='b\\'c'}")["expression"].clone();
        assert_eq!(selector["matchers"][1], json!({"label": "job", "operator": "!=", "value": "b'c"}));
        let division = read("sum by (job, pod) (x) / on(job) group_left(team) y")["expression"].clone();
        assert_eq!(division["on"], json!(["job"]));
        assert_eq!((&division["group"], &division["include"]), (&json!("left"), &json!(["team"])));
        assert_eq!(division["operands"][0]["by"], json!(["job", "pod"]));
    }

    #[test]
    fn what_is_no_query_is_told() {
        for query in
            ["", "a +", "rate(x[5m]", "x{job}", "x{job=a}", "a b", "sum by job (x)", "$metric", "x['5m'", "\"a"]
        {
            assert!(read(query)["unread"][0]["reason"].is_string(), "{query}");
        }
        for query in ["(".repeat(10_000), "-".repeat(10_000), "a+".repeat(10_000) + "a", "sum(".repeat(10_000)] {
            assert!(read(&query)["unread"][0]["reason"].is_string());
        }
    }

    proptest! {
        #[test]
        fn places_are_in_the_text(text in "([a-c]|sum|by|offset|on|\\(|\\)|\\[|\\]|\\{|\\}|=|~|!|\"|'|\\+|-|\\^|1|5m|:|,|@| |é|#|\n){0,24}") {
            let tree = tree(&text, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
