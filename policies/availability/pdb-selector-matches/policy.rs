use policy_sdk::kubernetes::disruption_budget::{self, BudgetedWorkloads, NearWorkloads, OwnBudget};
use policy_sdk::kubernetes::operated::{self, LATE_LABELS, OperatedPods};
use policy_sdk::prelude::*;
use policy_sdk::values::selector;

policy_sdk::rule! {
    /// PodDisruptionBudgets select the pods of a workload
    ///
    /// `spec.selector` matches the pod labels of at least one workload in the namespace. An empty
    /// selector, which in `policy/v1` selects every pod of the namespace, is reported too; one that
    /// is absent selects nothing. Labels that only controllers or programs set on pods are taken for right. Where
    /// an operator makes pods in the namespace that are in no document (Prometheus, Elasticsearch, a Postgres
    /// cluster, …), it cannot be known, unless one workload is missed by the value of one label. A budget of a
    /// cluster whose status counts pods passes.
    ///
    /// ## Why
    /// A budget whose labels are mistyped is accepted and protects nothing; one that covers a whole
    /// namespace lets a single broken pod block the eviction of all others.
    ///
    /// ## Fix
    /// Copy the selector of the workload, or delete a budget whose workload is gone.
    findings: {
        /// The selector matches the pods of no workload
        Nothing: Medium, Likely, absence: ["budgeted", "near_workloads"];
        /// It misses the pods of one workload by the value of one label
        NearMiss: Medium, Certain;
        /// It is empty, and selects every pod of the namespace
        Empty: Medium, Certain;
        /// It is absent, and selects nothing
        Absent: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["policy/PodDisruptionBudget"],
    uses: [OwnBudget, BudgetedWorkloads, NearWorkloads, OperatedPods],
    reads: ["status.expectedPods"],
    parameters: {
        /// Accept an empty selector, for one budget over the whole namespace.
        allow_empty: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let selector = input.document.at("spec.selector");
    if !selector.exists() {
        findings.report(Code::Absent, &selector, "the budget has no selector, so it selects nothing");
        return Ok(());
    }
    let is_empty = selector::is_empty(&selector);
    if is_empty && input.subject.version == "v1" {
        if !input.parameters.allow_empty {
            let message = "the selector is empty, so it selects every pod of the namespace";
            findings.report(Code::Empty, &selector, message);
        }
        return Ok(());
    }
    let selects =
        |workload: Related<'_>| selector::matches_ignoring(&selector, &workload.workload().pod_labels(), &LATE_LABELS);
    let counts = input.document.at("status.expectedPods").as_i64().is_some_and(|pods| pods > 0);
    // In v1beta1 an empty selector selects nothing.
    let is_selected =
        disruption_budget::selected(input).next().is_some() || disruption_budget::near(input).any(selects);
    if counts || !is_empty && is_selected {
        return Ok(());
    }
    let near = disruption_budget::near(input).find_map(|workload| {
        let key = selector::near_miss(&selector, &workload.workload().pod_labels())?;
        Some((workload, key))
    });
    if let Some((workload, key)) = near {
        let missed = selector.get("matchLabels").get(key);
        let has = workload.workload().pod_labels().get(key);
        let (kind, name) = (workload.kind(), workload.name());
        let message = format!("the pods of {kind} `{name}` have `{key}: {}`, not `{}`", has.text(), missed.text());
        findings.report(Code::NearMiss, &missed, message).label_in(&workload, &has, "what they have");
        return Ok(());
    }
    if let Some(operated) = operated::operated(input) {
        let (kind, name) = (operated.kind(), operated.name());
        return not_evaluated(format!("an operator makes pods for {kind} `{name}`, and they are in no document"));
    }
    findings.report(Code::Nothing, &selector, "it selects no workload's pods in this namespace");
    Ok(())
}
