//! What a rule is told of other documents.

use super::Card;
use super::facet::Keys;
use crate::digest::Hasher;
use crate::document::{Subject, write_json_string};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

/// Where a document of a run is from: its unit, and its position in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::evaluate) struct Origin {
    /// Index of the unit.
    pub(in crate::evaluate) unit: u32,
    /// Position among what the unit holds.
    pub(in crate::evaluate) document: u32,
}

/// Why a document that a kustomization builds may be another one than is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::evaluate) struct Doubt {
    why: Arc<str>,
    /// Its projection and keys with something else in the place of what is not known; `None` where that may be anything.
    altered: Option<(Box<str>, Box<[Keys]>)>,
}

impl Doubt {
    /// Of a document, which leaves another card with something else in the place of what is not known.
    pub(in crate::evaluate) fn new(why: &Arc<str>, altered: Option<Card>) -> Self {
        let altered = altered.map(|card| (card.projection.into(), card.keys.into()));
        Self { why: Arc::clone(why), altered }
    }

    /// The facets by which others may find it or not; `None` for all.
    pub(super) fn facets(&self, keys: &[Keys]) -> Option<Vec<u16>> {
        let (_, altered) = self.altered.as_ref()?;
        let differs = |at: &usize| keys.get(*at) != altered.get(*at);
        Some((0..keys.len().max(altered.len())).filter(differs).map(|at| at as u16).collect())
    }
}

/// A document as the queries of a topic see it. They are told in the order of their subjects. Those that say the same
/// are equal, wherever they are from.
#[derive(Debug, Clone)]
pub struct RelatedDocument {
    pub(super) subject: Arc<Subject>,
    /// It, projected, as JSON.
    projection: Box<str>,
    /// What it has of each facet of its topic.
    keys: Box<[Keys]>,
    /// Names what is told of it.
    digest: [u8; 32],
    /// Where it is from, in a run over files.
    origin: Option<Origin>,
    /// The build that made it as it is, where a kustomization did.
    build: Option<u32>,
    /// Why it may be another one.
    doubt: Option<Arc<Doubt>>,
}

impl PartialEq for RelatedDocument {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for RelatedDocument {}

impl PartialOrd for RelatedDocument {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RelatedDocument {
    fn cmp(&self, other: &Self) -> Ordering {
        let why = |of: &Self| of.doubt.as_ref().map(|doubt| Arc::clone(&doubt.why));
        (&self.subject, &self.projection, &self.keys)
            .cmp(&(&other.subject, &other.projection, &other.keys))
            .then_with(|| why(self).cmp(&why(other)))
    }
}

impl RelatedDocument {
    /// Who a document is, how it is shown, and what it has of each facet of its topic.
    pub fn new(subject: Arc<Subject>, projection: String, keys: Vec<Keys>) -> Self {
        let mut hasher = Hasher::default();
        for part in [&subject.group, &subject.version, &subject.kind, &subject.namespace, &subject.name, &projection] {
            hasher.part(part);
        }
        let digest = hasher.finish().bytes();
        Self {
            subject,
            projection: projection.into(),
            keys: keys.into(),
            digest,
            origin: None,
            build: None,
            doubt: None,
        }
    }

    /// The same document, from a place in a run.
    pub(super) fn from(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// The same document, as a build of a run made it.
    pub(super) fn built_by(self, build: Option<usize>) -> Self {
        Self { build: build.map(|build| build as u32), ..self }
    }

    /// The same document, which may be another one.
    pub(super) fn doubted(mut self, doubt: Option<Doubt>) -> Self {
        if let Some(doubt) = &doubt {
            let mut hasher = Hasher::default();
            hasher.update(self.digest);
            hasher.part(&*doubt.why);
            self.digest = hasher.finish().bytes();
        }
        Self { doubt: doubt.map(Arc::new), ..self }
    }

    /// Why it may be another one.
    pub(super) fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_deref()
    }

    /// Why it may be another one, as people read it.
    pub(super) fn why(&self) -> Option<String> {
        let why = &self.doubt()?.why;
        Some(format!("not all of the {} is known: {why}", self.subject))
    }

    /// It with something else in the place of what is not known; empty where it may not even be found.
    fn altered(&self) -> Self {
        let same_keys = |altered: &&(Box<str>, Box<[Keys]>)| altered.1 == self.keys;
        let altered = self.doubt.as_ref().and_then(|doubt| doubt.altered.as_ref().filter(same_keys));
        let projection = match (&self.doubt, altered) {
            (None, _) => self.projection.to_string(),
            (Some(_), Some((projection, _))) => projection.to_string(),
            (Some(_), None) => "{}".to_owned(),
        };
        let (origin, build) = (self.origin, self.build);
        Self { origin, build, ..Self::new(Arc::clone(&self.subject), projection, self.keys.to_vec()) }
    }

    /// The build that made it as it is.
    pub(super) fn build(&self) -> Option<usize> {
        self.build.map(|build| build as usize)
    }

    /// Who it is.
    pub(in crate::evaluate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Where it is from, in a run over files.
    pub(in crate::evaluate) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// Bytes that it takes, its subject's texts included.
    pub fn bytes(&self) -> usize {
        let keys = self.keys.iter().map(|keys| size_of::<Keys>() + keys.bytes()).sum::<usize>();
        self.projection.len() + self.subject.namespace.len() + self.subject.name.len() + keys
    }

    pub(super) fn keys(&self) -> &[Keys] {
        &self.keys
    }

    /// Bytes of it in an answer, roughly.
    fn told_bytes(&self) -> usize {
        const AROUND: usize = 96;
        self.projection.len() + self.subject.namespace.len() + self.subject.name.len() + AROUND
    }

    fn write(&self, way: &Way, out: &mut String) {
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
        let comma = |index: usize| if index > 0 { "," } else { "" };
        if !way.via.is_empty() {
            out.push_str(",\"via\":[");
            for (index, via) in way.via.iter().enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}{via}", comma(index));
            }
            out.push(']');
        }
        if !way.images.is_empty() {
            out.push_str(",\"images\":[");
            for (index, image) in way.images.iter().enumerate() {
                out.push_str(comma(index));
                write_json_string(image, out);
            }
            out.push(']');
        }
        out.push('}');
    }

    /// Whether it is the same object, in whatever version.
    pub(super) fn is(&self, object: &Subject) -> bool {
        let identity = |of: &Subject| (&of.group, &of.kind, &of.namespace, &of.name) == key(object);
        identity(&self.subject)
    }
}

/// The answer to a query. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Answer(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    documents: Vec<Arc<RelatedDocument>>,
    /// For each document, how it came to be told; empty where nothing is to be said of that.
    ways: Vec<Way>,
    /// Why there may be more documents.
    open: Option<Box<str>>,
    digest: [u8; 32],
    bytes: usize,
    /// Written when a rule is told, which a verdict that is remembered under the digest spares.
    text: OnceLock<Box<str>>,
}

/// How a document came to be in an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// By which documents of the answer before, by their positions in it.
    pub via: Vec<u32>,
    /// For which references of images.
    pub images: Vec<Box<str>>,
}

impl Answer {
    /// The answer that consists of some documents. Their order does not matter.
    pub fn new(mut documents: Vec<Arc<RelatedDocument>>) -> Self {
        documents.sort();
        Self::of(documents, Vec::new())
    }

    /// The answer that consists of some documents in their order, each with how it came to be there.
    pub(super) fn by_way(documents: impl IntoIterator<Item = (Arc<RelatedDocument>, Way)>) -> Self {
        let (documents, ways) = documents.into_iter().unzip();
        Self::of(documents, ways)
    }

    fn of(documents: Vec<Arc<RelatedDocument>>, ways: Vec<Way>) -> Self {
        let none = Way::default();
        let mut hasher = Hasher::default();
        for (index, document) in documents.iter().enumerate() {
            hasher.update(document.digest);
            let way = ways.get(index).unwrap_or(&none);
            hasher.update((way.via.len() as u64).to_le_bytes());
            way.via.iter().for_each(|position| hasher.update(position.to_le_bytes()));
            hasher.update((way.images.len() as u64).to_le_bytes());
            way.images.iter().for_each(|image| hasher.part(image.as_bytes()));
        }
        let of_ways = ways.iter().flat_map(|way| &way.images).map(|image| image.len()).sum::<usize>();
        let bytes = documents.iter().map(|document| document.told_bytes()).sum::<usize>() + of_ways;
        Self(Arc::new(Parts {
            documents,
            ways,
            open: None,
            digest: hasher.finish().bytes(),
            bytes,
            text: OnceLock::new(),
        }))
    }

    /// The same answer, to which there may be more.
    pub(super) fn left_open(self, why: Option<String>) -> Self {
        let Some(why) = why else { return self };
        let mut hasher = Hasher::default();
        hasher.update(self.digest());
        hasher.part(&why);
        let Parts { documents, ways, bytes, .. } = &*self.0;
        let (documents, ways, digest) = (documents.clone(), ways.clone(), hasher.finish().bytes());
        Self(Arc::new(Parts { documents, ways, open: Some(why.into()), digest, bytes: *bytes, text: OnceLock::new() }))
    }

    /// Why there may be more documents than these.
    fn open(&self) -> Option<&str> {
        self.0.open.as_deref()
    }

    /// Why it may be another one.
    fn doubt(&self) -> Option<String> {
        let of_documents = self.documents().iter().find_map(|document| document.why());
        of_documents.or_else(|| self.open().map(str::to_owned))
    }

    /// The answer with something else in the place of what is not known.
    fn altered(&self) -> Self {
        match self.documents().iter().any(|document| document.doubt.is_some()) {
            true => {
                let altered = self.documents().iter().map(|document| Arc::new(document.altered()));
                Self::of(altered.collect(), self.ways().to_vec())
            }
            false => self.clone(),
        }
    }

    /// The documents.
    pub fn documents(&self) -> &[Arc<RelatedDocument>] {
        &self.0.documents
    }

    /// How each document came to be in it. Empty where the query is via none and looks for no images.
    pub fn ways(&self) -> &[Way] {
        &self.0.ways
    }

    /// Bytes of it as JSON, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// Names what the answer says: equal digests, equal answers. It is worked out once.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }

    /// The JSON array that a rule gets.
    pub fn json(&self) -> &str {
        self.0.text.get_or_init(|| self.write())
    }

    fn write(&self) -> Box<str> {
        let none = Way::default();
        let mut out = String::with_capacity(2 + self.0.bytes);
        out.push('[');
        for (index, document) in self.0.documents.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            document.write(self.0.ways.get(index).unwrap_or(&none), &mut out);
        }
        out.push(']');
        out.into()
    }

    /// The answer in which one object, whatever version it is written in, is as it is `now`: `None` when
    /// the answer has no part for it.
    pub(super) fn with(&self, object: &Subject, now: Option<&Arc<RelatedDocument>>) -> Self {
        let mut known = self.documents().iter().filter(|known| known.is(object));
        let unchanged = match (known.next(), now) {
            (None, None) => true,
            (Some(known), Some(now)) => known == now,
            _ => false,
        };
        if unchanged && known.next().is_none() {
            return self.clone();
        }
        let others = self.documents().iter().filter(|known| !known.is(object)).cloned();
        Self::new(others.chain(now.cloned()).collect())
    }
}

/// What tells one object from another.
fn key(subject: &Subject) -> (&String, &String, &String, &String) {
    (&subject.group, &subject.kind, &subject.namespace, &subject.name)
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
        let mut hasher = Hasher::default();
        for (name, answer) in &self.answers {
            hasher.part(name);
            hasher.update(answer.digest());
        }
        hasher.finish().bytes()
    }

    /// Why something of it may be otherwise.
    pub(in crate::evaluate) fn doubt(&self) -> Option<String> {
        self.answers.iter().find_map(|(_, answer)| answer.doubt())
    }

    /// Why there may be more in the answer to a query.
    pub(in crate::evaluate) fn open(&self, query: &str) -> Option<&str> {
        self.answers.iter().find(|(name, _)| *name == query)?.1.open()
    }

    /// The same with something else in the place of what is not known.
    pub(in crate::evaluate) fn altered(&self) -> Self {
        Self { answers: self.answers.iter().map(|(name, answer)| (*name, answer.altered())).collect() }
    }

    /// The answers by the names of their queries, in the order of the rule's queries.
    pub fn answers(&self) -> &[(&'q str, Answer)] {
        &self.answers
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
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);
