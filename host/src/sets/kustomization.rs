//! What one kustomization says: which files it deploys, and which only change them.

use super::change::Change;
use super::patches;
use super::unknown::Part;
use crate::document::{Node, file_name};
use serde::{Deserialize, Serialize};

/// A `kustomization.yaml`, of the kind `Kustomization` or `Component`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kustomization {
    /// Files and directories whose objects it deploys, as they are written.
    pub(super) resources: Vec<Box<str>>,
    /// Those of them that are components.
    pub(super) components: Vec<Box<str>>,
    /// Files and directories that say how it changes objects, as they are written.
    pub(super) changes: Vec<Box<str>>,
    /// What it does to names, namespaces, labels and selectors, images and replicas.
    pub(super) change: Change,
    /// The patches that it names.
    pub(super) patches: Vec<patches::Named>,
    /// What else it does to objects, of which not all is known.
    pub(super) more: Vec<Part>,
    /// Whether it is a part of those that include it, and nothing by itself.
    pub(super) is_component: bool,
    /// Why it deploys objects that are in no file.
    pub(super) makes_more: Option<Box<str>>,
}

/// What the file of a kustomization may be called.
pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Lists of files and directories that hold objects.
pub(crate) const RESOURCES: [&str; 3] = ["resources", "bases", "components"];
/// Lists of files and directories that hold changes, or configuration of plugins; an entry may also be YAML itself.
const CHANGES: [&str; 5] = ["patchesStrategicMerge", "transformers", "validators", "configurations", "generators"];
/// Lists of changes that name their files under `path`.
const CHANGES_BY_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];
/// What makes objects only when the kustomization is built.
const MAKERS: [&str; 3] = ["generators", "helmCharts", "helmChartInflationGenerator"];

impl Kustomization {
    /// Whether a file of this path holds a kustomization, unless its content says otherwise.
    pub fn is_named_so(path: &str) -> bool {
        NAMES.contains(&file_name(path))
    }

    /// Reads a kustomization; `None` when the document is something else, such as a Kustomization of Flux.
    pub fn read(root: &Node) -> Option<Self> {
        let api_version = root.get("apiVersion").and_then(Node::as_str).unwrap_or(GROUP);
        if !api_version.starts_with(GROUP) {
            return None;
        }
        let list = |key: &str| root.get(key).map_or(&[][..], Node::items);
        let paths = |keys: &[&str]| -> Vec<Box<str>> {
            let entries = keys.iter().flat_map(|key| list(key)).filter_map(Node::as_str);
            entries.filter(|entry| !is_inline(entry)).map(Into::into).collect()
        };
        let mut changes = paths(&CHANGES);
        let by_path = CHANGES_BY_PATH.iter().flat_map(|key| list(key)).filter_map(|entry| entry.get("path"));
        changes.extend(by_path.chain(root.path(&["openapi", "path"])).filter_map(Node::as_str).map(Into::into));
        let maker = MAKERS.iter().find(|key| !list(key).is_empty());
        Some(Self {
            resources: paths(&RESOURCES),
            components: paths(&["components"]),
            changes,
            change: Change::read(root),
            patches: patches::Named::read(root),
            more: Part::read(root),
            is_component: root.get("kind").and_then(Node::as_str) == Some("Component"),
            makes_more: maker.map(|key| format!("makes objects by `{key}` when it is built").into()),
        })
    }

    /// Whether it puts files together, and changes nothing of what they hold.
    pub(super) fn only_gathers(&self) -> bool {
        self.change.is_none() && self.patches.is_empty() && self.more.is_empty() && self.makes_more.is_none()
    }

    /// One that could not be read, of which nothing is known.
    pub(super) fn unreadable() -> Self {
        Self { makes_more: Some("could not be read".into()), ..Self::default() }
    }
}

/// The API group of kustomizations.
const GROUP: &str = "kustomize.config.k8s.io";

/// Whether an entry is YAML itself rather than the path of a file that holds it.
pub(crate) fn is_inline(entry: &str) -> bool {
    entry.contains('\n') || entry.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Limits, Scalars, yaml};

    fn read(text: &str) -> Option<Kustomization> {
        Kustomization::read(&yaml::parse(text, Scalars::Core12, &Limits::default()).unwrap().unwrap())
    }

    #[test]
    fn files_are_told_from_yaml_that_stands_inside() {
        let text = "
resources: [a.yaml, ../base]
bases: [b]
components: [../c]
patches:
- path: p.yaml
- patch: |-
    - op: remove
      path: /spec/replicas
- {target: {kind: Deployment}, path: q.json}
patchesStrategicMerge: [r.yaml, '{kind: Deployment}', \"kind: Deployment\\nmetadata: {}\\n\"]
patchesJson6902: [{path: s.yaml, target: {kind: Service}}]
replacements: [{path: t.yaml}, {source: {kind: ConfigMap}}]
transformers: [u.yaml]
configurations: [v.yaml]
openapi: {path: w.json}
";
        let read = read(text).unwrap();
        let names = |paths: &[Box<str>]| paths.join(" ");
        assert_eq!(names(&read.resources), "a.yaml ../base b ../c");
        assert_eq!(names(&read.changes), "r.yaml u.yaml v.yaml p.yaml q.json s.yaml t.yaml w.json");
        assert_eq!(read.makes_more, None);
    }

    #[test]
    fn what_is_made_later_is_known_to_be_missing() {
        for text in ["helmCharts: [{name: x}]", "generators: [g.yaml]", "helmChartInflationGenerator: [{chartName: x}]"]
        {
            assert!(read(text).unwrap().makes_more.is_some(), "{text}");
        }
        for text in ["helmCharts: []", "generators: null", "resources: 7", "7", "patches: {path: x}"] {
            assert_eq!(read(text).unwrap().makes_more, None, "{text}");
        }
    }

    #[test]
    fn changes_that_are_known_are_told_from_others() {
        for text in ["configurations: [x]", "vars: [{name: a}]", "transformers: [t.yaml]", "replacements: [{}]"] {
            assert!(!read(text).unwrap().more.is_empty(), "{text}");
        }
        for text in [
            "namePrefix: a-",
            "patches: []",
            "images: [{name: a}]",
            "replicas: [{name: a, count: 2}]",
            "validators: [v.yaml]",
            "commonLabels: {a: b}",
        ] {
            assert!(read(text).unwrap().more.is_empty(), "{text}");
        }
    }

    #[test]
    fn other_kinds_are_none() {
        let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml}]";
        assert_eq!(read(component).unwrap().changes.join(""), "p.yaml");
        assert_eq!(read("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {}"), None);
        assert_eq!(read("apiVersion: v1\nkind: List\nitems: []"), None);
    }

    #[test]
    fn kustomizations_are_called_by_their_three_names() {
        for path in ["kustomization.yaml", "a/kustomization.yml", "a/b/Kustomization"] {
            assert!(Kustomization::is_named_so(path), "{path}");
        }
        for path in ["kustomization.json", "my-kustomization.yaml", "kustomization/a.yaml", "kustomizeconfig.yaml"] {
            assert!(!Kustomization::is_named_so(path), "{path}");
        }
    }
}
