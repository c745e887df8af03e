//! Texts of others as each form may hold them: rules, manifests and file names can say anything.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// A text on one line that moves no cursor and starts no escape sequence: what is not to be seen is written `\u{…}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape_hidden(text, false)
}

/// The same, with line breaks and tabs left as they are.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escape_hidden(text, true)
}

fn escape_hidden(text: &str, lines: bool) -> Cow<'_, str> {
    let hidden = |letter: char| is_hidden(letter) && !(lines && matches!(letter, '\n' | '\t'));
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            letter if !hidden(letter) => out.push(letter),
            '\n' | '\t' => out.push(' '),
            // Writing to a String cannot fail.
            letter => drop(write!(out, "{}", letter.escape_unicode())),
        }
    }
    Cow::Owned(out)
}

/// Controls, what turns the direction of reading, and what XML has no place for.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(letter, '\u{fffe}' | '\u{ffff}')
}

/// A text as HTML has it, between tags and in quoted attributes.
pub struct Html<'t>(pub &'t str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest: &str = &visible_lines(self.0);
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, from) = rest.split_at(at);
            f.write_str(before)?;
            f.write_str(match from.as_bytes()[0] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &from[1..];
        }
        f.write_str(rest)
    }
}

/// The parts of a message: names stand between backticks. A backtick without a partner is itself.
pub fn code_spans(text: &str) -> impl Iterator<Item = Part<'_>> {
    let pairs = text.matches('`').count() / 2 * 2;
    let mut rest = Some(text);
    let mut index = 0;
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let part = match (index < pairs).then(|| text.split_once('`')).flatten() {
            Some((part, after)) => {
                rest = Some(after);
                part
            }
            None => text,
        };
        index += 1;
        Some(if index % 2 == 0 { Part::Code(part) } else { Part::Text(part) })
    })
}

/// A part of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'t> {
    /// Words.
    Text(&'t str),
    /// A name or value.
    Code(&'t str),
}

/// A message as Markdown has it, on one line, also in a table's cell: it formats nothing, links nothing, mentions nobody.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for part in code_spans(&visible(text)) {
        match part {
            Part::Code(code) => out.push_str(&markdown_code(code)),
            Part::Text(words) => {
                for letter in words.chars() {
                    match letter {
                        '@' => out.push_str("&#64;"),
                        '&' => out.push_str("&amp;"),
                        '<' => out.push_str("&lt;"),
                        '\\' | '`' | '*' | '_' | '[' | ']' | '>' | '|' | '~' | '#' | '!' => out.extend(['\\', letter]),
                        letter => out.push(letter),
                    }
                }
            }
        }
    }
    out
}

/// A name or path as code in Markdown, on one line, also in a table's cell.
pub fn markdown_code(code: &str) -> String {
    let code = visible(code).replace('|', "\\|");
    let longest = code.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // A backtick at an end, or nothing at all, would otherwise be read as part of the fence.
    let space = if code.is_empty() || code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{code}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_hidden_is_shown() {
        assert_eq!(visible("a\u{1b}[31mb\nc\u{202e}"), "a\\u{1b}[31mb c\\u{202e}");
        assert_eq!(visible_lines("a\n\tb\r"), "a\n\tb\\u{d}");
    }

    #[test]
    fn html_has_no_way_out() {
        let text = "</script><img src=x onerror='a(\"b\")'>&";
        assert_eq!(Html(text).to_string(), "&lt;/script&gt;&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;");
    }

    #[test]
    fn markdown_keeps_names_as_code() {
        assert_eq!(markdown("container `a_b` is *bad*, @you | `x|y` ` <b>"), {
            "container `a_b` is \\*bad\\*, &#64;you \\| `x\\|y` \\` &lt;b\\>"
        });
        assert_eq!(markdown_code("a``b`"), "``` a``b` ```");
    }

    proptest! {
        #[test]
        fn parts_are_the_whole_text(text in "[a`]{0,12}") {
            let joined: String = code_spans(&text)
                .map(|part| match part {
                    Part::Text(text) => text.to_owned(),
                    Part::Code(code) => format!("`{code}`"),
                })
                .collect();
            prop_assert_eq!(joined, text);
        }

        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            prop_assert!(!visible(&text).contains(is_hidden));
        }
    }
}
