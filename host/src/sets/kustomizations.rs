//! The kustomizations of a run: what each file is to them, and what each of them leads to.

use super::kustomization::Kustomization;
use crate::document::{directory, joined};
use crate::parse::{Limits, Unit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a file is to the kustomizations of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Nothing in particular.
    #[default]
    Plain,
    /// It changes objects of other files, and holds none itself.
    Patch,
    /// It is a kustomization.
    Kustomization,
    /// It stands beside a kustomization, and none deploys it: it may be a patch that nobody uses.
    Unlisted,
}

/// The kustomizations of a run, by their directories.
#[derive(Debug, Default)]
pub struct Kustomizations {
    by_directory: BTreeMap<String, Kustomization>,
    /// The files that hold changes.
    patches: HashSet<String>,
    /// The directories whose kustomizations put changes together.
    of_changes: HashSet<String>,
    /// What they deploy.
    deployed: HashSet<String>,
    /// The directories in their order, and the position of each.
    in_order: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Kustomizations {
    /// Reads the kustomization that a unit holds, when its file is called like one.
    pub fn read(unit: &Unit, limits: &Limits) -> Option<Kustomization> {
        if !Kustomization::is_named_so(&unit.sources[0].path) {
            return None;
        }
        match unit.read_as(KIND, limits) {
            Ok(parsed) => parsed.documents.first().and_then(|document| Kustomization::read(&document.root)),
            Err(_) => Some(Kustomization::unreadable()),
        }
    }

    /// Puts kustomizations together, each with the path of its file.
    pub fn new<'p>(found: impl IntoIterator<Item = (&'p str, Kustomization)>) -> Self {
        let mut by_directory = BTreeMap::new();
        for (path, kustomization) in found {
            by_directory.entry(joined(directory(path), "")).or_insert(kustomization);
        }
        let (patches, of_changes) = patches(&by_directory);
        let in_order: Vec<String> = by_directory.keys().cloned().collect();
        let numbers = in_order.iter().cloned().zip(0..).collect();
        let of = |(of, it): (&String, &Kustomization)| -> Vec<String> {
            it.resources.iter().map(|path| joined(of, path)).collect()
        };
        let deployed = by_directory.iter().flat_map(of).collect();
        Self { by_directory, patches, of_changes, deployed, in_order, numbers }
    }

    /// What a file is to them.
    pub fn role(&self, path: &str) -> Role {
        if self.by_directory.is_empty() {
            Role::Plain
        } else if self.patches.contains(&joined("", path)) {
            Role::Patch
        } else if Kustomization::is_named_so(path) && self.by_directory.contains_key(&joined(directory(path), "")) {
            Role::Kustomization
        } else if self.by_directory.contains_key(&joined(directory(path), ""))
            && !self.deployed.contains(&joined("", path))
        {
            Role::Unlisted
        } else {
            Role::Plain
        }
    }

    /// Each of them with its directory.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Kustomization)> {
        self.by_directory.iter().map(|(directory, kustomization)| (directory.as_str(), kustomization))
    }

    /// The kustomization of a directory.
    pub(super) fn get(&self, directory: &str) -> Option<&Kustomization> {
        self.by_directory.get(directory)
    }

    /// The kustomization of a directory, with its position among all.
    pub(super) fn numbered(&self, directory: &str) -> Option<(usize, &Kustomization)> {
        let kustomization = self.get(directory)?;
        Some((*self.numbers.get(directory)?, kustomization))
    }

    /// The kustomization at a position.
    pub(super) fn at(&self, number: usize) -> Option<&Kustomization> {
        self.by_directory.get(self.in_order.get(number)?)
    }

    /// Whether the kustomization of a directory is a component.
    pub(super) fn is_component(&self, directory: &str) -> bool {
        self.get(directory).is_some_and(|kustomization| kustomization.is_component)
    }

    /// The components of a kustomization that are not known, as they are written.
    pub(super) fn components_elsewhere<'k>(
        &'k self,
        directory: &'k str,
        it: &'k Kustomization,
    ) -> impl Iterator<Item = &'k str> {
        let is_elsewhere = move |path: &&str| !self.by_directory.contains_key(&joined(directory, path));
        it.components.iter().map(|path| &**path).filter(is_elsewhere)
    }

    /// The directories of the kustomizations that are built by themselves: no other includes them.
    pub(super) fn tops(&self) -> impl Iterator<Item = &str> {
        let included: HashSet<String> = self
            .iter()
            .flat_map(|(of, it)| it.resources.iter().map(move |path| joined(of, path)))
            .filter(|path| self.by_directory.contains_key(path))
            .collect();
        let is_top = move |(of, it): &(&str, &Kustomization)| {
            !it.is_component && !included.contains(*of) && !self.of_changes.contains(*of)
        };
        self.iter().filter(is_top).map(|(of, _)| of)
    }

    /// The namespace into which the kustomization of a file puts its objects.
    pub(super) fn namespace(&self, path: &str) -> Option<&str> {
        self.get(&joined(directory(path), ""))?.change.namespace.as_deref()
    }

    /// What a kustomization deploys: the paths as they are written, and where each leads.
    pub(super) fn resources<'k>(
        &'k self,
        directory: &'k str,
        kustomization: &'k Kustomization,
        files: &'k HashSet<String>,
    ) -> impl Iterator<Item = (&'k str, Resource)> {
        kustomization.resources.iter().map(move |written| {
            let path = joined(directory, written);
            let found = if self.by_directory.contains_key(&path) {
                Resource::Kustomization(path)
            } else if files.contains(&path) {
                Resource::File(path)
            } else {
                Resource::Elsewhere
            };
            (&**written, found)
        })
    }
}

/// The kind of document that a kustomization is.
pub(super) const KIND: &str = "Kustomization";

/// Where a resource of a kustomization leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// To the kustomization of a directory.
    Kustomization(String),
    /// To a file.
    File(String),
    /// Out of the run: it is remote, or nobody asked to check it.
    Elsewhere,
}

impl Resource {
    /// The path of a file that it leads to; of a kustomization, of a file beside it.
    pub(super) fn file(&self) -> Option<String> {
        match self {
            Resource::Kustomization(directory) => Some(joined(directory, "kustomization.yaml")),
            Resource::File(path) => Some(path.clone()),
            Resource::Elsewhere => None,
        }
    }
}

/// The files that kustomizations take changes from, and none takes objects from; and the directories whose
/// kustomizations put changes together.
fn patches(by_directory: &BTreeMap<String, Kustomization>) -> (HashSet<String>, HashSet<String>) {
    let mut patches = HashSet::new();
    // Directories whose kustomizations put changes together, not objects.
    let mut of_changes = HashSet::new();
    let resolve = |directory: &str, paths: &[Box<str>]| -> Vec<String> {
        paths.iter().map(|path| joined(directory, path)).collect()
    };
    let mut open: Vec<String> =
        by_directory.iter().flat_map(|(directory, it)| resolve(directory, &it.changes)).collect();
    while let Some(path) = open.pop() {
        match by_directory.get(&path) {
            Some(kustomization) => {
                if of_changes.insert(path.clone()) {
                    open.extend(resolve(&path, &kustomization.resources));
                }
            }
            None => drop(patches.insert(path)),
        }
    }
    for (directory, kustomization) in by_directory {
        if !of_changes.contains(directory) {
            for path in resolve(directory, &kustomization.resources) {
                patches.remove(&path);
            }
        }
    }
    (patches, of_changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Scalars};

    fn kustomizations(files: &[(&str, &str)]) -> Kustomizations {
        let read = |(path, text): &(&'static str, &str)| {
            let unit = Unit::new(Form::Yaml(Scalars::Core12), Source::new(*path, *text));
            Some((*path, Kustomizations::read(&unit, &Limits::default())?))
        };
        let files: Vec<(&'static str, &str)> =
            files.iter().map(|(path, text)| (&*Box::leak((*path).to_owned().into_boxed_str()), *text)).collect();
        Kustomizations::new(files.iter().filter_map(read))
    }

    #[test]
    fn patches_are_what_kustomizations_change_objects_with() {
        let known = kustomizations(&[
            ("base/kustomization.yaml", "resources: [shop.yaml]"),
            ("./prod/kustomization.yml", "resources: [../base, own.yaml]\npatches: [{path: image.yaml}]\n"),
            (
                "parts/x/Kustomization",
                "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\npatchesStrategicMerge: [../../shared/p.yaml]\n",
            ),
        ]);
        let patches = ["prod/image.yaml", "./prod/image.yaml", "shared/p.yaml"];
        for path in patches {
            assert_eq!(known.role(path), Role::Patch, "{path}");
        }
        for path in ["base/shop.yaml", "prod/own.yaml", "image.yaml", "shared/q.yaml"] {
            assert_eq!(known.role(path), Role::Plain, "{path}");
        }
        assert_eq!(known.role("prod/kustomization.yml"), Role::Kustomization);
        assert_eq!((known.role("base/left.yaml"), known.role("./prod/left.yaml")), (Role::Unlisted, Role::Unlisted));
    }

    #[test]
    fn directories_of_transformers_hold_no_objects() {
        let known = kustomizations(&[
            ("app/kustomization.yaml", "resources: [shop.yaml]\ntransformers: [../change]"),
            ("change/kustomization.yaml", "resources: [label.yaml, ../change/more]"),
            ("change/more/kustomization.yaml", "resources: [a.yaml, ../../change]"),
        ]);
        assert_eq!(known.role("change/label.yaml"), Role::Patch);
        assert_eq!(known.role("change/more/a.yaml"), Role::Patch);
        assert_eq!(known.role("app/shop.yaml"), Role::Plain);
    }

    #[test]
    fn what_is_deployed_somewhere_is_an_object() {
        let known = kustomizations(&[
            ("a/kustomization.yaml", "resources: [shop.yaml]"),
            ("b/kustomization.yaml", "patches: [{path: ../a/shop.yaml}]"),
        ]);
        assert_eq!(known.role("a/shop.yaml"), Role::Plain);
    }

    #[test]
    fn resources_lead_somewhere_or_elsewhere() {
        let known = kustomizations(&[
            ("base/kustomization.yaml", "resources: []"),
            ("prod/kustomization.yaml", "resources: [../base, a.yaml, gone.yaml, \"https://e.example/x?ref=1\"]"),
        ]);
        let files = HashSet::from(["prod/a.yaml".to_owned()]);
        let (directory, prod) = known.iter().nth(1).unwrap();
        let found: Vec<Resource> = known.resources(directory, prod, &files).map(|(_, found)| found).collect();
        let wanted = [
            Resource::Kustomization("base".to_owned()),
            Resource::File("prod/a.yaml".to_owned()),
            Resource::Elsewhere,
            Resource::Elsewhere,
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn one_that_cannot_be_read_is_not_known() {
        let known = kustomizations(&[("a/kustomization.yaml", "resources: [")]);
        assert!(known.iter().next().unwrap().1.makes_more.is_some());
    }
}
