//! Bundles in registries: what is fetched, kept and sent, and what becomes of it when a registry fails.

mod commands;
mod faults;
pub(crate) mod made;
mod referrers;
mod signing;
mod trust;

use crate::fake_registry::FakeRegistry;
use policy_host::oci::admit::AllowUnsigned;
use policy_host::oci::artifact::Built;
use policy_host::oci::layout::Listing;
use policy_host::oci::limits::Patience;
use policy_host::oci::registry::{Credentials, PlainHttp, RegistryOptions};
use policy_host::oci::{Fetched, Locking, OciError, Progress, Reference, Session, Store};
use std::sync::Arc;
use std::time::Duration;

/// A session with a store of its own, and little patience.
struct Client {
    _home: tempfile::TempDir,
    session: Session,
}

impl Client {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let patience = Patience {
            stall: Duration::from_millis(500),
            attempts: 3,
            backoff: Duration::from_millis(5),
            longest_wait: Duration::from_millis(50),
            ..Patience::default()
        };
        let session = Session {
            options: RegistryOptions {
                plain_http: PlainHttp::Always,
                credentials: Credentials::Anonymous,
                patience,
                ..RegistryOptions::default()
            },
            store: Store::open(&home.path().join("store")).unwrap(),
            admit: Box::new(AllowUnsigned),
            progress: Arc::new(Progress::default()),
        };
        Self { _home: home, session }
    }

    fn push(&self, reference: &str, built: &Built) -> Result<(), OciError> {
        let listing = Listing { root: built.root.clone(), name: None, referrers: Vec::new() };
        self.session.push(&reference.parse()?, &listing, built).map(drop)
    }

    fn pull(&self, reference: &str) -> Result<Fetched, OciError> {
        self.session.pull(&reference.parse()?, &mut Locking::None)
    }

    /// Why a bundle cannot be fetched; nothing of it may be referred to then.
    fn refused(&self, reference: &str) -> String {
        let error = self.pull(reference).unwrap_err().to_string();
        let reference: Reference = reference.parse().unwrap();
        assert_eq!(self.session.store.entry(&reference).unwrap(), None);
        error
    }
}

/// A registry that has a bundle under `team/made:1`.
fn published(components: usize) -> (FakeRegistry, Built) {
    let registry = FakeRegistry::start();
    let built = made::bundle(components, 1000);
    Client::new().push(&registry.reference("team/made:1"), &built).unwrap();
    registry.asked();
    (registry, built)
}

#[test]
fn what_was_sent_is_fetched_and_is_asked_for_once() {
    let (registry, built) = published(20);
    let client = Client::new();
    let reference = registry.reference("team/made:1");
    let fetched = client.pull(&reference).unwrap();
    assert_eq!(fetched.descriptor.digest, built.root.digest);
    assert_eq!(registry.digest("team/made", "1"), built.root.digest);
    for (digest, bytes) in &built.contents {
        assert_eq!(client.session.store.read(*digest, 1 << 20).unwrap().as_ref(), Some(bytes));
    }
    registry.asked();
    client.pull(&reference).unwrap();
    let asked = registry.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("HEAD", "/v2/team/made/manifests/1"));
    // By digest nothing needs to be asked at all.
    client.pull(&format!("{reference}@{}", built.root.digest)).unwrap();
    assert_eq!(registry.asked(), []);
}

#[test]
fn sending_again_sends_no_blob() {
    let (registry, built) = published(3);
    Client::new().push(&registry.reference("team/made:2"), &built).unwrap();
    let sent = registry.asked().into_iter().filter(|asked| asked.method == "POST").count();
    assert_eq!(sent, 0);
    assert_eq!(registry.digest("team/made", "2"), built.root.digest);
}

#[test]
fn tags_are_held_to_digests() {
    let (registry, built) = published(1);
    let client = Client::new();
    let reference: Reference = registry.reference("team/made:1").parse().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy-host.lock");
    let lock = || policy_host::oci::LockFile::read(&path).unwrap();

    let locked = client.session.pull(&reference, &mut Locking::Locked(lock())).unwrap_err().to_string();
    assert!(locked.contains("--locked adds none"), "{locked}");
    assert!(!path.exists());
    client.session.pull(&reference, &mut Locking::Use(lock())).unwrap();
    assert_eq!(lock().digest(&reference), Some(built.root.digest));

    let other = made::bundle(2, 10);
    client.push(&reference.to_string(), &other).unwrap();
    for mut locking in [Locking::Use(lock()), Locking::Locked(lock())] {
        let fetched = client.session.pull(&reference, &mut locking).unwrap();
        assert_eq!(fetched.descriptor.digest, built.root.digest);
    }
    let pinned = reference.to_string() + "@" + &other.root.digest.to_string();
    let error = client.session.pull(&pinned.parse().unwrap(), &mut Locking::Locked(lock())).unwrap_err().to_string();
    assert!(error.contains("--update"), "{error}");
    client.session.pull(&reference, &mut Locking::Update(lock())).unwrap();
    assert_eq!(lock().digest(&reference), Some(other.root.digest));
}

#[test]
fn offline_the_store_answers_and_nobody_is_asked() {
    let (registry, built) = published(2);
    let mut client = Client::new();
    let reference = registry.reference("team/made:1");
    client.session.options.offline = true;
    assert!(client.refused(&reference).contains("is not there"));
    client.session.options.offline = false;
    client.pull(&reference).unwrap();
    registry.asked();
    client.session.options.offline = true;
    assert_eq!(client.pull(&reference).unwrap().descriptor.digest, built.root.digest);
    assert_eq!(registry.asked(), []);
}
