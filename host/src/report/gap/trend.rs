//! What changed since an older run. Findings are matched by rule, code, file, document and path, as fingerprints are.

use crate::report::{DocumentResult, FindingResult, OutcomeResult, Results};
use std::collections::{BTreeMap, BTreeSet};

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
        for found in open.into_values().flatten() {
            if new_rules.contains(&*found.1.rule) {
                trend.fixed.push(found);
            } else {
                trend.no_longer_judged += 1;
            }
        }
        trend
    }
}
