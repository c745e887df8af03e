//! Kubernetes resource quantities, exact: no floating point.

use crate::json::View;

/// A Kubernetes quantity such as `500m`, `1.5Gi` or `2e3`, exact to a billionth of its unit (cores,
/// bytes, …). Quantities compare by value: `1Gi` equals `1024Mi`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Quantity {
    nano: i128,
}

const NANO_PER_MILLI: i128 = 1_000_000;
const NANO_PER_UNIT: i128 = 1_000_000_000;

impl Quantity {
    /// No amount.
    pub const ZERO: Self = Self { nano: 0 };

    /// Reads a quantity by the grammar of `k8s.io/apimachinery/pkg/api/resource`: an optional sign,
    /// decimal digits with an optional point (`1`, `1.5`, `.5`, `1.`), and nothing, one of
    /// `n u m k M G T P E`, one of `Ki Mi Gi Ti Pi Ei`, or `e`/`E` with a signed exponent (`1E` is
    /// exa, `1E3` a thousand). No space is allowed.
    ///
    /// As Kubernetes does, what is finer than a billionth is rounded away from zero, and an amount
    /// with a binary suffix is capped at 2⁶³ - 1 units. Any other amount saturates at about 1.7e29
    /// units, where Kubernetes has no bound. A number without digits (`m`, `+`, `.`) is refused by
    /// the grammar and here, though Kubernetes' own parser reads it as zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, number, suffix) = split(text);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let unit = Unit::of(suffix)?;
        let magnitude = scale(whole, fraction, unit.exponent, unit.nano).min(unit.cap);
        let nano = i128::try_from(magnitude).unwrap_or(i128::MAX);
        Some(Self { nano: if sign == "-" { -nano } else { nano } })
    }

    /// Reads a JSON string or number; space around it is ignored, as the API server does.
    pub fn from_view(view: &View<'_>) -> Option<Self> {
        Self::parse(view.scalar_text()?.trim_ascii())
    }

    /// So many whole units.
    pub const fn from_integer(units: i64) -> Self {
        Self { nano: units as i128 * NANO_PER_UNIT }
    }

    /// So many billionths of the unit.
    pub const fn from_nano(nano: i128) -> Self {
        Self { nano }
    }

    /// True for no amount.
    pub const fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// True for more than nothing.
    pub const fn is_positive(self) -> bool {
        self.nano > 0
    }

    /// Whole units, rounded away from zero as Kubernetes' `Value()` does: `100m` is 1, `1500m` is 2.
    pub const fn ceil(self) -> i128 {
        divide_away_from_zero(self.nano, NANO_PER_UNIT)
    }

    /// Thousandths of the unit, rounded away from zero as Kubernetes' `MilliValue()` does.
    pub const fn milli(self) -> i128 {
        divide_away_from_zero(self.nano, NANO_PER_MILLI)
    }

    /// Billionths of the unit: the exact value.
    pub const fn nano(self) -> i128 {
        self.nano
    }

    /// The sum, unless it is out of range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self { nano: self.nano.checked_add(other.nano)? })
    }
}

/// What follows the number of a quantity: `Mi` of `512Mi`, `e3` of `1e3`, nothing of `2`. The text
/// need not be a valid quantity: `GB` of `5GB`.
pub fn suffix(text: &str) -> &str {
    split(text).2
}

/// Splits into sign, number and suffix.
fn split(text: &str) -> (&str, &str, &str) {
    let (sign, unsigned) = text.split_at(usize::from(text.starts_with(['+', '-'])));
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    (sign, number, suffix)
}

/// What a suffix means: the number times 10^`exponent` times `nano` billionths, at most `cap`.
struct Unit {
    exponent: i64,
    nano: u128,
    cap: u128,
}

impl Unit {
    fn of(suffix: &str) -> Option<Self> {
        let thousands = |power| Some(Self { exponent: 0, nano: 1000_u128.pow(power), cap: u128::MAX });
        let binary = |power: u32| {
            let (unit, max) = (NANO_PER_UNIT.unsigned_abs(), i64::MAX.unsigned_abs());
            Some(Self { exponent: 0, nano: unit << (10 * power), cap: u128::from(max) * unit })
        };
        match suffix {
            "n" => thousands(0),
            "u" => thousands(1),
            "m" => thousands(2),
            "" => thousands(3),
            "k" => thousands(4),
            "M" => thousands(5),
            "G" => thousands(6),
            "T" => thousands(7),
            "P" => thousands(8),
            "E" => thousands(9),
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            _ => {
                let exponent = suffix.strip_prefix(['e', 'E'])?;
                // Like Kubernetes; what does not fit 32 bits is not a number of anything.
                let exponent = i64::from(exponent.parse::<i32>().ok()?);
                Some(Self { exponent, ..thousands(3)? })
            }
        }
    }
}

/// `whole.fraction` times 10^`exponent` times `unit`, rounded up; saturates. `whole` and `fraction`
/// are digits, `unit` is below 2¹²⁰.
pub(crate) fn scale(whole: &str, fraction: &str, exponent: i64, unit: u128) -> u128 {
    let (whole, fraction) = (whole.as_bytes(), fraction.as_bytes());
    let length = whole.len() + fraction.len();
    let digit = |at: usize| {
        let byte = whole.get(at).or_else(|| fraction.get(at - whole.len())).copied();
        u128::from(byte.unwrap_or(b'0') - b'0')
    };
    // The point is moved by the exponent, perhaps to before the first or after the last digit.
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent);
    let split = usize::try_from(point).unwrap_or(0).min(length);
    let zeros = point.abs_diff(i64::try_from(split).unwrap_or(i64::MAX));

    let mut integer = (0..split).fold(0_u128, |sum, at| sum.saturating_mul(10).saturating_add(digit(at)));
    // From the last digit to the first, because rounding up step by step is rounding up once.
    let mut below = (split..length).rev().fold(0_u128, |sum, at| (digit(at) * unit + sum).div_ceil(10));
    // 10^40 is more than any amount holds.
    for _ in 0..zeros.min(40) {
        if point > 0 {
            integer = integer.saturating_mul(10);
        } else {
            below = below.div_ceil(10);
        }
    }
    integer.saturating_mul(unit).saturating_add(below)
}

const fn divide_away_from_zero(value: i128, divisor: i128) -> i128 {
    value / divisor + (value % divisor).signum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use proptest::prelude::*;

    fn nano(text: &str) -> Option<i128> {
        Quantity::parse(text).map(Quantity::nano)
    }

    #[test]
    fn reads_what_kubernetes_reads() {
        const MAX: i128 = i64::MAX as i128 * NANO_PER_UNIT;
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("1n", 1),
            ("1u", 1_000),
            ("100m", 100_000_000),
            ("1", 1_000_000_000),
            ("+1", 1_000_000_000),
            ("-1", -1_000_000_000),
            (".5", 500_000_000),
            ("1.", 1_000_000_000),
            ("1.G", 1_000_000_000 * NANO_PER_UNIT),
            ("1k", 1_000 * NANO_PER_UNIT),
            ("1Ki", 1_024 * NANO_PER_UNIT),
            ("0.1Ki", 102_400_000_000),
            ("1.5Gi", 1_610_612_736 * NANO_PER_UNIT),
            ("500M", 500_000_000 * NANO_PER_UNIT),
            ("1E", 10_i128.pow(27)),
            ("1E3", 1_000 * NANO_PER_UNIT),
            ("1e3", 1_000 * NANO_PER_UNIT),
            ("1e-3", 1_000_000),
            ("1E+3", 1_000 * NANO_PER_UNIT),
            ("12.5e-1", 1_250_000_000),
            ("1e-9", 1),
            ("1e-10", 1),
            ("0e-10", 0),
            ("0.0000000001", 1),
            ("-0.0000000001", -1),
            ("0.9n", 1),
            ("1.1n", 2),
            ("7Ei", 7 * (1 << 60) * NANO_PER_UNIT),
            ("8Ei", MAX),
            ("-8Ei", -MAX),
            ("99999999999999999999Ki", MAX),
            ("18446744073709551616", 18_446_744_073_709_551_616 * NANO_PER_UNIT),
            ("0.0000000000000000000000000000000000001e40", 1_000 * NANO_PER_UNIT),
            ("1e100", i128::MAX),
            ("-1e2147483647", -i128::MAX),
            ("1e-2147483648", 1),
            ("0e2147483647", 0),
        ] {
            assert_eq!(nano(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in [
            "",
            " ",
            "1 ",
            " 1",
            "+",
            "-",
            ".",
            "m",
            "Ki",
            "e3",
            "1i",
            "1KI",
            "1ki",
            "1K",
            "1mi",
            "1GB",
            "1g",
            "1.1.1",
            "1..",
            "--1",
            "+-1",
            "1e",
            "1e+",
            "1e1.5",
            "1e3Mi",
            "1MiB",
            "1,5",
            "0x10",
            "١",
            "1e99999999999",
            "NaN",
        ] {
            assert_eq!(nano(text), None, "{text}");
        }
    }

    #[test]
    fn rounds_to_whole_units_and_thousandths_away_from_zero() {
        for (text, units, milli) in
            [("100m", 1, 100), ("1500m", 2, 1500), ("2", 2, 2000), ("1u", 1, 1), ("-1500m", -2, -1500), ("0", 0, 0)]
        {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!((quantity.ceil(), quantity.milli()), (units, milli), "{text}");
        }
    }

    #[test]
    fn reads_strings_and_numbers_of_documents() {
        let json = Json::parse(r#"["250m", 2, 1.5, " 1Gi ", null, true, "x"]"#).unwrap();
        let read: Vec<Option<i128>> =
            json.root().items().map(|view| Quantity::from_view(&view).map(Quantity::milli)).collect();
        assert_eq!(read, [Some(250), Some(2000), Some(1500), Some(1_073_741_824_000), None, None, None]);
        assert_eq!(Quantity::from_view(&json.root().item(9)), None);
    }

    #[test]
    fn tells_the_suffix() {
        for (text, expected) in
            [("512Mi", "Mi"), ("-1.5e3", "e3"), ("2", ""), (".5m", "m"), ("5GB", "GB"), ("", ""), ("x", "x"), ("+", "")]
        {
            assert_eq!(suffix(text), expected, "{text}");
        }
    }

    #[test]
    fn adds_within_range() {
        let one = Quantity::from_integer(1);
        assert_eq!(one.checked_add(Quantity::parse("500m").unwrap()), Quantity::parse("1.5"));
        assert_eq!(Quantity::parse("1e100").unwrap().checked_add(one), None);
        assert!(Quantity::ZERO.is_zero() && !Quantity::ZERO.is_positive() && one.is_positive());
        assert!(!Quantity::from_integer(-1).is_positive());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[+-]{0,2}[0-9.]{0,60}[eEinumkKMGTP+-]{0,3}[0-9]{0,12}", other: String) {
            let _ = Quantity::parse(&text).map(|quantity| (quantity.ceil(), quantity.milli()));
            let _ = (Quantity::parse(&other), suffix(&other));
        }

        #[test]
        fn integers_keep_their_value(units: i64) {
            prop_assert_eq!(Quantity::parse(&units.to_string()), Some(Quantity::from_integer(units)));
            prop_assert_eq!(Quantity::from_integer(units).ceil(), i128::from(units));
        }

        #[test]
        fn a_suffix_is_its_exponent(whole in 0..1_000_000_u32, fraction in "[0-9]{0,12}") {
            for (suffix, exponent) in
                [("n", "e-9"), ("u", "e-6"), ("m", "e-3"), ("", "e0"), ("k", "e3"), ("M", "e6"), ("G", "E9"), ("E", "e+18")]
            {
                let number = format!("{whole}.{fraction}");
                prop_assert_eq!(nano(&format!("{number}{suffix}")), nano(&format!("{number}{exponent}")));
            }
        }

        #[test]
        fn binary_suffixes_multiply(number in 0..8_000_u32, power in 1..6_usize) {
            let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
            let smaller = nano(&format!("{number}{}", suffixes[power - 1])).unwrap();
            prop_assert_eq!(nano(&format!("{number}{}", suffixes[power])), Some(smaller * 1024));
        }

        #[test]
        fn order_is_that_of_the_values(a: i32, b: i32) {
            let parse = |milli: i32| Quantity::parse(&format!("{milli}m")).unwrap();
            prop_assert_eq!(parse(a).cmp(&parse(b)), a.cmp(&b));
        }
    }
}
