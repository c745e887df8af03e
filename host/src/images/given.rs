//! What the case of a rule says of images: documents of the kind among its files.

use super::facts::Facts;
use super::name::ImageName;
use super::told::Told;
use super::{GROUP, KIND};
use crate::document::{Document, Images, Node};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Documents by the reference that each is of.
pub struct Given(Told);

impl Given {
    /// Of the documents of a case; `None` where it says nothing of images.
    pub fn of<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Option<Self> {
        let is_image = |document: &&Document| (&*document.subject.group, &*document.subject.kind) == (GROUP, KIND);
        let of = |document: &Document| {
            let reference = document.root.get("reference").and_then(Node::as_str)?;
            Some((reference.into(), Arc::new(document.clone())))
        };
        let given: HashMap<_, _> = documents.into_iter().filter(is_image).filter_map(of).collect();
        (!given.is_empty()).then(|| Self(Told::new(given)))
    }
}

impl Images for Given {
    fn image(&self, reference: &str) -> Arc<Document> {
        self.0.known(reference).unwrap_or_else(|| {
            let facts = Facts::not_asked(format!("no file of the case says anything of `{reference}`"));
            Arc::new(facts.document(reference, ImageName::parse(reference).ok().as_ref(), Timestamp::UNIX_EPOCH))
        })
    }
}
