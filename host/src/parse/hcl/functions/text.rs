//! Functions of texts.

use super::super::number::Decimal;
use super::super::value::{Term, Value};
use super::super::work::Work;
use super::{Answer, patterns};
use std::rc::Rc;

/// Calls a function of texts; `None` when it is not one of these.
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
        ("title", [Some(text)]) => title(text, work),
        ("strrev", [Some(text)]) if text.is_ascii() => work.text(text.chars().rev().collect()),
        ("basename", [Some(path)]) => base_name(path, work),
        ("dirname", [Some(path)]) => directory_name(path, work),
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
            "title" | "strrev" | "basename" | "dirname" | "split" | "chomp" | "lower" | "upper" | "trimspace" | "trim"
            | "trimprefix" | "trimsuffix" | "startswith" | "endswith" | "strcontains" | "replace" | "substr" | "indent",
            _,
        ) => None,
        _ => return None,
    };
    Some(answer)
}

/// The first letter of each word in upper case.
fn title(text: &str, work: &mut Work<'_>) -> Answer {
    if !text.is_ascii() {
        return None;
    }
    let mut before = ' ';
    let titled = text.chars().map(|letter| {
        let begins = !(before.is_ascii_alphanumeric() || matches!(before, '_' | '\''));
        before = letter;
        if begins { letter.to_ascii_uppercase() } else { letter }
    });
    work.text(titled.collect())
}

fn base_name(path: &str, work: &mut Work<'_>) -> Answer {
    let trimmed = path.trim_end_matches('/');
    let name = match trimmed.rsplit('/').next() {
        _ if path.is_empty() => ".",
        Some(name) if !name.is_empty() => name,
        _ => "/",
    };
    work.text(name.to_owned())
}

/// The folder of a path, where it has no parts that lead back.
fn directory_name(path: &str, work: &mut Work<'_>) -> Answer {
    if path.contains("//") || path.split('/').any(|part| matches!(part, "." | "..")) {
        return None;
    }
    let folder = match path.rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
    };
    work.text(folder.to_owned())
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

fn replace(text: &str, part: &str, new: &str, work: &mut Work<'_>) -> Answer {
    if part.is_empty() {
        return None;
    }
    if let Some(pattern) = part.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        return patterns::replace(text, pattern, new, work);
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

/// Fills in `%s`, `%v`, `%q`, `%t`, `%d`, `%x`, `%X`, `%o`, `%b` and `%f`, with widths and precisions.
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
        let verb = piece.find(|next: char| next.is_ascii_alphabetic())?;
        let layout = Layout::parse(&piece[..verb])?;
        let filled = layout.filled(&piece[verb..=verb], &values.next()?.value)?;
        work.bytes(filled.len() + piece.len())?;
        text.push_str(&filled);
        text.push_str(&piece[verb + 1..]);
    }
    values.next().is_none().then_some(text)
}

/// What stands between `%` and the letter.
#[derive(Default)]
struct Layout {
    left: bool,
    zeros: bool,
    sign: bool,
    width: usize,
    precision: Option<usize>,
}

impl Layout {
    /// Widths are small: what is wider is not known.
    fn parse(text: &str) -> Option<Self> {
        let rest = text.trim_start_matches(['-', '0', '+']);
        let flags = &text[..text.len() - rest.len()];
        let (width, precision) = rest.split_once('.').map_or((rest, None), |(width, digits)| (width, Some(digits)));
        let number = |digits: &str| match digits {
            "" => Some(0),
            digits if digits.len() < 3 => digits.parse::<usize>().ok(),
            _ => None,
        };
        let precision = match precision {
            Some(digits) => Some(number(digits)?),
            None => None,
        };
        let (left, zeros) = (flags.contains('-'), flags.contains('0'));
        Some(Self { left, zeros: zeros && !left, sign: flags.contains('+'), width: number(width)?, precision })
    }

    fn filled(&self, verb: &str, value: &Value) -> Option<String> {
        let is_plain = self.precision.is_none() && !self.sign;
        let text = match verb {
            "s" | "v" if is_plain && !self.zeros => value.to_text()?.to_string(),
            "q" if is_plain && !self.zeros => {
                // JSON and Go escape the same way what is printable, but `<`, `>` and `&`.
                let Value::Text(text) = value else { return None };
                let is_same = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
                is_same.then(|| serde_json::to_string(&**text).ok()).flatten()?
            }
            "t" if is_plain && !self.zeros => value.to_bool()?.to_string(),
            "d" if self.precision.is_none() => self.signed(value.to_number()?.to_whole()?.to_string()),
            "x" | "X" | "o" | "b" if is_plain => {
                let number = u128::try_from(value.to_number()?.to_whole()?).ok()?;
                match verb {
                    "x" => format!("{number:x}"),
                    "X" => format!("{number:X}"),
                    "o" => format!("{number:o}"),
                    _ => format!("{number:b}"),
                }
            }
            "f" => self.signed(fixed(value.to_number()?, self.precision.unwrap_or(6))?),
            _ => return None,
        };
        let missing = self.width.saturating_sub(text.chars().count());
        Some(match (self.left, self.zeros) {
            (true, _) => text + &" ".repeat(missing),
            (false, true) => {
                let sign = text.len() - text.trim_start_matches(['-', '+']).len();
                format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..])
            }
            (false, false) => " ".repeat(missing) + &text,
        })
    }

    fn signed(&self, text: String) -> String {
        if self.sign && !text.starts_with('-') { format!("+{text}") } else { text }
    }
}

/// A number with so many digits behind the point; `None` where it has more, since rounding is Terraform's own.
fn fixed(number: Decimal, digits: usize) -> Option<String> {
    let text = number.to_string();
    if text.contains(['e', 'E']) {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let missing = digits.checked_sub(fraction.len())?;
    Some(match digits {
        0 => whole.to_owned(),
        _ => format!("{whole}.{fraction}{}", "0".repeat(missing)),
    })
}
