//! Samples, and the table that they are printed in.

/// Measurements of one figure, sorted.
pub struct Samples(Vec<f64>);

impl Samples {
    /// Samples of a figure; at least one.
    pub fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a figure needs a sample");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The sample at a share of the way from the smallest to the largest.
    pub fn quantile(&self, share: f64) -> f64 {
        let at = (self.0.len() - 1) as f64 * share;
        self.0[at.round() as usize]
    }
}

/// What a figure may come to.
pub enum Budget {
    /// Less is better.
    AtMost(f64),
    /// More is better.
    AtLeast(f64),
    /// Only there to explain another figure.
    None,
}

/// One line of the table.
pub struct Row {
    figure: String,
    unit: &'static str,
    budget: Budget,
    measured: Result<Samples, String>,
}

impl Row {
    /// A figure that was measured.
    pub fn new(figure: impl Into<String>, unit: &'static str, budget: Budget, measured: Samples) -> Self {
        Self { figure: figure.into(), unit, budget, measured: Ok(measured) }
    }

    /// A figure that could not be measured, and why.
    pub fn skipped(figure: impl Into<String>, unit: &'static str, budget: Budget, reason: impl Into<String>) -> Self {
        Self { figure: figure.into(), unit, budget, measured: Err(reason.into()) }
    }

    /// A figure that explains the one above it.
    pub fn detail(figure: impl std::fmt::Display, unit: &'static str, measured: Samples) -> Self {
        Self::new(format!("  {figure}"), unit, Budget::None, measured)
    }

    fn print(&self, width: usize) {
        let budget = match self.budget {
            Budget::AtMost(limit) => format!("≤ {} {}", number(limit), self.unit),
            Budget::AtLeast(limit) => format!("≥ {} {}", number(limit), self.unit),
            Budget::None => String::new(),
        };
        let figure = &self.figure;
        match &self.measured {
            Err(reason) => println!("{figure:width$}  {budget:>15}  skipped: {reason}"),
            Ok(samples) => {
                let median = samples.median();
                let measured = format!("{} {}", number(median), self.unit);
                let (low, high) = (number(samples.quantile(0.1)), number(samples.quantile(0.9)));
                let (ratio, verdict) = self.verdict(median);
                println!("{figure:width$}  {budget:>15}  {measured:>15}  {low:>8}  {high:>8}  {ratio:>6}  {verdict}");
            }
        }
    }

    fn verdict(&self, median: f64) -> (String, &'static str) {
        let (limit, within) = match self.budget {
            Budget::AtMost(limit) => (limit, median <= limit),
            Budget::AtLeast(limit) => (limit, median >= limit),
            Budget::None => return (String::new(), ""),
        };
        (format!("{:.2}", median / limit), if within { "within" } else { "OVER" })
    }
}

/// Prints rows under a heading, in columns.
pub fn print(heading: &str, rows: &[Row]) {
    let width = rows.iter().map(|row| row.figure.chars().count()).max().unwrap_or_default().max(heading.len());
    println!(
        "\n{heading:width$}  {:>15}  {:>15}  {:>8}  {:>8}  {:>6}  verdict",
        "budget", "median", "p10", "p90", "ratio"
    );
    for row in rows {
        row.print(width);
    }
}

/// About three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
