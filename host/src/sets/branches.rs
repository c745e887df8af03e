//! The tree of what is deployed together: a branch for each environment, and for what stands on its own.

use super::directories::{Directories, DirectoryId, ROOT};
use super::environment::is_environment;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A branch, by its position among those of a run.
pub(super) type BranchId = usize;

/// Repository files, which use each other across all environments.
pub(super) const FILES: BranchId = 0;
/// What no environment has for itself.
pub(super) const COMMON: BranchId = 1;

/// How deep branches lie in each other. What would lie deeper belongs to the branch that it would lie in.
const MAX_DEPTH: usize = 8;

/// How many other branches the kustomizations of one may bring in.
const MAX_LINKS: usize = 64;
/// How many branches are looked at for that.
const MAX_VISITED: usize = 1024;

/// What tells a branch from its siblings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Element {
    /// Standard input.
    Stdin,
    /// A set that the configuration names, by its position there.
    Named(usize),
    /// What a chart installs, by the directory of the chart.
    Chart(DirectoryId),
    /// An environment, wherever directories of its name are.
    Environment(Box<str>),
    /// A directory that is an alternative to others.
    Directory(DirectoryId),
    /// The files right in a directory, where they are alternatives to those further in.
    FilesOf(DirectoryId),
}

impl Element {
    /// Whether it is a set of its own, of which no other is a part.
    fn is_closed(&self) -> bool {
        matches!(self, Element::Stdin | Element::Named(_) | Element::Chart(_))
    }
}

/// The branches of a run.
pub(super) struct Branches {
    list: Vec<Branch>,
    known: HashMap<(BranchId, Element), BranchId>,
}

struct Branch {
    parent: Option<BranchId>,
    depth: usize,
    is_closed: bool,
    has_children: bool,
    /// Branches that kustomizations bring in, and that would not be seen otherwise.
    links: Vec<BranchId>,
}

impl Branches {
    pub(super) fn new() -> Self {
        let top = || Branch { parent: None, depth: 0, is_closed: false, has_children: false, links: Vec::new() };
        Self { list: vec![top(), top()], known: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The branch of an element in another. Closed sets are in none.
    pub(super) fn branch(&mut self, above: BranchId, element: Element) -> BranchId {
        let is_closed = element.is_closed();
        if !is_closed && (self.list[above].depth >= MAX_DEPTH || self.list[above].is_closed) {
            return above;
        }
        let above = if is_closed { COMMON } else { above };
        if let Some(known) = self.known.get(&(above, element.clone())) {
            return *known;
        }
        let id = self.list.len();
        let (parent, depth) = if is_closed { (None, 0) } else { (Some(above), self.list[above].depth + 1) };
        self.list.push(Branch { parent, depth, is_closed, has_children: false, links: Vec::new() });
        if let Some(parent) = parent {
            self.list[parent].has_children = true;
        }
        self.known.insert((above, element), id);
        id
    }

    /// The branch of each directory; `charts` are the directories of charts.
    pub(super) fn of_directories(&mut self, directories: &Directories, charts: &HashSet<DirectoryId>) -> Vec<BranchId> {
        let mut of: Vec<BranchId> = Vec::with_capacity(directories.len());
        for (id, directory) in directories.iter() {
            if id == ROOT {
                of.push(COMMON);
                continue;
            }
            let above = of[directory.parent];
            let is_installed =
                charts.contains(&directory.parent) && matches!(&*directory.name, "templates" | "crds" | "charts");
            let element = if self.is_closed(above) {
                None
            } else if is_installed {
                Some(Element::Chart(directory.parent))
            } else if is_environment(&directories.get(directory.parent).name, &directory.name) {
                Some(Element::Environment(directory.name.clone()))
            } else {
                directory.is_apart.then_some(Element::Directory(id))
            };
            let branch = element.map_or(above, |element| self.branch(above, element));
            of.push(branch);
        }
        of
    }

    pub(super) fn is_closed(&self, branch: BranchId) -> bool {
        self.list[branch].is_closed
    }

    pub(super) fn has_children(&self, branch: BranchId) -> bool {
        self.list[branch].has_children
    }

    /// A branch and those that it lies in, from the inside.
    pub(super) fn lineage(&self, branch: BranchId) -> impl Iterator<Item = BranchId> {
        std::iter::successors(Some(branch), |branch| self.list[*branch].parent)
    }

    pub(super) fn links(&self, branch: BranchId) -> &[BranchId] {
        &self.list[branch].links
    }

    /// Brings in what kustomizations of a branch deploy from others, and from others in turn. Gives the branches of
    /// which that is too much to follow.
    pub(super) fn link(&mut self, deployed: &BTreeMap<BranchId, BTreeSet<BranchId>>) -> Vec<BranchId> {
        let mut too_many = Vec::new();
        for branch in deployed.keys().copied() {
            let mut visited = BTreeSet::from([branch]);
            let mut open = vec![branch];
            let mut links = Vec::new();
            while let Some(at) = open.pop() {
                for next in deployed.get(&at).into_iter().flatten().copied() {
                    if visited.insert(next) {
                        open.push(next);
                        links.extend((!self.sees(branch, next)).then_some(next));
                    }
                }
                if links.len() > MAX_LINKS || visited.len() > MAX_VISITED {
                    links.truncate(MAX_LINKS);
                    too_many.push(branch);
                    break;
                }
            }
            self.list[branch].links = links;
        }
        too_many
    }

    /// Whether a branch sees another by where they lie.
    fn sees(&self, branch: BranchId, other: BranchId) -> bool {
        self.lineage(branch).any(|above| above == other) || self.lineage(other).any(|above| above == branch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_lie_in_each_other_down_to_a_bound() {
        let mut branches = Branches::new();
        let mut at = COMMON;
        for depth in 0..MAX_DEPTH {
            let deeper = branches.branch(at, Element::Directory(depth));
            assert_ne!(deeper, at);
            at = deeper;
        }
        assert_eq!(branches.branch(at, Element::Directory(99)), at);
        assert_eq!(branches.lineage(at).count(), MAX_DEPTH + 1);
        let chart = branches.branch(at, Element::Chart(7));
        assert_eq!(branches.lineage(chart).count(), 1);
        assert_eq!(branches.branch(chart, Element::Environment("prod".into())), chart);
    }

    #[test]
    fn links_are_followed_to_what_is_not_seen_anyway() {
        let mut branches = Branches::new();
        let of = |branches: &mut Branches, name: &str| branches.branch(COMMON, Element::Environment(name.into()));
        let [a, b, c] = ["a", "b", "c"].map(|name| of(&mut branches, name));
        let deployed = BTreeMap::from([(a, BTreeSet::from([b, COMMON])), (b, BTreeSet::from([c, a]))]);
        assert!(branches.link(&deployed).is_empty());
        assert_eq!((branches.links(a), branches.links(b), branches.links(c)), (&[b, c][..], &[a, c][..], &[][..]));
    }

    #[test]
    fn too_many_links_are_told() {
        let mut branches = Branches::new();
        let many: BTreeSet<BranchId> =
            (0..=MAX_LINKS).map(|id| branches.branch(COMMON, Element::Directory(id))).collect();
        let one = branches.branch(COMMON, Element::Environment("x".into()));
        assert_eq!(branches.link(&BTreeMap::from([(one, many)])), [one]);
        assert_eq!(branches.links(one).len(), MAX_LINKS);
    }
}
