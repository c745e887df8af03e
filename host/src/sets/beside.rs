//! Kustomizations that nobody asked to check, around files that somebody did.

use super::kustomization::{Kustomization, NAMES};
use super::kustomizations::Kustomizations;
use crate::discover::STDIN;
use crate::document::{Source, directory, joined};
use crate::files;
use crate::parse::{Form, Limits, Scalars, Unit};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

/// In how many directories is looked.
const MAX_DIRECTORIES: usize = 4096;

/// Reads the kustomizations of the directories that the files of some units are in, and right above those, where they
/// are not among the units: a patch that is checked alone is a patch all the same. Gives each with its path.
pub fn kustomizations_beside(units: &[Unit], limits: &Limits) -> Vec<(String, Kustomization)> {
    let paths: HashSet<&str> = units.iter().map(|unit| &*unit.sources[0].path).filter(|path| *path != STDIN).collect();
    let has_own: HashSet<&str> =
        paths.iter().filter(|path| Kustomization::is_named_so(path)).map(|path| directory(path)).collect();
    let mut directories = BTreeSet::new();
    for path in &paths {
        let within = directory(path);
        directories.insert(within);
        directories.insert(directory(within));
    }
    let mut found = Vec::new();
    for directory in directories.iter().take(MAX_DIRECTORIES).filter(|directory| !has_own.contains(**directory)) {
        for name in NAMES {
            let path = Path::new(directory).join(name);
            let Ok(text) = files::read_text(&path, limits.bytes) else { continue };
            let shown = path.to_string_lossy().into_owned();
            let unit = Unit::new(Form::Yaml(Scalars::Core12), Source::new(shown.as_str(), text));
            found.extend(Kustomizations::read(&unit, limits).map(|kustomization| (joined("", &shown), kustomization)));
        }
    }
    found
}
