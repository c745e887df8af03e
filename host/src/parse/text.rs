//! Texts as their lines.

use super::tree::{Tree, lines};
use super::{Limits, SyntaxError};
use crate::document::Node;

/// Takes a text apart into lines; `path` is what it is called in the document.
///
/// # Errors
/// When a bound is exceeded.
pub fn parse(text: &str, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let mut tree = Tree::new(limits);
    let found = lines(text).map(|(line, at)| tree.text(line, at)).collect::<Result<Vec<Node>, _>>()?;
    let path = tree.text(path, 0..0)?;
    let found = tree.list(found, 0..text.len())?;
    tree.record([("path", Some(path)), ("lines", Some(found))], 0..text.len())
}
