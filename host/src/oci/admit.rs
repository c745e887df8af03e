//! Who may be run: the one gate between "a reference is a digest" and "its components are fetched and compiled".

use super::error::OciError;
use super::limits;
use super::model::Descriptor;
use super::reference::{Reference, Repository};
use super::registry::Registry;
use super::store::Store;
use crate::digest::Digest;
use crate::trust::{Reason, Refusal, Target};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

/// By what right something is used, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission(pub String);

/// A manifest that somebody wants to use. Nothing that it leads to was fetched yet.
pub struct Candidate<'c> {
    /// What was asked for, with the digest that it came to.
    pub reference: &'c Reference,
    /// The manifest, or index, by its digest.
    pub descriptor: &'c Descriptor,
    /// Its bytes; they have that digest.
    pub manifest: &'c [u8],
    /// What others say of it.
    pub evidence: Evidence<'c>,
}

impl Candidate<'_> {
    /// What trust policies and signatures call it.
    pub fn target(&self) -> Target {
        self.reference.repository.target(self.descriptor.digest)
    }
}

/// What others say of a manifest: what is kept of it, and what the registry has now.
pub struct Evidence<'c> {
    pub(super) repository: &'c Repository,
    pub(super) subject: Digest,
    pub(super) registry: &'c Registry,
    pub(super) store: &'c Store,
}

/// Decides who may be run.
pub trait Admit: Send + Sync {
    /// Decides on one manifest; an error refuses it.
    fn admit<'a>(&'a self, candidate: &'a Candidate<'a>) -> LocalBoxFuture<'a, Result<Admission, OciError>>;
}

/// Refuses everything that comes from a registry, since nothing says who made it.
pub struct RefuseUnsigned;

/// Takes everything, because somebody said so in so many words.
pub struct AllowUnsigned;

impl Admit for RefuseUnsigned {
    fn admit<'a>(&'a self, candidate: &'a Candidate<'a>) -> LocalBoxFuture<'a, Result<Admission, OciError>> {
        let target = candidate.target();
        let remedy = format!(
            "a trust policy (--trust, POLICY_HOST_TRUST, or `trust` in the server's configuration) that says who may sign \
             `{}`; or --allow-unsigned, there `registries.allowUnsigned: true`, which takes it all the same",
            target.repository()
        );
        let refusal = Refusal { target, reason: Reason::NoPolicy, rejected: Vec::new(), remedy };
        Box::pin(std::future::ready(Err(OciError::from(Box::new(refusal)))))
    }
}

impl Admit for AllowUnsigned {
    fn admit<'a>(&'a self, _candidate: &'a Candidate<'a>) -> LocalBoxFuture<'a, Result<Admission, OciError>> {
        Box::pin(std::future::ready(Ok(Admission("unsigned, which is allowed".to_owned()))))
    }
}

impl Evidence<'_> {
    /// What is kept, without asking anybody: enough where nothing changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn known(&self, artifact_type: &str) -> Result<Vec<Descriptor>, OciError> {
        let mut known = self.store.referrers(self.subject)?;
        known.retain(|descriptor| descriptor.artifact_type.as_deref() == Some(artifact_type));
        Ok(known)
    }

    /// What the registry has now; it is kept from then on.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn asked(&self, artifact_type: &str) -> Result<Vec<Descriptor>, OciError> {
        let found = self.registry.referrers(self.repository, self.subject, Some(artifact_type)).await?;
        let mut kept = self.store.referrers(self.subject)?;
        kept.retain(|descriptor| descriptor.artifact_type.as_deref() != Some(artifact_type));
        kept.extend(found.iter().cloned());
        self.store.set_referrers(self.subject, &kept)?;
        Ok(found)
    }

    /// A manifest of the repository, from the store or the registry.
    ///
    /// # Errors
    /// When it is not what its digest says, or cannot be had.
    pub async fn manifest(&self, digest: Digest) -> Result<Bytes, OciError> {
        manifest(self.registry, self.store, self.repository, digest).await
    }

    /// A small blob of the repository, from the store or the registry.
    ///
    /// # Errors
    /// When it is not what its digest says, is larger than [`limits::DOCUMENT_BYTES`], or cannot be had.
    pub async fn blob(&self, blob: &Descriptor) -> Result<Vec<u8>, OciError> {
        if blob.size > limits::DOCUMENT_BYTES {
            let (what, limit) = (format!("{}@{}", self.repository, blob.digest), limits::DOCUMENT_BYTES);
            return Err(OciError::TooMuch { what, actual: blob.size, unit: "bytes", limit });
        }
        if let Some(bytes) = self.store.read(blob.digest, limits::DOCUMENT_BYTES)? {
            return Ok(bytes);
        }
        self.registry.fetch(self.repository, blob, self.store).await?;
        let bytes = self.store.read(blob.digest, limits::DOCUMENT_BYTES)?;
        bytes.ok_or_else(|| OciError::Missing(format!("{}@{}", self.repository, blob.digest)))
    }

    /// The manifest under a tag of the repository, where older signatures are; it is kept as of a kind.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn asked_tag(&self, tag: &str, kind: &str) -> Result<Option<Descriptor>, OciError> {
        let Some((media_type, bytes)) = self.registry.tagged(self.repository, tag).await? else { return Ok(None) };
        let descriptor = Descriptor { artifact_type: Some(kind.to_owned()), ..Descriptor::of(&media_type, &bytes) };
        self.store.put(&bytes)?;
        let mut kept = self.store.referrers(self.subject)?;
        kept.retain(|known| known.artifact_type.as_deref() != Some(kind));
        kept.push(descriptor.clone());
        self.store.set_referrers(self.subject, &kept)?;
        Ok(Some(descriptor))
    }

    /// Whether nobody is asked.
    pub fn is_offline(&self) -> bool {
        self.registry.is_offline()
    }
}

/// A manifest from the store, else from the registry and then in the store.
pub(super) async fn manifest(
    registry: &Registry,
    store: &Store,
    repository: &Repository,
    digest: Digest,
) -> Result<Bytes, OciError> {
    if let Some(bytes) = store.read(digest, limits::MANIFEST_BYTES)? {
        return Ok(bytes.into());
    }
    let bytes = registry.manifest(repository, digest).await.map_err(|error| store.absent(digest, Some(error)))?;
    store.put(&bytes)?;
    Ok(bytes)
}
