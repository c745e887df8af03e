use policy_sdk::prelude::*;
use policy_sdk::write::{ObjectWriter, Raw};

policy_sdk::rule! {
    /// Serving workloads are scraped by Prometheus
    ///
    /// A Deployment, StatefulSet or Rollout whose pods a Service selects has a PodMonitor that
    /// matches its pod labels, or a ServiceMonitor that matches the labels of such a Service, each
    /// looking into the workload's namespace; or, where annotations are accepted, its pods or the
    /// Service are annotated `prometheus.io/scrape: "true"`. A workload labelled `telemetry: none`
    /// is exempt.
    ///
    /// ## Why
    /// What is not scraped has no request rate, no errors and no latency: nobody is told when it
    /// breaks, and neither canary analysis nor autoscaling has anything to go by.
    ///
    /// ## Fix
    /// Add a ServiceMonitor with the Service's labels and the name of its metrics port.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "XIV Telemetry",
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    reads: [
        "object.metadata.labels",
        "pod.metadata.labels",
        "pod.metadata.annotations[\"prometheus.io/scrape\"]",
    ],
    inventory: {
        services: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["spec.ports[*].name", "metadata.labels", "metadata.annotations[\"prometheus.io/scrape\"]"],
        },
        service_monitors: {
            kinds: ["monitoring.coreos.com/ServiceMonitor"],
            scope: "cluster",
            via: "services",
            relation: selects {
                there: "spec.selector",
                here: "metadata.labels",
                namespaces: "spec.namespaceSelector",
            },
            reads: [],
        },
        pod_monitors: {
            kinds: ["monitoring.coreos.com/PodMonitor"],
            scope: "cluster",
            relation: selects {
                there: "spec.selector",
                here: "pod.metadata.labels",
                namespaces: "spec.namespaceSelector",
            },
            reads: [],
        },
        beside: {
            kinds: ["monitoring.coreos.com/ServiceMonitor"],
            scope: "namespace",
            relation: same { there: "metadata.name", here: "object.metadata.name" },
            reads: [],
        },
    },
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
    let services: Vec<Related<'_>> = input.related("services").collect();
    let Some(service) = services.first() else {
        return not_applicable("no Service selects its pods");
    };
    let is_annotated = |metadata: View<'_>| metadata.get("annotations").get("prometheus.io/scrape").text() == "true";
    let accepted = input.parameters.accept_annotations
        && (is_annotated(workload.pod.get("metadata"))
            || services.iter().any(|service| is_annotated(service.document.get("metadata"))));
    let mut monitors = input.related("service_monitors").chain(input.related("pod_monitors"));
    if !accepted && monitors.next().is_none() {
        let message =
            format!("Service `{}` selects its pods, and no ServiceMonitor or PodMonitor scrapes them", service.name());
        findings.report(&workload.object, message).fix(monitor(input, service));
    }
    Ok(())
}

fn monitor(input: &Input<'_, Parameters>, service: &Related<'_>) -> Option<Fix> {
    let ports: Vec<&str> =
        service.document.at("spec.ports").items().filter_map(|port| port.get("name").as_str()).collect();
    let port = ["metrics", "http"].into_iter().find(|name| ports.contains(name)).or(ports.first().copied())?;
    let mut labels = String::new();
    let mut writer = ObjectWriter::new(&mut labels);
    for (key, value) in service.document.at("metadata.labels").entries().filter(|(key, _)| is_lasting(key)) {
        writer.entry(key, &value);
    }
    writer.finish();
    if labels == "{}" {
        return None;
    }
    Some(Fix::create(
        format!("add a ServiceMonitor for port `{port}`"),
        object! {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "metadata": input.metadata_beside("beside")?,
            "spec": object! {
                "selector": object! { "matchLabels": Raw(labels) },
                "endpoints": [object! { "port": port, "path": "/metrics", "interval": "15s" }],
            },
        },
    ))
}

/// False for labels that change with the next release.
fn is_lasting(label: &str) -> bool {
    !matches!(label, "helm.sh/chart" | "app.kubernetes.io/version" | "app.kubernetes.io/managed-by")
}
