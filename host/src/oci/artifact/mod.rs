//! A bundle as artifacts: an index over its components, a manifest with its definition, and what other programs read.
//!
//! | manifest | kind | layers |
//! | --- | --- | --- |
//! | bundle | `application/vnd.policy-host.bundle.v1` | the definition, an inventory of packages, a statement of provenance |
//! | Gatekeeper | `application/vnd.policy-host.gatekeeper.v1` | what `gator test --image` reads, and what is to be applied |
//! | Kyverno | `application/vnd.cncf.kyverno.config.v1+json` | what `kyverno oci pull` reads, and what is to be applied |
//! | each component | `application/vnd.wasm.config.v0+json` | the component |

mod build;
mod component;
mod open;
mod provenance;
mod sbom;

pub use build::{Built, Recipe, created_from_environment};
pub use open::{Part, contents, open};

use super::error::OciError;
use super::limits;
use super::model::{Descriptor, Index, Manifest, annotation, media};
use crate::engine::SandboxLimits;
use crate::visible::Visible;

/// Reads the index of a bundle.
///
/// # Errors
/// When it is none, or names too much.
pub fn index(bytes: &[u8]) -> Result<Index, OciError> {
    let digest = crate::digest::Digest::of(bytes);
    let malformed = |reason: String| OciError::Malformed { what: format!("the bundle {digest}"), reason };
    let index = Index::parse(bytes).map_err(|error| malformed(format!("it is no index of a bundle: {error}")))?;
    let kind = index.annotations.get(annotation::KIND).map_or("nothing", String::as_str);
    if kind != media::BUNDLE {
        let (key, kind) = (annotation::KIND, Visible(kind));
        return Err(malformed(format!("its annotation `{key}` is `{kind}`, not `{}`", media::BUNDLE)));
    }
    let components = index.manifests.iter().filter(|child| is_component(child)).count();
    let extras = index.manifests.len() - components;
    for (actual, unit, limit) in
        [(components, "components", limits::COMPONENTS), (extras, "other manifests", limits::EXTRAS)]
    {
        if actual > limit {
            let what = format!("the bundle {digest}");
            return Err(OciError::TooMuch { what, actual: actual as u64, unit, limit: limit as u64 });
        }
    }
    if let Some(child) = index.manifests.iter().find(|child| child.media_type != media::MANIFEST) {
        return Err(malformed(format!("it names {}, which is no manifest", child.digest)));
    }
    if index.manifests.iter().filter(|child| child.is_kind(media::BUNDLE)).count() != 1 {
        return Err(malformed(format!("it does not name exactly one manifest of the kind `{}`", media::BUNDLE)));
    }
    Ok(index)
}

/// Whether a manifest of an index is a component's.
pub fn is_component(child: &Descriptor) -> bool {
    child.is_kind(media::WASM_CONFIG)
}

/// Checks what a manifest's blobs are said to be as large as; they are then held to it.
///
/// # Errors
/// Names the blob, and the bound.
pub fn check_sizes(manifest: &Manifest) -> Result<(), OciError> {
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        let limit = match blob.media_type.as_str() {
            media::WASM => SandboxLimits::default().component_bytes as u64,
            media::DEFINITION => limits::DEFINITION_BYTES,
            _ => limits::DOCUMENT_BYTES,
        };
        if blob.size > limit {
            let what = format!("{} ({})", blob.digest, Visible(&blob.media_type));
            return Err(OciError::TooMuch { what, actual: blob.size, unit: "bytes", limit });
        }
    }
    Ok(())
}

/// Checks how much a bundle is altogether.
///
/// # Errors
/// When it is more than [`limits::TOTAL_BYTES`].
pub fn check_total(what: &impl ToString, blobs: &[&Descriptor]) -> Result<(), OciError> {
    let actual = blobs.iter().fold(0u64, |total, blob| total.saturating_add(blob.size));
    if actual > limits::TOTAL_BYTES {
        return Err(OciError::TooMuch { what: what.to_string(), actual, unit: "bytes", limit: limits::TOTAL_BYTES });
    }
    Ok(())
}
