//! What comes out of an evaluation.

use crate::bundle::Enforcement;
use crate::document::{Position, Source, Subject};
use crate::engine::RuleFailure;
use crate::manifest::Severity;
use serde::{Deserialize, Serialize};

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
    /// Tells apart the things one rule can find; may be empty.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// How bad, after the bundle's override.
    pub severity: Severity,
    /// What happens to it, as the bundle says.
    pub enforcement: Enforcement,
    /// Absolute JSON pointer in the document.
    pub path: String,
    /// Where to look.
    pub place: Place,
    /// Further places.
    pub labels: Vec<Label>,
    /// The cure.
    pub fix: Option<Fix>,
    /// The value at `place` is a secret and is masked wherever the place is shown.
    pub secret: bool,
    /// Why it is exempt, where it is: the exemption's reason.
    pub exempt: Option<String>,
    /// By what it is exempt, where it is.
    pub exempt_by: Option<ExemptBy>,
    /// Its path with elements of lists by their names, where they have some: the same when others come or go.
    pub stable_path: String,
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
    /// Its findings that are not exempt, with the index of their rule.
    pub fn findings(&self) -> impl Iterator<Item = (u16, &Finding)> {
        self.all_findings().filter(|(_, finding)| finding.exempt.is_none())
    }

    /// Its findings, exempt or not, with the index of their rule.
    pub fn all_findings(&self) -> impl Iterator<Item = (u16, &Finding)> {
        self.outcomes.iter().flat_map(|outcome| {
            let findings = match &outcome.outcome {
                Outcome::Fail(findings) => findings.as_slice(),
                _ => &[],
            };
            findings.iter().map(move |finding| (outcome.rule, finding))
        })
    }

    /// The rules that failed on it, and how.
    pub fn errors(&self) -> impl Iterator<Item = (u16, &RuleFailure)> {
        self.outcomes.iter().filter_map(|outcome| match &outcome.outcome {
            Outcome::Error(failure) => Some((outcome.rule, failure)),
            _ => None,
        })
    }
}
