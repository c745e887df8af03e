//! Exceptions that stand in what is checked: comments and annotations that lift a rule, with a reason.
//!
//! ```text
//! # policy: ignore[pss-privileged] the agent reads the node's devices until=2027-01-31 owner=platform
//! ```
//!
//! A comment covers the line it stands on or, where nothing else is on that line, the next line that is neither empty
//! nor a comment; and all of what starts on that line: an element of a list, the value of a key, a block, a stage, a
//! whole document on its first line. The annotation `ignore.policy-host.dev/RULE` covers its object.
//!
//! They are read where the text is ([`collect`]) and remembered with it; whether they hold is settled anew by every
//! run ([`settle`]), since that depends on the day. Exemptions of bundles and of the configuration are another thing
//! ([`crate::bundle::Exemption`]): they are settled where the whole document is at hand.

mod collect;
mod settle;
mod syntax;
mod write;

pub(super) use collect::collect;
pub(crate) use settle::settle_annotations;
pub(super) use settle::{Settled, of_entries, settle};
pub use write::{Insertion, Reason, insertion, is_excepted, with_insertion};

use super::verdict::Place;
use crate::document::Document;
use serde::{Deserialize, Serialize};

/// The annotation that lifts a rule from an object; the rule's id follows.
pub const ANNOTATION: &str = "ignore.policy-host.dev/";

/// One rule named by a comment or an annotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ignore {
    /// As it is written: an id, or one that the rule had before.
    pub(super) rule: String,
    /// Where it is written.
    pub(super) place: Place,
    pub(super) covers: Covers,
    /// Whether it stands in a file that is read with the unit and is another unit's own, which tells what becomes of
    /// it.
    pub(super) borrowed: bool,
    /// What it says, or what is wrong with it.
    pub(super) grant: Result<Grant, String>,
}

/// Where an [`Ignore`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Covers {
    /// Findings that start in a part of the source: a comment.
    Part { file: u16, start: u32, end: u32 },
    /// Findings of a document of the unit, by index: an annotation.
    Document(u32),
}

/// What an exception says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) reason: String,
    pub(super) owner: Option<String>,
    /// The last day on which it holds.
    pub(super) until: Option<jiff::civil::Date>,
}

/// Where an exception is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// In the bundle.
    Bundle,
    /// In the configuration.
    Configuration,
    /// Beside what it is about.
    Comment,
    /// In the object.
    Annotation,
}

/// What became of an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It lifts findings.
    Used,
    /// There is nothing that it lifts.
    Unused,
    /// It no longer holds.
    Expired,
    /// There is no such rule.
    UnknownRule,
    /// It says something that it must not, or lacks a reason; it does not hold.
    Invalid,
}

/// One rule of an exception, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// The rule, as it is written.
    pub rule: String,
    /// What that rule is called now, where it is written with a former id.
    pub renamed_to: Option<String>,
    /// Where it is written.
    pub origin: Origin,
    /// The place, with the index of its unit, where that is in what was checked.
    pub place: Option<(usize, Place)>,
    /// The place elsewhere: `policy-host.yaml:12:5`.
    pub elsewhere: String,
    /// Why; empty where it does not say.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day on which it holds.
    pub until: Option<jiff::civil::Date>,
    /// What became of it.
    pub status: Status,
    /// What is wrong with it, where it is invalid; what may be meant, where it names no rule.
    pub problem: String,
    /// The findings that it lifts, or would lift if it held.
    pub findings: usize,
}

/// The annotations of an object that lift rules, with the rule of each.
pub(crate) fn annotations(document: &Document) -> impl Iterator<Item = (&str, &crate::document::Entry)> {
    let annotations = document.root.path(&["metadata", "annotations"]).filter(|_| !document.is_file());
    let entries = annotations.map_or(&[][..], |annotations| annotations.entries());
    entries.iter().filter_map(|entry| Some((entry.key.strip_prefix(ANNOTATION)?, entry)))
}
