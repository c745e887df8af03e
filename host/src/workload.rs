//! Workloads: the kinds that carry a pod template, and where each keeps it.
//!
//! Rules see every workload as `{"object": …, "pod": …, "file": …}`; this module is the only one
//! that knows where `pod` comes from and how a rule's path leads back.

use crate::document::{Document, Node, Pointer, Value};
use crate::manifest::Target;
use serde::{Deserialize, Serialize};

/// A kind that carries a pod template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Kubernetes' own and Argo Rollouts.
    fn default() -> Self {
        let kinds = [
            ("", "Pod", ""),
            ("", "ReplicationController", "/spec/template"),
            ("apps", "Deployment", "/spec/template"),
            ("apps", "StatefulSet", "/spec/template"),
            ("apps", "DaemonSet", "/spec/template"),
            ("apps", "ReplicaSet", "/spec/template"),
            ("batch", "Job", "/spec/template"),
            ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
            ("argoproj.io", "Rollout", "/spec/template"),
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
    /// Adds a kind.
    ///
    /// # Errors
    /// When its template is not a JSON pointer.
    pub fn add(&mut self, kind: WorkloadKind) -> Result<(), crate::document::PointerError> {
        let template = Pointer::parse(&kind.template)?;
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
            Target::Workload => self.template_of(&subject.group, &subject.kind).is_some(),
            Target::WorkloadKind(kind) => {
                *kind == subject.kind && self.template_of(&subject.group, &subject.kind).is_some()
            }
            Target::Object { group, kind } => *kind == subject.kind && *group == subject.group && !document.is_file(),
            Target::File(kind) => *kind == subject.kind && document.is_file(),
        }
    }

    /// Why no rule judges a workload, where that is so: its owner is judged instead.
    pub fn judged_elsewhere(&self, document: &Document) -> Option<String> {
        self.template_of(&document.subject.group, &document.subject.kind)?;
        if let Some(owner) = controller(document) {
            // Nobody judges an owner of a kind that is not known, so its pods are judged themselves.
            if self.knows(owner) || document.subject.kind != "Pod" {
                let (kind, name) = (text(owner, "kind"), text(owner, "name"));
                return Some(format!("its owner is judged instead: {kind} {name}"));
            }
        }
        let reference = document.root.path(&["spec", "workloadRef"])?;
        document.root.path(&["spec", "template"]).is_none().then(|| {
            let (kind, name) = (text(reference, "kind"), text(reference, "name"));
            format!("its pod template is judged where it stands: {kind} {name}")
        })
    }

    /// Whether a workload has a controller that is a workload itself, and says all that it says.
    pub fn is_controlled(&self, document: &Document) -> bool {
        self.template_of(&document.subject.group, &document.subject.kind).is_some()
            && controller(document).is_some_and(|owner| self.knows(owner))
    }

    /// Whether an owner reference names a workload.
    fn knows(&self, owner: &Node) -> bool {
        let (api_version, kind) = (text(owner, "apiVersion"), text(owner, "kind"));
        match api_version.split_once('/') {
            Some((group, _)) => self.template_of(group, kind).is_some(),
            None if api_version.is_empty() => self.0.iter().any(|(known, _)| known.kind == kind),
            None => self.template_of("", kind).is_some(),
        }
    }
}

/// The owner reference of an object's controller.
fn controller(document: &Document) -> Option<&Node> {
    let owners = document.root.path(&["metadata", "ownerReferences"]).map_or(&[][..], Node::items);
    owners.iter().find(|owner| owner.get("controller").is_some_and(|flag| flag.value == Value::Bool(true)))
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
            (r#""apiVersion":"apps.kruise.io/v1beta1","kind":"StatefulSet""#, false),
            (r#""apiVersion":"v1","kind":"ReplicationController""#, true),
            (r#""apiVersion":"v1","kind":"Node""#, false),
            (r#""kind":"Job""#, true),
        ] {
            let pod = pod(owner);
            assert_eq!(kinds.is_controlled(&pod), known, "{owner}");
            assert_eq!(kinds.judged_elsewhere(&pod).is_some(), known, "{owner}");
        }
    }
}
