use policy_sdk::kubernetes::shutdown::{self, Shutdown};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods do not hold up the drain of a node
    ///
    /// `terminationGracePeriodSeconds` of a Deployment or Rollout is at most `max_grace`. StatefulSets are checked
    /// where `include_statefulsets` says so: databases often need longer to stop. A grace period of 0 is what
    /// `grace-covers-prestop` reports.
    ///
    /// ## Why
    /// A node that is drained for an upgrade or to save cost waits for its slowest pod. A pod that hangs while it
    /// stops keeps the node, and the rollout behind it, for the whole grace period.
    ///
    /// ## Fix
    /// Find out how long the server takes to stop, and set `terminationGracePeriodSeconds` to somewhat more. Do not
    /// lower it blindly: what is still running then is killed.
    findings: {
        /// The grace period is longer than drains should wait
        TooLong: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: ["KY:mutate-large-termination-gps"],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/Rollout", "workload/StatefulSet"],
    uses: [Shutdown],
    parameters: {
        /// The longest grace period, in seconds.
        max_grace: Bounded<1, 86400> = Bounded::of(300),
        /// Judge StatefulSets as well.
        include_statefulsets: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let max = input.parameters.max_grace.get();
    if input.workload().kind() == "StatefulSet" && !input.parameters.include_statefulsets {
        return not_applicable("StatefulSets may need long to stop");
    }
    let grace = shutdown::grace_seconds(input);
    if grace > max {
        let message =
            format!("the grace period is {grace} seconds, and a drain waits that long; expected at most {max}");
        findings.report(Code::TooLong, &shutdown::grace_period(input), message);
    }
    Ok(())
}
