//! Compiled code: made once per component and engine, kept sealed, never accepted from outside.

use crate::sealed::Sealed;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of code that are kept. What was not used for the longest time goes first; what this process used never goes,
/// so that a run of more rules than that does not compile them again and again.
const MAX_BYTES: u64 = 512 << 20;
/// Bytes of the code of one component that are believed to be one.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Keeps compiled code between runs.
pub struct CodeCache {
    sealed: Sealed,
    max_bytes: u64,
    /// Names of the files that this process read or wrote.
    used: Mutex<HashSet<String>>,
}

impl CodeCache {
    /// Opens the cache below the host's cache directory.
    ///
    /// # Errors
    /// When the directory cannot be trusted or made; see [`Sealed::open`].
    pub fn open(cache_directory: &Path) -> std::io::Result<Self> {
        Self::open_bounded(cache_directory, MAX_BYTES)
    }

    fn open_bounded(cache_directory: &Path, max_bytes: u64) -> std::io::Result<Self> {
        Ok(Self { sealed: Sealed::open(&cache_directory.join("code"))?, max_bytes, used: Mutex::default() })
    }

    /// The code kept for a component under its digest and what names its compiler, else compiles it and keeps it. A
    /// cache that cannot be written costs the next run a compilation, nothing else.
    pub(super) fn get_or_compile<E>(
        &self,
        digest: &str,
        compatibility: &str,
        compile: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        self.get_or_make(format!("{}-{compatibility}.cwasm", digest.replace(':', "-")), compile)
    }

    fn get_or_make<E>(&self, name: String, make: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
        if let Some(code) = self.sealed.read(&name, MAX_FILE_BYTES) {
            self.sealed.touch(&name);
            self.used().insert(name);
            return Ok(code);
        }
        let code = make()?;
        let _ = self.sealed.write(&name, &code);
        let mut used = self.used();
        used.insert(name);
        self.sealed.prune(self.max_bytes, &used);
        Ok(code)
    }

    fn used(&self) -> MutexGuard<'_, HashSet<String>> {
        // A set of names is whole whenever the lock is free.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Asks for code of a hundred bytes, its seal apart, and says whether it had to be made.
    fn is_made(cache: &CodeCache, name: &str) -> bool {
        let mut made = false;
        let code = cache.get_or_make(name.to_owned(), || {
            made = true;
            Ok::<_, Infallible>(name.as_bytes().repeat(100)[..100].to_vec())
        });
        assert!(code.unwrap().starts_with(name.as_bytes()));
        made
    }

    #[test]
    fn a_run_of_more_code_than_there_is_room_for_makes_each_once() {
        let home = tempfile::tempdir().unwrap();
        let cache = CodeCache::open_bounded(home.path(), 1000).unwrap();
        let names: Vec<String> = (0..30).map(|number| format!("c{number:02}")).collect();
        assert!(names.iter().all(|name| is_made(&cache, name)));
        assert!(!names.iter().any(|name| is_made(&cache, name)), "what this run used stays");
        // The next process' first new code makes room.
        let next = CodeCache::open_bounded(home.path(), 1000).unwrap();
        assert!(is_made(&next, "new"));
        assert!(next.sealed.bytes() <= 1000, "{} bytes", next.sealed.bytes());
        assert!(!is_made(&next, "new"));
    }

    #[test]
    fn what_was_used_last_stays_and_not_what_was_made_last() {
        let home = tempfile::tempdir().unwrap();
        let age = |name: &str, seconds: u64| {
            let file = std::fs::File::open(home.path().join("code").join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(seconds)).unwrap();
        };
        let first = CodeCache::open_bounded(home.path(), 300).unwrap();
        assert!(is_made(&first, "old") && is_made(&first, "mid"));
        age("old", 3000);
        age("mid", 2000);
        let second = CodeCache::open_bounded(home.path(), 300).unwrap();
        assert!(!is_made(&second, "old"));
        let third = CodeCache::open_bounded(home.path(), 300).unwrap();
        assert!(is_made(&third, "new"));
        let fourth = CodeCache::open_bounded(home.path(), 300).unwrap();
        assert!(!is_made(&fourth, "old"), "it was used after `mid` was made");
        assert!(is_made(&fourth, "mid"));
    }
}
