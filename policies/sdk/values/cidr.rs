//! Ranges of IP addresses: `10.0.0.0/8`, `fd00::/8`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that share a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    /// The first address, in the upper bits.
    prefix: u128,
    length: u8,
    is_v6: bool,
    has_host_bits: bool,
}

/// Ranges whose addresses nobody on the internet reaches: the registries of special-purpose addresses, RFC 6890 and
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>, and multicast.
const NOT_PUBLIC: [&str; 22] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    // Multicast, and what is reserved behind it.
    "224.0.0.0/3",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "100::/64",
    "2001:db8::/32",
    "3fff::/20",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

impl Cidr {
    /// Reads `ADDRESS/LENGTH`; `None` for anything else, as a length that is too large.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse().ok().filter(|_| is_number)?;
        Self::new(address.parse().ok()?, length)
    }

    /// Reads a range, or a single address as the range of that one.
    pub fn parse_or_address(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            let address: IpAddr = text.parse().ok()?;
            Self::new(address, if address.is_ipv6() { 128 } else { 32 })
        })
    }

    fn new(address: IpAddr, length: u8) -> Option<Self> {
        let (bits, is_v6) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, false),
            IpAddr::V6(address) => (u128::from(address), true),
        };
        let prefix = bits & mask(length);
        (length <= if is_v6 { 128 } else { 32 }).then_some(Self {
            prefix,
            length,
            is_v6,
            has_host_bits: prefix != bits,
        })
    }

    /// How many bits its addresses share.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether it was written with an address that is not its first: `10.0.0.1/8`.
    pub fn has_host_bits(&self) -> bool {
        self.has_host_bits
    }

    /// Whether it is all of IPv4 or IPv6.
    pub fn is_any(&self) -> bool {
        self.length == 0
    }

    /// Whether it is of IPv6.
    pub fn is_v6(&self) -> bool {
        self.is_v6
    }

    /// Whether all addresses of another range are in it.
    pub fn contains(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6 && self.length <= other.length && other.prefix & mask(self.length) == self.prefix
    }

    /// Whether some address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Whether it holds addresses of the internet: it is in none of the ranges that are not reached from there.
    pub fn is_public(&self) -> bool {
        !NOT_PUBLIC.iter().filter_map(|range| Self::parse(range)).any(|range| range.contains(self))
    }
}

/// As many upper bits.
fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address: IpAddr = if self.is_v6 {
            Ipv6Addr::from(self.prefix).into()
        } else {
            Ipv4Addr::from((self.prefix >> 96) as u32).into()
        };
        write!(out, "{address}/{}", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse_or_address(text).unwrap()
    }

    #[test]
    fn ranges_are_read_and_written() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("169.254.169.254", "169.254.169.254/32"),
            ("FD00::1/8", "fd00::/8"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(cidr(text).to_string(), written);
            assert_eq!(cidr(text).has_host_bits(), text.eq_ignore_ascii_case("FD00::1/8") || text == "10.1.2.3/8");
        }
        for text in
            ["", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/", "010.0.0.0/8", "a/8"]
        {
            assert!(Cidr::parse(text).is_none(), "{text}");
        }
        assert!(cidr("::/0").is_any() && cidr("0.0.0.0/0").is_any() && !cidr("0.0.0.0/1").is_any());
    }

    #[test]
    fn what_the_internet_reaches_is_public() {
        for text in ["0.0.0.0/0", "::/0", "8.8.8.8", "10.0.0.0/7", "172.32.0.0/16", "2600::/12", "169.0.0.0/8"] {
            assert!(cidr(text).is_public(), "{text}");
        }
        for text in [
            "10.2.0.0/16",
            "172.31.0.0/16",
            "192.168.1.1",
            "100.127.0.0/16",
            "127.0.0.1",
            "fd12::/48",
            "fe80::1",
            "239.0.0.1",
        ] {
            assert!(!cidr(text).is_public(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[0-9a-f:./]{0,24}") {
            let _ = Cidr::parse_or_address(&text);
        }

        #[test]
        fn what_is_written_is_read_again(address: u128, length in 0_u8..=128, is_v6: bool) {
            let address: IpAddr =
                if is_v6 { Ipv6Addr::from(address).into() } else { Ipv4Addr::from(address as u32).into() };
            let range = Cidr::new(address, if is_v6 { length } else { length / 4 }).unwrap();
            let again = cidr(&range.to_string());
            prop_assert!(again.contains(&range) && range.contains(&again) && !again.has_host_bits());
            prop_assert!(range.contains(&cidr(&address.to_string())));
        }

        #[test]
        fn containing_and_overlapping_agree_with_intervals(a: u32, m in 0_u8..=32, b: u32, n in 0_u8..=32) {
            // Near each other, so that they meet at times.
            let b = if n % 2 == 0 { b } else { a ^ (b >> 16) };
            let interval = |address: u32, length: u8| {
                let size = 1_u64 << (32 - length);
                let first = u64::from(address) / size * size;
                (first, first + size - 1)
            };
            let ((from, to), (start, end)) = (interval(a, m), interval(b, n));
            let range = |address: u32, length| Cidr::new(Ipv4Addr::from(address).into(), length).unwrap();
            let (one, other) = (range(a, m), range(b, n));
            prop_assert_eq!(one.contains(&other), from <= start && end <= to);
            prop_assert_eq!(one.overlaps(&other), from <= end && start <= to);
            prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
        }
    }
}
