//! The exec form: a JSON array of strings, with the place of every string.

use std::ops::Range;

/// What an instruction's arguments are when read as JSON.
pub(super) enum Exec {
    /// An array of strings, decoded; each with the range between its quotes.
    Strings(Vec<(String, Range<usize>)>),
    /// A valid array that holds something else than strings, which BuildKit refuses.
    NotStrings,
    /// Not a JSON array: the shell form.
    Shell,
}

/// Decides between exec and shell form as BuildKit does: the whole text must be a valid JSON array.
pub(super) fn parse(text: &str) -> Exec {
    let trimmed = text.trim_start();
    if !trimmed.starts_with('[') {
        return Exec::Shell;
    }
    let mut cursor = Cursor { text, at: text.len() - trimmed.len() + 1 };
    match cursor.strings() {
        Some(strings) => Exec::Strings(strings),
        // Skips values without recursion, so nesting is no danger here.
        None if serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok() => Exec::NotStrings,
        None => Exec::Shell,
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The strings up to the closing bracket, which must end the text.
    fn strings(&mut self) -> Option<Vec<(String, Range<usize>)>> {
        let mut strings = Vec::new();
        self.skip_space();
        if !self.eat(b']') {
            loop {
                self.skip_space();
                strings.push(self.string()?);
                self.skip_space();
                if self.eat(b']') {
                    break;
                }
                if !self.eat(b',') {
                    return None;
                }
            }
        }
        self.skip_space();
        (self.at == self.text.len()).then_some(strings)
    }

    fn string(&mut self) -> Option<(String, Range<usize>)> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        let mut value = String::new();
        loop {
            let run = self.text[self.at..].find(|c: char| c == '"' || c == '\\' || c < ' ')?;
            value.push_str(&self.text[self.at..self.at + run]);
            self.at += run;
            match self.peek()? {
                b'"' => break,
                b'\\' => value.push(self.escape()?),
                _ => return None,
            }
        }
        self.at += 1;
        Some((value, start..self.at - 1))
    }

    fn escape(&mut self) -> Option<char> {
        self.at += 1;
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return None,
        })
    }

    /// A `\u` escape; a surrogate without its partner becomes U+FFFD, as in Go.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if let Some(character) = char::from_u32(first) {
            return Some(character);
        }
        let before = self.at;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            }
            self.at = before;
        }
        Some(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
