//! How far something is, for whoever looks on from another thread.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts of blobs and bytes.
#[derive(Debug, Default)]
pub struct Progress {
    blobs: AtomicUsize,
    done_blobs: AtomicUsize,
    bytes: AtomicU64,
    done_bytes: AtomicU64,
}

impl Progress {
    /// There is so much more to do.
    pub fn expect(&self, blobs: usize, bytes: u64) {
        self.blobs.fetch_add(blobs, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A blob is there.
    pub fn done(&self, bytes: u64) {
        self.done_blobs.fetch_add(1, Ordering::Relaxed);
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Blobs that were done, out of all.
    pub fn blobs(&self) -> (usize, usize) {
        (self.done_blobs.load(Ordering::Relaxed), self.blobs.load(Ordering::Relaxed))
    }

    /// Bytes that were done, out of all.
    pub fn bytes(&self) -> (u64, u64) {
        (self.done_bytes.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}
