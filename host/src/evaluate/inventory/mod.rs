//! The inventory: the documents of a run that other documents' rules ask for.
//!
//! Each document leaves one [`Card`] per query that it answers, already projected, so that answering
//! needs no document again. An answer is the same for every subject of a namespace and is built once.

use crate::document::{Document, Subject, write_json_string};
use crate::manifest::{Query, Scope, Target};
use crate::project::Projection;
use crate::workload::WorkloadKinds;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

/// What one document contributes to one query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Card {
    /// Index of the query among the bundle's distinct queries.
    pub query: u16,
    /// Who the document is.
    pub subject: Subject,
    /// Its projection.
    pub projection: String,
}

/// A bundle's distinct queries.
pub(super) struct Queries(Vec<(Vec<Target>, Projection, Query)>);

impl Queries {
    /// Collects the distinct queries of some rules, and for each rule the indices of its own.
    pub(super) fn collect<'q>(rules: impl Iterator<Item = &'q [Query]>) -> (Self, Vec<Vec<u16>>) {
        let mut queries: Vec<(Vec<Target>, Projection, Query)> = Vec::new();
        let of_rules = rules
            .map(|of_rule| {
                let index = |query: &Query| {
                    let same = |known: &(Vec<Target>, Projection, Query)| {
                        known.2.kinds == query.kinds && known.2.reads == query.reads
                    };
                    let at = queries.iter().position(same).unwrap_or_else(|| {
                        queries.push((query.kinds.clone(), Projection::new(&query.reads), query.clone()));
                        queries.len() - 1
                    });
                    at as u16
                };
                of_rule.iter().map(index).collect()
            })
            .collect();
        (Self(queries), of_rules)
    }

    /// What a document contributes.
    pub(super) fn cards(&self, document: &Document, workloads: &WorkloadKinds) -> Vec<Card> {
        let asked = |targets: &[Target]| targets.iter().any(|target| workloads.matches(target, document));
        self.0
            .iter()
            .enumerate()
            .filter(|(_, (targets, ..))| asked(targets))
            .map(|(index, (_, projection, _))| Card {
                query: index as u16,
                subject: document.subject.clone(),
                projection: projection.apply(document, &workloads.shape(document)),
            })
            .collect()
    }
}

/// Answers queries from the documents of a run.
#[derive(Default)]
pub struct Inventory {
    cards: HashMap<u16, Vec<Card>>,
    answers: Mutex<HashMap<Question, Arc<str>>>,
}

/// A query, and the namespace that it is limited to.
type Question = (u16, Option<String>);

impl Inventory {
    /// An inventory of some cards. Their order does not matter.
    pub fn new(cards: impl IntoIterator<Item = Card>) -> Self {
        let mut by_query: HashMap<u16, Vec<Card>> = HashMap::new();
        for card in cards {
            by_query.entry(card.query).or_default().push(card);
        }
        for cards in by_query.values_mut() {
            cards.sort();
        }
        Self { cards: by_query, answers: Mutex::default() }
    }

    /// The answer to a query, as the JSON array that a rule gets.
    pub fn answer(&self, query: u16, scope: Scope, namespace: &str) -> Arc<str> {
        let namespace = (scope == Scope::Namespace).then(|| namespace.to_owned());
        let key = (query, namespace);
        let known = |answers: &HashMap<_, Arc<str>>| answers.get(&key).cloned();
        if let Some(answer) = self.answers.lock().ok().and_then(|answers| known(&answers)) {
            return answer;
        }
        let answer: Arc<str> = self.build(query, key.1.as_deref()).into();
        if let Ok(mut answers) = self.answers.lock() {
            answers.insert(key, Arc::clone(&answer));
        }
        answer
    }

    fn build(&self, query: u16, namespace: Option<&str>) -> String {
        let mut out = String::from("[");
        let cards = self.cards.get(&query).map_or(&[][..], Vec::as_slice);
        for card in cards.iter().filter(|card| namespace.is_none_or(|wanted| card.subject.namespace == wanted)) {
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str("{\"subject\":{");
            let subject = &card.subject;
            let fields = [
                ("group", &subject.group),
                ("version", &subject.version),
                ("kind", &subject.kind),
                ("namespace", &subject.namespace),
                ("name", &subject.name),
            ];
            for (index, (key, value)) in fields.into_iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                // Writing to a String cannot fail.
                let _ = write!(out, "{comma}\"{key}\":");
                write_json_string(value, &mut out);
            }
            out.push_str("},\"document\":");
            out.push_str(&card.projection);
            out.push('}');
        }
        out.push(']');
        out
    }
}
