//! For people: a frame a finding, and a line that sums up.

use super::frame::{Beside, Frames, Mark, Style};
use super::shown::Shown;
use super::text::counted;
use super::{Counts, Grade, Report, SEVERITIES};
use crate::baseline::Compared;
use crate::bundle::BundleRule;
use crate::discover::Why;
use crate::document::RenderTool;
use crate::evaluate::{DocumentVerdict, Finding, Outcome, Place, RelatedLabel};
use crate::manifest::Confidence;
use crate::problem::{InputProblem, ProblemPlace};
use crate::visible::{Visible, visible_styled};
use annotate_snippets::Level;
use std::fmt::Write as _;

/// Writes the report.
pub fn human(report: &Report<'_>, style: Style, width: usize) -> String {
    let frames = Frames::new(style, width);
    let mut out = String::new();
    for problem in report.standing_problems() {
        // Writing to a String cannot fail, here and below.
        let _ = match problem.place {
            Some(place) => {
                let frame = problem_frame(&frames, &Shown::new(report, place.unit), place, problem);
                writeln!(out, "{frame}\n")
            }
            None => writeln!(out, "error: {}\n", Visible(&problem.line(report.units))),
        };
    }
    for documents in report.result.documents.chunk_by(|(one, _), (other, _)| one == other) {
        let shown = Shown::new(report, documents[0].0);
        for (_, document) in documents {
            document_frames(report, &frames, &shown, document, &mut out);
        }
    }
    notices(report, &mut out);
    summary(report, &report.counts(), &mut out);
    visible_styled(&out).into_owned()
}

fn problem_frame(frames: &Frames, shown: &Shown<'_>, place: ProblemPlace, problem: &InputProblem) -> String {
    let text = shown.text(place.file);
    let mut at = place.at.min(text.text.len());
    while !text.text.is_char_boundary(at) {
        at -= 1;
    }
    let end = at + text.text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let mark = Mark { span: at..end, label: None, primary: true };
    let level = if problem.kind.is_judged() { Level::WARNING } else { Level::ERROR };
    frames.frame(level, Some(problem.kind.as_str()), &problem.message, &text, &[mark], &[])
}

fn document_frames(
    report: &Report<'_>,
    frames: &Frames,
    shown: &Shown<'_>,
    document: &DocumentVerdict,
    out: &mut String,
) {
    let object = document.subject.to_string();
    for (rule, failure) in document.errors() {
        let id = report.bundle.rules[usize::from(rule)].id();
        let span = document.place.start as usize..document.place.end as usize;
        let mark = Mark { span, label: None, primary: true };
        let title = format!("the rule could not judge {object}: {failure}");
        let notes = [("note", "a rule that could not run has never passed")];
        out.push_str(&frames.frame(Level::ERROR, Some(id), &title, &shown.text(document.place.file), &[mark], &notes));
        out.push_str("\n\n");
    }
    for (rule, finding) in document.findings().filter(|(_, finding)| report.shows(finding)) {
        let rule = &report.bundle.rules[usize::from(rule)];
        out.push_str(&finding_frame((report, frames), shown, &object, rule, finding));
        out.push_str("\n\n");
    }
}

fn finding_frame(
    (report, frames): (&Report<'_>, &Frames),
    shown: &Shown<'_>,
    object: &str,
    rule: &BundleRule,
    finding: &Finding,
) -> String {
    let mut marks = vec![Mark {
        span: finding.place.start as usize..finding.place.end as usize,
        label: (!finding.place.exact).then_some("missing here"),
        primary: true,
    }];
    for label in finding.labels.iter().filter(|label| label.place.file == finding.place.file) {
        let span = label.place.start as usize..label.place.end as usize;
        marks.push(Mark { span, label: Some(&label.text), primary: false });
    }
    let manifest = &rule.source.manifest;
    let why = manifest.why_line();
    let help = manifest.fix_line();
    let place = format!("{object}, at {}", if finding.path.is_empty() { "/" } else { &finding.path });
    let mut notes = vec![("in", place.as_str()), ("why", why.as_str()), ("fix", help.as_str())];
    let confidence = finding.confidence.to_string();
    if finding.confidence != Confidence::Certain {
        notes.insert(1, ("confidence", confidence.as_str()));
    }
    let note = finding.fix.as_ref().map(|fix| {
        let how = if fix.safe { "`--fix` will" } else { "`--fix=unsafe` would" };
        format!("{how} {}", fix.title)
    });
    notes.extend(note.as_deref().map(|note| ("note", note)));
    let level = match Grade::of(finding.severity, finding.enforcement) {
        Grade::Error => Level::ERROR,
        Grade::Warning => Level::WARNING,
        Grade::Note => Level::NOTE,
    };
    let name = finding.severity.to_string();
    let related: Vec<(Shown<'_>, Place, String, &str)> =
        finding.related.iter().filter_map(|label| shown_beside(report, label)).collect();
    let others = related.iter().map(|(shown, place, name, label)| {
        let mark = Mark { span: place.start as usize..place.end as usize, label: Some(label), primary: false };
        Beside { name, text: shown.text(place.file), mark }
    });
    let others: Vec<Beside<'_>> = others.collect();
    let (text, title) = (shown.text(finding.place.file), (Some(rule.id()), finding.message.as_str()));
    frames.frame_beside(level.with_name(name), title, (&text, &marks), &notes, &others)
}

/// What a label in another document shows: the texts of its unit, where in them, whose it is, and what to read there.
fn shown_beside<'r>(report: &Report<'r>, label: &'r RelatedLabel) -> Option<(Shown<'r>, Place, String, &'r str)> {
    let (unit, place) = label.place()?;
    Some((Shown::new(report, unit), place, label.subject.to_string(), &label.text))
}

fn notices(report: &Report<'_>, out: &mut String) {
    for notice in &report.bundle.notices {
        let _ = writeln!(out, "warning: {}", Visible(&notice.0));
    }
    super::exceptions::notices(report, out);
    if let Some(compared) = &report.adoption.compared {
        fixed_since(compared, out);
    }
    let mut reasons: std::collections::BTreeMap<(&str, &str), usize> = std::collections::BTreeMap::new();
    for (_, document) in &report.result.documents {
        for outcome in &document.outcomes {
            if let Outcome::NotEvaluated(reason) = &outcome.outcome {
                let rule = report.bundle.rules[usize::from(outcome.rule)].id();
                *reasons.entry((rule, reason)).or_default() += 1;
            }
        }
    }
    for ((rule, reason), count) in reasons {
        let _ = writeln!(out, "not evaluated: {}: {} ({})", Visible(rule), Visible(reason), counted(count, "document"));
    }
    if !report.rendered {
        unrendered(report, out);
    }
    passed_over(report, out);
}

/// Charts and kustomizations that nobody rendered.
fn unrendered(report: &Report<'_>, out: &mut String) {
    const SHOWN: usize = 10;
    let of_tool = |tool| report.renderables.iter().filter(|it| it.tool == tool).count();
    let charts = of_tool(RenderTool::Helm);
    let kustomizations = of_tool(RenderTool::Kustomize);
    let counts = [(charts, "chart"), (kustomizations, "kustomization")];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    if !counts.is_empty() {
        let _ = writeln!(out, "note: {} not rendered; --render judges what they deploy:", counts.join(" and "));
    }
    for renderable in report.renderables.iter().take(SHOWN) {
        let _ = writeln!(out, "    {} | policy-host eval -", Visible(&renderable.command()));
    }
    if report.renderables.len() > SHOWN {
        let _ = writeln!(out, "    and {} more", report.renderables.len() - SHOWN);
    }
}

/// Which templates were passed over, and what to do about it.
fn passed_over(report: &Report<'_>, out: &mut String) {
    let (of_charts, others): (Vec<_>, Vec<_>) = report.passed.iter().partition(|passed| passed.why == Why::Chart);
    if !of_charts.is_empty() && !report.rendered {
        let _ = writeln!(out, "note: {} passed over", counted(of_charts.len(), "Helm template"));
    }
    if let Some(first) = others.first() {
        let files = counted(others.len(), "template");
        let example =
            if others.len() > 1 { format!(", {} among them", first.path) } else { format!(": {}", first.path) };
        let _ = writeln!(out, "note: {files} passed over; judge what is rendered{}", Visible(&example));
    }
}

/// What of the baseline is no longer found.
fn fixed_since(compared: &Compared, out: &mut String) {
    const SHOWN: usize = 10;
    for (former, id) in &compared.renamed {
        let _ = writeln!(out, "warning: the baseline names the rule `{former}`, which is called `{id}` now");
    }
    for (known, count) in compared.fixed.iter().take(SHOWN) {
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        let _ = writeln!(
            out,
            "fixed: {}: {} at {}{times}",
            Visible(&known.rule),
            Visible(&known.document),
            Visible(&known.path)
        );
    }
    if compared.fixed.len() > SHOWN {
        let _ = writeln!(out, "fixed: and {} more", compared.fixed.len() - SHOWN);
    }
    if !compared.fixed.is_empty() {
        let _ = writeln!(out, "note: write the baseline again, so that what is fixed stays fixed: --write-baseline");
    }
}

fn summary(report: &Report<'_>, counts: &Counts, out: &mut String) {
    let by_severity: Vec<String> = SEVERITIES
        .iter()
        .zip(counts.findings)
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let mut parts = vec![match counts.total() {
        0 => "no findings".to_owned(),
        total => format!("{}: {}", counted(total, "finding"), by_severity.join(", ")),
    }];
    let also = [
        (counts.exempt, "exempt"),
        (counts.covered, "covered by others"),
        (counts.baseline, "in the baseline"),
        (report.adoption.untouched.unwrap_or(0), "outside of the change"),
        (counts.rule_errors, "rule failures"),
        (counts.input_errors, "inputs that could not be read"),
        (counts.repeated_keys, "keys that stand twice"),
        (counts.not_evaluated, "not evaluated"),
    ];
    parts.extend(also.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if let Some(fixed) = report.fixed {
        parts.push(format!("{} applied", counted_es(fixed, "fix")));
    } else if counts.fixable > 0 {
        parts.push(format!("{} fixable with --fix", counts.fixable));
    }
    let rules = report.bundle.rules.len();
    parts.push(format!(
        "{}, {}, {}",
        counted(counts.documents, "document"),
        counted(rules, "rule"),
        duration(report.elapsed)
    ));
    let _ = writeln!(out, "{}", parts.join(" · "));
}

fn counted_es(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}es") }
}

fn duration(elapsed: std::time::Duration) -> String {
    if elapsed.as_millis() < 10_000 {
        format!("{} ms", elapsed.as_millis())
    } else {
        format!("{:.1} s", elapsed.as_secs_f64())
    }
}
