use policy_sdk::kubernetes::prometheus_rule::{self, OwnQueries, OwnRules};
use policy_sdk::language::promql::{Expression, Labels};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A share is of all, and the right way up
    ///
    /// In each query of a PrometheusRule or a rule file, of a division of two rates of the same metric, where one side asks
    /// for a label that the other does not ask for (`code=~"5.."`): both sides are aggregated, or say `on` or `ignoring`,
    /// and the side that asks for more stands above.
    ///
    /// ## Why
    /// Without aggregation each series is divided by itself: errors of one status by all requests of the same status. The
    /// result is 1 wherever there is an error, whatever the share. The wrong way up it is above 1, and an alert fires
    /// always or never.
    ///
    /// ## Fix
    /// ```yaml
    /// expr: |
    ///   sum by (job) (rate(http_requests_total{code=~"5.."}[5m]))
    ///     / sum by (job) (rate(http_requests_total[5m]))
    /// ```
    findings: {
        /// Each series is divided by itself
        ByItself: High, Likely;
        /// All are divided by some
        UpsideDown: Medium, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Telemetry,
    peers: ["PINT:promql/vector_matching"],
    since: "0.1.0",
    applies_to: ["monitoring.coreos.com/PrometheusRule", "file/PrometheusRules"],
    uses: [OwnRules, OwnQueries],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    prometheus_rule::judge_parts(input, findings, |part, _, findings| check_part(part, findings))
}

fn check_part(part: &Expression<'_>, findings: &mut Findings) {
    let Some((above, below)) = part.sides().filter(|_| part.operator() == "/") else { return };
    let (Some(some), Some(all)) = (selector(&above), selector(&below)) else { return };
    if some.metric().is_empty() || some.metric() != all.metric() {
        return;
    }
    let place = part.get("operator");
    if let Some(label) = asks_more(&some, &all) {
        let is_kept = |side: &Expression<'_>| side.labels().may_have(label);
        let is_told = part.get("on").exists() || part.get("ignoring").exists();
        if is_kept(&above) && is_kept(&below) && !is_told {
            let message = format!(
                "each series is divided by itself, since both sides keep `{label}`: expected a sum on both sides"
            );
            findings.report(Code::ByItself, &place, message);
        }
    } else if let Some(label) = asks_more(&all, &some) {
        let is_summed = matches!((above.labels(), below.labels()), (Labels::Only(_), Labels::Only(_)));
        if is_summed {
            let message = format!("all are divided by those of one `{label}`, expected it the other way up");
            findings.report(Code::UpsideDown, &place, message);
        }
    }
}

/// A label that one selector asks for beyond all that the other asks for.
fn asks_more<'d>(one: &Expression<'d>, other: &Expression<'d>) -> Option<&'d str> {
    let is_within = other.matchers().all(|it| one.matchers().any(|same| same.is_same(&it)));
    let mut added = one.matchers().filter(|it| !other.matchers().any(|same| same.is_same(it)));
    added.next().filter(|_| is_within).map(|matcher| matcher.label())
}

/// The selector of a rate, aggregated or not: of `sum by (a) (rate(x[5m]))` it is `x[5m]`.
fn selector<'d>(side: &Expression<'d>) -> Option<Expression<'d>> {
    let mut inner = side.clone();
    while !inner.aggregation().is_empty() {
        inner = inner.subject()?;
    }
    inner.subject().filter(|subject| inner.is_rate() && subject.is_selector())
}
