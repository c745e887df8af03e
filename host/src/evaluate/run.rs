//! A whole run: units in, verdicts out, in the order of the input at any number of threads.

use super::absence;
use super::built::Building;
use super::callers;
use super::except::{self, Exception, Ignore, Settled};
use super::inventory::{Divided, Placed};
use super::judge::Judge;
use super::memo::{Memo, Record};
use super::passes::{Pass, first_pass, read_built, related_places, second_pass, want_images};
use super::readings::Readings;
use super::shards::{Key, MemoUse};
use super::verdict::{DocumentVerdict, Outcome, RuleOutcome};
use crate::bundle::Bundle;
use crate::document::{Document, joined};
use crate::parse::{Limits, Repeated, SyntaxError, Unit};
use crate::problem::InputProblem;
use crate::sets::{Kustomizations, Made, Member, Role, Sets, Surroundings};
use rayon::prelude::*;
use std::collections::HashMap;

/// How to run.
#[derive(Default)]
pub struct RunOptions {
    /// Bounds on parsing.
    pub limits: Limits,
    /// What earlier runs left, if verdicts are to be remembered.
    pub memo: Option<Memo>,
    /// What is known beside the units.
    pub surroundings: Surroundings,
}

/// What is wrong with a unit, so that it, or a part of it, could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitError {
    /// Index of the unit.
    pub unit: usize,
    /// Why, and where in the unit's sources.
    pub error: SyntaxError,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct RunResult {
    /// The documents with the index of their unit, in the order of the input.
    pub documents: Vec<(usize, DocumentVerdict)>,
    /// The units that could not be parsed, in the order of the input.
    pub errors: Vec<UnitError>,
    /// The keys that stand twice in a mapping, with the index of their unit. Their documents are checked with the last
    /// value.
    pub repeated: Vec<(usize, Repeated)>,
    /// Fields of another type than they have, in the order of the input. What stands around them is checked.
    pub mistyped: Vec<UnitError>,
    /// How many units were checked from memory alone.
    pub remembered: usize,
    /// What that took.
    pub memo: MemoUse,
    /// What became of every exception: those of bundle and configuration, then those in the input.
    pub exceptions: Vec<Exception>,
}

impl RunResult {
    /// What is wrong with the units, in the order of the input: what could not be parsed, then keys that stand twice,
    /// then fields of another type than they have.
    pub fn problems(&self, units: &[Unit]) -> Vec<InputProblem> {
        let unparsed = self.errors.iter().map(|error| InputProblem::of_error(units, error.unit, &error.error));
        let repeated = self.repeated.iter().map(|(unit, key)| InputProblem::of_repeated(units, *unit, key));
        let mistyped = self.mistyped.iter().map(|error| InputProblem::of_mistyped(units, error.unit, &error.error));
        unparsed.chain(repeated).chain(mistyped).collect()
    }

    /// Puts another run behind this one, whose units stand from `first_unit` on. What became of the entries of bundle
    /// and configuration is told anew for both together.
    pub fn append(&mut self, bundle: &Bundle, first_unit: usize, other: Self) {
        let moved = |unit: usize| unit + first_unit;
        self.documents.extend(other.documents.into_iter().map(|(unit, document)| (moved(unit), document)));
        for (own, others) in [(&mut self.errors, other.errors), (&mut self.mistyped, other.mistyped)] {
            own.extend(others.into_iter().map(|error| UnitError { unit: moved(error.unit), ..error }));
        }
        self.repeated.extend(other.repeated.into_iter().map(|(unit, repeated)| (moved(unit), repeated)));
        self.remembered += other.remembered;
        let mut exceptions = except::of_entries(bundle, &self.documents);
        exceptions.extend(self.exceptions.drain(..).filter(|exception| exception.place.is_some()));
        let others = other.exceptions.into_iter().filter_map(|exception| {
            let (unit, place) = exception.place?;
            Some(Exception { place: Some((moved(unit), place)), ..exception })
        });
        exceptions.extend(others);
        self.exceptions = exceptions;
    }
}

/// Checks units with a bundle's rules. Documents of one set are each other's inventory.
pub fn run(judge: &Judge, units: &[Unit], options: RunOptions) -> RunResult {
    let RunOptions { limits, mut memo, surroundings } = options;
    let keys: Vec<Key> = units.par_iter().map(|unit| unit.key(&judge.bundle().fingerprint)).collect();
    if let Some(memo) = &mut memo {
        memo.begin(units, &keys);
    }
    let known = |key: &Key| memo.as_ref().and_then(|memo| memo.get(key));
    let readings = Readings::default();
    let running =
        Running { judge, units, keys: &keys, readings: &readings, limits: &limits, surroundings: &surroundings };
    let (mut result, fresh) = running.run(&known, memo.is_some());
    if let Some(memo) = memo {
        result.memo = memo.store(fresh);
    }
    result
}

/// A run over units whose keys are known.
#[derive(Clone, Copy)]
pub(super) struct Running<'r> {
    pub(super) judge: &'r Judge,
    pub(super) units: &'r [Unit],
    pub(super) keys: &'r [Key],
    pub(super) readings: &'r Readings,
    pub(super) limits: &'r Limits,
    pub(super) surroundings: &'r Surroundings,
}

impl Running<'_> {
    /// Runs with what is remembered of the units. Gives the records that are new too, when they are to be remembered.
    pub(super) fn run(
        self,
        known: &(dyn Fn(&Key) -> Option<Record> + Sync),
        remembering: bool,
    ) -> (RunResult, Vec<(Key, Option<Record>)>) {
        let Self { judge, units, keys, readings, limits, surroundings } = self;
        let parsing = (readings, limits);
        let mut remembered: Vec<Option<Record>> = keys.par_iter().map(known).collect();
        let kustomizations = kustomizations(units, &remembered, limits, surroundings);
        let passes: Vec<Result<Pass, SyntaxError>> = units
            .par_iter()
            .zip(keys)
            .zip(&mut remembered)
            .map(|((unit, key), remembered)| {
                let role = kustomizations.role(&unit.sources[0].path);
                first_pass(judge, unit, (*key, remembered.take()), role, parsing)
            })
            .collect();

        let passes = bound_documents(passes, units, limits);
        let sets = Sets::new(&members(&passes, units), &kustomizations, surroundings);
        let passes = read_built(passes, units, sets.builds(), parsing);
        let reading = |unit: usize| passes[unit].as_ref().ok().and_then(|pass| pass.reading.as_deref());
        let by_path = patch_units(units, &kustomizations);
        let files = |path: &str| {
            let units = by_path.get(path).into_iter().flatten();
            units.filter_map(|unit| reading(*unit)).flat_map(|reading| &reading.documents).collect()
        };
        let building = Building::new((judge, units.len()), &sets, &kustomizations, &reading, &files);
        let cards = passes.iter().enumerate().filter_map(|(unit, pass)| Some((unit, pass.as_ref().ok()?)));
        let written =
            cards.flat_map(|(unit, pass)| {
                let is_built = !sets.builds().variants(unit).is_empty();
                let cards = pass.record.cards.iter();
                cards
                    .filter(move |card| !is_built || card.subject.group == Document::FILE_GROUP)
                    .map(move |card| Placed { unit, variant: None, card: card.clone(), doubt: None })
            });
        let inventory = Divided::new(&sets, written.chain(building.cards(judge, units.len())));

        passes.iter().flatten().for_each(|pass| want_images(judge, pass));
        load_components(judge, &passes);
        let passes: Vec<Result<Pass, SyntaxError>> = passes
            .into_par_iter()
            .zip(units)
            .enumerate()
            .map(|(index, (pass, unit))| second_pass(judge, (index, unit), pass?, (&inventory, &building), parsing))
            .collect();
        let passes = related_places(judge, units, passes, parsing);
        finish(judge, &sets, (units, passes), remembering)
    }
}

/// How many inputs are looked at to know which components are needed. The others find theirs loaded, or load them.
const LOOKED_AT: usize = 64;

/// Loads the components that the first inputs need. Where there are few inputs, each component would wait for the one
/// before it otherwise.
fn load_components(judge: &Judge, passes: &[Result<Pass, SyntaxError>]) {
    let new = passes.iter().flatten().filter(|pass| !pass.from_memory).take(LOOKED_AT);
    let readings = new.filter_map(|pass| pass.reading.as_deref());
    judge.load_for(readings.flat_map(|reading| &reading.documents));
}

/// The kustomizations of a run.
fn kustomizations(
    units: &[Unit],
    remembered: &[Option<Record>],
    limits: &Limits,
    surroundings: &Surroundings,
) -> Kustomizations {
    let found = units.par_iter().zip(remembered).filter_map(|(unit, remembered)| {
        let kustomization = match remembered {
            Some(record) => record.kustomization.clone(),
            None => Kustomizations::read(unit, limits),
        };
        Some((&*unit.sources[0].path, kustomization?))
    });
    let beside = surroundings.kustomizations.iter().map(|(path, kustomization)| (path.as_str(), kustomization.clone()));
    Kustomizations::new(found.collect::<Vec<_>>().into_iter().chain(beside))
}

/// The units that only change others, by their paths.
fn patch_units(units: &[Unit], kustomizations: &Kustomizations) -> HashMap<String, Vec<usize>> {
    let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
    for (unit, path) in units.iter().map(|unit| &*unit.sources[0].path).enumerate() {
        if kustomizations.role(path) == Role::Patch {
            by_path.entry(joined("", path)).or_default().push(unit);
        }
    }
    by_path
}

/// Where the units of a rendering stand, which are checked in a run of their own and are one set, whatever files they
/// are led back to.
const RENDERED: &str = crate::discover::STDIN;

/// The units as sets are made of them.
fn members<'p>(passes: &'p [Result<Pass, SyntaxError>], units: &'p [Unit]) -> Vec<Member<'p>> {
    let objects = |pass: &'p Pass| {
        let subjects = pass.record.documents.iter().map(|document| &document.subject);
        subjects.filter(|subject| subject.group != Document::FILE_GROUP).collect()
    };
    let makes = |pass: &'p Pass| {
        let makes = pass.record.makes.iter();
        let of = |(position, makes): &'p (u32, Vec<Made>)| {
            Some((&pass.record.documents.get(*position as usize)?.subject, makes.as_slice()))
        };
        makes.filter_map(of).collect()
    };
    passes
        .iter()
        .zip(units)
        .map(|(pass, unit)| Member {
            path: if unit.rendered.is_some() { RENDERED } else { &unit.sources[0].path },
            objects: pass.as_ref().map_or_else(|_| Vec::new(), objects),
            makes: pass.as_ref().map_or_else(|_| Vec::new(), makes),
        })
        .collect()
}

/// Puts together what a run came to, and the records to remember.
fn finish(
    judge: &Judge,
    sets: &Sets,
    (units, passes): (&[Unit], Vec<Result<Pass, SyntaxError>>),
    remembering: bool,
) -> (RunResult, Vec<(Key, Option<Record>)>) {
    let mut result = RunResult::default();
    let mut remember = Vec::with_capacity(passes.len());
    for (unit, pass) in passes.into_iter().enumerate() {
        match pass {
            Err(error) => result.errors.push(UnitError { unit, error }),
            Ok(pass) => {
                result.remembered += usize::from(pass.from_memory);
                let record = remembering.then(|| memorable(&pass)).flatten();
                remember.push((pass.key, record));
                result.repeated.extend(pass.record.repeated.iter().map(|repeated| (unit, repeated.clone())));
                result.mistyped.extend(pass.record.mistyped.iter().map(|(place, message)| {
                    let error = SyntaxError { file: place.file, ..SyntaxError::new(place.start as usize, message) };
                    UnitError { unit, error }
                }));
                let (documents, ignores) = merged(pass.record);
                let first = result.documents.len();
                result.documents.extend(documents.into_iter().map(|document| (unit, document)));
                if let Some(ignoring) = &judge.bundle().ignoring {
                    let settled = Settled { unit, documents: &mut result.documents[first..], ignores };
                    result.exceptions.extend(except::settle(judge.bundle(), ignoring, settled));
                }
                for (_, document) in &mut result.documents[first..] {
                    absence::settle(judge, sets, unit, document);
                    judge.cover(&mut document.outcomes);
                }
            }
        }
    }
    callers::tell_once(units, &mut result.documents);
    let mut exceptions = except::of_entries(judge.bundle(), &result.documents);
    exceptions.append(&mut result.exceptions);
    result.exceptions = exceptions;
    (result, remember)
}

/// Refuses the units of a file from the one on with which it has too many documents, Lists taken apart.
fn bound_documents(
    passes: Vec<Result<Pass, SyntaxError>>,
    units: &[Unit],
    limits: &Limits,
) -> Vec<Result<Pass, SyntaxError>> {
    let mut in_file = 0;
    let mut file = "";
    let bounded = passes.into_iter().zip(units).map(|(pass, unit)| {
        if *unit.sources[0].path != *file {
            (file, in_file) = (&unit.sources[0].path, 0);
        }
        let pass = pass?;
        in_file += pass.record.documents.len();
        if in_file > limits.documents {
            let message = format!("the file has more than {} documents (limit `documents`)", limits.documents);
            return Err(SyntaxError::new(0, message));
        }
        Ok(pass)
    });
    bounded.collect()
}

/// The record to remember, when it is new and every rule could run: a failure may be gone next time.
fn memorable(pass: &Pass) -> Option<Record> {
    let failed = |outcome: &RuleOutcome| matches!(outcome.outcome, Outcome::Error(_));
    let alone = pass.record.documents.iter().flat_map(|document| &document.outcomes);
    let mut all = alone.chain(pass.record.related.iter().map(|related| &related.outcome));
    (!pass.from_memory && !all.any(failed)).then(|| pass.record.clone())
}

/// The documents with all their outcomes, in the bundle's order, and the exceptions in them.
fn merged(record: Record) -> (Vec<DocumentVerdict>, Vec<Ignore>) {
    let mut documents = record.documents;
    for related in record.related {
        if let Some(document) = documents.get_mut(related.document as usize) {
            document.outcomes.push(related.outcome);
        }
    }
    for document in &mut documents {
        document.outcomes.sort_by_key(|outcome| outcome.rule);
    }
    (documents, record.ignores)
}
