//! HTML: one page that needs nothing else, with every finding, which a script filters; without it all are shown.
//!
//! Everything that comes from input goes through [`Line`] or [`Lines`]; maud escapes all that is put in.

mod page;

use super::row::{self, Row, rows};
use super::shown::Shown;
use super::text::{Part, Prose, blocks, code_spans, counted};
use super::{Report, SEVERITIES};
use crate::bundle::BundleRule;
use crate::evaluate::Place;
use crate::visible::{Line, Lines};
use maud::{Markup, Render, html};
use std::collections::{BTreeMap, BTreeSet};

pub(super) use page::page;

const SCRIPT: &str = include_str!("findings.js");
/// More on one page would not help anybody.
const MAX_FINDINGS: usize = 20_000;
/// Lines of a place that are quoted, and of context around it.
const MAX_LINES: usize = 8;
const CONTEXT_LINES: usize = 1;
/// A longer line is cut, as those of minified files.
const MAX_LINE: usize = 400;

/// Writes the report.
pub fn html(report: &Report<'_>) -> String {
    let rows = worst_first(report);
    let body = html! {
        (head(report))
        main #main {
            (errors(report))
            (filter(report, &rows))
            h2 #title { "Findings" }
            (findings(report, &rows))
            @if rows.len() > MAX_FINDINGS {
                p { "And " (rows.len() - MAX_FINDINGS) " more, which the other reports have." }
            }
            p #none hidden { "No finding matches." }
            (exceptions(report))
            (rules(&rows))
        }
        footer { "policy-host " (env!("CARGO_PKG_VERSION")) }
    };
    page(&format!("policy-host: {}", report.bundle.name), body, SCRIPT)
}

fn findings(report: &Report<'_>, rows: &[Row<'_>]) -> Markup {
    let mut shown: Option<(usize, Shown<'_>)> = None;
    html! {
        ol #findings .findings aria-labelledby="title" {
            @for row in rows.iter().take(MAX_FINDINGS) {
                @if shown.as_ref().is_none_or(|(unit, _)| *unit != row.unit) {
                    @let _ = shown.insert((row.unit, Shown::new(report, row.unit)));
                }
                @if let Some((_, shown)) = &shown { (row.markup(report, shown)) }
            }
        }
    }
}

/// The findings, worst first.
fn worst_first<'r>(report: &'r Report<'_>) -> Vec<Row<'r>> {
    let mut rows = rows(report);
    rows.sort_by_key(|row| std::cmp::Reverse((row.finding.severity, row.finding.confidence)));
    rows
}

fn head(report: &Report<'_>) -> Markup {
    let counts = report.counts();
    let also = [
        (counts.passed, "passed"),
        (counts.fixable, "fixable with --fix"),
        (counts.exempt, "exempt"),
        (counts.baseline, "in the baseline"),
        (counts.covered, "covered by others"),
        (counts.not_evaluated, "not evaluated"),
        (counts.rule_errors, "rule failures"),
        (counts.input_errors, "inputs that could not be read"),
        (counts.repeated_keys, "keys that stand twice"),
    ];
    html! {
        a .skip href="#main" { "Skip to the findings" }
        header {
            h1 { "policy-host" }
            p .quiet {
                "Bundle " (Line(&report.bundle.name)) " " (Line(&report.bundle.version)) ": "
                (counted(report.bundle.rules.len(), "rule")) ", " (counted(counts.documents, "document"))
            }
            ul .figures aria-label="Summary" {
                @for (name, count) in SEVERITIES.iter().zip(counts.findings) {
                    li { span .badge .(name) { (count) " " (name) } }
                }
                @for (count, what) in also.iter().filter(|(count, _)| *count > 0) {
                    li { (count) " " (what) }
                }
            }
        }
    }
}

fn errors(report: &Report<'_>) -> Markup {
    let problems = report.standing_problems().map(|problem| problem.line(report.units));
    let failed = report.result.documents.iter().flat_map(|(_, document)| {
        document.errors().map(|(rule, failure)| {
            format!("{} failed on {}: {failure}", report.bundle.rules[usize::from(rule)].id(), document.subject)
        })
    });
    let errors: Vec<String> = problems.chain(failed).collect();
    html! {
        @if !errors.is_empty() {
            section aria-labelledby="errors" {
                h2 #errors { "Errors" }
                ul { @for error in errors.iter().take(MAX_FINDINGS) { li { (Line(error)) } } }
            }
        }
    }
}

/// Exceptions that somebody should look at, and what does not count.
fn exceptions(report: &Report<'_>) -> Markup {
    let results = super::exceptions::results(report);
    let said = results.iter().flat_map(|exception| {
        exception.said().into_iter().map(move |said| format!("{}: {said}", exception.written_at()))
    });
    let said: Vec<String> = said.collect();
    let exempt = row::exempt(report);
    html! {
        @if !(said.is_empty() && exempt.is_empty()) {
            section aria-labelledby="exceptions" {
                h2 #exceptions { "Exceptions" }
                ul { @for said in said.iter().take(MAX_FINDINGS) { li { (Message(said)) } } }
                @if !exempt.is_empty() {
                    details {
                        summary { (counted(exempt.len(), "finding")) " that " (if exempt.len() == 1 { "does" } else { "do" }) " not count" }
                        ul { @for row in exempt.iter().take(MAX_FINDINGS) { (lifted(report, row)) } }
                        @if exempt.len() > MAX_FINDINGS {
                            p { "And " (exempt.len() - MAX_FINDINGS) " more, which the other reports have." }
                        }
                    }
                }
            }
        }
    }
}

/// A finding that does not count, and why.
fn lifted(report: &Report<'_>, row: &Row<'_>) -> Markup {
    let at = row.finding.place.position(&report.units[row.unit].sources);
    let by = super::exceptions::exempt_by(report, row.finding).unwrap_or_default();
    html! {
        li {
            code { (Line(row.rule.id())) } " " (Message(&row.finding.message))
            span .place { (Line(row.file)) ":" (at.line) ":" (at.column) " · " (Line(&row.document.subject.to_string())) }
            span .place { (by) ": " (Message(row.finding.exempt.as_deref().unwrap_or_default())) }
        }
    }
}

fn filter(report: &Report<'_>, rows: &[Row<'_>]) -> Markup {
    let packs: BTreeSet<&str> = rows.iter().map(|row| row.rule.source.component.name.as_str()).collect();
    // In the order of the bundle, which is that of the factors.
    let present: BTreeSet<&str> = rows.iter().map(|row| row.rule.source.manifest.factor.as_str()).collect();
    let mut factors: Vec<&str> = report.bundle.rules.iter().map(|rule| rule.source.manifest.factor.as_str()).collect();
    let mut seen = BTreeSet::new();
    factors.retain(|factor| present.contains(factor) && seen.insert(*factor));
    let files: BTreeSet<&str> = rows.iter().map(|row| row.file).collect();
    html! {
        form #filter role="search" aria-label="Filter the findings" hidden {
            div {
                label for="text" { "Text" }
                input #text name="text" type="search" autocomplete="off";
            }
            (select("severity", "Severity", SEVERITIES.into_iter()))
            (select("confidence", "Confidence", ["certain", "likely", "guess"].into_iter()))
            (select("pack", "Pack", packs.into_iter()))
            (select("factor", "Factor", factors.into_iter()))
            (select("file", "File", files.into_iter()))
            div { button type="reset" { "Show all" } }
        }
        p #count .quiet role="status" aria-live="polite" { (rows.len().min(MAX_FINDINGS)) " findings" }
    }
}

fn select<'v>(name: &str, title: &str, values: impl Iterator<Item = &'v str>) -> Markup {
    html! {
        div {
            label for=(name) { (title) }
            select #(name) name=(name) {
                option value="" { "all" }
                @for value in values.filter(|value| !value.is_empty()) {
                    option value=(Line(value)) { (Line(value)) }
                }
            }
        }
    }
}

impl Row<'_> {
    fn markup(&self, report: &Report<'_>, shown: &Shown<'_>) -> Markup {
        let Self { document, rule, finding, file, .. } = self;
        let at = shown.source(finding.place.file).position(finding.place.start as usize);
        let (severity, confidence) = (finding.severity.to_string(), finding.confidence.to_string());
        let path = if finding.path.is_empty() { "/" } else { &finding.path };
        html! {
            li data-severity=(severity) data-confidence=(confidence) data-pack=(Line(&rule.source.component.name))
                data-factor=(Line(&rule.source.manifest.factor)) data-file=(Line(file)) {
                details {
                    summary {
                        span .badge .(severity) { (severity) } " " code { (Line(rule.id())) } " "
                        (Message(&finding.message))
                        span .place {
                            (Line(file)) ":" (at.line) ":" (at.column) " · " (Line(&document.subject.to_string()))
                        }
                    }
                    div .more {
                        (excerpt(shown, &finding.place))
                        @for label in &finding.labels {
                            @let source = shown.source(label.place.file);
                            p {
                                (Line(&source.path)) ":" (source.position(label.place.start as usize).line) ": "
                                (Message(&label.text))
                            }
                        }
                        @for label in &finding.related {
                            @if let Some((unit, place)) = label.place() {
                                @let sources = &report.units[unit].sources;
                                @let file = sources.get(usize::from(place.file)).map_or("", |source| &source.path);
                                p {
                                    (Line(file)) ":" (place.position(sources).line) ": "
                                    (Line(&label.subject.to_string())) ": " (Message(&label.text))
                                }
                            }
                        }
                        p {
                            "At " code { (Line(path)) } ". Confidence: " (confidence) "."
                            @if let Some(fix) = &finding.fix {
                                @let (flag, will) = if fix.safe { ("--fix", "will") } else { ("--fix=unsafe", "would") };
                                " " code { (flag) } " " (will) " " (Message(&fix.title)) "."
                            }
                            " " a href={ "#rule-" (Line(rule.id())) } { "Why, and what to do" }
                        }
                    }
                }
            }
        }
    }
}

/// The lines of a place, with what is pointed at marked.
fn excerpt(shown: &Shown<'_>, place: &Place) -> Markup {
    let text = shown.text(place.file);
    let floor = |mut at: usize| {
        at = at.min(text.text.len());
        while !text.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (floor(place.start as usize), floor(place.end as usize));
    let mut from = line_start(text.text, start);
    for _ in 0..CONTEXT_LINES {
        from = line_start(text.text, from.saturating_sub(1));
    }
    let mut number = text.lines_before + text.text[..from].matches('\n').count() + 1;
    let mut context = CONTEXT_LINES;
    let mut lines = Vec::new();
    for part in text.text[from..].split_inclusive('\n').take(MAX_LINES) {
        let to = from + part.len();
        if from > end || (from == end && start < end) {
            if context == 0 {
                break;
            }
            context -= 1;
        }
        let content = part.trim_end_matches(['\n', '\r']);
        let cut = content.char_indices().nth(MAX_LINE).map_or(content.len(), |(at, _)| at);
        let (mark_start, mark_end) = (start.clamp(from, from + cut) - from, end.clamp(from, from + cut) - from);
        lines.push(html! {
            span .number { (format!("{number:>5} ")) }
            (Lines(&content[..mark_start]))
            @if mark_start < mark_end { mark { (Lines(&content[mark_start..mark_end])) } }
            (Lines(&content[mark_end..cut]))
            @if cut < content.len() { "…" }
            "\n"
        });
        (from, number) = (to, number + 1);
    }
    html! { pre { code { @for line in &lines { (line) } } } }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// What the rules with findings say, each once.
fn rules(rows: &[Row<'_>]) -> Markup {
    let rules: BTreeMap<&str, &BundleRule> = rows.iter().map(|row| (row.rule.id(), row.rule)).collect();
    html! {
        @if !rules.is_empty() {
            section aria-labelledby="rules" {
                h2 #rules { "Rules" }
                @for (id, rule) in &rules {
                    @let manifest = &rule.source.manifest;
                    details #{ "rule-" (Line(id)) } {
                        summary { code { (Line(id)) } " " (Message(&manifest.title)) }
                        div .more {
                            p .quiet { (Line(&manifest.factor)) " · " (Line(&rule.source.component.name)) }
                            @for (title, text) in [("Why", &manifest.why), ("What to do", &manifest.fix)] {
                                h3 { (title) }
                                (prose(text))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Markdown as rules write it.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for block in blocks(text) {
            @match block {
                Prose::Words(words) => p { (Message(&words)) },
                Prose::Item(item) => ul { li { (Message(&item)) } },
                Prose::Code(code) => pre { code { (Lines(&code)) } },
            }
        }
    }
}

/// A message: what stands between backticks is code.
pub(super) struct Message<'t>(pub(super) &'t str);

impl Render for Message<'_> {
    fn render(&self) -> Markup {
        html! {
            @for part in code_spans(self.0) {
                @match part {
                    Part::Code(code) => code { (Line(code)) },
                    Part::Text(words) => (Line(words)),
                }
            }
        }
    }
}
