//! OCI image layouts: directories with `oci-layout`, `index.json` and blobs by digest.

use super::error::OciError;
use super::limits;
use super::model::{Descriptor, Index, annotation, media};
use super::store::Store;
use crate::digest::Digest;
use std::fs;
use std::path::{Path, PathBuf};

/// The file that says what the directory is.
pub(super) const MARK_FILE: &str = "oci-layout";
/// What it says.
pub(super) const MARK: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";
/// The file that lists what is in it.
pub(super) const INDEX_FILE: &str = "index.json";
/// By which containerd, and this, have the whole name of an entry.
const FULL_NAME: &str = "io.containerd.image.name";

/// Where content comes from, by digest.
pub trait Contents {
    /// The content of a digest, checked.
    ///
    /// # Errors
    /// When it is not there, is not what it is called, or is larger than that.
    fn content(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, OciError>;
}

impl Contents for Store {
    fn content(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, OciError> {
        self.read(digest, limit)?.ok_or_else(|| self.absent(digest, None))
    }
}

/// What a layout lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The one bundle in it.
    pub root: Descriptor,
    /// `registry.example/team/bundle:1.0`, where the layout knows it.
    pub name: Option<String>,
    /// Manifests about the bundle: signatures, attestations.
    pub referrers: Vec<Descriptor>,
}

impl Listing {
    /// As `index.json` has it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut root = self.root.clone();
        if let Some(name) = &self.name {
            let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
            root = root.with(annotation::REF_NAME, tag).with(FULL_NAME, name);
        }
        let mut manifests = vec![root];
        manifests.extend(self.referrers.iter().cloned());
        Index::new(manifests).to_bytes()
    }

    /// Reads `index.json`.
    pub(super) fn parse(bytes: &[u8], from: &str) -> Result<Self, OciError> {
        let index = Index::parse(bytes)?;
        let is_bundle = |one: &&Descriptor| one.media_type == media::INDEX;
        let bundles: Vec<&Descriptor> = index.manifests.iter().filter(is_bundle).collect();
        let [root] = bundles.as_slice() else {
            let reason = format!("it lists {} indexes where there should be one bundle", bundles.len());
            return Err(OciError::Malformed { what: from.to_owned(), reason });
        };
        let mut root = (*root).clone();
        let name = root.annotations.remove(FULL_NAME);
        root.annotations.remove(annotation::REF_NAME);
        let referrers = index.manifests.iter().filter(|one| one.media_type == media::MANIFEST).take(limits::REFERRERS);
        Ok(Self { root, name, referrers: referrers.cloned().collect() })
    }
}

/// A directory that is a layout.
pub struct Layout {
    directory: PathBuf,
    /// What it lists.
    pub listing: Listing,
}

impl Layout {
    /// Whether a directory looks like one.
    pub fn is_one(directory: &Path) -> bool {
        directory.join(MARK_FILE).is_file()
    }

    /// Reads a layout's list.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(directory: &Path) -> Result<Self, OciError> {
        let path = directory.join(INDEX_FILE);
        let bytes = read_bounded(&path, limits::MANIFEST_BYTES)?;
        let listing = Listing::parse(&bytes, &path.display().to_string())?;
        Ok(Self { directory: directory.to_owned(), listing })
    }

    /// Writes a layout with these contents. What is there already and is none is left alone.
    ///
    /// # Errors
    /// When the directory has something else in it, or a file cannot be written.
    pub fn write(directory: &Path, listing: &Listing, contents: &dyn Contents) -> Result<(), OciError> {
        let taken = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
        if taken && !Self::is_one(directory) {
            return Err(OciError::Refused(format!("{} has something else in it", directory.display())));
        }
        let blobs = directory.join("blobs/sha256");
        // A layout that is replaced does not keep what nothing names any more.
        for old in fs::read_dir(&blobs).into_iter().flatten().flatten() {
            fs::remove_file(old.path()).map_err(OciError::file(&old.path()))?;
        }
        fs::create_dir_all(&blobs).map_err(OciError::file(&blobs))?;
        for part in super::artifact::contents(&listing.root, &listing.referrers, contents)? {
            let bytes = contents.content(part.descriptor.digest, part.limit)?;
            write(&blobs.join(part.descriptor.digest.hex()), &bytes)?;
        }
        // Last, since it says that all is there.
        write(&directory.join(INDEX_FILE), &listing.to_bytes())?;
        write(&directory.join(MARK_FILE), MARK)
    }
}

impl Contents for Layout {
    fn content(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, OciError> {
        let path = self.directory.join("blobs/sha256").join(digest.hex());
        let bytes = read_bounded(&path, limit)?;
        checked(bytes, digest, &path.display().to_string())
    }
}

/// Bytes that are what they are called.
pub(super) fn checked(bytes: Vec<u8>, digest: Digest, what: &str) -> Result<Vec<u8>, OciError> {
    let actual = Digest::of(&bytes);
    if actual != digest {
        return Err(OciError::Digest { what: what.to_owned(), expected: digest, actual });
    }
    Ok(bytes)
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, OciError> {
    let bound = usize::try_from(limit).unwrap_or(usize::MAX - 1);
    crate::files::read(path, bound).map_err(OciError::file(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), OciError> {
    fs::write(path, bytes).map_err(OciError::file(path))
}
