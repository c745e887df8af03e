//! Which documents are deployed together, as far as files say it.
//!
//! Relations are answered, and absence is told, within a *set*. Standard input is one set, and so is what a chart
//! installs; the configuration may name others. All other objects go by their directories:
//!
//! - An *environment* (`prod/`, `overlays/eu/`) and an alternative are a *branch* of their own. Directories are
//!   alternatives where the same object is defined in each of them.
//! - What is in no branch is common. A branch lies in what is common, and may have branches in it.
//! - The set of an object is its branch, with all that lies in it, and what is common to it: the branches in which that
//!   lies, without their other branches. Kustomizations bring in what they deploy from elsewhere.
//!
//! Repository files (workflows, Terraform) use each other by path, so they are in one set.
//!
//! What a kustomization only changes objects with is no object ([`Role::Patch`]).

mod branches;
mod directories;
mod environment;
mod generated;
mod kustomization;
mod kustomizations;
mod makers;
mod named;
mod paths;
mod reading;
mod shortfall;
#[cfg(test)]
mod tests;

pub use kustomization::Kustomization;
pub use kustomizations::{Kustomizations, Role};
pub use named::{MAX_NAMED, NamedSetError, NamedSets};
pub(crate) use paths::normalized;
pub use reading::{PATCH_KIND, Reading};

use crate::discover::STDIN;
use crate::document::Subject;
use crate::manifest::Target;
use branches::{BranchId, Branches, COMMON, Element, FILES};
use directories::{Directories, DirectoryId};
use kustomizations::Resource;
use makers::Made;
use paths::{directory, file_name};
use shortfall::Shortfalls;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The kinds of files that tell what is deployed together.
pub const TOLD_BY: [&str; 2] = ["HelmChart", "Kustomization"];

/// What is known beside the units of a run.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Paths of templates that were passed over.
    pub templates: Vec<String>,
    /// The sets that the configuration names.
    pub named: NamedSets,
}

/// A unit of a run: its file, and who the objects in it are.
pub struct Member<'m> {
    /// The path.
    pub path: &'m str,
    /// The objects; documents that are files are none.
    pub objects: Vec<&'m Subject>,
}

/// The sets of a run.
pub struct Sets {
    directories: Directories,
    branches: Branches,
    /// By unit: where its objects belong.
    homes: Vec<Home>,
    /// By branch: whether objects of it, or of it and what lies in it, name a namespace other than `default`.
    names_others: Vec<[bool; 2]>,
    shortfalls: Shortfalls,
}

/// Where the objects of a file belong.
#[derive(Debug, Clone, PartialEq)]
enum Home {
    /// To a directory, in a branch.
    Directory(DirectoryId, BranchId),
    /// To sets that know no directories.
    Closed(Vec<BranchId>),
}

/// Documents that a set is made of: those of a branch, alone or with all that lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The branch, below [`Sets::branches`].
    pub branch: usize,
    /// With all that lies in it.
    pub whole: bool,
}

impl Sets {
    /// Finds the sets of some units.
    pub fn new(members: &[Member<'_>], kustomizations: &Kustomizations, surroundings: &Surroundings) -> Self {
        let mut building = Building::new(members, kustomizations, surroundings);
        let homes: Vec<Home> = members.iter().map(|member| building.home(member.path)).collect();
        building.link(kustomizations);
        let shortfalls = building.shortfalls(members, &homes, kustomizations, surroundings);
        let mut sets = Self {
            names_others: vec![[false; 2]; building.branches.len()],
            directories: building.directories,
            branches: building.branches,
            homes,
            shortfalls,
        };
        sets.find_namespaces(members, kustomizations);
        sets
    }

    fn find_namespaces(&mut self, members: &[Member<'_>], kustomizations: &Kustomizations) {
        let is_other = |name: &str| !matches!(name, "" | "default");
        let mut naming: HashSet<BranchId> = HashSet::new();
        for (member, home) in members.iter().zip(&self.homes) {
            let names = |subject: &&Subject| {
                let is_namespace = subject.group.is_empty() && subject.kind == "Namespace";
                is_other(if is_namespace { &subject.name } else { &subject.namespace })
            };
            let is_kustomization = || Kustomization::is_named_so(member.path);
            let puts = || is_kustomization() && kustomizations.namespace(member.path).is_some_and(is_other);
            if member.objects.iter().any(names) || puts() {
                naming.extend(home.branches());
            }
        }
        for branch in naming {
            self.names_others[branch][0] = true;
            for above in self.branches.lineage(branch) {
                self.names_others[above][1] = true;
            }
        }
    }

    /// How many branches there are.
    pub fn branches(&self) -> usize {
        self.branches.len()
    }

    /// The branches that a document of a unit belongs to.
    pub fn branches_of(&self, unit: usize, is_file: bool) -> &[usize] {
        match self.homes.get(unit) {
            _ if is_file => &[FILES],
            Some(home) => home.branches(),
            None => &[COMMON],
        }
    }

    /// The branches that hold others and that a branch lies in, or is.
    pub fn holders(&self, branch: usize) -> impl Iterator<Item = usize> {
        self.branches.lineage(branch).filter(|branch| self.branches.has_children(*branch))
    }

    /// The set of a document of a unit: no document is in two of its parts, unless the configuration puts it into
    /// several sets.
    pub fn parts(&self, unit: usize, is_file: bool) -> Vec<Part> {
        let own = |branch| Part { branch, whole: false };
        let mut parts = Vec::new();
        for branch in self.branches_of(unit, is_file).iter().copied() {
            parts.push(Part { branch, whole: self.branches.has_children(branch) });
            parts.extend(self.branches.lineage(branch).skip(1).map(own));
            parts.extend(self.branches.links(branch).iter().copied().map(own));
        }
        if !is_file {
            parts.push(own(FILES));
        }
        parts
    }

    /// Whether no namespace and the namespace `default` are the same in a set, since it names no other.
    pub fn default_is_none(&self, parts: &[Part]) -> bool {
        !parts.iter().any(|part| self.names_others[part.branch][usize::from(part.whole)])
    }

    /// Why the set of an object may have more of what is asked for than its files show; `None` where it is complete.
    pub fn shortfall(&self, unit: usize, asked: &[&Target]) -> Option<&str> {
        let parts = self.parts(unit, false);
        let mut reasons = parts.iter().map(|part| self.shortfalls.of_branch(part.branch, part.whole, asked));
        reasons.find_map(|reason| reason).or_else(|| match self.homes.get(unit)? {
            Home::Directory(directory, branch) => {
                self.shortfalls.near(&self.branches, &self.directories, (*directory, *branch))
            }
            Home::Closed(_) => None,
        })
    }
}

impl Home {
    fn branches(&self) -> &[BranchId] {
        match self {
            Home::Directory(_, branch) => std::slice::from_ref(branch),
            Home::Closed(branches) => branches,
        }
    }
}

/// Sets on their way.
struct Building<'b> {
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
    fn new(members: &[Member<'_>], kustomizations: &Kustomizations, surroundings: &'b Surroundings) -> Self {
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
            files.extend(members.iter().map(|member| normalized("", member.path)));
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

    /// Where the objects of a file belong.
    fn home(&mut self, path: &str) -> Home {
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

    /// Brings in what kustomizations deploy.
    fn link(&mut self, kustomizations: &Kustomizations) {
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
    fn shortfalls(
        &mut self,
        members: &[Member<'_>],
        homes: &[Home],
        kustomizations: &Kustomizations,
        surroundings: &Surroundings,
    ) -> Shortfalls {
        let mut unknown: Vec<(Home, String)> = Vec::new();
        for path in &surroundings.templates {
            unknown.push((self.home(path), format!("`{path}` is a template, which is passed over")));
        }
        for (path, reason) in self.unknown_resources(kustomizations) {
            unknown.push((self.home(&path), reason));
        }
        let mut shortfalls = Shortfalls::new(&self.branches);
        for (home, reason) in unknown {
            match home {
                Home::Directory(at, branch) => shortfalls.add_near(&self.directories, (at, branch), &reason),
                Home::Closed(branches) => {
                    for branch in branches {
                        shortfalls.add(&self.branches, branch, Made::Anything, &reason);
                    }
                }
            }
        }
        for branch in &self.too_many_links {
            let reason = "its kustomizations lead to more directories than are followed (limit `links`)";
            shortfalls.add(&self.branches, *branch, Made::Anything, reason);
        }
        for (member, home) in members.iter().zip(homes) {
            for object in &member.objects {
                for made in makers::made_by(object) {
                    let reason = format!("`{}` has the {object}, which makes objects that are in no file", member.path);
                    for branch in home.branches() {
                        shortfalls.add(&self.branches, *branch, *made, &reason);
                    }
                }
            }
        }
        shortfalls
    }

    /// The files that a kustomization deploys together with objects that are not known, each with the reason, and the
    /// kustomization itself.
    fn unknown_resources(&self, kustomizations: &Kustomizations) -> Vec<(String, String)> {
        let mut open: Vec<(String, String)> = Vec::new();
        for (of, kustomization) in kustomizations.iter() {
            let elsewhere = || {
                let mut resources = kustomizations.resources(of, kustomization, &self.files);
                let (written, _) = resources.find(|(_, found)| *found == Resource::Elsewhere)?;
                Some(format!("deploys `{written}`, which is not among the files"))
            };
            let makes_more = kustomization.makes_more.as_deref().map(str::to_owned);
            if let Some(why) = makes_more.or_else(elsewhere) {
                let shown = if of.is_empty() { "." } else { of };
                open.push((of.to_owned(), format!("the kustomization in `{shown}` {why}")));
            }
        }
        let mut reached: HashMap<String, String> = HashMap::new();
        let mut done: HashSet<String> = HashSet::new();
        while let Some((of, reason)) = open.pop() {
            if !done.insert(of.clone()) {
                continue;
            }
            if let Some(kustomization) = kustomizations.get(&of) {
                for (_, found) in kustomizations.resources(&of, kustomization, &self.files) {
                    match found {
                        Resource::Kustomization(path) => open.push((path, reason.clone())),
                        Resource::File(path) => drop(reached.entry(path).or_insert_with(|| reason.clone())),
                        Resource::Elsewhere => {}
                    }
                }
            }
            reached.insert(file_of(&of), reason);
        }
        let mut reached: Vec<(String, String)> = reached.into_iter().collect();
        reached.sort();
        reached
    }
}

/// The file of a directory's kustomization, under one of its names.
fn file_of(directory: &str) -> String {
    normalized(directory, "kustomization.yaml")
}

/// For each object that is defined in several directories, those directories. Definitions of kinds and namespaces
/// say nothing: each application brings those that it shares with others.
fn twins(members: &[Member<'_>], places: &[Option<DirectoryId>]) -> impl Iterator<Item = Vec<DirectoryId>> {
    let mut of: HashMap<(&str, &str, &str, &str), Vec<DirectoryId>> = HashMap::new();
    for (member, place) in members.iter().zip(places) {
        let Some(place) = place else { continue };
        for object in &member.objects {
            let is_shared = matches!(
                (object.group.as_str(), object.kind.as_str()),
                ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
            );
            if is_shared || object.name.is_empty() {
                continue;
            }
            let namespace = if object.namespace == "default" { "" } else { object.namespace.as_str() };
            let places = of.entry((&object.group, &object.kind, namespace, &object.name)).or_default();
            if places.last() != Some(place) {
                places.push(*place);
            }
        }
    }
    of.into_values().filter(|places| places.len() > 1)
}
