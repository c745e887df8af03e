use policy_sdk::kubernetes::network_policy::{self, Direction, IsolatedServices, OwnPolicy};
use policy_sdk::kubernetes::operated::{self, OperatedPods};
use policy_sdk::kubernetes::service;
use policy_sdk::prelude::*;
use policy_sdk::values::port::{Port, protocol};

policy_sdk::rule! {
    /// Ports of NetworkPolicies are ports of pods
    ///
    /// An ingress rule names ports of the pods, not of the Service in front of them. A port by name is one that a
    /// container of the selected workloads declares with the same protocol. A port by number that no container declares
    /// is right, since declaring is optional, unless it is the port of a Service that sends to another number of these
    /// pods. A number that containers declare for another protocol only is reported. All containers that run beside
    /// each other count, sidecars too.
    ///
    /// Nothing is checked where no selected container declares a port.
    ///
    /// ## Why
    /// A policy is applied after the Service has been replaced by a pod's address and port. A rule with the Service's
    /// port admits nothing, and every caller gets timeouts although a rule seems to admit it.
    ///
    /// ## Fix
    /// Write the container's port, best by its name:
    ///
    /// ```yaml
    /// # Service: {port: 80, targetPort: http}, container: {name: http, containerPort: 8080}
    /// ingress:
    ///   - ports: [{port: http}]
    /// ```
    findings: {
        /// No selected container declares a port of that name: the rule admits nothing
        Name: High, Certain, absence: ["isolated"];
        /// The number is the port of the Service, which sends to another one
        ServicePort: High, Likely, absence: ["isolated"];
        /// Containers declare the port for another protocol
        Protocol: High, Likely, absence: ["isolated"];
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    since: "0.1.0",
    applies_to: ["networking.k8s.io/NetworkPolicy"],
    uses: [OwnPolicy, IsolatedServices, OperatedPods],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workloads: Vec<Related<'_>> = network_policy::isolated(input).collect();
    let declared: Vec<(&Related<'_>, View<'_>)> =
        workloads.iter().flat_map(|workload| ports(workload).into_iter().map(move |port| (workload, port))).collect();
    if declared.is_empty() {
        return not_applicable("no container that it selects declares a port");
    }
    let mut unknown = None;
    for rule in network_policy::own(input).rules(Direction::Ingress) {
        for entry in rule.view.get("ports").items() {
            let place = entry.get("port");
            let Some(port) = Port::from_view(&place) else { continue };
            let same: Vec<&(&Related<'_>, View<'_>)> =
                declared.iter().filter(|(_, it)| is_meant(&entry, port, it)).collect();
            if same.iter().any(|(_, it)| protocol(it) == protocol(&entry)) {
                continue;
            }
            if let Some(operated) = operated::operated(input) {
                let (kind, name) = (operated.kind(), operated.name());
                unknown = Some(format!("an operator makes pods for {kind} `{name}`, and they are in no document"));
                continue;
            }
            if let Some((workload, other)) = same.first() {
                let message = format!(
                    "the rule admits {} to this port, which its pods have for {}",
                    protocol(&entry),
                    protocol(other)
                );
                findings.report(Code::Protocol, &place, message).label_in(
                    workload,
                    other,
                    "the port that they declare",
                );
                continue;
            }
            match port {
                Port::Name(name) => report_name(name, &place, &declared, findings),
                Port::Number(number) => report_number(input, number, &place, &declared, findings),
            }
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// The ports of containers that run beside each other.
fn ports<'d>(workload: &Related<'d>) -> Vec<View<'d>> {
    let containers = workload.workload().containers().filter(|it| matches!(it.class, Class::Main | Class::Sidecar));
    containers.flat_map(|container| container.get("ports").items().collect::<Vec<_>>()).collect()
}

/// Whether an entry of a rule, whose `port` it is, means a port that a container declares, whatever its protocol.
fn is_meant(entry: &View<'_>, port: Port<'_>, declared: &View<'_>) -> bool {
    match (port, entry.get("endPort").as_i64()) {
        (Port::Number(first), Some(last)) => {
            declared.get("containerPort").as_i64().is_some_and(|number| (first..=last).contains(&number))
        }
        _ => port.is(declared),
    }
}

fn report_name(name: &str, place: &View<'_>, declared: &[(&Related<'_>, View<'_>)], findings: &mut Findings) {
    let mut names: Vec<&str> = declared.iter().filter_map(|(_, port)| port.get("name").as_str()).collect();
    names.dedup();
    let has = match names.as_slice() {
        [] => "none of their ports has a name".to_owned(),
        names => format!("they have `{}`", names.join("`, `")),
    };
    let message = format!("no pod that it selects has a port `{name}`, so the rule admits nothing by it; {has}");
    let fix = match names.as_slice() {
        [only] => Some(Fix::unsafe_(format!("name the port `{only}`")).set(place, *only)),
        _ => None,
    };
    let report = findings.report(Code::Name, place, message).fix(fix);
    if let Some((workload, port)) = declared.first() {
        report.label_in(workload, port, "a port that they have");
    }
}

/// A number that nobody declares is a fault where it is the port of a Service that sends to another one.
fn report_number(
    input: &Input<'_, Parameters>,
    number: i64,
    place: &View<'_>,
    declared: &[(&Related<'_>, View<'_>)],
    findings: &mut Findings,
) {
    let resolved = |target: Port<'_>| match target {
        Port::Number(number) => Some(number),
        Port::Name(_) => {
            let (_, port) = declared.iter().find(|(_, port)| target.is(port))?;
            port.get("containerPort").as_i64()
        }
    };
    // Each port of a Service, and the number of the pods that it sends to.
    let services: Vec<Related<'_>> = network_policy::services(input).collect();
    let sent: Vec<(&Related<'_>, service::ServicePort<'_>, i64)> = services
        .iter()
        .flat_map(|service| service::ports(&service.document).map(move |port| (service, port)))
        .filter_map(|(service, port)| Some((service, port.clone(), resolved(port.target()?)?)))
        .collect();
    // One that sends to the number as it is makes it right.
    if sent.iter().any(|(_, _, target)| *target == number) {
        return;
    }
    let Some((service, port, target)) = sent.iter().find(|(_, port, _)| port.number() == Some(number)) else { return };
    let message = format!(
        "{number} is the port of Service `{}`, which sends to {target} of the pods; policies are about the pods' ports",
        service.name()
    );
    let fix = Fix::unsafe_(format!("admit {target}")).set(place, *target);
    let report = findings.report(Code::ServicePort, place, message).fix(fix);
    let report = report.label_in(service, &port.0, "the Service's port, and where it sends to");
    let of_pod = declared.iter().find(|(_, port)| port.get("containerPort").as_i64() == Some(*target));
    if let Some((workload, declared)) = of_pod {
        report.label_in(workload, declared, "the port of the pods");
    }
}
