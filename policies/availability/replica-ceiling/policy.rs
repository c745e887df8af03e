use policy_sdk::kubernetes::autoscaling::{self, OwnAutoscaler};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Numbers of replicas are within the bounds of the platform
    ///
    /// `spec.replicas` of a workload, `maxReplicas` of a HorizontalPodAutoscaler and `maxReplicaCount` of a
    /// ScaledObject are at most `max`; at admission so is the number that `kubectl scale` asks for. The rule does not
    /// apply until `max` is set, because only the platform team knows how much the clusters can run. A ScaledObject
    /// that writes no maximum has 100, which nobody chose, and is not evaluated.
    ///
    /// ## Why
    /// One mistyped number, or an autoscaler that follows a broken metric, uses up the capacity that others need, and
    /// causes costs that nobody has planned.
    ///
    /// ## Fix
    /// Lower the number, or ask the platform team for a higher bound.
    findings: {
        /// There are, or may be, more replicas than the platform allows
        TooMany: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Concurrency,
    peers: ["GK:replicalimits", "GK:horizontalpodautoscaler", "KY:restrict-scale"],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/ReplicaSet", "workload/ReplicationController",
        "workload/Rollout", "workload/DeploymentConfig", "workload/CloneSet", "autoscaling/HorizontalPodAutoscaler",
        "keda.sh/ScaledObject", "autoscaling/Scale",
    ],
    uses: [OwnAutoscaler],
    reads: ["object.spec.replicas", "spec.replicas"],
    subresources: ["scale"],
    parameters: {
        /// The most replicas that one workload may have.
        max: Option<Bounded<1, 100_000>> = None,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(max) = input.parameters.max.map(Bounded::get) else {
        return not_applicable("`max` is not set");
    };
    let (field, place) = match &*input.subject.kind {
        "HorizontalPodAutoscaler" => ("maxReplicas", autoscaling::own_maximum(input).1),
        "ScaledObject" => ("maxReplicaCount", autoscaling::own_maximum(input).1),
        "Scale" => ("replicas", input.document.at("spec.replicas")),
        _ => ("replicas", input.workload().object.at("spec.replicas")),
    };
    if field == "maxReplicaCount" && !place.exists() {
        return not_evaluated("it writes no `maxReplicaCount`, so the number is KEDA's own");
    }
    if let Some(replicas) = place.as_i64().filter(|replicas| *replicas > max) {
        findings.report(Code::TooMany, &place, format!("`{field}` is {replicas}, expected at most {max}"));
    }
    Ok(())
}
