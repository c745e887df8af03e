//! One document under review in front of an inventory that has not seen it yet.

use super::{Answer, Inventory, Namespacing, Probe, RelatedDocument, Topics, Unavailable};
use crate::document::{Document, Subject};
use crate::manifest::Scope;
use std::sync::Arc;

/// Answers as another inventory does, except that one object is in them as its document says: an object that
/// is being created or updated is in the cluster only after it was checked, or still in its old state.
pub struct Overlay<'i> {
    behind: &'i dyn Inventory,
    subject: Arc<Subject>,
    /// By topic that asks for the document's kind: how it is shown, `None` when it is left out.
    shown: Vec<(u16, Option<Arc<RelatedDocument>>)>,
}

impl<'i> Overlay<'i> {
    /// Puts a document in front of an inventory.
    pub(in crate::evaluate) fn new(topics: &Topics, document: &Document, behind: &'i dyn Inventory) -> Self {
        let subject = Arc::new(Subject { operation: "CREATE".to_owned(), ..document.subject.clone() });
        let topics = topics.as_slice().iter().enumerate().filter(|(_, topic)| topic.asks_for(document));
        let shown = topics.map(|(index, topic)| (index as u16, topic.related(document, &subject).map(Arc::new)));
        Self { behind, shown: shown.collect(), subject }
    }

    /// How the document is shown under a topic; `None` when the topic does not ask for its kind.
    fn shown(&self, topic: u16) -> Option<Option<&Arc<RelatedDocument>>> {
        self.shown.iter().find(|(shown, _)| *shown == topic).map(|(_, shown)| shown.as_ref())
    }
}

impl Inventory for Overlay<'_> {
    /// Costs what the inventory behind costs unless the topic asks for the document's kind.
    fn answer(&self, topic: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable> {
        let answer = self.behind.answer(topic, scope, namespace)?;
        let in_reach = scope == Scope::Cluster || self.subject.namespace == namespace;
        let shown = self.shown(topic).filter(|_| in_reach);
        Ok(shown.map_or_else(|| answer.clone(), |shown| answer.with(&self.subject, shown)))
    }

    fn namespacing(&self) -> Namespacing {
        self.behind.namespacing()
    }

    fn find(&self, topic: u16, probe: &Probe<'_>) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        let mut found = self.behind.find(topic, probe)?;
        let Some(shown) = self.shown(topic) else { return Ok(found) };
        found.retain(|document| !document.is(&self.subject));
        if let Some(shown) = shown
            && probe.looks_at(shown)?
        {
            let at = found.partition_point(|other| other < shown);
            found.insert(at, Arc::clone(shown));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Card, Collected, tests};
    use super::*;
    use crate::manifest::Query;
    use crate::parse::{Form, Limits, Unit};
    use crate::workload::WorkloadKinds;
    use proptest::prelude::*;

    fn topics() -> Topics {
        let query = |kinds: &[&str], reads: &[&str]| Query {
            name: "q".to_owned(),
            kinds: kinds.iter().map(|kind| kind.parse().unwrap()).collect(),
            scope: Scope::Namespace,
            via: None,
            unless: None,
            relation: None,
            reads: reads.iter().map(|path| path.parse().unwrap()).collect(),
        };
        let queries = [
            query(&["core/Service"], &["spec.selector"]),
            query(&["workload"], &["pod.metadata.labels"]),
            query(&["core/Pod", "core/Service"], &["metadata", "object.metadata"]),
        ];
        Topics::collect([&queries[..]].into_iter(), &WorkloadKinds::default()).0
    }

    fn document(text: &str) -> Document {
        let source = crate::document::Source::new("a.json", text);
        Unit::new(Form::Json, source).parse(&Limits::default()).unwrap().remove(0)
    }

    fn object(
        (version, kind): (&str, &str),
        namespace: &str,
        name: &str,
        label: &str,
        controller: Option<&str>,
    ) -> Document {
        let owners = controller.map_or(String::new(), |owner| {
            format!(r#","ownerReferences":[{{"apiVersion":"apps/v1","kind":"{owner}","name":"o","controller":true}}]"#)
        });
        let metadata = format!(r#"{{"name":"{name}","namespace":"{namespace}","labels":{{"app":"{label}"}}{owners}}}"#);
        let template = format!(r#"{{"metadata":{{"labels":{{"app":"{label}"}}}}}}"#);
        document(&format!(
            r#"{{"apiVersion":"{version}","kind":"{kind}","metadata":{metadata},
                "spec":{{"selector":"{label}","template":{template}}}}}"#
        ))
    }

    fn documents() -> impl Strategy<Value = Document> {
        let kind = prop::sample::select(vec![
            ("v1", "Service"),
            ("v1", "Pod"),
            ("apps/v1", "ReplicaSet"),
            ("apps/v2", "ReplicaSet"),
        ]);
        let owner = prop::sample::select(vec![None, None, Some("ReplicaSet"), Some("CloneSet")]);
        (kind, "[xy]", "[abc]", "[pq]", owner)
            .prop_map(|(kind, namespace, name, label, owner)| object(kind, &namespace, &name, &label, owner))
    }

    fn same_object(one: &Document, other: &Document) -> bool {
        let (one, other) = (&one.subject, &other.subject);
        (&one.group, &one.kind, &one.namespace, &one.name) == (&other.group, &other.kind, &other.namespace, &other.name)
    }

    proptest! {
        #[test]
        fn answers_as_if_the_document_had_been_there(
            others in prop::collection::vec(documents(), 0..8), reviewed in documents(), asked_in in "[xy]",
        ) {
            let topics = topics();
            let behind = Collected::new(others.iter().flat_map(|other| topics.cards(other)));
            let overlay = Overlay::new(&topics, &reviewed, &behind);
            let rest = others.iter().filter(|other| !same_object(other, &reviewed));
            let wanted = Collected::new(rest.chain([&reviewed]).flat_map(|document| topics.cards(document)));
            for query in 0..topics.as_slice().len() as u16 {
                for scope in [Scope::Namespace, Scope::Cluster] {
                    let got = overlay.answer(query, scope, &asked_in).unwrap();
                    let wanted = wanted.answer(query, scope, &asked_in).unwrap();
                    prop_assert_eq!(got.json(), wanted.json());
                    let before = behind.answer(query, scope, &asked_in).unwrap();
                    prop_assert_eq!(got.digest() == before.digest(), got.json() == before.json());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn relations_hold_as_if_the_document_had_been_there(
            others in prop::collection::vec(tests::objects(), 0..16),
            reviewed in tests::objects(),
            here in prop::option::of(tests::objects()),
        ) {
            let world = tests::World::new();
            let others: Vec<Document> = others.iter().map(tests::document).collect();
            let reviewed = tests::document(&reviewed);
            let here = here.map_or_else(|| reviewed.clone(), |here| tests::document(&here));
            let behind = world.collected(&others);
            let overlay = Overlay::new(&world.topics, &reviewed, &behind);
            let rest = others.iter().filter(|other| !same_object(other, &reviewed));
            let wanted = world.collected(rest.chain([&reviewed]));
            let digests = |inventory: &dyn Inventory| {
                let told = world.told(&here, inventory).into_iter();
                told.map(|answer| answer.map(|answer| (answer.json().to_owned(), *answer.digest()))).collect::<Vec<_>>()
            };
            prop_assert_eq!(digests(&overlay), digests(&wanted));
        }
    }

    #[test]
    fn an_object_whose_controller_is_known_belongs_to_its_owner() {
        let topics = topics();
        let queries = |document: &Document| topics.cards(document).iter().map(|card| card.topic).collect::<Vec<_>>();
        let pod = |owner| object(("v1", "Pod"), "x", "a", "p", owner);
        assert_eq!(queries(&pod(None)), [1, 2]);
        assert_eq!(queries(&pod(Some("ReplicaSet"))), [2]);
        assert_eq!(queries(&pod(Some("CloneSet"))), [1, 2]);
        assert_eq!(queries(&object(("apps/v1", "ReplicaSet"), "x", "a", "p", Some("Deployment"))), [0_u16; 0]);
    }

    #[test]
    fn a_document_that_nobody_asks_for_changes_nothing() {
        let topics = topics();
        let behind = Collected::new(Vec::<Card>::new());
        let secret = object(("v1", "Secret"), "x", "a", "p", None);
        let overlay = Overlay::new(&topics, &secret, &behind);
        assert_eq!(overlay.answer(0, Scope::Cluster, "x").unwrap().json(), "[]");
    }
}
