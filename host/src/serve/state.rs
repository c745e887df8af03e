//! What requests share: the bundles that are served, the workers, the counts.

use super::config::{Config, Limits};
use super::denials::Denials;
use super::memory::Budget;
use super::metrics::Metrics;
use super::workers::Workers;
use crate::cluster::WatchCache;
use crate::decide::Decider;
use crate::images::Fetcher;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The inventory is not there yet.
    Starting,
    /// Ready.
    Serving,
    /// Not ready any more, and still accepting, until whoever routes to it has noticed.
    Draining,
    /// Finishing what is in flight.
    Stopping,
}

/// What is served, all of one load: it is replaced as a whole.
pub(super) struct Serving {
    /// By name.
    pub(super) bundles: BTreeMap<String, Arc<Decider>>,
    /// Where the inventory of the rules that ask for other objects comes from.
    pub(super) inventory: WatchCache,
}

/// What all requests share.
pub(super) struct App {
    pub(super) config: Config,
    pub(super) serving: ArcSwap<Serving>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) workers: Workers,
    /// What all requests may hold together.
    pub(super) memory: Arc<Budget>,
    pub(super) denials: Denials,
    /// Who asks registries about images, where that is allowed of any.
    pub(super) images: Option<Arc<Fetcher>>,
    /// Why the newest files are not what is served; empty when they are.
    reload_failure: Mutex<String>,
    phase: watch::Sender<Phase>,
}

impl App {
    pub(super) fn new(
        config: Config,
        serving: Serving,
        metrics: Arc<Metrics>,
        workers: Workers,
        memory: Arc<Budget>,
        images: Option<Arc<Fetcher>>,
    ) -> Self {
        Self {
            config,
            serving: ArcSwap::from_pointee(serving),
            metrics,
            workers,
            memory,
            denials: Denials::default(),
            images,
            reload_failure: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Follows the phase.
    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The phase now.
    pub(super) fn current_phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to a phase; there is no way back.
    pub(super) fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let later = to > *phase;
            *phase = (*phase).max(to);
            later
        });
    }

    /// Why the newest files are not what is served.
    pub(super) fn reload_failure(&self) -> String {
        self.reload_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_reload_failure(&self, reason: String) {
        *self.reload_failure.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}
