//! What became of exceptions, for people and for programs.

use super::Report;
use super::location::{Location, place};
use crate::evaluate::{Exception, ExemptBy, Finding, Origin, Status};
use crate::visible::Visible;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::Write as _;

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
    /// Why it does not hold, where it is invalid.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub problem: Cow<'r, str>,
    /// Findings that it lifts, or would lift if it held.
    pub findings: usize,
    /// Where it is written, in what was judged,
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
pub(super) fn notices(report: &Report<'_>, out: &mut String) {
    for exception in &report.result.exceptions {
        let rule = &exception.rule;
        if let Some(id) = &exception.renamed_to {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(out, "warning: {}: the rule `{rule}` is called `{id}` now", written_at(report, exception));
        }
        let said = match exception.status {
            Status::Used => continue,
            // A bundle serves many repositories: that it lifts more than this one has is no news.
            Status::Unused if exception.origin == Origin::Bundle => continue,
            // The bundle's own notices say so.
            Status::Expired if exception.origin == Origin::Bundle => continue,
            Status::Unused => format!("nothing is left that the exception from {rule} lifts; remove it"),
            Status::Expired => {
                let until = exception.until.map(|until| until.to_string()).unwrap_or_default();
                format!("the exception from {rule} expired on {until} and no longer holds")
            }
            Status::UnknownRule => format!("the exception names `{rule}`, and there is no such rule"),
            Status::Invalid if rule.is_empty() => format!("the exception does not hold: {}", exception.problem),
            Status::Invalid => format!("the exception from {rule} does not hold: {}", exception.problem),
        };
        let owner = exception.owner.as_ref().map(|owner| format!(" (owner: {owner})")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "warning: {}", Visible(format_args!("{}: {said}{owner}", written_at(report, exception))));
    }
}

fn written_at(report: &Report<'_>, exception: &Exception) -> String {
    let Some((unit, place)) = exception.place else { return exception.elsewhere.clone() };
    let sources = &report.units[unit].sources;
    let position = place.position(sources);
    let path = &sources.get(usize::from(place.file)).unwrap_or(&sources[0]).path;
    format!("{path}:{}:{}", position.line, position.column)
}
