//! Sets that the configuration of a repository names.

use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many sets a configuration may name.
pub const MAX_NAMED: usize = 64;

/// Files that belong together because somebody says so.
#[derive(Debug, Clone, Default)]
pub struct NamedSets {
    globs: Vec<GlobSet>,
    /// The directory that the globs are below.
    directory: PathBuf,
}

/// What is wrong with a set that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSetError {
    /// The name of the set.
    pub set: String,
    /// The position of the glob, where it is one.
    pub glob: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl NamedSets {
    /// Sets by their names, each by globs of paths below a directory.
    ///
    /// # Errors
    /// When a glob is malformed, or there are too many sets.
    pub fn new(sets: &BTreeMap<String, Vec<String>>, directory: &Path) -> Result<Self, NamedSetError> {
        let mut globs = Vec::with_capacity(sets.len());
        for (number, (name, patterns)) in sets.iter().enumerate() {
            let failed = |glob, message| NamedSetError { set: name.clone(), glob, message };
            if number == MAX_NAMED {
                return Err(failed(None, format!("more than {MAX_NAMED} sets (limit `sets`)")));
            }
            let mut builder = GlobSetBuilder::new();
            for (at, pattern) in patterns.iter().enumerate() {
                let glob = Glob::new(pattern).map_err(|error| failed(Some(at), error.to_string()))?;
                builder.add(glob);
            }
            globs.push(builder.build().map_err(|error| failed(None, error.to_string()))?);
        }
        Ok(Self { globs, directory: directory.to_owned() })
    }

    /// The sets that a file belongs to, by their positions.
    pub(super) fn of(&self, path: &str) -> Vec<usize> {
        if self.globs.is_empty() {
            return Vec::new();
        }
        let Some(below) = crate::root::below(&self.directory, path) else { return Vec::new() };
        self.globs.iter().enumerate().filter(|(_, globs)| globs.is_match(&below)).map(|(at, _)| at).collect()
    }
}
