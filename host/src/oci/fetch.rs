//! From a reference to a store that has everything it leads to.

use super::admit::{self, Admission, Admit, Candidate, Evidence};
use super::artifact;
use super::error::OciError;
use super::limits;
use super::lock::LockFile;
use super::model::{Descriptor, Index, Manifest, media};
use super::progress::Progress;
use super::reference::{Reference, Repository};
use super::registry::Registry;
use super::store::Store;
use super::trusted::signature_tag;
use crate::digest::Digest;
use crate::trust::PAYLOAD_MEDIA_TYPE;
use futures_util::stream::{StreamExt as _, TryStreamExt as _};

/// What a tag is held to, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Locking {
    /// Nothing: the registry is asked.
    #[default]
    None,
    /// The lock file: a reference that it has is not asked for again, another is added.
    Use(LockFile),
    /// The lock file, and nothing that it does not have.
    Locked(LockFile),
    /// The registry is asked, and the lock file takes the answer.
    Update(LockFile),
}

/// What is at hand to fetch with.
pub struct Source<'s> {
    /// The client.
    pub registry: &'s Registry,
    /// Where it goes.
    pub store: &'s Store,
    /// Who may be run.
    pub admit: &'s dyn Admit,
    /// Who looks on.
    pub progress: &'s Progress,
}

/// What a reference came to. Everything that it leads to is in the store.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The reference with its digest.
    pub reference: Reference,
    /// The index.
    pub descriptor: Descriptor,
    /// Its manifests.
    pub index: Index,
    /// By what right it may be used.
    pub admission: Admission,
}

impl Source<'_> {
    /// Resolves a reference once: by its own digest, by the lock, or by the registry.
    ///
    /// # Errors
    /// When the lock does not have it and has to, or has another one, or the registry cannot be asked.
    pub async fn resolve(&self, reference: &Reference, locking: &Locking) -> Result<Digest, OciError> {
        let lock = match locking {
            Locking::Use(lock) | Locking::Locked(lock) => Some(lock),
            Locking::None | Locking::Update(_) => None,
        };
        if let Some(digest) = reference.digest {
            // A tag beside the digest is held to the same.
            if let (Some(lock), true) = (lock, reference.tag.is_some()) {
                lock.check(reference, digest)?;
            }
            return Ok(digest);
        }
        if let Some(digest) = lock.and_then(|lock| lock.digest(reference)) {
            return Ok(digest);
        }
        if let Locking::Locked(lock) = locking {
            return Err(lock.not_locked(reference).into());
        }
        if self.registry.is_offline() {
            let entry = self.store.entry(reference)?;
            return entry
                .map(|entry| entry.descriptor.digest)
                .ok_or_else(|| OciError::Missing(format!("{reference} in the store")));
        }
        Ok(self.registry.resolve(reference).await?.digest)
    }

    /// Fetches a bundle: what its reference resolves to, if that is admitted, and everything that this leads to.
    ///
    /// # Errors
    /// When anything is not what it should be; what was fetched until then stays in the store and is not fetched again.
    pub async fn bundle(&self, reference: &Reference, locking: &mut Locking) -> Result<Fetched, OciError> {
        let digest = self.resolve(reference, locking).await?;
        let fetched = self.bundle_at(&reference.pinned(digest)).await?;
        self.store.refer(reference, &fetched.descriptor)?;
        if let (Locking::Use(lock) | Locking::Update(lock), None) = (locking, reference.digest) {
            lock.set(reference, digest)?;
        }
        Ok(fetched)
    }

    /// Fetches a bundle whose digest is known.
    ///
    /// # Errors
    /// As [`Source::bundle`].
    pub async fn bundle_at(&self, reference: &Reference) -> Result<Fetched, OciError> {
        let repository = &reference.repository;
        let digest = reference.digest.ok_or_else(|| OciError::Missing(format!("the digest of {reference}")))?;
        let bytes = admit::manifest(self.registry, self.store, repository, digest).await?;
        let descriptor = Descriptor::of(media::INDEX, &bytes);
        let index = artifact::index(&bytes)?;
        let evidence = Evidence { repository, subject: digest, registry: self.registry, store: self.store };
        let candidate = Candidate { reference, descriptor: &descriptor, manifest: &bytes, evidence };
        let admission = self.admit.admit(&candidate).await?;
        self.contents(repository, &index).await?;
        Ok(Fetched { reference: reference.clone(), descriptor, index, admission })
    }

    /// Fetches everything that an index leads to, several things at once.
    async fn contents(&self, repository: &Repository, index: &Index) -> Result<(), OciError> {
        let manifests = futures_util::stream::iter(index.manifests.iter().map(|child| self.child(repository, child)));
        let manifests: Vec<Manifest> = manifests.buffer_unordered(limits::PARALLEL).try_collect().await?;
        let mut blobs: Vec<&Descriptor> =
            manifests.iter().flat_map(|one| one.layers.iter().chain([&one.config])).collect();
        blobs.sort_by_key(|blob| blob.digest);
        blobs.dedup_by_key(|blob| blob.digest);
        let mut missing = Vec::new();
        for blob in &blobs {
            if !self.store.has(blob)? {
                missing.push(*blob);
            }
        }
        artifact::check_total(repository, &blobs)?;
        self.progress.expect(missing.len(), missing.iter().map(|blob| blob.size).sum());
        let fetching = missing.into_iter().map(|blob| async {
            self.registry.fetch(repository, blob, self.store).await?;
            self.progress.done(blob.size);
            Ok(())
        });
        futures_util::stream::iter(fetching).buffer_unordered(limits::PARALLEL).try_collect().await
    }

    /// Fetches what is about a manifest, and everything that leads to; a signature goes where its subject goes.
    ///
    /// # Errors
    /// As [`Source::bundle`].
    pub async fn referrers(&self, repository: &Repository, subject: Digest) -> Result<Vec<Descriptor>, OciError> {
        if self.registry.is_offline() {
            return Ok(self.store.referrers(subject)?);
        }
        let mut found = self.registry.referrers(repository, subject, None).await?;
        let evidence = Evidence { repository, subject, registry: self.registry, store: self.store };
        found.extend(evidence.asked_tag(&signature_tag(subject), PAYLOAD_MEDIA_TYPE).await?);
        for referrer in &found {
            let manifest = self.child(repository, referrer).await?;
            for blob in manifest.layers.iter().chain([&manifest.config]) {
                self.registry.fetch(repository, blob, self.store).await?;
            }
        }
        self.store.set_referrers(subject, &found)?;
        Ok(found)
    }

    async fn child(&self, repository: &Repository, child: &Descriptor) -> Result<Manifest, OciError> {
        let bytes = admit::manifest(self.registry, self.store, repository, child.digest).await?;
        if bytes.len() as u64 != child.size {
            let what = repository.at(child.digest).to_string();
            return Err(OciError::Length { what, expected: child.size, actual: bytes.len() as u64 });
        }
        let manifest = Manifest::parse(&bytes)?;
        artifact::check_sizes(&manifest)?;
        Ok(manifest)
    }
}
