//! Files that are read whole, up to a bound.

use crate::files;
use std::io::{self, Read as _};
use std::path::Path;
use zeroize::Zeroizing;

/// Reads a file; it may be a secret, and is wiped from memory when it is dropped.
///
/// # Errors
/// When it cannot be read, or is longer than `bound`.
pub fn read_bounded(path: &Path, bound: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // All of it at once: what a vector outgrows is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(bound + 1));
    files::open(path)?.take(bound as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bound {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {bound} bytes")));
    }
    Ok(bytes)
}
