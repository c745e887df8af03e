//! `policy-host.lock`: the digests that tags stood for, so that everybody runs the same until somebody says otherwise.

use super::reference::Reference;
use crate::digest::Digest;
use crate::document::Pointer;
use crate::located::{Located, LocatedError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file's name, in the directory that a command runs in.
pub const LOCK_FILE: &str = "policy-host.lock";
/// Bytes of a lock file.
const LOCK_BYTES: usize = 1 << 20;

/// Why a lock file is in the way.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It says something that cannot be.
    #[error(transparent)]
    Settings(#[from] LocatedError),
    /// It could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A reference is not in it, and may not be added.
    #[error("{path} has no digest for `{name}`, and --locked adds none; run `policy-host bundle pull` without it once")]
    NotLocked {
        /// The file.
        path: String,
        /// The reference.
        name: String,
    },
    /// A reference has another digest than the file.
    #[error("{path} has {locked} for `{name}`, not {asked}; `policy-host bundle pull --update` takes the new one")]
    Other {
        /// The file.
        path: String,
        /// The reference.
        name: String,
        /// What the file has.
        locked: Digest,
        /// What was asked for.
        asked: Digest,
    },
}

/// A lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    path: PathBuf,
    digests: BTreeMap<String, Digest>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    bundles: Vec<WrittenEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    reference: String,
    digest: Digest,
}

impl LockFile {
    /// Reads a lock file; one that is not there is empty.
    ///
    /// # Errors
    /// Names the place.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::File { path: path.display().to_string(), source };
        let text = match crate::files::read_text(path, LOCK_BYTES) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), digests: BTreeMap::new() });
            }
            text => text.map_err(failed)?,
        };
        Ok(Self { path: path.to_owned(), digests: parse(&path.display().to_string(), &text)? })
    }

    /// The digest that a reference is held to.
    pub fn digest(&self, reference: &Reference) -> Option<Digest> {
        self.digests.get(&reference.name()).copied()
    }

    /// Says that a reference is not held to a digest.
    pub(super) fn not_locked(&self, reference: &Reference) -> LockError {
        LockError::NotLocked { path: self.path.display().to_string(), name: reference.name() }
    }

    /// Checks a digest that was asked for against the one that is held to.
    pub(super) fn check(&self, reference: &Reference, asked: Digest) -> Result<(), LockError> {
        match self.digest(reference) {
            Some(locked) if locked != asked => {
                let (path, name) = (self.path.display().to_string(), reference.name());
                Err(LockError::Other { path, name, locked, asked })
            }
            _ => Ok(()),
        }
    }

    /// Holds a reference to a digest, and writes the file if that is new.
    ///
    /// # Errors
    /// When it cannot be written; the old one is untouched.
    pub fn set(&mut self, reference: &Reference, digest: Digest) -> Result<(), LockError> {
        if self.digests.insert(reference.name(), digest) == Some(digest) {
            return Ok(());
        }
        let write = || -> std::io::Result<()> {
            let mut file = crate::system::file_for(&self.path, 0o644)?;
            file.write_all(text(&self.digests).as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        write().map_err(|source| LockError::File { path: self.path.display().to_string(), source })
    }
}

fn text(digests: &BTreeMap<String, Digest>) -> String {
    let mut text = String::from(
        "# Written by policy-host: the digests that these references are held to.\n\
         # `policy-host bundle pull --update REFERENCE` takes the newest; commit the change.\nversion: 1\n",
    );
    text.push_str(if digests.is_empty() { "bundles: []\n" } else { "bundles:\n" });
    for (reference, digest) in digests {
        // Writing to a String cannot fail. Neither part has anything that YAML reads otherwise between quotes.
        let _ = writeln!(text, "  - reference: \"{reference}\"\n    digest: \"{digest}\"");
    }
    text
}

fn parse(path: &str, text: &str) -> Result<BTreeMap<String, Digest>, LockError> {
    let located: Located<Written> = Located::parse(path, text)?;
    if located.value.version != 1 {
        let at: Pointer = ["version".to_owned()].into_iter().collect();
        return Err(located
            .error(&at, format!("this policy-host does not know version {}", located.value.version))
            .into());
    }
    let mut digests = BTreeMap::new();
    for (index, entry) in located.value.bundles.iter().enumerate() {
        let at: Pointer = ["bundles".to_owned(), index.to_string(), "reference".to_owned()].into_iter().collect();
        let reference: Reference = entry
            .reference
            .parse()
            .map_err(|error: super::reference::ReferenceError| located.error(&at, error.to_string()))?;
        if reference.digest.is_some() {
            return Err(located.error(&at, "a reference with a digest needs no lock").into());
        }
        if digests.insert(reference.name(), entry.digest).is_some() {
            return Err(located.error(&at, format!("`{reference}` is there twice")).into());
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_set_is_read_back() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(LOCK_FILE);
        let reference: Reference = "oci://h.example:5000/a/b:1.0".parse().unwrap();
        let mut lock = LockFile::read(&path).unwrap();
        assert_eq!(lock.digest(&reference), None);
        lock.set(&reference, Digest::of(b"1")).unwrap();
        lock.set(&reference, Digest::of(b"2")).unwrap();
        assert_eq!(LockFile::read(&path).unwrap(), lock);
        assert_eq!(lock.digest(&reference), Some(Digest::of(b"2")));
        let error = lock.check(&reference, Digest::of(b"3")).unwrap_err().to_string();
        assert!(error.contains("h.example:5000/a/b:1.0") && error.contains("--update"), "{error}");
    }

    #[test]
    fn errors_name_the_place() {
        for (text, says) in [
            ("version: 2\n", "1:10: this policy-host does not know version 2"),
            ("version: 1\nbundles:\n  - reference: \"x\"\n    digest: \"sha256:1\"\n", "4:13:"),
            ("version: 1\nmore: 1\n", "2:1: `more`"),
            (
                &format!("version: 1\nbundles:\n  - reference: x\n    digest: \"{}\"\n", Digest::of(b"")),
                "3:16: `x` is no reference",
            ),
        ] {
            let error = parse("policy-host.lock", text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_locks_read_back(entries in proptest::collection::btree_map(
            "[a-z]{1,5}(:[1-9][0-9]{2})?/[a-z0-9]{1,5}(/[a-z]{1,3})?:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,8}", any::<[u8; 4]>(), 0..5,
        )) {
            let digests: BTreeMap<String, Digest> =
                entries.iter().map(|(name, seed)| (name.clone(), Digest::of(seed))).collect();
            prop_assert_eq!(parse("x", &text(&digests)).unwrap(), digests);
        }

        #[test]
        fn rubbish_never_panics(text in "[version: 1\\nbudlesrfc\"-]{0,60}") {
            let _ = parse("x", &text);
        }
    }
}
