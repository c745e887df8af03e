//! Dockerfiles into documents, read as BuildKit's frontend reads them.
//!
//! # The model
//!
//! ```text
//! { "path": "Dockerfile",
//!   "directives": { "escape": "\\", "syntax": "docker/dockerfile:1" },
//!   "args":   [ { "name": "VERSION", "default": "1.80" } ],
//!   "stages": [ {
//!     "index": 0,
//!     "name": "builder",
//!     "image": "rust:${VERSION}",
//!     "resolved": "rust:1.80",
//!     "stage": 0,
//!     "platform": "$BUILDPLATFORM",
//!     "final": false,
//!     "feeds_final": true,
//!     "args": { "VERSION": "1.80", "TOKEN": null },
//!     "instructions": [ … ] } ] }
//! ```
//!
//! * `directives`: `escape` is always there; `syntax` and `check` when written.
//! * `args`: global arguments, before the first `FROM`. `default` is absent when there is none.
//! * `name` is in lower case, as BuildKit compares it; absent without `AS`.
//! * `resolved` is `image` after expansion of global defaults; absent when a variable has none.
//! * `stage` is the index of the earlier stage that `FROM` names; absent for an image.
//! * `final`: the last stage. `feeds_final`: it, and every stage it needs through `FROM`,
//!   `COPY --from` or `RUN --mount=from=`.
//! * `args` of a stage: every `ARG` and `ENV` in effect at its end, those of a parent stage
//!   included (only `ENV` is inherited); `null` when the value is not in the file. `ENV` wins over `ARG`.
//! * Anything else of `FROM` (such as `--platform`) is on the stage; `FROM` is no instruction in the list.
//!
//! An instruction:
//!
//! ```text
//! { "instruction": "RUN",
//!   "source": "RUN --mount=type=cache,target=/c make \\\n    all",
//!   "flags": { "mount": ["type=cache,target=/c"] },
//!   "form": "shell",
//!   "command": "make     all",
//!   "heredocs": [ { "name": "EOF", "content": "…\n", "expand": true } ] }
//! ```
//!
//! * `source` is the verbatim text, continuations and heredocs included, without the last line break.
//! * `flags` maps each flag to the list of its values, `""` for a bare flag; absent without flags.
//! * `command` is the text after the flags with continuations joined (for `HEALTHCHECK`, after
//!   `CMD`; absent for `NONE`).
//! * `form` is `exec` or `shell` for `RUN`, `CMD`, `ENTRYPOINT`, `SHELL`, `HEALTHCHECK CMD`, `VOLUME`,
//!   `COPY` and `ADD`; `exec` holds the strings of the exec form.
//! * `shell` of a shell form: the program that runs it, where something says that: the one that a `SHELL` names, `cmd` on
//!   images of Windows.
//! * `heredocs` of `RUN`, `COPY` and `ADD`: `content` is without leading tabs for `<<-`; `expand` is
//!   false when the name is quoted.
//! * `HEALTHCHECK` has `kind`, `CMD` or `NONE`. `ENV`, `LABEL` and `ARG` have `pairs` of `name` and
//!   `value`, unquoted and unexpanded. `COPY` and `ADD` have `sources` (without heredocs) and
//!   `destination`. `ONBUILD` has `trigger`, the instruction it keeps for later.
//!
//! # Spans
//!
//! A value that is a slice of the text has that slice's span; strings of the exec form have the span
//! between their quotes, quoted values that with their quotes. A value put together from several
//! lines has the span from its first to its last byte. Derived values have the span of what they
//! come from. A stage spans from its `FROM` to the next.

mod arguments;
mod heredoc;
mod instruction;
mod json;
mod lines;
mod shell;
mod stages;
#[cfg(test)]
mod tests;

use self::lines::Reader;
use self::stages::Stages;
use crate::document::{Entry, Node, Span, Value};
use crate::parse::{Limits, SyntaxError};
use std::ops::Range;

/// Parses a Dockerfile; `path` is what it is called in the document.
pub fn parse(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    if text.len() > limits.bytes {
        return Err(SyntaxError::new(0, format!("longer than {} bytes (limit `bytes`)", limits.bytes)));
    }
    let mut budget = Budget { limits, nodes: limits.nodes, bytes: limits.bytes };
    let mut reader = Reader::new(text);
    let mut stages = Stages::default();
    while let Some(line) = reader.logical()? {
        let instruction = instruction::parse(&mut reader, line, &mut budget)?;
        stages.push(instruction, reader.escape, &mut budget)?;
    }
    let start = Span::new(0, 0);
    let directives = directives(&reader, &mut budget)?;
    let (args, stages) = stages.finish(text.len(), &mut budget)?;
    budget.take(2, 0)?;
    let entries = vec![
        Entry::new("path", start, Node::string(path, start)),
        Entry::new("directives", directives.span, directives),
        Entry::new("args", args.span, args),
        Entry::new("stages", stages.span, stages),
    ];
    Ok(Node::new(Value::Object(entries), Span::new(0, text.len())))
}

/// Whether a text is a template of a Dockerfile: an action of Go's or Jinja's templates stands where an instruction would, or
/// in the image of a `FROM`, whose names have no braces.
pub fn is_template(text: &str) -> bool {
    let is_action = |text: &str| text.contains("{{") || text.contains("{%");
    is_action(text)
        && text.lines().map(str::trim_start).any(|line| {
            let from = line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("from "));
            line.starts_with("{{") || line.starts_with("{%") || from && is_action(line)
        })
}

/// Where the comments of a Dockerfile are: lines of their own, but none of a heredoc; as far as it can be read.
pub fn comments(text: &str, limits: &Limits) -> Vec<Range<usize>> {
    let mut budget = Budget { limits, nodes: limits.nodes, bytes: limits.bytes };
    let mut reader = Reader::new(text);
    while let Ok(Some(line)) = reader.logical() {
        if instruction::parse(&mut reader, line, &mut budget).is_err() {
            break;
        }
    }
    reader.comments
}

/// Whether a command is nothing but the start of a here-document: its body is the script then, as in BuildKit.
pub(crate) fn is_heredoc(command: &str) -> bool {
    matches!(heredoc::opening(command.trim(), &Limits::default()), Ok(Some(_)))
}

fn directives(reader: &Reader<'_>, budget: &mut Budget<'_>) -> Result<Node, SyntaxError> {
    let mut entries = Vec::new();
    for directive in &reader.directives {
        let span = Span::new(directive.value.start, directive.value.end);
        let key_span = Span::new(directive.name_span.start, directive.name_span.end);
        let value = &reader.text[directive.value.clone()];
        entries.push(Entry::new(directive.name.as_str(), key_span, Node::string(value, span)));
    }
    if !entries.iter().any(|entry| &*entry.key == "escape") {
        let start = Span::new(0, 0);
        entries.push(Entry::new("escape", start, Node::string(reader.escape.to_string(), start)));
    }
    budget.take(entries.len() + 1, 0)?;
    let start = entries.iter().map(|entry| entry.key_span.start).min().unwrap_or(0);
    let end = entries.iter().map(|entry| entry.value.span.end).max().unwrap_or(0);
    Ok(Node::new(Value::Object(entries), Span::new(start as usize, end as usize)))
}

/// What may still be produced.
struct Budget<'l> {
    limits: &'l Limits,
    nodes: usize,
    /// Bytes of expanded text: without this bound variables that double each other grow without end.
    bytes: usize,
}

impl Budget<'_> {
    fn take(&mut self, nodes: usize, at: usize) -> Result<(), SyntaxError> {
        let Some(left) = self.nodes.checked_sub(nodes) else {
            return Err(SyntaxError::new(at, format!("more than {} values (limit `nodes`)", self.limits.nodes)));
        };
        self.nodes = left;
        Ok(())
    }

    fn take_bytes(&mut self, bytes: usize, at: usize) -> Result<(), SyntaxError> {
        let Some(left) = self.bytes.checked_sub(bytes) else {
            let message = format!("variables expand to more than {} bytes (limit `bytes`)", self.limits.bytes);
            return Err(SyntaxError::new(at, message));
        };
        self.bytes = left;
        Ok(())
    }

    fn options(&self, escape: char) -> shell::Options {
        shell::Options {
            escape,
            raw_quotes: false,
            raw_escapes: false,
            skip_unset: false,
            depth: self.limits.depth,
            bytes: self.limits.bytes,
        }
    }
}
