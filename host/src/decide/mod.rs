//! One object under review, one decision: what every wire of the server carries.
//!
//! A [`Decider`] is a bundle being served. It checks with all rules of the bundle that apply, from
//! memory where nothing that any of them reads has changed, and settles by the bundle's [`Modes`] what
//! becomes of a rule that could not run. Of an update only what is new denies ([`Decider::review`]).
//! [`Decider::cure`] is the mutation: the safe fixes, checked again.

mod cure;
mod decision;
mod memo;
mod places;
mod update;

pub use cure::{Cure, MAX_CURE_BYTES, cure_bytes};
pub use decision::{BundleReference, Decision, Exempt, RuleError, Unevaluated, Violation};
pub use update::Review;
pub(crate) use update::forget_owners;

use crate::bundle::{Bundle, Exemption};
use crate::digest::Hasher;
use crate::document::Document;
use crate::evaluate::{
    Answered, Ask, Inventory, Judge, Outcome, RuleOutcome, annotations, mask_outcomes, settle_annotations,
};
use crate::project::Projection;
use memo::{Key, Memo};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Instant;

/// What becomes of an object when a rule could not run on it, or nobody had the time to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureMode {
    /// It is denied.
    #[default]
    Closed,
    /// It is let through, with a warning.
    Open,
}

/// What becomes of an object when a rule that is enforced by `deny` could not decide: its inventory is
/// missing, or a value is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotEvaluatedMode {
    /// It is let through, with a warning.
    #[default]
    Warn,
    /// It is denied.
    Deny,
}

/// How a bundle treats what is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    /// Rules that could not run, overload, missed deadlines.
    pub failure: FailureMode,
    /// Rules that could not decide.
    pub not_evaluated: NotEvaluatedMode,
}

/// A bundle being served.
pub struct Decider {
    judge: Judge,
    inventory: Arc<dyn Inventory>,
    modes: Modes,
    reference: BundleReference,
    /// Everything of a document that any rule or exemption of the bundle reads.
    reads: Projection,
    reads_old: bool,
    reads_user: bool,
    memo: Option<Memo>,
}

/// The outcomes of one document.
#[derive(Clone)]
pub struct Verdicts {
    /// By rule, in the bundle's order.
    pub outcomes: Arc<[RuleOutcome]>,
    /// The rules, by index, that were not reached before the deadline.
    pub unreached: Vec<u16>,
    /// Whether memory served.
    pub remembered: bool,
}

impl Decider {
    /// Serves the bundle of a check, with what is known of other objects. `memo_bytes` bounds what is remembered; with
    /// 0 nothing is.
    pub fn new(judge: Judge, inventory: Arc<dyn Inventory>, modes: Modes, memo_bytes: u64) -> Self {
        let bundle = judge.bundle();
        let manifests = || bundle.rules.iter().map(|rule| &rule.source.manifest);
        let of_rules = manifests().flat_map(|manifest| manifest.reads.iter().cloned());
        let of_exemptions = bundle.exemptions.first().map(|_| Exemption::reads()).into_iter().flatten();
        Self {
            modes,
            reference: BundleReference::new(bundle),
            reads: Projection::new(&of_rules.chain(of_exemptions).collect::<Vec<_>>()),
            reads_old: manifests().any(|manifest| manifest.reads_old),
            reads_user: manifests().any(|manifest| manifest.reads_user),
            memo: (memo_bytes > 0).then(|| Memo::new(memo_bytes)),
            inventory,
            judge,
        }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        self.judge.bundle()
    }

    /// What names the bundle in answers.
    pub fn reference(&self) -> &BundleReference {
        &self.reference
    }

    /// How it treats what is no verdict.
    pub fn modes(&self) -> Modes {
        self.modes
    }

    /// Bytes that the memo holds.
    pub fn remembered_bytes(&self) -> u64 {
        self.memo.as_ref().map_or(0, Memo::bytes)
    }

    /// Checks a document with every rule that applies, until the deadline.
    pub fn judge(&self, document: &Document, deadline: Instant) -> Verdicts {
        let asks = self.asks(self.judge.plan(document).rules(), document);
        let key = self.memo.as_ref().map(|_| self.key(document, &asks));
        if let (Some(memo), Some(key)) = (&self.memo, &key)
            && let Some(outcomes) = memo.get(key)
        {
            return Verdicts { outcomes, unreached: Vec::new(), remembered: true };
        }
        let verdicts = self.evaluate(document, &asks, deadline);
        // A failure may be gone next time.
        let lasting = |outcome: &RuleOutcome| !matches!(outcome.outcome, Outcome::Error(_));
        if let (Some(memo), Some(key)) = (&self.memo, key)
            && verdicts.unreached.is_empty()
            && verdicts.outcomes.iter().all(lasting)
        {
            memo.insert(key, Arc::clone(&verdicts.outcomes));
        }
        verdicts
    }

    /// What memory has of a document; nothing is evaluated.
    fn remembered(&self, document: &Document) -> Option<Verdicts> {
        let memo = self.memo.as_ref()?;
        let key = self.key(document, &self.asks(self.judge.plan(document).rules(), document));
        memo.get(&key).map(|outcomes| Verdicts { outcomes, unreached: Vec::new(), remembered: true })
    }

    /// The images of a document about which rules ask registries, those of the object before an update among them:
    /// a finding that it had too is not new.
    pub fn images(&self, document: &Document) -> Vec<Box<str>> {
        let mut images = self.judge.images(document);
        if !images.is_empty()
            && let Some(old) = self.before(document)
        {
            images.extend(self.judge.images(&old));
            images.sort();
            images.dedup();
        }
        images
    }

    /// Whether any rule is asked about an operation.
    pub fn is_asked_about(&self, operation: &str) -> bool {
        self.bundle().rules.iter().any(|rule| rule.source.manifest.is_asked_about(operation, ""))
    }

    /// What some rules are told of other documents, the one under review in its new state among them.
    fn asks(&self, rules: impl Iterator<Item = u16>, document: &Document) -> Vec<Ask<'_>> {
        let overlay = self.judge.overlay(document, &*self.inventory);
        let asking = self.judge.asking(document, &overlay);
        let ask = |rule| Ask { rule, told: self.judge.related(rule, &asking) };
        rules.map(ask).collect()
    }

    fn evaluate(&self, document: &Document, asks: &[Ask<'_>], deadline: Instant) -> Verdicts {
        let prepared = self.judge.prepare(document);
        let Answered { mut outcomes, unreached } = self.judge.judge_until(&prepared, asks, Some(deadline));
        if self.bundle().annotations {
            settle_annotations(self.bundle(), document, &mut outcomes, today());
        }
        self.judge.cover(&mut outcomes);
        mask_outcomes(&document.sources, &mut outcomes);
        Verdicts { outcomes: outcomes.into(), unreached, remembered: false }
    }

    /// Names everything that the outcomes depend on: who the document is, what any rule reads of it, and
    /// what each is told of others.
    fn key(&self, document: &Document, asks: &[Ask<'_>]) -> Key {
        let mut key = Hasher::default();
        let subject = &document.subject;
        for part in
            [&subject.group, &subject.version, &subject.kind, &subject.namespace, &subject.name, &subject.operation]
        {
            key.part(part.as_bytes());
        }
        if let Some(elsewhere) = self.judge.judged_elsewhere(document) {
            key.part(elsewhere.group.as_bytes());
            key.part(elsewhere.reason.as_bytes());
        }
        key.part(b"reads");
        let shape = self.judge.bundle().workloads.shape(document);
        key.part(self.reads.apply(document, &shape).as_bytes());
        if let Some(old) = document.old.as_ref().filter(|_| self.reads_old) {
            key.part(self.reads.apply_to(document, &shape, old).as_bytes());
        }
        if self.bundle().annotations {
            for (rule, entry) in annotations(document) {
                // Whether one holds depends on the day.
                let day = today().to_string();
                for part in [rule, &day, entry.value.as_str().unwrap_or_default()] {
                    key.part(part.as_bytes());
                }
            }
        }
        key.part(document.subresource.as_bytes());
        if let Some(user) = document.user.as_ref().filter(|_| self.reads_user) {
            key.part(user.name.as_bytes());
            user.groups.iter().for_each(|group| key.part(group.as_bytes()));
        }
        for ask in asks {
            match &ask.told {
                Ok(told) => key.part(told.digest()),
                Err(reason) => key.part(reason.to_string().as_bytes()),
            }
        }
        key.finish().bytes()
    }
}

fn today() -> jiff::civil::Date {
    jiff::Zoned::now().date()
}
