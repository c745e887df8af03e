//! Applying fixes to text, and judging the result again.
//!
//! Fixes of one document may touch the same value, so each pass applies those that do not overlap
//! and judges again, until nothing is left to fix. A pass that would add a finding is taken back.

mod diff;
mod replacement;

pub use diff::{FileDiff, diffs};
pub use replacement::{Replacement, Replacements, differences};

use crate::document::{Format, Node, Pointer};
use crate::edit::{self, Operation};
use crate::evaluate::{Change, DocumentVerdict, Fix, Judge, RunOptions, RunResult, Secrets, run};
use crate::parse::{Form, Limits, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// More passes than the rules of a bundle can need on one another's account.
const MAX_PASSES: usize = 16;

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
    /// Fixes that could not be applied, and why.
    pub refused: Vec<String>,
    /// The secrets of the units as they were, and the values of all that were found on the way.
    pub secrets: Secrets,
}

/// Applies fixes until none is left.
pub fn fix(judge: &Judge, units: Vec<Unit>, limits: &Limits, extent: Extent) -> Fixed {
    fix_where(judge, units, limits, extent, |_| true)
}

/// Applies fixes to the units that are `chosen`; the others are only their inventory.
pub fn fix_where(
    judge: &Judge,
    units: Vec<Unit>,
    limits: &Limits,
    extent: Extent,
    chosen: impl Fn(&Unit) -> bool,
) -> Fixed {
    let judged = |slots: &[Slot]| {
        let units: Vec<Unit> = slots.iter().map(|slot| slot.unit.clone()).collect();
        run(judge, &units, RunOptions { limits: limits.clone(), memo: None })
    };
    let mut slots: Vec<Slot> = units.into_iter().map(Slot::new).collect();
    let found = |slots: &[Slot], result: &RunResult| {
        let units: Vec<Unit> = slots.iter().map(|slot| slot.unit.clone()).collect();
        Secrets::of(&units, result)
    };
    let mut result = judged(&slots);
    let mut secrets = found(&slots, &result);
    let mut applied = 0;
    let mut refused = BTreeSet::new();
    let mut stuck: BTreeSet<usize> = (0..slots.len()).filter(|index| !chosen(&slots[*index].unit)).collect();
    for _ in 0..MAX_PASSES {
        let changes = plan(judge, &slots, &result, extent, limits, &stuck, &mut refused);
        if changes.is_empty() {
            break;
        }
        let mut candidate = slots.clone();
        for (index, change) in &changes {
            candidate[*index].unit = change.unit.clone();
        }
        let after = judged(&candidate);
        // A fix that brings a new finding is worse than none: its unit stays as it was.
        let worse: BTreeSet<usize> =
            changes.keys().copied().filter(|index| got_worse(*index, &result, &after)).collect();
        let mut created = Vec::new();
        for (index, change) in changes {
            if worse.contains(&index) {
                stuck.insert(index);
                let path = &slots[index].unit.sources[0].path;
                refused.insert(format!("{path}: a fix would have caused another finding"));
            } else {
                slots[index].unit = change.unit;
                applied += change.fixes;
                created.extend(change.created);
            }
        }
        let grown = !created.is_empty();
        slots.extend(created);
        result = if worse.is_empty() && !grown { after } else { judged(&slots) };
        secrets.add_values(&found(&slots, &result));
    }
    Fixed { slots, result, applied, refused: refused.into_iter().collect(), secrets }
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
            let changed = apply(unit, document, operations, &mut Vec::new(), limits)?;
            Ok(changed.map(|unit| Slot { unit, original: slot.original }).into_iter().collect())
        }
    }
}

impl Slot {
    /// Whether both are the same new document of one file: a fix that does not cure creates it once.
    fn is_copy_of(&self, other: &Self) -> bool {
        let (one, other_) = (&self.unit.sources[0], &other.unit.sources[0]);
        self.original.is_empty() && one.path == other_.path && one.text == other_.text
    }

    fn new(unit: Unit) -> Self {
        let source = &unit.sources[0];
        let original = source.offset..source.offset + source.text.len();
        Self { unit, original }
    }
}

struct UnitChange {
    unit: Unit,
    created: Vec<Slot>,
    fixes: usize,
}

fn plan(
    judge: &Judge,
    slots: &[Slot],
    result: &RunResult,
    extent: Extent,
    limits: &Limits,
    stuck: &BTreeSet<usize>,
    refused: &mut BTreeSet<String>,
) -> BTreeMap<usize, UnitChange> {
    let mut by_unit: BTreeMap<usize, Vec<&DocumentVerdict>> = BTreeMap::new();
    for (unit, document) in &result.documents {
        by_unit.entry(*unit).or_default().push(document);
    }
    let mut changes = BTreeMap::new();
    for (index, documents) in by_unit.into_iter().filter(|(index, _)| !stuck.contains(index)) {
        let mut unit = slots[index].unit.clone();
        let mut created = Vec::new();
        let mut fixes = 0;
        let mut touched: Vec<Pointer> = Vec::new();
        for document in documents {
            for (rule, finding) in document.findings() {
                let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safe || extent == Extent::Unsafe) else {
                    continue;
                };
                let change = match &fix.change {
                    Change::Create(json) => create(&slots[index], json).map(|slot| {
                        let is_new = !slots.iter().chain(&created).any(|known| known.is_copy_of(&slot));
                        created.extend(is_new.then_some(slot));
                        is_new
                    }),
                    Change::Patch(operations) => {
                        apply(&unit, document, operations, &mut touched, limits).map(|changed| {
                            let changed = changed.map(|changed| unit = changed);
                            changed.is_some()
                        })
                    }
                };
                match change {
                    Ok(done) => fixes += usize::from(done),
                    Err(why) => {
                        let rule = judge.bundle().rules[usize::from(rule)].id();
                        let position = finding.place.position(&unit.sources);
                        let path = &unit.sources[0].path;
                        let (line, column) = (position.line, position.column);
                        refused.insert(format!("{path}:{line}:{column}: {rule}: not fixed: {why}"));
                    }
                }
            }
        }
        if fixes > 0 {
            changes.insert(index, UnitChange { unit, created, fixes });
        }
    }
    changes
}

/// Applies a patch to a unit; `None` when it overlaps with one of this pass and has to wait.
fn apply(
    unit: &Unit,
    document: &DocumentVerdict,
    operations: &str,
    touched: &mut Vec<Pointer>,
    limits: &Limits,
) -> Result<Option<Unit>, String> {
    let operations = absolute(document, operations)?;
    let paths: Vec<Pointer> = operations.iter().map(Operation::footprint).collect();
    if paths.iter().any(|path| touched.iter().any(|other| path.overlaps(other))) {
        return Ok(None);
    }
    let text = edited(unit, &operations, limits)?;
    touched.extend(paths);
    Ok(Some(with_text(unit, text)))
}

/// The operations of a fix, as paths in the unit.
fn absolute(document: &DocumentVerdict, operations: &str) -> Result<Vec<Operation>, String> {
    let base = Pointer::parse(&document.base).map_err(|error| error.to_string())?;
    let operations = edit::parse_operations(operations).map_err(|error| error.to_string())?;
    Ok(operations.into_iter().map(|operation| operation.below(&base)).collect())
}

/// The texts that operations make of a unit's.
fn edited(unit: &Unit, operations: &[Operation], limits: &Limits) -> Result<Vec<String>, String> {
    match unit.form {
        Form::Yaml(_) | Form::Json => Ok(vec![edit_structured(unit, &parse_root(unit, limits)?, operations, limits)?]),
        Form::Dockerfile | Form::Terraform | Form::TerraformVariables => edit_verbatim(unit, operations, limits),
        Form::Plain(_) => Err("no fix can be applied to this kind of file".to_owned()),
    }
}

fn parse_root(unit: &Unit, limits: &Limits) -> Result<Node, String> {
    parse_whole(unit, &unit.sources[0].text, limits).map_err(|error| error.to_string())
}

/// `root` is what the unit's text was parsed to.
fn edit_structured(unit: &Unit, root: &Node, operations: &[Operation], limits: &Limits) -> Result<String, String> {
    let format = if unit.form == Form::Json { Format::Json } else { Format::Yaml };
    let parse = |text: &str| parse_whole(unit, text, limits);
    edit::apply(&unit.sources[0].text, root, operations, format, parse).map_err(|error| error.to_string())
}

fn parse_whole(unit: &Unit, text: &str, limits: &Limits) -> Result<Node, crate::parse::SyntaxError> {
    let (root, _) = unit.root(text, limits)?;
    root.ok_or_else(|| crate::parse::SyntaxError::new(0, "the document is empty"))
}

/// In a file that is neither YAML nor JSON only a string that stands verbatim in the text can be replaced.
fn edit_verbatim(unit: &Unit, operations: &[Operation], limits: &Limits) -> Result<Vec<String>, String> {
    let documents = unit.parse(limits).map_err(|error| error.to_string())?;
    let document = documents.first().ok_or("the file holds no document")?;
    let mut texts: Vec<String> = unit.sources.iter().map(|source| source.text.to_string()).collect();
    let mut edits = Vec::new();
    for operation in operations {
        let Operation::Replace { path, value: serde_json::Value::String(new) } = operation else {
            return Err("only text can be replaced in this kind of file".to_owned());
        };
        let node = document.at(path).ok_or_else(|| format!("there is no `{path}`"))?;
        let file = usize::from(node.span.file);
        if unit.is_borrowed(node.span.file) {
            return Err(format!("`{path}` stands in another module"));
        }
        let old = texts.get(file).and_then(|text| text.get(node.span.range()));
        if old.is_none() || old != node.as_str() {
            return Err(format!("`{path}` does not stand verbatim in the file"));
        }
        edits.push((file, node.span.range(), new.clone()));
    }
    edits.sort_by_key(|(file, range, _)| (*file, std::cmp::Reverse(range.start)));
    for (file, range, new) in edits {
        texts[file].replace_range(range, &new);
    }
    with_text(unit, texts.clone()).parse(limits).map_err(|error| format!("the result does not parse: {error}"))?;
    Ok(texts)
}

/// A document to stand behind a unit in its YAML file.
fn create(slot: &Slot, json: &str) -> Result<Slot, String> {
    if slot.original.is_empty() {
        // Otherwise each could bring the next.
        return Err("a document that a fix created gets no further ones".to_owned());
    }
    let text = create_text(&slot.unit, json)?;
    let end = slot.original.end;
    let source = &slot.unit.sources[0];
    let new = crate::document::Source {
        path: std::sync::Arc::clone(&source.path),
        lines_before: source.lines_before + source.text.lines().count(),
        offset: end,
        text: text.into(),
    };
    Ok(Slot { unit: Unit::new(Form::Yaml(crate::parse::Scalars::Kubernetes), new), original: end..end })
}

fn create_text(unit: &Unit, json: &str) -> Result<String, String> {
    let Form::Yaml(_) = unit.form else {
        return Err("a document can only be added to a YAML file".to_owned());
    };
    let value: serde_json::Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok(format!("---\n{}", edit::write_yaml(&value)))
}

fn with_text(unit: &Unit, texts: Vec<String>) -> Unit {
    let sources = unit.sources.iter().zip(texts).map(|(source, text)| crate::document::Source {
        path: std::sync::Arc::clone(&source.path),
        text: text.into(),
        offset: source.offset,
        lines_before: source.lines_before,
    });
    unit.with_sources(sources)
}

/// Whether a unit has a finding, or a failure, that it did not have.
fn got_worse(unit: usize, before: &RunResult, after: &RunResult) -> bool {
    if after.errors.iter().any(|error| error.unit == unit) {
        return true;
    }
    // What was covered was there before, and is told once what covered it is cured.
    let marks = |result: &RunResult| -> BTreeSet<(u16, String, String)> {
        let documents = result.documents.iter().filter(|(index, _)| *index == unit);
        documents
            .flat_map(|(_, document)| document.all_findings())
            .filter(|(_, finding)| finding.exempt.is_none())
            .map(|(rule, finding)| (rule, finding.code.clone(), finding.path.clone()))
            .collect()
    };
    let failures = |result: &RunResult| -> usize {
        result.documents.iter().filter(|(index, _)| *index == unit).map(|(_, document)| document.errors().count()).sum()
    };
    let before_rules: BTreeSet<u16> = marks(before).into_iter().map(|(rule, ..)| rule).collect();
    // A rule that had findings may have others now that the document changed; a rule that had none may not.
    marks(after).iter().any(|(rule, ..)| !before_rules.contains(rule)) || failures(after) > failures(before)
}

/// The new texts of the files that changed, by path.
pub fn changed_files(slots: &[Slot], original: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut by_path: BTreeMap<&str, Vec<(Range<usize>, &str)>> = BTreeMap::new();
    for slot in slots {
        for (index, source) in slot.unit.sources.iter().enumerate() {
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
