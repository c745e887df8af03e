//! Waiting for files to change.

use ignore::WalkBuilder;
use notify::{RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Editors write a file in several steps; a change is over when none follows for this long.
const QUIET: Duration = Duration::from_millis(100);
/// However busily a directory is written to, a change is told this often.
const PATIENCE: Duration = Duration::from_secs(2);

enum Event {
    Changed,
    Stop,
}

/// What becomes of directories that `.gitignore` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// They are not watched.
    PassedOver,
    /// They are watched as all others.
    Watched,
}

/// Watches directories, each without those below it, so that some can be left out. `.git` never counts.
pub struct Watch {
    events: Receiver<Event>,
    sender: Sender<Event>,
    watcher: notify::RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    ignored: Ignored,
}

impl Watch {
    /// Begins with nothing watched.
    ///
    /// # Errors
    /// When the system watches no more.
    pub fn new(ignored: Ignored) -> notify::Result<Self> {
        let (sender, events) = channel();
        let changes = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = |path: &Path| !path.components().any(|part| part.as_os_str() == ".git");
            // Where the system lost events, all may have changed. Reading is no change.
            let changed =
                event.map_or(true, |event| !event.kind.is_access() && event.paths.iter().any(|path| matters(path)));
            if changed {
                // Nobody listens any more when the program ends.
                let _ = changes.send(Event::Changed);
            }
        })?;
        Ok(Self { events, sender, watcher, watched: BTreeSet::new(), ignored })
    }

    /// Watches the directories at and below `roots` that are not watched yet; a file through its directory, since an
    /// editor may put another in its place. To be called again after a change, which may be a new directory, and before
    /// looking at the files: what changes in between is then a change. Gives what cannot be watched.
    pub fn cover(&mut self, roots: &[PathBuf]) -> Vec<(PathBuf, notify::Error)> {
        // What is gone may come back under the same name, and has to be watched anew.
        self.watched.retain(|directory| directory.is_dir());
        let mut failed = Vec::new();
        for root in roots {
            let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let (root, depth) = if root.is_dir() { (root.as_path(), None) } else { (parent, Some(0)) };
            let walk = WalkBuilder::new(root)
                .standard_filters(self.ignored == Ignored::PassedOver)
                .hidden(false)
                .require_git(false)
                .max_depth(depth)
                .filter_entry(|entry| entry.file_name() != ".git")
                .build();
            for entry in walk.flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_dir())) {
                let directory = entry.into_path();
                if self.watched.contains(&directory) {
                    continue;
                }
                match self.watcher.watch(&directory, RecursiveMode::NonRecursive) {
                    Ok(()) => drop(self.watched.insert(directory)),
                    Err(error) => failed.push((directory, error)),
                }
            }
        }
        failed
    }

    /// What ends the waiting, from another thread.
    pub fn stopper(&self) -> impl FnOnce() + Send + use<> {
        let sender = self.sender.clone();
        // Where nobody waits any more, there is nothing to end.
        move || drop(sender.send(Event::Stop))
    }

    /// Waits for a change, and until it is over; false when it is time to stop.
    pub fn wait(&self) -> bool {
        if !matches!(self.events.recv(), Ok(Event::Changed)) {
            return false;
        }
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            match self.events.recv_timeout(QUIET) {
                Ok(Event::Changed) => {}
                Ok(Event::Stop) => return false,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return true,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn covering(root: &Path, ignored: Ignored) -> Watch {
        let mut watch = Watch::new(ignored).unwrap();
        assert!(watch.cover(&[root.to_owned()]).is_empty());
        watch
    }

    #[test]
    fn changes_are_told_in_directories_that_came_later_too() {
        let home = tempfile::tempdir().unwrap();
        let mut watch = covering(home.path(), Ignored::PassedOver);
        fs::create_dir_all(home.path().join("new/deep")).unwrap();
        assert!(watch.wait());
        watch.cover(&[home.path().to_owned()]);
        fs::write(home.path().join("new/deep/a.yaml"), "a").unwrap();
        assert!(watch.wait());
        (watch.stopper())();
        assert!(!watch.wait());
    }

    #[test]
    fn git_never_counts_and_ignored_directories_where_they_are_asked_for() {
        let home = tempfile::tempdir().unwrap();
        for directory in [".git", "target/deep", "k8s"] {
            fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        fs::write(home.path().join(".gitignore"), "target/\n").unwrap();
        let watched = |ignored| -> Vec<String> {
            let watch = covering(home.path(), ignored);
            let name = |path: &PathBuf| path.strip_prefix(home.path()).unwrap().display().to_string();
            watch.watched.iter().map(name).collect()
        };
        assert_eq!(watched(Ignored::PassedOver), ["", "k8s"]);
        assert_eq!(watched(Ignored::Watched), ["", "k8s", "target", "target/deep"]);
    }

    #[test]
    fn a_file_that_is_replaced_is_a_change() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a.yaml");
        fs::write(&file, "a").unwrap();
        let watch = covering(&file, Ignored::PassedOver);
        fs::write(home.path().join("b"), "b").unwrap();
        fs::rename(home.path().join("b"), &file).unwrap();
        assert!(watch.wait());
    }
}
