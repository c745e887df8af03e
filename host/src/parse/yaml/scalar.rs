//! What a scalar's text means.

use super::Scalars;
use crate::document::Value;
use base64::Engine as _;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use granit_parser::{ScalarStyle, Tag};
use std::borrow::Cow;

/// The namespace of `!!str` and its like.
const CORE_TAGS: &str = "tag:yaml.org,2002:";

/// As Go's `base64.StdEncoding`, which does not mind bits set behind the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The value of a scalar that is written as `text`.
pub(super) fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>, scalars: Scalars) -> Value {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { plain(text, scalars) } else { string(text) };
    };
    match (tag.suffix_in_namespace(CORE_TAGS).as_deref(), scalars) {
        (Some("null"), _) => Value::Null,
        (Some("bool" | "int" | "float"), _) => plain(text, scalars),
        (Some("binary"), Scalars::Kubernetes) => binary(text),
        // An application's own tag: its readers of YAML 1.2 differ, go-yaml takes the text as it is.
        (None, Scalars::Core12) if style == ScalarStyle::Plain && tag.suffix() != "!" => plain(text, scalars),
        _ => string(text),
    }
}

/// Whether a tag says of a `<<` that it is the merge key.
pub(super) fn is_merge_tag(tag: &Tag) -> bool {
    tag.suffix_in_namespace(CORE_TAGS).as_deref() == Some("merge")
}

/// Whether a plain scalar would be a string.
pub(crate) fn is_plain_string(text: &str, scalars: Scalars) -> bool {
    matches!(plain(text, scalars), Value::String(_))
}

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn number(json: impl Into<Box<str>>) -> Value {
    Value::Number(json.into())
}

/// `!!binary`: the API server gets the decoded bytes as text. What is no base64, `kubectl` refuses.
fn binary(text: &str) -> Value {
    let digits: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match BASE64.decode(digits) {
        Ok(bytes) => Value::String(String::from_utf8_lossy(&bytes).into()),
        Err(_) => string(text),
    }
}

fn plain(text: &str, scalars: Scalars) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    match scalars {
        Scalars::Core12 => core_number(text).map_or_else(|| string(text), number),
        Scalars::Kubernetes => match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
            _ => go_number(text).map_or_else(|| string(text), number),
        },
    }
}

/// A number of YAML 1.2.2 §10.3.2 as JSON, digit for digit. Infinity and NaN are no JSON and stay strings.
fn core_number(text: &str) -> Option<String> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return Some(format!("{sign}{}", in_radix(digits, radix)?));
        }
    }
    let decimal = Decimal::of(digits)?;
    let whole = decimal.whole.trim_start_matches('0');
    let mut json = format!("{sign}{}", if whole.is_empty() { "0" } else { whole });
    if !decimal.fraction.is_empty() {
        json.push('.');
        json.push_str(decimal.fraction);
    }
    if let Some(exponent) = decimal.exponent {
        json.push('e');
        json.push_str(exponent);
    }
    Some(json)
}

/// `1`, `1.`, `.5`, `1.5e-3`: the parts of an unsigned decimal number.
struct Decimal<'t> {
    whole: &'t str,
    fraction: &'t str,
    exponent: Option<&'t str>,
}

impl<'t> Decimal<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let has_exponent = exponent.is_none_or(|exponent| {
            let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !power.is_empty() && are_digits(power)
        });
        let has_digits = !(whole.is_empty() && fraction.is_empty());
        let is_number = has_digits && has_exponent && are_digits(whole) && are_digits(fraction);
        is_number.then_some(Self { whole, fraction, exponent })
    }
}

/// What go.yaml.in/yaml/v2 (`resolve.go`) takes for a number, as the JSON that sigs.k8s.io/yaml makes of it.
/// A dialect of its own: `010` is eight but `08` is eight too, and what overflows its type is a float
/// where it could be one in decimal and a string where it could not.
fn go_number(text: &str) -> Option<String> {
    let first = text.as_bytes().first()?;
    if *first == b'.' {
        return go_float(&without_separators(text)?);
    }
    if !matches!(first, b'+' | b'-' | b'0'..=b'9') {
        return None;
    }
    let text: Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    go_integer(&text).or_else(|| go_float(&text)).or_else(|| {
        // Behind `0b` the reader looks for one more sign.
        let digits = text.strip_prefix("0b")?;
        let value = i64::from_str_radix(digits, 2).ok()?;
        Some(value.to_string())
    })
}

/// Underscores between digits are not among the number to Go's `strconv.ParseFloat`; elsewhere it takes none.
fn without_separators(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let ends_in_digit = |part: &str| part.ends_with(|c: char| c.is_ascii_digit());
    let starts_with_digit = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let mut parts = text.split('_');
    let mut joined = parts.next()?.to_owned();
    for part in parts {
        if !ends_in_digit(&joined) || !starts_with_digit(part) {
            return None;
        }
        joined.push_str(part);
    }
    Some(joined.into())
}

/// Go's `strconv.ParseInt` with base 0, and for what is too large for it `ParseUint`, which takes no sign.
fn go_integer(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (&unsigned[2..], 16),
        [b'0', b'o' | b'O', _, ..] => (&unsigned[2..], 8),
        [b'0', b'b' | b'B', _, ..] => (&unsigned[2..], 2),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    let magnitude = in_radix(digits, radix)?;
    if text.starts_with('-') {
        return Some(0_i64.checked_sub_unsigned(magnitude)?.to_string());
    }
    let is_signed = unsigned.len() < text.len();
    (!is_signed || i64::try_from(magnitude).is_ok()).then(|| magnitude.to_string())
}

/// Digits only: `from_str_radix` would take another sign.
fn in_radix(digits: &str, radix: u32) -> Option<u64> {
    u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
}

/// A decimal float within the range of `f64`, written as Go's `encoding/json` writes it: `1e3` and `1.0`
/// reach the API server as whole numbers.
fn go_float(text: &str) -> Option<String> {
    Decimal::of(text.strip_prefix(['+', '-']).unwrap_or(text))?;
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return Some(value.to_string());
    }
    let scientific = format!("{value:e}");
    Some(if magnitude < 1.0 { scientific } else { scientific.replace('e', "e+") })
}
