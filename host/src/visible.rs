//! Texts of others, made visible: rules, manifests, file names, registries and arguments can say anything, and what
//! they say goes to terminals, logs and pages.
//!
//! A text that went through here moves no cursor, starts no escape sequence, turns no direction of reading, hides no
//! letter and starts no command of a CI runner. What would is written as an escape, so that it can be seen. Letters
//! that make other letters look different (emoji selectors) stay.
//!
//! Each value goes through [`visible`], which keeps it on its line; a whole form goes through [`visible_lines`],
//! [`visible_styled`] or [`visible_json`] once more where it leaves, in case a value was forgotten. What was escaped
//! once stays as it is.

use maud::Render;
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// A text on one line: line breaks and tabs are spaces.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, Keeps::Nothing)
}

/// The same, with line breaks and tabs left as they are.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escape(text, Keeps::Lines)
}

/// The same as [`visible_lines`], with colours and weights (`ESC [ … m`) left as they are too: for text that we have
/// styled ourselves, of values that are visible already.
pub fn visible_styled(text: &str) -> Cow<'_, str> {
    escape(text, Keeps::Styles)
}

/// JSON that says the same, as JSON's own escapes.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    escape_strings(json, |letter, out| {
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail, here and below.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// A double-quoted scalar of YAML that says the same: YAML has no pairs of surrogates.
pub fn visible_yaml(quoted: &str) -> Cow<'_, str> {
    escape_strings(quoted, |letter, out| {
        let _ = match u32::from(letter) {
            code @ ..=0xffff => write!(out, "\\u{code:04x}"),
            code => write!(out, "\\U{code:08x}"),
        };
    })
}

fn escape_strings(text: &str, escaped: fn(char, &mut String)) -> Cow<'_, str> {
    // Outside of strings there are only ASCII letters and white space.
    let special = |letter: char| letter != '\n' && is_hidden(letter);
    if !text.contains(special) && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (at, letter) in text.char_indices() {
        match letter {
            // Strings hold none of these raw.
            '\t' | '\r' => out.push(' '),
            '#' if starts_marker(&text[at..]) => escaped('#', &mut out),
            letter if special(letter) => escaped(letter, &mut out),
            letter => out.push(letter),
        }
    }
    Cow::Owned(out)
}

/// A part of a source made visible, with `\n` for its line ends, in which places are found again.
pub struct VisibleSource<'t> {
    /// The text.
    pub text: Cow<'t, str>,
    /// Places behind which the distance between the two texts is another: in the source, and here.
    moved: Vec<(usize, usize)>,
}

impl<'t> VisibleSource<'t> {
    /// Of a text.
    pub fn new(source: &'t str) -> Self {
        let mut moved = Vec::new();
        let text = escape_moving(source, Keeps::LineFeeds, &mut moved);
        Self { text, moved }
    }

    /// Where a byte of the source is.
    pub fn place(&self, at: usize) -> usize {
        let behind = self.moved.partition_point(|(source, _)| *source <= at);
        let (source, here) = behind.checked_sub(1).map_or((0, 0), |last| self.moved[last]);
        (here + (at - source)).min(self.text.len())
    }
}

/// Anything that can be shown, on one line.
pub struct Visible<T>(pub T);

impl<T: fmt::Display> fmt::Display for Visible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&visible(&self.0.to_string()))
    }
}

/// A text on a page, on one line; maud escapes what HTML would take for its own.
pub struct Line<'t>(pub &'t str);

impl Render for Line<'_> {
    fn render_to(&self, out: &mut String) {
        visible(self.0).render_to(out);
    }
}

/// Code on a page: line breaks and tabs are left as they are.
pub struct Lines<'t>(pub &'t str);

impl Render for Lines<'_> {
    fn render_to(&self, out: &mut String) {
        visible_lines(self.0).render_to(out);
    }
}

/// Whether something in a text would be escaped, so that it cannot be written where escapes are not read.
pub fn has_hidden(text: &str) -> bool {
    matches!(visible_lines(text), Cow::Owned(_))
}

/// What of the special letters is left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Nothing,
    Lines,
    /// The same, but for carriage returns at the end of lines.
    LineFeeds,
    Styles,
}

fn escape(text: &str, keeps: Keeps) -> Cow<'_, str> {
    escape_moving(text, keeps, &mut Vec::new())
}

/// `moved` is where the distance between the text and what comes out changes: behind which byte of each.
fn escape_moving<'t>(text: &'t str, keeps: Keeps, moved: &mut Vec<(usize, usize)>) -> Cow<'t, str> {
    // Nearly every text is plain, and there are many.
    let plain = |byte: u8| matches!(byte, b' '..=b'~') || keeps != Keeps::Nothing && byte == b'\n';
    if text.bytes().all(plain) && !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    // Only white space so far on this line: a runner skips it.
    let mut at_start = true;
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let mut taken = letter.len_utf8();
        let before = out.len();
        match letter {
            '\r' if rest.starts_with("\r\n") => {
                taken = 2;
                out.push_str(match keeps {
                    Keeps::Nothing => " ",
                    Keeps::LineFeeds => "\n",
                    Keeps::Lines | Keeps::Styles => "\r\n",
                });
                at_start |= keeps != Keeps::Nothing;
            }
            '\n' | '\t' if keeps == Keeps::Nothing => out.push(' '),
            '\n' => {
                out.push('\n');
                at_start = true;
            }
            '\t' => out.push('\t'),
            '\u{1b}' if keeps == Keeps::Styles && style_length(rest) > 0 => {
                taken = style_length(rest);
                out.push_str(&rest[..taken]);
            }
            ':' if at_start && rest.starts_with("::") => {
                out.push_str("\\u{3a}");
                at_start = false;
            }
            '#' if starts_marker(rest) => {
                out.push_str("\\u{23}");
                at_start = false;
            }
            letter if is_hidden(letter) => {
                let _ = write!(out, "{}", letter.escape_unicode());
                at_start = false;
            }
            letter => {
                out.push(letter);
                at_start &= letter.is_whitespace();
            }
        }
        rest = &rest[taken..];
        if out.len() - before != taken {
            moved.push((text.len() - rest.len(), out.len()));
        }
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Whether a text begins as a command that runners find anywhere on a line: GitHub's older form, Azure's, TeamCity's.
fn starts_marker(text: &str) -> bool {
    ["##[", "##vso[", "##teamcity["].iter().any(|marker| text.starts_with(marker))
}

/// Bytes of the `ESC [ … m` that a text begins with; 0 for anything else.
fn style_length(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else { return 0 };
    let length = parameters.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')).count();
    if parameters[length..].starts_with('m') { length + 3 } else { 0 }
}

/// Controls, what turns the direction of reading, breaks a line elsewhere than at `\n`, or has no width (Unicode's
/// `Default_Ignorable_Code_Point` but for the selectors of emoji, and tags), and what XML has no place for.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || !letter.is_ascii()
            && matches!(letter,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_hidden_is_shown() {
        assert_eq!(visible("a\u{1b}[31mb\nc\u{202e}"), "a\\u{1b}[31mb c\\u{202e}");
        assert_eq!(visible("a\u{9b}b\u{200b}\u{e0041}\u{2028}"), "a\\u{9b}b\\u{200b}\\u{e0041}\\u{2028}");
        assert_eq!(visible("a\r\nb\rc"), "a b\\u{d}c");
        assert_eq!(visible_lines("a\n\tb\r"), "a\n\tb\\u{d}");
        assert_eq!(visible_lines("a\r\nb"), "a\r\nb");
        // Letters and emoji of any script are not.
        assert_eq!(visible("naïve — 日本 ⚠️"), "naïve — 日本 ⚠️");
    }

    #[test]
    fn no_line_is_a_command_of_a_runner() {
        assert_eq!(visible("::error::x"), "\\u{3a}:error::x");
        assert_eq!(visible_lines("a ::b\n\u{2003}\t::error::x"), "a ::b\n\u{2003}\t\\u{3a}:error::x");
        assert_eq!(visible_styled("\u{1b}[0m::error::x"), "\u{1b}[0m\\u{3a}:error::x");
        assert_eq!(visible("a ##[error]x ##vso[x] ## [a]"), "a \\u{23}#[error]x \\u{23}#vso[x] ## [a]");
        assert_eq!(visible_json("\"##[error]x ::\""), "\"\\u0023#[error]x ::\"");
    }

    #[test]
    fn styles_are_no_other_sequences() {
        assert_eq!(visible_styled("\u{1b}[1;31mx\u{1b}[m"), "\u{1b}[1;31mx\u{1b}[m");
        for other in ["\u{1b}[2J", "\u{1b}]8;;x", "\u{1b}[1", "\u{1b}[1\nm", "\u{1b}"] {
            assert!(!visible_styled(other).contains('\u{1b}'), "{other:?}");
        }
    }

    #[test]
    fn html_has_no_way_out() {
        let text = "</script><img src=x onerror='a(\"b\")'>&";
        assert_eq!(Line(text).render().0, "&lt;/script&gt;&lt;img src=x onerror='a(&quot;b&quot;)'&gt;&amp;");
    }

    #[test]
    fn places_of_a_source_are_found_again() {
        let source = "a: \u{202e}b\r\n::c: \u{1b}d\n";
        let shown = VisibleSource::new(source);
        assert_eq!(shown.text, "a: \\u{202e}b\n\\u{3a}:c: \\u{1b}d\n");
        for letter in ["a", "b", "c", "d"] {
            let at = shown.place(source.find(letter).unwrap());
            assert_eq!(&shown.text[at..=at], letter);
        }
        assert_eq!(shown.place(source.len()), shown.text.len());
    }

    proptest! {
        #[test]
        fn every_place_of_a_source_is_a_place(source in "[a:\r\n\u{202e}\u{1b}é]{0,12}") {
            let shown = VisibleSource::new(&source);
            for (at, _) in source.char_indices() {
                prop_assert!(shown.text.is_char_boundary(shown.place(at)));
            }
        }

        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            prop_assert!(!visible(&text).contains(is_hidden));
            let hidden = |letter: char| is_hidden(letter) && !matches!(letter, '\n' | '\t');
            prop_assert!(!visible_lines(&text).replace("\r\n", "\n").contains(hidden));
        }

        #[test]
        fn no_line_starts_a_command(text in "[: \n\r\t#\\[a\u{2003}\u{1b}m]{0,12}") {
            for shown in [visible(&text), visible_lines(&text), visible_styled(&text)] {
                prop_assert!(!shown.lines().any(|line| line.trim_start().starts_with("::")), "{shown:?}");
                prop_assert!(!shown.contains("##["), "{shown:?}");
            }
            prop_assert!(!visible(&text).contains('\n'));
        }

        #[test]
        fn what_is_visible_stays_as_it_is(text in any::<String>(), command in "[: \n#\\[a]{0,6}") {
            let text = format!("{text}{command}");
            for keeps in [Keeps::Nothing, Keeps::Lines, Keeps::LineFeeds, Keeps::Styles] {
                let once = escape(&text, keeps).into_owned();
                prop_assert_eq!(&escape(&once, keeps), &once);
            }
        }

        #[test]
        fn json_says_the_same(text in any::<String>(), value in "[\u{1}-\u{7f}#\\[\u{80}-\u{a0}\u{200b}\u{e0041}]{0,8}") {
            let value = serde_json::json!({ "text": text, "value": value });
            let json = serde_json::to_string_pretty(&value).unwrap();
            let shown = visible_json(&json);
            prop_assert!(!shown.replace('\n', "").contains(is_hidden));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
