use policy_sdk::kubernetes::monitoring::{self, Monitors};
use policy_sdk::prelude::*;
use policy_sdk::settings::AnnotationScraping;
use policy_sdk::values::port::Port;

policy_sdk::rule! {
    /// A pod's port is scraped once
    ///
    /// A workload whose pods are annotated with `prometheus.io/scrape: "true"` is not selected by a ServiceMonitor or
    /// PodMonitor on the same port of the pods. Without `prometheus.io/port` the annotation means every declared port.
    ///
    /// It is checked only where annotations count: a ConfigMap among the documents has a `prometheus.yml` that keeps
    /// targets by them, the chart `prometheus` is installed, or the setting `annotationScraping` says so.
    ///
    /// ## Why
    /// Each sample is stored twice under different labels. A sum over all series counts every request twice, and
    /// Prometheus needs twice the memory.
    ///
    /// ## Fix
    /// Remove the annotations, and keep the monitor.
    findings: {
        /// Annotations and a monitor scrape the same port
        Twice: Low, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Monitors, AnnotationScraping],
    reads: [
        "pod.metadata.annotations[\"prometheus.io/scrape\"]", "pod.metadata.annotations[\"prometheus.io/port\"]",
        "container.ports[*].name", "container.ports[*].containerPort",
    ],
    inventory: {
        // Whether annotations count is a fact of the cluster: no relation leads there from a workload.
        scrape_configurations: {
            kinds: ["core/ConfigMap"],
            scope: "cluster",
            reads: ["data[\"prometheus.yml\"]", "data[\"prometheus.yaml\"]"],
        },
        scraped_ports: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["spec.ports[*].name", "spec.ports[*].port", "spec.ports[*].targetPort"],
        },
        prometheus_releases: {
            kinds: ["helm.toolkit.fluxcd.io/HelmRelease"],
            scope: "cluster",
            reads: ["spec.chart.spec.chart"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let annotations = workload.pod.at("metadata.annotations");
    let scrape = annotations.get("prometheus.io/scrape");
    if scrape.text() != "true" {
        return not_applicable("its pods are not annotated for scraping");
    }
    if !annotations_count(input) {
        return not_applicable("nothing is known to scrape by annotations");
    }
    let declared: Vec<View<'_>> = workload.containers().flat_map(|container| container.get("ports").items()).collect();
    let annotated: Vec<i64> = match annotations.get("prometheus.io/port").text().parse() {
        Ok(number) => vec![number],
        Err(_) => declared.iter().filter_map(|port| port.get("containerPort").as_i64()).collect(),
    };
    let number = |port: Port<'_>| match port {
        Port::Number(number) => Some(number),
        Port::Name(_) => declared.iter().find(|it| port.is(it)).and_then(|it| it.get("containerPort").as_i64()),
    };
    for monitor in monitoring::monitors(input) {
        let spec = monitor.document.get("spec");
        let of_pods = spec.get("podMetricsEndpoints").items().filter_map(|endpoint| {
            endpoint.get("portNumber").as_i64().or_else(|| number(Port::from_view(&endpoint.get("port"))?))
        });
        let services: Vec<Related<'_>> = input.related("scraped_ports").collect();
        let of_services = spec.get("endpoints").items().filter_map(|endpoint| {
            let name = endpoint.get("port").text();
            if name.is_empty() {
                return number(Port::from_view(&endpoint.get("targetPort"))?);
            }
            let mut ports = services.iter().flat_map(|service| service.document.at("spec.ports").items());
            let port = ports.find(|port| port.get("name").text() == name)?;
            number(Port::from_view(&port.get("targetPort")).or_else(|| Port::from_view(&port.get("port")))?)
        });
        if let Some(port) = of_pods.chain(of_services).find(|port| annotated.contains(port)) {
            let message = format!("{} `{}` scrapes the port {port}, too", monitor.kind(), monitor.name());
            findings.report(Code::Twice, &scrape, message).label_in(&monitor, &spec, "it selects these pods");
            return Ok(());
        }
    }
    Ok(())
}

/// Whether something is known to scrape what is annotated.
fn annotations_count(input: &Input<'_, Parameters>) -> bool {
    const LABEL: &str = "annotation_prometheus_io_scrape";
    input.setting::<AnnotationScraping>()
        || input
            .related("prometheus_releases")
            .any(|release| release.document.at("spec.chart.spec.chart").text() == "prometheus")
        || input
            .related("scrape_configurations")
            .any(|config| config.document.get("data").entries().any(|(_, text)| text.text().contains(LABEL)))
}
