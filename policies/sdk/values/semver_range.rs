//! Ranges of semantic versions, as npm, Cargo and Helm write them.

use super::semver::{Partial, SemVer};
use std::cmp::Ordering;

/// Who reads a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Blanks join demands, `||` alternatives, `1.2 - 2` is a range; a bare version is that one.
    Npm,
    /// Commas join demands; a bare version is `^`.
    Cargo,
    /// As npm's, with commas as well as blanks, and `!=`.
    Helm,
}

/// A set of versions.
#[derive(Debug, Clone)]
pub struct Range<'a> {
    dialect: Dialect,
    /// A version is in it that fulfils all demands of one of them.
    alternatives: Vec<Vec<Demand<'a>>>,
}

#[derive(Debug, Clone, Copy)]
struct Demand<'a> {
    operator: Operator,
    version: SemVer<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Below,
    AtMost,
    Above,
    AtLeast,
    Is,
    IsNot,
}

impl<'a> Range<'a> {
    /// Reads a range; `None` for what is none.
    pub fn parse(text: &'a str, dialect: Dialect) -> Option<Self> {
        let alternatives = match dialect {
            Dialect::Cargo => vec![demands_of(text, dialect)?],
            _ => text.split("||").map(|part| demands_of(part, dialect)).collect::<Option<_>>()?,
        };
        Some(Self { dialect, alternatives })
    }

    /// Whether a version is in it. A version before a release is only where a demand names one too: for npm and Cargo
    /// of the same release, for Helm in every demand.
    pub fn contains(&self, version: &SemVer<'_>) -> bool {
        self.alternatives.iter().any(|demands| {
            demands.iter().all(|demand| demand.holds(version)) && self.admits_pre_release(demands, version)
        })
    }

    fn admits_pre_release(&self, demands: &[Demand<'_>], version: &SemVer<'_>) -> bool {
        if !version.is_pre_release() {
            return true;
        }
        match self.dialect {
            Dialect::Helm => !demands.is_empty() && demands.iter().all(|demand| demand.version.is_pre_release()),
            _ => demands
                .iter()
                .any(|demand| demand.version.is_pre_release() && demand.version.numbers == version.numbers),
        }
    }

    /// The one version that it holds, where it is written as such.
    pub fn exact(&self) -> Option<SemVer<'a>> {
        match &self.alternatives[..] {
            [demands] => match demands[..] {
                [Demand { operator: Operator::Is, version }] => Some(version),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it ends somewhere: without an end it also holds versions that break everything.
    pub fn has_end(&self) -> bool {
        let ends = |demand: &Demand<'_>| matches!(demand.operator, Operator::Below | Operator::AtMost | Operator::Is);
        self.alternatives.iter().all(|demands| demands.iter().any(ends))
    }
}

impl Demand<'_> {
    fn holds(&self, version: &SemVer<'_>) -> bool {
        let order = version.cmp(&self.version);
        match self.operator {
            Operator::Below => order == Ordering::Less,
            Operator::AtMost => order != Ordering::Greater,
            Operator::Above => order == Ordering::Greater,
            Operator::AtLeast => order != Ordering::Less,
            Operator::Is => order == Ordering::Equal,
            Operator::IsNot => order != Ordering::Equal,
        }
    }
}

/// The demands that are joined: all must hold.
fn demands_of(text: &str, dialect: Dialect) -> Option<Vec<Demand<'_>>> {
    let mut demands = Vec::new();
    let parts: Vec<&str> = if dialect == Dialect::Npm { vec![text] } else { text.split(',').collect() };
    for part in &parts {
        let words: Vec<&str> = part.split_whitespace().collect();
        if words.is_empty() && (parts.len() > 1 || dialect == Dialect::Cargo) {
            return None;
        }
        if let [from, "-", to] = words[..]
            && dialect != Dialect::Cargo
        {
            add(&mut demands, ">=", &Partial::parse(from)?)?;
            add(&mut demands, "<=", &Partial::parse(to)?)?;
            continue;
        }
        let mut words = words.into_iter();
        let mut count = 0;
        while let Some(word) = words.next() {
            let version = word.trim_start_matches(['<', '>', '=', '!', '^', '~']);
            let operator = &word[..word.len() - version.len()];
            // A blank may stand behind an operator.
            let version = if version.is_empty() { words.next()? } else { version };
            count += 1;
            let partial = Partial::parse(version)?;
            let operator = match (operator, dialect) {
                ("", Dialect::Cargo) if !partial.is_open => "^",
                ("!=", Dialect::Npm | Dialect::Cargo) => return None,
                (_, Dialect::Cargo) if count > 1 => return None,
                (operator, _) => operator,
            };
            add(&mut demands, operator, &partial)?;
        }
    }
    Some(demands)
}

/// Adds what an operator before a version demands. A version of which parts are missing stands for all that begin so.
fn add<'a>(demands: &mut Vec<Demand<'a>>, operator: &str, partial: &Partial<'a>) -> Option<()> {
    let mut demand = |operator, version| demands.push(Demand { operator, version });
    let (lowest, written) = (partial.lowest(), partial.written());
    let (is_whole, is_any) = (written == 3, written == 0);
    match operator {
        "^" | "~" | "~>" if is_any => {}
        "^" => {
            // Up to the next change of the first number that is not 0.
            let first = partial.numbers.iter().position(|number| number.is_some_and(|number| number > 0));
            demand(Operator::AtLeast, lowest);
            demand(Operator::Below, partial.behind(first.unwrap_or(written - 1))?);
        }
        "~" | "~>" => {
            demand(Operator::AtLeast, lowest);
            demand(Operator::Below, partial.behind(if written == 1 { 0 } else { 1 })?);
        }
        "" | "=" | "==" if is_any => {}
        "" | "=" | "==" if is_whole => demand(Operator::Is, lowest),
        "" | "=" | "==" => {
            demand(Operator::AtLeast, lowest);
            demand(Operator::Below, partial.behind(written - 1)?);
        }
        "!=" if is_whole => demand(Operator::IsNot, lowest),
        // Nothing is above or below everything.
        "<" | ">" if is_any => demand(Operator::Below, SemVer { pre_release: "0", ..lowest }),
        "<=" | "=<" | ">=" | "=>" if is_any => {}
        ">" if is_whole => demand(Operator::Above, lowest),
        ">" => demand(Operator::AtLeast, partial.behind(written - 1)?),
        ">=" | "=>" => demand(Operator::AtLeast, lowest),
        "<" => demand(Operator::Below, lowest),
        "<=" | "=<" if is_whole => demand(Operator::AtMost, lowest),
        "<=" | "=<" => demand(Operator::Below, partial.behind(written - 1)?),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> SemVer<'_> {
        SemVer::parse(text).unwrap()
    }

    fn contains(range: &str, dialect: Dialect, text: &str) -> bool {
        Range::parse(range, dialect).unwrap().contains(&version(text))
    }

    #[test]
    fn ranges_hold_what_their_readers_take() {
        use Dialect::{Cargo, Helm, Npm};
        for (range, dialect, inside, outside) in [
            ("^1.2.3", Npm, "1.9.0", "2.0.0"),
            ("^0.2.3", Npm, "0.2.9", "0.3.0"),
            ("^0.0.3", Npm, "0.0.3", "0.0.4"),
            ("^0.0", Npm, "0.0.9", "0.1.0"),
            ("^0", Npm, "0.9.0", "1.0.0"),
            ("~1.2.3", Npm, "1.2.9", "1.3.0"),
            ("~1", Npm, "1.9.0", "2.0.0"),
            ("1.x", Npm, "1.9.0", "2.0.0"),
            ("1.2.*", Npm, "1.2.9", "1.3.0"),
            ("1.2.3", Npm, "1.2.3", "1.2.4"),
            (">=1.2 <2", Npm, "1.2.0", "2.0.0"),
            (">1.2", Npm, "1.3.0", "1.2.9"),
            ("<=1.2", Npm, "1.2.9", "1.3.0"),
            (">= 1.2.3 < 2.0.0", Npm, "1.2.3", "1.2.2"),
            ("1.2 - 2.3", Npm, "2.3.9", "2.4.0"),
            ("1 || 3", Npm, "3.1.0", "2.0.0"),
            ("^1.2.3-beta.2", Npm, "1.2.3-beta.4", "1.2.4-beta.1"),
            ("*", Npm, "9.0.0", "9.0.0-rc.1"),
            ("1.2.3", Cargo, "1.9.0", "2.0.0"),
            ("0.2", Cargo, "0.2.9", "0.3.0"),
            ("=1.2.3", Cargo, "1.2.3", "1.2.4"),
            (">=1.2, <1.5", Cargo, "1.4.0", "1.5.0"),
            ("1.2.*", Cargo, "1.2.9", "1.3.0"),
            ("1.2.3-xyz", Cargo, "1.9.0", "2.0.0"),
            (">= 1.2, != 1.3.0", Helm, "1.3.1", "1.3.0"),
            ("1.2.3", Helm, "1.2.3", "1.2.4"),
            (">=1.2.0-0", Helm, "1.3.0-rc.1", "1.1.0"),
            (">=1.2.0", Helm, "1.3.0", "1.3.0-rc.1"),
            ("^2.0.0 || 4.x", Helm, "4.1.0", "3.0.0"),
        ] {
            assert!(contains(range, dialect, inside), "{range} {inside}");
            assert!(!contains(range, dialect, outside), "{range} {outside}");
        }
        for (range, dialect) in [
            ("1.2.3 beta", Npm),
            ("latest", Npm),
            ("!=1.2.3", Npm),
            ("1 || 2", Cargo),
            (">=1 <2", Cargo),
            ("", Cargo),
            ("1.2,", Helm),
            (">=", Helm),
            ("><1.2.3", Npm),
        ] {
            assert!(Range::parse(range, dialect).is_none(), "{range}");
        }
    }

    #[test]
    fn ranges_say_whether_they_pin_and_end() {
        for (range, dialect, exact, ends) in [
            ("1.2.3", Dialect::Npm, true, true),
            ("=1.2.3", Dialect::Cargo, true, true),
            ("1.2.3", Dialect::Cargo, false, true),
            ("~1.2", Dialect::Helm, false, true),
            (">=1.2", Dialect::Helm, false, false),
            ("*", Dialect::Npm, false, false),
            ("1.0.0 || 2.0.0", Dialect::Npm, false, true),
            ("<2 || >3", Dialect::Npm, false, false),
        ] {
            let parsed = Range::parse(range, dialect).unwrap();
            assert_eq!((parsed.exact().is_some(), parsed.has_end()), (exact, ends), "{range}");
        }
    }

    fn dialect() -> impl Strategy<Value = Dialect> {
        prop_oneof![Just(Dialect::Npm), Just(Dialect::Cargo), Just(Dialect::Helm)]
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[0-9xX*v.^~<>=!| ,+a-]{0,24}", dialect in dialect()) {
            let range = Range::parse(&text, dialect);
            let parsed = SemVer::parse(&text);
            if let (Some(range), Some(parsed)) = (range, parsed) {
                range.contains(&parsed);
            }
        }

        #[test]
        fn operators_agree_with_the_numbers(base: [u8; 3], other: [u8; 3]) {
            let text = |numbers: [u8; 3]| format!("{}.{}.{}", numbers[0] % 4, numbers[1] % 4, numbers[2] % 4);
            let (base, other) = (text(base), text(other));
            let numbers = |text: &str| version(text).numbers;
            let ([a, b, c], [x, y, z]) = (numbers(&base), numbers(&other));
            let is_at_least = (x, y, z) >= (a, b, c);
            let caret = is_at_least && match (a, b) { (0, 0) => (x, y, z) == (0, 0, c), (0, _) => (x, y) == (0, b), _ => x == a };
            let holds = |operator: &str| contains(&format!("{operator}{base}"), Dialect::Npm, &other);
            prop_assert_eq!(holds("^"), caret);
            prop_assert_eq!(contains(&base, Dialect::Cargo, &other), caret);
            prop_assert_eq!(holds("~"), is_at_least && (x, y) == (a, b));
            prop_assert_eq!(holds(">="), is_at_least);
            prop_assert_eq!(holds("<"), !is_at_least);
            prop_assert_eq!(holds(""), base == other);
            let either = contains(&format!("<{base} || >={base}"), Dialect::Helm, &other);
            let both = contains(&format!("<{base} >={base}"), Dialect::Helm, &other);
            prop_assert!(either && !both);
        }
    }
}
