//! Messages and prose of rules as the forms have them: what stands between backticks is code, the rest words.

use crate::visible::visible;

/// `1 document`, `2 documents`.
pub fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
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

/// Blocks of Markdown as rules write it; anything else in it is words.
pub fn blocks(text: &str) -> Vec<Prose> {
    let mut blocks: Vec<Prose> = Vec::new();
    let mut open: Option<Prose> = None;
    for line in text.lines() {
        if let Some(Prose::Code(code)) = &mut open {
            if line.trim_start().starts_with("```") {
                blocks.extend(open.take());
            } else {
                code.push_str(line);
                code.push('\n');
            }
            continue;
        }
        let words = line.trim();
        let item = words.strip_prefix("* ").or_else(|| words.strip_prefix("- "));
        if words.starts_with("```") {
            blocks.extend(open.replace(Prose::Code(String::new())));
        } else if words.is_empty() {
            blocks.extend(open.take());
        } else if let Some(item) = item {
            blocks.extend(open.replace(Prose::Item(item.to_owned())));
        } else if let Some(Prose::Words(known) | Prose::Item(known)) = &mut open {
            known.push(' ');
            known.push_str(words);
        } else {
            open = Some(Prose::Words(words.to_owned()));
        }
    }
    blocks.extend(open);
    blocks
}

/// A block of what a rule says.
#[derive(Debug, PartialEq, Eq)]
pub enum Prose {
    /// A paragraph.
    Words(String),
    /// An element of a list.
    Item(String),
    /// Code, verbatim.
    Code(String),
}

/// A message as Markdown has it, on one line, also in a table's cell: it formats nothing, links nothing, mentions nobody.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for part in code_spans(&visible(text)) {
        match part {
            Part::Code(code) => out.push_str(&markdown_code(code)),
            Part::Text(words) => {
                let mut letters = words.chars().peekable();
                while let Some(letter) = letters.next() {
                    match letter {
                        '@' => out.push_str("&#64;"),
                        '&' if letters.peek().is_some_and(|next| *next == '#' || next.is_alphanumeric()) => {
                            out.push_str("&amp;");
                        }
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
    fn markdown_keeps_names_as_code() {
        assert_eq!(markdown("container `a_b` is *bad*, @you | `x|y` ` <b>"), {
            "container `a_b` is \\*bad\\*, &#64;you \\| `x\\|y` \\` &lt;b\\>"
        });
        assert_eq!(markdown_code("a``b`"), "``` a``b` ```");
    }

    #[test]
    fn prose_is_paragraphs_lists_and_code() {
        let text = "One\ntwo.\n\n* a\n  b\n* c\n\n```yaml\nx:\n  y\n```\nend";
        assert_eq!(
            blocks(text),
            [
                Prose::Words("One two.".to_owned()),
                Prose::Item("a b".to_owned()),
                Prose::Item("c".to_owned()),
                Prose::Code("x:\n  y\n".to_owned()),
                Prose::Words("end".to_owned()),
            ]
        );
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
    }
}
