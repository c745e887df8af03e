//! Turning results into something to read, for people and for programs.

mod frame;
mod human;
mod json;
mod rule;

use crate::bundle::Bundle;
use crate::evaluate::{DocumentVerdict, Outcome, RunResult};
use crate::manifest::Severity;
use crate::parse::Unit;
use std::time::Duration;

pub use frame::{Frames, Mark, Style, Text};
pub use human::human;
pub use json::json;
pub use rule::explain;

/// Everything that a report is made of.
pub struct Report<'r> {
    /// The bundle that was run.
    pub bundle: &'r Bundle,
    /// The input.
    pub units: &'r [Unit],
    /// What it came to.
    pub result: &'r RunResult,
    /// Inputs that could not be read.
    pub input_errors: &'r [String],
    /// Findings below this are not shown.
    pub min_severity: Severity,
    /// Helm templates that were passed over.
    pub templates: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// How many fixes were applied, when that was asked for.
    pub fixed: Option<usize>,
}

/// Counts of a run.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Documents that at least one rule judged.
    pub documents: usize,
    /// Findings by severity, worst first: critical, high, medium, low, info.
    pub findings: [usize; 5],
    /// Findings that an exemption lifts.
    pub exempt: usize,
    /// Findings that `--fix` can cure.
    pub fixable: usize,
    /// Evaluations that passed.
    pub passed: usize,
    /// Evaluations that could not decide.
    pub not_evaluated: usize,
    /// Evaluations in which the rule failed.
    pub rule_errors: usize,
    /// Inputs that could not be read or parsed.
    pub input_errors: usize,
}

impl Counts {
    /// All findings.
    pub fn total(&self) -> usize {
        self.findings.iter().sum()
    }
}

impl Report<'_> {
    /// Counts the run.
    pub fn counts(&self) -> Counts {
        let mut counts =
            Counts { input_errors: self.result.errors.len() + self.input_errors.len(), ..Counts::default() };
        for (_, document) in &self.result.documents {
            counts.documents += usize::from(!document.outcomes.is_empty());
            counts.exempt += document.all_findings().filter(|(_, finding)| finding.exempt.is_some()).count();
            for (_, finding) in document.findings() {
                if finding.severity >= self.min_severity {
                    counts.findings[4 - finding.severity as usize] += 1;
                    counts.fixable += usize::from(finding.fix.as_ref().is_some_and(|fix| fix.safe));
                }
            }
            count_outcomes(document, &mut counts);
        }
        counts
    }
}

fn count_outcomes(document: &DocumentVerdict, counts: &mut Counts) {
    for outcome in &document.outcomes {
        match outcome.outcome {
            Outcome::Pass => counts.passed += 1,
            Outcome::NotEvaluated(_) => counts.not_evaluated += 1,
            Outcome::Error(_) => counts.rule_errors += 1,
            Outcome::Fail(_) | Outcome::NotApplicable(_) => {}
        }
    }
}
