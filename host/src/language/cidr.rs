//! Networks (`:cidr`): `10.0.0.0/8`, `2001:db8::/32`, and a single address.
//!
//! # The model
//!
//! ```text
//! { "version": 4, "network": "10.0.0.0", "prefix": 8, "last": "10.255.255.255",
//!   "canonical": "10.0.0.0/8",        without bits behind the prefix, and as short as it can be
//!   "address": true,                  a single address, without a prefix
//!   "hostBits": true }                bits behind the prefix are set: `10.0.0.1/8`
//! ```

use super::build::Builder;
use crate::document::{Node, Span};
use ipnet::IpNet;
use std::net::IpAddr;

/// The tree of a network or address.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let written = text.trim();
    let start = text.len() - text.trim_start().len();
    let at = Span::new(start, start + written.len());
    let address: Option<IpAddr> = written.parse().ok();
    // Some read `010` as 8, others as 10, and Kubernetes refuses it.
    let is_octal = |part: &str| part.len() > 1 && part.starts_with('0');
    let is_clear = written.contains(':') || !written.split(['.', '/']).any(is_octal);
    let network = address.map(IpNet::from).or_else(|| written.parse().ok());
    let Some(network) = network.filter(|_| is_clear) else {
        return builder.nothing(at, "neither a network such as `10.0.0.0/8` nor an address");
    };
    let canonical = network.trunc();
    let version = if network.addr().is_ipv4() { 4 } else { 6 };
    let mut entries = vec![
        ("version", builder.number(version, at)),
        ("network", builder.string(canonical.addr().to_string(), at)),
        ("prefix", builder.number(usize::from(network.prefix_len()), at)),
        ("last", builder.string(network.broadcast().to_string(), at)),
        ("canonical", builder.string(canonical.to_string(), at)),
    ];
    for (key, flag) in [("address", address.is_some()), ("hostBits", network != canonical)] {
        if flag {
            entries.push((key, builder.yes(at)));
        }
    }
    builder.object(entries, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> serde_json::Value {
        tree(text, &mut Builder::new(usize::MAX)).to_value()
    }

    #[test]
    fn networks_are_read() {
        assert_eq!(
            read("10.1.2.3/8"),
            json!({"version": 4, "network": "10.0.0.0", "prefix": 8, "last": "10.255.255.255",
                   "canonical": "10.0.0.0/8", "hostBits": true})
        );
        assert_eq!(read("0.0.0.0/0")["canonical"], "0.0.0.0/0");
        assert_eq!(read("::/0")["version"], 6);
        assert_eq!(read("2001:DB8:0::/32")["canonical"], "2001:db8::/32");
        assert_eq!(read(" 192.0.2.1 ")["address"], true);
        for text in ["", "10.0.0.0/33", "10.0.0/8", "010.0.0.0/8", "a/8", "10.0.0.0/", "10.0.0.0/8/8"] {
            assert!(read(text)["unread"].is_array(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9a-f.:/ ]{0,24}") {
            let tree = tree(&text, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
