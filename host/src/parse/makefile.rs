//! Makefiles as GNU make reads their lines, with the place of every value. Nothing is expanded.

use super::tree::{Tree, lines, range_of};
use super::{Limits, SyntaxError};
use crate::document::Node;
use std::ops::Range;

/// A text put together from one line or several, and the bytes from its first to its last.
type Text = (String, Range<usize>);

/// Parses a makefile; `path` is what it is called in the document.
///
/// # Errors
/// When a bound is exceeded. What is neither a variable nor a rule is skipped.
pub fn parse(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let mut tree = Tree::new(limits);
    let (mut variables, mut rules): (Vec<Node>, Vec<Rule>) = (Vec::new(), Vec::new());
    let mut logical = Logical { lines: lines(text).collect(), at: 0 };
    while let Some(line) = logical.next() {
        if line.0.starts_with('\t') && !rules.is_empty() {
            if let Some(rule) = rules.last_mut() {
                rule.recipe.push((line.0[1..].to_owned(), line.1.start + 1..line.1.end));
            }
            continue;
        }
        let content = without_comment(&line.0);
        let words = content.trim_start();
        if let Some(name) = ["define ", "override define "].iter().find_map(|define| words.strip_prefix(define)) {
            variables.push(logical.definition(name, &line, &mut tree)?);
        } else if let Some(variable) = variable(content, &line, &mut tree)? {
            variables.push(variable);
        } else if let Some(rule) = Rule::of(content, &line) {
            rules.push(rule);
        }
    }
    let rules = rules.into_iter().map(|rule| rule.node(&mut tree)).collect::<Result<Vec<_>, _>>()?;
    let path = tree.text(path, 0..0)?;
    let variables = tree.list(variables, 0..text.len())?;
    let rules = tree.list(rules, 0..text.len())?;
    tree.record([("path", Some(path)), ("variables", Some(variables)), ("rules", Some(rules))], 0..text.len())
}

/// The lines of a makefile, joined where a backslash ends them.
struct Logical<'t> {
    lines: Vec<(&'t str, Range<usize>)>,
    at: usize,
}

impl Logical<'_> {
    fn next(&mut self) -> Option<Text> {
        let (first, at) = self.lines.get(self.at)?.clone();
        self.at += 1;
        let (mut text, mut end) = (first.to_owned(), at.end);
        let is_recipe = first.starts_with('\t');
        while text.ends_with('\\') && !text.ends_with("\\\\") {
            let Some((line, at)) = self.lines.get(self.at) else { break };
            self.at += 1;
            end = at.end;
            if is_recipe {
                // The shell sees the backslash and the line break.
                text.push('\n');
                text.push_str(line.strip_prefix('\t').unwrap_or(line));
            } else {
                text.pop();
                text.truncate(text.trim_end().len());
                text.push(' ');
                text.push_str(line.trim_start());
            }
        }
        Some((text, at.start..end))
    }

    /// The variable that `define` begins, up to `endef`.
    fn definition(&mut self, name: &str, line: &Text, tree: &mut Tree<'_>) -> Result<Node, SyntaxError> {
        let start = self.at;
        let is_end = |line: &str| line.split_whitespace().next() == Some("endef");
        while self.lines.get(self.at).is_some_and(|(line, _)| !is_end(line)) {
            self.at += 1;
        }
        let body = &self.lines[start..self.at];
        let value: Vec<&str> = body.iter().map(|(line, _)| *line).collect();
        let at = match (body.first(), body.last()) {
            (Some((_, first)), Some((_, last))) => first.start..last.end,
            _ => line.1.end..line.1.end,
        };
        self.at = (self.at + 1).min(self.lines.len());
        let name = name.trim().trim_end_matches(['=', ':', '?', '+', '!']).trim_end();
        named(tree, (name.to_owned(), line.1.clone()), "define", (value.join("\n"), at))
    }
}

/// A line up to its comment; `\#` begins none.
fn without_comment(line: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| !line[..*at].ends_with('\\');
    line.match_indices('#').find(begins).map_or(line, |(at, _)| &line[..at])
}

/// Operators of variables, the longer ones first.
const OPERATORS: [&str; 7] = [":::=", "::=", ":=", "?=", "+=", "!=", "="];

fn variable(content: &str, line: &Text, tree: &mut Tree<'_>) -> Result<Option<Node>, SyntaxError> {
    let Some(equals) = outside_of_references(content).find(|(_, byte)| *byte == b'=').map(|(at, _)| at) else {
        return Ok(None);
    };
    let is_operator = |operator: &&&str| content[..=equals].ends_with(**operator);
    let Some(operator) = OPERATORS.iter().find(is_operator) else { return Ok(None) };
    let mut name = content[..equals + 1 - operator.len()].trim();
    while let Some(rest) = ["export ", "override ", "private "].iter().find_map(|word| name.strip_prefix(word)) {
        name = rest.trim_start();
    }
    // `target: NAME = value` belongs to the target.
    if name.is_empty() || name.contains(char::is_whitespace) || name.contains(':') {
        return Ok(None);
    }
    let value = content[equals + 1..].trim();
    let place = |part: &str| match line.0.len() == line.1.len() {
        true => range_of(part, content, &line.1),
        false => line.1.clone(),
    };
    let value_at = place(value);
    named(tree, (name.to_owned(), place(name)), operator, (value.to_owned(), value_at)).map(Some)
}

fn named(tree: &mut Tree<'_>, name: Text, operator: &str, value: Text) -> Result<Node, SyntaxError> {
    let at = name.1.start..value.1.end.max(name.1.end);
    let fields = [
        ("name", Some(tree.text(name.0, name.1.clone())?)),
        ("operator", Some(tree.text(operator, name.1)?)),
        ("value", Some(tree.text(value.0, value.1)?)),
    ];
    tree.record(fields, at)
}

/// The bytes of a line that stand in no `$(…)` or `${…}`.
fn outside_of_references(line: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut open: Vec<u8> = Vec::new();
    let mut before = 0;
    line.bytes().enumerate().filter(move |(_, byte)| {
        let opens = before == b'$' && matches!(byte, b'(' | b'{') || !open.is_empty() && matches!(byte, b'(' | b'{');
        before = *byte;
        if opens {
            open.push(if *byte == b'(' { b')' } else { b'}' });
        } else if open.last() == Some(byte) {
            open.pop();
            return false;
        }
        open.is_empty()
    })
}

/// A rule with the words of its line and its recipe.
struct Rule {
    at: Range<usize>,
    targets: Vec<Text>,
    prerequisites: Vec<Text>,
    recipe: Vec<Text>,
}

impl Rule {
    fn of(content: &str, line: &Text) -> Option<Self> {
        let colon = outside_of_references(content).find(|(_, byte)| *byte == b':').map(|(at, _)| at)?;
        let behind = content[colon + 1..].trim_start_matches([':', '&']);
        let (prerequisites, first) = match outside_of_references(behind).find(|(_, byte)| *byte == b';') {
            Some((at, _)) => (&behind[..at], Some(behind[at + 1..].trim())),
            None => (behind, None),
        };
        let is_whole = line.0.len() == line.1.len();
        let texts = |part: &str| -> Vec<Text> {
            let place = |word: &str| if is_whole { range_of(word, content, &line.1) } else { line.1.clone() };
            part.split_whitespace().map(|word| (word.to_owned(), place(word))).collect()
        };
        let targets = texts(content[..colon].trim_end_matches('&'));
        // A variable of a target is no rule.
        let is_rule = !targets.is_empty() && !outside_of_references(prerequisites).any(|(_, byte)| byte == b'=');
        let recipe = first.into_iter().flat_map(|command| {
            let at = if is_whole { range_of(command, content, &line.1) } else { line.1.clone() };
            [(command.to_owned(), at)]
        });
        is_rule.then(|| Self {
            at: line.1.clone(),
            targets,
            prerequisites: texts(prerequisites),
            recipe: recipe.collect(),
        })
    }

    fn node(self, tree: &mut Tree<'_>) -> Result<Node, SyntaxError> {
        let end = self.recipe.last().map_or(self.at.end, |(_, at)| at.end);
        let mut list = |texts: Vec<Text>| {
            let at = match (texts.first(), texts.last()) {
                (Some((_, first)), Some((_, last))) => first.start..last.end,
                _ => self.at.clone(),
            };
            let nodes = texts.into_iter().map(|(text, at)| tree.text(text, at)).collect::<Result<Vec<_>, _>>()?;
            tree.list(nodes, at)
        };
        let targets = list(self.targets)?;
        let prerequisites = list(self.prerequisites)?;
        let recipe = list(self.recipe)?;
        let fields = [("targets", Some(targets)), ("prerequisites", Some(prerequisites)), ("recipe", Some(recipe))];
        tree.record(fields, self.at.start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;
    use proptest::prelude::*;
    use serde_json::json;

    fn parsed(text: &str) -> Node {
        let root = parse(text, "Makefile", &Limits::default()).unwrap();
        check(&root, text);
        root
    }

    #[test]
    fn variables_and_rules_are_read() {
        let text = "# a\nVERSION ?= 1.0 # b\nexport FLAGS := -a \\\n  -b\nIMAGE = r/$(NAME:a=b):$(VERSION)\n\nall: build test ## c\n\
                    .PHONY: all\nbuild test: $(SRC) | dir ; echo first\n\t@docker build \\\n\t  -t $(IMAGE) .\n\t-push\n\
                    ifdef CI\nci: X = 1\nendif\ndefine TEXT\na: b\n\tc\nendef\n%.o: %.c\n\tcc $<\n";
        let root = parsed(text);
        assert_eq!(
            root.to_value(),
            json!({
                "path": "Makefile",
                "variables": [
                    { "name": "VERSION", "operator": "?=", "value": "1.0" },
                    { "name": "FLAGS", "operator": ":=", "value": "-a -b" },
                    { "name": "IMAGE", "operator": "=", "value": "r/$(NAME:a=b):$(VERSION)" },
                    { "name": "TEXT", "operator": "define", "value": "a: b\n\tc" },
                ],
                "rules": [
                    { "targets": ["all"], "prerequisites": ["build", "test"], "recipe": [] },
                    { "targets": [".PHONY"], "prerequisites": ["all"], "recipe": [] },
                    {
                        "targets": ["build", "test"], "prerequisites": ["$(SRC)", "|", "dir"],
                        "recipe": ["echo first", "@docker build \\\n  -t $(IMAGE) .", "-push"],
                    },
                    { "targets": ["%.o"], "prerequisites": ["%.c"], "recipe": ["cc $<"] },
                ],
            })
        );
        let first = &root.get("variables").unwrap().items()[0];
        assert_eq!(&text[first.get("value").unwrap().span.range()], "1.0");
        let build = &root.get("rules").unwrap().items()[2];
        assert_eq!(&text[build.get("prerequisites").unwrap().items()[0].span.range()], "$(SRC)");
    }

    #[test]
    fn bounds_are_kept() {
        let few = Limits { nodes: 5, ..Limits::default() };
        assert!(parse("a: b\n\tc\n", "Makefile", &few).unwrap_err().message.contains("limit `nodes`"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "((a|define x|endef|:|:=|::=|!=|=|[$][(]|[)]|#|\\\\|;|€|&)[ \\n\\t]?){0,20}") {
            parsed(&text);
        }
    }
}
