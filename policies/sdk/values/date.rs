//! Days of the calendar, as ISO 8601 writes them: `2026-03-31`.

use crate::json::View;
use crate::parameter::Parameter;
use crate::write::ToJson;
use std::fmt;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Reads `YYYY-MM-DD`; `None` for a day that is in no calendar.
    pub const fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let mut digits = [0; 10];
        let mut at = 0;
        while at < 10 {
            if at != 4 && at != 7 {
                if !bytes[at].is_ascii_digit() {
                    return None;
                }
                digits[at] = bytes[at] - b'0';
            }
            at += 1;
        }
        let [a, b, c, d, _, e, f, _, g, h] = digits;
        let year = (a as u16) * 1000 + (b as u16) * 100 + (c as u16) * 10 + d as u16;
        let (month, day) = (e * 10 + f, g * 10 + h);
        if day == 0 || day > days_of_month(year, month) { None } else { Some(Self { year, month, day }) }
    }

    /// The days from this day to another one; negative where that comes before.
    pub const fn days_until(self, other: Self) -> i64 {
        other.number() - self.number()
    }

    /// The day's number in the calendar, counted from some day long ago.
    const fn number(self) -> i64 {
        // Years begin in March, so that the leap day is the last of one.
        let (year, month) = (self.year as i64, self.month as i64);
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        year * 365 + year.div_euclid(4) - year.div_euclid(100)
            + year.div_euclid(400)
            + (month * 153 + 2) / 5
            + self.day as i64
    }

    /// A day that is written in the source: what is none does not compile, in a constant.
    ///
    /// # Panics
    /// When the text is no day.
    pub const fn of(text: &str) -> Self {
        match Self::parse(text) {
            Some(date) => date,
            None => panic!("invariant: a day in the source is one of the calendar"),
        }
    }
}

/// How many days a month has; none where there is no such month.
pub(crate) const fn days_of_month(year: u16, month: u8) -> u8 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Parameter for Date {
    fn schema() -> String {
        r#""type":"string","format":"date","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}$""#.into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        Self::parse(value.as_str()?)
    }

    fn default_json(&self) -> String {
        self.to_string().to_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["2026-11-29", "2024-02-29", "2000-02-29", "9999-12-31"] {
            assert_eq!(Date::parse(text).map(|date| date.to_string()).as_deref(), Some(text));
        }
        for text in
            ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-01", "26-01-01", "20260101"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::of("2026-09-30") < Date::of("2026-10-01"));
    }

    #[test]
    fn days_between_are_counted() {
        let between = |one, other| Date::of(one).days_until(Date::of(other));
        assert_eq!(between("2026-11-29", "2026-11-29"), 0);
        assert_eq!((between("2026-11-29", "2027-11-29"), between("2027-11-29", "2026-11-29")), (365, -365));
        assert_eq!((between("2024-02-28", "2024-03-01"), between("2026-02-28", "2026-03-01")), (2, 1));
        assert_eq!((between("1999-12-31", "2000-03-01"), between("2026-12-31", "2027-01-01")), (61, 1));
    }

    proptest! {
        #[test]
        fn days_are_ordered_as_their_texts(one in "20[0-9]{2}-[01][0-9]-[0-3][0-9]", other in "20[0-9]{2}-[01][0-9]-[0-3][0-9]") {
            if let (Some(first), Some(second)) = (Date::parse(&one), Date::parse(&other)) {
                prop_assert_eq!(first.cmp(&second), one.cmp(&other));
            }
        }
    }
}
