use policy_sdk::kubernetes::disruption_budget::{self, Bound, Budgeted, BudgetedNumbers, BudgetedWorkloads, OwnBudget};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// PodDisruptionBudgets leave room below the number of replicas
    ///
    /// Of the pods that the budget selects, taken at their fewest, at least one may be evicted while all are healthy.
    /// The fewest are, over all workloads that it selects, the minimum of the HorizontalPodAutoscaler or ScaledObject,
    /// else `spec.replicas`, else 1. Percentages are rounded up, as the controller rounds them: `minAvailable: 50%` of
    /// one pod is one pod.
    ///
    /// A budget is not evaluated where the number of pods is not known: pods without a controller, those of DaemonSets
    /// and Jobs, and those whose template an Argo Rollout takes. `pdb-allows-disruption` reports bounds that forbid
    /// every eviction, whatever the number of pods.
    ///
    /// ## Why
    /// A drain of a node waits until the budget allows each eviction. With `minAvailable: 1` the only pod of a workload
    /// can never be evicted, so the drain does not end, and node upgrades and autoscaling of nodes stop.
    ///
    /// ## Fix
    /// Run one replica more than the budget keeps, or write `maxUnavailable: 1`, which always lets one pod go. A
    /// workload that runs as a single pod needs no budget.
    findings: {
        /// The budget keeps as many pods as there are
        NoRoom: High, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: [
        "KL:pdb-min-available", "PO:pdbMinAvailableGreaterThanHPAMinReplicas", "KY:deployment-replicas-higher-than-pdb",
        "KY:require-replicas-allow-disruption", "GK:poddisruptionbudget",
    ],
    since: "0.1.0",
    applies_to: ["policy/PodDisruptionBudget"],
    uses: [OwnBudget, BudgetedWorkloads, BudgetedNumbers],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if disruption_budget::is_written_by_controller(input) {
        return not_applicable("a controller writes it");
    }
    let Some(bound) = Bound::of(&input.document) else {
        return not_applicable("it has no bound that can be read");
    };
    if bound.forbids_all() || bound.is_refused() {
        return not_applicable("`pdb-allows-disruption` checks its bound");
    }
    let budgeted = disruption_budget::counted(input);
    let mut pods = 0_i64;
    for it in &budgeted {
        let Some(fewest) = it.fewest else {
            let (kind, name) = (it.workload.kind(), it.workload.name());
            return not_evaluated(format!("it selects the pods of {kind} `{name}`, whose number is not known"));
        };
        pods = pods.saturating_add(fewest);
    }
    if pods == 0 {
        return not_applicable("there may be no pods that it selects");
    }
    if bound.evictable(pods) > 0 {
        return Ok(());
    }
    let (field, written) = (bound.field, bound.place.scalar_text().unwrap_or_default());
    let told: Vec<String> = budgeted.iter().take(3).map(described).collect();
    let more = if budgeted.len() > told.len() { ", …" } else { "" };
    let message = format!(
        "`{field}` is `{written}` of {pods} {}, so none may be evicted: {}{more}",
        if pods == 1 { "pod" } else { "pods" },
        told.join(", ")
    );
    let report = findings.report(Code::NoRoom, &bound.place, message);
    if let Some(Budgeted { workload, autoscaler: None, .. }) = budgeted.first() {
        report.label_in(workload, &workload.document.at("object.spec.replicas"), "the replicas that it keeps");
    } else if let Some(autoscaler) = budgeted.into_iter().next().and_then(|first| first.autoscaler) {
        let place = policy_sdk::kubernetes::autoscaling::minimum_place(&autoscaler);
        report.label_in(&autoscaler, &place, "the minimum of the replicas that it keeps");
    }
    Ok(())
}

/// `Deployment `cart` has 2`, with the autoscaler that says so.
fn described(budgeted: &Budgeted<'_>) -> String {
    let (kind, name) = (budgeted.workload.kind(), budgeted.workload.name());
    let fewest = budgeted.fewest.unwrap_or_default();
    match &budgeted.autoscaler {
        Some(autoscaler) => {
            format!("{} `{}` leaves {kind} `{name}` {fewest}", autoscaler.kind(), autoscaler.name())
        }
        None => format!("{kind} `{name}` has {fewest}"),
    }
}
