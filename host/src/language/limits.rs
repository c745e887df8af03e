//! How much a text may hold that is read as another language. Every bound has a number, a name and a test; what exceeds
//! one is told as `unread`.

use crate::parse;

/// Bytes of one text.
pub const BYTES: usize = 1 << 20;
/// Levels of nesting: commands in commands, collections in collections.
pub const DEPTH: usize = 48;
/// Values of one tree.
pub const VALUES: usize = 100_000;
/// Values of all trees of one document.
pub const VALUES_OF_A_DOCUMENT: usize = 200_000;

/// The bounds of YAML and JSON in a text.
pub(super) fn of_data(values: usize) -> parse::Limits {
    parse::Limits {
        bytes: BYTES,
        depth: DEPTH,
        nodes: values,
        alias_nodes: values.min(10_000),
        ..parse::Limits::default()
    }
}
