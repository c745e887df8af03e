use policy_sdk::kubernetes::probe::{self, Probes};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A rollout is given the time that pods need to start
    ///
    /// `progressDeadlineSeconds` of a Deployment or Rollout, 600 where nothing is written, is more than the longest
    /// start that the probes allow plus `minReadySeconds`. The longest start of a container is `initialDelaySeconds`
    /// plus `periodSeconds` times `failureThreshold` of its startupProbe, else `initialDelaySeconds` of its
    /// readinessProbe. Where parameters ask for it, the deadline is at most `max`, and `minReadySeconds` at least
    /// `min_ready`. The rule skips paused ones, those without replicas, and those of the strategy `Recreate`.
    ///
    /// ## Why
    /// A deadline that ends before pods can have started marks a good release as failed: the pipeline stops or rolls
    /// back. The API server refuses a deadline that is not above `minReadySeconds`.
    ///
    /// ## Fix
    /// Raise `progressDeadlineSeconds` above the longest start, or let the startupProbe give up earlier.
    findings: {
        /// The deadline is not above `minReadySeconds`: it is refused
        Refused: High, Certain;
        /// Pods may take longer to start than the rollout is given
        TooShort: Medium, Likely;
        /// The rollout is given longer than allowed
        TooLong: Low, Certain;
        /// A pod counts as available too early
        ReadyTooEarly: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/Rollout"],
    uses: [Probes],
    reads: [
        "object.spec.progressDeadlineSeconds", "object.spec.progressDeadlineAbort", "object.spec.minReadySeconds",
        "object.spec.paused", "object.spec.replicas", "object.spec.strategy.type",
    ],
    parameters: {
        /// The longest deadline in seconds; any where it is not set.
        max: Option<Bounded<1, 86_400>> = None,
        /// The fewest seconds that a pod is ready before it counts as available.
        min_ready: Bounded<0, 3600> = Bounded::of(0),
    },
}

/// What Kubernetes and Argo take where nothing is written.
const DEFAULT: i64 = 600;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.workload().object.get("spec");
    if spec.get("paused").is_true() {
        return not_applicable("it is paused");
    }
    if spec.get("replicas").as_i64() == Some(0) {
        return not_applicable("it has no replicas");
    }
    if spec.at("strategy.type").text() == "Recreate" {
        return not_applicable("its strategy is `Recreate`");
    }
    let (place, ready_place) = (spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds"));
    let (deadline, ready) = (place.as_i64().unwrap_or(DEFAULT), ready_place.as_i64().unwrap_or(0));
    if deadline <= ready {
        let by = if input.subject.kind == "Rollout" { "Argo Rollouts" } else { "the API server" };
        let message =
            format!("`progressDeadlineSeconds` is {deadline} and `minReadySeconds` is {ready}: {by} refuses it");
        findings.report(Code::Refused, if place.exists() { &place } else { &ready_place }, message);
        return Ok(());
    }
    if let Some((container, probe, start)) = longest_start(input).filter(|it| it.2.saturating_add(ready) >= deadline) {
        let ready = if ready > 0 { format!(" and `minReadySeconds` is {ready}") } else { String::new() };
        let so = if spec.get("progressDeadlineAbort").is_true() { "fails and is aborted" } else { "fails" };
        let message = format!(
            "{} may take {start} seconds to start{ready}, and after {deadline} the rollout {so}",
            container.described()
        );
        if place.exists() {
            findings.report(Code::TooShort, &place, message).label(&probe, format!("this allows {start} seconds"));
        } else {
            findings.report(Code::TooShort, &probe, message);
        }
    } else if let Some(max) = input.parameters.max.map(Bounded::get).filter(|max| deadline > *max) {
        let message = format!("`progressDeadlineSeconds` is {deadline}, expected at most {max}");
        findings.report(Code::TooLong, &place, message);
    }
    let min_ready = input.parameters.min_ready.get();
    if ready < min_ready {
        let message = format!("`minReadySeconds` is {ready}, expected at least {min_ready}");
        findings.report(Code::ReadyTooEarly, &ready_place, message);
    }
    Ok(())
}

/// The container that may take longest to start, its probe that allows that, and the seconds.
fn longest_start<'d>(input: &Input<'d, Parameters>) -> Option<(Container<'d>, View<'d>, i64)> {
    let starts = probe::probes(input).filter_map(|(container, field, probe)| {
        let seconds = match field {
            "startupProbe" => probe.initial_delay_seconds().saturating_add(probe.detection_seconds()),
            "readinessProbe" if !container.get("startupProbe").exists() => probe.initial_delay_seconds(),
            _ => return None,
        };
        Some((container, probe.0, seconds))
    });
    starts.max_by_key(|(_, _, seconds)| *seconds)
}
