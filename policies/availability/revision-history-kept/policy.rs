use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Earlier revisions are kept to go back to
    ///
    /// `revisionHistoryLimit` of a Deployment, StatefulSet, DaemonSet or Rollout is at least `min`, and at most `max`
    /// where that is set. Where nothing is written Kubernetes keeps 10.
    ///
    /// A team that only goes back by git may want 0; suppress the rule there with an exception. The fix therefore needs
    /// a person.
    ///
    /// ## Why
    /// With 0 `kubectl rollout undo` has nothing to go back to. A broken release can then only be replaced by deploying
    /// the old version again, through the whole pipeline.
    ///
    /// ## Fix
    /// Remove `revisionHistoryLimit`, or set it to 2 or more.
    findings: {
        /// Too few revisions are kept
        TooFew: Low, Certain;
        /// More revisions are kept than allowed
        TooMany: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/DaemonSet", "workload/Rollout",
        "workload/DeploymentConfig", "workload/CloneSet",
    ],
    reads: ["object.spec.revisionHistoryLimit"],
    parameters: {
        /// The fewest revisions.
        min: Bounded<1, 100> = Bounded::of(1),
        /// The most revisions; any number where it is not set.
        max: Option<Bounded<1, 1000>> = None,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let place = input.workload().object.at("spec.revisionHistoryLimit");
    let Some(kept) = place.as_i64() else { return Ok(()) };
    let (min, max) = (input.parameters.min.get(), input.parameters.max.map(Bounded::get));
    if kept < min {
        let so = if kept == 0 { ", so there is no revision to go back to" } else { "" };
        let message = format!("`revisionHistoryLimit` is {kept}, expected at least {min}{so}");
        let fix = Fix::unsafe_("keep as many revisions as Kubernetes does").remove(&place);
        findings.report(Code::TooFew, &place, message).fix(fix);
    } else if let Some(max) = max.filter(|max| kept > *max) {
        findings.report(Code::TooMany, &place, format!("`revisionHistoryLimit` is {kept}, expected at most {max}"));
    }
    Ok(())
}
