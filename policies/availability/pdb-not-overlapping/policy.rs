use policy_sdk::kubernetes::disruption_budget::{self, DisruptionBudgets};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A pod is covered by one PodDisruptionBudget
    ///
    /// At most one PodDisruptionBudget of the namespace selects the pods. An empty selector selects all pods of
    /// the namespace (in `policy/v1beta1` none), so that a budget for the whole namespace overlaps every other.
    ///
    /// ## Why
    /// Kubernetes does not evict a pod that two budgets select: the request fails with an error, whatever the budgets
    /// allow. The node that the pod runs on cannot be drained.
    ///
    /// ## Fix
    /// Keep one of the budgets, or make their selectors differ.
    findings: {
        /// Several budgets select the same pods
        Overlap: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [DisruptionBudgets],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut budgets: Vec<Related<'_>> = Vec::new();
    for budget in disruption_budget::budgets(input) {
        // The same budget for another environment is an alternative.
        if !budgets.iter().any(|known| known.name() == budget.name()) {
            budgets.push(budget);
        }
    }
    if budgets.len() < 2 {
        return Ok(());
    }
    let names: Vec<String> = budgets.iter().map(|budget| format!("`{}`", budget.name())).collect();
    let message =
        format!("{} PodDisruptionBudgets select its pods, so none can be evicted: {}", names.len(), names.join(", "));
    let report = findings.report(Code::Overlap, &input.workload().pod_labels(), message);
    let label = "it selects these pods";
    budgets.iter().fold(report, |report, budget| report.label_in(budget, &budget.document.at("spec.selector"), label));
    Ok(())
}
