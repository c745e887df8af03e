use policy_sdk::kubernetes::probe::Probes;
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Slow starts are given a startup probe
    ///
    /// A liveness probe with an `initialDelaySeconds` above `max_initial_delay` stands beside a `startupProbe`. And a
    /// startup probe allows at least as long as the initial delay of the liveness probe: its own delay plus
    /// `periodSeconds` times `failureThreshold`. The rule checks main containers and sidecars of everything but Jobs,
    /// on clusters that have the probe: from Kubernetes 1.18 on.
    ///
    /// The fix moves the delay into a startup probe that asks the same, and allows as long as the liveness probe did
    /// until now.
    ///
    /// ## Why
    /// An initial delay is a guess. Where the start takes longer, the container is restarted again and again; where
    /// it takes less, a container that hangs from the beginning is noticed late. A startup probe ends as soon as the
    /// container has started.
    ///
    /// ## Fix
    /// ```yaml
    /// startupProbe:
    ///   httpGet: {path: /healthz, port: http}
    ///   periodSeconds: 5
    ///   failureThreshold: 12   # up to a minute
    /// livenessProbe:
    ///   httpGet: {path: /healthz, port: http}
    /// ```
    findings: {
        /// A liveness probe waits long instead of asking whether the container has started
        LongDelay: Low, Certain;
        /// A startup probe gives up before the liveness probe's own delay is over
        Contradiction: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Probes, KubernetesVersion],
    parameters: {
        /// The seconds that a liveness probe may wait, at most.
        max_initial_delay: Bounded<0, 3600> = Bounded::of(20),
    },
}

/// The seconds between two startup probes that the fix writes.
const PERIOD: i64 = 5;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (workload, max) = (input.workload(), input.parameters.max_initial_delay.get());
    if workload.is_batch() {
        return not_applicable("a Job runs to completion");
    }
    if !input.setting::<KubernetesVersion>().is_at_least(1, 18) {
        return not_applicable("the clusters have no startup probes");
    }
    for container in workload.containers() {
        let [liveness, startup] = ["livenessProbe", "startupProbe"].map(|field| Probe(container.get(field)));
        let (delay, place) = (liveness.initial_delay_seconds(), liveness.get("initialDelaySeconds"));
        let described = container.described();
        if startup.exists() {
            let allowed = startup.detection_seconds().saturating_add(startup.initial_delay_seconds());
            if allowed < delay {
                let message = format!(
                    "the `livenessProbe` of {described} waits {delay} seconds, but its `startupProbe` allows only {allowed}"
                );
                findings.report(Code::Contradiction, &place, message).label(&startup, "gives up before");
            }
        } else if delay > max {
            let message = format!(
                "the `livenessProbe` of {described} waits {delay} seconds, expected a `startupProbe`, or at most {max}"
            );
            findings.report(Code::LongDelay, &place, message).fix(startup_probe(&liveness, &startup, delay));
        }
    }
    Ok(())
}

fn startup_probe(liveness: &Probe<'_>, startup: &Probe<'_>, delay: i64) -> Option<Fix> {
    let handler = liveness.handlers().next()?;
    let allowed = liveness.detection_seconds().checked_add(delay)?;
    let probe = object! {
        ..[handler],
        "periodSeconds": PERIOD,
        "timeoutSeconds": ?Some(liveness.timeout_seconds()).filter(|seconds| *seconds != 1),
        "failureThreshold": allowed.checked_add(PERIOD - 1)? / PERIOD,
    };
    let fix = Fix::unsafe_(format!("ask for up to {allowed} seconds whether it has started"));
    Some(fix.set(startup, probe).remove(&liveness.get("initialDelaySeconds")))
}
