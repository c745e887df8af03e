//! The inventory of a run: its documents, by the sets that they belong to.

use super::answer::Origin;
use super::collected::{Card, Collected};
use super::namespacing::Namespacing;
use super::{Answer, Inventory, Probe, RelatedDocument, Unavailable};
use crate::document::Document;
use crate::manifest::Scope;
use crate::sets::{Part, Sets};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The documents of a run. Each branch has its own, with indexes of their own; one in which others lie has all of
/// theirs too. Who asks looks at the few parts that make up its set.
pub(in crate::evaluate) struct Divided<'s> {
    sets: &'s Sets,
    own: Vec<Collected>,
    whole: Vec<Collected>,
    answers: Mutex<HashMap<Question, Answer>>,
}

/// A set, a topic, and the namespace that a query is limited to.
type Question = (Vec<Part>, u16, Option<String>);

impl<'s> Divided<'s> {
    /// Takes up the cards of a run, each with the index of its unit, in the order of the units.
    pub(in crate::evaluate) fn new(sets: &'s Sets, cards: impl IntoIterator<Item = (usize, Card)>) -> Self {
        let empty = || (0..sets.branches()).map(|_| Collected::default()).collect::<Vec<_>>();
        let (mut own, mut whole) = (empty(), empty());
        for (unit, card) in cards {
            let Card { document, topic, subject, projection, keys } = card;
            let is_file = subject.group == Document::FILE_GROUP;
            let origin = Origin { unit: unit as u32, document };
            let related = RelatedDocument::new(Arc::new(subject), projection, keys).from(origin);
            let related = Arc::new(related);
            for branch in sets.branches_of(unit, is_file) {
                own[*branch].add(topic, Arc::clone(&related));
                for holder in sets.holders(*branch) {
                    whole[holder].add(topic, Arc::clone(&related));
                }
            }
        }
        Self { sets, own, whole, answers: Mutex::default() }
    }

    /// What a document of a unit is told from.
    pub(in crate::evaluate) fn view(&self, unit: usize, is_file: bool) -> View<'_> {
        let parts = self.sets.parts(unit, is_file);
        let spaces = if self.sets.default_is_none(&parts) { Namespacing::DefaultIsNone } else { Namespacing::Written };
        View { divided: self, parts, spaces }
    }
}

/// The documents of one set.
pub(in crate::evaluate) struct View<'d> {
    divided: &'d Divided<'d>,
    parts: Vec<Part>,
    spaces: Namespacing,
}

impl View<'_> {
    fn collected(&self) -> impl Iterator<Item = &Collected> {
        let of =
            |part: &Part| if part.whole { &self.divided.whole[part.branch] } else { &self.divided.own[part.branch] };
        self.parts.iter().map(of)
    }

    /// Documents of several parts in their order. One that the configuration puts into several sets is there once.
    fn in_order(mut documents: Vec<Arc<RelatedDocument>>) -> Vec<Arc<RelatedDocument>> {
        documents.sort_by(|one, other| one.cmp(other).then_with(|| one.origin().cmp(&other.origin())));
        documents.dedup_by(|one, other| one.origin() == other.origin());
        documents
    }
}

impl Inventory for View<'_> {
    /// An answer is the same for every subject of a set and namespace, and is built once.
    fn answer(&self, topic: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable> {
        let namespace = self.spaces.named(namespace);
        let within = (scope == Scope::Namespace).then_some(namespace);
        let key = (self.parts.clone(), topic, within.map(str::to_owned));
        if let Some(answer) = self.divided.answers.lock().ok().and_then(|answers| answers.get(&key).cloned()) {
            return Ok(answer);
        }
        let asked = |document: &&Arc<RelatedDocument>| {
            within.is_none_or(|within| self.spaces.are_same(within, &document.subject().namespace))
        };
        let documents = self.collected().flat_map(|part| part.of_topic(topic)).filter(asked).cloned();
        let answer = Answer::new(Self::in_order(documents.collect()));
        if let Ok(mut answers) = self.divided.answers.lock() {
            answers.insert(key, answer.clone());
        }
        Ok(answer)
    }

    fn find(&self, topic: u16, probe: &Probe<'_>) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        let mut found = Vec::new();
        for part in self.collected() {
            found.append(&mut part.find(topic, probe)?);
        }
        Ok(Self::in_order(found))
    }

    fn namespacing(&self) -> Namespacing {
        self.spaces
    }
}
