//! The sides of documents that relations hold between: labels, selectors, references, shared values.
//!
//! A facet says what to look for; its [`Keys`] are what one document has of it. They are worked out where the
//! document is at hand, and kept beside its projection.

use super::builds;
use super::chart;
use super::limits::MAX_KEYS;
use super::namespacing::Namespacing;
use super::paths::rows;
use super::selector::{Labels, Selector, Truth};
use crate::document::{Document, ImageBuild, Node, Subject, Value, directory, joined, write_json_string};
use crate::manifest::{Absent, Naming, ReadPath, Segment, SelectorForm, Term};
use crate::workload::{self, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// One side of a relation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Facet {
    Labels(Term),
    Selectors {
        selector: Term,
        sight: Sight,
        form: Option<SelectorForm>,
        absent: Absent,
    },
    References(Naming),
    /// References to the owners.
    Owners,
    /// A reference to the namespace.
    Namespace,
    /// Values that others may share.
    Values(Vec<Term>),
    /// The path of a file.
    Path,
    /// The paths of the files that a file uses.
    CalledPaths,
    /// References of images.
    Images(Vec<Term>),
    /// The last part of each image that a file builds.
    BuiltImages,
    /// The builds of a file, as [`built`] writes them.
    Builds,
    /// The image that a Dockerfile builds by what it is called.
    BuiltName,
}

/// An image and the path of its Dockerfile in one text.
fn built(image: &str, dockerfile: &str) -> Box<str> {
    format!("{image}\n{dockerfile}").into()
}

/// The image and the path of its Dockerfile, of what [`built`] wrote.
pub(super) fn split_built(text: &str) -> Option<(&str, &str)> {
    text.split_once('\n')
}

/// Where the namespaces that a selector looks into are said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sight {
    /// Nowhere: its own.
    Own,
    /// Nowhere: all.
    Everywhere,
    /// `any` and `matchNames`, as in Prometheus' monitors.
    Names(Term),
    /// A selector of their labels.
    Labels(Term),
}

/// What a document has of one facet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Keys {
    /// Its labels.
    Labels(Labels),
    /// What it selects.
    Selectors(Vec<Scoped>),
    /// Whom it names.
    References(Vec<Reference>),
    /// Values that others may share; sorted.
    Values(Vec<Box<str>>),
    /// More than [`MAX_KEYS`], so that nothing is known of its relations.
    TooMany,
}

/// A selector with the namespaces that it looks into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scoped {
    pub(super) selector: Selector,
    pub(super) namespaces: Namespaces,
}

/// The namespaces that a selector looks into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Namespaces {
    /// That of its document.
    Own,
    /// All.
    Any,
    /// Some by name.
    Names(Vec<Box<str>>),
    /// Those with some labels.
    Labelled(Selector),
}

/// Whom a document names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// Any when it is not said.
    group: Option<Box<str>>,
    /// Any when it is not said.
    kind: Option<Box<str>>,
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
}

impl Reference {
    /// The Namespace of that name.
    pub(super) fn to_namespace(name: &str) -> Self {
        Self { group: Some("".into()), kind: Some("Namespace".into()), namespace: "".into(), name: name.into() }
    }

    /// Whether an object is the one that is meant. An object without a namespace is meant from every namespace,
    /// where the query looks beyond one.
    pub(super) fn means(&self, object: &Subject, across: bool, spaces: Namespacing) -> bool {
        let agrees = |said: &Option<Box<str>>, is: &str| said.as_deref().is_none_or(|said| said == is);
        *self.name == *object.name
            && agrees(&self.kind, &object.kind)
            && agrees(&self.group, &object.group)
            && (spaces.are_same(&self.namespace, &object.namespace) || across && object.namespace.is_empty())
    }
}

impl Scoped {
    /// Whether it selects an object with some labels, in a namespace. `labelled` knows of namespaces' labels.
    pub(super) fn selects(
        &self,
        own: &str,
        labels: &Labels,
        namespace: &str,
        spaces: Namespacing,
        labelled: &mut dyn FnMut(&Selector, &str) -> Truth,
    ) -> Truth {
        Truth::from(self.selector.matches(labels)).and(|| match &self.namespaces {
            Namespaces::Own => spaces.are_same(own, namespace).into(),
            Namespaces::Any => Truth::True,
            Namespaces::Names(names) => names.iter().any(|name| spaces.are_same(name, namespace)).into(),
            Namespaces::Labelled(selector) => labelled(selector, namespace),
        })
    }
}

impl Facet {
    /// The paths that it reads.
    pub(super) fn paths(&self) -> Vec<&ReadPath> {
        let terms: Vec<&Term> = match self {
            Facet::Labels(term) => vec![term],
            Facet::Selectors { selector, sight: Sight::Names(beside) | Sight::Labels(beside), .. } => {
                vec![selector, beside]
            }
            Facet::Selectors { selector, .. } => vec![selector],
            Facet::References(Naming { name, kind, group, namespace }) => {
                name.0.iter().chain(kind).chain(group).chain(namespace).collect()
            }
            Facet::Values(terms) | Facet::Images(terms) => terms.iter().collect(),
            // What every object's metadata has, and files.
            Facet::Owners | Facet::Namespace | Facet::Path | Facet::CalledPaths => Vec::new(),
            Facet::BuiltImages | Facet::Builds | Facet::BuiltName => Vec::new(),
        };
        terms.into_iter().flat_map(Term::paths).collect()
    }

    /// What a document has of it.
    pub(super) fn keys(&self, document: &Document, shape: &Shape) -> Keys {
        let subject = &document.subject;
        match self {
            Facet::Labels(term) => {
                let mut labels = Labels::default();
                each(document, shape, &[term], &mut |row| labels = Labels::read(row[0]));
                if term.paths().iter().any(is_of_pods) {
                    labels.add(workload::controller_labels(document));
                }
                Keys::Labels(labels)
            }
            Facet::Selectors { selector, sight, form, absent } => {
                let read = |node: Option<&Node>| Selector::read(node, subject, *form, *absent);
                let scoped = |row: &[Option<&Node>]| Scoped {
                    selector: read(row[0]),
                    namespaces: match sight {
                        Sight::Own => Namespaces::Own,
                        Sight::Everywhere => Namespaces::Any,
                        Sight::Names(_) => named_namespaces(row[1]),
                        Sight::Labels(_) => labelled_namespaces(row[1]),
                    },
                };
                let terms = match sight {
                    Sight::Names(beside) | Sight::Labels(beside) => vec![selector, beside],
                    Sight::Own | Sight::Everywhere => vec![selector],
                };
                collect(document, shape, &terms, |row| Some(scoped(row))).map_or(Keys::TooMany, Keys::Selectors)
            }
            Facet::References(naming) => references(document, shape, naming).map_or(Keys::TooMany, Keys::References),
            Facet::Owners => Keys::References(owners(document)),
            Facet::Namespace if subject.namespace.is_empty() => Keys::References(Vec::new()),
            Facet::Namespace => Keys::References(vec![Reference::to_namespace(&subject.namespace)]),
            Facet::Values(terms) => {
                let terms: Vec<&Term> = terms.iter().collect();
                collect(document, shape, &terms, |row| shared(&terms, row)).map_or(Keys::TooMany, values)
            }
            Facet::Path => values(paths(document)),
            Facet::CalledPaths => called_paths(document).map_or(Keys::TooMany, values),
            Facet::Images(terms) => images(document, shape, terms).map_or(Keys::TooMany, values),
            Facet::BuiltImages => {
                let names = |image: &String| builds::parts(image).map(|parts| parts[0].into());
                built_keys(document, &|build, keys| keys.extend(build.images.iter().filter_map(names)))
            }
            Facet::Builds => built_keys(document, &|build, keys| {
                keys.extend(build.images.iter().map(|image| built(image, &build.dockerfile)));
            }),
            Facet::BuiltName => values(builds::name_of(&subject.name).into_iter().map(Into::into).collect()),
        }
    }
}

/// What comes of each build of a file.
fn built_keys(document: &Document, add: &dyn Fn(&ImageBuild, &mut BTreeSet<Box<str>>)) -> Keys {
    let mut keys = BTreeSet::new();
    for build in &*builds::of(document) {
        add(build, &mut keys);
        if keys.len() > MAX_KEYS {
            return Keys::TooMany;
        }
    }
    values(keys)
}

fn images(document: &Document, shape: &Shape, terms: &[Term]) -> Option<BTreeSet<Box<str>>> {
    let mut images = BTreeSet::new();
    for term in terms {
        let found: BTreeSet<Box<str>> = collect(document, shape, &[term], |row| text(term, row[0]).map(Into::into))?;
        images.extend(found);
    }
    (images.len() <= MAX_KEYS).then_some(images)
}

/// Whether a path is where the labels of a workload's pods stand.
fn is_of_pods(path: &ReadPath) -> bool {
    let is = |(segment, key): (&Segment, &str)| matches!(segment, Segment::Key(known) if known == key);
    path.segments().len() == 3 && path.segments().iter().zip(["pod", "metadata", "labels"]).all(is)
}

fn values(values: BTreeSet<Box<str>>) -> Keys {
    Keys::Values(values.into_iter().collect())
}

impl Keys {
    /// Its values, where it has such.
    pub(in crate::evaluate) fn into_values(self) -> Vec<Box<str>> {
        match self {
            Keys::Values(values) => values,
            _ => Vec::new(),
        }
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Keys::Labels(labels) => labels.bytes(),
            Keys::Selectors(selectors) => selectors.iter().map(Scoped::bytes).sum(),
            Keys::References(references) => references.iter().map(Reference::bytes).sum(),
            Keys::Values(values) => values.iter().map(|value| value.len() + size_of::<Box<str>>()).sum(),
            Keys::TooMany => 0,
        }
    }
}

impl Scoped {
    fn bytes(&self) -> usize {
        let namespaces = match &self.namespaces {
            Namespaces::Own | Namespaces::Any => 0,
            Namespaces::Names(names) => names.iter().map(|name| name.len() + size_of::<Box<str>>()).sum(),
            Namespaces::Labelled(selector) => selector.bytes(),
        };
        size_of::<Self>() + self.selector.bytes() + namespaces
    }
}

impl Reference {
    fn bytes(&self) -> usize {
        let optional = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        size_of::<Self>() + optional(&self.group) + optional(&self.kind) + self.namespace.len() + self.name.len()
    }
}

/// Calls `found` with what stands at some terms, once for each way through the elements of lists; `false` when
/// there are more ways than a document may have keys.
fn each<'n>(
    document: &'n Document,
    shape: &Shape,
    terms: &[&Term],
    found: &mut dyn FnMut(&[Option<&'n Node>]),
) -> bool {
    let paths: Vec<&ReadPath> = terms.iter().flat_map(|term| term.paths()).collect();
    let mut ways = 0;
    let walked = rows(document, shape, &paths, &mut |nodes| {
        ways += 1;
        if ways > MAX_KEYS {
            return ControlFlow::Break(());
        }
        let mut rest = nodes;
        let first = |term: &&Term| {
            let (alternatives, others) = rest.split_at(term.paths().len());
            rest = others;
            alternatives.iter().flatten().copied().find(|node| is_something(node))
        };
        let row: Vec<Option<&Node>> = terms.iter().map(first).collect();
        found(&row);
        ControlFlow::Continue(())
    });
    walked.is_continue()
}

/// Neither null nor an empty text, which Kubernetes takes for absent.
fn is_something(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// What comes of each way; `None` when there are too many.
fn collect<'n, T, C: Default + Extend<T>>(
    document: &'n Document,
    shape: &Shape,
    terms: &[&Term],
    make: impl Fn(&[Option<&'n Node>]) -> Option<T>,
) -> Option<C> {
    let mut collected = C::default();
    each(document, shape, terms, &mut |row| collected.extend(make(row))).then_some(collected)
}

fn named_namespaces(node: Option<&Node>) -> Namespaces {
    let Some(node) = node else { return Namespaces::Own };
    if node.get("any").is_some_and(|any| any.value == Value::Bool(true)) {
        return Namespaces::Any;
    }
    let names = node.get("matchNames").map_or(&[][..], Node::items);
    let names: Vec<Box<str>> = names.iter().filter_map(|name| name.as_str().map(Into::into)).collect();
    if names.is_empty() { Namespaces::Own } else { Namespaces::Names(names) }
}

fn labelled_namespaces(node: Option<&Node>) -> Namespaces {
    match Selector::read(node, &Subject::default(), Some(SelectorForm::Selector), Absent::Nothing) {
        _ if node.is_none() => Namespaces::Own,
        Selector::All(requirements) if requirements.is_empty() => Namespaces::Any,
        selector => Namespaces::Labelled(selector),
    }
}

fn references(document: &Document, shape: &Shape, naming: &Naming) -> Option<Vec<Reference>> {
    let Naming { name, kind, group, namespace } = naming;
    let mut references = BTreeSet::new();
    for name in &name.0 {
        let optional = [kind, group, namespace].map(Option::as_ref);
        let terms: Vec<&Term> = [name].into_iter().chain(optional.into_iter().flatten()).collect();
        let found: BTreeSet<Reference> = collect(document, shape, &terms, |row| {
            let mut texts = terms.iter().zip(row).map(|(term, node)| text(term, *node));
            let name = texts.next().flatten()?;
            let mut next = |term: &Option<Term>| term.as_ref().and_then(|_| texts.next().flatten());
            let (kind, group, namespace) = (next(kind), next(group), next(namespace));
            Some(Reference {
                kind: kind.map(Into::into),
                group: group.map(|group| group_of(group).into()),
                namespace: namespace.unwrap_or(&document.subject.namespace).into(),
                name: name.into(),
            })
        })?;
        references.extend(found);
        if references.len() > MAX_KEYS {
            return None;
        }
    }
    Some(references.into_iter().collect())
}

/// The text of a term: what stands there, else its own.
fn text<'t>(term: &'t Term, node: Option<&'t Node>) -> Option<&'t str> {
    match node {
        Some(node) => node.as_str(),
        None => term.otherwise(),
    }
}

/// The group of an `apiVersion`, or a group itself.
fn group_of(text: &str) -> &str {
    let is_version = |text: &str| {
        text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) && !text.contains('.')
    };
    match text.split_once('/') {
        Some((group, _)) => group,
        None if is_version(text) => "",
        None => text,
    }
}

fn owners(document: &Document) -> Vec<Reference> {
    let owners = document.root.path(&["metadata", "ownerReferences"]).map_or(&[][..], Node::items);
    let owner = |owner: &Node| {
        let text = |key| owner.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
        Some(Reference {
            kind: Some(text("kind")?.into()),
            group: text("apiVersion").map(|version| group_of(version).into()),
            namespace: document.subject.namespace.as_str().into(),
            name: text("name")?.into(),
        })
    };
    owners.iter().take(MAX_KEYS).filter_map(owner).collect()
}

/// A key of several parts; `None` where none of them is there.
fn shared(terms: &[&Term], row: &[Option<&Node>]) -> Option<Box<str>> {
    let mut key = String::from("[");
    let mut any = false;
    for (term, node) in terms.iter().zip(row) {
        if key.len() > 1 {
            key.push(',');
        }
        match (node, term.otherwise()) {
            (Some(node), _) => node.write_canonical_json(&mut key),
            (None, Some(text)) => write_json_string(text, &mut key),
            (None, None) => key.push_str("null"),
        }
        // A constant is never absent.
        any |= node.is_some() || term.paths().is_empty();
    }
    key.push(']');
    any.then(|| key.into())
}

/// The paths by which other files may use a file. A file of Protocol Buffers is imported by what is left of its path
/// behind a folder that only the compiler is told: by any end of it. A file of a chart is used by the chart.
fn paths(document: &Document) -> BTreeSet<Box<str>> {
    let path = joined("", &document.subject.name);
    let mut paths = BTreeSet::new();
    match document.subject.kind.as_str() {
        _ if !document.is_file() => {}
        "Protobuf" => {
            let ends = path.match_indices('/').map(|(at, _)| path[at + 1..].into());
            paths.extend(ends.take(MAX_KEYS - 1));
        }
        kind => paths.extend(chart::of_file(kind, &path).into_iter().map(Into::into)),
    }
    paths.insert(path.into());
    paths
}

/// The paths of the files that a file of the repository uses. Workflows and actions name others from the root of the
/// repository, which is known where they stand below `.github`; Terraform modules from their own directory; files of
/// Protocol Buffers from a folder that is not known. What builds an image uses its Dockerfile, and a chart its files and
/// the charts that it depends on, where they lie among the files.
fn called_paths(document: &Document) -> Option<BTreeSet<Box<str>>> {
    let subject = &document.subject;
    let mut paths = BTreeSet::new();
    let mut add = |base: &str, path: &str| {
        paths.insert(joined(base, path).into());
        paths.len() <= MAX_KEYS
    };
    let builds = builds::of(document);
    if !builds.iter().all(|build| add("", &build.dockerfile)) {
        return None;
    }
    let within = match subject.kind.as_str() {
        _ if !document.is_file() => true,
        "TerraformModule" => {
            let blocks = document.root.get("blocks").map_or(&[][..], Node::items).iter();
            let modules = blocks.filter(|block| block.get("type").and_then(Node::as_str) == Some("module"));
            let mut sources =
                modules.filter_map(|module| module.path(&["attributes", "source"])).filter_map(Node::as_str);
            sources.all(|source| match source.starts_with("./") || source.starts_with("../") {
                true => add(&subject.name, source),
                false => true,
            })
        }
        "GitHubWorkflow" | "GitHubAction" => {
            let Some(root) = builds::root_of_workflow(&subject.name) else { return Some(paths) };
            let jobs = document.root.get("jobs").map_or(&[][..], Node::entries).iter().map(|job| &job.value);
            let holders = jobs.chain(document.root.get("runs"));
            let mut uses = holders.flat_map(|holder| {
                let steps = holder.get("steps").map_or(&[][..], Node::items).iter();
                steps.chain([holder]).filter_map(|step| step.get("uses").and_then(Node::as_str))
            });
            uses.all(|used| match used.strip_prefix("./") {
                None => true,
                Some(file) if file.ends_with(".yml") || file.ends_with(".yaml") => add(root, file),
                Some(directory) => {
                    add(root, &format!("{directory}/action.yml")) && add(root, &format!("{directory}/action.yaml"))
                }
            })
        }
        "HelmChart" => {
            let folder = joined("", directory(&subject.name));
            let [own, vendored] = chart::used(&folder);
            paths.extend([own.into(), vendored.into()]);
            let dependencies = document.root.get("dependencies").map_or(&[][..], Node::items);
            let repositories = dependencies.iter().filter_map(|it| it.get("repository").and_then(Node::as_str));
            let mut local = repositories.filter_map(|repository| repository.strip_prefix("file://"));
            local.all(|path| {
                paths.insert(joined(&folder, &[path, "/Chart.yaml"].concat()).into());
                paths.len() <= MAX_KEYS
            })
        }
        "Protobuf" => {
            let imports = document.root.get("imports").map_or(&[][..], Node::items).iter();
            imports.filter_map(Node::as_str).all(|import| add("", import))
        }
        _ => true,
    };
    within.then_some(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Format, Source};
    use crate::parse::{Form, Limits, Scalars, Unit};
    use crate::workload::WorkloadKinds;

    fn document(path: &str, text: &str) -> Document {
        let form = match path.rsplit('.').next() {
            Some("json") => Form::Json,
            Some("proto") => Form::Plain(Format::Proto),
            _ => Form::Yaml(Scalars::Core12),
        };
        Unit::new(form, Source::new(path, text)).parse(&Limits::default()).unwrap().remove(0)
    }

    fn keys(facet: &Facet, document: &Document) -> Keys {
        facet.keys(document, &WorkloadKinds::default().shape(document))
    }

    fn naming(text: &str) -> Facet {
        Facet::References(serde_json::from_str(text).unwrap())
    }

    fn named(facet: &Facet, document: &Document) -> Vec<String> {
        let Keys::References(references) = keys(facet, document) else { panic!("not references") };
        let shown = |part: &Option<Box<str>>| part.as_deref().unwrap_or("*").to_owned();
        references
            .iter()
            .map(|it| format!("{}/{} {}/{}", shown(&it.group), shown(&it.kind), it.namespace, it.name))
            .collect()
    }

    #[test]
    fn protocol_buffers_are_imported_by_any_end_of_their_path() {
        let text = "syntax = \"proto3\";\nimport \"shop/v1/money.proto\";\nimport public \"google/type/date.proto\";\n";
        let Keys::Values(used) = keys(&Facet::CalledPaths, &document("api/cart.proto", text)) else { panic!() };
        assert_eq!(used, ["google/type/date.proto".into(), "shop/v1/money.proto".into()]);
        let Keys::Values(own) = keys(&Facet::Path, &document("api/shop/v1/money.proto", "syntax = \"proto3\";\n"))
        else {
            panic!()
        };
        let expected = ["api/shop/v1/money.proto", "money.proto", "shop/v1/money.proto", "v1/money.proto"];
        assert_eq!(own.iter().map(|path| &**path).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn references_have_kinds_groups_and_namespaces_of_their_own() {
        let binding = document(
            "a.json",
            r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"b","namespace":"x"},
                "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},
                "subjects":[{"kind":"ServiceAccount","name":"s","namespace":"y"},{"kind":"User","name":"u"},{"kind":"Group"}]}"#,
        );
        let role = naming(r#"{"name":"roleRef.name","kind":"roleRef.kind","group":"roleRef.apiGroup"}"#);
        assert_eq!(named(&role, &binding), ["rbac.authorization.k8s.io/Role x/r"]);
        let subjects =
            naming(r#"{"name":"subjects[*].name","kind":"subjects[*].kind","namespace":"subjects[*].namespace"}"#);
        assert_eq!(named(&subjects, &binding), ["*/ServiceAccount y/s", "*/User x/u"]);
        let cluster = naming(r#"{"name":"roleRef.name","kind":"=ClusterRole","namespace":"="}"#);
        assert_eq!(named(&cluster, &binding), ["*/ClusterRole /r"]);
    }

    #[test]
    fn defaults_stand_where_nothing_does() {
        let pod = |spec: &str| {
            let metadata = r#"{"name":"p","namespace":"x"}"#;
            document("a.json", &format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{metadata},"spec":{spec}}}"#))
        };
        let account = naming(
            r#"{"name":"pod.spec.serviceAccountName|pod.spec.serviceAccount=default","kind":"=ServiceAccount"}"#,
        );
        assert_eq!(named(&account, &pod("{}")), ["*/ServiceAccount x/default"]);
        assert_eq!(named(&account, &pod(r#"{"serviceAccountName":""}"#)), ["*/ServiceAccount x/default"]);
        assert_eq!(named(&account, &pod(r#"{"serviceAccount":"old"}"#)), ["*/ServiceAccount x/old"]);
        let scaled = naming(r#"{"name":"spec.t.name","kind":"spec.t.kind=Deployment","group":"spec.t.apiVersion"}"#);
        let scaler = |target: &str| {
            document(
                "a.json",
                &format!(r#"{{"apiVersion":"keda.sh/v1","kind":"S","metadata":{{}},"spec":{{"t":{target}}}}}"#),
            )
        };
        assert_eq!(named(&scaled, &scaler(r#"{"name":"w"}"#)), ["*/Deployment /w"]);
        assert_eq!(named(&scaled, &scaler(r#"{"name":"w","apiVersion":"apps/v1"}"#)), ["apps/Deployment /w"]);
        assert_eq!(named(&scaled, &scaler(r#"{"name":"w","apiVersion":"v1","kind":"Pod"}"#)), ["/Pod /w"]);
        assert!(named(&scaled, &scaler(r#"{"name":7}"#)).is_empty());
    }

    #[test]
    fn shared_values_are_equal_texts() {
        let ingress = |spec: &str| document("a.json", &format!(r#"{{"apiVersion":"v1","kind":"I","spec":{spec}}}"#));
        let host = Facet::Values(vec![
            "spec.class".parse().unwrap(),
            "spec.rules[*].host".parse().unwrap(),
            "spec.rules[*].paths[*].path=/".parse().unwrap(),
        ]);
        let one = ingress(r#"{"class":"x","rules":[{"host":"a","paths":[{"path":"/p"},{}]},{"paths":[{}]}]}"#);
        let Keys::Values(values) = keys(&host, &one) else { panic!("not values") };
        let values: Vec<&str> = values.iter().map(|value| &**value).collect();
        assert_eq!(values, [r#"["x","a","/"]"#, r#"["x","a","/p"]"#, r#"["x",null,"/"]"#]);
        let constant = Facet::Values(vec!["=always".parse().unwrap()]);
        assert_eq!(keys(&constant, &ingress("{}")), Keys::Values(vec![r#"["always"]"#.into()]));
        let default = Facet::Values(vec!["=Kind".parse().unwrap(), "spec.name=default".parse().unwrap()]);
        assert_eq!(keys(&default, &ingress("{}")), Keys::Values(vec![r#"["Kind","default"]"#.into()]));
        let selector = Facet::Values(vec!["spec".parse().unwrap()]);
        assert_eq!(keys(&selector, &ingress(r#"{"a":1,"b":2}"#)), keys(&selector, &ingress(r#"{"b":2,"a":1}"#)));
        assert_eq!(keys(&selector, &ingress("null")), Keys::Values(Vec::new()));
    }

    #[test]
    fn too_many_keys_are_none_that_are_known() {
        let items = vec![r#"{"x":1}"#; 101].join(",");
        let text = format!(r#"{{"apiVersion":"v1","kind":"I","a":[{items}],"b":[{items}]}}"#);
        let facet = Facet::Values(vec!["a[*].x".parse().unwrap(), "b[*].x".parse().unwrap()]);
        assert_eq!(keys(&facet, &document("a.json", &text)), Keys::TooMany);
    }

    #[test]
    fn pods_have_labels_of_their_controllers() {
        let facet = Facet::Labels("pod.metadata.labels".parse().unwrap());
        let labels = |kind: &str, spec: &str| {
            let metadata = r#"{"name":"n"}"#;
            let (version, kind) = kind.rsplit_once('/').unwrap();
            let text = format!(r#"{{"apiVersion":"{version}","kind":"{kind}","metadata":{metadata},"spec":{spec}}}"#);
            let Keys::Labels(labels) = keys(&facet, &document("a.json", &text)) else { panic!("no labels") };
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels("batch/v1/Job", "{}"), "batch.kubernetes.io/job-name=n job-name=n");
        let own = r#"{"template":{"metadata":{"labels":{"job-name":"x"}}}}"#;
        assert_eq!(labels("batch/v1/Job", own), "batch.kubernetes.io/job-name=n job-name=x");
        let ordinals = labels("apps/v1/StatefulSet", r#"{"replicas":2,"ordinals":{"start":5}}"#);
        assert!(ordinals.contains("statefulset.kubernetes.io/pod-name=n-5"), "{ordinals}");
        assert!(ordinals.contains("pod-name=n-6") && !ordinals.contains("pod-name=n-7"), "{ordinals}");
        assert_eq!(labels("apps/v1/DaemonSet", "{}"), "");
    }

    #[test]
    fn namespaces_are_said_in_two_ways() {
        let read = |text: &str, sight: fn(Term) -> Sight| {
            let facet = Facet::Selectors {
                selector: "spec.selector".parse().unwrap(),
                sight: sight("spec.namespaces".parse().unwrap()),
                form: None,
                absent: Absent::Nothing,
            };
            let spec = format!(r#"{{"selector":{{}}{text}}}"#);
            let monitor = document("a.json", &format!(r#"{{"apiVersion":"x/v1","kind":"M","spec":{spec}}}"#));
            let Keys::Selectors(mut selectors) = keys(&facet, &monitor) else { panic!("no selectors") };
            selectors.remove(0).namespaces
        };
        for text in ["", r#","namespaces":{}"#, r#","namespaces":{"matchNames":[]}"#] {
            assert_eq!(read(text, Sight::Names), Namespaces::Own, "{text}");
        }
        assert_eq!(read(r#","namespaces":{"any":true}"#, Sight::Names), Namespaces::Any);
        let names = read(r#","namespaces":{"matchNames":["a","b"]}"#, Sight::Names);
        assert_eq!(names, Namespaces::Names(vec!["a".into(), "b".into()]));
        assert_eq!(read("", Sight::Labels), Namespaces::Own);
        assert_eq!(read(r#","namespaces":{}"#, Sight::Labels), Namespaces::Any);
        let broken = read(r#","namespaces":{"matchLabels":1}"#, Sight::Labels);
        assert_eq!(broken, Namespaces::Labelled(Selector::Nothing));
    }

    #[test]
    fn charts_use_their_files_and_dependencies() {
        let chart = |path: &str| document(path, "name: a\ndependencies: [{name: b, repository: \"file://../b\"}]\n");
        let used = |path: &str| keys(&Facet::CalledPaths, &chart(path)).into_values().join(" ");
        assert_eq!(used("svc/a/Chart.yaml"), "svc/a/ svc/a/charts/* svc/b/Chart.yaml");
        assert_eq!(used("Chart.yaml"), "../b/Chart.yaml / charts/*");
        let own = |path: &str| keys(&Facet::Path, &chart(path)).into_values().join(" ");
        assert_eq!(own("svc/a/Chart.yaml"), "svc/a/Chart.yaml");
        assert_eq!(own("svc/a/charts/c/Chart.yaml"), "svc/a/charts/* svc/a/charts/c/Chart.yaml");
        assert_eq!(own("charts/c/Chart.yaml"), "charts/* charts/c/Chart.yaml");
    }

    #[test]
    fn files_call_others_by_path() {
        let called = |document: &Document| match keys(&Facet::CalledPaths, document) {
            Keys::Values(values) => values.join(" "),
            other => panic!("{other:?}"),
        };
        let jobs = "on: push\njobs:\n  a:\n    uses: ./.github/workflows/b.yml\n  c:\n    steps:\n      - uses: ./tools/x\n      - uses: o/r@v1\n      - run: ls\n";
        let workflow = |path: &str| document(path, jobs);
        assert_eq!(
            called(&workflow(".github/workflows/a.yaml")),
            ".github/workflows/b.yml tools/x/action.yaml tools/x/action.yml"
        );
        assert_eq!(
            called(&workflow("../repo/.github/workflows/a.yaml")),
            "../repo/.github/workflows/b.yml ../repo/tools/x/action.yaml ../repo/tools/x/action.yml"
        );
        assert_eq!(called(&workflow("elsewhere/a.yaml")), "");
        let module = Unit::terraform([Source::new(
            "infra/prod/main.tf",
            "module \"a\" {\n  source = \"../vpc\"\n}\nmodule \"b\" {\n  source = \"./db\"\n}\nmodule \"c\" {\n  source = \"o/vpc/aws\"\n}\n",
        )]);
        let module = module[0].parse(&Limits::default()).unwrap().remove(0);
        assert_eq!(called(&module), "infra/prod/db infra/vpc");
        assert_eq!(keys(&Facet::Path, &module), Keys::Values(vec!["infra/prod".into()]));
    }
}
