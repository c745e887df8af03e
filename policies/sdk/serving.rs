//! Which containers serve: clients send them requests.
//!
//! A container serves when it declares a port. Rules that ask for the Services that select their
//! subject's pods also find those that serve without declaring it:
//!
//! ```ignore
//! services: {
//!     kinds: ["core/Service"],
//!     scope: "namespace",
//!     relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
//!     reads: ["spec.ports"],
//! },
//! ```

use crate::input::{Input, Related};
use crate::json::View;
use crate::object;
use crate::workload::{Class, Container, Workload};
use crate::write::Raw;

/// The main containers that serve: those that declare a port and, where one of the Services that
/// answer `query` sends to a port number that no container declares, those that declare none as
/// well. The rule reads `container.ports`.
pub fn containers<'d, P>(input: &Input<'d, P>, query: &str) -> Vec<Container<'d>> {
    let workload = input.workload();
    let is_behind_service = input.related(query).any(|service| sends_to_undeclared(&service, &workload));
    workload.main_containers().filter(|container| is_behind_service || container.declares_ports()).collect()
}

/// True when the Service sends to a port number that none of the workload's main containers and
/// sidecars declares. Without `targetPort` that is the Service's own port; a
/// name that nobody declares leads nowhere.
fn sends_to_undeclared(service: &Related<'_>, workload: &Workload<'_>) -> bool {
    let spec = service.document.get("spec");
    let mut targets = spec.get("ports").items().filter_map(|port| {
        let target = port.get("targetPort");
        if target.exists() { target.as_i64() } else { port.get("port").as_i64() }
    });
    targets.any(|target| {
        let mut serving =
            workload.containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar));
        !serving.any(|container| declares(&container, target))
    })
}

fn declares(container: &Container<'_>, number: i64) -> bool {
    container.get("ports").items().any(|port| port.get("containerPort").as_i64() == Some(number))
}

/// An HTTP probe of the container's port named `http`, where it has one.
pub fn http_probe(container: &Container<'_>, path: &str, period_seconds: i64) -> Option<Raw> {
    port_named(container, "http")?;
    Some(object! {
        "httpGet": object! { "path": path, "port": "http" },
        "initialDelaySeconds": 5,
        "periodSeconds": period_seconds,
    })
}

/// A gRPC probe of the container's port named `grpc`, where it has one.
pub fn grpc_probe(container: &Container<'_>, period_seconds: i64) -> Option<Raw> {
    let number = port_named(container, "grpc")?.get("containerPort").as_i64()?;
    Some(object! {
        "grpc": object! { "port": number },
        "initialDelaySeconds": 5,
        "periodSeconds": period_seconds,
    })
}

fn port_named<'d>(container: &Container<'d>, name: &str) -> Option<View<'d>> {
    container.get("ports").items().find(|port| port.get("name").as_str() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;

    const POD: &str = r#"{"spec":{
        "containers":[{"name":"cart","ports":[{"containerPort":8080}]},{"name":"helper"}],
        "initContainers":[
            {"name":"migrate","ports":[{"containerPort":1}]},
            {"name":"proxy","restartPolicy":"Always","ports":[{"containerPort":9000}]}]}}"#;

    fn serving(service: &str) -> String {
        let document = format!(r#"{{"pod":{POD}}}"#);
        let related = format!(r#"[{{"subject":{{}},"document":{{"spec":{service}}}}}]"#);
        look("shop", &document, &["services"], &[&related], |input| {
            let names: Vec<&str> = containers(input, "services").iter().map(Container::name).collect();
            names.join(",")
        })
    }

    #[test]
    fn a_service_makes_containers_without_ports_serve() {
        let cases = [
            (r#"{"ports":[{"port":80,"targetPort":8080}]}"#, "cart"),
            (r#"{"ports":[{"port":9000}]}"#, "cart"),
            (r#"{"ports":[{"port":80,"targetPort":"web"}]}"#, "cart"),
            (r#"{"ports":[{"port":80}]}"#, "cart,helper"),
            (r#"{"ports":[{"port":80,"targetPort":1}]}"#, "cart,helper"),
            ("{}", "cart"),
        ];
        for (service, serving_containers) in cases {
            assert_eq!(serving(service), serving_containers, "{service}");
        }
    }

    #[test]
    fn probes_follow_the_names_of_ports() {
        let ports = r#"[{"name":"grpc","containerPort":50052},{"name":"http","containerPort":8080}]"#;
        let text = format!(r#"{{"pod":{{"spec":{{"containers":[{{"ports":{ports}}},{{"name":"bare"}}]}}}}}}"#);
        let json = Json::parse(&text).unwrap();
        let containers: Vec<Container<'_>> = Workload::new("Pod", &json.root()).containers().collect();
        let http = r#"{"httpGet":{"path":"/readyz","port":"http"},"initialDelaySeconds":5,"periodSeconds":9}"#;
        let grpc = r#"{"grpc":{"port":50052},"initialDelaySeconds":5,"periodSeconds":9}"#;
        assert_eq!(http_probe(&containers[0], "/readyz", 9).map(|probe| probe.0).as_deref(), Some(http));
        assert_eq!(grpc_probe(&containers[0], 9).map(|probe| probe.0).as_deref(), Some(grpc));
        assert!(http_probe(&containers[1], "/readyz", 9).is_none() && grpc_probe(&containers[1], 9).is_none());
    }
}
