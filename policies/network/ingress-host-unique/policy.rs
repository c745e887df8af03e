use policy_sdk::kubernetes::alb;
use policy_sdk::kubernetes::file::{self, OwnFile};
use policy_sdk::kubernetes::ingress::{self, Controller, IngressClasses, OwnIngress, Route};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A host and path is served by one Ingress
    ///
    /// No two Ingresses of one class have a rule for the same host, path and kind of path with different backends.
    ///
    /// Not reported are canaries of ingress-nginx, challenges of cert-manager, the minions of a mergeable Ingress, ALBs
    /// without a group, which have load balancers of their own, and those of a group with an order. Routes of the
    /// Gateway API may overlap: the older one wins. Files of tests, examples and documentation stand each for itself
    /// and are not checked.
    ///
    /// ## Why
    /// Which of the two is served depends on the controller and on the order in which they were made. One team's
    /// deployment takes the traffic of another one, and nothing says so.
    ///
    /// ## Fix
    /// Keep one of them, or give them different hosts or paths. For a part of the requests use the canary of the
    /// controller.
    findings: {
        /// Another Ingress of the class has the same host and path for another backend
        Duplicate: High, Likely;
    },
    priority: P2,
    effort: Small,
    factor: PortBinding,
    peers: ["KY:unique-ingress-host-and-path", "KY:unique-ingress-paths", "GK:uniqueingresshost"],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/Ingress"],
    uses: [OwnIngress, IngressClasses, OwnFile],
    reads: ["metadata.labels"],
    inventory: {
        rivals: {
            kinds: ["networking.k8s.io/Ingress"],
            scope: "cluster",
            relation: same {
                there: [
                    "spec.rules[*].host=none", "spec.rules[*].http.paths[*].path=/",
                    "spec.rules[*].http.paths[*].pathType",
                ],
                here: [
                    "spec.rules[*].host=none", "spec.rules[*].http.paths[*].path=/",
                    "spec.rules[*].http.paths[*].pathType",
                ],
            },
            reads: ["metadata.labels", "metadata.annotations", "spec.ingressClassName", "spec.rules"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if file::is_sample(input) {
        return not_applicable("it is a sample, which stands for itself");
    }
    let metadata = input.document.get("metadata");
    if let Some(reason) = shares(&metadata.get("labels"), &metadata.get("annotations")) {
        return not_applicable(reason);
    }
    let controller = ingress::controller(input);
    let group = metadata.get("annotations").get(&[alb::PREFIX, "group.name"].concat()).text();
    if controller == Controller::Alb && group.is_empty() {
        return not_applicable("it has a load balancer of its own");
    }
    let class = ingress::class(input);
    let subject = (&*input.subject.namespace, &*input.subject.name);
    let is_rival = |other: &Related<'_>| {
        let metadata = other.document.get("metadata");
        (other.namespace(), other.name()) < subject
            && ingress::class_of(&other.document).text() == class.text()
            && metadata.get("annotations").get(&[alb::PREFIX, "group.name"].concat()).text() == group
            && shares(&metadata.get("labels"), &metadata.get("annotations")).is_none()
    };
    let rivals: Vec<Related<'_>> = input.related("rivals").filter(is_rival).collect();
    for own in ingress::routes(input).filter(|route| !is_by_annotation(route)) {
        let Some((rival, path)) = rivals.iter().find_map(|rival| taken(rival, &own, subject.0)) else { continue };
        let host = if own.host.text().is_empty() { "every host" } else { own.host.text() };
        let text = if own.path.text().is_empty() { "/" } else { own.path.text() };
        let message = format!(
            "the Ingress `{}` already has `{text}` of `{host}`, for another backend",
            called(&rival, subject.0)
        );
        findings.report(Code::Duplicate, &own.path, message).label_in(&rival, &path, "the same host and path");
    }
    Ok(())
}

/// Where a rival has the host and path of a route of the subject, for another backend.
fn taken<'d>(rival: &Related<'d>, own: &Route<'_>, namespace: &str) -> Option<(Related<'d>, View<'d>)> {
    let mut routes = ingress::routes_of(&rival.document);
    let route = routes.find(|other| is_same(own, other) && !is_by_annotation(other))?;
    (backend(rival.namespace(), &route) != backend(namespace, own)).then(|| (rival.clone(), route.path.clone()))
}

/// Why an Ingress may have the hosts and paths of another one.
fn shares(labels: &View<'_>, annotations: &View<'_>) -> Option<&'static str> {
    let is_set = |key: &str| annotations.get(key).exists();
    if ingress::is_acme_solver(labels) {
        Some("cert-manager made it to answer a challenge")
    } else if annotations.get("nginx.ingress.kubernetes.io/canary").text() == "true" {
        Some("it is a canary of another Ingress")
    } else if is_set("nginx.org/mergeable-ingress-type") {
        Some("it is merged with others")
    } else if is_set("alb.ingress.kubernetes.io/group.order") {
        Some("its group has an order")
    } else {
        None
    }
}

fn is_same(one: &Route<'_>, other: &Route<'_>) -> bool {
    let path =
        |route: &Route<'_>| if route.path.text().is_empty() { "/".to_owned() } else { route.path.text().to_owned() };
    one.host.text().eq_ignore_ascii_case(other.host.text())
        && path(one) == path(other)
        && one.path_type.text() == other.path_type.text()
        && one.path_type.exists()
}

/// Whether an annotation says where the requests go.
fn is_by_annotation(route: &Route<'_>) -> bool {
    route.backend.0.at("service.port.name").text() == "use-annotation"
}

/// What stands behind a route, to be compared.
fn backend(namespace: &str, route: &Route<'_>) -> Vec<String> {
    let of = |path: &str| route.backend.0.at(path).scalar_text().unwrap_or_default().to_owned();
    let fields = ["service.name", "service.port.number", "service.port.name", "resource.kind", "resource.name"].map(of);
    [namespace.to_owned()].into_iter().chain(fields).collect()
}

fn called(ingress: &Related<'_>, own: &str) -> String {
    let name = ingress.name().to_owned();
    if ingress.namespace() == own { name } else { [ingress.namespace(), "/", &name].concat() }
}
