//! The objects of one kind on their way into the store: projected, bounded, and counted.

use super::discovery::Resource;
use super::reason::Trouble;
use super::store::Slot;
use super::{GroupKind, Shared, object};
use crate::document::Subject;
use crate::evaluate::Topic;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;

/// What the store has of one kind. Only what belongs to an answer counts.
pub(super) struct Objects {
    shared: Arc<Shared>,
    /// The kind's index.
    index: u16,
    kind: GroupKind,
    /// The topics that ask for the kind, by index.
    topics: Vec<usize>,
    /// By namespace and name, with the listing that last had it.
    known: HashMap<(String, String), u64>,
    listing: u64,
}

/// Why an object was not taken in.
pub(super) enum Refusal {
    /// It is no object.
    Malformed(Trouble),
    /// With it there would be more than a limit allows.
    TooMuch(Trouble),
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Refusal::Malformed(Trouble::new(format!("an object is not what an API server says: {error}")))
    }
}

impl Objects {
    /// None yet.
    pub(super) fn new(shared: Arc<Shared>, index: u16) -> Self {
        let kind = shared.kinds[usize::from(index)].0.clone();
        let asking = shared.kinds_of.iter().enumerate().filter(|(_, kinds)| kinds.contains(&index));
        let topics = asking.map(|(topic, _)| topic).collect();
        Self { shared, index, kind, topics, known: HashMap::new(), listing: 0 }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// All of them are about to be taken in anew; [`Objects::sweep`] ends it.
    pub(super) fn begin_listing(&mut self) {
        self.listing += 1;
    }

    /// Takes in an object; gives its version.
    pub(super) fn put(&mut self, resource: &Resource, item: &RawValue) -> Result<String, Refusal> {
        let header = object::header(item.get())?;
        let slots = self.slots(resource, item, &header);
        let kept = slots.iter().any(|(_, slot)| slot.is_some());
        for (topic, slot) in slots {
            self.shared.store.set(topic, self.index, &header.namespace, &header.name, slot);
        }
        let key = (header.namespace, header.name);
        if kept {
            self.known.insert(key, self.listing);
        } else {
            self.known.remove(&key);
        }
        self.check_limits()?;
        Ok(header.resource_version)
    }

    /// How each topic shows an object.
    fn slots(
        &self,
        resource: &Resource,
        item: &RawValue,
        header: &object::HeaderMetadata,
    ) -> Vec<(usize, Option<Slot>)> {
        let topics = self.topics.iter().copied();
        let unreadable = |why: &str| {
            let subject = Subject {
                kind: self.kind.kind.clone(),
                namespace: header.namespace.clone(),
                name: header.name.clone(),
                ..Subject::default()
            };
            Some(Slot::Unreadable(format!("{subject} cannot be read: {why}").into()))
        };
        let document = match object::document(item.get(), resource) {
            Ok(document) => document,
            Err(why) => return topics.map(|topic| (topic, unreadable(&why))).collect(),
        };
        let limit = self.shared.limits.card_bytes;
        let subject = Arc::new(document.subject.clone());
        let slot = |topic: &Topic| {
            let related = topic.related(&document, &subject)?;
            if related.bytes() > limit {
                let bytes = related.bytes();
                return unreadable(&format!("what is read of it has {bytes} bytes, more than {limit}"));
            }
            Some(Slot::Shown(Arc::new(related)))
        };
        topics.map(|topic| (topic, slot(&self.shared.topics[topic]))).collect()
    }

    /// Forgets an object; gives its last version.
    pub(super) fn remove(&mut self, item: &RawValue) -> Result<String, Refusal> {
        let header = object::header(item.get())?;
        self.forget(&header.namespace, &header.name);
        self.known.remove(&(header.namespace, header.name));
        Ok(header.resource_version)
    }

    fn forget(&self, namespace: &str, name: &str) {
        for topic in &self.topics {
            self.shared.store.set(*topic, self.index, namespace, name, None);
        }
    }

    /// Forgets what the listing that has just ended did not have.
    pub(super) fn sweep(&mut self) {
        let mut known = std::mem::take(&mut self.known);
        known.retain(|(namespace, name), listing| {
            let listed = *listing == self.listing;
            if !listed {
                self.forget(namespace, name);
            }
            listed
        });
        self.known = known;
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        for (namespace, name) in std::mem::take(&mut self.known).into_keys() {
            self.forget(&namespace, &name);
        }
    }

    /// Part of a kind's objects would be a wrong answer, so beyond a limit there is none.
    fn check_limits(&self) -> Result<(), Refusal> {
        let limits = &self.shared.limits;
        let too_much = |reason| Err(Refusal::TooMuch(Trouble::new(reason)));
        if self.known.len() > limits.objects {
            return too_much(format!("there are more than {} objects (limit `objects`)", limits.objects));
        }
        if self.shared.store.bytes() > limits.bytes {
            return too_much(format!("the inventory takes more than {} bytes (limit `bytes`)", limits.bytes));
        }
        Ok(())
    }
}
