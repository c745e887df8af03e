//! Fixes on trial: they are applied together, all is checked again, and those after which anything is worse are taken
//! back, each on its own and by name.
//!
//! Worse is a rule with more findings on a unit, or a failure, than before; a text that no longer parses; a created
//! document with findings; and a fix that would change its finding's document once more. Which of several fixes of a
//! unit is to blame is found by halving, in all units at once, and who is to blame for another unit by the digits of
//! positions, for all such units at once: so it costs no more runs where there are many. A run checks what its fixes
//! change, and what is told of that.

use super::apply::{Touched, applied, create};
use super::{Extent, Fixed, Slot};
use crate::evaluate::{Change, DocumentVerdict, Finding, Fix, Judge, Keyed, RunResult, Secrets, Tries};
use crate::parse::{Limits, Unit};
use crate::sets::Surroundings;
use std::collections::{BTreeMap, BTreeSet};

/// A fix that a pass may apply.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    mark: Mark,
    change: Change,
    /// `PATH:LINE:COLUMN: RULE`.
    name: String,
}

/// Names a fix as long as its unit keeps its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    unit: usize,
    base: String,
    rule: u16,
    code: String,
    path: String,
    change: String,
}

impl Mark {
    fn of(unit: usize, document: &DocumentVerdict, rule: u16, finding: &Finding, fix: &Fix) -> Self {
        let (Change::Patch(change) | Change::Create(change)) = &fix.change;
        let (base, code) = (document.base.clone(), finding.code.clone());
        Self { unit, base, rule, code, path: finding.stable_path.clone(), change: change.clone() }
    }
}

/// The candidates of one unit.
type Group = Vec<Candidate>;

/// Some units with fixes applied, checked.
struct Trial {
    slots: Vec<Slot>,
    /// The units of the slots.
    units: Vec<Keyed>,
    result: RunResult,
    /// The fixes that changed something.
    applied: Vec<Candidate>,
    /// For each created slot, in their order behind the others, the unit whose fix made it.
    creators: Vec<usize>,
}

impl Trial {
    /// The slots that are others than before, in their order: those that fixes changed, then created ones.
    fn changed(&self, before: &[Slot]) -> Vec<usize> {
        let patched =
            |candidate: &Candidate| matches!(candidate.change, Change::Patch(_)).then_some(candidate.mark.unit);
        let patched: BTreeSet<usize> = self.applied.iter().filter_map(patched).collect();
        patched.into_iter().chain(before.len()..self.slots.len()).collect()
    }
}

/// The units of a run with the fixes that were kept.
pub(super) struct Fixer<'f> {
    judge: &'f Judge,
    limits: &'f Limits,
    surroundings: &'f Surroundings,
    tries: Tries,
    slots: Vec<Slot>,
    /// The units of the slots.
    units: Vec<Keyed>,
    result: RunResult,
    secrets: Secrets,
    applied: usize,
    refused: BTreeSet<String>,
}

impl<'f> Fixer<'f> {
    /// Checks the units as they are.
    pub(super) fn new(
        judge: &'f Judge,
        (limits, surroundings): (&'f Limits, &'f Surroundings),
        slots: Vec<Slot>,
    ) -> Self {
        let mut fixer = Self {
            judge,
            limits,
            surroundings,
            tries: Tries::begin(),
            units: slots.iter().map(|slot| Keyed::new(slot.unit.clone(), judge)).collect(),
            slots,
            result: RunResult::default(),
            secrets: Secrets::default(),
            applied: 0,
            refused: BTreeSet::new(),
        };
        fixer.result = fixer.tries.run(judge, &fixer.units, (limits, surroundings));
        fixer.secrets = Secrets::of(&units(&fixer.slots), &fixer.result);
        fixer
    }

    pub(super) fn finish(self) -> Fixed {
        let Self { slots, result, applied, refused, secrets, tries, .. } = self;
        Fixed { slots, result, applied, refused: refused.into_iter().collect(), secrets, cost: tries.cost() }
    }

    /// Takes back what was said of fixes that were not kept: they are tried again.
    pub(super) fn begin(&mut self) {
        self.refused.clear();
    }

    /// The fixes of findings that stand in the units that are `open`, and in created ones, as far as they are wanted
    /// and not `left_out`.
    pub(super) fn candidates(
        &self,
        extent: Extent,
        open: &BTreeSet<usize>,
        left_out: &BTreeSet<Mark>,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (unit, document) in &self.result.documents {
            if !open.contains(unit) && !self.slots[*unit].original.is_empty() {
                continue;
            }
            for (rule, finding) in document.findings() {
                let wanted = |fix: &&Fix| fix.safe || extent == Extent::Unsafe;
                let Some(fix) = finding.fix.as_ref().filter(wanted) else { continue };
                let mark = Mark::of(*unit, document, rule, finding, fix);
                if !left_out.contains(&mark) {
                    let sources = &self.slots[*unit].unit.sources;
                    let position = finding.place.position(sources);
                    let (path, id) = (&sources[0].path, self.judge.bundle().rules[usize::from(rule)].id());
                    let name = format!("{path}:{}:{}: {id}", position.line, position.column);
                    candidates.push(Candidate { mark, change: fix.change.clone(), name });
                }
            }
        }
        candidates
    }

    /// Applies what can be applied together and makes nothing worse; says whether something was kept. What cannot be
    /// applied and what is not kept is `left_out` from then on.
    pub(super) fn pass(&mut self, candidates: Vec<Candidate>, left_out: &mut BTreeSet<Mark>) -> bool {
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        for candidate in candidates {
            groups.entry(candidate.mark.unit).or_default().push(candidate);
        }
        let before = self.applied;
        self.tries.forget_others(&self.units);
        self.settle(groups.into_values().collect(), left_out);
        self.applied > before
    }

    fn settle(&mut self, groups: Vec<Group>, left_out: &mut BTreeSet<Mark>) {
        let trial = self.try_out(&groups, left_out);
        if trial.applied.is_empty() {
            return;
        }
        let worse = self.worse(&trial);
        if worse.is_empty() {
            return self.keep(trial);
        }
        let is_blamed = |group: &Group| group.iter().any(|candidate| worse.contains_key(&candidate.mark.unit));
        let mut changed: BTreeMap<usize, Group> = BTreeMap::new();
        for candidate in trial.applied {
            changed.entry(candidate.mark.unit).or_default().push(candidate);
        }
        let (blamed, others): (Vec<Group>, Vec<Group>) = changed.into_values().partition(is_blamed);
        if blamed.is_empty() {
            return self.search(others, &worse, left_out);
        }
        if others.is_empty() {
            return self.halve(blamed, &worse, left_out);
        }
        self.settle(others, left_out);
        self.settle(blamed, left_out);
    }

    /// What is worse are other units: finds who is to blame for them.
    fn search(&mut self, mut groups: Vec<Group>, worse: &BTreeMap<usize, String>, left_out: &mut BTreeSet<Mark>) {
        if groups.len() == 1 {
            return self.halve(groups, worse, left_out);
        }
        let guilty = self.guilty(&groups, worse, left_out);
        if guilty.is_empty() {
            let second = groups.split_off(groups.len() / 2);
            self.settle(groups, left_out);
            return self.settle(second, left_out);
        }
        let (mut blamed, mut others, mut reasons) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (at, group) in groups.into_iter().enumerate() {
            match guilty.get(&at) {
                Some(why) => {
                    reasons.extend(group.first().map(|candidate| (candidate.mark.unit, why.clone())));
                    blamed.push(group);
                }
                None => others.push(group),
            }
        }
        self.settle(others, left_out);
        self.halve(blamed, &reasons, left_out);
    }

    /// The groups, by their positions, that are alone to blame for a unit, and why. For each binary digit of the
    /// positions those with a 0 and those with a 1 are tried: the tries in which a unit is worse spell who is to blame
    /// for it.
    fn guilty(
        &mut self,
        groups: &[Group],
        worse: &BTreeMap<usize, String>,
        left_out: &mut BTreeSet<Mark>,
    ) -> BTreeMap<usize, String> {
        let mut spelled: BTreeMap<usize, usize> = worse.keys().map(|unit| (*unit, 0)).collect();
        let digits = usize::BITS - (groups.len() - 1).leading_zeros();
        for digit in 0..digits {
            let halves = [0, 1].map(|value| {
                let is_in = |(at, _): &(usize, &Group)| at >> digit & 1 == value;
                let half: Vec<Group> =
                    groups.iter().enumerate().filter(is_in).map(|(_, group)| group.clone()).collect();
                let trial = self.try_out(&half, left_out);
                self.worse(&trial)
            });
            spelled.retain(|unit, position| {
                let [zero, one] = halves.each_ref().map(|half| half.contains_key(unit));
                *position |= usize::from(one) << digit;
                zero != one
            });
            if spelled.is_empty() {
                break;
            }
        }
        spelled.retain(|_, position| *position < groups.len());
        spelled.into_iter().map(|(unit, position)| (position, worse[&unit].clone())).collect()
    }

    /// Tries the halves of groups of which each makes something worse; a single fix is left out.
    fn halve(&mut self, groups: Vec<Group>, worse: &BTreeMap<usize, String>, left_out: &mut BTreeSet<Mark>) {
        if groups.iter().all(|group| group.len() == 1) {
            let anything = worse.values().next();
            for Candidate { mark, name, .. } in groups.into_iter().flatten() {
                let why = worse.get(&mark.unit).or(anything).map_or("", String::as_str);
                self.refused.insert(format!("{name}: not fixed: {why}"));
                left_out.insert(mark);
            }
            return;
        }
        let mut halves = [Vec::new(), Vec::new()];
        for mut group in groups {
            let second = group.split_off(group.len().div_ceil(2));
            for (half, part) in halves.iter_mut().zip([group, second]) {
                half.extend((!part.is_empty()).then_some(part));
            }
        }
        halves.into_iter().for_each(|half| self.settle(half, left_out));
    }

    fn keep(&mut self, trial: Trial) {
        self.applied += trial.applied.len();
        let changed: BTreeSet<usize> = trial.changed(&self.slots).into_iter().collect();
        (self.slots, self.units, self.result) = (trial.slots, trial.units, trial.result);
        self.secrets.add_values(&Secrets::of_some(&units(&self.slots), &self.result, |unit| changed.contains(&unit)));
    }

    /// Applies fixes to a copy of the units, and checks that. What overlaps with others, or changes nothing, is not
    /// applied.
    fn try_out(&mut self, groups: &[Group], left_out: &mut BTreeSet<Mark>) -> Trial {
        let mut slots = self.slots.clone();
        let (mut done, mut creators) = (Vec::new(), Vec::new());
        for group in groups {
            let mut touched = Touched::default();
            for candidate in group {
                let unit = candidate.mark.unit;
                match self.change(&mut slots, candidate, &mut touched) {
                    Ok(Effect::Changed) => done.push(candidate.clone()),
                    Ok(Effect::Created) => {
                        creators.push(unit);
                        done.push(candidate.clone());
                    }
                    Ok(Effect::Waits) => {}
                    Ok(Effect::Nothing) => drop(left_out.insert(candidate.mark.clone())),
                    Err(why) => {
                        self.refused.insert(format!("{}: not fixed: {why}", candidate.name));
                        left_out.insert(candidate.mark.clone());
                    }
                }
            }
        }
        let mut trial = Trial { slots, units: Vec::new(), result: RunResult::default(), applied: done, creators };
        if !trial.applied.is_empty() {
            trial.units.clone_from(&self.units);
            for at in trial.changed(&self.slots) {
                let keyed = Keyed::new(trial.slots[at].unit.clone(), self.judge);
                match trial.units.get_mut(at) {
                    Some(unit) => *unit = keyed,
                    None => trial.units.push(keyed),
                }
            }
            trial.result = self.tries.run(self.judge, &trial.units, (self.limits, self.surroundings));
        }
        trial
    }

    fn change(&self, slots: &mut Vec<Slot>, candidate: &Candidate, touched: &mut Touched) -> Result<Effect, String> {
        let unit = candidate.mark.unit;
        match &candidate.change {
            Change::Create(json) => {
                let slot = create(&self.slots[unit], json)?;
                if slots.iter().any(|known| known.is_copy_of(&slot)) {
                    return Ok(Effect::Nothing);
                }
                slots.push(slot);
                Ok(Effect::Created)
            }
            Change::Patch(operations) => {
                let before = touched.len();
                let changed = applied(&slots[unit].unit, &candidate.mark.base, operations, touched, self.limits)?;
                Ok(match changed {
                    Some(changed) => {
                        slots[unit].unit = changed;
                        Effect::Changed
                    }
                    None if touched.len() == before => Effect::Waits,
                    None => Effect::Nothing,
                })
            }
        }
    }

    /// The units that are worse for a trial, and why. A created document counts for the unit that it stands behind.
    fn worse(&self, trial: &Trial) -> BTreeMap<usize, String> {
        let known = self.slots.len();
        let home = |unit: usize| trial.creators.get(unit.wrapping_sub(known)).copied().unwrap_or(unit);
        let mut worse = BTreeMap::new();
        for error in &trial.result.errors {
            if !self.result.errors.iter().any(|before| before.unit == error.unit) {
                worse.insert(home(error.unit), format!("the result does not parse: {}", error.error.message));
            }
        }
        let (before, after) = (Tally::of(&self.result), Tally::of(&trial.result));
        for (key, count) in &after.findings {
            if *count > before.findings.get(key).copied().unwrap_or_default() {
                let rule = self.judge.bundle().rules[usize::from(key.1)].id();
                worse.entry(home(key.0)).or_insert_with(|| format!("it would cause another finding, of `{rule}`"));
            }
        }
        for (key, count) in &after.failures {
            if *count > before.failures.get(key).copied().unwrap_or_default() {
                let rule = self.judge.bundle().rules[usize::from(key.1)].id();
                worse.entry(home(key.0)).or_insert_with(|| format!("`{rule}` failed on the result"));
            }
        }
        for unit in self.endless(trial) {
            worse.entry(unit).or_insert_with(|| "it cures nothing, and would be applied again".to_owned());
        }
        worse
    }

    /// The units of fixes that are offered again on what they made, and would change it again.
    fn endless(&self, trial: &Trial) -> BTreeSet<usize> {
        let applied: BTreeSet<&Mark> = trial.applied.iter().map(|candidate| &candidate.mark).collect();
        let touched: BTreeSet<usize> = applied.iter().map(|mark| mark.unit).collect();
        let mut endless = BTreeSet::new();
        for (unit, document) in trial.result.documents.iter().filter(|(unit, _)| touched.contains(unit)) {
            for (rule, finding) in document.findings() {
                let Some(fix) = &finding.fix else { continue };
                let mark = Mark::of(*unit, document, rule, finding, fix);
                let Change::Patch(operations) = &fix.change else { continue };
                let again = || {
                    let unit = &trial.slots[*unit].unit;
                    applied_once_more(unit, &mark.base, operations, self.limits)
                };
                if applied.contains(&mark) && again() {
                    endless.insert(*unit);
                }
            }
        }
        endless
    }
}

/// What a fix did.
enum Effect {
    Changed,
    Created,
    /// It overlaps with another one of the pass.
    Waits,
    /// What it makes is there.
    Nothing,
}

/// Whether a patch changes a unit.
fn applied_once_more(unit: &Unit, base: &str, operations: &str, limits: &Limits) -> bool {
    matches!(applied(unit, base, operations, &mut Touched::default(), limits), Ok(Some(_)))
}

fn units(slots: &[Slot]) -> Vec<Unit> {
    slots.iter().map(|slot| slot.unit.clone()).collect()
}

/// How many findings and failures a rule has on a unit.
#[derive(Default)]
struct Tally {
    findings: BTreeMap<(usize, u16), usize>,
    failures: BTreeMap<(usize, u16), usize>,
}

impl Tally {
    fn of(result: &RunResult) -> Self {
        let mut tally = Self::default();
        for (unit, document) in &result.documents {
            // What was covered was there before, and is told once what covered it is cured.
            for (rule, _) in document.all_findings().filter(|(_, finding)| finding.exempt.is_none()) {
                *tally.findings.entry((*unit, rule)).or_default() += 1;
            }
            for (rule, _) in document.errors() {
                *tally.failures.entry((*unit, rule)).or_default() += 1;
            }
        }
        tally
    }
}
