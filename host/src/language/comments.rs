//! Comments (`:comments`): those of YAML, Dockerfiles and HCL, with the values that they belong to.
//!
//! # The model
//!
//! `X:comments` has the comments that belong to the value under `X` and to all that is in it, `X[*]:comments` those of
//! each element of a list, and `:comments` alone, at the beginning of a path, those of the whole document. Of a
//! workload, `object:comments` and `pod:comments` are those of the object and of its pod template.
//!
//! ```text
//! { "comments": [ COMMENT … ] }      or  { "unread": [ { "reason": "…" } ] }
//!
//! COMMENT = {
//!   "text": "v4.2.2",              without `#`, `//` or `/* */`, and without the space around it
//!   "path": [ "steps", "0" ],      the value that it belongs to, from `X` on: keys, and positions in lists
//!   "stands": "behind",            `above` it, `behind` it on one of its lines, or `below`: in it or at its end, where
//!                                  nothing of it follows
//!   "apart": true }                a blank line is between them, of one that stands above
//! ```
//!
//! A comment behind something belongs to what ends there (`image: nginx # pinned`), or begins there and goes on
//! (`spec: # the shop`). One on a line of its own belongs to what begins on the next line that is no comment: the whole
//! element of a list, the whole block. In YAML, one that is indented more than that line belongs to the mapping or list
//! above whose elements stand where it does.
//!
//! Of a Dockerfile, comments belong to instructions, to `args`, and, above a `FROM`, to stages. Of a Terraform module
//! they belong to blocks and arguments, those of called modules included. JSON has none; of other formats they are
//! unread.

use super::build::Builder;
use super::key::Reading;
use crate::document::{Comment, Document, Entry, Format, Node, Source, Span, Stands, Value, Written};
use crate::parse::{Limits, dockerfile, hcl, yaml};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What the comments are asked for of.
#[derive(Clone, Copy)]
pub(super) enum Of<'n> {
    Document,
    Entry(&'n Entry),
    Value(&'n Node),
}

impl<'n> Of<'n> {
    /// The value.
    pub(super) fn node(self, document: &'n Document) -> &'n Node {
        match self {
            Of::Document => &document.root,
            Of::Entry(entry) => &entry.value,
            Of::Value(node) => node,
        }
    }

    fn written(self) -> Option<Written> {
        match self {
            Of::Document => None,
            Of::Entry(entry) => Some(Written::of_entry(entry)),
            Of::Value(node) => Some(Written::of_item(node)),
        }
    }
}

/// The tree of the comments of a value, or of each element of a list.
pub(super) fn tree(document: &Document, of: Of<'_>, reading: &Reading, builder: &mut Builder) -> Node {
    let node = of.node(document);
    if !matches!(document.format, Format::Yaml | Format::Json | Format::Dockerfile | Format::Hcl) {
        return builder.nothing(node.span, "comments of this format are not read");
    }
    let comments = document.derived.comments(|| find(document));
    if !reading.each {
        return belonging(node, of.written(), &comments, document, builder);
    }
    let mut items = Vec::with_capacity(node.items().len());
    for item in node.items() {
        items.push(belonging(item, Some(Written::of_item(item)), &comments, document, builder));
    }
    builder.list(items, node.span)
}

impl Written {
    fn of_item(node: &Node) -> Self {
        Self { file: node.span.file, head: node.span.start, end: node.span.end, keyed: false }
    }

    fn of_entry(entry: &Entry) -> Self {
        let (key, value) = (entry.key_span, entry.value.span);
        let has_key = key.file == value.file && key.start < key.end && key.start <= value.start;
        let head = if has_key { key.start } else { value.start };
        Self { file: value.file, head, end: value.end, keyed: has_key }
    }
}

/// The comments that belong to a value or to something in it; `own` is `None` for the document.
fn belonging(
    node: &Node,
    own: Option<Written>,
    comments: &[Comment],
    document: &Document,
    builder: &mut Builder,
) -> Node {
    let at = node.span;
    let among: &[Comment] = match own {
        None => comments,
        // What stands here through an alias is written elsewhere.
        Some(_) if node.aliased => &[],
        Some(own) => {
            let head = |comment: &Comment| comment.owner.map(|owner| (owner.file, owner.head));
            let start = comments.partition_point(|comment| head(comment) < Some((own.file, own.head)));
            let end = comments.partition_point(|comment| head(comment) <= Some((own.file, own.end)));
            &comments[start..end.max(start)]
        }
    };
    let within = |owner: Written| own.is_none_or(|own| owner.end <= own.end);
    let wanted: HashSet<Written> = among.iter().filter_map(|comment| comment.owner).filter(|o| within(*o)).collect();
    let paths = if wanted.is_empty() { HashMap::new() } else { paths(node, own, &wanted) };
    let mut found: Vec<(&Comment, &[String])> = among
        .iter()
        .filter_map(|comment| match comment.owner {
            Some(owner) => paths.get(&owner).map(|path| (comment, path.as_slice())),
            None => own.is_none().then_some((comment, &[][..])),
        })
        .collect();
    found.sort_by_key(|(comment, _)| comment.span);
    let mut items = Vec::with_capacity(found.len());
    let mut unread = None;
    for (comment, path) in found {
        if builder.left() < path.len() + 5 {
            unread = Some((comment.span, "more values than a tree may have".to_owned()));
            break;
        }
        items.push(written(comment, path, &document.sources, builder));
    }
    let mut entries = vec![("comments", builder.list(items, at))];
    if let Some(unread) = unread {
        entries.push(("unread", builder.unread(vec![unread], at)));
    }
    builder.object(entries, at)
}

fn written(comment: &Comment, path: &[String], sources: &[Source], builder: &mut Builder) -> Node {
    let at = comment.span;
    let text = sources.get(usize::from(at.file)).and_then(|source| source.text.get(at.range())).unwrap_or_default();
    let inner = inner(text);
    let start = at.start as usize + inner.start;
    let said = builder.string(&text[inner.clone()], Span::in_file(at.file, start, start + inner.len()));
    let steps = path.iter().map(|step| builder.string(step.as_str(), at)).collect();
    let path = builder.list(steps, at);
    let stands = match comment.stands {
        Stands::Above => "above",
        Stands::Behind => "behind",
        Stands::Below => "below",
    };
    let mut entries = vec![("text", said), ("path", path), ("stands", builder.string(stands, at))];
    if comment.apart {
        entries.push(("apart", builder.yes(at)));
    }
    builder.object(entries, at)
}

/// What a comment says: the part of its text without what makes it a comment.
fn inner(text: &str) -> Range<usize> {
    let body = match text.strip_prefix("/*") {
        Some(rest) => rest.strip_suffix("*/").unwrap_or(rest),
        None => text.strip_prefix("//").unwrap_or_else(|| text.trim_start_matches('#')),
    };
    let said = body.trim();
    // All of these are parts of the one text.
    let start = said.as_ptr() as usize - text.as_ptr() as usize;
    start..start + said.len()
}

/// Where those of the wanted values stand that are in a value. The outermost of equal ones counts.
fn paths(node: &Node, own: Option<Written>, wanted: &HashSet<Written>) -> HashMap<Written, Vec<String>> {
    let mut found = HashMap::new();
    if let Some(own) = own.filter(|own| wanted.contains(own)) {
        found.insert(own, Vec::new());
    }
    let mut path = Vec::new();
    descend(node, &mut path, wanted, &mut found);
    found
}

fn descend(node: &Node, path: &mut Vec<String>, wanted: &HashSet<Written>, found: &mut HashMap<Written, Vec<String>>) {
    if node.aliased {
        return;
    }
    let mut step = |own: Written, token: String, child: &Node| {
        path.push(token);
        if wanted.contains(&own) {
            found.entry(own).or_insert_with(|| path.clone());
        }
        if child.is_collection() {
            descend(child, path, wanted, found);
        }
        path.pop();
    };
    for (at, item) in node.items().iter().enumerate() {
        step(Written::of_item(item), at.to_string(), item);
    }
    for entry in node.entries() {
        step(Written::of_entry(entry), entry.key.to_string(), &entry.value);
    }
}

/// A value that comments may belong to.
struct Part {
    own: Written,
    /// Where the value begins, behind its key.
    start: usize,
    /// Where it ends for comments.
    end: usize,
    depth: usize,
    is_collection: bool,
}

/// The comments of a document, with the values that they belong to.
fn find(document: &Document) -> Vec<Comment> {
    let parts = Parts::of(document);
    let mut found = Vec::new();
    for (file, source) in (0_u16..).zip(document.sources.iter()) {
        let own: Vec<&Part> = parts.iter().filter(|part| part.own.file == file).collect();
        if own.is_empty() && document.sources.len() > 1 {
            continue;
        }
        let limits = Limits::default();
        let ranges = match document.format {
            Format::Yaml => yaml::comments(&source.text, &limits),
            Format::Dockerfile => dockerfile::comments(&source.text, &limits),
            Format::Hcl => hcl::comments(source, &limits),
            _ => Vec::new(),
        };
        // Of a list of objects, one has the comments that stand in it.
        let whole = document.root.span.range();
        let is_part = !document.base.tokens().is_empty();
        let ranges: Vec<Range<usize>> = ranges
            .into_iter()
            .map(|range| trimmed(&source.text, range))
            .filter(|range| !is_part || whole.contains(&range.start) || is_behind(&source.text, &whole, range))
            .collect();
        found.extend(Owners::new(&source.text, file, own, document.format).of(&ranges));
    }
    found
}

/// A comment without the line break behind it.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let length = text.get(range.clone()).map_or(0, |text| text.trim_end().len());
    range.start..range.start + length
}

/// Whether a comment stands behind the last line of a value.
fn is_behind(text: &str, whole: &Range<usize>, comment: &Range<usize>) -> bool {
    comment.start >= whole.end && !text.get(whole.end..comment.start).unwrap_or("\n").contains('\n')
}

/// The values that comments may belong to, each once.
#[derive(Default)]
struct Parts {
    all: Vec<Part>,
    seen: HashSet<Written>,
}

impl Parts {
    fn of(document: &Document) -> Vec<Part> {
        let mut parts = Self::default();
        match document.format {
            Format::Dockerfile => parts.stages(&document.root),
            Format::Hcl => parts.blocks(&document.root, 0),
            _ => parts.values(&document.root, 0),
        }
        parts.all
    }

    fn add(&mut self, own: Written, node: &Node, end: usize, depth: usize) {
        if own.head < own.end && self.seen.insert(own) {
            let start = node.span.start as usize;
            self.all.push(Part { own, start, end, depth, is_collection: node.is_collection() });
        }
    }

    /// The global arguments, stages and instructions of a Dockerfile. For comments a stage ends with its last
    /// instruction: what stands above the next `FROM` belongs to that.
    fn stages(&mut self, root: &Node) {
        for item in root.get("args").map_or(&[][..], Node::items) {
            self.add(Written::of_item(item), item, item.span.end as usize, 0);
        }
        for stage in root.get("stages").map_or(&[][..], Node::items) {
            let instructions = stage.get("instructions").map_or(&[][..], Node::items);
            let named = ["image", "name", "platform"].into_iter().filter_map(|key| stage.get(key));
            let end = named.chain(instructions).map(|node| node.span.end).max().unwrap_or(stage.span.start);
            self.add(Written::of_item(stage), stage, end as usize, 0);
            for item in instructions {
                self.add(Written::of_item(item), item, item.span.end as usize, 1);
            }
        }
    }

    /// All values in a value.
    fn values(&mut self, node: &Node, depth: usize) {
        if node.aliased {
            return;
        }
        let items = node.items().iter().map(|item| (Written::of_item(item), item));
        let entries = node.entries().iter().map(|entry| (Written::of_entry(entry), &entry.value));
        for (own, value) in items.chain(entries) {
            if !value.aliased {
                self.add(own, value, value.span.end as usize, depth);
            }
            self.values(value, depth + 1);
        }
    }

    /// The blocks of a Terraform module and their arguments; what else its model has stands nowhere by itself.
    fn blocks(&mut self, node: &Node, depth: usize) {
        match &node.value {
            Value::Object(_)
                if ["type", "labels", "attributes", "blocks"].iter().all(|key| node.get(key).is_some()) =>
            {
                self.add(Written::of_item(node), node, node.span.end as usize, depth);
                if let Some(arguments) = node.get("attributes") {
                    self.values(arguments, depth + 1);
                }
                node.get("blocks").map_or(&[][..], Node::items).iter().for_each(|block| self.blocks(block, depth + 1));
            }
            Value::Object(entries) => {
                for entry in entries {
                    match &*entry.key {
                        "tfvars" | "values" | "attributes" => self.values(&entry.value, depth + 1),
                        _ => self.blocks(&entry.value, depth),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.blocks(item, depth)),
            _ => {}
        }
    }
}

/// Finds the values that the comments of a text belong to.
struct Owners<'t, 'p> {
    text: &'t str,
    file: u16,
    format: Format,
    /// By where they begin.
    by_head: Vec<&'p Part>,
    /// By where they end.
    by_end: Vec<&'p Part>,
    /// For each part of `by_head`, the one that it stands in.
    around: Vec<Option<usize>>,
}

impl<'t, 'p> Owners<'t, 'p> {
    fn new(text: &'t str, file: u16, parts: Vec<&'p Part>, format: Format) -> Self {
        let mut by_head = parts;
        by_head.sort_by_key(|part| (part.own.head, std::cmp::Reverse(part.end), part.depth));
        let mut by_end = by_head.clone();
        by_end.sort_by_key(|part| (part.end, part.depth));
        let mut around = Vec::with_capacity(by_head.len());
        let mut open: Vec<usize> = Vec::new();
        for (at, part) in by_head.iter().enumerate() {
            while open.last().is_some_and(|outer| by_head[*outer].end <= part.own.head as usize) {
                open.pop();
            }
            around.push(open.last().copied());
            open.push(at);
        }
        Self { text, file, format, by_head, by_end, around }
    }

    fn of(&self, comments: &[Range<usize>]) -> Vec<Comment> {
        let starts: HashMap<usize, usize> = comments.iter().map(|range| (range.start, range.end)).collect();
        comments.iter().filter_map(|range| self.owner(range, &starts)).collect()
    }

    fn owner(&self, comment: &Range<usize>, comments: &HashMap<usize, usize>) -> Option<Comment> {
        let line_start = self.text.get(..comment.start)?.rfind('\n').map_or(0, |at| at + 1);
        let before = self.text.get(line_start..comment.start)?.trim_start_matches('\u{feff}');
        let span = Span::in_file(self.file, comment.start, comment.end);
        let made =
            |part: Option<&Part>, stands, apart| Comment { span, owner: part.map(|part| part.own), stands, apart };
        if !before.trim().is_empty()
            && let Some(part) = self.behind(line_start, comment.start)
        {
            return Some(made(Some(part), Stands::Behind, false));
        }
        let container = self.container(comment);
        let end = container.map_or(self.text.len(), |part| part.end);
        let next = self.next(comment.end).filter(|part| (part.own.head as usize) < end);
        if let Some(next) = next {
            let head = next.own.head as usize;
            let column = self.indentation(head);
            let is_deeper = self.format == Format::Yaml
                && comment.start - line_start > column
                && container.is_none_or(|c| !self.is_flow(c));
            if !is_deeper {
                let gap = self.text.get(comment.end..head).unwrap_or_default();
                return Some(made(
                    Some(self.outermost_on_line_of(next, container)),
                    Stands::Above,
                    self.is_apart(comment.end, gap, comments),
                ));
            }
        }
        let part = match self.format {
            Format::Yaml if container.is_none_or(|part| !self.is_flow(part)) => {
                self.indented(comment.start, comment.start - line_start).or(container)
            }
            _ => container,
        };
        Some(made(part, Stands::Below, false))
    }

    /// What a comment behind something belongs to: what ends last before it on its line, else what begins last there.
    fn behind(&self, line_start: usize, at: usize) -> Option<&'p Part> {
        let last = self.by_end.partition_point(|part| part.end <= at);
        let ended = last.checked_sub(1).map(|last| self.by_end[last]).filter(|part| part.end > line_start);
        let last = self.by_head.partition_point(|part| (part.own.head as usize) < at);
        let begun =
            last.checked_sub(1).map(|last| self.by_head[last]).filter(|part| part.own.head as usize >= line_start);
        match (ended, begun) {
            // `a: 1, b: [ # here`: what was begun later goes on.
            (Some(ended), Some(begun)) if begun.own.head as usize >= ended.end && begun.end > at => Some(begun),
            (Some(ended), _) => Some(ended),
            (None, begun) => begun,
        }
    }

    /// The smallest part around a comment.
    fn container(&self, comment: &Range<usize>) -> Option<&'p Part> {
        let before = self.by_head.partition_point(|part| (part.own.head as usize) < comment.start);
        let mut at = before.checked_sub(1);
        while let Some(found) = at {
            if self.by_head[found].end >= comment.end {
                return Some(self.by_head[found]);
            }
            at = self.around[found];
        }
        None
    }

    /// The first part behind a place.
    fn next(&self, at: usize) -> Option<&'p Part> {
        self.by_head.get(self.by_head.partition_point(|part| (part.own.head as usize) < at)).copied()
    }

    /// Of the parts that begin on a part's line the outermost, as far as it stands in the container.
    fn outermost_on_line_of(&self, part: &'p Part, container: Option<&Part>) -> &'p Part {
        let head = part.own.head as usize;
        let line_end = self.text[head..].find('\n').map_or(self.text.len(), |at| head + at);
        let from = self.by_head.partition_point(|part| (part.own.head as usize) < head);
        let on_line = self.by_head[from..].iter().take_while(|part| (part.own.head as usize) < line_end);
        let is_inside =
            |part: &&&Part| container.is_none_or(|container| part.end <= container.end && part.own != container.own);
        on_line.filter(is_inside).min_by_key(|part| part.depth).copied().unwrap_or(part)
    }

    /// Columns before the first letter of the line of a place.
    fn indentation(&self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[start..].trim_start_matches('\u{feff}');
        line.len() - line.trim_start_matches(' ').len()
    }

    /// The collection above a comment whose elements stand in its column, or further left.
    fn indented(&self, at: usize, column: usize) -> Option<&'p Part> {
        let last = self.by_end.partition_point(|part| part.end <= at);
        let mut found = self.by_end[..last].last().copied()?;
        let key = |part: &Part| (part.own.head, std::cmp::Reverse(part.end), part.depth);
        let mut index = self.by_head.partition_point(|part| key(part) < key(found));
        loop {
            let first = self.by_head.get(index + 1).filter(|first| (first.own.head as usize) < found.end);
            let first = first.filter(|_| found.is_collection && !self.is_flow(found));
            if first.is_some_and(|first| self.indentation(first.own.head as usize) <= column) {
                return Some(found);
            }
            index = self.around[index]?;
            found = self.by_head[index];
        }
    }

    /// Whether a collection of YAML has brackets.
    fn is_flow(&self, part: &Part) -> bool {
        part.is_collection && self.text.get(part.start..).is_some_and(|text| text.starts_with(['[', '{']))
    }

    /// Whether a blank line stands between a comment and what follows; comments between them are skipped.
    fn is_apart(&self, start: usize, gap: &str, comments: &HashMap<usize, usize>) -> bool {
        let mut at = start;
        let end = start + gap.len();
        let mut breaks = 0;
        while at < end {
            if let Some(behind) = comments.get(&at) {
                breaks = 0;
                at = *behind;
                continue;
            }
            let next = self.text[at..].chars().next().unwrap_or(' ');
            match next {
                '\n' => breaks += 1,
                next if next.is_whitespace() => {}
                _ => return false,
            }
            if breaks > 1 {
                return true;
            }
            at += next.len_utf8();
        }
        false
    }
}
