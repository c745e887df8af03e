//! Files that only this user's `policy-host` wrote: a directory nobody else can write to, whole
//! writes by rename, and a keyed digest that is checked before a byte is used.
//!
//! Compiled code and remembered verdicts live here. Loading compiled code runs it, and a verdict is
//! believed, so a file that was truncated or tampered with counts as absent.

use crate::files;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes of a file: machine code of the largest component, several times.
const MAX_BYTES: usize = 1 << 30;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;
const KEY_FILE: &str = "seal.key";

/// A directory of sealed files.
#[derive(Debug)]
pub struct Sealed {
    directory: PathBuf,
    key: [u8; KEY_BYTES],
}

impl Sealed {
    /// Opens the directory, creating it, readable by this user alone, with a fresh key.
    ///
    /// # Errors
    /// When it cannot be created, or others could write to it, or it belongs to someone else.
    pub fn open(directory: &Path) -> io::Result<Self> {
        private_directory(directory)?;
        let key = load_or_create_key(directory)?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The payload sealed under `name`; `None` when absent, cut short or not sealed with our key.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = files::read(&self.directory.join(name), MAX_BYTES).ok()?;
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

    /// Removes all but the `keep` files that were written last, what a killed process left
    /// half-written included. A file that cannot be removed stays.
    pub fn prune(&self, keep: usize) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let written = |entry: fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
        let mut files: Vec<_> = entries.filter(|entry| entry.file_name() != KEY_FILE).filter_map(written).collect();
        files.sort();
        let surplus = files.len().saturating_sub(keep);
        for (_, path) in files.into_iter().take(surplus) {
            let _ = fs::remove_file(path);
        }
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

/// Makes a directory, readable by this user alone, or sees that it is one to which nobody else can write.
pub(crate) fn private_directory(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let metadata = fs::metadata(directory)?;
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    if mine && metadata.permissions().mode() & 0o022 == 0 {
        return Ok(());
    }
    let reason = if mine { "others can write to it" } else { "it belongs to another user" };
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("the cache directory {} is not used: {reason}", directory.display()),
    ))
}

fn load_or_create_key(directory: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = directory.join(KEY_FILE);
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
        assert_eq!(sealed.read("a").as_deref(), Some(&b"payload"[..]));
        assert_eq!(sealed.read("b"), None);

        fs::copy(sealed.directory().join("a"), sealed.directory().join("b")).unwrap();
        assert_eq!(sealed.read("b"), None, "a file moved to another name is not believed");

        let whole = fs::read(sealed.directory().join("a")).unwrap();
        for cut in 0..whole.len() {
            fs::write(sealed.directory().join("a"), &whole[..cut]).unwrap();
            assert_eq!(sealed.read("a"), None, "cut to {cut} bytes");
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(sealed.directory().join("a"), &flipped).unwrap();
            assert_eq!(sealed.read("a"), None, "bit flipped at byte {at}");
        }
    }

    #[test]
    fn old_files_go_and_the_key_stays() {
        let home = tempfile::tempdir().unwrap();
        let sealed = Sealed::open(home.path().join("cache").as_path()).unwrap();
        for name in ["a", "b", "c"] {
            sealed.write(name, b"x").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        sealed.prune(2);
        assert_eq!((sealed.read("a"), sealed.read("c")), (None, Some(b"x".to_vec())));
    }

    #[test]
    fn another_key_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let sealed = Sealed::open(home.path().join("one").as_path()).unwrap();
        let other = Sealed::open(home.path().join("two").as_path()).unwrap();
        sealed.write("a", b"x").unwrap();
        fs::copy(sealed.directory().join("a"), other.directory().join("a")).unwrap();
        assert_eq!(other.read("a"), None);
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Sealed::open(&open).unwrap_err();
        assert!(error.to_string().contains("others can write"), "{error}");
    }
}
