//! Functions that encode values as texts, and read them.

use super::super::value::{Term, Value};
use super::super::work::Work;
use super::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Calls a function of encodings; `None` when it is none of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let answer = match (name, arguments) {
        ("jsonencode", [only]) => {
            let mut text = String::new();
            write_json(only, &mut text, work).and_then(|()| work.text(text))
        }
        ("base64encode", [only]) => only.value.to_text().and_then(|text| work.text(STANDARD.encode(&*text))),
        ("base64decode", [only]) => only.value.to_text().and_then(|text| {
            let bytes = STANDARD.decode(&*text).ok()?;
            work.text(String::from_utf8(bytes).ok()?)
        }),
        ("jsonencode" | "base64encode" | "base64decode", _) => None,
        _ => return None,
    };
    Some(answer)
}

/// Writes JSON as Terraform does: compact, keys in order, and `<`, `>` and `&` escaped.
fn write_json(term: &Term, out: &mut String, work: &mut Work<'_>) -> Option<()> {
    work.steps(1)?;
    match &term.value {
        Value::Unknown(_) => return None,
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
