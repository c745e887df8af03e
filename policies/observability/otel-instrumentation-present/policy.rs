use policy_sdk::prelude::*;
use policy_sdk::settings::{Expected, Tracing};
use policy_sdk::values::image::base_name;

policy_sdk::rule! {
    /// Something sends traces to the collector
    ///
    /// Where `tracing` is `required` and a collector of OpenTelemetry runs (an OpenTelemetryCollector, or a workload with
    /// its image), an Instrumentation tells the operator how to instrument pods, or some workload has
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    ///
    /// ## Why
    /// A collector makes no traces. Without anything that sends them it costs its memory, and the dashboards stay empty.
    ///
    /// ## Fix
    /// Let workloads export to the collector, or add an Instrumentation and annotate the pods:
    ///
    /// ```yaml
    /// apiVersion: opentelemetry.io/v1alpha1
    /// kind: Instrumentation
    /// metadata: {name: default}
    /// spec:
    ///   exporter: {endpoint: "http://otel-collector.observability:4317"}
    /// ```
    findings: {
        /// Nothing sends traces
        Missing: Low, Likely, absence: ["instrumentations"];
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: ["opentelemetry.io/OpenTelemetryCollector", "workload/Deployment", "workload/DaemonSet"],
    uses: [Tracing],
    reads: ["metadata.name", "object.metadata.name", "main_container.image"],
    inventory: {
        // Any of them, wherever it is, tells that traces are sent.
        instrumentations: { kinds: ["opentelemetry.io/Instrumentation"], scope: "cluster", reads: [] },
        exporters: {
            kinds: ["workload"],
            scope: "cluster",
            relation: same { there: "main_container.env[*].name", here: "=OTEL_EXPORTER_OTLP_ENDPOINT" },
            reads: [],
        },
    },
}

/// Images of the collector.
const COLLECTORS: [&str; 6] = [
    "opentelemetry-collector",
    "opentelemetry-collector-contrib",
    "opentelemetry-collector-k8s",
    "otelcol",
    "otelcol-contrib",
    "aws-otel-collector",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let is_object = input.subject.kind == "OpenTelemetryCollector";
    if !is_object && !workload.main_containers().any(|container| COLLECTORS.contains(&base_name(container.image()))) {
        return not_applicable("it is no collector");
    }
    if input.setting::<Tracing>() != Expected::Required {
        return not_applicable("`tracing` is not `required`");
    }
    if input.related("instrumentations").next().is_none() && input.related("exporters").next().is_none() {
        let name = if is_object { input.document.at("metadata.name") } else { workload.object.at("metadata.name") };
        findings.report(Code::Missing, &name, "a collector runs, and no workload sends it traces");
    }
    Ok(())
}
