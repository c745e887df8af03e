//! What became of exceptions, for people and for programs.

use super::Report;
use super::location::{Location, place};
use crate::evaluate::{Exception, ExemptBy, Finding, Origin, Status};
use crate::visible::Visible;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A rule that an exception lifts, and what became of that.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionResult<'r> {
    /// The rule's id.
    pub rule: Cow<'r, str>,
    /// What that rule is called now, where the exception names a former id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<Cow<'r, str>>,
    /// What says so.
    pub origin: Origin,
    /// What became of it.
    pub status: Status,
    /// Why the rule is lifted.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub reason: Cow<'r, str>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Cow<'r, str>>,
    /// The last day on which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<jiff::civil::Date>,
    /// Why it does not hold, where it is invalid; what may be meant, where it names no rule.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub problem: Cow<'r, str>,
    /// Findings that it lifts, or would lift if it held.
    pub findings: usize,
    /// Where it is written, in what was checked,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'r>>,
    /// or elsewhere: `FILE:LINE:COLUMN`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub place: Cow<'r, str>,
}

pub(super) fn results<'r>(report: &'r Report<'r>) -> Vec<ExceptionResult<'r>> {
    let result = |exception: &'r Exception| ExceptionResult {
        rule: (&exception.rule).into(),
        renamed_to: exception.renamed_to.as_ref().map(Cow::from),
        origin: exception.origin,
        status: exception.status.clone(),
        reason: (&exception.reason).into(),
        owner: exception.owner.as_ref().map(Cow::from),
        until: exception.until,
        problem: (&exception.problem).into(),
        findings: exception.findings,
        location: exception.place.map(|(unit, at)| place(&report.units[unit], &at)),
        place: (&exception.elsewhere).into(),
    };
    report.result.exceptions.iter().map(result).collect()
}

/// What exempts a finding, in one word.
pub(super) fn exempt_by(report: &Report<'_>, finding: &Finding) -> Option<&'static str> {
    Some(match finding.exempt_by? {
        ExemptBy::Entry(entry) => {
            let of_configuration = report.bundle.exemptions.get(entry as usize)?.from.configuration;
            if of_configuration { "configuration" } else { "bundle" }
        }
        ExemptBy::Comment => "comment",
        ExemptBy::Annotation => "annotation",
        ExemptBy::Baseline => "baseline",
    })
}

/// A line for each exception that somebody should look at.
pub(super) fn notices(report: &Report<'_>) -> Vec<String> {
    let results = results(report);
    let lines = results.iter().flat_map(|exception| {
        let place = exception.written_at();
        exception.said().into_iter().map(move |said| format!("warning: {}", Visible(format_args!("{place}: {said}"))))
    });
    lines.collect()
}

impl ExceptionResult<'_> {
    /// Where it is written, `FILE:LINE:COLUMN`.
    pub(super) fn written_at(&self) -> String {
        match &self.location {
            Some(at) => format!("{}:{}:{}", at.file, at.line, at.column),
            None => self.place.to_string(),
        }
    }

    /// What somebody should know of it; nothing where it does what it should.
    pub(super) fn said(&self) -> Vec<String> {
        let about = About {
            rule: &self.rule,
            renamed_to: self.renamed_to.as_deref(),
            origin: self.origin,
            status: &self.status,
            until: self.until,
            owner: self.owner.as_deref(),
            problem: &self.problem,
        };
        about.said()
    }
}

/// What somebody should know of an exception; nothing where it does what it should.
pub(crate) fn said(exception: &Exception) -> Vec<String> {
    let about = About {
        rule: &exception.rule,
        renamed_to: exception.renamed_to.as_deref(),
        origin: exception.origin,
        status: &exception.status,
        until: exception.until,
        owner: exception.owner.as_deref(),
        problem: &exception.problem,
    };
    about.said()
}

/// What is said of an exception.
struct About<'e> {
    rule: &'e str,
    renamed_to: Option<&'e str>,
    origin: Origin,
    status: &'e Status,
    until: Option<jiff::civil::Date>,
    owner: Option<&'e str>,
    problem: &'e str,
}

impl About<'_> {
    fn said(&self) -> Vec<String> {
        let Self { rule, problem, .. } = self;
        let mut said: Vec<String> = Vec::new();
        said.extend(self.renamed_to.map(|id| format!("the rule `{rule}` is called `{id}` now")));
        let status = match self.status {
            Status::Used => return said,
            // A bundle serves many repositories: that it lifts more than this one has is no news.
            Status::Unused if self.origin == Origin::Bundle => return said,
            // The bundle's own notices say so.
            Status::Expired if self.origin == Origin::Bundle => return said,
            Status::Unused => format!("the exception from {rule} is unused; remove it"),
            Status::Expired => {
                let until = self.until.map(|until| until.to_string()).unwrap_or_default();
                format!("the exception from {rule} expired on {until} and no longer holds")
            }
            Status::UnknownRule if problem.is_empty() => {
                format!("the exception names `{rule}`, and there is no such rule")
            }
            Status::UnknownRule => format!("the exception names `{rule}`, and there is no such rule; {problem}"),
            Status::Invalid if rule.is_empty() => format!("the exception does not hold: {problem}"),
            Status::Invalid => format!("the exception from {rule} does not hold: {problem}"),
        };
        let owner = self.owner.map(|owner| format!(" (owner: {owner})")).unwrap_or_default();
        said.push(format!("{status}{owner}"));
        said
    }
}
