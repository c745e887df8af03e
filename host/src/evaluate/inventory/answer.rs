//! What a rule is told of other documents.

use crate::document::{Subject, write_json_string};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, OnceLock};

/// One document of an answer. They are told in the order of their subjects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelatedDocument {
    /// Who it is.
    pub subject: Arc<Subject>,
    /// It, projected, as JSON.
    pub projection: Box<str>,
}

impl RelatedDocument {
    fn write(&self, out: &mut String) {
        out.push_str("{\"subject\":{");
        let subject = &self.subject;
        let fields = [
            ("group", &subject.group),
            ("version", &subject.version),
            ("kind", &subject.kind),
            ("namespace", &subject.namespace),
            ("name", &subject.name),
        ];
        for (index, (key, value)) in fields.into_iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_json_string(key, out);
            out.push(':');
            write_json_string(value, out);
        }
        out.push_str("},\"document\":");
        out.push_str(&self.projection);
        out.push('}');
    }
}

/// The answer to a query. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Answer(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    documents: Vec<Arc<RelatedDocument>>,
    digest: [u8; 32],
    /// Written when a rule is told, which a verdict that is remembered under the digest spares.
    text: OnceLock<Box<str>>,
}

impl Answer {
    /// The answer that consists of some documents. Their order does not matter.
    pub fn new(mut documents: Vec<Arc<RelatedDocument>>) -> Self {
        documents.sort();
        let text = write(&documents);
        let digest = Sha256::digest(text.as_bytes()).into();
        Self(Arc::new(Parts { documents, digest, text: OnceLock::from(text) }))
    }

    /// The documents.
    pub fn documents(&self) -> &[Arc<RelatedDocument>] {
        &self.0.documents
    }

    /// Names what the answer says: equal digests, equal answers. It is worked out once. Equal answers have equal
    /// digests when they came about in the same way.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }

    /// The JSON array that a rule gets.
    pub fn json(&self) -> &str {
        self.0.text.get_or_init(|| write(&self.0.documents))
    }

    /// The answer in which one object, whatever version it is written in, is as it is `now`: `None` when
    /// the answer has no part for it. The digest is derived, so that nothing is written before it is told.
    pub(super) fn with(&self, object: &Subject, now: Option<&Arc<RelatedDocument>>) -> Self {
        let identity = |of: &Subject| (&of.group, &of.kind, &of.namespace, &of.name) == key(object);
        let mut known = self.documents().iter().filter(|known| identity(&known.subject));
        let unchanged = match (known.next(), now) {
            (None, None) => true,
            (Some(known), Some(now)) => known == now,
            _ => false,
        };
        if unchanged && known.next().is_none() {
            return self.clone();
        }
        let others = self.documents().iter().filter(|known| !identity(&known.subject));
        let mut documents: Vec<_> = others.cloned().collect();
        let mut digest = Sha256::new();
        digest.update(b"answer with one document replaced\0");
        digest.update(self.digest());
        for part in <[&String; 4]>::from(key(object)) {
            update_framed(&mut digest, part);
        }
        if let Some(now) = now {
            let at = documents.partition_point(|other| other < now);
            update_framed(&mut digest, &now.subject.version);
            update_framed(&mut digest, &now.projection);
            documents.insert(at, Arc::clone(now));
        }
        Self(Arc::new(Parts { documents, digest: digest.finalize().into(), text: OnceLock::new() }))
    }
}

/// What tells one object from another.
fn key(subject: &Subject) -> (&String, &String, &String, &String) {
    (&subject.group, &subject.kind, &subject.namespace, &subject.name)
}

fn update_framed(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
}

fn write(documents: &[Arc<RelatedDocument>]) -> Box<str> {
    let mut out = String::from("[");
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        document.write(&mut out);
    }
    out.push(']');
    out.into()
}

/// Everything that one rule is told of other documents.
#[derive(Debug, Clone, Default)]
pub struct Told<'q> {
    answers: Vec<(&'q str, Answer)>,
}

impl<'q> Told<'q> {
    /// Some answers by the names of their queries.
    pub(in crate::evaluate) fn new(answers: Vec<(&'q str, Answer)>) -> Self {
        Self { answers }
    }

    /// Names what is told: what a verdict can be remembered under. Costs nothing to speak of, however
    /// much is told.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for (name, answer) in &self.answers {
            update_framed(&mut digest, name);
            digest.update(answer.digest());
        }
        digest.finalize().into()
    }

    /// All of it as one JSON object, by the names of the queries.
    pub fn json(&self) -> String {
        let mut out = String::from("{");
        for (index, (name, answer)) in self.answers.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_json_string(name, &mut out);
            out.push(':');
            out.push_str(answer.json());
        }
        out.push('}');
        out
    }

    /// The answers, in the order of the rule's queries.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().map(|(_, answer)| answer)
    }
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);
