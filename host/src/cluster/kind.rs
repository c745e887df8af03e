//! Which kinds have to be watched, and how much of them.

use crate::document::Pointer;
use crate::evaluate::Topic;
use crate::manifest::{Segment, Target};
use std::collections::BTreeSet;
use std::fmt;

/// A kind of object, in whatever version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKind {
    /// API group; empty for core.
    pub group: String,
    /// Kind.
    pub kind: String,
}

impl fmt::Display for GroupKind {
    /// As a rule's manifest names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = if self.group.is_empty() { "core" } else { &self.group };
        write!(f, "{group}/{}", self.kind)
    }
}

/// The kinds of object that a topic is about. Repository files are not in a cluster.
pub fn kinds_of(topic: &Topic) -> BTreeSet<GroupKind> {
    let workloads = |wanted: Option<&str>| {
        let kinds = topic.workloads.iter().filter(move |known| wanted.is_none_or(|kind| known.kind == kind));
        kinds.map(|known| GroupKind { group: known.group.clone(), kind: known.kind.clone() }).collect::<Vec<_>>()
    };
    let kinds = topic.kinds.iter().flat_map(|target| match target {
        Target::Workload => workloads(None),
        Target::WorkloadKind(kind) => workloads(Some(kind)),
        Target::Object { group, kind } => vec![GroupKind { group: group.clone(), kind: kind.clone() }],
        Target::File(_) => Vec::new(),
    });
    // What registries say of images is in no cluster, whatever is called so there.
    kinds.filter(|_| !topic.is_of_images()).collect()
}

/// Whether a topic reads nothing of a kind but what every kind's metadata has, so that the API server need
/// not send the rest.
pub(super) fn reads_only_metadata(topic: &Topic, kind: &GroupKind) -> bool {
    let common = |segments: &[Segment]| match segments.first() {
        Some(Segment::Key(key)) => matches!(key.as_str(), "apiVersion" | "kind" | "metadata"),
        _ => false,
    };
    let template = topic.workloads.template_of(&kind.group, &kind.kind);
    topic.paths().all(|path| match (template, path.segments()) {
        (None, segments) => common(segments),
        (Some(template), [Segment::Key(view), rest @ ..]) => match view.as_str() {
            "object" => common(rest),
            "pod" => *template == Pointer::root() && common(rest),
            // Where the document comes from, which it does not say itself, or nothing that there is.
            _ => true,
        },
        (Some(_), _) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Query, Scope};
    use crate::workload::{WorkloadKind, WorkloadKinds};

    fn topic(kinds: &[&str], reads: &[&str]) -> Topic {
        let mut workloads = WorkloadKinds::default();
        let unit = WorkloadKind { group: "x.io".into(), kind: "Unit".into(), template: "/spec/pod".into() };
        workloads.add(unit).unwrap();
        let query = Query {
            name: "q".to_owned(),
            kinds: kinds.iter().map(|kind| kind.parse().unwrap()).collect(),
            scope: Scope::Cluster,
            via: None,
            unless: None,
            relation: None,
            reads: reads.iter().map(|path| path.parse().unwrap()).collect(),
        };
        Topic::of(&[query], &workloads).remove(0)
    }

    fn shown(topic: &Topic) -> Vec<String> {
        kinds_of(topic).iter().map(GroupKind::to_string).collect()
    }

    #[test]
    fn only_the_kinds_that_are_asked_for() {
        assert_eq!(
            shown(&topic(&["core/Service", "a.io/B", "core/Service", "file/Compose"], &["*"])),
            ["core/Service", "a.io/B"]
        );
        assert_eq!(shown(&topic(&["workload/Job"], &["*"])), ["batch/Job"]);
        let all = shown(&topic(&["workload"], &["*"]));
        assert_eq!(all.len(), 18);
        assert!(all.contains(&"x.io/Unit".to_owned()));
    }

    #[test]
    fn metadata_alone_where_nothing_else_is_read() {
        let metadata_only = |kind: (&str, &str), reads: &[&str]| {
            let (group, kind) = (kind.0.to_owned(), kind.1.to_owned());
            reads_only_metadata(&topic(&["workload"], reads), &GroupKind { group, kind })
        };
        assert!(metadata_only(("", "Service"), &["metadata.labels", "kind"]));
        assert!(!metadata_only(("", "Service"), &["metadata.labels", "spec"]));
        assert!(!metadata_only(("", "Service"), &["*"]));
        assert!(metadata_only(("apps", "Deployment"), &["object.metadata.name", "file"]));
        assert!(!metadata_only(("apps", "Deployment"), &["pod.metadata.labels"]));
        assert!(!metadata_only(("apps", "Deployment"), &["object"]));
        assert!(!metadata_only(("apps", "Deployment"), &["*"]));
        assert!(metadata_only(("", "Pod"), &["pod.metadata.labels"]));
        assert!(!metadata_only(("", "Pod"), &["pod.spec"]));
    }

    #[test]
    fn what_a_relation_reads_is_read() {
        let query = |there: &str| {
            serde_json::from_value::<Query>(serde_json::json!({
                "name": "q", "kinds": ["core/Service"], "scope": "namespace", "reads": ["metadata.labels"],
                "relation": {"selects": {"there": there, "here": "metadata.labels"}},
            }))
        };
        let service = GroupKind { group: String::new(), kind: "Service".into() };
        let metadata_only = |there| {
            let topic = Topic::of(&[query(there).unwrap()], &WorkloadKinds::default()).remove(0);
            reads_only_metadata(&topic, &service)
        };
        assert!(!metadata_only("spec.selector") && metadata_only("metadata.annotations.selector"));
    }
}
