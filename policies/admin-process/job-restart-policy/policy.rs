use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Jobs have a `restartPolicy` that the API server accepts
    ///
    /// The pod template of a Job or CronJob sets `restartPolicy` to `Never` or `OnFailure`, and to `Never` if the
    /// Job has a `podFailurePolicy`. The default is `Always`, which Jobs may not have.
    ///
    /// ## Why
    /// The API server refuses any other value. The Job never runs, and applying the files beside it may stop
    /// halfway.
    ///
    /// ## Fix
    /// Choose one. With `Never` the Job starts a new pod for each attempt, and failed pods stay with their logs.
    /// With `OnFailure` the kubelet restarts the container in the same pod: that is faster, but only the last log
    /// is kept.
    ///
    /// ```yaml
    /// spec:
    ///   template:
    ///     spec:
    ///       restartPolicy: Never
    /// ```
    findings: {
        /// The API server refuses the `restartPolicy`
        Refused: High, Certain;
        /// The API server refuses a `podFailurePolicy` beside the policy
        FailurePolicy: High, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Admin,
    peers: ["KS:cronjob-restartpolicy"],
    since: "0.1.0",
    applies_to: ["workload/Job", "workload/CronJob"],
    reads: [
        "pod.spec.restartPolicy", "object.spec.podFailurePolicy", "object.spec.jobTemplate.spec.podFailurePolicy",
        "main_container.name",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.main_containers().next().is_none() {
        return not_applicable("it has no containers, so it is only a part of an object");
    }
    let policy = workload.spec().get("restartPolicy");
    let spec = workload.object.get("spec");
    let on_failure = [spec.get("podFailurePolicy"), spec.at("jobTemplate.spec.podFailurePolicy")];
    match policy.text() {
        "Never" => {}
        "OnFailure" => {
            if let Some(on_failure) = on_failure.iter().find(|policy| policy.exists()) {
                let message =
                    "the API server refuses `podFailurePolicy` beside `restartPolicy: OnFailure`, expected `Never`";
                findings.report(Code::FailurePolicy, &policy, message).label(on_failure, "the other policy");
            }
        }
        "" => {
            let message = "the API server refuses a Job without `restartPolicy`, expected `Never` or `OnFailure`";
            findings.report(Code::Refused, &policy, message);
        }
        other => {
            let message =
                format!("the API server refuses a Job with `restartPolicy: {other}`, expected `Never` or `OnFailure`");
            findings.report(Code::Refused, &policy, message);
        }
    }
    Ok(())
}
