//! Who may be run: the one gate between "a reference is a digest" and "its components are fetched and compiled".

use super::digest::Digest;
use super::error::OciError;
use super::limits;
use super::model::Descriptor;
use super::reference::{Reference, Repository};
use super::registry::Registry;
use super::store::Store;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

/// Why a manifest may not be used: which check failed, for which digest, and what would satisfy it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{repository}@{digest} is refused: {check}; {cure}")]
pub struct Refusal {
    /// From where.
    pub repository: Repository,
    /// What.
    pub digest: Digest,
    /// The check that failed.
    pub check: String,
    /// What would satisfy it.
    pub cure: String,
}

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
        let refusal = Refusal {
            repository: candidate.reference.repository.clone(),
            digest: candidate.descriptor.digest,
            check: "no signature of it was verified".to_owned(),
            cure:
                "--allow-unsigned, or `registries.allowUnsigned: true` in the server's configuration, takes it all the \
                   same"
                    .to_owned(),
        };
        Box::pin(std::future::ready(Err(refusal.into())))
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

    /// The manifest under a tag of the repository: where older signatures are.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn tagged(&self, tag: &str) -> Result<Option<Bytes>, OciError> {
        Ok(self.registry.tagged(self.repository, tag).await?.map(|(_, bytes)| bytes))
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
    let bytes = registry.manifest(repository, digest).await?;
    store.put(&bytes)?;
    Ok(bytes)
}
