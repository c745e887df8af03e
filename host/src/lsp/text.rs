//! A text and its places as editors count them: lines from 0, characters in UTF-16 units.

use crate::evaluate::Secrets;
use crate::fix::differences;
use lsp_types::{Position, Range, TextEdit};
use std::ops;

/// A text with the starts of its lines.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    lines: Vec<usize>,
}

impl Text {
    pub(super) fn new(text: String) -> Self {
        let bytes = text.as_bytes();
        let ends = |at: usize| bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        let starts = (0..bytes.len()).filter(|at| ends(*at)).map(|at| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { text, lines }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The byte offset of a place; one that is not there is the nearest before it.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.lines.get(line).copied() else { return self.text.len() };
        let end = self.lines.get(line + 1).copied().unwrap_or(self.text.len());
        let mut units = 0;
        for (at, character) in self.text[start..end].char_indices() {
            units += character.len_utf16();
            if units > position.character as usize || matches!(character, '\n' | '\r') {
                return start + at;
            }
        }
        end
    }

    /// The place of a byte offset; one within a character is the character's.
    pub(super) fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|start| *start <= offset) - 1;
        let character: usize = self.text[self.lines[line]..offset].chars().map(char::len_utf16).sum();
        Position { line: line as u32, character: character as u32 }
    }

    /// The end of the character at an offset, on its line: what has no extent of its own is hard to see.
    pub(super) fn character_end(&self, offset: usize) -> usize {
        let character = self.text.get(offset..).and_then(|rest| rest.chars().next());
        offset + character.filter(|character| !matches!(character, '\n' | '\r')).map_or(0, char::len_utf8)
    }

    pub(super) fn range(&self, bytes: std::ops::Range<usize>) -> Range {
        Range { start: self.position(bytes.start), end: self.position(bytes.end.max(bytes.start)) }
    }

    /// The text with a part of it replaced; a range that ends before it starts is empty.
    pub(super) fn replaced(&self, range: Range, new: &str) -> Self {
        let start = self.offset(range.start);
        let end = self.offset(range.end).max(start);
        Self::new([&self.text[..start], new, &self.text[end..]].concat())
    }

    /// The edits that make `new` of this text, each as small as it can be, in their order; none of them overlap.
    pub(super) fn edits_to(&self, new: &str, secrets: &Secrets) -> Vec<TextEdit> {
        let old = self.text.as_str();
        let edit = |(range, text): (ops::Range<usize>, String)| self.edit(old, range, text);
        differences(old, new, secrets).into_iter().map(edit).collect()
    }

    fn edit(&self, old: &str, mut range: ops::Range<usize>, mut text: String) -> TextEdit {
        // A place between the two characters of a line's end cannot be named.
        let splits = |at: usize| old[..at].ends_with('\r') && old[at..].starts_with('\n');
        if splits(range.end) {
            range.end += 1;
            text.push('\n');
        }
        if splits(range.start) {
            range.start -= 1;
            text.insert(0, '\r');
        }
        TextEdit { range: self.range(range), new_text: text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn places_are_counted_in_utf_16() {
        let text = Text::new("a: 🦀x\r\nb: é\rc".to_owned());
        assert_eq!(text.offset(at(0, 5)), 7);
        assert_eq!(text.position(7), at(0, 5));
        // Within a character, behind a line's end, behind the last line.
        assert_eq!(text.offset(at(0, 4)), 3);
        assert_eq!(text.offset(at(0, 99)), 8);
        assert_eq!(text.offset(at(1, 4)), 15);
        assert_eq!(text.offset(at(2, 0)), 16);
        assert_eq!(text.offset(at(99, 0)), 17);
    }

    fn edited(text: Text, new: &str) -> String {
        let edits = text.edits_to(new, &Secrets::default());
        // From the last on, as editors do it: all places are those of the text as it was.
        edits.into_iter().rev().fold(text, |text, edit| text.replaced(edit.range, &edit.new_text)).text
    }

    proptest! {
        #[test]
        fn every_offset_comes_back(text in "[a🦀é\r\n]{0,24}") {
            let text = Text::new(text);
            for (offset, character) in text.as_str().char_indices() {
                let is_end = character == '\n' && text.as_str()[..offset].ends_with('\r');
                if !is_end {
                    prop_assert_eq!(text.offset(text.position(offset)), offset);
                }
            }
        }

        #[test]
        fn an_edit_makes_the_new_text(old in "[ab🦀\n]{0,16}", new in "[ab🦀\n]{0,16}") {
            let text = Text::new(old);
            prop_assert_eq!(edited(text, &new), new);
        }

        #[test]
        fn an_edit_keeps_line_ends_whole(old in "[a\r\n]{0,12}", new in "[a\r\n]{0,12}") {
            let text = Text::new(old);
            prop_assert_eq!(edited(text, &new), new);
        }

        #[test]
        fn any_range_can_be_replaced(text in "\\PC{0,16}", line: u32, character: u32, other: u32) {
            let range = Range { start: at(line, character), end: at(other, line) };
            Text::new(text).replaced(range, "x");
        }
    }
}
