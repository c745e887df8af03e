//! Exemptions: conjunctions that lift rules from documents, with a reason, an owner and an end.

use super::definition::ExemptionEntry;
use crate::document::{Document, Node, Pointer};
use crate::manifest::ReadPath;
use crate::workload::Shape;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A compiled exemption.
#[derive(Debug, Clone)]
pub struct Exemption {
    /// As it was written.
    pub entry: ExemptionEntry,
    /// Where it is written.
    pub from: ExemptionSource,
    paths: GlobSet,
    namespaces: GlobSet,
    names: GlobSet,
    images: GlobSet,
}

/// Where an exemption is written.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemptionSource {
    /// In the configuration rather than in the bundle.
    pub configuration: bool,
    /// `FILE:LINE:COLUMN`.
    pub place: String,
    /// The directory that its `paths` are below.
    pub directory: PathBuf,
}

/// That a run honours what stands in documents, and what it has to know for that.
#[derive(Debug, Clone)]
pub struct Ignoring {
    /// The day by which `until` is measured.
    pub today: jiff::civil::Date,
    /// Rules that are there, though not all of them in this bundle: ids, and those that they had before.
    pub known: BTreeSet<String>,
}

/// What a finding is about, as exemptions ask for it.
pub struct Scope<'d> {
    document: &'d Document,
    pod: Option<&'d Node>,
    /// The container that the finding's path leads into.
    container: Option<&'d Node>,
    /// Index of the source that it is in.
    file: u16,
}

impl<'d> Scope<'d> {
    /// The scope of a finding at `path`, an absolute path in the document.
    pub fn new(document: &'d Document, shape: &Shape, path: &Pointer) -> Self {
        let Shape::Workload { template } = shape else {
            let file = document.at(path).map_or(0, |node| node.span.file);
            return Self { document, pod: None, container: None, file };
        };
        let prefix: Vec<&str> = template.tokens().iter().map(String::as_str).chain(["spec"]).collect();
        let container = path.strip_prefix(&prefix).and_then(|rest| {
            let [list, index, ..] = rest.tokens() else { return None };
            is_container_list(list).then(|| document.at(&template.join("spec").join(list).join(index)))?
        });
        Self { document, pod: document.at(template), container, file: 0 }
    }

    /// The file's path as it is below a directory.
    fn path_below(&self, directory: &Path) -> Option<PathBuf> {
        let file = self.document.sources.get(usize::from(self.file)).or(self.document.sources.first())?;
        crate::root::below(directory, &file.path)
    }

    fn has_label(&self, key: &str, value: &str) -> bool {
        let of = |node: &'d Node| node.path(&["metadata", "labels", key]).and_then(Node::as_str);
        of(&self.document.root) == Some(value) || self.pod.and_then(of) == Some(value)
    }

    /// The images that an exemption may name: of the container that the finding is in, else of the pod's own programs.
    /// Init containers, and sidecars among them, are not among these.
    fn images(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        let programs = || self.pod.and_then(|pod| pod.path(&["spec", "containers"])).map_or(&[][..], Node::items);
        let containers = self.container.map_or_else(programs, std::slice::from_ref);
        containers.iter().filter_map(|container| container.get("image")?.as_str())
    }
}

fn is_container_list(key: &str) -> bool {
    matches!(key, "containers" | "initContainers" | "ephemeralContainers")
}

impl Exemption {
    /// Compiles an exemption.
    ///
    /// # Errors
    /// Names the glob that is malformed.
    pub fn new(entry: ExemptionEntry, from: ExemptionSource) -> Result<Self, globset::Error> {
        Ok(Self {
            from,
            paths: globs(&entry.paths)?,
            namespaces: globs(&entry.namespaces)?,
            names: globs(&entry.names)?,
            images: globs(&entry.images)?,
            entry,
        })
    }

    /// Everything that decides what it lifts.
    pub(super) fn identity(&self) -> Vec<u8> {
        let mut identity = serde_json::to_vec(&self.entry).unwrap_or_default();
        if !self.entry.paths.is_empty() {
            // Paths are told from the working directory.
            for directory in [&*self.from.directory, Path::new("")] {
                let whole = crate::root::absolute(directory).unwrap_or_default();
                identity.extend_from_slice(whole.as_os_str().as_encoded_bytes());
                identity.push(0);
            }
        }
        identity
    }

    /// The paths that [`Exemption::covers`] looks at, beside who the document is.
    pub fn reads() -> impl Iterator<Item = ReadPath> {
        let of_pod = ["containers", "initContainers", "ephemeralContainers"]
            .into_iter()
            .flat_map(|list| ["name", "image"].map(|key| format!("pod.spec.{list}[*].{key}")));
        let labels = ["metadata.labels", "object.metadata.labels", "pod.metadata.labels"].map(str::to_owned);
        labels.into_iter().chain(of_pod).filter_map(|path| path.parse().ok())
    }

    /// Whether it lifts `rule` from what the scope is about.
    pub fn covers(&self, rule: &str, scope: &Scope<'_>) -> bool {
        let subject = &scope.document.subject;
        let entry = &self.entry;
        let container = || scope.container.and_then(|node| node.get("name")).and_then(Node::as_str);
        entry.rules.iter().any(|exempt| exempt == rule)
            && (self.paths.is_empty()
                || scope.path_below(&self.from.directory).is_some_and(|path| self.paths.is_match(path)))
            && (entry.kinds.is_empty() || entry.kinds.contains(&subject.kind))
            && (self.namespaces.is_empty() || self.namespaces.is_match(&subject.namespace))
            && (self.names.is_empty() || self.names.is_match(&subject.name))
            && entry.labels.iter().all(|(key, value)| scope.has_label(key, value))
            && (self.images.is_empty() || scope.images().any(|image| self.images.is_match(image)))
            && (entry.containers.is_empty()
                || container().is_some_and(|name| entry.containers.iter().any(|wanted| wanted == name)))
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern)?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Unit};

    /// Whether an exemption of an image covers a path of a DaemonSet with two programs and a sidecar.
    fn covers(image: &str, path: &str) -> bool {
        let text = r#"{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "a"}, "spec": {"template": {"spec": {
            "hostPID": true, "initContainers": [{"name": "mesh", "image": "r.example/mesh:1", "restartPolicy": "Always"}],
            "containers": [{"name": "agent", "image": "r.example/agent:5"}, {"name": "proxy", "image": "r.example/proxy:2"}]}}}}"#;
        let unit = Unit::new(Form::Json, Source::new("a.json", text));
        let document = unit.parse(&Limits::default()).unwrap().remove(0);
        let shape = crate::workload::WorkloadKinds::default().shape(&document);
        let entry = serde_json::json!({"rules": ["r"], "images": [image], "reason": "because"});
        let from = ExemptionSource { configuration: true, place: String::new(), directory: PathBuf::new() };
        let exemption = Exemption::new(serde_json::from_value(entry).unwrap(), from).unwrap();
        exemption.covers("r", &Scope::new(&document, &shape, &Pointer::parse(path).unwrap()))
    }

    #[test]
    fn an_image_exempts_its_container_and_the_pod_that_runs_it() {
        let (pod, agent) = ("/spec/template/spec/hostPID", "/spec/template/spec/containers/0/image");
        let (proxy, mesh) =
            ("/spec/template/spec/containers/1/securityContext", "/spec/template/spec/initContainers/0/image");
        for (image, path, covered) in [
            ("r.example/agent:*", pod, true),
            ("r.example/agent:*", agent, true),
            ("r.example/agent:*", proxy, false),
            ("r.example/agent:*", mesh, false),
            ("r.example/mesh:*", mesh, true),
            ("r.example/mesh:*", pod, false),
            ("r.example/other:*", pod, false),
            ("r.example/other:*", agent, false),
        ] {
            assert_eq!(covers(image, path), covered, "{image} {path}");
        }
    }

    #[test]
    fn all_paths_that_are_read_are_paths() {
        assert_eq!(Exemption::reads().count(), 9);
    }
}
