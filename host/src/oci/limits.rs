//! What a registry, a layout or an archive can cost. Each bound is named by the error of who runs into it.

use std::time::Duration;

/// Bytes of a manifest or an index: what registries take at the most.
pub const MANIFEST_BYTES: u64 = 4 << 20;
/// Bytes of a bundle's definition.
pub const DEFINITION_BYTES: u64 = 1 << 20;
/// Bytes of a configuration, of generated YAML, of an inventory of packages or of a statement: all that is read
/// and is no component.
pub const DOCUMENT_BYTES: u64 = 4 << 20;
/// Components of one bundle.
pub const COMPONENTS: usize = 1000;
/// Manifests beside its components that an index may name.
pub const EXTRAS: usize = 32;
/// Layers of one manifest.
pub const LAYERS: usize = 64;
/// Bytes of everything that one reference brings.
pub const TOTAL_BYTES: u64 = 1 << 30;
/// Redirects that are followed for one request.
pub const REDIRECTS: usize = 5;
/// Pages of a list of tags or referrers.
pub const PAGES: usize = 100;
/// Tags that are listed.
pub const TAGS: usize = 100_000;
/// Referrers that are looked at.
pub const REFERRERS: usize = 1000;
/// Blobs and manifests that are asked for, or sent, at once.
pub const PARALLEL: usize = 8;
/// Bytes of the body of a refusal, or of an answer with a token.
pub const ANSWER_BYTES: u64 = 64 << 10;

/// How long a registry is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// Without a single byte.
    pub stall: Duration,
    /// The least that must come in a second, on the average, once `stall` is over.
    pub bytes_per_second: u64,
    /// How often one request is made.
    pub attempts: u32,
    /// Before the second attempt; then twice as long each time, less a random part.
    pub backoff: Duration,
    /// The longest wait between two attempts, also where the registry asks for a longer one.
    pub longest_wait: Duration,
}

impl Patience {
    /// For what is given up after some time anyway: a second attempt helps, and no more.
    pub fn until(deadline: Duration) -> Self {
        Self {
            stall: deadline,
            attempts: 2,
            backoff: Duration::from_millis(100),
            longest_wait: deadline,
            ..Self::default()
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(30),
            bytes_per_second: 4 << 10,
            attempts: 5,
            backoff: Duration::from_millis(250),
            longest_wait: Duration::from_secs(60),
        }
    }
}
