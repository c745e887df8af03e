//! Findings about what is missing: they are only told of sets that are complete.

use super::judge::Judge;
use super::verdict::{DocumentVerdict, Finding, Outcome};
use crate::document::Document;
use crate::manifest::Target;
use crate::sets::Sets;

/// Drops findings of a document of a unit that say that something is missing, where its set may have it elsewhere. A
/// rule that found nothing else has not decided. What an exception lifts stays lifted, so that the exception is used.
///
/// Nothing of this is remembered, so that a verdict stays true when a set becomes complete.
pub(super) fn settle(judge: &Judge, sets: &Sets, unit: usize, document: &mut DocumentVerdict) {
    if document.subject.group == Document::FILE_GROUP {
        return;
    }
    for outcome in &mut document.outcomes {
        let Outcome::Fail(findings) = &mut outcome.outcome else { continue };
        let manifest = &judge.bundle().rules[usize::from(outcome.rule)].source.manifest;
        let is_dropped = |finding: &Finding| {
            finding.exempt.is_none() && manifest.kind(&finding.code).is_some_and(|kind| kind.absence)
        };
        if !findings.iter().any(is_dropped) {
            continue;
        }
        let asked: Vec<&Target> = manifest.inventory.iter().flat_map(|query| &query.kinds).collect();
        let Some(reason) = sets.shortfall(unit, &asked) else { continue };
        findings.retain(|finding| !is_dropped(finding));
        if findings.is_empty() {
            outcome.outcome = Outcome::NotEvaluated(format!("what it looks for may be in what is not known: {reason}"));
        }
    }
}
