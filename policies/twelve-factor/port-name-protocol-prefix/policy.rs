use policy_sdk::kubernetes::namespace::{self, OwnNamespace};
use policy_sdk::kubernetes::service::{self, OwnService};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::settings::{Mesh, ServiceMesh};
use policy_sdk::values::port::protocol;

policy_sdk::rule! {
    /// In a mesh, the ports of Services say what protocol they speak
    ///
    /// The name of each TCP port of a Service is a protocol that Istio knows, or begins with one and a dash: `http`,
    /// `grpc-orders`. An `appProtocol` says as much. The rule checks Services in clusters that have Istio, as the
    /// setting `serviceMesh` or labels of the Namespace say (`istio-injection: enabled`, `istio.io/rev`, or
    /// `istio.io/dataplane-mode`). Headless Services pass, since their clients choose a pod themselves.
    ///
    /// ## Why
    /// Istio reads the protocol from these names. For a port that says nothing it guesses the protocol from the first
    /// bytes, which takes time and fails for protocols in which the server speaks first: such traffic is plain TCP to
    /// it, without retries, routes and metrics of requests.
    ///
    /// ## Fix
    /// ```yaml
    /// ports:
    ///   - name: http-web
    ///     port: 80
    ///   - name: orders
    ///     appProtocol: grpc
    ///     port: 9000
    /// ```
    findings: {
        /// A port of a Service in a mesh says no protocol
        Silent: Low, Likely;
    },
    priority: P2,
    effort: Small,
    factor: PortBinding,
    since: "0.1.0",
    applies_to: ["core/Service"],
    uses: [OwnService, OwnNamespace, ServiceMesh],
    parameters: {
        /// The protocols that the mesh knows.
        protocols: Vec<String> = list([
            "http", "http2", "https", "grpc", "grpc-web", "tcp", "tls", "udp", "mongo", "mysql", "redis",
        ]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !is_in_mesh(input) {
        return not_applicable("it is not known that its namespace is in a mesh that reads the names of ports");
    }
    if service::is_headless(input) || input.document.at("spec.type").text() == "ExternalName" {
        return not_applicable("its clients choose whom they ask");
    }
    for port in service::own_ports(input) {
        let name = port.name();
        let says = |known: &String| {
            name.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        if protocol(&port.0) != "TCP"
            || port.0.get("appProtocol").exists()
            || input.parameters.protocols.iter().any(says)
        {
            continue;
        }
        let called = if name.is_empty() {
            format!("port {} has no name", port.number().unwrap_or_default())
        } else {
            format!("the name `{name}` says no protocol")
        };
        let message = format!(
            "{called}, expected one such as `http-{}`, or an `appProtocol`",
            if name.is_empty() { "web" } else { name }
        );
        findings.report(Code::Silent, &port.0.get("name"), message);
    }
    Ok(())
}

fn is_in_mesh(input: &Input<'_, Parameters>) -> bool {
    let label = |key: &str| namespace::label(input, key).map_or("", |label| label.text());
    match label("istio-injection") {
        "enabled" => return true,
        "disabled" => return false,
        _ => {}
    }
    input.setting::<ServiceMesh>() == Mesh::Istio
        || !label("istio.io/rev").is_empty()
        || !matches!(label("istio.io/dataplane-mode"), "" | "none")
}
