//! What rules say of documents of which not all is known, since a kustomization changes them in a way that is not
//! followed: only that is told which is the same whatever stands there.

use super::inventory::{Card, Doubt, Inventory, Told};
use super::judge::{Ask, Judge, Judged};
use super::verdict::{Finding, Outcome, RuleOutcome};
use crate::document::Document;
use crate::sets::Unknown;

/// Asks rules about a document. What rests on another of which not all is known is not evaluated.
pub(super) fn judge(judge: &Judge, judged: &Judged<'_>, asks: &[Ask<'_>]) -> Vec<RuleOutcome> {
    let mut outcomes = judge.judge(judged, asks);
    let told = |ask: &Ask<'_>| ask.told.as_ref().ok().and_then(Told::doubt);
    if asks.iter().all(|ask| told(ask).is_none()) {
        return outcomes;
    }
    let is_found = |outcome: &RuleOutcome| matches!(outcome.outcome, Outcome::Fail(_));
    let doubted = asks.iter().zip(&outcomes).filter(|(ask, outcome)| is_found(outcome) && told(ask).is_some());
    let again: Vec<Ask<'_>> = doubted
        .map(|(ask, _)| Ask { rule: ask.rule, told: ask.told.as_ref().map(Told::altered).map_err(Clone::clone) })
        .collect();
    let others = judge.judge(judged, &again);
    for (ask, outcome) in asks.iter().zip(&mut outcomes) {
        let (Ok(known), Some(why)) = (&ask.told, told(ask)) else { continue };
        if let Outcome::Fail(findings) = &mut outcome.outcome {
            let manifest = &judge.bundle().rules[usize::from(ask.rule)].source.manifest;
            let is_missing_elsewhere = |finding: &Finding| {
                let kind = manifest.kind(&finding.code).filter(|kind| !kind.absence.is_empty());
                kind.is_some_and(|kind| manifest.missing_queries(kind).any(|query| known.open(&query.name).is_some()))
            };
            findings.retain(|finding| finding.secret || !is_missing_elsewhere(finding));
        }
        settle(outcome, of_rule(&others, ask.rule), &why);
    }
    outcomes
}

/// Settles what rules say of an object that a kustomization changes in ways that are not followed.
pub(super) fn settle_built(
    judge: &Judge,
    (written, object): (&Document, &Document),
    unknown: &[Unknown],
    (asks, inventory): (&[Ask<'_>], &dyn Inventory),
    outcomes: &mut [RuleOutcome],
) {
    let Some(first) = unknown.first() else { return };
    let because = |unknown: &Unknown| format!("not all of it is known: {}", unknown.why);
    let each: Vec<(&Unknown, Option<Document>)> =
        unknown.iter().map(|unknown| (unknown, unknown.altered(object))).collect();
    let Some(altered_object) = altered_by_all(unknown, object) else {
        let anything = each.iter().find(|(_, altered)| altered.is_none()).map_or(first, |(unknown, _)| unknown);
        outcomes.iter_mut().for_each(|outcome| settle(outcome, &[], &because(anything)));
        return;
    };
    let prepared = judge.prepare_built(written, &altered_object);
    let asking = judge.asking(&altered_object, inventory);
    let mut concerned: Vec<(usize, Ask<'_>, &Unknown)> = Vec::new();
    for (at, ask) in asks.iter().enumerate() {
        let reads_same = |one: &Document, other: &Document| judge.shown(ask.rule, one) == judge.shown(ask.rule, other);
        let told = judge.related(ask.rule, &asking);
        let is_told_same = match (&told, &ask.told) {
            (Ok(one), Ok(other)) => one.digest() == other.digest(),
            (Err(one), Err(other)) => one == other,
            _ => false,
        };
        if is_told_same && reads_same(object, &altered_object) {
            continue;
        }
        let is_to_blame =
            |(_, alone): &&(_, Option<Document>)| alone.as_ref().is_some_and(|it| !reads_same(object, it));
        let why = each.iter().find(is_to_blame).map_or(first, |(unknown, _)| unknown);
        let told = told.map(|told| told.altered());
        concerned.push((at, Ask { rule: ask.rule, told }, why));
    }
    let again: Vec<Ask<'_>> =
        concerned.iter().map(|(_, ask, _)| Ask { rule: ask.rule, told: ask.told.clone() }).collect();
    let others = judge.judge(&prepared, &again);
    for (at, ask, why) in concerned {
        settle(&mut outcomes[at], of_rule(&others, ask.rule), &because(why));
    }
}

/// An object with something else in the place of all that is not known of it; `None` where that may be anything.
fn altered_by_all(unknown: &[Unknown], object: &Document) -> Option<Document> {
    unknown.iter().try_fold(object.clone(), |object, unknown| unknown.altered(&object))
}

fn of_rule(outcomes: &[RuleOutcome], rule: u16) -> &[Finding] {
    let same = outcomes.iter().find(|outcome| outcome.rule == rule);
    same.map_or(&[], |outcome| outcome.outcome.findings())
}

/// Leaves the findings that the rule has otherwise too. A rule that has no other has not decided. What is a secret is
/// one wherever it comes from.
fn settle(outcome: &mut RuleOutcome, others: &[Finding], why: &str) {
    match &mut outcome.outcome {
        Outcome::Fail(findings) => {
            let is_same = |one: &Finding, other: &Finding| one.code == other.code && one.path == other.path;
            findings.retain(|finding| finding.secret || others.iter().any(|other| is_same(finding, other)));
            if findings.is_empty() {
                outcome.outcome = Outcome::NotEvaluated(why.to_owned());
            }
        }
        Outcome::Pass => outcome.outcome = Outcome::NotEvaluated(why.to_owned()),
        _ => {}
    }
}

/// What is not known of an object that a kustomization builds, for each of its cards.
pub(super) fn of_cards(judge: &Judge, object: &Document, unknown: &[Unknown]) -> Vec<(Card, Option<Doubt>)> {
    let cards = judge.cards(object);
    if unknown.is_empty() {
        return cards.into_iter().map(|card| (card, None)).collect();
    }
    let cards_of = |object: Option<Document>| object.map(|object| judge.cards(&object));
    let each: Vec<_> = unknown.iter().map(|unknown| cards_of(unknown.altered(object))).collect();
    let all = cards_of(altered_by_all(unknown, object));
    cards
        .into_iter()
        .map(|card| {
            let of_topic = |cards: &Option<Vec<Card>>| {
                cards.as_ref().and_then(|cards| cards.iter().find(|other| other.topic == card.topic).cloned())
            };
            let is_other = |cards: &Option<Vec<Card>>| {
                of_topic(cards).is_none_or(|other| (&other.projection, &other.keys) != (&card.projection, &card.keys))
            };
            let why = unknown.iter().zip(&each).find(|(_, cards)| is_other(cards)).map(|(unknown, _)| &unknown.why);
            let doubt = why.map(|why| Doubt::new(why, of_topic(&all)));
            (card, doubt)
        })
        .collect()
}
