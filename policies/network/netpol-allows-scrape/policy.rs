use policy_sdk::kubernetes::monitoring::{self, Monitors};
use policy_sdk::kubernetes::network_policy::{
    self, Direction, End, ForeignPolicies, NamespaceLabels, NetworkPolicies, PodPort, Policy,
};
use policy_sdk::kubernetes::service;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::port::Port;
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Pods that are monitored admit what scrapes them
    ///
    /// Where a ServiceMonitor, a PodMonitor or one of the like selects a workload, and NetworkPolicies isolate its
    /// pods, some ingress rule admits the namespace of Prometheus on the scraped port. That is the namespace of a
    /// Prometheus or VMAgent among the documents, else one of `monitoring_namespaces`.
    ///
    /// A rule for every namespace on that port admits it. Where policies of other kinds may admit it (Cilium, Calico,
    /// AdminNetworkPolicy), the rule is not evaluated.
    ///
    /// ## Why
    /// Every scrape of the pods times out. Alerts about them are silent, canary analysis and autoscaling see no data,
    /// and the pods look as if nobody used them.
    ///
    /// ## Fix
    /// Admit the monitoring namespace on the metrics port:
    ///
    /// ```yaml
    /// ingress:
    ///   - from:
    ///       - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
    ///     ports: [{port: metrics}]
    /// ```
    findings: {
        /// Policies cut the pods off from what scrapes them
        CutOff: Medium, Likely, absence: ["policies"];
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Monitors, NetworkPolicies, NamespaceLabels, ForeignPolicies],
    reads: ["object.metadata.name", "pod.spec.hostNetwork", "container.ports"],
    inventory: {
        // No relation fits: what scrapes selects monitors, and these the workload. A cluster has few.
        scrapers: {
            kinds: [
                "monitoring.coreos.com/Prometheus", "monitoring.coreos.com/PrometheusAgent",
                "operator.victoriametrics.com/VMAgent",
            ],
            scope: "cluster",
            reads: [],
        },
    },
    parameters: {
        /// The namespaces of Prometheus, where it is not among the documents.
        monitoring_namespaces: Vec<String> = list([]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Some((isolating, place)) = network_policy::isolating(input, Direction::Ingress) else {
        return not_applicable("no NetworkPolicy isolates the ingress of its pods");
    };
    if workload.spec().get("hostNetwork").is_true() {
        return not_applicable("its pods are on the node's network, which policies do not reach");
    }
    let monitors: Vec<Related<'_>> = monitoring::monitors(input).collect();
    if monitors.is_empty() {
        return not_applicable("no monitor selects it");
    }
    let known: Vec<String> = input.related("scrapers").map(|it| it.namespace().to_owned()).collect();
    let namespaces = if known.is_empty() { input.parameters.monitoring_namespaces.clone() } else { known };
    if namespaces.is_empty() {
        return not_applicable("where Prometheus runs is not known");
    }
    let policies: Vec<Policy<'_>> = network_policy::policies(input).collect();
    let mut unknown = false;
    for monitor in &monitors {
        for endpoint in monitoring::endpoints_of(&monitor.document) {
            let Some((port, sent)) = scraped(input, monitor, &endpoint) else { continue };
            let admits = |namespace: &String| {
                let end = End::in_namespace(input, namespace);
                let own = &input.subject.namespace;
                network_policy::admits_but_for_pods(&policies, Direction::Ingress, own, &end, &port)
            };
            let answer = namespaces.iter().map(admits).max().unwrap_or(Answer::Unknown);
            unknown |= answer == Answer::Unknown;
            if answer != Answer::No {
                continue;
            }
            if let Some(other) = network_policy::foreign(input) {
                return not_evaluated(format!("{} `{}` may admit what scrapes it", other.kind(), other.name()));
            }
            let number = match (port.number, port.names.first()) {
                (Some(number), _) => number.to_string(),
                (None, name) => format!("`{}`", name.copied().unwrap_or_default()),
            };
            let message = format!(
                "{} `{}` scrapes its pods, but they are cut off: no ingress rule admits the namespace `{}` on port {number}",
                monitor.kind(),
                monitor.name(),
                namespaces.join("` or `")
            );
            let report = findings.report(Code::CutOff, &workload.object.at("metadata.name"), message).label_in(
                monitor,
                &endpoint,
                "what is scraped",
            );
            let report = match sent {
                Some((service, place)) => report.label_in(&service, &place, "the Service's port"),
                None => report,
            };
            report.label_in(&isolating, &place, "this policy isolates the pods");
            // One cure is for all ports and monitors.
            return Ok(());
        }
    }
    if unknown {
        not_evaluated("whether a rule means the namespace of Prometheus depends on what is not known")
    } else {
        Ok(())
    }
}

/// A Service's port that leads to one of the pods.
type OnTheWay<'d> = Option<(Related<'d>, View<'d>)>;

/// The port of the pods that an endpoint of a monitor scrapes, and the Service's port on the way.
fn scraped<'d>(
    input: &Input<'d, Parameters>,
    monitor: &Related<'d>,
    endpoint: &View<'d>,
) -> Option<(PodPort<'d>, OnTheWay<'d>)> {
    let declared = || {
        let containers = input.workload().containers();
        containers.flat_map(|container| container.get("ports").items().collect::<Vec<_>>())
    };
    let target = ["targetPort", "portNumber"].iter().find_map(|field| Port::from_view(&endpoint.get(field)));
    if let Some(target) = target {
        return Some((PodPort::resolve(target, "TCP", declared()), None));
    }
    let name = endpoint.get("port").as_str()?;
    if !matches!(monitor.kind(), "ServiceMonitor" | "VMServiceScrape") {
        return Some((PodPort::resolve(Port::Name(name), "TCP", declared()), None));
    }
    let of_services = monitoring::services(input).find_map(|service| {
        let port = service::ports(&service.document).find(|port| port.name() == name)?;
        Some((service.clone(), port))
    });
    let (service, port) = of_services?;
    Some((PodPort::resolve(port.target()?, "TCP", declared()), Some((service, port.place()))))
}
