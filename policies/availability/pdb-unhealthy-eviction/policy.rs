use policy_sdk::kubernetes::disruption_budget::{self, OwnBudget};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// PodDisruptionBudgets let unhealthy pods be evicted
    ///
    /// `spec.unhealthyPodEvictionPolicy` is written down. Without it Kubernetes does `IfHealthyBudget`. Where that is
    /// written, somebody chose it, as for a store that keeps a quorum, and only `strict` reports it. The field exists
    /// since Kubernetes 1.27, in `policy/v1`. Budgets that an operator writes are not checked.
    ///
    /// ## Why
    /// Without it a pod that crashes over and over cannot be evicted while too few others are healthy. The node that
    /// it runs on cannot be drained, although the pod serves nobody.
    ///
    /// ## Fix
    /// Let unhealthy pods be evicted whatever the others do:
    ///
    /// ```yaml
    /// spec:
    ///   unhealthyPodEvictionPolicy: AlwaysAllow
    /// ```
    findings: {
        /// The policy for unhealthy pods is not set
        Absent: Low, Certain;
        /// The policy keeps unhealthy pods while too few others are healthy
        Held: Info, Certain;
    },
    priority: P3,
    effort: Small,
    factor: Disposability,
    peers: ["KL:pdb-unhealthy-pod-eviction-policy"],
    since: "0.1.0",
    applies_to: ["policy/PodDisruptionBudget"],
    uses: [OwnBudget, KubernetesVersion],
    parameters: {
        /// Report `IfHealthyBudget` where it is written as well.
        strict: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.version != "v1" || !input.setting::<KubernetesVersion>().is_at_least(1, 27) {
        return not_applicable("its version of Kubernetes has no `unhealthyPodEvictionPolicy`");
    }
    if disruption_budget::is_written_by_controller(input) {
        return not_applicable("a controller writes it");
    }
    let policy = input.document.at("spec.unhealthyPodEvictionPolicy");
    let fix = || Fix::unsafe_("let unhealthy pods be evicted").set(&policy, "AlwaysAllow");
    if !policy.exists() {
        let message =
            "`unhealthyPodEvictionPolicy` is not set, so an unhealthy pod may keep its node from being drained";
        findings.report(Code::Absent, &policy, message).fix(fix());
    } else if input.parameters.strict && policy.text() != "AlwaysAllow" {
        let message = format!(
            "`unhealthyPodEvictionPolicy` is `{}`, so an unhealthy pod may keep its node from being drained",
            policy.text()
        );
        findings.report(Code::Held, &policy, message).fix(fix());
    }
    Ok(())
}
