//! An update beside the object that it changes: which of its findings are new.
//!
//! A bundle that comes to a cluster finds objects there that it would not let in, and they have to stay usable. So
//! on UPDATE only what is new denies:
//!
//! - A rule that reads of the object, and is told of others, what it read and was told before says nothing new,
//!   whatever it says; that holds for a failure too. Of a Pod nothing is said then, as by Pod Security admission.
//! - A finding is not new when the old object has one by the same rule, with the same code, at the same
//!   [place](super::places), that says at least as much. A rule that lists names in one finding says less when one
//!   of them is gone, and `replicas` in a message may be another number.
//!
//! The old object is checked by the same rules with the same parameters before the same other objects, and only when
//! the new one would be denied. A finding that an exemption lifted before, and lifts no more, is new.
//!
//! A bundle can want otherwise (`onUpdate: all`), but not of an object that is being deleted: who may not take its
//! finalizer away could never delete it.

use super::places::{Places, Step};
use super::{Decider, FailureMode, NotEvaluatedMode, Verdicts};
use crate::bundle::{Enforcement, Exemption, OnUpdate};
use crate::document::{Document, Node, Pointer, Subject, Value};
use crate::evaluate::{Ask, Finding, Outcome, RuleOutcome, Unavailable, annotations};
use crate::project::Projection;
use crate::workload::controller;
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// Verdicts on an object under review with what of them an update did not bring about.
#[derive(Clone)]
pub struct Review {
    /// The verdicts.
    pub verdicts: Verdicts,
    pub(super) inherited: Inherited,
}

/// What is not new about some verdicts.
#[derive(Debug, Clone, Default)]
pub(super) struct Inherited {
    /// Rules of which nothing is told.
    pub(super) passed_over: BTreeSet<u16>,
    /// Rules of which nothing is new.
    rules: BTreeSet<u16>,
    /// Findings, by rule and position among its findings.
    findings: BTreeSet<(u16, usize)>,
}

impl Inherited {
    pub(super) fn has_rule(&self, rule: u16) -> bool {
        self.rules.contains(&rule)
    }

    pub(super) fn has_finding(&self, rule: u16, index: usize) -> bool {
        self.has_rule(rule) || self.findings.contains(&(rule, index))
    }
}

/// A finding as it can be found again.
type Identity<'f> = (u16, &'f str, Vec<Step>);

impl Decider {
    /// Checks an object under review and, where an update would be denied, the object that it changes.
    pub fn review(&self, document: &Document, deadline: Instant) -> Review {
        let verdicts = self.judge(document, deadline);
        let inherited = self.inherited(document, &verdicts, |old| Some(self.judge(old, deadline)));
        Review { verdicts, inherited: inherited.unwrap_or_default() }
    }

    /// What memory has of a review; nothing is evaluated.
    pub fn recall(&self, document: &Document) -> Option<Review> {
        let verdicts = self.remembered(document)?;
        let inherited = self.inherited(document, &verdicts, |old| self.remembered(old))?;
        Some(Review { verdicts, inherited })
    }

    /// `None` when the old object would have to be checked and `judge` cannot.
    fn inherited(
        &self,
        document: &Document,
        verdicts: &Verdicts,
        judge: impl Fn(&Document) -> Option<Verdicts>,
    ) -> Option<Inherited> {
        let mut inherited = Inherited::default();
        let Some(old) = self.before(document) else { return Some(inherited) };
        if self.bundle().on_update == OnUpdate::All && !is_leaving(&old.root) {
            return Some(inherited);
        }
        let is_pod = (&*document.subject.group, &*document.subject.kind) == ("", "Pod");
        let speaks = |outcome: &&RuleOutcome| if is_pod { says_something(outcome) } else { self.may_deny(outcome) };
        let speaking = verdicts.outcomes.iter().filter(speaks).map(|outcome| outcome.rule);
        let speaking: Vec<u16> = speaking.chain(verdicts.unreached.iter().copied()).collect();
        if speaking.is_empty() {
            return Some(inherited);
        }
        let unchanged = self.unchanged(&speaking, document, &old);
        if is_pod {
            inherited.passed_over.clone_from(&unchanged);
        }
        inherited.rules = unchanged;
        let outcomes = verdicts.outcomes.iter().filter(|outcome| !inherited.rules.contains(&outcome.rule));
        let denying: Vec<(u16, usize, &Finding)> = outcomes.flat_map(denying).collect();
        if !denying.is_empty() {
            inherited.findings = self.known(document, &denying, &old, judge)?;
        }
        Some(inherited)
    }

    /// The object that an update changes, as a document to be checked.
    pub(super) fn before(&self, document: &Document) -> Option<Document> {
        let old = document.old.as_ref().filter(|_| document.subject.operation == "UPDATE")?;
        let Subject { group, version, kind, .. } = Subject::of_object(old);
        let subject = &document.subject;
        if (&group, &version, &kind) != (&subject.group, &subject.version, &subject.kind) {
            return None;
        }
        let mut root = old.clone();
        if controller(&document.root).is_none() {
            // It is checked itself now, and is compared with what it was itself.
            forget_owners(&mut root);
        }
        Some(Document {
            root,
            old: self.reads_old.then(|| old.clone()),
            subject: subject.clone(),
            format: document.format,
            sources: document.sources.clone(),
            base: document.base.clone(),
            subresource: document.subresource.clone(),
            user: document.user.clone(),
            derived: document.derived.clone(),
            images: document.images.clone(),
        })
    }

    fn may_deny(&self, outcome: &RuleOutcome) -> bool {
        let modes = self.modes();
        match &outcome.outcome {
            Outcome::Pass | Outcome::NotApplicable(_) => false,
            Outcome::Fail(_) => denying(outcome).next().is_some(),
            Outcome::NotEvaluated(_) => modes.not_evaluated == NotEvaluatedMode::Deny,
            Outcome::Error(_) => modes.failure == FailureMode::Closed,
        }
    }

    /// The rules that read of a document, and are told of others, what they read and were told before.
    fn unchanged(&self, rules: &[u16], document: &Document, old: &Document) -> BTreeSet<u16> {
        let shape = self.bundle().workloads.shape(document);
        let is_same = |reads: &Projection| reads.apply(document, &shape) == reads.apply(old, &shape);
        let exempted_alike =
            self.bundle().exemptions.is_empty() || is_same(&Projection::new(&Exemption::reads().collect::<Vec<_>>()));
        if !exempted_alike || (self.bundle().annotations && !annotated_alike(document, old)) {
            return BTreeSet::new();
        }
        let (told, told_before) = (self.asks(rules.iter().copied(), document), self.asks(rules.iter().copied(), old));
        let mut reads_same: HashMap<*const Projection, bool> = HashMap::new();
        let same = told.iter().zip(&told_before).filter(|(now, before)| {
            let reads = self.judge.reads(now.rule);
            is_told_alike(now, before) && *reads_same.entry(reads).or_insert_with(|| is_same(reads))
        });
        same.map(|(now, _)| now.rule).collect()
    }

    /// Which findings the old object has too.
    fn known(
        &self,
        document: &Document,
        denying: &[(u16, usize, &Finding)],
        old: &Document,
        judge: impl Fn(&Document) -> Option<Verdicts>,
    ) -> Option<BTreeSet<(u16, usize)>> {
        let verdicts = judge(old)?;
        let mut messages = messages(&verdicts, &old.root);
        let mut places = Places::new(&document.root);
        let new = denying.iter().map(|(rule, index, finding)| (identity(*rule, finding, &mut places), *index, finding));
        let mut unknown = Vec::new();
        let mut known = BTreeSet::new();
        for (identity, index, finding) in new {
            let Some(messages) = messages.get_mut(&identity) else { continue };
            if take(messages, |message| says_as_much(message, &finding.message)) {
                known.insert((identity.0, index));
            } else {
                unknown.push((identity, index, finding));
            }
        }
        // Messages that name the replicas, which are another number now.
        if !unknown.is_empty()
            && let Some(scaled) = scaled(old, document)
        {
            let verdicts = judge(&scaled)?;
            let mut after = self::messages(&verdicts, &scaled.root);
            for (identity, index, finding) in unknown {
                let (Some(before), Some(after)) = (messages.get_mut(&identity), after.get_mut(&identity)) else {
                    continue;
                };
                if !before.is_empty() && take(after, |message| message == finding.message) {
                    before.pop();
                    known.insert((identity.0, index));
                }
            }
        }
        Some(known)
    }
}

/// Takes from an object what says that its owner is checked instead of it.
pub(crate) fn forget_owners(object: &mut Node) {
    let Value::Object(entries) = &mut object.value else { return };
    let Some(metadata) = entries.iter_mut().find(|entry| &*entry.key == "metadata") else { return };
    if let Value::Object(entries) = &mut metadata.value.value {
        entries.retain(|entry| &*entry.key != "ownerReferences");
    }
}

fn is_leaving(object: &Node) -> bool {
    object.path(&["metadata", "deletionTimestamp"]).is_some_and(|at| at.value != Value::Null)
}

fn says_something(outcome: &RuleOutcome) -> bool {
    !matches!(outcome.outcome, Outcome::Pass | Outcome::NotApplicable(_))
}

/// The findings of an outcome that deny, with their positions.
fn denying(outcome: &RuleOutcome) -> impl Iterator<Item = (u16, usize, &Finding)> {
    let findings = outcome.outcome.findings().iter().enumerate();
    findings
        .filter(|(_, finding)| finding.stands() && finding.enforcement == Enforcement::Deny)
        .map(|(index, finding)| (outcome.rule, index, finding))
}

fn identity<'f>(rule: u16, finding: &'f Finding, places: &mut Places<'_>) -> Identity<'f> {
    // The host wrote it.
    let pointer = Pointer::parse(&finding.path).unwrap_or_default();
    (rule, finding.code.as_str(), places.place(&pointer))
}

/// What findings that deny say, by what they are found again by.
fn messages<'v>(verdicts: &'v Verdicts, root: &Node) -> HashMap<Identity<'v>, Vec<&'v str>> {
    let mut places = Places::new(root);
    let mut messages: HashMap<_, Vec<&str>> = HashMap::new();
    for (rule, _, finding) in verdicts.outcomes.iter().flat_map(denying) {
        messages.entry(identity(rule, finding, &mut places)).or_default().push(&finding.message);
    }
    messages
}

/// Messages at one place that are compared word by word; a rule has few.
const COMPARED: usize = 32;

/// Takes the first message that is meant, so that no other finding counts on it.
fn take(messages: &mut Vec<&str>, is_meant: impl Fn(&str) -> bool) -> bool {
    let found = messages.iter().take(COMPARED).position(|message| is_meant(message));
    found.map(|index| messages.remove(index)).is_some()
}

/// Whether a message has every word of another, as often.
fn says_as_much(old: &str, new: &str) -> bool {
    if old == new {
        return true;
    }
    let words = |text| str::split(text, [' ', ',', ';', '\n']).filter(|word| !word.is_empty());
    let mut counts: HashMap<&str, usize> = HashMap::new();
    words(old).for_each(|word| *counts.entry(word).or_default() += 1);
    let mut all = words(new);
    all.all(|word| counts.get_mut(word).is_some_and(|count| std::mem::replace(count, count.saturating_sub(1)) > 0))
}

/// The old object with the replicas of the new one, where those are another number.
fn scaled(old: &Document, new: &Document) -> Option<Document> {
    let replicas = new.root.path(&["spec", "replicas"])?.value.clone();
    let mut scaled = old.clone();
    let mut node = &mut scaled.root;
    for key in ["spec", "replicas"] {
        let Value::Object(entries) = &mut node.value else { return None };
        node = &mut entries.iter_mut().find(|entry| &*entry.key == key)?.value;
    }
    let differs = matches!((&node.value, &replicas), (Value::Number(old), Value::Number(new)) if old != new);
    node.value = replicas;
    differs.then_some(scaled)
}

fn annotated_alike(one: &Document, other: &Document) -> bool {
    let of = |document| annotations(document).map(|(rule, entry)| (rule.to_owned(), entry.value.value.clone()));
    of(one).eq(of(other))
}

fn is_told_alike(one: &Ask<'_>, other: &Ask<'_>) -> bool {
    match (&one.told, &other.told) {
        (Ok(one), Ok(other)) => one.digest() == other.digest(),
        (Err(Unavailable(one)), Err(Unavailable(other))) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Modes;
    use super::*;
    use crate::bundle::{Bundle, RuleSource};
    use crate::document::Source;
    use crate::engine::{Engine, SandboxLimits};
    use crate::evaluate::{Collected, Judge};
    use crate::manifest::Manifest;
    use crate::parse::{Form, Limits, Unit};
    use std::sync::Arc;

    /// A bundle of one rule, which is never run.
    fn decider() -> Decider {
        let manifest = serde_json::json!({
            "id": "r", "version": "1.0.0", "title": "Title", "why": "Why.", "fix": "Mend it.",
            "findings": [{"code": "bad", "title": "Bad", "severity": "high", "confidence": "certain"}],
            "priority": "P1", "effort": "small", "factor": "XV Security", "since": "1.0.0",
            "appliesTo": ["workload"], "reads": ["object.spec"],
        });
        let rule = RuleSource::described(Manifest::parse(manifest.to_string().as_bytes()).unwrap());
        let engine = Arc::new(Engine::new(SandboxLimits::default(), None).unwrap());
        let judge = Judge::new(&engine, &Arc::new(Bundle::of_rules("b", [Arc::new(rule)])));
        Decider::new(judge, Arc::new(Collected::default()), Modes::default(), 0)
    }

    fn document(replicas: u32) -> Document {
        let text = format!(r#"{{"apiVersion":"apps/v1","kind":"Deployment","spec":{{"replicas":{replicas}}}}}"#);
        Unit::new(Form::Json, Source::new("a.json", text)).parse(&Limits::default()).unwrap().remove(0)
    }

    fn update(old: u32, new: u32) -> Document {
        let mut document = Document { old: Some(document(old).root), ..document(new) };
        document.subject.operation = "UPDATE".to_owned();
        document
    }

    fn verdicts(code: &str, messages: &[String]) -> Verdicts {
        let findings = messages.iter().map(|message| Finding::sample(code, "", message));
        let outcome = Outcome::Fail(findings.collect());
        Verdicts { outcomes: [RuleOutcome { rule: 0, outcome }].into(), unreached: Vec::new(), remembered: false }
    }

    fn scaled_to(document: &Document) -> String {
        let replicas = document.root.path(&["spec", "replicas"]).unwrap().to_value();
        format!("it has {replicas} replicas in one zone")
    }

    #[test]
    fn replicas_in_a_message_may_be_another_number() {
        let decider = decider();
        let inherited = |old: &dyn Fn(&Document) -> Verdicts| {
            let document = update(3, 5);
            let verdicts = verdicts("zone", &[scaled_to(&document)]);
            decider.inherited(&document, &verdicts, |document| Some(old(document))).unwrap().has_finding(0, 0)
        };
        assert!(inherited(&|document| verdicts("zone", &[scaled_to(document)])));
        assert!(!inherited(&|document| verdicts("other", &[scaled_to(document)])));
        assert!(!inherited(&|_| verdicts("zone", &["it has 3 replicas in one zone".to_owned()])));
        // One that was good is not excused by what it would be with more replicas.
        let good_before = |document: &Document| {
            let messages = [scaled_to(document)];
            verdicts("zone", if messages[0].contains('3') { &[] } else { &messages })
        };
        assert!(!inherited(&good_before));
    }

    #[test]
    fn each_finding_counts_once() {
        let document = update(3, 3);
        let message = || "the same".to_owned();
        let new = verdicts("c", &[message(), message()]);
        let old = |_: &Document| Some(verdicts("c", &[message()]));
        let mut changed = document.clone();
        changed.old = Some(update(3, 4).root);
        let inherited = decider().inherited(&changed, &new, old).unwrap();
        assert_eq!((inherited.has_finding(0, 0), inherited.has_finding(0, 1)), (true, false));
    }

    #[test]
    fn what_cannot_be_judged_from_memory_is_not_guessed() {
        let document = update(3, 5);
        let new = verdicts("c", &["bad".to_owned()]);
        assert!(decider().inherited(&document, &new, |_| None).is_none());
        // Nothing has changed, so nothing has to be checked.
        assert!(decider().inherited(&update(3, 3), &new, |_| None).unwrap().has_finding(0, 0));
    }

    #[test]
    fn a_message_says_as_much_when_it_has_all_the_words() {
        let old = "neither the pod nor container `a`, container `b` sets `runAsNonRoot: true`";
        for (new, expected) in [
            (old, true),
            ("neither the pod nor container `b` sets `runAsNonRoot: true`", true),
            ("neither the pod nor container `a`, container `c` sets `runAsNonRoot: true`", false),
            ("neither the pod nor container `a`, container `b`, container `b` sets `runAsNonRoot: true`", false),
        ] {
            assert_eq!(says_as_much(old, new), expected, "{new}");
        }
        assert!(!says_as_much("holds `get`", "holds `*`"));
    }
}
