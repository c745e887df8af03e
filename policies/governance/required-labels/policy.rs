use policy_sdk::kubernetes::metadata::{self, OwnMetadata};
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Objects have the labels that the platform asks for
    ///
    /// Each label of `required` is there, with a value that its pattern matches: `*` is any text, `?` one character.
    /// With `kinds` only objects of these kinds are checked. With `check_template` the pods of a workload have the
    /// labels, too. Without `required` the rule does not apply. Labels that a kustomization adds count.
    ///
    /// The safe fix copies `app.kubernetes.io/name` and `app.kubernetes.io/part-of` from labels that say the same
    /// (`app`, `k8s-app`); it never invents a team or a cost center, and never changes a selector.
    ///
    /// ## Why
    /// Nobody can say whom to call about an object, or who pays for it, when nothing on it says so.
    ///
    /// ## Fix
    /// ```yaml
    /// metadata:
    ///   labels:
    ///     app.kubernetes.io/name: cart
    ///     team: shop
    /// ```
    findings: {
        /// Labels are missing, or have another value
        Missing: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Codebase,
    peers: [
        "KL:required-label-owner", "KC:C-0076", "KC:C-0077", "KY:require-labels", "KY:require-kubecost-labels",
        "GK:requiredlabels",
    ],
    since: "0.1.0",
    applies_to: [
        "workload", "core/Namespace", "core/Service", "core/ConfigMap", "core/Secret", "core/ServiceAccount",
        "core/PersistentVolumeClaim", "core/PersistentVolume", "networking.k8s.io/Ingress", "networking.k8s.io/NetworkPolicy",
        "policy/PodDisruptionBudget", "autoscaling/HorizontalPodAutoscaler", "rbac.authorization.k8s.io/Role",
        "rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRole",
        "rbac.authorization.k8s.io/ClusterRoleBinding", "gateway.networking.k8s.io/HTTPRoute",
    ],
    uses: [OwnMetadata],
    reads: ["pod.metadata.labels"],
    reads_built: true,
    parameters: {
        /// Labels, each with a pattern of its value. Nothing is asked where there is none.
        required: Vec<(String, String)> = Vec::new(),
        /// Kinds that are checked; all where there is none.
        kinds: Vec<String> = Vec::new(),
        /// Ask for the labels on the pods of a workload, too.
        check_template: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { required, kinds, check_template } = &input.parameters;
    if required.is_empty() {
        return not_applicable("no labels are required");
    }
    if !kinds.is_empty() && !kinds.contains(&input.subject.kind) {
        return not_applicable(format!("labels of a {} are not required", input.subject.kind));
    }
    let pods = input.document.at("pod.metadata");
    // A Pod is its own template.
    let templates =
        (*check_template && input.subject.kind != "Pod" && input.document.get("pod").exists()).then_some(pods);
    for (metadata, whose) in
        std::iter::once((metadata::metadata(input), "")).chain(templates.map(|pods| (pods, " of its pods")))
    {
        let labels = metadata.get("labels");
        let is_there = |key: &str, pattern: &str| {
            labels.get(key).as_str().is_some_and(|value| glob_match(pattern, value) && !value.is_empty())
        };
        let missing: Vec<&str> =
            required.iter().filter(|(key, pattern)| !is_there(key, pattern)).map(|(key, _)| key.as_str()).collect();
        if missing.is_empty() {
            continue;
        }
        let wrong = missing.iter().find(|key| labels.get(key).exists());
        let place = wrong.map_or_else(|| metadata::place(&metadata, "labels"), |key| labels.get(key));
        let message = format!("labels{whose} are missing or have another value: `{}`", missing.join("`, `"));
        let fix = if whose.is_empty() { copy(&labels, &missing) } else { None };
        findings.report(Code::Missing, &place, message).fix(fix);
    }
    Ok(())
}

/// Copies what other labels say already.
fn copy(labels: &View<'_>, missing: &[&str]) -> Option<Fix> {
    const SAME: [(&str, &[&str]); 2] = [
        ("app.kubernetes.io/name", &["app", "k8s-app", "name"]),
        ("app.kubernetes.io/part-of", &["app.kubernetes.io/instance"]),
    ];
    let copies: Vec<(View<'_>, &str)> = SAME
        .iter()
        .filter(|(key, _)| missing.contains(key) && !labels.get(key).exists())
        .filter_map(|(key, others)| {
            let value = others.iter().map(|other| labels.get(other).text()).find(|value| !value.is_empty())?;
            Some((labels.get(key), value))
        })
        .collect();
    let fix = Fix::safe("copy what other labels say");
    (!copies.is_empty()).then(|| copies.iter().fold(fix, |fix, (place, value)| fix.set(place, *value)))
}
