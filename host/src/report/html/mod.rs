//! HTML: one page that needs nothing else, with every finding, which a script filters; without it all are shown.
//!
//! Everything that comes from input goes through [`Html`].

mod page;

use super::shown::Shown;
use super::text::{Part, Prose, blocks, code_spans, counted};
use super::{Report, SEVERITIES};
use crate::bundle::BundleRule;
use crate::evaluate::{DocumentVerdict, Finding, Place};
use crate::visible::{Html, HtmlLines};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

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
    let mut body = String::new();
    // Writing to a String cannot fail.
    let _ = write(report, &mut body);
    page(&format!("policy-host: {}", report.bundle.name), &body, SCRIPT)
}

fn write(report: &Report<'_>, out: &mut String) -> fmt::Result {
    let rows = rows(report);
    head(report, out)?;
    out.push_str("<main id=\"main\">\n");
    errors(report, out)?;
    filter(report, &rows, out)?;
    out.push_str("<h2 id=\"title\">Findings</h2>\n<ol class=\"findings\" id=\"findings\" aria-labelledby=\"title\">\n");
    let mut shown: Option<(usize, Shown<'_>)> = None;
    for row in rows.iter().take(MAX_FINDINGS) {
        if shown.as_ref().is_none_or(|(unit, _)| *unit != row.unit) {
            shown = Some((row.unit, Shown::new(report, row.unit)));
        }
        if let Some((_, shown)) = &shown {
            row.write(shown, out)?;
        }
    }
    out.push_str("</ol>\n");
    if rows.len() > MAX_FINDINGS {
        writeln!(out, "<p>And {} more, which the other reports have.</p>", rows.len() - MAX_FINDINGS)?;
    }
    out.push_str("<p id=\"none\" hidden>No finding matches.</p>\n");
    rules(&rows, out)?;
    writeln!(out, "</main>\n<footer>policy-host {}</footer>", env!("CARGO_PKG_VERSION"))
}

/// A finding with what is around it.
struct Row<'r> {
    unit: usize,
    document: &'r DocumentVerdict,
    rule: &'r BundleRule,
    finding: &'r Finding,
    file: &'r str,
}

/// The findings, worst first.
fn rows<'r>(report: &'r Report<'r>) -> Vec<Row<'r>> {
    let mut rows = Vec::new();
    for (unit, document) in &report.result.documents {
        let findings = document.findings().filter(|(_, finding)| report.shows(finding));
        rows.extend(findings.map(|(rule, finding)| {
            let sources = &report.units[*unit].sources;
            let file = &sources.get(usize::from(finding.place.file)).unwrap_or(&sources[0]).path;
            let rule = &report.bundle.rules[usize::from(rule)];
            Row { unit: *unit, document, rule, finding, file }
        }));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.finding.severity));
    rows
}

fn head(report: &Report<'_>, out: &mut String) -> fmt::Result {
    let counts = report.counts();
    write!(
        out,
        "<a class=\"skip\" href=\"#main\">Skip to the findings</a>\n<header>\n<h1>policy-host</h1>\n\
         <p class=\"quiet\">Bundle {} {}: {}, {}</p>\n<ul class=\"figures\" aria-label=\"Summary\">\n",
        Html(&report.bundle.name),
        Html(&report.bundle.version),
        counted(report.bundle.rules.len(), "rule"),
        counted(counts.documents, "document")
    )?;
    for (name, count) in SEVERITIES.iter().zip(counts.findings) {
        writeln!(out, "<li><span class=\"badge {name}\">{count} {name}</span></li>")?;
    }
    let also = [
        (counts.passed, "passed"),
        (counts.fixable, "fixable with --fix"),
        (counts.exempt, "exempt"),
        (counts.covered, "covered by others"),
        (counts.not_evaluated, "not evaluated"),
        (counts.rule_errors, "rule failures"),
        (counts.input_errors, "inputs that could not be read"),
    ];
    for (count, what) in also.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "<li>{count} {what}</li>")?;
    }
    out.push_str("</ul>\n</header>\n");
    Ok(())
}

fn errors(report: &Report<'_>, out: &mut String) -> fmt::Result {
    let unparsed = report.result.errors.iter().map(|error| {
        let sources = &report.units[error.unit].sources;
        let source = sources.get(usize::from(error.error.file)).unwrap_or(&sources[0]);
        let at = source.position(error.error.at);
        format!("{}:{}:{}: {}", source.path, at.line, at.column, error.error.message)
    });
    let failed = report.result.documents.iter().flat_map(|(_, document)| {
        document.errors().map(|(rule, failure)| {
            format!("{} could not judge {}: {failure}", report.bundle.rules[usize::from(rule)].id(), document.subject)
        })
    });
    let errors: Vec<String> = report.input_errors.iter().cloned().chain(unparsed).chain(failed).collect();
    if errors.is_empty() {
        return Ok(());
    }
    out.push_str("<section aria-labelledby=\"errors\">\n<h2 id=\"errors\">Errors</h2>\n<ul>\n");
    for error in errors.iter().take(MAX_FINDINGS) {
        writeln!(out, "<li>{}</li>", Html(error))?;
    }
    out.push_str("</ul>\n</section>\n");
    Ok(())
}

fn filter(report: &Report<'_>, rows: &[Row<'_>], out: &mut String) -> fmt::Result {
    let packs: BTreeSet<&str> = rows.iter().map(|row| row.rule.source.component.name.as_str()).collect();
    // In the order of the bundle, which is that of the factors.
    let present: BTreeSet<&str> = rows.iter().map(|row| row.rule.source.manifest.factor.as_str()).collect();
    let mut factors: Vec<&str> = report.bundle.rules.iter().map(|rule| rule.source.manifest.factor.as_str()).collect();
    let mut seen = BTreeSet::new();
    factors.retain(|factor| present.contains(factor) && seen.insert(*factor));
    let files: BTreeSet<&str> = rows.iter().map(|row| row.file).collect();
    out.push_str(
        "<form id=\"filter\" role=\"search\" aria-label=\"Filter the findings\" hidden>\n\
         <div><label for=\"text\">Text</label><input id=\"text\" name=\"text\" type=\"search\" autocomplete=\"off\"></div>\n",
    );
    select("severity", "Severity", SEVERITIES.into_iter(), out)?;
    select("confidence", "Confidence", ["certain", "likely", "guess"].into_iter(), out)?;
    select("pack", "Pack", packs.into_iter(), out)?;
    select("factor", "Factor", factors.into_iter(), out)?;
    select("file", "File", files.into_iter(), out)?;
    let shown = rows.len().min(MAX_FINDINGS);
    write!(
        out,
        "<div><button type=\"reset\">Show all</button></div>\n</form>\n\
         <p id=\"count\" class=\"quiet\" role=\"status\" aria-live=\"polite\">{shown} findings</p>\n"
    )
}

fn select<'v>(name: &str, title: &str, values: impl Iterator<Item = &'v str>, out: &mut String) -> fmt::Result {
    write!(
        out,
        "<div><label for=\"{name}\">{title}</label><select id=\"{name}\" name=\"{name}\"><option value=\"\">all</option>"
    )?;
    for value in values.filter(|value| !value.is_empty()) {
        write!(out, "<option value=\"{0}\">{0}</option>", Html(value))?;
    }
    out.push_str("</select></div>\n");
    Ok(())
}

impl Row<'_> {
    fn write(&self, shown: &Shown<'_>, out: &mut String) -> fmt::Result {
        let Self { document, rule, finding, file, .. } = self;
        let text = shown.source(finding.place.file);
        let at = text.position(finding.place.start as usize);
        write!(
            out,
            "<li data-severity=\"{severity}\" data-confidence=\"{confidence}\" data-pack=\"{pack}\" data-factor=\"{factor}\" data-file=\"{file}\">\
             <details><summary><span class=\"badge {severity}\">{severity}</span> <code>{id}</code> {message}\
             <span class=\"place\">{file}:{line}:{column} · {subject}</span></summary><div class=\"more\">",
            severity = finding.severity,
            confidence = finding.confidence,
            pack = Html(&rule.source.component.name),
            factor = Html(&rule.source.manifest.factor),
            file = Html(file),
            id = Html(rule.id()),
            message = Message(&finding.message),
            line = at.line,
            column = at.column,
            subject = Html(&document.subject.to_string()),
        )?;
        excerpt(shown, &finding.place, out)?;
        for label in &finding.labels {
            let source = shown.source(label.place.file);
            let line = source.position(label.place.start as usize).line;
            write!(out, "<p>{}:{line}: {}</p>", Html(&source.path), Message(&label.text))?;
        }
        let path = if finding.path.is_empty() { "/" } else { &finding.path };
        write!(out, "<p>At <code>{}</code>. Confidence: {}.", Html(path), finding.confidence)?;
        if let Some(fix) = &finding.fix {
            let how = if fix.safe { "--fix</code> will" } else { "--fix=unsafe</code> would" };
            write!(out, " <code>{how} {}.", Message(&fix.title))?;
        }
        writeln!(out, " <a href=\"#rule-{}\">Why, and what to do</a></p></div></details></li>", Html(rule.id()))
    }
}

/// The lines of a place, with what is pointed at marked.
fn excerpt(shown: &Shown<'_>, place: &Place, out: &mut String) -> fmt::Result {
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
    let mut line = text.lines_before + text.text[..from].matches('\n').count() + 1;
    let mut context = CONTEXT_LINES;
    out.push_str("<pre><code>");
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
        write!(out, "<span class=\"number\">{line:>5} </span>{}", HtmlLines(&content[..mark_start]))?;
        if mark_start < mark_end {
            write!(out, "<mark>{}</mark>", HtmlLines(&content[mark_start..mark_end]))?;
        }
        let rest = if cut < content.len() { "…" } else { "" };
        writeln!(out, "{}{rest}", HtmlLines(&content[mark_end..cut]))?;
        (from, line) = (to, line + 1);
    }
    out.push_str("</code></pre>");
    Ok(())
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// What the rules with findings say, each once.
fn rules(rows: &[Row<'_>], out: &mut String) -> fmt::Result {
    let rules: BTreeMap<&str, &BundleRule> = rows.iter().map(|row| (row.rule.id(), row.rule)).collect();
    if rules.is_empty() {
        return Ok(());
    }
    out.push_str("<section aria-labelledby=\"rules\">\n<h2 id=\"rules\">Rules</h2>\n");
    for (id, rule) in rules {
        let manifest = &rule.source.manifest;
        write!(
            out,
            "<details id=\"rule-{id}\"><summary><code>{id}</code> {}</summary><div class=\"more\"><p class=\"quiet\">{} · {}</p>",
            Message(&manifest.title),
            Html(&manifest.factor),
            Html(&rule.source.component.name),
            id = Html(id),
        )?;
        for (title, text) in [("Why", &manifest.why), ("What to do", &manifest.fix)] {
            write!(out, "<h3>{title}</h3>")?;
            prose(text, out)?;
        }
        out.push_str("</div></details>\n");
    }
    out.push_str("</section>\n");
    Ok(())
}

/// Markdown as rules write it.
pub(super) fn prose(text: &str, out: &mut String) -> fmt::Result {
    blocks(text).iter().try_for_each(|block| match block {
        Prose::Words(words) => write!(out, "<p>{}</p>", Message(words)),
        Prose::Item(item) => write!(out, "<ul><li>{}</li></ul>", Message(item)),
        Prose::Code(code) => write!(out, "<pre><code>{}</code></pre>", HtmlLines(code)),
    })
}

/// A message: what stands between backticks is code.
pub(super) struct Message<'t>(pub(super) &'t str);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        code_spans(self.0).try_for_each(|part| match part {
            Part::Code(code) => write!(f, "<code>{}</code>", Html(code)),
            Part::Text(words) => write!(f, "{}", Html(words)),
        })
    }
}
