//! Which documents are deployed together, as far as files say it.
//!
//! Relations are answered, and absence is told, within a *set*. Standard input is one set, and so is what a chart
//! installs; the configuration may name others. All other objects go by their directories:
//!
//! - An *environment* (`prod/`, `overlays/eu/`) and an alternative are a *branch* of their own. Directories are
//!   alternatives where the same object is defined in each of them.
//! - Files of one directory are alternatives where they define the same object, and no kustomization builds them
//!   together. What is in one is not there for what is in the other.
//! - What is in no branch is common. A branch lies in what is common, and may have branches in it.
//! - The set of an object is its branch, with all that lies in it, and what is common to it: the branches in which that
//!   lies, without their other branches. Kustomizations bring in what they deploy from elsewhere.
//!
//! Repository files (workflows, Terraform) use each other by path, so they are in one set.
//!
//! What a kustomization only changes objects with is no object ([`Role::Patch`]). What it builds is deployed where it
//! stands, and as it changes it: each kustomization that nothing else includes is a *build*, and the objects of a file
//! are there once for each ([`Builds`]).

mod alternatives;
mod beside;
mod branches;
mod building;
mod builds;
mod change;
mod counts;
mod directories;
mod environment;
mod fields;
mod generated;
pub(crate) mod kustomization;
mod kustomizations;
mod makers;
mod named;
mod names;
mod patches;
mod reading;
mod shortfall;
#[cfg(test)]
mod tests;
mod unknown;

pub use beside::kustomizations_beside;
pub use builds::{Builds, Built, Variant};
pub use kustomization::Kustomization;
pub use kustomizations::{Kustomizations, Role};
pub use makers::{Asked, Made, made_by_content};
pub use named::{MAX_NAMED, NamedSetError, NamedSets};
pub use reading::{PATCH_KIND, Reading};
pub use unknown::Unknown;

use crate::discover::STDIN;
use crate::document::Subject;
use alternatives::Alternatives;
use branches::{BranchId, Branches, COMMON, FILES};
use building::Building;
use directories::{Directories, DirectoryId};
use shortfall::Shortfalls;
use std::collections::HashSet;

/// The kinds of files that tell what is deployed together.
pub const TOLD_BY: [&str; 2] = ["HelmChart", "Kustomization"];

/// What is known beside the units of a run.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Kustomizations beside or above the files, which nobody asked to check, with their paths.
    pub kustomizations: Vec<(String, Kustomization)>,
    /// Paths of templates that were skipped.
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
    /// What those of them make that say it, each with who says it.
    pub makes: Vec<(&'m Subject, &'m [Made])>,
}

/// The sets of a run.
pub struct Sets {
    directories: Directories,
    branches: Branches,
    /// By unit: where its objects belong.
    homes: Vec<Home>,
    /// By unit: where the objects belong that are built of it, for each of its variants.
    built: Vec<Vec<Home>>,
    /// By unit and variant: the namespace that it is put into.
    put_into: Vec<Vec<Option<Box<str>>>>,
    /// By build: why it has more than the files show.
    unknown: Vec<Option<String>>,
    builds: Builds,
    alternatives: Alternatives,
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

/// Whose set is asked for: a document of a unit, as it is written or as it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// A file that is no object.
    File,
    /// An object of a unit as it is written.
    Written(usize),
    /// An object of a unit as one of the unit's variants builds it.
    Built(usize, usize),
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
        let paths = members.iter().map(|member| (member.path != STDIN).then_some(member.path));
        let builds = Builds::new(paths, kustomizations);
        let mut building = Building::new(members, kustomizations, surroundings);
        let homes: Vec<Home> = members.iter().map(|member| building.home(member.path)).collect();
        let built = members.iter().enumerate().map(|(unit, member)| {
            let home = |variant: &Variant| building.built_home(member.path, builds.directory(variant.build));
            builds.variants(unit).iter().map(home).collect()
        });
        let built: Vec<Vec<Home>> = built.collect();
        let put_into = (0..members.len()).map(|unit| {
            let namespace = |variant: &Variant| builds.namespace(variant, kustomizations).map(Into::into);
            builds.variants(unit).iter().map(namespace).collect()
        });
        let put_into = put_into.collect();
        building.link(kustomizations);
        let shortfalls = building.shortfalls(members, &homes, &built, kustomizations, &builds, surroundings);
        let unknown = building.unknown_builds(kustomizations, &builds);
        let alternatives = Alternatives::new(members, &homes, &builds);
        let (directories, branches) = building.finish();
        let names_others = vec![[false; 2]; branches.len()];
        let mut sets = Self {
            directories,
            branches,
            homes,
            built,
            put_into,
            unknown,
            builds,
            alternatives,
            names_others,
            shortfalls,
        };
        sets.find_namespaces(members, kustomizations);
        sets
    }

    fn find_namespaces(&mut self, members: &[Member<'_>], kustomizations: &Kustomizations) {
        let is_other = |name: &str| !matches!(name, "" | "default");
        let mut naming: HashSet<BranchId> = HashSet::new();
        for (unit, (member, home)) in members.iter().zip(&self.homes).enumerate() {
            let names = |subject: &&Subject| {
                let is_namespace = subject.group.is_empty() && subject.kind == "Namespace";
                is_other(if is_namespace { &subject.name } else { &subject.namespace })
            };
            let is_kustomization = || Kustomization::is_named_so(member.path);
            let puts = || is_kustomization() && kustomizations.namespace(member.path).is_some_and(is_other);
            let written = member.objects.iter().any(names);
            let variants = self.builds.variants(unit);
            if puts() || written && variants.is_empty() {
                naming.extend(home.branches());
            }
            for (variant, home) in variants.iter().zip(&self.built[unit]) {
                if self.builds.namespace(variant, kustomizations).map_or(written, is_other) {
                    naming.extend(home.branches());
                }
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

    /// How the objects of the run are built.
    pub fn builds(&self) -> &Builds {
        &self.builds
    }

    /// The unit of a document, where its file has alternatives.
    pub fn alternative(&self, whose: Whose) -> Option<usize> {
        match whose {
            Whose::Written(unit) | Whose::Built(unit, _) => Some(unit).filter(|unit| self.alternatives.has(*unit)),
            Whose::File => None,
        }
    }

    /// Whether two units are of files that are alternatives, of which only one is deployed.
    pub fn are_alternatives(&self, one: usize, other: usize) -> bool {
        self.alternatives.are(one, other)
    }

    /// The build that a document is of.
    pub fn build(&self, whose: Whose) -> Option<usize> {
        match whose {
            Whose::Built(unit, variant) => self.builds.variants(unit).get(variant).map(|variant| variant.build),
            _ => None,
        }
    }

    fn home(&self, whose: Whose) -> Option<&Home> {
        match whose {
            Whose::File => None,
            Whose::Written(unit) => self.homes.get(unit),
            Whose::Built(unit, variant) => self.built.get(unit)?.get(variant),
        }
    }

    /// The branches that a document belongs to.
    pub fn branches_of(&self, whose: Whose) -> &[usize] {
        match (whose, self.home(whose)) {
            (Whose::File, _) => &[FILES],
            (_, Some(home)) => home.branches(),
            (_, None) => &[COMMON],
        }
    }

    /// The branches that hold others and that a branch lies in, or is.
    pub fn holders(&self, branch: usize) -> impl Iterator<Item = usize> {
        self.branches.lineage(branch).filter(|branch| self.branches.has_children(*branch))
    }

    /// The set of a document: no document is in two of its parts, unless the configuration puts it into several sets.
    pub fn parts(&self, whose: Whose) -> Vec<Part> {
        let own = |branch| Part { branch, whole: false };
        let mut parts = Vec::new();
        for branch in self.branches_of(whose).iter().copied() {
            parts.push(Part { branch, whole: self.branches.has_children(branch) });
            parts.extend(self.branches.lineage(branch).skip(1).map(own));
            parts.extend(self.branches.links(branch).iter().copied().map(own));
        }
        if whose != Whose::File {
            parts.push(own(FILES));
        }
        parts
    }

    /// Whether no namespace and the namespace `default` are the same in a set, since it names no other.
    pub fn default_is_none(&self, parts: &[Part]) -> bool {
        !parts.iter().any(|part| self.names_others[part.branch][usize::from(part.whole)])
    }

    /// Why the set of an object may have more of what is asked for than its files show; `None` where it is complete.
    pub fn shortfall(&self, whose: Whose, asked: &Asked<'_>) -> Option<&str> {
        if let Whose::Built(unit, variant) = whose {
            let build = self.builds.variants(unit).get(variant).map(|variant| variant.build);
            if let Some(reason) = build.and_then(|build| self.unknown.get(build)?.as_deref()) {
                return Some(reason);
            }
        }
        let put = match whose {
            Whose::Built(unit, variant) => self.put_into.get(unit).and_then(|of| of.get(variant)?.as_deref()),
            _ => None,
        };
        let namespace = put.unwrap_or(&asked.by.namespace);
        let parts = self.parts(whose);
        let of = |part: &Part| self.shortfalls.of_branch(part.branch, part.whole, (asked, namespace));
        let mut reasons = parts.iter().map(of);
        reasons.find_map(|reason| reason).or_else(|| {
            // Of what is built: what stands near its file, and near the kustomization.
            let written = match whose {
                Whose::Built(unit, _) => self.home(Whose::Written(unit)),
                _ => None,
            };
            [self.home(whose), written].into_iter().flatten().find_map(|home| match home {
                Home::Directory(directory, branch) => {
                    self.shortfalls.near(&self.branches, &self.directories, (*directory, *branch))
                }
                Home::Closed(_) => None,
            })
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
