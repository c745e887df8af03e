//! Semantic versions: <https://semver.org>.

use std::cmp::Ordering;
use std::fmt;

/// A version: `1.2.3`, `v1.2.3-rc.1+build`.
#[derive(Debug, Clone, Copy)]
pub struct SemVer<'a> {
    /// Major, minor, patch.
    pub numbers: [u64; 3],
    /// What stands behind `-`; empty for a release.
    pub pre_release: &'a str,
    /// What stands behind `+`; it decides nothing.
    pub build: &'a str,
}

impl<'a> SemVer<'a> {
    /// Reads a whole version; a `v` before it is left out.
    pub fn parse(text: &'a str) -> Option<Self> {
        let partial = Partial::parse(text)?;
        let [Some(major), Some(minor), Some(patch)] = partial.numbers else { return None };
        Some(Self { numbers: [major, minor, patch], pre_release: partial.pre_release, build: partial.build })
    }

    /// Whether it comes before a release.
    pub fn is_pre_release(&self) -> bool {
        !self.pre_release.is_empty()
    }

    fn release(numbers: [u64; 3]) -> Self {
        Self { numbers, pre_release: "", build: "" }
    }
}

impl fmt::Display for SemVer<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(out, "{major}.{minor}.{patch}")?;
        for (sign, part) in [('-', self.pre_release), ('+', self.build)] {
            if !part.is_empty() {
                write!(out, "{sign}{part}")?;
            }
        }
        Ok(())
    }
}

/// By precedence, so that builds of one version are equal.
impl Ord for SemVer<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| compare_pre_releases(self.pre_release, other.pre_release))
    }
}

impl PartialOrd for SemVer<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SemVer<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SemVer<'_> {}

/// A release is higher than what came before it; numbers are lower than words.
fn compare_pre_releases(one: &str, other: &str) -> Ordering {
    if one.is_empty() || other.is_empty() {
        return one.is_empty().cmp(&other.is_empty());
    }
    let (mut some, mut others) = (one.split('.'), other.split('.'));
    loop {
        let (one, other) = match (some.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => (one, other),
        };
        let order = match (is_number(one), is_number(other)) {
            // Without leading zeros the longer number is the larger.
            (true, true) => one.len().cmp(&other.len()).then(one.cmp(other)),
            (false, false) => one.cmp(other),
            (one, other) => other.cmp(&one),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A version of which parts may be missing, or be `x` or `*`.
pub(super) struct Partial<'a> {
    /// What stands behind a missing one is missing too.
    pub(super) numbers: [Option<u64>; 3],
    /// Whether an `x` or `*` is written.
    pub(super) is_open: bool,
    pre_release: &'a str,
    build: &'a str,
}

impl<'a> Partial<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = split_suffix(text, '+')?;
        let (core, pre_release) = split_suffix(text, '-')?;
        let is_written = |part: &str, is_right: &dyn Fn(&str) -> bool| part.is_empty() || part.split('.').all(is_right);
        let has_no_zeros = |part: &str| is_identifier(part) && (!is_number(part) || has_no_leading_zero(part));
        if !is_written(build, &is_identifier) || !is_written(pre_release, &has_no_zeros) {
            return None;
        }
        let mut numbers = [None; 3];
        let (mut count, mut is_open) = (0, false);
        for part in core.split('.') {
            let number = numbers.get_mut(count)?;
            count += 1;
            match part {
                "x" | "X" | "*" => is_open = true,
                part if is_number(part) && has_no_leading_zero(part) && !is_open => *number = Some(part.parse().ok()?),
                _ => return None,
            }
        }
        let is_whole = numbers[2].is_some();
        (is_whole || pre_release.is_empty() && build.is_empty()).then_some(Self {
            numbers,
            is_open,
            pre_release,
            build,
        })
    }

    /// The lowest version that it may mean.
    pub(super) fn lowest(&self) -> SemVer<'a> {
        let numbers = self.numbers.map(|number| number.unwrap_or(0));
        SemVer { numbers, pre_release: self.pre_release, build: "" }
    }

    /// The version behind all that agree with it in the numbers up to a position; `None` behind the last.
    pub(super) fn behind(&self, position: usize) -> Option<SemVer<'a>> {
        let mut numbers = [0; 3];
        for (at, number) in numbers.iter_mut().enumerate().take(position + 1) {
            *number = self.numbers[at].unwrap_or(0);
        }
        numbers[position] = numbers[position].checked_add(1)?;
        Some(SemVer::release(numbers))
    }

    /// How many numbers are written.
    pub(super) fn written(&self) -> usize {
        self.numbers.iter().flatten().count()
    }
}

/// Splits a suffix off; `None` where it is empty.
fn split_suffix(text: &str, sign: char) -> Option<(&str, &str)> {
    match text.split_once(sign) {
        None => Some((text, "")),
        Some((_, "")) => None,
        split => split,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_no_leading_zero(number: &str) -> bool {
    number.len() == 1 || !number.starts_with('0')
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> SemVer<'_> {
        SemVer::parse(text).unwrap()
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        // The example of semver.org, §11.
        let ordered = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.10.0",
        ];
        assert!(ordered.windows(2).all(|pair| version(pair[0]) < version(pair[1])));
        assert_eq!(version("1.0.0+a"), version("v1.0.0+b"));
        for text in
            ["1", "1.2", "1.2.x", "01.2.3", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-a..b", "a.b.c", "", "1.2.3.4"]
        {
            assert!(SemVer::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "v?[0-9xX*.+a-]{0,24}") {
            let _ = SemVer::parse(&text);
        }

        #[test]
        fn versions_come_back_as_they_were(text in "[0-9]|[1-9][0-9]{1,6}", pre in "(-(a|[1-9]|0|b-1)(\\.(x|7)){0,2})?", build in "(\\+[a-z0-9-]{1,4})?") {
            let written = format!("{text}.0.{text}{pre}{build}");
            prop_assert_eq!(version(&written).to_string(), written);
        }
    }
}
