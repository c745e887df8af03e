//! How the sets of a run are found: directories, then branches, then what kustomizations and charts add.

use super::branches::{BranchId, Branches, COMMON, Element};
use super::builds::Builds;
use super::directories::{Directories, DirectoryId};
use super::kustomization::Kustomization;
use super::kustomizations::{Kustomizations, Resource};
use super::makers::{self, Made};
use super::named::NamedSets;
use super::shortfall::Shortfalls;
use super::{Home, Member, Surroundings};
use crate::discover::STDIN;
use crate::document::{Subject, directory, file_name, joined, shown_directory};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Sets on their way.
pub(super) struct Building<'b> {
    directories: Directories,
    branches: Branches,
    /// By directory.
    of_directory: Vec<BranchId>,
    named: &'b NamedSets,
    /// The files of the run, where kustomizations ask for them.
    files: HashSet<String>,
    /// Branches whose kustomizations lead to more than is followed.
    too_many_links: Vec<BranchId>,
}

impl<'b> Building<'b> {
    pub(super) fn new(members: &[Member<'_>], kustomizations: &Kustomizations, surroundings: &'b Surroundings) -> Self {
        let named = &surroundings.named;
        let mut directories = Directories::new();
        let is_free = |path: &str| path != STDIN && named.of(path).is_empty();
        let places: Vec<Option<DirectoryId>> = members
            .iter()
            .map(|member| is_free(member.path).then(|| directories.insert(directory(member.path))))
            .collect();
        let is_chart = |member: &&Member<'_>| file_name(member.path) == "Chart.yaml";
        let charts: HashSet<DirectoryId> =
            members.iter().filter(is_chart).map(|member| directories.insert(directory(member.path))).collect();
        let mut files = HashSet::new();
        if kustomizations.iter().next().is_some() {
            files.extend(members.iter().map(|member| joined("", member.path)));
        }
        for (of, kustomization) in kustomizations.iter() {
            directories.insert(of);
            for (_, found) in kustomizations.resources(of, kustomization, &files) {
                if let Some(path) = found.file() {
                    directories.insert(directory(&path));
                }
            }
        }
        for template in &surroundings.templates {
            directories.insert(directory(template));
        }
        directories.part(twins(members, &places));
        let mut branches = Branches::new();
        let of_directory = branches.of_directories(&directories, &charts);
        Self { directories, branches, of_directory, named, files, too_many_links: Vec::new() }
    }

    /// The directories and branches of the run.
    pub(super) fn finish(self) -> (Directories, Branches) {
        (self.directories, self.branches)
    }

    /// Where the objects of a file belong.
    pub(super) fn home(&mut self, path: &str) -> Home {
        if path == STDIN {
            return Home::Closed(vec![self.branches.branch(COMMON, Element::Stdin)]);
        }
        let named = self.named.of(path);
        if !named.is_empty() {
            let branch = |set| self.branches.branch(COMMON, Element::Named(set));
            return Home::Closed(named.into_iter().map(branch).collect());
        }
        let at = self.directories.insert(directory(path));
        let branch = self.of_directory.get(at).copied().unwrap_or(COMMON);
        match self.branches.is_closed(branch) {
            true => Home::Closed(vec![branch]),
            false if self.directories.get(at).files_are_apart => {
                Home::Directory(at, self.branches.branch(branch, Element::FilesOf(at)))
            }
            false => Home::Directory(at, branch),
        }
    }

    /// Where the objects of a file belong that the kustomization of a directory builds: where that stands, unless the
    /// configuration says of the file alone what it belongs to.
    pub(super) fn built_home(&mut self, path: &str, kustomization: &str) -> Home {
        let beside = file_of(kustomization);
        let says = |path: &str| !self.named.of(path).is_empty();
        if says(path) && !says(&beside) { self.home(path) } else { self.home(&beside) }
    }

    /// Brings in what kustomizations deploy.
    pub(super) fn link(&mut self, kustomizations: &Kustomizations) {
        let mut deployed: BTreeMap<BranchId, BTreeSet<BranchId>> = BTreeMap::new();
        for (of, kustomization) in kustomizations.iter() {
            let from = self.home(&file_of(of));
            let files: Vec<String> = kustomizations
                .resources(of, kustomization, &self.files)
                .filter_map(|(_, found)| found.file())
                .collect();
            for path in files {
                let to = self.home(&path);
                for from in from.branches() {
                    deployed.entry(*from).or_default().extend(to.branches().iter().filter(|to| *to != from));
                }
            }
        }
        self.too_many_links = self.branches.link(&deployed);
    }

    /// Why more may be deployed than the files show.
    pub(super) fn shortfalls(
        &mut self,
        members: &[Member<'_>],
        homes: &[Home],
        built: &[Vec<Home>],
        kustomizations: &Kustomizations,
        builds: &Builds,
        surroundings: &Surroundings,
    ) -> Shortfalls {
        let mut unknown: Vec<(Home, String)> = Vec::new();
        for path in &surroundings.templates {
            unknown.push((self.home(path), format!("`{path}` is a template, which is skipped")));
        }
        for (of, kustomization) in kustomizations.iter() {
            if let Some(reason) = self.unknown_part(kustomizations, of, kustomization) {
                unknown.push((self.home(&file_of(of)), reason));
            }
        }
        for unit in builds.too_many() {
            let path = members[*unit].path;
            let reason = format!("`{path}` is built by more kustomizations than are followed (limit `builds`)");
            unknown.push((self.home(path), reason));
        }
        let mut shortfalls = Shortfalls::new(&self.branches);
        for (home, reason) in unknown {
            match home {
                Home::Directory(at, branch) => shortfalls.add_near(&self.directories, (at, branch), &reason),
                Home::Closed(branches) => {
                    for branch in branches {
                        shortfalls.add(&self.branches, branch, (&Made::Anything, None), &reason);
                    }
                }
            }
        }
        for branch in &self.too_many_links {
            let reason = "its kustomizations lead to more directories than are followed (limit `links`)";
            shortfalls.add(&self.branches, *branch, (&Made::Anything, None), reason);
        }
        for (unit, ((member, home), built)) in members.iter().zip(homes).zip(built).enumerate() {
            let by_kind = member.objects.iter().map(|object| (*object, makers::made_by(object)));
            for (object, makes) in by_kind.chain(member.makes.iter().copied()) {
                for made in makes {
                    let reason = format!("`{}` has the {object}, which makes objects that are in no file", member.path);
                    let own = object.namespace.as_str();
                    let variants = builds.variants(unit).iter();
                    let put = variants.map(|variant| builds.namespace(variant, kustomizations).unwrap_or(own));
                    let written = built.is_empty().then_some((home, own));
                    for (home, namespace) in built.iter().zip(put).chain(written) {
                        let namespace = made.is_beside(object).then_some(namespace);
                        for branch in home.branches() {
                            shortfalls.add(&self.branches, *branch, (made, namespace), &reason);
                        }
                    }
                }
            }
        }
        shortfalls
    }

    /// Why a kustomization itself deploys objects that are not known.
    fn unknown_part(&self, kustomizations: &Kustomizations, of: &str, it: &Kustomization) -> Option<String> {
        let elsewhere = || {
            let mut resources = kustomizations.resources(of, it, &self.files);
            let (written, _) = resources.find(|(_, found)| *found == Resource::Elsewhere)?;
            Some(format!("deploys `{written}`, which is not among the files"))
        };
        let why = it.makes_more.as_deref().map(str::to_owned).or_else(elsewhere)?;
        let shown = shown_directory(of);
        Some(format!("the kustomization in `{shown}` {why}"))
    }

    /// For each build, why it deploys objects that are not known: it, or a kustomization that it includes.
    pub(super) fn unknown_builds(&self, kustomizations: &Kustomizations, builds: &Builds) -> Vec<Option<String>> {
        builds
            .directories()
            .map(|directory| {
                let mut done: HashSet<String> = HashSet::new();
                let mut open = vec![directory.to_owned()];
                while let Some(of) = open.pop() {
                    let Some(it) = kustomizations.get(&of).filter(|_| !done.contains(&of)) else { continue };
                    if let Some(reason) = self.unknown_part(kustomizations, &of, it) {
                        return Some(reason);
                    }
                    for (_, found) in kustomizations.resources(&of, it, &self.files) {
                        if let Resource::Kustomization(path) = found {
                            open.push(path);
                        }
                    }
                    done.insert(of);
                }
                None
            })
            .collect()
    }
}

/// The file of a directory's kustomization, under one of its names.
fn file_of(directory: &str) -> String {
    joined(directory, "kustomization.yaml")
}

/// For each object that is defined in several directories, those directories.
fn twins(members: &[Member<'_>], places: &[Option<DirectoryId>]) -> impl Iterator<Item = Vec<DirectoryId>> {
    let mut of: HashMap<(&str, &str, &str, &str), Vec<DirectoryId>> = HashMap::new();
    for (member, place) in members.iter().zip(places) {
        let Some(place) = place else { continue };
        for object in member.objects.iter().filter_map(|object| shared_name(object)) {
            let places = of.entry(object).or_default();
            if places.last() != Some(place) {
                places.push(*place);
            }
        }
    }
    of.into_values().filter(|places| places.len() > 1)
}

/// What tells an object from others, wherever it is defined; `None` of those that say nothing: definitions of kinds and
/// namespaces, which each application brings along that shares them with others.
pub(super) fn shared_name(object: &Subject) -> Option<(&str, &str, &str, &str)> {
    let is_shared = matches!(
        (object.group.as_str(), object.kind.as_str()),
        ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
    );
    let namespace = if object.namespace == "default" { "" } else { object.namespace.as_str() };
    let is_told = !is_shared && !object.name.is_empty();
    is_told.then_some((&object.group, &object.kind, namespace, &object.name))
}
