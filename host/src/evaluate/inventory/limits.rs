//! How much a rule can be told.

/// Bounds on what one query may come to. Where one is exceeded the rule is not evaluated: part of an answer would be
/// a wrong one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::evaluate) struct AnswerLimits {
    /// Documents of an answer, and pairs of a document with the one that it came by.
    pub(in crate::evaluate) documents: usize,
    /// Bytes of an answer.
    pub(in crate::evaluate) bytes: usize,
    /// Documents that are looked at for one answer because the index could not tell that they do not belong to it.
    pub(in crate::evaluate) examined: usize,
}

impl Default for AnswerLimits {
    /// What a sandbox of 64 MiB can read, and milliseconds.
    fn default() -> Self {
        Self { documents: 10_000, bytes: 8 << 20, examined: 1_000_000 }
    }
}

/// Keys that one document may have for one relation: references, combinations of values, selectors.
pub(super) const MAX_KEYS: usize = 10_000;
