//! The module files of Go (<https://go.dev/ref/mod#go-mod-file>), with the place of every value.
//!
//! The parsers that are published give no places.

use super::tree::{Tree, lines, range_of};
use super::{Limits, SyntaxError};
use crate::document::{Entry, Node, Span, Value};
use std::ops::Range;

/// A word with its bytes.
type Word = (String, Range<usize>);

/// Parses a module file; `path` is what it is called in the document.
///
/// # Errors
/// At the directive that is none, or when a bound is exceeded.
pub fn parse(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let mut module = Module {
        tree: Tree::new(limits),
        single: Vec::new(),
        lists: LISTS.map(|name| (name, Vec::new())),
        godebug: Vec::new(),
    };
    let mut block: Option<(String, usize)> = None;
    for (line, at) in lines(text) {
        let (words, comment) = words(line, &at)?;
        match (&block, words.as_slice()) {
            (_, []) => {}
            (Some(_), [(close, _)]) if close == ")" => block = None,
            (Some((verb, _)), _) => module.directive(&verb.clone(), words, comment, &at)?,
            (None, [(verb, _), (open, _)]) if open == "(" => block = Some((verb.clone(), at.start)),
            (None, [(_, _), (open, _), (close, _)]) if open == "(" && close == ")" => {}
            (None, [(verb, _), ..]) => {
                let verb = verb.clone();
                module.directive(&verb, words[1..].to_vec(), comment, &at)?;
            }
        }
    }
    match block {
        Some((_, start)) => Err(SyntaxError::new(start, "the block is not closed by `)`")),
        None => module.finish(path, text.len()),
    }
}

/// The directives that may be there more than once.
const LISTS: [&str; 5] = ["require", "replace", "exclude", "retract", "tool"];

struct Module<'l> {
    tree: Tree<'l>,
    /// `module`, `go`, `toolchain`.
    single: Vec<(&'static str, Node)>,
    lists: [(&'static str, Vec<Node>); LISTS.len()],
    godebug: Vec<Entry>,
}

impl Module<'_> {
    fn directive(
        &mut self,
        verb: &str,
        words: Vec<Word>,
        comment: &str,
        line: &Range<usize>,
    ) -> Result<(), SyntaxError> {
        let start = words.first().map_or(line.start, |(_, at)| at.start);
        let at = start..words.last().map_or(line.end, |(_, at)| at.end);
        let malformed = || SyntaxError::new(at.start, format!("this is no `{verb}` directive"));
        if let Some(name) = ["module", "go", "toolchain"].into_iter().find(|name| *name == verb) {
            let [(text, at)] = <[Word; 1]>::try_from(words).map_err(|_| malformed())?;
            let node = self.tree.text(text, at)?;
            self.single.push((name, node));
            return Ok(());
        }
        let tree = &mut self.tree;
        let node = match (verb, words.as_slice()) {
            ("require", [path, version]) => {
                let indirect = comment.split(';').next().unwrap_or_default().trim() == "indirect";
                let fields = [
                    ("path", Some(word(tree, path)?)),
                    ("version", Some(word(tree, version)?)),
                    ("indirect", Some(tree.node(Value::Bool(indirect), version.1.clone())?)),
                ];
                tree.record(fields, at)?
            }
            ("exclude", [path, version]) => {
                let fields = [("path", Some(word(tree, path)?)), ("version", Some(word(tree, version)?))];
                tree.record(fields, at)?
            }
            ("replace", [path, rest @ ..]) => {
                let arrow = rest.iter().position(|(word, _)| word == "=>").ok_or_else(malformed)?;
                let (before, with, after) = match (&rest[..arrow], &rest[arrow + 1..]) {
                    ([], [with]) => (None, with, None),
                    ([], [with, after]) => (None, with, Some(after)),
                    ([before], [with]) => (Some(before), with, None),
                    ([before], [with, after]) => (Some(before), with, Some(after)),
                    _ => return Err(malformed()),
                };
                let fields = [
                    ("path", Some(word(tree, path)?)),
                    ("version", before.map(|before| word(tree, before)).transpose()?),
                    ("with", Some(word(tree, with)?)),
                    ("with_version", after.map(|after| word(tree, after)).transpose()?),
                ];
                tree.record(fields, at)?
            }
            ("retract", versions) => {
                let is_version = |(word, _): &&Word| !matches!(word.as_str(), "[" | "]" | ",");
                let versions: Vec<&Word> = versions.iter().filter(is_version).collect();
                let (low, high) = match versions.as_slice() {
                    [version] => (*version, *version),
                    [low, high] => (*low, *high),
                    _ => return Err(malformed()),
                };
                interval(tree, low, high, at)?
            }
            ("tool" | "ignore", [path]) => word(tree, path)?,
            ("godebug", [(setting, at)]) => {
                let (key, value) = setting.split_once('=').ok_or_else(malformed)?;
                let value = self.tree.text(value, at.clone())?;
                self.godebug.push(Entry::new(key, Span::new(at.start, at.end), value));
                return Ok(());
            }
            _ => return Err(malformed()),
        };
        // What newer versions of Go add to the list is skipped.
        if let Some((_, list)) = self.lists.iter_mut().find(|(name, _)| *name == verb) {
            list.push(node);
        }
        Ok(())
    }

    fn finish(mut self, path: &str, length: usize) -> Result<Node, SyntaxError> {
        let path = self.tree.text(path, 0..0)?;
        let mut entries = vec![Entry::new("path", path.span, path)];
        for (name, node) in self.single {
            match entries.iter_mut().find(|entry| &*entry.key == name) {
                Some(_) => {
                    let message = format!("the directive `{name}` is given twice");
                    return Err(SyntaxError::new(node.span.start as usize, message));
                }
                None => entries.push(Entry::new(name, node.span, node)),
            }
        }
        for (name, items) in self.lists {
            let at = match (items.first(), items.last()) {
                (Some(first), Some(last)) => first.span.start as usize..last.span.end as usize,
                _ => 0..0,
            };
            let list = self.tree.list(items, at)?;
            entries.push(Entry::new(name, list.span, list));
        }
        let mut godebug: Vec<Entry> = Vec::new();
        for entry in self.godebug {
            godebug.retain(|earlier| earlier.key != entry.key);
            godebug.push(entry);
        }
        let godebug = self.tree.node(Value::Object(godebug), 0..0)?;
        entries.push(Entry::new("godebug", godebug.span, godebug));
        self.tree.node(Value::Object(entries), 0..length)
    }
}

fn word(tree: &mut Tree<'_>, (text, at): &Word) -> Result<Node, SyntaxError> {
    tree.text(text.as_str(), at.clone())
}

fn interval(tree: &mut Tree<'_>, low: &Word, high: &Word, at: Range<usize>) -> Result<Node, SyntaxError> {
    let fields = [("low", Some(word(tree, low)?)), ("high", Some(word(tree, high)?))];
    tree.record(fields, at)
}

/// The words of a line, quotes removed, and the text of its comment.
fn words<'t>(line: &'t str, at: &Range<usize>) -> Result<(Vec<Word>, &'t str), SyntaxError> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        let start = range_of(rest, line, at).start;
        let Some(first) = rest.chars().next() else { return Ok((words, "")) };
        if let Some(comment) = rest.strip_prefix("//") {
            return Ok((words, comment.trim()));
        }
        let length = match first {
            '(' | ')' | ',' | '[' | ']' => 1,
            '"' | '`' => match rest[1..].find(first) {
                Some(length) => length + 2,
                None => return Err(SyntaxError::new(start, "the string is not closed")),
            },
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '[' | ']'));
                let end = end.unwrap_or(rest.len());
                rest[..end].find("//").filter(|comment| *comment > 0).unwrap_or(end)
            }
        };
        let (word, after) = rest.split_at(length);
        words.push((word.trim_matches(['"', '`']).to_owned(), start..start + length));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::check;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn directives_and_blocks_are_read() {
        let text = "// Shop.\nmodule example.com/shop // here\n\ngo 1.24\ntoolchain go1.24.1\nrequire (\n\ta.org/x v1.2.3\n\t\
                    b.org/y v0.0.0 // indirect\n)\nrequire \"c.org/z\" v1.0.0\nreplace a.org/x v1.2.3 => ../x\nreplace b.org/y => \
                    d.org/y v2.0.0\nexclude a.org/x v1.0.0\nretract [v1.0.0, v1.1.0]\nretract v0.1.0\ntool a.org/x/cmd\n\
                    godebug default=go1.21\n";
        let root = parse(text, "go.mod", &Limits::default()).unwrap();
        assert_eq!(
            root.to_value(),
            json!({
                "path": "go.mod", "module": "example.com/shop", "go": "1.24", "toolchain": "go1.24.1",
                "require": [
                    { "path": "a.org/x", "version": "v1.2.3", "indirect": false },
                    { "path": "b.org/y", "version": "v0.0.0", "indirect": true },
                    { "path": "c.org/z", "version": "v1.0.0", "indirect": false },
                ],
                "replace": [
                    { "path": "a.org/x", "version": "v1.2.3", "with": "../x" },
                    { "path": "b.org/y", "with": "d.org/y", "with_version": "v2.0.0" },
                ],
                "exclude": [{ "path": "a.org/x", "version": "v1.0.0" }],
                "retract": [{ "low": "v1.0.0", "high": "v1.1.0" }, { "low": "v0.1.0", "high": "v0.1.0" }],
                "tool": ["a.org/x/cmd"], "godebug": { "default": "go1.21" },
            })
        );
        check(&root, text);
        assert_eq!(&text[root.get("require").unwrap().items()[1].get("version").unwrap().span.range()], "v0.0.0");
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        let error = |text: &str| parse(text, "go.mod", &Limits::default()).unwrap_err();
        assert_eq!(error("module a\nrequire b\n").at, 17);
        assert!(error("require (\n a v1\n").message.contains("not closed"));
        assert!(error("go 1.1\ngo 1.2\n").message.contains("twice"));
        let few = Limits { nodes: 3, ..Limits::default() };
        assert!(parse("module a\ngo 1\n", "go.mod", &few).unwrap_err().message.contains("limit `nodes`"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "((module|go|require|replace|retract|godebug|[(]|[)]|=>|//|[\\[,\\]\"]|v1|a=b|€)[ \\n]){0,12}") {
            if let Ok(root) = parse(&text, "go.mod", &Limits::default()) {
                check(&root, &text);
            }
        }
    }
}
