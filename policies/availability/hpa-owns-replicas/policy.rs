use policy_sdk::kubernetes::argo::{self, Applications};
use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::written::{self, FromCluster};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// What an autoscaler scales has no number of replicas of its own
    ///
    /// A workload that a HorizontalPodAutoscaler or ScaledObject scales does not write `spec.replicas`. A value that
    /// equals the autoscaler's minimum is no exception: each time it is applied the workload goes down to it.
    ///
    /// The rule looks at files only: an object that was read from a cluster always has the field, since the autoscaler
    /// writes it. It does not apply where an Argo CD Application ignores `/spec/replicas`, where the ScaledObject is
    /// paused, and to `replicas: 0`, which switches the autoscaler off.
    ///
    /// The fix needs a person: when the field is taken out of an object that `kubectl apply` wrote, the API server sets
    /// it to 1 once, and the autoscaler needs some time to repair that.
    ///
    /// ## Why
    /// Two writers fight over one field. At each deployment the workload falls back to the number in the file, often
    /// under full load, until the autoscaler has noticed.
    ///
    /// ## Fix
    /// Remove `spec.replicas`. With `kubectl apply` the workload then drops to one replica once. To avoid that, remove
    /// the field first with `kubectl apply edit-last-applied`, or use server-side apply. In a chart, write the field
    /// only where the autoscaler is off:
    ///
    /// ```yaml
    /// {{- if not .Values.autoscaling.enabled }}
    /// replicas: {{ .Values.replicaCount }}
    /// {{- end }}
    /// ```
    findings: {
        /// The file and an autoscaler both set the number of replicas
        Fight: Medium, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Concurrency,
    peers: ["KS:deployment-targeted-by-hpa-does-not-have-replicas-configured"],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/ReplicaSet", "workload/Rollout",
        "workload/DeploymentConfig", "workload/CloneSet",
    ],
    uses: [Applications, Autoscalers, FromCluster],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(autoscaler) = autoscaling::autoscaler(input) else {
        return not_applicable("no autoscaler scales it");
    };
    if written::is_from_cluster(input) {
        return not_applicable("it was taken from a cluster, where the autoscaler writes `replicas`");
    }
    if autoscaling::is_paused(&autoscaler) {
        return not_applicable(format!("ScaledObject `{}` is paused", autoscaler.name()));
    }
    let place = input.workload().object.at("spec.replicas");
    let Some(replicas) = place.as_i64() else { return Ok(()) };
    if replicas == 0 {
        return not_applicable("`replicas: 0` switches the autoscaler off");
    }
    if let Some(application) = argo::ignoring(input, "/spec/replicas") {
        return not_applicable(format!("Application `{}` ignores `/spec/replicas`", application.name()));
    }
    let (kind, name, minimum) = (autoscaler.kind(), autoscaler.name(), autoscaling::minimum(&autoscaler));
    let which = if replicas == minimum { ", its minimum," } else { "" };
    let message = format!(
        "`replicas` is {replicas}{which} though {kind} `{name}` sets it: each time this is applied, \
                           it goes back to {replicas}"
    );
    findings
        .report(Code::Fight, &place, message)
        .label_in(&autoscaler, &autoscaling::target_place(&autoscaler), "it scales this workload")
        .fix(Fix::unsafe_(format!("leave the number of replicas to {kind} `{name}`")).remove(&place));
    Ok(())
}
