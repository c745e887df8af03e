//! The patches of kustomizations, strategic merge patches and operations on JSON: what they make of an object.

use super::fields::Field;
use super::kustomizations::Kustomizations;
use super::unknown::{Unknown, patched_fields};
use crate::document::{Document, Entry, Node, Pointer, Span, Subject, Value, joined};
use crate::parse::{Limits, Scalars, yaml};
use regex::Regex;
use serde::{Deserialize, Serialize};

/// A patch, as a kustomization names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    /// What it is for, where that is said beside it.
    target: Option<Target>,
    from: From,
}

/// Where a patch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum From {
    /// In the kustomization itself.
    Text(Box<str>),
    /// In a file.
    File(Box<str>),
}

/// What a patch is for. What is empty is any; name and namespace are regular expressions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    group: Box<str>,
    version: Box<str>,
    kind: Box<str>,
    name: Box<str>,
    namespace: Box<str>,
    /// Whether it goes by labels or annotations, too.
    selects: bool,
}

/// The patches of each kustomization of a run, by its position.
#[derive(Debug, Default)]
pub(super) struct Patches(Vec<OfKustomization>);

/// The patches of one kustomization, and the directory that this is in.
#[derive(Debug)]
struct OfKustomization {
    directory: Box<str>,
    patches: Vec<Patch>,
}

#[derive(Debug)]
struct Patch {
    /// What it is called.
    called: Box<str>,
    target: Option<Target>,
    /// What it says; `None` where that is not known.
    root: Option<Node>,
}

/// What a patch does to an object.
#[derive(Debug, PartialEq, Eq)]
enum Effect {
    /// All of it is done.
    Done,
    /// Something of it may be missing in some fields; without any, anywhere.
    Partly(Vec<Field>),
    /// The object is no more.
    Deleted,
}

impl Named {
    /// The patches of a kustomization.
    pub(super) fn read(root: &Node) -> Vec<Self> {
        let list = |key: &str| root.get(key).map_or(&[][..], Node::items).iter();
        let merged = list("patchesStrategicMerge").filter_map(Node::as_str).map(|entry| {
            let is_text = super::kustomization::is_inline(entry);
            Self { target: None, from: if is_text { From::Text(entry.into()) } else { From::File(entry.into()) } }
        });
        let others = list("patches").chain(list("patchesJson6902")).filter_map(|entry| {
            let text = |key: &str| entry.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
            let file = || text("path").map(|path| From::File(path.into()));
            let from = text("patch").map(|text| From::Text(text.into())).or_else(file)?;
            Some(Self { target: entry.get("target").map(Target::read), from })
        });
        merged.chain(others).collect()
    }
}

impl Target {
    /// Reads what stands under `target` or `select`.
    pub(super) fn read(node: &Node) -> Self {
        let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default().into();
        Self {
            group: text("group"),
            version: text("version"),
            kind: text("kind"),
            name: text("name"),
            namespace: text("namespace"),
            selects: ["labelSelector", "annotationSelector"].iter().any(|key| node.get(key).is_some()),
        }
    }

    /// Reads the kind alone.
    pub(super) fn read_kind(node: &Node) -> Self {
        let Self { group, version, kind, .. } = Self::read(node);
        Self { group, version, kind, ..Self::default() }
    }

    /// The object that a patch names itself.
    pub(super) fn read_own(patch: &Node) -> Self {
        let text = |path: &[&str]| patch.path(path).and_then(Node::as_str).unwrap_or_default();
        let group = text(&["apiVersion"]).rsplit_once('/').map_or("", |(group, _)| group);
        let (kind, name) = (text(&["kind"]).into(), text(&["metadata", "name"]).into());
        Self { group: group.into(), kind, name, ..Self::default() }
    }

    /// Whether it is an object that has, or had, some names; `None` where that cannot be told.
    pub(super) fn is(&self, object: &Subject, before: &[String]) -> Option<bool> {
        let agrees = |said: &str, is: &str| said.is_empty() || said == is;
        let is_kind = agrees(&self.group, &object.group)
            && agrees(&self.version, &object.version)
            && agrees(&self.kind, &object.kind);
        let mut names = before.iter().map(String::as_str).chain([object.name.as_str()]);
        if !is_kind || !names.any(|name| matches(&self.name, name)) || !matches(&self.namespace, &object.namespace) {
            return Some(false);
        }
        (!self.selects).then_some(true)
    }
}

/// Whether an expression matches the whole of a text.
fn matches(expression: &str, text: &str) -> bool {
    let is_plain = expression.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match is_plain {
        true => expression.is_empty() || expression == text,
        false => Regex::new(&format!("^(?:{expression})$")).is_ok_and(|regex| regex.is_match(text)),
    }
}

impl Patches {
    /// Finds the patches of all kustomizations; `files` gives what a file among those of the run holds.
    pub(super) fn new<'d>(kustomizations: &Kustomizations, files: &dyn Fn(&str) -> Vec<&'d Document>) -> Self {
        let of = |(directory, named): (&str, &[Named])| {
            let mut patches = Vec::new();
            for Named { target, from } in named {
                let roots: Vec<Node> = match from {
                    From::File(path) => {
                        files(&joined(directory, path)).iter().map(|document| document.root.clone()).collect()
                    }
                    From::Text(text) => {
                        let parsed = yaml::parse(text, Scalars::Kubernetes, &Limits::default());
                        parsed.ok().flatten().into_iter().collect()
                    }
                };
                let is_none = roots.is_empty();
                let called = match from {
                    From::File(path) if is_none => format!("the patch `{path}`, which is not among the files"),
                    From::File(path) => format!("the patch `{path}`, of which not all is followed"),
                    From::Text(_) => "a patch of which not all is followed".to_owned(),
                };
                let patch = |root| Patch { called: called.as_str().into(), target: target.clone(), root };
                patches.extend(roots.into_iter().map(Some).map(patch));
                patches.extend(is_none.then(|| patch(None)));
            }
            OfKustomization { directory: directory.into(), patches }
        };
        Self(kustomizations.iter().map(|(directory, it)| of((directory, &it.patches))).collect())
    }

    /// Patches an object as a kustomization does it, and says whether it is there still. `before` are the names that the
    /// object had; what is not known of it is put into `unknown`.
    pub(super) fn apply(
        &self,
        kustomization: usize,
        object: &mut Document,
        before: &[String],
        unknown: &mut Vec<Unknown>,
    ) -> bool {
        let Some(OfKustomization { directory, patches }) = self.0.get(kustomization) else { return true };
        for patch in patches {
            match patch.apply(object, before) {
                Effect::Done => {}
                Effect::Partly(fields) => unknown.push(Unknown::of_patch(directory, &patch.called, fields)),
                Effect::Deleted => return false,
            }
        }
        true
    }
}

impl Patch {
    fn apply(&self, object: &mut Document, before: &[String]) -> Effect {
        let is_for = match (&self.target, &self.root) {
            (Some(target), _) => target.is(&object.subject, before),
            (None, Some(root @ Node { value: Value::Object(_), .. })) => Some(is_own(root, &object.subject, before)),
            (None, _) => None,
        };
        let root = match (is_for, &self.root) {
            (Some(false), _) => return Effect::Done,
            (Some(true), Some(Node { value: Value::Array(operations), .. })) => {
                let open = operations.iter().filter(|operation| !operate(&mut object.root, operation));
                let open: Vec<Node> = open.cloned().collect();
                return match open.is_empty() {
                    true => Effect::Done,
                    false => Effect::Partly(patched_fields(&Node::new(Value::Array(open), object.root.span))),
                };
            }
            (Some(true), Some(root)) if matches!(root.value, Value::Object(_)) => root,
            // Whether it is for this object is not known, and neither is whether that is no more.
            (None, Some(root)) if !is_deletion(root) => return Effect::Partly(patched_fields(root)),
            _ => return Effect::Partly(Vec::new()),
        };
        if is_deletion(root) {
            return Effect::Deleted;
        }
        let group = object.subject.group.as_str();
        let is_known = !group.contains('.') || group.ends_with(".k8s.io");
        let mut patch = root.clone();
        if let Value::Object(entries) = &mut patch.value {
            entries.retain(|entry| !matches!(&*entry.key, "apiVersion" | "kind"));
            let metadata = entries.iter_mut().find(|entry| &*entry.key == "metadata");
            if let Some(Value::Object(entries)) = metadata.map(|entry| &mut entry.value.value) {
                entries.retain(|entry| !matches!(&*entry.key, "name" | "namespace"));
            }
        }
        let is_done = merge(&mut object.root, &patch, is_known);
        if is_done { Effect::Done } else { Effect::Partly(patched_fields(&patch)) }
    }
}

/// Whether a patch deletes what it is for.
fn is_deletion(patch: &Node) -> bool {
    patch.get("$patch").and_then(Node::as_str) == Some("delete")
}

/// Whether a patch names an object itself.
fn is_own(patch: &Node, object: &Subject, before: &[String]) -> bool {
    let text = |path: &[&str]| patch.path(path).and_then(Node::as_str).unwrap_or_default();
    let group = text(&["apiVersion"]).rsplit_once('/').map_or("", |(group, _)| group);
    let (name, namespace) = (text(&["metadata", "name"]), text(&["metadata", "namespace"]));
    group == object.group
        && text(&["kind"]) == object.kind
        && (name == object.name || before.iter().any(|known| known == name))
        && (namespace.is_empty() || namespace == object.namespace)
}

/// Does an operation on JSON, and says whether it is done. Elements of lists that are written keep their places, so none
/// is taken away, and one that is added comes behind them.
fn operate(root: &mut Node, operation: &Node) -> bool {
    let text = |key: &str| operation.get(key).and_then(Node::as_str);
    // One that tests changes nothing: where it is not so, nothing is built at all.
    if text("op") == Some("test") {
        return true;
    }
    let (Some(op @ ("add" | "replace" | "remove")), Some(path)) = (text("op"), text("path")) else { return false };
    let Ok(pointer) = Pointer::parse(path) else { return false };
    let Some((last, parents)) = pointer.tokens().split_last() else { return false };
    let mut at = root;
    for token in parents {
        let found = match &mut at.value {
            Value::Object(entries) => {
                entries.iter_mut().find(|entry| *entry.key == **token).map(|entry| &mut entry.value)
            }
            Value::Array(items) => token.parse().ok().and_then(|index: usize| items.get_mut(index)),
            _ => None,
        };
        let Some(found) = found else { return false };
        at = found;
    }
    let span = at.span;
    let value = operation.get("value");
    match &mut at.value {
        Value::Object(entries) => {
            let position = entries.iter().position(|entry| *entry.key == **last);
            match (op, position, value) {
                ("remove", Some(position), _) => drop(entries.remove(position)),
                ("add" | "replace", Some(position), Some(value)) => {
                    let entry = &mut entries[position].value;
                    *entry = placed(value, entry.span);
                }
                ("add", None, Some(value)) => entries.push(Entry::new(last.as_str(), span, placed(value, span))),
                _ => return false,
            }
        }
        Value::Array(items) => match (op, value) {
            ("add", Some(value)) => items.push(placed(value, span)),
            ("replace", Some(value)) => {
                let item = last.parse().ok().and_then(|index: usize| items.get_mut(index));
                let Some(item) = item else { return false };
                *item = placed(value, item.span);
            }
            _ => return false,
        },
        _ => return false,
    }
    true
}

/// A value at a place of the object.
fn placed(value: &Node, span: Span) -> Node {
    let value = match &value.value {
        Value::Array(items) => Value::Array(items.iter().map(|item| placed(item, span)).collect()),
        Value::Object(entries) => {
            let placed = |entry: &Entry| Entry::new(entry.key.clone(), span, placed(&entry.value, span));
            Value::Object(entries.iter().map(placed).collect())
        }
        scalar => scalar.clone(),
    };
    Node { value, span, aliased: true }
}

/// Merges a patch into a value, and says whether all of it is done. What comes from the patch stands where the value
/// does. Only of kinds that are known are the elements of lists merged.
fn merge(base: &mut Node, patch: &Node, is_known: bool) -> bool {
    let span = base.span;
    match (&mut base.value, &patch.value) {
        (Value::Object(entries), Value::Object(changes)) => {
            let directive = patch.get("$patch").and_then(Node::as_str);
            if directive == Some("replace") {
                base.value = graft(patch, span).value;
                return true;
            }
            let mut all = matches!(directive, None | Some("merge"));
            for Entry { key, value, .. } in changes {
                let at = entries.iter().position(|entry| entry.key == *key);
                let is_deleted =
                    value.value == Value::Null || value.get("$patch").and_then(Node::as_str) == Some("delete");
                match at {
                    _ if key.starts_with('$') => all &= &**key == "$patch" || key.starts_with("$setElementOrder/"),
                    Some(at) if is_deleted => drop(entries.remove(at)),
                    None if is_deleted => {}
                    Some(at) => all &= merge_field(&mut entries[at].value, key, value, is_known),
                    None => entries.push(Entry::new(key.clone(), span, graft(value, span))),
                }
            }
            all
        }
        _ => {
            *base = graft(patch, span);
            true
        }
    }
}

/// Merges a patch into a field.
fn merge_field(base: &mut Node, key: &str, patch: &Node, is_known: bool) -> bool {
    let span = base.span;
    let (Value::Array(items), Value::Array(changes)) = (&mut base.value, &patch.value) else {
        return merge(base, patch, is_known);
    };
    if changes.iter().any(|change| change.get("$patch").is_some()) {
        return false;
    }
    let keys = changes.iter().find_map(|change| keys_of(key, change)).filter(|_| is_known);
    let Some(keys) = keys else {
        *base = graft(patch, span);
        return true;
    };
    let mut all = true;
    for change in changes {
        let same = |item: &Node| keys.iter().all(|key| part(item, key) == part(change, key));
        match items.iter_mut().find(|item| same(item)) {
            Some(item) => all &= merge(item, change, is_known),
            // Behind those that are written, which keep their places.
            None => items.push(graft(change, span)),
        }
    }
    all
}

/// The fields by which the elements of a list are the same; `None` for one that is replaced as a whole.
pub(super) fn keys_of(list: &str, element: &Node) -> Option<&'static [&'static str]> {
    let keys: &[&str] = match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets"
        | "webhooks"
        | "resourceClaims" => &["name"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "ports" if element.get("containerPort").is_some() => &["containerPort", "protocol"],
        "ports" => &["port", "protocol"],
        _ => return None,
    };
    element.get(keys[0]).is_some().then_some(keys)
}

/// What an element has in a field by which it is told from others.
fn part(element: &Node, key: &str) -> Option<String> {
    match element.get(key).map(|node| &node.value) {
        Some(Value::String(text) | Value::Number(text)) => Some(text.to_string()),
        None if key == "protocol" => Some("TCP".to_owned()),
        _ => None,
    }
}

/// A value of a patch, without what only tells how to merge it, at a place of the object.
fn graft(patch: &Node, span: Span) -> Node {
    let value = match &patch.value {
        Value::Array(items) => Value::Array(items.iter().map(|item| graft(item, span)).collect()),
        Value::Object(entries) => {
            let stays = |entry: &&Entry| !entry.key.starts_with('$') && entry.value.value != Value::Null;
            let graft = |entry: &Entry| Entry::new(entry.key.clone(), span, graft(&entry.value, span));
            Value::Object(entries.iter().filter(stays).map(graft).collect())
        }
        scalar => scalar.clone(),
    };
    Node { value, span, aliased: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Unit};

    const SHOP: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop, labels: {a: b}}, spec: {template: \
                        {spec: {containers: [{name: shop, image: x, args: [a], ports: [{containerPort: 80}], \
                        env: [{name: A, value: a}]}, {name: side}]}}}}";

    /// What the patches of a kustomization make of an object: what is done, and the object.
    fn patched(kustomization: &str, object: &str) -> (&'static str, serde_json::Value) {
        let unit = Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("a.yaml", object));
        let mut document = unit.parse(&Limits::default()).unwrap().remove(0);
        let root = yaml::parse(kustomization, Scalars::Core12, &Limits::default()).unwrap().unwrap();
        let known = super::super::kustomization::Kustomization::read(&root).unwrap();
        let patches = Patches::new(&Kustomizations::new([("kustomization.yaml", known)]), &|_| Vec::new());
        let mut unknown = Vec::new();
        let effect = match patches.apply(0, &mut document, &["old".to_owned()], &mut unknown) {
            false => "deleted",
            true if unknown.is_empty() => "done",
            true => "partly",
        };
        (effect, document.root.to_value())
    }

    fn inline(patch: &str) -> String {
        format!("patches:\n- patch: '{patch}'\n")
    }

    #[test]
    fn lists_are_merged_by_their_keys() {
        let patch = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop, labels: {c: d}}, spec: {replicas: 3, \
                     template: {spec: {containers: [{name: side, image: z}, {name: new, image: w}, {name: shop, args: [b], \
                     ports: [{containerPort: 80, name: web}, {containerPort: 81}], env: [{name: A, value: c}, {name: B}]}], \
                     volumes: [{name: v, emptyDir: {}}]}}}}";
        let (effect, object) = patched(&inline(patch), SHOP);
        let pod = &object["spec"]["template"]["spec"];
        assert_eq!((effect, &object["spec"]["replicas"]), ("done", &serde_json::json!(3)));
        assert_eq!(object["metadata"]["labels"], serde_json::json!({"a": "b", "c": "d"}));
        let shop = serde_json::json!({"name": "shop", "image": "x", "args": ["b"],
            "ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 81}],
            "env": [{"name": "A", "value": "c"}, {"name": "B"}]});
        let side = serde_json::json!({"name": "side", "image": "z"});
        assert_eq!(pod["containers"], serde_json::json!([shop, side, {"name": "new", "image": "w"}]));
        assert_eq!(pod["volumes"], serde_json::json!([{"name": "v", "emptyDir": {}}]));
    }

    #[test]
    fn values_are_taken_away_and_replaced() {
        let of = |labels: &str| {
            let patch = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: old, labels: LABELS}}";
            let (effect, object) = patched(&inline(&patch.replace("LABELS", labels)), SHOP);
            (effect, object["metadata"]["labels"].clone())
        };
        assert_eq!(of("{a: null}"), ("done", serde_json::json!({})));
        assert_eq!(of("{$patch: replace, c: d}"), ("done", serde_json::json!({"c": "d"})));
        assert_eq!(of("{$patch: delete}"), ("done", serde_json::Value::Null));
        let delete = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, $patch: delete}";
        assert_eq!(patched(&inline(delete), SHOP).0, "deleted");
    }

    #[test]
    fn operations_on_json_are_done() {
        let of = |operations: &str| {
            let patch = format!("patches:\n- patch: '[{operations}]'\n  target: {{kind: Deployment}}\n");
            patched(&patch, SHOP)
        };
        let (effect, object) = of("{op: replace, path: /spec/template/spec/containers/0/image, value: w}, \
                                   {op: add, path: /spec/template/spec/containers/0/args/-, value: b}, \
                                   {op: add, path: /spec/template/spec/containers/0/ports/0, value: {containerPort: 81}}, \
                                   {op: add, path: /metadata/labels/x.y~1z, value: c}, {op: add, path: /spec/replicas, value: 3}, \
                                   {op: remove, path: /metadata/labels/a}, {op: test, path: /kind, value: Deployment}");
        let shop = &object["spec"]["template"]["spec"]["containers"][0];
        assert_eq!((effect, &shop["image"]), ("done", &serde_json::json!("w")));
        assert_eq!(shop["args"], serde_json::json!(["a", "b"]));
        assert_eq!(shop["ports"], serde_json::json!([{"containerPort": 80}, {"containerPort": 81}]));
        assert_eq!(object["metadata"]["labels"], serde_json::json!({"x.y/z": "c"}));
        assert_eq!(object["spec"]["replicas"], 3);
        for unknown in [
            "{op: remove, path: /spec/template/spec/containers/0}",
            "{op: move, from: /spec, path: /x}",
            "{op: add, path: /spec/no/where, value: 1}",
            "{op: replace, path: /spec/replicas, value: 1}",
            "{op: add, path: /spec/replicas}",
            "{op: add, path: x, value: 1}",
            "7",
        ] {
            assert_eq!(of(unknown).0, "partly", "{unknown}");
        }
    }

    #[test]
    fn patches_are_for_what_they_name() {
        let patch = |target: &str| {
            format!(
                "patches:\n- patch: '{{kind: X, metadata: {{name: x}}, spec: {{replicas: 3}}}}'\n  target: {target}\n"
            )
        };
        let replicas = |kustomization: &str| {
            let (effect, object) = patched(kustomization, SHOP);
            (effect, object["spec"]["replicas"].as_i64(), object["metadata"]["name"].as_str().unwrap().to_owned())
        };
        let done = |replicas: Option<i64>| ("done", replicas, "shop".to_owned());
        assert_eq!(replicas(&patch("{kind: Deployment}")), done(Some(3)));
        assert_eq!(replicas(&patch("{kind: Deployment, name: 'sh.*'}")), done(Some(3)));
        assert_eq!(replicas(&patch("{group: apps, version: v1, name: old}")), done(Some(3)));
        for other in ["{kind: Service}", "{kind: Deployment, name: sho}", "{namespace: x}", "{group: batch}"] {
            assert_eq!(replicas(&patch(other)), done(None), "{other}");
        }
        let own = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: NAME}, spec: {replicas: 3}}";
        assert_eq!(replicas(&inline(&own.replace("NAME", "shop"))), done(Some(3)));
        assert_eq!(replicas(&inline(&own.replace("NAME", "other"))), done(None));
    }

    #[test]
    fn what_is_not_known_is_told() {
        let effect = |kustomization: &str| patched(kustomization, SHOP).0;
        assert_eq!(effect("patches: [{path: gone.yaml}]"), "partly");
        assert_eq!(effect("patches: [{patch: x}]"), "partly");
        assert_eq!(effect("patches: [{path: gone.yaml, target: {kind: Service}}]"), "done");
        assert_eq!(effect("patches: [{patch: '[{op: remove, path: /x}]', target: {kind: Deployment}}]"), "partly");
        assert_eq!(effect("patches: [{patch: '{}', target: {labelSelector: a=b}}]"), "partly");
        let element = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {template: {spec: \
                       {containers: [{name: side, $patch: delete}]}}}}";
        assert_eq!(effect(&inline(element)), "partly");
    }
}
