//! What a registry says of an image: its manifests and configurations, and who signed it.
//!
//! Docker's older media types are read as OCI's are. Everything is bounded before it is fetched, checked against its
//! digest, and kept in the store, so that a digest is asked for once.

use super::admit::{self, Evidence};
use super::error::OciError;
use super::limits;
use super::model::Descriptor;
use super::reference::{Reference, Repository};
use super::registry::Registry;
use super::store::Store;
use super::trusted;
use crate::digest::Digest;
use crate::trust::{Demand, Refusal, Target, TrustPolicy, Verified};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Platforms of one image.
pub const PLATFORMS: usize = 32;
/// Bytes of all that is read of one image: its index, and the manifests and configurations that it leads to.
pub const IMAGE_BYTES: u64 = 8 << 20;
/// Layers of one platform's manifest: what no builder comes near.
pub const IMAGE_LAYERS: usize = 500;
/// Labels that are told of one platform.
pub const LABELS: usize = 256;
/// Bytes of a label that is told; of a longer one only its name is. Builders keep whole inventories in labels.
pub const LABEL_BYTES: usize = 4 << 10;
/// Characters of any other text that is told.
pub const TEXT: usize = 256;

/// Where images are asked for, and what they are checked with.
pub struct ImageSource<'s> {
    /// The client.
    pub registry: &'s Registry,
    /// Where it goes.
    pub store: &'s Store,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What its index or manifest is.
    pub media_type: String,
    /// What it has for each platform; one where it has no index.
    pub platforms: Vec<Platform>,
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The digest of its manifest.
    pub digest: Digest,
    /// `linux`.
    pub os: String,
    /// `arm64`.
    pub architecture: String,
    /// `v8`; may be empty.
    pub variant: String,
    /// The user that its processes start as; empty for root.
    pub user: String,
    /// When it was built, as it says itself.
    pub created: Option<String>,
    /// Bytes of its layers, compressed, and of its configuration.
    pub size: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The labels that are too long to be told.
    pub left_out: Vec<String>,
}

/// What the trust policy makes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trusted {
    /// Enough signatures and attestations are there.
    Verified(Verified),
    /// It needs none, as the policy says in so many words.
    Unsigned,
    /// It is not.
    Refused(Box<Refusal>),
}

/// An index or a manifest, OCI's or Docker's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: Option<String>,
    manifests: Option<Vec<Child>>,
    config: Option<Part>,
    #[serde(default)]
    layers: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Child {
    #[serde(flatten)]
    part: Part,
    platform: Option<ChildPlatform>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    media_type: String,
    digest: Digest,
    size: u64,
}

#[derive(Deserialize)]
struct ChildPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    created: Option<String>,
    config: Option<Runtime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Runtime {
    user: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

/// Media types of what an image is configured by.
const CONFIGURATIONS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

impl ImageSource<'_> {
    /// The digest that a tag stands for now; one request.
    ///
    /// # Errors
    /// [`OciError::Missing`] when there is no such tag; else when the registry cannot be asked.
    pub async fn resolve(&self, reference: &Reference) -> Result<Digest, OciError> {
        match reference.digest {
            Some(digest) => Ok(digest),
            None => Ok(self.registry.resolve(reference).await?.digest),
        }
    }

    /// What an image is.
    ///
    /// # Errors
    /// When it is no image, or more than is read of one, or cannot be had.
    pub async fn image(&self, repository: &Repository, digest: Digest) -> Result<Image, OciError> {
        let bytes = admit::manifest(self.registry, self.store, repository, digest).await?;
        let wire = parse::<Wire>(&bytes, repository, digest)?;
        let mut left = IMAGE_BYTES.saturating_sub(bytes.len() as u64);
        let Some(children) = wire.manifests else {
            let media_type = wire.media_type.clone().unwrap_or_default();
            let platform = self.platform(repository, digest, wire, None, &mut left).await?;
            return Ok(Image { media_type, platforms: vec![platform] });
        };
        // What builders keep beside the platforms, such as statements of provenance, runs nowhere.
        let runs = |child: &Child| child.platform.as_ref().is_none_or(|platform| platform.os != "unknown");
        let children: Vec<Child> = children.into_iter().filter(runs).collect();
        let what = repository.at(digest).to_string();
        if children.len() > PLATFORMS {
            let actual = children.len() as u64;
            return Err(OciError::TooMuch { what, actual, unit: "platforms", limit: PLATFORMS as u64 });
        }
        let declared = children.iter().fold(0u64, |sum, child| sum.saturating_add(child.part.size));
        spend(&mut left, declared, &what)?;
        let manifests: Vec<Wire> = stream::iter(&children)
            .map(|child| self.child(repository, &child.part))
            .buffered(limits::PARALLEL)
            .try_collect()
            .await?;
        let mut platforms = Vec::with_capacity(children.len());
        for (child, manifest) in children.into_iter().zip(manifests) {
            let digest = child.part.digest;
            platforms.push(self.platform(repository, digest, manifest, child.platform, &mut left).await?);
        }
        Ok(Image { media_type: wire.media_type.unwrap_or_default(), platforms })
    }

    /// The manifest of a platform, which has the length that the index says.
    async fn child(&self, repository: &Repository, part: &Part) -> Result<Wire, OciError> {
        let bytes = admit::manifest(self.registry, self.store, repository, part.digest).await?;
        if bytes.len() as u64 != part.size {
            let what = repository.at(part.digest).to_string();
            return Err(OciError::Length { what, expected: part.size, actual: bytes.len() as u64 });
        }
        parse(&bytes, repository, part.digest)
    }

    async fn platform(
        &self,
        repository: &Repository,
        digest: Digest,
        manifest: Wire,
        listed: Option<ChildPlatform>,
        left: &mut u64,
    ) -> Result<Platform, OciError> {
        let what = repository.at(digest).to_string();
        let malformed = |reason: String| OciError::Malformed { what: what.clone(), reason };
        let Some(config) = manifest.config else {
            return Err(malformed("it is neither an index nor a manifest of an image".to_owned()));
        };
        if !CONFIGURATIONS.contains(&config.media_type.as_str()) {
            return Err(malformed(format!("it is no image: its configuration is of the type `{}`", config.media_type)));
        }
        if manifest.layers.len() > IMAGE_LAYERS {
            let actual = manifest.layers.len() as u64;
            return Err(OciError::TooMuch { what, actual, unit: "layers", limit: IMAGE_LAYERS as u64 });
        }
        spend(left, config.size, &what)?;
        let descriptor =
            Descriptor { size: config.size, digest: config.digest, ..Descriptor::of(&config.media_type, b"") };
        let bytes = self.evidence(repository, digest).blob(&descriptor).await?;
        let configuration: Configuration = parse(&bytes, repository, config.digest)?;
        let layers = manifest.layers.iter().chain([&config]);
        let size = layers.fold(0u64, |sum, layer| sum.saturating_add(layer.size));
        let runtime = configuration.config.unwrap_or(Runtime { user: None, labels: None });
        let (mut labels, mut left_out) = (BTreeMap::new(), Vec::new());
        for (key, value) in runtime.labels.unwrap_or_default() {
            if key.len() + value.len() > LABEL_BYTES || labels.len() == LABELS {
                if left_out.len() < LABELS {
                    left_out.push(shortened(key));
                }
            } else {
                labels.insert(key, value);
            }
        }
        let listed = listed.unwrap_or(ChildPlatform {
            os: configuration.os,
            architecture: configuration.architecture,
            variant: configuration.variant,
        });
        Ok(Platform {
            digest,
            os: shortened(listed.os),
            architecture: shortened(listed.architecture),
            variant: shortened(listed.variant),
            user: shortened(runtime.user.unwrap_or_default()),
            created: configuration.created.map(shortened),
            size,
            labels,
            left_out,
        })
    }

    fn evidence<'e>(&'e self, repository: &'e Repository, subject: Digest) -> Evidence<'e> {
        Evidence { repository, subject, registry: self.registry, store: self.store }
    }

    /// What a trust policy makes of an image. `place` is where it is asked for, `target` what it is called.
    ///
    /// # Errors
    /// When the registry cannot be asked: then nobody knows.
    pub async fn trusted(
        &self,
        place: &Repository,
        digest: Digest,
        target: &Target,
        policy: &TrustPolicy,
    ) -> Result<Trusted, OciError> {
        let checked = match policy.demand(target) {
            Err(refusal) => return Ok(Trusted::Refused(refusal)),
            Ok((Demand::Unsigned, _)) => return Ok(Trusted::Unsigned),
            Ok((Demand::Signed(requirement), signed_as)) => {
                trusted::check(requirement, target, &signed_as, &self.evidence(place, digest)).await
            }
        };
        match checked {
            Ok(verified) => Ok(Trusted::Verified(verified)),
            Err(OciError::NotAdmitted(refusal)) => Ok(Trusted::Refused(refusal)),
            Err(error) => Err(error),
        }
    }
}

/// Takes what is about to be fetched from what may be.
fn spend(left: &mut u64, bytes: u64, what: &str) -> Result<(), OciError> {
    *left = left.checked_sub(bytes).ok_or_else(|| OciError::TooMuch {
        what: what.to_owned(),
        actual: IMAGE_BYTES.saturating_sub(*left).saturating_add(bytes),
        unit: "bytes of manifests and configurations",
        limit: IMAGE_BYTES,
    })?;
    Ok(())
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8], repository: &Repository, digest: Digest) -> Result<T, OciError> {
    serde_json::from_slice(bytes)
        .map_err(|error| OciError::Malformed { what: repository.at(digest).to_string(), reason: error.to_string() })
}

/// No more of a text than is told.
fn shortened(text: String) -> String {
    match text.char_indices().nth(TEXT) {
        None => text,
        Some((end, _)) => text[..end].to_owned(),
    }
}
