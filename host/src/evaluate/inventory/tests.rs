//! Answers from indexes against answers from looking at every document.

use super::*;
use crate::document::{Document, Format, Source, Subject};
use crate::manifest::Query;
use crate::parse::{Form, Limits, Scalars, Unit};
use crate::workload::WorkloadKinds;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Queries of every relation, of every scope that it has. Pods are shown as workloads, which the others are not.
fn queries() -> Value {
    let at = |path: &str| format!("object.{path}|{path}");
    let naming = json!({"name": at("spec.ref.name"), "kind": at("spec.ref.kind") + "=Pod", "namespace": at("spec.ref.namespace")});
    let accounts = json!({"name": at("spec.account") + "=default", "kind": "=ServiceAccount"});
    let subjects =
        json!({"name": "subjects[*].name", "kind": "subjects[*].kind", "namespace": "subjects[*].namespace"});
    let role = json!({"name": "role.name", "kind": "role.kind"});
    let labels = "pod.metadata.labels|metadata.labels";
    let twin = json!([at("spec.selector"), at("metadata.name")]);
    json!([
        {"name": "services", "kinds": ["core/Service"], "scope": "namespace",
         "relation": {"selects": {"there": "spec.selector", "here": labels}}, "reads": ["metadata.labels"]},
        {"name": "budgets", "kinds": ["policy/PodDisruptionBudget", "x.io/Monitor"], "scope": "namespace",
         "relation": {"selects": {"there": "spec.selector", "here": labels}}, "reads": ["spec.selector"]},
        {"name": "anywhere", "kinds": ["policy/PodDisruptionBudget"], "scope": "cluster",
         "relation": {"selects": {"there": "spec.selector", "here": labels}}, "reads": []},
        {"name": "monitors", "kinds": ["x.io/Monitor"], "scope": "cluster", "via": "services",
         "relation": {"selects": {"there": "spec.selector", "here": "metadata.labels", "namespaces": "spec.spaces"}},
         "reads": ["spec"]},
        {"name": "peers", "kinds": ["x.io/Monitor"], "scope": "cluster",
         "relation": {"selects": {"there": "spec.selector", "here": labels, "namespaceLabels": "spec.labelled"}},
         "reads": ["spec"]},
        {"name": "selected", "kinds": ["workload", "core/Service"], "scope": "namespace",
         "relation": {"selected": {"there": labels, "here": at("spec.selector")}}, "reads": []},
        {"name": "watched", "kinds": ["core/Pod"], "scope": "cluster",
         "relation": {"selected": {"there": labels, "here": at("spec.selector"), "namespaces": at("spec.spaces")}},
         "reads": ["pod.metadata.labels"]},
        {"name": "reached", "kinds": ["core/Pod"], "scope": "cluster",
         "relation": {"selected": {"there": labels, "here": at("spec.selector"), "namespaceLabels": at("spec.labelled")}},
         "reads": ["pod.metadata.labels"]},
        {"name": "scalers", "kinds": ["x.io/Scaler"], "scope": "namespace", "relation": {"names": naming}, "reads": []},
        {"name": "scalers_anywhere", "kinds": ["x.io/Scaler"], "scope": "cluster", "relation": {"names": naming},
         "reads": []},
        {"name": "scaled", "kinds": ["core/Pod", "core/Service", "core/Namespace"], "scope": "cluster",
         "relation": {"named": naming}, "reads": ["metadata.labels"]},
        {"name": "accounts", "kinds": ["core/ServiceAccount"], "scope": "namespace", "relation": {"named": accounts},
         "reads": []},
        {"name": "bindings", "kinds": ["x.io/Binding"], "scope": "cluster", "via": "accounts",
         "relation": {"names": subjects}, "reads": ["role"]},
        {"name": "roles", "kinds": ["x.io/Role", "x.io/ClusterRole"], "scope": "cluster", "via": "bindings",
         "relation": {"named": role}, "reads": []},
        {"name": "twins", "kinds": ["core/Service", "x.io/Monitor"], "scope": "namespace",
         "relation": {"same": {"there": ["spec.selector", "metadata.name"], "here": twin}}, "reads": []},
        {"name": "sharers", "kinds": ["x.io/Scaler"], "scope": "cluster",
         "relation": {"same": {"there": "spec.ref", "here": at("spec.ref")}}, "reads": []},
        {"name": "space", "kinds": ["core/Namespace"], "scope": "cluster",
         "relation": {"of": {"there": "namespace"}}, "reads": ["metadata.labels"]},
        {"name": "scalers_else", "kinds": ["x.io/Scaler"], "scope": "cluster", "unless": "scalers",
         "relation": {"names": naming}, "reads": []},
        {"name": "all", "kinds": ["core/Service"], "scope": "cluster", "reads": ["spec"]},
    ])
}

/// Questions about objects, with the means to answer them.
pub(crate) struct World {
    pub(super) topics: Topics,
    queries: Vec<Query>,
    questions: Vec<u16>,
}

/// The documents of a file of the repository.
pub(super) fn file_of(path: &str, text: &str) -> Vec<Document> {
    let form = if path.ends_with("Dockerfile") {
        Form::Dockerfile
    } else if path.ends_with("Makefile") {
        Form::Plain(Format::Makefile)
    } else {
        Form::Yaml(Scalars::Core12)
    };
    let units = Unit::split(form, &path.into(), text, &Limits::default()).unwrap();
    units.iter().flat_map(|unit| unit.parse(&Limits::default()).unwrap()).collect()
}

/// By which documents of the answer before each document came.
fn came_by(answer: &Answer) -> Vec<Vec<u32>> {
    answer.ways().iter().map(|way| way.via.clone()).collect()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(queries())
    }

    pub(super) fn of(queries: Value) -> Self {
        let queries: Vec<Query> = serde_json::from_value(queries).unwrap();
        let (topics, mut asks) = Topics::collect([&queries[..]].into_iter(), &WorkloadKinds::default());
        Self { topics, queries, questions: asks.remove(0) }
    }

    pub(crate) fn topics(&self) -> &[Topic] {
        self.topics.as_slice()
    }

    pub(crate) fn collected<'d>(&self, documents: impl IntoIterator<Item = &'d Document>) -> Collected {
        Collected::new(documents.into_iter().flat_map(|document| self.topics.cards(document)))
    }

    /// What is answered about a document: for each query who is told, or why nobody.
    pub(crate) fn told(&self, here: &Document, inventory: &dyn Inventory) -> Vec<Result<Answer, Unavailable>> {
        let asking = Asking::new(&self.topics, here, WorkloadKinds::default().shape(here), inventory);
        self.questions.iter().map(|question| asking.answer(*question)).collect()
    }
}

pub(crate) fn document(object: &Value) -> Document {
    let source = Source::new("a.json", object.to_string());
    Unit::new(Form::Json, source).parse(&Limits::default()).unwrap().remove(0)
}

fn labels() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[ab]", "[12]", 0..3).prop_map(|labels| json!(labels))
}

fn selector() -> impl Strategy<Value = Value> {
    let expression = (
        "[abc]",
        prop::sample::select(vec!["In", "NotIn", "Exists", "DoesNotExist", "Gt"]),
        prop::collection::vec("[12]", 0..3),
    );
    let expression = expression.prop_map(|(key, operator, values)| match operator {
        "Exists" | "DoesNotExist" if values.len() < 2 => json!({"key": key, "operator": operator}),
        _ => json!({"key": key, "operator": operator, "values": values}),
    });
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        labels(),
        labels().prop_map(|labels| json!({"matchLabels": labels})),
        (labels(), prop::collection::vec(expression, 0..3))
            .prop_map(|(labels, expressions)| json!({"matchLabels": labels, "matchExpressions": expressions})),
    ]
}

fn spaces() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!({"any": true})),
        prop::collection::vec("[xyz]", 0..3).prop_map(|names| json!({"matchNames": names})),
    ]
}

fn labelled() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        "[xyz]".prop_map(|name| json!({"matchLabels": {"kubernetes.io/metadata.name": name}})),
        "[12]".prop_map(|value| json!({"matchLabels": {"a": value}})),
        Just(json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]})),
    ]
}

fn reference() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![None, Some("Pod"), Some("Service"), Some("Namespace")]);
    (kind, "[pqx]", prop::option::of("[xy]")).prop_map(|(kind, name, namespace)| {
        let mut reference = json!({"name": name});
        if let Some(kind) = kind {
            reference["kind"] = kind.into();
        }
        if let Some(namespace) = namespace {
            reference["namespace"] = namespace.into();
        }
        reference
    })
}

/// Any object of the kinds that are asked for.
pub(crate) fn objects() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        ("v1", "Pod"),
        ("v1", "Service"),
        ("policy/v1", "PodDisruptionBudget"),
        ("policy/v1beta1", "PodDisruptionBudget"),
        ("x.io/v1", "Monitor"),
        ("x.io/v1", "Scaler"),
        ("v1", "ServiceAccount"),
        ("x.io/v1", "Binding"),
        ("x.io/v1", "Role"),
        ("x.io/v1", "ClusterRole"),
        ("v1", "Namespace"),
    ]);
    let subjects = prop::collection::vec(("[pq]", "[xy]"), 0..3).prop_map(|subjects| {
        let subject = |(name, namespace): &(String, String)| {
            json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
        };
        json!(subjects.iter().map(subject).collect::<Vec<_>>())
    });
    let spec = (selector(), spaces(), labelled(), reference());
    (kind, "[xyz]", "[pq]", labels(), spec, subjects, any::<bool>()).prop_map(
        |((version, kind), namespace, name, labels, (selector, spaces, labelled, reference), subjects, flag)| {
            let mut metadata = json!({"name": name, "labels": labels});
            match kind {
                "ClusterRole" => {}
                "Namespace" => metadata["name"] = namespace.clone().into(),
                _ => metadata["namespace"] = namespace.clone().into(),
            }
            let role = if flag { "Role" } else { "ClusterRole" };
            json!({
                "apiVersion": version, "kind": kind, "metadata": metadata, "subjects": subjects,
                "role": {"kind": role, "name": name},
                "spec": {
                    "selector": selector, "spaces": spaces, "labelled": labelled, "ref": reference,
                    "account": if flag { name.into() } else { Value::Null },
                },
            })
        },
    )
}

// ---------------------------------------------------------------------------------------------
// The same by looking at every document: Kubernetes' rules, written once more.

struct Brute<'d> {
    documents: &'d [Value],
}

fn at<'v>(object: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(object, |value, key| value.get(key).unwrap_or(&Value::Null))
}

fn text<'v>(object: &'v Value, path: &str) -> &'v str {
    at(object, path).as_str().unwrap_or_default()
}

fn namespace(object: &Value) -> &str {
    text(object, "metadata.namespace")
}

/// Whether a selector of a kind of object selects labels of which all are known, or only one.
fn selects(owner: &Value, selector: &Value, labels: &Value, known: Option<&str>) -> Option<bool> {
    let label = |key: &str| match known {
        Some(known) if known != key => None,
        _ => Some(labels.get(key).and_then(Value::as_str)),
    };
    let is_map = owner["kind"] == "Service";
    let Value::Object(fields) = selector else { return Some(false) };
    let required = if is_map { selector } else { &selector["matchLabels"] };
    let expressions: &[Value] = match &selector["matchExpressions"] {
        Value::Array(expressions) if !is_map => expressions,
        _ => &[],
    };
    let pairs = required.as_object();
    if is_map && (fields.is_empty() || fields.values().any(|value| !value.is_string())) {
        return Some(false);
    }
    let is_empty = pairs.is_none_or(serde_json::Map::is_empty) && expressions.is_empty();
    if is_empty && owner["apiVersion"] == "policy/v1beta1" {
        return Some(false);
    }
    let mut holds = Vec::new();
    for (key, value) in pairs.into_iter().flatten() {
        holds.push(label(key).map(|label| label == value.as_str()));
    }
    for expression in expressions {
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let label = label(text(expression, "key"));
        let listed = label.map(|label| label.is_some_and(|label| values.contains(&label)));
        holds.push(match (text(expression, "operator"), values.is_empty()) {
            ("In", false) => listed,
            ("NotIn", false) => listed.map(|listed| !listed),
            ("Exists", true) => label.map(|label| label.is_some()),
            ("DoesNotExist", true) => label.map(|label| label.is_none()),
            _ => return Some(false),
        });
    }
    match holds {
        holds if holds.contains(&Some(false)) => Some(false),
        holds if holds.contains(&None) => None,
        _ => Some(true),
    }
}

impl Brute<'_> {
    /// Whether a selector's object looks into a namespace; `None` when that is not known.
    fn looks_into(&self, selection: &Value, owner: &Value, target: &str) -> Option<bool> {
        let own = namespace(owner) == target;
        // The last of the ways in which a path is written is the one of the object itself.
        let path = |key: &str| selection[key].as_str().and_then(|path| path.rsplit('|').next());
        if let Some(path) = path("namespaces") {
            let names = &at(owner, path)["matchNames"];
            let names: Vec<&str> = names.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let any = at(owner, path)["any"] == true;
            return Some(any || names.contains(&target) || names.is_empty() && own);
        }
        let Some(path) = path("namespaceLabels") else { return Some(true) };
        let selector = at(owner, path);
        if selector.is_null() {
            return Some(own);
        }
        let owner = json!({"kind": "selector of namespaces"});
        let name = json!({"kubernetes.io/metadata.name": target});
        if let Some(known) = selects(&owner, selector, &name, Some("kubernetes.io/metadata.name")) {
            return Some(known);
        }
        let said = self.documents.iter().filter(|it| it["kind"] == "Namespace" && it["metadata"]["name"] == target);
        let answers = said.map(|space| {
            let mut labels = space["metadata"]["labels"].clone();
            labels["kubernetes.io/metadata.name"] = target.into();
            selects(&owner, selector, &labels, None)
        });
        let mut answers: Vec<Option<bool>> = answers.collect();
        answers.dedup();
        if answers.len() == 1 { answers[0] } else { None }
    }

    fn belongs(&self, query: &Value, here: &Value, there: &Value) -> Option<bool> {
        let kinds: Vec<&str> = query["kinds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let is_asked_for = kinds.iter().any(|kind| match kind.split_once('/') {
            None => there["kind"] == "Pod",
            Some((_, kind)) => there["kind"] == kind,
        });
        let across = query["scope"] == "cluster";
        if !is_asked_for || !across && namespace(here) != namespace(there) {
            return Some(false);
        }
        let Some((relation, with)) = query["relation"].as_object().and_then(|it| it.iter().next()) else {
            return Some(true);
        };
        let means = |from: &Value, to: &Value| match (relation.as_str(), with["name"].as_str()) {
            (_, Some("subjects[*].name")) => from["subjects"].as_array().into_iter().flatten().any(|subject| {
                to["kind"] == subject["kind"]
                    && to["metadata"]["name"] == subject["name"]
                    && subject["namespace"] == namespace(to)
            }),
            (_, Some("role.name")) => {
                let reached = namespace(from) == namespace(to) || namespace(to).is_empty();
                to["kind"] == from["role"]["kind"] && to["metadata"]["name"] == from["role"]["name"] && reached
            }
            (_, Some(reference)) if reference.ends_with("spec.ref.name") => {
                let said = text(from, "spec.ref.namespace");
                let wanted = if said.is_empty() { namespace(from) } else { said };
                let kind = at(from, "spec.ref.kind").as_str().unwrap_or("Pod");
                let reached = wanted == namespace(to) || across && namespace(to).is_empty();
                to["kind"] == kind && to["metadata"]["name"] == from["spec"]["ref"]["name"] && reached
            }
            _ => {
                let account = at(from, "spec.account").as_str().unwrap_or("default");
                to["kind"] == "ServiceAccount" && to["metadata"]["name"] == account && namespace(to) == namespace(from)
            }
        };
        let labels = |of: &Value| of["metadata"]["labels"].clone();
        match relation.as_str() {
            "selects" | "selected" => {
                let (owner, other) = if relation == "selects" { (there, here) } else { (here, there) };
                let selected = selects(owner, at(owner, "spec.selector"), &labels(other), None)?;
                if !selected { Some(false) } else { self.looks_into(with, owner, namespace(other)) }
            }
            "names" => Some(means(there, here)),
            "named" => Some(means(here, there)),
            "same" if with["there"] == "spec.ref" => Some(here["spec"]["ref"] == there["spec"]["ref"]),
            "same" => {
                let key = |of: &Value| (at(of, "spec.selector").clone(), at(of, "metadata.name").clone());
                Some(key(here) == key(there))
            }
            _ => Some(there["kind"] == "Namespace" && there["metadata"]["name"] == namespace(here)),
        }
    }

    /// Who is told, with the positions of those that they came by; `None` when that is not known.
    fn told(&self, query: &Value, here: &Value) -> Option<Vec<(Value, Vec<u32>)>> {
        let earlier = |name: &str| {
            let queries = queries();
            let earlier = queries.as_array().unwrap().iter().find(|earlier| earlier["name"] == name).cloned();
            self.told(&earlier.unwrap(), here)
        };
        if let Some(first) = query["unless"].as_str()
            && !earlier(first)?.is_empty()
        {
            return Some(Vec::new());
        }
        let before: Vec<Value> = match query["via"].as_str() {
            None => vec![here.clone()],
            Some(via) => earlier(via)?.into_iter().map(|(document, _)| document).collect(),
        };
        let mut told: Vec<(Value, Vec<u32>)> = Vec::new();
        for there in self.documents {
            let mut via = Vec::new();
            for (position, here) in before.iter().enumerate() {
                if self.belongs(query, here, there)? {
                    via.push(position as u32);
                }
            }
            if !via.is_empty() {
                told.push((there.clone(), via));
            }
        }
        let order = |it: &(Value, Vec<u32>)| {
            let object = &it.0;
            let (group, version) =
                text(object, "apiVersion").split_once('/').unwrap_or(("", text(object, "apiVersion")));
            let name = text(object, "metadata.name");
            [group, version, text(object, "kind"), namespace(object), name].map(str::to_owned)
        };
        told.sort_by_key(order);
        Some(told)
    }
}

/// Objects of different identities.
pub(super) fn distinct(mut objects: Vec<Value>) -> Vec<Value> {
    let identity = |object: &Value| {
        let (group, _) = text(object, "apiVersion").split_once('/').unwrap_or_default();
        (
            group.to_owned(),
            object["kind"].to_string(),
            namespace(object).to_owned(),
            text(object, "metadata.name").to_owned(),
        )
    };
    objects.sort_by_key(identity);
    objects.dedup_by_key(|object| identity(object));
    objects
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_are_those_of_looking_at_every_document(
        others in prop::collection::vec(objects(), 0..24), here in objects(),
    ) {
        let world = World::new();
        let objects = distinct(others);
        let documents: Vec<Document> = objects.iter().map(document).collect();
        let answers = world.told(&document(&here), &world.collected(&documents));
        let brute = Brute { documents: &objects };
        for (query, answer) in queries().as_array().unwrap().iter().zip(answers) {
            let wanted = brute.told(query, &here);
            let name = query["name"].as_str().unwrap();
            match (&answer, wanted) {
                (Err(_), None) => {}
                (Ok(answer), Some(wanted)) => {
                    let wanted_subjects: Vec<Subject> =
                        wanted.iter().map(|(object, _)| document(object).subject).collect();
                    let told: Vec<Subject> = answer.documents().iter().map(|it| (*it.subject).clone()).collect();
                    prop_assert_eq!(told, wanted_subjects, "{}", name);
                    if query["via"].is_string() {
                        let via: Vec<Vec<u32>> = wanted.into_iter().map(|(_, via)| via).collect();
                        prop_assert_eq!(came_by(answer), via, "{}", name);
                    }
                }
                (answer, wanted) => prop_assert!(false, "{name}: {answer:?}, wanted {wanted:?}"),
            }
        }
    }

    #[test]
    fn what_is_remembered_of_a_document_asks_the_same(
        others in prop::collection::vec(objects(), 0..12), here in objects(),
    ) {
        let world = World::new();
        let documents: Vec<Document> = others.iter().map(document).collect();
        let (inventory, here) = (world.collected(&documents), document(&here));
        let first = Asking::new(&world.topics, &here, WorkloadKinds::default().shape(&here), &inventory);
        let digests = |asking: &Asking<'_>| {
            let answers = world.questions.iter().map(|question| asking.answer(*question));
            answers.map(|answer| answer.map(|answer| *answer.digest())).collect::<Vec<_>>()
        };
        let told = digests(&first);
        let remembered = first.into_here();
        let again = Asking::again(&world.topics, &here.subject, &remembered, &inventory);
        prop_assert_eq!(told, digests(&again));
    }
}

#[test]
fn each_hop_is_told_with_where_it_came_by() {
    let world = World::new();
    let object = |version: &str, kind: &str, name: &str, spec: Value| {
        let metadata = json!({"name": name, "namespace": "x", "labels": {"a": name}});
        document(&json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}))
    };
    let pod = object("v1", "Pod", "p", json!({}));
    let documents = [
        object("v1", "Service", "one", json!({"selector": {"a": "p"}})),
        object("v1", "Service", "two", json!({"selector": {"a": "p"}})),
        object("v1", "Service", "other", json!({"selector": {"a": "q"}})),
        object(
            "x.io/v1",
            "Monitor",
            "both",
            json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}),
        ),
        object("x.io/v1", "Monitor", "second", json!({"selector": {"matchLabels": {"a": "two"}}})),
    ];
    let told = world.told(&pod, &world.collected(&documents));
    let names = |at: usize| -> Vec<&str> {
        told[at].as_ref().unwrap().documents().iter().map(|document| document.subject.name.as_str()).collect()
    };
    assert_eq!(names(0), ["one", "two"]);
    assert_eq!(names(3), ["both", "second"]);
    let monitors = told[3].as_ref().unwrap();
    assert_eq!(came_by(monitors), [vec![0, 1], vec![1]]);
    let told: Value = serde_json::from_str(monitors.json()).unwrap();
    assert_eq!(told[0]["via"], json!([0, 1]));
    assert_eq!(told[1]["subject"]["name"], "second");
    assert_eq!(told[1]["via"], json!([1]));
}

#[test]
fn a_selector_of_namespaces_needs_to_know_them() {
    let world = World::new();
    let peer = |labelled: Value| {
        let spec = json!({"selector": {"matchLabels": {"a": "1"}}, "labelled": labelled});
        document(
            &json!({"apiVersion": "x.io/v1", "kind": "Monitor", "metadata": {"name": "m", "namespace": "y"}, "spec": spec}),
        )
    };
    let pod = |label: &str| {
        let metadata = json!({"name": "p", "namespace": "x", "labels": {"a": label}});
        document(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}))
    };
    let space =
        document(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": {"a": "1"}}}));
    let peers = world.queries.iter().position(|query| query.name == "peers").unwrap();
    let told = |pod: &Document, documents: &[Document]| {
        let answer = world.told(pod, &world.collected(documents)).remove(peers);
        answer.map(|answer| answer.documents().len()).map_err(|error| error.to_string())
    };
    let by_label = peer(json!({"matchLabels": {"a": "1"}}));
    assert_eq!(
        told(&pod("1"), std::slice::from_ref(&by_label)).unwrap_err(),
        "the labels of the namespace `x` are not known"
    );
    // Where the pods do not match anyway, the namespace does not matter.
    assert_eq!(told(&pod("2"), std::slice::from_ref(&by_label)), Ok(0));
    assert_eq!(told(&pod("1"), &[by_label.clone(), space.clone()]), Ok(1));
    let by_name = peer(json!({"matchLabels": {"kubernetes.io/metadata.name": "x"}}));
    assert_eq!(told(&pod("1"), &[by_name]), Ok(1));
}

#[test]
fn what_exceeds_a_bound_has_no_answer() {
    let services = json!([
        {"name": "services", "kinds": ["core/Service"], "scope": "namespace",
         "relation": {"selects": {"there": "spec.selector", "here": "pod.metadata.labels"}}, "reads": ["spec"]},
        {"name": "all", "kinds": ["core/Service"], "scope": "namespace", "reads": ["spec"]},
        {"name": "back", "kinds": ["core/Pod"], "scope": "namespace", "via": "services",
         "relation": {"selected": {"there": "pod.metadata.labels", "here": "spec.selector"}}, "reads": []},
    ]);
    let object = |kind: &str, name: usize, spec: Value| {
        let metadata = json!({"name": name.to_string(), "namespace": "x", "labels": {"a": "1"}});
        document(&json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}))
    };
    let pod = object("Pod", 0, json!({}));
    let services_of = |count| (0..count).map(|name| object("Service", name, json!({"selector": {"a": "1"}})));
    let documents: Vec<Document> = services_of(4).chain((0..3).map(|name| object("Pod", name, json!({})))).collect();
    let told = |limits: limits::AnswerLimits| -> Vec<String> {
        let mut world = World::of(services.clone());
        world.topics.limits = limits;
        let told = world.told(&pod, &world.collected(&documents)).into_iter();
        told.map(|answer| answer.map_or_else(|error| error.to_string(), |answer| answer.documents().len().to_string()))
            .collect()
    };
    let usual = limits::AnswerLimits::default;
    assert_eq!(told(usual()), ["4", "4", "3"]);
    let documents_bound = "it would have more than 3 documents (limit `answer documents`)";
    assert_eq!(told(limits::AnswerLimits { documents: 3, ..usual() }), [documents_bound; 3]);
    // Twelve pairs of a Service and a Pod.
    let pairs_bound = "it would have more than 11 documents (limit `answer documents`)";
    assert_eq!(told(limits::AnswerLimits { documents: 11, ..usual() }), ["4", "4", pairs_bound]);
    let told_few_bytes = told(limits::AnswerLimits { bytes: 400, ..usual() });
    assert!(told_few_bytes[0].ends_with("bytes, more than 400 (limit `answer bytes`)"), "{}", told_few_bytes[0]);
    let effort_bound = "more than 3 documents would have to be looked at (limit `examined`)";
    assert_eq!(told(limits::AnswerLimits { examined: 3, ..usual() }), [effort_bound, "4", effort_bound]);
}

#[test]
fn a_document_with_too_many_keys_has_no_known_relations() {
    let world = World::of(json!([
        {"name": "q", "kinds": ["x.io/Many"], "scope": "namespace",
         "relation": {"same": {"there": ["a[*].x", "b[*].x"], "here": ["a[*].x", "b[*].x"]}}, "reads": []},
    ]));
    let many = |count: usize| {
        let items = vec![json!({"x": 1}); count];
        document(&json!({"apiVersion": "x.io/v1", "kind": "Many", "metadata": {"name": "m"}, "a": items, "b": items}))
    };
    let told = |here: &Document, there: Document| world.told(here, &world.collected([&there])).remove(0);
    assert_eq!(told(&many(3), many(3)).unwrap().documents().len(), 1);
    let wanted = "Many m has more than 10000 keys for a relation (limit `keys`)";
    assert_eq!(told(&many(3), many(101)).unwrap_err().to_string(), wanted);
    assert_eq!(told(&many(101), many(3)).unwrap_err().to_string(), wanted);
}

/// Workloads with their Services, budgets and autoscalers, in one namespace or in one each.
fn cluster(count: usize, namespaces: usize) -> Vec<Document> {
    let object = |version: &str, kind: &str, index: usize, spec: Value| {
        let labels = json!({"app.kubernetes.io/part-of": "shop", "a": index.to_string()});
        let namespace = format!("n{}", index % namespaces);
        let metadata = json!({"name": index.to_string(), "namespace": namespace, "labels": labels});
        document(&json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}))
    };
    let of_one = |index: usize| {
        let labels = json!({"app.kubernetes.io/part-of": "shop", "a": index.to_string()});
        let selector = json!({"matchLabels": labels});
        [
            object("v1", "Pod", index, json!({})),
            object("v1", "Service", index, json!({"selector": labels})),
            object("policy/v1", "PodDisruptionBudget", index, json!({"selector": selector})),
            object("x.io/v1", "Monitor", index, json!({"selector": selector})),
            object("x.io/v1", "Scaler", index, json!({"ref": {"name": index.to_string()}})),
        ]
    };
    (0..count).flat_map(of_one).collect()
}

#[test]
fn what_is_told_and_looked_at_grows_as_the_documents_do() {
    let mut world = World::new();
    for namespaces in [1, 50] {
        let told = |count: usize| -> usize {
            let documents = cluster(count, namespaces);
            let inventory = world.collected(&documents);
            let pods = documents.iter().filter(|document| document.subject.kind == "Pod");
            let of_pod = |pod| {
                let told = world.told(pod, &inventory).into_iter().zip(&world.queries);
                let related = told.filter(|(_, query)| query.relation.is_some());
                related.map(|(answer, _)| answer.unwrap().documents().len()).sum::<usize>()
            };
            pods.map(of_pod).sum()
        };
        // The Service, the Monitor by way of it, the Scaler and its own kind; the budget and the Monitor twice.
        assert_eq!(told(100), 2 * told(50));
        assert_eq!(told(200), 4 * told(50));
    }
    // A label that all share does not make all of them looked at: three documents at the most for each answer.
    world.topics.limits.examined = 6;
    let documents = cluster(200, 1);
    let inventory = world.collected(&documents);
    for pod in documents.iter().filter(|document| document.subject.kind == "Pod") {
        assert!(world.told(pod, &inventory).into_iter().all(|answer| answer.is_ok()));
    }
}

#[test]
fn images_lead_to_the_dockerfiles_that_they_are_built_from() {
    let world = World::of(json!([
        {"name": "own", "kinds": ["file/Dockerfile"], "scope": "cluster", "reads": ["path"],
         "relation": {"built": {"image": ["pod.spec.containers[*].image", "pod.spec.initContainers[*].image"]}}},
        {"name": "users", "kinds": ["file/Compose", "file/GitHubWorkflow"], "scope": "cluster", "reads": [],
         "relation": {"calls": {}}},
    ]));
    let file = |path: &str, text: &str| file_of(path, text).remove(0);
    let files = [
        file("services/api/Dockerfile", "FROM a"),
        file("images/front.Dockerfile", "FROM a"),
        file("worker/Dockerfile", "FROM a"),
        file("nginx/Dockerfile", "FROM a"),
        file(
            "compose.yaml",
            "services:\n  w: {image: 'acme/web', build: {context: ., dockerfile: images/front.Dockerfile}}\n",
        ),
        file(
            ".github/workflows/ci.yaml",
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - uses: docker/build-push-action@v6\n      with: {context: worker, tags: 'ghcr.io/acme/jobs:1'}\n",
        ),
    ];
    let pod = |images: &[&str]| {
        let containers: Vec<Value> = images.iter().map(|image| json!({"name": "c", "image": image})).collect();
        document(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "x"},
            "spec": {"containers": containers[..1], "initContainers": containers[1..]}}))
    };
    let inventory = world.collected(&files);
    let told = |here: &Document, query: usize| -> Vec<(String, Vec<String>)> {
        let answer = world.told(here, &inventory).remove(query).unwrap();
        let images = |way: &super::answer::Way| way.images.iter().map(|image| image.to_string()).collect();
        let documents = answer.documents().iter().enumerate();
        documents
            .map(|(at, it)| (it.subject.name.clone(), answer.ways().get(at).map(images).unwrap_or_default()))
            .collect()
    };
    let one = |path: &str, images: &[&str]| (path.to_owned(), images.iter().map(|image| (*image).to_owned()).collect());
    // What a file says wins over what a Dockerfile is called.
    for (images, expected) in [
        (&["ghcr.io/acme/api:1"][..], vec![one("services/api/Dockerfile", &["ghcr.io/acme/api:1"])]),
        (&["ghcr.io/acme/web:1"], vec![one("images/front.Dockerfile", &["ghcr.io/acme/web:1"])]),
        (
            &["acme/jobs:2", "r.io/x/api@sha256:0"],
            vec![one("services/api/Dockerfile", &["r.io/x/api@sha256:0"]), one("worker/Dockerfile", &["acme/jobs:2"])],
        ),
        (&["x/api:1", "y/api:1"], vec![one("services/api/Dockerfile", &["x/api:1", "y/api:1"])]),
        (&["other/jobs", "nginx:1", "$IMAGE"], vec![]),
    ] {
        assert_eq!(told(&pod(images), 0), expected, "{images:?}");
    }
    assert_eq!(told(&files[1], 1), [one("compose.yaml", &[])]);
    assert_eq!(told(&files[2], 1), [one(".github/workflows/ci.yaml", &[])]);
    let answer = world.told(&pod(&["a/api"]), &inventory).remove(0).unwrap();
    assert!(answer.json().ends_with(r#""images":["a/api"]}]"#), "{}", answer.json());
}
