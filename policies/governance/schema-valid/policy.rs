use policy_sdk::json::Kind;
use policy_sdk::kubernetes::schema::{self, Fault};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Objects have the fields of their kind
    ///
    /// Each field of an object of Kubernetes' own kinds is one that the kind has, its value is of the type of the
    /// field, and the fields that the kind needs are there. `null` counts as not there, a quantity may be a number, and
    /// what the server writes itself (`status`, `managedFields`) is not checked. Labels and annotations are the matter
    /// of `label-values-valid`.
    ///
    /// Known are the kinds that people write, in the versions that Kubernetes 1.36 serves. Objects of other kinds and
    /// versions are not evaluated. Where the setting `kubernetesVersion` is newer, unknown fields are not reported.
    ///
    /// ## Why
    /// The API server refuses an object with a value of another type, or without a field that it needs. A field that it
    /// does not know it leaves out without a word unless the client asks it to be strict: the limit that was misspelt
    /// does not exist.
    ///
    /// ## Fix
    /// Write the field as the documentation has it: `kubectl explain deployment.spec.strategy`. Quote numbers that have
    /// to be texts, as in an environment:
    ///
    /// ```yaml
    /// env:
    ///   - name: PORT
    ///     value: "8080"
    /// ```
    findings: {
        /// A value is of another type: the API server refuses the object
        Type: High, Certain;
        /// A field that is needed is missing: the API server refuses the object
        Missing: High, Certain;
        /// A field is unknown: `kubectl`, Argo CD and Flux refuse the object, and the API server leaves the field out
        Unknown: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["KL:schema-validation"],
    since: "0.1.0",
    applies_to: [
        "workload", "core/ConfigMap", "core/Endpoints", "core/LimitRange", "core/Namespace", "core/PersistentVolume",
        "core/PersistentVolumeClaim", "core/ResourceQuota", "core/Secret", "core/Service", "core/ServiceAccount",
        "admissionregistration.k8s.io/MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding", "apiregistration.k8s.io/APIService",
        "autoscaling/HorizontalPodAutoscaler", "coordination.k8s.io/Lease", "discovery.k8s.io/EndpointSlice",
        "networking.k8s.io/Ingress", "networking.k8s.io/IngressClass", "networking.k8s.io/NetworkPolicy",
        "node.k8s.io/RuntimeClass", "policy/PodDisruptionBudget", "rbac.authorization.k8s.io/ClusterRole",
        "rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/Role",
        "rbac.authorization.k8s.io/RoleBinding", "scheduling.k8s.io/PriorityClass", "storage.k8s.io/CSIDriver",
        "storage.k8s.io/StorageClass",
    ],
    uses: [KubernetesVersion],
    reads: ["*"],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let object = input.document.get("object");
    let object = if object.exists() { object } else { input.document.clone() };
    let Some(faults) = schema::faults(&object) else {
        let (version, kind) = (object.get("apiVersion").text(), &input.subject.kind);
        return not_evaluated(format!("the fields of a {kind} of `{version}` are not known"));
    };
    if object.get("sops").exists() {
        return not_applicable("SOPS encrypted it");
    }
    if faults.iter().any(is_filled_in) {
        return not_evaluated("some of it is filled in later");
    }
    let (major, minor) = schema::VERSION;
    let is_newer = input.setting::<KubernetesVersion>().is_at_least(major, minor + 1);
    for fault in faults {
        match fault {
            Fault::Type(place, expected) => {
                let seen = match place.kind() {
                    Some(Kind::String) => "a text",
                    Some(Kind::Number) => "a number",
                    Some(Kind::Bool(_)) => "a boolean",
                    Some(Kind::Array) => "a list",
                    _ => "a mapping",
                };
                let message = format!("this is {seen}, expected {expected}: the API server refuses the object");
                findings.report(Code::Type, &place, message);
            }
            Fault::Missing(place, name) => {
                findings.report(
                    Code::Missing,
                    &place,
                    format!("`{name}` is missing: the API server refuses the object"),
                );
            }
            // The host adds `file` to what a rule gets.
            Fault::Unknown(place, name, near) if !is_newer && place.pointer() != "/file" => {
                let meant = near.map(|near| format!(", expected `{near}`")).unwrap_or_default();
                findings.report(Code::Unknown, &place, format!("there is no field `{name}` here{meant}"));
            }
            Fault::Unknown(..) => {}
        }
    }
    Ok(())
}

/// Whether a fault is where something else writes the object's text later: `${REPLICAS}`, `{{ x }}`,
/// `REPLICAS_OF_CART`.
fn is_filled_in(fault: &Fault<'_>) -> bool {
    let is_mark = |text: &str| {
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        text.contains("{{") || text.contains('$') || text.contains('_') && text.bytes().all(is_name)
    };
    match fault {
        Fault::Unknown(_, name, _) => is_mark(name),
        Fault::Type(place, _) => is_mark(place.text()) || place.entries().any(|(key, _)| is_mark(key)),
        Fault::Missing(..) => false,
    }
}
