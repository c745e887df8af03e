use policy_sdk::kubernetes::rollout::{self, RolloutStrategy};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A failed Rollout is aborted without a person
    ///
    /// A Rollout of Argo has an analysis or an experiment, or `progressDeadlineAbort: true`. Without one of them the
    /// controller never takes a version back: when the pods of the new version do not become ready the Rollout is
    /// called `Degraded`, and stays where it is. `progressDeadlineSeconds` is 600 where it is not written.
    ///
    /// A blue/green Rollout with `autoPromotionEnabled: false` passes, since a person promotes it.
    ///
    /// The fix needs a person: with `progressDeadlineAbort` a version that needs longer than the deadline to start is
    /// taken back too.
    ///
    /// ## Why
    /// A version that does not start keeps the share of the requests that it has got, until somebody reads an alert and
    /// aborts the Rollout by hand.
    ///
    /// ## Fix
    /// Add an analysis, which also finds versions that start and then fail, or at least:
    ///
    /// ```yaml
    /// spec:
    ///   progressDeadlineSeconds: 600
    ///   progressDeadlineAbort: true
    /// ```
    findings: {
        /// Nothing aborts it
        NeverAborted: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout"],
    uses: [RolloutStrategy],
    reads: ["object.spec.progressDeadlineAbort"],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (canary, blue_green) = (rollout::canary(input), rollout::blue_green(input));
    if canary.exists() == blue_green.exists() {
        return not_applicable("it does not have one strategy");
    }
    if blue_green.get("autoPromotionEnabled").as_bool() == Some(false) {
        return not_applicable("a person promotes a new version: `autoPromotionEnabled` is false");
    }
    let abort = input.workload().object.at("spec.progressDeadlineAbort");
    if abort.is_true() || rollout::is_analysed(input) {
        return Ok(());
    }
    let message = "nothing aborts it: it has no analysis, and `progressDeadlineAbort` is not true";
    let fix = Fix::unsafe_("abort it at the end of `progressDeadlineSeconds`").set(&abort, true);
    findings.report(Code::NeverAborted, &abort, message).fix(fix);
    Ok(())
}
