//! The inventory of a run: its own documents.

use super::index::{Index, matching};
use super::probe::{IndexId, Probe};
use super::{Answer, Inventory, Keys, RelatedDocument, Unavailable};
use crate::document::Subject;
use crate::manifest::Scope;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

/// What one document contributes to one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Position of the document in its unit.
    pub document: u32,
    /// Index of the topic among the bundle's.
    pub topic: u16,
    /// Who the document is.
    pub subject: Subject,
    /// Its projection.
    pub projection: String,
    /// What it has of each facet of the topic.
    pub keys: Vec<Keys>,
}

/// Answers queries from the documents of a run, and is never short of an answer.
#[derive(Default)]
pub struct Collected {
    documents: HashMap<u16, Vec<Arc<RelatedDocument>>>,
    answers: Mutex<HashMap<Question, Answer>>,
    /// Made when they are first asked for.
    indexes: Mutex<HashMap<(u16, IndexId), OnceMade>>,
}

/// An index that whoever asks first makes, while others wait for it alone.
type OnceMade = Arc<OnceLock<Index>>;

/// A topic, and the namespace that a query is limited to.
type Question = (u16, Option<String>);

impl Collected {
    /// An inventory of some cards. Their order does not matter.
    pub fn new(cards: impl IntoIterator<Item = Card>) -> Self {
        let mut collected = Self::default();
        for Card { topic, subject, projection, keys, .. } in cards {
            collected.add(topic, Arc::new(RelatedDocument::new(Arc::new(subject), projection, keys)));
        }
        collected
    }

    /// Adds a document of a topic, before anything is asked.
    pub(super) fn add(&mut self, topic: u16, document: Arc<RelatedDocument>) {
        self.documents.entry(topic).or_default().push(document);
    }

    /// All documents of a topic.
    pub(super) fn of_topic(&self, topic: u16) -> &[Arc<RelatedDocument>] {
        self.documents.get(&topic).map_or(&[], Vec::as_slice)
    }

    fn build(&self, topic: u16, namespace: Option<&str>) -> Answer {
        let asked = |subject: &Subject| namespace.is_none_or(|wanted| subject.namespace == wanted);
        Answer::new(self.of_topic(topic).iter().filter(|document| asked(&document.subject)).cloned().collect())
    }

    fn candidates(&self, topic: u16, probe: &Probe<'_>) -> Vec<u32> {
        let make = || {
            let mut index = Index::new(probe.index);
            for (number, document) in self.of_topic(topic).iter().enumerate() {
                index.insert(number as u32, document);
            }
            index
        };
        let index = match self.indexes.lock() {
            Ok(mut indexes) => Arc::clone(indexes.entry((topic, probe.index)).or_default()),
            Err(_) => Arc::default(),
        };
        index.get_or_init(make).candidates(probe)
    }
}

impl Inventory for Collected {
    /// An answer is the same for every subject of a namespace and is built once.
    fn answer(&self, topic: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable> {
        let key = (topic, (scope == Scope::Namespace).then(|| namespace.to_owned()));
        if let Some(answer) = self.answers.lock().ok().and_then(|answers| answers.get(&key).cloned()) {
            return Ok(answer);
        }
        let answer = self.build(topic, key.1.as_deref());
        if let Ok(mut answers) = self.answers.lock() {
            answers.insert(key, answer.clone());
        }
        Ok(answer)
    }

    fn find(&self, topic: u16, probe: &Probe<'_>) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        let documents = self.of_topic(topic);
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let candidates = self.candidates(topic, probe);
        matching(candidates.into_iter().filter_map(|number| documents.get(number as usize)), probe)
    }
}
