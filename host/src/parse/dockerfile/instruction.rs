//! One instruction into its node, and what the stages need to know of it.

use super::arguments::{self, Flag, Pair};
use super::json::{self, Exec};
use super::lines::{Line, Reader};
use super::{Budget, heredoc, shell};
use crate::document::{Entry, Node, Span, Value};
use crate::parse::SyntaxError;
use std::collections::HashMap;
use std::ops::Range;

/// A variable that an `ARG` or `ENV` sets.
pub(super) struct Definition {
    pub name: String,
    pub name_span: Span,
    /// The value as written, quotes and variables included.
    pub value: Option<String>,
    pub value_span: Span,
}

/// What a `FROM` says.
pub(super) struct Base {
    pub image: (String, Span),
    pub name: Option<(String, Span)>,
    pub platform: Option<(String, Span)>,
}

/// A parsed instruction.
pub(super) struct Instruction {
    /// The keyword in upper case.
    pub keyword: String,
    pub keyword_span: Span,
    pub node: Node,
    pub definitions: Vec<Definition>,
    /// Names or numbers of stages that files are taken from.
    pub reads: Vec<String>,
    /// Present for `FROM`.
    pub base: Option<Base>,
}

/// Parses one logical line; reads the heredocs it opens.
pub(super) fn parse(
    reader: &mut Reader<'_>,
    mut line: Line,
    budget: &mut Budget<'_>,
) -> Result<Instruction, SyntaxError> {
    let whole = arguments::trim(&line.text, 0..line.text.len());
    Builder::new(reader, &mut line, budget, whole)?.build(false)
}

struct Builder<'b, 'r, 'l> {
    reader: &'b mut Reader<'r>,
    line: &'b mut Line,
    budget: &'b mut Budget<'l>,
    whole: Range<usize>,
    keyword: String,
    keyword_span: Span,
    flags: Vec<Flag>,
    arguments: Range<usize>,
    entries: Vec<Entry>,
    definitions: Vec<Definition>,
    reads: Vec<String>,
    base: Option<Base>,
}

impl<'b, 'r, 'l> Builder<'b, 'r, 'l> {
    fn new(
        reader: &'b mut Reader<'r>,
        line: &'b mut Line,
        budget: &'b mut Budget<'l>,
        whole: Range<usize>,
    ) -> Result<Self, SyntaxError> {
        let (keyword, rest) = arguments::split_first(&line.text, whole.clone());
        let rest = rest.unwrap_or(whole.end..whole.end);
        let (flags, start) = arguments::flags(&line.text, rest.clone());
        Ok(Self {
            keyword: line.text[keyword.clone()].to_ascii_uppercase(),
            keyword_span: line.span(&keyword),
            arguments: arguments::trim(&line.text, start..rest.end),
            flags,
            reader,
            line,
            budget,
            whole,
            entries: Vec::new(),
            definitions: Vec::new(),
            reads: Vec::new(),
            base: None,
        })
    }

    fn build(mut self, nested: bool) -> Result<Instruction, SyntaxError> {
        if nested && matches!(self.keyword.as_str(), "ONBUILD" | "FROM" | "MAINTAINER") {
            return Err(self.error(format!("{} is not allowed as an ONBUILD trigger", self.keyword)));
        }
        let keyword = self.string(self.keyword.clone(), self.keyword_span)?;
        self.put("instruction", keyword);
        self.put_flags()?;
        match self.keyword.as_str() {
            "RUN" | "CMD" | "ENTRYPOINT" | "SHELL" => self.command_or_exec(self.arguments.clone())?,
            "COPY" | "ADD" | "VOLUME" => self.files()?,
            "ENV" | "LABEL" | "ARG" => self.pairs()?,
            "EXPOSE" | "USER" | "WORKDIR" | "STOPSIGNAL" | "MAINTAINER" => self.plain()?,
            "HEALTHCHECK" => self.healthcheck()?,
            "ONBUILD" => self.onbuild()?,
            "FROM" => self.from()?,
            "" => return Err(SyntaxError::new(self.line.end, "a line continuation continues nothing")),
            _ => return Err(self.error(format!("unknown instruction `{}`", self.keyword))),
        }
        self.finish()
    }

    /// Adds the verbatim text, whose end is known only once heredocs are read.
    fn finish(mut self) -> Result<Instruction, SyntaxError> {
        let start = self.keyword_span.start as usize;
        let span = Span::new(start, self.line.end);
        let source = self.string(self.reader.text[start..self.line.end].to_owned(), span)?;
        self.entries.insert(1, Entry::new("source", self.keyword_span, source));
        self.budget.take(1, start)?;
        Ok(Instruction {
            node: Node::new(Value::Object(self.entries), span),
            keyword: self.keyword,
            keyword_span: self.keyword_span,
            definitions: self.definitions,
            reads: self.reads,
            base: self.base,
        })
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.keyword_span.start as usize, message)
    }

    fn string(&mut self, text: impl Into<Box<str>>, span: Span) -> Result<Node, SyntaxError> {
        self.budget.take(1, span.start as usize)?;
        Ok(Node::string(text, span))
    }

    /// A string that is written at a range of the line.
    fn slice(&mut self, range: Range<usize>) -> Result<Node, SyntaxError> {
        let span = self.line.span(&range);
        self.string(self.line.text[range].to_owned(), span)
    }

    fn array(&mut self, items: Vec<Node>, range: &Range<usize>) -> Result<Node, SyntaxError> {
        let span = self.line.span(range);
        self.budget.take(1, span.start as usize)?;
        Ok(Node::new(Value::Array(items), span))
    }

    fn put(&mut self, key: &str, value: Node) {
        self.entries.push(Entry::new(key, self.keyword_span, value));
    }

    fn put_flags(&mut self) -> Result<(), SyntaxError> {
        let flags = std::mem::take(&mut self.flags);
        let (Some(first), Some(last)) = (flags.first(), flags.last()) else { return Ok(()) };
        let all = first.range.start..last.range.end;
        let mut named: Vec<(String, Range<usize>, Vec<Node>)> = Vec::new();
        let mut places = HashMap::new();
        for flag in flags {
            let reads = ["COPY", "ADD"].contains(&self.keyword.as_str()) && flag.name == "from";
            if reads {
                self.reads.push(flag.value.clone());
            }
            if self.keyword == "RUN" && flag.name == "mount" {
                self.reads.extend(arguments::mount_source(&flag.value));
            }
            let span = self.line.span(&flag.value_range);
            let value = self.string(flag.value, span)?;
            let place = *places.entry(flag.name.clone()).or_insert(named.len());
            match named.get_mut(place) {
                Some((_, _, values)) => values.push(value),
                None => named.push((flag.name, flag.range, vec![value])),
            }
        }
        let mut entries = Vec::with_capacity(named.len());
        for (name, range, values) in named {
            let span = self.line.span(&range);
            entries.push(Entry::new(name, span, self.array(values, &range)?));
        }
        self.budget.take(1, self.keyword_span.start as usize)?;
        let span = self.line.span(&all);
        self.put("flags", Node::new(Value::Object(entries), span));
        Ok(())
    }

    /// Decides the form of a range, adds `form`, `exec`, `command` and heredocs, and returns how
    /// many elements the exec form has.
    fn form(&mut self, range: Range<usize>) -> Result<Option<usize>, SyntaxError> {
        let exec = match json::parse(&self.line.text[range.clone()]) {
            Exec::Strings(strings) => Some(strings),
            Exec::Shell => None,
            Exec::NotStrings => {
                let at = self.line.offset(range.start);
                return Err(SyntaxError::new(at, "an array of arguments may hold only strings"));
            }
        };
        let span = self.line.span(&range);
        let form = self.string(if exec.is_some() { "exec" } else { "shell" }, span)?;
        self.put("form", form);
        let elements = exec.as_ref().map(Vec::len);
        if let Some(strings) = exec {
            let mut items = Vec::with_capacity(strings.len());
            for (text, inner) in strings {
                let span = self.line.span(&(range.start + inner.start..range.start + inner.end));
                items.push(self.string(text, span)?);
            }
            let exec = self.array(items, &range)?;
            self.put("exec", exec);
        }
        let command = self.slice(range)?;
        self.put("command", command);
        if elements.is_none() && matches!(self.keyword.as_str(), "RUN" | "COPY" | "ADD") {
            self.heredocs()?;
        }
        Ok(elements)
    }

    fn command_or_exec(&mut self, range: Range<usize>) -> Result<(), SyntaxError> {
        let elements = self.form(range)?;
        if self.keyword == "SHELL" && elements.is_none_or(|elements| elements == 0) {
            return Err(self.error("SHELL takes a JSON array of at least one string"));
        }
        Ok(())
    }

    fn heredocs(&mut self) -> Result<(), SyntaxError> {
        let found = heredoc::read(self.reader, self.line, &self.whole, self.budget.limits)?;
        let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(()) };
        let span = Span::new(first.span.start as usize, last.span.end as usize);
        let mut items = Vec::with_capacity(found.len());
        for heredoc in found {
            self.budget.take(3, heredoc.span.start as usize)?;
            let name = self.string(heredoc.opening.name, heredoc.span)?;
            let content = Node::string(heredoc.content, heredoc.span);
            let expand = Node::new(Value::Bool(heredoc.opening.expand), heredoc.span);
            let entries = [("name", name), ("content", content), ("expand", expand)]
                .map(|(key, value)| Entry::new(key, heredoc.span, value));
            items.push(Node::new(Value::Object(entries.into()), heredoc.span));
        }
        self.put("heredocs", Node::new(Value::Array(items), span));
        Ok(())
    }

    fn files(&mut self) -> Result<(), SyntaxError> {
        let range = self.arguments.clone();
        let exec = self.form(range.clone())?.is_some();
        let mut words = if exec { self.exec()? } else { self.words(&range)? };
        if self.keyword == "VOLUME" {
            let blank = |word: &Node| word.as_str().is_none_or(|text| text.trim().is_empty());
            let bad = words.is_empty() || words.iter().any(blank);
            return if bad { Err(self.error("VOLUME takes at least one path")) } else { Ok(()) };
        }
        let Some(destination) = words.pop().filter(|_| !words.is_empty()) else {
            return Err(self.error(format!("{} takes at least one source and a destination", self.keyword)));
        };
        if self.is_heredoc(&destination) {
            return Err(self.error(format!("{} cannot have a heredoc as its destination", self.keyword)));
        }
        // What heredocs provide is under `heredocs`.
        words.retain(|word| !self.is_heredoc(word));
        let sources = self.array(words, &range)?;
        self.put("sources", sources);
        self.put("destination", destination);
        Ok(())
    }

    /// A copy of the strings of the exec form.
    fn exec(&mut self) -> Result<Vec<Node>, SyntaxError> {
        let exec = self.entries.iter().find(|entry| &*entry.key == "exec");
        let items = exec.map(|entry| entry.value.items().to_vec()).unwrap_or_default();
        self.budget.take(items.len(), self.keyword_span.start as usize)?;
        Ok(items)
    }

    fn words(&mut self, range: &Range<usize>) -> Result<Vec<Node>, SyntaxError> {
        let ranges: Vec<_> = arguments::split_blank(&self.line.text, range.clone()).collect();
        ranges.into_iter().map(|word| self.slice(word)).collect()
    }

    fn is_heredoc(&self, word: &Node) -> bool {
        let limits = self.budget.limits;
        word.as_str().is_some_and(|word| matches!(heredoc::opening(word, limits), Ok(Some(_))))
    }

    fn plain(&mut self) -> Result<(), SyntaxError> {
        if self.arguments.is_empty() {
            return Err(self.error(format!("{} takes an argument", self.keyword)));
        }
        let command = self.slice(self.arguments.clone())?;
        self.put("command", command);
        Ok(())
    }

    fn pairs(&mut self) -> Result<(), SyntaxError> {
        self.plain()?;
        let range = self.arguments.clone();
        let mut items = Vec::new();
        let escape = self.reader.escape;
        let pairs = arguments::pairs(&self.line.text, &self.keyword, range.clone(), escape)
            .map_err(|(at, message)| SyntaxError::new(self.line.offset(at), message))?;
        for pair in pairs {
            if pair.name.is_empty() {
                return Err(self.error(format!("{} needs a name before `=`", self.keyword)));
            }
            items.push(self.pair(pair)?);
        }
        let pairs = self.array(items, &range)?;
        self.put("pairs", pairs);
        Ok(())
    }

    fn pair(&mut self, pair: Pair) -> Result<Node, SyntaxError> {
        let name_span = self.line.span(&pair.name);
        let name = self.unquote(&pair.name)?;
        let mut entries = vec![Entry::new("name", name_span, self.string(name.clone(), name_span)?)];
        let mut definition = Definition { name, name_span, value: None, value_span: name_span };
        let mut whole = pair.name;
        if let Some(value) = pair.value {
            let span = self.line.span(&value);
            let text = self.unquote(&value)?;
            entries.push(Entry::new("value", name_span, self.string(text, span)?));
            whole.end = value.end;
            definition.value = Some(self.line.text[value].to_owned());
            definition.value_span = span;
        }
        if self.keyword != "LABEL" {
            self.definitions.push(definition);
        }
        self.budget.take(1, name_span.start as usize)?;
        Ok(Node::new(Value::Object(entries), self.line.span(&whole)))
    }

    /// The text of a range without quotes, variables left as they are.
    fn unquote(&self, range: &Range<usize>) -> Result<String, SyntaxError> {
        let options = shell::Options { skip_unset: true, ..self.budget.options(self.reader.escape) };
        shell::expand(&self.line.text[range.clone()], options, &|_| None)
            .map(|expanded| expanded.text)
            .map_err(|failure| SyntaxError::new(self.line.offset(range.start), failure.message()))
    }

    fn healthcheck(&mut self) -> Result<(), SyntaxError> {
        let (kind, rest) = arguments::split_first(&self.line.text, self.arguments.clone());
        let span = self.line.span(&kind);
        let name = self.line.text[kind].to_ascii_uppercase();
        match (name.as_str(), rest) {
            ("CMD", Some(rest)) => {
                let empty = self.form(rest)? == Some(0);
                if empty {
                    return Err(self.error("HEALTHCHECK CMD needs a command"));
                }
            }
            ("NONE", None) => {}
            ("CMD", None) => return Err(self.error("HEALTHCHECK CMD needs a command")),
            ("NONE", Some(_)) => return Err(self.error("HEALTHCHECK NONE takes no arguments")),
            _ => return Err(self.error("HEALTHCHECK is followed by CMD or NONE")),
        }
        let kind = self.string(name, span)?;
        self.put("kind", kind);
        Ok(())
    }

    fn onbuild(&mut self) -> Result<(), SyntaxError> {
        self.plain()?;
        let inner = Builder::new(self.reader, self.line, self.budget, self.arguments.clone())?;
        let trigger = inner.build(true)?.node;
        self.put("trigger", trigger);
        Ok(())
    }

    fn from(&mut self) -> Result<(), SyntaxError> {
        let words: Vec<_> = arguments::split_blank(&self.line.text, self.arguments.clone()).take(4).collect();
        let (image, name) = match words.as_slice() {
            [image] => (image, None),
            [image, keyword, name] if self.line.text[keyword.clone()].eq_ignore_ascii_case("as") => {
                (image, Some(self.stage_name(name)?))
            }
            _ => return Err(self.error("FROM takes an image, or an image, AS and a name")),
        };
        let platform = self.entries.iter().find(|entry| &*entry.key == "flags").and_then(|entry| {
            let value = entry.value.get("platform")?.item(0)?;
            Some((value.as_str()?.to_owned(), value.span))
        });
        self.base =
            Some(Base { image: (self.line.text[image.clone()].to_owned(), self.line.span(image)), name, platform });
        Ok(())
    }

    /// Stage names are compared in lower case.
    fn stage_name(&self, range: &Range<usize>) -> Result<(String, Span), SyntaxError> {
        let name = self.line.text[range.clone()].to_lowercase();
        if arguments::is_stage_name(&name) {
            return Ok((name, self.line.span(range)));
        }
        let message = format!("`{name}` is no name for a stage: a letter, then letters, digits, `-`, `_` or `.`");
        Err(SyntaxError::new(self.line.offset(range.start), message))
    }
}
