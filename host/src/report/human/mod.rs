//! For people: the findings of each file by line, what is wrong with the input, a table of the rules, and a line that
//! sums up.
//!
//! What people have to read is bounded ([`Choice`]): a rule shows a screenful of findings, and the whole has no more
//! than [`MAX_LINES`] of them, unless all are asked for. Why a rule matters and how to fix what it finds stands beside
//! the first of its findings alone.

mod choice;
mod notices;
mod table;

use super::frame::{Beside, Frames, Mark, Style};
use super::row::{Row, rows};
use super::shown::Shown;
use super::text::counted;
use super::{Counts, Detail, Grade, Report, SEVERITIES, Verbosity};
use crate::evaluate::{Place, RelatedLabel};
use crate::manifest::Confidence;
use crate::problem::{InputProblem, ProblemPlace};
use crate::visible::{Visible, visible, visible_styled};
use annotate_snippets::Level;
use choice::Choice;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Lines that the findings of one rule take, if one finding is not longer: a screenful.
pub(super) const SCREEN: usize = 40;
/// Lines that all findings take.
pub(super) const MAX_LINES: usize = 1_100;
/// Lines of each list of what somebody should know.
const LIST: usize = 10;

/// Writes the report.
pub fn human(report: &Report<'_>, style: Style, width: usize) -> String {
    let frames = Frames::new(style, width);
    let detail = report.detail;
    let rows = rows(report);
    let mut out = String::new();
    if !detail.statistics {
        files(report, &frames, &rows, style, &mut out);
        problems(report, &frames, style, &mut out);
        failures(report, &frames, style, &mut out);
    }
    if detail.verbosity != Verbosity::Quiet {
        if !detail.statistics {
            notices::notices(report, &mut out);
        }
        table::table(&rows, style, &mut out);
        summary(report, &report.counts(), &mut out);
    }
    visible_styled(&out).into_owned()
}

/// The first finding of a run, as it is shown.
pub fn first_frame(report: &Report<'_>) -> Option<String> {
    let row = rows(report).first().copied()?;
    let frame = finding_frame(report, &Frames::new(Style::Plain, 120), &row, true);
    Some(visible_styled(&frame).into_owned())
}

/// The findings that are shown, by file and line.
fn files(report: &Report<'_>, frames: &Frames, rows: &[Row<'_>], style: Style, out: &mut String) {
    let choice = Choice::of(rows, report.detail.all, |row| finding_frame(report, frames, row, false).lines().count());
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        by_file.entry(row.file).or_default().push(index);
    }
    let mut told = BTreeSet::new();
    for (file, indices) in &mut by_file {
        indices.sort_by_key(|index| (rows[*index].at, *index));
        let shown: Vec<usize> = indices.iter().copied().filter(|index| choice.shows(*index)).collect();
        if shown.is_empty() {
            continue;
        }
        let count = match indices.len() - shown.len() {
            0 => counted(indices.len(), "finding"),
            _ => format!("{}, {} shown", counted(indices.len(), "finding"), shown.len()),
        };
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(out, "{}\n", heading(&format!("{}: {count}", visible(file)), style));
        for index in shown {
            let row = &rows[index];
            out.push_str(&finding_frame(report, frames, row, told.insert(row.rule.id())));
            out.push_str("\n\n");
        }
    }
    if choice.hidden() > 0 && report.detail.verbosity != Verbosity::Quiet {
        let _ = writeln!(
            out,
            "note: {} of {} are not shown; --all shows them, and --format concise has a line for each\n",
            counted(choice.hidden(), "more finding"),
            counted(choice.rules(rows), "rule")
        );
    }
}

/// A line that stands out.
fn heading(text: &str, style: Style) -> String {
    match style {
        Style::Coloured => format!("\x1b[1m{text}\x1b[0m"),
        Style::Plain => text.to_owned(),
    }
}

/// What is wrong with the input, as far as a screen goes.
fn problems(report: &Report<'_>, frames: &Frames, style: Style, out: &mut String) {
    let standing: Vec<&InputProblem> = report.standing_problems().collect();
    let framed = standing.iter().map(|problem| match problem.place {
        Some(place) => problem_frame(frames, &Shown::new(report, place.unit), place, problem),
        None => format!("error: {}", Visible(&problem.line(report.units))),
    });
    section("problem of the input", standing.len(), framed, report.detail, style, out);
}

/// Rules that could not run, as far as a screen goes.
fn failures(report: &Report<'_>, frames: &Frames, style: Style, out: &mut String) {
    let documents = report.result.documents.iter();
    let failures: Vec<_> = documents
        .flat_map(|(unit, document)| document.errors().map(move |(rule, failure)| (*unit, document, rule, failure)))
        .collect();
    let framed = failures.iter().map(|(unit, document, rule, failure)| {
        let id = report.bundle.rules[usize::from(*rule)].id();
        let span = document.place.start as usize..document.place.end as usize;
        let mark = Mark { span, label: None, primary: true };
        let title = format!("the rule failed on {}: {failure}", document.subject);
        let notes = [("note", "a rule that could not run has never passed")];
        let shown = Shown::new(report, *unit);
        frames.frame(Level::ERROR, Some(id), &title, &shown.text(document.place.file), &[mark], &notes)
    });
    section("rule failure", failures.len(), framed, report.detail, style, out);
}

/// Frames under a heading that counts them: a screenful, unless all are asked for.
fn section(
    what: &str,
    count: usize,
    frames: impl Iterator<Item = String>,
    detail: Detail,
    style: Style,
    out: &mut String,
) {
    if count == 0 {
        return;
    }
    let what = match what.split_once(' ') {
        Some((first, rest)) if count != 1 && rest.starts_with("of ") => format!("{count} {first}s {rest}"),
        _ => counted(count, what),
    };
    let _ = writeln!(out, "{}\n", heading(&what, style));
    let mut lines = 0;
    for (index, frame) in frames.enumerate() {
        lines += frame.lines().count() + 1;
        if lines > SCREEN && index > 0 && !detail.all {
            let _ = writeln!(out, "note: {} more of these are not shown; --all shows them\n", count - index);
            return;
        }
        let _ = writeln!(out, "{frame}\n");
    }
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

/// A finding, with why it matters and what to do where `is_first` of its rule.
fn finding_frame(report: &Report<'_>, frames: &Frames, row: &Row<'_>, is_first: bool) -> String {
    let Row { rule, finding, .. } = row;
    let shown = Shown::new(report, row.unit);
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
    let (why, help) = (manifest.why_line(), manifest.fix_line());
    let place = format!("{}, at {}", row.document.subject, if finding.path.is_empty() { "/" } else { &finding.path });
    let confidence = finding.confidence.to_string();
    let mut notes = vec![("in", place.as_str())];
    if finding.confidence != Confidence::Certain {
        notes.push(("confidence", confidence.as_str()));
    }
    if is_first {
        notes.extend([("why", why.as_str()), ("fix", help.as_str())]);
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
        (counts.exempt, "exempt", "exempt"),
        (counts.covered, "covered by others", "covered by others"),
        (counts.baseline, "in the baseline", "in the baseline"),
        (report.adoption.untouched.unwrap_or(0), "outside of the change", "outside of the change"),
        (counts.rule_errors, "rule failure", "rule failures"),
        (counts.input_errors, "input that could not be read", "inputs that could not be read"),
        (counts.repeated_keys, "key that stands twice", "keys that stand twice"),
        (counts.not_evaluated, "not evaluated", "not evaluated"),
    ];
    let also = also.into_iter().filter(|(count, ..)| *count > 0);
    parts.extend(also.map(|(count, one, several)| format!("{count} {}", if count == 1 { one } else { several })));
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
