//! Layouts as tar archives, for places without a network. What is read is believed in nothing: only files with the
//! names that a layout has, each bounded, each checked against its digest; nothing is unpacked anywhere else.

use super::artifact;
use super::error::OciError;
use super::layout::{Contents, INDEX_FILE, Listing, MARK, MARK_FILE};
use super::limits;
use super::model::Descriptor;
use super::store::Store;
use crate::digest::Digest;
use crate::visible::Visible;
use std::collections::BTreeMap;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::Path;

/// Entries of an archive: three for each component, and some.
const ENTRIES: usize = 4 * limits::COMPONENTS;

/// Writes an archive, beside and then renamed. The same contents give the same bytes.
///
/// # Errors
/// When something is missing, or the file cannot be written.
pub fn write(path: &Path, listing: &Listing, contents: &dyn Contents) -> Result<(), OciError> {
    let failed = || OciError::file(path);
    let mut named: BTreeMap<Digest, u64> = BTreeMap::new();
    for part in artifact::contents(&listing.root, &listing.referrers, contents)? {
        named.insert(part.descriptor.digest, part.limit);
    }
    let file = crate::system::file_for(path, 0o644).map_err(failed())?;
    let mut tar = tar::Builder::new(BufWriter::new(file));
    append(&mut tar, MARK_FILE, MARK).map_err(failed())?;
    append(&mut tar, INDEX_FILE, &listing.to_bytes()).map_err(failed())?;
    for (digest, limit) in named {
        let bytes = contents.content(digest, limit)?;
        append(&mut tar, &format!("blobs/sha256/{}", digest.hex()), &bytes).map_err(failed())?;
    }
    let mut buffered = tar.into_inner().map_err(failed())?;
    buffered.flush().map_err(failed())?;
    let file = buffered.into_inner().map_err(|error| error.into_error()).map_err(failed())?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| error.error).map_err(failed())?;
    Ok(())
}

fn append(tar: &mut tar::Builder<impl std::io::Write>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    tar.append(&header, bytes)
}

/// Reads an archive into a store, and gives its list. All of it is there then, and right.
///
/// # Errors
/// Names the entry that is not what it should be. What was stored until then is right, and goes when the store is
/// pruned.
pub fn read(path: &Path, store: &Store) -> Result<Listing, OciError> {
    let shown = path.display().to_string();
    let malformed = |reason: String| OciError::Malformed { what: shown.clone(), reason };
    let broken = |error: std::io::Error| malformed(format!("it is no tar archive: {error}"));
    let file = crate::files::open(path).map_err(OciError::file(path))?;
    let mut tar = tar::Archive::new(BufReader::new(file));
    let mut listing = None;
    let mut total = 0u64;
    // Raw: an extension that announces a name or a size of any length is an entry like others, and refused.
    for (count, entry) in tar.entries().map_err(broken)?.raw(true).enumerate() {
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name);
        let refused = |reason: &str| malformed(format!("entry `{}`: {reason}", Visible(name)));
        if count >= ENTRIES {
            return Err(refused("there are too many"));
        }
        if entry.header().entry_type().is_dir() {
            continue;
        }
        if !entry.header().entry_type().is_file() {
            return Err(refused("it is no file"));
        }
        let size = entry.size();
        total = total.saturating_add(size);
        if total > limits::TOTAL_BYTES {
            return Err(OciError::TooMuch { what: shown, actual: total, unit: "bytes", limit: limits::TOTAL_BYTES });
        }
        if name == MARK_FILE {
            continue;
        }
        if name == INDEX_FILE {
            let bytes = bounded(&mut entry, &shown, &broken)?;
            listing = Some(Listing::parse(&bytes, &shown)?);
            continue;
        }
        let digest: Option<Digest> =
            name.strip_prefix("blobs/").and_then(|name| name.replacen('/', ":", 1).parse().ok());
        let Some(digest) = digest else { return Err(refused("a layout has no such file")) };
        keep(store, &mut entry, &Descriptor { digest, size, ..Descriptor::of("", b"") }, &shown, &broken)?;
    }
    let listing = listing.ok_or_else(|| malformed(format!("it has no `{INDEX_FILE}`")))?;
    for part in artifact::contents(&listing.root, &listing.referrers, store)? {
        if !store.has(&part.descriptor)? {
            return Err(malformed(format!("{} is not in it", part.descriptor.digest)));
        }
    }
    Ok(listing)
}

fn keep(
    store: &Store,
    entry: &mut dyn Read,
    blob: &Descriptor,
    shown: &str,
    broken: &dyn Fn(std::io::Error) -> OciError,
) -> Result<(), OciError> {
    if store.has(blob)? {
        return Ok(());
    }
    let mut writer = store.writer(blob, shown)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match entry.read(&mut buffer).map_err(broken)? {
            0 => return writer.finish(),
            read => writer.write(&buffer[..read])?,
        }
    }
}

fn bounded(
    entry: &mut dyn Read,
    shown: &str,
    broken: &dyn Fn(std::io::Error) -> OciError,
) -> Result<Vec<u8>, OciError> {
    let limit = limits::MANIFEST_BYTES;
    let mut bytes = Vec::new();
    entry.take(limit + 1).read_to_end(&mut bytes).map_err(broken)?;
    let actual = bytes.len() as u64;
    if actual > limit {
        return Err(OciError::TooMuch { what: format!("{shown}: {INDEX_FILE}"), actual, unit: "bytes", limit });
    }
    Ok(bytes)
}
