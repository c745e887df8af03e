//! Schedules of CronJobs, as Kubernetes reads them: the standard parser of `github.com/robfig/cron`.

use super::date::days_of_month;
use super::duration::parse_millis;

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron<'a> {
    /// The time zone before it (`TZ=…`, `CRON_TZ=…`): the parser takes one, and the API server refuses it.
    pub time_zone: Option<&'a str>,
    when: When,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    /// At points of the calendar.
    At(Fields),
    /// So many seconds after the last time.
    Every(i64),
}

/// The five fields, each a set of bits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Neither the day of the month nor that of the week is `*`: then one of them is enough.
    is_either_day: bool,
}

/// What one field may hold.
struct Unit {
    lowest: u32,
    highest: u32,
    /// Names of its values, from the lowest on.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const UNITS: [Unit; 5] = [
    Unit { lowest: 0, highest: 59, names: &[] },
    Unit { lowest: 0, highest: 23, names: &[] },
    Unit { lowest: 1, highest: 31, names: &[] },
    Unit { lowest: 1, highest: 12, names: &MONTHS },
    Unit { lowest: 0, highest: 6, names: &WEEKDAYS },
];

impl<'a> Cron<'a> {
    /// Reads a schedule: five fields (minute, hour, day, month, weekday) or `@daily` and the like. The error says what
    /// is expected.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (time_zone, text) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(rest) => {
                let (zone, rest) = rest.split_once(' ').ok_or("a schedule behind the time zone")?;
                (Some(zone), rest.trim())
            }
            None => (None, text),
        };
        let when = if text.starts_with('@') { described(text)? } else { When::At(Fields::parse(text)?) };
        Ok(Self { time_zone, when })
    }

    /// The shortest time between two runs, in seconds; `None` where it runs never or only once.
    pub fn shortest_gap(&self) -> Option<i64> {
        match &self.when {
            When::Every(seconds) => Some(*seconds),
            When::At(fields) => fields.shortest_gap().map(|minutes| minutes * 60),
        }
    }
}

/// The schedules that have names.
fn described(text: &str) -> Result<When, &'static str> {
    if let Some(duration) = text.strip_prefix("@every ") {
        let has_unit = duration.ends_with(char::is_alphabetic);
        let millis = parse_millis(duration).filter(|_| has_unit).ok_or("a duration such as `1h30m` behind `@every`")?;
        return Ok(When::Every((millis / 1000).max(1)));
    }
    let fields = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => return Err("`@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly` or `@every`"),
    };
    Fields::parse(fields).map(When::At)
}

impl Fields {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = words[..] else { return Err("five fields") };
        let [minute, hour, day, month, weekday] = &UNITS;
        let (days, is_any_day) = day.parse(days)?;
        let (weekdays, is_any_weekday) = weekday.parse(weekdays)?;
        Ok(Self {
            minutes: minute.parse(minutes)?.0,
            hours: hour.parse(hours)?.0,
            days,
            months: month.parse(months)?.0,
            weekdays,
            is_either_day: !is_any_day && !is_any_weekday,
        })
    }

    /// In minutes.
    fn shortest_gap(&self) -> Option<i64> {
        let hours = values(self.hours).flat_map(|hour| values(self.minutes).map(move |minute| hour * 60 + minute));
        let times: Vec<i64> = hours.collect();
        let (first, last) = (times.first()?, times.last()?);
        let of_day = times.windows(2).map(|pair| pair[1] - pair[0]).min();
        let days = self.shortest_gap_of_days();
        let between_days = days.map(|days| days * 24 * 60 - last + first);
        // A day on which it runs must come at all.
        let of_day = of_day.filter(|_| self.days_in_calendar().next().is_some());
        of_day.into_iter().chain(between_days).min()
    }

    fn shortest_gap_of_days(&self) -> Option<i64> {
        let mut last = None;
        let mut shortest: Option<i64> = None;
        for day in self.days_in_calendar() {
            let gap = last.replace(day).map(|last| day - last);
            shortest = shortest.into_iter().chain(gap).min();
            if shortest == Some(1) {
                break;
            }
        }
        shortest
    }

    /// The days on which it runs, counted from 2000-01-01, a Saturday. After 28 years the calendar begins anew, and no
    /// day is more than 4 years away from its like.
    fn days_in_calendar(&self) -> impl Iterator<Item = i64> + use<'_> {
        let months = (2000..2033).flat_map(|year| (1..=12).map(move |month| (year, month)));
        let days = months.flat_map(|(year, month)| (1..=days_of_month(year, month)).map(move |day| (month, day)));
        let is_in = |set: u64, value: i64| set >> value & 1 == 1;
        let counted = days.zip(0_i64..).filter(move |((month, day), count)| {
            let (by_day, by_weekday) = (is_in(self.days, (*day).into()), is_in(self.weekdays, (count + 6) % 7));
            let is_day = if self.is_either_day { by_day || by_weekday } else { by_day && by_weekday };
            is_day && is_in(self.months, (*month).into())
        });
        counted.map(|(_, count)| count)
    }
}

/// The values of a set, in order.
fn values(set: u64) -> impl Iterator<Item = i64> {
    (0..64).filter(move |value| set >> value & 1 == 1)
}

impl Unit {
    /// The set of a field, and whether it is `*`, also among others; not with a step.
    fn parse(&self, field: &str) -> Result<(u64, bool), &'static str> {
        let (mut set, mut is_any) = (0, false);
        for part in field.split(',').filter(|part| !part.is_empty()) {
            let (range, step) = match part.split_once('/') {
                None => (part, None),
                Some((range, step)) => (range, Some(number(step)?)),
            };
            let (from, to) = match range.split_once('-') {
                None => (range, None),
                Some((from, to)) => (from, Some(to)),
            };
            let is_star = matches!(from, "*" | "?");
            let (low, high) = match to {
                // What stands behind `*-` is not looked at.
                _ if is_star => (self.lowest, self.highest),
                Some(to) => (self.value(from)?, self.value(to)?),
                // With a step, a single value goes on to the end.
                None if step.is_some() => (self.value(from)?, self.highest),
                None => (self.value(from)?, self.value(from)?),
            };
            if low < self.lowest || high > self.highest || low > high {
                return Err("values within the bounds of their field, the lower first");
            }
            let step = step.unwrap_or(1);
            if step == 0 {
                return Err("a step above 0");
            }
            is_any |= is_star && step == 1;
            let mut value = low;
            while value <= high {
                set |= 1 << value;
                value = value.saturating_add(step);
            }
        }
        Ok((set, is_any))
    }

    /// A number or a name.
    fn value(&self, text: &str) -> Result<u32, &'static str> {
        match self.names.iter().zip(self.lowest..).find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, value)) => Ok(value),
            None => number(text),
        }
    }
}

fn number(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "a number, or a name of a month or weekday")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gap(text: &str) -> Option<i64> {
        Cron::parse(text).unwrap().shortest_gap()
    }

    #[test]
    fn schedules_of_kubernetes_are_read() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        for (text, expected) in [
            ("* * * * *", Some(MINUTE)),
            ("*/5 * * * *", Some(5 * MINUTE)),
            ("*/7 * * * *", Some(4 * MINUTE)),
            ("0,1 0 * * *", Some(MINUTE)),
            ("59 23,0 * * *", Some(HOUR)),
            ("0 0-23/6 * * *", Some(6 * HOUR)),
            ("5/20 3 * * *", Some(20 * MINUTE)),
            ("0 0 * * *", Some(DAY)),
            ("0 0 * * MON-Fri", Some(DAY)),
            ("0 0 * * sun,wed", Some(3 * DAY)),
            ("0 0 1 * *", Some(28 * DAY)),
            ("0 0 31 * *", Some(31 * DAY)),
            ("0 0 1 jan ?", Some(365 * DAY)),
            ("0 0 29 2 *", Some(1461 * DAY)),
            ("0 0 30 2 *", None),
            // One of the two days is enough.
            ("0 0 1 * mon", Some(DAY)),
            ("0 0 10 * ?", Some(28 * DAY)),
            // A step makes `*` a list of days.
            ("0 0 */2 * mon", Some(DAY)),
            ("@daily", Some(DAY)),
            ("@weekly", Some(7 * DAY)),
            ("@hourly", Some(HOUR)),
            ("@every 90s", Some(90)),
            ("@every 1h30m", Some(90 * MINUTE)),
            (", * * * *", None),
        ] {
            assert_eq!(gap(text), expected, "{text}");
        }
        assert_eq!(Cron::parse("TZ=Europe/Berlin 0 3 * * *").unwrap().time_zone, Some("Europe/Berlin"));
        assert_eq!(Cron::parse("CRON_TZ=UTC @daily").unwrap().time_zone, Some("UTC"));
    }

    #[test]
    fn what_the_parser_refuses_is_no_schedule() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "1/2/3 * * * *",
            "* * * * monday",
            "@reboot",
            "@Daily",
            "@every 5",
            "@every",
            "TZ=UTC",
            "-1 * * * *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }

    /// The shortest gap by looking at every minute of some days.
    fn by_hand(minutes: &[u32], hours: &[u32]) -> Option<i64> {
        let all = (0..3 * 24 * 60_u32).filter(|at| minutes.contains(&(at % 60)) && hours.contains(&(at / 60 % 24)));
        let all: Vec<u32> = all.collect();
        all.windows(2).map(|pair| i64::from(pair[1] - pair[0]) * 60).min()
    }

    fn list(values: &[u32]) -> String {
        values.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[@A-Z=]{0,4}[0-9*,/ a-z?-]{0,24}") {
            if let Ok(cron) = Cron::parse(&text) {
                cron.shortest_gap();
            }
        }

        #[test]
        fn fields_of_a_day_agree_with_looking_at_every_minute(
            minutes in prop::collection::vec(0_u32..60, 1..4),
            hours in prop::collection::vec(0_u32..24, 1..4),
        ) {
            let text = format!("{} {} * * *", list(&minutes), list(&hours));
            prop_assert_eq!(gap(&text), by_hand(&minutes, &hours));
        }

        #[test]
        fn ranges_and_steps_are_lists(low in 0_u32..60, length in 0_u32..60, step in 1_u32..70) {
            let high = (low + length).min(59);
            let values: Vec<u32> = (low..=high).step_by(step as usize).collect();
            let range = format!("{low}-{high}/{step} * * * *");
            let listed = format!("{} * * * *", list(&values));
            prop_assert_eq!(Cron::parse(&range), Cron::parse(&listed));
        }
    }
}
