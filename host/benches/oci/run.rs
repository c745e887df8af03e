//! One run of the binary.

use super::Result;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a run cost.
pub struct Run {
    pub millis: f64,
    /// The most that was resident, as it was last seen: what `wait4` tells would count this process too, which holds
    /// the registry.
    pub megabytes: f64,
}

impl Run {
    /// Runs `policy-host` in a directory, with its cache there.
    pub fn of(home: &Path, arguments: &[&str]) -> Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_policy-host"))
            .args(arguments)
            .env("POLICY_HOST_CACHE", home.join("cache"))
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut megabytes = 0.0;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            megabytes = peak_megabytes(child.id()).unwrap_or(megabytes);
            std::thread::sleep(Duration::from_millis(1));
        };
        let millis = started.elapsed().as_secs_f64() * 1e3;
        if !status.success() {
            return Err(format!("`policy-host {}` failed: {status}", arguments.join(" ")).into());
        }
        Ok(Self { millis, megabytes })
    }
}

fn peak_megabytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024.0)
}
