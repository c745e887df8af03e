//! Traces: whether a cluster collects them, and whether a workload sends any.

use crate::input::{Input, Related};
use crate::json::View;
use crate::kubernetes::workload::{Container, Workload};
use crate::uses::Uses;

crate::usable! {
    /// What shows that traces are collected. No relation fits: it is a fact of the cluster, and whatever answers tells it.
    pub TracingInUse {
        inventory: {
            tracing_objects: {
                kinds: [
                    "opentelemetry.io/OpenTelemetryCollector", "opentelemetry.io/Instrumentation",
                    "jaegertracing.io/Jaeger", "tempo.grafana.com/TempoStack", "tempo.grafana.com/TempoMonolithic",
                ],
                scope: "cluster",
                reads: [],
            },
            tracing_releases: {
                kinds: ["helm.toolkit.fluxcd.io/HelmRelease"],
                scope: "cluster",
                reads: ["spec.chart.spec.chart"],
            },
        },
    }
    /// How the subject, a workload, sends traces.
    pub OwnTraces {
        reads: [
            "pod.metadata.annotations", "container.env[*].name", "container.env[*].value", "container.envFrom",
        ],
    }
}

/// Charts of what collects traces.
const CHARTS: [&str; 8] = [
    "jaeger",
    "tempo",
    "tempo-distributed",
    "opentelemetry-collector",
    "opentelemetry-kube-stack",
    "zipkin",
    "k8s-monitoring",
    "signoz",
];

/// Beginnings of variables by which a program is told where traces go.
const VARIABLES: [&str; 16] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_JAEGER_",
    "OTEL_EXPORTER_ZIPKIN_",
    "DD_AGENT_HOST",
    "DD_TRACE_AGENT_URL",
    "DD_TRACE_ENABLED",
    "ELASTIC_APM_SERVER_URL",
    "AWS_XRAY_DAEMON_ADDRESS",
    "NEW_RELIC_LICENSE_KEY",
    "JAEGER_ENDPOINT",
    "JAEGER_AGENT_",
    "ZIPKIN_",
    "SIGNALFX_",
    "MANAGEMENT_OTLP_TRACING_ENDPOINT",
];

/// Beginnings of annotations by which something adds tracing to a pod.
const ANNOTATIONS: [&str; 4] = [
    "instrumentation.opentelemetry.io/inject-",
    "sidecar.opentelemetry.io/inject",
    "admission.datadoghq.com/",
    "co.elastic.apm/",
];

/// What shows that the cluster collects traces.
pub fn in_use<'d, P: Uses<TracingInUse>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    let release = |it: &Related<'d>| CHARTS.contains(&it.document.at("spec.chart.spec.chart").text());
    input.related("tracing_objects").next().or_else(|| input.related("tracing_releases").find(release))
}

/// Whether a name is that of a variable which says where traces go.
pub fn is_variable(name: &str) -> bool {
    VARIABLES.iter().any(|variable| name.starts_with(variable))
}

/// Whether annotations of a pod or a namespace add tracing.
pub fn is_injected(annotations: &View<'_>) -> bool {
    let mut entries = annotations.entries();
    entries.any(|(key, value)| ANNOTATIONS.iter().any(|it| key.starts_with(it)) && value.text() != "false")
}

/// Whether a workload sends traces; `None` where a container takes variables that are not known.
pub fn sends_traces(workload: &Workload<'_>) -> Option<bool> {
    let containers: Vec<Container<'_>> = workload.containers().collect();
    let names = containers.iter().flat_map(|container| container.get("env").items()).map(|it| it.get("name").text());
    if is_injected(&workload.pod.at("metadata.annotations")) || names.into_iter().any(is_variable) {
        return Some(true);
    }
    if containers.iter().all(|container| container.get("envFrom").is_empty()) { Some(false) } else { None }
}

/// The variable that switches OpenTelemetry's SDK off, or its export of traces.
pub fn switched_off<'d>(container: &Container<'d>) -> Option<View<'d>> {
    let is_off = |variable: &View<'d>| {
        let value = variable.get("value").text();
        match variable.get("name").text() {
            "OTEL_SDK_DISABLED" => value.eq_ignore_ascii_case("true"),
            "OTEL_TRACES_EXPORTER" => value == "none",
            _ => false,
        }
    };
    container.get("env").items().find(is_off).map(|variable| variable.get("value"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn a_workload_sends_traces_by_variables_or_by_what_is_added() {
        let of =
            |pod: &str| look("shop", &format!(r#"{{"pod":{pod}}}"#), &[], &[], |input| sends_traces(&input.workload()));
        let env = |env: &str| of(&format!(r#"{{"spec":{{"containers":[{{"name":"a","env":[{env}]}}]}}}}"#));
        assert_eq!(env(r#"{"name":"OTEL_EXPORTER_OTLP_ENDPOINT"}"#), Some(true));
        assert_eq!(env(r#"{"name":"PORT"}"#), Some(false));
        assert_eq!(of(r#"{"spec":{"containers":[{"envFrom":[{"configMapRef":{"name":"a"}}]}]}}"#), None);
        let annotated = |value: &str| {
            of(&format!(r#"{{"metadata":{{"annotations":{{"sidecar.opentelemetry.io/inject":"{value}"}}}}}}"#))
        };
        assert_eq!((annotated("true"), annotated("false")), (Some(true), Some(false)));
    }

    #[test]
    fn an_operator_or_a_chart_shows_that_traces_are_collected() {
        let seen = |objects: &str, releases: &str| {
            look("shop", "{}", TracingInUse::QUERIES, &[objects, releases], |input| in_use(input).is_some())
        };
        let chart = |name: &str| {
            format!(r#"[{{"subject":{{}},"document":{{"spec":{{"chart":{{"spec":{{"chart":"{name}"}}}}}}}}}}]"#)
        };
        assert!(seen(r#"[{"subject":{},"document":{}}]"#, "[]") && seen("[]", &chart("tempo")));
        assert!(!seen("[]", "[]") && !seen("[]", &chart("redis")));
    }
}
