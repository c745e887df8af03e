//! Files that only this user's `policy-host` wrote: a directory nobody else can write to, whole
//! writes by rename, and a keyed digest that is checked before a byte is used.
//!
//! Compiled code and remembered verdicts live here. Loading compiled code runs it, and a verdict is
//! believed, so a file that was truncated or tampered with counts as absent.

use crate::files;
pub(crate) use crate::system::private_directory;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;

/// A directory of sealed files.
#[derive(Debug)]
pub struct Sealed {
    directory: PathBuf,
    key: [u8; KEY_BYTES],
}

impl Sealed {
    /// The file that has the key, beside the sealed ones.
    pub const KEY_FILE: &str = "seal.key";

    /// Opens the directory, creating it, readable by this user alone, with a fresh key.
    ///
    /// # Errors
    /// When it cannot be created, or others could write to it, or it belongs to someone else.
    pub fn open(directory: &Path) -> io::Result<Self> {
        private_directory(directory)?;
        let key = load_or_create_key(directory)?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The payload sealed under `name`; `None` when absent, longer than `max_bytes`, cut short or not sealed with our
    /// key.
    pub fn read(&self, name: &str, max_bytes: u64) -> Option<Vec<u8>> {
        let mut bytes = files::read(&self.directory.join(name), usize::try_from(max_bytes).ok()? + TAG_BYTES).ok()?;
        let payload_length = bytes.len().checked_sub(TAG_BYTES)?;
        let (payload, tag) = bytes.split_at(payload_length);
        self.mac(name, payload)?.verify_slice(tag).ok()?;
        bytes.truncate(payload_length);
        Some(bytes)
    }

    /// Seals a payload under `name`: written beside, then renamed, so that a reader sees all or nothing.
    ///
    /// # Errors
    /// When the file cannot be written; the old one, if any, is untouched.
    pub fn write(&self, name: &str, payload: &[u8]) -> io::Result<()> {
        let Some(mac) = self.mac(name, payload) else {
            return Err(io::Error::other("the seal's key is unusable"));
        };
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(payload)?;
        file.write_all(&mac.finalize().into_bytes())?;
        file.persist(self.directory.join(name))?;
        Ok(())
    }

    /// Marks a file as used just now, for [`Sealed::prune`].
    pub fn touch(&self, name: &str) {
        // One that could not be marked may be removed sooner than it should, nothing else.
        let _ = fs::File::open(self.directory.join(name)).and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Removes files until the others have at most `max_bytes`, but none of those in `keep`: first what was not written
    /// or touched for the longest time, what a killed process left half-written included. A file that cannot be
    /// removed stays.
    pub fn prune(&self, max_bytes: u64, keep: &HashSet<String>) {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = self.files().collect();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, bytes, path) in files {
            if total <= max_bytes {
                break;
            }
            let is_kept = path.file_name().and_then(OsStr::to_str).is_some_and(|name| keep.contains(name));
            if !is_kept && fs::remove_file(path).is_ok() {
                total -= bytes;
            }
        }
    }

    /// What all files have together, the key apart.
    pub fn bytes(&self) -> u64 {
        self.files().map(|(_, bytes, _)| bytes).sum()
    }

    /// When each file was used, how long it is, and where.
    fn files(&self) -> impl Iterator<Item = (SystemTime, u64, PathBuf)> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name() != Self::KEY_FILE).filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        })
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The digest covers the name, so that a file cannot stand in for another.
    fn mac(&self, name: &str, payload: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(&(name.len() as u64).to_le_bytes());
        mac.update(name.as_bytes());
        mac.update(payload);
        Some(mac)
    }
}

fn load_or_create_key(directory: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = directory.join(Sealed::KEY_FILE);
    if let Some(key) = read_key(&path) {
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&key)?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(key),
        // Another process was first (its key holds), or the file is unusable (ours replaces it).
        Err(error) => match read_key(&path) {
            Some(theirs) => Ok(theirs),
            None => error.file.persist(&path).map(|_| key).map_err(Into::into),
        },
    }
}

fn read_key(path: &Path) -> Option<[u8; KEY_BYTES]> {
    files::read(path, KEY_BYTES).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_only_what_was_written_whole_and_under_that_name() {
        let home = tempfile::tempdir().unwrap();
        let sealed = Sealed::open(&home.path().join("cache")).unwrap();
        sealed.write("a", b"payload").unwrap();
        assert_eq!(sealed.read("a", 100).as_deref(), Some(&b"payload"[..]));
        assert_eq!(sealed.read("b", 100), None);

        assert_eq!(sealed.read("a", 6), None, "longer than it may be");
        fs::copy(sealed.directory().join("a"), sealed.directory().join("b")).unwrap();
        assert_eq!(sealed.read("b", 100), None, "a file moved to another name is not believed");

        let whole = fs::read(sealed.directory().join("a")).unwrap();
        for cut in 0..whole.len() {
            fs::write(sealed.directory().join("a"), &whole[..cut]).unwrap();
            assert_eq!(sealed.read("a", 100), None, "cut to {cut} bytes");
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(sealed.directory().join("a"), &flipped).unwrap();
            assert_eq!(sealed.read("a", 100), None, "bit flipped at byte {at}");
        }
    }

    #[test]
    fn old_files_go_and_the_key_stays() {
        let home = tempfile::tempdir().unwrap();
        let sealed = Sealed::open(home.path().join("cache").as_path()).unwrap();
        for (name, age) in [("a", 40), ("b", 30), ("c", 20), ("d", 10)] {
            sealed.write(name, b"x").unwrap();
            let file = fs::File::open(sealed.directory().join(name)).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
        }
        let one = (1 + TAG_BYTES) as u64;
        assert_eq!(sealed.bytes(), 4 * one);
        sealed.prune(4 * one, &HashSet::new());
        assert_eq!(sealed.bytes(), 4 * one, "there is room for all");
        sealed.touch("b");
        sealed.prune(2 * one + 1, &HashSet::from(["a".to_owned()]));
        let left = ["a", "b", "c", "d"].map(|name| sealed.read(name, 1).is_some());
        assert_eq!(left, [true, true, false, false], "`a` is in use, `b` was used last");
    }

    #[test]
    fn another_key_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let sealed = Sealed::open(home.path().join("one").as_path()).unwrap();
        let other = Sealed::open(home.path().join("two").as_path()).unwrap();
        sealed.write("a", b"x").unwrap();
        fs::copy(sealed.directory().join("a"), other.directory().join("a")).unwrap();
        assert_eq!(other.read("a", 100), None);
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        fs::create_dir(&open).unwrap();
        let permissions: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(&open, permissions).unwrap();
        let error = Sealed::open(&open).unwrap_err();
        assert!(error.to_string().contains("others can write"), "{error}");
    }
}
