use policy_sdk::kubernetes::disruption_budget::{BOUNDS, OwnBudget};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// PodDisruptionBudgets set one bound
    ///
    /// `spec` has either `minAvailable` or `maxUnavailable`. One that is `null`, as charts write it, is absent.
    ///
    /// ## Why
    /// The API server refuses a budget with both. One with neither is accepted, and the controller then lets no pod
    /// be evicted at all, so that drains of nodes never end.
    ///
    /// ## Fix
    /// Keep one of them. `maxUnavailable: 1` fits most workloads, because it stays right when the number of replicas
    /// changes.
    findings: {
        /// Both bounds are set: the API server refuses it
        Both: High, Certain;
        /// No bound is set, which lets no pod be evicted
        Neither: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: ["KS:poddisruptionbudget-has-policy"],
    since: "0.1.0",
    applies_to: ["policy/PodDisruptionBudget"],
    uses: [OwnBudget],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    let [minimum, maximum] = BOUNDS.map(|field| spec.get(field));
    match (minimum.exists(), maximum.exists()) {
        (true, true) => {
            let message = "both `minAvailable` and `maxUnavailable` are set, and the API server takes one of them";
            findings.report(Code::Both, &maximum, message).label(&minimum, "the other");
        }
        (false, false) => {
            let message = "neither `minAvailable` nor `maxUnavailable` is set, so no pod may be evicted";
            findings.report(Code::Neither, &spec, message);
        }
        _ => {}
    }
    Ok(())
}
