//! New YAML and JSON text for values.

use crate::document::{Format, write_json_string};
use crate::parse::Scalars;
use crate::parse::yaml::is_plain_string;
use crate::visible::{has_hidden, visible_json, visible_yaml};
use serde_json::Value;

/// A document in block style.
pub fn write_yaml(value: &Value) -> String {
    let mut text = block_lines(value, 2).join("\n");
    text.push('\n');
    text
}

/// A value on one line.
pub(super) fn flow_text(value: &Value, format: Format) -> String {
    match value {
        Value::String(text) => string_text(text, format),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow_text(item, format)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entry =
                |(key, value): (&String, &Value)| format!("{}: {}", key_text(key, format), flow_text(value, format));
            let entries: Vec<String> = map.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A key.
pub(super) fn key_text(key: &str, format: Format) -> String {
    string_text(key, format)
}

/// A value in block style, a line an element, without the indentation of the place it goes to.
pub(super) fn block_lines(value: &Value, sequence_indent: usize) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .flat_map(|(key, value)| {
                let key = key_text(key, Format::Yaml);
                let below = block_lines(value, sequence_indent);
                match value {
                    Value::Object(map) if !map.is_empty() => headed(format!("{key}:"), below, 2),
                    Value::Array(items) if !items.is_empty() => headed(format!("{key}:"), below, sequence_indent),
                    _ => behind(&format!("{key}: "), below),
                }
            })
            .collect(),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .flat_map(|item| {
                let mut lines = behind("- ", block_lines(item, sequence_indent));
                lines.iter_mut().skip(1).for_each(|line| indent(line, 2));
                lines
            })
            .collect(),
        Value::String(text) if is_literal(text) => literal_lines(text),
        other => vec![flow_text(other, Format::Yaml)],
    }
}

fn headed(head: String, mut below: Vec<String>, columns: usize) -> Vec<String> {
    below.iter_mut().for_each(|line| indent(line, columns));
    below.insert(0, head);
    below
}

/// Lines of which the first goes behind something on its line.
fn behind(head: &str, mut lines: Vec<String>) -> Vec<String> {
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, head);
    }
    lines
}

fn indent(line: &mut String, columns: usize) {
    // An empty line of a literal block stays empty.
    if !line.is_empty() {
        line.insert_str(0, &" ".repeat(columns));
    }
}

/// Whether a text of several lines reads better, and reads back the same, as a literal block.
fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        // The first line tells how far the block is indented, the last whether it ends with a line break.
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && !has_hidden(body)
        && !body.contains(['\t', '\r'])
        && !body.lines().any(|line| line.ends_with(' '))
}

fn literal_lines(text: &str) -> Vec<String> {
    let head = if text.ends_with('\n') { "|" } else { "|-" };
    headed(head.to_owned(), text.lines().map(str::to_owned).collect(), 2)
}

/// A string: plain only where no YAML reader could take it for anything else.
fn string_text(text: &str, format: Format) -> String {
    let harmless =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '%' | '+' | '=' | '@' | ':');
    let plain = format != Format::Json
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.'))
        && text.chars().all(harmless)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.starts_with("---")
        && is_plain_string(text, Scalars::Kubernetes)
        && is_plain_string(text, Scalars::Core12)
        // YAML 1.1 readers take `12:30` for a number in base 60.
        && !text.starts_with(|c: char| c.is_ascii_digit()) | !text.contains(':');
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::new();
    write_json_string(text, &mut quoted);
    if format == Format::Json { visible_json(&quoted) } else { visible_yaml(&quoted) }.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn several_lines_are_a_literal_block() {
        let value =
            json!({ "rego": "package a\n\n  b := 1\n", "list": ["x\ny", { "cel": "f(\n  1)" }], "one": "line" });
        let expected = "\
rego: |
  package a

    b := 1
list:
  - |-
      x
      y
  - cel: |-
      f(
        1)
one: line
";
        assert_eq!(write_yaml(&value), expected);
    }

    #[test]
    fn what_a_literal_block_would_change_is_quoted() {
        for text in ["one\n", " x\ny", "\nx\ny", "x\ny\n\n", "x \ny", "x\r\ny", "x\n\ty", "x\n\u{85}y", "\n"] {
            let written = write_yaml(&json!({ "key": text }));
            assert!(written.starts_with("key: \""), "{written}");
        }
    }
}
