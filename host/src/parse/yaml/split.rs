//! Cutting a stream into documents.

use std::ops::Range;

/// Cuts a stream at its document markers, without parsing. YAML forbids a line that begins with
/// `---` or `...` inside any scalar, so the pieces are exact even when one of them is broken.
/// A byte order mark may stand in front of a marker.
pub fn split_documents(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches('\u{feff}');
        let is_marker = |marker: &str| {
            bare.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        };
        if is_marker("---") && !piece.only_directives {
            pieces.extend(piece.end(at));
            piece = Piece { start: at, ..Piece::default() };
        }
        if is_marker("---") {
            piece.only_directives = false;
        } else if bare.starts_with('%') && !piece.has_content {
            // Directives stand before their document's marker and belong to it.
            piece.only_directives = true;
        }
        piece.has_content |= !is_blank(if piece.has_content { line } else { bare });
        at += line.len();
        if is_marker("...") {
            pieces.extend(piece.end(at));
            piece = Piece { start: at, ..Piece::default() };
        }
    }
    pieces.extend(piece.end(text.len()));
    pieces
}

/// What has been seen of a piece.
#[derive(Default)]
struct Piece {
    start: usize,
    /// More than markers, comments and space.
    has_content: bool,
    only_directives: bool,
}

impl Piece {
    fn end(&self, end: usize) -> Option<Range<usize>> {
        self.has_content.then_some(self.start..end)
    }
}

/// Nothing but a marker, a comment and space.
pub(super) fn is_blank(line: &str) -> bool {
    let content = line.strip_prefix("---").or_else(|| line.strip_prefix("...")).unwrap_or(line).trim();
    content.is_empty() || content.starts_with('#')
}
