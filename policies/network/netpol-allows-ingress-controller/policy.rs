use policy_sdk::kubernetes::network_policy::{
    self, Direction, End, ForeignPolicies, NamespaceLabels, NetworkPolicies, PodPort, Policy,
};
use policy_sdk::kubernetes::service::{self, ServicePort};
use policy_sdk::kubernetes::{gateway, ingress};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::cidr::Cidr;
use policy_sdk::values::port::protocol;
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Pods behind an Ingress or a route admit its controller
    ///
    /// Where an Ingress, HTTPRoute or GRPCRoute leads to the pods of a workload, and NetworkPolicies isolate them, some
    /// ingress rule admits the controller on the port that the Service sends to: by a namespace of
    /// `controller_namespaces`, or by a range that overlaps one of `controller_ranges` (the VPC of an ALB whose targets
    /// are pods).
    ///
    /// The rule does not apply while both parameters are empty: where controllers run differs from cluster to cluster.
    /// A controller on the node's network connects from the nodes' addresses; list those as ranges. Where policies of
    /// other kinds may admit it (Cilium, Calico, AdminNetworkPolicy), the rule is not evaluated.
    ///
    /// ## Why
    /// The controller cannot connect, so every request for the host ends with an error 504 after a minute, while the
    /// pods are ready and answer inside the cluster.
    ///
    /// ## Fix
    /// Admit the controller's namespace on the port of the pods, not on that of the Service:
    ///
    /// ```yaml
    /// ingress:
    ///   - from:
    ///       - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}
    ///     ports: [{port: 8080}]
    /// ```
    findings: {
        /// Policies cut the pods off from the controller that sends them requests
        CutOff: High, Guess, absence: ["policies"];
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [NetworkPolicies, NamespaceLabels, ForeignPolicies],
    reads: ["object.metadata.name", "pod.spec.hostNetwork", "container.ports"],
    inventory: {
        exposed_services: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["spec.ports"],
        },
        leading_ingresses: {
            kinds: ["networking.k8s.io/Ingress"],
            scope: "namespace",
            via: "exposed_services",
            relation: names {
                kind: "=Service",
                name: ["spec.rules[*].http.paths[*].backend.service.name", "spec.defaultBackend.service.name"],
            },
            reads: ["spec.rules", "spec.defaultBackend"],
        },
        leading_routes: {
            kinds: ["gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/GRPCRoute"],
            scope: "cluster",
            via: "exposed_services",
            relation: names {
                kind: "spec.rules[*].backendRefs[*].kind=Service",
                name: "spec.rules[*].backendRefs[*].name",
                namespace: "spec.rules[*].backendRefs[*].namespace",
            },
            reads: ["spec.rules"],
        },
    },
    parameters: {
        /// The namespaces of ingress controllers and gateways: `ingress-nginx`.
        controller_namespaces: Vec<String> = list([]),
        /// The addresses from which load balancers and controllers connect: `10.0.0.0/16`.
        controller_ranges: Vec<String> = list([]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let parameters = &input.parameters;
    if parameters.controller_namespaces.is_empty() && parameters.controller_ranges.is_empty() {
        return not_applicable("`controller_namespaces` does not say where controllers run");
    }
    let workload = input.workload();
    if workload.spec().get("hostNetwork").is_true() {
        return not_applicable("its pods are on the node's network, which policies do not reach");
    }
    let Some((isolating, place)) = network_policy::isolating(input, Direction::Ingress) else {
        return not_applicable("no NetworkPolicy isolates the ingress of its pods");
    };
    let services: Vec<Related<'_>> = input.related("exposed_services").collect();
    let mut unknown = None;
    let leading = ["leading_ingresses", "leading_routes"].into_iter().flat_map(|query| input.related(query));
    for by in leading {
        for service in by.via().filter_map(|at| services.get(at)) {
            let Some(named) = service::naming(&by, service.name()) else { continue };
            let Some(sent) = meant_port(&by, service) else { continue };
            let Some(port) = port_of_pods(&workload, &sent) else { continue };
            match admits_controller(input, &port) {
                Answer::Yes => continue,
                Answer::Unknown => {
                    unknown = Some("whether a rule means the controller depends on what is not known".to_owned());
                    continue;
                }
                Answer::No => {}
            }
            if let Some(other) = network_policy::foreign(input) {
                return not_evaluated(format!("{} `{}` may admit the controller", other.kind(), other.name()));
            }
            let number = port.number.map_or_else(|| sent.place().text().to_owned(), |number| number.to_string());
            let message = format!(
                "{} `{}` leads to its pods, but they are cut off: no ingress rule admits {} on port {number}",
                by.kind(),
                by.name(),
                controllers(input)
            );
            findings
                .report(Code::CutOff, &workload.object.at("metadata.name"), message)
                .label_in(&by, &named, "it sends to the Service")
                .label_in(service, &sent.place(), "the Service sends to this port of the pods")
                .label_in(&isolating, &place, "this policy isolates the pods");
            // One cure is for all of them.
            return Ok(());
        }
    }
    match unknown {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// The port of the Service that an Ingress or a route sends to.
fn meant_port<'d>(by: &Related<'d>, service: &Related<'d>) -> Option<ServicePort<'d>> {
    let of_ingress = ingress::routes_of(&by.document)
        .find(|route| route.backend.service().text() == service.name())
        .and_then(|route| route.backend.port_of(service));
    let rules = by.document.at("spec.rules").items();
    let mut backends = rules.flat_map(|rule| gateway::backends(&rule).collect::<Vec<_>>());
    let of_route = || {
        let number = backends.find(|backend| backend.name().text() == service.name())?.port().as_i64();
        service::ports(&service.document).find(|port| number.is_some() && port.number() == number)
    };
    of_ingress.or_else(of_route)
}

/// The port of the pods behind a port of a Service.
fn port_of_pods<'d>(workload: &Workload<'d>, port: &ServicePort<'d>) -> Option<PodPort<'d>> {
    let declared = workload.containers().flat_map(|container| container.get("ports").items().collect::<Vec<_>>());
    Some(PodPort::resolve(port.target()?, protocol(&port.0), declared))
}

fn admits_controller(input: &Input<'_, Parameters>, port: &PodPort<'_>) -> Answer {
    let own = &input.subject.namespace;
    let policies: Vec<Policy<'_>> = network_policy::policies(input).collect();
    let of_namespaces = input.parameters.controller_namespaces.iter().map(|namespace| {
        let end = End::in_namespace(input, namespace);
        network_policy::admits_but_for_pods(&policies, Direction::Ingress, own, &end, port)
    });
    let wanted: Vec<Cidr> =
        input.parameters.controller_ranges.iter().filter_map(|text| Cidr::parse_or_address(text)).collect();
    let mut rules = policies.iter().flat_map(|policy| policy.rules(Direction::Ingress));
    let is_open = rules.any(|rule| {
        let overlaps = |(cidr, _): (View<'_>, View<'_>)| {
            Cidr::parse(cidr.text()).is_some_and(|range| wanted.iter().any(|wanted| range.overlaps(wanted)))
        };
        rule.admits_port(port) && (rule.admits_all_peers() || rule.blocks().any(overlaps))
    });
    of_namespaces.chain([Answer::of(is_open)]).max().unwrap_or(Answer::No)
}

/// Where controllers run, for a message.
fn controllers(input: &Input<'_, Parameters>) -> String {
    let Parameters { controller_namespaces, controller_ranges } = &input.parameters;
    let namespaces = controller_namespaces.iter().map(|name| format!("the namespace `{name}`"));
    let ranges = controller_ranges.iter().map(|range| format!("`{range}`"));
    namespaces.chain(ranges).collect::<Vec<_>>().join(" or ")
}
