use policy_sdk::kubernetes::rollout::{self, RolloutStrategy};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A Rollout has one strategy and one pod template
    ///
    /// A Rollout of Argo has either `strategy.canary` or `strategy.blueGreen`, and takes its pods either from
    /// `template` or from the workload that `workloadRef` names. A blue/green strategy names its `activeService`. The
    /// controller does nothing for a Rollout that breaks this, and gives it the condition `InvalidSpec`.
    ///
    /// A canary without `steps` is a rolling update like that of a Deployment. That is allowed, so it is reported as
    /// information. A Rollout is checked as the kustomizations around it build it.
    ///
    /// ## Why
    /// The controller stops at `InvalidSpec`: no new version is rolled out, and nothing is scaled, until somebody
    /// looks at the status of the Rollout.
    ///
    /// ## Fix
    /// Write one strategy:
    ///
    /// ```yaml
    /// strategy:
    ///   canary:
    ///     steps:
    ///       - setWeight: 10
    ///       - pause: {duration: 5m}
    /// ```
    findings: {
        /// It has no strategy, or two
        Strategy: High, Certain;
        /// It has no pod template, or two
        Template: High, Certain;
        /// Its blue/green strategy names no active Service
        ActiveService: High, Certain;
        /// Its canary has no steps
        NoSteps: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout"],
    uses: [RolloutStrategy],
    reads: ["object.spec.workloadRef", "pod.spec.containers[*].name", "object.metadata.name"],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let (canary, blue_green) = (rollout::canary(input), rollout::blue_green(input));
    let strategy = workload.object.at("spec.strategy");
    match (canary.exists(), blue_green.exists()) {
        (false, false) => {
            findings.report(
                Code::Strategy,
                &strategy,
                "it has neither `canary` nor `blueGreen`, so nothing is rolled out",
            );
        }
        (true, true) => {
            findings.report(
                Code::Strategy,
                &strategy,
                "it has both `canary` and `blueGreen`, so nothing is rolled out",
            );
        }
        (true, false) if canary.get("steps").is_empty() => {
            let message = "`canary` has no `steps`: a new version replaces the old one in a rolling update";
            findings.report(Code::NoSteps, &canary, message);
        }
        (false, true) if blue_green.get("activeService").text().is_empty() => {
            let message = "`activeService` is missing: the API server refuses `blueGreen` without it";
            findings.report(Code::ActiveService, &blue_green.get("activeService"), message);
        }
        _ => {}
    }
    let reference = workload.object.at("spec.workloadRef");
    match (workload.main_containers().next().is_some(), reference.exists()) {
        (false, false) => {
            let message = "it has neither a `template` with containers nor a `workloadRef`, so it has no pods";
            findings.report(Code::Template, &workload.object.at("spec.template"), message);
        }
        (true, true) => {
            let message = format!(
                "it has a `template` and takes that of `{}` too, so nothing is rolled out",
                reference.get("name").text()
            );
            findings.report(Code::Template, &reference, message);
        }
        _ => {}
    }
    Ok(())
}
