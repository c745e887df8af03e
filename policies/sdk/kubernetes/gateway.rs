//! Routes of the Gateway API: hosts, rules, and the Services behind them.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The subject itself, an HTTPRoute, GRPCRoute or another route.
    pub OwnRoute {
        reads: ["spec.parentRefs", "spec.hostnames", "spec.rules"],
    }
    /// The Services that the subject, a route, names, in its namespace or another.
    pub RouteServices {
        reads: ["spec.rules"],
        inventory: {
            route_services: {
                kinds: ["core/Service"],
                scope: "cluster",
                relation: named {
                    kind: "spec.rules[*].backendRefs[*].kind=Service",
                    name: "spec.rules[*].backendRefs[*].name",
                    namespace: "spec.rules[*].backendRefs[*].namespace",
                },
                reads: ["spec.ports"],
            },
        },
    }
    /// The Gateways that the subject, a route, names.
    pub ParentGateways {
        reads: ["spec.parentRefs"],
        inventory: {
            parent_gateways: {
                kinds: ["gateway.networking.k8s.io/Gateway"],
                scope: "cluster",
                relation: named {
                    kind: "spec.parentRefs[*].kind=Gateway",
                    name: "spec.parentRefs[*].name",
                    namespace: "spec.parentRefs[*].namespace",
                },
                reads: ["spec.listeners"],
            },
        },
    }
    /// What allows routes to send to another namespace. No relation fits: a grant names the namespaces that it allows
    /// in a list, and a cluster has few.
    pub ReferenceGrants {
        inventory: {
            reference_grants: {
                kinds: ["gateway.networking.k8s.io/ReferenceGrant"],
                scope: "cluster",
                reads: ["spec.from", "spec.to"],
            },
        },
    }
    /// The HTTPRoutes that name the subject, a Gateway.
    pub GatewayRoutes {
        reads: ["spec.listeners"],
        inventory: {
            gateway_routes: {
                kinds: ["gateway.networking.k8s.io/HTTPRoute"],
                scope: "cluster",
                relation: names {
                    kind: "spec.parentRefs[*].kind=Gateway",
                    name: "spec.parentRefs[*].name",
                    namespace: "spec.parentRefs[*].namespace",
                },
                reads: ["metadata.labels", "spec.parentRefs", "spec.rules"],
            },
        },
    }
}

/// One of the backends between which a rule divides its requests.
#[derive(Clone)]
pub struct BackendRef<'d>(pub View<'d>);

impl<'d> BackendRef<'d> {
    /// Whether it names a Service, as it does without a kind.
    pub fn is_service(&self) -> bool {
        matches!(self.0.get("kind").text(), "" | "Service") && self.0.get("group").text().is_empty()
    }

    /// Where it names what stands behind.
    pub fn name(&self) -> View<'d> {
        self.0.get("name")
    }

    /// The namespace of what it names, for a route in the namespace `own`.
    pub fn namespace<'n>(&self, own: &'n str) -> &'n str
    where
        'd: 'n,
    {
        self.0.get("namespace").as_str().unwrap_or(own)
    }

    /// Where it names the port.
    pub fn port(&self) -> View<'d> {
        self.0.get("port")
    }

    /// Its share of the rule's requests; 1 where none is written.
    pub fn weight(&self) -> i64 {
        self.0.get("weight").as_i64().unwrap_or(1)
    }
}

/// The host names of the subject, a route, with their places. Without any it takes those of its Gateways' listeners.
pub fn hosts<'d, P: Uses<OwnRoute>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    input.document.at("spec.hostnames").items()
}

/// The rules of the subject, a route.
pub fn rules<'d, P: Uses<OwnRoute>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    input.document.at("spec.rules").items()
}

/// The backends of one rule.
pub fn backends<'d>(rule: &View<'d>) -> impl Iterator<Item = BackendRef<'d>> + use<'d> {
    rule.get("backendRefs").items().map(BackendRef)
}

/// The Service that a backend of the subject names, where it is among the documents.
pub fn service_of<'d, P: Uses<RouteServices>>(input: &Input<'d, P>, backend: &BackendRef<'d>) -> Option<Related<'d>> {
    let namespace = backend.namespace(&input.subject.namespace);
    let mut services = input.related("route_services").filter(|_| backend.is_service());
    services.find(|service| service.name() == backend.name().text() && service.namespace() == namespace)
}

/// The Gateways that the subject, a route, names.
pub fn gateways<'d, P: Uses<ParentGateways>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("parent_gateways")
}

/// Whether a grant allows routes of the subject's kind and namespace to send to a Service of another namespace.
pub fn is_granted<P: Uses<ReferenceGrants>>(input: &Input<'_, P>, namespace: &str, service: &str) -> bool {
    let subject = input.subject;
    let is_from = |from: View<'_>| {
        from.get("group").text() == subject.group
            && from.get("kind").text() == subject.kind
            && from.get("namespace").text() == subject.namespace
    };
    let is_to = |to: View<'_>| {
        let name = to.get("name");
        to.get("kind").text() == "Service"
            && to.get("group").text().is_empty()
            && (!name.exists() || name.text() == service)
    };
    let mut grants = input.related("reference_grants").filter(|grant| grant.namespace() == namespace);
    grants.any(|grant| {
        let spec = grant.document.get("spec");
        spec.get("from").items().any(is_from) && spec.get("to").items().any(is_to)
    })
}

/// The HTTPRoutes of one listener of the subject, a Gateway: those that name it, or no listener.
pub fn routes_of_listener<'d, P: Uses<GatewayRoutes>>(
    input: &Input<'d, P>,
    listener: &View<'d>,
) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    let (section, port) = (listener.get("name").text(), listener.get("port").as_i64());
    let name = input.subject.name.clone();
    let is_of = move |parent: View<'d>| {
        let (wanted, number) = (parent.get("sectionName"), parent.get("port").as_i64());
        parent.get("name").text() == name
            && (!wanted.exists() || wanted.text() == section)
            && (number.is_none() || number == port)
    };
    input.related("gateway_routes").filter(move |route| route.document.at("spec.parentRefs").items().any(&is_of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn backends_are_services_of_their_namespace() {
        let document = r#"{"spec":{"hostnames":["a.example"],"rules":[{"backendRefs":[
            {"name":"cart","port":80,"weight":9},{"name":"cart","namespace":"other","port":80},
            {"name":"bucket","kind":"Bucket","group":"x"}]}]}}"#;
        let services = r#"[{"subject":{"name":"cart","namespace":"shop"},"document":{}},
            {"subject":{"name":"bucket","namespace":"shop"},"document":{}}]"#;
        look("shop", document, RouteServices::QUERIES, &[services], |input| {
            let rule = rules(input).next().unwrap();
            let found = backends(&rule).map(|backend| (backend.weight(), service_of(input, &backend).is_some()));
            assert_eq!(found.collect::<Vec<_>>(), [(9, true), (1, false), (1, false)]);
            assert_eq!(hosts(input).next().unwrap().pointer(), "/spec/hostnames/0");
        });
    }

    #[test]
    fn a_grant_is_for_a_kind_and_a_namespace() {
        // `look` asks about the Deployment `cart` of the group `apps`.
        let grant = |from: &str, to: &str| {
            let grants = format!(
                r#"[{{"subject":{{"namespace":"data"}},"document":{{"spec":{{"from":[{from}],"to":[{to}]}}}}}}]"#
            );
            look("shop", "{}", ReferenceGrants::QUERIES, &[&grants], |input| is_granted(input, "data", "db"))
        };
        let from = r#"{"group":"apps","kind":"Deployment","namespace":"shop"}"#;
        assert!(grant(from, r#"{"group":"","kind":"Service"}"#));
        assert!(grant(from, r#"{"kind":"Service","name":"db"}"#));
        assert!(!grant(from, r#"{"kind":"Service","name":"other"}"#));
        assert!(!grant(r#"{"group":"apps","kind":"Deployment","namespace":"x"}"#, r#"{"kind":"Service"}"#));
    }

    #[test]
    fn a_route_without_a_section_is_of_every_listener() {
        let routes = r#"[{"subject":{"name":"all"},"document":{"spec":{"parentRefs":[{"name":"cart"}]}}},
            {"subject":{"name":"one"},"document":{"spec":{"parentRefs":[{"name":"cart","sectionName":"https"}]}}},
            {"subject":{"name":"other"},"document":{"spec":{"parentRefs":[{"name":"x"}]}}}]"#;
        let document = r#"{"spec":{"listeners":[{"name":"http","port":80},{"name":"https","port":443}]}}"#;
        look("shop", document, GatewayRoutes::QUERIES, &[routes], |input| {
            let names = |at: usize| {
                let listener = input.document.at("spec.listeners").item(at);
                routes_of_listener(input, &listener).map(|route| route.name().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!((names(0), names(1)), (vec!["all".into()], vec!["all".into(), "one".into()]));
        });
    }
}
