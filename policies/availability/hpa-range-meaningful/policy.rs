use policy_sdk::kubernetes::autoscaling::{self, OwnAutoscaler};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// An autoscaler has room between its bounds
    ///
    /// `maxReplicas` of a HorizontalPodAutoscaler is at least `spread` more than `minReplicas` (1 by default). A
    /// ScaledObject is checked where it writes both `minReplicaCount` and `maxReplicaCount`; `idleReplicaCount` is no
    /// bound of the scaling. Equal bounds are also a way to stop scaling for a while, so the severity is low.
    ///
    /// ## Why
    /// With equal bounds the autoscaler never scales, while everybody believes that it does.
    ///
    /// ## Fix
    /// Raise `maxReplicas` to what the service needs at its peak, or delete the autoscaler and write `replicas`.
    findings: {
        /// The bounds leave no room to scale
        NoRoom: Low, Certain;
        /// The highest number is below the lowest: it is refused
        Refused: High, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Concurrency,
    peers: ["PO:hpaMaxAvailability", "GK:horizontalpodautoscaler"],
    since: "0.1.0",
    applies_to: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
    uses: [OwnAutoscaler],
    parameters: {
        /// How many replicas the bounds are apart at least.
        spread: Bounded<1, 1000> = Bounded::of(1),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (highest, place) = autoscaling::own_maximum(input);
    let is_keda = input.subject.kind == "ScaledObject";
    let lowest =
        if is_keda { input.document.at("spec.minReplicaCount") } else { input.document.at("spec.minReplicas") };
    if !place.exists() || is_keda && !lowest.exists() {
        return not_applicable("it does not write both bounds");
    }
    let (low, high) = if is_keda { ("minReplicaCount", "maxReplicaCount") } else { ("minReplicas", "maxReplicas") };
    let least = lowest.as_i64().unwrap_or(1);
    let (code, so) = if highest < least {
        (Code::Refused, if is_keda { ": KEDA refuses it" } else { ": the API server refuses it" })
    } else if highest.saturating_sub(least) < input.parameters.spread.get() {
        (Code::NoRoom, if highest == least { ", so it never scales" } else { "" })
    } else {
        return Ok(());
    };
    let message = format!("`{high}` is {highest} and `{low}` is {least}{so}");
    let report = findings.report(code, &place, message);
    if lowest.exists() {
        report.label(&lowest, "the lowest number");
    }
    Ok(())
}
