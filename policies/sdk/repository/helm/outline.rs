//! The outline of a template: which keys stand below which, as far as its text shows it.
//!
//! A template is no YAML before it is rendered, and nothing here renders it. Columns say what belongs to what, as in
//! YAML; what an action puts there has the column that its `indent` or `nindent` says. Both branches of a condition
//! count, and comments do not.

/// A template, read.
pub(super) struct Outline {
    /// The first is the file: its documents and named templates.
    pub(super) nodes: Vec<Node>,
    /// Conditions, each with the one around it; the first is none.
    pub(super) guards: Vec<(usize, String)>,
}

/// A part of a template.
pub(super) struct Node {
    pub(super) what: What,
    /// The line that it begins on, from 0.
    pub(super) line: usize,
    /// The innermost condition around it.
    pub(super) guard: usize,
    pub(super) children: Vec<usize>,
}

/// What a part of a template is.
#[derive(Debug, PartialEq)]
pub(super) enum What {
    /// The file, or a named template: what it holds are documents.
    Define(String),
    /// What stands between two lines `---`.
    Document,
    /// A key of a mapping, and what is written behind it.
    Key { name: String, value: String },
    /// An element of a list.
    Item,
    /// Something that an action puts there.
    Emit(String),
}

/// Kinds of which nobody asks more than that they are there, and whose templates are long.
const DATA: [&str; 4] = ["ConfigMap", "CustomResourceDefinition", "PrometheusRule", "Secret"];

/// What an action of a template is.
#[derive(PartialEq)]
enum Action {
    Define(String),
    Open(String),
    End,
    Emit,
    /// It puts nothing there.
    Quiet,
}

impl Action {
    fn of(text: &str) -> Self {
        let text = text.trim_matches(['-', ' ', '\t', '\n']);
        // Go wants no space behind a word: `if.Values.on`, `include"x"`.
        let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
        let word = &text[..text.find(|letter| !is_of_word(letter)).unwrap_or(text.len())];
        match word {
            "define" => Self::Define(quoted(text).unwrap_or_default().to_owned()),
            "if" | "with" | "range" | "block" => Self::Open(text.to_owned()),
            "end" => Self::End,
            "" if text.is_empty() => Self::Quiet,
            "else" | "break" | "continue" | "fail" => Self::Quiet,
            _ if word.starts_with('$') && text[word.len()..].trim_start().starts_with([':', '=', ',']) => Self::Quiet,
            _ => Self::Emit,
        }
    }
}

/// The first text in quotes.
pub(super) fn quoted(text: &str) -> Option<&str> {
    let start = text.find(['"', '`'])?;
    let mark = text[start..].chars().next()?;
    text[start + 1..].split_once(mark).map(|(inner, _)| inner)
}

/// Where a line ends: in the text, in an action, or in a comment.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Text,
    Action,
    Comment,
}

impl Within {
    /// Where it is behind a further line.
    fn behind(mut self, mut line: &str) -> Self {
        loop {
            let (end, next) = match self {
                Self::Text => ("{{", Self::Action),
                Self::Action => ("}}", Self::Text),
                Self::Comment => ("*/", Self::Action),
            };
            let Some((_, rest)) = line.split_once(end) else { return self };
            self = if self == Self::Text && starts_comment(rest) { Self::Comment } else { next };
            line = rest;
        }
    }
}

fn starts_comment(action: &str) -> bool {
    action.trim_start_matches(['-', ' ', '\t']).starts_with("/*")
}

/// Reads the lines of a template.
pub(super) fn read<'t>(lines: impl Iterator<Item = &'t str>) -> Outline {
    let file = Node { what: What::Define(String::new()), line: 0, guard: 0, children: Vec::new() };
    let mut reader = Reader {
        outline: Outline { nodes: vec![file], guards: vec![(0, String::new())] },
        open: Vec::new(),
        scalar: None,
        is_data: false,
        guard: 0,
        blocks: Vec::new(),
    };
    reader.begin(0, 0);
    // An action may go on over several lines, which then are one.
    let (mut text, mut start, mut within) = (String::new(), 0, Within::Text);
    for (number, line) in lines.enumerate() {
        if within == Within::Text {
            within = within.behind(line);
            if within == Within::Text {
                reader.line(line, number);
                continue;
            }
            text.clear();
            text.push_str(line);
            start = number;
            continue;
        }
        text.push('\n');
        text.push_str(line);
        within = within.behind(line);
        if within == Within::Text {
            reader.line(&text, start);
        }
    }
    if within != Within::Text {
        reader.line(&text, start);
    }
    reader.outline
}

/// A mapping, list or document that further lines may belong to.
#[derive(Clone, Copy)]
struct Open {
    column: isize,
    node: usize,
}

enum Block {
    /// A condition or loop, with the guard around it.
    Guard(usize),
    /// A named template, with what was open around it.
    Define(Vec<Open>, Option<isize>),
}

struct Reader {
    outline: Outline,
    open: Vec<Open>,
    /// The column of the key whose block scalar goes on.
    scalar: Option<isize>,
    /// Whether the document is of a kind of [`DATA`].
    is_data: bool,
    guard: usize,
    blocks: Vec<Block>,
}

impl Reader {
    fn add(&mut self, parent: usize, what: What, line: usize, guard: usize) -> usize {
        let node = self.outline.nodes.len();
        self.outline.nodes.push(Node { what, line, guard, children: Vec::new() });
        self.outline.nodes[parent].children.push(node);
        node
    }

    /// Begins a document of the file or of a named template.
    fn begin(&mut self, parent: usize, line: usize) {
        let document = self.add(parent, What::Document, line, self.guard);
        self.open = vec![Open { column: -2, node: parent }, Open { column: -1, node: document }];
        self.scalar = None;
        self.is_data = false;
    }

    fn line(&mut self, text: &str, line: usize) {
        let column = (text.len() - text.trim_start_matches(' ').len()) as isize;
        if !text.contains("{{") {
            return self.content(text, (column, line), self.guard);
        }
        let (mut content, mut guard) = (String::new(), self.guard);
        let mut rest = text;
        loop {
            let (before, action) = rest.split_once("{{").unwrap_or((rest, ""));
            if content.trim().is_empty() {
                guard = self.guard;
            }
            content.push_str(before);
            if before.len() == rest.len() {
                break;
            }
            let is_comment = starts_comment(action);
            let end = if is_comment { action.find("*/").map_or(0, |at| at + 2) } else { 0 };
            let end = action[end..].find("}}").map_or(action.len(), |at| at + end);
            let inner = &action[..end];
            rest = action.get(end + 2..).unwrap_or_default();
            if is_comment {
                continue;
            }
            let kind = Action::of(inner);
            let is_blank = content.trim().is_empty();
            match &kind {
                Action::Define(name) => {
                    self.content(&std::mem::take(&mut content), (column, line), guard);
                    self.blocks.push(Block::Define(std::mem::take(&mut self.open), self.scalar.take()));
                    let define = self.add(0, What::Define(name.clone()), line, 0);
                    self.begin(define, line);
                    continue;
                }
                Action::Open(condition) => {
                    self.blocks.push(Block::Guard(self.guard));
                    self.outline.guards.push((self.guard, condition.clone()));
                    self.guard = self.outline.guards.len() - 1;
                }
                Action::End => match self.blocks.pop() {
                    Some(Block::Guard(around)) => self.guard = around,
                    Some(Block::Define(open, scalar)) => {
                        self.content(&std::mem::take(&mut content), (column, line), guard);
                        (self.open, self.scalar) = (open, scalar);
                        continue;
                    }
                    None => {}
                },
                Action::Emit | Action::Quiet => {}
            }
            // Between texts of one line, conditions keep them apart.
            if kind == Action::Emit || !is_blank {
                content.extend(["{{", inner, "}}"]);
            }
        }
        self.content(&content, (column, line), guard);
    }

    /// What a line holds besides the actions that put nothing there.
    fn content(&mut self, content: &str, (column, line): (isize, usize), guard: usize) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            return;
        }
        if let Some(of) = self.scalar {
            if column > of || content.starts_with("{{") {
                return;
            }
            self.scalar = None;
        }
        if self.is_data && column > 0 {
            return;
        }
        if content == "---" || content.starts_with("--- ") {
            let parent = self.open.first().map_or(0, |open| open.node);
            return self.begin(parent, line);
        }
        self.yaml(content, column, (line, guard));
    }

    fn yaml(&mut self, mut content: &str, mut column: isize, (line, guard): (usize, usize)) {
        while content == "-" || content.starts_with("- ") {
            self.close(column, true);
            let list = self.top();
            let item = self.add(list, What::Item, line, guard);
            self.open.push(Open { column, node: item });
            let rest = content[1..].trim_start();
            column += (content.len() - rest.len()) as isize;
            content = rest;
        }
        if content.is_empty() {
            return;
        }
        if let Some((name, value)) = key(content) {
            self.close(column, false);
            let (name, value) = (name.trim_matches(['"', '\'']).to_owned(), value.to_owned());
            self.is_data |= column == 0 && name == "kind" && DATA.contains(&value.as_str());
            let is_scalar = value.starts_with(['|', '>']);
            let is_made = value.starts_with(['{', '[']) && !matches!(value.as_str(), "{}" | "[]");
            // What it is called is not known.
            let what = if name.contains("{{") { What::Emit(name) } else { What::Key { name, value: value.clone() } };
            let (parent, made) = (self.top(), value);
            if let Some(before) = self.before(parent, guard) {
                let copy = match &what {
                    What::Key { name, value } => What::Key { name: name.clone(), value: value.clone() },
                    _ => What::Emit(made.clone()),
                };
                self.add(before, copy, line, guard);
            }
            let node = self.add(parent, what, line, guard);
            self.open.push(Open { column, node });
            if is_scalar {
                self.scalar = Some(column);
            } else if is_made {
                self.add(node, What::Emit(made), line, guard);
            }
        } else if content.starts_with('{') {
            self.emit(content, column, (line, guard));
        }
    }

    /// What an action puts there, or a mapping in braces.
    fn emit(&mut self, content: &str, column: isize, (line, guard): (usize, usize)) {
        let column = indent(content).unwrap_or(column);
        let last = self.outline.nodes.len() - 1;
        let above: Vec<Open> = self.open.iter().rev().skip_while(|open| open.column > column).copied().collect();
        let Some(first) = above.first() else { return };
        let node = &self.outline.nodes[first.node];
        let below = |open: &&Open| open.column < column;
        let mut parents = Vec::new();
        match &node.what {
            _ if first.column < column => parents.push(first.node),
            // A list may begin below its key.
            What::Key { value, .. } if first.node == last && value.is_empty() => parents.push(first.node),
            // Further elements of the list, or keys of the mapping that has the list: nobody can tell.
            What::Item => {
                parents.extend(above.get(1).map(|list| list.node));
                parents.extend(above.iter().skip(1).find(below).map(|mapping| mapping.node));
                parents.dedup();
            }
            _ => parents.extend(above.iter().find(below).map(|mapping| mapping.node)),
        }
        for parent in parents {
            self.add(parent, What::Emit(content.to_owned()), line, guard);
        }
    }

    /// The element before one of a list that is only there under a condition which has ended.
    fn before(&self, item: usize, guard: usize) -> Option<usize> {
        let nodes = &self.outline.nodes;
        if nodes[item].what != What::Item || self.is_within(guard, nodes[item].guard) {
            return None;
        }
        let list = self.open.iter().rev().find(|open| nodes[open.node].children.contains(&item))?;
        let at = nodes[list.node].children.iter().position(|node| *node == item)?;
        let mut before = nodes[list.node].children[..at].iter().rev().copied();
        before.find(|node| nodes[*node].what == What::Item && self.is_within(guard, nodes[*node].guard))
    }

    /// Whether a condition is another one or lies in it.
    fn is_within(&self, mut guard: usize, outer: usize) -> bool {
        while guard != outer && guard != 0 {
            guard = self.outline.guards[guard].0;
        }
        guard == outer
    }

    fn top(&self) -> usize {
        self.open.last().map_or(0, |open| open.node)
    }

    /// Closes what a key or an element in a column does not belong to.
    fn close(&mut self, column: isize, is_item: bool) {
        let nodes = &self.outline.nodes;
        while let Some(open) = self.open.last() {
            let is_beside = open.column == column && (!is_item || nodes[open.node].what == What::Item);
            if open.column < column || open.column == column && !is_beside || open.column < 0 {
                break;
            }
            self.open.pop();
        }
    }
}

/// The column that the last `indent` or `nindent` of an action says.
fn indent(text: &str) -> Option<isize> {
    let (_, behind) = text.rsplit_once("indent ")?;
    let digits = behind.trim_start();
    let end = digits.find(|it: char| !it.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// A key and what stands behind it.
fn key(content: &str) -> Option<(&str, &str)> {
    let bytes = content.as_bytes();
    let mut at = match bytes.first()? {
        mark @ (b'"' | b'\'') => content[1..].find(char::from(*mark))? + 2,
        b'[' | b'&' | b'*' | b'!' | b'%' | b'@' => return None,
        _ => 0,
    };
    while at < bytes.len() {
        if bytes[at..].starts_with(b"{{") {
            at += content[at..].find("}}")? + 2;
        } else if bytes[at] == b':' && bytes.get(at + 1).is_none_or(|next| *next == b' ') {
            return Some((&content[..at], without_comment(content[at + 1..].trim())));
        } else if matches!(bytes[at], b' ' | b'{' | b'"') {
            return None;
        } else {
            at += 1;
        }
    }
    None
}

/// A value without the comment behind it.
pub(super) fn without_comment(value: &str) -> &str {
    match value.find(" #") {
        _ if value.starts_with('#') => "",
        Some(at) if !value.starts_with(['"', '\'']) => value[..at].trim_end(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        fn show(outline: &Outline, node: usize, out: &mut String) {
            let node = &outline.nodes[node];
            out.push_str(match &node.what {
                What::Define(name) => name,
                What::Document => "doc",
                What::Key { name, .. } => name,
                What::Item => "-",
                What::Emit(_) => "$",
            });
            if node.guard > 0 {
                out.push('?');
            }
            if !node.children.is_empty() {
                out.push('(');
                for (at, child) in node.children.iter().enumerate() {
                    out.push_str(if at > 0 { " " } else { "" });
                    show(outline, *child, out);
                }
                out.push(')');
            }
        }
        let mut out = String::new();
        show(&read(text.lines()), 0, &mut out);
        out
    }

    #[test]
    fn columns_say_what_belongs_to_what() {
        for (text, outline) in [
            ("a:\n  b: 1\n  c:\n  - d: 2\n    e: 3\n  - f\ng: 4", "(doc(a(b c(-(d e) -)) g))"),
            ("a:\n- b: |\n    c: 1\n  d: 2\n---\ne: 3", "(doc(a(-(b d))) doc(e))"),
            // What actions put there.
            ("a:\n  b:\n{{ toYaml .x | indent 4 }}\n  c: 1", "(doc(a(b($) c)))"),
            ("a:\n  b: 1\n  {{- toYaml .x | nindent 2 }}\n  c: {{ .y }}", "(doc(a(b $ c($))))"),
            ("a:\n{{ toYaml .list | indent 0 }}", "(doc(a($)))"),
            ("a:\n  b:\n  - c: 1\n  {{- toYaml .more | nindent 2 }}", "(doc(a(b(-(c) $) $)))"),
            ("a:\n  - {{ toYaml .x | nindent 4 }}\n    b: 1", "(doc(a(-($ b))))"),
            ("a:\n  {{ $key }}: {{ $value }}", "(doc(a($($))))"),
            ("a: {b: 1}\nc: {}\nd: [1]\ne: []", "(doc(a($) c d($) e))"),
            ("a: # of b\n  b: {} # none\nc: 1", "(doc(a(b) c))"),
            // What follows a conditional element belongs to the one before it where that is not there.
            ("a:\n- b: 1\n{{ if .x }}\n- c: 2\n{{ end }}\n  d: 3", "(doc(a(-(b d) -?(c? d))))"),
            ("a:\n{{ range .x }}\n- b: 1\n  {{ if .y }}\n  c: 2\n  {{ end }}\n{{ end }}", "(doc(a(-?(b? c?))))"),
            // Conditions are around what they hold; what stands in one line is one.
            ("a: 1\n{{- if .x }}\nb: 1\n{{- else }}\nc: 2\n{{- end }}\nd: 3", "(doc(a b? c? d))"),
            ("{{ if .x }}a: 1{{ else }}2{{ end }}\nb: 2", "(doc(a? b))"),
            ("{{- if.Values.x -}}\na: 1\n{{- end}}\nb: 2", "(doc(a? b))"),
            ("# {{ if .x }}\na: 1\n# {{ end }}\nb: 2", "(doc(a? b))"),
            ("{{- $x := dict\n  \"a\" 1 }}\na: 1\n{{/* b: 2\nc: 3 */}}\n{{- /* {{ if }} */ -}}\nd: 4", "(doc(a d))"),
            // Of data nothing is kept but what it is.
            (
                "kind: ConfigMap\ndata:\n  a: 1\n{{ if .x }}\n  b: 2\n{{ end }}\n---\na:\n  b: 1",
                "(doc(kind data) doc(a(b)))",
            ),
            // Named templates.
            ("{{- define \"p.pod\" }}\na:\n  b: 1\n{{- end }}\nc: 1", "(doc(c) p.pod(doc(a(b))))"),
            ("{{ define \"n\" }}x{{ end }}{{ define \"m\" }}\n---\na: 1\n{{ end }}", "(doc n(doc) m(doc doc(a)))"),
        ] {
            assert_eq!(shown(text), outline, "{text}");
        }
    }

    #[test]
    fn kinds_of_both_branches_are_kept() {
        let outline = read("kind: {{ if .x }}Deployment{{ else }}StatefulSet{{ end }}".lines());
        let value = outline.nodes.iter().find_map(|node| match &node.what {
            What::Key { value, .. } => Some(value.as_str()),
            _ => None,
        });
        assert_eq!(value, Some("{{ if .x }}Deployment{{ else }}StatefulSet{{ end }}"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(a: |- |  |\\{\\{|\\}\\}|-|if |end|define \"x\"|/\\*|\\*/|\n|\"|'|é|---|nindent 4|\\|)*") {
            let outline = read(text.lines());
            prop_assert!(outline.nodes.len() <= 4 * text.len() + 8);
        }
    }
}
