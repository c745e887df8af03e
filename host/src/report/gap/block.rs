//! A document of headings, tables and lists, written as Markdown or as HTML.
//!
//! Texts are messages, in which names stand between backticks; each writer escapes everything else.

use crate::report::html::{Message, page, prose};
use crate::report::text::{Prose, blocks, markdown};
use crate::visible::{Lines, visible_lines};
use maud::{Markup, html};
use std::fmt::{self, Write as _};

/// A part of the document.
pub(super) enum Block {
    /// From 1.
    Heading(u8, String),
    Paragraph(String),
    /// A label in bold, and what belongs to it.
    Field(&'static str, String),
    /// A label in bold, and what a rule says, Markdown.
    Prose(&'static str, String),
    List(Vec<String>),
    Table(&'static [&'static str], Vec<Vec<String>>),
    /// YAML, and where it belongs.
    Yaml(String, String),
}

/// A name or path as code in a message.
pub(super) fn code(name: &str) -> String {
    format!("`{}`", name.replace('`', "'"))
}

pub(super) fn write_markdown(document: &[Block]) -> String {
    let mut out = String::new();
    for block in document {
        if !out.is_empty() {
            out.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = markdown_block(block, &mut out);
    }
    visible_lines(&out).into_owned()
}

fn markdown_block(block: &Block, out: &mut String) -> fmt::Result {
    match block {
        Block::Heading(level, title) => writeln!(out, "{} {}", "#".repeat(usize::from(*level)), markdown(title)),
        Block::Paragraph(text) => writeln!(out, "{}", markdown(text)),
        Block::Field(label, text) => writeln!(out, "**{label}**: {}", markdown(text)),
        Block::Prose(label, text) => {
            write!(out, "**{label}**: ")?;
            let mut first = true;
            for block in blocks(text) {
                let separator = if std::mem::take(&mut first) { "" } else { "\n" };
                match block {
                    Prose::Words(words) => writeln!(out, "{separator}{}", markdown(&words))?,
                    Prose::Item(item) => writeln!(out, "{separator}- {}", markdown(&item))?,
                    Prose::Code(code) => fenced("", &code, out)?,
                }
            }
            Ok(())
        }
        Block::List(items) => items.iter().try_for_each(|item| writeln!(out, "- {}", markdown(item))),
        Block::Table(head, rows) => {
            writeln!(out, "| {} |", head.join(" | "))?;
            writeln!(out, "|{}", " --- |".repeat(head.len()))?;
            rows.iter().try_for_each(|row| {
                let cells: Vec<String> = row.iter().map(|cell| markdown(cell)).collect();
                writeln!(out, "| {} |", cells.join(" | "))
            })
        }
        Block::Yaml(place, yaml) => {
            writeln!(out, "For {}:\n", markdown(place))?;
            fenced("yaml", yaml, out)
        }
    }
}

/// In a fence that the code cannot close.
fn fenced(language: &str, code: &str, out: &mut String) -> fmt::Result {
    let longest = code.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "{fence}{language}\n{}\n{fence}", visible_lines(code).trim_end())
}

pub(super) fn write_html(title: &str, document: &[Block]) -> String {
    let body = html! {
        main { @for block in document { (html_block(block)) } }
        footer { "policy-host " (env!("CARGO_PKG_VERSION")) }
    };
    page(title, body, "")
}

fn html_block(block: &Block) -> Markup {
    match block {
        Block::Heading(1, title) => html! { h1 { (Message(title)) } },
        Block::Heading(2, title) => html! { h2 { (Message(title)) } },
        Block::Heading(3, title) => html! { h3 { (Message(title)) } },
        Block::Heading(_, title) => html! { h4 { (Message(title)) } },
        Block::Paragraph(text) => html! { p { (Message(text)) } },
        Block::Field(label, text) => html! { p { strong { (label) } ": " (Message(text)) } },
        Block::Prose(label, text) => html! { p { strong { (label) } ":" } (prose(text)) },
        Block::List(items) => html! { ul { @for item in items { li { (Message(item)) } } } },
        Block::Table(head, rows) => html! {
            table {
                thead { tr { @for cell in *head { th scope="col" { (cell) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (Message(cell)) } } } } }
            }
        },
        Block::Yaml(place, yaml) => html! {
            p { "For " (Message(place)) ":" }
            pre { code { (Lines(yaml.trim_end())) } }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fence_holds_what_would_close_it() {
        let mut out = String::new();
        fenced("yaml", "a: |\n  ```\n  <b>\n", &mut out).unwrap();
        assert_eq!(out, "````yaml\na: |\n  ```\n  <b>\n````\n");
    }

    proptest! {
        #[test]
        fn no_text_makes_an_element(text in any::<String>()) {
            let blocks = || vec![
                Block::Heading(1, text.clone()), Block::Paragraph(text.clone()), Block::Prose("Fix", text.clone()),
                Block::List(vec![text.clone()]), Block::Table(&["a"], vec![vec![text.clone()]]),
                Block::Yaml(text.clone(), text.clone()),
            ];
            let elements = |html: &str| html.matches('<').count() - html.matches("<code>").count() * 2;
            let plain: Vec<Block> = blocks();
            let html = write_html("title", &plain);
            // Prose may hold paragraphs and items, which are elements of its own.
            let expected = elements(&write_html("title", &[]));
            prop_assert!(elements(&html) >= expected);
            prop_assert!(!html.to_lowercase().contains("<script"));
        }
    }
}
