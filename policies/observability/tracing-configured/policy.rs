use policy_sdk::kubernetes::namespace::{self, OwnNamespace};
use policy_sdk::kubernetes::production::{self, Production};
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::kubernetes::tracing::{self, OwnTraces, TracingInUse};
use policy_sdk::prelude::*;
use policy_sdk::settings::{Expected, FirstParty, Tracing};
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Services export traces
    ///
    /// A workload that a Service sends to says where traces go: `OTEL_EXPORTER_OTLP_ENDPOINT`, or what Datadog,
    /// Elastic, X-Ray, New Relic, Jaeger and Zipkin have for it. Or annotations of its pods or its Namespace add that.
    /// In production neither `OTEL_SDK_DISABLED` nor `OTEL_TRACES_EXPORTER: none` switches traces off.
    ///
    /// It is checked where a collector, an Instrumentation, Jaeger or Tempo is among the documents, or where `tracing`
    /// is `required`. With `firstParty` only workloads with such an image count.
    ///
    /// ## Why
    /// A request that is slow across five services is found in one trace, or by reading the logs of all five. One
    /// service that exports nothing cuts every trace in two.
    ///
    /// ## Fix
    /// ```yaml
    /// env:
    ///   - name: OTEL_EXPORTER_OTLP_ENDPOINT
    ///     value: http://otel-collector.observability:4317
    ///   - name: OTEL_SERVICE_NAME
    ///     value: cart
    /// ```
    findings: {
        /// Nothing tells the workload where traces go
        Missing: Info, Guess;
        /// Traces are switched off in production
        SwitchedOff: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [TracingInUse, OwnTraces, Tracing, FirstParty, OwnNamespace, Production, Services],
    reads: ["object.metadata.name", "container.image"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if production::is_production(input) {
        for container in workload.containers() {
            if let Some(place) = tracing::switched_off(&container) {
                let message = format!("traces of {} are switched off", container.described());
                findings.report(Code::SwitchedOff, &place, message);
            }
        }
        if !findings.is_empty() {
            return Ok(());
        }
    }
    if input.setting::<Tracing>() != Expected::Required && tracing::in_use(input).is_none() {
        return not_applicable("nothing shows that traces are collected");
    }
    let Some(service) = serving::sender(input) else { return not_applicable("no Service sends to it") };
    let own = input.setting::<FirstParty>();
    let is_own = |container: Container<'_>| {
        let reference = ImageReference::parse(container.image());
        reference.is_some_and(|reference| own.iter().any(|entry| reference.matches_allowed(entry)))
    };
    if !own.is_empty() && !workload.main_containers().any(is_own) {
        return not_applicable("its images are not one's own");
    }
    let by_namespace = namespace::namespace(input)
        .is_some_and(|namespace| tracing::is_injected(&namespace.document.at("metadata.annotations")));
    match tracing::sends_traces(&workload) {
        Some(true) => Ok(()),
        _ if by_namespace => Ok(()),
        None => not_evaluated("a container takes variables from elsewhere"),
        Some(false) => {
            let message = format!("Service `{}` sends to it, and nothing says where its traces go", service.name());
            findings.report(Code::Missing, &workload.object.at("metadata.name"), message);
            Ok(())
        }
    }
}
