//! The inventory of a run: its own documents.

use super::{Answer, Inventory, RelatedDocument, Unavailable};
use crate::document::Subject;
use crate::manifest::Scope;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What one document contributes to one query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Index of the query among the bundle's distinct ones.
    pub query: u16,
    /// Who the document is.
    pub subject: Subject,
    /// Its projection.
    pub projection: String,
}

/// Answers queries from the documents of a run, and is never short of an answer.
#[derive(Default)]
pub struct Collected {
    documents: HashMap<u16, Vec<Arc<RelatedDocument>>>,
    answers: Mutex<HashMap<Question, Answer>>,
}

/// A query, and the namespace that it is limited to.
type Question = (u16, Option<String>);

impl Collected {
    /// An inventory of some cards. Their order does not matter.
    pub fn new(cards: impl IntoIterator<Item = Card>) -> Self {
        let mut documents: HashMap<u16, Vec<Arc<RelatedDocument>>> = HashMap::new();
        for Card { query, subject, projection } in cards {
            let document = RelatedDocument { subject: Arc::new(subject), projection: projection.into() };
            documents.entry(query).or_default().push(Arc::new(document));
        }
        Self { documents, answers: Mutex::default() }
    }

    fn build(&self, query: u16, namespace: Option<&str>) -> Answer {
        let documents = self.documents.get(&query).map_or(&[][..], Vec::as_slice);
        let asked = |subject: &Subject| namespace.is_none_or(|wanted| subject.namespace == wanted);
        Answer::new(documents.iter().filter(|document| asked(&document.subject)).cloned().collect())
    }
}

impl Inventory for Collected {
    /// An answer is the same for every subject of a namespace and is built once.
    fn answer(&self, query: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable> {
        let key = (query, (scope == Scope::Namespace).then(|| namespace.to_owned()));
        if let Some(answer) = self.answers.lock().ok().and_then(|answers| answers.get(&key).cloned()) {
            return Ok(answer);
        }
        let answer = self.build(query, key.1.as_deref());
        if let Ok(mut answers) = self.answers.lock() {
            answers.insert(key, answer.clone());
        }
        Ok(answer)
    }
}
