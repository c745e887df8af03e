//! Turning results into something to read, for people and for programs.
//!
//! [`Renderings`] renders one run in any number of [`Format`]s. All but `human`, `sarif` and `html`, which need the
//! texts, are written from the same [`Results`].

mod concise;
mod exceptions;
mod fingerprint;
mod format;
mod frame;
mod gap;
mod github;
mod html;
mod human;
mod json;
mod junit;
mod location;
mod markdown;
mod order;
mod output;
mod results;
mod row;
mod rule;
mod sarif;
mod shown;
mod text;

use crate::baseline::Compared;
use crate::bundle::{Bundle, Enforcement, Level};
use crate::discover::PassedOver;
use crate::document::Source;
use crate::evaluate::{DocumentVerdict, Exception, ExemptBy, Finding, Outcome, RunResult, Secrets, Status};
use crate::manifest::{Confidence, Severity};
use crate::parse::Unit;
use crate::problem::{InputProblem, ProblemKind};
use crate::render::Renderable;
use std::time::Duration;

pub use exceptions::ExceptionResult;
pub(crate) use exceptions::said;
pub use format::{Format, RenderError, Renderings};
pub use frame::{Frames, Mark, Style, Text};
pub use gap::{GapFormat, MAX_RESULTS_BYTES, ReadError, gap_report, read};
pub use human::{first_frame, human};
pub use json::schema;
pub use location::Location;
pub use output::{OutputError, write_file};
pub use results::{
    BaselineResult, BundleName, DocumentResult, FindingResult, FixResult, FixedResult, InputError, Kind, LabelResult,
    OutcomeName, OutcomeResult, RenderableResult, Results, Rule, SCHEMA, Tool,
};
pub use rule::explain;

use fingerprint::fingerprint;

/// The severities, worst first, as [`Counts::findings`] has them.
const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];

/// How loud a finding is, where a form knows three grades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Error,
    Warning,
    Note,
}

impl Grade {
    fn of(severity: Severity, enforcement: Enforcement) -> Self {
        match (enforcement, severity) {
            (Enforcement::Deny, Severity::Info) | (Enforcement::Audit, _) => Grade::Note,
            (Enforcement::Deny, severity) if severity >= Severity::High => Grade::Error,
            (_, Severity::Info | Severity::Low) => Grade::Note,
            _ => Grade::Warning,
        }
    }
}

/// A severity in words, with how sure the rule is where it is not certain: `high, likely`.
fn graded(severity: Severity, confidence: Confidence) -> String {
    match confidence {
        Confidence::Certain => severity.to_string(),
        confidence => format!("{severity}, {confidence}"),
    }
}

/// Everything that a report is made of.
pub struct Report<'r> {
    /// The bundle that was run.
    pub bundle: &'r Bundle,
    /// The input.
    pub units: &'r [Unit],
    /// What it came to.
    pub result: &'r RunResult,
    /// What of the input is secret, whatever is left of the result.
    pub secrets: &'r Secrets,
    /// What is wrong with inputs, apart from what rules find: those of discovery and of the run.
    pub problems: &'r [InputProblem],
    /// Findings below this are not shown.
    pub level: Level,
    /// Templates that were skipped.
    pub passed: &'r [PassedOver],
    /// Charts and kustomizations of the input.
    pub renderables: &'r [Renderable],
    /// Whether these were to be rendered.
    pub rendered: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// How many fixes were applied, when that was asked for.
    pub fixed: Option<usize>,
    /// What was set apart.
    pub adoption: &'r Adoption,
    /// How much people are shown.
    pub detail: Detail,
}

/// How much of a run people are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// Every finding, where otherwise each rule shows a screenful.
    pub all: bool,
    /// The table of rules, and no findings.
    pub statistics: bool,
    /// What is said beside the findings.
    pub verbosity: Verbosity,
}

/// What is said beside the findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what is wrong.
    Quiet,
    /// What most people want to know.
    #[default]
    Normal,
    /// Also what does not count, and lists in full.
    Verbose,
}

/// What a run set apart because it was there before.
#[derive(Debug, Default)]
pub struct Adoption {
    /// How it compares with its baseline, when it has one.
    pub compared: Option<Compared>,
    /// Findings outside what the change touches, when only that was asked for.
    pub untouched: Option<usize>,
}

/// Counts of a run.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Documents that at least one rule checked.
    pub documents: usize,
    /// Findings by severity, worst first: critical, high, medium, low, info.
    pub findings: [usize; 5],
    /// Findings that an exemption, a comment or an annotation lifts.
    pub exempt: usize,
    /// Findings that are in the baseline, inputs that could not be read among them.
    #[serde(default)]
    pub baseline: usize,
    /// Findings that another one covers: one cure heals both, and only the other is told.
    #[serde(default)]
    pub covered: usize,
    /// Exceptions, a rule of each, by what became of them.
    #[serde(default)]
    pub exceptions: ExceptionCounts,
    /// Findings that `--fix` can cure.
    pub fixable: usize,
    /// Evaluations that passed.
    pub passed: usize,
    /// Evaluations that could not decide.
    pub not_evaluated: usize,
    /// Evaluations in which the rule failed.
    pub rule_errors: usize,
    /// Inputs that could not be read or parsed, but for those that are in the baseline.
    pub input_errors: usize,
    /// Keys that stand twice in a mapping.
    #[serde(default)]
    pub repeated_keys: usize,
    /// Templates that were skipped, since only their rendering can be checked.
    #[serde(default)]
    pub templates: usize,
}

/// Counts of exceptions.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionCounts {
    /// They lift findings.
    pub used: usize,
    /// There is nothing that they lift.
    pub unused: usize,
    /// They no longer hold.
    pub expired: usize,
    /// There is no such rule.
    pub unknown_rule: usize,
    /// They say something wrong, or give no reason.
    pub invalid: usize,
}

impl ExceptionCounts {
    fn of(exceptions: &[Exception]) -> Self {
        let mut counts = Self::default();
        for exception in exceptions {
            *match exception.status {
                Status::Used => &mut counts.used,
                Status::Unused => &mut counts.unused,
                Status::Expired => &mut counts.expired,
                Status::UnknownRule => &mut counts.unknown_rule,
                Status::Invalid => &mut counts.invalid,
            } += 1;
        }
        counts
    }
}

impl Counts {
    /// All findings.
    pub fn total(&self) -> usize {
        self.findings.iter().sum()
    }
}

impl<'r> Report<'r> {
    /// The inputs that could not be read or parsed and that no baseline knows.
    pub(crate) fn standing_problems(&self) -> impl Iterator<Item = &'r InputProblem> {
        self.problems.iter().filter(|problem| !problem.known)
    }

    /// The source that a problem is in, where its place is known.
    pub(crate) fn problem_source(&self, problem: &InputProblem) -> Option<(&'r Source, usize)> {
        let place = problem.place?;
        let sources = &self.units.get(place.unit)?.sources;
        Some((sources.get(usize::from(place.file)).or(sources.first())?, place.at))
    }

    /// Whether a finding is bad and sure enough for the report.
    pub(crate) fn shows(&self, finding: &Finding) -> bool {
        self.level.includes(finding.severity, finding.confidence)
    }

    /// Counts the run.
    pub fn counts(&self) -> Counts {
        let known = self.problems.iter().filter(|problem| problem.known).count();
        let standing = self.standing_problems().count();
        let repeated_keys = self.standing_problems().filter(|it| it.kind == ProblemKind::RepeatedKey).count();
        let mut counts = Counts {
            input_errors: standing - repeated_keys,
            repeated_keys,
            baseline: known,
            templates: self.passed.len(),
            ..Counts::default()
        };
        counts.exceptions = ExceptionCounts::of(&self.result.exceptions);
        for (_, document) in &self.result.documents {
            counts.documents += usize::from(!document.outcomes.is_empty());
            for (_, finding) in
                document.all_findings().filter(|(_, finding)| finding.exempt.is_some() && finding.withheld.is_none())
            {
                let known = finding.exempt_by == Some(ExemptBy::Baseline);
                *(if known { &mut counts.baseline } else { &mut counts.exempt }) += 1;
            }
            let covered = |(_, finding): &(u16, &Finding)| finding.is_covered() && self.shows(finding);
            counts.covered += document.all_findings().filter(covered).count();
            for (_, finding) in document.findings() {
                if self.shows(finding) {
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
            _ if outcome.outcome.is_pass() => counts.passed += 1,
            Outcome::NotEvaluated(_) => counts.not_evaluated += 1,
            Outcome::Error(_) => counts.rule_errors += 1,
            Outcome::Pass | Outcome::Fail(_) | Outcome::NotApplicable(_) => {}
        }
    }
}
