//! Queries of Prometheus, as `expr:promql` gives them: their trees, and what is known of them without a server, which is
//! what a query gives, which labels its series have, and of which type a metric is. The model stands in
//! policies/LANGUAGES.md.

mod functions;

use super::{mappings, unread};
use crate::json::View;
use crate::values::duration::parse_millis;
pub use functions::{Wrong, is_time, wrong};
use std::ops::Deref;

/// A part of a query, or all of it.
#[derive(Clone)]
pub struct Expression<'d>(View<'d>);

impl<'d> Deref for Expression<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

/// The query of a `:promql` tree; why not, where it does not parse.
pub fn query<'d>(tree: &View<'d>) -> Result<Expression<'d>, &'d str> {
    let expression = tree.get("expression");
    if expression.exists() { Ok(Expression(expression)) } else { Err(unread(tree).unwrap_or("there is no query")) }
}

/// What a query gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Scalar,
    /// A text.
    Text,
    /// A value for each series.
    Vector,
    /// The samples of some time for each series.
    Range,
}

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// It only goes up, and begins at 0 again when its program does.
    Counter,
    /// It goes up and down.
    Gauge,
    /// The buckets of a histogram, which are counters with the label `le`.
    Buckets,
    /// That is not known.
    Unknown,
}

/// Which labels the series of an expression have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels<'d> {
    /// Those of the metric, and what is scraped adds: any may be there, but for these.
    AllBut(Vec<&'d str>),
    /// These at most.
    Only(Vec<&'d str>),
}

impl Labels<'_> {
    /// Whether series may have a label.
    pub fn may_have(&self, label: &str) -> bool {
        match self {
            Self::AllBut(gone) => !gone.contains(&label),
            Self::Only(kept) => kept.contains(&label),
        }
    }
}

/// A condition on a label: `job=~"a|b"`.
#[derive(Clone)]
pub struct Matcher<'d>(View<'d>);

impl<'d> Matcher<'d> {
    /// The label.
    pub fn label(&self) -> &'d str {
        self.0.get("label").text()
    }

    /// `=`, `!=`, `=~` or `!~`.
    pub fn operator(&self) -> &'d str {
        self.0.get("operator").text()
    }

    /// What it is compared with.
    pub fn value(&self) -> &'d str {
        self.0.get("value").text()
    }

    /// Where it stands.
    pub fn place(&self) -> &View<'d> {
        &self.0
    }

    /// Whether two conditions say the same.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.label(), self.operator(), self.value()) == (other.label(), other.operator(), other.value())
    }
}

/// Whether a query is LogQL, the language of Loki, whose rule files and panels look alike: it has a `|` outside of texts,
/// which PromQL never has.
pub fn is_logql(text: &str) -> bool {
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('"' | '\''), '\\') => drop(characters.next()),
            (Some(open), character) if open == character => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '|') => return true,
            _ => {}
        }
    }
    false
}

/// Functions that turn counters into how fast they grow, of a range.
const RATES: [&str; 3] = ["rate", "irate", "increase"];
/// Functions for gauges alone, of a range: of a counter they give nonsense when it begins anew.
const OF_GAUGES: [&str; 3] = ["delta", "idelta", "deriv"];
/// Operators that compare.
const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];
/// Aggregations that give some of the series that they are given, with all labels.
const SELECTING: [&str; 4] = ["topk", "bottomk", "limitk", "limit_ratio"];

impl<'d> Expression<'d> {
    /// The metric that a selector names; empty for anything else, and where only labels select.
    pub fn metric(&self) -> &'d str {
        let written = self.get("metric").text();
        if !written.is_empty() {
            return written;
        }
        let mut matchers = self.matchers();
        matchers.find(|it| it.label() == "__name__" && it.operator() == "=").map_or("", |it| it.value())
    }

    /// Whether it selects series.
    pub fn is_selector(&self) -> bool {
        self.get("metric").exists() || self.get("matchers").exists()
    }

    /// The conditions of a selector.
    pub fn matchers(&self) -> impl Iterator<Item = Matcher<'d>> + use<'d> {
        self.get("matchers").items().map(Matcher)
    }

    /// The function that is called; empty for anything else.
    pub fn function(&self) -> &'d str {
        self.get("call").text()
    }

    /// How series are put together: `sum`, `topk`; empty for anything else.
    pub fn aggregation(&self) -> &'d str {
        self.get("aggregation").text()
    }

    /// The arguments of a call or an aggregation.
    pub fn arguments(&self) -> impl DoubleEndedIterator<Item = Expression<'d>> + use<'d> {
        self.get("arguments").items().map(Expression).collect::<Vec<_>>().into_iter()
    }

    /// What an aggregation or a call is about: the argument that is a vector or a range.
    pub fn subject(&self) -> Option<Expression<'d>> {
        self.arguments().find(|argument| matches!(argument.value(), Value::Vector | Value::Range))
    }

    /// The operator of an operation; empty for anything else.
    pub fn operator(&self) -> &'d str {
        self.get("operator").text()
    }

    /// Both sides of an operation with two.
    pub fn sides(&self) -> Option<(Expression<'d>, Expression<'d>)> {
        let mut operands = self.get("operands").items().map(Expression);
        match (operands.next(), operands.next()) {
            (Some(left), Some(right)) => Some((left, right)),
            _ => None,
        }
    }

    /// Labels that are named under a key: `by`, `without`, `on`, `ignoring`, `include`; `None` where it is not there.
    pub fn labels_of(&self, key: &str) -> Option<Vec<&'d str>> {
        let list = self.get(key);
        list.exists().then(|| list.items().map(|label| label.text()).collect())
    }

    /// Whether it compares, and leaves out what does not hold.
    pub fn is_filter(&self) -> bool {
        self.is_comparison() && !self.get("bool").is_true()
    }

    /// Whether it compares.
    pub fn is_comparison(&self) -> bool {
        COMPARISONS.contains(&self.operator())
    }

    /// Whether it calls `rate`, `irate` or `increase`.
    pub fn is_rate(&self) -> bool {
        RATES.contains(&self.function())
    }

    /// Whether it calls a function that is for gauges alone.
    pub fn is_of_gauges(&self) -> bool {
        OF_GAUGES.contains(&self.function())
    }

    /// Where the time of a range stands; absent for anything else.
    pub fn range(&self) -> View<'d> {
        self.get("range")
    }

    /// The time of a range in milliseconds; `None` where there is none, or a variable stands for it.
    pub fn range_millis(&self) -> Option<i64> {
        let text = self.range();
        parse_millis(text.text()).filter(|_| text.exists() && !text.text().contains('$'))
    }

    /// Whether it is a subquery: a range of what an expression gives, `x[1h:5m]`.
    pub fn is_subquery(&self) -> bool {
        self.get("step").exists()
    }

    /// The number that stands here, with its sign; `None` for anything else.
    pub fn number(&self) -> Option<f64> {
        if let Some(text) = self.get("number").as_str() {
            return text.replace('_', "").parse().ok();
        }
        let mut operands = self.get("operands").items().map(Expression);
        let operand = operands.next().filter(|_| operands.next().is_none())?;
        let number = operand.number()?;
        Some(if self.operator() == "-" { -number } else { number })
    }

    /// What it gives.
    pub fn value(&self) -> Value {
        if self.range().exists() {
            return Value::Range;
        }
        if self.get("number").exists() {
            return Value::Scalar;
        }
        if self.get("string").exists() {
            return Value::Text;
        }
        match self.function() {
            "scalar" | "time" | "pi" | "max_of" | "min_of" | "start" | "end" | "step" | "range" => Value::Scalar,
            _ if !self.operator().is_empty() => {
                let mut operands = self.get("operands").items().map(Expression);
                if operands.all(|operand| operand.value() == Value::Scalar) { Value::Scalar } else { Value::Vector }
            }
            _ => Value::Vector,
        }
    }

    /// Which labels its series have.
    pub fn labels(&self) -> Labels<'d> {
        let nothing = || Labels::Only(Vec::new());
        if matches!(self.value(), Value::Scalar | Value::Text) {
            return nothing();
        }
        if self.is_selector() {
            return Labels::AllBut(Vec::new());
        }
        if !self.aggregation().is_empty() {
            let inner = || self.subject().map_or_else(nothing, |subject| subject.labels());
            let mut labels = match (self.labels_of("by"), self.labels_of("without")) {
                _ if SELECTING.contains(&self.aggregation()) => return inner(),
                (Some(kept), _) => {
                    let inner = inner();
                    Labels::Only(kept.into_iter().filter(|label| inner.may_have(label)).collect())
                }
                (None, Some(gone)) => match inner() {
                    Labels::AllBut(mut other) => {
                        other.extend(gone);
                        Labels::AllBut(other)
                    }
                    Labels::Only(kept) => Labels::Only(kept.into_iter().filter(|it| !gone.contains(it)).collect()),
                },
                (None, None) => nothing(),
            };
            if let (Labels::Only(kept), "count_values") = (&mut labels, self.aggregation()) {
                kept.extend(self.arguments().next().map(|label| label.get("string").text()));
            }
            return labels;
        }
        match self.function() {
            "" => {}
            // Labels that are made, or that nobody can tell.
            "label_replace" | "label_join" | "absent" | "absent_over_time" | "info" => {
                return Labels::AllBut(Vec::new());
            }
            "vector" => return nothing(),
            function => {
                let subject = self.subject().map_or_else(nothing, |subject| subject.labels());
                return match (function, subject) {
                    ("histogram_quantile", Labels::Only(kept)) => {
                        Labels::Only(kept.into_iter().filter(|label| *label != "le").collect())
                    }
                    (_, subject) => subject,
                };
            }
        }
        let Some((left, right)) = self.sides() else {
            return Expression(self.get("operands").item(0)).labels();
        };
        match (left.value(), right.value()) {
            (Value::Scalar, _) => right.labels(),
            (_, Value::Scalar) => left.labels(),
            _ if self.operator() == "or" => Labels::AllBut(Vec::new()),
            _ if self.get("group").text() == "right" => right.labels(),
            _ if self.get("group").exists() || matches!(self.operator(), "and" | "unless") => left.labels(),
            _ => match (self.labels_of("on"), self.labels_of("ignoring")) {
                (Some(on), _) => Labels::Only(on),
                (None, Some(gone)) => match left.labels() {
                    Labels::Only(kept) => Labels::Only(kept.into_iter().filter(|it| !gone.contains(it)).collect()),
                    Labels::AllBut(mut other) => {
                        other.extend(gone);
                        Labels::AllBut(other)
                    }
                },
                (None, None) => left.labels(),
            },
        }
    }

    /// It and all in it, each before what is in it.
    pub fn all(&self) -> Vec<Expression<'d>> {
        const KINDS: [&str; 7] = ["metric", "matchers", "call", "aggregation", "operator", "number", "string"];
        // A condition has an operator, too.
        let is_expression =
            |view: &View<'_>| !view.get("label").exists() && KINDS.iter().any(|kind| view.get(kind).exists());
        mappings(&self.0, is_expression).into_iter().map(Expression).collect()
    }
}

/// Ends of names that counters have: Prometheus' and OpenMetrics' conventions, and the parts of histograms and summaries.
const COUNTERS: [&str; 3] = ["_total", "_count", "_sum"];

/// Ends of names that gauges have: units, and what can be less later on.
const GAUGES: [&str; 13] = [
    "_bytes",
    "_seconds",
    "_ratio",
    "_celsius",
    "_percent",
    "_info",
    "_timestamp",
    "_current",
    "_limit",
    "_max",
    "_min",
    "_usage",
    "_replicas",
];

/// Of which type a metric is, by the conventions of names. Where the name says nothing it is not known.
pub fn metric_type(name: &str) -> Metric {
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    match () {
        // What a rule recorded has a `:`, and its type is that of its query.
        () if name.contains(':') || name.is_empty() => Metric::Unknown,
        () if name.ends_with("_bucket") => Metric::Buckets,
        () if ends(&COUNTERS) => Metric::Counter,
        // cAdvisor and node-exporter have old counters whose names end in a unit.
        () if name == "up" || ends(&GAUGES) && !name.contains("_total") && !name.contains("cpu_") => Metric::Gauge,
        () => Metric::Unknown,
    }
}

/// What rules record: each name with its query.
#[derive(Default, Clone)]
pub struct Recorded<'d>(Vec<(&'d str, Expression<'d>)>);

impl<'d> Recorded<'d> {
    /// What some rules record: pairs of `record` and its query.
    pub fn of(rules: impl Iterator<Item = (&'d str, Expression<'d>)>) -> Self {
        Self(rules.filter(|(name, _)| !name.is_empty()).collect())
    }

    /// The query of a name.
    pub fn query(&self, name: &str) -> Option<&Expression<'d>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, query)| query)
    }

    /// Of which type a metric is: what is recorded counts before the conventions of names.
    pub fn metric_type(&self, name: &str) -> Metric {
        match self.query(name) {
            Some(query) => self.type_of(query, MOST_STEPS),
            None => metric_type(name),
        }
    }

    fn type_of(&self, query: &Expression<'d>, steps: u8) -> Metric {
        // A rule may record what it reads itself.
        let Some(steps) = steps.checked_sub(1) else { return Metric::Unknown };
        if query.is_selector() && query.value() == Value::Vector {
            let name = query.metric();
            return self.query(name).map_or_else(|| metric_type(name), |query| self.type_of(query, steps));
        }
        match query.aggregation() {
            // A sum of counters still counts, and its buckets are buckets while they keep `le`.
            "sum" => match query.subject().map(|subject| self.type_of(&subject, steps)) {
                Some(Metric::Buckets) if !query.labels().may_have("le") => Metric::Counter,
                Some(inner) => inner,
                None => Metric::Unknown,
            },
            // The largest, the mean or the number of series may be less later on.
            _ if !query.aggregation().is_empty() => Metric::Gauge,
            // A rate of buckets is what quantiles are made of.
            _ if query.is_rate() => match query.subject().map(|subject| metric_type(subject.metric())) {
                Some(Metric::Buckets) => Metric::Unknown,
                _ => Metric::Gauge,
            },
            _ => Metric::Unknown,
        }
    }
}

/// How many records are followed from one to the next.
const MOST_STEPS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    const RATIO: &str = r#"{"expression":{"operator":">","operands":[
        {"operator":"/","operands":[
            {"aggregation":"sum","by":["job","pod"],"arguments":[{"call":"rate","arguments":[
                {"metric":"requests_total","matchers":[{"label":"code","operator":"=~","value":"5.."}],"range":"5m"}]}]},
            {"aggregation":"sum","without":["code"],"arguments":[{"call":"rate","arguments":[
                {"metric":"requests_total","range":"$__rate_interval"}]}]}],"on":["job"]},
        {"operator":"-","operands":[{"number":"0.5"}]}]}}"#;

    fn with<T>(text: &str, look: impl FnOnce(Expression<'_>) -> T) -> T {
        let json = Json::parse(text).unwrap();
        look(query(&json.root()).ok().unwrap())
    }

    #[test]
    fn a_query_is_gone_through() {
        with(RATIO, |query| {
            assert!(query.is_filter() && query.value() == Value::Vector);
            let (ratio, threshold) = query.sides().unwrap();
            assert_eq!(threshold.number(), Some(-0.5));
            let all = query.all();
            let metrics: Vec<&str> = all.iter().map(Expression::metric).filter(|metric| !metric.is_empty()).collect();
            assert_eq!(metrics, ["requests_total", "requests_total"]);
            let ranges: Vec<Option<i64>> =
                all.iter().filter(|it| it.value() == Value::Range).map(Expression::range_millis).collect();
            assert_eq!(ranges, [Some(300_000), None]);
            assert!(all.iter().any(|it| it.is_rate() && it.value() == Value::Vector));
            let (left, _) = ratio.sides().unwrap();
            let selector = left.subject().and_then(|rate| rate.subject()).unwrap();
            let matcher = selector.matchers().next().unwrap();
            assert_eq!((matcher.label(), matcher.operator(), matcher.value()), ("code", "=~", "5.."));
        });
    }

    #[test]
    fn labels_are_followed_through_aggregations_and_joins() {
        with(RATIO, |query| {
            let (ratio, _) = query.sides().unwrap();
            let (left, right) = ratio.sides().unwrap();
            assert_eq!(left.labels(), Labels::Only(vec!["job", "pod"]));
            assert_eq!(right.labels(), Labels::AllBut(vec!["code"]));
            assert_eq!(query.labels(), Labels::Only(vec!["job"]));
            assert!(right.labels().may_have("pod") && !right.labels().may_have("code"));
        });
        let none = r#"{"expression":{"aggregation":"sum","arguments":[{"metric":"up"}]}}"#;
        assert!(!with(none, |query| query.labels().may_have("job")));
        let quantile = r#"{"expression":{"call":"histogram_quantile","arguments":[{"number":"0.9"},
            {"aggregation":"sum","by":["le","job"],"arguments":[{"metric":"x_bucket"}]}]}}"#;
        assert!(with(quantile, |query| query.labels() == Labels::Only(vec!["job"])));
        let scalar = r#"{"expression":{"operator":"+","operands":[{"number":"1"},{"call":"time","arguments":[]}]}}"#;
        assert_eq!(with(scalar, |query| query.value()), Value::Scalar);
    }

    #[test]
    fn names_say_of_which_type_a_metric_is() {
        for (name, expected) in [
            ("http_requests_total", Metric::Counter),
            ("http_request_duration_seconds_count", Metric::Counter),
            ("http_request_duration_seconds_bucket", Metric::Buckets),
            ("process_resident_memory_bytes", Metric::Gauge),
            ("up", Metric::Gauge),
            ("node_cpu_seconds", Metric::Unknown),
            ("container_cpu_usage_seconds_total", Metric::Counter),
            ("queue_length", Metric::Unknown),
            ("job:requests:rate5m", Metric::Unknown),
        ] {
            assert_eq!(metric_type(name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_recorded_has_the_type_of_its_query() {
        let text = r#"[{"expression":{"call":"rate","arguments":[{"metric":"a_total","range":"5m"}]}},
            {"expression":{"aggregation":"sum","arguments":[{"metric":"a_total"}]}},
            {"expression":{"metric":"loop_total"}},
            {"expression":{"aggregation":"max","arguments":[{"metric":"a_total"}]}}]"#;
        let json = Json::parse(text).unwrap();
        let names = ["a:rate5m", "a:sum", "loop_total", "a_largest_total"];
        let queries = json.root().items().map(|tree| query(&tree).ok().unwrap());
        let recorded = Recorded::of(names.into_iter().zip(queries));
        let types = [names[0], names[1], names[2], names[3], "other_total"].map(|name| recorded.metric_type(name));
        let expected = [Metric::Gauge, Metric::Counter, Metric::Unknown, Metric::Gauge, Metric::Counter];
        assert_eq!(types, expected);
    }

    #[test]
    fn a_pipe_outside_of_texts_is_of_loki() {
        assert!(is_logql(r#"rate({app="cart"} |= "error" [5m])"#) && is_logql("{a=`|`} | json"));
        assert!(!is_logql(r#"x{a=~"b|c",d=~'\'|e',f=~`|`}"#) && !is_logql("sum(up)"));
    }

    #[test]
    fn what_does_not_parse_has_a_reason() {
        let json = Json::parse(r#"{"unread":[{"reason":"expected `)`"}]}"#).unwrap();
        assert_eq!(query(&json.root()).err(), Some("expected `)`"));
    }
}
