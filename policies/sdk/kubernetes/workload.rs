//! Views of a workload, the same whatever its kind: the host hands it over normalised as
//! `{"object": …, "pod": …}`.

use super::probe::Probe;
use crate::json::View;
use crate::write::ToJson;
use std::ops::Deref;

/// A workload: an object that carries a pod template.
#[derive(Clone)]
pub struct Workload<'d> {
    kind: &'d str,
    /// The object itself.
    pub object: View<'d>,
    /// Its pod template: `metadata` and `spec`.
    pub pod: View<'d>,
}

/// The class of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// In `containers`.
    Main,
    /// In `initContainers`, with `restartPolicy: Always`.
    Sidecar,
    /// In `initContainers`, run to completion.
    Init,
    /// In `ephemeralContainers`.
    Ephemeral,
}

/// A container and its class. Dereferences to its [`View`].
#[derive(Clone)]
pub struct Container<'d> {
    view: View<'d>,
    /// Its class.
    pub class: Class,
}

impl<'d> Workload<'d> {
    pub(crate) fn new(kind: &'d str, document: &View<'d>) -> Self {
        Self { kind, object: document.get("object"), pod: document.get("pod") }
    }

    /// The object's kind.
    pub fn kind(&self) -> &'d str {
        self.kind
    }

    /// Deployment, StatefulSet, Rollout, CloneSet or DeploymentConfig: runs until it is told to stop, in replicas.
    pub fn is_long_running(&self) -> bool {
        matches!(self.kind, "Deployment" | "StatefulSet" | "Rollout" | "CloneSet" | "DeploymentConfig")
    }

    /// Job or CronJob, or one of the like: ScaledJob, BroadcastJob, AdvancedCronJob.
    pub fn is_batch(&self) -> bool {
        matches!(self.kind, "Job" | "CronJob" | "ScaledJob" | "BroadcastJob" | "AdvancedCronJob")
    }

    /// The workload's own selector, to be written where a LabelSelector stands; `None` where it has none. The rule reads
    /// `object.spec.selector`.
    pub fn selector(&self) -> Option<OwnSelector<'d>> {
        let view = self.object.at("spec.selector");
        let is_map = matches!(self.kind, "DeploymentConfig" | "ReplicationController");
        (!view.is_empty()).then_some(OwnSelector { view, is_map })
    }

    /// The pod's `spec`.
    pub fn spec(&self) -> View<'d> {
        self.pod.get("spec")
    }

    /// The labels that its pods carry.
    pub fn pod_labels(&self) -> View<'d> {
        self.pod.at("metadata.labels")
    }

    /// The value of a label of the pod template, else of the object.
    pub fn label(&self, key: &str) -> Option<&'d str> {
        let own = self.pod_labels().get(key).as_str();
        own.or_else(|| self.object.at("metadata.labels").get(key).as_str())
    }

    /// The value of an annotation of the pod template, else of the object.
    pub fn annotation(&self, key: &str) -> Option<&'d str> {
        let own = self.pod.at("metadata.annotations").get(key).as_str();
        own.or_else(|| self.object.at("metadata.annotations").get(key).as_str())
    }

    /// Every container of every class, main ones first.
    pub fn containers(&self) -> impl Iterator<Item = Container<'d>> + use<'d> {
        let spec = self.spec();
        let main = spec.get("containers").items().map(|view| Container { view, class: Class::Main });
        let init = spec.get("initContainers").items().map(|view| {
            let class = if view.get("restartPolicy").as_str() == Some("Always") { Class::Sidecar } else { Class::Init };
            Container { view, class }
        });
        let ephemeral = spec.get("ephemeralContainers").items().map(|view| Container { view, class: Class::Ephemeral });
        main.chain(init).chain(ephemeral)
    }

    /// The containers in `containers`.
    pub fn main_containers(&self) -> impl Iterator<Item = Container<'d>> + use<'d> {
        self.containers().filter(|container| container.class == Class::Main)
    }

    /// True when a main container declares a port.
    pub fn declares_ports(&self) -> bool {
        self.main_containers().any(|container| container.declares_ports())
    }

    /// Long-running and reachable, as far as the object alone tells: a main container declares a port.
    pub fn is_serving(&self) -> bool {
        self.is_long_running() && self.declares_ports()
    }
}

/// A workload's own selector, as a LabelSelector.
pub struct OwnSelector<'d> {
    view: View<'d>,
    /// It is a map of labels.
    is_map: bool,
}

impl ToJson for OwnSelector<'_> {
    fn write_json(&self, out: &mut String) {
        if self.is_map {
            crate::object! { "matchLabels": self.view }.write_json(out);
        } else {
            self.view.write_json(out);
        }
    }
}

impl<'d> Container<'d> {
    /// The container's name.
    pub fn name(&self) -> &'d str {
        self.view.get("name").text()
    }

    /// How messages call it: its class and name.
    pub fn described(&self) -> String {
        let class = match self.class {
            Class::Main => "container",
            Class::Sidecar => "sidecar",
            Class::Init => "init container",
            Class::Ephemeral => "ephemeral container",
        };
        [class, " `", self.name(), "`"].concat()
    }

    /// A variable of its environment, the entry of `env`; of two of one name the last counts. The rule reads
    /// `container.env[*].name`.
    pub fn variable(&self, name: &str) -> Option<View<'d>> {
        self.view.get("env").items().filter(|variable| variable.get("name").text() == name).last()
    }

    /// The image reference, as written.
    pub fn image(&self) -> &'d str {
        self.view.get("image").text()
    }

    /// True when it declares at least one `containerPort`.
    pub fn declares_ports(&self) -> bool {
        self.view.get("ports").items().any(|port| port.get("containerPort").exists())
    }

    /// The container's `securityContext`.
    pub fn security_context(&self) -> View<'d> {
        self.view.get("securityContext")
    }

    /// A resource request: `cpu`, `memory`, ….
    pub fn request(&self, resource: &str) -> View<'d> {
        self.view.at("resources.requests").get(resource)
    }

    /// A resource limit: `cpu`, `memory`, ….
    pub fn limit(&self, resource: &str) -> View<'d> {
        self.view.at("resources.limits").get(resource)
    }

    /// The probes that are set, by field name.
    pub fn probes(&self) -> impl Iterator<Item = (&'static str, Probe<'d>)> + use<'d> {
        let view = self.view.clone();
        ["startupProbe", "livenessProbe", "readinessProbe"]
            .into_iter()
            .map(move |field| (field, Probe(view.get(field))))
            .filter(|(_, probe)| probe.exists())
    }
}

impl<'d> Deref for Container<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.view
    }
}

/// Names of containers for a message: at most three, and the count of the others.
pub fn listed(containers: &[Container<'_>]) -> String {
    joined(containers, "and")
}

/// [`listed`] behind "neither the pod nor".
pub fn listed_or(containers: &[Container<'_>]) -> String {
    joined(containers, "or")
}

fn joined(containers: &[Container<'_>], word: &str) -> String {
    const NAMED: usize = 3;
    let mut names: Vec<String> = containers.iter().take(NAMED).map(Container::described).collect();
    if let Some(more) = containers.len().checked_sub(NAMED).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} {word} {last}", names.join(", ")) }
}
