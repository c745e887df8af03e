use policy_sdk::kubernetes::shutdown::{self, Shutdown};
use policy_sdk::prelude::*;
use policy_sdk::settings::ShutdownSeconds;

policy_sdk::rule! {
    /// The grace period covers the preStop hook and the shutdown
    ///
    /// `terminationGracePeriodSeconds` (30 by default) is at least the time of the longest preStop hook plus
    /// `shutdown_budget`. A hook takes the seconds of its `sleep` action, or those that its `exec`
    /// command sleeps; the time of any other cannot be known. Without a hook a grace period that is written is a
    /// choice, but for 0 on a pod with ports or volumes.
    ///
    /// ## Why
    /// The hook's time is taken from the grace period. What is left is all that the process has to
    /// finish requests and flush data before it is killed.
    ///
    /// ## Fix
    /// Raise `terminationGracePeriodSeconds`.
    findings: {
        /// The hook takes the whole grace period: the process is killed
        HookExceeds: High, Certain;
        /// The pod is killed at once
        Zero: Medium, Likely;
        /// Little time is left after the hook
        LittleLeft: Low, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Shutdown, ShutdownSeconds],
    reads: [
        "pod.spec.volumes[*].name",
        "main_container.ports[*].containerPort",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let budget = input.setting::<ShutdownSeconds>();
    let (field, grace) = (shutdown::grace_period(input), shutdown::grace_seconds(input));
    let Some((container, seconds)) = shutdown::longest_pre_stop(input, 0).filter(|(_, seconds)| *seconds > 0) else {
        let keeps_something = workload.declares_ports() || !workload.spec().get("volumes").is_empty();
        if grace == 0 && keeps_something {
            let fix = Fix::unsafe_(format!("leave it {budget} seconds to stop")).set(&field, budget);
            findings.report(Code::Zero, &field, "the grace period is 0, so the pod is killed at once").fix(fix);
        }
        return Ok(());
    };
    let needed = seconds.saturating_add(budget);
    if grace >= needed {
        return Ok(());
    }
    let title = format!("raise the grace period to {needed} seconds");
    let (code, what, fix) = if seconds >= grace {
        (Code::HookExceeds, "so the process is killed", Fix::safe(title))
    } else {
        (Code::LittleLeft, "which leaves the process little time to stop", Fix::unsafe_(title))
    };
    let message =
        format!("the preStop hook takes {seconds} of the {grace} seconds of grace, {what}; expected at least {needed}");
    let hook = container.at("lifecycle.preStop");
    let fix = fix.set(&field, needed);
    if field.exists() {
        let label = format!("this hook takes {seconds} seconds");
        findings.report(code, &field, message).label(&hook, label).fix(fix);
    } else {
        findings.report(code, &hook, message).fix(fix);
    }
    Ok(())
}
