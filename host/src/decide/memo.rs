//! Outcomes remembered by a running server, by content.
//!
//! A rule is a pure function of what it is told; so are the outcomes of all rules of a bundle on one
//! document. A change of anything that no rule reads (`managedFields`, a status) is no change here.

use crate::evaluate::{Change, Finding, Outcome, RuleOutcome};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Names all that some outcomes depend on.
pub(super) type Key = [u8; 32];

/// Outcomes of recent documents, bounded by bytes; what was least useful goes first.
pub(super) struct Memo(Cache<Key, Arc<[RuleOutcome]>, OutcomeBytes>);

#[derive(Clone)]
struct OutcomeBytes;

impl Weighter<Key, Arc<[RuleOutcome]>> for OutcomeBytes {
    fn weight(&self, _key: &Key, outcomes: &Arc<[RuleOutcome]>) -> u64 {
        // What the cache itself keeps of an entry.
        const ENTRY: usize = 128;
        (ENTRY + outcomes.iter().map(bytes).sum::<usize>()) as u64
    }
}

/// What an entry usually weighs; only sizes the cache's tables.
const USUAL_BYTES: u64 = 4096;

impl Memo {
    pub(super) fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter((bytes / USUAL_BYTES).max(16) as usize, bytes, OutcomeBytes))
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<[RuleOutcome]>> {
        self.0.get(key)
    }

    pub(super) fn insert(&self, key: Key, outcomes: Arc<[RuleOutcome]>) {
        self.0.insert(key, outcomes);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.weight()
    }
}

fn bytes(outcome: &RuleOutcome) -> usize {
    let texts = match &outcome.outcome {
        Outcome::Fail(findings) => findings.iter().map(finding_bytes).sum(),
        Outcome::NotApplicable(reason) | Outcome::NotEvaluated(reason) => reason.len(),
        Outcome::Pass | Outcome::Error(_) => 0,
    };
    size_of::<RuleOutcome>() + texts
}

fn finding_bytes(finding: &Finding) -> usize {
    let fix = finding.fix.as_ref().map_or(0, |fix| {
        let (Change::Patch(text) | Change::Create(text)) = &fix.change;
        fix.title.len() + text.len()
    });
    let labels: usize = finding.labels.iter().map(|label| size_of_val(label) + label.text.len()).sum();
    let related: usize = finding.related.iter().map(|label| size_of_val(label) + label.bytes()).sum();
    let exempt = finding.exempt.as_ref().map_or(0, String::len);
    size_of::<Finding>()
        + finding.code.len()
        + finding.message.len()
        + finding.path.len()
        + finding.stable_path.len()
        + labels
        + related
        + fix
        + exempt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn it_stays_within_its_bytes() {
        let memo = Memo::new(64 << 10);
        let outcome = |text: &str| -> Arc<[RuleOutcome]> {
            [RuleOutcome { rule: 0, outcome: Outcome::NotEvaluated(text.to_owned()) }].into()
        };
        for number in 0_u64..10_000 {
            let key = Digest::of(&number.to_le_bytes()).bytes();
            memo.insert(key, outcome(&"x".repeat(number as usize % 1000)));
        }
        assert!(memo.bytes() <= 64 << 10 && memo.bytes() > 32 << 10, "{}", memo.bytes());
    }
}
