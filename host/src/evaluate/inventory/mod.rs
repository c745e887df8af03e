//! The inventory: the documents that other documents' rules ask for.
//!
//! The queries of a bundle come down to distinct [`Topic`]s, and how they ask to distinct questions. A document
//! leaves one [`Card`] per topic that it belongs to, already projected, with what relations ask of it (its labels,
//! selectors, references, values) beside, so that answering needs no document again. Where the cards come from
//! is a matter of who implements [`Inventory`]: [`Collected`] answers from some documents, [`Divided`] from those of
//! a run by their sets, the watch cache from a cluster, and [`Overlay`] puts one document under review in front. Both keep an index
//! for each way of asking; [`Asking`] puts the questions, follows chains, and holds answers to their bounds.

mod answer;
mod ask;
mod builds;
mod chart;
mod collected;
mod divided;
mod facet;
mod index;
mod limits;
mod namespacing;
mod overlay;
mod paths;
mod probe;
mod selector;
#[cfg(test)]
pub(crate) mod tests;
mod topic;

pub use answer::{Answer, RelatedDocument, Told, Unavailable};
pub(super) use answer::{Doubt, Origin};
pub use ask::Asking;
pub(super) use ask::Here;
pub use collected::{Card, Collected};
pub(super) use divided::{Divided, Placed};
pub use facet::Keys;
pub(crate) use index::{Index, POSTING_BYTES, matching};
pub use namespacing::Namespacing;
pub use overlay::Overlay;
pub use probe::Probe;
pub use topic::Topic;
pub(super) use topic::Topics;

use crate::manifest::Scope;
use std::sync::Arc;

/// Answers the queries of one bundle's rules.
pub trait Inventory: Send + Sync {
    /// All documents of a topic, given by its index, about a subject in `namespace`.
    ///
    /// # Errors
    /// When the documents that belong to it are not known. "There are none" is an answer.
    fn answer(&self, topic: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable>;

    /// The documents of a topic that a probe finds, in their order.
    ///
    /// # Errors
    /// When it is not known which there are.
    fn find(&self, topic: u16, probe: &Probe<'_>) -> Result<Vec<Arc<RelatedDocument>>, Unavailable>;

    /// Why there may be more documents of a topic than a facet finds, in a namespace or in any.
    fn open(&self, _topic: u16, _facet: Option<u16>, _within: Option<&str>) -> Option<String> {
        None
    }

    /// Which names of namespaces mean the same one.
    fn namespacing(&self) -> Namespacing {
        Namespacing::Written
    }
}
