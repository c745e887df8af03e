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
}
