use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::rollout::{self, RolloutStrategy};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The replicas of a canary can make its first weight
    ///
    /// A Rollout without `trafficRouting` gives requests to a new version by the number of its pods. The rule works
    /// out, as the controller does, which number comes nearest to the first weight: at least one new pod, and at most
    /// one pod beyond `replicas` unless `maxSurge` is 0. The share of that number and the weight differ by at most
    /// `tolerance` percentage points. Replicas are the minimum of the autoscaler, or `spec.replicas`.
    ///
    /// Later weights are not checked, since a larger share is nearer to what pods can make.
    ///
    /// ## Why
    /// Ten percent of three replicas are one pod of four, a quarter of the requests. The step is called small, and a
    /// bad version meets more than twice as many users as was intended.
    ///
    /// ## Fix
    /// Run more replicas, write the weight that the pods have (25 for one of four), or let a traffic router divide the
    /// requests:
    ///
    /// ```yaml
    /// canary:
    ///   canaryService: cart-canary
    ///   stableService: cart
    ///   trafficRouting:
    ///     nginx:
    ///       stableIngress: cart
    /// ```
    findings: {
        /// The first weight is far from the share of its pods
        Far: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout"],
    uses: [Autoscalers, RolloutStrategy],
    parameters: {
        /// Percentage points by which weight and share may differ.
        tolerance: Bounded<0, 100> = Bounded::of(10),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let canary = rollout::canary(input);
    if canary.get("trafficRouting").exists() {
        return not_applicable("a traffic router divides the requests");
    }
    let Some((weight, place)) = rollout::first_weight(input).filter(|(weight, _)| *weight < 100) else {
        return not_applicable("it has no canary with weights");
    };
    let written = input.workload().object.at("spec.replicas");
    if autoscaling::autoscaler(input).is_none() && !written.exists() {
        return not_evaluated("`replicas` is not written, and no autoscaler of it is among the documents");
    }
    let replicas = autoscaling::effective_replicas(input);
    if replicas <= 0 {
        return not_applicable("it has no replicas");
    }
    let (pods, total) = nearest(replicas, weight, rollout::may_surge(&canary));
    let share = (pods * 200 + total) / (total * 2);
    if (share - weight).abs() > input.parameters.tolerance.get() {
        let message = format!("the first weight of {weight} % is {pods} of {total} pods, {share} % of the requests");
        findings.report(Code::Far, &place, message).label(&written, "its replicas");
    }
    Ok(())
}

/// The new pods that come nearest to a weight between 0 and 100, and all pods then, as Argo's controller chooses them
/// (`approximateWeightedCanaryStableReplicaCounts`).
fn nearest(replicas: i64, weight: i64, may_surge: bool) -> (i64, i64) {
    let (floor, ceil) = (replicas * weight / 100, (replicas * weight + 99) / 100);
    let may_be_none = replicas == 1 && !may_surge;
    let mut options = Vec::new();
    for total in [replicas, replicas + 1] {
        if total > replicas && !may_surge {
            break;
        }
        if total > replicas || ceil < replicas || may_be_none {
            options.push((ceil, total));
        }
        if floor != 0 || may_be_none {
            options.push((floor, total));
        }
    }
    // Of two that are as near the first counts. Distances are fractions, compared by their cross products.
    let distance = |(pods, total): (i64, i64)| ((pods * 100 - weight * total).abs(), total);
    let is_nearer = |one: (i64, i64), other: (i64, i64)| one.0 * other.1 < other.0 * one.1;
    let mut best = (0, replicas);
    for (at, option) in options.into_iter().enumerate() {
        if at == 0 || is_nearer(distance(option), distance(best)) {
            best = option;
        }
    }
    best
}
