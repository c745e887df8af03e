//! Files of one directory that define the same object: alternatives, of which only one is deployed.

use super::building::shared_name;
use super::{Builds, Home, Member};
use crate::document::directory;
use std::collections::{BTreeSet, HashMap};

/// Which files of a run are alternatives to each other. A file is none to those that define other objects, so that
/// one with all of an application stands beside the several that it replaces.
#[derive(Debug, Default)]
pub(super) struct Alternatives {
    /// By unit: its file.
    files: HashMap<usize, usize>,
    /// By file: the objects in it that a sibling defines too, and the builds that it goes into.
    of_file: Vec<(BTreeSet<usize>, BTreeSet<usize>)>,
}

/// An object of a directory, by what tells it from others there.
type Object<'m> = (&'m str, (&'m str, &'m str, &'m str, &'m str));

impl Alternatives {
    /// Finds the alternatives among units whose objects belong to their directory.
    pub(super) fn new(members: &[Member<'_>], homes: &[Home], builds: &Builds) -> Self {
        let mut by_path: HashMap<&str, usize> = HashMap::new();
        let mut units: Vec<Vec<usize>> = Vec::new();
        let mut defined: HashMap<Object<'_>, BTreeSet<usize>> = HashMap::new();
        for (unit, (member, home)) in members.iter().zip(homes).enumerate() {
            if !matches!(home, Home::Directory(..)) {
                continue;
            }
            let file = *by_path.entry(member.path).or_insert_with(|| {
                units.push(Vec::new());
                units.len() - 1
            });
            units[file].push(unit);
            for object in member.objects.iter().filter_map(|object| shared_name(object)) {
                defined.entry((directory(member.path), object)).or_default().insert(file);
            }
        }
        let mut twins: Vec<BTreeSet<usize>> = defined.into_values().filter(|files| files.len() > 1).collect();
        twins.sort_unstable();
        let mut alternatives = Self { files: HashMap::new(), of_file: vec![Default::default(); units.len()] };
        for (object, files) in twins.iter().enumerate() {
            for file in files {
                alternatives.of_file[*file].0.insert(object);
            }
        }
        for (file, units) in units.iter().enumerate() {
            let (objects, built) = &mut alternatives.of_file[file];
            if !objects.is_empty() {
                let variants = units.iter().flat_map(|unit| builds.variants(*unit));
                built.extend(variants.map(|variant| variant.build));
                alternatives.files.extend(units.iter().map(|unit| (*unit, file)));
            }
        }
        alternatives
    }

    /// Whether a unit has an alternative.
    pub(super) fn has(&self, unit: usize) -> bool {
        self.files.contains_key(&unit)
    }

    /// Whether two units are of files that are alternatives: both define an object, and no kustomization builds them
    /// together.
    pub(super) fn are(&self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.files.get(&one), self.files.get(&other)) else { return false };
        let ((objects, builds), (others, other_builds)) = (&self.of_file[*one], &self.of_file[*other]);
        one != other && !objects.is_disjoint(others) && builds.is_disjoint(other_builds)
    }
}
