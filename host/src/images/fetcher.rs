//! Who asks registries about images: one thread, so that no worker waits for a network.

use super::facts::Facts;
use super::name::ImageName;
use super::options::ImageOptions;
use super::told::Told;
use crate::digest::Digest;
use crate::document::{Document, Images, KnownImages};
use crate::oci::image::{Image, ImageSource, Trusted};
use crate::oci::registry::Registry;
use crate::oci::{OciError, Reference, Store, StoreError};
use crate::trust::{Reason, Refusal, Target, TrustPolicy};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Images that are asked about at once.
pub(super) const AT_ONCE: usize = 16;
/// Images that wait to be asked about.
pub(super) const WAITING: usize = 1024;
/// Bytes of images and of signatures that are kept in memory.
pub(super) const MEMORY_BYTES: u64 = 16 << 20;
/// Bytes of the store from which on it is emptied.
pub(super) const STORE_BYTES: u64 = 256 << 20;
/// After how many images that were not in memory the store is looked at, and the client begins anew: what it knows of
/// each repository would only grow.
const LOOK_AFTER: usize = 64;

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// There is no store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no thread.
    #[error("nobody can ask about images: {0}")]
    Thread(#[from] std::io::Error),
}

/// Asks registries about images.
pub struct Fetcher {
    jobs: mpsc::Sender<Job>,
    trust: Arc<ArcSwap<Trust>>,
    deadline: Duration,
}

/// Who may sign, as it was read last.
struct Trust {
    policy: Option<TrustPolicy>,
    /// Tells what was verified by one policy from what was by another.
    generation: u64,
}

struct Job {
    reference: Box<str>,
    until: Instant,
    reply: oneshot::Sender<Arc<Document>>,
}

impl Fetcher {
    /// Begins a thread that asks. Nobody is asked before somebody wants to know.
    ///
    /// # Errors
    /// When there is no store, or no thread.
    pub fn start(options: ImageOptions, policy: Option<TrustPolicy>) -> Result<Self, ImagesError> {
        let store = Store::open(&options.store)?;
        let (jobs, received) = mpsc::channel(WAITING);
        let trust = Arc::new(ArcSwap::from_pointee(Trust { policy, generation: 0 }));
        let (deadline, known) = (options.deadline, Arc::clone(&trust));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
        std::thread::Builder::new().name("images".to_owned()).spawn(move || {
            let asking = Rc::new(Asking::new(options, store, known));
            tokio::task::LocalSet::new().block_on(&runtime, asking.run(received));
            // A credential helper that hangs does not hold the process.
            runtime.shutdown_background();
        })?;
        Ok(Self { jobs, trust, deadline })
    }

    /// Goes on with another trust policy.
    pub fn set_trust(&self, policy: Option<TrustPolicy>) {
        let generation = self.trust.load().generation + 1;
        self.trust.store(Arc::new(Trust { policy, generation }));
    }

    /// Begins to ask about an image.
    fn begin(&self, reference: &str, until: Instant) -> oneshot::Receiver<Arc<Document>> {
        let (reply, answer) = oneshot::channel();
        if let Err(error) = self.jobs.try_send(Job { reference: reference.into(), until, reply }) {
            let (mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) = error;
            let reason = format!("more than {WAITING} images wait to be asked about");
            // Whoever asked has gone.
            let _ = job.reply.send(Arc::new(unknown(&job.reference, reason)));
        }
        answer
    }

    /// What is known of some images, at the latest then, or when one image may take no longer.
    pub async fn told(&self, references: &[Box<str>], until: Instant) -> KnownImages {
        let until = until.min(Instant::now() + self.deadline);
        let asked: Vec<_> = references.iter().map(|reference| (reference, self.begin(reference, until))).collect();
        let mut documents = HashMap::with_capacity(asked.len());
        for (reference, answer) in asked {
            // The thread keeps the time; what it has to say after that is said at once.
            let answer = tokio::time::timeout_at((until + GRACE).into(), answer).await;
            let document = answer.ok().and_then(Result::ok);
            documents.insert(
                reference.clone(),
                document.unwrap_or_else(|| Arc::new(unknown(reference, late(self.deadline)))),
            );
        }
        KnownImages::new(Arc::new(Told::new(documents)))
    }
}

/// How much later than the deadline the answer that it has passed may come.
const GRACE: Duration = Duration::from_millis(100);

fn late(deadline: Duration) -> String {
    format!("the registry did not answer in time (at the most {} s)", deadline.as_secs_f32())
}

fn unknown(reference: &str, reason: String) -> Document {
    Facts::failed(reason).document(reference, ImageName::parse(reference).ok().as_ref(), Timestamp::now())
}

/// A run, which waits for what it asks.
pub struct Asked {
    fetcher: Fetcher,
    known: Mutex<HashMap<Box<str>, Arc<Slot>>>,
}

/// An image that was asked about.
struct Slot {
    answer: Mutex<Option<oneshot::Receiver<Arc<Document>>>>,
    document: OnceLock<Arc<Document>>,
}

impl Asked {
    /// Each image is asked about once.
    pub fn new(fetcher: Fetcher) -> Self {
        Self { fetcher, known: Mutex::default() }
    }

    fn slot(&self, reference: &str) -> Arc<Slot> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.get(reference) {
            return Arc::clone(slot);
        }
        let (reply, answer) = oneshot::channel();
        // The time of an image begins when its turn comes, and a run waits for its turn, however many there are.
        let job = Job { reference: reference.into(), until: Instant::now() + A_RUN, reply };
        // Where the thread has stopped, whoever waits for the answer is told.
        let _ = self.fetcher.jobs.blocking_send(job);
        let slot = Arc::new(Slot { answer: Mutex::new(Some(answer)), document: OnceLock::new() });
        known.insert(reference.into(), Arc::clone(&slot));
        slot
    }
}

/// Longer than any run.
const A_RUN: Duration = Duration::from_secs(24 * 60 * 60);

impl Images for Asked {
    fn want(&self, references: &[Box<str>]) {
        for reference in references {
            self.slot(reference);
        }
    }

    fn image(&self, reference: &str) -> Arc<Document> {
        let slot = self.slot(reference);
        let wait = || {
            let answer = slot.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            let document = answer.and_then(|answer| answer.blocking_recv().ok());
            document.unwrap_or_else(|| Arc::new(unknown(reference, "whoever asks registries has stopped".to_owned())))
        };
        Arc::clone(slot.document.get_or_init(wait))
    }
}

#[derive(Clone)]
struct Bytes;

/// What an entry of the cache takes beside its texts.
const ENTRY: u64 = 256;

impl Weighter<Digest, Arc<Image>> for Bytes {
    fn weight(&self, _: &Digest, image: &Arc<Image>) -> u64 {
        let texts = image.platforms.iter().map(|platform| {
            let labels = platform.labels.iter().map(|(key, value)| key.len() + value.len() + 64);
            let left_out = platform.left_out.iter().map(|name| name.len() + 32);
            labels.chain(left_out).sum::<usize>() as u64 + 4 * ENTRY
        });
        ENTRY + texts.sum::<u64>()
    }
}

/// What was verified: a repository, a digest, and the generation of the trust policy.
type Verified = (String, Digest, u64);

impl Weighter<Verified, Trusted> for Bytes {
    fn weight(&self, (repository, ..): &Verified, trusted: &Trusted) -> u64 {
        let texts = match trusted {
            Trusted::Verified(verified) => {
                let signers = verified.signers.iter().map(|signer| signer.len());
                signers.chain(verified.attestations.iter().map(|(kind, by)| kind.len() + by.len())).sum()
            }
            Trusted::Unsigned | Trusted::Refused(_) => 0,
        };
        ENTRY + (repository.len() + texts) as u64
    }
}

/// The thread's own.
struct Asking {
    options: ImageOptions,
    store: Store,
    trust: Arc<ArcSwap<Trust>>,
    registry: RefCell<Rc<Registry>>,
    images: Cache<Digest, Arc<Image>, Bytes>,
    verified: Cache<Verified, Trusted, Bytes>,
    places: Arc<Semaphore>,
    /// Images that were not in memory since the store was looked at.
    fetched: Cell<usize>,
}

impl Asking {
    fn new(options: ImageOptions, store: Store, trust: Arc<ArcSwap<Trust>>) -> Self {
        let registry = RefCell::new(Rc::new(Registry::new(&options.registry)));
        Self {
            options,
            store,
            trust,
            registry,
            images: Cache::with_weighter(1024, MEMORY_BYTES / 2, Bytes),
            verified: Cache::with_weighter(1024, MEMORY_BYTES / 2, Bytes),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            fetched: Cell::new(0),
        }
    }

    /// Until nobody can ask any more.
    async fn run(self: Rc<Self>, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            if self.fetched.get() >= LOOK_AFTER {
                self.tidy().await;
            }
            // Nobody is waited for while a place is free; else the queue fills, and is bounded.
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let asking = Rc::clone(&self);
            tokio::task::spawn_local(async move {
                let Job { reference, until, reply } = job;
                let until = until.min(Instant::now() + asking.options.deadline);
                let facts = async {
                    match ImageName::parse(&reference) {
                        Err(error) => (None, Facts::not_asked(error.to_string())),
                        Ok(name) => {
                            let facts = asking.facts(&name);
                            let known = tokio::time::timeout_at(until.into(), facts).await;
                            let known = known.unwrap_or_else(|_| Facts::failed(late(asking.options.deadline)));
                            (Some(name), known)
                        }
                    }
                };
                let (name, facts) = facts.await;
                // Whoever asked may have gone.
                let _ = reply.send(Arc::new(facts.document(&reference, name.as_ref(), Timestamp::now())));
                drop(place);
            });
        }
    }

    /// Empties the store where it has become too large, while nobody uses it, and begins a new client.
    async fn tidy(&self) {
        let Ok(alone) = self.places.acquire_many(AT_ONCE as u32).await else { return };
        self.fetched.set(0);
        *self.registry.borrow_mut() = Rc::new(Registry::new(&self.options.registry));
        let used = self.store.bytes();
        if used.is_ok_and(|bytes| bytes > STORE_BYTES)
            && let Err(error) = self.store.prune(None)
        {
            tracing::warn!(%error, "the store of images could not be emptied");
        }
        drop(alone);
    }

    async fn facts(&self, name: &ImageName) -> Facts {
        let repository = name.repository();
        if !self.options.allows(&repository) {
            let reason = format!("`{repository}` is not one of the repositories that may be asked about images");
            return Facts { trusted: self.untrusted(&repository), ..Facts::not_asked(reason) };
        }
        let mut facts = Facts::default();
        if let Err(error) = self.ask(name, &mut facts).await {
            return Facts { unknown: Facts::failed(error.to_string()).unknown, ..Facts::default() };
        }
        facts
    }

    async fn ask(&self, name: &ImageName, facts: &mut Facts) -> Result<(), OciError> {
        let registry = Rc::clone(&self.registry.borrow());
        let source = ImageSource { registry: &registry, store: &self.store };
        let place = self.options.place(&name.0);
        let digest = match source.resolve(&place).await {
            Err(OciError::Missing(_)) => {
                facts.exists = Some(false);
                return Ok(());
            }
            other => other?,
        };
        let image = match self.image(&source, &place, digest).await {
            Err(OciError::Missing(_)) if name.0.digest.is_some() => {
                facts.exists = Some(false);
                return Ok(());
            }
            other => other?,
        };
        facts.trusted = Some(self.trusted(&source, name, &place, digest).await?);
        (facts.digest, facts.exists, facts.image) = (Some(digest), Some(true), Some(image));
        Ok(())
    }

    async fn image(&self, source: &ImageSource<'_>, place: &Reference, digest: Digest) -> Result<Arc<Image>, OciError> {
        if let Some(image) = self.images.get(&digest) {
            return Ok(image);
        }
        self.fetched.set(self.fetched.get() + 1);
        let image = Arc::new(source.image(&place.repository, digest).await?);
        self.images.insert(digest, Arc::clone(&image));
        Ok(image)
    }

    /// What was verified stays so; what was not is looked at again, since somebody may sign it at any time.
    async fn trusted(
        &self,
        source: &ImageSource<'_>,
        name: &ImageName,
        place: &Reference,
        digest: Digest,
    ) -> Result<Trusted, OciError> {
        let trust = self.trust.load_full();
        let target = name.0.repository.target(digest);
        let Some(policy) = &trust.policy else { return Ok(no_policy(target)) };
        let key = (target.repository().to_owned(), digest, trust.generation);
        if let Some(known) = self.verified.get(&key) {
            return Ok(known);
        }
        let trusted = source.trusted(&place.repository, digest, &target, policy).await?;
        if matches!(trusted, Trusted::Verified(_)) {
            self.verified.insert(key, trusted.clone());
        }
        Ok(trusted)
    }

    /// What the trust policy alone says of a repository that is not asked: nobody may sign it, or nobody has to.
    fn untrusted(&self, repository: &str) -> Option<Trusted> {
        let trust = self.trust.load_full();
        let target = Target::new(repository, &Digest::of(b"").to_string())?;
        let Some(policy) = &trust.policy else { return Some(no_policy(target)) };
        match policy.demand(&target) {
            Err(refusal) => Some(Trusted::Refused(refusal)),
            Ok((crate::trust::Demand::Unsigned, _)) => Some(Trusted::Unsigned),
            Ok((crate::trust::Demand::Signed(_), _)) => None,
        }
    }
}

fn no_policy(target: Target) -> Trusted {
    let remedy = "a trust policy that says who may sign it".to_owned();
    Trusted::Refused(Box::new(Refusal { target, reason: Reason::NoPolicy, rejected: Vec::new(), remedy }))
}
