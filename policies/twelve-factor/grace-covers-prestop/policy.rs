use policy_sdk::prelude::*;
use policy_sdk::shutdown;

policy_sdk::rule! {
    /// The grace period covers the preStop hook and the shutdown
    ///
    /// `terminationGracePeriodSeconds` (30 by default) of a Deployment, StatefulSet or Rollout, and of
    /// any other workload with a preStop hook, is at least the time of the longest preStop hook plus
    /// `shutdown_budget`. A hook takes the seconds of its `sleep` action, or those that its `exec`
    /// command sleeps; any other hook counts as `default_hook_seconds`.
    ///
    /// ## Why
    /// The hook's time is taken from the grace period. What is left is all that the process has to
    /// finish requests and flush data before it is killed.
    ///
    /// ## Fix
    /// Raise `terminationGracePeriodSeconds`.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "IX Disposability",
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.terminationGracePeriodSeconds",
        "container.lifecycle.preStop.sleep.seconds",
        "container.lifecycle.preStop.exec.command",
        "container.lifecycle.preStop.httpGet.port",
        "container.lifecycle.preStop.tcpSocket.port",
    ],
    parameters: {
        /// The seconds that the process needs to stop after the hook.
        shutdown_budget: i64 = 30,
        /// The seconds of a hook whose time cannot be told.
        default_hook_seconds: i64 = 5,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { shutdown_budget, default_hook_seconds } = input.parameters;
    let longest = shutdown::longest_pre_stop(&workload, default_hook_seconds);
    if longest.is_none() && !workload.is_long_running() {
        return not_applicable("it is not long-running and has no preStop hook");
    }
    let hook_seconds = longest.as_ref().map_or(0, |(_, seconds)| *seconds);
    let needed = hook_seconds.saturating_add(shutdown_budget);
    let grace = shutdown::grace_seconds(&workload);
    if grace < needed {
        let view = shutdown::grace_period(&workload);
        let message = format!(
            "the grace period is {grace} seconds, expected at least {needed}: {hook_seconds} of the preStop hook and {shutdown_budget} to stop"
        );
        let fix = Fix::safe(format!("raise the grace period to {needed} seconds")).set(&view, needed);
        let report = findings.report(&view, message).fix(fix);
        if let Some((container, seconds)) = longest {
            report.label(&container.at("lifecycle.preStop"), format!("this hook takes {seconds} seconds"));
        }
    }
    Ok(())
}
