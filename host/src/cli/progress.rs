//! A line on standard error, only on a terminal and only when something takes long.

use super::terminal;
use crate::oci;
use std::io::IsTerminal as _;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Progress is shown when something takes longer than this.
const PATIENCE: Duration = Duration::from_millis(500);
/// Characters of a bar.
const BAR: usize = 24;

/// The line, for as long as this is there.
pub(super) struct Progress(Option<(mpsc::Sender<()>, std::thread::JoinHandle<()>)>);

impl Progress {
    /// Starts; `line` is asked for the line again and again, with the seconds that it took so far.
    pub(super) fn start(line: impl Fn(u64) -> String + Send + 'static) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            let mut shown = false;
            let mut wait = PATIENCE;
            while stopped.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout) {
                terminal::status(&line(started.elapsed().as_secs()));
                (shown, wait) = (true, Duration::from_millis(250));
            }
            if shown {
                terminal::status("");
            }
        });
        Self(Some((stop, thread)))
    }

    /// Takes the line away.
    pub(super) fn stop(self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// The line of something that is fetched or sent.
pub(super) fn transfer(verb: &'static str, progress: &Arc<oci::Progress>) -> Progress {
    let progress = Arc::clone(progress);
    Progress::start(move |seconds| {
        let ((done, all), (bytes, total)) = (progress.blobs(), progress.bytes());
        let filled = (bytes as usize * BAR).checked_div(total as usize).unwrap_or_default().min(BAR);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
        format!("{verb} {bar} {done}/{all} blobs, {} of {} KiB, {seconds} s", bytes >> 10, total >> 10)
    })
}
