//! Services as subjects: the ports that they offer, and the workloads that they send to.

use super::{gateway, ingress};
use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;
use crate::values::port::Port;

crate::usable! {
    /// The subject itself, a Service.
    pub OwnService {
        reads: ["spec.type", "spec.clusterIP", "spec.selector", "spec.ports"],
    }
    /// The workloads whose pods the subject, a Service, selects, with their containers' ports and images, and their file.
    pub ServedWorkloads {
        reads: ["spec.selector"],
        inventory: {
            served_workloads: {
                kinds: ["workload"],
                scope: "namespace",
                relation: selected { there: "pod.metadata.labels", here: "spec.selector" },
                reads: ["container.ports", "container.image", "file"],
            },
        },
    }
    /// Where the subject, a Service, selects no workload's pods: the workloads that have one of the labels that it selects
    /// by, and so may be meant. A rule lists it behind [`ServedWorkloads`].
    pub NearServed {
        reads: ["spec.selector"],
        inventory: {
            near_served: {
                kinds: ["workload"],
                scope: "namespace",
                unless: "served_workloads",
                relation: same { there: "pod.metadata.labels.*", here: "spec.selector.*" },
                reads: ["pod.metadata.labels"],
            },
        },
    }
    /// Where the subject, a Service, selects no workload's pods: all workloads of its namespace. No relation fits: what
    /// counts is whether any is known at all, so nothing of them is read. A rule lists it behind [`ServedWorkloads`].
    pub AnyWorkload {
        inventory: {
            any_workload: { kinds: ["workload"], scope: "namespace", unless: "served_workloads", reads: [] },
        },
    }
    /// The Ingresses and routes that send to the subject, a Service.
    pub Exposures {
        inventory: {
            exposing_ingresses: {
                kinds: ["networking.k8s.io/Ingress"],
                scope: "namespace",
                relation: names {
                    kind: "=Service",
                    name: ["spec.rules[*].http.paths[*].backend.service.name", "spec.defaultBackend.service.name"],
                },
                reads: ["metadata.annotations", "spec.ingressClassName", "spec.rules", "spec.defaultBackend"],
            },
            exposing_routes: {
                kinds: ["gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/GRPCRoute"],
                scope: "cluster",
                relation: names {
                    kind: "spec.rules[*].backendRefs[*].kind=Service",
                    name: "spec.rules[*].backendRefs[*].name",
                    namespace: "spec.rules[*].backendRefs[*].namespace",
                },
                reads: ["spec.rules"],
            },
        },
    }
}

/// A port of a Service: an entry of `spec.ports`.
#[derive(Clone)]
pub struct ServicePort<'d>(pub View<'d>);

impl<'d> ServicePort<'d> {
    /// Its name; empty where it is the only one and has none.
    pub fn name(&self) -> &'d str {
        self.0.get("name").text()
    }

    /// Its number.
    pub fn number(&self) -> Option<i64> {
        self.0.get("port").as_i64()
    }

    /// The port of the pods that it sends to: `targetPort`, else its own number.
    pub fn target(&self) -> Option<Port<'d>> {
        let target = self.0.get("targetPort");
        if target.exists() { Port::from_view(&target) } else { self.number().map(Port::Number) }
    }

    /// Where it says what it sends to.
    pub fn place(&self) -> View<'d> {
        let target = self.0.get("targetPort");
        if target.exists() { target } else { self.0.get("port") }
    }
}

/// The ports of a Service's document.
pub fn ports<'d>(service: &View<'d>) -> impl Iterator<Item = ServicePort<'d>> + use<'d> {
    service.at("spec.ports").items().map(ServicePort)
}

/// The ports of the subject, a Service.
pub fn own_ports<'d, P: Uses<OwnService>>(input: &Input<'d, P>) -> impl Iterator<Item = ServicePort<'d>> + use<'d, P> {
    ports(&input.document)
}

/// Whether the subject, a Service, is headless: its clients choose a pod for themselves.
pub fn is_headless<P: Uses<OwnService>>(input: &Input<'_, P>) -> bool {
    input.document.at("spec.clusterIP").text() == "None"
}

/// Whether the subject, a Service, selects pods at all; where it does not, somebody else writes its endpoints.
pub fn has_selector<P: Uses<OwnService>>(input: &Input<'_, P>) -> bool {
    !input.document.at("spec.selector").is_empty()
}

/// The workloads whose pods the subject, a Service, selects.
pub fn workloads<'d, P: Uses<ServedWorkloads>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("served_workloads")
}

/// The workloads that have one of the labels by which the subject, a Service, selects.
pub fn near<'d, P: Uses<NearServed>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("near_served")
}

/// A workload of the subject's namespace, where the subject, a Service, selects none.
pub fn any_workload<'d, P: Uses<AnyWorkload>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("any_workload").next()
}

/// The Ingresses that send to the subject, a Service.
pub fn ingresses<'d, P: Uses<Exposures>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("exposing_ingresses")
}

/// What sends to the subject, a Service, from outside, and where each names it.
pub fn exposures<'d, P: Uses<Exposures>>(input: &Input<'d, P>) -> Vec<(Related<'d>, View<'d>)> {
    let name = &*input.subject.name;
    let by_ingress = ingresses(input).filter_map(|ingress| Some((ingress.clone(), naming(&ingress, name)?)));
    let routes = input.related("exposing_routes");
    by_ingress.chain(routes.filter_map(|route| Some((route.clone(), naming(&route, name)?)))).collect()
}

/// Where an Ingress or a route names a Service.
pub fn naming<'d>(from: &Related<'d>, service: &str) -> Option<View<'d>> {
    let of_ingress = ingress::routes_of(&from.document).map(|route| route.backend.service());
    let rules = from.document.at("spec.rules").items();
    let of_route = rules.flat_map(|rule| gateway::backends(&rule).map(|backend| backend.name()).collect::<Vec<_>>());
    of_ingress.chain(of_route).find(|name| name.text() == service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn a_port_sends_to_its_target_or_to_its_own_number() {
        let document = r#"{"spec":{"clusterIP":"None","selector":{"app":"cart"},"ports":[
            {"port":80},{"port":80,"targetPort":8080},{"name":"web","port":80,"targetPort":"http"}]}}"#;
        look("shop", document, &[], &[], |input| {
            let ports: Vec<ServicePort<'_>> = own_ports(input).collect();
            let targets: Vec<_> = ports.iter().filter_map(ServicePort::target).collect();
            assert_eq!(targets, [Port::Number(80), Port::Number(8080), Port::Name("http")]);
            assert_eq!(ports[0].place().pointer(), "/spec/ports/0/port");
            assert_eq!(ports[2].place().pointer(), "/spec/ports/2/targetPort");
            assert!(is_headless(input) && has_selector(input));
        });
    }

    #[test]
    fn what_sends_to_a_service_names_it_at_a_place() {
        let ingresses = r#"[{"subject":{"kind":"Ingress","name":"web"},"document":{"spec":{"rules":[{"http":{"paths":[
            {"backend":{"service":{"name":"other"}}},{"backend":{"service":{"name":"cart"}}}]}}]}}}]"#;
        let routes = r#"[{"subject":{"kind":"HTTPRoute","name":"api"},"document":{"spec":{"rules":[
            {"backendRefs":[{"name":"cart"}]}]}}}]"#;
        look("shop", "{}", Exposures::QUERIES, &[ingresses, routes], |input| {
            let places: Vec<String> = exposures(input)
                .iter()
                .map(|(from, place)| place.pointer().replace(&from.document.pointer(), from.kind()))
                .collect();
            assert_eq!(
                places,
                ["Ingress/spec/rules/0/http/paths/1/backend/service/name", "HTTPRoute/spec/rules/0/backendRefs/0/name",]
            );
        });
    }
}
