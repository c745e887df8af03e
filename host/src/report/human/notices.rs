//! What somebody should know beside the findings.

use super::LIST;
use crate::baseline::Compared;
use crate::discover::Why;
use crate::document::RenderTool;
use crate::evaluate::Outcome;
use crate::report::row::{self, Row};
use crate::report::text::counted;
use crate::report::{Report, Verbosity, exceptions};
use crate::visible::Visible;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Writes them: of each list the first, unless somebody asks for more.
pub(super) fn notices(report: &Report<'_>, out: &mut String) {
    let start = out.len();
    let long = report.detail.verbosity == Verbosity::Verbose || report.detail.all;
    let bundle = report.bundle.notices.iter().map(|notice| format!("warning: {}", Visible(&notice.0)));
    list(bundle, long, "warning: ", out);
    list(exceptions::notices(report).into_iter(), long, "warning: ", out);
    if report.detail.verbosity == Verbosity::Verbose {
        exempt(report, out);
    }
    if let Some(compared) = &report.adoption.compared {
        fixed_since(compared, long, out);
    }
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (_, document) in &report.result.documents {
        for outcome in &document.outcomes {
            if let Outcome::NotEvaluated(reason) = &outcome.outcome {
                let rule = report.bundle.rules[usize::from(outcome.rule)].id();
                *reasons.entry((rule, reason)).or_default() += 1;
            }
        }
    }
    let reasons = reasons.iter().map(|((rule, reason), count)| {
        format!("not evaluated: {}: {} ({})", Visible(rule), Visible(reason), counted(*count, "document"))
    });
    list(reasons, long, "not evaluated: ", out);
    if !report.rendered {
        unrendered(report, long, out);
    }
    passed_over(report, long, out);
    if out.len() > start {
        out.push('\n');
    }
}

/// Writes lines, or the first of them and how many there are beside.
fn list(lines: impl ExactSizeIterator<Item = String>, long: bool, start: &str, out: &mut String) {
    let count = lines.len();
    let shown = if long || count <= LIST { count } else { LIST };
    for line in lines.take(shown) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(out, "{line}");
    }
    if shown < count {
        let _ = writeln!(out, "{start}and {} more; -v shows them", count - shown);
    }
}

/// The findings that do not count, and why.
fn exempt(report: &Report<'_>, out: &mut String) {
    for Row { unit, document, rule, finding, file, .. } in row::exempt(report) {
        let at = finding.place.position(&report.units[unit].sources);
        let by = exceptions::exempt_by(report, finding).unwrap_or_default();
        let reason = finding.exempt.as_deref().unwrap_or_default();
        let place =
            format!("{file}:{}:{}: {}: {}: {}", at.line, at.column, rule.id(), document.subject, finding.message);
        let _ = writeln!(out, "exempt: {} ({by}: {})", Visible(&place), Visible(reason));
    }
}

/// Charts and kustomizations that nobody rendered.
fn unrendered(report: &Report<'_>, long: bool, out: &mut String) {
    let of_tool = |tool| report.renderables.iter().filter(|it| it.tool == tool).count();
    let charts = of_tool(RenderTool::Helm);
    let kustomizations = of_tool(RenderTool::Kustomize);
    let counts = [(charts, "chart"), (kustomizations, "kustomization")];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    if !counts.is_empty() {
        let _ = writeln!(out, "note: {} not rendered; --render checks what they deploy:", counts.join(" and "));
    }
    let commands = report.renderables.iter().map(|it| format!("    {} | policy-host eval -", Visible(&it.command())));
    list(commands, long, "    ", out);
}

/// Which templates were skipped, and what to do about it.
fn passed_over(report: &Report<'_>, long: bool, out: &mut String) {
    let (of_charts, others): (Vec<_>, Vec<_>) = report.passed.iter().partition(|passed| passed.why == Why::Chart);
    if !of_charts.is_empty() && !report.rendered {
        let _ = writeln!(out, "note: {} skipped", counted(of_charts.len(), "Helm template"));
    }
    if let Some(first) = others.first() {
        let files = counted(others.len(), "template");
        let example =
            if others.len() > 1 { format!(", {} among them", first.path) } else { format!(": {}", first.path) };
        let _ = writeln!(out, "note: {files} skipped; check what is rendered{}", Visible(&example));
    }
    if long {
        for passed in of_charts.iter().chain(&others) {
            let _ = writeln!(out, "skipped: {}", Visible(&passed.path));
        }
    }
}

/// What of the baseline is no longer found.
fn fixed_since(compared: &Compared, long: bool, out: &mut String) {
    for (former, id) in &compared.renamed {
        let _ = writeln!(out, "warning: the baseline names the rule `{former}`, which is called `{id}` now");
    }
    let fixed = compared.fixed.iter().map(|(known, count)| {
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        let (rule, document, path) = (Visible(&known.rule), Visible(&known.document), Visible(&known.path));
        format!("fixed: {rule}: {document} at {path}{times}")
    });
    list(fixed, long, "fixed: ", out);
    let unseen = compared.unseen;
    if unseen.total() > 0 {
        let parts = [
            (unseen.files, "in files that were not evaluated"),
            (unseen.rules, "by rules that this run does not ask"),
            (unseen.undecided, "where the rule could not decide"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let findings = counted(unseen.total(), "finding");
        let _ = writeln!(
            out,
            "note: {findings} of the baseline not evaluated this time, so not fixed: {}",
            parts.join(", ")
        );
    }
    if !compared.fixed.is_empty() {
        let _ = writeln!(out, "note: write the baseline again, so that what is fixed stays fixed: --write-baseline");
    }
}
