//! Figures of a whole process: what a person waits for.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

/// The binary.
pub const POLICY_HOST: &str = env!("CARGO_BIN_EXE_policy-host");

/// What one run of a process cost.
pub struct Cost {
    /// From before it was started until it was gone.
    pub wall: Duration,
    /// How long processors worked for it.
    pub processor: Duration,
    /// The most memory it had resident.
    pub peak_bytes: u64,
}

/// Runs `policy-host` with a cache directory of its own. Its output goes nowhere. Findings are no
/// failure; a rule that could not run is.
///
/// The kernel counts what the parent had resident when it forked towards the child's peak, so
/// whoever is after `peak_bytes` calls this while this process is still small.
pub fn policy_host(arguments: &[&str], paths: &[&Path], cache: &Path) -> std::io::Result<Cost> {
    let started = Instant::now();
    let child = Command::new(POLICY_HOST)
        .args(arguments)
        .args(paths)
        .env("POLICY_HOST_CACHE", cache)
        .env_remove("POLICY_HOST_THREADS")
        .env_remove("POLICY_HOST_BUNDLE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let ended = child.wait4()?;
    let wall = started.elapsed();
    match ended.status.code() {
        Some(0 | 1) => {
            let usage = ended.rusage;
            Ok(Cost { wall, processor: usage.utime + usage.stime, peak_bytes: usage.maxrss })
        }
        _ => {
            let arguments = arguments.join(" ");
            let message = format!("`policy-host {arguments}` failed, or a rule could not run: {}", ended.status);
            Err(std::io::Error::other(message))
        }
    }
}
