use policy_sdk::kubernetes::flagger::{self, OwnCanary};
use policy_sdk::kubernetes::rollout::{self, Hold, RolloutStrategy};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::values::duration::parse_millis;

policy_sdk::rule! {
    /// Each weight of a canary is held for some time
    ///
    /// Between two weights of a Rollout's canary there is a pause, an analysis, an experiment or a step of a plugin.
    /// `setCanaryScale` and the steps that set routes hold nothing, nor does an analysis in the background. Pauses
    /// between two weights last `min_pause_seconds` together, unless one of them waits for a person (`pause: {}`).
    /// Weights of 0 and of all requests need no pause.
    ///
    /// A Canary of Flagger holds each weight for one `interval` of its analysis, which is at least
    /// `flagger_min_interval_seconds`.
    ///
    /// ## Why
    /// A weight that nobody waits at shows nothing: before the first errors are counted, the next and larger part of
    /// the requests has the new version too.
    ///
    /// ## Fix
    /// Wait after each weight for longer than your metrics need to show an error:
    ///
    /// ```yaml
    /// steps:
    ///   - setWeight: 10
    ///   - pause: {duration: 5m}
    ///   - setWeight: 50
    ///   - pause: {duration: 5m}
    /// ```
    findings: {
        /// Two weights follow each other at once
        NoPause: Medium, Certain;
        /// A weight is held for a short time
        ShortPause: Low, Likely;
        /// Flagger holds each weight for a short time
        ShortInterval: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout", "flagger.app/Canary"],
    uses: [OwnCanary, RolloutStrategy],
    reads_built: true,
    parameters: {
        /// The seconds that a weight must be held.
        min_pause_seconds: Bounded<1, 86_400> = Bounded::of(60),
        /// The seconds of an interval of Flagger's analysis.
        flagger_min_interval_seconds: Bounded<1, 86_400> = Bounded::of(30),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.kind == "Canary" {
        let interval = flagger::analysis(input).get("interval");
        let least = input.parameters.flagger_min_interval_seconds.get();
        if flagger::first_weight(input).is_none() {
            return not_applicable("it has no weights");
        }
        if parse_millis(interval.text()).is_some_and(|millis| millis < least * 1000) {
            let message = format!("each weight is held for {}, expected at least {least} s", interval.text());
            findings.report(Code::ShortInterval, &interval, message);
        }
        return Ok(());
    }
    if rollout::first_weight(input).is_none() {
        return not_applicable("it has no canary with weights");
    }
    let (whole, least) = (rollout::whole_weight(input), input.parameters.min_pause_seconds.get());
    // The weight before, and how long it is held: milliseconds of pauses, or `None` for anything longer.
    let mut before: Option<(i64, View<'_>, Option<i64>)> = None;
    for step in rollout::steps(input) {
        if let Some((weight, place)) = step.weight() {
            if let Some((held, at, Some(millis))) = before.filter(|(weight, _, _)| *weight > 0) {
                if millis == 0 && weight != held {
                    let message = format!("weight {weight} follows {held} at once, so {held} shows nothing");
                    findings.report(Code::NoPause, &place, message).label(&at, "the weight before");
                } else if weight != held && millis < least * 1000 {
                    let seconds = (millis + 999) / 1000;
                    let message = format!("weight {held} is held for {seconds} s, expected at least {least} s");
                    findings.report(Code::ShortPause, &at, message);
                }
            }
            before = Some((weight, place, Some(0))).filter(|(weight, _, _)| *weight < whole);
        } else if let Some((_, _, held)) = &mut before {
            match step.hold() {
                Hold::Not => {}
                Hold::Millis(millis) => *held = held.map(|held| held.saturating_add(millis)),
                Hold::UntilDone | Hold::UntilSomebody | Hold::Unclear => *held = None,
            }
        }
    }
    Ok(())
}
