use policy_sdk::kubernetes::production::{self, ProductionObject};
use policy_sdk::prelude::*;
use policy_sdk::settings::Today;
use policy_sdk::values::date::Date;

policy_sdk::rule! {
    /// Policies of production refuse, and do not only report
    ///
    /// A constraint of Gatekeeper (of the library's kinds) has `enforcementAction: deny`, which is also the default, or
    /// `scoped` with a `deny` among `scopedEnforcementActions`. Each `validate` rule of a Kyverno ClusterPolicy or
    /// Policy has the failure action Enforce: its own `failureAction`, else `validationFailureAction`, which is Audit
    /// where it is absent. A ValidatingPolicy has `Deny` among `validationActions`, which is also the default. A
    /// ValidatingAdmissionPolicy has a binding, and each binding has `Deny`.
    ///
    /// Only policies of production are checked, and those that mutate, generate, clean up or verify images are not.
    /// With `audit_days` a policy of a live cluster may audit for so long after it was made. A constraint whose
    /// `excludedNamespaces` is `*` applies nowhere, which is reported everywhere.
    ///
    /// ## Why
    /// A policy that only reports refuses nothing: the privileged pod runs, and a report that nobody reads says so.
    ///
    /// ## Fix
    /// Look at what it would refuse, mend that, then enforce:
    ///
    /// ```yaml
    /// spec:
    ///   enforcementAction: deny
    /// ```
    findings: {
        /// The policy only reports
        Audit: Low, Certain;
        /// Nothing binds the policy, so it applies nowhere
        NoBinding: Low, Likely, absence: ["bindings"];
        /// All namespaces are excluded
        Excluded: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["KC:C-0192"],
    since: "0.1.0",
    applies_to: [
        "constraints.gatekeeper.sh/K8sAllowedRepos", "constraints.gatekeeper.sh/K8sAllowedReposv2",
        "constraints.gatekeeper.sh/K8sBlockAllIngress", "constraints.gatekeeper.sh/K8sBlockEndpointEditDefaultRole",
        "constraints.gatekeeper.sh/K8sBlockLoadBalancer", "constraints.gatekeeper.sh/K8sBlockNodePort",
        "constraints.gatekeeper.sh/K8sBlockWildcardIngress", "constraints.gatekeeper.sh/K8sContainerLimits",
        "constraints.gatekeeper.sh/K8sContainerRatios", "constraints.gatekeeper.sh/K8sContainerRequests",
        "constraints.gatekeeper.sh/K8sDisallowAnonymous", "constraints.gatekeeper.sh/K8sDisallowedRepos",
        "constraints.gatekeeper.sh/K8sDisallowedRoleBindingSubjects", "constraints.gatekeeper.sh/K8sDisallowedTags",
        "constraints.gatekeeper.sh/K8sDisallowInteractiveTTY", "constraints.gatekeeper.sh/K8sExternalIPs",
        "constraints.gatekeeper.sh/K8sHttpsOnly", "constraints.gatekeeper.sh/K8sImageDigests",
        "constraints.gatekeeper.sh/K8sPodDisruptionBudget", "constraints.gatekeeper.sh/K8sPoddisruptionBudget",
        "constraints.gatekeeper.sh/K8sPSPAllowedUsers", "constraints.gatekeeper.sh/K8sPSPAllowPrivilegeEscalationContainer",
        "constraints.gatekeeper.sh/K8sPSPAppArmor", "constraints.gatekeeper.sh/K8sPSPAutomountServiceAccountTokenPod",
        "constraints.gatekeeper.sh/K8sPSPCapabilities", "constraints.gatekeeper.sh/K8sPSPFlexVolumes",
        "constraints.gatekeeper.sh/K8sPSPForbiddenSysctls", "constraints.gatekeeper.sh/K8sPSPFSGroup",
        "constraints.gatekeeper.sh/K8sPSPHostFilesystem", "constraints.gatekeeper.sh/K8sPSPHostNamespace",
        "constraints.gatekeeper.sh/K8sPSPHostNetworkingPorts", "constraints.gatekeeper.sh/K8sPSPHostNetworkPorts",
        "constraints.gatekeeper.sh/K8sPSPPrivilegedContainer", "constraints.gatekeeper.sh/K8sPSPProcMount",
        "constraints.gatekeeper.sh/K8sPSPReadOnlyRootFilesystem", "constraints.gatekeeper.sh/K8sPSPSeccomp",
        "constraints.gatekeeper.sh/K8sPSPSeccompV2", "constraints.gatekeeper.sh/K8sPSPSELinuxV2",
        "constraints.gatekeeper.sh/K8sPSPVolumeTypes", "constraints.gatekeeper.sh/K8sReplicaLimits",
        "constraints.gatekeeper.sh/K8sRequiredAnnotations", "constraints.gatekeeper.sh/K8sRequiredLabels",
        "constraints.gatekeeper.sh/K8sRequiredProbes", "constraints.gatekeeper.sh/K8sRequiredResources",
        "constraints.gatekeeper.sh/K8sStorageClass", "constraints.gatekeeper.sh/K8sUniqueIngressHost",
        "constraints.gatekeeper.sh/K8sUniqueServiceSelector", "constraints.gatekeeper.sh/VerifyDeprecatedAPI",
        "constraints.gatekeeper.sh/PolicyHost", "kyverno.io/ClusterPolicy", "kyverno.io/Policy",
        "policies.kyverno.io/ValidatingPolicy", "policies.kyverno.io/NamespacedValidatingPolicy",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
    ],
    uses: [ProductionObject, Today],
    reads: [
        "metadata.name", "metadata.creationTimestamp", "spec.enforcementAction", "spec.scopedEnforcementActions",
        "spec.match.excludedNamespaces", "spec.validationFailureAction", "spec.rules", "spec.validationActions",
    ],
    inventory: {
        bindings: {
            kinds: ["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding"],
            scope: "cluster",
            relation: names { kind: "=ValidatingAdmissionPolicy", name: "spec.policyName" },
            reads: [],
        },
    },
    parameters: {
        /// Days for which a policy of a live cluster may audit after it was made.
        audit_days: i64 = 30,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    let is_constraint = input.subject.group == "constraints.gatekeeper.sh";
    let mut excluded = spec.at("match.excludedNamespaces").items();
    if let Some(all) = excluded.find(|name| is_constraint && name.text() == "*") {
        findings.report(Code::Excluded, &all, "all namespaces are excluded, so the constraint applies nowhere");
        return Ok(());
    }
    if !production::is_production_object(input) {
        return not_applicable("it is not known to be of production");
    }
    if let Some(since) =
        Date::parse(input.document.at("metadata.creationTimestamp").text().get(..10).unwrap_or_default())
    {
        let Some(today) = input.setting::<Today>() else {
            return not_evaluated("`date` does not say which day it is, so how long it audits is not known");
        };
        if since.days_until(today) <= input.parameters.audit_days {
            return not_applicable("it is new, and may audit for some days");
        }
    }
    let mut audit = |place: &View<'_>, written: &str, expected: &str| {
        let written = if place.exists() { format!("`{written}`") } else { format!("`{written}`, the default") };
        findings.report(Code::Audit, place, format!("it only reports: the action is {written}, expected `{expected}`"));
    };
    match input.subject.kind.as_str() {
        "ClusterPolicy" | "Policy" => {
            let whole = spec.get("validationFailureAction");
            for rule in spec.get("rules").items().filter(|rule| rule.get("validate").exists()) {
                let own = rule.at("validate.failureAction");
                let place = if own.exists() { &own } else { &whole };
                let action = if place.exists() { place.text() } else { "Audit" };
                if !action.eq_ignore_ascii_case("enforce") {
                    audit(place, action, "Enforce");
                    // What is written once is reported once.
                    if !own.exists() {
                        break;
                    }
                }
            }
        }
        "ValidatingPolicy" | "NamespacedValidatingPolicy" | "ValidatingAdmissionPolicyBinding" => {
            let actions = spec.get("validationActions");
            let written: Vec<&str> = actions.items().map(|action| action.text()).collect();
            if !written.is_empty() && !written.contains(&"Deny") {
                audit(&actions, &written.join("`, `"), "Deny");
            }
        }
        "ValidatingAdmissionPolicy" => {
            if input.related("bindings").next().is_none() {
                let message = "no ValidatingAdmissionPolicyBinding names it, so it applies nowhere";
                findings.report(Code::NoBinding, &input.document.at("metadata.name"), message);
            }
        }
        _ => {
            let action = spec.get("enforcementAction");
            let scoped = spec.get("scopedEnforcementActions");
            let denies = scoped.items().any(|it| it.get("action").text() == "deny");
            match action.text() {
                "" | "deny" => {}
                "scoped" if denies => {}
                "scoped" => audit(&scoped, "scoped", "deny"),
                other => audit(&action, other, "deny"),
            }
        }
    }
    Ok(())
}
