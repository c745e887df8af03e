use policy_sdk::kubernetes::namespace::OwnNamespace;
use policy_sdk::kubernetes::prometheus::{self, Prometheuses, Selected};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Some Prometheus selects the monitor
    ///
    /// A ServiceMonitor, PodMonitor, Probe, ScrapeConfig or PrometheusRule has the labels, and lies in a namespace, that
    /// a Prometheus, a PrometheusAgent or, for rules, a ThanosRuler selects. One is enough. A selector that is absent
    /// selects nothing, and `{}` selects all; without a selector of namespaces only the Prometheus' own is looked into.
    /// A HelmRelease of kube-prometheus-stack selects by the label `release`, unless its values say otherwise.
    ///
    /// Where no Prometheus is among the documents the rule asks for `required_labels`, and without these it does not
    /// apply. With VictoriaMetrics' operator it does not apply either: that takes every monitor.
    ///
    /// ## Why
    /// The operator says nothing about a monitor that no Prometheus selects. The object is accepted, and no target and
    /// no alert ever comes of it.
    ///
    /// ## Fix
    /// Add the labels that the Prometheus selects by (`kubectl get prometheus -A -o yaml`):
    ///
    /// ```yaml
    /// metadata:
    ///   labels: {release: kube-prometheus-stack}
    /// ```
    findings: {
        /// The labels are not those that any Prometheus selects
        Labels: Medium, Likely;
        /// No Prometheus looks into the namespace
        Namespace: Medium, Likely;
        /// The Prometheus selects nothing of this kind
        NoSelector: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: [
        "monitoring.coreos.com/ServiceMonitor", "monitoring.coreos.com/PodMonitor", "monitoring.coreos.com/Probe",
        "monitoring.coreos.com/ScrapeConfig", "monitoring.coreos.com/PrometheusRule",
    ],
    uses: [Prometheuses, OwnNamespace],
    reads: ["metadata.name"],
    parameters: {
        /// Labels that monitors have where no Prometheus is among the documents.
        required_labels: Vec<(String, String)> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let labels = input.document.at("metadata.labels");
    let name = input.document.at("metadata.name");
    let place = if labels.exists() { &labels } else { &name };
    if prometheus::has_victoria_metrics(input) {
        return not_applicable("the operator of VictoriaMetrics takes every monitor");
    }
    let all: Vec<(Related<'_>, Selected<'_>)> = prometheus::selectors(input);
    if all.is_empty() {
        let required = &input.parameters.required_labels;
        if required.is_empty() {
            return not_applicable("no Prometheus is among the documents");
        }
        if let Some((key, value)) = required.iter().find(|(key, value)| labels.get(key).text() != value) {
            findings.report(Code::Labels, place, format!("it has no label `{key}: {value}`, expected by Prometheus"));
        }
        return Ok(());
    }
    if all.iter().any(|(_, selected)| matches!(selected, Selected::Yes)) {
        return Ok(());
    }
    let others =
        if all.len() > 1 { format!(", and {} more do not select it either", all.len() - 1) } else { String::new() };
    let mut worst: Option<&(Related<'_>, Selected<'_>)> = None;
    for one in &all {
        match &one.1 {
            Selected::Unknown(reason) => return not_evaluated(reason),
            selected if worst.is_none_or(|(_, other)| nearness(selected) > nearness(other)) => worst = Some(one),
            _ => {}
        }
    }
    let Some((by, selected)) = worst else { return Ok(()) };
    let whom = format!("{} `{}`", by.kind(), by.name());
    match selected {
        Selected::OtherNamespace => {
            let message = format!("{whom} does not look into namespace `{}`{others}", input.subject.namespace);
            findings.report(Code::Namespace, &name, message);
        }
        Selected::OtherLabels(selector) => {
            let message = format!("{whom} selects {}{others}", described(selector));
            let fix = if all.len() == 1 { add(&labels, selector) } else { None };
            findings.report(Code::Labels, place, message).label_in(by, selector, "it selects by this").fix(fix);
        }
        Selected::OtherRelease(release) => {
            let message = format!("{whom} selects `release: {release}`{others}");
            let label = labels.get("release");
            let fix = (all.len() == 1 && !label.exists())
                .then(|| Fix::unsafe_(format!("add the label `release: {release}`")).set(&label, release));
            findings.report(Code::Labels, place, message).fix(fix);
        }
        _ => {
            let message = format!("{whom} has no selector for a {}, so it takes none{others}", input.subject.kind);
            findings.report(Code::NoSelector, &name, message);
        }
    }
    Ok(())
}

/// How near a Prometheus is to selecting the monitor.
fn nearness(selected: &Selected<'_>) -> u8 {
    match selected {
        Selected::OtherNamespace => 2,
        Selected::OtherLabels(_) | Selected::OtherRelease(_) => 1,
        _ => 0,
    }
}

/// What a selector asks for.
fn described(selector: &View<'_>) -> String {
    let labels = selector.get("matchLabels");
    let labels: Vec<String> = labels.entries().map(|(key, value)| format!("`{key}: {}`", value.text())).collect();
    if labels.is_empty() { "other labels".into() } else { labels.join(" and ") }
}

/// Adds the labels that are missing; `None` where that is not all, or one of them has another value.
fn add(labels: &View<'_>, selector: &View<'_>) -> Option<Fix> {
    let wanted: Vec<(&str, View<'_>)> = selector.get("matchLabels").entries().collect();
    let is_missing = |key: &str| !labels.get(key).exists();
    let is_right = |(key, value): &(&str, View<'_>)| is_missing(key) || labels.get(key).text() == value.text();
    if wanted.is_empty() || !selector.get("matchExpressions").is_empty() || !wanted.iter().all(is_right) {
        return None;
    }
    let missing = wanted.iter().filter(|(key, _)| is_missing(key));
    let fix = Fix::unsafe_("add the labels that it selects by");
    Some(missing.fold(fix, |fix, (key, value)| fix.set(&labels.get(key), value.text())))
}
