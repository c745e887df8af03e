//! What Prometheus checks when it reads a query: that functions are known, and get and give what they should.

use super::{Expression, Value};
use crate::json::View;

/// Why Prometheus refuses a query that parses.
pub struct Wrong<'d> {
    /// Where.
    pub place: View<'d>,
    /// What is wrong with it.
    pub reason: String,
}

/// The functions of Prometheus 3, with what they take: `v` series, `r` a range, `s` a number, `t` a text. What stands
/// behind `?` may be left out, and the last before `*` may come any number of times.
const FUNCTIONS: [(&str, &str); 92] = [
    ("abs", "v"),
    ("absent", "v"),
    ("absent_over_time", "r"),
    ("acos", "v"),
    ("acosh", "v"),
    ("asin", "v"),
    ("asinh", "v"),
    ("atan", "v"),
    ("atanh", "v"),
    ("avg_over_time", "r"),
    ("ceil", "v"),
    ("changes", "r"),
    ("clamp", "vss"),
    ("clamp_max", "vs"),
    ("clamp_min", "vs"),
    ("cos", "v"),
    ("cosh", "v"),
    ("count_over_time", "r"),
    ("day_of_month", "?v"),
    ("day_of_week", "?v"),
    ("day_of_year", "?v"),
    ("days_in_month", "?v"),
    ("deg", "v"),
    ("delta", "r"),
    ("deriv", "r"),
    ("double_exponential_smoothing", "rss"),
    ("end", ""),
    ("exp", "v"),
    ("first_over_time", "r"),
    ("floor", "v"),
    ("histogram_avg", "v"),
    ("histogram_count", "v"),
    ("histogram_fraction", "ssv"),
    ("histogram_quantile", "sv"),
    ("histogram_quantiles", "vts*"),
    ("histogram_stddev", "v"),
    ("histogram_stdvar", "v"),
    ("histogram_sum", "v"),
    ("holt_winters", "rss"),
    ("hour", "?v"),
    ("idelta", "r"),
    ("increase", "r"),
    ("info", "v?v"),
    ("integral", "r?s"),
    ("irate", "r"),
    ("label_join", "vtt?t*"),
    ("label_replace", "vtttt"),
    ("last_over_time", "r"),
    ("ln", "v"),
    ("log10", "v"),
    ("log2", "v"),
    ("mad_over_time", "r"),
    ("max_of", "ss"),
    ("max_over_time", "r"),
    ("min_of", "ss"),
    ("min_over_time", "r"),
    ("minute", "?v"),
    ("month", "?v"),
    ("pi", ""),
    ("predict_linear", "rs"),
    ("present_over_time", "r"),
    ("quantile_over_time", "sr"),
    ("rad", "v"),
    ("range", ""),
    ("rate", "r"),
    ("resets", "r"),
    ("round", "v?s"),
    ("scalar", "v"),
    ("sgn", "v"),
    ("sin", "v"),
    ("sinh", "v"),
    ("sort", "v"),
    ("sort_by_label", "v?t*"),
    ("sort_by_label_desc", "v?t*"),
    ("sort_desc", "v"),
    ("sqrt", "v"),
    ("start", ""),
    ("start_timestamp", "v"),
    ("stddev_over_time", "r"),
    ("stdvar_over_time", "r"),
    ("step", ""),
    ("sum_over_time", "r"),
    ("tan", "v"),
    ("tanh", "v"),
    ("time", ""),
    ("timestamp", "v"),
    ("ts_of_first_over_time", "r"),
    ("ts_of_last_over_time", "r"),
    ("ts_of_max_over_time", "r"),
    ("ts_of_min_over_time", "r"),
    ("vector", "s"),
    ("year", "?v"),
];

/// The first thing for which Prometheus refuses a query that parses.
pub fn wrong<'d>(query: &Expression<'d>) -> Option<Wrong<'d>> {
    query.all().into_iter().find_map(|part| {
        let (place, reason) = of_part(&part)?;
        Some(Wrong { place, reason })
    })
}

fn of_part<'d>(part: &Expression<'d>) -> Option<(View<'d>, String)> {
    let here = |reason: String| Some(((**part).clone(), reason));
    if let Some(found) = of_times(part) {
        return Some(found);
    }
    let function = part.function();
    if !function.is_empty() {
        return of_call(part, function);
    }
    if !part.aggregation().is_empty() {
        return of_aggregation(part);
    }
    if part.is_selector() {
        let selects = |operator: &str, value: &str| match operator {
            "=" => !value.is_empty(),
            "!=" => value.is_empty(),
            // Whether an expression matches the empty text: the common ones.
            "=~" => !matches!(value, "" | ".*" | "()" | "^$"),
            _ => matches!(value, "" | ".*" | "^$"),
        };
        if let Some(matcher) = part.matchers().find(|it| it.operator().ends_with('~') && is_unbalanced(it.value())) {
            let reason = format!("`{}` is no regular expression: a bracket is not closed", matcher.value());
            return Some((matcher.place().clone(), reason));
        }
        let named = !part.get("metric").text().is_empty();
        if !named && !part.matchers().any(|it| selects(it.operator(), it.value())) {
            return here("it selects every series: some condition has to ask for a text".into());
        }
        return None;
    }
    let operator = part.operator();
    let (left, right) = part.sides()?;
    let values = [left.value(), right.value()];
    if let Some(at) = values.iter().position(|value| matches!(value, Value::Range | Value::Text)) {
        let side = if at == 0 { &left } else { &right };
        return Some(((**side).clone(), format!("`{operator}` does not take {}", described(side.value()))));
    }
    let has_scalar = values.contains(&Value::Scalar);
    if matches!(operator, "and" | "or" | "unless") {
        if has_scalar {
            return here(format!("`{operator}` takes series on both sides, and one is a number"));
        }
        if part.get("group").exists() {
            return here(format!("`{operator}` takes no `group_{}`", part.get("group").text()));
        }
    }
    if part.is_comparison() && values == [Value::Scalar, Value::Scalar] && !part.get("bool").is_true() {
        return here(format!("numbers are compared by `{operator} bool`"));
    }
    if !part.is_comparison() && part.get("bool").is_true() {
        return here(format!("`bool` stands behind a comparison, and `{operator}` is none"));
    }
    if has_scalar && ["on", "ignoring", "group"].iter().any(|key| part.get(key).exists()) {
        return here("labels are matched between series, and one side is a number".into());
    }
    None
}

/// What is wrong with the times behind a part: `[5m]`, `[1h:5m]`, `offset 5m`.
fn of_times<'d>(part: &Expression<'d>) -> Option<(View<'d>, String)> {
    let (range, step) = (part.range(), part.get("step"));
    for time in [&range, &step, &part.get("offset")] {
        let text = time.text().trim_start_matches(['-', '+']);
        // A dashboard's variable stands for a time.
        if !text.is_empty() && !text.contains(['$', '{', '%', '<', '(']) && !is_time(text) {
            return Some((time.clone(), format!("`{text}` is no time, expected one such as `5m`")));
        }
    }
    if part.is_selector() || step.exists() {
        return None;
    }
    if range.exists() {
        return Some((range, "only a metric has a range; for anything else it is `[1h:5m]`".into()));
    }
    let late = ["offset", "at"].into_iter().find(|key| part.get(key).exists())?;
    Some((part.get(late), format!("`{}` stands behind a metric or a range", if late == "at" { "@" } else { late })))
}

/// Whether a text is a time as Prometheus writes it, `1h30m`, or a number of seconds.
pub fn is_time(text: &str) -> bool {
    if text.parse::<f64>().is_ok() {
        return true;
    }
    let mut units = ["y", "w", "d", "h", "m", "s", "ms"].iter();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let behind = &rest[digits..];
        let length = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, next) = behind.split_at(length);
        // Each unit once, the longest first.
        if digits == 0 || !units.any(|known| *known == unit) {
            return false;
        }
        rest = next;
    }
    true
}

/// Whether brackets of a regular expression are not closed, or not opened.
fn is_unbalanced(regex: &str) -> bool {
    let (mut depth, mut in_class) = (0_i32, false);
    let mut characters = regex.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '[' if !in_class => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return true;
        }
    }
    depth > 0 || in_class
}

fn counted(arguments: usize) -> String {
    if arguments == 1 { "1 argument".into() } else { format!("{arguments} arguments") }
}

fn of_call<'d>(part: &Expression<'d>, function: &str) -> Option<(View<'d>, String)> {
    let Some((_, takes)) = FUNCTIONS.iter().find(|(name, _)| *name == function) else {
        return Some((part.get("call"), format!("Prometheus has no function `{function}`")));
    };
    let (needed, more) = takes.split_once('?').unwrap_or((takes.trim_end_matches('*'), ""));
    let all: Vec<char> = needed.chars().chain(more.chars().filter(|it| *it != '*')).collect();
    let arguments: Vec<Expression<'d>> = part.arguments().collect();
    let is_open = takes.ends_with('*');
    if arguments.len() < needed.len() || arguments.len() > all.len() && !is_open {
        return Some((part.get("call"), format!("`{function}` is called with {}", counted(arguments.len()))));
    }
    arguments.iter().enumerate().find_map(|(at, argument)| {
        let wanted = all.get(at).or(all.last())?;
        takes_other(argument, *wanted).map(|reason| ((**argument).clone(), format!("`{function}` takes {reason}")))
    })
}

fn of_aggregation<'d>(part: &Expression<'d>) -> Option<(View<'d>, String)> {
    let name = part.aggregation();
    let takes = match name {
        "topk" | "bottomk" | "quantile" | "limitk" | "limit_ratio" => "sv",
        "count_values" => "tv",
        _ => "v",
    };
    let arguments: Vec<Expression<'d>> = part.arguments().collect();
    if arguments.len() != takes.len() {
        let place = part.get("aggregation");
        return Some((place, format!("`{name}` is called with {}", counted(arguments.len()))));
    }
    arguments.iter().zip(takes.chars()).find_map(|(argument, wanted)| {
        takes_other(argument, wanted).map(|reason| ((**argument).clone(), format!("`{name}` takes {reason}")))
    })
}

/// What is taken, where an argument is something else.
fn takes_other(argument: &Expression<'_>, wanted: char) -> Option<String> {
    let expected = match wanted {
        'v' => Value::Vector,
        'r' => Value::Range,
        's' => Value::Scalar,
        _ => Value::Text,
    };
    let given = argument.value();
    // A variable of a dashboard stands for whatever it holds.
    let is_variable = argument.metric().contains('$');
    (given != expected && !is_variable)
        .then(|| format!("{}, expected instead of {}", described(expected), described(given)))
}

fn described(value: Value) -> &'static str {
    match value {
        Value::Scalar => "a number",
        Value::Text => "a text",
        Value::Vector => "series at one time",
        Value::Range => "series over a range of time",
    }
}

#[cfg(test)]
mod tests {
    use super::super::query;
    use super::*;
    use crate::json::Json;

    fn reason(expression: &str) -> Option<String> {
        let text = format!(r#"{{"expression":{expression}}}"#);
        let json = Json::parse(&text).unwrap();
        wrong(&query(&json.root()).ok().unwrap()).map(|wrong| wrong.reason)
    }

    fn call(name: &str, arguments: &str) -> Option<String> {
        reason(&format!(r#"{{"call":"{name}","arguments":[{arguments}]}}"#))
    }

    const RANGE: &str = r#"{"metric":"a_total","range":"5m"}"#;
    const SERIES: &str = r#"{"metric":"a_total"}"#;
    const NUMBER: &str = r#"{"number":"1"}"#;

    #[test]
    fn functions_get_what_they_take() {
        assert_eq!(call("rate", RANGE), None);
        let told = call("rate", SERIES).unwrap();
        assert_eq!(told, "`rate` takes series over a range of time, expected instead of series at one time");
        assert!(call("rates", RANGE).unwrap().contains("no function `rates`"));
        assert!(call("rate", "").unwrap().contains("0 arguments"));
        assert_eq!((call("hour", ""), call("round", SERIES)), (None, None));
        assert!(call("clamp_max", &format!("{SERIES},{SERIES}")).is_some());
        assert_eq!(call("clamp_max", &format!("{SERIES},{NUMBER}")), None);
        let join = format!(r#"{SERIES},{{"string":"a"}},{{"string":","}}"#);
        assert_eq!(
            (call("label_join", &join), call("label_join", &format!(r#"{join},{{"string":"b"}}"#))),
            (None, None)
        );
        let sum = |argument: &str| reason(&format!(r#"{{"aggregation":"sum","arguments":[{argument}]}}"#));
        assert_eq!(sum(SERIES), None);
        assert!(sum(RANGE).is_some() && sum("").is_some());
    }

    #[test]
    fn operators_get_what_they_take() {
        let of = |operator: &str, left: &str, right: &str, more: &str| {
            reason(&format!(r#"{{"operator":"{operator}","operands":[{left},{right}]{more}}}"#))
        };
        assert_eq!(of("/", SERIES, NUMBER, ""), None);
        assert!(of("/", RANGE, NUMBER, "").is_some() && of("and", SERIES, NUMBER, "").is_some());
        assert!(of(">", NUMBER, NUMBER, "").is_some());
        assert_eq!(of(">", NUMBER, NUMBER, r#","bool":true"#), None);
        assert!(of("+", SERIES, SERIES, r#","bool":true"#).is_some());
        assert!(of("/", SERIES, NUMBER, r#","on":["a"]"#).is_some());
        assert!(of("or", SERIES, SERIES, r#","on":["a"],"group":"left""#).is_some());
    }

    #[test]
    fn times_are_such_as_prometheus_writes_them() {
        let of = |more: &str| reason(&format!(r#"{{"metric":"a"{more}}}"#));
        for good in ["5m", "1h30m", "1d", "90s", "500ms", "300", "$__rate_interval", "1w2d"] {
            assert_eq!(of(&format!(r#","range":"{good}""#)), None, "{good}");
        }
        for bad in ["5x", "m5", "5m1h", "1.5h"] {
            assert!(of(&format!(r#","range":"{bad}""#)).is_some(), "{bad}");
        }
        assert_eq!(of(r#","offset":"-1h","range":"5m","step":"""#), None);
        let sum = |more: &str| reason(&format!(r#"{{"aggregation":"sum","arguments":[{SERIES}]{more}}}"#));
        assert!(sum(r#","range":"5m""#).is_some() && sum(r#","offset":"5m""#).is_some());
        assert_eq!((sum(r#","range":"1h","step":"5m""#), sum("")), (None, None));
    }

    #[test]
    fn brackets_of_regular_expressions_are_closed() {
        assert!(["(", "a)", "[a", "a|(b"].into_iter().all(is_unbalanced));
        assert!(!["", "(a|b)", "\\(", "[(]", "a.*", "[^)]+"].into_iter().any(is_unbalanced));
    }

    #[test]
    fn something_is_selected() {
        let of = |matcher: &str| reason(&format!(r#"{{"matchers":[{matcher}]}}"#));
        assert!(of("").is_some() && of(r#"{"label":"a","operator":"=~","value":".*"}"#).is_some());
        assert_eq!(of(r#"{"label":"a","operator":"=","value":"b"}"#), None);
        assert_eq!(of(r#"{"label":"a","operator":"!=","value":""}"#), None);
    }

    #[test]
    fn functions_are_in_order() {
        assert!(FUNCTIONS.is_sorted_by_key(|(name, _)| *name));
    }
}
