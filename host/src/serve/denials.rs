//! The last denials, for the status page: who was denied what, by which rules. Never a value of an
//! object: messages of rules do not contain secrets, and nothing else of the object is kept.

use crate::decide::Decision;
use crate::document::Subject;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many are kept.
const KEPT: usize = 50;
/// Bytes of a name or message that are kept.
const TEXT_BYTES: usize = 512;

/// One denial.
#[derive(Debug, Clone)]
pub(super) struct Denial {
    pub(super) at: jiff::Timestamp,
    pub(super) wire: &'static str,
    pub(super) bundle: String,
    pub(super) subject: String,
    /// Rule and message of each reason.
    pub(super) reasons: Vec<(String, String)>,
}

/// The last denials, oldest first.
#[derive(Default)]
pub(super) struct Denials(Mutex<VecDeque<Denial>>);

impl Denials {
    /// Keeps a decision that denies.
    pub(super) fn add(&self, wire: &'static str, subject: &Subject, decision: &Decision) {
        let cut = |text: &str| {
            let mut text = text.to_owned();
            crate::engine::truncate(&mut text, TEXT_BYTES);
            text
        };
        let violations = decision.violations.iter().map(|violation| (&violation.rule, &violation.message));
        let errors = decision.errors.iter().map(|error| (&error.rule, &error.message));
        let reasons = violations.chain(errors).take(KEPT).map(|(rule, message)| (rule.clone(), cut(message)));
        let denial = Denial {
            at: jiff::Timestamp::now(),
            wire,
            bundle: decision.bundle.name.clone(),
            subject: cut(&subject.to_string()),
            reasons: reasons.collect(),
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(denial);
    }

    /// Newest first.
    pub(super) fn newest(&self) -> Vec<Denial> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }
}
