//! What comes out of an evaluation.

use super::related::RelatedLabel;
use crate::bundle::Enforcement;
use crate::document::{Position, Rendering, Source, Subject};
use crate::engine::RuleFailure;
use crate::manifest::{Confidence, Severity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a rule's evaluation of a document came to. A rule that could not run has never passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Nothing found.
    Pass,
    /// Findings; at least one.
    Fail(Vec<Finding>),
    /// The rule has nothing to say about it, and why.
    NotApplicable(String),
    /// The rule could not decide, and why.
    NotEvaluated(String),
    /// The rule failed.
    Error(RuleFailure),
}

impl Outcome {
    /// Whether nothing was found that the bundle reports.
    pub fn is_pass(&self) -> bool {
        match self {
            Outcome::Pass => true,
            Outcome::Fail(findings) => findings.iter().all(|finding| finding.withheld == Some(Withheld::Level)),
            _ => false,
        }
    }

    /// Its findings; none unless it failed.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Outcome::Fail(findings) => findings,
            _ => &[],
        }
    }

    /// Its findings, to be changed.
    pub fn findings_mut(&mut self) -> &mut [Finding] {
        match self {
            Outcome::Fail(findings) => findings,
            _ => &mut [],
        }
    }
}

/// One rule's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// Index of the rule in the bundle.
    pub rule: u16,
    /// What it came to.
    pub outcome: Outcome,
}

/// A place in one of a unit's sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Index of the source in the unit.
    pub file: u16,
    /// First byte in the source's text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// False when the path is absent, and this is its nearest ancestor.
    pub exact: bool,
}

impl Place {
    /// The line and column in the file, given the unit's sources.
    pub fn position(&self, sources: &[Source]) -> Position {
        let source = sources.get(usize::from(self.file)).or(sources.first());
        source.map_or(Position { line: 1, column: 1 }, |source| source.position(self.start as usize))
    }
}

/// A further place of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What to read there.
    pub text: String,
}

/// A violation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which kind of finding of its rule it is.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// How bad, after the bundle's override.
    pub severity: Severity,
    /// How sure the rule is of it.
    pub confidence: Confidence,
    /// What happens to it, as the bundle says.
    pub enforcement: Enforcement,
    /// Absolute JSON pointer in the document.
    pub path: String,
    /// Where to look.
    pub place: Place,
    /// Further places in the document.
    pub labels: Vec<Label>,
    /// Further places in other documents.
    pub related: Vec<RelatedLabel>,
    /// The cure.
    pub fix: Option<Fix>,
    /// The values at `place` and at the labels are secrets and are masked wherever they are shown.
    pub secret: bool,
    /// Why it is exempt, where it is: the exemption's reason.
    pub exempt: Option<String>,
    /// By what it is exempt, where it is.
    pub exempt_by: Option<ExemptBy>,
    /// Its path with elements of lists by their names, where they have some: the same when others come or go.
    pub stable_path: String,
    /// Why it is not told, where that is so.
    pub withheld: Option<Withheld>,
    /// The renderings that have it; none for what stands in a file. It is never remembered.
    #[serde(skip)]
    pub renderings: Vec<Arc<Rendering>>,
}

/// Why a finding is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Withheld {
    /// Another rule, by its index, tells of it by a finding of its own with the same cure at the same place.
    Covered(u16),
    /// The bundle reports only what is worse or surer, or it is not selected. It is kept because it is a secret, which
    /// has to be masked.
    Level,
    /// Another rendering of the same file has it too, and tells it.
    Rendered,
    /// It stands in a Terraform module that is called, and the module itself or another caller tells it; or another
    /// instance of the same block does.
    Called,
}

impl Finding {
    /// Whether it is told, and by no exemption lifted.
    pub fn stands(&self) -> bool {
        self.exempt.is_none() && self.withheld.is_none()
    }

    /// One for tests.
    #[cfg(test)]
    pub(crate) fn sample(code: &str, path: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            severity: Severity::High,
            confidence: Confidence::Certain,
            enforcement: Enforcement::Deny,
            path: path.to_owned(),
            place: Place { file: 0, start: 0, end: 0, exact: true },
            labels: Vec::new(),
            related: Vec::new(),
            fix: None,
            secret: false,
            exempt: None,
            exempt_by: None,
            stable_path: path.to_owned(),
            withheld: None,
            renderings: Vec::new(),
        }
    }

    /// Whether another finding covers it.
    pub fn is_covered(&self) -> bool {
        matches!(self.withheld, Some(Withheld::Covered(_)))
    }

    /// The places whose values are secrets, to be masked wherever they are shown: its own and its labels'.
    pub fn secrets(&self) -> impl Iterator<Item = Place> {
        let labels = self.labels.iter().map(|label| label.place);
        std::iter::once(self.place).chain(labels).filter(|_| self.secret)
    }
}

/// What exempts a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExemptBy {
    /// An exemption of the bundle or of the configuration, by its index.
    Entry(u32),
    /// A comment.
    Comment,
    /// An annotation.
    Annotation,
    /// It was there before: it is in the baseline.
    Baseline,
}

/// The cure of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does.
    pub title: String,
    /// Whether it may be applied without asking.
    pub safe: bool,
    /// The edit.
    pub change: Change,
}

/// What a fix does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// RFC 6902 operations, JSON, with absolute paths in the document.
    Patch(String),
    /// A document to stand beside this one, JSON.
    Create(String),
}

/// All outcomes of one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentVerdict {
    /// Who it is.
    pub subject: Subject,
    /// Where it starts.
    pub place: Place,
    /// Where it stands in its source: empty, or `/items/3`.
    pub base: String,
    /// The outcomes, in the bundle's order; rules whose plan does not include it are left out.
    pub outcomes: Vec<RuleOutcome>,
}

impl DocumentVerdict {
    /// Its findings that stand, with the index of their rule.
    pub fn findings(&self) -> impl Iterator<Item = (u16, &Finding)> {
        self.all_findings().filter(|(_, finding)| finding.stands())
    }

    /// Its findings, exempt and withheld ones too, with the index of their rule.
    pub fn all_findings(&self) -> impl Iterator<Item = (u16, &Finding)> {
        self.outcomes
            .iter()
            .flat_map(|RuleOutcome { rule, outcome }| outcome.findings().iter().map(|finding| (*rule, finding)))
    }

    /// The rules that failed on it, and how.
    pub fn errors(&self) -> impl Iterator<Item = (u16, &RuleFailure)> {
        self.outcomes.iter().filter_map(|outcome| match &outcome.outcome {
            Outcome::Error(failure) => Some((outcome.rule, failure)),
            _ => None,
        })
    }
}
