//! What changed since an older run. Findings are matched by rule, code, file, document and path, as fingerprints are.
//!
//! Only what the newer run looked for and did not find is gone: not what is in files that it did not evaluate, nor what its
//! rules could not decide, nor what it leaves out or an exception lifts.

use crate::report::{DocumentResult, FindingResult, OutcomeName, OutcomeResult, Results};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A finding with its document and outcome.
type Found<'r> = (&'r DocumentResult<'r>, &'r OutcomeResult<'r>, &'r FindingResult<'r>);

/// What got better and worse.
#[derive(Default)]
pub(super) struct Trend<'r> {
    /// Findings of the older run that are gone.
    pub(super) fixed: Vec<Found<'r>>,
    /// Findings that the older run did not have, by rules that it had.
    pub(super) new: Vec<Found<'r>>,
    /// Findings by rules that the older run did not have.
    pub(super) newly_judged: usize,
    /// Findings of the older run by rules that this one does not have.
    pub(super) no_longer_judged: usize,
    /// Findings of both.
    pub(super) remaining: usize,
    /// Findings of the older run that an exception or a baseline lifts in this one.
    pub(super) exempt: usize,
    /// Findings of the older run in files that this one did not evaluate, or which are gone.
    pub(super) elsewhere: usize,
    /// Findings of the older run of which this one does not say whether they are there: the rule could not decide, another
    /// finding covers it, or it is too mild or not sure enough to be told.
    pub(super) undecided: usize,
}

type Key<'r> = (&'r str, &'r str, &'r str, [&'r str; 4], &'r str);

fn key<'r>((document, outcome, finding): &Found<'r>) -> Key<'r> {
    let subject = &document.subject;
    let subject = [&*subject.group, &*subject.kind, &*subject.namespace, &*subject.name];
    (&outcome.rule, &finding.code, &finding.location.file, subject, &finding.path)
}

impl<'r> Trend<'r> {
    pub(super) fn between(older: &'r Results<'r>, newer: &'r Results<'r>) -> Self {
        let mut open: BTreeMap<Key<'r>, Vec<Found<'r>>> = BTreeMap::new();
        for found in older.findings() {
            open.entry(key(&found)).or_default().push(found);
        }
        let rules = |results: &'r Results<'r>| results.rules.iter().map(|rule| &*rule.id).collect::<BTreeSet<&str>>();
        let (old_rules, new_rules) = (rules(older), rules(newer));
        let mut trend = Self::default();
        for found in newer.findings() {
            if open.get_mut(&key(&found)).and_then(Vec::pop).is_some() {
                trend.remaining += 1;
            } else if old_rules.contains(&*found.1.rule) {
                trend.new.push(found);
            } else {
                trend.newly_judged += 1;
            }
        }
        for found in newer.exempt() {
            trend.exempt += usize::from(open.get_mut(&key(&found)).and_then(Vec::pop).is_some());
        }
        let seen = Seen::of(newer);
        for found in open.into_values().flatten() {
            if !new_rules.contains(&*found.1.rule) {
                trend.no_longer_judged += 1;
            } else if !seen.files.contains(&*found.2.location.file) {
                trend.elsewhere += 1;
            } else if seen.is_undecided(&found) {
                trend.undecided += 1;
            } else {
                trend.fixed.push(found);
            }
        }
        trend
    }
}

/// Who a document is, with its file.
type Document<'r> = (&'r str, [&'r str; 4]);

/// What a run looked at.
struct Seen<'r> {
    results: &'r Results<'r>,
    /// Files that have documents, and in which nothing is wrong.
    files: BTreeSet<&'r str>,
    /// What rules said of documents.
    outcomes: HashMap<(Document<'r>, &'r str), Vec<&'r OutcomeResult<'r>>>,
}

impl<'r> Seen<'r> {
    fn of(results: &'r Results<'r>) -> Self {
        let mut files = BTreeSet::new();
        let mut outcomes: HashMap<_, Vec<_>> = HashMap::new();
        for document in &results.documents {
            files.insert(&*document.location.file);
            for outcome in &document.outcomes {
                outcomes.entry((who(document), &*outcome.rule)).or_default().push(outcome);
                files.extend(outcome.findings.iter().map(|finding| &*finding.location.file));
            }
        }
        for error in &results.errors {
            files.remove(error.location.as_ref().map_or(&*error.file, |at| &*at.file));
        }
        Self { results, files, outcomes }
    }

    /// Whether a finding of an older run, which is not among those of this one, may be there all the same.
    fn is_undecided(&self, (document, outcome, finding): &Found<'r>) -> bool {
        if !self.results.level.includes(finding.severity, finding.confidence) {
            return true;
        }
        let outcomes = self.outcomes.get(&(who(document), &*outcome.rule));
        outcomes.into_iter().flatten().any(|outcome| match outcome.outcome {
            OutcomeName::Pass | OutcomeName::NotApplicable => false,
            OutcomeName::NotEvaluated | OutcomeName::Error => true,
            // Findings that are left out: others cover them, or they are outside of what a change touches.
            OutcomeName::Fail => outcome.covered > 0 || outcome.findings.is_empty(),
        })
    }
}

fn who<'r>(document: &'r DocumentResult<'r>) -> Document<'r> {
    let subject = &document.subject;
    (&document.location.file, [&*subject.group, &*subject.kind, &*subject.namespace, &*subject.name])
}
