//! Here-documents (XCU 2.7.4): their bodies, on the lines behind the one that opens them.

use super::parse::{Parser, Pending};
use super::syntax::{Unread, Word};
use crate::document::{SourceMap, Span};
use std::ops::Range;
use std::sync::Arc;

impl Parser<'_> {
    /// Reads the bodies of the here-documents that were opened; the next line begins here.
    pub(super) fn read_heredocs(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let body = self.read_body(&pending);
            if let Some(slot) = self.bodies.get_mut(pending.heredoc) {
                *slot = Some(body);
            }
        }
    }

    /// Here-documents whose line is the last one have empty bodies.
    pub(super) fn finish_heredocs(&mut self) {
        self.at = self.text.len();
        self.read_heredocs();
    }

    /// The lines up to the delimiter, or to the end, as shells take them.
    fn read_body(&mut self, pending: &Pending) -> Word {
        let start = self.at;
        let mut lines: Vec<Range<usize>> = Vec::new();
        loop {
            let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
            let tabs = if pending.chomp { line.len() - line.trim_start_matches('\t').len() } else { 0 };
            let content = line[tabs..].trim_end_matches(['\r', '\n']);
            let range = self.at + tabs..self.at + line.len();
            self.at += line.len();
            if line.is_empty() || content == pending.delimiter {
                break;
            }
            lines.push(range);
        }
        let end = lines.last().map_or(start, |line| line.end);
        let mut map = SourceMap::within(Span::new(start, end));
        let mut text = String::new();
        for line in lines {
            text.push_str(&self.text[line.clone()]);
            map.verbatim(line);
        }
        if !pending.quoted && text.contains(['$', '`', '\\']) {
            return self.expanded(&text, map, start..end);
        }
        Word { at: start..end, text, map, parts: Vec::new(), quoted: pending.quoted }
    }

    /// The body of a here-document in which a shell expands variables and runs commands.
    fn expanded(&mut self, text: &str, map: SourceMap, at: Range<usize>) -> Word {
        let mut inner = Parser::new(text, self.depth + 1);
        match inner.body() {
            Ok(word) => {
                self.unread.append(&mut inner.unread);
                Word { at, ..word.moved(&Arc::new(map)) }
            }
            Err(stop) => {
                self.unread.push(Unread { at: at.clone(), reason: stop.reason });
                Word { at, text: text.to_owned(), map, parts: Vec::new(), quoted: false }
            }
        }
    }
}
