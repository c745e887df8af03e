use policy_sdk::kubernetes::mention::{self, Mention, Mentions};
use policy_sdk::kubernetes::network_policy::{
    self, Direction, End, ForeignPolicies, NamespaceLabels, NetworkPolicies, PodLabels, PodPort, Policy,
};
use policy_sdk::kubernetes::service::{self, ServicePort};
use policy_sdk::prelude::*;
use policy_sdk::values::port::{Port, protocol};
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Egress rules admit the Services that pods name
    ///
    /// Where NetworkPolicies isolate a workload's pods for egress, and its containers name a Service of their namespace
    /// in their environment or arguments (`cache:6379`, `http://cart`, `ledger-db.bank.svc`), some egress rule admits
    /// the pods that the Service selects, on the port that it sends to.
    ///
    /// Services of other namespaces and hosts outside of the cluster are not checked. Where policies of other kinds may
    /// admit them (Cilium, Calico, AdminNetworkPolicy), the rule is not evaluated.
    ///
    /// ## Why
    /// The pods start and then wait for a connection that never comes. The error names the database, not the policy.
    ///
    /// ## Fix
    /// Admit the pods behind the Service, on their own port:
    ///
    /// ```yaml
    /// egress:
    ///   - to: [{podSelector: {matchLabels: {app: cache}}}]
    ///     ports: [{port: 6379}]
    /// ```
    findings: {
        /// No egress rule admits a Service that a container names
        NotAdmitted: Low, Guess, absence: ["policies"];
    },
    priority: P1,
    effort: Small,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Mentions, NetworkPolicies, NamespaceLabels, ForeignPolicies],
    reads: ["pod.spec.hostNetwork"],
    inventory: {
        // A Service is named within a text, so that no relation finds it. The rule gets all of them once a policy selects the
        // pods.
        named_services: {
            kinds: ["core/Service"],
            scope: "namespace",
            via: "policies",
            relation: same { there: "=any", here: "=any" },
            reads: ["spec.selector", "spec.ports", "spec.type"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.workload().spec().get("hostNetwork").is_true() {
        return not_applicable("its pods are on the node's network, which policies do not reach");
    }
    let Some((isolating, place)) = network_policy::isolating(input, Direction::Egress) else {
        return not_applicable("no NetworkPolicy isolates the egress of its pods");
    };
    let policies: Vec<Policy<'_>> = network_policy::policies(input).collect();
    let own = &*input.subject.namespace;
    let mut told: Vec<(&str, Option<i64>)> = Vec::new();
    for mention in mention::mentions(input) {
        let Some((service, port)) = meant(input, &mention) else { continue };
        if told.contains(&(service.name(), port.number())) || admits(input, &policies, &service, &port) != Answer::No {
            continue;
        }
        if let Some(other) = network_policy::foreign(input) {
            return not_evaluated(format!("{} `{}` may admit it", other.kind(), other.name()));
        }
        told.push((service.name(), port.number()));
        let number = match port.target() {
            Some(Port::Number(number)) => number.to_string(),
            Some(Port::Name(name)) => format!("`{name}`"),
            None => String::new(),
        };
        let message = format!(
            "{} names Service `{}` of `{own}`, but no egress rule admits its pods on port {number}",
            mention.container.described(),
            service.name()
        );
        findings
            .report(Code::NotAdmitted, &mention.place, message)
            .label_in(&service, &port.place(), "the Service sends to this port of its pods")
            .label_in(&isolating, &place, "this policy isolates the pods");
    }
    Ok(())
}

/// The Service of the namespace that a container names, and the port of it.
fn meant<'d>(input: &Input<'d, Parameters>, mention: &Mention<'d>) -> Option<(Related<'d>, ServicePort<'d>)> {
    let own = &*input.subject.namespace;
    let (name, namespace) = mention::service_of(mention.host, own)?;
    let is_meant = |service: &Related<'d>| {
        let spec = service.document.get("spec");
        service.name() == name && !spec.get("selector").is_empty() && spec.get("type").text() != "ExternalName"
    };
    let service = input.related("named_services").find(|service| namespace == own && is_meant(service))?;
    let ports: Vec<ServicePort<'d>> = service::ports(&service.document).collect();
    let port = match mention.port {
        Some(number) => ports.iter().find(|port| port.number() == Some(number))?,
        None if ports.len() == 1 => &ports[0],
        None => return None,
    };
    Some((service, port.clone()))
}

fn admits(
    input: &Input<'_, Parameters>,
    policies: &[Policy<'_>],
    service: &Related<'_>,
    port: &ServicePort<'_>,
) -> Answer {
    let namespace = &*input.subject.namespace;
    let end = End::Pods {
        namespace,
        namespace_labels: network_policy::namespace_labels(input, namespace),
        labels: PodLabels::AtLeast(service.document.at("spec.selector")),
    };
    match port.target() {
        Some(Port::Number(number)) => {
            let port = PodPort::of(number, protocol(&port.0));
            let by_name = policies.iter().flat_map(|policy| policy.rules(Direction::Egress));
            let by_name = by_name.filter(|rule| !rule.admits_port(&port) && names_a_port(rule));
            let unknown = by_name.map(|rule| rule.admits_end(namespace, &end).min(Answer::Unknown)).max();
            network_policy::admits(policies, Direction::Egress, namespace, &end, &port)
                .max(unknown.unwrap_or(Answer::No))
        }
        // Which number the name stands for is not known here: only peers are compared.
        _ => {
            let rules = policies.iter().flat_map(|policy| policy.rules(Direction::Egress));
            rules.map(|rule| rule.admits_end(namespace, &end)).max().unwrap_or(Answer::No)
        }
    }
}

/// Whether a rule has a port by name, which may be any number.
fn names_a_port(rule: &network_policy::PolicyRule<'_>) -> bool {
    rule.view.get("ports").items().any(|port| port.get("port").as_str().is_some())
}
