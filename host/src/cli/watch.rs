//! `eval --watch`: judge again whenever something that is judged changes, until somebody presses Ctrl-C.

use super::config::Configured;
use super::terminal::errln;
use super::{CommandResult, Context, Exit, eval, failed, terminal};
use crate::discover;
use crate::parse::Limits;
use ignore::WalkBuilder;
use notify::{RecursiveMode, Watcher as _};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Editors write a file in several steps; a change is over when none follows for this long.
const QUIET: Duration = Duration::from_millis(100);
/// However busily a directory is written to, it is judged this often.
const PATIENCE: Duration = Duration::from_secs(2);

enum Event {
    Changed,
    Stop,
}

/// Judges until it is told to stop; the exit code is the last verdict's.
pub(super) fn run(
    configured: &dyn Fn() -> Result<Configured, Box<dyn std::error::Error>>,
    context: &Context,
) -> CommandResult {
    if configured()?.arguments.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err("standard input cannot be watched".into());
    }
    let (sender, events) = channel();
    stop_on_signals(sender.clone())?;
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let matters = |path: &Path| !path.components().any(|part| part.as_os_str() == ".git");
        // Where the system lost events, all may have changed.
        let changed =
            event.map_or(true, |event| !event.kind.is_access() && event.paths.iter().any(|path| matters(path)));
        if changed {
            // Nobody listens any more when the program ends.
            let _ = sender.send(Event::Changed);
        }
    })?;
    let mut watched = BTreeSet::new();
    let mut last = (String::new(), Exit::Error);
    loop {
        // Settings may be half-written, too: what is wrong with them is shown, and the next change tried.
        let configured = configured();
        let roots = configured.as_ref().map_or_else(|_| vec![PathBuf::from(".")], roots);
        // First watch, then look: what changes in between is a change.
        watch(&mut watcher, &roots, &mut watched);
        let state = configured.as_ref().map_or_else(ToString::to_string, state);
        // Files change that nobody judges: what this run prints into, for one.
        if state != last.0 {
            terminal::clear();
            let exit = configured.and_then(|configured| eval::judge(&configured, context.clone()));
            let exit = exit.unwrap_or_else(|error| failed(&*error));
            errln!("watching for changes; Ctrl-C ends with the exit code of this verdict, {}", exit as u8);
            last = (state, exit);
        }
        if !wait(&events) {
            return Ok(last.1);
        }
    }
}

/// Names all that a verdict is about and by.
fn state(configured: &Configured) -> String {
    let mut hash = Sha256::new();
    let discovered = discover::discover(&configured.arguments.paths, &Limits::default());
    discovered.units.iter().for_each(|unit| hash.update(unit.key(&[0; 32])));
    discovered.errors.iter().for_each(|error| hash.update(error.to_string()));
    for path in settings(configured) {
        let files = std::fs::read_dir(&path).map_or_else(
            |_| vec![path],
            |entries| {
                let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                paths.sort();
                paths
            },
        );
        for file in files {
            hash.update(file.as_os_str().as_encoded_bytes());
            hash.update(Sha256::digest(std::fs::read(&file).unwrap_or_default()));
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits for a change to be over; false when it is time to stop.
fn wait(events: &Receiver<Event>) -> bool {
    if !matches!(events.recv(), Ok(Event::Changed)) {
        return false;
    }
    let since = std::time::Instant::now();
    while since.elapsed() < PATIENCE {
        match events.recv_timeout(QUIET) {
            Ok(Event::Changed) => {}
            Ok(Event::Stop) => return false,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return true,
        }
    }
    true
}

/// What a verdict depends on.
fn roots(configured: &Configured) -> Vec<PathBuf> {
    configured.arguments.paths.iter().cloned().chain(settings(configured)).collect()
}

/// What it is by: the bundle, where it is a file, the configuration, the baseline.
fn settings(configured: &Configured) -> impl Iterator<Item = PathBuf> {
    let arguments = &configured.arguments;
    let file = configured.file.as_ref().map(|file| file.path.clone());
    [Some(PathBuf::from(&arguments.bundle)), file, arguments.baseline.clone()].into_iter().flatten()
}

/// Watches directories that are not watched yet. A file is watched through its directory: an editor may put another in
/// its place.
fn watch(watcher: &mut notify::RecommendedWatcher, roots: &[PathBuf], watched: &mut BTreeSet<PathBuf>) {
    // What is gone may come back under the same name, and has to be watched anew.
    watched.retain(|directory| directory.is_dir());
    for root in roots {
        let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (root, depth) = if root.is_dir() { (root.as_path(), None) } else { (parent, Some(0)) };
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .max_depth(depth)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        for entry in walk.flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_dir())) {
            let directory = entry.into_path();
            if watched.contains(&directory) {
                continue;
            }
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => drop(watched.insert(directory)),
                Err(error) => errln!("warning: {} is not watched: {error}", directory.display()),
            }
        }
    }
}

fn stop_on_signals(sender: Sender<Event>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        let _ = sender.send(Event::Stop);
    });
    Ok(())
}
