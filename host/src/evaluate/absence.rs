//! Findings about what is missing: they are only told of sets that are complete.

use super::judge::Judge;
use super::verdict::{DocumentVerdict, Outcome};
use crate::document::{Document, Subject};
use crate::manifest::{FindingKind, Manifest, Query};
use crate::sets::{Asked, Sets, Whose};

/// Drops findings of a document of a unit that say that something is missing, where its set may have it elsewhere: of
/// the kinds that the finding misses, whatever else the rule asks for. A rule that found nothing else has not decided.
/// What an exception lifts stays lifted, so that the exception is used.
///
/// Nothing of this is remembered, so that a verdict stays true when a set becomes complete.
pub(super) fn settle(judge: &Judge, sets: &Sets, unit: usize, document: &mut DocumentVerdict) {
    if document.subject.group == Document::FILE_GROUP {
        return;
    }
    for outcome in &mut document.outcomes {
        let Outcome::Fail(findings) = &mut outcome.outcome else { continue };
        let manifest = manifest(judge, outcome.rule);
        let mut dropped = None;
        findings.retain(|finding| {
            let kind = manifest.kind(&finding.code).filter(|kind| !kind.absence.is_empty());
            let Some(kind) = kind.filter(|_| finding.exempt.is_none()) else { return true };
            let reason = shortfall(sets, unit, &asked(manifest, kind, &document.subject));
            dropped = dropped.or(reason);
            reason.is_none()
        });
        if let Some(reason) = dropped.filter(|_| findings.is_empty()) {
            outcome.outcome = Outcome::NotEvaluated(format!("whether there is one cannot be known: {reason}"));
        }
    }
}

fn manifest(judge: &Judge, rule: u16) -> &Manifest {
    &judge.bundle().rules[usize::from(rule)].source.manifest
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

/// The kinds of finding of a rule that cannot be told of an object as one variant builds it: what they miss may be in
/// what is not known.
pub(super) fn untold(judge: &Judge, sets: &Sets, rule: u16, (whose, written): (Whose, &Subject)) -> Vec<String> {
    let manifest = manifest(judge, rule);
    let absences = manifest.findings.iter().filter(|kind| !kind.absence.is_empty());
    let untold = absences.filter(|kind| sets.shortfall(whose, &asked(manifest, kind, written)).is_some());
    untold.map(|kind| kind.code.clone()).collect()
}

/// What a kind of finding says is missing, of an object as it is written.
fn asked<'a>(manifest: &'a Manifest, kind: &'a FindingKind, by: &'a Subject) -> Asked<'a> {
    let of = |query: &'a Query| query.kinds.iter().map(|kind| (kind, query.scope));
    Asked { kinds: manifest.missing_queries(kind).flat_map(of).collect(), by }
}
