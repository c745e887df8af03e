//! Which fields a kustomization changes, of which kinds: kustomize's own configuration, of version 5.7.

use crate::document::{Entry, Node, Subject, Value};
use serde::{Deserialize, Serialize};

/// A field of some kinds of objects, as a kustomization names one. What is empty is any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Field {
    pub(super) group: Box<str>,
    pub(super) version: Box<str>,
    pub(super) kind: Box<str>,
    /// Keys, one after the other; elements of lists go without saying.
    pub(super) path: Vec<Box<str>>,
    /// Whether what is not there is made.
    pub(super) create: bool,
}

/// A row of a table: group, version and kind, the path, and whether it is made.
type Row = (&'static str, &'static str, &'static str, &'static str, bool);

/// Labels of pods, and of what else a workload's template makes.
const TEMPLATES: &[Row] = &[
    ("", "v1", "ReplicationController", "spec/template/metadata/@", true),
    ("", "", "Deployment", "spec/template/metadata/@", true),
    ("", "", "ReplicaSet", "spec/template/metadata/@", true),
    ("", "", "DaemonSet", "spec/template/metadata/@", true),
    ("apps", "", "StatefulSet", "spec/template/metadata/@", true),
    ("batch", "", "Job", "spec/template/metadata/@", true),
    ("batch", "", "CronJob", "spec/jobTemplate/metadata/@", true),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/@", true),
];

/// Labels of claims, which annotations leave alone.
const CLAIMS: &[Row] = &[("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true)];

/// Selectors.
const SELECTORS: &[Row] = &[
    ("", "v1", "Service", "spec/selector", true),
    ("", "v1", "ReplicationController", "spec/selector", true),
    ("", "", "Deployment", "spec/selector/matchLabels", true),
    ("", "", "ReplicaSet", "spec/selector/matchLabels", true),
    ("", "", "DaemonSet", "spec/selector/matchLabels", true),
    ("apps", "", "StatefulSet", "spec/selector/matchLabels", true),
    ("batch", "", "Job", "spec/selector/matchLabels", false),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", false),
    ("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels", false),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/podSelector/matchLabels", false),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels", false),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels", false),
];

/// Selectors in the pods of a Deployment or StatefulSet of the group `apps`.
const OF_PODS: [&str; 5] = [
    "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "topologySpreadConstraints/labelSelector/matchLabels",
];

/// The metadata of each object.
pub(super) fn metadata(key: &str) -> Field {
    field(("", "", "", "metadata/@", true), key)
}

/// The metadata of what templates make; `labels` or `annotations`.
pub(super) fn templates(key: &str) -> Vec<Field> {
    // Kustomize adds annotations to the pods of a StatefulSet of any group.
    let any_group = |row: &Row| match (key, row.2) {
        ("annotations", "StatefulSet") => ("", row.1, row.2, row.3, row.4),
        _ => *row,
    };
    let claims = CLAIMS.iter().filter(|_| key == "labels");
    TEMPLATES.iter().map(any_group).chain(claims.copied()).map(|row| field(row, key)).collect()
}

/// All that selects pods.
pub(super) fn selectors() -> Vec<Field> {
    let of_pods = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| {
        OF_PODS.iter().map(move |path| {
            let mut found = field(("apps", "", kind, path, false), "");
            found.path.splice(0..0, ["spec", "template", "spec"].map(Box::from));
            found
        })
    });
    SELECTORS.iter().map(|row| field(*row, "")).chain(of_pods).collect()
}

/// Where the namespace stands, apart from an object's own.
pub(super) fn namespaces() -> Vec<Field> {
    let rows = [
        ("", "v1", "Namespace", "metadata/name", true),
        ("apiregistration.k8s.io", "", "APIService", "spec/service/namespace", true),
        (
            "apiextensions.k8s.io",
            "",
            "CustomResourceDefinition",
            "spec/conversion/webhook/clientConfig/service/namespace",
            false,
        ),
    ];
    rows.into_iter().map(|row| field(row, "")).collect()
}

fn field((group, version, kind, path, create): Row, key: &str) -> Field {
    let segment = |segment: &str| if segment == "@" { key.into() } else { segment.into() };
    let path = segments(path).iter().map(|it| segment(it)).collect();
    Field { group: group.into(), version: version.into(), kind: kind.into(), path, create }
}

/// The keys of a path, in which `\/` is a `/` of a key.
pub(super) fn segments(path: &str) -> Vec<Box<str>> {
    let mut keys = vec![String::new()];
    let mut characters = path.trim_start_matches('/').chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'/') => {
                characters.next();
                keys.last_mut().expect("invariant: there is one").push('/');
            }
            '/' => keys.push(String::new()),
            character => keys.last_mut().expect("invariant: there is one").push(character),
        }
    }
    keys.into_iter().filter(|key| !key.is_empty()).map(Into::into).collect()
}

impl Field {
    /// Whether an object has it, going by its kind.
    pub(super) fn is_of(&self, object: &Subject) -> bool {
        let agrees = |said: &str, is: &str| said.is_empty() || said == is;
        agrees(&self.group, &object.group) && agrees(&self.version, &object.version) && agrees(&self.kind, &object.kind)
    }

    /// Calls `set` with each value that stands there. What is made on the way is a mapping, or the value that `made`
    /// gives at the end.
    pub(super) fn visit(&self, root: &mut Node, made: &Value, set: &mut dyn FnMut(&mut Node)) {
        visit(root, &self.path, self.create.then_some(made), set);
    }
}

fn visit(node: &mut Node, path: &[Box<str>], made: Option<&Value>, set: &mut dyn FnMut(&mut Node)) {
    let Some((key, rest)) = path.split_first() else { return set(node) };
    if let Value::Array(items) = &mut node.value {
        items.iter_mut().for_each(|item| visit(item, path, made, set));
        return;
    }
    let span = node.span;
    let Value::Object(entries) = &mut node.value else { return };
    // Lists are not made.
    let (key, is_list) = key.strip_suffix("[]").map_or((&**key, false), |key| (key, true));
    let value = || match (made, rest.is_empty()) {
        (Some(_), false) if !is_list => Some(Value::Object(Vec::new())),
        (Some(made), true) => Some(made.clone()),
        _ => None,
    };
    match entries.iter_mut().find(|entry| &*entry.key == key) {
        Some(entry) => {
            if entry.value.value == Value::Null
                && let Some(value) = value()
            {
                entry.value.value = value;
            }
            visit(&mut entry.value, rest, made, set);
        }
        None => {
            let Some(value) = value() else { return };
            let mut value = Node { value, span, aliased: true };
            visit(&mut value, rest, made, set);
            entries.push(Entry::new(key, span, value));
        }
    }
}

/// The fields that name objects: the group and kind of those, the kinds whose pods have the field, and the field. A path
/// below `POD` stands in the specification of a pod.
pub(super) struct Naming {
    /// The group and kind of what is named.
    pub(super) names: (&'static str, &'static str),
    /// The group and kinds of who names; any group where it is empty.
    pub(super) group: &'static str,
    /// See `group`.
    pub(super) kinds: &'static [&'static str],
    pub(super) path: &'static str,
}

/// The kinds whose pods name ConfigMaps and Secrets.
const PODS: &[&str] = &["Pod", "PodTemplate", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob"];
/// The kinds whose pods name accounts, claims and classes of priority.
const OTHER_PODS: &[&str] =
    &["Pod", "ReplicationController", "Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob"];

const CONFIG_MAP: (&str, &str) = ("", "ConfigMap");
const SECRET: (&str, &str) = ("", "Secret");
const SERVICE: (&str, &str) = ("", "Service");
const ACCOUNT: (&str, &str) = ("", "ServiceAccount");
const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

const fn naming(
    names: (&'static str, &'static str),
    group: &'static str,
    kinds: &'static [&'static str],
    path: &'static str,
) -> Naming {
    Naming { names, group, kinds, path }
}

/// Kustomize's `nameReference`.
pub(super) const NAMINGS: &[Naming] = &[
    naming(("", "Deployment"), "", &["HorizontalPodAutoscaler"], "spec/scaleTargetRef/name"),
    naming(("", "ReplicationController"), "", &["HorizontalPodAutoscaler"], "spec/scaleTargetRef/name"),
    naming(("", "ReplicaSet"), "", &["HorizontalPodAutoscaler"], "spec/scaleTargetRef/name"),
    naming(("", "StatefulSet"), "", &["HorizontalPodAutoscaler"], "spec/scaleTargetRef/name"),
    naming(CONFIG_MAP, "", PODS, "POD/volumes/configMap/name"),
    naming(CONFIG_MAP, "", PODS, "POD/containers/env/valueFrom/configMapKeyRef/name"),
    naming(CONFIG_MAP, "", PODS, "POD/initContainers/env/valueFrom/configMapKeyRef/name"),
    naming(CONFIG_MAP, "", PODS, "POD/containers/envFrom/configMapRef/name"),
    naming(CONFIG_MAP, "", PODS, "POD/initContainers/envFrom/configMapRef/name"),
    naming(CONFIG_MAP, "", PODS, "POD/volumes/projected/sources/configMap/name"),
    naming(CONFIG_MAP, "", &["Node"], "spec/configSource/configMap"),
    naming(CONFIG_MAP, "", &["Role", "ClusterRole"], "rules/resourceNames"),
    naming(CONFIG_MAP, "", &["Ingress"], r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap"),
    naming(SECRET, "", PODS, "POD/volumes/secret/secretName"),
    naming(SECRET, "", PODS, "POD/containers/env/valueFrom/secretKeyRef/name"),
    naming(SECRET, "", PODS, "POD/initContainers/env/valueFrom/secretKeyRef/name"),
    naming(SECRET, "", PODS, "POD/containers/envFrom/secretRef/name"),
    naming(SECRET, "", PODS, "POD/initContainers/envFrom/secretRef/name"),
    naming(SECRET, "", PODS, "POD/imagePullSecrets/name"),
    naming(SECRET, "", PODS, "POD/volumes/projected/sources/secret/name"),
    naming(SECRET, "", &["Ingress"], "spec/tls/secretName"),
    naming(SECRET, "", &["Ingress"], r"metadata/annotations/ingress.kubernetes.io\/auth-secret"),
    naming(SECRET, "", &["Ingress"], r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret"),
    naming(SECRET, "", &["Ingress"], r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret"),
    naming(SECRET, "", &["ServiceAccount"], "imagePullSecrets/name"),
    naming(SECRET, "", &["StorageClass"], "parameters/secretName"),
    naming(SECRET, "", &["StorageClass"], "parameters/adminSecretName"),
    naming(SECRET, "", &["StorageClass"], "parameters/userSecretName"),
    naming(SECRET, "", &["StorageClass"], "parameters/secretRef"),
    naming(SECRET, "", &["Role", "ClusterRole"], "rules/resourceNames"),
    naming(
        SECRET,
        "serving.knative.dev",
        &["Service"],
        "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
    ),
    naming(SECRET, "", &["PersistentVolume"], "spec/azureFile/secretName"),
    naming(SERVICE, "apps", &["StatefulSet"], "spec/serviceName"),
    naming(SERVICE, "", &["Ingress"], "spec/rules/http/paths/backend/serviceName"),
    naming(SERVICE, "", &["Ingress"], "spec/backend/serviceName"),
    naming(SERVICE, "", &["Ingress"], "spec/rules/http/paths/backend/service/name"),
    naming(SERVICE, "", &["Ingress"], "spec/defaultBackend/service/name"),
    naming(SERVICE, "apiregistration.k8s.io", &["APIService"], "spec/service/name"),
    naming(
        SERVICE,
        ADMISSION,
        &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
        "webhooks/clientConfig/service",
    ),
    naming((RBAC, "Role"), RBAC, &["RoleBinding"], "roleRef/name"),
    naming((RBAC, "ClusterRole"), RBAC, &["RoleBinding", "ClusterRoleBinding"], "roleRef/name"),
    naming(ACCOUNT, RBAC, &["RoleBinding", "ClusterRoleBinding"], "subjects"),
    naming(ACCOUNT, "", OTHER_PODS, "POD/serviceAccountName"),
    naming(("", "PersistentVolumeClaim"), "", OTHER_PODS, "POD/volumes/persistentVolumeClaim/claimName"),
    naming(("", "PersistentVolume"), "", &["PersistentVolumeClaim"], "spec/volumeName"),
    naming(("", "PersistentVolume"), "", &["ClusterRole"], "rules/resourceNames"),
    naming(
        ("storage.k8s.io", "StorageClass"),
        "",
        &["PersistentVolume", "PersistentVolumeClaim"],
        "spec/storageClassName",
    ),
    naming(("storage.k8s.io", "StorageClass"), "", &["StatefulSet"], "spec/volumeClaimTemplates/spec/storageClassName"),
    naming(("scheduling.k8s.io", "PriorityClass"), "", OTHER_PODS, "POD/priorityClassName"),
    naming(
        (ADMISSION, "ValidatingAdmissionPolicy"),
        ADMISSION,
        &["ValidatingAdmissionPolicyBinding"],
        "spec/policyName",
    ),
];

impl Naming {
    /// The field in an object; `None` where its kind has none.
    pub(super) fn field(&self, of: &Subject) -> Option<Field> {
        let is_of = self.kinds.contains(&of.kind.as_str()) && (self.group.is_empty() || self.group == of.group);
        let pod = match of.kind.as_str() {
            "Pod" => "spec",
            "PodTemplate" => "template/spec",
            "CronJob" => "spec/jobTemplate/spec/template/spec",
            _ => "spec/template/spec",
        };
        is_of.then(|| Field {
            group: "".into(),
            version: "".into(),
            kind: "".into(),
            path: segments(&self.path.replacen("POD", pod, 1)),
            create: false,
        })
    }
}

/// Kinds of Kubernetes that are in no namespace, by group.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("", &["ComponentStatus", "Namespace", "Node", "PersistentVolume"]),
    (
        ADMISSION,
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("internal.apiserver.k8s.io", &["StorageVersion"]),
    ("networking.k8s.io", &["ClusterCIDR", "IPAddress", "IngressClass", "ServiceCIDR"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodSecurityPolicy"]),
    (RBAC, &["ClusterRole", "ClusterRoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("storage.k8s.io", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"]),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
];

/// Whether an object is in no namespace; kinds that nobody knows are in one, for kustomize.
pub(super) fn is_cluster_scoped(object: &Subject) -> bool {
    CLUSTER_SCOPED.iter().any(|(group, kinds)| *group == object.group && kinds.contains(&object.kind.as_str()))
}
