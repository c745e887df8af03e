use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::spread::{self, Apart, NODE, Spread};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::settings::{NodeCount, ZoneCount};
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Hard demands on spreading can be met
    ///
    /// The most replicas that there may be (the maximum of the autoscaler, else `spec.replicas`) can be placed under
    /// every hard demand on nodes or zones. The settings `nodeCount` and `zoneCount` give their numbers. With a
    /// required anti-affinity to its own pods, one pod fits in each node or zone. Under a constraint with
    /// `whenUnsatisfiable: DoNotSchedule` whose `minDomains` is above the number of nodes or zones, `maxSkew` pods fit
    /// in each. Without `minDomains` any number fits, as long as the pods are placed evenly.
    ///
    /// Without the settings the rule is not evaluated. With them its findings are guesses: node selectors and taints
    /// may leave fewer nodes, and autoscaling may add nodes.
    ///
    /// ## Why
    /// Pods that fit nowhere stay pending: the autoscaler asks for more replicas, and they never start. A rollout can
    /// get stuck in the same way, because old pods still occupy the nodes.
    ///
    /// ## Fix
    /// Use a preferred anti-affinity, or `whenUnsatisfiable: ScheduleAnyway`. Or lower the maximum, or add nodes.
    findings: {
        /// There are more replicas than nodes or zones, and one fits in each
        OneEach: Low, Guess;
        /// There are fewer nodes or zones than `minDomains`, and more replicas than fit
        TooFewDomains: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Concurrency,
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [Autoscalers, Spread, NodeCount, ZoneCount],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let most = autoscaling::most_replicas(input);
    let (nodes, zones) =
        (input.setting::<NodeCount>().map(Bounded::get), input.setting::<ZoneCount>().map(Bounded::get));
    // `None` where a demand is of other domains, `Some(None)` where nobody says how many there are.
    let domains = |it: &Apart<'_>| match it.key() {
        NODE => Some(("nodes", nodes)),
        "topology.kubernetes.io/zone" | "failure-domain.beta.kubernetes.io/zone" => Some(("zones", zones)),
        _ => None,
    };
    let mut is_unknown = false;
    let binds = |it: &Apart<'_>| it.is_hard && it.selects_own == Answer::Yes;
    for term in spread::anti_affinity(input).filter(binds) {
        match domains(&term) {
            Some((what, Some(count))) if most > count => {
                let message = format!("there may be {most} replicas, and of {count} {what} each takes one");
                findings.report(Code::OneEach, &term.view.get("topologyKey"), message);
            }
            Some((_, None)) => is_unknown = true,
            _ => {}
        }
    }
    for constraint in spread::constraints(input).filter(binds) {
        let minimum = constraint.view.get("minDomains");
        let Some(least) = minimum.as_i64() else { continue };
        let skew = constraint.view.get("maxSkew").as_i64().unwrap_or(1);
        match domains(&constraint) {
            Some((what, Some(count))) if least > count && most > count.saturating_mul(skew) => {
                let message = format!(
                    "`minDomains` is {least}, and of {count} {what} each takes {skew}: {most} replicas do not fit"
                );
                findings.report(Code::TooFewDomains, &minimum, message);
            }
            Some((_, None)) => is_unknown = true,
            _ => {}
        }
    }
    if is_unknown && findings.is_empty() {
        return not_evaluated("`nodeCount` or `zoneCount` is not set, so nobody knows what fits");
    }
    Ok(())
}
