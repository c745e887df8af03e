//! Where something is, for programs.

use crate::document::Source;
use crate::evaluate::Place;
use crate::parse::Unit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A place. Lines and columns start at 1; columns count characters; bytes count from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Location<'r> {
    /// The file's path, or `<stdin>`.
    pub file: Cow<'r, str>,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The line of its end.
    pub end_line: usize,
    /// The column behind its end.
    pub end_column: usize,
    /// The first byte.
    pub start_byte: usize,
    /// One past the last byte.
    pub end_byte: usize,
}

/// Where a place of a unit is.
pub(super) fn place<'r>(unit: &'r Unit, place: &Place) -> Location<'r> {
    let source = unit.sources.get(usize::from(place.file)).unwrap_or(&unit.sources[0]);
    location(source, place.start as usize, place.end as usize)
}

/// Where a range of bytes of a source is.
pub(super) fn location(source: &Source, start: usize, end: usize) -> Location<'_> {
    let (from, to) = (source.position(start), source.position(end));
    Location {
        file: Cow::Borrowed(&source.path),
        line: from.line,
        column: from.column,
        end_line: to.line,
        end_column: to.column,
        start_byte: source.offset + start,
        end_byte: source.offset + end,
    }
}
