//! Runs over almost the same units, one after another: an editor's, and those in which fixes are tried. What did not
//! change is remembered in memory.

use super::judge::Judge;
use super::memo::Record;
use super::readings::Readings;
use super::run::{RunResult, Running};
use super::shards::Key;
use crate::parse::{Limits, Unit};
use crate::sets::Surroundings;
use std::collections::{HashMap, HashSet};

/// A unit with its key, which hashes the whole text and is therefore worked out once.
#[derive(Clone)]
pub struct Keyed {
    unit: Unit,
    key: Key,
}

impl Keyed {
    /// A unit, ready for runs by a check.
    pub fn new(unit: Unit, judge: &Judge) -> Self {
        Self { key: unit.key(&judge.bundle().fingerprint), unit }
    }

    /// The unit.
    pub fn unit(&self) -> &Unit {
        &self.unit
    }
}

/// The records of units, by their keys.
type Records = HashMap<Key, Record>;

/// Takes what a run left: records that are new, and those that were known before.
fn remember(known: &mut Records, mut before: Records, fresh: Vec<(Key, Option<Record>)>) {
    for (key, record) in fresh {
        if let Some(record) = record.or_else(|| before.remove(&key)) {
            known.insert(key, record);
        }
    }
}

/// Units in variations, checked one after another: what fixes make of them. A unit that was checked before is not
/// checked again, unless its rules would be told of others what they were not told then.
pub struct Tries {
    known: Records,
    readings: Readings,
    cost: Cost,
}

/// What a number of runs came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Runs.
    pub runs: usize,
    /// Units that were checked in them, each as often as it was.
    pub judged: usize,
}

impl Tries {
    /// Begins with nothing remembered.
    pub fn begin() -> Self {
        Self { known: Records::default(), readings: Readings::kept(), cost: Cost::default() }
    }

    /// Checks units, always by the same check.
    pub fn run(
        &mut self,
        judge: &Judge,
        units: &[Keyed],
        (limits, surroundings): (&Limits, &Surroundings),
    ) -> RunResult {
        let (units, keys) = apart(units);
        let known = |key: &Key| self.known.get(key).cloned();
        let readings = &self.readings;
        let running = Running { judge, units: &units, keys: &keys, readings, limits, surroundings };
        let (result, fresh) = running.run(&known, true);
        self.cost.runs += 1;
        self.cost.judged += units.len() - result.remembered;
        remember(&mut self.known, Records::default(), fresh);
        result
    }

    /// Forgets all variations but one.
    pub fn forget_others(&mut self, units: &[Keyed]) {
        let wanted: HashSet<Key> = units.iter().map(|keyed| keyed.key).collect();
        self.known.retain(|key, _| wanted.contains(key));
        self.readings.retain(|key| wanted.contains(key));
    }

    /// What all runs together came to.
    pub fn cost(&self) -> Cost {
        self.cost
    }
}

/// The units, and their keys.
fn apart(units: &[Keyed]) -> (Vec<Unit>, Vec<Key>) {
    units.iter().map(|keyed| (keyed.unit.clone(), keyed.key)).unzip()
}

/// Checks for an editor, which works out the key of each unit once.
pub struct Session {
    judge: Judge,
    limits: Limits,
    /// Of the last run.
    known: Records,
}

impl Session {
    /// Begins with nothing remembered.
    pub fn new(judge: Judge, limits: Limits) -> Self {
        Self { judge, limits, known: Records::default() }
    }

    /// What checks.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The bounds on parsing.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A unit, ready for runs.
    pub fn key(&self, unit: Unit) -> Keyed {
        Keyed::new(unit, &self.judge)
    }

    /// Checks units; `None` when it was cancelled on the way, which leaves everything remembered as it was.
    pub fn run(
        &mut self,
        units: &[Keyed],
        surroundings: &Surroundings,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Option<(Vec<Unit>, RunResult)> {
        let (units, keys) = apart(units);
        // A unit that nobody waits for any more is as good as empty: its record never leaves this function.
        let known = |key: &Key| {
            if cancelled() { Some(Record::default()) } else { self.known.get(key).cloned() }
        };
        let (judge, limits, readings) = (&self.judge, &self.limits, &Readings::default());
        let running = Running { judge, units: &units, keys: &keys, readings, limits, surroundings };
        let (result, fresh) = running.run(&known, true);
        if cancelled() {
            return None;
        }
        let before = std::mem::take(&mut self.known);
        remember(&mut self.known, before, fresh);
        Some((units, result))
    }
}
