//! The inventory of a cluster: a watch of each kind that the loaded rules ask for, and of no other.
//!
//! Of an object only what rules read is kept, and only its metadata is fetched where that is all they read.
//! "There are none" and "it is not known" are kept apart: a kind that the API server does not know has no
//! objects, while one that may not be listed, is not listed yet, or has not been heard of for
//! [`Timing::stale`] has no answer, and the rules that need one are not evaluated.
//!
//! A cache belongs to the topics that it was started for. When bundles are loaded again and ask for nothing
//! new, [`WatchCache::inventory`] serves them from the same cache; else a new one is started, comes into
//! sync beside the old, and takes its place. A cache stops with the last of its inventories.

mod connect;
mod discovery;
mod kind;
mod limits;
mod object;
mod objects;
mod reason;
mod state;
mod store;
mod watch;

pub use connect::{ClusterMode, ClusterOptions, connect};
pub use kind::{GroupKind, kinds_of};
pub use limits::{CacheLimits, Timing};
pub use state::{KindState, KindStatus};

use crate::evaluate::{Answer, Inventory, Judge, Probe, RelatedDocument, Topic, Unavailable};
use crate::manifest::Scope;
use state::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Store;
use tokio::task::JoinSet;
use watch::Watch;

/// What the rules of some bundles ask for, as the cluster has it. Cheap to clone; its watches end with its
/// last clone.
#[derive(Clone)]
pub struct WatchCache {
    shared: Arc<Shared>,
    _watches: Arc<JoinSet<()>>,
}

/// What the watches write and the inventories read.
struct Shared {
    topics: Vec<Topic>,
    /// Indices of the kinds that each topic is about.
    kinds_of: Vec<Vec<u16>>,
    kinds: Vec<(GroupKind, bool)>,
    cells: Vec<Cell>,
    store: Store,
    limits: CacheLimits,
    timing: Timing,
    changes: tokio::sync::watch::Sender<u64>,
    /// Why the API server cannot be asked at all, where that was told and nothing has come from it since.
    unreachable: Mutex<Option<String>>,
}

impl Shared {
    /// Notes that the API server cannot be asked at all. Says whether that is new: it is the same for all kinds.
    fn is_newly_unreachable(&self, reason: &str) -> bool {
        let mut told = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.as_deref() != Some(reason);
        *told = Some(reason.to_owned());
        is_new
    }

    /// Notes that the API server has answered.
    fn reached(&self) {
        *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

impl WatchCache {
    /// Starts watching what the rules of some checks ask for, as tasks of the current tokio runtime. Without a
    /// client, every kind is unavailable for the reason that is given instead.
    ///
    /// # Panics
    /// When there is a client and no tokio runtime.
    pub fn start(client: Result<kube::Client, String>, judges: &[&Judge], limits: CacheLimits, timing: Timing) -> Self {
        let mut topics: Vec<Topic> = Vec::new();
        for topic in judges.iter().flat_map(|judge| judge.topics()) {
            if !topics.contains(topic) {
                topics.push(topic.clone());
            }
        }
        let of_topics: Vec<BTreeSet<GroupKind>> = topics.iter().map(kinds_of).collect();
        let kinds: BTreeSet<&GroupKind> = of_topics.iter().flatten().collect();
        let kinds: Vec<(GroupKind, bool)> = kinds
            .into_iter()
            .map(|kind| {
                let mut asking = topics.iter().zip(&of_topics).filter(|(_, kinds)| kinds.contains(kind));
                (kind.clone(), asking.all(|(topic, _)| kind::reads_only_metadata(topic, kind)))
            })
            .collect();
        let position = |wanted: &GroupKind| kinds.iter().position(|(kind, _)| kind == wanted).map(|at| at as u16);
        let kinds_of = of_topics.iter().map(|of_topic| of_topic.iter().filter_map(position).collect()).collect();
        let state = match &client {
            Ok(_) => KindState::Syncing,
            Err(reason) => KindState::Unavailable { reason: reason.clone() },
        };
        let shared = Arc::new(Shared {
            kinds_of,
            cells: kinds.iter().map(|_| Cell::new(state.clone())).collect(),
            store: Store::new(&topics, kinds.len()),
            topics,
            kinds,
            limits,
            timing,
            changes: tokio::sync::watch::Sender::new(0),
            unreachable: Mutex::new(None),
        });
        let mut watches = JoinSet::new();
        if let Ok(client) = client {
            for index in 0..shared.kinds.len() {
                watches.spawn(Watch::new(&shared, client.clone(), index as u16).run());
            }
        }
        Self { shared, _watches: Arc::new(watches) }
    }

    /// The inventory for a check's rules; `None` when they ask for something that is not watched here.
    pub fn inventory(&self, judge: &Judge) -> Option<ClusterInventory> {
        let place = |topic: &Topic| self.shared.topics.iter().position(|known| known == topic);
        let topics = judge.topics().iter().map(place).collect::<Option<_>>()?;
        Some(ClusterInventory { cache: self.clone(), topics })
    }

    /// How it stands with each kind, in their order.
    pub fn status(&self) -> Vec<KindStatus> {
        let Shared { kinds, cells, store, timing, .. } = &*self.shared;
        let now = Instant::now();
        let kinds = kinds.iter().zip(cells).enumerate();
        kinds
            .map(|(index, ((kind, metadata_only), cell))| {
                cell.status(kind, *metadata_only, store.bytes_of(index as u16), now, timing)
            })
            .collect()
    }

    /// Waits until every kind has been listed or has turned out to be absent or unavailable, but no longer
    /// than `limit`. Says whether it came to that.
    pub async fn synced(&self, limit: Duration) -> bool {
        let settled = |cache: &Self| cache.status().iter().all(|status| status.state != KindState::Syncing);
        tokio::time::timeout(limit, self.until(settled)).await.is_ok()
    }

    /// Waits until something is true of the cache. It is looked at whenever a state or an answer may have changed.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        // The sender lives as long as this cache.
        let _ = changes.wait_for(|_| condition(self)).await;
    }
}

/// A cluster's answers to one bundle's queries. Keeps its cache alive.
#[derive(Clone)]
pub struct ClusterInventory {
    cache: WatchCache,
    /// The cache's topics, by the check's.
    topics: Vec<usize>,
}

impl ClusterInventory {
    /// The cache's topic, when the objects of all its kinds are known.
    fn known(&self, topic: u16) -> Result<usize, Unavailable> {
        let Shared { kinds_of, kinds, cells, timing, .. } = &*self.cache.shared;
        let topic = self.topics[usize::from(topic)];
        let now = Instant::now();
        for kind in kinds_of[topic].iter().map(|kind| usize::from(*kind)) {
            if let Some(reason) = cells[kind].unavailable(now, timing) {
                return Err(Unavailable(format!("{}: {reason}", kinds[kind].0)));
            }
        }
        Ok(topic)
    }
}

impl Inventory for ClusterInventory {
    /// Costs no more than the cards that are asked for, and nothing to speak of where none has changed.
    fn answer(&self, topic: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable> {
        let topic = self.known(topic)?;
        let namespace = (scope == Scope::Namespace).then_some(namespace);
        self.cache.shared.store.answer(topic, namespace).map_err(Unavailable)
    }

    /// Costs what the documents cost that are found, and those that an index cannot tell from them.
    fn find(&self, topic: u16, probe: &Probe<'_>) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        self.cache.shared.store.find(self.known(topic)?, probe)
    }
}
