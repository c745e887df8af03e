//! What a fix does to the text, for those who apply it themselves: editors, and whoever reads SARIF.

use super::{apply, create_text};
use crate::evaluate::{Change, DocumentVerdict, Fix};
use crate::parse::{Limits, Unit};
use similar::{DiffTag, TextDiff};
use std::ops::Range;

/// A part of a source's text, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Index of the source in the unit.
    pub file: u16,
    /// Byte range in the source's text; empty where text is only added.
    pub range: Range<usize>,
    /// The new text.
    pub text: String,
}

/// The replacements of one fix, each as small as it can be, in the order of the text.
///
/// # Errors
/// Says why the fix cannot be applied.
pub fn replacements(
    unit: &Unit,
    document: &DocumentVerdict,
    fix: &Fix,
    limits: &Limits,
) -> Result<Vec<Replacement>, String> {
    match &fix.change {
        Change::Create(json) => {
            let old = &unit.sources[0].text;
            let line_break = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
            let text = format!("{line_break}{}", create_text(unit, json)?);
            Ok(vec![Replacement { file: 0, range: old.len()..old.len(), text }])
        }
        Change::Patch(operations) => {
            let Some(fixed) = apply(unit, document, operations, &mut Vec::new(), limits)? else {
                return Ok(Vec::new());
            };
            let texts = unit.sources.iter().zip(fixed.sources.iter()).enumerate();
            Ok(texts.flat_map(|(file, (old, new))| differences(file as u16, &old.text, &new.text)).collect())
        }
    }
}

fn differences(file: u16, old: &str, new: &str) -> Vec<Replacement> {
    if old == new {
        return Vec::new();
    }
    let diff = TextDiff::from_lines(old, new);
    // Where each line starts, and the end.
    let starts = |text: &str| -> Vec<usize> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let mut starts: Vec<usize> = std::iter::once(0).chain(breaks).collect();
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        starts
    };
    let (old_starts, new_starts) = (starts(old), starts(new));
    let at = |starts: &[usize], line: usize, end: usize| starts.get(line).copied().unwrap_or(end);
    diff.ops()
        .iter()
        .filter(|operation| operation.tag() != DiffTag::Equal)
        .map(|operation| {
            let (from, to) = (operation.old_range(), operation.new_range());
            let from = at(&old_starts, from.start, old.len())..at(&old_starts, from.end, old.len());
            let to = at(&new_starts, to.start, new.len())..at(&new_starts, to.end, new.len());
            smallest(file, old, from, &new[to])
        })
        .collect()
}

/// Without what both begin and end with.
fn smallest(file: u16, old: &str, range: Range<usize>, new: &str) -> Replacement {
    let before = &old[range.clone()];
    let same = |one: &mut dyn Iterator<Item = char>, other: &mut dyn Iterator<Item = char>| -> usize {
        one.zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
    };
    let head = same(&mut before.chars(), &mut new.chars());
    let tail = same(&mut before[head..].chars().rev(), &mut new[head..].chars().rev());
    Replacement { file, range: range.start + head..range.end - tail, text: new[head..new.len() - tail].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn replacements_make_the_new_text(old in "([ab€]{0,3}\n?){0,6}", new in "([ab€]{0,3}\n?){0,6}") {
            let mut text = old.clone();
            for replacement in differences(0, &old, &new).into_iter().rev() {
                text.replace_range(replacement.range, &replacement.text);
            }
            prop_assert_eq!(text, new);
        }
    }
}
