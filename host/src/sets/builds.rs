//! Which objects each kustomization builds that nothing else includes, and what happens to them on the way.

use super::change::Change;
use super::kustomizations::{Kustomizations, Resource};
use super::names::{Named, Names};
use super::patches::Patches;
use super::unknown::{Parts, Unknown};
use crate::document::{Document, joined};
use std::collections::{HashMap, HashSet};

/// How many kustomizations may build one file. One that more build is checked as it is written.
const MAX_VARIANTS: usize = 32;
/// How many files all kustomizations of a run may build together, each counted by each of them.
const MAX_BUILT: usize = 200_000;
/// How deep kustomizations include each other.
const MAX_DEPTH: usize = 64;

/// The builds of a run: one for each kustomization that nothing else includes, as `--render` would do it.
#[derive(Debug, Default)]
pub struct Builds {
    tops: Vec<Top>,
    /// By unit: how it is built, once for each way.
    of_unit: Vec<Vec<Variant>>,
    /// The units that too many build.
    too_many: Vec<usize>,
}

#[derive(Debug)]
struct Top {
    directory: String,
    /// The units that it builds.
    units: HashSet<usize>,
}

/// One way in which a file is built.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The build, by its position.
    pub build: usize,
    /// The kustomizations that change it, by their directories, from the inside.
    steps: Vec<usize>,
}

/// A file on its way through the kustomizations of a build.
struct Item {
    unit: usize,
    steps: Vec<usize>,
}

/// What the builds of a run make of its objects.
#[derive(Debug, Default)]
pub struct Built {
    /// By unit and variant: the objects, by the positions of the documents in the unit that they are.
    objects: HashMap<usize, Vec<Vec<(u32, Document)>>>,
    /// By unit, variant and position of an object: what is not known of it.
    unknown: HashMap<(usize, usize, u32), Vec<Unknown>>,
}

impl Builds {
    /// Finds the builds over some files, each of a unit.
    pub fn new<'p>(paths: impl IntoIterator<Item = Option<&'p str>>, kustomizations: &Kustomizations) -> Self {
        let mut builds = Self::default();
        let mut units: HashMap<String, Vec<usize>> = HashMap::new();
        let is_any = kustomizations.iter().next().is_some();
        for (unit, path) in paths.into_iter().enumerate() {
            builds.of_unit.push(Vec::new());
            if let Some(path) = path.filter(|_| is_any) {
                units.entry(joined("", path)).or_default().push(unit);
            }
        }
        if !is_any {
            return builds;
        }
        let walk = Walk { kustomizations, files: units.keys().cloned().collect(), units };
        let mut total = 0;
        for directory in kustomizations.tops() {
            let Some(items) = walk.items(directory, &mut Vec::new()) else { continue };
            total += items.len();
            if total > MAX_BUILT {
                builds.too_many = (0..builds.of_unit.len()).filter(|unit| !builds.of_unit[*unit].is_empty()).collect();
                builds.of_unit.iter_mut().for_each(Vec::clear);
                builds.tops.clear();
                return builds;
            }
            let build = builds.tops.len();
            let units = items.iter().map(|item| item.unit).collect();
            builds.tops.push(Top { directory: directory.to_owned(), units });
            for Item { unit, steps } in items {
                builds.of_unit[unit].push(Variant { build, steps });
            }
        }
        for unit in 0..builds.of_unit.len() {
            if builds.of_unit[unit].len() > MAX_VARIANTS {
                builds.of_unit[unit].clear();
                builds.too_many.push(unit);
            }
        }
        builds
    }

    /// The ways in which a unit is built; none where no kustomization does.
    pub fn variants(&self, unit: usize) -> &[Variant] {
        self.of_unit.get(unit).map_or(&[], Vec::as_slice)
    }

    /// The directory of a build's kustomization.
    pub fn directory(&self, build: usize) -> &str {
        &self.tops[build].directory
    }

    /// The directories of all builds, in their order.
    pub(super) fn directories(&self) -> impl Iterator<Item = &str> {
        self.tops.iter().map(|top| top.directory.as_str())
    }

    /// Whether a build makes something of a unit.
    pub fn holds(&self, build: usize, unit: usize) -> bool {
        self.tops[build].units.contains(&unit)
    }

    /// The namespace into which a variant's kustomizations put objects.
    pub(super) fn namespace<'k>(&self, variant: &Variant, kustomizations: &'k Kustomizations) -> Option<&'k str> {
        let namespace = |step: &usize| kustomizations.at(*step)?.change.namespace.as_deref();
        variant.steps.iter().rev().find_map(namespace)
    }

    /// The units that too many kustomizations build for all ways to be looked at.
    pub(super) fn too_many(&self) -> &[usize] {
        &self.too_many
    }

    /// Makes the objects of all builds. `documents` gives those of a unit that others may find, each with its position;
    /// `files` what a file holds that has patches.
    pub fn make<'d>(
        &self,
        kustomizations: &Kustomizations,
        documents: &dyn Fn(usize) -> Vec<(u32, &'d Document)>,
        files: &dyn Fn(&str) -> Vec<&'d Document>,
    ) -> Built {
        let patches = Patches::new(kustomizations, files);
        let parts = Parts::new(kustomizations, files);
        let changes: Vec<&Change> = kustomizations.iter().map(|(_, kustomization)| &kustomization.change).collect();
        let mut built = Built::default();
        let mut names: Vec<Names> = self.tops.iter().map(|_| Names::default()).collect();
        for (unit, variants) in self.of_unit.iter().enumerate().filter(|(_, variants)| !variants.is_empty()) {
            let documents = documents(unit);
            let made = variants.iter().enumerate().map(|(at, variant)| {
                let object = |(position, document): &(u32, &Document)| {
                    let mut object = (*document).clone();
                    let mut unknown = Vec::new();
                    let named = variant.change((&changes, &patches, &parts), &mut object, &mut unknown)?;
                    if !unknown.is_empty() {
                        built.unknown.insert((unit, at, *position), unknown);
                    }
                    names[variant.build].add(named);
                    Some((*position, object))
                };
                documents.iter().filter(|(_, document)| !document.is_file()).filter_map(object).collect()
            });
            let made = made.collect();
            built.objects.insert(unit, made);
        }
        for (unit, made) in &mut built.objects {
            for (variant, objects) in self.of_unit[*unit].iter().zip(made) {
                let affixes = variant.affixes(&changes);
                for (_, object) in objects {
                    names[variant.build].follow(object, &affixes);
                }
            }
        }
        built
    }
}

impl Built {
    /// The objects that a variant of a unit makes.
    pub fn objects(&self, unit: usize, variant: usize) -> &[(u32, Document)] {
        self.objects.get(&unit).and_then(|variants| variants.get(variant)).map_or(&[], Vec::as_slice)
    }

    /// What is not known of an object that a variant of a unit makes.
    pub fn unknown(&self, unit: usize, variant: usize, position: u32) -> &[Unknown] {
        self.unknown.get(&(unit, variant, position)).map_or(&[], Vec::as_slice)
    }
}

impl Variant {
    /// Does what the kustomizations on the way do; `None` where one deletes the object.
    fn change(
        &self,
        (changes, patches, parts): (&[&Change], &Patches, &Parts),
        object: &mut Document,
        unknown: &mut Vec<Unknown>,
    ) -> Option<Named> {
        let written = object.subject.clone();
        let mut before: Vec<String> = Vec::new();
        for step in &self.steps {
            let change = changes[*step];
            if !patches.apply(*step, object, &before, unknown) {
                return None;
            }
            if change.namespace.is_some() || change.renames(&object.subject.group, &object.subject.kind) {
                before.push(object.subject.name.clone());
            }
            change.apply(object, &before);
            parts.of(*step, object, &before, unknown);
        }
        Some(Named { written, before, built: object.subject.clone(), affixes: self.affixes(changes) })
    }

    fn affixes(&self, changes: &[&Change]) -> Vec<(Box<str>, Box<str>)> {
        let steps = self.steps.iter().map(|step| changes[*step]);
        let affixed = steps.filter(|change| !(change.prefix.is_empty() && change.suffix.is_empty()));
        affixed.map(|change| (change.prefix.clone(), change.suffix.clone())).collect()
    }
}

/// The way through the kustomizations of a build.
struct Walk<'k> {
    kustomizations: &'k Kustomizations,
    files: HashSet<String>,
    /// By path.
    units: HashMap<String, Vec<usize>>,
}

impl Walk<'_> {
    /// What a kustomization builds; `None` where kustomizations include each other, or lie too deep.
    fn items(&self, directory: &str, above: &mut Vec<String>) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        self.gather(directory, above, &mut items)?;
        Some(items)
    }

    /// Adds what a kustomization builds, and changes what is there by then: a component's changes are for all.
    fn gather(&self, directory: &str, above: &mut Vec<String>, items: &mut Vec<Item>) -> Option<()> {
        if above.len() >= MAX_DEPTH || above.iter().any(|known| known == directory) {
            return None;
        }
        let (number, kustomization) = self.kustomizations.numbered(directory)?;
        above.push(directory.to_owned());
        let mut components = Vec::new();
        for (_, found) in self.kustomizations.resources(directory, kustomization, &self.files) {
            match found {
                Resource::Kustomization(path) if self.kustomizations.is_component(&path) => components.push(path),
                Resource::Kustomization(path) => items.extend(self.items(&path, above)?),
                Resource::File(path) => self.add(&path, items),
                Resource::Elsewhere => {}
            }
        }
        for component in components {
            self.gather(&component, above, items)?;
        }
        // What it generates stands in its own file.
        for name in super::kustomization::NAMES {
            self.add(&joined(directory, name), items);
        }
        above.pop();
        let has_more = || {
            !kustomization.more.is_empty()
                || self.kustomizations.components_elsewhere(directory, kustomization).next().is_some()
        };
        let does_something = !kustomization.change.is_none() || !kustomization.patches.is_empty() || has_more();
        for item in items {
            if does_something {
                item.steps.push(number);
            }
        }
        Some(())
    }

    fn add(&self, path: &str, items: &mut Vec<Item>) {
        let units = self.units.get(path).into_iter().flatten();
        items.extend(units.map(|unit| Item { unit: *unit, steps: Vec::new() }));
    }
}
