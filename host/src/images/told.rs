//! What a request brings along of its object's images.

use super::facts::{Facts, of_json};
use super::name::ImageName;
use crate::document::{Document, Images, Node};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Documents by the references that were asked about.
#[derive(Default)]
pub struct Told(HashMap<Box<str>, Arc<Document>>);

impl Told {
    /// Of what was asked about.
    pub(super) fn new(documents: HashMap<Box<str>, Arc<Document>>) -> Self {
        Self(documents)
    }

    /// What is known of an image, if anything is.
    pub(super) fn known(&self, reference: &str) -> Option<Arc<Document>> {
        let pinned = || self.pinned(reference, &ImageName::parse(reference).ok()?).map(Arc::new);
        self.0.get(reference).cloned().or_else(pinned)
    }

    /// A reference that was not asked about may be one that was, with the digest that it stands for.
    fn pinned(&self, reference: &str, name: &ImageName) -> Option<Document> {
        let digest = name.0.digest?.to_string();
        let repository = name.repository();
        let text = |document: &Document, key: &str| document.root.get(key).and_then(Node::as_str).map(str::to_owned);
        let same = self.0.values().find(|document| {
            text(document, "digest").is_some_and(|known| known == digest)
                && text(document, "repository").is_some_and(|known| known == repository)
        })?;
        let mut value = same.root.to_value();
        value["reference"] = reference.into();
        value["metadata"]["name"] = name.0.to_string().into();
        Some(of_json(&value))
    }
}

impl Images for Told {
    fn image(&self, reference: &str) -> Arc<Document> {
        self.known(reference).unwrap_or_else(|| {
            let name = ImageName::parse(reference).ok();
            let unknown = Facts::failed("no registry was asked about it");
            Arc::new(unknown.document(reference, name.as_ref(), Timestamp::now()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn an_image_that_was_pinned_meanwhile_is_known() {
        let digest = Digest::of(b"x");
        let facts = Facts { digest: Some(digest), exists: Some(true), ..Facts::default() };
        let name = ImageName::parse("nginx:1").unwrap();
        let document = Arc::new(facts.document("nginx:1", Some(&name), Timestamp::now()));
        let told = Told::new([(Box::from("nginx:1"), document)].into());
        let pinned = format!("nginx:1@{digest}");
        for (reference, known) in [
            ("nginx:1", true),
            (&pinned, true),
            (&format!("docker.io/library/nginx@{digest}"), true),
            (&format!("other@{digest}"), false),
            ("nginx:2", false),
        ] {
            let document = told.image(reference);
            assert_eq!(document.root.get("unknown").is_none(), known, "{reference}");
            assert_eq!(document.root.get("reference").and_then(Node::as_str), Some(reference));
        }
    }
}
