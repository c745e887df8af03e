//! Schedules (`:cron`): the five fields of Vixie cron, as CronJobs and workflows have them, and `@daily`.
//!
//! # The model
//!
//! ```text
//! { "minute": [0, 30], "hour": [4], "day": [ … ], "month": [ … ], "weekday": [ … ],     values, in order, each once
//!   "anyDay": true,            the field for days is `*`; a day counts when both fields allow it
//!   "anyWeekday": true,        likewise; where neither is `*`, either is enough
//!   "every": 1800,             seconds between two runs at the least
//!   "timezone": "Europe/Berlin" }      of `TZ=…` and `CRON_TZ=…` before it
//! ```
//!
//! Days are 1 to 31, months 1 to 12, weekdays 0 (Sunday) to 6. `@reboot` and `@every …` are unread.

use super::build::{Builder, span};
use crate::document::{Node, Span, Value};
use std::collections::BTreeSet;
use std::ops::Range;

/// A field: its key, its least and its largest value, and names of values from the least on.
struct Field {
    key: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { key: "minute", least: 0, most: 59, names: &[] },
    Field { key: "hour", least: 0, most: 23, names: &[] },
    Field { key: "day", least: 1, most: 31, names: &[] },
    Field {
        key: "month",
        least: 1,
        most: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // 7 is Sunday, too.
    Field { key: "weekday", least: 0, most: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// What `@…` stands for.
const NAMED: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// The tree of a schedule.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    let mut words: Vec<Range<usize>> = words(text).take(8).collect();
    let mut entries = Vec::new();
    if let Some(zone) = words.first().cloned()
        && let Some((_, name)) = text[zone.clone()].split_once('=').filter(|(key, _)| matches!(*key, "TZ" | "CRON_TZ"))
    {
        entries.push(("timezone", builder.string(name, span(&(zone.end - name.len()..zone.end)))));
        words.remove(0);
    }
    let fields = match words.as_slice() {
        [name] => match NAMED.iter().find(|(known, _)| text[name.clone()].eq_ignore_ascii_case(known)) {
            Some((_, meaning)) => meaning.split(' ').map(|field| (field, span(name))).collect(),
            None => Vec::new(),
        },
        words if words.len() == FIELDS.len() => {
            words.iter().map(|word| (&text[word.clone()], span(word))).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    if fields.is_empty() {
        return builder.nothing(whole, "a schedule has five fields, or is `@daily` or the like");
    }
    let mut values = Vec::with_capacity(FIELDS.len());
    for (field, (text, at)) in FIELDS.iter().zip(&fields) {
        let Some(allowed) = field.values(text) else {
            let reason = format!("`{text}` is no {}: {} to {}", field.key, field.least, field.most);
            return builder.nothing(*at, reason);
        };
        let items = allowed.iter().map(|value| builder.number(*value as usize, *at)).collect();
        entries.push((field.key, builder.list(items, *at)));
        values.push(allowed);
    }
    for (key, index) in [("anyDay", 2), ("anyWeekday", 4)] {
        if fields[index].0.starts_with(['*', '?']) {
            entries.push((key, builder.value(Value::Bool(true), fields[index].1)));
        }
    }
    entries.push(("every", builder.number(every(&values[0], &values[1]), whole)));
    builder.object(entries, whole)
}

fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.split_whitespace().map(|word| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        start..start + word.len()
    })
}

impl Field {
    /// The values that a field allows; `None` when it is none.
    fn values(&self, text: &str) -> Option<BTreeSet<u32>> {
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
                None => (part, 1),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" || range == "?" => {
                    (self.least, self.most.min(if self.most == 7 { 6 } else { self.most }))
                }
                Some((first, last)) => (self.value(first)?, self.value(last)?),
                // `5/15` is from 5 on.
                None if part.contains('/') => (self.value(range)?, self.most),
                None => (self.value(range)?, self.value(range)?),
            };
            if first > last {
                return None;
            }
            values.extend(
                (first..=last).step_by(step as usize).map(|value| if self.most == 7 { value % 7 } else { value }),
            );
        }
        Some(values)
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let value = match named {
            Some(at) => self.least + at as u32,
            None => text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?,
        };
        (self.least..=self.most).contains(&value).then_some(value)
    }
}

/// Seconds between two runs of a day, or of one day and the next, at the least.
fn every(minutes: &BTreeSet<u32>, hours: &BTreeSet<u32>) -> usize {
    const DAY: u32 = 24 * 60;
    let runs: Vec<u32> = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute)).collect();
    let first = runs.first().copied().unwrap_or(0);
    let next = runs.iter().skip(1).copied().chain([first + DAY]);
    let gaps = runs.iter().zip(next).map(|(run, next)| next - run);
    gaps.min().unwrap_or(DAY) as usize * 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> serde_json::Value {
        tree(text, &mut Builder::new(usize::MAX)).to_value()
    }

    #[test]
    fn schedules_are_read() {
        let nightly = read("CRON_TZ=Europe/Berlin 0,30 2-3 1 */6 MON-Fri");
        assert_eq!(nightly["timezone"], "Europe/Berlin");
        assert_eq!(nightly["minute"], json!([0, 30]));
        assert_eq!(nightly["hour"], json!([2, 3]));
        assert_eq!(nightly["month"], json!([1, 7]));
        assert_eq!(nightly["weekday"], json!([1, 2, 3, 4, 5]));
        assert_eq!(nightly["every"], 1800);
        assert!(nightly["anyDay"].is_null());
        for (text, every) in [
            ("*/5 * * * *", 300),
            ("@daily", 86_400),
            ("0 0,23 * * *", 3_600),
            ("5/20 * * * 7", 1_200),
            ("* * * * *", 60),
        ] {
            assert_eq!(read(text)["every"], every, "{text}");
        }
        assert_eq!(read("5/20 * * * 7")["weekday"], json!([0]));
        assert_eq!(read("0 0 * * *")["anyDay"], true);
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* * 0 * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "@reboot",
            "+1 * * * *",
        ] {
            assert!(read(text)["unread"][0]["reason"].is_string(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([0-9*/,@-]|mon|JAN|TZ=| ){0,20}") {
            let tree = tree(&text, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
