//! Finding exceptions where they are written.

use super::{ANNOTATION, Covers, Ignore, annotations, syntax};
use crate::document::{Document, Node, Value};
use crate::evaluate::verdict::Place;
use crate::parse::{Limits, SyntaxError, Unit};
use std::ops::Range;

/// The exceptions that stand in a unit: its comments, then the annotations of its objects.
///
/// # Errors
/// When there are more than may be.
pub(in crate::evaluate) fn collect(
    unit: &Unit,
    documents: &[Document],
    limits: &Limits,
) -> Result<Vec<Ignore>, SyntaxError> {
    let mut ignores = Vec::new();
    let mut add = |ignore: Ignore| {
        if ignores.len() >= limits.exceptions {
            let message = format!("more than {} exceptions (limit `exceptions`)", limits.exceptions);
            return Err(SyntaxError::new(ignore.place.start as usize, message).in_file(ignore.place.file));
        }
        ignores.push(ignore);
        Ok(())
    };
    for (file, source) in unit.sources.iter().enumerate() {
        // Most texts have none, and need not be read once more for that.
        if !source.text.contains("policy:") {
            continue;
        }
        let file = file as u16;
        let borrowed = unit.is_borrowed(file);
        let comments = unit.comments(file, limits);
        let said = comments.iter().flat_map(|at| {
            let text = source.text.get(at.clone()).unwrap_or_default();
            syntax::comment(text).into_iter().map(move |said| (at.clone(), said))
        });
        let said: Vec<_> = said.collect();
        let lines: Vec<Range<usize>> = said.iter().map(|(at, _)| target(&source.text, at, &comments)).collect();
        let parts = parts(documents, file, &lines);
        for ((at, (rules, grant)), part) in said.into_iter().zip(parts) {
            for rule in rules {
                let place = Place { file, start: at.start as u32, end: at.end as u32, exact: true };
                let covers = Covers::Part { file, start: part.start as u32, end: part.end as u32 };
                add(Ignore { rule, place, covers, borrowed, grant: grant.clone() })?;
            }
        }
    }
    for (index, document) in documents.iter().enumerate() {
        for (rule, entry) in annotations(document) {
            let grant = match entry.value.as_str() {
                Some(text) => syntax::grant(text),
                None => Err(format!("the annotation `{ANNOTATION}{rule}` is not a text")),
            };
            let span = entry.key_span;
            let place = Place { file: span.file, start: span.start, end: span.end, exact: true };
            let covers = Covers::Document(index as u32);
            add(Ignore { rule: rule.to_owned(), place, covers, borrowed: false, grant })?;
        }
    }
    Ok(ignores)
}

/// The line that a comment is about: its own where something else stands on it, else the next one that has something
/// other than comments. `comments` are those of the text, in order.
fn target(text: &str, comment: &Range<usize>, comments: &[Range<usize>]) -> Range<usize> {
    let start = text[..comment.start].rfind('\n').map_or(0, |newline| newline + 1);
    if !text[start..comment.start].trim_start_matches('\u{feff}').trim().is_empty() {
        return line(text, start);
    }
    let mut start = text[..comment.end].rfind('\n').map_or(0, |newline| newline + 1);
    let mut at = comment.end;
    loop {
        let line = line(text, start);
        let rest = text.get(at..line.end).unwrap_or_default();
        let content = at + rest.len() - rest.trim_start().len();
        if line.is_empty() {
            return line;
        } else if rest.trim().is_empty() {
            (start, at) = (line.end, line.end);
        } else if let Ok(passed) = comments.binary_search_by_key(&content, |comment| comment.start) {
            at = comments[passed].end;
            start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        } else {
            return line;
        }
    }
}

/// The line that starts at a place, with its line break; empty at the end of the text.
fn line(text: &str, start: usize) -> Range<usize> {
    start..text[start..].find('\n').map_or(text.len(), |newline| start + newline + 1)
}

/// Each line, to the end of what starts on it. One walk serves all of them.
fn parts(documents: &[Document], file: u16, lines: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sorted: Vec<Range<usize>> = lines.to_vec();
    sorted.sort_by_key(|line| line.start);
    sorted.dedup();
    let mut ends: Vec<usize> = sorted.iter().map(|line| line.end).collect();
    let mut nodes: Vec<(usize, &Node)> =
        documents.iter().map(|document| (document.root.span.start as usize, &document.root)).collect();
    while let Some((start, node)) = nodes.pop() {
        if node.span.file == file && !node.aliased {
            let after = sorted.partition_point(|line| line.start <= start);
            let line = after.checked_sub(1).filter(|at| start < sorted[*at].end);
            if let Some(at) = line {
                ends[at] = ends[at].max(node.span.end as usize);
            }
        }
        match &node.value {
            Value::Array(items) => nodes.extend(items.iter().map(|item| (item.span.start as usize, item))),
            Value::Object(entries) => {
                nodes.extend(entries.iter().map(|entry| (entry.key_span.start as usize, &entry.value)));
            }
            _ => {}
        }
    }
    let end = |line: &Range<usize>| {
        let at = sorted.binary_search_by_key(&line.start, |known| known.start);
        at.map_or(line.end, |at| ends[at])
    };
    lines.iter().map(|line| line.start..end(line)).collect()
}
