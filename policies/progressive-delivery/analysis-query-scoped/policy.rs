use policy_sdk::kubernetes::rollout::{self, AnalysisUsers, OwnAnalysis, When};
use policy_sdk::language::promql;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The metrics of a canary look at the canary alone
    ///
    /// A query of Prometheus in an AnalysisTemplate by which the canary of a Rollout is checked has a condition that
    /// takes an argument (`service="{{args.service}}"`), or one on a label of `accepted_labels`. A query that compares
    /// the canary with the stable version has such labels too. Experiments and blue/green strategies are not checked.
    ///
    /// Not applicable where no Rollout among the documents uses the template for a canary, not evaluated where a query
    /// does not parse.
    ///
    /// ## Why
    /// With ten percent of the requests, a canary whose requests all fail raises the error rate of the whole service
    /// to ten percent, and one that is twice as slow hardly moves the latency. The analysis passes.
    ///
    /// ## Fix
    /// Give the hash of the new pods, or the canary's Service, to the template:
    ///
    /// ```yaml
    /// args:
    ///   - name: hash
    ///     valueFrom:
    ///       podTemplateHashValue: Latest
    /// ```
    ///
    /// and ask for it: `http_requests_total{rollouts_pod_template_hash="{{args.hash}}"}`.
    findings: {
        /// A query looks at all versions
        AllVersions: Low, Guess;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/AnalysisTemplate", "argoproj.io/ClusterAnalysisTemplate"],
    uses: [AnalysisUsers, OwnAnalysis],
    reads: ["spec.metrics[*].provider.prometheus.query:promql"],
    parameters: {
        /// Labels that tell versions apart.
        accepted_labels: Vec<String> = list([
            "rollouts_pod_template_hash", "service", "destination_workload", "destination_service", "pod", "version",
            "role", "ingress", "canary",
        ]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let users = rollout::users(input);
    let is_of_canary = |when: When| matches!(when, When::Step | When::Background);
    let Some((user, _, name)) = users.iter().find(|(_, analysis, _)| is_of_canary(analysis.when)) else {
        return not_applicable("no Rollout among the documents uses it for a canary");
    };
    let mut unread = None;
    for metric in rollout::metrics(input) {
        let prometheus = metric.0.at("provider.prometheus");
        let text = prometheus.get("query");
        if text.text().is_empty() {
            continue;
        }
        match promql::query(&prometheus.get("query:promql")) {
            Err(reason) => unread = Some(format!("the query of metric `{}` does not parse: {reason}", metric.name())),
            Ok(query) => {
                let accepted = &input.parameters.accepted_labels;
                let tells = |matcher: promql::Matcher<'_>| {
                    matcher.value().contains("{{") || accepted.iter().any(|label| label == matcher.label())
                };
                if !query.all().iter().flat_map(|part| part.matchers()).any(tells) {
                    let message =
                        format!("metric `{}` looks at all versions, so the old one hides the canary", metric.name());
                    findings.report(Code::AllVersions, &text, message).label_in(
                        user,
                        name,
                        "it checks a canary by this",
                    );
                }
            }
        }
    }
    findings.or_unknown(unread)
}
