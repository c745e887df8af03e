//! Samples, and whether two sets of them differ.

/// Measurements of one figure, sorted.
#[derive(Debug, Clone)]
pub struct Samples(Vec<f64>);

/// What two versions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The first is faster, beyond noise.
    Faster,
    /// The first is slower, beyond noise.
    Slower,
    /// Nothing that noise would not explain.
    NoDifference,
}

/// How far the ranks must lie apart: noise does it once in a thousand comparisons.
const SCORE: f64 = 3.29;
/// A smaller change of the median is none, however sure it is.
const SHARE: f64 = 0.03;

impl Samples {
    /// Samples of a figure; at least one.
    pub fn new(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Self(values))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The sample at a share of the way from the smallest to the largest.
    pub fn quantile(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }

    /// By how much of the other's median this one's lies above it.
    pub fn change(&self, other: &Self) -> f64 {
        self.median() / other.median() - 1.0
    }

    /// Whether these times differ from others, by ranks (Mann and Whitney): it asks nothing of how noise is spread.
    pub fn compare(&self, other: &Self) -> Verdict {
        let (n, m) = (self.0.len() as f64, other.0.len() as f64);
        let wins: f64 = self
            .0
            .iter()
            .map(|value| {
                let below = other.0.partition_point(|known| known < value);
                let equal = other.0.partition_point(|known| known <= value) - below;
                below as f64 + equal as f64 / 2.0
            })
            .sum();
        let score = (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
        match self.change(other) {
            change if score > SCORE && change > SHARE => Verdict::Slower,
            change if score < -SCORE && change < -SHARE => Verdict::Faster,
            _ => Verdict::NoDifference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: impl Iterator<Item = f64>) -> Samples {
        Samples::new(values.collect()).expect("samples")
    }

    #[test]
    fn noise_is_no_difference() {
        let one = samples((0..100).map(|index| 100.0 + f64::from(index * 37 % 50)));
        let other = samples((0..100).map(|index| 100.0 + f64::from(index * 61 % 53)));
        assert_eq!(one.compare(&other), Verdict::NoDifference);
        assert_eq!(one.compare(&one), Verdict::NoDifference);
        let few = samples([1.0, 2.0].into_iter());
        assert_eq!(few.compare(&samples([3.0, 4.0].into_iter())), Verdict::NoDifference);
    }

    #[test]
    fn a_change_beyond_noise_is_one_in_both_directions() {
        let one = samples((0..100).map(|index| 100.0 + f64::from(index * 37 % 50)));
        let other = samples((0..100).map(|index| 140.0 + f64::from(index * 61 % 53)));
        assert_eq!(one.compare(&other), Verdict::Faster);
        assert_eq!(other.compare(&one), Verdict::Slower);
        // Sure, but too small to matter.
        let near = samples((0..1000).map(|index| 100.0 + f64::from(index) / 1e6));
        let by = samples((0..1000).map(|index| 101.0 + f64::from(index) / 1e6));
        assert_eq!(near.compare(&by), Verdict::NoDifference);
    }

    #[test]
    fn quantiles_are_samples() {
        let ten = samples((1..=11).rev().map(f64::from));
        assert_eq!((ten.median(), ten.quantile(0.0), ten.quantile(1.0), ten.count()), (6.0, 1.0, 11.0, 11));
        assert!(Samples::new(Vec::new()).is_none());
    }
}
