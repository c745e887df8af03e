//! Hash functions.

use super::super::value::Term;
use super::super::work::Work;
use super::Answer;
use crate::digest::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512};

/// Calls a hash function; `None` when it is not one of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    const NAMES: [&str; 6] = ["md5", "sha1", "sha256", "sha512", "base64sha256", "base64sha512"];
    if !NAMES.contains(&name) {
        return None;
    }
    let [only] = arguments else { return Some(None) };
    Some(only.value.to_text().and_then(|text| {
        work.bytes(text.len())?;
        let text = text.as_bytes();
        work.text(match name {
            "md5" => hex(&Md5::digest(text)),
            "sha1" => hex(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text).as_ref()),
            "sha256" => hex(&Sha256::digest(text)),
            "sha512" => hex(&Sha512::digest(text)),
            "base64sha256" => STANDARD.encode(Sha256::digest(text)),
            _ => STANDARD.encode(Sha512::digest(text)),
        })
    }))
}
