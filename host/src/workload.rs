//! Workloads: the kinds that carry a pod template, and where each keeps it.
//!
//! Rules see every workload as `{"object": …, "pod": …, "file": …}`; this module is the only one
//! that knows where `pod` comes from and how a rule's path leads back.

use crate::document::{Document, Node, Pointer, Value};
use crate::language::Language;
use crate::language::key::{self, Reading, Told};
use crate::manifest::Target;
use serde::{Deserialize, Serialize};

/// A kind that carries a pod template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadKind {
    /// API group; empty for core.
    #[serde(default)]
    pub group: String,
    /// Kind.
    pub kind: String,
    /// JSON pointer to the template, the thing that has `metadata` and `spec`.
    pub template: String,
}

/// The kinds of workload that a run knows.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadKinds(Vec<(WorkloadKind, Pointer)>);

impl Default for WorkloadKinds {
    /// Kubernetes' own, and those of OpenShift, Argo Rollouts, KEDA and OpenKruise that have a template of pods in one
    /// place. An Argo Workflow has none: its templates are containers of their own.
    fn default() -> Self {
        let kinds = [
            ("", "Pod", ""),
            ("", "PodTemplate", "/template"),
            ("", "ReplicationController", "/spec/template"),
            ("apps", "Deployment", "/spec/template"),
            ("apps", "StatefulSet", "/spec/template"),
            ("apps", "DaemonSet", "/spec/template"),
            ("apps", "ReplicaSet", "/spec/template"),
            ("batch", "Job", "/spec/template"),
            ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
            ("argoproj.io", "Rollout", "/spec/template"),
            ("apps.openshift.io", "DeploymentConfig", "/spec/template"),
            ("keda.sh", "ScaledJob", "/spec/jobTargetRef/template"),
            ("apps.kruise.io", "CloneSet", "/spec/template"),
            ("apps.kruise.io", "StatefulSet", "/spec/template"),
            ("apps.kruise.io", "DaemonSet", "/spec/template"),
            ("apps.kruise.io", "BroadcastJob", "/spec/template"),
            ("apps.kruise.io", "AdvancedCronJob", "/spec/template/jobTemplate/spec/template"),
        ];
        Self(
            kinds
                .into_iter()
                .map(|(group, kind, template)| {
                    let tokens: Pointer = template.split('/').skip(1).collect();
                    let kind = WorkloadKind { group: group.into(), kind: kind.into(), template: template.into() };
                    (kind, tokens)
                })
                .collect(),
        )
    }
}

impl WorkloadKinds {
    /// Adds a kind, in the place of one of its name.
    ///
    /// # Errors
    /// When its template is not a JSON pointer.
    pub fn add(&mut self, kind: WorkloadKind) -> Result<(), crate::document::PointerError> {
        let template = Pointer::parse(&kind.template)?;
        self.0.retain(|(known, _)| (&known.group, &known.kind) != (&kind.group, &kind.kind));
        self.0.push((kind, template));
        Ok(())
    }

    /// The kinds.
    pub fn iter(&self) -> impl Iterator<Item = &WorkloadKind> {
        self.0.iter().map(|(kind, _)| kind)
    }

    /// Where a kind keeps its template, when it is one of them.
    pub fn template_of(&self, group: &str, kind: &str) -> Option<&Pointer> {
        self.0.iter().find(|(known, _)| known.group == group && known.kind == kind).map(|(_, template)| template)
    }

    /// How rules see a document.
    pub fn shape(&self, document: &Document) -> Shape {
        match self.template_of(&document.subject.group, &document.subject.kind) {
            Some(template) => Shape::Workload { template: template.clone() },
            None => Shape::Plain,
        }
    }

    /// Whether a document is one of a target's.
    pub fn matches(&self, target: &Target, document: &Document) -> bool {
        let subject = &document.subject;
        match target {
            Target::File(kind) => *kind == subject.kind && document.is_file(),
            Target::Object { .. } if document.is_file() => false,
            _ => self.names(target, &subject.group, &subject.kind),
        }
    }

    /// Whether a target names a kind of object.
    pub fn names(&self, target: &Target, group: &str, kind: &str) -> bool {
        match target {
            Target::Workload => self.template_of(group, kind).is_some(),
            Target::WorkloadKind(named) => named == kind && self.template_of(group, kind).is_some(),
            Target::Object { group: of, kind: named } => of == group && named == kind,
            Target::File(_) => false,
        }
    }

    /// Which object is checked instead of a workload, where there is one of a known kind: its controller, or the
    /// workload that its template stands in. It counts only for rules that check that kind.
    pub fn judged_elsewhere(&self, document: &Document) -> Option<Elsewhere> {
        self.template_of(&document.subject.group, &document.subject.kind)?;
        let (reference, why) = match controller(&document.root) {
            Some(owner) if self.known(owner).is_some() => (owner, "its owner is checked instead"),
            _ => {
                let reference = document.root.path(&["spec", "workloadRef"])?;
                if document.root.path(&["spec", "template"]).is_some() {
                    return None;
                }
                (reference, "its pod template is checked where it stands")
            }
        };
        let known = self.known(reference)?;
        let reason = format!("{why}: {} {}", known.kind, text(reference, "name"));
        Some(Elsewhere { group: known.group.clone(), kind: known.kind.clone(), reason })
    }

    /// Whether a workload has a controller that is a workload itself, and says all that it says.
    pub fn is_controlled(&self, document: &Document) -> bool {
        self.template_of(&document.subject.group, &document.subject.kind).is_some()
            && controller(&document.root).is_some_and(|owner| self.known(owner).is_some())
    }

    /// The kind of workload that a reference names.
    fn known(&self, reference: &Node) -> Option<&WorkloadKind> {
        let (api_version, kind) = (text(reference, "apiVersion"), text(reference, "kind"));
        let group = match api_version.split_once('/') {
            Some((group, _)) => Some(group),
            None if api_version.is_empty() => None,
            None => Some(""),
        };
        let mut kinds = self.iter();
        kinds.find(|known| known.kind == kind && group.is_none_or(|group| known.group == group))
    }
}

/// The object that is checked instead of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its API group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// For people: which it is, and why.
    pub reason: String,
}

/// The owner reference of an object's controller.
pub fn controller(object: &Node) -> Option<&Node> {
    let owners = object.path(&["metadata", "ownerReferences"]).map_or(&[][..], Node::items);
    owners.iter().find(|owner| owner.get("controller").is_some_and(|flag| flag.value == Value::Bool(true)))
}

/// Kubernetes' controllers that make workloads from the templates of others. Whoever calls himself otherwise could
/// name any owner. Where controllers have no accounts of their own, all of them are the first.
pub const WORKLOAD_CONTROLLERS: [&str; 8] = [
    "system:kube-controller-manager",
    "system:serviceaccount:kube-system:cronjob-controller",
    "system:serviceaccount:kube-system:daemon-set-controller",
    "system:serviceaccount:kube-system:deployment-controller",
    "system:serviceaccount:kube-system:job-controller",
    "system:serviceaccount:kube-system:replicaset-controller",
    "system:serviceaccount:kube-system:replication-controller",
    "system:serviceaccount:kube-system:statefulset-controller",
];

/// How many pods of a StatefulSet are told apart, and of one that does not say how many it has.
const MAX_ORDINALS: usize = 256;
const USUAL_ORDINALS: usize = 16;

/// The labels that controllers put on the pods of a workload beside those of its template. Pods of a StatefulSet have
/// different ones, and all of them are there.
pub fn controller_labels(document: &Document) -> Vec<(&'static str, String)> {
    let subject = &document.subject;
    match (subject.group.as_str(), subject.kind.as_str()) {
        ("batch", "Job") => job_labels(subject.name.clone()),
        // The time stands behind the name, in minutes.
        ("batch", "CronJob") => job_labels(format!("{}-00000000", subject.name)),
        ("keda.sh", "ScaledJob") => job_labels(format!("{}-00000", subject.name)),
        ("apps" | "apps.kruise.io", "StatefulSet") => {
            let number = |path: &[&str]| match document.root.path(path).map(|node| &node.value) {
                Some(Value::Number(number)) => number.parse::<usize>().ok(),
                _ => None,
            };
            let start = number(&["spec", "ordinals", "start"]).unwrap_or(0);
            let replicas = number(&["spec", "replicas"]).filter(|replicas| *replicas > 0).unwrap_or(USUAL_ORDINALS);
            let ordinals = start..start.saturating_add(replicas.min(MAX_ORDINALS));
            let labels = ordinals.flat_map(|ordinal| {
                let name = format!("{}-{ordinal}", subject.name);
                [("statefulset.kubernetes.io/pod-name", name), ("apps.kubernetes.io/pod-index", ordinal.to_string())]
            });
            labels.collect()
        }
        _ => Vec::new(),
    }
}

fn job_labels(name: String) -> Vec<(&'static str, String)> {
    vec![("batch.kubernetes.io/job-name", name.clone()), ("job-name", name)]
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

/// How rules see a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// As it is.
    Plain,
    /// As `{"object": …, "pod": …, "file": …}`.
    Workload {
        /// Where `pod` stands in the document.
        template: Pointer,
    },
}

impl Shape {
    /// Leads a path in the document as a rule sees it back into the document itself; `None` when
    /// it leads nowhere there.
    pub fn resolve(&self, path: &Pointer) -> Option<Pointer> {
        match self {
            Shape::Plain => Some(path.clone()),
            Shape::Workload { template } => {
                // Comments of the whole stand under a name of their own: `object:comments`.
                if let Told::Tree(head @ ("object" | "pod"), Reading { each: false, language: Language::Comments }) =
                    key::understand(path.tokens().first()?)
                {
                    let template = if head == "pod" { template.tokens() } else { &[] };
                    let of = template.iter().cloned().chain([format!(":{}", Language::Comments)]);
                    return Some(of.chain(path.tokens().iter().skip(1).cloned()).collect());
                }
                let (head, rest) = (path.tokens().first()?.as_str(), path.strip_prefix(&[path.tokens().first()?])?);
                match head {
                    "object" => Some(rest),
                    "pod" => Some(template.concat(&rest)),
                    "file" if rest.tokens().is_empty() => Some(Pointer::root()),
                    _ => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Unit};

    #[test]
    fn a_controller_is_known_by_its_group() {
        let kinds = WorkloadKinds::default();
        let pod = |owner: &str| {
            let metadata = format!(r#"{{"name":"p","ownerReferences":[{{{owner},"name":"o","controller":true}}]}}"#);
            let text = format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{metadata}}}"#);
            Unit::new(Form::Json, Source::new("a.json", text)).parse(&Limits::default()).unwrap().remove(0)
        };
        for (owner, known) in [
            (r#""apiVersion":"apps/v1","kind":"StatefulSet""#, true),
            (r#""apiVersion":"apps.kruise.io/v1beta1","kind":"StatefulSet""#, true),
            (r#""apiVersion":"example.org/v1","kind":"StatefulSet""#, false),
            (r#""apiVersion":"v1","kind":"ReplicationController""#, true),
            (r#""apiVersion":"v1","kind":"Node""#, false),
            (r#""kind":"Job""#, true),
        ] {
            let pod = pod(owner);
            assert_eq!(kinds.is_controlled(&pod), known, "{owner}");
            assert_eq!(kinds.judged_elsewhere(&pod).is_some(), known, "{owner}");
        }
    }

    #[test]
    fn workloads_of_others_have_their_template_where_they_keep_it() {
        let kinds = WorkloadKinds::default();
        for (group, kind, template) in [
            ("apps.openshift.io", "DeploymentConfig", "/spec/template"),
            ("keda.sh", "ScaledJob", "/spec/jobTargetRef/template"),
            ("apps.kruise.io", "CloneSet", "/spec/template"),
            ("apps.kruise.io", "DaemonSet", "/spec/template"),
            ("apps.kruise.io", "AdvancedCronJob", "/spec/template/jobTemplate/spec/template"),
        ] {
            assert_eq!(kinds.template_of(group, kind).map(ToString::to_string).as_deref(), Some(template), "{kind}");
        }
        assert_eq!(kinds.template_of("argoproj.io", "Workflow"), None);
        assert_eq!(kinds.template_of("keda.sh", "ScaledObject"), None);
    }

    #[test]
    fn a_kind_that_somebody_adds_takes_the_place_of_ours() {
        let mut kinds = WorkloadKinds::default();
        let before = kinds.iter().count();
        let own = WorkloadKind { group: "keda.sh".into(), kind: "ScaledJob".into(), template: "/spec/pod".into() };
        kinds.add(own).unwrap();
        assert_eq!(kinds.iter().count(), before);
        assert_eq!(kinds.template_of("keda.sh", "ScaledJob").map(ToString::to_string).as_deref(), Some("/spec/pod"));
    }

    #[test]
    fn an_owner_that_nobody_knows_stands_for_nothing() {
        let kinds = WorkloadKinds::default();
        for (version, kind) in
            [("v1", "Pod"), ("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet"), ("batch/v1", "Job")]
        {
            let owner = r#"{"apiVersion":"example.com/v1","kind":"Widget","name":"o","controller":true}"#;
            let text = format!(
                r#"{{"apiVersion":"{version}","kind":"{kind}","metadata":{{"name":"p","ownerReferences":[{owner}]}}}}"#
            );
            let unit = Unit::new(Form::Json, Source::new("a.json", text));
            assert_eq!(kinds.judged_elsewhere(&unit.parse(&Limits::default()).unwrap()[0]), None, "{kind}");
        }
    }
}
