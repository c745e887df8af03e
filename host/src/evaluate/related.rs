//! Labels of findings that point into other documents: what triggered a finding, or nearly met it.

use super::inventory::{Origin, Told};
use super::judge::place;
use super::verdict::{Outcome, Place};
use crate::document::{Document, Pointer, Subject};
use crate::engine::bindings::exports::policy::rule::rules::RelatedDocument;
use crate::workload::WorkloadKinds;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A place in another document that helps to understand a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelatedLabel {
    /// What to read there.
    pub text: String,
    /// Who the document is.
    pub subject: Subject,
    /// Which answer of its rule's queries it is in, and where in that.
    answer: (u32, u32),
    /// JSON pointer into it as the rule was told of it.
    path: String,
    /// Where the document is from; of this run, so it is not remembered.
    #[serde(skip)]
    origin: Option<Origin>,
    #[serde(skip)]
    place: Option<Place>,
}

impl RelatedLabel {
    /// Leads a label of a rule's answer to the document that it points into.
    ///
    /// # Errors
    /// When there is no such document, or it is no pointer.
    pub(super) fn new(told: &Told<'_>, at: RelatedDocument, path: String, text: String) -> Result<Self, String> {
        let RelatedDocument { query, document } = at;
        Pointer::parse(&path).map_err(|error| error.to_string())?;
        let Some((_, answer)) = told.answers().get(query as usize) else {
            return Err(format!("a label points into the answer {query}, and the rule got {}", told.answers().len()));
        };
        let Some(related) = answer.documents().get(document as usize) else {
            let there = answer.documents().len();
            return Err(format!("a label points into the document {document} of an answer of {there}"));
        };
        let (subject, origin) = (related.subject().clone(), related.origin());
        Ok(Self { text, subject, answer: (query, document), path, origin, place: None })
    }

    /// One at a place of a unit of this run, which no rule was told of.
    pub(super) fn at(unit: usize, place: Place, text: String, subject: Subject) -> Self {
        let origin = Some(Origin { unit: unit as u32, document: 0 });
        Self { text, subject, answer: (0, 0), path: String::new(), origin, place: Some(place) }
    }

    /// Where it is, in a run over files: the index of the unit, and the place there.
    pub fn place(&self) -> Option<(usize, Place)> {
        Some((self.origin?.unit as usize, self.place?))
    }

    /// Leaves only who the document is: where it is, nobody could look at.
    pub fn forget_place(&mut self) {
        (self.origin, self.place) = (None, None);
    }

    /// Bytes of its texts.
    pub fn bytes(&self) -> usize {
        let Subject { namespace, name, kind, .. } = &self.subject;
        self.text.len() + self.path.len() + namespace.len() + name.len() + kind.len()
    }
}

fn labels(outcome: &Outcome) -> impl Iterator<Item = &RelatedLabel> {
    outcome.findings().iter().flat_map(|finding| &finding.related)
}

fn labels_mut(outcome: &mut Outcome) -> impl Iterator<Item = &mut RelatedLabel> {
    outcome.findings_mut().iter_mut().flat_map(|finding| &mut finding.related)
}

/// Says of a remembered outcome from where in this run the documents are that it points into. The rule would be told
/// the same as then.
pub(super) fn refresh(outcome: &mut Outcome, told: &Told<'_>) {
    for label in labels_mut(outcome) {
        let (query, document) = label.answer;
        let answer = told.answers().get(query as usize).map(|(_, answer)| answer);
        let related = answer.and_then(|answer| answer.documents().get(document as usize));
        label.origin = related.and_then(|related| related.origin());
    }
}

/// What is looked for in a unit: by the position of the document, and the path in it.
pub(super) type Wanted = HashMap<(u32, String), Option<Place>>;

/// The places of labels, to be looked up by the unit that they are in.
#[derive(Default)]
pub(super) struct Places(BTreeMap<u32, Wanted>);

impl Places {
    /// The places that some outcomes ask for.
    pub(super) fn of<'o>(outcomes: impl Iterator<Item = &'o Outcome>) -> Self {
        let mut places = Self::default();
        for label in outcomes.flat_map(labels) {
            if let Some(Origin { unit, document }) = label.origin {
                places.0.entry(unit).or_default().insert((document, label.path.clone()), None);
            }
        }
        places
    }

    /// The units in which they are, each with what is looked for.
    pub(super) fn by_unit(&mut self) -> Vec<(usize, &mut Wanted)> {
        self.0.iter_mut().map(|(unit, places)| (*unit as usize, places)).collect()
    }

    /// Gives labels their places.
    pub(super) fn put(&self, outcome: &mut Outcome) {
        for label in labels_mut(outcome) {
            let Some(Origin { unit, document }) = label.origin else { continue };
            let found = self.0.get(&unit).and_then(|places| places.get(&(document, label.path.clone())));
            label.place = found.copied().flatten();
        }
    }
}

/// Where a path leads in a document, as rules are told of it. One that leads nowhere is the nearest place on its way.
pub(super) fn find(workloads: &WorkloadKinds, document: &Document, path: &str) -> Place {
    let pointer = Pointer::parse(path).ok();
    let absolute = pointer.and_then(|pointer| workloads.shape(document).resolve(&pointer));
    place(document, &absolute.unwrap_or_else(Pointer::root))
}
