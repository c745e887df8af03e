use policy_sdk::kubernetes::metadata::{self, OwnMetadata};
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Objects have the annotations that the platform asks for
    ///
    /// Each annotation of `required` is there, with a value that its pattern matches: `*` is any text, `?` one
    /// character. With `kinds` only objects of these kinds are checked. Without `required` the rule does not apply.
    ///
    /// ## Why
    /// What a platform looks up by annotation, such as whom to call, is not found on objects without it.
    ///
    /// ## Fix
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     example.com/on-call: shop@example.com
    /// ```
    findings: {
        /// Annotations are missing, or have another value
        Missing: Info, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Codebase,
    peers: ["KL:required-annotation-email", "KY:require-annotations", "GK:requiredannotations"],
    since: "0.1.0",
    applies_to: [
        "workload", "core/Namespace", "core/Service", "core/ConfigMap", "core/Secret", "core/ServiceAccount",
        "core/PersistentVolumeClaim", "core/PersistentVolume", "networking.k8s.io/Ingress", "networking.k8s.io/NetworkPolicy",
        "policy/PodDisruptionBudget", "autoscaling/HorizontalPodAutoscaler", "rbac.authorization.k8s.io/Role",
        "rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRole",
        "rbac.authorization.k8s.io/ClusterRoleBinding", "gateway.networking.k8s.io/HTTPRoute",
    ],
    uses: [OwnMetadata],
    reads_built: true,
    parameters: {
        /// Annotations, each with a pattern of its value. Nothing is asked where there is none.
        required: Vec<(String, String)> = Vec::new(),
        /// Kinds that are checked; all where there is none.
        kinds: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { required, kinds } = &input.parameters;
    if required.is_empty() {
        return not_applicable("no annotations are required");
    }
    if !kinds.is_empty() && !kinds.contains(&input.subject.kind) {
        return not_applicable(format!("annotations of a {} are not required", input.subject.kind));
    }
    let metadata = metadata::metadata(input);
    let annotations = metadata.get("annotations");
    // What is no text is another rule's matter.
    let is_wrong = |key: &str, pattern: &str| match annotations.get(key) {
        value if !value.exists() => true,
        value => value.as_str().is_some_and(|text| text.is_empty() || !glob_match(pattern, text)),
    };
    let missing: Vec<&str> =
        required.iter().filter(|(key, pattern)| is_wrong(key, pattern)).map(|(key, _)| key.as_str()).collect();
    if !missing.is_empty() {
        let wrong = missing.iter().find(|key| annotations.get(key).exists());
        let place = wrong.map_or_else(|| metadata::place(&metadata, "annotations"), |key| annotations.get(key));
        let message = format!("annotations are missing or have another value: `{}`", missing.join("`, `"));
        findings.report(Code::Missing, &place, message);
    }
    Ok(())
}
