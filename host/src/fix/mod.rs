//! Applying fixes to text, and checking the result again.
//!
//! Each pass applies the fixes that do not overlap and checks again, until nothing is left to fix. A fix is kept only
//! when nothing is worse for it ([`trial`]), and it changes no other meaning of its file ([`apply`]). The safe fixes
//! come first, so that asking for all of them never does less than asking for the safe ones.

mod apply;
mod diff;
mod meaning;
mod replacement;
mod trial;

pub use diff::{FileDiff, diffs};
pub use replacement::{Replacement, Replacements, differences};

use crate::document::Pointer;
use crate::evaluate::{Change, Cost, DocumentVerdict, Fix, Judge, RunResult, Secrets};
use crate::parse::{Form, Limits, Unit};
use crate::sets::Surroundings;
use apply::{Touched, applied, create};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use trial::Fixer;

/// More passes than the rules of a bundle can need on one another's account.
const MAX_PASSES: usize = 32;

/// Which fixes to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Only safe ones.
    Safe,
    /// Safe and unsafe ones, and documents to be created.
    Unsafe,
}

/// A unit and the part of its file that it replaces; empty for a document that a fix created.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The unit, as it is now.
    pub unit: Unit,
    /// Byte range in the original file.
    pub original: Range<usize>,
}

/// What fixing came to.
pub struct Fixed {
    /// The units with their new texts.
    pub slots: Vec<Slot>,
    /// The verdicts on them.
    pub result: RunResult,
    /// How many fixes were applied.
    pub applied: usize,
    /// Fixes that were not applied, and why, each with its place and its rule.
    pub refused: Vec<String>,
    /// The secrets of the units as they were, and the values of all that were found on the way.
    pub secrets: Secrets,
    /// What checking the fixes took.
    pub cost: Cost,
}

/// Applies fixes until none is left.
pub fn fix(judge: &Judge, units: Vec<Unit>, limits: &Limits, surroundings: &Surroundings, extent: Extent) -> Fixed {
    fix_where(judge, units, (limits, surroundings), extent, |_| true)
}

/// Applies fixes to the units that are `chosen`; the others are only their inventory.
pub fn fix_where(
    judge: &Judge,
    units: Vec<Unit>,
    (limits, surroundings): (&Limits, &Surroundings),
    extent: Extent,
    chosen: impl Fn(&Unit) -> bool,
) -> Fixed {
    let open: BTreeSet<usize> = (0..units.len()).filter(|index| chosen(&units[*index])).collect();
    let mut fixer = Fixer::new(judge, (limits, surroundings), units.into_iter().map(Slot::new).collect());
    for stage in [Extent::Safe, Extent::Unsafe].into_iter().filter(|stage| *stage <= extent) {
        // Those that are not kept leave room for fixes that overlap with them. Where something else has changed they
        // may be good after all, and are tried again once nothing else is left.
        let (mut left_out, mut has_changed) = (BTreeSet::new(), false);
        fixer.begin();
        for _ in 0..MAX_PASSES {
            let candidates = fixer.candidates(stage, &open, &left_out);
            if !candidates.is_empty() {
                has_changed |= fixer.pass(candidates, &mut left_out);
            } else if std::mem::take(&mut has_changed) && !left_out.is_empty() {
                left_out.clear();
                fixer.begin();
            } else {
                break;
            }
        }
    }
    fixer.finish()
}

/// What one fix makes of its document's unit: the slots that take its place, none when it changes nothing.
///
/// # Errors
/// Says why the fix cannot be applied to the text.
pub fn fix_one(unit: &Unit, document: &DocumentVerdict, fix: &Fix, limits: &Limits) -> Result<Vec<Slot>, String> {
    let slot = Slot::new(unit.clone());
    match &fix.change {
        Change::Create(json) => Ok(vec![create(&slot, json)?, slot]),
        Change::Patch(operations) => {
            let changed = applied(unit, &document.base, operations, &mut Touched::default(), limits)?;
            Ok(changed.map(|unit| Slot { unit, original: slot.original }).into_iter().collect())
        }
    }
}

impl Slot {
    /// Whether both are the same document of one file: a fix that does not cure creates it once.
    fn is_copy_of(&self, other: &Self) -> bool {
        let (one, other_) = (&self.unit.sources[0], &other.unit.sources[0]);
        one.path == other_.path && one.text == other_.text
    }

    fn new(unit: Unit) -> Self {
        let source = &unit.sources[0];
        let original = source.offset..source.offset + source.text.len();
        Self { unit, original }
    }
}

/// The new texts of the files that changed, by path.
pub fn changed_files(slots: &[Slot], original: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut by_path: BTreeMap<&str, Vec<(Range<usize>, &str)>> = BTreeMap::new();
    // Other kinds of files are never edited, and a list of files has none of their texts.
    for slot in slots.iter().filter(|slot| !matches!(slot.unit.form, Form::Plain(_))) {
        // A file that a unit borrows from another is a part of that one.
        let own = slot.unit.sources.iter().enumerate().filter(|(index, _)| !slot.unit.is_borrowed(*index as u16));
        for (index, source) in own {
            // Only a unit of one source is a part of its file; the files of a module are whole.
            let whole = 0..usize::MAX;
            let range = if slot.unit.sources.len() == 1 && index == 0 { slot.original.clone() } else { whole };
            by_path.entry(&source.path).or_default().push((range, &source.text));
        }
    }
    let mut changed = BTreeMap::new();
    for (path, mut parts) in by_path {
        let Some(old) = original(path) else { continue };
        parts.sort_by_key(|(range, _)| (range.start, range.end));
        let mut new = String::with_capacity(old.len());
        let mut done = 0;
        for (range, text) in parts {
            new.push_str(old.get(done..range.start).unwrap_or_default());
            if range.is_empty() && !new.is_empty() && !new.ends_with('\n') {
                new.push('\n');
            }
            new.push_str(text);
            done = range.end.min(old.len());
        }
        new.push_str(&old[done..]);
        if new != old {
            changed.insert(path.to_owned(), new);
        }
    }
    changed
}
