use policy_sdk::kubernetes::rollout::{self, AnalysisUsers, Metric, OwnAnalysis, When};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// An analysis that a Rollout waits for ends, and can fail
    ///
    /// A metric with `interval` and without `count` measures for ever. That is right for an analysis in the
    /// background, which ends with the Rollout, and wrong where the Rollout waits for it: in a step, and before or
    /// after the promotion of a blue/green strategy. Rollouts that name the template are looked up among the
    /// documents.
    ///
    /// `failureLimit` is smaller than `count`, and at most `max_failures`; it is 0 where it is not written. A metric
    /// with `failureLimit: -1` has a `consecutiveSuccessLimit`. A limit or count that an argument gives is not checked.
    ///
    /// ## Why
    /// Argo refuses a Rollout that would wait for an analysis without an end (`InvalidSpec`), so nothing is rolled
    /// out. A metric that may fail as often as it is measured lets every version pass.
    ///
    /// ## Fix
    /// Measure a number of times, and allow a few failures:
    ///
    /// ```yaml
    /// metrics:
    ///   - name: error-rate
    ///     interval: 1m
    ///     count: 5
    ///     failureLimit: 2
    /// ```
    findings: {
        /// A Rollout waits for a metric that has no end
        Endless: High, Likely;
        /// A metric may fail as often as it is measured
        NeverFails: Medium, Certain;
        /// A metric may fail often
        ManyFailures: Low, Likely;
        /// The metric has no limit that the controller accepts
        NoLimit: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/AnalysisTemplate", "argoproj.io/ClusterAnalysisTemplate"],
    uses: [AnalysisUsers, OwnAnalysis],
    parameters: {
        /// How often a metric may fail.
        max_failures: i64 = 3,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let users = rollout::users(input);
    let waiting = users.iter().find(|(_, analysis, _)| analysis.is_waited_for());
    let mut is_unclear = false;
    for metric in rollout::metrics(input) {
        let count = number(&metric, "count");
        let has_end = metric.0.get("count").exists() && count != Some(0);
        if let (Some((rollout, analysis, place)), false) = (waiting, has_end)
            && metric.0.get("interval").exists()
        {
            let when = match analysis.when {
                When::BeforePromotion => "before its promotion",
                When::AfterPromotion => "after its promotion",
                _ => "in a step",
            };
            let message = format!(
                "metric `{}` has an `interval` and no `count`, and Rollout `{}` waits for it {when}: Argo refuses that",
                metric.name(),
                rollout.name()
            );
            findings.report(Code::Endless, &metric.0.get("count"), message).label_in(
                rollout,
                place,
                "it waits for this",
            );
        }
        is_unclear |= check_limit(input, &metric, count, findings);
    }
    if is_unclear && findings.is_empty() {
        return not_evaluated("arguments give counts or limits of its metrics");
    }
    Ok(())
}

/// Checks `failureLimit`; true where an argument gives it or the count.
fn check_limit(
    input: &Input<'_, Parameters>,
    metric: &Metric<'_>,
    count: Option<i64>,
    findings: &mut Findings,
) -> bool {
    let place = metric.0.get("failureLimit");
    let name = metric.name();
    match number(metric, "failureLimit") {
        None => return place.exists(),
        Some(limit) if limit < 0 => {
            let successes = metric.0.get("consecutiveSuccessLimit");
            if !successes.exists() || number(metric, "consecutiveSuccessLimit") == Some(0) {
                let message = format!(
                    "`failureLimit` of metric `{name}` is {limit} without `consecutiveSuccessLimit`, so no analysis runs"
                );
                findings.report(Code::NoLimit, &place, message);
            }
        }
        // Measured once, it ends the analysis where it fails more often than the limit says.
        Some(limit) if limit > 0 && count.is_some_and(|count| count > 0 && count <= limit) => {
            let times = count.unwrap_or_default();
            let message =
                format!("metric `{name}` is measured {times} times and may fail {limit} times, so it never fails");
            findings.report(Code::NeverFails, &place, message);
        }
        Some(limit) if limit > input.parameters.max_failures => {
            let most = input.parameters.max_failures;
            let message = format!("metric `{name}` may fail {limit} times, expected at most {most}");
            findings.report(Code::ManyFailures, &place, message);
        }
        Some(limit) => return limit > 0 && metric.0.get("count").exists() && count.is_none(),
    }
    false
}

/// A number, which may be written as a text; `None` where it is not written, or an argument gives it.
fn number(metric: &Metric<'_>, field: &str) -> Option<i64> {
    metric.0.get(field).scalar_text()?.parse().ok()
}
