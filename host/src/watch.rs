//! Waiting for files to change.

use notify::{RecursiveMode, Watcher as _};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// What is written together is one change.
const SETTLED: Duration = Duration::from_millis(100);

/// Watches files and folders.
pub struct Watch {
    changes: mpsc::Receiver<()>,
    /// Watches for as long as it is there.
    _watcher: notify::RecommendedWatcher,
}

impl Watch {
    /// Begins to watch, folders with everything below them.
    ///
    /// # Errors
    /// When a path is not there, or the system watches no more.
    pub fn new(paths: &[PathBuf]) -> notify::Result<Self> {
        let (sender, changes) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is no change; what could not be told may be one.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            // Nobody listens any more when the watch is being dropped.
            let _ = sender.send(());
        })?;
        for path in paths {
            watcher.watch(path, RecursiveMode::Recursive)?;
        }
        Ok(Self { changes, _watcher: watcher })
    }

    /// Waits for a change, and until nothing changes for a moment; false when nothing can change any more.
    pub fn wait(&self) -> bool {
        if self.changes.recv().is_err() {
            return false;
        }
        while self.changes.recv_timeout(SETTLED).is_ok() {}
        true
    }
}
