//! Values that are derived from others of a document, each made once.

use super::{Node, SourceMap, Span};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A tree that was made of a text in a document.
#[derive(Debug, PartialEq)]
pub struct Tree {
    /// The tree. Its spans are ranges of `text`.
    pub root: Node,
    /// The text, decoded: without quotes, escapes and indentation.
    pub text: Box<str>,
    /// Leads from `text` into the document's files.
    pub map: SourceMap,
}

impl Tree {
    /// Where something of the tree is written in the document's files.
    pub fn place(&self, span: Span) -> Span {
        self.map.lead(span.range())
    }
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

/// The trees of a document. They follow from the document, so a copy begins without them and comparing leaves them out.
#[derive(Default)]
pub struct Derived {
    trees: Mutex<HashMap<TreeKey, Arc<Tree>>>,
    values: AtomicUsize,
    /// Who has the memory, where somebody counts it.
    room: OnceLock<Arc<dyn Room>>,
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
