use policy_sdk::kubernetes::probe::{self, Probes};
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The timing of probes makes sense
    ///
    /// * A liveness probe tolerates at least `min_liveness_failure_threshold` failures in a row.
    /// * A probe's `timeoutSeconds` is at most its `periodSeconds`.
    /// * Of pods that a Service sends to, a readiness probe asks at least every `max_readiness_period` seconds and
    ///   notices a failure within `max_unready_detection`: `periodSeconds` times `failureThreshold`.
    /// * What the API server refuses is absent: a `successThreshold` other than 1 of liveness and startup probes, and a
    ///   `terminationGracePeriodSeconds` of readiness probes.
    ///
    /// What is not written has Kubernetes' default: a period of 10 seconds, a timeout of 1, a failure threshold of 3.
    ///
    /// ## Why
    /// A liveness probe with a threshold of 1 restarts a container for a single slow answer, under load at all
    /// replicas alike. A readiness probe that notices late goes on sending requests to a pod that cannot answer them.
    ///
    /// ## Fix
    /// Leave the defaults, or set numbers near them:
    ///
    /// ```yaml
    /// readinessProbe:
    ///   periodSeconds: 5
    ///   failureThreshold: 3
    /// livenessProbe:
    ///   periodSeconds: 10
    ///   failureThreshold: 6
    /// ```
    findings: {
        /// A single failed liveness probe restarts the container
        Threshold: Medium, Likely;
        /// A pod that is not ready goes on getting requests for long
        Detection: Medium, Likely;
        /// A readiness probe asks rarely
        Period: Low, Likely;
        /// A probe may take longer than the time to the next
        Timeout: Low, Likely;
        /// The API server refuses the value
        Refused: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: ["KS:pod-probes"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Probes, Services],
    parameters: {
        /// The failures in a row that a liveness probe tolerates, at least.
        min_liveness_failure_threshold: Bounded<1, 100> = Bounded::of(2),
        /// The seconds from one readiness probe to the next, at most.
        max_readiness_period: Bounded<1, 3600> = Bounded::of(30),
        /// The seconds until a pod that is not ready gets no more requests, at most.
        max_unready_detection: Bounded<1, 86400> = Bounded::of(180),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { min_liveness_failure_threshold, max_readiness_period, max_unready_detection } = &input.parameters;
    let is_served = serving::services(input).any(|service| serving::waits(&service));
    for (container, field, probe) in probe::probes(input) {
        let subject = format!("the `{field}` of {}", container.described());
        let (period, timeout, threshold) = (probe.period_seconds(), probe.timeout_seconds(), probe.failure_threshold());
        judge_refused(field, &subject, &probe, findings);
        let least = min_liveness_failure_threshold.get();
        if field == "livenessProbe" && threshold < least {
            let message = format!(
                "{subject} has a failure threshold of {threshold}, and a restart follows; expected at least {least}"
            );
            let fix = Fix::unsafe_(format!("tolerate {least} failures")).set(&probe.get("failureThreshold"), least);
            findings.report(Code::Threshold, &probe.get("failureThreshold"), message).fix(fix);
        }
        if timeout > period {
            let message = format!("{subject} may take {timeout} seconds, but runs every {period}; expected no longer");
            findings.report(Code::Timeout, &probe.get("timeoutSeconds"), message);
        }
        if field != "readinessProbe" || !is_served {
            continue;
        }
        let (longest, latest) = (max_readiness_period.get(), max_unready_detection.get());
        let detection = probe.detection_seconds();
        if detection > latest {
            let message = format!(
                "{subject} notices a failure after {detection} seconds ({threshold} times {period}), expected at most {latest}"
            );
            let place = if threshold > 3 { "failureThreshold" } else { "periodSeconds" };
            findings.report(Code::Detection, &probe.get(place), message);
        } else if period > longest {
            let message = format!("{subject} runs every {period} seconds, expected at least every {longest}");
            findings.report(Code::Period, &probe.get("periodSeconds"), message);
        }
    }
    Ok(())
}

fn judge_refused(field: &str, subject: &str, probe: &Probe<'_>, findings: &mut Findings) {
    let (successes, grace) = (probe.get("successThreshold"), probe.get("terminationGracePeriodSeconds"));
    if field != "readinessProbe" && probe.success_threshold() != 1 {
        let number = probe.success_threshold();
        let message = format!("{subject} has a success threshold of {number}, expected 1: the API server refuses it");
        findings.report(Code::Refused, &successes, message).fix(Fix::safe("drop it").remove(&successes));
    }
    if field == "readinessProbe" && grace.exists() {
        let message =
            format!("{subject} has a `terminationGracePeriodSeconds`, which stops nothing: the API server refuses it");
        findings.report(Code::Refused, &grace, message).fix(Fix::safe("drop it").remove(&grace));
    }
}
