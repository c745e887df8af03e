//! Functions of networks.

use super::super::value::{Term, Value};
use super::super::work::Work;
use super::Answer;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Calls a function of networks; `None` when it is not one of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let answer = match (name, arguments) {
        ("cidrhost", [network, number]) => host(network, number, work),
        ("cidrnetmask", [network]) => netmask(network, work),
        ("cidrsubnet", [network, bits, number]) => Network::of(network)
            .and_then(|network| network.subnet(whole(bits)?, whole(number)?))
            .and_then(|network| work.text(network.to_string())),
        ("cidrsubnets", [network, bits @ ..]) => subnets(network, bits, work),
        ("cidrhost" | "cidrnetmask" | "cidrsubnet" | "cidrsubnets", _) => None,
        _ => return None,
    };
    Some(answer)
}

fn whole(term: &Term) -> Option<i128> {
    term.value.to_number()?.to_whole()
}

/// A network: the bits of its address, and how many of them there are and are fixed.
#[derive(Clone, Copy)]
struct Network {
    address: u128,
    size: u32,
    prefix: u32,
}

impl Network {
    /// The network that a text is. Bits behind the prefix are those of hosts, and left out.
    fn of(term: &Term) -> Option<Self> {
        let network: IpNet = term.value.to_text()?.parse().ok()?;
        let prefix = u32::from(network.prefix_len());
        Some(match network.network() {
            IpAddr::V4(address) => Self { address: u128::from(u32::from(address)), size: 32, prefix },
            IpAddr::V6(address) => Self { address: u128::from(address), size: 128, prefix },
        })
    }

    /// How many addresses fit behind the prefix; `None` for all that there are.
    fn addresses(self) -> Option<u128> {
        1_u128.checked_shl(self.size - self.prefix)
    }

    fn subnet(self, bits: i128, number: i128) -> Option<Self> {
        let prefix = self.prefix.checked_add(u32::try_from(bits).ok()?).filter(|prefix| *prefix <= self.size)?;
        let number = u128::try_from(number).ok()?;
        if 1_u128.checked_shl(prefix - self.prefix).is_some_and(|count| number >= count) {
            return None;
        }
        let moved = if number == 0 { 0 } else { number.checked_shl(self.size - prefix)? };
        Some(Self { address: self.address | moved, prefix, ..self })
    }

    fn text_of(self, address: u128) -> Option<String> {
        match self.size {
            32 => Some(Ipv4Addr::from(u32::try_from(address).ok()?).to_string()),
            // Go writes these as addresses of IPv4.
            _ if Ipv6Addr::from(address).to_ipv4_mapped().is_some() => None,
            _ => Some(Ipv6Addr::from(address).to_string()),
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match u32::try_from(self.address) {
            Ok(address) if self.size == 32 => write!(f, "{}/{}", Ipv4Addr::from(address), self.prefix),
            _ => write!(f, "{}/{}", Ipv6Addr::from(self.address), self.prefix),
        }
    }
}

/// An address by its number, from the end where that is negative.
fn host(network: &Term, number: &Term, work: &mut Work<'_>) -> Answer {
    let network = Network::of(network)?;
    let number = whole(number)?;
    let count = network.addresses();
    let offset = match u128::try_from(number) {
        Ok(offset) => offset,
        Err(_) => count?.checked_sub(number.unsigned_abs())?,
    };
    if count.is_some_and(|count| offset >= count) {
        return None;
    }
    work.text(network.text_of(network.address | offset)?)
}

fn netmask(network: &Term, work: &mut Work<'_>) -> Answer {
    let network = Network::of(network).filter(|network| network.size == 32)?;
    let mask = u32::MAX.checked_shl(32 - network.prefix).unwrap_or(0);
    work.text(Ipv4Addr::from(mask).to_string())
}

/// Networks one behind the other, each with so many bits more than the first.
fn subnets(network: &Term, bits: &[Term], work: &mut Work<'_>) -> Answer {
    let network = Network::of(network)?;
    let mut next = 0_u128;
    let mut found = Vec::with_capacity(bits.len());
    for bits in bits {
        let bits = u32::try_from(whole(bits)?).ok().filter(|bits| *bits > 0)?;
        let prefix = network.prefix.checked_add(bits).filter(|prefix| *prefix <= network.size)?;
        let size = 1_u128.checked_shl(network.size - prefix)?;
        let start = next.div_ceil(size).checked_mul(size)?;
        next = start.checked_add(size)?;
        if network.addresses().is_some_and(|count| next > count) {
            return None;
        }
        let subnet = Network { address: network.address | start, prefix, ..network };
        let text = work.text(subnet.to_string())?;
        found.push(work.term(text));
    }
    let value: Value = work.list(found, false)?;
    Some(value)
}
