use policy_sdk::kubernetes::file::{self, OwnFile};
use policy_sdk::kubernetes::gateway::{self, OwnRoute, ReferenceGrants, RouteServices};
use policy_sdk::kubernetes::ingress::{self, BackendServices, OwnIngress};
use policy_sdk::kubernetes::operated::{self, OperatedPods};
use policy_sdk::kubernetes::service::{self, ServicePort};
use policy_sdk::prelude::*;
use policy_sdk::repository::files::folder;
use policy_sdk::values::port::Port;

policy_sdk::rule! {
    /// Backends of Ingresses and routes exist
    ///
    /// The Service that an Ingress, HTTPRoute or GRPCRoute sends to exists, and has the port, by its number or its
    /// name. A route may send to a Service of another namespace only if a ReferenceGrant there allows it.
    ///
    /// Not checked are backends that are no Services (buckets, `InferencePool`, `ServiceImport`), and those that an
    /// annotation of an ALB describes (`use-annotation`, `actions.NAME`), and the grants of a route inside a mesh. A
    /// missing Service is only reported where some Service of its namespace is among the documents, and beside it where
    /// no namespace is written; elsewhere Services are kept in another place. Where an operator makes pods in the
    /// namespace it may make their Services too, so the rule is not evaluated. Files of tests, examples and
    /// documentation stand each for itself and are not checked.
    ///
    /// ## Why
    /// The Ingress or the route is accepted, and every request to this path gets an error 503 or 404. nginx's admission
    /// checks do not notice.
    ///
    /// ## Fix
    /// Name the Service and its port, not the port of the pods:
    ///
    /// ```yaml
    /// # Service: ports: [{name: http, port: 80, targetPort: 8080}]
    /// backend: {service: {name: cart, port: {name: http}}}
    /// ```
    findings: {
        /// There is no Service of that name
        MissingService: High, Likely, absence: ["backend_services", "route_services"];
        /// The Service has no such port
        MissingPort: High, Likely;
        /// No ReferenceGrant lets the route send to the Service of another namespace
        NotGranted: High, Likely, absence: ["reference_grants"];
        /// The Service does not exist, and gets no requests either
        Unused: Info, Likely, absence: ["route_services"];
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    peers: ["KL:dangling-ingress", "KS:ingress-targets-service", "KC:C-0298", "KC:C-0302"],
    since: "0.1.0",
    applies_to: [
        "networking.k8s.io/Ingress", "gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/GRPCRoute",
    ],
    uses: [OwnIngress, BackendServices, OwnRoute, RouteServices, ReferenceGrants, OperatedPods, OwnFile],
    inventory: {
        // Services of the namespace that are named and there: they say that Services are kept with these documents.
        known_services: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: named {
                kind: "=Service",
                name: [
                    "spec.rules[*].http.paths[*].backend.service.name", "spec.defaultBackend.service.name",
                    "spec.rules[*].backendRefs[*].name",
                ],
            },
            reads: [],
        },
        // No relation fits: where none is there it counts whether Services are kept with these documents at all. So
        // only where they are kept is read of them.
        any_service: { kinds: ["core/Service"], scope: "cluster", unless: "known_services", reads: ["file"] },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if file::is_sample(input) {
        return not_applicable("it is a sample, which stands for itself");
    }
    let mut unknown = None;
    if input.subject.kind == "Ingress" {
        judge_ingress(input, &mut unknown, findings);
    } else {
        judge_route(input, &mut unknown, findings);
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

fn judge_ingress(input: &Input<'_, Parameters>, unknown: &mut Option<String>, findings: &mut Findings) {
    let annotations = input.document.at("metadata.annotations");
    let mut seen = Vec::new();
    for route in ingress::routes(input) {
        let backend = route.backend;
        let place = backend.service();
        let name = place.text();
        let port = backend.port();
        let is_action = annotations.get(&["alb.ingress.kubernetes.io/actions.", name].concat()).exists();
        if !place.exists() || is_action || port.as_ref().is_some_and(|(port, _)| *port == Port::Name("use-annotation"))
        {
            continue;
        }
        // Many paths lead to one backend: it is reported once.
        let key = (name, port.as_ref().map(|(port, _)| *port));
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let path = [route.host.text(), route.path.text()].concat();
        let of = if path.is_empty() { "requests".to_owned() } else { format!("requests for `{path}`") };
        match ingress::service_of(input, &backend) {
            None => {
                report_service(input, &input.subject.namespace, &place, &of, Code::MissingService, unknown, findings)
            }
            Some(service) => {
                let Some((port, port_place)) = port.filter(|_| backend.port_of(&service).is_none()) else { continue };
                report_port(&service, port, &port_place, findings);
            }
        }
    }
}

fn judge_route(input: &Input<'_, Parameters>, unknown: &mut Option<String>, findings: &mut Findings) {
    let own = &*input.subject.namespace;
    for backend in gateway::rules(input).flat_map(|rule| gateway::backends(&rule).collect::<Vec<_>>()) {
        if !backend.is_service() || !backend.name().exists() {
            continue;
        }
        let namespace = backend.namespace(own);
        let code = if backend.weight() == 0 { Code::Unused } else { Code::MissingService };
        let Some(service) = gateway::service_of(input, &backend) else {
            report_service(input, namespace, &backend.name(), "requests that it is for", code, unknown, findings);
            continue;
        };
        let is_of_mesh =
            input.document.at("spec.parentRefs").items().any(|parent| parent.get("kind").text() == "Service");
        if namespace != own && !own.is_empty() && !is_of_mesh && !gateway::is_granted(input, namespace, service.name())
        {
            let message = format!(
                "Service `{}` is in the namespace `{namespace}`, where no ReferenceGrant allows a {} of `{own}` to send to it",
                service.name(),
                input.subject.kind
            );
            let report = findings.report(Code::NotGranted, &backend.name(), message);
            report.label_in(&service, &service.document.at("spec.ports"), "the Service");
            continue;
        }
        let place = backend.port();
        let Some(number) = place.as_i64() else { continue };
        if !service::ports(&service.document).any(|port| port.number() == Some(number)) {
            report_port(&service, Port::Number(number), &place, findings);
        }
    }
}

fn report_service(
    input: &Input<'_, Parameters>,
    namespace: &str,
    place: &View<'_>,
    requests: &str,
    code: Code,
    unknown: &mut Option<String>,
    findings: &mut Findings,
) {
    let name = place.text();
    let own = folder(input.document.get("file").text());
    let is_near = |service: &Related<'_>| {
        let other = folder(service.document.get("file").text());
        let holds = |one: &str, other: &str| {
            other.strip_prefix(one).is_some_and(|rest| rest.is_empty() || !one.is_empty() && rest.starts_with('/'))
        };
        holds(own, other) || holds(other, own)
    };
    // Without a namespace in files nobody knows which is meant, so Services count that are kept beside it.
    let is_kept =
        |service: &Related<'_>| service.namespace() == namespace && (!namespace.is_empty() || is_near(service));
    let is_known = namespace == input.subject.namespace && input.related("known_services").next().is_some();
    if !is_known && !input.related("any_service").any(|service| is_kept(&service)) {
        *unknown = Some(format!("no Service of the namespace of `{name}` is among the documents"));
        return;
    }
    let has_none = |service: &Related<'_>| service.namespace().is_empty() || namespace.is_empty();
    if input.related("any_service").any(|service| service.name() == name && has_none(&service)) {
        *unknown = Some(format!("whether a Service `{name}` is in its namespace is not written"));
        return;
    }
    if let Some(operated) = operated::operated(input) {
        let (kind, other) = (operated.kind(), operated.name());
        *unknown = Some(format!("an operator may make `{name}` for {kind} `{other}`"));
        return;
    }
    let message = format!("there is no Service `{name}` in its namespace, so {requests} fail");
    findings.report(code, place, message);
}

fn report_port(service: &Related<'_>, port: Port<'_>, place: &View<'_>, findings: &mut Findings) {
    let wanted = match port {
        Port::Number(number) => number.to_string(),
        Port::Name(name) => name.to_owned(),
    };
    let ports: Vec<ServicePort<'_>> = service::ports(&service.document).collect();
    let has = ports.iter().map(|port| match (port.name(), port.number()) {
        ("", Some(number)) => format!("{number}"),
        (name, Some(number)) => format!("{number} (`{name}`)"),
        (name, None) => format!("`{name}`"),
    });
    let has: Vec<String> = has.collect();
    // The port of the pods is what is mostly written in its place.
    let of_pods = ports.iter().find(|offered| offered.target() == Some(port) && offered.number().is_some());
    let hint = match of_pods.and_then(ServicePort::number) {
        Some(number) => format!("; {wanted} is the port of the pods, for which the Service has {number}"),
        None => String::new(),
    };
    let message = format!("Service `{}` has no port `{wanted}`, it has {}{hint}", service.name(), has.join(", "));
    let fix = match (ports.as_slice(), port) {
        ([only], Port::Number(_)) => {
            only.number().map(|number| Fix::unsafe_(format!("send to {number}")).set(place, number))
        }
        _ => None,
    };
    let report = findings.report(Code::MissingPort, place, message).fix(fix);
    report.label_in(service, &service.document.at("spec.ports"), "the ports that it has");
}
