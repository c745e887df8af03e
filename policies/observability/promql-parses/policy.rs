use policy_sdk::kubernetes::prometheus_rule::{self, OwnQueries, OwnRules};
use policy_sdk::language::promql::{is_logql, is_time, query, wrong};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Prometheus takes every query and every rule
    ///
    /// Each `expr` of a PrometheusRule, of a rule file and of a Grafana dashboard is PromQL: it parses, its functions
    /// are those of Prometheus 3, and get what they take. A rule has either `alert` or `record`, an `expr`, and a name
    /// that can be one; a rule that records has neither `for` nor annotations. Names of labels can be such, and groups
    /// have names of their own. Queries of a dashboard for other sources (Loki and others) are not checked, nor is what
    /// has variables in places where only a whole query can stand.
    ///
    /// ## Why
    /// Prometheus refuses a whole file for one query that it cannot read, and the operator a whole PrometheusRule. None
    /// of its alerts exists then.
    ///
    /// ## Fix
    /// Correct the query at the place that is shown; `promtool check rules FILE` says the same.
    findings: {
        /// A query is not PromQL: Prometheus refuses the file
        Syntax: High, Likely;
        /// A query calls what is not there, or with something else: Prometheus refuses the file
        Types: High, Likely;
        /// Prometheus refuses a rule
        Rule: High, Certain;
        /// Two groups of a file have the same name
        Group: High, Certain;
        /// A panel of a dashboard shows an error instead of its query
        Panel: Low, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Telemetry,
    peers: ["PINT:promql/syntax"],
    since: "0.1.0",
    applies_to: ["monitoring.coreos.com/PrometheusRule", "file/PrometheusRules", "file/GrafanaDashboard"],
    uses: [OwnRules, OwnQueries],
    reads: [
        "panels[*].datasource.type", "panels[*].targets[*].expr", "panels[*].targets[*].expr:promql",
        "panels[*].targets[*].datasource.type", "panels[*].panels[*].targets[*].expr",
        "panels[*].panels[*].targets[*].expr:promql", "panels[*].panels[*].targets[*].datasource.type",
        "panels[*].panels[*].datasource.type",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.kind == "GrafanaDashboard" {
        for panel in input.document.get("panels").items() {
            check_panel(&panel, findings);
            panel.get("panels").items().for_each(|panel| check_panel(&panel, findings));
        }
        return Ok(());
    }
    if prometheus_rule::rules(input).any(|rule| is_logql(rule.expression().text())) {
        return not_applicable("its queries are of Loki");
    }
    let mut names: Vec<&str> = Vec::new();
    for group in prometheus_rule::groups(input) {
        let name = group.get("name");
        if name.text().is_empty() {
            findings.report(Code::Group, &name, "the group has no name: Prometheus refuses the file");
        } else if names.contains(&name.text()) {
            let message = format!("two groups are called `{}`: Prometheus refuses the file", name.text());
            findings.report(Code::Group, &name, message);
        }
        names.push(name.text());
    }
    let is_file = input.subject.kind == "PrometheusRules";
    for rule in prometheus_rule::rules(input) {
        check_rule(&rule.view, findings);
        // Of a PrometheusRule the API server leaves such a field out.
        if is_file {
            check_fields(&rule.view, findings);
        }
        match rule.query() {
            Some(Err(reason)) => {
                let place = rule.view.get("expr:promql").get("unread").item(0);
                findings.report(Code::Syntax, &place, format!("the query is no PromQL: {reason}"));
            }
            Some(Ok(query)) => {
                if let Some(wrong) = wrong(&query) {
                    findings.report(Code::Types, &wrong.place, wrong.reason);
                }
            }
            None => {}
        }
    }
    Ok(())
}

fn check_rule(rule: &View<'_>, findings: &mut Findings) {
    let (alert, record, expr) = (rule.get("alert"), rule.get("record"), rule.get("expr"));
    let [is_alert, is_record] = [&alert, &record].map(|name| !name.text().is_empty());
    let mut report = |place: &View<'_>, message: String| {
        findings.report(Code::Rule, place, message + ": Prometheus refuses the file");
    };
    if is_alert == is_record {
        let has = if is_alert { "both `alert` and `record`" } else { "neither `alert` nor `record`" };
        report(rule, format!("the rule has {has}"));
    }
    if expr.scalar_text().is_none_or(|text| text.trim().is_empty()) {
        report(&expr, "the rule has no `expr`".into());
    }
    if is_record {
        for field in ["for", "keep_firing_for", "annotations"] {
            if !matches!(rule.get(field).kind(), None | Some(policy_sdk::json::Kind::Null))
                && (field != "annotations" || !rule.get(field).is_empty())
            {
                report(&rule.get(field), format!("a rule that records has no `{field}`"));
            }
        }
        if record.text().contains(['{', '}']) {
            report(&record, format!("`{}` can be no name of a metric", record.text()));
        }
    }
    for field in ["for", "keep_firing_for"] {
        let time = rule.get(field);
        if !is_record && !time.text().is_empty() && !is_time(time.text()) {
            report(&time, format!("`{field}` is `{}`, expected a time such as `5m`", time.text()));
        }
    }
    for (key, value) in rule.get("labels").entries() {
        if key.is_empty() || key == "__name__" {
            report(&value, format!("`{key}` can be no name of a label"));
        }
    }
}

fn check_fields(rule: &View<'_>, findings: &mut Findings) {
    const KNOWN: [&str; 7] = ["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"];
    for (key, value) in rule.entries().filter(|(key, _)| !KNOWN.contains(key)) {
        findings.report(Code::Rule, &value, format!("a rule has no field `{key}`: Prometheus refuses the file"));
    }
}

fn check_panel(panel: &View<'_>, findings: &mut Findings) {
    for target in panel.get("targets").items() {
        let own = target.at("datasource.type");
        let source = if own.exists() { own } else { panel.at("datasource.type") };
        let expr = target.get("expr");
        // A source that is a variable, and none at all, may be anything.
        let is_other = !matches!(source.text(), "" | "prometheus");
        if is_other || expr.text().trim().is_empty() || is_logql(expr.text()) {
            continue;
        }
        match query(&target.get("expr:promql")) {
            Err(reason) if !expr.text().contains('$') => {
                let place = target.get("expr:promql").get("unread").item(0);
                findings.report(Code::Panel, &place, format!("the query is no PromQL: {reason}"));
            }
            Ok(query) => {
                if let Some(wrong) = wrong(&query).filter(|_| !expr.text().contains('$')) {
                    findings.report(Code::Panel, &wrong.place, wrong.reason);
                }
            }
            Err(_) => {}
        }
    }
}
