//! Which rules are asked about a document, and which of them together: from manifests alone, worked out once for each
//! kind of document.

use crate::bundle::Bundle;
use crate::document::Document;
use crate::manifest::ReadPath;
use crate::project::Projection;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// How the rules of one component are asked.
#[derive(Debug, Clone, Default)]
pub enum Grouping {
    /// In one call, in which they share a projection: all that any of them reads.
    #[default]
    Together,
    /// Each in a call of its own, with what it reads.
    Alone,
    /// In one call, in which the projection holds these paths as well: what tests find undeclared reads with.
    Widened(Vec<ReadPath>),
}

/// The rules that are asked about one kind of document.
pub struct Plan {
    /// By index, ascending.
    rules: Vec<u16>,
    /// For each of `rules`, its group.
    group_of: Vec<usize>,
    groups: Vec<Group>,
    /// The distinct ones.
    projections: Vec<Projection>,
}

/// Rules that are asked in one call.
pub(super) struct Group {
    /// Index of the projection that they share.
    pub(super) projection: usize,
}

impl Plan {
    /// The rules, by index, ascending.
    pub fn rules(&self) -> impl Iterator<Item = u16> + use<'_> {
        self.rules.iter().copied()
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(super) fn group_of(&self, rule: u16) -> Option<usize> {
        self.rules.binary_search(&rule).ok().map(|at| self.group_of[at])
    }

    pub(super) fn projections(&self) -> impl Iterator<Item = &Projection> {
        self.projections.iter()
    }

    pub(super) fn projection(&self, at: usize) -> &Projection {
        &self.projections[at]
    }

    fn new(bundle: &Bundle, asking: &Grouping, document: &Document) -> Self {
        let applies = |(_, rule): &(usize, &crate::bundle::BundleRule)| {
            let manifest = &rule.source.manifest;
            manifest.is_asked_about(&document.subject.operation, &document.subresource)
                && manifest.applies_to.iter().any(|target| bundle.workloads.matches(target, document))
        };
        let mut plan = Self { rules: Vec::new(), group_of: Vec::new(), groups: Vec::new(), projections: Vec::new() };
        // By group: its component, and what its rules read.
        let mut components: Vec<(*const crate::bundle::ComponentSource, Vec<&ReadPath>)> = Vec::new();
        for (index, rule) in bundle.rules.iter().enumerate().filter(applies) {
            let component = Arc::as_ptr(&rule.source.component);
            let known = components.iter().position(|(known, _)| *known == component);
            let group = known.filter(|_| !matches!(asking, Grouping::Alone)).unwrap_or_else(|| {
                components.push((component, Vec::new()));
                components.len() - 1
            });
            components[group].1.extend(&rule.source.manifest.reads);
            plan.rules.push(index as u16);
            plan.group_of.push(group);
        }
        for (_, mut reads) in components {
            if let Grouping::Widened(more) = asking {
                reads.extend(more);
            }
            let projection = Projection::new(reads);
            let at = plan.projections.iter().position(|known| *known == projection).unwrap_or_else(|| {
                plan.projections.push(projection);
                plan.projections.len() - 1
            });
            plan.groups.push(Group { projection: at });
        }
        plan
    }
}

/// How many plans are kept. What a document says it is, anybody can choose; more kinds than these are planned anew.
const KEPT: usize = 4096;

/// The plans of a bundle.
pub(super) struct Plans {
    asking: Grouping,
    known: RwLock<HashMap<[String; 4], Arc<Plan>>>,
}

impl Plans {
    pub(super) fn new(asking: Grouping) -> Self {
        Self { asking, known: RwLock::default() }
    }

    /// The plan for a document. It depends on its kind, and on what the API server is asked to do with it.
    pub(super) fn of(&self, bundle: &Bundle, document: &Document) -> Arc<Plan> {
        let subject = &document.subject;
        let key = [&subject.group, &subject.kind, &subject.operation, &document.subresource].map(String::clone);
        if let Some(plan) = self.known.read().ok().and_then(|known| known.get(&key).cloned()) {
            return plan;
        }
        let plan = Arc::new(Plan::new(bundle, &self.asking, document));
        if let Ok(mut known) = self.known.write()
            && known.len() < KEPT
        {
            known.insert(key, Arc::clone(&plan));
        }
        plan
    }
}
