//! How it stands with each kind.

use super::{GroupKind, Timing};
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant, SystemTime};

/// How it stands with a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindState {
    /// It has not been listed yet.
    Syncing,
    /// Its objects are known.
    Synced {
        /// How many of them belong to an answer.
        objects: usize,
        /// What keeps news of them from coming in, if anything does. Answers draw on what was known before.
        stale: Option<String>,
    },
    /// The API server does not know the kind, so there are none.
    Absent {
        /// What keeps the API server from being asked again, if anything does.
        stale: Option<String>,
    },
    /// Its objects are not known, so that rules which ask for them are not evaluated.
    Unavailable {
        /// Why.
        reason: String,
    },
}

impl KindState {
    /// One word for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            KindState::Syncing => "syncing",
            KindState::Synced { stale: None, .. } => "synced",
            KindState::Absent { stale: None } => "absent",
            KindState::Synced { stale: Some(_), .. } | KindState::Absent { stale: Some(_) } => "stale",
            KindState::Unavailable { .. } => "unavailable",
        }
    }

    /// Why a query for the kind has no answer, when it has none.
    pub fn unavailable(&self) -> Option<&str> {
        match self {
            KindState::Syncing => Some("its objects have not been listed yet"),
            KindState::Unavailable { reason } => Some(reason),
            KindState::Synced { .. } | KindState::Absent { .. } => None,
        }
    }
}

impl fmt::Display for KindState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KindState::Syncing => f.write_str("syncing"),
            KindState::Synced { objects, stale: None } => write!(f, "synced, {objects} objects"),
            KindState::Synced { objects, stale: Some(why) } => write!(f, "stale, {objects} objects: {why}"),
            KindState::Absent { stale: None } => f.write_str("absent, the API server does not know the kind"),
            KindState::Absent { stale: Some(why) } => write!(f, "stale, was absent: {why}"),
            KindState::Unavailable { reason } => write!(f, "unavailable: {reason}"),
        }
    }
}

/// How it stands with a kind, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindStatus {
    /// The kind.
    pub kind: GroupKind,
    /// The version in which it is watched, once that is known.
    pub version: Option<String>,
    /// Whether only its metadata is asked for.
    pub metadata_only: bool,
    /// How it stands.
    pub state: KindState,
    /// Since when, but for the number of objects and the wording of reasons.
    pub since: SystemTime,
    /// Bytes of its cards and of the indexes over them.
    pub bytes: usize,
    /// How often listing or watching has failed so far.
    pub failures: u64,
}

impl fmt::Display for KindStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.state)
    }
}

/// What is remembered of a kind. What has not been heard of for too long is not available, so that the
/// outcome depends on when one looks.
pub(super) struct Cell(RwLock<Record>);

#[derive(Debug, Clone)]
struct Record {
    state: KindState,
    since: SystemTime,
    /// When the API server last said something about the kind.
    contact: Instant,
    version: Option<String>,
    failures: u64,
}

impl Cell {
    pub(super) fn new(state: KindState) -> Self {
        let (since, contact) = (SystemTime::now(), Instant::now());
        Self(RwLock::new(Record { state, since, contact, version: None, failures: 0 }))
    }

    /// Why its objects are not available at `now`, when they are not.
    pub(super) fn unavailable(&self, now: Instant, timing: &Timing) -> Option<String> {
        let record = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match &record.state {
            KindState::Synced { .. } | KindState::Absent { .. }
                if now.saturating_duration_since(record.contact) <= timing.stale =>
            {
                None
            }
            _ => record.seen(now, timing).0.unavailable().map(str::to_owned),
        }
    }

    pub(super) fn status(
        &self,
        kind: &GroupKind,
        metadata_only: bool,
        bytes: usize,
        now: Instant,
        timing: &Timing,
    ) -> KindStatus {
        let record = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (state, since) = record.seen(now, timing);
        let (kind, version) = (kind.clone(), record.version.clone());
        KindStatus { kind, version, metadata_only, state, since, bytes, failures: record.failures }
    }

    /// The kind is served in this version.
    pub(super) fn found(&self, version: &str) {
        self.write().version = Some(version.to_owned());
    }

    /// Everything has been listed, or news has come in. Says whether that is new.
    pub(super) fn synced(&self, objects: usize) -> bool {
        self.write().enter(KindState::Synced { objects, stale: None })
    }

    /// The API server has said something; a watch that was broken works again.
    pub(super) fn heard(&self) {
        let mut record = self.write();
        record.contact = Instant::now();
        if let KindState::Synced { objects, stale: Some(_) } = record.state {
            record.enter(KindState::Synced { objects, stale: None });
        }
    }

    /// The API server does not know the kind. Says whether that is new.
    pub(super) fn absent(&self) -> bool {
        let mut record = self.write();
        record.version = None;
        record.enter(KindState::Absent { stale: None })
    }

    /// Asking, listing or watching has failed. What is known is stale; what was not known is not available.
    /// Says whether that is new.
    pub(super) fn failed(&self, reason: &str) -> bool {
        let mut record = self.write();
        record.failures += 1;
        let state = match record.state {
            KindState::Synced { objects, .. } => KindState::Synced { objects, stale: Some(reason.to_owned()) },
            KindState::Absent { .. } => KindState::Absent { stale: Some(reason.to_owned()) },
            KindState::Syncing | KindState::Unavailable { .. } => KindState::Unavailable { reason: reason.to_owned() },
        };
        let contact = record.contact;
        let is_new = record.enter(state);
        record.contact = contact;
        is_new
    }

    /// The kind is given up for a while, whatever is known. Says whether that is new.
    pub(super) fn given_up(&self, reason: &str) -> bool {
        let mut record = self.write();
        record.failures += 1;
        record.enter(KindState::Unavailable { reason: reason.to_owned() })
    }

    fn write(&self) -> RwLockWriteGuard<'_, Record> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Changes the state after something was heard. Says whether it is another one, not one with other numbers
    /// or words.
    fn enter(&mut self, state: KindState) -> bool {
        let is_new = self.state.name() != state.name();
        if is_new {
            self.since = SystemTime::now();
        }
        self.contact = Instant::now();
        self.state = state;
        is_new
    }

    fn seen(&self, now: Instant, timing: &Timing) -> (KindState, SystemTime) {
        let silence = now.saturating_duration_since(self.contact);
        match &self.state {
            KindState::Synced { stale, .. } | KindState::Absent { stale } if silence > timing.stale => {
                let minutes = timing.stale.as_secs_f64() / 60.0;
                let why = stale.as_deref().unwrap_or("the watch is silent");
                let reason = format!("nothing has been heard of them for {minutes} minutes: {why}");
                let since = SystemTime::now().checked_sub(silence.saturating_sub(timing.stale));
                (KindState::Unavailable { reason }, since.unwrap_or(self.since))
            }
            state => (state.clone(), self.since),
        }
    }
}

/// Waits that grow from one failure to the next.
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(timing: &Timing) -> Self {
        Self { first: timing.retry_first, longest: timing.retry_longest, next: timing.retry_first }
    }

    /// Something worked.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long to wait now: between half and all of a time that doubles, so that many watches that failed
    /// together do not come back together.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        wait.mul_f64(0.5 + random / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(cell: &Cell, now: Instant, timing: &Timing) -> KindState {
        cell.0.read().unwrap().seen(now, timing).0
    }

    fn after(timing: &Timing, factor: u32) -> Instant {
        Instant::now() + timing.stale * factor
    }

    #[test]
    fn what_is_known_serves_until_the_bound_on_staleness() {
        let timing = Timing::default();
        let cell = Cell::new(KindState::Syncing);
        let now = Instant::now;
        assert_eq!(cell.unavailable(now(), &timing).unwrap(), "its objects have not been listed yet");
        cell.failed("refused");
        assert_eq!(cell.unavailable(now(), &timing).unwrap(), "refused");
        cell.synced(3);
        assert_eq!(state(&cell, now(), &timing), KindState::Synced { objects: 3, stale: None });
        cell.failed("refused");
        assert_eq!(state(&cell, now(), &timing).to_string(), "stale, 3 objects: refused");
        assert_eq!(cell.unavailable(now(), &timing), None);
        assert_eq!(
            cell.unavailable(after(&timing, 2), &timing).unwrap(),
            "nothing has been heard of them for 5 minutes: refused"
        );
        assert_eq!(state(&cell, after(&timing, 2), &timing).name(), "unavailable");
        cell.heard();
        assert_eq!(state(&cell, now(), &timing).name(), "synced");
        cell.absent();
        cell.failed("refused");
        assert_eq!(state(&cell, now(), &timing).to_string(), "stale, was absent: refused");
        assert_eq!(cell.unavailable(now(), &timing), None);
        assert_eq!(state(&cell, after(&timing, 2), &timing).name(), "unavailable");
        cell.given_up("too many");
        assert_eq!(cell.unavailable(now(), &timing).unwrap(), "too many");
    }

    #[test]
    fn a_watch_that_no_longer_runs_is_noticed() {
        let timing = Timing::default();
        let cell = Cell::new(KindState::Synced { objects: 1, stale: None });
        assert!(cell.unavailable(after(&timing, 2), &timing).unwrap().ends_with("the watch is silent"));
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let timing = Timing::default();
        let mut backoff = Backoff::new(&timing);
        let mut longest = timing.retry_first;
        for _ in 0..20 {
            let wait = backoff.wait();
            assert!(wait >= longest / 2 && wait <= longest);
            longest = (longest * 2).min(timing.retry_longest);
        }
        backoff.reset();
        assert!(backoff.wait() <= timing.retry_first);
    }
}
