use policy_sdk::prelude::*;
use policy_sdk::values::port::is_port;

policy_sdk::rule! {
    /// Annotations for scraping have values that work
    ///
    /// Of the pods of a workload, and of a Service, with annotations that begin with `prefix`: `scrape` is `true` or
    /// `false`, `port` a number from 1 to 65535, `path` begins with `/` and has no `?`, `scheme` is `http` or `https`.
    /// Where `scrape` is `false`, nothing else counts.
    ///
    /// That no container declares the port is reported, too, unless something adds a container later (Istio, Linkerd,
    /// Dapr, an OpenTelemetry sidecar): a port need not be declared, but it may be a slip.
    ///
    /// ## Why
    /// Prometheus compares these texts as they are. With `True` or `yes` nothing is scraped, and with a wrong port
    /// every scrape fails.
    ///
    /// ## Fix
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     prometheus.io/scrape: "true"
    ///     prometheus.io/port: "9090"
    ///     prometheus.io/path: /metrics
    /// ```
    findings: {
        /// A value does not do what it is meant to
        Value: Low, Certain;
        /// No container declares the port
        Undeclared: Info, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    renamed_from: ["metrics-port-declared"],
    since: "0.1.0",
    applies_to: ["workload", "core/Service"],
    reads: [
        "pod.metadata.annotations", "pod.metadata.labels", "container.ports[*].containerPort", "metadata.annotations",
    ],
    parameters: {
        /// What the annotations begin with.
        prefix: String = "prometheus.io/".into(),
    },
}

/// Labels and annotations by which something adds a container to the pod.
const INJECTION: [&str; 6] = [
    "sidecar.istio.io/",
    "istio.io/rev",
    "linkerd.io/inject",
    "dapr.io/enabled",
    "sidecar.opentelemetry.io/inject",
    "kuma.io/sidecar-injection",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_service = input.subject.kind == "Service";
    let metadata = if is_service { input.document.get("metadata") } else { input.document.at("pod.metadata") };
    let annotations = metadata.get("annotations");
    let prefix = &input.parameters.prefix;
    let value = |name: &str| annotations.get(&[prefix, name].concat());
    let [scrape, port, path, scheme] = ["scrape", "port", "path", "scheme"].map(value);
    if [&scrape, &port, &path, &scheme].iter().all(|value| value.as_str().is_none()) {
        return not_applicable(format!("it has no annotations of `{prefix}`"));
    }
    let mut report = |value: &View<'_>, name: &str, expected: &str| {
        let message = format!("`{prefix}{name}` is `{}`, expected {expected}", value.text());
        findings.report(Code::Value, value, message);
    };
    // A text that something fills in later is not known.
    let is_known = |value: &View<'_>| value.as_str().is_some_and(|text| !text.contains(['$', '{', '%']));
    if is_known(&scrape) && !matches!(scrape.text(), "true" | "false") {
        report(&scrape, "scrape", "`true` or `false`");
    }
    if scrape.text() == "false" {
        return Ok(());
    }
    let number = port.text().parse().ok().filter(|number| is_port(*number));
    if is_known(&port) && number.is_none() {
        report(&port, "port", "a number from 1 to 65535");
    }
    if is_known(&path) {
        if !path.text().starts_with('/') {
            report(&path, "path", "a path that begins with `/`");
        } else if path.text().contains('?') {
            report(&path, "path", "a path without a query");
        }
    }
    if is_known(&scheme) && !matches!(scheme.text(), "http" | "https") {
        report(&scheme, "scheme", "`http` or `https`");
    }
    let labels = metadata.get("labels");
    let is_injected = labels
        .entries()
        .chain(annotations.entries())
        .any(|(key, value)| INJECTION.iter().any(|injection| key.starts_with(injection)) && value.text() != "false");
    if let Some(number) = number.filter(|_| !is_service && !is_injected) {
        let workload = input.workload();
        let mut ports = workload.containers().flat_map(|container| container.get("ports").items());
        if workload.declares_ports() && !ports.any(|port| port.get("containerPort").as_i64() == Some(number)) {
            findings.report(Code::Undeclared, &port, format!("no container declares the port {number}"));
        }
    }
    Ok(())
}
