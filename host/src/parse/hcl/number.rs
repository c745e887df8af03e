//! Numbers as Terraform has them: decimal and exact.

/// A decimal number: `digits` × 10^-`scale`, without zeros at the end of its fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

/// Digits behind the point that are reckoned with. Terraform has 150 of them; what needs more than these is not known
/// here.
const MAX_SCALE: u32 = 30;

impl Decimal {
    /// A whole number.
    pub fn whole(digits: i128) -> Self {
        Self { digits, scale: 0 }
    }

    /// Reads digits, a fraction and an exponent; `None` for what is no number, or too long to be reckoned with.
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if unsigned.is_empty() || !is_digits(unsigned) || !is_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = i64::try_from(fraction.len()).ok()? - exponent.parse::<i64>().ok()?;
        if scale >= 0 {
            return Self { digits, scale: u32::try_from(scale).ok()? }.reduced();
        }
        let factor = 10i128.checked_pow(u32::try_from(-scale).ok()?)?;
        Some(Self::whole(digits.checked_mul(factor)?))
    }

    fn reduced(mut self) -> Option<Self> {
        while self.scale > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.scale -= 1;
        }
        (self.scale <= MAX_SCALE).then_some(self)
    }

    /// Both as multiples of the same power of ten.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let digits = |number: Self| number.digits.checked_mul(10i128.checked_pow(scale - number.scale)?);
        Some((digits(self)?, digits(other)?, scale))
    }

    /// The sum, where it can be told exactly, as with all that follow.
    pub fn add(self, other: Self) -> Option<Self> {
        let (one, two, scale) = self.aligned(other)?;
        Self { digits: one.checked_add(two)?, scale }.reduced()
    }

    /// The difference.
    pub fn subtract(self, other: Self) -> Option<Self> {
        let (one, two, scale) = self.aligned(other)?;
        Self { digits: one.checked_sub(two)?, scale }.reduced()
    }

    /// The product.
    pub fn multiply(self, other: Self) -> Option<Self> {
        Self { digits: self.digits.checked_mul(other.digits)?, scale: self.scale.checked_add(other.scale)? }.reduced()
    }

    /// The quotient, where its fraction ends.
    pub fn divide(self, other: Self) -> Option<Self> {
        let (one, two, _) = self.aligned(other)?;
        let (mut rest, mut scale) = (one.checked_rem(two)?, 0);
        let mut digits = one.checked_div(two)?;
        while rest != 0 {
            scale += 1;
            if scale > MAX_SCALE {
                return None;
            }
            rest = rest.checked_mul(10)?;
            digits = digits.checked_mul(10)?.checked_add(rest / two)?;
            rest %= two;
        }
        Self { digits, scale }.reduced()
    }

    /// What is left of a division whose quotient is rounded towards zero.
    pub fn modulo(self, other: Self) -> Option<Self> {
        let (one, two, scale) = self.aligned(other)?;
        Self { digits: one.checked_rem(two)?, scale }.reduced()
    }

    /// The same on the other side of zero; Terraform has a zero of its own there.
    pub fn negative(self) -> Option<Self> {
        (self.digits != 0).then_some(Self { digits: self.digits.checked_neg()?, ..self })
    }

    /// Whether it is exact in Terraform, too, which reckons in binary.
    pub fn is_binary(self) -> bool {
        5i128.checked_pow(self.scale).is_some_and(|power| self.digits % power == 0)
    }

    /// Which is greater.
    pub fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        let (one, two, _) = self.aligned(other)?;
        Some(one.cmp(&two))
    }

    /// The greatest whole number that is not greater.
    pub fn floor(self) -> Option<Self> {
        Some(Self::whole(self.digits.div_euclid(10i128.checked_pow(self.scale)?)))
    }

    /// The least whole number that is not less.
    pub fn ceil(self) -> Option<Self> {
        let floor = self.floor()?;
        if floor == self { Some(floor) } else { floor.add(Self::whole(1)) }
    }

    /// As a whole number, where it is one.
    pub fn to_whole(self) -> Option<i128> {
        (self.scale == 0).then_some(self.digits)
    }

    /// As the index of a list.
    pub fn to_index(self) -> Option<usize> {
        self.to_whole().and_then(|whole| usize::try_from(whole).ok())
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs().to_string();
        let scale = self.scale as usize;
        let padded = format!("{digits:0>width$}", width = scale + 1);
        match padded.split_at_checked(padded.len() - scale) {
            Some((whole, fraction)) if !fraction.is_empty() => write!(f, "{sign}{whole}.{fraction}"),
            _ => write!(f, "{sign}{digits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_are_written_as_terraform_writes_them() {
        for (written, shown) in [
            ("0", "0"),
            ("007", "7"),
            ("2.50", "2.5"),
            ("-2.50", "-2.5"),
            ("1e3", "1000"),
            ("1.5E+2", "150"),
            ("25e-3", "0.025"),
            ("-0.5", "-0.5"),
            ("0.0", "0"),
        ] {
            assert_eq!(number(written).to_string(), shown);
        }
        for none in ["", "-", ".5", "1e", "1e99", "1e-99", "x", "1.2.3", &"9".repeat(60)] {
            assert_eq!(Decimal::parse(none), None, "{none}");
        }
    }

    #[test]
    fn reckoning_is_exact_or_not_done() {
        let sum = number("0.1").add(number("0.2"));
        assert_eq!(sum, Some(number("0.3")));
        assert_eq!(number("1").divide(number("8")), Some(number("0.125")));
        assert_eq!(number("1").divide(number("3")), None);
        assert_eq!(number("1").divide(number("0")), None);
        assert_eq!(number("-7").modulo(number("3")), Some(number("-1")));
        assert_eq!(number("-1.5").floor(), Some(number("-2")));
        assert_eq!(number("-1.5").ceil(), Some(number("-1")));
        assert_eq!(number("2").ceil(), Some(number("2")));
        assert_eq!(number("1.5").to_index(), None);
        assert_eq!(number("0").negative(), None);
        assert!(number("0.375").is_binary() && number("12").is_binary() && !number("0.1").is_binary());
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_the_same(digits in -1_000_000_000_000i64..1_000_000_000_000, scale in 0u32..12) {
            let number = Decimal { digits: digits.into(), scale }.reduced().unwrap();
            prop_assert_eq!(Decimal::parse(&number.to_string()), Some(number));
        }

        #[test]
        fn whole_numbers_are_reckoned_with_as_ever(one in -1_000_000i64..1_000_000, two in -1_000_000i64..1_000_000) {
            let (first, second) = (Decimal::whole(one.into()), Decimal::whole(two.into()));
            prop_assert_eq!(first.add(second), Some(Decimal::whole((one + two).into())));
            prop_assert_eq!(first.multiply(second), Some(Decimal::whole((one * two).into())));
            prop_assert_eq!(first.compare(second), Some(one.cmp(&two)));
            if two != 0 && one % two == 0 {
                prop_assert_eq!(first.divide(second), Some(Decimal::whole((one / two).into())));
            }
        }
    }
}
