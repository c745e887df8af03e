use policy_sdk::prelude::*;
use policy_sdk::selector;

policy_sdk::rule! {
    /// PodDisruptionBudgets select the pods of a workload
    ///
    /// `spec.selector` matches the pod labels of at least one workload in the namespace. An empty
    /// selector, which in `policy/v1` selects every pod of the namespace, is reported too; one that
    /// is absent selects nothing.
    ///
    /// ## Why
    /// A budget whose labels are mistyped is accepted and protects nothing; one that covers a whole
    /// namespace lets a single broken pod block the eviction of all others.
    ///
    /// ## Fix
    /// Copy the selector of the workload, or delete a budget whose workload is gone.
    severity: Medium,
    priority: P1,
    effort: Small,
    factor: "IX Disposability",
    since: "0.1.0",
    applies_to: ["policy/PodDisruptionBudget"],
    reads: ["spec.selector"],
    inventory: {
        workloads: {
            kinds: ["workload"],
            scope: "namespace",
            relation: selected { there: "pod.metadata.labels", here: "spec.selector" },
            reads: [],
        },
    },
    parameters: {
        /// Accept an empty selector, for one budget over the whole namespace.
        allow_empty: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let selector = input.document.at("spec.selector");
    if selector::is_empty(&selector) && input.subject.version == "v1" {
        if !input.parameters.allow_empty {
            findings.report(&selector, "the selector is empty, so it selects every pod of the namespace").code("empty");
        }
        return Ok(());
    }
    // In v1beta1 an empty selector selects nothing.
    if input.related("workloads").next().is_none() {
        findings.report(&selector, "it selects no workload's pods in this namespace").code("nothing");
    }
    Ok(())
}
