//! New YAML and JSON text for values.

use crate::document::{Format, write_json_string};
use crate::parse::Scalars;
use crate::parse::yaml::is_plain_string;
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
                    Value::String(text) if is_literal(text) => {
                        let end = if text.ends_with('\n') { "" } else { "-" };
                        headed(format!("{key}: |{end}"), text.lines().map(str::to_owned).collect(), 2)
                    }
                    _ => vec![format!("{key}: {}", below.concat())],
                }
            })
            .collect(),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .flat_map(|item| {
                let lines = block_lines(item, sequence_indent);
                lines.into_iter().enumerate().map(|(index, line)| match index {
                    0 => format!("- {line}"),
                    _ if line.is_empty() => line,
                    _ => format!("  {line}"),
                })
            })
            .collect(),
        other => vec![flow_text(other, Format::Yaml)],
    }
}

fn headed(head: String, below: Vec<String>, indent: usize) -> Vec<String> {
    let indent = " ".repeat(indent);
    let indented = |line: String| if line.is_empty() { line } else { format!("{indent}{line}") };
    std::iter::once(head).chain(below.into_iter().map(indented)).collect()
}

/// Whether a text of several lines can stand as it is, in a literal block, and be read back the same.
fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let printable = |c: char| c == '\n' || (!c.is_control() && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}'));
    body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body.chars().all(printable)
        && body.lines().all(|line| !line.ends_with(' '))
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
    if format == Format::Json { quoted } else { escape_unprintable(&quoted) }
}

/// YAML refuses some characters that JSON takes as they are (YAML 1.2.2, `c-printable`).
fn escape_unprintable(quoted: &str) -> String {
    let is_refused =
        |c: char| matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    quoted.chars().fold(String::with_capacity(quoted.len()), |mut out, c| {
        if is_refused(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
        out
    })
}
