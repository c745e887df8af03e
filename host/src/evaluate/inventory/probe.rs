//! One question to an index: which documents there stand in a relation to the one here.

use super::facet::{Keys, Namespaces, Reference, Scoped};
use super::limits::MAX_KEYS;
use super::namespacing::Namespacing;
use super::selector::{Labels, Selector, Truth};
use super::{RelatedDocument, Unavailable};
use crate::document::Subject;
use std::cell::Cell;

/// Which index of a topic: of one facet, or of who the documents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct IndexId {
    /// The facet among the topic's; `None` for who they are.
    pub(super) facet: Option<u16>,
    pub(super) spread: Spread,
}

/// How far the documents that share a key may be from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Spread {
    /// In one namespace.
    Namespace,
    /// Anywhere.
    Everywhere,
    /// Either, as the question wants it.
    Either,
}

/// Why nothing is known of a document's relations.
pub(super) fn too_many_keys(subject: &Subject) -> Unavailable {
    Unavailable(format!("{subject} has more than {MAX_KEYS} keys for a relation (limit `keys`)"))
}

/// A question about the documents of a topic.
pub struct Probe<'h> {
    pub(super) index: IndexId,
    /// The namespace that it is limited to.
    pub(super) within: Option<&'h str>,
    /// Which names of namespaces mean the same one.
    pub(super) spaces: Namespacing,
    /// Who the document here is.
    pub(super) here: &'h Subject,
    pub(super) seek: Seek<'h>,
    pub(super) effort: &'h Effort,
}

/// How many documents may be looked at for one answer.
pub(super) struct Effort {
    limit: usize,
    spent: Cell<usize>,
}

impl Effort {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, spent: Cell::new(0) }
    }

    /// Counts a document that is looked at.
    fn spend(&self) -> Result<(), Unavailable> {
        if self.spent.get() == self.limit {
            let reason = format!("more than {} documents would have to be looked at (limit `examined`)", self.limit);
            return Err(Unavailable(reason));
        }
        self.spent.set(self.spent.get() + 1);
        Ok(())
    }
}

/// What the document here has that one there must match.
pub(super) enum Seek<'h> {
    /// Labels that selectors there select.
    Labels(&'h Labels),
    /// Selectors that select labels there.
    Selectors(&'h [Scoped]),
    /// Its being the one that references there mean.
    Itself,
    /// References that mean documents there.
    References(&'h [Reference]),
    /// Values that documents there share.
    Values(&'h [Box<str>]),
}

impl Probe<'_> {
    /// By which index it is answered.
    pub(crate) fn index(&self) -> IndexId {
        self.index
    }

    /// The namespace that an answer is limited to.
    pub(crate) fn within(&self) -> Option<&str> {
        self.within
    }

    pub(super) fn across(&self) -> bool {
        self.within.is_none()
    }

    /// Whether a document is in reach and matches, as far as its namespace's labels do not decide it: those are
    /// for who asks to look at.
    pub(super) fn admits(&self, there: &RelatedDocument) -> Result<bool, Unavailable> {
        self.matches(there, &mut |_, _| Truth::Unknown).map(|truth| truth != Truth::False)
    }

    /// Whether a document is in reach and matches.
    pub(super) fn matches(
        &self,
        there: &RelatedDocument,
        labelled: &mut dyn FnMut(&Selector, &str) -> Truth,
    ) -> Result<Truth, Unavailable> {
        if self.within.is_some_and(|within| !self.spaces.are_same(within, &there.subject.namespace)) {
            return Ok(Truth::False);
        }
        let keys = self.index.facet.and_then(|facet| there.keys().get(usize::from(facet)));
        Ok(match (&self.seek, keys) {
            (_, Some(Keys::TooMany)) => return Err(too_many_keys(&there.subject)),
            (Seek::Labels(labels), Some(Keys::Selectors(selectors))) => {
                let (own, namespace) = (&there.subject.namespace, &self.here.namespace);
                selectors.iter().fold(Truth::False, |truth, selector| {
                    truth.or(|| selector.selects(own, labels, namespace, self.spaces, labelled))
                })
            }
            (Seek::Selectors(selectors), Some(Keys::Labels(labels))) => {
                let (own, namespace) = (&self.here.namespace, &there.subject.namespace);
                selectors.iter().fold(Truth::False, |truth, selector| {
                    truth.or(|| selector.selects(own, labels, namespace, self.spaces, labelled))
                })
            }
            (Seek::Itself, Some(Keys::References(references))) => {
                references.iter().any(|reference| reference.means(self.here, self.across(), self.spaces)).into()
            }
            (Seek::References(references), _) => {
                references.iter().any(|reference| reference.means(&there.subject, self.across(), self.spaces)).into()
            }
            (Seek::Values(wanted), Some(Keys::Values(values))) => {
                wanted.iter().any(|value| values.binary_search(value).is_ok()).into()
            }
            _ => Truth::False,
        })
    }

    /// Whether an answer may depend on the labels of namespaces.
    pub(super) fn depends_on_namespaces(&self, there: &RelatedDocument) -> bool {
        let depends =
            |selectors: &[Scoped]| selectors.iter().any(|scoped| matches!(scoped.namespaces, Namespaces::Labelled(_)));
        let keys = self.index.facet.and_then(|facet| there.keys().get(usize::from(facet)));
        match (&self.seek, keys) {
            (Seek::Selectors(selectors), _) => depends(selectors),
            (Seek::Labels(_), Some(Keys::Selectors(selectors))) => depends(selectors),
            _ => false,
        }
    }

    /// Whether a document is in reach and matches, counted.
    pub(super) fn looks_at(&self, there: &RelatedDocument) -> Result<bool, Unavailable> {
        self.effort.spend()?;
        self.admits(there)
    }
}
