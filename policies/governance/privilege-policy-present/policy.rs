use policy_sdk::kubernetes::namespace::{self, Cluster, ClusterNamespace};
use policy_sdk::kubernetes::pod_security::Level;
use policy_sdk::kubernetes::pod_security::admission::{ENFORCE, PodSecurityAdmission};
use policy_sdk::prelude::*;
use policy_sdk::settings::{Openshift, WholeCluster};

policy_sdk::rule! {
    /// Something in the cluster refuses privileged pods
    ///
    /// Every Namespace of applications enforces `baseline` or `restricted` of Pod Security, or the cluster has a policy
    /// that refuses privileged pods: Gatekeeper's `K8sPSPPrivilegedContainer` that denies, a policy of Kyverno for Pod
    /// Security or with `privileged` in its name, a bound ValidatingAdmissionPolicy with `privileged` in its name, or
    /// the webhook of policy-host. A cluster whose API server enforces a level by default (setting
    /// `podSecurityAdmission`) has one, and so has OpenShift.
    ///
    /// It is checked on a live cluster, and on files where `wholeCluster` says that they are all of one. The finding
    /// stands at one Namespace for the whole cluster. Namespaces that begin with `kube-` do not count.
    ///
    /// ## Why
    /// A privileged container owns its node, and with the node the secrets of every pod on it. Where nothing refuses
    /// it, everybody who may create a pod may do that.
    ///
    /// ## Fix
    /// Label the namespaces, or enforce a policy for all of them:
    ///
    /// ```yaml
    /// metadata:
    ///   labels: {pod-security.kubernetes.io/enforce: baseline}
    /// ```
    findings: {
        /// Nothing refuses privileged pods in some namespaces
        Missing: High, Likely, absence: ["constraints", "kyverno_policies", "admission_policies"];
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["KC:C-0192"],
    since: "0.1.0",
    applies_to: ["core/Namespace"],
    uses: [ClusterNamespace, PodSecurityAdmission, Openshift, WholeCluster],
    inventory: {
        // What is true of a cluster: no relation leads there.
        labelled: { kinds: ["core/Namespace"], scope: "cluster", reads: ["metadata.labels"] },
        constraints: {
            kinds: ["constraints.gatekeeper.sh/K8sPSPPrivilegedContainer"],
            scope: "cluster",
            reads: ["spec.enforcementAction"],
        },
        kyverno_policies: {
            kinds: ["kyverno.io/ClusterPolicy", "policies.kyverno.io/ValidatingPolicy"],
            scope: "cluster",
            reads: ["spec.validationFailureAction", "spec.rules[*].validate.failureAction",
                "spec.rules[*].validate.podSecurity.level", "spec.validationActions"],
        },
        admission_policies: {
            kinds: ["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding"],
            scope: "cluster",
            reads: ["spec.policyName", "spec.validationActions"],
        },
        webhooks: {
            kinds: ["admissionregistration.k8s.io/ValidatingWebhookConfiguration"],
            scope: "cluster",
            reads: [],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    match namespace::cluster(input) {
        None => return not_applicable("another Namespace stands for the cluster"),
        Some(Cluster::Written) if !input.setting::<WholeCluster>() => {
            return not_applicable("the documents are not known to be all of a cluster");
        }
        Some(_) => {}
    }
    let by_default = input.setting::<PodSecurityAdmission>();
    if input.setting::<Openshift>() || by_default.other_engine || by_default.enforce != Level::None || has_policy(input)
    {
        return Ok(());
    }
    let is_open = |namespace: &Related<'_>| {
        let level = namespace.document.at("metadata.labels").get(ENFORCE);
        !namespace.name().starts_with("kube-") && !matches!(level.text(), "baseline" | "restricted")
    };
    let open: Vec<Related<'_>> = input.related("labelled").filter(is_open).collect();
    if !open.is_empty() {
        let names: Vec<&str> = open.iter().take(3).map(Related::name).collect();
        let more = if open.len() > 3 { format!(" and {} more", open.len() - 3) } else { String::new() };
        let message = format!("nothing refuses privileged pods in `{}`{more}", names.join("`, `"));
        findings.report(Code::Missing, &input.document.at("metadata.name"), message);
    }
    Ok(())
}

/// Whether a policy refuses privileged pods wherever they are.
fn has_policy(input: &Input<'_, Parameters>) -> bool {
    let denies = |actions: &View<'_>| actions.is_empty() || actions.items().any(|action| action.text() == "Deny");
    let is_about = |name: &str| name.contains("privileged") || name.contains("pod-security");
    let by_constraint =
        |it: Related<'_>| matches!(it.document.at("spec.enforcementAction").text(), "" | "deny" | "scoped");
    let by_kyverno = |it: Related<'_>| {
        let spec = it.document.get("spec");
        if it.kind() == "ValidatingPolicy" {
            return is_about(it.name()) && denies(&spec.get("validationActions"));
        }
        let whole = spec.get("validationFailureAction").text();
        spec.get("rules").items().any(|rule| {
            let own = rule.at("validate.failureAction").text();
            let action = if own.is_empty() { whole } else { own };
            let standard = rule.at("validate.podSecurity.level").exists();
            action.eq_ignore_ascii_case("enforce") && (standard || is_about(it.name()))
        })
    };
    let by_admission = |it: Related<'_>| {
        let spec = it.document.get("spec");
        is_about(spec.get("policyName").text()) && denies(&spec.get("validationActions"))
    };
    input.related("constraints").any(by_constraint)
        || input.related("kyverno_policies").any(by_kyverno)
        || input.related("admission_policies").any(by_admission)
        || input.related("webhooks").any(|webhook| webhook.name().contains("policy-host"))
}
