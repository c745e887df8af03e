//! Finds the documents of a topic that may match a question, without looking at the others.
//!
//! Documents are posted under hashes of what a question can know: labels, names, values. A selector is posted under
//! the pair that it demands and that the fewest other selectors demand, since a label that a whole namespace shares
//! tells nobody apart. What is found is only a candidate: whoever asks looks at it, so a hash that two keys share
//! costs time and changes nothing.

use super::facet::{Keys, Namespaces, Scoped};
use super::namespacing::DEFAULT;
use super::probe::{IndexId, Probe, Seek, Spread};
use super::selector::{Demand, Labels, Selector};
use super::{RelatedDocument, Unavailable};
use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Bytes that one document takes under one hash, what is remembered for taking it out again included.
pub(crate) const POSTING_BYTES: usize = 64;

/// One index over documents that somebody else numbers.
pub(crate) struct Index {
    id: IndexId,
    hasher: RandomState,
    postings: HashMap<u64, Posting, BuildHasherDefault<Hashed>>,
    /// By document: the hashes that it is under, and those of all pairs that its selectors demand.
    posted: HashMap<u32, Posted>,
    /// How many selectors demand a pair.
    demanded: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
}

#[derive(Default)]
struct Posted {
    hashes: Box<[u64]>,
    demands: Box<[u64]>,
}

/// The documents under one hash.
enum Posting {
    One(u32),
    Many(BTreeSet<u32>),
}

impl Posting {
    fn len(&self) -> usize {
        match self {
            Posting::One(_) => 1,
            Posting::Many(documents) => documents.len(),
        }
    }
}

/// Hashes that need not be hashed again.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// What a hash stands for.
#[derive(Hash)]
enum Key<'k> {
    Pair(&'k str, &'k str),
    Label(&'k str),
    Name(&'k str),
    Value(&'k str),
    /// All that has no more telling key.
    Rest,
}

/// The namespace that a key holds in; `None` for all.
type Place<'k> = Option<&'k str>;

impl Index {
    /// An empty one.
    pub(crate) fn new(id: IndexId) -> Self {
        let (postings, posted, demanded) = Default::default();
        Self { id, hasher: RandomState::new(), postings, posted, demanded }
    }

    /// Whether nothing is left of any document.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.postings.is_empty() && self.posted.is_empty() && self.demanded.is_empty()
    }

    /// Which it is.
    pub(crate) fn id(&self) -> IndexId {
        self.id
    }

    /// Puts a document in under its number; gives how many times [`POSTING_BYTES`] that takes.
    pub(crate) fn insert(&mut self, number: u32, document: &RelatedDocument) -> usize {
        let posted = self.post(document);
        for hash in &posted.hashes {
            match self.postings.entry(*hash) {
                Entry::Vacant(entry) => {
                    entry.insert(Posting::One(number));
                }
                Entry::Occupied(mut entry) => match entry.get_mut() {
                    Posting::One(other) if *other == number => {}
                    Posting::One(other) => {
                        let both = BTreeSet::from([*other, number]);
                        entry.insert(Posting::Many(both));
                    }
                    Posting::Many(documents) => {
                        documents.insert(number);
                    }
                },
            }
        }
        for demand in &posted.demands {
            *self.demanded.entry(*demand).or_default() += 1;
        }
        let postings = 1 + posted.hashes.len() + posted.demands.len();
        self.posted.insert(number, posted);
        postings
    }

    /// Takes a document out.
    pub(crate) fn remove(&mut self, number: u32) {
        let Some(posted) = self.posted.remove(&number) else { return };
        for hash in &posted.hashes {
            let Entry::Occupied(mut entry) = self.postings.entry(*hash) else { continue };
            let is_empty = match entry.get_mut() {
                Posting::One(known) => *known == number,
                Posting::Many(documents) => {
                    documents.remove(&number);
                    documents.is_empty()
                }
            };
            if is_empty {
                entry.remove();
            }
        }
        for demand in &posted.demands {
            if let Entry::Occupied(mut entry) = self.demanded.entry(*demand) {
                *entry.get_mut() -= 1;
                if *entry.get() == 0 {
                    entry.remove();
                }
            }
        }
    }

    /// No namespace and `default` are under one hash: whether they are the same is for who looks at what is found.
    fn hash(&self, place: Place<'_>, key: Key<'_>) -> u64 {
        let place = place.map(|name| if name == DEFAULT { "" } else { name });
        self.hasher.hash_one((place, key))
    }

    fn post(&self, document: &RelatedDocument) -> Posted {
        let subject = &document.subject;
        let own = Some(subject.namespace.as_str());
        let places: &[Place<'_>] = match self.id.spread {
            Spread::Namespace => &[own],
            Spread::Everywhere => &[None],
            Spread::Either => &[own, None],
        };
        let mut hashes = Vec::new();
        let mut demands = Vec::new();
        let keys = self.id.facet.map(|facet| document.keys().get(usize::from(facet)));
        match keys {
            None => hashes.push(self.hash(own, Key::Name(&subject.name))),
            Some(Some(Keys::Labels(labels))) => {
                for place in places {
                    hashes.extend(labels.iter().map(|(key, value)| self.hash(*place, Key::Pair(key, value))));
                    hashes.push(self.hash(*place, Key::Rest));
                }
            }
            Some(Some(Keys::Selectors(selectors))) => {
                for scoped in selectors {
                    for place in places_of(scoped, own) {
                        self.post_selector(&scoped.selector, place, &mut hashes, &mut demands);
                    }
                }
            }
            Some(Some(Keys::References(references))) => {
                for reference in references {
                    hashes.push(self.hash(Some(&reference.namespace), Key::Name(&reference.name)));
                    if self.id.spread != Spread::Namespace {
                        hashes.push(self.hash(None, Key::Name(&reference.name)));
                    }
                }
            }
            Some(Some(Keys::Values(values))) => {
                for place in places {
                    hashes.extend(values.iter().map(|value| self.hash(*place, Key::Value(value))));
                }
            }
            // It may be related to anything.
            Some(Some(Keys::TooMany) | None) => hashes.push(self.unknown()),
        }
        hashes.sort_unstable();
        hashes.dedup();
        Posted { hashes: hashes.into(), demands: demands.into() }
    }

    fn unknown(&self) -> u64 {
        self.hasher.hash_one("unknown")
    }

    fn post_selector(&self, selector: &Selector, place: Place<'_>, hashes: &mut Vec<u64>, demands: &mut Vec<u64>) {
        let Selector::All(requirements) = selector else { return };
        let mut best: Option<(u32, Vec<u64>)> = None;
        for requirement in requirements {
            let pairs: Vec<u64> = match &requirement.demand {
                Demand::In(values) => {
                    values.iter().map(|value| self.hash(place, Key::Pair(&requirement.key, value))).collect()
                }
                Demand::Exists => vec![self.hash(place, Key::Label(&requirement.key))],
                Demand::NotIn(_) | Demand::DoesNotExist => continue,
            };
            let others =
                pairs.iter().filter_map(|pair| self.demanded.get(pair)).fold(0, |sum: u32, n| sum.saturating_add(*n));
            if best.as_ref().is_none_or(|(fewest, _)| others < *fewest) {
                best = Some((others, pairs.clone()));
            }
            demands.extend(pairs);
        }
        match best {
            Some((_, pairs)) => hashes.extend(pairs),
            None => hashes.push(self.hash(place, Key::Rest)),
        }
    }

    /// The numbers of the documents that may match, in order.
    pub(crate) fn candidates(&self, probe: &Probe<'_>) -> Vec<u32> {
        let mut hashes = vec![self.unknown()];
        let here = probe.here.namespace.as_str();
        let place = match self.id.spread {
            Spread::Namespace => Some(here),
            Spread::Everywhere | Spread::Either => None,
        };
        match &probe.seek {
            Seek::Labels(labels) => {
                for place in [Some(here), None] {
                    self.label_hashes(labels, place, &mut hashes);
                }
            }
            Seek::Selectors(selectors) => {
                for scoped in *selectors {
                    self.selector_hashes(scoped, here, &mut hashes);
                }
            }
            Seek::Itself => {
                let everywhere = here.is_empty() && probe.across();
                let place = if everywhere { None } else { Some(here) };
                hashes.push(self.hash(place, Key::Name(&probe.here.name)));
            }
            Seek::References(references) => {
                for reference in *references {
                    hashes.push(self.hash(Some(&reference.namespace), Key::Name(&reference.name)));
                    if probe.across() {
                        hashes.push(self.hash(Some(""), Key::Name(&reference.name)));
                    }
                }
            }
            Seek::Values(values) => hashes.extend(values.iter().map(|value| self.hash(place, Key::Value(value)))),
        }
        let mut candidates = Vec::new();
        for hash in hashes {
            match self.postings.get(&hash) {
                None => {}
                Some(Posting::One(number)) => candidates.push(*number),
                Some(Posting::Many(numbers)) => candidates.extend(numbers),
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    fn label_hashes(&self, labels: &Labels, place: Place<'_>, hashes: &mut Vec<u64>) {
        for (key, value) in labels.iter() {
            hashes.push(self.hash(place, Key::Pair(key, value)));
            hashes.push(self.hash(place, Key::Label(key)));
        }
        hashes.push(self.hash(place, Key::Rest));
    }

    /// The hashes of the requirement that the fewest documents may meet.
    fn selector_hashes(&self, scoped: &Scoped, here: &str, hashes: &mut Vec<u64>) {
        let Selector::All(requirements) = &scoped.selector else { return };
        let places: Vec<Place<'_>> = match self.id.spread {
            Spread::Namespace => vec![Some(here)],
            Spread::Everywhere => vec![None],
            Spread::Either => places_of(scoped, Some(here)).collect(),
        };
        let rest = places.iter().map(|place| self.hash(*place, Key::Rest)).collect::<Vec<_>>();
        let demanded = requirements.iter().filter_map(|requirement| match &requirement.demand {
            Demand::In(values) => {
                let of = |place: &Place<'_>, value: &str| self.hash(*place, Key::Pair(&requirement.key, value));
                Some(
                    places
                        .iter()
                        .flat_map(|place| values.iter().map(move |value| of(place, value)))
                        .collect::<Vec<u64>>(),
                )
            }
            _ => None,
        });
        let count = |hashes: &Vec<u64>| {
            hashes.iter().filter_map(|hash| self.postings.get(hash)).map(Posting::len).sum::<usize>()
        };
        if let Some(fewest) = [rest].into_iter().chain(demanded).min_by_key(count) {
            hashes.extend(fewest);
        }
    }
}

/// The namespaces under which a selector is looked for.
fn places_of<'s>(scoped: &'s Scoped, own: Place<'s>) -> impl Iterator<Item = Place<'s>> {
    let (one, names): (Option<Place<'s>>, &[Box<str>]) = match &scoped.namespaces {
        Namespaces::Own => (Some(own), &[]),
        Namespaces::Any | Namespaces::Labelled(_) => (Some(None), &[]),
        Namespaces::Names(names) => (None, names),
    };
    one.into_iter().chain(names.iter().map(|name| Some(&**name)))
}

/// The documents of some candidates that match, in their order.
pub(crate) fn matching<'d>(
    candidates: impl Iterator<Item = &'d Arc<RelatedDocument>>,
    probe: &Probe<'_>,
) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
    let mut found = Vec::new();
    for candidate in candidates {
        if probe.looks_at(candidate)? {
            found.push(Arc::clone(candidate));
        }
    }
    found.sort();
    Ok(found)
}
