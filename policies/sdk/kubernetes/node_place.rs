//! What a pod takes of its node that a second one could not have.

use super::workload::{Class, Container};
use crate::input::Input;
use crate::uses::Uses;

crate::usable! {
    /// What the subject's pods take of their node.
    pub NodePlace {
        reads: [
            "pod.spec.hostNetwork",
            "pod.spec.volumes[*].hostPath.path",
            "container.ports[*].hostPort",
        ],
    }
}

/// Why two of the subject's pods could not run on one node: a port of the node, or its network with ports on it.
pub fn holds_alone<P: Uses<NodePlace>>(input: &Input<'_, P>) -> Option<String> {
    let workload = input.workload();
    if workload.spec().get("hostNetwork").is_true() {
        return Some("they are on the node's network".to_owned());
    }
    let runs = |container: &Container<'_>| matches!(container.class, Class::Main | Class::Sidecar);
    let mut ports = workload.containers().filter(runs).flat_map(|container| container.get("ports").items());
    let port = ports.find_map(|port| port.get("hostPort").as_i64().filter(|port| *port > 0))?;
    Some(format!("they take the port {port} of the node"))
}

/// The path of the node that the subject's pods mount first.
pub fn host_path<P: Uses<NodePlace>>(input: &Input<'_, P>) -> Option<String> {
    let path = input.workload().spec().get("volumes").items().map(|volume| volume.at("hostPath.path"));
    let path = path.into_iter().find(|path| path.exists())?;
    Some(format!("they mount the node's `{}`", path.text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn a_port_of_the_node_is_there_once() {
        let seen = |spec: &str| {
            let document = format!(r#"{{"pod":{{"spec":{spec}}}}}"#);
            look("shop", &document, &[], &[], |input| (holds_alone(input).is_some(), host_path(input).is_some()))
        };
        assert_eq!(seen(r#"{"containers":[{"ports":[{"containerPort":80}]}]}"#), (false, false));
        assert_eq!(seen(r#"{"containers":[{"ports":[{"containerPort":80,"hostPort":80}]}]}"#), (true, false));
        assert_eq!(seen(r#"{"containers":[{"ports":[{"containerPort":80,"hostPort":0}]}]}"#), (false, false));
        assert_eq!(seen(r#"{"initContainers":[{"ports":[{"containerPort":80,"hostPort":80}]}]}"#), (false, false));
        assert_eq!(seen(r#"{"hostNetwork":true,"volumes":[{"hostPath":{"path":"/srv"}}]}"#), (true, true));
    }
}
