//! One kind's watch: find it, list it, follow it, and start over where that fails.
//!
//! kube's own watcher keeps bookmarks to itself, so that a watch on which nothing happens could not be told
//! from one whose server is gone, and it reads every object whole into a typed one. Here every word of the
//! server counts as contact, and an object is projected from its text.

use super::discovery::{Resource, discover};
use super::objects::{Objects, Refusal};
use super::reason::Trouble;
use super::state::{Backoff, Cell};
use super::{GroupKind, Shared, Timing};
use futures_util::TryStreamExt as _;
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The watch of one kind.
pub(super) struct Watch {
    shared: Arc<Shared>,
    client: Client,
    /// The kind's index.
    index: u16,
    kind: GroupKind,
    metadata_only: bool,
    objects: Objects,
}

/// What to do next.
#[derive(Debug, Clone)]
enum Step {
    Discover,
    List(Arc<Resource>),
    /// Follow what happens after a version of the list.
    Follow(Arc<Resource>, String),
}

/// A step that did not succeed.
struct Failure {
    trouble: Trouble,
    next: Step,
    /// Nothing of the kind is kept, and it is tried again only after this time.
    given_up: Option<Duration>,
}

impl Failure {
    fn new(trouble: impl Into<Trouble>, next: Step) -> Self {
        Self { trouble: trouble.into(), next, given_up: None }
    }

    /// What a refused object comes to: only a list can tell what there is.
    fn refused(refusal: Refusal, resource: &Arc<Resource>, timing: &Timing) -> Self {
        let next = Step::List(Arc::clone(resource));
        match refusal {
            Refusal::Malformed(trouble) => Self { trouble, next, given_up: None },
            Refusal::TooMuch(trouble) => Self { trouble, next, given_up: Some(timing.oversize) },
        }
    }
}

/// A page of a list. Its items stay as they are written until each is read on its own.
#[derive(Deserialize)]
struct Page<'t> {
    metadata: PageMetadata,
    #[serde(borrow)]
    items: Option<Vec<&'t RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    r#continue: String,
}

impl Watch {
    /// A watch of the kind with an index.
    pub(super) fn new(shared: &Arc<Shared>, client: Client, index: u16) -> Self {
        let (kind, metadata_only) = shared.kinds[usize::from(index)].clone();
        let objects = Objects::new(Arc::clone(shared), index);
        Self { shared: Arc::clone(shared), client, index, kind, metadata_only, objects }
    }

    /// Follows the kind until it is dropped.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(&self.shared.timing);
        let mut step = Step::Discover;
        loop {
            let (next, wait) = match self.take(step, &mut backoff).await {
                Ok((next, true)) => (next, Some(backoff.wait())),
                Ok((next, false)) => (next, None),
                Err(failure) => {
                    let wait = failure.given_up.unwrap_or_else(|| backoff.wait());
                    (self.failed(failure), Some(wait))
                }
            };
            self.shared.changed();
            step = next;
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Takes a step: what comes next, and whether not at once.
    async fn take(&mut self, step: Step, backoff: &mut Backoff) -> Result<(Step, bool), Failure> {
        match step {
            Step::Discover => self.discover().await,
            Step::List(resource) => {
                let version = self.list(&resource).await?;
                Ok((Step::Follow(resource, version), false))
            }
            Step::Follow(resource, version) => self.follow(resource, version, backoff).await,
        }
    }

    async fn discover(&mut self) -> Result<(Step, bool), Failure> {
        let found = discover(&self.client, &self.kind, &self.shared.timing).await;
        let Some(resource) = found.map_err(|trouble| Failure::new(trouble, Step::Discover))? else {
            self.objects.clear();
            self.shared.reached();
            if self.cell().absent() {
                tracing::info!(kind = %self.kind, "inventory: the API server does not know the kind");
            }
            return Ok((Step::Discover, true));
        };
        self.cell().found(&resource.version);
        Ok((Step::List(Arc::new(resource)), false))
    }

    /// Lists all objects; gives the version of the list. What is listed takes the place of what was known at
    /// once, and what is no longer listed goes at the end.
    async fn list(&mut self, resource: &Arc<Resource>) -> Result<String, Failure> {
        let timing = &Arc::clone(&self.shared).timing;
        let request = Request::new(resource.path());
        let mut parameters = ListParams::default().limit(timing.page);
        self.objects.begin_listing();
        loop {
            let failed = |trouble: Trouble| {
                let gone = trouble.code == Some(404);
                Failure::new(trouble, if gone { Step::Discover } else { Step::List(Arc::clone(resource)) })
            };
            let request = match self.metadata_only {
                true => request.list_metadata(&parameters),
                false => request.list(&parameters),
            };
            let request = request.map_err(|error| failed(Trouble::of(error)))?;
            let text = timing.bounded(self.client.request_text(request)).await.map_err(failed)?;
            let page: Page<'_> = serde_json::from_str(&text)
                .map_err(|error| failed(Trouble::new(format!("the list is not what an API server says: {error}"))))?;
            for item in page.items.unwrap_or_default() {
                let put = self.objects.put(resource, item);
                put.map_err(|refusal| Failure::refused(refusal, resource, timing))?;
            }
            self.heard();
            if page.metadata.r#continue.is_empty() {
                let version = page.metadata.resource_version;
                if version.is_empty() {
                    return Err(failed(Trouble::new("the list has no version to watch from")));
                }
                self.objects.sweep();
                let objects = self.objects.len();
                if self.cell().synced(objects) {
                    tracing::info!(kind = %self.kind, objects, "inventory: synced");
                }
                return Ok(version);
            }
            parameters.continue_token = Some(page.metadata.r#continue);
        }
    }

    /// Follows what happens until the API server ends the watch, as it does every [`Timing::watch`].
    async fn follow(
        &mut self,
        resource: Arc<Resource>,
        mut version: String,
        backoff: &mut Backoff,
    ) -> Result<(Step, bool), Failure> {
        let timing = &Arc::clone(&self.shared).timing;
        let started = Instant::now();
        let request = Request::new(resource.path());
        let seconds = u32::try_from(timing.watch.as_secs()).unwrap_or(u32::MAX).max(1);
        let parameters = WatchParams::default().timeout(seconds);
        let request = match self.metadata_only {
            true => request.watch_metadata(&parameters, &version),
            false => request.watch(&parameters, &version),
        };
        let request = request.map_err(|error| Failure::new(Trouble::of(error), Step::List(Arc::clone(&resource))))?;
        let events = match timing.bounded(self.client.request_events::<Box<RawValue>>(request)).await {
            Ok(events) => events,
            Err(trouble) => {
                let next = match trouble.code {
                    Some(410) => return Ok((Step::List(resource), true)),
                    Some(404) => Step::Discover,
                    // Overloaded, or not heard of: what it said last still stands.
                    Some(429 | 503) | None => Step::Follow(resource, version),
                    // It may not know the version, as after a restore. Who may list but not watch gets news so, too.
                    Some(_) => Step::List(resource),
                };
                return Err(Failure::new(trouble, next));
            }
        };
        let mut events = pin!(events);
        self.heard();
        self.shared.changed();
        loop {
            let event = match tokio::time::timeout(timing.silence(), events.try_next()).await {
                Ok(Ok(Some(event))) => event,
                Ok(Ok(None)) => {
                    if started.elapsed() >= timing.retry_longest {
                        backoff.reset();
                    }
                    return Ok((Step::Follow(resource, version), true));
                }
                Ok(Err(error)) => {
                    let trouble = Trouble::from(error);
                    let next = if trouble.connection { Step::Follow(resource, version) } else { Step::List(resource) };
                    return Err(Failure::new(trouble, next));
                }
                Err(_) => {
                    let silence = timing.silence().as_secs();
                    let trouble = Trouble::new(format!("the API server was silent for {silence} seconds"));
                    return Err(Failure::new(trouble, Step::Follow(resource, version)));
                }
            };
            self.heard();
            let seen = match event {
                WatchEvent::Added(item) | WatchEvent::Modified(item) => self.objects.put(&resource, &item),
                WatchEvent::Deleted(item) => self.objects.remove(&item),
                WatchEvent::Bookmark(bookmark) => Ok(bookmark.metadata.resource_version),
                WatchEvent::Error(status) if status.code == 410 => return Ok((Step::List(resource), true)),
                WatchEvent::Error(status) => {
                    return Err(Failure::new(kube::Error::Api(status), Step::List(resource)));
                }
            };
            let seen = seen.map_err(|refusal| Failure::refused(refusal, &resource, timing))?;
            if !seen.is_empty() {
                version = seen;
            }
            backoff.reset();
            self.cell().synced(self.objects.len());
            self.shared.changed();
        }
    }

    fn failed(&mut self, failure: Failure) -> Step {
        let reason = &failure.trouble.reason;
        let is_new = if failure.given_up.is_some() {
            self.objects.clear();
            self.cell().given_up(reason)
        } else {
            self.cell().failed(reason)
        };
        // One line when trouble begins; the retries are counted. Where no kind can be asked for, one for all of them.
        let is_general = failure.trouble.connection || failure.trouble.code == Some(401);
        if is_general {
            if self.shared.is_newly_unreachable(reason) {
                tracing::warn!(reason, "the cluster cannot be asked: rules that need other objects are not evaluated");
            }
        } else if is_new {
            tracing::warn!(kind = %self.kind, reason, "inventory: not up to date");
        } else {
            tracing::debug!(kind = %self.kind, reason, "inventory: still not up to date");
        }
        failure.next
    }

    /// The API server has said something.
    fn heard(&self) {
        self.shared.reached();
        self.cell().heard();
    }

    fn cell(&self) -> &Cell {
        &self.shared.cells[usize::from(self.index)]
    }
}
