//! Runs over almost the same units, one after another: an editor's. What did not change is remembered in memory.

use super::judge::Judge;
use super::memo::Record;
use super::run::{RunResult, Running};
use super::shards::Key;
use crate::parse::{Limits, Unit};
use crate::sets::Surroundings;
use std::collections::HashMap;

/// A unit with its key, which hashes the whole text and is therefore worked out once.
#[derive(Clone)]
pub struct Keyed {
    unit: Unit,
    key: Key,
}

impl Keyed {
    /// The unit.
    pub fn unit(&self) -> &Unit {
        &self.unit
    }
}

/// The records of the last run's units.
#[derive(Default)]
pub struct Recent {
    known: HashMap<Key, Record>,
}

impl Recent {
    /// Judges units, always by the same judge.
    pub fn run(&mut self, judge: &Judge, units: &[Unit], limits: &Limits, surroundings: &Surroundings) -> RunResult {
        let keys: Vec<Key> = units.iter().map(|unit| unit.key(&judge.bundle().fingerprint)).collect();
        let known = |key: &Key| self.known.get(key).cloned();
        let running = Running { judge, units, keys: &keys, limits, surroundings };
        let (result, fresh) = running.run(&known, true);
        self.remember(fresh);
        result
    }

    /// Takes what a run left in the place of what the run before left.
    fn remember(&mut self, fresh: Vec<(Key, Option<Record>)>) {
        let mut before = std::mem::take(&mut self.known);
        for (key, record) in fresh {
            if let Some(record) = record.or_else(|| before.remove(&key)) {
                self.known.insert(key, record);
            }
        }
    }
}

/// Judges for an editor, which works out the key of each unit once.
pub struct Session {
    judge: Judge,
    limits: Limits,
    recent: Recent,
}

impl Session {
    /// Begins with nothing remembered.
    pub fn new(judge: Judge, limits: Limits) -> Self {
        Self { judge, limits, recent: Recent::default() }
    }

    /// What judges.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The bounds on parsing.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A unit, ready for runs.
    pub fn key(&self, unit: Unit) -> Keyed {
        Keyed { key: unit.key(&self.judge.bundle().fingerprint), unit }
    }

    /// Judges units; `None` when it was cancelled on the way, which leaves everything remembered as it was.
    pub fn run(
        &mut self,
        units: &[Keyed],
        surroundings: &Surroundings,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Option<(Vec<Unit>, RunResult)> {
        let keys: Vec<Key> = units.iter().map(|keyed| keyed.key).collect();
        let units: Vec<Unit> = units.iter().map(|keyed| keyed.unit.clone()).collect();
        // A unit that nobody waits for any more is as good as empty: its record never leaves this function.
        let known = |key: &Key| {
            if cancelled() { Some(Record::default()) } else { self.recent.known.get(key).cloned() }
        };
        let running = Running { judge: &self.judge, units: &units, keys: &keys, limits: &self.limits, surroundings };
        let (result, fresh) = running.run(&known, true);
        if cancelled() {
            return None;
        }
        self.recent.remember(fresh);
        Some((units, result))
    }
}
