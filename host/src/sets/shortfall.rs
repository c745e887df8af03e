//! Why more may be deployed than the files of a set show.

use super::branches::{BranchId, Branches};
use super::directories::{Directories, DirectoryId, ROOT};
use super::makers::{Asked, Made};
use crate::manifest::Scope;
use std::collections::{BTreeMap, HashMap};

/// What makes objects that are in no file: by what is made, and where.
type Reasons = BTreeMap<Made, Reach>;

/// Where something is made: the first reason of each place.
#[derive(Clone, Default)]
struct Reach {
    anywhere: Option<Box<str>>,
    /// By namespace.
    within: BTreeMap<Box<str>, Box<str>>,
}

impl Reach {
    fn add(&mut self, namespace: Option<&str>, reason: &str) {
        match namespace {
            Some(namespace) => drop(self.within.entry(named(namespace).into()).or_insert_with(|| reason.into())),
            None => drop(self.anywhere.get_or_insert_with(|| reason.into())),
        }
    }

    /// Why there may be more in a namespace, or in any.
    fn reason(&self, scope: Scope, namespace: &str) -> Option<&str> {
        let within = || match scope {
            Scope::Namespace => self.within.get(named(namespace)),
            Scope::Cluster => self.within.values().next(),
        };
        self.anywhere.as_ref().or_else(within).map(|reason| &**reason)
    }
}

/// A namespace by its name: none may be `default`.
fn named(namespace: &str) -> &str {
    if namespace.is_empty() { "default" } else { namespace }
}

/// The reasons of a run.
pub(super) struct Shortfalls {
    /// By branch: of itself.
    own: Vec<Reasons>,
    /// By branch: of itself and all that lies in it.
    whole: Vec<Reasons>,
    near: Near,
}

/// Files whose objects are not known, which count for what stands near them: a template may be of anything.
#[derive(Default)]
struct Near {
    reasons: Vec<Box<str>>,
    /// By directory: one in it or further in.
    beneath: HashMap<DirectoryId, usize>,
    /// By directory: one right in it.
    within: HashMap<DirectoryId, usize>,
    /// By directory, and branch of a directory in it: one in that.
    beside: HashMap<(DirectoryId, BranchId), usize>,
}

impl Shortfalls {
    pub(super) fn new(branches: &Branches) -> Self {
        let none = || vec![Reasons::new(); branches.len()];
        Self { own: none(), whole: none(), near: Near::default() }
    }

    /// Adds that something in a branch makes objects: in a namespace, or in any.
    pub(super) fn add(
        &mut self,
        branches: &Branches,
        branch: BranchId,
        (made, namespace): (&Made, Option<&str>),
        reason: &str,
    ) {
        self.own[branch].entry(made.clone()).or_default().add(namespace, reason);
        for above in branches.lineage(branch) {
            self.whole[above].entry(made.clone()).or_default().add(namespace, reason);
        }
    }

    /// Adds a file in a directory of a branch, whose objects are not known.
    pub(super) fn add_near(
        &mut self,
        directories: &Directories,
        (directory, branch): (DirectoryId, BranchId),
        reason: &str,
    ) {
        let near = &mut self.near;
        let number = near.reasons.len();
        near.reasons.push(reason.into());
        near.within.entry(directory).or_insert(number);
        let parent = directories.get(directory).parent;
        near.beside.entry((parent, branch)).or_insert(number);
        let mut at = directory;
        while !near.beneath.contains_key(&at) {
            near.beneath.insert(at, number);
            at = directories.get(at).parent;
        }
    }

    /// Why there may be more of what is asked for, from a namespace, in a part of the branches: one branch, or all that
    /// lies in it too.
    pub(super) fn of_branch(
        &self,
        branch: BranchId,
        whole: bool,
        (asked, namespace): (&Asked<'_>, &str),
    ) -> Option<&str> {
        let reasons = if whole { &self.whole[branch] } else { &self.own[branch] };
        reasons.iter().find_map(|(made, reach)| reach.reason(made.may_be(asked)?, namespace))
    }

    /// Why there may be more in, right above, or beside a directory of a branch.
    pub(super) fn near(
        &self,
        branches: &Branches,
        directories: &Directories,
        (directory, branch): (DirectoryId, BranchId),
    ) -> Option<&str> {
        let near = &self.near;
        let parent = directories.get(directory).parent;
        let above = || near.within.get(&parent);
        let beside = || {
            let mut seen = branches.lineage(branch).filter(|_| directory != ROOT);
            seen.find_map(|branch| near.beside.get(&(parent, branch)))
        };
        let number = near.beneath.get(&directory).or_else(above).or_else(beside)?;
        near.reasons.get(*number).map(|reason| &**reason)
    }
}
