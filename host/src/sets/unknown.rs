//! What kustomizations do to objects of which the values are not known: by transformers, replacements, variables,
//! configuration, and patches that are not among the files.

use super::fields::{Field, segments};
use super::kustomizations::Kustomizations;
use super::patches::{Target, keys_of};
use crate::document::{Document, Entry, Node, Value, joined, shown_directory};
use crate::parse::{Limits, Scalars, yaml};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Something of that kind that may have been done to an object.
#[derive(Debug, Clone)]
pub struct Unknown {
    /// The kustomization, and what of it.
    pub why: Arc<str>,
    /// The fields; none for any.
    fields: Vec<Field>,
}

/// A part of a kustomization of which not all is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    /// A transformer that stands in the kustomization.
    Transformer(Box<str>),
    /// Transformers in a file or directory.
    TransformersIn(Box<str>),
    /// Replacements: what they are for, and the fields.
    Replacements(Vec<(Target, Vec<Field>)>),
    /// Replacements in a file.
    ReplacementsIn(Box<str>),
    /// Variables, by their names.
    Variables(Vec<Box<str>>),
    /// The fields that a file of configuration names.
    Configuration(Box<str>),
}

/// How many fields of one object are looked at one by one.
const MAX_FIELDS: usize = 256;

impl Part {
    /// The parts of a kustomization.
    pub(super) fn read(root: &Node) -> Vec<Self> {
        let list = |key: &str| root.get(key).map_or(&[][..], Node::items).iter();
        let mut parts = Vec::new();
        for entry in list("transformers") {
            let Some(entry) = entry.as_str() else { continue };
            let is_text = super::kustomization::is_inline(entry);
            parts.push(if is_text { Self::Transformer(entry.into()) } else { Self::TransformersIn(entry.into()) });
        }
        for entry in list("configurations").filter_map(Node::as_str) {
            parts.push(Self::Configuration(entry.into()));
        }
        for entry in list("replacements") {
            parts.push(match entry.get("path").and_then(Node::as_str) {
                Some(path) => Self::ReplacementsIn(path.into()),
                None => Self::Replacements(targets(entry)),
            });
        }
        let names = list("vars").filter_map(|entry| entry.get("name").and_then(Node::as_str));
        let names: Vec<Box<str>> = names.map(Into::into).collect();
        parts.extend((!names.is_empty()).then_some(Self::Variables(names)));
        parts
    }
}

/// The parts of all kustomizations of a run, with what their files say, by the position of the kustomization.
#[derive(Debug, Default)]
pub(super) struct Parts(Vec<Vec<Reading>>);

/// A part that has been read.
#[derive(Debug)]
struct Reading {
    why: Arc<str>,
    does: Does,
}

#[derive(Debug)]
enum Does {
    Anything,
    Fields(Vec<(Target, Vec<Field>)>),
    Variables(Vec<Box<str>>),
}

impl Parts {
    /// Reads the parts of all kustomizations; `files` gives what a file among those of the run holds.
    pub(super) fn new<'d>(kustomizations: &Kustomizations, files: &dyn Fn(&str) -> Vec<&'d Document>) -> Self {
        let of = |(directory, it): (&str, &super::Kustomization)| {
            let why = |what: &str| -> Arc<str> {
                format!("the kustomization in `{}` changes objects by {what}", shown_directory(directory)).into()
            };
            let read = |path: &str| roots(files, &joined(directory, path));
            let mut parts: Vec<Reading> = Vec::new();
            for part in &it.more {
                let (what, does) = match part {
                    Part::Transformer(text) => {
                        let root = yaml::parse(text, Scalars::Kubernetes, &Limits::default()).ok().flatten();
                        let fields = root.as_ref().and_then(transformed);
                        ("`transformers`".to_owned(), fields.map_or(Does::Anything, Does::Fields))
                    }
                    Part::TransformersIn(path) => {
                        let in_directory = || {
                            let inner = joined(directory, path);
                            let it = kustomizations.get(&inner).filter(|it| it.only_gathers())?;
                            let all = it.resources.iter().map(|path| roots(files, &joined(&inner, path)));
                            Some(all.collect::<Option<Vec<_>>>()?.concat())
                        };
                        let read = read(path).or_else(in_directory);
                        let fields = read.and_then(|all| all.into_iter().map(transformed).collect::<Option<Vec<_>>>());
                        let does = fields.map_or(Does::Anything, |fields| Does::Fields(fields.concat()));
                        (format!("the transformer `{path}`"), does)
                    }
                    Part::Replacements(targets) => ("its `replacements`".to_owned(), Does::Fields(targets.clone())),
                    Part::Variables(names) => ("its `vars`".to_owned(), Does::Variables(names.clone())),
                    Part::ReplacementsIn(path) => {
                        let targets = |roots: Vec<&Node>| {
                            let entries = |root: &Node| match root.items() {
                                [] => targets(root),
                                items => items.iter().flat_map(targets).collect(),
                            };
                            roots.into_iter().flat_map(entries).collect()
                        };
                        let does = read(path).map_or(Does::Anything, |roots| Does::Fields(targets(roots)));
                        (format!("the replacements in `{path}`"), does)
                    }
                    Part::Configuration(path) => {
                        let does = read(path).map_or(Does::Anything, |roots| {
                            Does::Fields(roots.into_iter().flat_map(configured).collect())
                        });
                        (format!("the configuration `{path}`"), does)
                    }
                };
                parts.push(Reading { why: why(&what), does });
            }
            for component in kustomizations.components_elsewhere(directory, it) {
                let what = format!("the component `{component}`, which is not among the files");
                parts.push(Reading { why: why(&what), does: Does::Anything });
            }
            parts
        };
        Self(kustomizations.iter().map(of).collect())
    }

    /// What a kustomization may do to an object. `before` are the names that the object had.
    pub(super) fn of(&self, kustomization: usize, object: &Document, before: &[String], found: &mut Vec<Unknown>) {
        for Reading { why, does } in self.0.get(kustomization).into_iter().flatten() {
            let fields = match does {
                Does::Anything => Some(Vec::new()),
                Does::Fields(targets) => {
                    let is_for =
                        |(target, _): &&(Target, Vec<Field>)| target.is(&object.subject, before) != Some(false);
                    let fields: Vec<Field> =
                        targets.iter().filter(is_for).flat_map(|(_, fields)| fields.clone()).take(MAX_FIELDS).collect();
                    (!fields.is_empty()).then_some(fields)
                }
                Does::Variables(names) => {
                    let mut fields = Vec::new();
                    with_variables(&object.root, names, &mut Vec::new(), &mut fields);
                    (!fields.is_empty()).then_some(fields)
                }
            };
            if let Some(fields) = fields {
                found.push(Unknown { why: Arc::clone(why), fields });
            }
        }
    }
}

impl Unknown {
    /// What a patch does that has no known values, or is not for this object as far as it is known.
    pub(super) fn of_patch(directory: &str, what: &str, fields: Vec<Field>) -> Self {
        let why = format!("the kustomization in `{}` changes objects by {what}", shown_directory(directory));
        Self { why: why.into(), fields }
    }

    /// The object with something else in the place of what is not known; `None` where that may be anywhere, or who the
    /// object is.
    pub fn altered(&self, object: &Document) -> Option<Document> {
        let mut altered = object.clone();
        let is_known = !self.fields.is_empty() && self.fields.iter().all(|field| !is_identity(field));
        is_known.then(|| {
            self.fields.iter().for_each(|field| alter(&mut altered.root, &field.path, field.create));
            altered
        })
    }
}

/// Whether a field says who an object is.
fn is_identity(field: &Field) -> bool {
    let path: Vec<&str> = field.path.iter().map(|key| &**key).collect();
    matches!(path[..], [] | ["metadata" | "kind" | "apiVersion"] | ["metadata", "name" | "namespace"])
}

/// Takes away what stands in a field, or puts something into it where nothing does and it may be made.
fn alter(node: &mut Node, path: &[Box<str>], create: bool) {
    /// No value of anything that is checked.
    const SOMETHING: &str = "\u{fffd}";
    let Some((key, rest)) = path.split_first() else { return };
    if let Value::Array(items) = &mut node.value {
        items.iter_mut().for_each(|item| alter(item, path, create));
        return;
    }
    let span = node.span;
    if node.value == Value::Null && create {
        node.value = Value::Object(Vec::new());
    }
    let Value::Object(entries) = &mut node.value else { return };
    match entries.iter().position(|entry| entry.key == *key) {
        Some(at) if rest.is_empty() => drop(entries.remove(at)),
        Some(at) => alter(&mut entries[at].value, rest, create),
        None if !create => {}
        None => {
            let value = if rest.is_empty() { Value::String(SOMETHING.into()) } else { Value::Object(Vec::new()) };
            let mut made = Node { value, span, aliased: true };
            alter(&mut made, rest, create);
            entries.push(Entry::new(key.clone(), span, made));
        }
    }
}

/// What stands in a file of the run; `None` where there is no such file.
fn roots<'d>(files: &dyn Fn(&str) -> Vec<&'d Document>, path: &str) -> Option<Vec<&'d Node>> {
    let documents = files(path);
    (!documents.is_empty()).then(|| documents.into_iter().map(|document| &document.root).collect())
}

/// The field of an object to which some keys lead: as far as they name no single element of a list.
fn field_of(keys: impl IntoIterator<Item = Box<str>>, create: bool) -> Field {
    let is_element = |key: &str| key == "*" || key == "-" || key.parse::<usize>().is_ok();
    let path = keys.into_iter().take_while(|key| !is_element(key)).collect();
    Field { group: "".into(), version: "".into(), kind: "".into(), path, create }
}

/// What the targets of a replacement are for, and the fields that they set.
fn targets(replacement: &Node) -> Vec<(Target, Vec<Field>)> {
    let targets = replacement.get("targets").map_or(&[][..], Node::items).iter();
    targets
        .map(|target| {
            let creates = target.path(&["options", "create"]).is_some_and(|create| create.value == Value::Bool(true));
            let paths = target.get("fieldPaths").map_or(&[][..], Node::items).iter().filter_map(Node::as_str);
            let mut fields: Vec<Field> = paths.map(|path| field_of(dotted(path), creates)).collect();
            if fields.is_empty() {
                fields.push(field_of(["metadata".into(), "name".into()], false));
            }
            (target.get("select").map(Target::read).unwrap_or_default(), fields)
        })
        .collect()
}

/// The keys of a path of a replacement: parts between points, in which `\.` is a point. A part in brackets names an
/// element of a list, or is a key with points in it; there the path ends.
fn dotted(path: &str) -> Vec<Box<str>> {
    let mut keys = vec![String::new()];
    let mut letters = path.trim_start_matches('.').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'.') => {
                letters.next();
                keys.last_mut().expect("invariant: there is one").push('.');
            }
            '.' => keys.push(String::new()),
            '[' if keys.last().is_some_and(String::is_empty) => {
                keys.pop();
                break;
            }
            letter => keys.last_mut().expect("invariant: there is one").push(letter),
        }
    }
    keys.into_iter().map(Into::into).collect()
}

/// A field of some kind, as configuration and transformers name it.
fn specified(spec: &Node) -> Option<(Target, Vec<Field>)> {
    let path = spec.get("path").and_then(Node::as_str)?;
    let path = segments(path).into_iter().map(|key| key.strip_suffix("[]").map_or(key.clone(), Into::into));
    let creates = spec.get("create").is_some_and(|create| create.value == Value::Bool(true));
    Some((Target::read_kind(spec), vec![field_of(path, creates)]))
}

/// The fields that a file of configuration names, with the kinds that have them.
fn configured(root: &Node) -> Vec<(Target, Vec<Field>)> {
    let lists = root.entries().iter().flat_map(|entry| entry.value.items());
    lists
        .flat_map(|entry| match entry.get("fieldSpecs") {
            Some(specs) => specs.items().iter().filter_map(specified).collect::<Vec<_>>(),
            None => specified(entry).into_iter().collect(),
        })
        .collect()
}

/// The fields that a transformer of kustomize itself sets; `None` where that may be any.
fn transformed(root: &Node) -> Option<Vec<(Target, Vec<Field>)>> {
    let text = |key: &str| root.get(key).and_then(Node::as_str);
    let list = |key: &str| root.get(key).map_or(&[][..], Node::items).iter();
    if text("apiVersion") != Some("builtin") {
        return None;
    }
    match text("kind")? {
        "PatchTransformer" | "PatchJson6902Transformer" => {
            let patch = text("patch").or_else(|| text("jsonOp"))?;
            let patch = yaml::parse(patch, Scalars::Kubernetes, &Limits::default()).ok()??;
            let target = match root.get("target") {
                Some(target) => Target::read(target),
                None if matches!(patch.value, Value::Object(_)) => Target::read_own(&patch),
                None => return None,
            };
            let is_gone = patch.get("$patch").and_then(Node::as_str) == Some("delete");
            let fields = if is_gone { vec![field_of([], false)] } else { patched_fields(&patch) };
            Some(vec![(target, fields)])
        }
        "ReplacementTransformer" => Some(list("replacements").flat_map(targets).collect()),
        "AnnotationsTransformer"
        | "ImageTagTransformer"
        | "LabelTransformer"
        | "PrefixSuffixTransformer"
        | "PrefixTransformer"
        | "ReplicaCountTransformer"
        | "SuffixTransformer" => {
            let fields: Vec<_> = list("fieldSpecs").filter_map(specified).collect();
            (!fields.is_empty()).then_some(fields)
        }
        _ => None,
    }
}

/// The fields whose texts have one of some variables.
fn with_variables(node: &Node, names: &[Box<str>], at: &mut Vec<Box<str>>, found: &mut Vec<Field>) {
    if found.len() >= MAX_FIELDS {
        return;
    }
    match &node.value {
        Value::String(text) if names.iter().any(|name| text.contains(&format!("$({name})"))) => {
            found.push(field_of(at.iter().cloned(), false));
        }
        Value::Array(items) => items.iter().for_each(|item| with_variables(item, names, at, found)),
        Value::Object(entries) => {
            for entry in entries {
                at.push(entry.key.clone());
                with_variables(&entry.value, names, at, found);
                at.pop();
            }
        }
        _ => {}
    }
}

/// The fields that a patch sets, whatever object it is for: all of a list, and no field of who the object is.
pub(super) fn patched_fields(patch: &Node) -> Vec<Field> {
    let mut found = Vec::new();
    match &patch.value {
        Value::Array(operations) => {
            for operation in operations {
                let text = |key: &str| operation.get(key).and_then(Node::as_str);
                // What is copied stays where it is.
                let from = text("from").filter(|_| text("op") == Some("move"));
                for path in text("path").into_iter().chain(from) {
                    let keys = path.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~").into());
                    found.push(field_of(keys, true));
                }
            }
        }
        Value::Object(entries) => {
            for entry in entries.iter().filter(|entry| !matches!(&*entry.key, "apiVersion" | "kind")) {
                let is_metadata = &*entry.key == "metadata";
                let mut at = vec![entry.key.clone()];
                match &entry.value.value {
                    Value::Object(inner) if is_metadata => {
                        for entry in inner.iter().filter(|entry| !matches!(&*entry.key, "name" | "namespace")) {
                            at.push(entry.key.clone());
                            leaves(&entry.value, &mut at, &mut found);
                            at.pop();
                        }
                    }
                    _ => leaves(&entry.value, &mut at, &mut found),
                }
            }
        }
        _ => {}
    }
    found
}

fn leaves(node: &Node, at: &mut Vec<Box<str>>, found: &mut Vec<Field>) {
    let is_plain = |entries: &[Entry]| !entries.is_empty() && !entries.iter().any(|entry| entry.key.starts_with('$'));
    // The fields by which the elements of a list are told apart stay as they are.
    let keys = at.last().and_then(|list| {
        let items = node.items();
        let keys = items.iter().find_map(|item| keys_of(list, item))?;
        items.iter().all(|item| is_plain(item.entries())).then_some(keys)
    });
    let mut each = |entries: &[Entry], but: &[&str]| {
        for entry in entries.iter().filter(|entry| !but.contains(&&*entry.key)) {
            at.push(entry.key.clone());
            leaves(&entry.value, at, found);
            at.pop();
        }
    };
    match &node.value {
        Value::Object(entries) if is_plain(entries) => each(entries, &[]),
        Value::Array(items) => match keys {
            Some(keys) => items.iter().for_each(|item| each(item.entries(), keys)),
            None => found.push(field_of(at.iter().cloned(), true)),
        },
        _ => found.push(field_of(at.iter().cloned(), true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Scalars, Unit, yaml};

    const SHOP: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop, labels: {a: b}}, spec: {replicas: 2, \
                        template: {spec: {containers: [{name: shop, image: 'x:$(TAG)', args: [a]}, {name: side}]}}}}";

    fn document(text: &str) -> Document {
        let unit = Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("a.yaml", text));
        unit.parse(&Limits::default()).unwrap().remove(0)
    }

    /// What a kustomization may do to an object: why, and what is left of it with something else there.
    fn unknown(kustomization: &str, files: &[(&str, &str)]) -> Vec<(String, Option<serde_json::Value>)> {
        let root = yaml::parse(kustomization, Scalars::Core12, &Limits::default()).unwrap().unwrap();
        let known = super::super::Kustomization::read(&root).unwrap();
        let known = Kustomizations::new([("live/kustomization.yaml", known)]);
        let read = |text: &str| {
            let unit = Unit::new(Form::Yaml(Scalars::Core12), Source::new("x.yaml", text));
            unit.read_as(super::super::PATCH_KIND, &Limits::default()).unwrap().documents.remove(0)
        };
        let files: Vec<(String, Document)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), read(text))).collect();
        let of = |path: &str| files.iter().filter(|(known, _)| known == path).map(|(_, document)| document).collect();
        let (mut found, shop) = (Vec::new(), document(SHOP));
        Parts::new(&known, &of).of(0, &shop, &[], &mut found);
        found
            .iter()
            .map(|unknown| (unknown.why.to_string(), unknown.altered(&shop).map(|object| object.root.to_value())))
            .collect()
    }

    #[test]
    fn replacements_change_the_fields_that_they_name() {
        let replacement = |select: &str, field: &str| {
            format!(
                "replacements: [{{source: {{kind: ConfigMap}}, targets: [{{select: {select}, fieldPaths: [{field}], \
                 options: {{create: true}}}}]}}]"
            )
        };
        let of = |select: &str, field: &str| unknown(&replacement(select, field), &[]);
        assert!(of("{kind: Service}", "spec.x").is_empty());
        let (why, altered) = of("{kind: Deployment}", "spec.replicas").remove(0);
        assert_eq!(why, "the kustomization in `live` changes objects by its `replacements`");
        assert_eq!(altered.unwrap()["spec"]["replicas"], serde_json::Value::Null);
        let image = of("{name: shop}", "'spec.template.spec.containers.[name=shop].image'").remove(0).1.unwrap();
        assert_eq!(image["spec"]["template"]["spec"], serde_json::json!({}));
        let label = of("{kind: Deployment}", r"'metadata.labels.x\.y/z'").remove(0).1.unwrap();
        assert_eq!(label["metadata"]["labels"], serde_json::json!({"a": "b", "x.y/z": "\u{fffd}"}));
        assert_eq!(of("{kind: Deployment}", "").remove(0).1, None, "its name");
        let file = "[{targets: [{select: {kind: Deployment}, fieldPaths: [spec.replicas]}]}]";
        assert!(unknown("replacements: [{path: r.yaml}]", &[("live/r.yaml", file)])[0].1.is_some());
        assert_eq!(unknown("replacements: [{path: gone.yaml}]", &[])[0].1, None);
    }

    #[test]
    fn configuration_changes_the_fields_that_it_names() {
        let naming = "nameReference: [{kind: Service, version: v1, fieldSpecs: [{kind: MutatingWebhookConfiguration, \
                      path: webhooks/clientConfig/service/name}]}]";
        assert!(unknown("configurations: [c.yaml]", &[("live/c.yaml", naming)]).is_empty());
        let labels = "commonLabels: [{kind: Deployment, path: 'spec/template/spec/containers[]/args'}]";
        let (why, altered) = unknown("configurations: [c.yaml]", &[("live/c.yaml", labels)]).remove(0);
        assert!(why.ends_with("the configuration `c.yaml`"), "{why}");
        let containers = &altered.unwrap()["spec"]["template"]["spec"]["containers"];
        assert_eq!(*containers, serde_json::json!([{"name": "shop", "image": "x:$(TAG)"}, {"name": "side"}]));
        assert_eq!(unknown("configurations: [gone.yaml]", &[])[0].1, None);
    }

    #[test]
    fn variables_change_the_texts_that_have_them() {
        let altered = unknown("vars: [{name: TAG}]", &[]).remove(0).1.unwrap();
        assert_eq!(
            altered["spec"]["template"]["spec"]["containers"][0],
            serde_json::json!({"name": "shop", "args": ["a"]})
        );
        assert!(unknown("vars: [{name: OTHER}]", &[]).is_empty());
    }

    #[test]
    fn transformers_and_components_elsewhere_change_anything() {
        let (why, altered) = unknown("transformers: [label.yaml]", &[]).remove(0);
        assert_eq!((why.ends_with("by the transformer `label.yaml`"), altered), (true, None), "{why}");
        let plugin = "{apiVersion: x.io/v1, kind: LabelTransformer, fieldSpecs: [{path: metadata/labels}]}";
        assert_eq!(unknown("transformers: [label.yaml]", &[("live/label.yaml", plugin)])[0].1, None);
        let (why, altered) = unknown("components: ['https://e.example/x']", &[]).remove(0);
        assert_eq!((why.ends_with("`https://e.example/x`, which is not among the files"), altered), (true, None));
    }

    #[test]
    fn transformers_of_kustomize_itself_change_the_fields_that_they_name() {
        let of = |text: &str| unknown("transformers: [t.yaml]", &[("live/t.yaml", text)]);
        let labels =
            "{apiVersion: builtin, kind: LabelTransformer, labels: {x: y}, fieldSpecs: [{path: metadata/labels}]}";
        let altered = of(labels).remove(0).1.unwrap();
        assert_eq!(
            (&altered["metadata"]["labels"], &altered["spec"]["replicas"]),
            (&serde_json::Value::Null, &2.into())
        );
        let patch = "{apiVersion: builtin, kind: PatchTransformer, target: {kind: KIND}, \
                     patch: '[{op: replace, path: /spec/replicas, value: 3}]'}";
        assert!(of(&patch.replace("KIND", "RoleBinding")).is_empty());
        let altered = of(&patch.replace("KIND", "Deployment")).remove(0).1.unwrap();
        assert_eq!(altered["spec"]["replicas"], serde_json::Value::Null);
        let gone = "{apiVersion: builtin, kind: PatchTransformer, \
                    patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, $patch: delete}'}";
        assert_eq!(of(gone)[0].1, None);
        assert!(of(&gone.replace("name: shop", "name: other")).is_empty());
        let inline = format!("transformers:\n- |-\n  {labels}\n");
        assert!(unknown(&inline, &[])[0].1.is_some());
    }

    #[test]
    fn patches_set_their_leaves() {
        let fields = |patch: &str| -> Vec<String> {
            let root = yaml::parse(patch, Scalars::Kubernetes, &Limits::default()).unwrap().unwrap();
            patched_fields(&root).iter().map(|field| field.path.join("/")).collect()
        };
        let patch = "{apiVersion: v1, kind: X, metadata: {name: x, labels: {a: b}}, spec: {a: {b: [1], c: 2}, d: {}}}";
        assert_eq!(fields(patch), ["metadata/labels/a", "spec/a/b", "spec/a/c", "spec/d"]);
        let patch = "{kind: X, spec: {containers: [{name: a, image: b, ports: [{containerPort: 1, $patch: delete}]}, \
                     {name: c, args: [d]}], hosts: [{name: e}]}}";
        assert_eq!(
            fields(patch),
            ["spec/containers/image", "spec/containers/ports", "spec/containers/args", "spec/hosts"]
        );
        let operations =
            "[{op: remove, path: /spec/ports/0}, {op: move, from: /a~1b/c, path: /d}, {op: copy, from: /x, path: /y}]";
        assert_eq!(fields(operations), ["spec/ports", "d", "a/b/c", "y"]);
    }
}
