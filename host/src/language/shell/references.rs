//! `$(NAME)` in what a container runs, which Kubernetes fills in before anybody sees it.

use super::parse::Parser;
use super::syntax::{What, Word};
use std::ops::Range;

/// Bytes of the `$(NAME)` that a text begins with. A name is what Kubernetes takes for one of a variable.
fn length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("$(")?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let name = inner.bytes().take_while(|byte| is_part(byte)).count();
    let is_name = name > 0 && !inner.starts_with(|first: char| first.is_ascii_digit());
    (is_name && inner[name..].starts_with(')')).then_some(name + "$()".len())
}

/// Bytes up to the second `$` of a text that may begin with one.
pub(super) fn up_to_next(text: &str) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    text[first..].find('$').map_or(text.len(), |next| first + next)
}

/// A word of a container's command or arguments: `$$` is one `$`, a `$(NAME)` is not known.
pub(super) fn word(text: &str, range: Range<usize>) -> Word {
    let mut word = Word::new(range.start);
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..range.end];
        if let Some(length) = length(rest) {
            let start = word.text.len();
            word.text.push_str(&rest[..length]);
            word.map.verbatim(at..at + length);
            word.part(start, false, What::Reference { name: rest[2..length - 1].to_owned() });
            at += length;
        } else if rest.starts_with("$$") {
            word.text.push('$');
            word.map.escaped(1, at..at + 2);
            at += 2;
        } else {
            let length = up_to_next(rest);
            word.text.push_str(&rest[..length]);
            word.map.verbatim(at..at + length);
            at += length;
        }
    }
    word.ended(range.end)
}

impl Parser<'_> {
    /// Takes the `$(NAME)` that comes next, where Kubernetes fills it in. In a script it may also be a command, of which
    /// hardly any has a name in capitals.
    pub(super) fn reference(&mut self, word: &mut Word, quoted: bool) -> bool {
        let Some(length) = self.reference_length() else { return false };
        let name = self.rest()[2..length - 1].to_owned();
        let start = word.text.len();
        self.literal(word, length);
        word.part(start, quoted, What::Reference { name });
        true
    }

    fn reference_length(&self) -> Option<usize> {
        let length = length(self.rest()).filter(|_| self.references)?;
        let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        self.rest()[2..length - 1].bytes().all(is_capital).then_some(length)
    }
}
