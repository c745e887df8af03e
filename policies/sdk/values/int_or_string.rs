//! Values that are a number or a percentage of one: `minAvailable`, `maxUnavailable`, `maxSurge`, ….

use crate::json::{Kind, View};

/// A number, or a percentage of a total that is known elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntOrString {
    /// So many.
    Int(i64),
    /// So many hundredths of the total; may be more than 100.
    Percent(u32),
}

/// How a percentage becomes a whole number. Which one Kubernetes takes depends on the field:
///
/// | Field | Rounding |
/// |---|---|
/// | PodDisruptionBudget `minAvailable`, `maxUnavailable` | up |
/// | Deployment `maxSurge` | up |
/// | Deployment `maxUnavailable` | down |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the next greater whole number.
    Up,
    /// To the next smaller whole number.
    Down,
}

impl IntOrString {
    /// Reads an integer, or a string of digits and `%`. `None` when it is absent or anything else:
    /// the controllers refuse a string such as `"2"` as well (apimachinery,
    /// `GetScaledValueFromIntOrPercent`).
    pub fn from_view(view: &View<'_>) -> Option<Self> {
        if view.kind() == Some(Kind::Number) {
            return view.as_i64().map(Self::Int);
        }
        let digits = view.as_str()?.strip_suffix('%')?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { digits.parse().ok().map(Self::Percent) } else { None }
    }

    /// The number itself, or the percentage of `total`. `None` when a hundred times the result does not fit.
    pub fn scale(self, total: i64, rounding: Rounding) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::Percent(percent) => {
                let hundredths = total.checked_mul(i64::from(percent))?;
                let adjusted = match rounding {
                    Rounding::Down => hundredths,
                    Rounding::Up => hundredths.checked_add(99)?,
                };
                Some(adjusted.div_euclid(100))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use proptest::prelude::*;

    fn read(json: &str) -> Option<IntOrString> {
        IntOrString::from_view(&Json::parse(json).unwrap().root())
    }

    #[test]
    fn reads_numbers_and_percentages() {
        for (json, expected) in [
            ("1", Some(IntOrString::Int(1))),
            ("-1", Some(IntOrString::Int(-1))),
            (r#""25%""#, Some(IntOrString::Percent(25))),
            (r#""150%""#, Some(IntOrString::Percent(150))),
            (r#""0%""#, Some(IntOrString::Percent(0))),
            (r#""1""#, None),
            (r#""%""#, None),
            (r#""-5%""#, None),
            (r#""+5%""#, None),
            (r#""5.5%""#, None),
            (r#""99999999999%""#, None),
            ("1.5", None),
            ("99999999999999999999", None),
            ("null", None),
            ("true", None),
            ("[]", None),
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
        assert_eq!(IntOrString::from_view(&Json::parse("{}").unwrap().root().get("x")), None);
    }

    #[test]
    fn rounds_as_asked() {
        for (percent, total, up, down) in
            [(25, 3, 1, 0), (25, 4, 1, 1), (50, 3, 2, 1), (100, 7, 7, 7), (0, 7, 0, 0), (1, 0, 0, 0), (150, 3, 5, 4)]
        {
            assert_eq!(IntOrString::Percent(percent).scale(total, Rounding::Up), Some(up), "{percent}% of {total}");
            assert_eq!(IntOrString::Percent(percent).scale(total, Rounding::Down), Some(down), "{percent}% of {total}");
        }
        assert_eq!(IntOrString::Int(2).scale(9, Rounding::Up), Some(2));
        assert_eq!(IntOrString::Percent(200).scale(i64::MAX, Rounding::Up), None);
    }

    proptest! {
        #[test]
        fn rounding_is_tight(percent: u32, total: i32) {
            let value = IntOrString::Percent(percent);
            let total = i64::from(total);
            let up = value.scale(total, Rounding::Up).unwrap();
            let down = value.scale(total, Rounding::Down).unwrap();
            let exact = total * i64::from(percent);
            prop_assert!(down * 100 <= exact && exact <= up * 100);
            prop_assert_eq!(up - down, i64::from(exact % 100 != 0));
        }

        #[test]
        fn never_panics(text: String, percent: u32, total: i64) {
            let _ = read(&serde_json::to_string(&text).unwrap());
            let _ = IntOrString::Percent(percent).scale(total, Rounding::Up);
        }
    }
}
