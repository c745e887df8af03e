//! The gap report: what a person would write who went through the results, with a heading for each gap, its impact,
//! its places and its cure, a matrix of priorities, and a score for each factor.

mod block;
mod cure;
mod heading;
mod model;
mod rank;
mod read;
mod trend;

use super::text::counted;
use super::{Results, Rule};
use crate::manifest::{Effort, Priority};
use block::{Block, code};
use model::{Area, Gap, Score};
use std::collections::BTreeMap;
use trend::Trend;

pub use read::{MAX_RESULTS_BYTES, ReadError, read};

/// Places that are listed of one gap, and changes of one kind.
const MAX_PLACES: usize = 25;

/// The form of a gap report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapFormat {
    /// Markdown
    Markdown,
    /// One page that needs nothing else
    Html,
}

/// Writes the gap report on a run, and on what changed since an older one.
pub fn gap_report(results: &Results<'_>, older: Option<&Results<'_>>, format: GapFormat) -> String {
    let document = document(results, older);
    match format {
        GapFormat::Markdown => block::write_markdown(&document),
        GapFormat::Html => block::write_html("12-Factor & Cloud-Native Gap Analysis", &document),
    }
}

fn document(results: &Results<'_>, older: Option<&Results<'_>>) -> Vec<Block> {
    let (areas, scores) = model::analyse(results);
    let mut out = vec![Block::Heading(1, "12-Factor & Cloud-Native Gap Analysis".to_owned())];
    out.push(Block::Paragraph(format!(
        "{} in {}, checked by the {} of bundle {} {}.",
        counted(results.findings().count(), "finding"),
        counted(results.summary.documents, "document"),
        counted(results.rules.len(), "rule"),
        code(&results.bundle.name),
        results.bundle.version
    )));
    summary(results, &areas, &mut out);
    if let Some(older) = older {
        changes(&Trend::between(older, results), older, &scores, &mut out);
    }
    for (number, area) in (1..).zip(&areas) {
        out.push(Block::Heading(2, format!("{number}. {}", area.title)));
        for (index, gap) in (1..).zip(&area.gaps) {
            write_gap(number, index, gap, &mut out);
        }
    }
    let mut number = areas.len();
    let mut section = |title: &str| {
        number += 1;
        Block::Heading(2, format!("{number}. {title}"))
    };
    out.push(section("Gap Priority Matrix"));
    matrix(&areas, &mut out);
    out.push(section("Scorecard"));
    scorecard(&scores, &mut out);
    out.push(section("What Already Works Well"));
    strengths(&scores, &mut out);
    undecided(results, &mut section, &mut out);
    out
}

fn summary(results: &Results<'_>, areas: &[Area<'_>], out: &mut Vec<Block>) {
    out.push(Block::Heading(2, "Summary".to_owned()));
    if areas.is_empty() {
        out.push(Block::Paragraph("No gaps were found.".to_owned()));
    } else {
        let rows = areas.iter().map(|area| {
            let places: usize = area.gaps.iter().map(|gap| gap.findings.len()).sum();
            let soonest = area.gaps.iter().map(|gap| gap.priority).min().unwrap_or(Priority::P3);
            vec![area.title.clone(), area.gaps.len().to_string(), places.to_string(), format!("{soonest:?}")]
        });
        out.push(Block::Table(&["Area", "Gaps Found", "Places", "Soonest"], rows.collect()));
    }
    let unread = results.errors.iter().filter(|error| !error.is_judged()).count();
    if unread > 0 {
        let inputs = counted(unread, "input");
        out.push(Block::Paragraph(format!("{inputs} could not be read; what is in them is not in this report.")));
    }
}

fn write_gap(area: usize, index: usize, gap: &Gap<'_>, out: &mut Vec<Block>) {
    out.push(Block::Heading(3, format!("{area}.{index} {}", gap.title)));
    let mut factors: Vec<&str> = gap.rules.iter().map(|rule| &*rule.factor).collect();
    factors.dedup();
    out.push(Block::Field("12-Factor", factors.join(", ")));
    let titles = gap.rules.iter().map(|rule| format!("{} ({})", rule.title, code(&rule.id)));
    out.push(Block::Field("Cloud-Native", titles.collect::<Vec<_>>().join("; ")));
    out.push(Block::Field("Priority", format!("{:?} · Effort: {}", gap.priority, effort(gap.effort))));
    let said = |text: for<'a> fn(&'a Rule<'a>) -> &'a str| {
        gap.rules.iter().map(|rule| text(rule)).collect::<Vec<_>>().join("\n\n")
    };
    out.push(Block::Prose("Impact", said(|rule| &rule.why)));
    out.push(Block::Field("Places", gap.findings.len().to_string()));
    let places = gap.findings.iter().map(|(document, _, finding)| {
        let at = &finding.location;
        let place = code(&format!("{}:{}:{}", at.file, at.line, at.column));
        format!("{place} {}: {}", document.subject, finding.message)
    });
    out.push(Block::List(bounded(places)));
    out.push(Block::Prose("Fix", said(|rule| &rule.fix)));
    let safe = gap.findings.iter().filter(|(.., finding)| finding.fix.as_ref().is_some_and(|fix| fix.safe)).count();
    if safe > 0 {
        let (all, fix) = (gap.findings.len(), code("policy-host eval --fix"));
        out.push(Block::Paragraph(format!("{fix} cures {safe} of {}.", counted(all, "place"))));
    }
    let snippets = gap.snippets.iter().map(|snippet| Block::Yaml(snippet.place.clone(), snippet.yaml.clone()));
    out.extend(snippets);
}

fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::Small => "Low",
        Effort::Medium => "Medium",
        Effort::Large => "High",
    }
}

/// The first of them, and how many more there are.
fn bounded(items: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = items.len().saturating_sub(MAX_PLACES);
    let mut list: Vec<String> = items.take(MAX_PLACES).collect();
    if more > 0 {
        list.push(format!("and {more} more"));
    }
    list
}

fn matrix(areas: &[Area<'_>], out: &mut Vec<Block>) {
    let mut gaps: Vec<(&Gap<'_>, &str)> =
        areas.iter().flat_map(|area| area.gaps.iter().map(|gap| (gap, area.title.as_str()))).collect();
    gaps.sort_by_key(|(gap, _)| (gap.priority, gap.effort as u8));
    if gaps.is_empty() {
        out.push(Block::Paragraph("No gaps were found.".to_owned()));
        return;
    }
    let rows = gaps.iter().map(|(gap, area)| {
        let (priority, places) = (format!("{:?}", gap.priority), gap.findings.len().to_string());
        vec![priority, gap.title.to_owned(), (*area).to_owned(), places, effort(gap.effort).to_owned()]
    });
    out.push(Block::Table(&["Priority", "Gap", "Area", "Places", "Effort"], rows.collect()));
    out.push(Block::Paragraph(
        "Priority and effort are those that the rules' authors give for one place. What is milder than a rule's worst \
         finding, or a bundle that changes a severity, moves the priority by as many steps; where the bundle only warns \
         or audits, or the rule only guesses, it is a step later; where at least three \
         documents and half of those judged lack it, a step sooner. Effort is low where every place has a safe fix and \
         less where every place has a fix; more than 20 places without a safe one are more work, and more than 200 more \
         still. Of several rules the soonest priority and the largest effort count."
            .to_owned(),
    ));
}

fn scorecard(scores: &[(&str, Score<'_>)], out: &mut Vec<Block>) {
    let rows = scores.iter().map(|(factor, score)| {
        let percent = score.percent().map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"));
        let counts = [score.rules, score.passed, score.failed, score.undecided].map(|count| count.to_string());
        [vec![(*factor).to_owned(), score.status().to_owned(), percent], counts.to_vec()].concat()
    });
    let head = &["Factor", "Status", "Score", "Rules", "Passed", "Failed", "Not decided"];
    out.push(Block::Table(head, rows.collect()));
}

fn strengths(scores: &[(&str, Score<'_>)], out: &mut Vec<Block>) {
    let items: Vec<String> = scores
        .iter()
        .filter(|(_, score)| !score.strengths.is_empty())
        .map(|(factor, score)| {
            let rules = score.strengths.iter().map(|(rule, documents)| {
                format!("{} ({}, {})", rule.title, code(&rule.id), counted(*documents, "document"))
            });
            format!("{factor}: {}", rules.collect::<Vec<_>>().join("; "))
        })
        .collect();
    if items.is_empty() {
        out.push(Block::Paragraph("No rule passed on every document that it checked.".to_owned()));
    } else {
        out.push(Block::List(items));
    }
}

/// What nobody checked has not passed.
fn undecided(results: &Results<'_>, section: &mut impl FnMut(&str) -> Block, out: &mut Vec<Block>) {
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for outcome in results.documents.iter().flat_map(|document| &document.outcomes) {
        if matches!(outcome.outcome, super::OutcomeName::NotEvaluated | super::OutcomeName::Error) {
            *reasons.entry((&outcome.rule, outcome.reason.as_deref().unwrap_or_default())).or_default() += 1;
        }
    }
    if reasons.is_empty() {
        return;
    }
    out.push(section("What Could Not Be Judged"));
    let items = reasons
        .iter()
        .map(|((rule, reason), count)| format!("{}: {reason} ({})", code(rule), counted(*count, "document")));
    out.push(Block::List(bounded(items)));
}

fn changes(trend: &Trend<'_>, older: &Results<'_>, scores: &[(&str, Score<'_>)], out: &mut Vec<Block>) {
    out.push(Block::Heading(2, "What Changed".to_owned()));
    out.push(Block::Paragraph(format!(
        "Of {}, {} gone and {} left; {} new.",
        counted(trend.fixed.len() + trend.remaining, "finding"),
        trend.fixed.len(),
        trend.remaining,
        trend.new.len()
    )));
    let judged = [
        (trend.newly_judged, "By rules that the older run did not have"),
        (trend.no_longer_judged, "In the older run, by rules that this one does not have"),
        (trend.elsewhere, "In the older run, in files that this one did not evaluate or that are gone"),
        (trend.undecided, "In the older run, where this one could not decide or does not report it"),
        (trend.exempt, "In the older run, and exempt in this one"),
    ];
    for (count, what) in judged.into_iter().filter(|(count, _)| *count > 0) {
        out.push(Block::Paragraph(format!("{what}: {}.", counted(count, "finding"))));
    }
    for (title, found) in [("Better", &trend.fixed), ("Worse", &trend.new)] {
        if found.is_empty() {
            continue;
        }
        out.push(Block::Heading(3, title.to_owned()));
        let items = found.iter().map(|(document, outcome, finding)| {
            let (file, rule) = (code(&finding.location.file), code(&outcome.rule));
            format!("{file} {}: {rule} {}", document.subject, finding.message)
        });
        out.push(Block::List(bounded(items)));
    }
    let (_, before) = model::analyse(older);
    let rows: Vec<Vec<String>> = scores
        .iter()
        .filter_map(|(factor, score)| {
            let (_, old) = before.iter().find(|(known, _)| known == factor)?;
            let (from, to) = (old.percent()?, score.percent()?);
            (from != to).then(|| vec![(*factor).to_owned(), format!("{from} %"), format!("{to} %")])
        })
        .collect();
    if !rows.is_empty() {
        out.push(Block::Table(&["Factor", "Score before", "Score now"], rows));
    }
}
