use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;
use policy_sdk::tables::deprecated_apis::{DeprecatedApi, DeprecatedApis};
use policy_sdk::values::selector;
use policy_sdk::values::version::major_minor;

policy_sdk::rule! {
    /// API versions are served by the cluster
    ///
    /// `apiVersion` is one that Kubernetes of the setting `kubernetesVersion` serves, by the table `deprecatedApis`. A
    /// version that it still serves, and that is deprecated, is reported more mildly. Kinds of operators are checked
    /// where `operators` says which version of the operator runs: `{external-secrets: "1.0"}`.
    ///
    /// The safe fix writes the new version where the object means the same in it. For an Ingress, a Deployment of
    /// `extensions`, a CustomResourceDefinition and others fields have to change, too. A PodDisruptionBudget with an
    /// empty selector has no fix: in `policy/v1beta1` it selects no pod, in `policy/v1` all of them.
    ///
    /// ## Why
    /// The API server refuses an object of a version that it does not serve. After an upgrade of the cluster nothing
    /// that still names it can be applied any more.
    ///
    /// ## Fix
    /// Write the new version, and compare the fields with its documentation (`kubectl explain`).
    findings: {
        /// The cluster does not serve the version: the API server refuses the object
        Removed: High, Certain;
        /// The version will go
        Deprecated: Low, Certain;
        /// The operator does not serve the version
        RemovedByOperator: Low, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Dependencies,
    peers: [
        "KL:no-extensions-v1beta", "KS:stable-version", "TR:KSV-0107", "KY:check-deprecated-apis", "GK:verifydeprecatedapi",
    ],
    since: "0.1.0",
    applies_to: [
        "extensions/NetworkPolicy", "extensions/Deployment", "extensions/DaemonSet", "extensions/ReplicaSet",
        "extensions/PodSecurityPolicy", "extensions/Ingress", "workload/Deployment", "workload/StatefulSet",
        "workload/DaemonSet", "workload/ReplicaSet", "workload/CronJob",
        "admissionregistration.k8s.io/MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding", "apiextensions.k8s.io/CustomResourceDefinition",
        "apiregistration.k8s.io/APIService", "certificates.k8s.io/CertificateSigningRequest", "coordination.k8s.io/Lease",
        "networking.k8s.io/Ingress", "networking.k8s.io/IngressClass", "rbac.authorization.k8s.io/ClusterRole",
        "rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/Role",
        "rbac.authorization.k8s.io/RoleBinding", "scheduling.k8s.io/PriorityClass", "storage.k8s.io/CSIDriver",
        "storage.k8s.io/CSINode", "storage.k8s.io/StorageClass", "storage.k8s.io/VolumeAttachment",
        "storage.k8s.io/CSIStorageCapacity", "discovery.k8s.io/EndpointSlice", "autoscaling/HorizontalPodAutoscaler",
        "policy/PodDisruptionBudget", "policy/PodSecurityPolicy", "node.k8s.io/RuntimeClass",
        "flowcontrol.apiserver.k8s.io/FlowSchema", "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration",
        "external-secrets.io/ExternalSecret", "external-secrets.io/SecretStore", "external-secrets.io/ClusterSecretStore",
        "external-secrets.io/ClusterExternalSecret", "cert-manager.io/Certificate", "cert-manager.io/CertificateRequest",
        "cert-manager.io/Issuer", "cert-manager.io/ClusterIssuer", "karpenter.sh/NodePool", "karpenter.sh/NodeClaim",
        "karpenter.k8s.aws/EC2NodeClass",
    ],
    uses: [KubernetesVersion, DeprecatedApis],
    reads: ["apiVersion", "object.apiVersion", "spec.selector"],
    parameters: {
        /// The versions of operators, by their names in the table `deprecatedApis`.
        operators: Vec<(String, String)> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let object = input.document.get("object");
    let place = if object.exists() { object.get("apiVersion") } else { input.document.get("apiVersion") };
    let kind = input.subject.kind.as_str();
    let table = input.setting::<DeprecatedApis>();
    let is_it = |row: &&DeprecatedApi| row.api_version == place.text() && row.kinds.split(' ').any(|it| it == kind);
    let Some(row) = table.rows.iter().find(is_it) else { return Ok(()) };
    let (who, version, code) = if row.operator.is_empty() {
        ("Kubernetes", input.setting::<KubernetesVersion>().major_minor(), Code::Removed)
    } else {
        let Some((_, version)) = input.parameters.operators.iter().find(|(operator, _)| *operator == row.operator)
        else {
            return not_evaluated(format!("`operators` does not say which version of {} runs", row.operator));
        };
        (&*row.operator, major_minor(version), Code::RemovedByOperator)
    };
    let (major, minor) = version;
    let instead = match &*row.instead {
        "" => "nothing takes its place".to_owned(),
        instead => format!("expected `{instead}`"),
    };
    let of = format!("`{}` of {kind}", row.api_version);
    if version >= major_minor(&row.removed) {
        let message = format!("{who} {major}.{minor} does not serve {of}, since {}: {instead}", row.removed);
        findings.report(code, &place, message).fix(fix(input, row, &place));
    } else if row.operator.is_empty() && version >= major_minor(&row.deprecated) {
        let message = format!("{of} is deprecated, and gone in {who} {}: {instead}", row.removed);
        findings.report(Code::Deprecated, &place, message).fix(fix(input, row, &place));
    }
    Ok(())
}

fn fix(input: &Input<'_, Parameters>, row: &DeprecatedApi, place: &View<'_>) -> Option<Fix> {
    let own = input.document.at("spec.selector");
    let selects_otherwise = row.kinds == "PodDisruptionBudget" && (!own.exists() || selector::is_empty(&own));
    (row.same && !selects_otherwise).then(|| Fix::safe(format!("write `{}`", row.instead)).set(place, &*row.instead))
}
