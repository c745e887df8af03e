//! File descriptors: as many as the system allows, and some kept back for what must go on when callers take all.

use super::admin;

/// Kept for what is opened while the server runs: watches of the cluster, registries, files, traces.
const KEPT: usize = 128;
/// With fewer connections a server makes no sense.
const FEWEST: usize = 16;

/// The process may open too few files.
#[derive(Debug, thiserror::Error)]
#[error("the process may open {allowed} files (`ulimit -n`); this server needs {needed}")]
pub struct DescriptorError {
    allowed: usize,
    needed: usize,
}

/// How many connections there may be: as many as are wanted, or as descriptors allow.
///
/// # Errors
/// When there is no room for a server at all.
pub(super) fn connections(wanted: usize) -> Result<usize, DescriptorError> {
    let allowed = raise();
    // What is open is opened once more when bundles are loaded anew.
    let kept = 2 * open() + admin::CONNECTIONS + KEPT;
    let room = allowed.saturating_sub(kept);
    if room < FEWEST {
        return Err(DescriptorError { allowed, needed: kept + FEWEST });
    }
    if room < wanted {
        tracing::warn!(
            connections = room,
            wanted,
            descriptors = allowed,
            "fewer connections than `limits.connections`: the process may not open so many files"
        );
    }
    Ok(room.min(wanted))
}

/// Raises the soft limit to the hard one, and gives what is in force.
#[cfg(unix)]
fn raise() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Without a bound there still is one: of the kernel.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let in_force = if raised { maximum } else { current };
    in_force.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Windows bounds handles by memory alone.
#[cfg(not(unix))]
fn raise() -> usize {
    usize::MAX
}

/// How many descriptors are open; a guess where the system does not say.
fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(64, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_descriptors_allow() {
        let allowed = raise();
        assert_eq!(connections(1).unwrap(), 1);
        let most = connections(usize::MAX).unwrap();
        assert!(most < allowed && most >= FEWEST, "{most} of {allowed}");
    }
}
