//! What is served, from the files that the configuration names, and again when they change.
//!
//! A load that fails leaves what was served before, and says so in `/readyz?verbose`, the metrics and the log.

use super::SYNC_PATIENCE;
use super::config::{BundleEntry, Config};
use super::metrics::{BundleLabels, CertificateLabels, Metrics, ReloadLabels};
use super::state::{App, Phase, Serving};
use super::tls::Certificates;
use crate::bundle::{Bundle, BundleError, Library};
use crate::cluster::{CacheLimits, Timing, WatchCache};
use crate::decide::{Decider, FailureMode, Modes};
use crate::engine::Engine;
use crate::evaluate::{Inventory, Judge};
use arc_swap::ArcSwap;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why bundles could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A bundle could not be resolved.
    #[error(transparent)]
    Bundle(#[from] BundleError),
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
    memo_bytes: u64,
    /// The files that the last load read, beside those that the configuration names.
    files: Vec<PathBuf>,
}

impl Loader {
    pub(super) fn new(
        engine: Arc<Engine>,
        library: Library,
        client: Result<kube::Client, String>,
        config: &Config,
    ) -> Self {
        Self {
            engine,
            library,
            client,
            inventory: None,
            entries: config.bundles.clone(),
            memo_bytes: config.memo.bytes,
            files: Vec::new(),
        }
    }

    /// Resolves every bundle and makes every rule ready to run.
    pub(super) fn load(&mut self) -> Result<Serving, LoadError> {
        let mut files = Vec::new();
        let mut judges: Vec<(Judge, Modes)> = Vec::new();
        for entry in &self.entries {
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
        Ok(Serving { bundles, inventory })
    }

    fn bundle(&self, reference: &str) -> Result<Bundle, LoadError> {
        // A copy for each: a component that one bundle brings must not stand in for another's rule.
        let mut library = self.library.clone();
        let bundle = Bundle::open(reference, &mut library, &self.engine, jiff::Zoned::now().date())?;
        for notice in &bundle.notices {
            tracing::warn!(bundle = bundle.name, "{}", notice.0);
        }
        for rule in &bundle.rules {
            rule.source.load(&self.engine).map_err(|reason| LoadError::Rule {
                bundle: bundle.name.clone(),
                rule: rule.id().to_owned(),
                reason: reason.to_owned(),
            })?;
        }
        Ok(bundle)
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
        let mut hash = Sha256::new();
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
        hash.finalize().into()
    }
}

/// Takes a file into a digest; one that cannot be read, by its name alone.
fn take_in(path: &Path, hash: &mut Sha256) {
    for part in [path.as_os_str().as_encoded_bytes(), &std::fs::read(path).unwrap_or_default()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
}

/// Follows the files: bundles, certificates.
pub(super) struct Reloader {
    pub(super) app: Arc<App>,
    pub(super) loader: Loader,
    pub(super) certificates: Option<Arc<ArcSwap<Certificates>>>,
}

impl Reloader {
    /// Looks at the files again and again, and at once when told to by `now`; ends when the server stops.
    pub(super) async fn run(mut self, mut now: tokio::signal::unix::Signal) {
        let interval = self.app.config.reload.interval.get();
        let mut phase = self.app.phase();
        let mut bundles = self.loader.files();
        let mut certificates = certificate_files(&self.app.config);
        loop {
            let forced = tokio::select! {
                () = tokio::time::sleep(interval) => false,
                _ = now.recv() => true,
                () = super::connection::until(&mut phase, Phase::Draining) => return,
            };
            // Files may be large, and compiling takes its time: not on a thread that answers requests.
            let looked = tokio::task::spawn_blocking(move || {
                let files = self.loader.files();
                if forced || files != bundles {
                    bundles = files;
                    self.reload_bundles();
                }
                let files = certificate_files(&self.app.config);
                if forced || files != certificates {
                    certificates = files;
                    self.reload_certificates();
                }
                (self, bundles, certificates)
            });
            match looked.await {
                Ok(looked) => (self, bundles, certificates) = looked,
                Err(error) => {
                    tracing::error!(%error, "files are not followed any more");
                    return;
                }
            }
        }
    }

    fn reload_bundles(&mut self) {
        match self.loader.load() {
            Ok(serving) => {
                // The new one comes into sync beside the old.
                tokio::runtime::Handle::current().block_on(serving.inventory.synced(SYNC_PATIENCE));
                tracing::info!(bundles = names(&serving), "bundles reloaded");
                self.app.serving.store(Arc::new(serving));
                self.app.set_reload_failure(String::new());
                show_bundles(&self.app);
                count(&self.app.metrics, "bundles", "done");
            }
            Err(error) => {
                tracing::error!(%error, "bundles could not be reloaded; the old ones go on serving");
                self.app.set_reload_failure(error.to_string());
                count(&self.app.metrics, "bundles", "failed");
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
    let mut hash = Sha256::new();
    for path in [&config.tls.certificate, &config.tls.key, &config.tls.client_authorities].into_iter().flatten() {
        take_in(path, &mut hash);
    }
    hash.finalize().into()
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
    for decider in app.serving.load().bundles.values() {
        let reference = decider.reference();
        let failure_mode = match decider.modes().failure {
            FailureMode::Closed => "closed",
            FailureMode::Open => "open",
        };
        let labels = BundleLabels {
            bundle: reference.name.clone(),
            version: reference.version.clone(),
            digest: reference.digest.clone(),
            failure_mode,
        };
        app.metrics.bundles.get_or_create(&labels).set(1);
    }
}

/// Shows in the metrics when certificates expire.
pub(super) fn show_expiry(metrics: &Metrics, certificates: &Certificates) {
    for (certificate, seconds) in &certificates.expiry {
        metrics.certificate_expiry.get_or_create(&CertificateLabels { certificate }).set(*seconds as f64);
    }
}
