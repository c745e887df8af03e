//! Keys that stand twice in one mapping.

use serde::{Deserialize, Serialize};

/// What a reader makes of a key that stands twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepeatedKeys {
    /// An error.
    Refused,
    /// The last value counts, as for kubectl and readers of JSON.
    LastCounts,
}

/// A key that stood in the same mapping before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// The key.
    pub key: String,
    /// Byte offset of its last place in the unit's text.
    pub at: usize,
}

impl Repeated {
    /// So many of one unit are told.
    pub const TOLD: usize = 100;

    /// Adds one to those of a unit, as far as they are told.
    pub(super) fn note(noted: &mut Vec<Self>, key: &str, at: usize) {
        if noted.len() < Self::TOLD {
            noted.push(Self { key: key.to_owned(), at });
        }
    }

    /// What is told of it.
    pub fn message(&self) -> String {
        format!("the key `{}` stands twice in this mapping; the last value counts", self.key)
    }
}
