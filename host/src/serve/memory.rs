//! Memory that requests hold: one budget for bodies, trees and answers in flight.
//!
//! Whoever wants memory for a request charges it here first, and is refused when there is no room. What is
//! charged goes back when the [`Charge`] is dropped. A tree is charged before it is built, by an estimate that is
//! never too low ([`crate::parse::json::tree_bytes`]).

use super::metrics::{Metrics, ReasonLabels};
use super::review::Refusal;
use crate::document::Room;
use hyper::StatusCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// A request that holds no more than this may use all of the budget; larger ones leave an eighth of it to such.
const SMALL: usize = 1 << 20;

/// What all requests together may hold.
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// The most that was in use since [`Budget::take_peak`] was asked last.
    peak: AtomicUsize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), peak: AtomicUsize::new(0) })
    }

    /// Bytes that may be charged.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that are charged now.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that was charged at once since this was last asked.
    pub(super) fn take_peak(&self) -> usize {
        self.peak.swap(self.used(), Ordering::Relaxed)
    }

    /// What one request may hold at the most.
    fn share(&self, held: usize) -> usize {
        if held <= SMALL { self.limit } else { self.limit - self.limit / 8 }
    }
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// Others hold it; it passes.
    Now,
    /// It is more than one request may ever hold.
    Ever(usize),
}

impl NoRoom {
    /// Counts that there is none, and tells it.
    pub(super) fn refuse(self, metrics: &Metrics) -> Refusal {
        metrics.rejected.get_or_create(&ReasonLabels { reason: "memory" }).inc();
        match self {
            NoRoom::Now => Refusal {
                status: StatusCode::TOO_MANY_REQUESTS,
                message: "the requests in flight hold all the memory that they may (limit `limits.memoryBytes`)"
                    .to_owned(),
            },
            NoRoom::Ever(needed) => Refusal {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                message: format!(
                    "the request needs {needed} bytes of memory, more than one may have (limit `limits.memoryBytes`)"
                ),
            },
        }
    }
}

/// What one request holds; it goes back to the budget when this is dropped.
pub(super) struct Charge {
    budget: Arc<Budget>,
    held: AtomicUsize,
    /// Why trees that rules read were not made.
    short: OnceLock<NoRoom>,
}

impl Room for Charge {
    fn take(&self, bytes: usize) -> bool {
        let taken = self.grow(bytes);
        if let Err(no_room) = taken {
            let _ = self.short.set(no_room);
        }
        taken.is_ok()
    }
}

impl Charge {
    /// Holds nothing yet.
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), held: AtomicUsize::new(0), short: OnceLock::new() }
    }

    /// Why there was no room for what rules read: nothing was checked then.
    pub(super) fn short(&self) -> Option<NoRoom> {
        self.short.get().copied()
    }

    /// Holds so many bytes more.
    pub(super) fn grow(&self, bytes: usize) -> Result<(), NoRoom> {
        let budget = &self.budget;
        let held = self.held.load(Ordering::Relaxed).saturating_add(bytes);
        let share = budget.share(held);
        if held > share {
            return Err(NoRoom::Ever(held));
        }
        let add = |used: usize| used.checked_add(bytes).filter(|used| *used <= share);
        let before = budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).map_err(|_| NoRoom::Now)?;
        budget.peak.fetch_max(before + bytes, Ordering::Relaxed);
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Whether this is one of the large requests.
    pub(super) fn is_large(&self) -> bool {
        self.held.load(Ordering::Relaxed) > SMALL
    }

    /// Gives everything back at once.
    pub(super) fn release(&self) {
        self.budget.used.fetch_sub(self.held.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.release();
    }
}

/// Bytes that are charged for as long as somebody holds them.
pub(super) struct Charged {
    pub(super) bytes: bytes::Bytes,
    pub(super) _charge: Charge,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What the allocator is told when the server starts, and what it keeps of freed memory.
///
/// glibc keeps what was freed for later: after a burst of large requests that is hundreds of megabytes. Large blocks
/// are mapped on their own instead, so that they go back at once, and [`give_back`] returns the rest.
pub(super) mod allocator {
    /// Blocks from this size on are mapped on their own. glibc would raise the bound whenever such a block is freed.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    const MAPPED_BYTES: i32 = 256 << 10;

    /// Sets the allocator up.
    pub(in crate::serve) fn set_up() {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: `mallopt` takes two numbers and may be called at any time; it answers 0 when it refuses, which
        // only leaves the default.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        }
    }

    /// Returns freed memory to the system.
    pub(in crate::serve) fn give_back() {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: `malloc_trim` takes a number, locks what it looks at, and may be called from any thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

/// How often it is looked at whether memory can be given back.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
/// Bytes that must have been in use, and must have gone, before that is worth the work.
const WORTH: usize = 16 << 20;
/// How often it is given back after a burst, since what is not charged may be freed later than what is.
const TIMES: u32 = 5;

/// Gives memory back after bursts, for as long as the server runs.
pub(super) async fn give_back(budget: Arc<Budget>) {
    // The most that was in use since memory was last given back.
    let mut high = 0;
    let mut times = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        high = high.max(budget.take_peak());
        let used = budget.used();
        if high.saturating_sub(used) >= WORTH {
            high = used;
            times = TIMES;
        }
        if times > 0 {
            // It may take some milliseconds: not on a thread that answers requests.
            let _ = tokio::task::spawn_blocking(allocator::give_back).await;
            times -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_goes_back() {
        let budget = Budget::new(800);
        let (first, second) = (Charge::new(&budget), Charge::new(&budget));
        assert_eq!((first.grow(500), second.grow(300)), (Ok(()), Ok(())));
        assert_eq!((second.grow(1), budget.used()), (Err(NoRoom::Now), 800));
        drop(first);
        assert_eq!((second.grow(500), budget.used()), (Ok(()), 800));
        second.release();
        assert_eq!((budget.used(), budget.take_peak(), budget.take_peak()), (0, 800, 0));
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_never_fits_is_told_apart() {
        let budget = Budget::new(800);
        let charge = Charge::new(&budget);
        assert_eq!(charge.grow(801), Err(NoRoom::Ever(801)));
        assert_eq!(charge.grow(usize::MAX), Err(NoRoom::Ever(usize::MAX)));
        assert_eq!((charge.grow(800), charge.grow(1)), (Ok(()), Err(NoRoom::Ever(801))));
    }

    #[test]
    fn trees_that_rules_read_are_charged_before_they_are_there() {
        use crate::document::Source;
        use crate::parse::{Form, Limits, Unit};
        use crate::project::Projection;
        use crate::workload::Shape;
        let list = "- {a: b, c: [d, e]}\\n".repeat(500);
        let text =
            format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c"}},"data":{{"a":"{list}"}}}}"#);
        let read = |limit: usize| {
            let unit = Unit::new(Form::Json, Source::new("a.json", text.as_str()));
            let document = unit.parse(&Limits::default()).unwrap().remove(0);
            let budget = Budget::new(limit);
            let charge = Arc::new(Charge::new(&budget));
            document.derived.take_from(Arc::clone(&charge) as Arc<dyn Room>);
            let shown = Projection::new(&["data.*:yaml".parse().unwrap()]).apply(&document, &Shape::Plain);
            let (used, short) = (budget.used(), charge.short());
            drop((document, charge));
            assert_eq!(budget.used(), 0, "all goes back");
            (shown.contains("unread"), used, short)
        };
        let (unread, used, short) = read(64 << 20);
        assert!(!unread && short.is_none());
        // 500 lists of a mapping with a list.
        assert!((500 * 6 * 64..16 << 20).contains(&used), "{used}");
        let (unread, used, short) = read(used / 2);
        assert!(unread && short.is_some() && used <= 16 << 20, "{used} {short:?}");
    }

    #[test]
    fn large_requests_leave_room_for_small_ones() {
        let budget = Budget::new(8 * SMALL);
        let (large, small) = (Charge::new(&budget), Charge::new(&budget));
        assert_eq!(large.grow(7 * SMALL), Ok(()));
        assert_eq!(large.grow(1), Err(NoRoom::Ever(7 * SMALL + 1)));
        assert_eq!(Charge::new(&budget).grow(SMALL + 1), Err(NoRoom::Now));
        assert_eq!(small.grow(SMALL), Ok(()));
    }

    #[test]
    fn many_threads_never_hold_more_than_there_is() {
        let budget = Budget::new(1000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for bytes in 0..2000 {
                        let charge = Charge::new(&budget);
                        let _ = charge.grow(bytes % 500);
                        assert!(budget.used() <= 1000);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }
}
