//! The questions of rules about one document, answered.

use super::facet::{Facet, Keys};
use super::probe::{Effort, Probe, Seek, Spread, too_many_keys};
use super::selector::{Labels, Selector, Truth};
use super::topic::{Join, Question, Topics};
use super::{Answer, Inventory, RelatedDocument, Unavailable};
use crate::document::{Document, Subject};
use crate::manifest::Scope;
use crate::workload::Shape;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a document has of the facets that relations ask of subjects, as far as any rule has asked: what is
/// remembered of it, so that the same questions can be asked again without it.
pub(in crate::evaluate) type Here = Vec<(u16, Keys)>;

/// One document, of which the rules of a bundle ask an inventory. Each question is answered once, whichever rules
/// ask it.
pub struct Asking<'a> {
    topics: &'a Topics,
    inventory: &'a dyn Inventory,
    subject: &'a Subject,
    document: Option<(&'a Document, Shape)>,
    here: Vec<OnceCell<Keys>>,
    answers: RefCell<HashMap<u16, Result<Answer, Unavailable>>>,
    namespaces: RefCell<HashMap<Box<str>, NamespaceLabels>>,
}

/// The labels of all documents that say that they are a namespace, or why they are not known.
type NamespaceLabels = Result<Vec<Arc<RelatedDocument>>, Unavailable>;

/// The label that every namespace has.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl<'a> Asking<'a> {
    /// About a document that is at hand.
    pub(in crate::evaluate) fn new(
        topics: &'a Topics,
        document: &'a Document,
        shape: Shape,
        inventory: &'a dyn Inventory,
    ) -> Self {
        Self {
            topics,
            inventory,
            subject: &document.subject,
            document: Some((document, shape)),
            here: vec![OnceCell::new(); topics.here().len()],
            answers: RefCell::default(),
            namespaces: RefCell::default(),
        }
    }

    /// About a document of which only that is known which was asked before.
    pub(in crate::evaluate) fn again(
        topics: &'a Topics,
        subject: &'a Subject,
        known: &Here,
        inventory: &'a dyn Inventory,
    ) -> Self {
        let here = vec![OnceCell::new(); topics.here().len()];
        for (facet, keys) in known {
            if let Some(cell) = here.get(usize::from(*facet)) {
                let _ = cell.set(keys.clone());
            }
        }
        let (answers, namespaces) = Default::default();
        Self { topics, inventory, subject, document: None, here, answers, namespaces }
    }

    /// What has been asked of the document.
    pub(in crate::evaluate) fn into_here(self) -> Here {
        let asked = self.here.into_iter().enumerate();
        asked.filter_map(|(facet, keys)| Some((facet as u16, keys.into_inner()?))).collect()
    }

    /// The answer to a question.
    pub(in crate::evaluate) fn answer(&self, question: u16) -> Result<Answer, Unavailable> {
        if let Some(answer) = self.answers.borrow().get(&question) {
            return answer.clone();
        }
        let answer = self.ask(self.topics.question_at(question));
        self.answers.borrow_mut().insert(question, answer.clone());
        answer
    }

    fn ask(&self, question: &Question) -> Result<Answer, Unavailable> {
        let effort = Effort::new(self.topics.limits.examined);
        let answer = match (question.join, question.via) {
            (None, _) => self.inventory.answer(question.topic, question.scope, &self.subject.namespace)?,
            (Some(join), None) => {
                let here = join.here.map(|facet| self.here(facet)).transpose()?;
                Answer::new(self.find(question, join, self.subject, here, &effort)?)
            }
            (Some(join), Some(via)) => {
                let before = self.answer(via)?;
                let mut found: BTreeMap<Arc<RelatedDocument>, Vec<u32>> = BTreeMap::new();
                let mut pairs = 0;
                for (position, here) in before.documents().iter().enumerate() {
                    let keys = join.here.and_then(|facet| here.keys().get(usize::from(facet)));
                    let there = self.find(question, join, &here.subject, keys, &effort)?;
                    pairs += there.len();
                    self.check_documents(pairs)?;
                    for document in there {
                        let came_by = found.entry(document).or_default();
                        // Equal documents of different files are told once.
                        if came_by.last() != Some(&(position as u32)) {
                            came_by.push(position as u32);
                        }
                    }
                }
                Answer::by_way(found.into_iter().collect())
            }
        };
        self.check_documents(answer.documents().len())?;
        let limit = self.topics.limits.bytes;
        if answer.bytes() > limit {
            let bytes = answer.bytes();
            return Err(Unavailable(format!("it would have {bytes} bytes, more than {limit} (limit `answer bytes`)")));
        }
        Ok(answer)
    }

    fn check_documents(&self, documents: usize) -> Result<(), Unavailable> {
        let limit = self.topics.limits.documents;
        match documents > limit {
            true => Err(Unavailable(format!("it would have more than {limit} documents (limit `answer documents`)"))),
            false => Ok(()),
        }
    }

    /// What the subject has of a facet.
    fn here(&self, facet: u16) -> Result<&Keys, Unavailable> {
        let facet = usize::from(facet);
        let (cell, wanted): (&OnceCell<Keys>, &Facet) = (&self.here[facet], &self.topics.here()[facet]);
        match (cell.get(), &self.document) {
            (Some(keys), _) => Ok(keys),
            (None, Some((document, shape))) => Ok(cell.get_or_init(|| wanted.keys(document, shape))),
            (None, None) => Err(Unavailable(format!("{} is not at hand", self.subject))),
        }
    }

    /// The documents there that belong to one here.
    fn find(
        &self,
        question: &Question,
        join: Join,
        here: &Subject,
        keys: Option<&Keys>,
        effort: &Effort,
    ) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        let seek = match (join.here, keys) {
            (None, _) => Seek::Itself,
            (Some(_), Some(Keys::Labels(labels))) => Seek::Labels(labels),
            (Some(_), Some(Keys::Selectors(selectors))) => Seek::Selectors(selectors),
            (Some(_), Some(Keys::References(references))) => Seek::References(references),
            (Some(_), Some(Keys::Values(values))) => Seek::Values(values),
            (Some(_), Some(Keys::TooMany)) => return Err(too_many_keys(here)),
            (Some(_), None) => return Err(Unavailable(format!("{here} does not say what it belongs to"))),
        };
        let within = (question.scope == Scope::Namespace).then_some(here.namespace.as_str());
        let spaces = self.inventory.namespacing();
        let probe = Probe { index: join.index, within, spaces, here, seek, effort };
        let found = self.inventory.find(question.topic, &probe)?;
        let mut kept = Vec::with_capacity(found.len());
        for document in found {
            if !probe.depends_on_namespaces(&document) || self.matches(&probe, &document)? {
                kept.push(document);
            }
        }
        Ok(kept)
    }

    /// Whether a document matches, the labels of namespaces included.
    fn matches(&self, probe: &Probe<'_>, there: &RelatedDocument) -> Result<bool, Unavailable> {
        let mut unknown = None;
        let truth = probe.matches(there, &mut |selector, namespace| match self.labelled(selector, namespace) {
            Ok(truth) => truth,
            Err(Unavailable(reason)) => {
                unknown = Some(reason);
                Truth::Unknown
            }
        })?;
        match truth {
            Truth::True => Ok(true),
            Truth::False => Ok(false),
            Truth::Unknown => Err(Unavailable(unknown.unwrap_or_default())),
        }
    }

    /// Whether a selector selects a namespace by its labels.
    fn labelled(&self, selector: &Selector, namespace: &str) -> Result<Truth, Unavailable> {
        let namespace = self.inventory.namespacing().named(namespace);
        let name_alone = selector.judge(|key| (key == NAME_LABEL).then_some(Some(namespace)));
        if name_alone != Truth::Unknown {
            return Ok(name_alone);
        }
        let Some((topic, facet)) = self.topics.namespaces() else { return Ok(Truth::Unknown) };
        let mut known = self.namespaces.borrow_mut();
        if !known.contains_key(namespace) {
            known.insert(namespace.into(), self.namespace(topic, namespace));
        }
        let documents = known[namespace].as_ref().map_err(Clone::clone)?;
        let judge = |labels: &Labels| {
            selector.judge(|key| Some(if key == NAME_LABEL { Some(namespace) } else { labels.get(key) }))
        };
        let mut truths = documents.iter().filter_map(|document| match document.keys().get(usize::from(facet)) {
            Some(Keys::Labels(labels)) => Some(judge(labels)),
            _ => None,
        });
        // Where two documents say that they are the namespace, only what both say is known.
        match truths.next() {
            Some(truth) if truths.all(|other| other == truth) => Ok(truth),
            Some(_) => Err(Unavailable(format!("the documents of the namespace `{namespace}` have different labels"))),
            None => Err(Unavailable(format!("the labels of the namespace `{namespace}` are not known"))),
        }
    }

    fn namespace(&self, topic: u16, namespace: &str) -> NamespaceLabels {
        let effort = Effort::new(self.topics.limits.examined);
        let references = [super::facet::Reference::to_namespace(namespace)];
        let probe = Probe {
            index: super::probe::IndexId { facet: None, spread: Spread::Namespace },
            within: None,
            spaces: self.inventory.namespacing(),
            here: self.subject,
            seek: Seek::References(&references),
            effort: &effort,
        };
        self.inventory.find(topic, &probe)
    }
}
