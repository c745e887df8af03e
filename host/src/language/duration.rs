//! Durations (`:duration`), in milliseconds by each notation in which the text is one.
//!
//! # The model
//!
//! ```text
//! { "go": 90000,             `1m30s`, `1.5h`, `-10ms`: Go's ParseDuration (Kubernetes, Docker)
//!   "prometheus": 86400000,  `1d`, `1h30m`, `2w`
//!   "iso8601": 300000,       `PT5M`, `P1D`
//!   "seconds": 30000 }       `30`: a number without a unit
//! ```
//!
//! What is read depends on who reads it, so a rule asks for the notation of its field. A text that is none by any is unread.

use super::build::Builder;
use crate::document::{Node, Span, Value};

const SECOND: f64 = 1000.0;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

const GO: [(&str, f64); 8] =
    [("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("μs", 1e-3), ("ms", 1.0), ("s", SECOND), ("m", MINUTE), ("h", HOUR)];
/// From the largest on: in a duration of Prometheus each unit comes once, in this order.
const PROMETHEUS: [(&str, f64); 7] =
    [("y", 365.0 * DAY), ("w", 7.0 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1.0)];

/// The tree of a duration.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    let mut entries = Vec::new();
    let readings =
        [("go", go(text)), ("prometheus", prometheus(text)), ("iso8601", iso8601(text)), ("seconds", seconds(text))];
    for (key, milliseconds) in readings {
        // Beyond that a number of JSON is not exact, nor is it a duration that somebody means.
        if let Some(milliseconds) = milliseconds.filter(|value| value.abs() < 9e15) {
            let number =
                if milliseconds.fract() == 0.0 { (milliseconds as i64).to_string() } else { milliseconds.to_string() };
            entries.push((key, builder.value(Value::Number(number.into()), whole)));
        }
    }
    if entries.is_empty() { builder.nothing(whole, "no duration") } else { builder.object(entries, whole) }
}

/// Numbers with units, from the front; `None` when there is something else.
fn units(text: &str) -> Option<Vec<(f64, &str)>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let behind = &rest[number..];
        let unit = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        found.push((rest[..number].parse().ok()?, &behind[..unit]));
        rest = &behind[unit..];
    }
    (!found.is_empty()).then_some(found)
}

fn go(text: &str) -> Option<f64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if text == "0" {
        return Some(0.0);
    }
    let sum = units(text)?.into_iter().try_fold(0.0, |sum, (number, unit)| {
        let (_, factor) = GO.iter().find(|(name, _)| *name == unit)?;
        Some(sum + number * factor)
    });
    sum.map(|sum| sign * sum)
}

fn prometheus(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut left = PROMETHEUS.iter();
    units(text).filter(|_| !text.contains('.'))?.into_iter().try_fold(0.0, |sum, (number, unit)| {
        let (_, factor) = left.find(|(name, _)| *name == unit)?;
        Some(sum + number * factor)
    })
}

/// Weeks, days, hours, minutes and seconds; months and years have no length.
fn iso8601(text: &str) -> Option<f64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let add = |text: &str, known: &[(&str, f64)]| -> Option<f64> {
        let mut left = known.iter();
        units(text).unwrap_or_default().into_iter().try_fold(0.0, |sum, (number, unit)| {
            let (_, factor) = left.find(|(name, _)| *name == unit)?;
            Some(sum + number * factor)
        })
    };
    let is_whole = |text: &str| text.is_empty() || units(text).is_some();
    (is_whole(date) && is_whole(time)).then_some(())?;
    Some(add(date, &[("W", 7.0 * DAY), ("D", DAY)])? + add(time, &[("H", HOUR), ("M", MINUTE), ("S", SECOND)])?)
}

fn seconds(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<f64>().ok().filter(|_| is_number).map(|number| number * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn read(text: &str) -> Json {
        tree(text, &mut Builder::new(usize::MAX)).to_value()
    }

    #[test]
    fn each_notation_has_its_own_reading() {
        for (text, expected) in [
            ("1m30s", json!({"go": 90_000, "prometheus": 90_000})),
            ("1.5h", json!({"go": 5_400_000})),
            ("-10ms", json!({"go": -10})),
            ("1d", json!({"prometheus": 86_400_000})),
            ("30s1m", json!({"go": 90_000})),
            ("PT5M", json!({"iso8601": 300_000})),
            ("P1DT1H", json!({"iso8601": 90_000_000})),
            ("30", json!({"seconds": 30_000})),
            ("0", json!({"go": 0, "prometheus": 0, "seconds": 0})),
            ("500us", json!({"go": 0.5})),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in ["", "s", "5 m", "1x", "P", "PT", "P1Y", "1e3", "inf", "$A", "."] {
            assert!(read(text)["unread"].is_array(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([0-9.+-]|[smhdwyPTMS]|ms|µs){0,16}") {
            tree(&text, &mut Builder::new(usize::MAX));
        }
    }
}
