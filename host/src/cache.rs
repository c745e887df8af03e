//! Where the host keeps what it can make again.

use std::path::PathBuf;

/// `$POLICY_HOST_CACHE`, else `policy-host` below the XDG cache directory, or on Windows below the
/// local application data; none without a home.
pub(crate) fn directory() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("POLICY_HOST_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|cache| cache.join("policy-host")))
        .or_else(|| absolute("HOME").map(|home| home.join(".cache/policy-host")))
        .or_else(|| absolute("LOCALAPPDATA").map(|local| local.join("policy-host\\cache")))
}
