//! What registries say of the images that a document names.

use super::Document;
use std::fmt;
use std::sync::Arc;

/// Tells of images what registries say of them.
pub trait Images: Send + Sync {
    /// Says which images will be asked about, so that nobody waits for one after the other.
    fn want(&self, _references: &[Box<str>]) {}

    /// What is known of an image: a document in any case, which says why nothing is known of it where that is so.
    fn image(&self, reference: &str) -> Arc<Document>;
}

/// What a request brings along of its object's images.
#[derive(Clone, Default)]
pub struct KnownImages(Option<Arc<dyn Images>>);

impl KnownImages {
    /// Of images that were asked about.
    pub fn new(images: Arc<dyn Images>) -> Self {
        Self(Some(images))
    }

    /// What is known, if anybody asked.
    pub fn get(&self) -> Option<&dyn Images> {
        self.0.as_deref()
    }
}

/// It is no part of what a document says.
impl PartialEq for KnownImages {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for KnownImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "KnownImages(some)" } else { "KnownImages(none)" })
    }
}
