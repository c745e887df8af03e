//! Manifests, indexes and descriptors, as far as they are read and written here (OCI image specification 1.1).

use super::error::OciError;
use super::limits;
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Media types.
pub mod media {
    /// An index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// A manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// The configuration of an artifact that has none: `{}`.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// The configuration of a WebAssembly artifact.
    pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
    /// A component.
    pub const WASM: &str = "application/wasm";
    /// The kind of an index that is a bundle, and of the manifest in it that has the definition.
    pub const BUNDLE: &str = "application/vnd.policy-host.bundle.v1";
    /// A bundle's definition.
    pub const DEFINITION: &str = "application/vnd.policy-host.bundle.definition.v1+yaml";
    /// The kind of a manifest with manifests for Gatekeeper.
    pub const GATEKEEPER: &str = "application/vnd.policy-host.gatekeeper.v1";
    /// Kubernetes manifests that are to be applied.
    pub const APPLY: &str = "application/vnd.policy-host.manifests.v1+yaml";
    /// A file of YAML for another program.
    pub const YAML: &str = "application/yaml";
    /// What `kyverno oci` has as the configuration of its artifacts.
    pub const KYVERNO_CONFIG: &str = "application/vnd.cncf.kyverno.config.v1+json";
    /// What `kyverno oci` reads a policy from.
    pub const KYVERNO_POLICY: &str = "application/vnd.cncf.kyverno.policy.layer.v1+yaml";
    /// An inventory of packages.
    pub const SPDX: &str = "application/spdx+json";
    /// A statement about artifacts.
    pub const IN_TOTO: &str = "application/vnd.in-toto+json";
}

/// Keys of annotations.
pub mod annotation {
    /// When it was made.
    pub const CREATED: &str = "org.opencontainers.image.created";
    /// A file's name.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// A version.
    pub const VERSION: &str = "org.opencontainers.image.version";
    /// What it is.
    pub const DESCRIPTION: &str = "org.opencontainers.image.description";
    /// An SPDX expression.
    pub const LICENSES: &str = "org.opencontainers.image.licenses";
    /// The tag of an entry of a layout's index.
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// A rule's id.
    pub const RULES: &str = "dev.policy-host.rules";
    /// The kind of artifact that an index, or a manifest of it, is. An artifact type would say the same, and is lost,
    /// with the index's digest, where skopeo before its version 1.14 copies the index.
    pub const KIND: &str = "dev.policy-host.kind";
    /// A bundle's name.
    pub const BUNDLE: &str = "dev.policy-host.bundle";
}

/// The bytes of the empty configuration.
pub const EMPTY_JSON: &[u8] = b"{}";

/// What content is called by.
///
/// The fields are in the order in which Go's programs write them: skopeo writes an index anew when it copies one, and
/// the copy has the same digest only where the same comes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What an index says for what its manifests are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What kind of artifact the manifest is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// What something runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `wasm`.
    pub architecture: String,
    /// `wasip2`: what the ecosystem calls components.
    pub os: String,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`media::MANIFEST`].
    pub media_type: String,
    /// What kind of artifact it is, where the configuration does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The content.
    pub layers: Vec<Descriptor>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An index: manifests that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`media::INDEX`].
    #[serde(default = "index_type")]
    pub media_type: String,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

fn index_type() -> String {
    media::INDEX.to_owned()
}

impl Descriptor {
    /// Of some bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            artifact_type: None,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }

    /// The same, with an annotation.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    /// Whether an index says that its manifest is of a kind.
    pub fn is_kind(&self, kind: &str) -> bool {
        self.annotations.get(annotation::KIND).is_some_and(|said| said == kind)
    }

    /// Whether it names a manifest or an index.
    pub fn is_manifest(&self) -> bool {
        matches!(self.media_type.as_str(), media::MANIFEST | media::INDEX)
    }
}

impl Manifest {
    /// Of a configuration and layers.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: media::MANIFEST.to_owned(),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// Names it by its digest.
    pub fn parse(bytes: &[u8]) -> Result<Self, OciError> {
        let manifest: Self = parse(bytes, "manifest")?;
        if manifest.media_type != media::MANIFEST {
            return Err(malformed(bytes, "manifest", format!("its media type is `{}`", manifest.media_type)));
        }
        if manifest.layers.len() > limits::LAYERS {
            let reason = format!("it has {} layers, more than {}", manifest.layers.len(), limits::LAYERS);
            return Err(malformed(bytes, "manifest", reason));
        }
        Ok(manifest)
    }

    /// What kind of artifact it is: its own word, else its configuration's.
    pub fn kind(&self) -> &str {
        self.artifact_type.as_deref().unwrap_or(&self.config.media_type)
    }

    /// As it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: a manifest has only strings for keys")
    }
}

impl Index {
    /// Of some manifests.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: media::INDEX.to_owned(), manifests, annotations: BTreeMap::new() }
    }

    /// Reads an index.
    ///
    /// # Errors
    /// Names it by its digest.
    pub fn parse(bytes: &[u8]) -> Result<Self, OciError> {
        let index: Self = parse(bytes, "index")?;
        if index.media_type != media::INDEX {
            return Err(malformed(bytes, "index", format!("its media type is `{}`", index.media_type)));
        }
        Ok(index)
    }

    /// As it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: an index has only strings for keys")
    }
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, OciError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(bytes, what, crate::plain::value(&error)))
}

fn malformed(bytes: &[u8], what: &'static str, reason: String) -> OciError {
    OciError::Malformed { what: format!("the {what} {}", Digest::of(bytes)), reason }
}
