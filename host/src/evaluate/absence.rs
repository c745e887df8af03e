//! Findings about what is missing: they are only told of sets that are complete.

use super::judge::Judge;
use super::verdict::{DocumentVerdict, Finding, Outcome};
use crate::document::{Document, Subject};
use crate::manifest::{Manifest, Query};
use crate::sets::{Asked, Sets, Whose};

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
        let asked = asked(manifest, &document.subject);
        let Some(reason) = shortfall(sets, unit, &asked) else { continue };
        findings.retain(|finding| !is_dropped(finding));
        if findings.is_empty() {
            outcome.outcome = Outcome::NotEvaluated(format!("what it looks for may be in what is not known: {reason}"));
        }
    }
}

/// Why what is asked for may be in what is not known. Of an object that kustomizations build, it has to be so in each of
/// its builds: others have decided.
fn shortfall<'s>(sets: &'s Sets, unit: usize, asked: &Asked<'_>) -> Option<&'s str> {
    let variants = sets.builds().variants(unit).len();
    if variants == 0 {
        return sets.shortfall(Whose::Written(unit), asked);
    }
    let mut reasons = (0..variants).map(|variant| sets.shortfall(Whose::Built(unit, variant), asked));
    let first = reasons.next().flatten();
    first.filter(|_| reasons.all(|reason| reason.is_some()))
}

/// Whether a finding of a rule says that something is missing.
pub(super) fn is_absence(judge: &Judge, rule: u16, finding: &Finding) -> bool {
    let manifest = &judge.bundle().rules[usize::from(rule)].source.manifest;
    manifest.kind(&finding.code).is_some_and(|kind| kind.absence)
}

/// Whether the set of an object, as one variant builds it, is complete, as far as a rule asks.
pub(super) fn is_complete(judge: &Judge, sets: &Sets, rule: u16, (whose, written): (Whose, &Subject)) -> bool {
    let manifest = &judge.bundle().rules[usize::from(rule)].source.manifest;
    sets.shortfall(whose, &asked(manifest, written)).is_none()
}

/// What a rule asks for, of an object as it is written.
fn asked<'a>(manifest: &'a Manifest, by: &'a Subject) -> Asked<'a> {
    let of = |query: &'a Query| query.kinds.iter().map(|kind| (kind, query.scope));
    Asked { kinds: manifest.inventory.iter().flat_map(of).collect(), by }
}
