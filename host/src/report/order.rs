//! Which findings are shown where not all of them can be: the worst ones, and something of every rule.

use crate::manifest::{Confidence, Severity};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What decides about a finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'e> {
    /// The rule that it is of.
    pub(super) rule: &'e str,
    /// How bad.
    pub(super) severity: Severity,
    /// How sure.
    pub(super) confidence: Confidence,
    /// The file that it is in.
    pub(super) file: &'e str,
}

/// How bad, how sure, in how many files; the worst first.
type Rank = Reverse<(Severity, Confidence, usize)>;

/// The indices of findings, those first that are to be shown first.
///
/// First comes the worst finding of each rule, then the second of each, and so on, so that no rule hides the others.
/// Among these the worse one goes first, then the surer one, then that of the rule with findings in more files. Of a rule's
/// findings that are alike, each goes to another file before one file has two.
pub(super) fn fair<'e>(entries: impl IntoIterator<Item = Entry<'e>>) -> Vec<usize> {
    let entries: Vec<Entry<'e>> = entries.into_iter().collect();
    let mut of_rules: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        of_rules.entry(entry.rule).or_default().push(index);
    }
    let mut ranked: Vec<(usize, Rank, usize)> = Vec::with_capacity(entries.len());
    for of_rule in of_rules.values_mut() {
        let spread = of_rule.iter().map(|index| entries[*index].file).collect::<BTreeSet<_>>().len();
        let mut in_file: BTreeMap<(&str, Severity, Confidence), usize> = BTreeMap::new();
        let mut keyed: Vec<_> = of_rule
            .iter()
            .map(|index| {
                let Entry { severity, confidence, file, .. } = entries[*index];
                let before = in_file.entry((file, severity, confidence)).or_default();
                *before += 1;
                (Reverse((severity, confidence)), *before, *index)
            })
            .collect();
        keyed.sort();
        for (round, (Reverse((severity, confidence)), _, index)) in keyed.into_iter().enumerate() {
            ranked.push((round, Reverse((severity, confidence, spread)), index));
        }
    }
    ranked.sort();
    ranked.into_iter().map(|(_, _, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(rule: &'static str, severity: Severity, file: &'static str) -> Entry<'static> {
        Entry { rule, severity, confidence: Confidence::Certain, file }
    }

    #[test]
    fn every_rule_has_its_turn_and_the_worst_goes_first() {
        let entries = [
            entry("many", Severity::Critical, "a"),
            entry("many", Severity::Critical, "a"),
            entry("many", Severity::Critical, "b"),
            entry("low", Severity::Low, "a"),
            entry("narrow", Severity::High, "a"),
            entry("wide", Severity::High, "a"),
            entry("wide", Severity::High, "b"),
            Entry { confidence: Confidence::Guess, ..entry("guess", Severity::High, "a") },
        ];
        assert_eq!(fair(entries), [0, 5, 4, 7, 3, 2, 6, 1]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(entries in prop::collection::vec((0_usize..4, 0_usize..3), 0..40)) {
            let names = ["a", "b", "c", "d"];
            let count = entries.len();
            let mut order = fair(entries.into_iter().map(|(rule, file)| entry(names[rule], Severity::High, names[file])));
            order.sort_unstable();
            prop_assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
    }
}
