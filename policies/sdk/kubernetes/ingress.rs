//! Ingresses: hosts, paths, and the Services behind them.

use super::service::{self, ServicePort};
use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;
use crate::values::port::Port;

crate::usable! {
    /// The subject itself, an Ingress.
    pub OwnIngress {
        reads: ["metadata.annotations", "spec.ingressClassName", "spec.tls", "spec.rules", "spec.defaultBackend"],
    }
    /// The Services that the subject, an Ingress, names.
    pub BackendServices {
        reads: ["spec.rules", "spec.defaultBackend"],
        inventory: {
            backend_services: {
                kinds: ["core/Service"],
                scope: "namespace",
                relation: named {
                    kind: "=Service",
                    name: ["spec.rules[*].http.paths[*].backend.service.name", "spec.defaultBackend.service.name"],
                },
                reads: ["metadata.annotations", "spec.type", "spec.ports"],
            },
        },
    }
    /// The workloads behind [`BackendServices`], which a rule lists before it, with their readiness probes.
    pub BackendWorkloads {
        inventory: {
            backend_workloads: {
                kinds: ["workload"],
                scope: "namespace",
                via: "backend_services",
                relation: selected { there: "pod.metadata.labels", here: "spec.selector" },
                reads: ["main_container.name", "main_container.ports", "main_container.readinessProbe"],
            },
        },
    }
    /// The IngressClass of the subject, an Ingress, and the parameters of AWS that the class names.
    pub IngressClasses {
        reads: ["metadata.annotations", "spec.ingressClassName"],
        inventory: {
            ingress_class: {
                kinds: ["networking.k8s.io/IngressClass"],
                scope: "cluster",
                relation: named {
                    kind: "=IngressClass",
                    name: "spec.ingressClassName|metadata.annotations[\"kubernetes.io/ingress.class\"]",
                },
                reads: ["spec.controller", "spec.parameters.name"],
            },
            ingress_class_params: {
                kinds: ["elbv2.k8s.aws/IngressClassParams", "eks.amazonaws.com/IngressClassParams"],
                scope: "cluster",
                via: "ingress_class",
                relation: named { kind: "=IngressClassParams", name: "spec.parameters.name" },
                reads: [
                    "spec.targetType", "spec.scheme", "spec.certificateArn", "spec.certificateARNs", "spec.sslPolicy",
                    "spec.sslRedirectPort", "spec.group.name",
                ],
            },
        },
    }
}

/// What answers Ingresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// The AWS Load Balancer Controller, or that of EKS Auto Mode.
    Alb,
    /// ingress-nginx, or the one of NGINX.
    Nginx,
    /// Google Kubernetes Engine.
    Gce,
    /// Traefik.
    Traefik,
    /// Azure's Application Gateway.
    ApplicationGateway,
    /// OpenShift's router.
    OpenShift,
    /// Another one.
    Other,
    /// The Ingress names no class, and nothing in it says which is meant.
    Unknown,
}

impl Controller {
    /// The controller of an Ingress: by the `controller` of its class where that is known, else by the class's name,
    /// else by its annotations.
    pub fn of(controller: Option<&str>, class: &str, annotations: &View<'_>) -> Self {
        let has =
            |prefixes: &[&str]| annotations.entries().any(|(key, _)| prefixes.iter().any(|it| key.starts_with(it)));
        let called = controller.filter(|it| !it.is_empty()).unwrap_or(class);
        match called {
            "ingress.k8s.aws/alb" | "eks.amazonaws.com/alb" | "alb" => Self::Alb,
            "gce" | "gce-internal" => Self::Gce,
            "azure/application-gateway" | "azure-application-gateway" => Self::ApplicationGateway,
            "openshift-default" | "openshift.io/ingress-to-route" => Self::OpenShift,
            _ if called.contains("nginx") => Self::Nginx,
            _ if called.contains("traefik") => Self::Traefik,
            "" if has(&["alb.ingress.kubernetes.io/"]) => Self::Alb,
            "" if has(&["nginx.ingress.kubernetes.io/"]) => Self::Nginx,
            "" if has(&["networking.gke.io/", "ingress.gcp.kubernetes.io/"]) => Self::Gce,
            "" if has(&["traefik.ingress.kubernetes.io/"]) => Self::Traefik,
            "" if has(&["appgw.ingress.kubernetes.io/"]) => Self::ApplicationGateway,
            "" if has(&["route.openshift.io/"]) => Self::OpenShift,
            "" => Self::Unknown,
            _ => Self::Other,
        }
    }
}

/// A host, a path, and what stands behind.
#[derive(Clone)]
pub struct Route<'d> {
    /// Where the host stands; absent for every host.
    pub host: View<'d>,
    /// Where the path stands; absent for the default backend.
    pub path: View<'d>,
    /// How the path is compared: `Exact`, `Prefix` or `ImplementationSpecific`.
    pub path_type: View<'d>,
    /// The backend.
    pub backend: Backend<'d>,
}

/// A backend of an Ingress: a Service, or a resource of another kind.
#[derive(Clone)]
pub struct Backend<'d>(pub View<'d>);

impl<'d> Backend<'d> {
    /// Where it names its Service; absent for another resource.
    pub fn service(&self) -> View<'d> {
        self.0.at("service.name")
    }

    /// The port that it means, with its place.
    pub fn port(&self) -> Option<(Port<'d>, View<'d>)> {
        let places = ["number", "name"].map(|field| self.0.at("service.port").get(field));
        places.into_iter().find_map(|place| Some((Port::from_view(&place)?, place)))
    }

    /// The port of a Service that it means.
    pub fn port_of(&self, service: &Related<'d>) -> Option<ServicePort<'d>> {
        let (port, _) = self.port()?;
        service::ports(&service.document).find(|offered| match port {
            Port::Number(number) => offered.number() == Some(number),
            Port::Name(name) => offered.name() == name,
        })
    }
}

/// What the subject, an Ingress, routes, its default backend last.
pub fn routes<'d, P: Uses<OwnIngress>>(input: &Input<'d, P>) -> impl Iterator<Item = Route<'d>> + use<'d, P> {
    routes_of(&input.document)
}

/// What an Ingress routes, its default backend last.
pub fn routes_of<'d>(ingress: &View<'d>) -> impl Iterator<Item = Route<'d>> + use<'d> {
    let spec = ingress.get("spec");
    let rules = spec.get("rules").items().flat_map(|rule| {
        let host = rule.get("host");
        rule.at("http.paths").items().map(move |entry| Route {
            host: host.clone(),
            path: entry.get("path"),
            path_type: entry.get("pathType"),
            backend: Backend(entry.get("backend")),
        })
    });
    let default = Some(spec.get("defaultBackend")).filter(View::exists).map(|backend| Route {
        host: spec.get("rules").end(),
        path: backend.get("path"),
        path_type: backend.get("pathType"),
        backend: Backend(backend),
    });
    rules.chain(default)
}

/// The hosts that the subject's certificates are for, with their places. Without any an entry of `tls` is for all.
pub fn tls_hosts<'d, P: Uses<OwnIngress>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    input.document.at("spec.tls").items().flat_map(|entry| entry.get("hosts").items())
}

/// The class that answers: the field, else the annotation that came before it.
pub fn class<'d, P: Uses<OwnIngress>>(input: &Input<'d, P>) -> View<'d> {
    class_of(&input.document)
}

/// The class that answers an Ingress: the field, else the annotation that came before it.
pub fn class_of<'d>(ingress: &View<'d>) -> View<'d> {
    let field = ingress.at("spec.ingressClassName");
    let annotation = ingress.at("metadata.annotations").get("kubernetes.io/ingress.class");
    if annotation.exists() && !field.exists() { annotation } else { field }
}

/// What answers the subject, an Ingress.
pub fn controller<P: Uses<IngressClasses>>(input: &Input<'_, P>) -> Controller {
    let class = input.related("ingress_class").next();
    let named = class.as_ref().map(|class| class.document.at("spec.controller").text());
    Controller::of(named, class_of(&input.document).text(), &input.document.at("metadata.annotations"))
}

/// Whether cert-manager made an Ingress to answer a challenge, for as long as that takes.
pub fn is_acme_solver(labels: &View<'_>) -> bool {
    labels.get("acme.cert-manager.io/http01-solver").text() == "true"
}

/// The Service that a backend of the subject names, where it is among the documents.
pub fn service_of<'d, P: Uses<BackendServices>>(input: &Input<'d, P>, backend: &Backend<'d>) -> Option<Related<'d>> {
    input.related("backend_services").find(|service| service.name() == backend.service().text())
}

/// The Services that the subject names, each with the workloads behind it.
pub fn served<'d, P: Uses<BackendServices> + Uses<BackendWorkloads>>(
    input: &Input<'d, P>,
) -> Vec<(Related<'d>, Vec<Related<'d>>)> {
    let services = input.related("backend_services").enumerate();
    let behind =
        |at: usize| input.related("backend_workloads").filter(move |it| it.via().any(|via| via == at)).collect();
    services.map(|(at, service)| (service, behind(at))).collect()
}

/// Whether a host is the one of a certificate, whose `*` stands for one label.
pub fn covers(certificate: &str, host: &str) -> bool {
    match certificate.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => certificate.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    const INGRESS: &str = r#"{"metadata":{"annotations":{"kubernetes.io/ingress.class":"nginx"}},"spec":{
        "defaultBackend":{"resource":{"kind":"Bucket"}},
        "tls":[{"hosts":["a.example"]},{}],
        "rules":[{"host":"a.example","http":{"paths":[
            {"path":"/","pathType":"Prefix","backend":{"service":{"name":"cart","port":{"name":"web"}}}},
            {"path":"/x","backend":{"service":{"name":"cart","port":{"number":81}}}}]}}]}}"#;

    #[test]
    fn routes_know_their_places_and_backends() {
        let services = r#"[{"subject":{"name":"cart"},"document":{"spec":{"ports":[{"name":"web","port":80}]}}}]"#;
        look("shop", INGRESS, BackendServices::QUERIES, &[services], |input| {
            let routes: Vec<Route<'_>> = routes(input).collect();
            let found = routes.iter().map(|route| {
                let service = service_of(input, &route.backend)?;
                Some(route.backend.port_of(&service)?.number())
            });
            assert_eq!(found.collect::<Vec<_>>(), [Some(Some(80)), None, None]);
            assert_eq!(
                routes[1].backend.port().unwrap().1.pointer(),
                "/spec/rules/0/http/paths/1/backend/service/port/number"
            );
            assert_eq!((routes[0].host.text(), routes[0].path.text()), ("a.example", "/"));
            assert!(!routes[2].backend.service().exists() && !routes[2].host.exists());
            assert_eq!(tls_hosts(input).count(), 1);
            assert_eq!(class(input).text(), "nginx");
        });
    }

    #[test]
    fn controllers_are_told_by_class_name_and_annotations() {
        let of = |controller: Option<&str>, class: &str, annotations: &str| {
            let json = crate::json::Json::parse(annotations).unwrap();
            Controller::of(controller, class, &json.root())
        };
        assert_eq!(of(Some("ingress.k8s.aws/alb"), "public", "{}"), Controller::Alb);
        assert_eq!(of(Some("k8s.io/ingress-nginx"), "alb", "{}"), Controller::Nginx);
        assert_eq!(of(None, "alb", "{}"), Controller::Alb);
        assert_eq!(of(None, "internal-nginx", "{}"), Controller::Nginx);
        assert_eq!(of(None, "kong", r#"{"alb.ingress.kubernetes.io/scheme":"internal"}"#), Controller::Other);
        assert_eq!(of(None, "", r#"{"alb.ingress.kubernetes.io/scheme":"internal"}"#), Controller::Alb);
        assert_eq!(of(None, "", "{}"), Controller::Unknown);
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        assert!(covers("*.example.com", "a.example.com") && covers("A.example", "a.example"));
        assert!(!covers("*.example.com", "a.b.example.com") && !covers("*.example.com", "example.com"));
    }
}
