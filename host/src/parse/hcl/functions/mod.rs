//! Terraform's functions, as far as they are pure and their result is always the same.
//!
//! Those that read files or clocks, and those that are not here, have no known value. Nor have calls that Terraform
//! refuses, and where an argument that matters is not known.

mod collections;
mod conversions;
mod encoding;
mod hashes;
mod networks;
mod numbers;
mod patterns;
mod text;

use super::value::{Term, Value};
use super::work::Work;

pub(super) use collections::{equal, set_of};

/// The functions that are known, by what they are about.
const GROUPS: [Group; 8] = [
    text::call,
    collections::call,
    conversions::call,
    numbers::call,
    encoding::call,
    hashes::call,
    networks::call,
    patterns::call,
];

type Group = fn(&str, &[Term], &mut Work<'_>) -> Option<Answer>;

/// What a call comes to; `None` where that is not known.
type Answer = Option<Value>;

/// The value of a call.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Value> {
    let name = name.strip_prefix("core::").unwrap_or(name);
    GROUPS.iter().find_map(|group| group(name, arguments, work))?
}
