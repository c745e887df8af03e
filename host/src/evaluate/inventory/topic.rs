//! What queries are about, and how they ask, whatever their rules call them.

use super::facet::{Facet, Keys, Sight};
use super::limits::AnswerLimits;
use super::probe::{IndexId, Spread};
use super::{Card, RelatedDocument};
use crate::document::{Document, Subject};
use crate::manifest::{Query, ReadPath, Relation, Scope, Selection, Target, Term, Whole, is_image};
use crate::project::Projection;
use crate::workload::{Shape, WorkloadKinds};
use std::collections::BTreeSet;
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
    /// What relations ask of them.
    facets: Vec<Facet>,
    /// By what they are looked for.
    indexes: Vec<IndexId>,
}

/// A document of a topic, before it is known whose.
type Shown = (String, Vec<Keys>);

impl Topic {
    /// What a query is about.
    fn new(kinds: Vec<Target>, reads: Vec<ReadPath>, workloads: Arc<WorkloadKinds>) -> Self {
        let projection = Projection::new(&reads);
        Self { kinds, reads, workloads, projection, facets: Vec::new(), indexes: Vec::new() }
    }

    /// The topics of some queries.
    #[cfg(test)]
    pub(crate) fn of(queries: &[Query], workloads: &WorkloadKinds) -> Vec<Self> {
        Topics::collect([queries].into_iter(), workloads).0.topics
    }

    /// Whether a document is of one of the kinds. [`Topic::related`] may still leave it out.
    pub fn asks_for(&self, document: &Document) -> bool {
        self.kinds.iter().any(|target| self.workloads.matches(target, document))
    }

    /// A document as the topic's queries see it, when it belongs to the topic.
    ///
    /// A workload whose controller is a workload itself is left out where workloads as such are asked
    /// for: its owner's template says the same, and an old ReplicaSet would speak for a template that is no
    /// longer. Who asks for `core/Pod` by name gets them all.
    fn show(&self, document: &Document) -> Option<Shown> {
        let belongs = |target: &Target| {
            let as_workload = matches!(target, Target::Workload | Target::WorkloadKind(_));
            self.workloads.matches(target, document) && !(as_workload && self.workloads.is_controlled(document))
        };
        if !self.kinds.iter().any(belongs) {
            return None;
        }
        let shape = self.workloads.shape(document);
        let keys = self.facets.iter().map(|facet| facet.keys(document, &shape)).collect();
        Some((self.projection.apply(document, &shape), keys))
    }

    /// A document as the topic's queries find and see it, when it belongs to the topic.
    pub fn related(&self, document: &Document, subject: &Arc<Subject>) -> Option<RelatedDocument> {
        let (projection, keys) = self.show(document)?;
        Some(RelatedDocument::new(Arc::clone(subject), projection, keys))
    }

    /// Whether it is about what registries say of images: nobody watches for these, or finds them in files.
    pub fn is_of_images(&self) -> bool {
        self.kinds.iter().any(is_image)
    }

    /// Every path that is read of a document: those of the queries, and those of their relations.
    pub fn paths(&self) -> impl Iterator<Item = &ReadPath> {
        self.reads.iter().chain(self.facets.iter().flat_map(Facet::paths))
    }

    /// By what its documents are looked for.
    pub(crate) fn indexes(&self) -> &[IndexId] {
        &self.indexes
    }

    /// The kinds, as an error names them.
    pub fn kinds_text(&self) -> String {
        self.kinds.iter().map(Target::to_string).collect::<Vec<_>>().join(", ")
    }

    fn facet(&mut self, facet: Facet) -> u16 {
        position_or_push(&mut self.facets, facet)
    }

    fn index(&mut self, facet: Option<u16>, spread: Spread) -> IndexId {
        let id = IndexId { facet, spread };
        position_or_push(&mut self.indexes, id);
        id
    }
}

fn position_or_push<T: PartialEq>(items: &mut Vec<T>, item: T) -> u16 {
    let at = items.iter().position(|known| *known == item).unwrap_or_else(|| {
        items.push(item);
        items.len() - 1
    });
    at as u16
}

/// One query, put to whatever document is here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub(super) topic: u16,
    pub(super) scope: Scope,
    /// The question before, each document of whose answer is here in its turn.
    pub(super) via: Option<u16>,
    /// The question that leaves this one unasked where it finds anything.
    pub(super) unless: Option<u16>,
    /// How documents belong to the one here; all do when there is nothing.
    pub(super) join: Option<Join>,
    /// Of a question for the Dockerfiles of images: where builds are described. The join then finds Dockerfiles by path.
    pub(super) builds: Option<Builds>,
    /// Whether it is a question for what registries say of images, which no inventory has.
    pub(super) about: bool,
}

/// Where it is looked up which Dockerfile an image is built from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Builds {
    /// The topic of the files that describe builds.
    pub(super) topic: u16,
    /// Their index by the last part of the image.
    pub(super) by_image: IndexId,
    /// Which of their facets the builds are.
    pub(super) facet: u16,
    /// The index of Dockerfiles by what they are called.
    pub(super) by_name: IndexId,
}

/// How documents belong to the one here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Join {
    /// By which index they are found.
    pub(super) index: IndexId,
    /// What is looked for: a facet of the document here, among those of the subjects, or of the topic of the
    /// question before; `None` for who it is.
    pub(super) here: Option<u16>,
}

/// A bundle's topics and questions.
#[derive(Default)]
pub(in crate::evaluate) struct Topics {
    topics: Vec<Topic>,
    questions: Vec<Question>,
    /// What relations ask of subjects.
    here: Vec<Facet>,
    /// The topic that has the labels of namespaces, and which of its facets they are, where any relation needs them.
    namespaces: Option<(u16, u16)>,
    pub(super) limits: AnswerLimits,
}

impl Topics {
    /// Collects the topics of some rules, and for each rule its questions by index.
    pub(in crate::evaluate) fn collect<'q>(
        rules: impl Iterator<Item = &'q [Query]>,
        workloads: &WorkloadKinds,
    ) -> (Self, Vec<Vec<u16>>) {
        let workloads = Arc::new(workloads.clone());
        let mut topics = Self::default();
        let of_rules = rules
            .map(|queries| {
                let mut asked: Vec<u16> = Vec::with_capacity(queries.len());
                for query in queries {
                    let earlier = |name: &String| queries.iter().position(|earlier| earlier.name == *name);
                    let of = |name: &Option<String>| asked.get(name.as_ref().and_then(earlier)?).copied();
                    let (via, unless) = (of(&query.via), of(&query.unless));
                    asked.push(topics.question(query, via, unless, &workloads));
                }
                asked
            })
            .collect();
        (topics, of_rules)
    }

    fn topic(&mut self, kinds: Vec<Target>, reads: Vec<ReadPath>, workloads: &Arc<WorkloadKinds>) -> u16 {
        let same = |known: &Topic| known.kinds == kinds && known.reads == reads;
        let at = self.topics.iter().position(same).unwrap_or_else(|| {
            self.topics.push(Topic::new(kinds, reads, Arc::clone(workloads)));
            self.topics.len() - 1
        });
        at as u16
    }

    fn question(
        &mut self,
        query: &Query,
        via: Option<u16>,
        unless: Option<u16>,
        workloads: &Arc<WorkloadKinds>,
    ) -> u16 {
        let topic = self.topic(query.kinds.clone(), query.reads.clone(), workloads);
        let join = query.relation.as_ref().map(|relation| self.join(relation, query.scope, topic, via));
        if query.relation.as_ref().is_some_and(Relation::needs_namespaces) {
            self.want_namespaces(workloads);
        }
        let is_built = matches!(query.relation, Some(Relation::Built(_)));
        let builds = is_built.then(|| self.builds(topic, workloads));
        let about = matches!(query.relation, Some(Relation::About(_)));
        position_or_push(&mut self.questions, Question { topic, scope: query.scope, via, unless, join, builds, about })
    }

    fn builds(&mut self, dockerfiles: u16, workloads: &Arc<WorkloadKinds>) -> Builds {
        let kinds = ["Compose", "GitHubAction", "GitHubWorkflow", "Makefile", "Skaffold"];
        let kinds = kinds.map(|kind| Target::File(kind.to_owned())).to_vec();
        let topic = self.topic(kinds, Vec::new(), workloads);
        let known = &mut self.topics[usize::from(topic)];
        let (images, facet) = (known.facet(Facet::BuiltImages), known.facet(Facet::Builds));
        let by_image = known.index(Some(images), Spread::Everywhere);
        let known = &mut self.topics[usize::from(dockerfiles)];
        let names = known.facet(Facet::BuiltName);
        Builds { topic, by_image, facet, by_name: known.index(Some(names), Spread::Everywhere) }
    }

    fn want_namespaces(&mut self, workloads: &Arc<WorkloadKinds>) {
        let kind = Target::Object { group: String::new(), kind: "Namespace".to_owned() };
        let topic = self.topic(vec![kind], Vec::new(), workloads);
        let known = &mut self.topics[usize::from(topic)];
        let labels = known.facet(Facet::Labels("metadata.labels".parse().expect("invariant: a path")));
        known.index(None, Spread::Namespace);
        self.namespaces = Some((topic, labels));
    }

    fn join(&mut self, relation: &Relation, scope: Scope, topic: u16, via: Option<u16>) -> Join {
        let near = if scope == Scope::Namespace { Spread::Namespace } else { Spread::Everywhere };
        let selectors = |selection: &Selection, selector: &Term| Facet::Selectors {
            selector: selector.clone(),
            sight: match (&selection.namespaces, &selection.namespace_labels, scope) {
                (Some(names), ..) => Sight::Names(names.clone()),
                (None, Some(labels), _) => Sight::Labels(labels.clone()),
                (None, None, Scope::Namespace) => Sight::Own,
                (None, None, Scope::Cluster) => Sight::Everywhere,
            },
            form: selection.form,
            absent: selection.absent,
        };
        // What is asked there, how far keys are spread, and what is asked here.
        let (there, spread, here) = match relation {
            Relation::Selects(selection) => {
                let there = selectors(selection, &selection.there);
                // A selector says itself how far it looks.
                (Some(there), Spread::Either, Some(Facet::Labels(selection.here.clone())))
            }
            Relation::Selected(selection) => {
                let looks_further = selection.namespaces.is_some() || selection.namespace_labels.is_some();
                let spread = if looks_further { Spread::Either } else { near };
                let here = selectors(selection, &selection.here);
                (Some(Facet::Labels(selection.there.clone())), spread, Some(here))
            }
            Relation::Names(naming) => {
                let spread = if scope == Scope::Namespace { Spread::Namespace } else { Spread::Either };
                (Some(Facet::References(naming.clone())), spread, None)
            }
            Relation::Named(naming) => (None, Spread::Namespace, Some(Facet::References(naming.clone()))),
            Relation::Same(sharing) => {
                let there = Facet::Values(sharing.there.0.clone());
                (Some(there), near, Some(Facet::Values(sharing.here.0.clone())))
            }
            Relation::Of(belonging) => {
                let here = match belonging.there {
                    Whole::Namespace => Facet::Namespace,
                    Whole::Owner => Facet::Owners,
                };
                (None, Spread::Namespace, Some(here))
            }
            Relation::Calls(_) => (Some(Facet::CalledPaths), near, Some(Facet::Path)),
            Relation::Called(_) => (Some(Facet::Path), near, Some(Facet::CalledPaths)),
            Relation::About(building) => (None, Spread::Everywhere, Some(Facet::Images(building.image.0.clone()))),
            Relation::Built(building) => {
                let here = Facet::Images(building.image.0.clone());
                (Some(Facet::Path), Spread::Everywhere, Some(here))
            }
        };
        let here = here.map(|facet| match via {
            None => position_or_push(&mut self.here, facet),
            Some(via) => {
                let topic = self.questions[usize::from(via)].topic;
                self.topics[usize::from(topic)].facet(facet)
            }
        });
        let there_topic = &mut self.topics[usize::from(topic)];
        let facet = there.map(|facet| there_topic.facet(facet));
        Join { index: there_topic.index(facet, spread), here }
    }

    /// Whether a question is for what registries say of images.
    pub(in crate::evaluate) fn is_about(&self, question: u16) -> bool {
        self.question_at(question).about
    }

    /// What questions about images ask of subjects, by its index.
    pub(in crate::evaluate) fn image_facets(&self) -> impl Iterator<Item = u16> {
        let about = self.questions.iter().filter(|question| question.about && question.via.is_none());
        about.filter_map(|question| question.join?.here)
    }

    /// The images of a document that questions ask about.
    pub(in crate::evaluate) fn images(&self, document: &Document, shape: &Shape) -> BTreeSet<Box<str>> {
        let facets = self.image_facets().filter_map(|facet| self.here.get(usize::from(facet)));
        facets.flat_map(|facet| facet.keys(document, shape).into_values()).collect()
    }

    /// The topics, by index.
    pub(in crate::evaluate) fn as_slice(&self) -> &[Topic] {
        &self.topics
    }

    /// What relations ask of subjects.
    pub(super) fn here(&self) -> &[Facet] {
        &self.here
    }

    pub(super) fn question_at(&self, question: u16) -> &Question {
        &self.questions[usize::from(question)]
    }

    /// The topic that has the labels of namespaces, and which of its facets they are.
    pub(super) fn namespaces(&self) -> Option<(u16, u16)> {
        self.namespaces
    }

    /// The kinds of a question's documents, as an error names them.
    pub(in crate::evaluate) fn kinds_text(&self, question: u16) -> String {
        self.topics[usize::from(self.question_at(question).topic)].kinds_text()
    }

    /// What a document contributes.
    pub(in crate::evaluate) fn cards(&self, document: &Document) -> Vec<Card> {
        let topics = self.topics.iter().enumerate();
        // What a file says of an image, no registry said.
        let topics = topics.filter(|(_, topic)| !topic.is_of_images());
        let shown = topics.filter_map(|(index, topic)| Some((index, topic.show(document)?)));
        shown
            .map(|(index, (projection, keys))| Card {
                document: 0,
                topic: index as u16,
                subject: document.subject.clone(),
                projection,
                keys,
            })
            .collect()
    }
}
