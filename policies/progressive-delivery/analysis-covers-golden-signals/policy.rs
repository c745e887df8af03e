use policy_sdk::kubernetes::rollout::{self, Analyses, RolloutStrategy};
use policy_sdk::language::promql;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The analyses of a Rollout measure errors and latency
    ///
    /// The templates of a Rollout's analyses together hold a metric of errors and one of latency. They are recognised
    /// by their queries of Prometheus: by labels of results (`status`, `code`, …) or names with `error`, `fail` or
    /// `success`, and by `histogram_quantile` or names with `latency`, `duration` or `seconds`.
    ///
    /// Not evaluated where a template is not among the documents, a query does not parse, or a metric comes from
    /// elsewhere than Prometheus, since what that measures is not known.
    ///
    /// ## Why
    /// A version that answers quickly with errors, or correctly after ten seconds, passes an analysis that looks at the
    /// other half only.
    ///
    /// ## Fix
    /// Add a template with the missing metric to the analysis, for example the 95th percentile of the latency:
    ///
    /// ```yaml
    /// query: |
    ///   histogram_quantile(0.95,
    ///     sum by (le) (rate(http_request_duration_seconds_bucket{service="{{args.service}}"}[2m])))
    /// ```
    findings: {
        /// A signal is not measured
        Unmeasured: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout"],
    uses: [Analyses, RolloutStrategy],
    parameters: {
        /// What must be measured.
        required: Vec<Signal> = vec![Signal::ErrorRate, Signal::Latency],
    },
}

policy_sdk::choice! {
    /// A signal of a service.
    pub Signal { ErrorRate = "error_rate", Latency = "latency" }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let analyses = rollout::own_analyses(input);
    let Some(first) = analyses.first() else {
        return not_applicable("no analysis checks it");
    };
    let mut measured: Vec<Signal> = Vec::new();
    for reference in analyses.iter().flat_map(|analysis| analysis.references()) {
        let name = reference.get("templateName").text();
        let [template] = &rollout::templates(input, &reference)[..] else {
            return not_evaluated(format!("the template `{name}` is not among the documents"));
        };
        if !template.document.at("spec.templates").is_empty() {
            return not_evaluated(format!("the template `{name}` is made of others"));
        }
        for metric in rollout::metrics_of(&template.document) {
            let tree = match metric.provider() {
                Some(("prometheus", prometheus)) => prometheus.get("query:promql"),
                _ => return not_evaluated(format!("what metric `{}` measures is not known", metric.name())),
            };
            match promql::query(&tree) {
                Ok(query) => measured.extend(query.all().iter().flat_map(signals)),
                Err(reason) => {
                    return not_evaluated(format!("the query of metric `{}` does not parse: {reason}", metric.name()));
                }
            }
        }
    }
    let missing: Vec<&str> =
        input.parameters.required.iter().filter(|it| !measured.contains(it)).map(AsRef::as_ref).collect();
    if !missing.is_empty() {
        let message = format!("its analyses do not measure `{}`", missing.join("`, `"));
        findings.report(Code::Unmeasured, &first.view, message);
    }
    Ok(())
}

/// What a part of a query tells of.
fn signals(part: &promql::Expression<'_>) -> Vec<Signal> {
    const RESULTS: [&str; 9] = [
        "status",
        "code",
        "status_code",
        "response_code",
        "http_status",
        "http_status_code",
        "grpc_code",
        "result",
        "outcome",
    ];
    let has = |words: &[&str]| words.iter().any(|word| part.metric().contains(word));
    let tells_result = part.matchers().any(|matcher| RESULTS.contains(&matcher.label()));
    let errors = (tells_result || has(&["error", "fail", "success"])).then_some(Signal::ErrorRate);
    let is_latency = part.function() == "histogram_quantile" || has(&["latency", "duration", "seconds"]);
    // What a CPU has done is counted in seconds as well.
    let latency = (is_latency && !has(&["cpu"])).then_some(Signal::Latency);
    errors.into_iter().chain(latency).collect()
}
