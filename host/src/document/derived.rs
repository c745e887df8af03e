//! Values that are derived from others of a document, each made once.

use super::{Node, SourceMap, Span};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A tree that was made of a text in a document.
#[derive(Debug, PartialEq)]
pub struct Tree {
    /// The tree. Its spans are ranges of `text`, or of the document's files where there is no map.
    pub root: Node,
    /// The text, decoded: without quotes, escapes and indentation.
    pub text: Box<str>,
    /// Leads from `text` into the document's files; `None` for a tree of something else than a text.
    pub map: Option<SourceMap>,
}

impl Tree {
    /// Where something of the tree is written in the document's files.
    pub fn place(&self, span: Span) -> Span {
        self.map.as_ref().map_or(span, |map| map.lead(span.range()))
    }
}

/// A comment and the value that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    /// Where it is written, with what makes it a comment.
    pub span: Span,
    /// The value; `None` for the document as a whole.
    pub owner: Option<Written>,
    /// Where it stands beside that.
    pub stands: Stands,
    /// Whether a blank line is between them.
    pub apart: bool,
}

/// A value by where it is written: from its key, or itself, to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Written {
    /// The file, as in a [`Span`].
    pub file: u16,
    /// First byte of its key, or of the value.
    pub head: u32,
    /// One past the last byte of the value.
    pub end: u32,
    /// Whether it stands under a key.
    pub keyed: bool,
}

/// Where a comment stands beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// On lines of its own before it.
    Above,
    /// Behind it, on one of its lines.
    Behind,
    /// In it, or at its end, with nothing of it that follows.
    Below,
}

/// What a tree is made of, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TreeKey {
    /// The tree that the text stands in; `None` for the document itself.
    pub within: Option<usize>,
    /// Where the text is written there.
    pub span: Span,
    /// What it is read as.
    pub reading: Box<str>,
    /// The text.
    pub text: Box<str>,
}

/// Where memory for trees is asked for.
pub trait Room: Send + Sync {
    /// Takes so many bytes; `false` where there is no room for them.
    fn take(&self, bytes: usize) -> bool;
}

/// An image that a file says it builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBuild {
    /// The references of the image, as they are written; none where the file does not say them.
    pub images: Vec<String>,
    /// The path of the Dockerfile.
    pub dockerfile: String,
}

/// The trees of a document. They follow from the document, so a copy begins without them and comparing leaves them out.
#[derive(Default)]
pub struct Derived {
    trees: Mutex<HashMap<TreeKey, Arc<Tree>>>,
    values: AtomicUsize,
    /// Who has the memory, where somebody counts it.
    room: OnceLock<Arc<dyn Room>>,
    comments: OnceLock<Arc<[Comment]>>,
    builds: OnceLock<Arc<[ImageBuild]>>,
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Derived").field("trees", &self.trees).finish_non_exhaustive()
    }
}

impl Derived {
    /// The tree under a key, made if it is not there. `make` is told how many values may still be made for the document,
    /// and says how many it has made.
    pub fn tree(&self, key: TreeKey, limit: usize, make: impl FnOnce(usize) -> (Tree, usize)) -> Arc<Tree> {
        if let Some(tree) = self.trees.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(tree);
        }
        let (tree, values) = make(limit.saturating_sub(self.values.load(Ordering::Relaxed)));
        self.values.fetch_add(values, Ordering::Relaxed);
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(trees.entry(key).or_insert_with(|| Arc::new(tree)))
    }

    /// Says from whom memory for trees is taken, before any is made.
    pub fn take_from(&self, room: Arc<dyn Room>) {
        let _ = self.room.set(room);
    }

    /// Who has the memory.
    pub fn room(&self) -> Option<&Arc<dyn Room>> {
        self.room.get()
    }

    /// The document's comments, in the order of the values that they belong to; looked for once.
    pub fn comments(&self, find: impl FnOnce() -> Vec<Comment>) -> Arc<[Comment]> {
        Arc::clone(self.comments.get_or_init(|| {
            let mut comments = find();
            comments.sort_by_key(|comment| (comment.owner.map(|owner| (owner.file, owner.head)), comment.span));
            comments.into()
        }))
    }

    /// The images that the document says it builds; looked for once.
    pub fn builds(&self, find: impl FnOnce() -> Vec<ImageBuild>) -> Arc<[ImageBuild]> {
        Arc::clone(self.builds.get_or_init(|| find().into()))
    }

    /// How many trees there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Clone for Derived {
    fn clone(&self) -> Self {
        Self { room: self.room.clone(), ..Self::default() }
    }
}

impl PartialEq for Derived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_looked_for_once() {
        let derived = Derived::default();
        let build = ImageBuild { images: vec!["shop".to_owned()], dockerfile: "Dockerfile".to_owned() };
        assert_eq!(&*derived.builds(|| vec![build.clone()]), std::slice::from_ref(&build));
        assert_eq!(*derived.builds(|| unreachable!("they are known")), [build]);
    }
}
