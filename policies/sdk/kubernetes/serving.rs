//! Which containers serve: clients send them requests.
//!
//! A container serves when a Service sends to a port of it.

use super::monitoring::is_of_metrics;
use super::service;
use crate::input::{Input, Related};
use crate::json::View;
use crate::kubernetes::workload::{Class, Container, Workload};
use crate::uses::Uses;
use crate::values::port::Port;

crate::usable! {
    /// The Services that select the subject's pods, with the ports that its containers declare.
    pub Services {
        reads: ["pod.metadata.labels", "container.ports"],
        inventory: {
            services: {
                kinds: ["core/Service"],
                scope: "namespace",
                relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
                reads: ["spec.ports", "spec.publishNotReadyAddresses", "spec.clusterIP"],
            },
        },
    }
}

/// The Services that select the subject's pods.
pub fn services<'d, P: Uses<Services>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("services")
}

/// Whether a Service sends only to pods that are ready.
pub fn waits(service: &Related<'_>) -> bool {
    !service.document.at("spec.publishNotReadyAddresses").is_true()
}

/// A container that a Service sends to.
pub struct Served<'d> {
    /// The container, one of `containers`.
    pub container: Container<'d>,
    /// Its port that the Service sends to.
    pub port: View<'d>,
    /// The first such Service.
    pub service: Related<'d>,
}

/// The main containers with a port that a Service sends to, by number or by name; ports for metrics alone do not
/// count. `counts` tells which Services do.
pub fn served<'d, P: Uses<Services>>(input: &Input<'d, P>, counts: impl Fn(&Related<'d>) -> bool) -> Vec<Served<'d>> {
    let workload = input.workload();
    let services: Vec<Related<'d>> = services(input).filter(counts).collect();
    let find = |container: Container<'d>| {
        let ports = container.get("ports").items().filter(|port| !is_of_metrics(port.get("name").text()));
        let sent = |port: View<'d>| {
            let service = services.iter().find(|service| sends_to(service, &port))?;
            Some((port, service.clone()))
        };
        let (port, service) = ports.into_iter().find_map(sent)?;
        Some(Served { container, port, service })
    };
    workload.main_containers().filter_map(find).collect()
}

/// A Service that selects the pods and sends to a port number that no container declares.
pub fn sending_to_undeclared<'d, P: Uses<Services>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    let workload = input.workload();
    services(input).find(|service| sends_to_undeclared(service, &workload))
}

/// A Service that sends to the subject's pods, other than for metrics.
pub fn sender<'d, P: Uses<Services>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    let served = served(input, |_| true).into_iter().map(|served| served.service).next();
    served.or_else(|| sending_to_undeclared(input))
}

/// True when the container declares ports, and all of them are for metrics.
pub fn is_for_metrics_only(container: &Container<'_>) -> bool {
    let mut ports = container.get("ports").items().peekable();
    ports.peek().is_some() && ports.all(|port| is_of_metrics(port.get("name").text()))
}

fn sends_to(service: &Related<'_>, declared: &View<'_>) -> bool {
    service::ports(&service.document).filter_map(|port| port.target()).any(|port| port.is(declared))
}

/// True when the Service sends to a port number that none of the workload's main containers and
/// sidecars declares. Without `targetPort` that is the Service's own port; a
/// name that nobody declares leads nowhere.
fn sends_to_undeclared(service: &Related<'_>, workload: &Workload<'_>) -> bool {
    let mut numbers = service::ports(&service.document)
        .filter_map(|port| port.target())
        .filter(|port| matches!(port, Port::Number(_)));
    numbers.any(|port| {
        let mut serving =
            workload.containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar));
        !serving.any(|container| declares(&container, port))
    })
}

fn declares(container: &Container<'_>, port: Port<'_>) -> bool {
    container.get("ports").items().any(|declared| port.is(&declared))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    const POD: &str = r#"{"spec":{
        "containers":[
            {"name":"cart","ports":[{"name":"http","containerPort":8080}]},
            {"name":"exporter","ports":[{"name":"http-metrics","containerPort":9090}]},
            {"name":"helper"}],
        "initContainers":[
            {"name":"migrate","ports":[{"containerPort":1}]},
            {"name":"proxy","restartPolicy":"Always","ports":[{"containerPort":9000}]}]}}"#;

    /// The containers that a Service sends to, and `?` where it sends to a port that none declares.
    fn sent_to(service: &str) -> String {
        let document = format!(r#"{{"pod":{POD}}}"#);
        let related = format!(r#"[{{"subject":{{}},"document":{{"spec":{service}}}}}]"#);
        look("shop", &document, Services::QUERIES, &[&related], |input| {
            let served = served(input, |_| true);
            let mut names: Vec<&str> = served.iter().map(|served| served.container.name()).collect();
            names.extend(sending_to_undeclared(input).map(|_| "?"));
            assert_eq!(sender(input).is_some(), !names.is_empty());
            names.join(",")
        })
    }

    #[test]
    fn a_service_sends_to_the_containers_that_declare_its_ports() {
        let cases = [
            (r#"{"ports":[{"port":80,"targetPort":8080}]}"#, "cart"),
            (r#"{"ports":[{"port":8080}]}"#, "cart"),
            (r#"{"ports":[{"port":80,"targetPort":"http"}]}"#, "cart"),
            // For metrics alone, to a sidecar, to a name that nobody has.
            (r#"{"ports":[{"port":9090}]}"#, ""),
            (r#"{"ports":[{"port":9000}]}"#, ""),
            (r#"{"ports":[{"port":80,"targetPort":"web"}]}"#, ""),
            (r#"{"ports":[{"port":80}]}"#, "?"),
            (r#"{"ports":[{"port":80,"targetPort":1}]}"#, "?"),
        ];
        for (service, containers) in cases {
            assert_eq!(sent_to(service), containers, "{service}");
        }
        look("shop", &format!(r#"{{"pod":{POD}}}"#), &[], &[], |input| {
            let only = input.workload().main_containers().map(|container| is_for_metrics_only(&container));
            assert_eq!(only.collect::<Vec<_>>(), [false, true, false]);
        });
    }
}
