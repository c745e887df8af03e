//! What an editor's findings are made by, and when that has to be made anew.

use crate::baseline::Baseline;
use crate::bundle::Level;
use crate::evaluate::Judge;
use crate::exclusion::Exclusion;
use crate::sets::NamedSets;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a configuration comes to.
pub struct Setup {
    /// What checks.
    pub judge: Judge,
    /// Which findings are told.
    pub level: Level,
    /// What is not read.
    pub excluded: Exclusion,
    /// What the configuration says belongs together.
    pub named: NamedSets,
    /// The findings that are known, which are not told.
    pub baseline: Option<Baseline>,
}

/// How a configuration is read: for the folders of the workspace, of which the first decides where it is looked for.
pub trait Configure {
    /// Reads it.
    ///
    /// # Errors
    /// Says what is wrong with it, with the place.
    fn configure(&mut self, folders: &[PathBuf]) -> Result<Setup, String>;

    /// The files that it was read from the last time, and those that would count if they were there.
    fn files(&self) -> Vec<PathBuf>;
}

/// What some files were when they were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(Vec<(PathBuf, Option<(SystemTime, u64)>)>);

impl Stamp {
    /// Looks at files.
    pub(super) fn of(files: Vec<PathBuf>) -> Self {
        let stamped = files.into_iter().map(|path| {
            let found = stamp(&path);
            (path, found)
        });
        Self(stamped.collect())
    }

    /// Whether one of them is another now.
    pub(super) fn is_old(&self) -> bool {
        self.0.iter().any(|(path, then)| stamp(path) != *then)
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let found = path.metadata().ok()?;
    Some((found.modified().ok()?, found.len()))
}
