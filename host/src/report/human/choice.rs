//! Which findings people are shown.

use super::{MAX_LINES, SCREEN};
use crate::report::order::fair;
use crate::report::row::Row;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Lines beside the frame of a finding: the one behind it; for the first of a rule why it matters and how to fix it; for the
/// first of a file its heading and the line behind that.
const BEHIND: usize = 1;
const ADVICE: usize = 2;
const HEADING: usize = 2;

/// The findings that are shown, by index: the worst first and something of every rule, a screenful of each.
pub(super) struct Choice {
    /// Whether each finding is shown.
    shown: Vec<bool>,
}

impl Choice {
    /// Chooses among findings; `lines` counts the lines of one.
    pub(super) fn of(rows: &[Row<'_>], all: bool, lines: impl Fn(&Row<'_>) -> usize) -> Self {
        if all {
            return Self { shown: vec![true; rows.len()] };
        }
        let mut shown = vec![false; rows.len()];
        let mut of_rule: HashMap<&str, usize> = HashMap::new();
        let mut full: HashSet<&str> = HashSet::new();
        let mut files: HashSet<&str> = HashSet::new();
        let mut total = 0;
        for index in fair(rows.iter().map(Row::entry)) {
            let row = &rows[index];
            let rule = row.rule.id();
            if full.contains(rule) {
                continue;
            }
            let used = of_rule.entry(rule).or_default();
            let needed = lines(row) + BEHIND + if *used == 0 { ADVICE } else { 0 };
            if *used > 0 && *used + needed > SCREEN {
                full.insert(rule);
                continue;
            }
            let heading = if files.contains(row.file) { 0 } else { HEADING };
            if total > 0 && total + needed + heading > MAX_LINES {
                break;
            }
            *used += needed;
            total += needed + heading;
            files.insert(row.file);
            shown[index] = true;
        }
        Self { shown }
    }

    /// Whether a finding is shown.
    pub(super) fn shows(&self, index: usize) -> bool {
        self.shown[index]
    }

    /// How many are not.
    pub(super) fn hidden(&self) -> usize {
        self.shown.iter().filter(|shown| !**shown).count()
    }

    /// Of how many rules these are.
    pub(super) fn rules(&self, rows: &[Row<'_>]) -> usize {
        let hidden = rows.iter().zip(&self.shown).filter(|(_, shown)| !**shown);
        hidden.map(|(row, _)| row.rule.id()).collect::<BTreeSet<_>>().len()
    }
}
