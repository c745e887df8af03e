use policy_sdk::kubernetes::monitoring::is_of_metrics;
use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnChart, Part, Said, Templates};
use policy_sdk::settings::{Monitoring, Scraper};

policy_sdk::rule! {
    /// Charts offer a monitor for their metrics
    ///
    /// A chart whose containers have a port that is called after metrics (`metrics`, `http-metrics`, `prometheus`) has
    /// a template of a ServiceMonitor, a PodMonitor or what VictoriaMetrics and Google have for it, or annotates its
    /// pods or Services for a scraper (`prometheus.io/scrape` and the like), or exports to OpenTelemetry. Where
    /// `monitoring` says that clusters have the Prometheus operator, this is asked of every chart whose pods serve.
    ///
    /// A monitor stands behind a condition, of a value or of `.Capabilities`: a cluster without the operator does not
    /// know it, and refuses the whole chart. A chart that brings the definitions of monitors along may leave it out.
    ///
    /// Where the chart is rendered (`--render`), what it deploys is checked, and this rule says nothing. Library charts
    /// are not checked.
    ///
    /// ## Why
    /// What is not scraped has no request rate, no errors and no latency. Whoever installs the chart has to find out
    /// the port, the path and the labels, and to follow each change.
    ///
    /// ## Fix
    /// Offer one behind a value:
    ///
    /// ```yaml
    /// # values.yaml
    /// serviceMonitor: {enabled: false, interval: 30s}
    /// # templates/servicemonitor.yaml
    /// {{- if .Values.serviceMonitor.enabled }}
    /// apiVersion: monitoring.coreos.com/v1
    /// kind: ServiceMonitor
    /// metadata:
    ///   name: {{ include "shop.fullname" . }}
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       {{- include "shop.selectorLabels" . | nindent 6 }}
    ///   endpoints:
    ///     - port: metrics
    ///       interval: {{ .Values.serviceMonitor.interval }}
    /// {{- end }}
    /// ```
    findings: {
        /// A monitor is rendered whether the cluster knows monitors or not
        Ungated: Medium, Certain;
        /// The chart offers none, where the clusters have the operator
        Expected: Low, Likely;
        /// The chart has a port for metrics and offers none
        Missing: Info, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: ["file/HelmChart"],
    uses: [OwnChart, Monitoring],
    inventory: {
        // Annotations of pods mostly come from there.
        values: { kinds: ["file/HelmValues"], scope: "cluster", relation: called {}, reads: ["*"] },
    },
}

const MONITORS: [&str; 7] = [
    "ServiceMonitor",
    "PodMonitor",
    "PodMonitoring",
    "ClusterPodMonitoring",
    "VMServiceScrape",
    "VMPodScrape",
    "ScrapeConfig",
];
/// What makes something else scrape the pods, or makes them push.
const OTHERS: [&str; 6] = [
    "prometheus.io/scrape",
    "prometheus.io/port",
    "k8s.grafana.com/scrape",
    "ad.datadoghq.com",
    "OTEL_EXPORTER",
    "opentelemetry.io/inject",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let templates = helm::installed(input)?;
    let name = input.document.get("name");
    let (objects, missing) = templates.objects();
    let is_of_operator =
        |it: &&Part<'_, '_>| it.is_any_of(&["ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe"]);
    let brings = templates.renders(&["CustomResourceDefinition", "Prometheus"]) == Said::Written;
    if let Some(monitor) = objects.iter().find(|it| is_of_operator(it) && it.guards().is_empty()).filter(|_| !brings) {
        let kind = monitor.get("kind").first().map_or("monitor", Part::value).to_owned();
        let message = format!("its {kind} is behind no condition, so a cluster without the operator refuses the chart");
        monitor.label(findings.report(Code::Ungated, &name, message), "it is always rendered");
    }
    let workloads = templates.long_running()?;
    let is_watched = |templates: &Templates<'_>| {
        templates.renders(&MONITORS) == Said::Written || OTHERS.iter().any(|text| templates.mention(text))
    };
    let annotates = input.related("values").any(|values| annotates(&values.document));
    if annotates || is_watched(&templates) || is_watched(&Templates::of_wholes(input)) {
        return Ok(());
    }
    if let Some(missing) = missing.first() {
        return findings.or_unknown(Some(helm::unknown(missing)));
    }
    let containers: Vec<Part<'_, '_>> = workloads.iter().flat_map(|it| it.containers()).collect();
    let ports: Vec<Part<'_, '_>> = containers.iter().flat_map(|it| it.get("ports")).flat_map(|it| it.items()).collect();
    let metrics = ports.iter().find(|port| {
        let names = port.get("name");
        names.iter().any(|name| name.literal().is_some_and(is_of_metrics))
    });
    let chart = name.text();
    if input.setting::<Monitoring>() == Scraper::PrometheusOperator && templates.renders(&["Service"]) == Said::Written
    {
        let message =
            format!("the chart `{chart}` offers no ServiceMonitor or PodMonitor for the pods that it serves with");
        let report = findings.report(Code::Expected, &name, message);
        workloads.iter().take(1).fold(report, |report, it| it.object.label(report, "these pods"));
    } else if let Some(port) = metrics {
        let message = format!("the chart `{chart}` has a port for metrics, and offers nothing that scrapes it");
        port.label(findings.report(Code::Missing, &name, message), "this port");
    }
    Ok(())
}

/// Whether values have a key that makes something scrape pods.
fn annotates(values: &View<'_>) -> bool {
    let mut open = vec![values.clone()];
    while let Some(view) = open.pop() {
        if view.entries().any(|(key, _)| OTHERS.iter().any(|text| key.starts_with(text))) {
            return true;
        }
        open.extend(view.entries().map(|(_, value)| value));
    }
    false
}
