//! Which files a repository has, as a document.

use super::tree::Tree;
use super::{Limits, SyntaxError};
use crate::document::{Node, Source, Span, Value};

/// The files of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Each with its path below the directory, with `/` between its parts, and its bytes; in the order of paths.
    pub files: Vec<(String, u64)>,
}

/// Files that a finding can be shown at; the others are shown at the directory.
const PLACES: usize = u16::MAX as usize;

impl Listing {
    /// The texts that places lead to: the directory's, and behind it each file's. None of them has a text, since nobody
    /// read it.
    pub(super) fn sources(&self, directory: &str) -> Vec<Source> {
        let below = |path: &str| match directory {
            "." | "" => path.to_owned(),
            directory => format!("{}/{path}", directory.trim_end_matches('/')),
        };
        let files = self.files.iter().take(PLACES - 1).map(|(path, _)| Source::new(below(path), ""));
        std::iter::once(Source::new(directory, "")).chain(files).collect()
    }

    /// The document.
    ///
    /// # Errors
    /// When there are more files than a document may have values for.
    pub(super) fn document(&self, directory: &str, limits: &Limits) -> Result<Node, SyntaxError> {
        let mut tree = Tree::new(limits);
        let mut files = Vec::with_capacity(self.files.len());
        for (index, (path, bytes)) in self.files.iter().enumerate() {
            let path = tree.text(path.as_str(), 0..0)?;
            let bytes = tree.node(Value::Number(bytes.to_string().into()), 0..0)?;
            let mut file = tree.record([("path", Some(path)), ("bytes", Some(bytes))], 0..0)?;
            stand_in(&mut file, u16::try_from(index + 1).ok().filter(|at| usize::from(*at) < PLACES).unwrap_or(0));
            files.push(file);
        }
        let path = tree.text(directory, 0..0)?;
        let files = tree.list(files, 0..0)?;
        tree.record([("path", Some(path)), ("files", Some(files))], 0..0)
    }
}

/// Gives a value and all in it a place in another file.
fn stand_in(node: &mut Node, file: u16) {
    let span = Span::in_file(file, 0, 0);
    node.span = span;
    if let Value::Object(entries) = &mut node.value {
        for entry in entries {
            entry.key_span = span;
            stand_in(&mut entry.value, file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_file_is_a_place() {
        let listing = Listing { files: vec![("a.sh".to_owned(), 3), ("b/c.md".to_owned(), 0)] };
        let document = listing.document("shop", &Limits::default()).unwrap();
        let files = json!([{ "path": "a.sh", "bytes": 3 }, { "path": "b/c.md", "bytes": 0 }]);
        assert_eq!(document.to_value(), json!({ "path": "shop", "files": files }));
        let sources = listing.sources("shop");
        let place = |index: usize| &*sources[usize::from(document.get("files").unwrap().items()[index].span.file)].path;
        assert_eq!((place(0), place(1)), ("shop/a.sh", "shop/b/c.md"));
        assert_eq!(&*listing.sources(".")[1].path, "a.sh");
    }

    #[test]
    fn bounds_are_kept() {
        let listing = Listing { files: (0..70_000).map(|at| (format!("{at:05}"), 1)).collect() };
        assert!(listing.sources(".").len() <= PLACES);
        let document = listing.document(".", &Limits::default()).unwrap();
        let last = document.get("files").unwrap().items().last().unwrap().span.file;
        assert_eq!(last, 0);
        let few = Limits { nodes: 1000, ..Limits::default() };
        assert!(listing.document(".", &few).unwrap_err().message.contains("limit `nodes`"));
    }
}
