//! Functions that encode values as texts, and read them.

use super::super::number::Decimal;
use super::super::value::{Member, Term, Value};
use super::super::work::Work;
use super::Answer;
use crate::document::{Node, Value as Read};
use crate::parse::json;
use crate::parse::yaml::{self, Scalars};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use std::fmt::Write as _;
use std::rc::Rc;

/// Calls a function of encodings; `None` when it is not one of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let answer = match (name, arguments) {
        ("jsonencode", [only]) => {
            let mut text = String::new();
            match write_json(only, &mut text, work) {
                Some(()) => work.text(text),
                None => known_in_part(only, work),
            }
        }
        ("base64encode", [only]) => only.value.to_text().and_then(|text| work.text(STANDARD.encode(&*text))),
        ("base64decode", [only]) => only.value.to_text().and_then(|text| {
            let bytes = STANDARD.decode(&*text).ok()?;
            work.text(String::from_utf8(bytes).ok()?)
        }),
        ("jsondecode", [only]) => only.value.to_text().and_then(|text| {
            work.bytes(text.len())?;
            decoded(&json::parse(&text, &work.limits_of_text()).ok()?, work)
        }),
        ("yamldecode", [only]) => only.value.to_text().and_then(|text| {
            work.bytes(text.len())?;
            match yaml::split_documents(&text).as_slice() {
                [_] => decoded(&yaml::parse(&text, Scalars::Core12, &work.limits_of_text()).ok()??, work),
                _ => None,
            }
        }),
        ("yamlencode", [only]) => {
            let mut text = String::new();
            write_yaml(&only.value, 0, &mut text, work).and_then(|()| {
                text.push('\n');
                work.text(text)
            })
        }
        ("urlencode", [only]) => only.value.to_text().and_then(|text| work.text(query_escaped(&text))),
        (
            "jsonencode" | "base64encode" | "base64decode" | "jsondecode" | "yamldecode" | "yamlencode" | "urlencode",
            _,
        ) => None,
        _ => return None,
    };
    Some(answer)
}

/// A text that is not known, with the list or the map that it is encoded from.
fn known_in_part(encoded: &Term, work: &Work<'_>) -> Answer {
    let value = matches!(encoded.value, Value::List(_) | Value::Map(_))
        .then(|| Value::Unknown(work.at, Some(Rc::new(encoded.clone()))))?;
    work.depth(value.height())?;
    Some(value)
}

/// Writes JSON as Terraform does: compact, keys in order, and `<`, `>` and `&` escaped.
fn write_json(term: &Term, out: &mut String, work: &mut Work<'_>) -> Option<()> {
    work.steps(1)?;
    match &term.value {
        Value::Unknown(..) => return None,
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            work.bytes(number.len())?;
            out.push_str(number);
        }
        Value::Text(text) => {
            work.bytes(text.len())?;
            let quoted = serde_json::to_string(&**text).ok()?;
            let quoted = quoted.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
            out.push_str(&quoted.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"));
        }
        Value::List(list) => {
            out.push('[');
            for (at, item) in list.items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(item, out, work)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (at, (key, member)) in map.sorted().into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(&Term::new(Value::Text(key.clone()), member.key_span), out, work)?;
                out.push(':');
                write_json(&member.term, out, work)?;
            }
            out.push('}');
        }
    }
    Some(())
}

/// What a text in JSON or YAML holds.
fn decoded(node: &Node, work: &mut Work<'_>) -> Answer {
    work.steps(1)?;
    Some(match &node.value {
        Read::Null => Value::Null,
        Read::Bool(flag) => Value::Bool(*flag),
        // What JSON writes with an exponent or too many digits is another number to Terraform.
        Read::Number(text) => Value::number(Decimal::parse(text)?),
        Read::String(text) => work.text(text.to_string())?,
        Read::Array(items) => {
            let mut terms = Vec::with_capacity(items.len());
            for item in items {
                let value = decoded(item, work)?;
                terms.push(work.term(value));
            }
            work.list(terms, false)?
        }
        Read::Object(entries) => {
            let mut members = IndexMap::with_capacity(entries.len());
            for entry in entries {
                let value = decoded(&entry.value, work)?;
                members.insert(Rc::from(&*entry.key), Member { key_span: work.at, term: work.term(value) });
            }
            work.map(members)?
        }
    })
}

/// Writes YAML as Terraform does: keys and texts in quotes, lists not indented. Texts of several lines, long ones and
/// letters beyond ASCII are left alone: how those are written is not known here.
fn write_yaml(value: &Value, indentation: usize, out: &mut String, work: &mut Work<'_>) -> Option<()> {
    work.steps(1)?;
    work.bytes(indentation + 2)?;
    match value {
        Value::Unknown(..) => return None,
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(number),
        Value::Text(text) => quote_yaml(text, out, work)?,
        Value::List(list) if list.items.is_empty() => out.push_str("[]"),
        Value::Map(map) if map.members.is_empty() => out.push_str("{}"),
        Value::List(list) => {
            for (at, item) in list.items.iter().enumerate() {
                if at > 0 {
                    line_break(indentation, out);
                }
                out.push_str("- ");
                write_yaml(&item.value, indentation + 2, out, work)?;
            }
        }
        Value::Map(map) => {
            for (at, (key, member)) in map.sorted().into_iter().enumerate() {
                if at > 0 {
                    line_break(indentation, out);
                }
                quote_yaml(key, out, work)?;
                out.push(':');
                match &member.term.value {
                    Value::List(list) if !list.items.is_empty() => {
                        line_break(indentation, out);
                        write_yaml(&member.term.value, indentation, out, work)?;
                    }
                    Value::Map(map) if !map.members.is_empty() => {
                        line_break(indentation + 2, out);
                        write_yaml(&member.term.value, indentation + 2, out, work)?;
                    }
                    value => {
                        out.push(' ');
                        write_yaml(value, indentation + 2, out, work)?;
                    }
                }
            }
        }
    }
    Some(())
}

fn line_break(indentation: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indentation));
}

fn quote_yaml(text: &str, out: &mut String, work: &mut Work<'_>) -> Option<()> {
    const LONGEST: usize = 64;
    work.bytes(text.len())?;
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_plain || text.len() > LONGEST && text.contains(' ') {
        return None;
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    Some(())
}

/// A text as it stands in the query of a URL.
fn query_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => escaped.push(char::from(byte)),
            // Writing to a String cannot fail.
            byte => _ = write!(escaped, "%{byte:02X}"),
        }
    }
    escaped
}
