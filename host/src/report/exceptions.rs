//! What became of exceptions, for people and for programs.

use super::Report;
use super::json::{Location, place};
use crate::evaluate::{Exception, ExemptBy, Finding, Origin, Status};
use serde::Serialize;
use std::fmt::Write as _;

/// An exception in the JSON report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExceptionResult<'r> {
    rule: &'r str,
    origin: Origin,
    status: Status,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<jiff::civil::Date>,
    #[serde(skip_serializing_if = "str::is_empty")]
    problem: &'r str,
    /// Findings that it lifts, or would lift if it held.
    findings: usize,
    /// Where it is written, in what was judged,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location<'r>>,
    /// or elsewhere: `FILE:LINE:COLUMN`.
    #[serde(skip_serializing_if = "str::is_empty")]
    place: &'r str,
}

pub(super) fn results<'r>(report: &Report<'r>) -> Vec<ExceptionResult<'r>> {
    let result = |exception: &'r Exception| ExceptionResult {
        rule: &exception.rule,
        origin: exception.origin,
        status: exception.status.clone(),
        reason: &exception.reason,
        owner: exception.owner.as_deref(),
        until: exception.until,
        problem: &exception.problem,
        findings: exception.findings,
        location: exception.place.map(|(unit, at)| place(&report.units[unit], &at)),
        place: &exception.elsewhere,
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
        let _ = writeln!(out, "warning: {}: {said}{owner}", written_at(report, exception));
    }
}

fn written_at(report: &Report<'_>, exception: &Exception) -> String {
    let Some((unit, place)) = exception.place else { return exception.elsewhere.clone() };
    let sources = &report.units[unit].sources;
    let position = place.position(sources);
    let path = &sources.get(usize::from(place.file)).unwrap_or(&sources[0]).path;
    format!("{path}:{}:{}", position.line, position.column)
}
