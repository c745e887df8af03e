//! Verdicts remembered between runs, by content.
//!
//! A rule is a pure function of what it is told, so its verdict on the same unit, under the same
//! bundle, with the same answers from the inventory, is the same. Places are kept as bytes of the
//! unit, so that it may move in its file.

use super::except::Ignore;
use super::inventory::{Card, Here};
use super::verdict::{DocumentVerdict, RuleOutcome};
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// What is kept in one file at the most; the oldest goes first.
const MAX_BYTES: usize = 128 << 20;
/// How many bundles are remembered at once.
const MAX_BUNDLES: usize = 16;
const FORMAT: u32 = 4;

/// A unit's key.
pub(super) type Key = [u8; 32];

/// Everything that is known of a unit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its documents with the outcomes of the rules that ask for no inventory.
    pub(super) documents: Vec<DocumentVerdict>,
    /// What they contribute to the inventory.
    pub(super) cards: Vec<Card>,
    /// What the relations of queries ask of each document, so that it is known without it what its rules are told.
    pub(super) here: Vec<Here>,
    /// Outcomes of the rules that ask for an inventory.
    pub(super) related: Vec<RelatedOutcome>,
    /// The exceptions that stand in it.
    pub(super) ignores: Vec<Ignore>,
}

/// The outcome of a rule that was told of other documents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RelatedOutcome {
    /// Index of the document in the unit.
    pub(super) document: u32,
    /// Digest of what it was told.
    pub(super) told: [u8; 32],
    /// The outcome.
    pub(super) outcome: RuleOutcome,
}

/// The memo of one bundle.
pub struct Memo {
    sealed: Sealed,
    name: String,
    /// Encoded records, newest first; kept as bytes until they are asked for.
    known: HashMap<Key, Vec<u8>>,
    order: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    records: Vec<(Key, Vec<u8>)>,
}

impl Memo {
    /// Opens the memo of a bundle below the host's cache directory. A file that is cut short,
    /// tampered with or of another format counts as empty.
    ///
    /// # Errors
    /// When the directory cannot be trusted or made; see [`Sealed::open`].
    pub fn open(cache_directory: &Path, fingerprint: &[u8; 32]) -> std::io::Result<Self> {
        let sealed = Sealed::open(&cache_directory.join("verdicts"))?;
        let name: String = fingerprint[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let stored = sealed.read(&name).and_then(|bytes| postcard::from_bytes::<Stored>(&bytes).ok());
        let records = stored.filter(|stored| stored.format == FORMAT).map_or(Vec::new(), |stored| stored.records);
        let order = records.iter().map(|(key, _)| *key).collect();
        Ok(Self { sealed, name, known: records.into_iter().collect(), order })
    }

    /// What is known of a unit.
    pub(super) fn get(&self, key: &Key) -> Option<Record> {
        postcard::from_bytes(self.known.get(key)?).ok()
    }

    /// Writes the records of a run, and what was known before as far as there is room. A memo that
    /// cannot be written costs the next run time, nothing else.
    pub(super) fn store(self, fresh: Vec<(Key, Option<Record>)>) {
        let unchanged = fresh.iter().all(|(_, record)| record.is_none());
        if unchanged {
            return;
        }
        let mut records: Vec<(Key, Vec<u8>)> = Vec::with_capacity(fresh.len());
        let mut known = self.known;
        let mut bytes = 0;
        let mut keep = |key: Key, encoded: Vec<u8>| {
            bytes += encoded.len();
            if bytes <= MAX_BYTES {
                records.push((key, encoded));
            }
        };
        for (key, record) in fresh {
            let old = known.remove(&key);
            let encoded = record.and_then(|record| postcard::to_stdvec(&record).ok()).or(old);
            if let Some(encoded) = encoded {
                keep(key, encoded);
            }
        }
        for key in self.order {
            if let Some(encoded) = known.remove(&key) {
                keep(key, encoded);
            }
        }
        if let Ok(payload) = postcard::to_stdvec(&Stored { format: FORMAT, records }) {
            let _ = self.sealed.write(&self.name, &payload);
            self.sealed.prune(MAX_BUNDLES);
        }
    }
}
