//! What queries are about, whatever their rules call them and however far they look.

use super::Card;
use crate::document::Document;
use crate::manifest::{Query, ReadPath, Target};
use crate::project::Projection;
use crate::workload::WorkloadKinds;
use std::sync::Arc;

/// The documents of some kinds, as queries with equal reads see them.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// Their kinds.
    pub kinds: Vec<Target>,
    /// The paths of them that are read.
    pub reads: Vec<ReadPath>,
    /// Which kinds are workloads, and how those are shown.
    pub workloads: Arc<WorkloadKinds>,
    projection: Projection,
}

impl Topic {
    /// What a query is about.
    pub fn new(query: &Query, workloads: Arc<WorkloadKinds>) -> Self {
        let projection = Projection::new(&query.reads);
        Self { kinds: query.kinds.clone(), reads: query.reads.clone(), workloads, projection }
    }

    /// Whether a document is of one of the kinds. [`Topic::show`] may still leave it out.
    pub fn asks_for(&self, document: &Document) -> bool {
        self.kinds.iter().any(|target| self.workloads.matches(target, document))
    }

    /// A document as the topic's queries see it, when it belongs to the topic.
    ///
    /// A workload whose controller is a workload itself is left out where workloads as such are asked
    /// for: its owner's template says the same, and an old ReplicaSet would speak for a template that is no
    /// longer. Who asks for `core/Pod` by name gets them all.
    pub fn show(&self, document: &Document) -> Option<String> {
        let belongs = |target: &Target| {
            let as_workload = matches!(target, Target::Workload | Target::WorkloadKind(_));
            self.workloads.matches(target, document) && !(as_workload && self.workloads.is_controlled(document))
        };
        let belongs = self.kinds.iter().any(belongs);
        belongs.then(|| self.projection.apply(document, &self.workloads.shape(document)))
    }

    /// The kinds, as an error names them.
    pub fn kinds_text(&self) -> String {
        self.kinds.iter().map(Target::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// A bundle's topics.
pub(in crate::evaluate) struct Topics(Vec<Topic>);

impl Topics {
    /// Collects the topics of some rules, and for each rule the indices of its own.
    pub(in crate::evaluate) fn collect<'q>(
        rules: impl Iterator<Item = &'q [Query]>,
        workloads: &WorkloadKinds,
    ) -> (Self, Vec<Vec<u16>>) {
        let workloads = Arc::new(workloads.clone());
        let mut topics: Vec<Topic> = Vec::new();
        let of_rules = rules
            .map(|of_rule| {
                let index = |query: &Query| {
                    let same = |known: &Topic| known.kinds == query.kinds && known.reads == query.reads;
                    let at = topics.iter().position(same).unwrap_or_else(|| {
                        topics.push(Topic::new(query, Arc::clone(&workloads)));
                        topics.len() - 1
                    });
                    at as u16
                };
                of_rule.iter().map(index).collect()
            })
            .collect();
        (Self(topics), of_rules)
    }

    /// The topics, by index.
    pub(in crate::evaluate) fn as_slice(&self) -> &[Topic] {
        &self.0
    }

    /// What a document contributes.
    pub(in crate::evaluate) fn cards(&self, document: &Document) -> Vec<Card> {
        let topics = self.0.iter().enumerate();
        let shown = topics.filter_map(|(index, topic)| Some((index, topic.show(document)?)));
        shown
            .map(|(index, projection)| Card { query: index as u16, subject: document.subject.clone(), projection })
            .collect()
    }
}
