//! Kernel parameters that a pod may set without any harm to others.

use crate::kubernetes::pod_security::PolicyVersion;
use std::borrow::Cow;

crate::record! {
    /// A safe kernel parameter.
    pub SafeSysctl {
        /// Its name, with dots.
        pub name, "name": Cow<'static, str> = Cow::Borrowed("");
        /// The minor number of the Kubernetes release, 1.N, from which on Pod Security takes it for safe.
        pub since, "since": i64 = 0;
    }
}

const fn since(since: i64, name: &'static str) -> SafeSysctl {
    SafeSysctl { name: Cow::Borrowed(name), since }
}

crate::table! {
    /// Kernel parameters that Pod Security takes for safe.
    pub SafeSysctls, "safeSysctls": SafeSysctl {
        source: "k8s.io/pod-security-admission, policy/check_sysctls.go",
        date: "2026-11-29",
        rows: [
            since(0, "kernel.shm_rmid_forced"),
            since(0, "net.ipv4.ip_local_port_range"),
            since(0, "net.ipv4.tcp_syncookies"),
            since(0, "net.ipv4.ping_group_range"),
            since(0, "net.ipv4.ip_unprivileged_port_start"),
            since(27, "net.ipv4.ip_local_reserved_ports"),
            since(29, "net.ipv4.tcp_keepalive_time"),
            since(29, "net.ipv4.tcp_fin_timeout"),
            since(29, "net.ipv4.tcp_keepalive_intvl"),
            since(29, "net.ipv4.tcp_keepalive_probes"),
            since(32, "net.ipv4.tcp_rmem"),
            since(32, "net.ipv4.tcp_wmem"),
            since(37, "net.ipv4.tcp_slow_start_after_idle"),
            since(37, "net.ipv4.tcp_notsent_lowat"),
        ],
    }
}

/// The release, 1.N, from which on a parameter is safe; `None` where it never is.
pub fn safe_since(rows: &[SafeSysctl], name: &str) -> Option<u32> {
    rows.iter().find(|row| row.name == name).and_then(|row| u32::try_from(row.since).ok())
}

/// Whether a parameter is safe by a version of the standards.
pub fn is_safe(rows: &[SafeSysctl], name: &str, version: PolicyVersion) -> bool {
    safe_since(rows, name).is_some_and(|since| version.is_at_least(since))
}
