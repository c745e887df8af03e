//! From kinds to resources: what the API calls the collection of a kind, and in which version rules know it.

use crate::bundle::Bundle;
use crate::manifest::{Relation, Target, is_image};
use crate::workload::WorkloadKind;
use std::collections::BTreeSet;

/// A kind, and where the API serves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for core.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name of the collection.
    pub plural: String,
    /// The version that rules are written for. `None` for kinds that come by a CustomResourceDefinition, whose
    /// versions nobody here knows.
    pub version: Option<&'static str>,
}

/// The kinds of Kubernetes itself that rules may have a use for. Their other versions are converted to this
/// one by the API server before anyone is asked (`matchPolicy: Equivalent`).
const BUILT_IN: [(&str, &str, &[&str]); 17] = [
    (
        "",
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", "v1", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", "v1", &["APIService"]),
    ("apps", "v1", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling", "v2", &["HorizontalPodAutoscaler"]),
    ("batch", "v1", &["CronJob", "Job"]),
    ("certificates.k8s.io", "v1", &["CertificateSigningRequest"]),
    ("coordination.k8s.io", "v1", &["Lease"]),
    ("discovery.k8s.io", "v1", &["EndpointSlice"]),
    ("flowcontrol.apiserver.k8s.io", "v1", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", "v1", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("node.k8s.io", "v1", &["RuntimeClass"]),
    ("policy", "v1", &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", "v1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("scheduling.k8s.io", "v1", &["PriorityClass"]),
    ("storage.k8s.io", "v1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
];

/// The kinds of what a connection is made with, and the sub-resource that it is made to.
const CONNECTIONS: [(&str, &str); 6] = [
    ("NodeProxyOptions", "nodes/proxy"),
    ("PodAttachOptions", "pods/attach"),
    ("PodExecOptions", "pods/exec"),
    ("PodPortForwardOptions", "pods/portforward"),
    ("PodProxyOptions", "pods/proxy"),
    ("ServiceProxyOptions", "services/proxy"),
];

impl Resource {
    /// The resource of a kind.
    ///
    /// Every kind of Kubernetes, and every custom kind that is named as the API conventions ask, has for its
    /// collection the English plural in lower case (`NetworkPolicy`, `networkpolicies`). A CustomResourceDefinition
    /// may choose another name; there the generated file has to be edited.
    pub fn of(group: &str, kind: &str) -> Self {
        let connection = CONNECTIONS.iter().find(|(options, _)| group.is_empty() && *options == kind);
        if let Some((_, plural)) = connection {
            let plural = (*plural).to_owned();
            return Self { group: group.to_owned(), kind: kind.to_owned(), plural, version: Some("v1") };
        }
        let known = BUILT_IN.iter().find(|(known, _, kinds)| *known == group && kinds.contains(&kind));
        let version = known.map(|(_, version, _)| *version);
        Self { group: group.to_owned(), kind: kind.to_owned(), plural: plural(kind), version }
    }

    /// The `apiVersion` of an object, for an example of one.
    pub(super) fn api_version(&self) -> String {
        let version = self.version.unwrap_or("v1");
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }
}

fn plural(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| kind.ends_with(ending));
    match kind.strip_suffix('y') {
        // Is one already.
        _ if kind == "endpoints" => kind,
        Some(stem) if !ends(&["ay", "ey", "iy", "oy", "uy"]) => format!("{stem}ies"),
        _ if ends(&["s", "x", "z", "ch", "sh"]) => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

/// The kind of object that the sub-resource `scale` takes.
const SCALE: (&str, &str) = ("autoscaling", "Scale");

/// The resources that a bundle's rules check when they are created or updated. Repository files are in no cluster.
pub(super) fn judged(bundle: &Bundle) -> BTreeSet<Resource> {
    judged_on(bundle, &["CREATE", "UPDATE"])
}

/// The resources that a bundle's rules check on one of some operations.
pub(super) fn judged_on(bundle: &Bundle, operations: &[&str]) -> BTreeSet<Resource> {
    let manifests = bundle.rules.iter().map(|rule| &rule.source.manifest);
    let asked = manifests.filter(|manifest| operations.iter().any(|one| manifest.is_asked_about(one, "")));
    resources(bundle, asked.flat_map(|manifest| &manifest.applies_to))
}

/// What the sub-resource `scale` is there for, of Kubernetes' own kinds, by group.
const SCALABLE: [(&str, &[&str]); 2] =
    [("", &["ReplicationController"]), ("apps", &["Deployment", "ReplicaSet", "StatefulSet"])];

/// Kinds of workload of others that have no sub-resource `scale`, by group.
const NOT_SCALABLE: [(&str, &[&str]); 2] =
    [("apps.kruise.io", &["AdvancedCronJob", "BroadcastJob", "DaemonSet"]), ("keda.sh", &["ScaledJob"])];

/// The resources that can be scaled, where a rule of the bundle checks a `Scale`: Kubernetes' own, and the custom kinds
/// of workload that the bundle knows.
pub(super) fn scaled(bundle: &Bundle) -> BTreeSet<Resource> {
    let is_scale = |target: &Target| matches!(target, Target::Object { group, kind } if (&**group, &**kind) == SCALE);
    let mut manifests = bundle.rules.iter().map(|rule| &rule.source.manifest);
    if !manifests.any(|rule| rule.is_asked_about("UPDATE", "scale") && rule.applies_to.iter().any(is_scale)) {
        return BTreeSet::new();
    }
    let own = SCALABLE.iter().flat_map(|(group, kinds)| kinds.iter().map(|kind| Resource::of(group, kind)));
    let is_scalable = |known: &&WorkloadKind| {
        let mut others = NOT_SCALABLE.iter();
        !others.any(|(group, kinds)| *group == known.group && kinds.contains(&known.kind.as_str()))
    };
    let workloads = bundle.workloads.iter().filter(is_scalable).map(|known| Resource::of(&known.group, &known.kind));
    own.chain(workloads.filter(|resource| resource.version.is_none())).collect()
}

/// The resources that a bundle's rules ask for.
pub(super) fn asked(bundle: &Bundle) -> BTreeSet<Resource> {
    let queries = || bundle.rules.iter().flat_map(|rule| &rule.source.manifest.inventory);
    let namespace = Target::Object { group: String::new(), kind: "Namespace".to_owned() };
    let needs_namespaces = queries().filter_map(|query| query.relation.as_ref()).any(Relation::needs_namespaces);
    let kinds = queries().flat_map(|query| &query.kinds).filter(|target| !is_image(target));
    resources(bundle, kinds.chain(needs_namespaces.then_some(&namespace)))
}

fn resources<'t>(bundle: &Bundle, targets: impl Iterator<Item = &'t Target>) -> BTreeSet<Resource> {
    let workloads = |wanted: Option<&str>| {
        let kinds = bundle.workloads.iter().filter(move |known| wanted.is_none_or(|kind| known.kind == kind));
        kinds.map(|known| Resource::of(&known.group, &known.kind)).collect::<Vec<_>>()
    };
    targets
        .flat_map(|target| match target {
            Target::Workload => workloads(None),
            Target::WorkloadKind(kind) => workloads(Some(kind)),
            // It is no collection of its own.
            Target::Object { group, kind } if (&**group, &**kind) == SCALE => Vec::new(),
            Target::Object { group, kind } => vec![Resource::of(group, kind)],
            Target::File(_) => Vec::new(),
        })
        .collect()
}

/// Resources of one group and version: what one rule of a webhook, or of a role, lists.
pub(super) struct Family<'r> {
    pub(super) group: &'r str,
    /// `*` where it is not known.
    pub(super) version: &'r str,
    pub(super) members: Vec<&'r Resource>,
}

impl Family<'_> {
    pub(super) fn plurals(&self) -> Vec<&str> {
        self.members.iter().map(|member| member.plural.as_str()).collect()
    }

    pub(super) fn kinds(&self) -> Vec<&str> {
        self.members.iter().map(|member| member.kind.as_str()).collect()
    }
}

/// Resources by group and version.
pub(super) fn families(resources: &BTreeSet<Resource>) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for resource in resources {
        let version = resource.version.unwrap_or("*");
        match families.iter_mut().find(|family| (family.group, family.version) == (&*resource.group, version)) {
            Some(family) => family.members.push(resource),
            None => families.push(Family { group: &resource.group, version, members: vec![resource] }),
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api;

    /// A kind as the API's own definitions have it.
    fn official<T: k8s_openapi::Resource>() -> (Resource, &'static str, &'static str) {
        (Resource::of(T::GROUP, T::KIND), T::URL_PATH_SEGMENT, T::VERSION)
    }

    #[test]
    fn built_in_kinds_are_where_the_api_serves_them() {
        let kinds = [
            official::<api::core::v1::ConfigMap>(),
            official::<api::core::v1::Endpoints>(),
            official::<api::core::v1::PersistentVolumeClaim>(),
            official::<api::core::v1::Pod>(),
            official::<api::core::v1::ReplicationController>(),
            official::<api::core::v1::Service>(),
            official::<api::apps::v1::DaemonSet>(),
            official::<api::apps::v1::Deployment>(),
            official::<api::apps::v1::ReplicaSet>(),
            official::<api::apps::v1::StatefulSet>(),
            official::<api::autoscaling::v2::HorizontalPodAutoscaler>(),
            official::<api::batch::v1::CronJob>(),
            official::<api::batch::v1::Job>(),
            official::<api::networking::v1::Ingress>(),
            official::<api::networking::v1::IngressClass>(),
            official::<api::networking::v1::NetworkPolicy>(),
            official::<api::policy::v1::PodDisruptionBudget>(),
            official::<api::rbac::v1::ClusterRole>(),
            official::<api::rbac::v1::Role>(),
            official::<api::storage::v1::StorageClass>(),
        ];
        for (resource, plural, version) in kinds {
            assert_eq!((resource.plural.as_str(), resource.version), (plural, Some(version)), "{resource:?}");
        }
    }

    #[test]
    fn custom_kinds_are_named_by_convention_and_of_any_version() {
        for (group, kind, plural) in [
            ("monitoring.coreos.com", "ServiceMonitor", "servicemonitors"),
            ("argoproj.io", "Rollout", "rollouts"),
            ("gateway.networking.k8s.io", "Gateway", "gateways"),
            ("gateway.networking.k8s.io", "HTTPRoute", "httproutes"),
            ("kyverno.io", "Policy", "policies"),
        ] {
            let resource = Resource::of(group, kind);
            assert_eq!((resource.plural.as_str(), resource.version), (plural, None));
        }
    }
}
