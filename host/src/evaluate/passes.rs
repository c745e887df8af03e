//! The passes of a run over one unit: what others may ask for, then the verdicts.

use super::built::Building;
use super::doubt;
use super::except;
use super::inventory::{Card, Divided, Here, Told, Unavailable};
use super::judge::{self, Ask, Judge};
use super::memo::{Record, RelatedOutcome};
use super::readings::Readings;
use super::related::{self, Places};
use super::shards::Key;
use super::verdict::{DocumentVerdict, Place};
use crate::digest::Digest;
use crate::document::{Document, Span};
use crate::kubernetes::mistyped;
use crate::parse::{Limits, SyntaxError, Unit};
use crate::sets::{self, Builds, Kustomizations, Reading, Role, Whose};
use rayon::prelude::*;
use std::sync::Arc;

/// A unit on its way.
pub(super) struct Pass {
    pub(super) key: Key,
    pub(super) record: Record,
    /// Parsed when something has to be evaluated; empty while memory serves.
    pub(super) reading: Option<Arc<Reading>>,
    pub(super) from_memory: bool,
}

/// Everything that others may ask for: from memory, else by parsing. What is remembered counts as long as the file has
/// the same role.
pub(super) fn first_pass(
    judge: &Judge,
    unit: &Unit,
    (key, remembered): (Key, Option<Record>),
    role: Role,
    (readings, limits): (&Readings, &Limits),
) -> Result<Pass, SyntaxError> {
    if let Some(record) = remembered.filter(|record| record.role == role) {
        return Ok(Pass { key, record, reading: None, from_memory: true });
    }
    let reading = readings.read((&key, unit), role, limits)?;
    let mut record = Record {
        role,
        kustomization: Kustomizations::read(unit, limits),
        repeated: reading.repeated.clone(),
        ..Record::default()
    };
    for document in &reading.documents {
        record.documents.push(DocumentVerdict {
            subject: document.subject.clone(),
            place: judge::start(document),
            base: document.base.to_string(),
            outcomes: Vec::new(),
        });
        let shape = judge.bundle().workloads.shape(document);
        record.mistyped.extend(mistyped(document, &shape).into_iter().map(|found| {
            let Span { file, start, end } = found.span;
            (Place { file, start, end, exact: true }, found.message)
        }));
    }
    for (position, document) in reading.found() {
        record.cards.extend(judge.cards(document).into_iter().map(|card| Card { document: position, ..card }));
    }
    for (position, document) in (0..).zip(&reading.documents) {
        let makes = sets::made_by_content(document);
        record.makes.extend((!makes.is_empty()).then_some((position, makes)));
    }
    record.ignores = except::collect(unit, &reading.documents, limits)?;
    Ok(Pass { key, record, reading: Some(reading), from_memory: false })
}

/// Parses the units that kustomizations build or patch others with, where memory served: it knows only what is written.
pub(super) fn read_built(
    passes: Vec<Result<Pass, SyntaxError>>,
    units: &[Unit],
    builds: &Builds,
    (readings, limits): (&Readings, &Limits),
) -> Vec<Result<Pass, SyntaxError>> {
    let read = |(index, pass): (usize, Result<Pass, SyntaxError>)| {
        let mut pass = pass?;
        let is_needed = !builds.variants(index).is_empty() || pass.record.role == Role::Patch;
        if is_needed && pass.reading.is_none() {
            pass.reading = Some(readings.read((&pass.key, &units[index]), pass.record.role, limits)?);
        }
        Ok(pass)
    };
    passes.into_par_iter().enumerate().map(read).collect()
}

/// Says which images will be asked about, so that the second pass does not wait for one after the other.
pub(super) fn want_images(judge: &Judge, pass: &Pass) {
    match &pass.reading {
        Some(reading) => reading.documents.iter().for_each(|document| judge.want_images(document)),
        None => pass.record.here.iter().for_each(|here| judge.want_images_again(here)),
    }
}

/// The verdicts. What memory served is checked again by the rules that ask for other documents, unless they would be
/// told the same. Anything else is checked by all rules at once, so that a component is called once for a document.
pub(super) fn second_pass(
    judge: &Judge,
    (index, unit): (usize, &Unit),
    mut pass: Pass,
    (inventory, building): (&Divided<'_>, &Building<'_>),
    (readings, limits): (&Readings, &Limits),
) -> Result<Pass, SyntaxError> {
    let is_new = !pass.from_memory;
    let is_built = !building.sets.builds().variants(index).is_empty();
    if pass.reading.is_none() {
        if told_the_same(judge, index, &mut pass.record, inventory) {
            return Ok(pass);
        }
        pass.from_memory = false;
        pass.reading = Some(readings.read((&pass.key, unit), pass.record.role, limits)?);
    }
    let (mut pass_related, mut here) = (Vec::new(), Vec::new());
    for (position, document) in pass.reading.iter().flat_map(|reading| &reading.documents).enumerate() {
        if is_built && !document.is_file() {
            let plan = judge.plan(document);
            let (rules, others): (Vec<u16>, Vec<u16>) = plan.rules().partition(|rule| judge.needs_others(*rule));
            if is_new {
                let asks: Vec<Ask<'_>> = others.into_iter().map(alone).collect();
                pass.record.documents[position].outcomes = judge.judge(&judge.prepare(document), &asks);
            }
            let outcomes = building.judge(judge, (index, position as u32, document), &rules, inventory);
            // Nobody is told the same as nothing, so it is checked anew by each run.
            let related = |outcome| RelatedOutcome { document: position as u32, told: [0; 32], outcome };
            pass_related.extend(outcomes.into_iter().map(related));
            here.push(Here::default());
            continue;
        }
        let whose = if document.is_file() { Whose::File } else { Whose::Written(index) };
        let view = inventory.view(whose);
        let asking = judge.asking(document, &view);
        let plan = judge.plan(document);
        let ask = |rule| match judge.needs_others(rule) {
            true => Ask { rule, told: judge.related(rule, &asking) },
            false => alone(rule),
        };
        let rules = plan.rules().filter(|rule| is_new || judge.needs_others(*rule));
        let asks: Vec<Ask<'_>> = rules.map(ask).collect();
        let outcomes = doubt::judge(judge, &judge.prepare(document), &asks);
        for (ask, outcome) in asks.iter().zip(outcomes) {
            if judge.needs_others(ask.rule) {
                let told = digest(&ask.told);
                pass_related.push(RelatedOutcome { document: position as u32, told, outcome });
            } else {
                pass.record.documents[position].outcomes.push(outcome);
            }
        }
        drop(asks);
        here.push(asking.into_here());
    }
    (pass.record.related, pass.record.here) = (pass_related, here);
    Ok(pass)
}

/// What a rule is asked that needs nobody else.
fn alone(rule: u16) -> Ask<'static> {
    Ask { rule, told: Ok(Told::default()) }
}

/// Whether every rule would be told what it was told when its outcome was remembered. Then labels that point into other
/// documents know where those are now.
fn told_the_same(judge: &Judge, unit: usize, record: &mut Record, inventory: &Divided<'_>) -> bool {
    let Record { documents, here, related, .. } = record;
    related.chunk_by_mut(|one, other| one.document == other.document).all(|outcomes| {
        let document = outcomes[0].document as usize;
        let (Some(verdict), Some(here)) = (documents.get(document), here.get(document)) else {
            return false;
        };
        let is_file = verdict.subject.group == Document::FILE_GROUP;
        let view = inventory.view(if is_file { Whose::File } else { Whose::Written(unit) });
        let asking = judge.asking_again(&verdict.subject, here, &view);
        outcomes.iter_mut().all(|known| {
            let told = judge.related(known.outcome.rule, &asking);
            if let Ok(told) = &told {
                related::refresh(&mut known.outcome.outcome, told);
            }
            digest(&told) == known.told
        })
    })
}

/// Finds the places in other documents that findings point at. Their units are parsed where memory served.
pub(super) fn related_places(
    judge: &Judge,
    units: &[Unit],
    mut passes: Vec<Result<Pass, SyntaxError>>,
    (readings, limits): (&Readings, &Limits),
) -> Vec<Result<Pass, SyntaxError>> {
    let outcomes = passes.iter().flatten().flat_map(|pass| &pass.record.related);
    let mut places = Places::of(outcomes.map(|related| &related.outcome.outcome));
    places.by_unit().into_par_iter().for_each(|(unit, wanted)| {
        let Some(Ok(pass)) = passes.get(unit) else { return };
        let parsed;
        let reading = match &pass.reading {
            Some(reading) => reading,
            None => match readings.read((&pass.key, &units[unit]), pass.record.role, limits) {
                Ok(reading) => {
                    parsed = reading;
                    &parsed
                }
                Err(_) => return,
            },
        };
        for ((document, path), place) in wanted {
            let document = reading.get(*document);
            *place = document.map(|document| related::find(&judge.bundle().workloads, document, path));
        }
    });
    for related in passes.iter_mut().flatten().flat_map(|pass| &mut pass.record.related) {
        places.put(&mut related.outcome.outcome);
    }
    passes
}

/// Names what a rule was told in the memo.
fn digest(told: &Result<Told<'_>, Unavailable>) -> [u8; 32] {
    match told {
        Ok(told) => told.digest(),
        Err(Unavailable(reason)) => Digest::of(reason.as_bytes()).bytes(),
    }
}
