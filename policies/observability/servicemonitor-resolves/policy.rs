use policy_sdk::kubernetes::monitoring::{self, MonitoredPods, MonitoredServices, OwnMonitor, Scope};
use policy_sdk::prelude::*;
use policy_sdk::values::selector::near_miss;

policy_sdk::rule! {
    /// A ServiceMonitor or PodMonitor finds what it scrapes
    ///
    /// The selector of a ServiceMonitor matches the labels of a Service (its `metadata.labels`, not its selector), in the
    /// namespaces that it looks into; that of a PodMonitor the labels of pods. `port` of an endpoint is the name of a
    /// port of such a Service, of a PodMonitor the name of a container's port. `targetPort` is the name of a container's
    /// port, or a number, which need not be declared. An endpoint without any port scrapes all ports.
    ///
    /// Services that the cluster makes in `kube-system` and `default`, and those of namespaces of which nothing is among
    /// the documents, are not known: then the rule is not evaluated.
    ///
    /// ## Why
    /// A monitor that selects nothing is no error. Prometheus has no such target, shows none as down, and no alert
    /// fires.
    ///
    /// ## Fix
    /// Write the labels of the Service into `selector.matchLabels`, and the name of its port into `port`:
    ///
    /// ```yaml
    /// spec:
    ///   selector:
    ///     matchLabels: {app: cart}
    ///   endpoints:
    ///     - port: metrics
    /// ```
    findings: {
        /// No Service has the labels that the ServiceMonitor selects
        NoService: Medium, Likely, absence: ["monitored_services"];
        /// No pods have the labels that the PodMonitor selects
        NoPods: Medium, Likely, absence: ["monitored_pods"];
        /// An endpoint names a port that the targets do not have
        Port: Medium, Likely;
        /// An endpoint names no port, so every port is scraped
        AnyPort: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    peers: ["KL:dangling-servicemonitor"],
    since: "0.1.0",
    applies_to: ["monitoring.coreos.com/ServiceMonitor", "monitoring.coreos.com/PodMonitor"],
    uses: [OwnMonitor, MonitoredServices, MonitoredPods],
    inventory: {
        // What else is in the namespaces that the monitor names: where nothing is, they are not known.
        services_there: {
            kinds: ["core/Service"],
            scope: "cluster",
            relation: same { there: ["metadata.namespace"], here: ["spec.namespaceSelector.matchNames[*]"] },
            reads: ["metadata.labels"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.kind == "PodMonitor" { check_pods(input, findings) } else { check_services(input, findings) }
}

fn check_services(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let services: Vec<Related<'_>> = monitoring::monitored(input).collect();
    let selector = input.document.at("spec.selector");
    if services.is_empty() {
        if let Some(unknown) = unknown_namespace(input) {
            return not_evaluated(unknown);
        }
        let near = input.related("services_there").find_map(|service| {
            let labels = service.document.at("metadata.labels");
            near_miss(&selector, &labels).map(|key| (labels.get(key), service.clone()))
        });
        let report = findings.report(Code::NoService, &selector, "no Service has the labels that it selects");
        if let Some((label, service)) = near {
            report.label_in(&service, &label, "this label differs");
        }
        return Ok(());
    }
    let backends: Vec<Related<'_>> = monitoring::backends(input).collect();
    for endpoint in monitoring::endpoints(input) {
        let (port, target) = (endpoint.get("port"), endpoint.get("targetPort"));
        let name = port.text();
        if !name.is_empty() {
            let mut ports = services.iter().flat_map(|service| service.document.at("spec.ports").items());
            if !ports.any(|port| port.get("name").text() == name) {
                let message = format!("no port of Service `{}` is named `{name}`", services[0].name());
                let ports = services[0].document.at("spec.ports");
                let fix = meant(&ports, name)
                    .map(|meant| Fix::unsafe_(format!("name the port `{}`", meant.text())).set(&port, meant.text()));
                let report = findings.report(Code::Port, &port, message);
                report.label_in(&services[0], &ports, "its ports").fix(fix);
            }
        } else if let Some(named) = target.as_str() {
            report_undeclared(&target, named, &backends, findings);
        } else if !target.exists() {
            let message = "it names no port, so every port of the Service is scraped";
            findings.report(Code::AnyPort, &endpoint, message);
        }
    }
    Ok(())
}

fn check_pods(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pods: Vec<Related<'_>> = monitoring::monitored_pods(input).collect();
    if pods.is_empty() {
        if let Some(unknown) = unknown_namespace(input) {
            return not_evaluated(unknown);
        }
        let selector = input.document.at("spec.selector");
        findings.report(Code::NoPods, &selector, "no pods have the labels that it selects");
        return Ok(());
    }
    for endpoint in monitoring::endpoints(input) {
        let (port, target) = (endpoint.get("port"), endpoint.get("targetPort"));
        match [&port, &target].into_iter().find(|place| place.exists()) {
            Some(place) => {
                if let Some(name) = place.as_str() {
                    report_undeclared(place, name, &pods, findings);
                }
            }
            None if !endpoint.get("portNumber").exists() => {
                findings.report(Code::AnyPort, &endpoint, "it names no port, so every port of the pods is scraped");
            }
            None => {}
        }
    }
    Ok(())
}

/// Reports the name of a port that no container of the workloads declares.
fn report_undeclared(place: &View<'_>, name: &str, workloads: &[Related<'_>], findings: &mut Findings) {
    let Some(first) = workloads.first() else { return };
    let declares = |related: &Related<'_>| {
        let workload = related.workload();
        let mut ports = workload.containers().flat_map(|container| container.get("ports").items());
        ports.any(|port| port.get("name").text() == name)
    };
    if !workloads.iter().any(declares) {
        let message = format!("no container of {} `{}` has a port that is named `{name}`", first.kind(), first.name());
        findings.report(Code::Port, place, message);
    }
}

/// The name of the port of a Service that a text means otherwise: its number, or the container's port behind it.
fn meant<'d>(ports: &View<'d>, text: &str) -> Option<View<'d>> {
    let is_meant =
        |port: &View<'d>| ["port", "targetPort"].iter().any(|field| port.get(field).scalar_text() == Some(text));
    ports.items().find(is_meant).map(|port| port.get("name")).filter(|name| !name.text().is_empty())
}

/// Why it is not known what there is to select.
fn unknown_namespace(input: &Input<'_, Parameters>) -> Option<String> {
    const OF_THE_CLUSTER: [&str; 2] = ["kube-system", "default"];
    match monitoring::scope(input) {
        Scope::Own => None,
        Scope::All => Some("it looks into all namespaces, and not all are among the documents".into()),
        Scope::Named(names) => match names.iter().find(|name| OF_THE_CLUSTER.contains(name)) {
            Some(name) => Some(format!("the cluster itself makes what is in `{name}`")),
            None if input.related("services_there").next().is_none() => {
                Some(format!("nothing of namespace `{}` is among the documents", names.join("`, `")))
            }
            None => None,
        },
    }
}
