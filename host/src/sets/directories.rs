//! The directories of a run, and which of them are alternatives to each other.

use crate::document::joined;
use std::collections::BTreeMap;

/// A directory, by its position among those that are known.
pub(super) type DirectoryId = usize;

/// The directories that files of a run are in, as a tree.
pub(super) struct Directories(Vec<Directory>);

/// A directory of the tree.
pub(super) struct Directory {
    /// The directory that it is in; the root is in itself.
    pub(super) parent: DirectoryId,
    /// Its name.
    pub(super) name: Box<str>,
    children: BTreeMap<Box<str>, DirectoryId>,
    depth: usize,
    /// Everything in it is an alternative to what is in a sibling.
    pub(super) is_apart: bool,
    /// The files right in it are alternatives to what is in one of its directories.
    pub(super) files_are_apart: bool,
}

/// The directory that all others are in.
pub(super) const ROOT: DirectoryId = 0;

impl Directories {
    pub(super) fn new() -> Self {
        Self(vec![Directory::new(ROOT, "", 0)])
    }

    /// Puts a directory in, with those that it is in.
    pub(super) fn insert(&mut self, path: &str) -> DirectoryId {
        let mut at = ROOT;
        for name in joined(path, "").split('/').filter(|name| !name.is_empty()) {
            at = match self.0[at].children.get(name) {
                Some(child) => *child,
                None => {
                    let child = self.0.len();
                    let depth = self.0[at].depth + 1;
                    self.0.push(Directory::new(at, name, depth));
                    self.0[at].children.insert(name.into(), child);
                    child
                }
            };
        }
        at
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, directory: DirectoryId) -> &Directory {
        &self.0[directory]
    }

    /// All of them, each after the directory that it is in.
    pub(super) fn iter(&self) -> impl Iterator<Item = (DirectoryId, &Directory)> {
        self.0.iter().enumerate()
    }

    /// Marks what is apart, given the directories of each object that is defined in several. Between two of them the
    /// way parts in one directory: what it holds on either side are alternatives.
    pub(super) fn part(&mut self, twins: impl IntoIterator<Item = Vec<DirectoryId>>) {
        let order = self.order();
        for mut directories in twins {
            // Neighbours in the order of a walk part wherever any two of them do.
            directories.sort_unstable_by_key(|directory| order[*directory]);
            directories.dedup();
            for pair in directories.windows(2) {
                self.part_two(pair[0], pair[1]);
            }
        }
    }

    /// The position of each directory in a walk from the root.
    fn order(&self) -> Vec<usize> {
        let mut order = vec![0; self.0.len()];
        let (mut open, mut next) = (vec![ROOT], 0);
        while let Some(at) = open.pop() {
            order[at] = next;
            next += 1;
            open.extend(self.0[at].children.values().rev());
        }
        order
    }

    fn part_two(&mut self, mut one: DirectoryId, mut other: DirectoryId) {
        // The children of the common directory through which they are reached.
        let (mut one_side, mut other_side) = (None, None);
        while one != other {
            if self.0[one].depth >= self.0[other].depth {
                one_side = Some(one);
                one = self.0[one].parent;
            } else {
                other_side = Some(other);
                other = self.0[other].parent;
            }
        }
        for side in [one_side, other_side] {
            match side {
                Some(child) => self.0[child].is_apart = true,
                None => self.0[one].files_are_apart = true,
            }
        }
    }
}

impl Directory {
    fn new(parent: DirectoryId, name: &str, depth: usize) -> Self {
        let (children, is_apart, files_are_apart) = Default::default();
        Self { parent, name: name.into(), children, depth, is_apart, files_are_apart }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is apart when an object is defined in some directories: `x` for all of it, `x/.` for the files right in it.
    fn apart(twins: &[&[&str]]) -> Vec<String> {
        let mut directories = Directories::new();
        let ids: Vec<Vec<DirectoryId>> =
            twins.iter().map(|twin| twin.iter().map(|path| directories.insert(path)).collect()).collect();
        directories.part(ids);
        let path = |mut at: DirectoryId| {
            let mut names = Vec::new();
            while at != ROOT {
                names.insert(0, directories.get(at).name.to_string());
                at = directories.get(at).parent;
            }
            names.join("/")
        };
        let mut apart: Vec<String> = Vec::new();
        for (id, directory) in directories.iter() {
            apart.extend(directory.is_apart.then(|| path(id)));
            apart.extend(directory.files_are_apart.then(|| format!("{}/.", path(id))));
        }
        apart.sort();
        apart
    }

    #[test]
    fn alternatives_part_where_their_ways_do() {
        assert_eq!(apart(&[&["test", "live"]]), ["live", "test"]);
        assert_eq!(apart(&[&["a/test/x", "a/live/y/z"]]), ["a/live", "a/test"]);
        assert_eq!(apart(&[&["a/x", "a/y", "b/x"]]), ["a", "a/x", "a/y", "b"]);
        assert_eq!(apart(&[&["k8s", "k8s/prod/eu"]]), ["k8s/.", "k8s/prod"]);
        assert_eq!(apart(&[&["", "a", "b"]]), ["/.", "a", "b"]);
        assert_eq!(apart(&[&["a"], &["b"], &["a", "a"]]), [""; 0]);
    }
}
