//! Policies of AWS load balancers that speak TLS 1.2 and newer alone.

use crate::values::image::glob_match;
use std::borrow::Cow;

crate::record! {
    /// Policies that speak no older version than TLS 1.2.
    pub TlsPolicy {
        /// A glob of their names.
        pub name, "name": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn policy(name: &'static str) -> TlsPolicy {
    TlsPolicy { name: Cow::Borrowed(name) }
}

crate::table! {
    /// Policies of AWS load balancers that speak no older version than TLS 1.2.
    pub TlsPolicies, "tlsPolicies": TlsPolicy {
        source: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html",
        date: "2026-11-29",
        rows: [
            policy("ELBSecurityPolicy-TLS13-1-2-*"),
            policy("ELBSecurityPolicy-TLS13-1-3-*"),
            policy("ELBSecurityPolicy-TLS-1-2-*"),
            policy("ELBSecurityPolicy-FS-1-2-*"),
        ],
    }
}

/// Whether a policy speaks no older version than TLS 1.2.
pub fn is_modern(rows: &[TlsPolicy], name: &str) -> bool {
    rows.iter().any(|row| glob_match(&row.name, name))
}
