//! Services as subjects: the ports that they offer, and the workloads that they send to.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

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
}
