//! Functions of texts.

use super::super::number::Decimal;
use super::super::value::{Term, Value};
use super::super::work::Work;
use super::Answer;
use std::rc::Rc;

/// Calls a function of texts; `None` when it is none of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let texts: Vec<Option<Rc<str>>> = arguments.iter().map(|argument| argument.value.to_text()).collect();
    let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
    let answer = match (name, texts.as_slice()) {
        ("format", _) => format(arguments, work),
        ("formatlist", _) => format_list(arguments, work),
        ("join", _) => join(arguments, work),
        ("split", [Some(separator), Some(text)]) => split(separator, text, work),
        ("chomp", [Some(text)]) => work.text(text.trim_end_matches(['\n', '\r']).to_owned()),
        ("lower", [Some(text)]) => work.text(text.to_lowercase()),
        ("upper", [Some(text)]) => work.text(text.to_uppercase()),
        ("trimspace", [Some(text)]) => work.text(text.trim().to_owned()),
        ("trim", [Some(text), Some(set)]) => work.text(text.trim_matches(|next| set.contains(next)).to_owned()),
        ("trimprefix", [Some(text), Some(prefix)]) => work.text(text.strip_prefix(prefix).unwrap_or(text).to_owned()),
        ("trimsuffix", [Some(text), Some(suffix)]) => work.text(text.strip_suffix(suffix).unwrap_or(text).to_owned()),
        ("startswith", [Some(text), Some(prefix)]) => Some(Value::Bool(text.starts_with(prefix))),
        ("endswith", [Some(text), Some(suffix)]) => Some(Value::Bool(text.ends_with(suffix))),
        ("strcontains", [Some(text), Some(part)]) => Some(Value::Bool(text.contains(part))),
        ("replace", [Some(text), Some(part), Some(new)]) => replace(text, part, new, work),
        ("substr", [Some(text), _, _]) => substring(text, arguments, work),
        ("indent", [_, Some(text)]) => indent(arguments, text, work),
        (
            "split" | "chomp" | "lower" | "upper" | "trimspace" | "trim" | "trimprefix" | "trimsuffix" | "startswith"
            | "endswith" | "strcontains" | "replace" | "substr" | "indent",
            _,
        ) => None,
        _ => return None,
    };
    Some(answer)
}

fn join(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let (separator, lists) = arguments.split_first()?;
    let separator = separator.value.to_text()?;
    let mut joined = String::new();
    let mut is_first = true;
    for list in lists {
        for item in list.value.items()? {
            if !std::mem::take(&mut is_first) {
                joined.push_str(&separator);
            }
            let text = item.value.to_text()?;
            work.bytes(separator.len() + text.len())?;
            joined.push_str(&text);
        }
    }
    work.text(joined)
}

fn split(separator: &str, text: &str, work: &mut Work<'_>) -> Answer {
    if separator.is_empty() {
        return None;
    }
    work.bytes(text.len())?;
    work.steps(text.matches(separator).count())?;
    let items = text.split(separator).map(|part| work.term(Value::Text(part.into()))).collect();
    work.list(items, false)
}

/// Texts between slashes are regular expressions of another kind than those of Rust's crates.
fn replace(text: &str, part: &str, new: &str, work: &mut Work<'_>) -> Answer {
    if part.is_empty() || part.len() > 1 && part.starts_with('/') && part.ends_with('/') {
        return None;
    }
    let grown = text.matches(part).count().saturating_mul(new.len()).saturating_add(text.len());
    work.bytes(grown)?;
    Some(Value::Text(text.replace(part, new).into()))
}

/// Terraform counts what people take for characters, which ASCII has one of in each byte.
fn substring(text: &str, arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let number = |at: usize| arguments.get(at)?.value.to_number()?.to_whole();
    let (offset, length) = (number(1)?, number(2)?);
    if !text.is_ascii() || length < -1 {
        return None;
    }
    let total = i128::try_from(text.len()).ok()?;
    let start = if offset < 0 { offset + total } else { offset }.clamp(0, total);
    let end = if length < 0 { total } else { start.saturating_add(length).min(total) };
    let part = text.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
    work.text(part.to_owned())
}

fn indent(arguments: &[Term], text: &str, work: &mut Work<'_>) -> Answer {
    let spaces = arguments.first()?.value.to_number()?.to_index()?;
    work.bytes(text.matches('\n').count().saturating_mul(spaces).saturating_add(text.len()))?;
    Some(Value::Text(text.replace('\n', &format!("\n{}", " ".repeat(spaces))).into()))
}

fn format(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let (pattern, values) = arguments.split_first()?;
    let text = formatted(&pattern.value.to_text()?, values, work)?;
    Some(Value::Text(text.into()))
}

/// `format` for each element of the lists among the arguments, which are of the same length.
fn format_list(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let (pattern, values) = arguments.split_first()?;
    let pattern = pattern.value.to_text()?;
    let mut lengths = values.iter().filter_map(|value| value.value.items()).map(<[Term]>::len);
    let length = lengths.next()?;
    if lengths.any(|other| other != length) {
        return None;
    }
    let mut items = Vec::new();
    for index in 0..length {
        work.steps(values.len())?;
        let row = values.iter().map(|value| match value.value.items() {
            Some(items) => items.get(index).cloned(),
            None => Some(value.clone()),
        });
        let row: Vec<Term> = row.collect::<Option<_>>()?;
        let text = formatted(&pattern, &row, work)?;
        items.push(work.term(Value::Text(text.into())));
    }
    work.list(items, false)
}

/// Fills in `%s`, `%d`, `%v`, `%t` and, for whole numbers, zeros in front (`%03d`).
fn formatted(pattern: &str, values: &[Term], work: &mut Work<'_>) -> Option<String> {
    let mut values = values.iter();
    let mut pieces = pattern.split('%');
    let mut text = pieces.next()?.to_owned();
    while let Some(piece) = pieces.next() {
        if piece.is_empty() {
            // `%%`
            text.push('%');
            text.push_str(pieces.next()?);
            continue;
        }
        let digits = piece.len() - piece.trim_start_matches(|next: char| next.is_ascii_digit()).len();
        let (width, verb) = piece.split_at_checked(digits)?;
        let value = &values.next()?.value;
        let filled: Rc<str> = match (verb.chars().next()?, width) {
            ('s' | 'v', "") => value.to_text()?,
            ('t', "") => Value::Bool(value.to_bool()?).to_text()?,
            ('d', _) => padded(value.to_number()?, width)?.into(),
            _ => return None,
        };
        work.bytes(filled.len() + piece.len())?;
        text.push_str(&filled);
        text.push_str(verb.get(1..)?);
    }
    values.next().is_none().then_some(text)
}

fn padded(number: Decimal, width: &str) -> Option<String> {
    let number = number.to_whole()?;
    match width.strip_prefix('0') {
        _ if width.is_empty() => Some(number.to_string()),
        Some(width) if width.len() < 3 => {
            let width: usize = if width.is_empty() { 0 } else { width.parse().ok()? };
            Some(format!("{number:0width$}"))
        }
        _ => None,
    }
}
