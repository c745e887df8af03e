//! How much a parser takes on. Every bound has a number, a name and a test.

/// Bounds on one input. Exceeding one is an error that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Values of one document.
    pub nodes: usize,
    /// Values that one document may copy through aliases and merge keys.
    pub alias_nodes: usize,
    /// Documents in one file, counting the items of a List.
    pub documents: usize,
    /// Rules that comments and annotations of one unit lift, each as often as it is named.
    pub exceptions: usize,
}

impl Default for Limits {
    /// 8 MiB is what an admission request can carry at the most, with room; the rest follows from
    /// what real manifests look like, times ten.
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            depth: 128,
            nodes: 1_000_000,
            alias_nodes: 100_000,
            documents: 10_000,
            exceptions: 1_000,
        }
    }
}
