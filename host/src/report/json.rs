//! For programs: one JSON object. `schema` names its version; fields are only added to a version.

use super::exceptions::{self, ExceptionResult};
use super::{Counts, Report};
use crate::baseline::Known;
use crate::document::{Source, Subject};
use crate::evaluate::{Change, DocumentVerdict, Finding, Outcome, Place};
use crate::parse::Unit;
use serde::Serialize;
use serde_json::value::RawValue;

const SCHEMA: &str = "policy-host/results/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Results<'r> {
    schema: &'static str,
    bundle: BundleName<'r>,
    summary: Counts,
    errors: Vec<InputError<'r>>,
    exceptions: Vec<ExceptionResult<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<BaselineResult<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untouched: Option<usize>,
    documents: Vec<DocumentResult<'r>>,
}

/// How the run compares with its baseline.
#[derive(Serialize)]
struct BaselineResult<'r> {
    fixed: Vec<FixedResult<'r>>,
    /// Findings of the baseline whose documents were not judged.
    unseen: usize,
}

#[derive(Serialize)]
struct FixedResult<'r> {
    #[serde(flatten)]
    known: &'r Known,
    count: usize,
}

#[derive(Serialize)]
struct BundleName<'r> {
    name: &'r str,
    version: &'r str,
    rules: usize,
}

#[derive(Serialize)]
struct InputError<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location<'r>>,
    message: &'r str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentResult<'r> {
    subject: &'r Subject,
    location: Location<'r>,
    outcomes: Vec<OutcomeResult<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeResult<'r> {
    rule: &'r str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingResult<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingResult<'r> {
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'r str,
    message: &'r str,
    severity: crate::manifest::Severity,
    enforcement: crate::bundle::Enforcement,
    path: &'r str,
    location: Location<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<LabelResult<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixResult<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exempt: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exempt_by: Option<&'static str>,
}

#[derive(Serialize)]
struct LabelResult<'r> {
    text: &'r str,
    location: Location<'r>,
}

#[derive(Serialize)]
struct FixResult<'r> {
    title: &'r str,
    safe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<&'r RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create: Option<&'r RawValue>,
}

/// Lines and columns start at 1; columns count characters; bytes count from the start of the file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location<'r> {
    file: &'r str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    start_byte: usize,
    end_byte: usize,
}

/// Writes the report.
///
/// # Errors
/// When a fix holds something that is not JSON, which evaluation rules out.
pub fn json(report: &Report<'_>) -> serde_json::Result<String> {
    let unread = report.input_errors.iter().map(|message| InputError { location: None, message });
    let unparsed = report.result.errors.iter().map(|error| {
        let source = &report.units[error.unit].sources[usize::from(error.error.file)];
        InputError { location: Some(location(source, error.error.at, error.error.at)), message: &error.error.message }
    });
    let results = Results {
        schema: SCHEMA,
        bundle: BundleName {
            name: &report.bundle.name,
            version: &report.bundle.version,
            rules: report.bundle.rules.len(),
        },
        summary: report.counts(),
        errors: unread.chain(unparsed).collect(),
        exceptions: exceptions::results(report),
        baseline: report.adoption.compared.as_ref().map(|compared| BaselineResult {
            fixed: compared.fixed.iter().map(|(known, count)| FixedResult { known, count: *count }).collect(),
            unseen: compared.unseen,
        }),
        untouched: report.adoption.untouched,
        documents: report
            .result
            .documents
            .iter()
            .map(|(unit, document)| document_result(report, &report.units[*unit], document))
            .collect::<serde_json::Result<_>>()?,
    };
    let mut text = serde_json::to_string_pretty(&results)?;
    text.push('\n');
    Ok(text)
}

fn document_result<'r>(
    report: &Report<'r>,
    unit: &'r Unit,
    document: &'r DocumentVerdict,
) -> serde_json::Result<DocumentResult<'r>> {
    let outcomes = document.outcomes.iter().map(|outcome| {
        let (name, reason, findings) = match &outcome.outcome {
            Outcome::Pass => ("pass", None, &[][..]),
            Outcome::Fail(findings) => ("fail", None, findings.as_slice()),
            Outcome::NotApplicable(reason) => ("not-applicable", Some(reason.clone()), &[][..]),
            Outcome::NotEvaluated(reason) => ("not-evaluated", Some(reason.clone()), &[][..]),
            Outcome::Error(failure) => ("error", Some(failure.to_string()), &[][..]),
        };
        let shown = findings.iter().filter(|finding| finding.severity >= report.min_severity);
        Ok(OutcomeResult {
            rule: report.bundle.rules[usize::from(outcome.rule)].id(),
            outcome: name,
            reason,
            findings: shown.map(|finding| finding_result(report, unit, finding)).collect::<serde_json::Result<_>>()?,
        })
    });
    Ok(DocumentResult {
        subject: &document.subject,
        location: place(unit, &document.place),
        outcomes: outcomes.collect::<serde_json::Result<_>>()?,
    })
}

fn finding_result<'r>(
    report: &Report<'r>,
    unit: &'r Unit,
    finding: &'r Finding,
) -> serde_json::Result<FindingResult<'r>> {
    let fix = finding.fix.as_ref().map(|fix| {
        let (patch, create) = match &fix.change {
            Change::Patch(text) => (Some(serde_json::from_str(text)?), None),
            Change::Create(text) => (None, Some(serde_json::from_str(text)?)),
        };
        Ok(FixResult { title: &fix.title, safe: fix.safe, patch, create })
    });
    Ok(FindingResult {
        code: &finding.code,
        message: &finding.message,
        severity: finding.severity,
        enforcement: finding.enforcement,
        path: &finding.path,
        location: place(unit, &finding.place),
        labels: finding
            .labels
            .iter()
            .map(|label| LabelResult { text: &label.text, location: place(unit, &label.place) })
            .collect(),
        fix: fix.transpose()?,
        exempt: finding.exempt.as_deref(),
        exempt_by: exceptions::exempt_by(report, finding),
    })
}

pub(super) fn place<'r>(unit: &'r Unit, place: &Place) -> Location<'r> {
    let source = unit.sources.get(usize::from(place.file)).unwrap_or(&unit.sources[0]);
    location(source, place.start as usize, place.end as usize)
}

fn location(source: &Source, start: usize, end: usize) -> Location<'_> {
    let (from, to) = (source.position(start), source.position(end));
    Location {
        file: &source.path,
        line: from.line,
        column: from.column,
        end_line: to.line,
        end_column: to.column,
        start_byte: source.offset + start,
        end_byte: source.offset + end,
    }
}
