use policy_sdk::kubernetes::prometheus_rule::{self, OwnQueries, OwnRules, Rule};
use policy_sdk::language::promql::{Expression, Metric, Recorded};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Rates are of counters, over enough time, before they are summed
    ///
    /// In each query of a PrometheusRule or a rule file: `rate`, `irate` and `increase` are asked of counters, `delta`,
    /// `idelta` and `deriv` of gauges. Of which type a metric is follows from what the same file records, else from its
    /// name (`_total`, `_count`, `_sum` and `_bucket` count, `_bytes`, `_ratio` and others do not); where both say
    /// nothing it is not checked. The range holds at least two scrapes of `scrape_seconds`. A rate is not taken of a
    /// sum, as in `rate(sum(x)[5m:])`. An alert does not ask for `irate`.
    ///
    /// ## Why
    /// `rate` takes every value that is less than the one before for a restart, so of a gauge it gives nonsense. With
    /// one sample in its range it gives nothing, and the alert never fires. A sum of counters goes down when one pod
    /// starts anew, and its rate then shows a peak that never was.
    ///
    /// ## Fix
    /// ```yaml
    /// expr: sum by (job) (rate(http_requests_total[5m]))
    /// ```
    findings: {
        /// A rate is taken of a gauge
        Gauge: Medium, Likely;
        /// A counter is treated as a gauge
        Counter: Medium, Likely;
        /// A rate is taken of a sum
        OfSum: Medium, Likely;
        /// The range holds fewer than two samples
        Window: Medium, Likely;
        /// An alert looks at the last two samples alone
        Irate: Low, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Telemetry,
    peers: ["PINT:promql/rate", "PINT:promql/counter"],
    since: "0.1.0",
    applies_to: ["monitoring.coreos.com/PrometheusRule", "file/PrometheusRules"],
    uses: [OwnRules, OwnQueries],
    parameters: {
        /// Seconds between two scrapes.
        scrape_seconds: Bounded<1, 3600> = Bounded::of(15),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let recorded = prometheus_rule::recorded(input);
    let least = input.parameters.scrape_seconds.get() * 2000;
    prometheus_rule::judge_parts(input, findings, |part, rule, findings| {
        check_part(part, rule, &recorded, least, findings)
    })
}

fn check_part(part: &Expression<'_>, rule: &Rule<'_>, recorded: &Recorded<'_>, least: i64, findings: &mut Findings) {
    let function = part.function();
    if !part.is_rate() && !part.is_of_gauges() {
        return;
    }
    let Some(subject) = part.subject() else { return };
    let place = part.get("call");
    if function == "irate" && rule.is_alert() {
        let message = "`irate` looks at the last two samples alone, expected `rate` in an alert";
        findings.report(Code::Irate, &place, message);
    }
    if part.is_rate() && subject.is_subquery() && subject.aggregation() == "sum" {
        let message = format!("`{function}` is taken of a sum, expected the sum of `{function}`");
        findings.report(Code::OfSum, &place, message);
    }
    let metric = subject.metric();
    match recorded.metric_type(metric) {
        Metric::Gauge if part.is_rate() => {
            let message = format!("`{function}` is for counters, and `{metric}` is a gauge");
            findings.report(Code::Gauge, &place, message);
        }
        Metric::Counter | Metric::Buckets if part.is_of_gauges() => {
            let message = format!("`{function}` is for gauges, and `{metric}` is a counter");
            findings.report(Code::Counter, &place, message);
        }
        _ => {}
    }
    if let Some(millis) = subject.range_millis().filter(|millis| *millis < least && !subject.is_subquery()) {
        let message = format!(
            "the range {} holds fewer than two samples that are {} seconds apart",
            subject.range().text(),
            least / 2000
        );
        if millis > 0 {
            findings.report(Code::Window, &subject.range(), message);
        }
    }
}
