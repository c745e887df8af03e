//! What a watch cache keeps: for each topic the cards of its objects, by namespace, indexes over them, and the
//! answers made of them.
//!
//! An answer with all objects is made on demand, without holding a lock, and kept until one of its cards changes.
//! Together the answers are no larger than twice the cards: one answer a namespace, and one for all. Those that
//! belong to one object are found by the indexes each time they are asked for. A change of an object touches its
//! own keys.

use crate::evaluate::{Answer, Index, POSTING_BYTES, Probe, RelatedDocument, Topic, Unavailable, matching};
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
                Slot::Shown(document) => document.bytes(),
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
struct Cards {
    namespaces: HashMap<String, Namespace>,
    everywhere: Kept,
    /// Counts changes.
    changes: u64,
    unreadable: usize,
    /// The documents of the slots, by the numbers that the indexes know them by.
    numbered: Vec<Option<Arc<RelatedDocument>>>,
    /// Numbers that are free.
    free: Vec<u32>,
    indexes: Vec<Index>,
}

/// A slot, with what it takes.
struct Held {
    slot: Slot,
    /// The number of its document.
    number: Option<u32>,
    /// Bytes of the card and of its keys.
    bytes: usize,
}

/// The cards of one namespace; the empty one has what is not in any.
#[derive(Default)]
struct Namespace {
    /// By kind and name.
    slots: BTreeMap<(u16, String), Held>,
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
    pub(super) fn new(topics: &[Topic], kinds: usize) -> Self {
        Self {
            topics: topics.iter().map(|topic| RwLock::new(Cards::new(topic))).collect(),
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
        if known.map(|known| &known.slot) == slot.as_ref() {
            return false;
        }
        let before = cards.namespaces.get_mut(namespace).and_then(|space| space.slots.remove(&key));
        let before_bytes = before.map_or(0, |before| cards.forget(before));
        let held = slot.map(|slot| cards.hold(slot));
        let bytes = &self.bytes[usize::from(kind)];
        bytes.fetch_add(held.as_ref().map_or(0, |held| held.bytes), Ordering::Relaxed);
        bytes.fetch_sub(before_bytes, Ordering::Relaxed);
        cards.changes += 1;
        let change = cards.changes;
        cards.everywhere.invalidate(change);
        let space = cards.namespaces.entry(namespace.to_owned()).or_default();
        space.answer.invalidate(change);
        if let Some(held) = held {
            space.slots.insert(key, held);
        }
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

    /// The documents of a topic that a probe finds.
    ///
    /// # Errors
    /// Names an object in reach that exceeds a bound.
    pub(super) fn find(&self, topic: usize, probe: &Probe<'_>) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        let cards = self.read(topic);
        let spaces = || match probe.within() {
            Some(namespace) => cards.namespaces.get(namespace).into_iter().collect::<Vec<_>>(),
            None => cards.namespaces.values().collect(),
        };
        if cards.unreadable > 0
            && let Some(reason) = unreadable(&spaces())
        {
            return Err(Unavailable(reason.to_string()));
        }
        let Some(index) = cards.indexes.iter().find(|index| index.id() == probe.index()) else {
            let all = spaces().into_iter().flat_map(Namespace::documents);
            return matching(all, probe);
        };
        let candidates = index.candidates(probe).into_iter();
        matching(candidates.filter_map(|number| cards.numbered.get(number as usize)?.as_ref()), probe)
    }

    fn read(&self, topic: usize) -> RwLockReadGuard<'_, Cards> {
        self.topics[topic].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, topic: usize) -> RwLockWriteGuard<'_, Cards> {
        self.topics[topic].write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Namespace {
    fn documents(&self) -> impl Iterator<Item = &Arc<RelatedDocument>> {
        self.slots.values().filter_map(|held| match &held.slot {
            Slot::Shown(document) => Some(document),
            Slot::Unreadable(_) => None,
        })
    }
}

/// Why an object of some namespaces cannot be read: the same of several, whatever came first.
fn unreadable<'n>(spaces: &[&'n Namespace]) -> Option<&'n Arc<str>> {
    let slots = spaces.iter().flat_map(|space| space.slots.values());
    let reasons = slots.filter_map(|held| match &held.slot {
        Slot::Unreadable(reason) => Some(reason),
        Slot::Shown(_) => None,
    });
    reasons.min()
}

impl Cards {
    fn new(topic: &Topic) -> Self {
        Self {
            namespaces: HashMap::new(),
            everywhere: Kept::default(),
            changes: 0,
            unreadable: 0,
            numbered: Vec::new(),
            free: Vec::new(),
            indexes: topic.indexes().iter().map(|id| Index::new(*id)).collect(),
        }
    }

    /// Takes a slot in.
    fn hold(&mut self, slot: Slot) -> Held {
        let mut bytes = slot.bytes();
        let number = match &slot {
            Slot::Unreadable(_) => {
                self.unreadable += 1;
                None
            }
            Slot::Shown(document) => {
                let number = self.free.pop().unwrap_or_else(|| {
                    self.numbered.push(None);
                    (self.numbered.len() - 1) as u32
                });
                self.numbered[number as usize] = Some(Arc::clone(document));
                for index in &mut self.indexes {
                    bytes += index.insert(number, document) * POSTING_BYTES;
                }
                Some(number)
            }
        };
        Held { slot, number, bytes }
    }

    /// Takes a slot out; gives the bytes that it took.
    fn forget(&mut self, held: Held) -> usize {
        match held.number {
            None => self.unreadable -= 1,
            Some(number) => {
                self.numbered[number as usize] = None;
                self.free.push(number);
                for index in &mut self.indexes {
                    index.remove(number);
                }
            }
        }
        held.bytes
    }

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
        if self.unreadable > 0
            && let Some(reason) = unreadable(&spaces)
        {
            return Err(reason.to_string());
        }
        let shown = spaces.into_iter().flat_map(Namespace::documents);
        Ok(Found::Cards(shown.cloned().collect(), kept.changed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Subject};
    use crate::evaluate::inventory_tests::{World, document, objects};
    use crate::evaluate::{Card, Collected, Inventory, inventory_tests};
    use crate::manifest::{Query, Scope};
    use crate::workload::WorkloadKinds;
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
        Slot::Shown(Arc::new(RelatedDocument::new(subject, value.to_string(), Vec::new())))
    }

    /// A store of topics that only ask for all.
    fn store(topics: usize, kinds: usize) -> Store {
        let query = serde_json::json!({"name": "q", "kinds": ["core/Service"], "scope": "cluster", "reads": []});
        let query: Query = serde_json::from_value(query).unwrap();
        let topic = Topic::of(&[query], &WorkloadKinds::default()).remove(0);
        Store::new(&vec![topic; topics], kinds)
    }

    /// A store without the states of kinds.
    struct Known<'s>(&'s Store);

    impl Inventory for Known<'_> {
        fn answer(&self, topic: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable> {
            let namespace = (scope == Scope::Namespace).then_some(namespace);
            self.0.answer(usize::from(topic), namespace).map_err(Unavailable)
        }

        fn find(&self, topic: u16, probe: &Probe<'_>) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
            self.0.find(usize::from(topic), probe)
        }
    }

    proptest! {
        #[test]
        fn relations_hold_whatever_has_changed(
            changes in prop::collection::vec((objects(), any::<bool>()), 0..40),
            asked in prop::collection::vec(objects(), 1..4),
        ) {
            let world = World::new();
            let topics = world.topics();
            let store = Store::new(topics, 1);
            let mut there: BTreeMap<(String, String, String, String), Document> = BTreeMap::new();
            let set = |document: &Document, shown: bool| {
                let subject = Arc::new(document.subject.clone());
                for (index, topic) in topics.iter().enumerate() {
                    let related = topic.related(document, &subject).filter(|_| shown);
                    let slot = related.map(|related| Slot::Shown(Arc::new(related)));
                    let name = format!("{}/{}/{}", subject.group, subject.kind, subject.name);
                    store.set(index, 0, &subject.namespace, &name, slot);
                }
            };
            let told = |asked: &Document, inventory: &dyn Inventory| {
                let told = world.told(asked, inventory).into_iter();
                told.map(|answer| answer.map(|answer| (answer.json().to_owned(), *answer.digest()))).collect::<Vec<_>>()
            };
            for (index, (object, kept)) in changes.iter().enumerate() {
                let document = document(object);
                let Subject { group, kind, namespace, name, .. } = document.subject.clone();
                set(&document, *kept);
                match kept {
                    true => there.insert((group, kind, namespace, name), document),
                    false => there.remove(&(group, kind, namespace, name)),
                };
                if index % 8 == 7 || index + 1 == changes.len() {
                    let wanted = world.collected(there.values());
                    for asked in &asked {
                        let asked = inventory_tests::document(asked);
                        prop_assert_eq!(told(&asked, &Known(&store)), told(&asked, &wanted));
                    }
                }
            }
            for document in there.values() {
                set(document, false);
            }
            prop_assert_eq!(store.bytes(), 0);
            for cards in &store.topics {
                prop_assert!(cards.read().unwrap().indexes.iter().all(Index::is_empty));
            }
        }
    }

    #[test]
    fn keys_take_room_too() {
        let world = World::new();
        let store = Store::new(world.topics(), 1);
        let set = |pairs: usize| {
            let selector: serde_json::Map<_, _> = (0..pairs).map(|pair| (pair.to_string(), "x".into())).collect();
            let metadata = serde_json::json!({"name": "s", "namespace": "n"});
            let object = serde_json::json!({
                "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": selector},
            });
            let document = document(&object);
            let related = world.topics()[0].related(&document, &Arc::new(document.subject.clone())).unwrap();
            store.set(0, 0, "n", "s", Some(Slot::Shown(Arc::new(related))));
            store.bytes()
        };
        let few = set(1);
        assert!(set(101) >= few + 100 * POSTING_BYTES);
        assert_eq!(set(1), few);
    }

    proptest! {
        #[test]
        fn answers_as_the_documents_of_a_run_do(
            changes in prop::collection::vec((0_u16..2, "[xy]?", "[abc]", prop::option::of(0_u8..3)), 0..30),
        ) {
            let store = store(1, 2);
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
                    let subject = subject(*kind, namespace, name);
                    Card { document: 0, topic: 0, subject, projection: value.to_string(), keys: Vec::new() }
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
        let store = store(2, 1);
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
        let store = store(1, 1);
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
