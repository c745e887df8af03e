use policy_sdk::kubernetes::command::Commands;
use policy_sdk::kubernetes::production::{self, Production};
use policy_sdk::prelude::*;
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Traces are kept by a Jaeger that is maintained and stores them
    ///
    /// No container runs an image of Jaeger 1, which is no longer maintained since the end of 2025: the all-in-one, and
    /// the agent, collector, query and ingester. In production a Jaeger (`jaegertracing/jaeger`, or the all-in-one) has
    /// a storage: a configuration, or `SPAN_STORAGE_TYPE` other than `memory`. What a configuration says is not
    /// checked. No container sends traces to a Jaeger agent (`JAEGER_AGENT_HOST`, `JAEGER_AGENT_PORT`, port 6831).
    ///
    /// ## Why
    /// Without a storage all traces are gone when the pod restarts, often because of the very trouble that they should
    /// explain. Jaeger 2 has no agent, and nothing listens where those clients send.
    ///
    /// ## Fix
    /// Run Jaeger 2 with a storage configuration, or Tempo, and let services export OTLP
    /// (`OTEL_EXPORTER_OTLP_ENDPOINT`).
    findings: {
        /// The image is of Jaeger 1, which nobody maintains
        Ended: Low, Certain;
        /// Traces are kept in memory alone, in production
        Memory: Low, Likely;
        /// Traces are sent to a Jaeger agent
        Agent: Low, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Commands, Production],
    reads: ["container.image", "container.env[*].name", "container.env[*].value", "container.envFrom"],
}

/// Images of Jaeger 1, below `jaegertracing/`.
const ENDED: [&str; 6] =
    ["all-in-one", "jaeger-agent", "jaeger-collector", "jaeger-query", "jaeger-ingester", "opentelemetry-all-in-one"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let mut unknown = None;
    for container in workload.containers() {
        let image = container.get("image");
        let path = ImageReference::parse(image.text()).map(|reference| reference.path).unwrap_or_default();
        let name = path.rsplit_once("jaegertracing/").map_or("", |(_, name)| name);
        if ENDED.contains(&name) {
            let message = format!("{} runs `{name}` of Jaeger 1, which is no longer maintained", container.described());
            findings.report(Code::Ended, &image, message);
        }
        if matches!(name, "all-in-one" | "jaeger") && production::is_production(input) {
            let storage = container.variable("SPAN_STORAGE_TYPE");
            let is_configured = container.command_line().options().any(|(option, _)| option == "config");
            match storage.map(|variable| variable.get("value")).filter(View::exists) {
                Some(storage) if name == "all-in-one" => {
                    if storage.text() == "memory" {
                        let message = format!("{} keeps traces in memory alone", container.described());
                        findings.report(Code::Memory, &storage, message);
                    }
                }
                _ if is_configured || !container.get("envFrom").is_empty() => {
                    unknown = Some(format!("what the configuration of {} stores is not known", container.described()));
                }
                _ => {
                    let message =
                        format!("{} has no storage, so it keeps traces in memory alone", container.described());
                    findings.report(Code::Memory, &image, message);
                }
            }
        }
        if name.is_empty() {
            report_agent(&container, findings);
        }
    }
    findings.or_unknown(unknown)
}

fn report_agent(container: &Container<'_>, findings: &mut Findings) {
    let is_agent = |variable: &View<'_>| {
        matches!(variable.get("name").text(), "JAEGER_AGENT_HOST" | "JAEGER_AGENT_PORT")
            || variable.get("value").text().ends_with(":6831")
    };
    if let Some(variable) = container.get("env").items().find(is_agent) {
        let message = format!("{} sends traces to a Jaeger agent, which Jaeger 2 does not have", container.described());
        findings.report(Code::Agent, &variable.get("name"), message);
    }
}
