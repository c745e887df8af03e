//! Where encoded records are kept: in sealed files of bounded size, the *shards*, in a directory for each repository.
//!
//! Records come in *groups*, which are looked for and replaced as a whole; a group's name decides its shard. A shard is
//! read when one of its groups is asked for, and written when one has changed, so that a run costs what its own groups
//! are in, however much others have left here. Each shard is written whole and renamed into place: of two processes
//! that write one at once, the later one's run is kept, and the other's is checked anew.

use crate::digest::{Digest, hex};
use crate::sealed::{Sealed, private_directory};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Names a record.
pub(super) type Key = [u8; 32];
/// Names a group.
pub(super) type Group = [u8; 16];
/// The records of a group after a run, in their order; where no bytes are given, those that are known stay.
pub(super) type Fresh = Vec<(Key, Option<Vec<u8>>)>;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Shards of a repository; at most 256.
    pub(super) shards: usize,
    /// Bytes of a shard. Of a full one the groups go first that were not written for the longest time; a record that is
    /// larger by itself is not kept.
    pub(super) shard_bytes: usize,
    /// Repositories. The one that was not used for the longest time goes first,
    pub(super) repositories: usize,
    /// as it does when all have more bytes than this together.
    pub(super) total_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { shards: 256, shard_bytes: 512 << 10, repositories: 32, total_bytes: 512 << 20 }
    }
}

/// What a run read and wrote of what is remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoUse {
    /// Shards that were looked into.
    pub opened: usize,
    /// Bytes that they had.
    pub read_bytes: u64,
    /// Shards that were written.
    pub written: usize,
}

/// The shards of one repository.
pub(super) struct Shards {
    sealed: Sealed,
    bounds: Bounds,
    format: u32,
    loaded: Vec<OnceLock<Shard>>,
    read_bytes: AtomicU64,
}

type Records = Vec<(Key, Box<[u8]>)>;

/// One shard, in memory.
#[derive(Default)]
struct Shard {
    /// Those that were written last come first.
    groups: Vec<(Group, Records)>,
    index: HashMap<Group, usize>,
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    format: u32,
    #[serde(borrow)]
    groups: Vec<(Group, Vec<(Key, Bytes<'a>)>)>,
}

/// Bytes that are written and read at once rather than one by one.
#[derive(Deserialize)]
struct Bytes<'a>(#[serde(borrow)] &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Shards {
    /// Opens the shards of a repository below a directory that holds those of all. Reads none of them.
    ///
    /// # Errors
    /// When a directory cannot be trusted or made; see [`Sealed::open`].
    pub(super) fn open(directory: &Path, repository: &Path, format: u32, bounds: Bounds) -> io::Result<Self> {
        private_directory(directory)?;
        let name = hex(&Digest::of(repository.as_os_str().as_encoded_bytes()).bytes()[..16]);
        let sealed = Sealed::open(&directory.join(name))?;
        // A directory's time says when its repository was used. One that keeps its old time may go too soon, nothing
        // else.
        let _ = fs::File::open(sealed.directory()).and_then(|file| file.set_modified(SystemTime::now()));
        let loaded = std::iter::repeat_with(OnceLock::new).take(bounds.shards).collect();
        Ok(Self { sealed, bounds, format, loaded, read_bytes: AtomicU64::new(0) })
    }

    /// Where they are.
    pub(super) fn directory(&self) -> &Path {
        self.sealed.directory()
    }

    /// A record of a group.
    pub(super) fn get(&self, group: &Group, key: &Key) -> Option<&[u8]> {
        self.shard(self.index(group)).get(group, key)
    }

    /// Replaces groups. A shard that cannot be written costs the next run time, nothing else.
    pub(super) fn store(&self, groups: Vec<(Group, Fresh)>) -> MemoUse {
        let mut by_shard: HashMap<usize, Vec<_>> = HashMap::new();
        for (group, records) in groups {
            by_shard.entry(self.index(&group)).or_default().push((group, records));
        }
        let written = by_shard.into_par_iter().filter_map(|(index, fresh)| {
            let groups = self.shard(index).replaced(fresh, self.bounds.shard_bytes)?;
            let payload = Stored::encode(self.format, &groups)?;
            self.sealed.write(&name(index), &payload).ok()
        });
        let written = written.count();
        if written > 0 {
            self.clear_up();
        }
        let opened = self.loaded.iter().filter(|shard| shard.get().is_some()).count();
        MemoUse { opened, read_bytes: self.read_bytes.load(Ordering::Relaxed), written }
    }

    fn index(&self, group: &Group) -> usize {
        usize::from(group[0]) % self.bounds.shards
    }

    /// A shard; an empty one when it is not there, or cut short, tampered with or of another format.
    fn shard(&self, index: usize) -> &Shard {
        self.loaded[index].get_or_init(|| {
            let Some(bytes) = self.sealed.read(&name(index), self.bounds.shard_bytes as u64) else {
                return Shard::default();
            };
            self.read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            Shard::decode(self.format, &bytes).unwrap_or_default()
        })
    }

    /// Removes what killed processes left, and the repositories for which there is no room.
    fn clear_up(&self) {
        let own = self.directory();
        let Some(directory) = own.parent() else { return };
        let mut others = Vec::new();
        let mut files = entries(own);
        files.retain(|file| !self.is_left_over(file));
        for entry in entries(directory) {
            let path = entry.path();
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                // Of a version that had one file for each bundle.
                let _ = fs::remove_file(path);
            } else if path != own {
                let used = entry.metadata().and_then(|metadata| metadata.modified());
                others.push((used.unwrap_or(SystemTime::UNIX_EPOCH), path.clone(), entries(&path)));
            }
        }
        let count = others.iter().map(|(_, _, files)| files.len()).sum::<usize>() + files.len();
        let may_be_full = count as u64 > self.bounds.total_bytes / self.bounds.shard_bytes as u64;
        let bytes = |files: &[DirEntry]| -> u64 {
            // Looking at thousands of files takes longer than a small run: not where there is room for all.
            let length = |file: &DirEntry| file.metadata().map_or(0, |metadata| metadata.len());
            if may_be_full { files.iter().map(length).sum() } else { 0 }
        };
        others.sort_by(|(one, ..), (other, ..)| other.cmp(one));
        let mut total = bytes(&files);
        for (at, (_, path, files)) in others.iter().enumerate() {
            total += bytes(files);
            if at + 1 >= self.bounds.repositories || total > self.bounds.total_bytes {
                let _ = fs::remove_dir_all(path);
            }
        }
    }

    /// Removes a file that a killed process left half-written.
    fn is_left_over(&self, file: &DirEntry) -> bool {
        const WRITTEN_BY_NOW: Duration = Duration::from_secs(60 * 60);
        let is_shard = |name: &str| name.len() == 2 || name == Sealed::KEY_FILE;
        if file.file_name().to_str().is_some_and(is_shard) {
            return false;
        }
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        age.is_some_and(|age| age > WRITTEN_BY_NOW) && fs::remove_file(file.path()).is_ok()
    }
}

impl Shard {
    fn decode(format: u32, bytes: &[u8]) -> Option<Self> {
        let stored: Stored<'_> =
            postcard::from_bytes(bytes).ok().filter(|stored: &Stored<'_>| stored.format == format)?;
        let owned = |(group, records): (Group, Vec<(Key, Bytes<'_>)>)| {
            (group, records.into_iter().map(|(key, record)| (key, record.0.into())).collect())
        };
        let groups: Vec<(Group, Records)> = stored.groups.into_iter().map(owned).collect();
        let index = groups.iter().enumerate().map(|(at, (group, _))| (*group, at)).collect();
        Some(Self { groups, index })
    }

    fn group(&self, group: &Group) -> &[(Key, Box<[u8]>)] {
        self.index.get(group).map_or(&[], |at| &self.groups[*at].1)
    }

    fn get(&self, group: &Group, key: &Key) -> Option<&[u8]> {
        self.group(group).iter().find(|(known, _)| known == key).map(|(_, record)| &**record)
    }

    /// The groups with some replaced, as far as there is room; none when nothing changes.
    fn replaced(&self, fresh: Vec<(Group, Fresh)>, bytes: usize) -> Option<Vec<(Group, Records)>> {
        let mut replaced = HashSet::with_capacity(fresh.len());
        let mut changed = false;
        let mut groups: Vec<(Group, Records)> = Vec::new();
        for (group, records) in fresh {
            let mut filled: Records = Vec::with_capacity(records.len());
            for (key, record) in records {
                // The same unit may stand in a file twice.
                if filled.iter().any(|(known, _)| *known == key) {
                    continue;
                }
                let record = record.map(Into::into).or_else(|| self.get(&group, &key).map(Into::into));
                filled.extend(record.map(|record| (key, record)));
            }
            changed |= *filled != *self.group(&group);
            replaced.insert(group);
            groups.push((group, filled));
        }
        if !changed {
            return None;
        }
        groups.extend(self.groups.iter().filter(|(group, _)| !replaced.contains(group)).cloned());
        fit(&mut groups, bytes);
        // What there is no room for is new at every run.
        (groups != self.groups).then_some(groups)
    }
}

/// Leaves out records for which there is no room, and groups without any.
fn fit(groups: &mut Vec<(Group, Records)>, bytes: usize) {
    /// The longest form of a length or the format's number.
    const LENGTH: usize = 5;
    let mut room = bytes.saturating_sub(2 * LENGTH);
    groups.retain_mut(|(group, records)| {
        let mut group_bytes = group.len() + LENGTH;
        records.retain(|(key, record)| {
            let needed = group_bytes + key.len() + LENGTH + record.len();
            let fits = needed <= room;
            if fits {
                room -= needed;
                group_bytes = 0;
            }
            fits
        });
        !records.is_empty()
    });
}

impl Stored<'_> {
    fn encode(format: u32, groups: &[(Group, Records)]) -> Option<Vec<u8>> {
        let groups = groups
            .iter()
            .map(|(group, records)| (*group, records.iter().map(|(key, record)| (*key, Bytes(record))).collect()));
        postcard::to_stdvec(&Stored { format, groups: groups.collect() }).ok()
    }
}

fn name(index: usize) -> String {
    format!("{index:02x}")
}

fn entries(directory: &Path) -> Vec<DirEntry> {
    fs::read_dir(directory).into_iter().flatten().flatten().collect()
}
