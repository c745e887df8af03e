//! Markdown for the summary of a job or a comment on a change: bounded, the worst findings first, some of every rule.

use super::text::{counted, markdown as escaped, markdown_code};
use super::{DocumentResult, FindingResult, OutcomeResult, Results, SEVERITIES, graded};
use crate::visible::visible_lines;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
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
    exceptions(results, &mut out);
    let findings = results.chosen_first();
    if findings.is_empty() {
        return out;
    }
    rules(&findings, &mut out);
    out.push_str("\n## Findings\n\n| severity | rule | where | what |\n| --- | --- | --- | --- |\n");
    let mut left = MAX_BYTES.saturating_sub(out.len());
    let rows = findings.iter().map(row).map_while(|row| {
        left = left.checked_sub(row.len())?;
        Some(row)
    });
    let mut rows: Vec<(&Found<'_, '_>, String)> = findings.iter().zip(rows).collect();
    // What is shown was chosen by rule; it is read by how bad it is.
    rows.sort_by_key(|((_, _, finding), _)| Reverse((finding.severity, finding.confidence)));
    rows.iter().for_each(|(_, row)| out.push_str(row));
    if rows.len() < findings.len() {
        let more = findings.len() - rows.len();
        let _ = write!(out, "\nAnd {more} more, which the other reports have.\n");
    }
    out
}

/// A finding with its document and what its rule came to.
type Found<'f, 'r> = (&'f DocumentResult<'r>, &'f OutcomeResult<'r>, &'f FindingResult<'r>);

/// A table of the rules that found something, in the order in which they are to be looked at.
fn rules(findings: &[Found<'_, '_>], out: &mut String) {
    let mut of_rules: HashMap<&str, ([usize; 5], BTreeSet<&str>)> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (_, outcome, finding) in findings {
        let (counts, files) = of_rules.entry(&outcome.rule).or_insert_with(|| {
            order.push(&outcome.rule);
            Default::default()
        });
        counts[4 - finding.severity as usize] += 1;
        files.insert(&finding.location.file);
    }
    let _ = write!(out, "\n## Rules\n\n| rule |");
    let _ = write!(out, " {} |", SEVERITIES.join(" | "));
    out.push_str(" files |\n| --- |");
    out.push_str(&" ---: |".repeat(SEVERITIES.len() + 1));
    out.push('\n');
    let end = out.len() + MAX_BYTES / 4;
    for (index, rule) in order.iter().enumerate() {
        if out.len() > end {
            let _ = writeln!(out, "\nAnd {} more rules.", order.len() - index);
            return;
        }
        let (counts, files) = &of_rules[rule];
        let _ = write!(out, "| {} |", markdown_code(cut(rule)));
        for count in counts.iter().chain([&files.len()]) {
            let _ = match count {
                0 => write!(out, " |"),
                count => write!(out, " {count} |"),
            };
        }
        out.push('\n');
    }
}

/// What does not count, and exceptions that somebody should look at.
fn exceptions(results: &Results<'_>, out: &mut String) {
    let said = results.exceptions.iter().flat_map(|exception| {
        let place = exception.written_at();
        exception
            .said()
            .into_iter()
            .map(move |said| format!("* {}: {}\n", markdown_code(cut(&place)), escaped(cut(&said))))
    });
    let exempt = results.exempt().filter(|(_, _, finding)| !finding.is_in_baseline());
    let exempt = exempt.map(|(document, outcome, finding)| {
        let at = &finding.location;
        let place = markdown_code(cut(&format!("{}:{}", at.file, at.line)));
        let (rule, subject) = (markdown_code(cut(&outcome.rule)), document.subject.to_string());
        let why = finding.exemption();
        format!("* {place}: {rule} is exempt for {}: {}\n", escaped(cut(&subject)), escaped(cut(&why)))
    });
    let items: Vec<String> = said.chain(exempt).collect();
    let baseline = results.summary.baseline;
    if items.is_empty() && baseline == 0 {
        return;
    }
    out.push_str("\n## Exceptions\n\n");
    if baseline > 0 {
        let _ = writeln!(out, "* {} in the baseline", counted(baseline, "finding"));
    }
    let end = out.len() + MAX_BYTES / 6;
    for (index, item) in items.iter().enumerate() {
        if out.len() > end {
            let _ = writeln!(out, "* and {} more, which the other reports have", items.len() - index);
            return;
        }
        out.push_str(item);
    }
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
        (counts.baseline, "are in the baseline"),
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
        if out.len() > MAX_BYTES / 4 {
            let _ = writeln!(out, "* and {} more", standing - index);
            return;
        }
        let place =
            error.location.as_ref().map(|at| format!("{}: ", markdown_code(&format!("{}:{}", at.file, at.line))));
        let _ = writeln!(out, "* {}{}", place.unwrap_or_default(), escaped(cut(&error.message)));
    }
}

fn row((document, outcome, finding): &Found<'_, '_>) -> String {
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
