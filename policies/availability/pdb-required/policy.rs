use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::beside::{Beside, PodDisruptionBudget};
use policy_sdk::kubernetes::disruption_budget::{self, DisruptionBudgets, NearBudgets};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Replicated workloads have a PodDisruptionBudget
    ///
    /// The pods of a Deployment, StatefulSet, Rollout, CloneSet or DeploymentConfig with at least `min_replicas` replicas
    /// are selected by a PodDisruptionBudget of their namespace. What counts is the minimum of the HorizontalPodAutoscaler or
    /// ScaledObject that scales it, else `spec.replicas`. Of a single replica none is asked: there a budget only
    /// blocks every drain.
    ///
    /// A budget that would select them but for the value of one label is named.
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
    findings: {
        /// No budget selects the pods of a workload with replicas
        Missing: Medium, Likely, absence: ["pdbs"];
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: [
        "KS:deployment-has-poddisruptionbudget", "KS:statefulset-has-poddisruptionbudget",
        "PO:missingPodDisruptionBudget", "KY:require-pdb",
    ],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [Autoscalers, DisruptionBudgets, NearBudgets, Beside<PodDisruptionBudget>],
    reads: ["object.metadata.name", "object.spec.selector"],
    parameters: {
        /// Replicas from which a budget is required.
        min_replicas: Bounded<1, 1000> = Bounded::of(2),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let replicas = autoscaling::effective_replicas(input);
    if replicas < input.parameters.min_replicas.get() {
        return not_applicable(format!("it may be down to {replicas} replicas"));
    }
    if disruption_budget::budgets(input).next().is_none() {
        let near = disruption_budget::near_miss(input);
        let but = near.as_ref().map(|(budget, key)| format!(": `{}` misses them by the label `{key}`", budget.name()));
        let but = but.unwrap_or_default();
        let message = format!("no PodDisruptionBudget selects its pods (replicas: {replicas}){but}");
        let report = findings.report(Code::Missing, &workload.object.at("metadata.name"), message);
        match &near {
            Some((near, key)) => {
                let missed = near.document.at("spec.selector.matchLabels").get(key);
                report.label_in(near, &missed, "its pods have another value")
            }
            None => report.fix(budget(input, replicas)),
        };
    }
    Ok(())
}

fn budget(input: &Input<'_, Parameters>, replicas: i64) -> Option<Fix> {
    let selector = input.workload().selector()?;
    let is_pair = replicas == 2;
    let spec = object! {
        "minAvailable": ?is_pair.then_some(1),
        "maxUnavailable": ?(!is_pair).then_some("25%"),
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": selector,
    };
    Beside::<PodDisruptionBudget>::create(input, "add a PodDisruptionBudget", spec)
}
