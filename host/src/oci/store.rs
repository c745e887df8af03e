//! What was fetched, by digest: `blobs/sha256/…`, checked before it is stored and again when it is read.
//!
//! Every file is written beside and renamed, so that a reader sees all of it or nothing, whenever a writer is killed
//! and however many there are. Writers share a lock that removing needs for itself alone.

use super::error::{OciError, StoreError};
use super::model::{Descriptor, Index, Manifest, media};
use super::reference::Reference;
use crate::digest::{Digest, Hasher};
use crate::files;
use crate::sealed::private_directory;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tempfile::NamedTempFile;

/// Bytes of a file that says what a reference stands for.
const ENTRY_BYTES: usize = 64 << 10;

/// How long what removes waits for those who write.
const PATIENCE: Duration = Duration::from_secs(10);

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    /// What was found to be damaged, and was removed.
    damaged: Arc<Mutex<BTreeSet<Digest>>>,
}

/// Keeps others from removing what is not yet referred to.
pub struct Guard {
    _lock: File,
}

/// A blob that is being written.
pub struct Writer {
    store: Store,
    file: NamedTempFile,
    hash: Hasher,
    written: u64,
    expected: Descriptor,
    what: String,
}

/// What a reference stood for when it was last used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// `registry.example/team/bundle:1.0`.
    pub name: String,
    /// The index.
    pub descriptor: Descriptor,
}

/// What removing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// References that were forgotten.
    pub references: usize,
    /// Blobs that were removed.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Opens a store, making its directories, readable by this user alone.
    ///
    /// # Errors
    /// When they cannot be made, or others could write to them.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let store = Self { directory: directory.to_owned(), damaged: Arc::default() };
        private_directory(directory).map_err(|source| store.failed(directory, source))?;
        for part in [store.blobs(), store.references_directory(), store.referrers_directory(), store.temporary()] {
            fs::create_dir_all(&part).map_err(|source| store.failed(&part, source))?;
        }
        Ok(store)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Begins something at whose end there will be a reference to what was stored.
    ///
    /// # Errors
    /// When the lock cannot be had.
    pub fn begin(&self) -> Result<Guard, StoreError> {
        let path = self.directory.join("lock");
        let failed = |source| self.failed(&path, source);
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        // Nobody else is here: what is half-written was left by someone who was killed.
        if fs::read_dir(self.temporary()).is_ok_and(|mut files| files.next().is_some()) && lock.try_lock().is_ok() {
            remove_all(&self.temporary());
        }
        lock.lock_shared().map_err(failed)?;
        Ok(Guard { _lock: lock })
    }

    /// Whether a blob is there, as far as its length tells; reading tells the rest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has(&self, blob: &Descriptor) -> Result<bool, StoreError> {
        let path = self.blob(blob.digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == blob.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed(&path, error)),
        }
    }

    /// A blob, if it is there and is what it is called. A damaged one is removed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(&self, digest: Digest, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
        let path = self.blob(digest);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&path, error).into()),
        };
        if length > limit {
            return Err(OciError::TooMuch { what: digest.to_string(), actual: length, unit: "bytes", limit });
        }
        let bytes = files::read(&path, length as usize).map_err(|error| self.failed(&path, error))?;
        if Digest::of(&bytes) == digest {
            return Ok(Some(bytes));
        }
        fs::remove_file(&path).map_err(|error| self.failed(&path, error))?;
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        Ok(None)
    }

    /// Why a blob that is to be had is not there: what kept it from being fetched, or that it was damaged, too.
    pub fn absent(&self, digest: Digest, cause: Option<OciError>) -> OciError {
        match self.damaged.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest) {
            true => OciError::Damaged { digest, cause: cause.map(|cause| cause.to_string()) },
            false => cause.unwrap_or_else(|| OciError::Missing(format!("{digest} in the store"))),
        }
    }

    /// Begins to write a blob that came from `what`.
    ///
    /// # Errors
    /// When there is no room.
    pub fn writer(&self, expected: &Descriptor, what: &str) -> Result<Writer, StoreError> {
        let file = NamedTempFile::new_in(self.temporary()).map_err(|source| self.failed(&self.temporary(), source))?;
        let (expected, what) = (expected.clone(), what.to_owned());
        Ok(Writer { store: self.clone(), file, hash: Hasher::default(), written: 0, expected, what })
    }

    /// Stores bytes that are at hand, under their own digest.
    ///
    /// # Errors
    /// When there is no room.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, OciError> {
        let descriptor = Descriptor::of("", bytes);
        if !self.has(&descriptor)? {
            let mut writer = self.writer(&descriptor, "what is stored")?;
            writer.write(bytes)?;
            writer.finish()?;
        }
        Ok(descriptor.digest)
    }

    /// Bytes of all blobs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let files = self.files(&self.blobs())?;
        Ok(files.iter().filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum())
    }

    /// What a reference stood for when it was last used.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn entry(&self, reference: &Reference) -> Result<Option<Entry>, StoreError> {
        let name = reference.name();
        let entry: Option<Entry> = self.read_json(&self.references_directory().join(file_name(&name)))?;
        // The file's name is only a digest of the reference's.
        Ok(entry.filter(|entry| entry.name == name))
    }

    /// Remembers what a reference stands for; it is then kept with all that belongs to it.
    ///
    /// # Errors
    /// When there is no room.
    pub fn refer(&self, reference: &Reference, descriptor: &Descriptor) -> Result<(), StoreError> {
        let entry = Entry { name: reference.name(), descriptor: descriptor.clone() };
        let path = self.references_directory().join(file_name(&entry.name));
        if self.read_json(&path)?.as_ref() == Some(&entry) {
            // Its time says when it was last used. Where that cannot be written it only looks older.
            let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
            return Ok(());
        }
        let blobs = self.blobs();
        File::open(&blobs).and_then(|blobs| blobs.sync_all()).map_err(|source| self.failed(&blobs, source))?;
        self.write_json(&path, &entry)
    }

    /// Everything that is referred to, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for path in self.files(&self.references_directory())? {
            entries.extend(self.read_json::<Entry>(&path)?);
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// What was known to be about a manifest when its referrers were last asked for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, StoreError> {
        Ok(self.read_json(&self.referrers_directory().join(subject.hex()))?.unwrap_or_default())
    }

    /// Remembers what is about a manifest.
    ///
    /// # Errors
    /// When there is no room.
    pub fn set_referrers(&self, subject: Digest, referrers: &[Descriptor]) -> Result<(), StoreError> {
        self.write_json(&self.referrers_directory().join(subject.hex()), &referrers)
    }

    /// Removes what no reference needs; before that, forgets the references that were not used for so long.
    ///
    /// # Errors
    /// When others go on using the store.
    pub fn prune(&self, unused_for: Option<Duration>) -> Result<Pruned, OciError> {
        let _alone = self.alone()?;
        let mut pruned = Pruned::default();
        for path in self.files(&self.references_directory())? {
            let used = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let age = used.ok().and_then(|used| SystemTime::now().duration_since(used).ok()).unwrap_or_default();
            if unused_for.is_some_and(|limit| age >= limit) {
                fs::remove_file(&path).map_err(|source| self.failed(&path, source))?;
                pruned.references += 1;
            }
        }
        let mut needed = BTreeSet::new();
        for entry in self.entries()? {
            self.mark(&entry.descriptor, &mut needed, 0)?;
        }
        for path in self.files(&self.referrers_directory())? {
            if !needed.iter().any(|digest: &Digest| path.file_name().is_some_and(|name| *name == *digest.hex())) {
                fs::remove_file(&path).map_err(|source| self.failed(&path, source))?;
            }
        }
        for path in self.files(&self.blobs())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let digest: Result<Digest, _> = format!("sha256:{name}").parse();
            if digest.is_ok_and(|digest| needed.contains(&digest)) {
                continue;
            }
            pruned.bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
            pruned.blobs += 1;
            fs::remove_file(&path).map_err(|source| self.failed(&path, source))?;
        }
        remove_all(&self.temporary());
        Ok(pruned)
    }

    /// Takes in everything that a descriptor leads to. What is missing leads nowhere.
    fn mark(&self, descriptor: &Descriptor, needed: &mut BTreeSet<Digest>, depth: usize) -> Result<(), OciError> {
        if !needed.insert(descriptor.digest) || depth > 4 || !descriptor.is_manifest() {
            return Ok(());
        }
        for referrer in self.referrers(descriptor.digest)? {
            self.mark(&referrer, needed, depth + 1)?;
        }
        let Some(bytes) = self.read(descriptor.digest, super::limits::MANIFEST_BYTES)? else { return Ok(()) };
        let children = if descriptor.media_type == media::INDEX {
            Index::parse(&bytes)?.manifests
        } else {
            let manifest = Manifest::parse(&bytes)?;
            [vec![manifest.config], manifest.layers].concat()
        };
        children.iter().try_for_each(|child| self.mark(child, needed, depth + 1))
    }

    /// The lock, once nobody else has it.
    fn alone(&self) -> Result<Guard, StoreError> {
        let path = self.directory.join("lock");
        let failed = |source| self.failed(&path, source);
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Guard { _lock: lock }),
                Err(fs::TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(StoreError::Busy(self.directory.display().to_string()));
                }
                Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }

    fn read_json<T: serde::de::DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, StoreError> {
        match files::read(path, ENTRY_BYTES) {
            // What cannot be understood counts as absent: it is asked for again.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(path, error)),
        }
    }

    fn write_json<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let mut file = NamedTempFile::new_in(self.temporary())?;
            file.write_all(&serde_json::to_vec(value)?)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            sync_directory(path)
        };
        write().map_err(|source| self.failed(path, source))
    }

    fn files(&self, directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let failed = |source| self.failed(directory, source);
        let entries: Result<Vec<_>, _> = fs::read_dir(directory).map_err(failed)?.collect();
        Ok(entries.map_err(failed)?.into_iter().map(|entry| entry.path()).collect())
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs/sha256")
    }

    fn blob(&self, digest: Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    fn references_directory(&self) -> PathBuf {
        self.directory.join("references")
    }

    fn referrers_directory(&self) -> PathBuf {
        self.directory.join("referrers")
    }

    fn temporary(&self) -> PathBuf {
        self.directory.join("temporary")
    }

    fn failed(&self, path: &Path, source: io::Error) -> StoreError {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => {
                StoreError::Full { path: self.directory.display().to_string(), source }
            }
            _ => StoreError::Io { path: path.display().to_string(), source },
        }
    }
}

impl Writer {
    /// Writes the next bytes.
    ///
    /// # Errors
    /// When there are more than there should be, or no room.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), OciError> {
        self.written += chunk.len() as u64;
        if self.written > self.expected.size {
            return Err(self.length());
        }
        self.hash.update(chunk);
        self.file.write_all(chunk).map_err(|source| self.store.failed(self.file.path(), source).into())
    }

    /// Stores the blob if it is what it should be.
    ///
    /// # Errors
    /// When it is not, or there is no room. Then nothing is stored.
    pub fn finish(self) -> Result<(), OciError> {
        if self.written != self.expected.size {
            return Err(self.length());
        }
        let actual = self.hash.finish();
        if actual != self.expected.digest {
            return Err(OciError::Digest { what: self.what, expected: self.expected.digest, actual });
        }
        let path = self.store.blob(actual);
        // Its directory is synced once, before anything refers to it.
        let stored =
            self.file.as_file().sync_all().and_then(|()| self.file.persist(&path).map(drop).map_err(Into::into));
        stored.map_err(|source| self.store.failed(&path, source).into())
    }

    fn length(&self) -> OciError {
        OciError::Length { what: self.what.clone(), expected: self.expected.size, actual: self.written }
    }
}

/// A rename is kept only once its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Any name of a reference, as a file's.
fn file_name(name: &str) -> String {
    Digest::of(name.as_bytes()).hex()
}

/// Removes files; one that cannot be removed is nobody's loss.
fn remove_all(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let _ = fs::remove_file(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("store")).unwrap();
        (home, store)
    }

    #[test]
    fn only_what_is_right_is_stored() {
        let (_home, store) = store();
        let blob = Descriptor::of("", b"content");
        for (wrong, says) in
            [(&b"conten!"[..], "its digest is"), (b"conten", "6 bytes, not 7"), (b"content!", "8 bytes")]
        {
            let mut writer = store.writer(&blob, "GET x").unwrap();
            let error = writer.write(wrong).and_then(|()| writer.finish()).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("GET x"), "{error}");
            assert!(!store.has(&blob).unwrap());
        }
        assert_eq!(store.files(&store.temporary()).unwrap().len(), 0);
        assert_eq!(store.put(b"content").unwrap(), blob.digest);
        assert_eq!(store.read(blob.digest, 7).unwrap().as_deref(), Some(&b"content"[..]));
        assert!(store.read(blob.digest, 6).is_err());
    }

    #[test]
    fn what_was_damaged_counts_as_absent() {
        let (_home, store) = store();
        let digest = store.put(b"content").unwrap();
        fs::write(store.blob(digest), b"conteNt").unwrap();
        assert_eq!(store.read(digest, 100).unwrap(), None);
        assert!(!store.has(&Descriptor::of("", b"content")).unwrap());
        let reference: Reference = "h/a:1".parse().unwrap();
        store.refer(&reference, &Descriptor::of(media::INDEX, b"{}")).unwrap();
        fs::write(store.references_directory().join(file_name("h/a:1")), b"{").unwrap();
        assert_eq!(store.entry(&reference).unwrap(), None);
    }

    #[test]
    fn pruning_keeps_what_a_reference_needs() {
        let (_home, store) = store();
        let layer = Descriptor::of("text/plain", b"layer");
        store.put(b"layer").unwrap();
        store.put(b"{}").unwrap();
        store.put(b"nobody's").unwrap();
        let manifest = Manifest::new(Descriptor::of(media::EMPTY, b"{}"), vec![layer.clone()]).to_bytes();
        let index = Index::new(vec![Descriptor::of(media::MANIFEST, &manifest)]).to_bytes();
        store.put(&manifest).unwrap();
        store.put(&index).unwrap();
        let reference: Reference = "h/a:1".parse().unwrap();
        let descriptor = Descriptor::of(media::INDEX, &index);
        store.refer(&reference, &descriptor).unwrap();
        fs::write(store.temporary().join("left"), b"behind").unwrap();

        assert_eq!(store.prune(None).unwrap(), Pruned { references: 0, blobs: 1, bytes: 8 });
        assert!(store.has(&layer).unwrap());
        assert_eq!(store.entry(&reference).unwrap().unwrap().descriptor, descriptor);
        assert_eq!(store.prune(Some(Duration::from_secs(3600))).unwrap(), Pruned::default());
        let all = store.prune(Some(Duration::ZERO)).unwrap();
        assert_eq!((all.references, all.blobs), (1, 4));
        assert_eq!(store.files(&store.temporary()).unwrap().len(), 0);
    }

    #[test]
    fn what_is_being_written_is_not_removed() {
        let (_home, store) = store();
        let guard = store.begin().unwrap();
        let other = store.clone();
        let pruning = std::thread::spawn(move || other.prune(None).unwrap());
        let digest = store.put(b"content").unwrap();
        let reference: Reference = "h/a:1".parse().unwrap();
        store.refer(&reference, &Descriptor::of("text/plain", b"content")).unwrap();
        drop(guard);
        assert_eq!(pruning.join().unwrap().blobs, 0);
        assert!(store.read(digest, 100).unwrap().is_some());
    }
}
