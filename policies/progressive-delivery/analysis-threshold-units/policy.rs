use policy_sdk::kubernetes::rollout::{self, CONDITIONS, OwnAnalysis};
use policy_sdk::language::condition::{self, condition};
use policy_sdk::language::promql;
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A threshold has the unit that its query gives
    ///
    /// The conditions of an AnalysisTemplate and the alerts of a PrometheusRule compare what a query of Prometheus
    /// gives with numbers. Two units are certain enough to be checked: the quotient of two counters of which one counts
    /// a part of the other is a ratio, between 0 and 1, and `histogram_quantile` of a metric in seconds gives seconds.
    /// A ratio is not compared with more than 1, nor with `< 1` or `<= 1`, which nearly always holds. Seconds are not
    /// compared with more than `max_latency_seconds`, which is meant in milliseconds.
    ///
    /// `clamp_max`, `round`, `or vector(0)` and the like change no unit, and neither do `default` and `asFloat` in a
    /// condition. A query of another form is not evaluated. MetricTemplates of Flagger are not read, since their ranges
    /// (`[{{ interval }}]`) are filled in later.
    ///
    /// ## Why
    /// `result < 5` for an error ratio always holds, also where every request fails. `result < 200` for a latency in
    /// seconds holds until requests take more than three minutes. The analysis passes every version.
    ///
    /// ## Fix
    /// Write one percent as `0.01`, and 200 milliseconds as `0.2`.
    findings: {
        /// A ratio is compared with a number that it does not reach
        Ratio: Medium, Likely;
        /// Seconds are compared with a number of milliseconds
        Seconds: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: [
        "argoproj.io/AnalysisTemplate", "argoproj.io/ClusterAnalysisTemplate", "monitoring.coreos.com/PrometheusRule",
    ],
    uses: [OwnAnalysis],
    reads: [
        "spec.metrics[*].provider.prometheus.query:promql", "spec.metrics[*].successCondition:condition",
        "spec.metrics[*].failureCondition:condition", "spec.groups[*].rules[*].alert", "spec.groups[*].rules[*].expr",
        "spec.groups[*].rules[*].expr:promql",
    ],
    parameters: {
        /// The seconds that a latency may be compared with.
        max_latency_seconds: Bounded<1, 86_400> = Bounded::of(60),
    },
}

/// What the numbers of a query mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Ratio,
    Seconds,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (mut checked, mut unknown) = (0, 0);
    for metric in rollout::metrics(input) {
        let tree = metric.0.at("provider.prometheus").get("query:promql");
        let Ok(query) = promql::query(&tree) else { continue };
        let Some(unit) = unit(&query) else {
            unknown += 1;
            continue;
        };
        checked += 1;
        for field in CONDITIONS {
            let Ok(condition) = condition(&metric.0.get(&[field, ":condition"].concat())) else { continue };
            for part in condition.all() {
                if let Some((operator, number)) = compared(&part) {
                    report(input, unit, (operator, number), &metric.0.get(field), metric.name(), findings);
                }
            }
        }
    }
    for rule in input.document.select("spec.groups[*].rules[*]") {
        let Ok(query) = promql::query(&rule.get("expr:promql")) else { continue };
        let alert = rule.get("alert").text();
        let Some((left, right)) = query.sides().filter(|_| query.is_comparison() && !alert.is_empty()) else {
            continue;
        };
        match (unit(&left), right.number()) {
            (Some(unit), Some(number)) => {
                checked += 1;
                report(input, unit, (query.operator(), number), &rule.get("expr"), alert, findings);
            }
            _ => unknown += 1,
        }
    }
    match (checked, unknown) {
        (0, 0) => not_applicable("it compares nothing that Prometheus gives"),
        (0, _) => not_evaluated("the units of its queries are not known"),
        _ => Ok(()),
    }
}

fn report(
    input: &Input<'_, Parameters>,
    unit: Unit,
    (operator, number): (&str, f64),
    place: &View<'_>,
    name: &str,
    findings: &mut Findings,
) {
    let most = input.parameters.max_latency_seconds.get() as f64;
    let is_below = matches!(operator, "<" | "<=");
    match unit {
        Unit::Ratio if number > 1.0 || (number >= 1.0 && is_below) => {
            let message = format!("`{name}` is a ratio between 0 and 1, and is compared by `{operator} {number}`");
            findings.report(Code::Ratio, place, message);
        }
        Unit::Seconds if number > most => {
            let message = format!("`{name}` is in seconds, and is compared by `{operator} {number}`");
            findings.report(Code::Seconds, place, message);
        }
        _ => {}
    }
}

/// The operator and the number that a part of a condition compares the result with, as if the result stood before it.
fn compared<'d>(part: &condition::Expression<'d>) -> Option<(&'d str, f64)> {
    let turned = |operator| match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    };
    let operator = Some(part.operator()).filter(|it| matches!(*it, "<" | "<=" | ">" | ">="))?;
    let operands: Vec<condition::Expression<'d>> = part.operands().collect();
    let [left, right] = &operands[..] else { return None };
    match (is_result(left), right.number(), is_result(right), left.number()) {
        (true, Some(number), ..) => Some((operator, number)),
        (_, _, true, Some(number)) => Some((turned(operator), number)),
        _ => None,
    }
}

/// Whether an expression is the result, or an element of it.
fn is_result(expression: &condition::Expression<'_>) -> bool {
    let inner = expression.arguments().next().filter(|_| matches!(expression.function(), "default" | "asFloat"));
    match inner {
        Some(inner) => inner.root().name() == "result",
        None => expression.root().name() == "result",
    }
}

/// The unit of a query, where its form is certain.
fn unit(query: &promql::Expression<'_>) -> Option<Unit> {
    let mut query = query.clone();
    loop {
        let is_wrapper = matches!(query.function(), "clamp" | "clamp_max" | "clamp_min" | "round" | "scalar" | "sort")
            || matches!(query.aggregation(), "max" | "min" | "avg");
        match query.subject().filter(|_| is_wrapper) {
            Some(inner) => query = inner,
            None => match query.sides().filter(|_| query.operator() == "or") {
                Some((left, right)) if right.function() == "vector" => query = left,
                _ => break,
            },
        }
    }
    if query.function() == "histogram_quantile" {
        let in_seconds = |part: &promql::Expression<'_>| part.metric().ends_with("_seconds_bucket");
        return query.all().iter().any(in_seconds).then_some(Unit::Seconds);
    }
    let (left, right) = query.sides()?;
    match query.operator() {
        "-" if left.number() == Some(1.0) => unit(&right).filter(|unit| *unit == Unit::Ratio),
        "/" => is_part(family(&left)?, family(&right)?).then_some(Unit::Ratio),
        _ => None,
    }
}

/// The counter that a side of a quotient is made of, without the ending that says what of it is counted: where that is
/// one, and nothing is multiplied.
fn family<'d>(side: &promql::Expression<'d>) -> Option<&'d str> {
    let all = side.all();
    let is_arithmetic = |part: &promql::Expression<'_>| matches!(part.operator(), "*" | "/" | "+" | "-" | "^" | "%");
    let counts = all.iter().any(promql::Expression::is_rate);
    if all.iter().any(is_arithmetic) || !counts {
        return None;
    }
    let mut metrics = all.iter().map(|part| part.metric()).filter(|metric| !metric.is_empty());
    let first = metrics.next()?;
    let name = ["_total", "_count", "_bucket"].iter().find_map(|ending| first.strip_suffix(ending))?;
    metrics.all(|other| other == first).then_some(name)
}

/// Whether the one counter counts a part of what the other counts.
fn is_part(part: &str, whole: &str) -> bool {
    let is_of_results = ["error", "fail", "success"].iter().any(|word| part.contains(word));
    part == whole || is_of_results && ["request", "call", "response"].iter().any(|word| whole.contains(word))
}
