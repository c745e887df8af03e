//! Durations as configuration files write them, in whole milliseconds.

use crate::values::quantity::scale;

const NANO_PER_MILLI: u128 = 1_000_000;
const SECOND: u128 = 1_000_000_000;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;
const WEEK: u128 = 7 * DAY;

/// Reads a duration in milliseconds; a part of a millisecond counts as a whole one. Understands
/// * Go's `time.ParseDuration`: `1h30m`, `1.5h`, `300ms`, `-2s`, `0`;
/// * humantime: `1h 30m`, `2days`, `5 min`; a month has 30.44 days, a year 365.25 days;
/// * ISO 8601: `PT1H30M`, `P1DT2H`, `P2W`, `PT0.5S`, but no years and months, whose length varies;
/// * plain seconds: `90`, `1.5`.
///
/// Each may have a sign in front and space around it. `None` for anything else, and for what does
/// not fit.
pub fn parse_millis(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let nano = match unsigned.strip_prefix(['P', 'p']) {
        Some(designated) => iso_8601(designated)?,
        None => match split_number(unsigned)? {
            (number, "") => number.times(SECOND),
            _ => with_units(unsigned)?,
        },
    };
    let millis = to_millis(nano)?;
    Some(if text.starts_with('-') { -millis } else { millis })
}

/// Reads one argument of coreutils' `sleep` in milliseconds: a decimal number and `s` (the default),
/// `m`, `h` or `d`. `None` for anything else, including exponents and `infinity`.
pub fn parse_shell_sleep(text: &str) -> Option<i64> {
    let (number, unit) = split_number(text)?;
    let unit = match unit {
        "" | "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        _ => return None,
    };
    to_millis(number.times(unit))
}

fn to_millis(nano: u128) -> Option<i64> {
    i64::try_from(nano.div_ceil(NANO_PER_MILLI)).ok()
}

/// An unsigned decimal number; at least one of the two has digits.
#[derive(Clone, Copy)]
struct Number<'a> {
    whole: &'a str,
    fraction: &'a str,
}

impl Number<'_> {
    /// Nanoseconds of so many units, rounded up; saturates.
    fn times(self, unit: u128) -> u128 {
        scale(self.whole, self.fraction, 0, unit)
    }
}

/// Splits off the number that a text begins with.
fn split_number(text: &str) -> Option<(Number<'_>, &str)> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    (!whole.is_empty() || !fraction.is_empty()).then_some((Number { whole, fraction }, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// `1h30m`, `1h 30m`, `2 days`, in nanoseconds.
fn with_units(mut text: &str) -> Option<u128> {
    let mut sum = 0_u128;
    while !text.is_empty() {
        let (number, rest) = split_number(text)?;
        let rest = rest.trim_ascii_start();
        let (name, rest) = rest.split_at(rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
        sum = sum.checked_add(number.times(unit(name)?))?;
        text = rest.trim_ascii_start();
    }
    Some(sum)
}

/// The units of Go and of humantime 2, in nanoseconds.
fn unit(name: &str) -> Option<u128> {
    Some(match name {
        "ns" | "nsec" | "nanos" => 1,
        // U+00B5 and U+03BC.
        "us" | "µs" | "μs" | "usec" | "micros" => 1_000,
        "ms" | "msec" | "millis" => NANO_PER_MILLI,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "wk" | "wks" | "week" | "weeks" => WEEK,
        "M" | "month" | "months" => 2_630_016 * SECOND,
        "y" | "yr" | "yrs" | "year" | "years" => 31_557_600 * SECOND,
        _ => return None,
    })
}

/// What follows the `P` of an ISO 8601 duration, in nanoseconds.
fn iso_8601(text: &str) -> Option<u128> {
    let (date, time) = match text.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None if text.is_empty() => return None,
        None => (text, ""),
    };
    let sum = designated(date, &[('W', WEEK), ('D', DAY)], time.is_empty())?;
    sum.checked_add(designated(time, &[('H', HOUR), ('M', MINUTE), ('S', SECOND)], true)?)
}

/// Adds up numbers that are followed by their designators, each at most once and in order; only the
/// last of all may have a fraction.
fn designated(mut text: &str, mut units: &[(char, u128)], is_end: bool) -> Option<u128> {
    let mut sum = 0_u128;
    while !text.is_empty() {
        let (whole, rest) = split_digits(text);
        let (fraction, rest) = rest.strip_prefix(['.', ',']).map_or(("", rest), split_digits);
        let designator = rest.chars().next()?.to_ascii_uppercase();
        text = &rest[designator.len_utf8()..];
        let may_be_fractional = is_end && text.is_empty();
        if whole.is_empty() || !(fraction.is_empty() || may_be_fractional) {
            return None;
        }
        let at = units.iter().position(|(name, _)| *name == designator)?;
        sum = sum.checked_add(Number { whole, fraction }.times(units[at].1))?;
        units = &units[at + 1..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_notation() {
        for (text, expected) in [
            // Go
            ("0", 0),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1.s", 1_000),
            ("300ms", 300),
            ("-2s", -2_000),
            ("+2s", 2_000),
            ("1m0.5s", 60_500),
            ("1500us", 2),
            ("1µs", 1),
            ("1μs", 1),
            ("1ns", 1),
            ("0ns", 0),
            ("-1ns", -1),
            // humantime
            ("1h 30m", 5_400_000),
            ("2days", 172_800_000),
            ("5 min", 300_000),
            ("1 week 2 days", 777_600_000),
            ("1M", 2_630_016_000),
            ("1year", 31_557_600_000),
            ("15 mins 2secs", 902_000),
            // ISO 8601
            ("PT1H30M", 5_400_000),
            ("P1DT2H", 93_600_000),
            ("P2W", 1_209_600_000),
            ("PT0.5S", 500),
            ("PT0,5S", 500),
            ("P0.5D", 43_200_000),
            ("pt30s", 30_000),
            ("-PT30S", -30_000),
            // seconds
            ("90", 90_000),
            ("1.5", 1_500),
            (" 30 ", 30_000),
            ("-5", -5_000),
            ("9223372036854775.807", i64::MAX),
        ] {
            assert_eq!(parse_millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_anything_else() {
        for text in [
            "",
            " ",
            "-",
            "+",
            ".",
            "s",
            "1x",
            "h1",
            "1h30",
            "1 h 30",
            "--1s",
            "1e3",
            "1,5",
            "P",
            "PT",
            "P1DT",
            "P1Y",
            "P1M",
            "PT1D",
            "P1H",
            "PT1S1M",
            "PT1M1M",
            "PT1.5M1S",
            "P0.5DT1H",
            "PT.5S",
            "PT1",
            "PT1é",
            "1H",
            "1é",
            "infinity",
            "9223372036854775.808",
            "99999999999999999999999999999999999999999",
            "300000000y",
            "P99999999999999999W",
        ] {
            assert_eq!(parse_millis(text), None, "{text}");
        }
    }

    #[test]
    fn reads_arguments_of_sleep() {
        for (text, expected) in [
            ("5", Some(5_000)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("5s", Some(5_000)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("0", Some(0)),
            ("", None),
            ("-1", None),
            ("5 ", None),
            ("5ms", None),
            ("1m30s", None),
            ("infinity", None),
            ("$DELAY", None),
        ] {
            assert_eq!(parse_shell_sleep(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[+-]?P?[0-9.,hmsdwyµ T PTHMSDWYé]{0,40}", other: String) {
            let _ = (parse_millis(&text), parse_shell_sleep(&text), parse_millis(&other), parse_shell_sleep(&other));
        }

        #[test]
        fn the_notations_agree(hours in 0..1000_i64, minutes in 0..60_i64, millis in 0..60_000_i64) {
            let total = (hours * 60 + minutes) * 60_000 + millis;
            let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
            for text in [
                format!("{hours}h{minutes}m{seconds}s"),
                format!("{hours} hours {minutes}min {millis}ms"),
                format!("PT{hours}H{minutes}M{seconds}S"),
                format!("{}.{:03}", total / 1000, total % 1000),
            ] {
                prop_assert_eq!(parse_millis(&text), Some(total), "{}", text);
                prop_assert_eq!(parse_millis(&format!("-{text}")), Some(-total));
            }
        }

        #[test]
        fn sleep_agrees_with_go(number in 0..100_000_u32, fraction in "[0-9]{0,5}", unit in "[smh]") {
            let text = format!("{number}.{fraction}{unit}");
            prop_assert_eq!(parse_shell_sleep(&text), parse_millis(&text));
        }
    }
}
