//! What a kustomization does to the objects that it builds: names, namespaces, labels and selectors, images, replicas.

use super::counts::{Image, Replicas};
use super::fields::{Field, is_cluster_scoped, metadata, namespaces, segments, selectors, templates};
use crate::document::{Document, Entry, Node, Value};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A change of objects, as one kustomization makes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// The namespace that it puts its objects into.
    pub(super) namespace: Option<Box<str>>,
    pub(super) prefix: Box<str>,
    pub(super) suffix: Box<str>,
    labels: Vec<Labels>,
    annotations: Vec<(Box<str>, Box<str>)>,
    replicas: Vec<Replicas>,
    images: Vec<Image>,
}

/// Labels that are given to objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Labels {
    pairs: Vec<(Box<str>, Box<str>)>,
    reach: Reach,
    /// Further fields.
    fields: Vec<Field>,
}

/// Where labels are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Reach {
    Objects,
    Templates,
    Selectors,
}

/// Fields that change, put together once.
struct Known {
    labels: Field,
    templates: Vec<Field>,
    selectors: Vec<Field>,
    annotations: Vec<Field>,
    namespaces: Vec<Field>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| Known {
    labels: metadata("labels"),
    templates: templates("labels"),
    selectors: selectors(),
    annotations: [metadata("annotations")].into_iter().chain(templates("annotations")).collect(),
    namespaces: namespaces(),
});

impl Change {
    /// Reads what a kustomization does.
    pub(super) fn read(root: &Node) -> Self {
        let text = |key: &str| root.get(key).and_then(Node::as_str).unwrap_or_default();
        let list = |key: &str| root.get(key).map_or(&[][..], Node::items);
        let reach = |entry: &Node| {
            let is_set = |key: &str| entry.get(key).is_some_and(|node| node.value == Value::Bool(true));
            match (is_set("includeSelectors"), is_set("includeTemplates")) {
                (true, _) => Reach::Selectors,
                (false, true) => Reach::Templates,
                (false, false) => Reach::Objects,
            }
        };
        let labels = list("labels").iter().map(|entry| Labels {
            pairs: pairs(entry.get("pairs")),
            reach: reach(entry),
            fields: entry.get("fields").map_or(&[][..], Node::items).iter().filter_map(own_field).collect(),
        });
        let common = Labels { pairs: pairs(root.get("commonLabels")), reach: Reach::Selectors, fields: Vec::new() };
        Self {
            namespace: Some(text("namespace")).filter(|namespace| !namespace.is_empty()).map(Into::into),
            prefix: text("namePrefix").into(),
            suffix: text("nameSuffix").into(),
            labels: labels.chain([common]).filter(|labels| !labels.pairs.is_empty()).collect(),
            annotations: pairs(root.get("commonAnnotations")),
            replicas: list("replicas").iter().filter_map(Replicas::read).collect(),
            images: list("images").iter().filter_map(Image::read).collect(),
        }
    }

    /// Whether it changes nothing.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Changes an object. `before` are the names that it had until then, this kustomization's renaming included.
    pub(super) fn apply(&self, document: &mut Document, before: &[String]) {
        let Document { subject, root, .. } = document;
        if let Some(namespace) = &self.namespace {
            let set = &mut |node: &mut Node| node.value = Value::String(namespace.clone());
            let text = Value::String("".into());
            if !is_cluster_scoped(subject) {
                Field { path: segments("metadata/namespace"), ..metadata("") }.visit(root, &text, set);
            }
            for field in KNOWN.namespaces.iter().filter(|field| field.is_of(subject)) {
                field.visit(root, &text, set);
            }
            if matches!(subject.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
                default_accounts(root, namespace);
            }
        }
        if self.renames(&subject.group, &subject.kind) {
            let mut named = |node: &mut Node| {
                if let Some(name) = node.as_str() {
                    node.value = Value::String(format!("{}{name}{}", self.prefix, self.suffix).into());
                }
            };
            let name = Field { path: segments("metadata/name"), create: false, ..metadata("") };
            name.visit(root, &Value::Null, &mut named);
        }
        let empty = Value::Object(Vec::new());
        for Labels { pairs, reach, fields } in &self.labels {
            let known = match reach {
                Reach::Objects => [&[][..], &[]],
                Reach::Templates => [&KNOWN.templates[..], &[]],
                Reach::Selectors => [&KNOWN.templates[..], &KNOWN.selectors],
            };
            let all = fields.iter().chain([&KNOWN.labels]).chain(known.into_iter().flatten());
            for field in all.filter(|field| field.is_of(subject)) {
                field.visit(root, &empty, &mut |node| put(node, pairs));
            }
        }
        if !self.annotations.is_empty() {
            for field in KNOWN.annotations.iter().filter(|field| field.is_of(subject)) {
                field.visit(root, &empty, &mut |node| put(node, &self.annotations));
            }
        }
        let text = |path: &[&str]| root.path(path).and_then(Node::as_str).map(str::to_owned);
        if let Some(name) = text(&["metadata", "name"]).filter(|name| !name.is_empty()) {
            subject.name = name;
        }
        if let Some(namespace) = text(&["metadata", "namespace"]) {
            subject.namespace = namespace;
        }
        for replicas in &self.replicas {
            replicas.apply(subject, before, root);
        }
        if subject.kind != "CustomResourceDefinition" {
            self.images.iter().for_each(|image| image.apply(root));
        }
    }

    /// Whether it gives objects of a kind another name.
    pub(super) fn renames(&self, group: &str, kind: &str) -> bool {
        let keeps = matches!(
            (group, kind),
            (_, "CustomResourceDefinition" | "Namespace") | ("apiregistration.k8s.io", "APIService")
        );
        !(keeps || self.prefix.is_empty() && self.suffix.is_empty())
    }
}

/// Puts entries into a mapping, over those that are there.
fn put(node: &mut Node, pairs: &[(Box<str>, Box<str>)]) {
    let span = node.span;
    let Value::Object(entries) = &mut node.value else { return };
    for (key, value) in pairs {
        match entries.iter_mut().find(|entry| entry.key == *key) {
            Some(entry) => entry.value.value = Value::String(value.clone()),
            None => {
                let value = Node { value: Value::String(value.clone()), span, aliased: true };
                entries.push(Entry::new(key.clone(), span, value));
            }
        }
    }
}

/// Puts the accounts `default` that a binding names into a namespace. Others go with their accounts.
fn default_accounts(root: &mut Node, namespace: &str) {
    let subjects = Field { path: segments("subjects/namespace"), ..metadata("") };
    let Value::Object(entries) = &mut root.value else { return };
    let Some(list) = entries.iter_mut().find(|entry| &*entry.key == "subjects") else { return };
    let Value::Array(items) = &mut list.value.value else { return };
    let is_default = |item: &&mut Node| item.get("name").and_then(Node::as_str) == Some("default");
    for item in items.iter_mut().filter(is_default) {
        let own = Field { path: subjects.path[1..].to_vec(), ..subjects.clone() };
        own.visit(item, &Value::Null, &mut |node| node.value = Value::String(namespace.into()));
    }
}

/// The texts of a mapping; numbers and booleans as they are written.
fn pairs(node: Option<&Node>) -> Vec<(Box<str>, Box<str>)> {
    let text = |value: &Node| match &value.value {
        Value::String(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(is) => Some(is.to_string().into()),
        _ => None,
    };
    let entries = node.map_or(&[][..], Node::entries).iter();
    entries.filter_map(|entry| Some((entry.key.clone(), text(&entry.value)?))).collect()
}

/// A field that a kustomization names itself.
fn own_field(node: &Node) -> Option<Field> {
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
    let path = segments(text("path"));
    let create = node.get("create").is_some_and(|create| create.value == Value::Bool(true));
    (!path.is_empty()).then(|| Field {
        group: text("group").into(),
        version: text("version").into(),
        kind: text("kind").into(),
        path,
        create,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Scalars, Unit, yaml};

    fn built(kustomization: &str, object: &str) -> Document {
        let unit = Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("a.yaml", object));
        let mut document = unit.parse(&Limits::default()).unwrap().remove(0);
        let root = yaml::parse(kustomization, Scalars::Core12, &Limits::default()).unwrap().unwrap();
        Change::read(&root).apply(&mut document, &[]);
        document
    }

    fn json(kustomization: &str, object: &str) -> serde_json::Value {
        built(kustomization, object).root.to_value()
    }

    #[test]
    fn names_and_namespaces_change_with_the_subject() {
        let change = "{namespace: shop, namePrefix: a-, nameSuffix: -z}";
        let of = |object: &str| {
            let subject = built(change, object).subject;
            format!("{}/{}", subject.namespace, subject.name)
        };
        assert_eq!(of("{apiVersion: v1, kind: Service, metadata: {name: web, namespace: old}}"), "shop/a-web-z");
        assert_eq!(of("{apiVersion: v1, kind: Namespace, metadata: {name: old}}"), "/shop");
        assert_eq!(of("{apiVersion: v1, kind: Node, metadata: {name: web}}"), "/a-web-z");
        assert_eq!(of("{apiVersion: x.io/v1, kind: Node, metadata: {name: web}}"), "shop/a-web-z");
        let definition = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x.y}}";
        assert_eq!(of(definition), "/x.y");
    }

    #[test]
    fn labels_reach_as_far_as_they_are_told_to() {
        let deployment =
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: {template: {metadata: null}}}";
        let labels = |change: &str| {
            let built = json(change, deployment);
            let spec = &built["spec"];
            [
                built["metadata"]["labels"].clone(),
                spec["template"]["metadata"]["labels"].clone(),
                spec["selector"]["matchLabels"].clone(),
            ]
            .map(|labels| labels["a"].as_str().unwrap_or("-").to_owned())
            .join(" ")
        };
        assert_eq!(labels("{commonLabels: {a: b}}"), "b b b");
        assert_eq!(labels("{labels: [{pairs: {a: b}}]}"), "b - -");
        assert_eq!(labels("{labels: [{pairs: {a: b}, includeTemplates: true}]}"), "b b -");
        assert_eq!(labels("{labels: [{pairs: {a: 1}, includeSelectors: true}]}"), "1 1 1");
        let fields = "{labels: [{pairs: {a: b}, fields: [{path: spec/selector/matchLabels, create: true}]}]}";
        assert_eq!(labels(fields), "b - b");
        assert_eq!(labels("{labels: [{pairs: {a: b}}], commonLabels: {a: c}}"), "c c c");
    }

    #[test]
    fn selectors_that_select_all_stay_as_they_are() {
        let change = "{commonLabels: {a: b}}";
        let policy = |spec: &str| {
            let object = format!(
                "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {spec}}}"
            );
            json(change, &object)["spec"].clone()
        };
        assert_eq!(policy("{podSelector: {}}"), serde_json::json!({"podSelector": {}}));
        let from = policy(
            "{podSelector: {matchLabels: {x: z}}, ingress: [{from: [{podSelector: {matchLabels: {}}}, {ipBlock: {}}]}]}",
        );
        assert_eq!(from["podSelector"]["matchLabels"], serde_json::json!({"x": "z", "a": "b"}));
        assert_eq!(from["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["a"], "b");
        let service = json(change, "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {}}");
        assert_eq!(service["spec"]["selector"]["a"], "b");
    }

    #[test]
    fn bindings_follow_only_the_default_account() {
        let binding = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b}, \
                       subjects: [{kind: ServiceAccount, name: default}, {kind: ServiceAccount, name: x, namespace: z}]}";
        let built = json("{namespace: shop}", binding);
        assert_eq!(built["subjects"][0]["namespace"], "shop");
        assert_eq!(built["subjects"][1]["namespace"], "z");
    }

    #[test]
    fn images_and_replicas_are_set() {
        let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: {template: {spec: \
                          {initContainers: [{image: r.example:5000/i@sha256:0}], containers: [{image: shop:latest}, {}]}}}}";
        let built = |change: &str| {
            let spec = json(change, deployment)["spec"].clone();
            let pod = &spec["template"]["spec"];
            let image = |list: &str| pod[list][0]["image"].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", image("initContainers"), image("containers"), spec["replicas"])
        };
        let as_is = "r.example:5000/i@sha256:0 shop:latest null";
        assert_eq!(built("{images: [{name: shop, newTag: 1.2}]}"), as_is.replace("latest", "1.2"));
        assert_eq!(built("{images: [{name: shop, newName: x/y}]}"), as_is.replace("shop", "x/y"));
        assert_eq!(built("{images: [{name: shop, digest: 'sha256:7'}]}"), as_is.replace(":latest", "@sha256:7"));
        assert_eq!(
            built("{images: [{name: shop, newTag: v1, digest: 'sha256:7'}]}"),
            as_is.replace("latest", "v1@sha256:7")
        );
        assert_eq!(built("{images: [{name: shop, tagSuffix: -x}]}"), as_is.replace("latest", "latest-x"));
        assert_eq!(built("{images: [{name: 'r.example:5000/i', newTag: v1}]}"), as_is.replace("@sha256:0", ":v1"));
        assert_eq!(built("{images: [{name: sho, newTag: v1}, {name: p, newTag: v1}, 7, {newTag: x}]}"), as_is);
        assert_eq!(built("{replicas: [{name: w, count: 3}]}"), as_is.replace("null", "3"));
        assert_eq!(built("{namePrefix: a-, replicas: [{name: a-w, count: 3}]}"), as_is.replace("null", "3"));
        assert_eq!(built("{replicas: [{name: other, count: 3}, {name: w}]}"), as_is);
    }

    #[test]
    fn what_is_odd_changes_nothing() {
        for odd in [
            "{namespace: 7, namePrefix: [], labels: 7, commonLabels: x, images: 7, replicas: [7]}",
            "{labels: [{pairs: {a: {}}}]}",
            "{}",
            "7",
        ] {
            let root = yaml::parse(odd, Scalars::Core12, &Limits::default()).unwrap().unwrap();
            assert!(Change::read(&root).is_none(), "{odd}");
        }
    }
}
