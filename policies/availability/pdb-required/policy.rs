use policy_sdk::prelude::*;
use policy_sdk::{autoscaling, production};

policy_sdk::rule! {
    /// Replicated workloads have a PodDisruptionBudget
    ///
    /// The pods of a Deployment, StatefulSet or Rollout with at least `min_replicas` replicas, in
    /// production with at least one, are selected by a PodDisruptionBudget of their namespace. What
    /// counts is the minimum of the HorizontalPodAutoscaler or ScaledObject that scales it, else
    /// `spec.replicas`. Production is a namespace with the part `prod`, `production` or `live`, a
    /// label `environment: prod`, or a folder `prod`.
    ///
    /// The fix writes a budget that always leaves one pod to evict: one must stay of two replicas,
    /// else a quarter, rounded up, may go.
    ///
    /// ## Why
    /// A node upgrade drains nodes one after another and may evict all replicas at once: nothing
    /// tells it that they belong together.
    ///
    /// ## Fix
    /// Add a PodDisruptionBudget with the workload's selector and `maxUnavailable`.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "IX Disposability",
    aliases: [
        "KS:deployment-has-poddisruptionbudget", "KS:statefulset-has-poddisruptionbudget",
        "PO:missingPodDisruptionBudget", "KY:require-pdb",
    ],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    reads: [
        "file", "object.spec.replicas", "object.spec.selector", "object.metadata.labels", "pod.metadata.labels",
    ],
    inventory: {
        pdbs: {
            kinds: ["policy/PodDisruptionBudget"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: [],
        },
        beside: {
            kinds: ["policy/PodDisruptionBudget"],
            scope: "namespace",
            relation: same { there: "metadata.name", here: "object.metadata.name" },
            reads: [],
        },
        autoscalers: {
            kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
            scope: "namespace",
            relation: names {
                kind: "spec.scaleTargetRef.kind=Deployment",
                group: "spec.scaleTargetRef.apiVersion",
                name: "spec.scaleTargetRef.name",
            },
            reads: ["spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
        },
    },
    parameters: {
        /// Replicas from which a budget is required.
        min_replicas: i64 = 2,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let replicas = autoscaling::effective_replicas(input, "autoscalers");
    let is_production = production::is_production(input);
    if replicas < if is_production { 1 } else { input.parameters.min_replicas } {
        return not_applicable(format!("it may be down to {replicas} replicas"));
    }
    if input.related("pdbs").next().is_none() {
        let message = format!("no PodDisruptionBudget selects its pods (replicas: {replicas})");
        findings.report(&workload.object, message).fix(budget(input, replicas));
    }
    Ok(())
}

fn budget(input: &Input<'_, Parameters>, replicas: i64) -> Option<Fix> {
    let selector = input.workload().object.at("spec.selector");
    if selector.is_empty() {
        return None;
    }
    let spec = if replicas == 2 {
        object! { "minAvailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": selector }
    } else {
        object! { "maxUnavailable": "25%", "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": selector }
    };
    Some(Fix::create(
        "add a PodDisruptionBudget",
        object! {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": input.metadata_beside("beside")?,
            "spec": spec,
        },
    ))
}
