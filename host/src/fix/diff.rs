//! What fixes change, as a diff for people: secrets are starred out and what is hidden is shown.

use super::{Slot, changed_files};
use crate::document::Source;
use crate::evaluate::Secrets;
use crate::parse::Unit;
use crate::visible::{visible, visible_lines};
use similar::{ChangeTag, DiffableStr as _, TextDiff};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// A diff of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// The diff, in unified form.
    pub text: String,
    /// Whether it is the change to the letter. One in which something is starred out or escaped is to be read, and
    /// cannot be applied.
    pub exact: bool,
}

/// A text before and after fixes, with its secrets and with stars in their place. All have the same lines.
struct Version<'t> {
    text: &'t str,
    masked: String,
}

/// The diffs of the files that changed, by path.
///
/// `before` and `known` are the units and secrets before the fixes, `after` the secrets of `slots`; `original` reads a
/// file as it is.
pub fn diffs(
    before: &[Unit],
    known: &Secrets,
    slots: &[Slot],
    after: &Secrets,
    original: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, FileDiff> {
    let changed = changed_files(slots, &original);
    let masked_slots: Vec<Slot> =
        slots.iter().enumerate().map(|(index, slot)| masked_slot(index, slot, after)).collect();
    let mut all = known.clone();
    all.add_values(after);
    let mut diffs = BTreeMap::new();
    for (path, new) in changed {
        let Some(old) = original(&path) else { continue };
        let masked_old = masked_file(&path, &old, before, known);
        let of_path = |name: &str| (name == path).then(|| masked_old.clone());
        // Where only the stars are the same, the masked texts are, too.
        let masked_new = changed_files(&masked_slots, of_path).remove(&path).unwrap_or_else(|| masked_old.clone());
        let old = Version { text: &old, masked: masked_old };
        let new = Version { text: &new, masked: masked_new };
        diffs.insert(path.clone(), diff(&path, &old, &new, &all));
    }
    diffs
}

fn masked_slot(index: usize, slot: &Slot, secrets: &Secrets) -> Slot {
    let masked = slot.unit.sources.iter().zip(0..).map(|(source, file)| Source {
        path: Arc::clone(&source.path),
        text: secrets.masked(index, file, source).into(),
        offset: source.offset,
        lines_before: source.lines_before,
    });
    Slot { unit: slot.unit.with_sources(masked), original: slot.original.clone() }
}

/// A file of which some units are parts, with their secrets starred out.
fn masked_file(path: &str, text: &str, units: &[Unit], secrets: &Secrets) -> String {
    let mut masked = text.to_owned();
    for (index, unit) in units.iter().enumerate() {
        for (file, source) in (0..).zip(unit.sources.iter()).filter(|(_, source)| *source.path == *path) {
            let range = source.offset..source.offset + source.text.len();
            // Somebody may have written the file since it was read.
            if text.get(range.clone()) == Some(&*source.text) {
                masked.replace_range(range, &secrets.masked(index, file, source));
            }
        }
    }
    masked
}

fn diff(path: &str, old: &Version<'_>, new: &Version<'_>, secrets: &Secrets) -> FileDiff {
    let changes = TextDiff::from_lines(old.text, new.text);
    let (old_lines, new_lines) = (old.masked.tokenize_lines(), new.masked.tokenize_lines());
    let mut exact = true;
    let mut out = String::new();
    let shown = path.trim_start_matches('/');
    let name = visible(shown);
    exact &= name == shown;
    // Writing to a String cannot fail, here and below.
    let _ = write!(out, "--- a/{name}\n+++ b/{name}\n");
    for hunk in changes.unified_diff().iter_hunks() {
        let _ = writeln!(out, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let (sign, lines, index) = match change.tag() {
                ChangeTag::Equal => (' ', &old_lines, change.old_index()),
                ChangeTag::Delete => ('-', &old_lines, change.old_index()),
                ChangeTag::Insert => ('+', &new_lines, change.new_index()),
            };
            // The lines of a text with stars are those of the text.
            let line = index.and_then(|index| lines.get(index)).copied().unwrap_or_default();
            let line = if change.tag() == ChangeTag::Insert { secrets.masked_values(line) } else { line.into() };
            let line = format!("{sign}{line}");
            let end = ["\r\n", "\n"].into_iter().find(|end| line.ends_with(end)).unwrap_or_default();
            let content = visible_lines(&line[..line.len() - end.len()]);
            exact &= content.get(1..).is_some_and(|content| change.value().strip_suffix(end) == Some(content));
            let _ = write!(out, "{content}{end}");
            if end.is_empty() {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    FileDiff { text: out, exact }
}
