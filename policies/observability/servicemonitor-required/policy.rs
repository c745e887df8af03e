use policy_sdk::kubernetes::beside::{Beside, ServiceMonitor};
use policy_sdk::kubernetes::monitoring::{self, MonitoringOperator, Monitors, is_of_metrics};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Serving workloads are scraped by Prometheus
    ///
    /// A Deployment, StatefulSet or Rollout whose pods a Service selects has a PodMonitor that
    /// matches its pod labels, or a ServiceMonitor that matches the labels of such a Service, each
    /// looking into the workload's namespace; or, where annotations are accepted, its pods or the
    /// Service are annotated for it (`prometheus.io/scrape: "true"`, and what Grafana, Datadog and OpenTelemetry
    /// have). The PodMonitoring of Google and what VictoriaMetrics has for it count as well. A workload
    /// labelled `telemetry: none` is exempt.
    ///
    /// It is checked where some monitor is among the documents, or where `monitoring` says that the cluster has an
    /// operator for them: elsewhere what is asked for could not even be applied.
    ///
    /// ## Why
    /// What is not scraped has no request rate, no errors and no latency: nobody is told when it
    /// breaks, and neither canary analysis nor autoscaling has anything to go by.
    ///
    /// ## Fix
    /// Add a ServiceMonitor with the Service's labels and the name of its metrics port.
    findings: {
        /// A container declares a port for metrics, and nothing scrapes it
        MetricsPort: Medium, Likely, absence: ["service_monitors", "pod_monitors"];
        /// Nothing scrapes a workload that serves
        Missing: Info, Guess, absence: ["service_monitors", "pod_monitors"];
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [Monitors, MonitoringOperator, Beside<ServiceMonitor>],
    reads: [
        "object.metadata.labels",
        "object.metadata.name",
        "pod.metadata.annotations",
        "main_container.ports[*].name",
    ],
    parameters: {
        /// Accept `prometheus.io/scrape` annotations in place of a monitor.
        accept_annotations: bool = true,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.label("telemetry") == Some("none") {
        return not_applicable("it is labelled `telemetry: none`");
    }
    let services: Vec<Related<'_>> = monitoring::services(input).collect();
    let Some(service) = services.first() else {
        return not_applicable("no Service selects its pods");
    };
    if !monitoring::has_operator(input) {
        return not_evaluated("no monitor is among the documents, and `monitoring` does not say what the cluster has");
    }
    let accepted = input.parameters.accept_annotations
        && (is_annotated(&workload.pod.get("metadata"))
            || services.iter().any(|service| is_annotated(&service.document.get("metadata"))));
    if accepted || monitoring::monitors(input).next().is_some() {
        return Ok(());
    }
    let name = service.name();
    let mut ports = workload.main_containers().flat_map(|container| container.get("ports").items());
    match ports.find(|port| is_of_metrics(port.get("name").text())) {
        Some(port) => {
            let named = port.get("name").text();
            let message = format!("nothing scrapes the port `{named}` of the pods of Service `{name}`");
            findings.report(Code::MetricsPort, &port.get("name"), message).fix(monitor(input, service));
        }
        None => {
            let message =
                format!("Service `{name}` selects its pods, and no ServiceMonitor or PodMonitor scrapes them");
            findings.report(Code::Missing, &workload.object.at("metadata.name"), message);
        }
    }
    Ok(())
}

/// Whether an annotation tells something other than a monitor to scrape.
fn is_annotated(metadata: &View<'_>) -> bool {
    const FLAGS: [&str; 2] = ["prometheus.io/scrape", "k8s.grafana.com/scrape"];
    const PREFIXES: [&str; 3] =
        ["ad.datadoghq.com/", "instrumentation.opentelemetry.io/inject-", "sidecar.opentelemetry.io/"];
    let annotations = metadata.get("annotations");
    FLAGS.iter().any(|flag| annotations.get(flag).text() == "true")
        || annotations
            .entries()
            .any(|(key, value)| PREFIXES.iter().any(|prefix| key.starts_with(prefix)) && value.text() != "false")
}

fn monitor(input: &Input<'_, Parameters>, service: &Related<'_>) -> Option<Fix> {
    let ports: Vec<&str> =
        service.document.at("spec.ports").items().filter_map(|port| port.get("name").as_str()).collect();
    let port = ports.into_iter().find(|name| is_of_metrics(name))?;
    let labels = service.document.at("metadata.labels");
    let lasting: Vec<(&str, View<'_>)> = labels.entries().filter(|(key, _)| is_lasting(key)).collect();
    if lasting.is_empty() {
        return None;
    }
    Beside::<ServiceMonitor>::create(
        input,
        format!("add a ServiceMonitor for port `{port}`"),
        object! {
            "selector": object! { "matchLabels": object! { ..lasting } },
            "endpoints": [object! { "port": port, "path": "/metrics", "interval": "15s" }],
        },
    )
}

/// False for labels that change with the next release.
fn is_lasting(label: &str) -> bool {
    !matches!(label, "helm.sh/chart" | "app.kubernetes.io/version" | "app.kubernetes.io/managed-by")
}
