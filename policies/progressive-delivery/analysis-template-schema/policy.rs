use policy_sdk::kubernetes::rollout::{self, CONDITIONS, Metric, OwnAnalysis};
use policy_sdk::language::condition::condition;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A metric of an analysis says what a good value is
    ///
    /// Each metric of an AnalysisTemplate or ClusterAnalysisTemplate has one provider. A metric that measures a value
    /// has a `successCondition` or a `failureCondition`. A `job` needs none, since its pods succeed or fail, nor does
    /// `kayenta`, nor a plugin, which may check by itself, nor a metric of `dryRun`. The conditions are read in the
    /// language expr, in which Argo evaluates them; `{{args.x}}` stands for a value.
    ///
    /// ## Why
    /// A metric without a condition always succeeds, whatever it measures: a bad version is rolled out. A condition
    /// that does not parse ends the analysis with an error, and a good version is taken back.
    ///
    /// ## Fix
    /// Say which values are good:
    ///
    /// ```yaml
    /// metrics:
    ///   - name: error-rate
    ///     interval: 1m
    ///     count: 5
    ///     failureLimit: 2
    ///     successCondition: result[0] < 0.01
    ///     provider:
    ///       prometheus:
    ///         address: http://prometheus.monitoring:9090
    ///         query: |
    ///           sum(rate(http_requests_total{service="{{args.service}}",status=~"5.."}[2m]))
    ///             / sum(rate(http_requests_total{service="{{args.service}}"}[2m]))
    /// ```
    findings: {
        /// A metric has no condition, so it always succeeds
        NoCondition: High, Certain;
        /// A metric has no provider, or several
        Provider: High, Certain;
        /// A condition does not parse
        Unreadable: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/AnalysisTemplate", "argoproj.io/ClusterAnalysisTemplate"],
    uses: [OwnAnalysis],
    reads: [
        "spec.dryRun[*].metricName", "spec.metrics[*].successCondition:condition",
        "spec.metrics[*].failureCondition:condition",
    ],
}

/// Fields that look like conditions and are none.
const LOOKALIKES: [&str; 5] = ["successCriteria", "failureCriteria", "condition", "threshold", "thresholdValue"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for metric in rollout::metrics(input) {
        let name = metric.name();
        let providers: Vec<&str> = metric.0.get("provider").entries().map(|(name, _)| name).collect();
        match providers[..] {
            [] => {
                let message = format!("metric `{name}` has no provider, so the API server refuses the template");
                findings.report(Code::Provider, &metric.0.get("provider"), message);
                continue;
            }
            [provider] => check_condition(input, &metric, provider, findings),
            [one, other, ..] => {
                let message = format!("metric `{name}` has the providers `{one}` and `{other}`, so no analysis runs");
                findings.report(Code::Provider, &metric.0.get("provider"), message);
            }
        }
        for field in CONDITIONS {
            let text = metric.0.get(field);
            let tree = metric.0.get(&[field, ":condition"].concat());
            if let (false, Err(reason)) = (text.text().is_empty(), condition(&tree)) {
                let message = format!("`{field}` of metric `{name}` does not parse: {reason}");
                findings.report(Code::Unreadable, &text, message);
            }
        }
    }
    Ok(())
}

fn check_condition(input: &Input<'_, Parameters>, metric: &Metric<'_>, provider: &str, findings: &mut Findings) {
    if metric.has_condition() || matches!(provider, "job" | "kayenta" | "plugin") || is_dry(input, metric.name()) {
        return;
    }
    let lookalike = LOOKALIKES.into_iter().find(|field| metric.0.get(field).exists());
    let message = match lookalike {
        Some(field) => {
            format!("metric `{}` has no condition (`{field}` is no field), so it always succeeds", metric.name())
        }
        None => format!("metric `{}` has no condition, so it always succeeds", metric.name()),
    };
    let place = metric.0.get(lookalike.unwrap_or("successCondition"));
    findings.report(Code::NoCondition, &place, message);
}

/// Whether a metric is only looked at. The names of `dryRun` are regular expressions; those that are no plain name may
/// mean any metric.
fn is_dry(input: &Input<'_, Parameters>, name: &str) -> bool {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let names = input.document.at("spec.dryRun").items().map(|entry| entry.get("metricName").text());
    names.into_iter().any(|dry| dry == name || !is_plain(dry))
}
