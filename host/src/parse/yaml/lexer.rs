//! Where quoted scalars and the actions of templates stand in a text that may be no YAML.
//!
//! One look at each byte, without a tree: quotes, comments, block scalars and plain scalars are told apart as YAML does,
//! so that what looks like a quote or an action inside of another scalar is text.

use std::ops::Range;

/// What is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A quoted scalar that is closed, with its quotes.
    Quoted {
        /// Its bytes.
        range: Range<usize>,
        /// Bytes in front of it on its line.
        column: usize,
    },
    /// `{{ … }}`, `{% … %}` or `{# … #}` where a value or a key would begin. YAML has no such value: to it `{{` begins a
    /// mapping whose first key is a mapping, which neither JSON nor kubectl has.
    Action,
}

/// Reads a text from its start to its end, or to a quote that is not closed.
pub struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line_start: usize,
    /// Open brackets.
    flow: usize,
    /// Column of the first word of this line.
    indent: isize,
    /// Column of the innermost key or dash of the block structure on this line; what belongs to it stands further in.
    parent: isize,
    /// The parent of a plain scalar that ended with its line and may go on on the next.
    plain: Option<isize>,
    /// Ends of actions that do not follow any more, so that nobody looks for them again.
    missing: [bool; ENDS.len()],
}

/// How actions begin and end.
const ENDS: [(u8, &str); 3] = [(b'{', "}}"), (b'%', "%}"), (b'#', "#}")];

impl<'t> Lexer<'t> {
    /// Begins in front of a text.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0, line_start: 0, flow: 0, indent: 0, parent: -1, plain: None, missing: [false; ENDS.len()] }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn column(&self) -> usize {
        self.at - self.line_start
    }

    /// Whether the byte ahead ends a word: space, a line's end, or the text's.
    fn is_space(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), None | Some(b' ' | b'\t' | b'\r' | b'\n'))
    }

    fn skip_line(&mut self) {
        self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |length| self.at + length);
    }

    /// Steps over a line break, and over the next line when a plain scalar goes on there: further in than its parent.
    fn line_break(&mut self) {
        self.at += 1;
        self.line_start = self.at;
        let spaces = self.text[self.at..].bytes().take_while(|byte| *byte == b' ').count();
        let first = self.peek(spaces);
        if matches!(first, Some(b'\n' | b'\r') | None) {
            return;
        }
        self.indent = spaces as isize;
        self.parent = self.indent - 1;
        let goes_on = |parent: &isize| self.indent > *parent && first != Some(b'#');
        if let Some(parent) = self.plain.take().filter(goes_on) {
            self.skip_line();
            self.plain = Some(parent);
        }
    }

    /// The scalar at its opening quote; `None` when it is not closed.
    fn quoted(&mut self, quote: u8) -> Option<Token> {
        let (start, column) = (self.at, self.column());
        self.at += 1;
        loop {
            match self.peek(0)? {
                b'\\' if quote == b'"' => self.at += 1 + usize::from(self.peek(1).is_some_and(|next| next != b'\n')),
                b'\'' if quote == b'\'' && self.peek(1) == Some(b'\'') => self.at += 2,
                b'\n' => {
                    self.at += 1;
                    self.line_start = self.at;
                }
                byte => {
                    self.at += 1;
                    if byte == quote {
                        return Some(Token::Quoted { range: start..self.at, column });
                    }
                }
            }
        }
    }

    /// The action that begins here, when it ends.
    fn action(&mut self) -> Option<Token> {
        let mark = self.peek(1)?;
        let kind = ENDS.iter().position(|(begins, _)| *begins == mark)?;
        if self.missing[kind] {
            return None;
        }
        let (start, end) = (self.at, ENDS[kind].1);
        let Some(length) = self.text[start + 2..].find(end) else {
            self.missing[kind] = true;
            return None;
        };
        self.at = start + 2 + length + end.len();
        if let Some(newline) = self.text[start..self.at].rfind('\n') {
            self.line_start = start + newline + 1;
        }
        Some(Token::Action)
    }

    /// Steps over a block scalar: its header, and the lines that stand further in than its parent.
    fn block_scalar(&mut self) {
        self.skip_line();
        while self.peek(0).is_some() {
            let line = self.at + 1;
            let text = &self.text[line.min(self.text.len())..];
            let spaces = text.bytes().take_while(|byte| *byte == b' ').count();
            let is_blank = matches!(text.as_bytes().get(spaces), None | Some(b'\n' | b'\r'));
            if !is_blank && spaces as isize <= self.parent {
                return;
            }
            self.line_start = line;
            self.at = text.find('\n').map_or(self.text.len(), |length| line + length);
        }
    }

    /// Steps over a plain scalar, up to what ends it on its line.
    fn plain(&mut self) {
        let column = self.column() as isize;
        let mut last = b' ';
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => {
                    self.plain = (self.flow == 0 && column > self.indent).then_some(self.parent);
                    return;
                }
                b':' if self.is_space(1) => {
                    // What stood here was a key.
                    if self.flow == 0 {
                        self.parent = column;
                    }
                    return;
                }
                b'#' if matches!(last, b' ' | b'\t') => return,
                b',' | b'[' | b']' | b'{' | b'}' if self.flow > 0 => return,
                _ => self.at += 1,
            }
            last = byte;
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => self.line_break(),
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'#' => self.skip_line(),
                b'"' | b'\'' => {
                    let column = self.column() as isize;
                    let Some(token) = self.quoted(byte) else {
                        self.at = self.text.len();
                        return None;
                    };
                    if self.flow == 0 && self.peek(0) == Some(b':') {
                        self.parent = column;
                    }
                    return Some(token);
                }
                b'|' | b'>' if self.flow == 0 => self.block_scalar(),
                b'-' | b'?' if self.flow == 0 && self.is_space(1) => {
                    self.parent = self.column() as isize;
                    self.at += 1;
                }
                b':' if self.is_space(1) || self.flow > 0 => self.at += 1,
                b'&' | b'!' | b'*' => {
                    let rest = &self.text[self.at..];
                    let ends =
                        |c: char| c.is_whitespace() || (self.flow > 0 && matches!(c, ',' | '[' | ']' | '{' | '}'));
                    self.at += rest.find(ends).unwrap_or(rest.len()).max(1);
                }
                b'{' | b'[' => {
                    if byte == b'{'
                        && let Some(action) = self.action()
                    {
                        return Some(action);
                    }
                    self.flow += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    self.flow = self.flow.saturating_sub(1);
                    self.at += 1;
                }
                b',' if self.flow > 0 => self.at += 1,
                b'-' if self.column() == 0 && self.text[self.at..].starts_with("---") && self.is_space(3) => {
                    (self.at, self.flow, self.parent) = (self.at + 3, 0, -1);
                }
                _ => self.plain(),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quotes(text: &str) -> Vec<&str> {
        let quoted = |token| match token {
            Token::Quoted { range, .. } => Some(&text[range]),
            Token::Action => None,
        };
        Lexer::new(text).filter_map(quoted).collect()
    }

    fn has_action(text: &str) -> bool {
        Lexer::new(text).any(|token| token == Token::Action)
    }

    #[test]
    fn quotes_are_found_where_scalars_begin() {
        let text = "a: 'it''s'\n\"b\": it's # don't\nc: |\n  \"no\n\n  'no\nd: [\"x\\\"y\", don't, 'z\n  z']\n- - >-\n    \"no\n\
                    e: text\n   \"no\"\n   'no'\nf: \"last\"\n";
        assert_eq!(quotes(text), ["'it''s'", "\"b\"", "\"x\\\"y\"", "'z\n  z'", "\"last\""]);
        assert_eq!(quotes("a: 'b'\nc: \"not closed\nd: 'e'"), ["'b'"]);
    }

    #[test]
    fn actions_are_found_where_values_begin() {
        for text in [
            "a: {{ .b }}\n",
            "{{- if .a }}\na: b\n{{- end }}\n",
            "- {{ a }}\n",
            "a: [b, {{ c }}]\n",
            "a:\n  {{- toYaml .b | nindent 2 }}\n",
            "a: {b: {{ c }}}\n",
            "{{ .key }}: b\n",
            "{% for a in b %}\n",
            "{# a\nb #}\na: b\n",
            "a: b\n{{/* two\nlines */}}\nc: d\n",
            "{\"a\": {{ b }}}",
            "a: \"b\"\nc: |\n  x\n{{ d }}\n",
            "a: text\n{{ b }}\n",
            "a: &b {{ c }}\n",
        ] {
            assert!(has_action(text), "{text}");
        }
    }

    #[test]
    fn what_looks_like_an_action_inside_of_a_scalar_or_a_comment_is_text() {
        for text in [
            "a: \"{{ .b }}\"\n",
            "a: '{% b %}'\n",
            "a: b-{{ c }}\n",
            "a: ${{ b }}\n",
            "a: |\n  {{ b }}\n  {% c %}\n",
            "- >-\n  {{ b }}\n",
            "# {{ a }}\nb: c\n",
            "a: Pod {{ $labels.pod }}\n  {{ $value }} restarts\n\n  {{ too }}\nb: c\n",
            "{\"a\": \"{{ b }}\"}",
            "a: {{ b\n",
            "a: {b: {c: d}}\n",
            "a: [{}]\n",
            "--- |\n{{ a }}\n",
        ] {
            assert!(!has_action(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "[-a:{}%#|>'\"\\[\\], \\n\\t€\\\\&]{0,60}") {
            for token in Lexer::new(&text) {
                if let Token::Quoted { range, .. } = token {
                    let quoted = text.get(range).unwrap();
                    prop_assert!(quoted.len() >= 2 && quoted.starts_with(['"', '\'']));
                }
            }
        }
    }
}
