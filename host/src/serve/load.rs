//! What is served, from the files and registries that the configuration names, and again when they change.
//!
//! A load that fails leaves what was served before, and says so in `/readyz?verbose`, the metrics and the log.

use super::SYNC_PATIENCE;
use super::config::{BundleEntry, Config, Registries};
use super::follow::{Follower, Look};
use super::metrics::{ArtifactLabels, BundleLabels, CertificateLabels, Metrics, ReloadLabels};
use super::state::{App, Phase, Serving};
use super::tls::Certificates;
use crate::bundle::{Bundle, BundleError, Library, Settings};
use crate::cluster::{CacheLimits, Timing, WatchCache};
use crate::decide::{Decider, FailureMode, Modes};
use crate::digest::{Digest, Hasher};
use crate::engine::{Engine, SandboxLimits};
use crate::evaluate::{Inventory, Judge};
use crate::images::{Fetcher, ImageOptions, ImagesError, OptionError};
use crate::oci::admit::{Admit, AllowUnsigned, RefuseUnsigned};
use crate::oci::limits::Patience;
use crate::oci::registry::{PlainHttp, RegistryOptions};
use crate::oci::{ByPolicy, Locking, OciError, Reference, Session, Store};
use crate::system;
use crate::trust::TrustPolicy;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why bundles could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A bundle could not be resolved.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle could not be had from its registry.
    #[error(transparent)]
    Registry(#[from] OciError),
    /// A rule of a bundle does not compile.
    #[error("bundle `{bundle}`: rule `{rule}`: {reason}")]
    Rule {
        /// The bundle.
        bundle: String,
        /// The rule.
        rule: String,
        /// Why.
        reason: String,
    },
    /// A setting does not fit a bundle's rules.
    #[error("bundle `{bundle}`: `settings{at}`: {message}")]
    Setting {
        /// The bundle.
        bundle: String,
        /// The place below `settings`.
        at: String,
        /// What is wrong there.
        message: String,
    },
    /// Nobody can ask registries about images.
    #[error("`images`: {0}")]
    Images(#[from] ImagesError),
    /// Two bundles have one name.
    #[error("two bundles are called `{0}`")]
    Twice(String),
}

/// Loads bundles.
pub(super) struct Loader {
    engine: Arc<Engine>,
    library: Library,
    /// Of the cluster, or why there is none.
    client: Result<kube::Client, String>,
    /// What the last load watches.
    inventory: Option<WatchCache>,
    entries: Vec<BundleEntry>,
    /// Before what bundles say.
    settings: Settings,
    memo_bytes: u64,
    /// Where bundles with a reference come from, if there are any.
    session: Option<Session>,
    /// Who may sign them, and images.
    trust: Option<PathBuf>,
    /// Who asks registries about images, where that is allowed of any.
    images: Option<Arc<Fetcher>>,
    /// What their tags were resolved to: once, and again only where a tag is followed.
    resolved: BTreeMap<String, Digest>,
    /// The files that the last load read, beside those that the configuration names.
    files: Vec<PathBuf>,
}

impl Loader {
    pub(super) fn new(
        engine: Arc<Engine>,
        library: Library,
        client: Result<kube::Client, String>,
        config: &Config,
    ) -> Result<Self, LoadError> {
        let from_registry = config.bundles.iter().any(|entry| Reference::is_meant(entry.reference()));
        let session = from_registry.then(|| session(&config.registries)).transpose()?;
        Ok(Self {
            engine,
            library,
            client,
            inventory: None,
            entries: config.bundles.clone(),
            settings: config.settings.clone(),
            memo_bytes: config.memo.bytes,
            session,
            trust: config.trust.clone(),
            images: images(config)?.map(Arc::new),
            resolved: BTreeMap::new(),
            files: Vec::new(),
        })
    }

    /// Who asks registries about images.
    pub(super) fn images(&self) -> Option<Arc<Fetcher>> {
        self.images.clone()
    }

    /// Resolves every bundle and makes every rule ready to run.
    pub(super) fn load(&mut self) -> Result<Serving, LoadError> {
        let mut files = Vec::new();
        let read = |path: &PathBuf| TrustPolicy::read(path).map_err(OciError::from);
        if let (Some(session), Some(path)) = (&mut self.session, &self.trust) {
            let policy = read(path)?;
            files.extend(policy.files().iter().cloned());
            session.admit = Box::new(ByPolicy(policy));
        }
        let of_images = self.images.as_ref().and(self.trust.as_ref()).map(read).transpose()?;
        files.extend(of_images.iter().flat_map(|policy| policy.files().iter().cloned()));
        let mut judges: Vec<(Judge, Modes)> = Vec::new();
        for entry in self.entries.clone() {
            let bundle = self.bundle(entry.reference())?;
            files.extend(bundle.files.iter().cloned());
            if judges.iter().any(|(judge, _)| judge.bundle().name == bundle.name) {
                return Err(LoadError::Twice(bundle.name));
            }
            judges.push((Judge::new(&self.engine, &Arc::new(bundle)), entry.modes()));
        }
        let inventory = self.watch(&judges);
        let decider = |(judge, modes): (Judge, Modes)| {
            let name = judge.bundle().name.clone();
            let known = inventory.inventory(&judge).expect("invariant: the cache watches for these judges");
            let known: Arc<dyn Inventory> = Arc::new(known);
            (name, Arc::new(Decider::new(judge, known, modes, self.memo_bytes)))
        };
        let bundles = judges.into_iter().map(decider).collect();
        self.inventory = Some(inventory.clone());
        self.files = files;
        if let Some(images) = &self.images {
            images.set_trust(of_images);
        }
        Ok(Serving { bundles, inventory })
    }

    fn bundle(&mut self, reference: &str) -> Result<Bundle, LoadError> {
        // A copy for each: a component that one bundle brings must not stand in for another's rule.
        let mut library = self.library.clone();
        let mut bundle = if Reference::is_meant(reference) {
            self.artifact(&reference.parse().map_err(OciError::from)?)?
        } else {
            Bundle::open(reference, &mut library, &self.engine, jiff::Zoned::now().date())?
        };
        bundle.set(&self.settings, &library).map_err(|(at, message)| LoadError::Setting {
            bundle: bundle.name.clone(),
            at: at.to_string(),
            message,
        })?;
        for notice in &bundle.notices {
            tracing::warn!(bundle = bundle.name, "{}", notice.0);
        }
        for rule in &bundle.rules {
            rule.source.component.load(&self.engine).map_err(|reason| LoadError::Rule {
                bundle: bundle.name.clone(),
                rule: rule.id().to_owned(),
                reason: reason.to_owned(),
            })?;
        }
        Ok(bundle)
    }

    /// A bundle from a registry, by the digest that its tag was resolved to.
    fn artifact(&mut self, reference: &Reference) -> Result<Bundle, OciError> {
        let Some(session) = &self.session else {
            return Err(OciError::Missing(reference.to_string()));
        };
        let digest = match self.resolved.get(&reference.name()) {
            Some(digest) => *digest,
            None => resolve(session, reference)?,
        };
        let bundle = session.open(&reference.pinned(digest), &mut Locking::None, &self.library, &self.engine)?;
        self.resolved.insert(reference.name(), digest);
        Ok(bundle)
    }

    /// What a tag stands for now, if that is not what is served.
    fn moved(&self, reference: &Reference) -> Result<Option<Digest>, OciError> {
        let Some(session) = &self.session else { return Ok(None) };
        let now = session.resolve(reference)?;
        Ok((self.resolved.get(&reference.name()) != Some(&now)).then_some(now))
    }

    /// The cache that is there when it watches all that is asked for, else a new one.
    fn watch(&self, judges: &[(Judge, Modes)]) -> WatchCache {
        let serves = |cache: &&WatchCache| judges.iter().all(|(judge, _)| cache.inventory(judge).is_some());
        let judges: Vec<&Judge> = judges.iter().map(|(judge, _)| judge).collect();
        let start = || WatchCache::start(self.client.clone(), &judges, CacheLimits::default(), Timing::default());
        self.inventory.as_ref().filter(serves).cloned().unwrap_or_else(start)
    }

    /// A digest of everything that a load would read, and of the day, since exemptions expire.
    pub(super) fn files(&self) -> [u8; 32] {
        let mut hash = Hasher::default();
        hash.update(jiff::Zoned::now().date().to_string());
        let named = self.entries.iter().map(|entry| Path::new(entry.reference()));
        for path in named.chain(self.files.iter().map(PathBuf::as_path)) {
            match std::fs::read_dir(path) {
                Ok(entries) => {
                    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                    paths.sort();
                    paths.iter().for_each(|path| take_in(path, &mut hash));
                }
                Err(_) => take_in(path, &mut hash),
            }
        }
        hash.finish().bytes()
    }
}

fn store(registries: &Registries) -> Result<PathBuf, OciError> {
    let directory = registries.store.clone().or_else(|| crate::cache::directory().map(|cache| cache.join("store")));
    directory.ok_or_else(|| {
        OciError::Refused("`registries.store`: there is no directory to keep what is fetched in".to_owned())
    })
}

fn registry_options(registries: &Registries) -> RegistryOptions {
    RegistryOptions {
        plain_http: PlainHttp::Hosts(registries.plain_http.clone()),
        authority: registries.authority.clone(),
        ..RegistryOptions::default()
    }
}

/// Who asks registries about images, where the configuration allows it of any repository.
fn images(config: &Config) -> Result<Option<Fetcher>, LoadError> {
    let refused = |error: OptionError| OciError::Refused(error.to_string());
    let allowed = config.images.allowed().map_err(refused)?;
    if allowed.is_empty() {
        return Ok(None);
    }
    let (mirrors, deadline) = (config.images.mirrors().map_err(refused)?, config.images.deadline.get());
    let registry = RegistryOptions { patience: Patience::until(deadline), ..registry_options(&config.registries) };
    // Apart from bundles, since it is emptied when it becomes too large.
    let store = store(&config.registries)?.join("images");
    Ok(Some(Fetcher::start(ImageOptions { allowed, mirrors, deadline, registry, store }, None)?))
}

fn session(registries: &Registries) -> Result<Session, OciError> {
    let directory = store(registries)?;
    let admit: Box<dyn Admit> =
        if registries.allow_unsigned { Box::new(AllowUnsigned) } else { Box::new(RefuseUnsigned) };
    Ok(Session {
        options: registry_options(registries),
        store: Store::open(&directory)?,
        admit,
        progress: Arc::default(),
    })
}

/// What a tag stands for. A server that starts while the registry is away goes on with what it had.
fn resolve(session: &Session, reference: &Reference) -> Result<Digest, OciError> {
    match session.resolve(reference) {
        Err(error) if error.is_unreachable() => match session.store.entry(reference)? {
            Some(entry) => {
                tracing::warn!(%error, %reference, digest = %entry.descriptor.digest, "the registry cannot be asked; the last bundle is taken");
                Ok(entry.descriptor.digest)
            }
            None => Err(error),
        },
        other => other,
    }
}

/// Takes a file into a digest; one that cannot be read, by its name alone.
fn take_in(path: &Path, hash: &mut Hasher) {
    for part in [
        path.as_os_str().as_encoded_bytes(),
        &crate::files::read(path, SandboxLimits::MAX_COMPONENT_BYTES).unwrap_or_default(),
    ] {
        hash.part(part);
    }
}

/// Follows the files, and the tags that are to be followed.
pub(super) struct Reloader {
    pub(super) app: Arc<App>,
    pub(super) loader: Loader,
    pub(super) certificates: Option<Arc<ArcSwap<Certificates>>>,
}

impl Reloader {
    /// Looks at the files again and again, and at once when told to by `now`; ends when the server stops.
    pub(super) async fn run(mut self, mut now: system::Reload) {
        let interval = self.app.config.reload.interval.get();
        let mut phase = self.app.phase();
        let mut bundles = self.loader.files();
        let mut certificates = certificate_files(&self.app.config);
        let mut follower = Follower::new(&self.app.config);
        let mut looked = tokio::time::Instant::now();
        loop {
            // A file that changes is noticed in time also where tags are looked at more often.
            let next = (looked + interval).min(follower.next().unwrap_or(looked + interval));
            let forced = tokio::select! {
                () = tokio::time::sleep_until(next) => false,
                () = now.received() => true,
                () = super::connection::until(&mut phase, Phase::Draining) => return,
            };
            // Files may be large, and compiling takes its time: not on a thread that answers requests.
            looked = tokio::time::Instant::now();
            let done = tokio::task::spawn_blocking(move || {
                let files = self.loader.files();
                if forced || files != bundles {
                    bundles = files;
                    self.reload_bundles();
                }
                if forced {
                    follower.hurry();
                }
                follower.look(tokio::time::Instant::now(), |reference, failed| self.follow(reference, failed));
                let files = certificate_files(&self.app.config);
                if forced || files != certificates {
                    certificates = files;
                    self.reload_certificates();
                }
                (self, bundles, certificates, follower)
            });
            match done.await {
                Ok(done) => (self, bundles, certificates, follower) = done,
                Err(error) => {
                    tracing::error!(%error, "files are not followed any more");
                    return;
                }
            }
        }
    }

    /// Serves what a tag stands for now; what cannot be served leaves the last good one.
    fn follow(&mut self, reference: &Reference, failed: bool) -> Look {
        let moved = match self.loader.moved(reference) {
            Ok(moved) => moved,
            Err(error) => {
                tracing::warn!(%error, %reference, "the tag could not be looked at; what was served goes on");
                self.app.set_reload_failure(error.to_string());
                count(&self.app.metrics, "tags", "failed");
                return Look::Failed;
            }
        };
        let Some(digest) = moved else {
            if failed {
                // What went wrong is over, and is to be said no more.
                self.reload_bundles();
            }
            return Look::Same;
        };
        let before = self.loader.resolved.insert(reference.name(), digest);
        let replaced = self.reload_bundles();
        if !replaced && let Some(before) = before {
            self.loader.resolved.insert(reference.name(), before);
        }
        count(&self.app.metrics, "tags", if replaced { "done" } else { "failed" });
        if replaced { Look::Replaced } else { Look::Failed }
    }

    fn reload_bundles(&mut self) -> bool {
        match self.loader.load() {
            Ok(serving) => {
                // The new one comes into sync beside the old.
                tokio::runtime::Handle::current().block_on(serving.inventory.synced(SYNC_PATIENCE));
                tracing::info!(bundles = names(&serving), "bundles reloaded");
                self.app.serving.store(Arc::new(serving));
                self.app.set_reload_failure(String::new());
                show_bundles(&self.app);
                count(&self.app.metrics, "bundles", "done");
                true
            }
            Err(error) => {
                tracing::error!(%error, "bundles could not be reloaded; the old ones go on serving");
                self.app.set_reload_failure(error.to_string());
                count(&self.app.metrics, "bundles", "failed");
                false
            }
        }
    }

    fn reload_certificates(&self) {
        let Some(slot) = &self.certificates else { return };
        match Certificates::load(&self.app.config) {
            Ok(Some(certificates)) => {
                show_expiry(&self.app.metrics, &certificates);
                slot.store(certificates);
                tracing::info!("certificates reloaded");
                count(&self.app.metrics, "certificates", "done");
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "certificates could not be reloaded; the old ones go on serving");
                count(&self.app.metrics, "certificates", "failed");
            }
        }
    }
}

fn count(metrics: &Metrics, what: &'static str, outcome: &'static str) {
    metrics.reloads.get_or_create(&ReloadLabels { what, outcome }).inc();
}

fn certificate_files(config: &Config) -> [u8; 32] {
    let mut hash = Hasher::default();
    for path in [&config.tls.certificate, &config.tls.key, &config.tls.client_authorities].into_iter().flatten() {
        take_in(path, &mut hash);
    }
    hash.finish().bytes()
}

/// The bundles of a load, for people.
pub(super) fn names(serving: &Serving) -> String {
    let name = |decider: &Arc<Decider>| {
        let reference = decider.reference();
        format!("{}@{} {}", reference.name, reference.version, reference.digest)
    };
    serving.bundles.values().map(name).collect::<Vec<_>>().join(", ")
}

/// Shows in the metrics which bundles are served.
pub(super) fn show_bundles(app: &App) {
    app.metrics.bundles.clear();
    app.metrics.artifacts.clear();
    for decider in app.serving.load().bundles.values() {
        let reference = decider.reference();
        let failure_mode = match decider.modes().failure {
            FailureMode::Closed => "closed",
            FailureMode::Open => "open",
        };
        let labels = BundleLabels {
            bundle: reference.name.as_str().into(),
            version: reference.version.as_str().into(),
            digest: reference.digest.as_str().into(),
            failure_mode,
        };
        app.metrics.bundles.get_or_create(&labels).set(1);
        if let Some((reference, digest)) = decider.bundle().origin.as_ref().and_then(|origin| origin.split_once('@')) {
            let labels = ArtifactLabels { bundle: labels.bundle, reference: reference.into(), digest: digest.into() };
            app.metrics.artifacts.get_or_create(&labels).set(1);
        }
    }
}

/// Shows in the metrics when certificates expire.
pub(super) fn show_expiry(metrics: &Metrics, certificates: &Certificates) {
    for (certificate, seconds) in &certificates.expiry {
        metrics.certificate_expiry.get_or_create(&CertificateLabels { certificate }).set(*seconds as f64);
    }
}
