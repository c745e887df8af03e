//! All of it for whoever does not wait by itself: commands, and the server's loader.

use super::admit::{Admission, Admit};
use super::artifact;
use super::error::OciError;
use super::fetch::{Fetched, Locking, Source};
use super::layout::{Contents, Listing};
use super::limits;
use super::progress::Progress;
use super::push::{self, Pushed};
use super::reference::{Reference, Repository};
use super::registry::{Registry, RegistryOptions};
use super::signing::{Attached, Claim};
use super::store::Store;
use crate::bundle::{Bundle, Library};
use crate::digest::Digest;
use crate::engine::Engine;
use crate::trust::PrivateKey;
use std::sync::Arc;
use std::time::Duration;

/// What is needed to ask registries and to keep what they give. Its methods block.
pub struct Session {
    /// How registries are asked.
    pub options: RegistryOptions,
    /// Where it goes.
    pub store: Store,
    /// Who may be run.
    pub admit: Box<dyn Admit>,
    /// Who looks on.
    pub progress: Arc<Progress>,
}

impl Session {
    /// Fetches a bundle.
    ///
    /// # Errors
    /// See [`Source::bundle`].
    pub fn pull(&self, reference: &Reference, locking: &mut Locking) -> Result<Fetched, OciError> {
        let _guard = self.store.begin()?;
        self.run(async |source| source.bundle(reference, locking).await)
    }

    /// Fetches a bundle and opens it: what is opened has the digest that the reference came to.
    ///
    /// # Errors
    /// See [`Source::bundle`] and [`artifact::open`].
    pub fn open(
        &self,
        reference: &Reference,
        locking: &mut Locking,
        library: &Library,
        engine: &Engine,
    ) -> Result<Bundle, OciError> {
        // Nothing is removed until it was read.
        let _guard = self.store.begin()?;
        let fetched = self.run(async |source| source.bundle(reference, locking).await)?;
        let today = jiff::Zoned::now().date();
        let shown = fetched.reference.to_string();
        let open = || artifact::open(fetched.descriptor.digest, &self.store, &shown, library, engine, today);
        match open() {
            // What was damaged on the disk is noticed when it is read, and is gone then.
            Err(OciError::Missing(_) | OciError::Damaged { .. }) => {
                self.run(async |source| source.bundle_at(&fetched.reference).await)?;
                open()
            }
            opened => opened,
        }
    }

    /// What a reference stands for now; one request.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub fn resolve(&self, reference: &Reference) -> Result<Digest, OciError> {
        self.run(async |source| source.resolve(reference, &Locking::None).await)
    }

    /// The tags of a repository.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<String>, OciError> {
        self.run(async |source| source.registry.tags(repository).await)
    }

    /// Sends contents.
    ///
    /// # Errors
    /// See [`push::push`].
    pub fn push(&self, target: &Reference, listing: &Listing, contents: &dyn Contents) -> Result<Pushed, OciError> {
        self.run(async |source| push::push(source.registry, target, listing, contents, source.progress).await)
    }

    /// Fetches what is about a bundle.
    ///
    /// # Errors
    /// See [`Source::referrers`].
    pub fn listing(&self, fetched: &Fetched) -> Result<Listing, OciError> {
        let (repository, digest) = (&fetched.reference.repository, fetched.descriptor.digest);
        let referrers = self.run(async |source| source.referrers(repository, digest).await)?;
        let name = Reference { digest: None, ..fetched.reference.clone() };
        let name = name.tag.is_some().then(|| name.name());
        Ok(Listing { root: fetched.descriptor.clone(), name, referrers })
    }

    /// Says something of what a reference stands for now, by a key, and attaches it.
    ///
    /// # Errors
    /// See [`Source::attach`].
    pub fn attach(&self, reference: &Reference, claim: &Claim<'_>, key: &PrivateKey) -> Result<Attached, OciError> {
        self.run(async |source| source.attach(reference, claim, key).await)
    }

    /// Signs in the older form.
    ///
    /// # Errors
    /// See [`Source::sign_under_tag`].
    pub fn sign_under_tag(&self, reference: &Reference, key: &PrivateKey) -> Result<Attached, OciError> {
        self.run(async |source| source.sign_under_tag(reference, key).await)
    }

    /// Whether a reference may be used, and by what right.
    ///
    /// # Errors
    /// See [`Source::verify`].
    pub fn verify(&self, reference: &Reference) -> Result<(Reference, Admission), OciError> {
        let _guard = self.store.begin()?;
        self.run(async |source| source.verify(reference).await)
    }

    /// Does something on a runtime of its own, with a client of its own: connections live no longer than that.
    fn run<T>(&self, work: impl AsyncFnOnce(&Source<'_>) -> Result<T, OciError>) -> Result<T, OciError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(limits::PARALLEL)
            .build()
            .map_err(|error| OciError::Refused(format!("nothing can be asked: {error}")))?;
        let registry = Registry::new(&self.options);
        let (store, admit, progress) = (&self.store, &*self.admit, &*self.progress);
        let source = Source { registry: &registry, store, admit, progress };
        let done = runtime.block_on(work(&source));
        // What is being written is finished; a credential helper that hangs does not hold the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        done
    }
}
