//! The inventory of a run: its documents, by the sets that they belong to.

use super::answer::{Doubt, Origin};
use super::collected::{Card, Collected};
use super::namespacing::Namespacing;
use super::{Answer, Inventory, Probe, RelatedDocument, Unavailable};
use crate::document::Document;
use crate::manifest::Scope;
use crate::sets::{Part, Sets, Whose};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The documents of a run. Each branch has its own, with indexes of their own; one in which others lie has all of
/// theirs too. Who asks looks at the few parts that make up its set.
pub(in crate::evaluate) struct Divided<'s> {
    sets: &'s Sets,
    own: Vec<Known>,
    whole: Vec<Known>,
    answers: Mutex<HashMap<Question, Answer>>,
}

/// What is known of a branch.
#[derive(Default)]
struct Known {
    documents: Collected,
    /// By topic and facet, those that may have something else of the facet; without one, of any.
    open: HashMap<(u16, Option<u16>), Vec<Arc<RelatedDocument>>>,
}

impl Known {
    fn add(&mut self, topic: u16, document: &Arc<RelatedDocument>) {
        self.documents.add(topic, Arc::clone(document));
        if let Some(doubt) = document.doubt() {
            let facets = match doubt.facets(document.keys()) {
                Some(facets) => facets.into_iter().map(Some).collect(),
                None => vec![None],
            };
            for facet in facets {
                self.open.entry((topic, facet)).or_default().push(Arc::clone(document));
            }
        }
    }
}

/// A card of a document of a run.
pub(in crate::evaluate) struct Placed {
    /// The index of its unit.
    pub(in crate::evaluate) unit: usize,
    /// The variant that it is of, where a kustomization builds it.
    pub(in crate::evaluate) variant: Option<usize>,
    /// The card.
    pub(in crate::evaluate) card: Card,
    /// Why the document may be another one.
    pub(in crate::evaluate) doubt: Option<Doubt>,
}

/// A set, the build in it, the unit that has alternatives in it, a topic, and the namespace that a query is limited to.
type Question = (Vec<Part>, Option<usize>, Option<usize>, u16, Option<String>);

impl<'s> Divided<'s> {
    /// Takes up the cards of a run, in the order of the units.
    pub(in crate::evaluate) fn new(sets: &'s Sets, cards: impl IntoIterator<Item = Placed>) -> Self {
        let empty = || (0..sets.branches()).map(|_| Known::default()).collect::<Vec<_>>();
        let (mut own, mut whole) = (empty(), empty());
        for Placed { unit, variant, card, doubt } in cards {
            let Card { document, topic, subject, projection, keys } = card;
            let whose = match variant {
                _ if subject.group == Document::FILE_GROUP => Whose::File,
                Some(variant) => Whose::Built(unit, variant),
                None => Whose::Written(unit),
            };
            let origin = Origin { unit: unit as u32, document };
            let related = RelatedDocument::new(Arc::new(subject), projection, keys).from(origin);
            let related = Arc::new(related.built_by(sets.build(whose)).doubted(doubt));
            for branch in sets.branches_of(whose) {
                own[*branch].add(topic, &related);
                for holder in sets.holders(*branch) {
                    whole[holder].add(topic, &related);
                }
            }
        }
        Self { sets, own, whole, answers: Mutex::default() }
    }

    /// What a document is told from.
    pub(in crate::evaluate) fn view(&self, whose: Whose) -> View<'_> {
        let parts = self.sets.parts(whose);
        let spaces = if self.sets.default_is_none(&parts) { Namespacing::DefaultIsNone } else { Namespacing::Written };
        View { divided: self, parts, spaces, build: self.sets.build(whose), alternative: self.sets.alternative(whose) }
    }
}

/// The documents of one set.
pub(in crate::evaluate) struct View<'d> {
    divided: &'d Divided<'d>,
    parts: Vec<Part>,
    spaces: Namespacing,
    /// The build that the subject is of.
    build: Option<usize>,
    /// The unit of the subject, where it has alternatives.
    alternative: Option<usize>,
}

impl View<'_> {
    /// Whether a document is there for the subject. What its own build makes is not there as another build makes it, nor
    /// is what stands in an alternative.
    fn is_there(&self, document: &RelatedDocument) -> bool {
        let sets = self.divided.sets;
        if let (Some(unit), Some(origin)) = (self.alternative, document.origin())
            && sets.are_alternatives(unit, origin.unit as usize)
        {
            return false;
        }
        match (self.build, document.build(), document.origin()) {
            (Some(own), Some(other), Some(origin)) if own != other => !sets.builds().holds(own, origin.unit as usize),
            _ => true,
        }
    }

    fn known(&self) -> impl Iterator<Item = &Known> {
        let of =
            |part: &Part| if part.whole { &self.divided.whole[part.branch] } else { &self.divided.own[part.branch] };
        self.parts.iter().map(of)
    }

    fn collected(&self) -> impl Iterator<Item = &Collected> {
        self.known().map(|known| &known.documents)
    }

    /// Documents of several parts in their order. One that the configuration puts into several sets is there once.
    fn in_order(mut documents: Vec<Arc<RelatedDocument>>) -> Vec<Arc<RelatedDocument>> {
        documents.sort_by(|one, other| one.cmp(other).then_with(|| one.origin().cmp(&other.origin())));
        documents.dedup_by(|one, other| one.origin() == other.origin() && one == other);
        documents
    }
}

impl Inventory for View<'_> {
    /// An answer is the same for every subject of a set and namespace, and is built once.
    fn answer(&self, topic: u16, scope: Scope, namespace: &str) -> Result<Answer, Unavailable> {
        let namespace = self.spaces.named(namespace);
        let within = (scope == Scope::Namespace).then_some(namespace);
        let key = (self.parts.clone(), self.build, self.alternative, topic, within.map(str::to_owned));
        if let Some(answer) = self.divided.answers.lock().ok().and_then(|answers| answers.get(&key).cloned()) {
            return Ok(answer);
        }
        let asked = |document: &&Arc<RelatedDocument>| {
            self.is_there(document)
                && within.is_none_or(|within| self.spaces.are_same(within, &document.subject().namespace))
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
        found.retain(|document| self.is_there(document));
        Ok(Self::in_order(found))
    }

    fn open(&self, topic: u16, facet: Option<u16>, within: Option<&str>) -> Option<String> {
        // What another kustomization builds, or none, is not made for the subject.
        self.build?;
        let is_own = |document: &RelatedDocument| document.build() == self.build && self.is_there(document);
        let is_near = |document: &RelatedDocument| {
            within.is_none_or(|within| self.spaces.are_same(within, &document.subject().namespace))
        };
        let found = self.known().find_map(|known| {
            let of = |facet: Option<u16>| known.open.get(&(topic, facet)).into_iter().flatten();
            // One of which nothing is known may be in any namespace.
            let any = of(None).find(|document| is_own(document));
            let by_facet = facet.into_iter().flat_map(|facet| of(Some(facet)));
            any.or_else(|| by_facet.into_iter().find(|document| is_own(document) && is_near(document)))
        })?;
        found.why()
    }

    fn namespacing(&self) -> Namespacing {
        self.spaces
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{World, distinct, document, objects};
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Scalars, Unit};
    use crate::sets::{Kustomizations, Member, Reading, Role, Surroundings};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// The sets of some documents, each of a unit of its own with a path.
    fn sets(documents: &[(&str, &Document)]) -> Sets {
        let members: Vec<Member<'_>> = documents
            .iter()
            .map(|(path, document)| Member { path, objects: vec![&document.subject], makes: Vec::new() })
            .collect();
        Sets::new(&members, &Kustomizations::default(), &Surroundings::default())
    }

    fn divided<'s>(world: &World, sets: &'s Sets, documents: &[(&str, &Document)]) -> Divided<'s> {
        let cards = documents.iter().enumerate().flat_map(|(unit, (_, document))| {
            let cards = world.topics.cards(document).into_iter();
            cards.map(move |card| Placed { unit, variant: None, card, doubt: None })
        });
        Divided::new(sets, cards)
    }

    fn digests(world: &World, here: &Document, inventory: &dyn Inventory) -> Vec<Result<[u8; 32], Unavailable>> {
        world.told(here, inventory).into_iter().map(|answer| answer.map(|answer| *answer.digest())).collect()
    }

    proptest! {
        /// One set is told what an inventory of all its documents would tell, wherever their files are, but for what
        /// stands in an alternative.
        #[test]
        fn files_of_one_set_are_one_inventory(
            others in prop::collection::vec((objects(), "[ab]/[cd]"), 0..16), here in objects(),
        ) {
            let world = World::new();
            let paths: Vec<String> = others.iter().map(|(_, path)| format!("{path}.yaml")).collect();
            let others: Vec<Document> =
                distinct(others.into_iter().map(|(object, _)| object).collect()).iter().map(document).collect();
            let here = document(&here);
            let mut placed: Vec<(&str, &Document)> = paths.iter().map(String::as_str).zip(&others).collect();
            placed.push(("a/here.yaml", &here));
            let sets = sets(&placed);
            let inventory = divided(&world, &sets, &placed);
            let view = inventory.view(Whose::Written(placed.len() - 1));
            let seen: Vec<&Document> =
                view.parts.iter().flat_map(|part| (0..placed.len()).filter(|unit| {
                    if sets.are_alternatives(placed.len() - 1, *unit) {
                        return false;
                    }
                    let branch = sets.branches_of(Whose::Written(*unit))[0];
                    if part.whole { sets.holders(branch).any(|holder| holder == part.branch) } else { branch == part.branch }
                })).map(|unit| placed[unit].1).collect();
            prop_assume!(view.spaces == Namespacing::Written);
            let wanted = world.collected(seen);
            prop_assert_eq!(digests(&world, &here, &view), digests(&world, &here, &wanted));
        }
    }

    #[test]
    fn no_namespace_is_default_in_every_relation() {
        let world = World::new();
        let object = |kind: &str, name: &str, namespace: &str, spec: Value| {
            let metadata = json!({"name": name, "namespace": namespace, "labels": {"a": "1"}});
            json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec})
        };
        let budget = |namespace: &str| {
            let mut budget =
                object("PodDisruptionBudget", "b", namespace, json!({"selector": {"matchLabels": {"a": "1"}}}));
            budget["apiVersion"] = json!("policy/v1");
            budget
        };
        let found = |here: &Value, there: &[Value]| -> usize {
            let documents: Vec<Document> = there.iter().chain([here]).map(document).collect();
            let placed: Vec<(&str, &Document)> = documents.iter().map(|it| ("a.yaml", it)).collect();
            let sets = sets(&placed);
            let inventory = divided(&world, &sets, &placed);
            let told = world.told(&documents[there.len()], &inventory.view(Whose::Written(there.len())));
            told.iter().flatten().map(|answer| answer.documents().len()).sum()
        };
        for one in ["", "default"] {
            let there = [
                object("Service", "s", one, json!({"selector": {"a": "1"}})),
                budget(one),
                object("ServiceAccount", "default", one, json!({})),
            ];
            let other = if one.is_empty() { "default" } else { "" };
            let pod = |namespace: &str| object("Pod", "p", namespace, json!({}));
            assert_eq!(found(&pod(other), &there), found(&pod(one), &there), "{one}");
            assert!(found(&pod(other), &there) > 3);
            let apart = [&there[..], &[object("Service", "x", "shop", json!({}))]].concat();
            assert!(found(&pod(other), &apart) < found(&pod(one), &apart));
        }
    }

    #[test]
    fn what_a_kustomization_generates_is_found_by_its_name() {
        let world =
            World::of(json!([{"name": "maps", "kinds": ["core/ConfigMap"], "scope": "namespace", "reads": ["data"],
            "relation": {"named": {"kind": "=ConfigMap", "name": "pod.spec.map"}}}]));
        let text = "configMapGenerator:\n- name: app\n  literals: [A=1]\n";
        let unit = Unit::new(Form::Yaml(Scalars::Core12), Source::new("kustomization.yaml", text));
        let reading = Reading::new(&unit, Role::Kustomization, &Limits::default()).unwrap();
        let (_, made) = reading.found().last().unwrap();
        let pod =
            document(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"map": "app"}}));
        let placed = [("kustomization.yaml", made), ("pod.yaml", &pod)];
        let sets = sets(&placed);
        let told = world.told(&pod, &divided(&world, &sets, &placed).view(Whose::Written(1))).remove(0).unwrap();
        assert!(told.json().contains(r#""document":{"data":{"A":"1"}}"#), "{}", told.json());
        assert_eq!(told.documents()[0].origin(), Some(Origin { unit: 0, document: 0 }));
    }
}
