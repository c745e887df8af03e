//! Markdown for the summary of a job or a comment on a change: bounded, the worst findings first.

use super::text::{counted, markdown as escaped, markdown_code};
use super::{DocumentResult, FindingResult, OutcomeResult, Results, SEVERITIES, graded};
use crate::visible::visible_lines;
use std::fmt::Write as _;

/// A comment on GitHub takes 65,536 characters; this many bytes leave room for what others add.
const MAX_BYTES: usize = 60_000;
/// Texts of others are cut behind this many characters.
const MAX_MESSAGE: usize = 400;

/// Writes the report.
pub fn markdown(results: &Results<'_>) -> String {
    visible_lines(&write(results)).into_owned()
}

fn write(results: &Results<'_>) -> String {
    let mut out = String::from("# policy-host\n\n");
    summary(results, &mut out);
    errors(results, &mut out);
    let findings = results.worst_first();
    if findings.is_empty() {
        return out;
    }
    out.push_str("\n## Findings\n\n| severity | rule | where | what |\n| --- | --- | --- | --- |\n");
    for (index, finding) in findings.iter().enumerate() {
        let row = row(finding);
        if out.len() + row.len() > MAX_BYTES {
            let _ = write!(out, "\nAnd {} more, which the other reports have.\n", findings.len() - index);
            return out;
        }
        out.push_str(&row);
    }
    out
}

fn summary(results: &Results<'_>, out: &mut String) {
    let counts = &results.summary;
    // Writing to a String cannot fail, here and below.
    let by = format!("in {} by {}", counted(counts.documents, "document"), counted(results.bundle.rules, "rule"));
    let _ = match counts.total() {
        0 => writeln!(out, "**No findings** {by}."),
        total => writeln!(out, "**{}** {by}.", counted(total, "finding")),
    };
    out.push_str("\n| severity | findings |\n| --- | ---: |\n");
    for (name, count) in SEVERITIES.iter().zip(counts.findings) {
        let _ = writeln!(out, "| {name} | {count} |");
    }
    let also = [
        (counts.fixable, "can be cured by `policy-host eval --fix`"),
        (counts.exempt, "are exempt"),
        (counts.covered, "are covered by others"),
        (counts.not_evaluated, "evaluations could not decide"),
        (counts.rule_errors, "evaluations failed: **these rules have not passed**"),
    ];
    let also: Vec<String> =
        also.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !also.is_empty() {
        let _ = writeln!(out, "\n{}.", also.join("; "));
    }
}

fn errors(results: &Results<'_>, out: &mut String) {
    let standing = results.standing_errors().count();
    if standing == 0 {
        return;
    }
    out.push_str("\n## Problems of the input\n\n");
    for (index, error) in results.standing_errors().enumerate() {
        if out.len() > MAX_BYTES / 2 {
            let _ = writeln!(out, "* and {} more", standing - index);
            return;
        }
        let place =
            error.location.as_ref().map(|at| format!("{}: ", markdown_code(&format!("{}:{}", at.file, at.line))));
        let _ = writeln!(out, "* {}{}", place.unwrap_or_default(), escaped(cut(&error.message)));
    }
}

fn row((document, outcome, finding): &(&DocumentResult<'_>, &OutcomeResult<'_>, &FindingResult<'_>)) -> String {
    let at = &finding.location;
    let place = markdown_code(cut(&format!("{}:{}:{}", at.file, at.line, at.column)));
    let subject = document.subject.to_string();
    format!(
        "| {} | {} | {place}<br>{} | {} |\n",
        graded(finding.severity, finding.confidence),
        markdown_code(cut(&outcome.rule)),
        escaped(cut(&subject)),
        escaped(cut(&finding.message))
    )
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(MAX_MESSAGE).map_or(text, |(at, _)| &text[..at])
}
