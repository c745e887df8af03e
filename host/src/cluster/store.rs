//! What a watch cache keeps: for each topic the cards of its objects, by namespace, and the answers made of them.
//!
//! An answer is made on demand, without holding a lock, and kept until one of its cards changes. Together
//! the answers are no larger than twice the cards: one answer a namespace, and one for all.

use crate::evaluate::{Answer, RelatedDocument};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Bytes that a card takes besides its texts: subjects, map entries, allocations.
const CARD_OVERHEAD: usize = 256;

/// What is known of one object under one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    /// As the topic's queries see it.
    Shown(Arc<RelatedDocument>),
    /// It is there but exceeds a bound: answers that it belongs to are not available, and why.
    Unreadable(Arc<str>),
}

impl Slot {
    fn bytes(&self) -> usize {
        CARD_OVERHEAD
            + match self {
                Slot::Shown(document) => {
                    document.projection.len() + document.subject.namespace.len() + document.subject.name.len()
                }
                Slot::Unreadable(reason) => reason.len(),
            }
    }
}

/// The cards of all kinds.
pub(super) struct Store {
    topics: Vec<RwLock<Cards>>,
    /// Bytes by kind.
    bytes: Vec<AtomicUsize>,
    nothing: Answer,
}

/// The cards of one topic.
#[derive(Default)]
struct Cards {
    namespaces: HashMap<String, Namespace>,
    everywhere: Kept,
    /// Counts changes.
    changes: u64,
    unreadable: usize,
}

/// The cards of one namespace; the empty one has what is not in any.
#[derive(Default)]
struct Namespace {
    /// By kind and name.
    slots: BTreeMap<(u16, String), Slot>,
    answer: Kept,
}

/// An answer that may have been made already.
#[derive(Default)]
struct Kept {
    answer: Option<Answer>,
    /// Which change of the topic was the last that concerned it.
    changed: u64,
}

impl Kept {
    fn invalidate(&mut self, change: u64) {
        self.answer = None;
        self.changed = change;
    }

    /// Keeps an answer unless something has changed since its cards were looked at.
    fn keep(&mut self, answer: &Answer, seen: u64) {
        if self.changed == seen {
            self.answer = Some(answer.clone());
        }
    }
}

/// An answer, or the cards to make it of.
enum Found {
    Answer(Answer),
    Cards(Vec<Arc<RelatedDocument>>, u64),
}

impl Store {
    pub(super) fn new(topics: usize, kinds: usize) -> Self {
        Self {
            topics: (0..topics).map(|_| RwLock::default()).collect(),
            bytes: (0..kinds).map(|_| AtomicUsize::new(0)).collect(),
            nothing: Answer::new(Vec::new()),
        }
    }

    /// Bytes of a kind's cards.
    pub(super) fn bytes_of(&self, kind: u16) -> usize {
        self.bytes[usize::from(kind)].load(Ordering::Relaxed)
    }

    /// Bytes of all cards.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    /// Sets what is known of an object under a topic; `None` when it is gone. Says whether that is new: a
    /// change of what no query reads leaves every answer as it is.
    pub(super) fn set(&self, topic: usize, kind: u16, namespace: &str, name: &str, slot: Option<Slot>) -> bool {
        let mut cards = self.write(topic);
        let cards = &mut *cards;
        let key = (kind, name.to_owned());
        let known = cards.namespaces.get(namespace).and_then(|known| known.slots.get(&key));
        if known == slot.as_ref() {
            return false;
        }
        cards.changes += 1;
        let change = cards.changes;
        if !cards.namespaces.contains_key(namespace) {
            cards.namespaces.insert(namespace.to_owned(), Namespace::default());
        }
        let Some(space) = cards.namespaces.get_mut(namespace) else { return false };
        let unreadable = |slot: &Option<Slot>| usize::from(matches!(slot, Some(Slot::Unreadable(_))));
        let added = slot.as_ref().map_or(0, Slot::bytes);
        cards.unreadable += unreadable(&slot);
        let before = match slot {
            Some(slot) => space.slots.insert(key, slot),
            None => space.slots.remove(&key),
        };
        cards.unreadable -= unreadable(&before);
        let bytes = &self.bytes[usize::from(kind)];
        bytes.fetch_add(added, Ordering::Relaxed);
        bytes.fetch_sub(before.as_ref().map_or(0, Slot::bytes), Ordering::Relaxed);
        space.answer.invalidate(change);
        cards.everywhere.invalidate(change);
        if space.slots.is_empty() {
            cards.namespaces.remove(namespace);
        }
        true
    }

    /// The answer under a topic: of one namespace, or of all.
    ///
    /// # Errors
    /// Names an object that belongs to it and exceeds a bound.
    pub(super) fn answer(&self, topic: usize, namespace: Option<&str>) -> Result<Answer, String> {
        let (documents, seen) = match self.read(topic).find(namespace, &self.nothing)? {
            Found::Answer(answer) => return Ok(answer),
            Found::Cards(documents, seen) => (documents, seen),
        };
        let answer = Answer::new(documents);
        let mut cards = self.write(topic);
        match namespace {
            None => cards.everywhere.keep(&answer, seen),
            Some(namespace) => {
                if let Some(space) = cards.namespaces.get_mut(namespace) {
                    space.answer.keep(&answer, seen);
                }
            }
        }
        Ok(answer)
    }

    fn read(&self, topic: usize) -> RwLockReadGuard<'_, Cards> {
        self.topics[topic].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, topic: usize) -> RwLockWriteGuard<'_, Cards> {
        self.topics[topic].write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cards {
    fn find(&self, namespace: Option<&str>, nothing: &Answer) -> Result<Found, String> {
        let (spaces, kept): (Vec<&Namespace>, &Kept) = match namespace {
            Some(namespace) => match self.namespaces.get(namespace) {
                Some(space) => (vec![space], &space.answer),
                // Nothing is kept for a namespace that only a question has named.
                None => return Ok(Found::Answer(nothing.clone())),
            },
            None if self.everywhere.answer.is_some() => (Vec::new(), &self.everywhere),
            None => (self.namespaces.values().collect(), &self.everywhere),
        };
        if let Some(answer) = &kept.answer {
            return Ok(Found::Answer(answer.clone()));
        }
        let slots = || spaces.iter().flat_map(|space| space.slots.values());
        if self.unreadable > 0 {
            let reasons = slots().filter_map(|slot| match slot {
                Slot::Unreadable(reason) => Some(reason),
                Slot::Shown(_) => None,
            });
            if let Some(reason) = reasons.min() {
                return Err(reason.to_string());
            }
        }
        let shown = slots().filter_map(|slot| match slot {
            Slot::Shown(document) => Some(Arc::clone(document)),
            Slot::Unreadable(_) => None,
        });
        Ok(Found::Cards(shown.collect(), kept.changed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Subject;
    use crate::evaluate::{Card, Collected, Inventory};
    use crate::manifest::Scope;
    use proptest::prelude::*;

    const KINDS: [&str; 2] = ["Service", "Pod"];

    fn subject(kind: u16, namespace: &str, name: &str) -> Subject {
        Subject {
            version: "v1".to_owned(),
            kind: KINDS[usize::from(kind)].to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            operation: "CREATE".to_owned(),
            ..Subject::default()
        }
    }

    fn shown(kind: u16, namespace: &str, name: &str, value: u8) -> Slot {
        let subject = Arc::new(subject(kind, namespace, name));
        Slot::Shown(Arc::new(RelatedDocument { subject, projection: value.to_string().into() }))
    }

    proptest! {
        #[test]
        fn answers_as_the_documents_of_a_run_do(
            changes in prop::collection::vec((0_u16..2, "[xy]?", "[abc]", prop::option::of(0_u8..3)), 0..30),
        ) {
            let store = Store::new(1, 2);
            let mut there = BTreeMap::new();
            for (kind, namespace, name, value) in changes {
                let slot = value.map(|value| shown(kind, &namespace, &name, value));
                let key = (kind, namespace.clone(), name.clone());
                let before = match value {
                    Some(value) => there.insert(key, value),
                    None => there.remove(&key),
                };
                prop_assert_eq!(store.set(0, kind, &namespace, &name, slot), before != value);
                let cards = there.iter().map(|((kind, namespace, name), value)| {
                    Card { query: 0, subject: subject(*kind, namespace, name), projection: value.to_string() }
                });
                let wanted = Collected::new(cards);
                for namespace in ["", "x", "y", "z"] {
                    let answer = store.answer(0, Some(namespace)).unwrap();
                    let wanted = wanted.answer(0, Scope::Namespace, namespace).unwrap();
                    prop_assert_eq!((answer.json(), answer.digest()), (wanted.json(), wanted.digest()));
                }
                let answer = store.answer(0, None).unwrap();
                let wanted = wanted.answer(0, Scope::Cluster, "").unwrap();
                prop_assert_eq!(answer.json(), wanted.json());
            }
            for ((kind, namespace, name), _) in there {
                store.set(0, kind, &namespace, &name, None);
            }
            prop_assert_eq!(store.bytes(), 0);
        }
    }

    #[test]
    fn a_change_concerns_its_namespace_and_the_whole() {
        let store = Store::new(2, 1);
        store.set(0, 0, "x", "a", Some(shown(0, "x", "a", 1)));
        store.set(0, 0, "y", "a", Some(shown(0, "y", "a", 1)));
        let kept = |namespace: &str| store.read(0).namespaces[namespace].answer.answer.is_some();
        for namespace in [Some("x"), Some("y"), None] {
            store.answer(0, namespace).unwrap();
        }
        assert!(!store.set(0, 0, "x", "a", Some(shown(0, "x", "a", 1))));
        assert!(kept("x") && kept("y") && store.read(0).everywhere.answer.is_some());
        assert!(store.set(0, 0, "x", "a", Some(shown(0, "x", "a", 2))));
        assert!(!kept("x") && kept("y") && store.read(0).everywhere.answer.is_none());
    }

    #[test]
    fn an_answer_of_cards_that_have_changed_since_is_not_kept() {
        let mut kept = Kept::default();
        kept.invalidate(3);
        kept.keep(&Answer::new(Vec::new()), 2);
        assert!(kept.answer.is_none());
        kept.keep(&Answer::new(Vec::new()), 3);
        assert!(kept.answer.is_some());
    }

    #[test]
    fn what_cannot_be_read_spoils_its_own_namespace() {
        let store = Store::new(1, 1);
        store.set(0, 0, "x", "a", Some(shown(0, "x", "a", 1)));
        store.set(0, 0, "y", "b", Some(Slot::Unreadable("b is too deep".into())));
        assert!(store.answer(0, Some("x")).is_ok());
        assert_eq!(store.answer(0, Some("y")).unwrap_err(), "b is too deep");
        assert_eq!(store.answer(0, None).unwrap_err(), "b is too deep");
        store.set(0, 0, "y", "b", None);
        assert_eq!(store.answer(0, Some("y")).unwrap().json(), "[]");
        assert!(store.answer(0, None).is_ok());
    }
}
