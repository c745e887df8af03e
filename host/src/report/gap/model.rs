//! Gaps, strengths and scores, worked out from the results of a run.

use super::cure::{self, Snippet};
use super::heading;
use super::rank::Evidence;
use crate::bundle::Enforcement;
use crate::manifest::{Confidence, Effort, Priority, Severity};
use crate::report::{DocumentResult, FindingResult, OutcomeName, Results, Rule};
use std::collections::{BTreeMap, HashMap};

/// What is missing, in the words of a person: findings of rules that belong together.
pub(super) struct Gap<'r> {
    pub(super) title: &'r str,
    pub(super) rules: Vec<&'r Rule<'r>>,
    pub(super) priority: Priority,
    pub(super) effort: Effort,
    pub(super) findings: Vec<(&'r DocumentResult<'r>, &'r Rule<'r>, &'r FindingResult<'r>)>,
    pub(super) snippets: Vec<Snippet>,
}

/// Gaps in one part of the system.
pub(super) struct Area<'r> {
    pub(super) title: String,
    pub(super) gaps: Vec<Gap<'r>>,
}

/// What the rules of one factor came to.
#[derive(Default)]
pub(super) struct Score<'r> {
    pub(super) rules: usize,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) undecided: usize,
    /// Rules that checked something and found nothing, with how many documents.
    pub(super) strengths: Vec<(&'r Rule<'r>, usize)>,
}

impl Score<'_> {
    /// In percent of what could be decided.
    pub(super) fn percent(&self) -> Option<usize> {
        let decided = self.passed + self.failed;
        (decided > 0).then(|| self.passed * 100 / decided)
    }

    pub(super) fn status(&self) -> &'static str {
        match (self.passed, self.failed) {
            (0, 0) => "not checked",
            (_, 0) => "compliant",
            (0, _) => "missing",
            _ => "partial",
        }
    }
}

/// What one rule came to.
#[derive(Default)]
struct Tally<'r> {
    passed: usize,
    failed: usize,
    undecided: usize,
    findings: Vec<(&'r DocumentResult<'r>, &'r FindingResult<'r>)>,
}

/// A rule that found something, and all that it came to.
type Failed<'r, 't> = (&'r Rule<'r>, &'t Tally<'r>);

/// The areas in which something is missing, and the score of each factor in the order of the factors.
pub(super) fn analyse<'r>(results: &'r Results<'r>) -> (Vec<Area<'r>>, Vec<(&'r str, Score<'r>)>) {
    let tallies = tally(results);
    let mut groups: BTreeMap<(usize, String, &str), Vec<Failed<'_, '_>>> = BTreeMap::new();
    let mut scores: BTreeMap<(usize, &str), Score<'r>> = BTreeMap::new();
    for rule in &results.rules {
        let score = scores.entry((factor_number(&rule.factor), &rule.factor)).or_default();
        score.rules += 1;
        let Some(tally) = tallies.get(&*rule.id) else { continue };
        score.passed += tally.passed;
        score.failed += tally.failed;
        score.undecided += tally.undecided;
        if tally.passed > 0 && tally.failed == 0 && tally.undecided == 0 {
            score.strengths.push((rule, tally.passed));
        }
        if !tally.findings.is_empty() {
            groups.entry(heading::heading(rule)).or_default().push((rule, tally));
        }
    }
    let mut areas: Vec<Area<'r>> = Vec::new();
    for ((_, area, title), members) in groups {
        let gap = gap(title, &members);
        match areas.iter_mut().find(|known| known.title == area) {
            Some(known) => known.gaps.push(gap),
            None => areas.push(Area { title: area, gaps: vec![gap] }),
        }
    }
    for area in &mut areas {
        let files = area.gaps.iter().flat_map(|gap| &gap.findings).map(|(.., finding)| &*finding.location.file);
        area.title = heading::title(&area.title, files);
    }
    (areas, scores.into_iter().map(|((_, factor), score)| (factor, score)).collect())
}

fn tally<'r>(results: &'r Results<'r>) -> HashMap<&'r str, Tally<'r>> {
    let mut tallies: HashMap<&str, Tally<'_>> = HashMap::new();
    for document in &results.documents {
        for outcome in &document.outcomes {
            let tally = tallies.entry(&outcome.rule).or_default();
            match outcome.outcome {
                OutcomeName::Pass => tally.passed += 1,
                OutcomeName::NotEvaluated | OutcomeName::Error => tally.undecided += 1,
                OutcomeName::NotApplicable => {}
                OutcomeName::Fail => {
                    let before = tally.findings.len();
                    let counted = outcome.findings.iter().filter(|finding| finding.exempt.is_none());
                    tally.findings.extend(counted.map(|finding| (document, finding)));
                    // Where all are exempt or below `--min-severity`, or covered, there is neither a gap nor a
                    // strength.
                    tally.failed += usize::from(tally.findings.len() > before);
                }
            }
        }
    }
    tallies
}

fn gap<'r>(title: &'r str, members: &[Failed<'r, '_>]) -> Gap<'r> {
    let evidence = members.iter().map(|(rule, tally)| evidence(rule, tally));
    let (mut priority, mut effort) = (Priority::P3, Effort::Small);
    for evidence in evidence {
        priority = priority.min(evidence.priority());
        if evidence.effort() as u8 > effort as u8 {
            effort = evidence.effort();
        }
    }
    let mut findings: Vec<_> = members
        .iter()
        .flat_map(|(rule, tally)| tally.findings.iter().map(|(document, finding)| (*document, *rule, *finding)))
        .collect();
    findings.sort_by(|(.., one), (.., other)| {
        (&one.location.file, one.location.line, one.location.column).cmp(&(
            &other.location.file,
            other.location.line,
            other.location.column,
        ))
    });
    let cures: Vec<_> = findings.iter().map(|(document, _, finding)| (*document, *finding)).collect();
    let rules = members.iter().map(|(rule, _)| *rule).collect();
    Gap { title, rules, priority, effort, snippets: cure::snippets(&cures), findings }
}

fn evidence(rule: &Rule<'_>, tally: &Tally<'_>) -> Evidence {
    let fixes = || tally.findings.iter().filter_map(|(_, finding)| finding.fix.as_ref());
    Evidence {
        priority: rule.priority,
        effort: rule.effort,
        usual: rule.default_severity,
        worst: tally.findings.iter().map(|(_, finding)| finding.severity).max().unwrap_or(Severity::Info),
        sure: tally
            .findings
            .iter()
            .any(|(_, finding)| finding.enforcement == Enforcement::Deny && finding.confidence != Confidence::Guess),
        failed: tally.failed,
        judged: tally.passed + tally.failed,
        places: tally.findings.len(),
        safe: fixes().filter(|fix| fix.safe).count(),
        fixable: fixes().count(),
    }
}

/// The number that a factor begins with; others come last.
fn factor_number(factor: &str) -> usize {
    const NUMERALS: [&str; 15] =
        ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV"];
    let numeral = factor.split(' ').next().unwrap_or_default();
    NUMERALS.iter().position(|known| *known == numeral).unwrap_or(NUMERALS.len())
}
