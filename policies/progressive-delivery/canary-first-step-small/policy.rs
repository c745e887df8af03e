use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::flagger::{self, OwnCanary};
use policy_sdk::kubernetes::rollout::{self, RolloutStrategy};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A canary begins with a small share of the requests
    ///
    /// The first weight of a Rollout's canary, or of a Canary of Flagger, is at most `max_first` percent of all
    /// requests: of `maxTrafficWeight` or `maxWeight`'s whole, 100. A weight of 0 before does not count. Blue/green
    /// and A/B tests have no weights and are not checked.
    ///
    /// Without traffic routing a share is a number of pods. Where even one new pod is more than `max_first` percent of
    /// them, that is reported as information: only more replicas or a traffic router help.
    ///
    /// ## Why
    /// The first step is what a bad version costs. With half of all requests a canary is an outage for every second
    /// user.
    ///
    /// ## Fix
    /// Begin small, and go on when the metrics are good:
    ///
    /// ```yaml
    /// steps:
    ///   - setWeight: 5
    ///   - pause: {duration: 10m}
    ///   - setWeight: 25
    ///   - pause: {duration: 10m}
    /// ```
    findings: {
        /// The first weight is large
        Large: Low, Likely;
        /// One pod is a large share of all
        OnePod: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout", "flagger.app/Canary"],
    uses: [Autoscalers, OwnCanary, RolloutStrategy],
    parameters: {
        /// The percent of all requests that the first step may have.
        max_first: Bounded<1, 100> = Bounded::of(20),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let most = input.parameters.max_first.get();
    if input.subject.kind == "Canary" {
        let Some((weight, place)) = flagger::first_weight(input) else {
            return not_applicable("it has no weights");
        };
        if weight > most {
            large(weight, most, &place, findings);
        }
        return Ok(());
    }
    let Some((weight, place)) = rollout::first_weight(input) else {
        return not_applicable("it has no canary with weights");
    };
    let percent = weight.saturating_mul(100) / rollout::whole_weight(input);
    if percent <= most {
        return Ok(());
    }
    let canary = rollout::canary(input);
    let replicas = autoscaling::effective_replicas(input);
    let total = replicas + i64::from(rollout::may_surge(&canary));
    if !canary.get("trafficRouting").exists() && replicas > 0 && 100 > most * total {
        let share = 100 / total;
        let message = format!(
            "the first weight is {percent} %, and one new pod of {total} is {share} %, expected at most {most} %"
        );
        findings.report(Code::OnePod, &place, message);
    } else {
        large(percent, most, &place, findings);
    }
    Ok(())
}

fn large(percent: i64, most: i64, place: &View<'_>, findings: &mut Findings) {
    let message =
        format!("the first step gives {percent} % of all requests to a new version, expected at most {most} %");
    findings.report(Code::Large, place, message);
}
