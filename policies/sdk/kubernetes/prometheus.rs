//! What a Prometheus of the operator takes: by which labels, and in which namespaces.

use crate::input::{Input, Related};
use crate::json::View;
use crate::kubernetes::namespace::{self, OwnNamespace};
use crate::uses::Uses;
use crate::values::selector::matches;

crate::usable! {
    /// What selects monitors and rules. No relation fits: each kind of monitor has selectors of its own, and what counts
    /// are also those that do not select the subject. A cluster has a handful.
    pub Prometheuses {
        reads: ["metadata.labels"],
        inventory: {
            prometheuses: {
                kinds: [
                    "monitoring.coreos.com/Prometheus", "monitoring.coreos.com/PrometheusAgent",
                    "monitoring.coreos.com/ThanosRuler",
                ],
                scope: "cluster",
                reads: [
                    "spec.serviceMonitorSelector", "spec.serviceMonitorNamespaceSelector", "spec.podMonitorSelector",
                    "spec.podMonitorNamespaceSelector", "spec.probeSelector", "spec.probeNamespaceSelector",
                    "spec.scrapeConfigSelector", "spec.scrapeConfigNamespaceSelector", "spec.ruleSelector",
                    "spec.ruleNamespaceSelector", "spec.scrapeInterval",
                ],
            },
            prometheus_charts: {
                kinds: ["helm.toolkit.fluxcd.io/HelmRelease"],
                scope: "cluster",
                reads: [
                    "spec.chart.spec.chart", "spec.chartRef.name", "spec.releaseName", "spec.targetNamespace",
                    "spec.valuesFrom[*].kind", "spec.values.prometheus.prometheusSpec",
                ],
            },
            prometheus_applications: {
                kinds: ["argoproj.io/Application"],
                scope: "cluster",
                reads: ["spec.source.chart", "spec.sources[*].chart"],
            },
            victoria_metrics: {
                kinds: ["operator.victoriametrics.com/VMAgent", "operator.victoriametrics.com/VMSingle"],
                scope: "cluster",
                reads: [],
            },
        },
    }
}

/// The chart that most people install Prometheus with.
const CHART: &str = "kube-prometheus-stack";

/// Whether a Prometheus selects the subject.
pub enum Selected<'d> {
    /// It does.
    Yes,
    /// Its selector asks for other labels.
    OtherLabels(View<'d>),
    /// The chart that makes it selects by the label `release` with this value.
    OtherRelease(String),
    /// It does not look into the namespace.
    OtherNamespace,
    /// It has no selector for the kind.
    Nothing,
    /// That is not known.
    Unknown(String),
}

/// Whether VictoriaMetrics' operator is among the documents: it takes every monitor.
pub fn has_victoria_metrics<P: Uses<Prometheuses>>(input: &Input<'_, P>) -> bool {
    input.related("victoria_metrics").next().is_some()
}

/// The Prometheus, PrometheusAgent and ThanosRuler objects that are known.
pub fn prometheuses<'d, P: Uses<Prometheuses>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("prometheuses")
}

/// What may select the subject (a monitor or a PrometheusRule), and whether it does.
pub fn selectors<'d, P: Uses<Prometheuses> + Uses<OwnNamespace>>(
    input: &Input<'d, P>,
) -> Vec<(Related<'d>, Selected<'d>)> {
    let Some(field) = field(&input.subject.kind) else { return Vec::new() };
    let labels = input.document.at("metadata.labels");
    let takes_rules = field == "rule";
    let objects = prometheuses(input).filter(|it| match it.kind() {
        "ThanosRuler" => takes_rules,
        "PrometheusAgent" => !takes_rules,
        _ => true,
    });
    let objects = objects.map(|prometheus| {
        let spec = prometheus.document.get("spec");
        let selector = spec.get(&[field, "Selector"].concat());
        let selected = match () {
            () if !selector.exists() => Selected::Nothing,
            () if !matches(&selector, &labels) => Selected::OtherLabels(selector),
            () => in_namespace(input, &spec.get(&[field, "NamespaceSelector"].concat()), prometheus.namespace()),
        };
        (prometheus, selected)
    });
    let charts = input.related("prometheus_charts").filter(is_chart).map(|release| {
        let selected = by_chart(&release, field, &labels);
        (release, selected)
    });
    let applications = input.related("prometheus_applications").filter(|application| {
        let sources = application.document.at("spec.sources");
        let charts =
            sources.items().map(|source| source.get("chart")).chain([application.document.at("spec.source.chart")]);
        charts.into_iter().any(|chart| chart.text() == CHART)
    });
    let applications = applications.map(|it| {
        let reason = format!("what the chart of Application `{}` selects is not known", it.name());
        (it, Selected::Unknown(reason))
    });
    objects.chain(charts).chain(applications).collect()
}

/// How the selectors for a kind are called.
fn field(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ServiceMonitor" => "serviceMonitor",
        "PodMonitor" => "podMonitor",
        "Probe" => "probe",
        "ScrapeConfig" => "scrapeConfig",
        "PrometheusRule" => "rule",
        _ => return None,
    })
}

/// Whether the namespace of the subject is looked into. Without a selector that is the Prometheus' own alone.
fn in_namespace<'d, P: Uses<OwnNamespace>>(
    input: &Input<'d, P>,
    selector: &View<'d>,
    namespace_of_prometheus: &str,
) -> Selected<'d> {
    let own = input.subject.namespace.as_str();
    if !selector.exists() {
        return match (own, namespace_of_prometheus) {
            (own, other) if own == other => Selected::Yes,
            ("", _) | (_, "") => Selected::Unknown("it is not written which namespace the objects are in".into()),
            _ => Selected::OtherNamespace,
        };
    }
    if selector.is_empty() {
        return Selected::Yes;
    }
    match namespace::namespace(input) {
        Some(namespace) if matches(selector, &namespace.document.at("metadata.labels")) => Selected::Yes,
        Some(_) => Selected::OtherNamespace,
        None => Selected::Unknown(format!("the labels of namespace `{own}` are not known")),
    }
}

fn is_chart(release: &Related<'_>) -> bool {
    let places = ["spec.chart.spec.chart", "spec.chartRef.name"].map(|path| release.document.at(path));
    places.iter().any(|place| place.text().rsplit('/').next() == Some(CHART))
}

fn by_chart<'d>(release: &Related<'d>, field: &str, labels: &View<'d>) -> Selected<'d> {
    let spec = release.document.get("spec");
    if !spec.get("valuesFrom").is_empty() {
        return Selected::Unknown(format!("the values of HelmRelease `{}` are not all known", release.name()));
    }
    let values = spec.at("values.prometheus.prometheusSpec");
    let selector = values.get(&[field, "Selector"].concat());
    if !selector.is_empty() {
        return if matches(&selector, labels) { Selected::Yes } else { Selected::OtherLabels(selector) };
    }
    if values.get(&[field, "SelectorNilUsesHelmValues"].concat()).as_bool() == Some(false) {
        return Selected::Yes;
    }
    let target = spec.get("targetNamespace");
    let name = match spec.get("releaseName").text() {
        "" if target.text().is_empty() => release.name().to_owned(),
        "" => [target.text(), "-", release.name()].concat(),
        name => name.to_owned(),
    };
    if labels.get("release").text() == name { Selected::Yes } else { Selected::OtherRelease(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look_as;
    use crate::uses::Usable;

    fn seen(kind: &str, labels: &str, answers: [&str; 2]) -> String {
        let document = format!(r#"{{"metadata":{{"labels":{labels}}}}}"#);
        let [prometheuses, charts] = answers.map(|answer| format!("[{answer}]"));
        let answers = [&prometheuses, &charts, "[]", "[]"];
        look_as((kind, "shop"), &document, Prometheuses::QUERIES, &answers, |input| {
            let told = selectors(input).into_iter().map(|(_, selected)| match selected {
                Selected::Yes => "yes".to_owned(),
                Selected::OtherLabels(_) => "labels".into(),
                Selected::OtherRelease(name) => name,
                Selected::OtherNamespace => "namespace".into(),
                Selected::Nothing => "nothing".into(),
                Selected::Unknown(_) => "?".into(),
            });
            told.collect::<Vec<_>>().join(",")
        })
    }

    #[test]
    fn absent_and_empty_selectors_differ() {
        let of = |spec: &str| {
            let it = format!(
                r#"{{"subject":{{"kind":"Prometheus","name":"k8s","namespace":"monitoring"}},"document":{{"spec":{spec}}}}}"#
            );
            seen("ServiceMonitor", r#"{"team":"shop"}"#, [&it, ""])
        };
        assert_eq!(of("{}"), "nothing");
        assert_eq!(of(r#"{"serviceMonitorSelector":{}}"#), "namespace");
        assert_eq!(of(r#"{"serviceMonitorSelector":{},"serviceMonitorNamespaceSelector":{}}"#), "yes");
        assert_eq!(of(r#"{"serviceMonitorSelector":{"matchLabels":{"team":"pay"}}}"#), "labels");
        let by_label = r#"{"serviceMonitorSelector":{},"serviceMonitorNamespaceSelector":{"matchLabels":{"a":"b"}}}"#;
        assert_eq!(of(by_label), "?");
    }

    #[test]
    fn rules_are_taken_by_rulers_and_not_by_agents() {
        let of = |kind: &str, ruler: &str| {
            let it = format!(
                r#"{{"subject":{{"kind":"{ruler}","namespace":"shop"}},"document":{{"spec":{{"ruleSelector":{{}},"podMonitorSelector":{{}}}}}}}}"#
            );
            seen(kind, "{}", [&it, ""])
        };
        assert_eq!(
            (of("PrometheusRule", "ThanosRuler"), of("PodMonitor", "ThanosRuler")),
            ("yes".into(), String::new())
        );
        assert_eq!(
            (of("PrometheusRule", "PrometheusAgent"), of("PodMonitor", "PrometheusAgent")),
            (String::new(), "yes".into())
        );
    }

    #[test]
    fn a_chart_selects_by_its_release() {
        let of = |labels: &str, spec: &str| {
            let it = format!(
                r#"{{"subject":{{"kind":"HelmRelease","name":"kps"}},"document":{{"spec":{{"chart":{{"spec":{{"chart":"kube-prometheus-stack"}}}}{spec}}}}}}}"#
            );
            seen("PodMonitor", labels, ["", &it])
        };
        assert_eq!(of("{}", ""), "kps");
        assert_eq!(of(r#"{"release":"kps"}"#, ""), "yes");
        assert_eq!(of("{}", r#","targetNamespace":"monitoring""#), "monitoring-kps");
        assert_eq!(of("{}", r#","releaseName":"prom","targetNamespace":"monitoring""#), "prom");
        assert_eq!(of("{}", r#","valuesFrom":[{"kind":"ConfigMap"}]"#), "?");
        let values = |it: &str| format!(r#","values":{{"prometheus":{{"prometheusSpec":{{{it}}}}}}}"#);
        assert_eq!(of("{}", &values(r#""podMonitorSelectorNilUsesHelmValues":false"#)), "yes");
        assert_eq!(of("{}", &values(r#""podMonitorSelector":{"matchLabels":{"a":"b"}}"#)), "labels");
    }
}
