//! Objects that kustomizations build: checked as each of them builds it, and told once, where they are written.

use super::absence;
use super::doubt;
use super::inventory::{Card, Divided, Placed};
use super::judge::{Ask, Judge};
use super::verdict::{Finding, Outcome, RuleOutcome};
use crate::document::{Document, Entry, Node, Value};
use crate::sets::{Built, Kustomizations, Reading, Sets, Whose};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// The builds of a run, with what they make.
pub(super) struct Building<'b> {
    pub(super) sets: &'b Sets,
    pub(super) built: Built,
}

/// What a rule says of an object as one kustomization builds it.
struct Said {
    outcome: Outcome,
    /// The kinds of finding that cannot be told: what they miss may be in what is not known.
    untold: Vec<String>,
    directory: String,
}

impl<'b> Building<'b> {
    /// Makes the objects of all builds over some units; `reading` gives what a unit holds that is built, `files` what a
    /// file holds that has patches.
    pub(super) fn new<'r>(
        (judge, units): (&Judge, usize),
        sets: &'b Sets,
        kustomizations: &Kustomizations,
        reading: &dyn Fn(usize) -> Option<&'r Reading>,
        files: &dyn Fn(&str) -> Vec<&'r Document>,
    ) -> Self {
        let builds = sets.builds();
        let is_built = |unit: &usize| !builds.variants(*unit).is_empty();
        let built = (0..units).filter(is_built).filter_map(|unit| Some((unit, reading(unit)?)));
        // Definitions of custom resources are large, and each build would have a copy.
        let headings: HashMap<(usize, u32), Document> = built
            .flat_map(|(unit, reading)| reading.found().map(move |(position, document)| ((unit, position), document)))
            .filter(|(_, document)| !document.is_file() && !judge.looks_at_built(document))
            .map(|(at, document)| (at, heading(document)))
            .collect();
        let found = |unit: usize| {
            let found = reading(unit).map(|reading| reading.found().collect()).unwrap_or_default();
            let found: Vec<(u32, &Document)> = found;
            found.into_iter().map(|(at, document)| (at, headings.get(&(unit, at)).unwrap_or(document))).collect()
        };
        Self { sets, built: builds.make(kustomizations, &found, &|path| files(path)) }
    }

    /// What the objects of some units contribute to the inventory, as they are built.
    pub(super) fn cards(&self, judge: &Judge, units: usize) -> Vec<Placed> {
        let of_unit = |unit: usize| {
            let variants = 0..self.sets.builds().variants(unit).len();
            let of_variant = move |variant: usize| {
                let objects = self.built.objects(unit, variant).iter();
                objects.flat_map(move |(position, object)| {
                    let unknown = self.built.unknown(unit, variant, *position);
                    let cards = doubt::of_cards(judge, object, unknown).into_iter();
                    cards.map(move |(card, doubt)| {
                        let card = Card { document: *position, ..card };
                        Placed { unit, variant: Some(variant), card, doubt }
                    })
                })
            };
            variants.flat_map(of_variant).collect::<Vec<_>>()
        };
        (0..units).into_par_iter().flat_map_iter(of_unit).collect()
    }

    /// Asks rules about an object of a unit, as each of its variants builds it.
    pub(super) fn judge(
        &self,
        judge: &Judge,
        (unit, position, written): (usize, u32, &Document),
        rules: &[u16],
        inventory: &Divided<'_>,
    ) -> Vec<RuleOutcome> {
        if rules.is_empty() {
            return Vec::new();
        }
        let mut said: Vec<Vec<Said>> = rules.iter().map(|_| Vec::new()).collect();
        for (at, variant) in self.sets.builds().variants(unit).iter().enumerate() {
            let objects = self.built.objects(unit, at);
            let Some((_, object)) = objects.iter().find(|(known, _)| *known == position) else { continue };
            let whose = Whose::Built(unit, at);
            let view = inventory.view(whose);
            let asking = judge.asking(object, &view);
            let asks: Vec<Ask<'_>> =
                rules.iter().map(|rule| Ask { rule: *rule, told: judge.related(*rule, &asking) }).collect();
            let mut outcomes = doubt::judge(judge, &judge.prepare_built(written, object), &asks);
            let unknown = self.built.unknown(unit, at, position);
            doubt::settle_built(judge, (written, object), unknown, (&asks, &view), &mut outcomes);
            if object.root != written.root {
                take_fixes(judge, written, &asks, &mut outcomes);
            }
            let directory = self.sets.builds().directory(variant.build);
            for (said, RuleOutcome { rule, outcome }) in said.iter_mut().zip(outcomes) {
                said.push(Said {
                    outcome,
                    untold: absence::untold(judge, self.sets, rule, (whose, &written.subject)),
                    directory: if directory.is_empty() { ".".to_owned() } else { directory.to_owned() },
                });
            }
        }
        rules.iter().zip(said).map(|(rule, said)| RuleOutcome { rule: *rule, outcome: merge(said) }).collect()
    }
}

/// What names of an object go by, and no more of it: what a build has of those that no rule looks at.
fn heading(document: &Document) -> Document {
    let Document { subject, format, sources, base, root, subresource, .. } = document;
    let is_heading = |entry: &&Entry| matches!(&*entry.key, "apiVersion" | "kind" | "metadata");
    let value = match &root.value {
        Value::Object(entries) => Value::Object(entries.iter().filter(is_heading).cloned().collect()),
        other => other.clone(),
    };
    Document {
        base: base.clone(),
        subresource: subresource.clone(),
        ..Document::new(subject.clone(), *format, Arc::clone(sources), Node { value, ..*root })
    }
}

/// Puts the fixes of the object as it is written in the place of those of what is built: a value that is made when it
/// is built has no place in a file.
fn take_fixes(judge: &Judge, written: &Document, asks: &[Ask<'_>], outcomes: &mut [RuleOutcome]) {
    let has_fix = |outcome: &RuleOutcome| outcome.outcome.findings().iter().any(|finding| finding.fix.is_some());
    let again: Vec<Ask<'_>> = asks
        .iter()
        .zip(&*outcomes)
        .filter(|(_, outcome)| has_fix(outcome))
        .map(|(ask, _)| Ask { rule: ask.rule, told: ask.told.clone() })
        .collect();
    if again.is_empty() {
        return;
    }
    let as_written = judge.judge(&judge.prepare(written), &again);
    for outcome in outcomes.iter_mut().filter(|outcome| has_fix(outcome)) {
        let same_rule = as_written.iter().find(|known| known.rule == outcome.rule);
        let known = same_rule.map_or(&[][..], |known| known.outcome.findings());
        for finding in outcome.outcome.findings_mut() {
            finding.fix = known.iter().find(|known| is_same(known, finding)).and_then(|known| known.fix.clone());
        }
    }
}

/// Whether two findings say the same of the same part of an object.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.code == other.code && one.path == other.path
}

/// What is told of an object that is built in several ways: what any build has.
fn merge(mut said: Vec<Said>) -> Outcome {
    if said.len() <= 1 {
        let none = || Outcome::NotEvaluated("no kustomization builds it".to_owned());
        return said.pop().map_or_else(none, |only| only.outcome);
    }
    let decided = decided(&said);
    said.retain_mut(|one| {
        let Said { outcome: Outcome::Fail(findings), untold, .. } = one else { return true };
        findings.retain(|finding| !(untold.contains(&finding.code) && decided.contains(&finding.code)));
        !findings.is_empty()
    });
    let has = |one: &Said, finding: &Finding| one.outcome.findings().iter().any(|known| is_same(known, finding));
    let mut told: Vec<Finding> = Vec::new();
    for one in &said {
        for finding in one.outcome.findings() {
            let everywhere = said.iter().all(|other| has(other, finding));
            if told.iter().any(|known| is_same(known, finding)) {
                continue;
            }
            let mut finding = finding.clone();
            if !everywhere {
                finding.message.push_str(&format!(" (as the kustomization in `{}` builds it)", one.directory));
            }
            told.push(finding);
        }
    }
    if !told.is_empty() {
        return Outcome::Fail(told);
    }
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Error(_) => 0,
        Outcome::NotEvaluated(_) => 1,
        Outcome::Pass | Outcome::Fail(_) => 2,
        Outcome::NotApplicable(_) => 3,
    };
    match said.into_iter().map(|one| one.outcome).min_by_key(rank) {
        Some(Outcome::Fail(_)) | None => Outcome::Pass,
        Some(outcome) => outcome,
    }
}

/// The kinds of finding that cannot be told by some build, and can by another.
fn decided(said: &[Said]) -> Vec<String> {
    let untold = said.iter().flat_map(|one| &one.untold);
    untold.filter(|code| said.iter().any(|other| !other.untold.contains(code))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(outcome: Outcome, is_complete: bool, directory: &str) -> Said {
        let untold = if is_complete { Vec::new() } else { vec!["missing".to_owned()] };
        Said { outcome, untold, directory: directory.to_owned() }
    }

    fn fail(codes: &[&str]) -> Outcome {
        Outcome::Fail(codes.iter().map(|code| Finding::sample(code, "/spec", code)).collect())
    }

    fn told(said: Vec<Said>) -> String {
        match merge(said) {
            Outcome::Fail(findings) => {
                findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_all_builds_have_is_told_once() {
        assert_eq!(told(vec![said(fail(&["a"]), true, "x"), said(fail(&["a"]), true, "y")]), "a");
    }

    #[test]
    fn what_one_build_has_counts() {
        let known = vec![said(Outcome::Pass, true, "x"), said(fail(&["a"]), true, "y")];
        assert_eq!(told(known), "a (as the kustomization in `y` builds it)");
        let both = vec![said(fail(&["a", "b"]), true, "x"), said(fail(&["b"]), true, "y")];
        assert_eq!(told(both), "a (as the kustomization in `x` builds it), b");
    }

    #[test]
    fn absence_is_told_by_builds_that_are_complete() {
        let one = || said(fail(&["missing"]), false, "x");
        assert_eq!(told(vec![one(), said(Outcome::Pass, true, "y")]), "Pass");
        assert_eq!(told(vec![one(), said(fail(&["missing"]), true, "y")]), "missing");
        assert_eq!(told(vec![one(), one()]), "missing", "settled later");
        let two = said(fail(&["missing", "other"]), false, "x");
        let other = "other (as the kustomization in `x` builds it)";
        assert_eq!(told(vec![two, said(Outcome::Pass, true, "y")]), other);
    }

    #[test]
    fn what_is_not_decided_in_one_build_is_no_pass() {
        let open = said(Outcome::NotEvaluated("x".to_owned()), true, "x");
        assert!(told(vec![said(Outcome::Pass, true, "y"), open]).starts_with("NotEvaluated"));
        let none = said(Outcome::NotApplicable("x".to_owned()), true, "x");
        assert_eq!(told(vec![none, said(Outcome::Pass, true, "y")]), "Pass");
    }
}
