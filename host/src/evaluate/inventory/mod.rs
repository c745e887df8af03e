//! The inventory: the documents that other documents' rules ask for.
//!
//! The queries of a bundle come down to distinct [`Topic`]s. A document leaves one [`Card`] per topic that
//! it belongs to, already projected, so that answering needs no document again. Where the cards come from
//! is a matter of who implements [`Inventory`]: [`Collected`] answers from the documents of a run, the watch
//! cache from a cluster, and [`Overlay`] puts one document under review in front of either.

mod answer;
mod collected;
mod overlay;
mod topic;

pub use answer::{Answer, RelatedDocument, Told, Unavailable};
pub use collected::{Card, Collected};
pub use overlay::Overlay;
pub use topic::Topic;
pub(super) use topic::Topics;

use crate::manifest::Scope;

/// Answers the queries of one bundle's rules.
pub trait Inventory: Send + Sync {
    /// The answer to a query, given by its index among the bundle's topics, about a subject in `namespace`.
    ///
    /// # Errors
    /// When the documents that belong to it are not known. "There are none" is an answer.
    fn answer(&self, query: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable>;
}
