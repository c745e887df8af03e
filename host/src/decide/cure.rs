//! Mutation: the safe fixes of an object under review, applied and checked again.
//!
//! Each pass applies the fixes that do not overlap and checks the result; where that has a finding or a
//! failure of a rule that had none, the fixes of the pass are tried one by one, and those that bring one
//! are left out. So a mutation never turns an object that is allowed into one that is denied.
//!
//! It touches only what whoever asks writes himself. An object with a controller is not touched at all, which is up
//! to the caller: what is changed there, its controller changes back, or makes anew. Of an object that is updated
//! only what the update itself changes is touched ([`is_changed`]): a value that it adds or removes, a scalar that
//! it sets to another, and what stands in these; never what merely stands beside them. So a label starts no rollout.
//! And of it only what the API server lets anybody change: the pod template, unless it is that of a Pod or a Job.

use super::places::is_changed;
use super::{Decider, Review, Verdicts};
use crate::document::{Document, Pointer, Source};
use crate::edit::{self, Operation};
use crate::evaluate::{Change, Outcome, RuleOutcome};
use crate::parse::{Limits, json};
use crate::workload::Shape;
use std::collections::BTreeSet;
use std::time::Instant;

/// More passes than the fixes of a bundle can need on one another's account.
const MAX_PASSES: usize = 8;

/// Kinds whose pod template the API server lets nobody change.
const FIXED_TEMPLATES: [&str; 2] = ["Pod", "Job"];

/// The most memory that a cure may take: of an object a hundred times as large as usual ones.
pub const MAX_CURE_BYTES: usize = 64 << 20;

/// How much more than the tree of an object is there while it is cured: two trees, three values whose members take up
/// to five times as much, and a text.
const CURE_TREES: usize = 16;

/// Bytes of memory that a cure of an object takes at the most.
pub fn cure_bytes(document: &Document) -> usize {
    document.root.heap_bytes().saturating_mul(CURE_TREES)
}

/// An object after its safe fixes.
pub struct Cure {
    /// What was applied, in order.
    pub operations: Vec<Operation>,
    /// The verdicts on the object with the operations applied.
    pub review: Review,
}

/// A document on its way, with the verdicts on it.
struct Stage {
    document: Document,
    value: serde_json::Value,
    verdicts: Verdicts,
}

impl Decider {
    /// Applies the safe fixes of what a review found, as far as they may be and the deadline permits. What a rule is
    /// only recorded for (`audit`) is not touched.
    pub fn cure(&self, document: &Document, review: Review, deadline: Instant) -> Cure {
        let template = match self.bundle().workloads.shape(document) {
            Shape::Workload { template } if !FIXED_TEMPLATES.contains(&&*document.subject.kind) => Some(template),
            _ => None,
        };
        let verdicts = review.verdicts.clone();
        let mut stage = Stage { document: document.clone(), value: document.root.to_value(), verdicts };
        let mut applied = Vec::new();
        let mut refused: BTreeSet<String> = BTreeSet::new();
        for _ in 0..MAX_PASSES {
            let fixes = fixes(&stage, &refused, |operation| is_open(&stage.document, template.as_ref(), operation));
            if fixes.is_empty() || Instant::now() >= deadline {
                break;
            }
            let together: Vec<Operation> = fixes.iter().flatten().cloned().collect();
            if let Some(next) = self.try_out(&stage, &together, deadline) {
                applied.extend(together);
                stage = next;
                continue;
            }
            for fix in fixes {
                match self.try_out(&stage, &fix, deadline) {
                    Some(next) => {
                        applied.extend(fix);
                        stage = next;
                    }
                    None => drop(refused.insert(edit::write_operations(&fix))),
                }
            }
        }
        if applied.is_empty() {
            return Cure { operations: applied, review };
        }
        let cured = self.review(&stage.document, deadline);
        // What was there before may not be found again in what was cured.
        if self.decide(&review).allowed && !self.decide(&cured).allowed {
            return Cure { operations: Vec::new(), review };
        }
        Cure { operations: applied, review: cured }
    }

    /// The document after some operations, unless they do not apply or something is worse for it.
    fn try_out(&self, stage: &Stage, operations: &[Operation], deadline: Instant) -> Option<Stage> {
        let mut value = stage.value.clone();
        for operation in operations {
            json_patch::patch(&mut value, &operation.to_patch().ok()?).ok()?;
        }
        let text = value.to_string();
        let root = json::parse(&text, &Limits::default()).ok()?;
        let sources = [Source::new("object", text)].into();
        let document = Document { root, sources, base: Pointer::root(), ..stage.document.clone() };
        let verdicts = self.judge(&document, deadline);
        let worse = !verdicts.unreached.is_empty() || is_worse(&stage.verdicts.outcomes, &verdicts.outcomes);
        (!worse).then_some(Stage { document, value, verdicts })
    }
}

/// Whether an operation touches only what may be: all of a new object, and of one that is updated what the update
/// changes of its `template`.
fn is_open(document: &Document, template: Option<&Pointer>, operation: &Operation) -> bool {
    if document.subject.operation != "UPDATE" {
        return true;
    }
    let (Some(template), Some(old)) = (template, &document.old) else { return false };
    let path = operation.path();
    path.tokens().starts_with(template.tokens()) && is_changed(old, &document.root, path)
}

/// The safe fixes that do not overlap.
fn fixes(stage: &Stage, refused: &BTreeSet<String>, allowed: impl Fn(&Operation) -> bool) -> Vec<Vec<Operation>> {
    let mut touched: Vec<Pointer> = Vec::new();
    let mut fixes = Vec::new();
    for finding in stage.verdicts.outcomes.iter().flat_map(|outcome| outcome.outcome.findings()) {
        let wanted = finding.stands() && finding.enforcement != crate::bundle::Enforcement::Audit;
        let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safe && wanted) else { continue };
        let Change::Patch(text) = &fix.change else { continue };
        let Ok(operations) = edit::parse_operations(text) else { continue };
        let paths: Vec<Pointer> = operations.iter().map(Operation::footprint).collect();
        let overlaps = paths.iter().any(|path| touched.iter().any(|other| path.overlaps(other)));
        if !overlaps && operations.iter().all(&allowed) && !refused.contains(&edit::write_operations(&operations)) {
            touched.extend(paths);
            fixes.push(operations);
        }
    }
    fixes
}

/// Whether a rule finds something, or fails, that did not before.
fn is_worse(before: &[RuleOutcome], after: &[RuleOutcome]) -> bool {
    let count = |outcomes: &[RuleOutcome], rule: u16| {
        let mut of_rule = outcomes.iter().filter(|outcome| outcome.rule == rule);
        of_rule.next().map_or((0, false), |outcome| {
            // Covered ones as well: what is cured may have covered them.
            let standing = outcome.outcome.findings().iter().filter(|finding| finding.exempt.is_none()).count();
            (standing, matches!(outcome.outcome, Outcome::Error(_)))
        })
    };
    after.iter().any(|outcome| {
        let (now, then) = (count(after, outcome.rule), count(before, outcome.rule));
        now.0 > then.0 || (now.1 && !then.1)
    })
}
