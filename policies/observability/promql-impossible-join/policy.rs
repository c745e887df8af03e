use policy_sdk::kubernetes::prometheus_rule::{self, OwnQueries, OwnRules};
use policy_sdk::language::promql::{Expression, Labels, Value};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Series on both sides of an operator can match
    ///
    /// In each query of a PrometheusRule or a rule file, where an operator takes aggregated series on both sides and says
    /// neither `on` nor `ignoring`, both sides keep the same labels. Where it says `on`, a side that is aggregated keeps one
    /// of these labels at least.
    ///
    /// ## Why
    /// Prometheus pairs series whose labels are all the same. Where no two can be, the query gives nothing at all, without
    /// an error, and the alert never fires.
    ///
    /// ## Fix
    /// Aggregate both sides by the same labels, or say which count:
    ///
    /// ```yaml
    /// expr: sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m]))
    /// ```
    findings: {
        /// Both sides keep different labels, so that no two series are paired
        Labels: Medium, Likely;
        /// A side has none of the labels that count
        On: Medium, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Telemetry,
    peers: ["PINT:promql/impossible"],
    since: "0.1.0",
    applies_to: ["monitoring.coreos.com/PrometheusRule", "file/PrometheusRules"],
    uses: [OwnRules, OwnQueries],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    prometheus_rule::judge_parts(input, findings, |part, _, findings| check_part(part, findings))
}

fn check_part(part: &Expression<'_>, findings: &mut Findings) {
    let Some((left, right)) = part.sides() else { return };
    // `or` takes what has no partner, `unless` wants none.
    if matches!(part.operator(), "or" | "unless") || [&left, &right].iter().any(|side| side.value() != Value::Vector) {
        return;
    }
    let place = part.get("operator");
    let (of_left, of_right) = (left.labels(), right.labels());
    if let Some(on) = part.labels_of("on") {
        let lacks = |labels: &Labels<'_>| {
            matches!(labels, Labels::Only(_)) && !on.is_empty() && !on.iter().any(|label| labels.may_have(label))
        };
        // Where both lack it, they match by its absence.
        if lacks(&of_left) != lacks(&of_right) {
            let side = if lacks(&of_left) { "left" } else { "right" };
            let message = format!("series on the {side} have no label `{}`, by which they are paired", on.join("`, `"));
            findings.report(Code::On, &place, message);
        }
    } else if let (None, Labels::Only(one), Labels::Only(other)) = (part.labels_of("ignoring"), &of_left, &of_right) {
        let missing = |some: &[&str], others: &[&str]| some.iter().any(|label| !others.contains(label));
        if missing(one, other) || missing(other, one) {
            let told = |labels: &[&str]| match labels {
                [] => "no labels".to_owned(),
                labels => format!("`{}`", labels.join("`, `")),
            };
            let message = format!("series on the left have {}, those on the right {}", told(one), told(other));
            findings.report(Code::Labels, &place, message);
        }
    }
}
