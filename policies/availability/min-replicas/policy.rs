//! See the `rule!` block.

use policy_sdk::prelude::*;
use policy_sdk::{autoscaling, production};

policy_sdk::rule! {
    /// Serving workloads run at least two replicas
    ///
    /// A serving Deployment, StatefulSet or Rollout in production has at least `min` replicas: the
    /// minimum of the HorizontalPodAutoscaler or ScaledObject that scales it, else `spec.replicas`,
    /// which is 1 when it is left out. No replicas at all pass: that is the idle half of a blue/green
    /// pair, or scale-to-zero. Production is a namespace with the part `prod`, `production` or `live`,
    /// a label `environment: prod`, or a folder `prod`; `scope: all` judges everything.
    ///
    /// The fix is unsafe: only people know whether two of it may run at once.
    ///
    /// ## Why
    /// With one replica every node drain, every eviction and every crash is an outage.
    ///
    /// ## Fix
    /// Run at least two replicas, or set the autoscaler's minimum to two; mark a leader-elected
    /// controller that must be alone with the label `single-replica-ok`.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "VIII Concurrency",
    aliases: [
        "KL:minimum-three-replicas", "KS:deployment-replicas", "PO:deploymentMissingReplicas",
        "KY:require-deployments-have-multiple-replicas", "GK:replicalimits",
    ],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    reads: [
        "file",
        "object.spec.replicas",
        "object.metadata.labels",
        "pod.metadata.labels",
        "main_container.ports[*].containerPort",
    ],
    inventory: {
        autoscalers: {
            kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
            scope: "namespace",
            reads: ["spec.scaleTargetRef", "spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
        },
    },
    parameters: {
        /// The fewest replicas.
        min: i64 = 2,
        /// What is judged: `prod` or `all`.
        scope: String = "prod".into(),
    },
}

const EXEMPT_LABEL: &str = "single-replica-ok";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if input.parameters.scope != "all" && !production::is_production(input) {
        return not_applicable("it is not in production");
    }
    if !workload.is_serving() {
        return not_applicable("no container declares a port, so it serves nobody");
    }
    if workload.label(EXEMPT_LABEL).is_some_and(|value| value != "false") {
        return not_applicable("its label says that one replica is right");
    }
    let wanted = input.parameters.min;
    let replicas = workload.object.at("spec.replicas");
    if let Some(autoscaler) = autoscaling::autoscaler(input, "autoscalers") {
        let least = autoscaling::minimum(&autoscaler);
        if (1..wanted).contains(&least) {
            let by = format!("{} `{}`", autoscaler.kind(), autoscaler.name());
            findings.report(&replicas, format!("{by} may scale it down to {least} replicas, expected at least {wanted}"));
        }
        return Ok(());
    }
    let least = replicas.as_i64().unwrap_or(1);
    if (1..wanted).contains(&least) {
        let how = if replicas.exists() { "runs" } else { "sets no `replicas`, so it runs" };
        let message = format!("it {how} with {least} of at least {wanted} replicas");
        findings.report(&replicas, message).fix(Fix::unsafe_(format!("run {wanted} replicas")).set(&replicas, wanted));
    }
    Ok(())
}
