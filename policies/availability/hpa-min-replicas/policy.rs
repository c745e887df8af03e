use policy_sdk::kubernetes::autoscaling::{self, OwnAutoscaler, ScaleTarget};
use policy_sdk::kubernetes::production::{self, ProductionObject};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// An autoscaler in production leaves at least two replicas
    ///
    /// `minReplicas` of a HorizontalPodAutoscaler is at least `min`; it is 1 where nothing is written. Where the
    /// workload is among the documents `min-replicas` reports it instead: that rule can see whether a Service sends to
    /// the workload, and whether it can run twice. `minReplicas: 0` says that the workload scales to zero, and passes.
    /// Production is a namespace with the part `prod`, `production` or `live`, or a label `environment: prod`.
    ///
    /// The fix needs a person, who knows whether the program can run twice and who pays for it.
    ///
    /// ## Why
    /// The autoscaler goes down to its minimum at night. With one replica every node drain, crash and reschedule is
    /// an outage.
    ///
    /// ## Fix
    /// Raise `minReplicas` to 2 or more:
    ///
    /// ```yaml
    /// spec:
    ///   minReplicas: 2
    /// ```
    findings: {
        /// The minimum is too low
        TooLow: High, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Concurrency,
    peers: ["KL:hpa-minimum-three-replicas", "KS:horizontalpodautoscaler-replicas", "PO:hpaMinAvailability"],
    since: "0.1.0",
    applies_to: ["autoscaling/HorizontalPodAutoscaler"],
    uses: [OwnAutoscaler, ProductionObject, ScaleTarget],
    parameters: {
        /// The replicas that must always be there.
        min: Bounded<1, 1000> = Bounded::of(2),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !production::is_production_object(input) {
        return not_applicable("it is not of production");
    }
    if let Some(target) = autoscaling::scale_target(input) {
        return not_applicable(format!("`min-replicas` checks {} `{}`, which it scales", target.kind(), target.name()));
    }
    let min = input.parameters.min.get();
    let (least, place) = autoscaling::own_minimum(input);
    if least == 0 || least >= min {
        return Ok(());
    }
    let message = format!("`minReplicas` is {least}, expected at least {min} in production");
    let can_be = autoscaling::own_maximum(input).0 >= min;
    let fix = can_be.then(|| Fix::unsafe_(format!("leave at least {min} replicas")).set(&place, min));
    findings.report(Code::TooLow, &place, message).fix(fix);
    Ok(())
}
