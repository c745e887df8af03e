use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::settings::UnprivilegedPorts;

policy_sdk::rule! {
    /// Containers that are not root listen above port 1023
    ///
    /// A container that is known to run as a user other than root declares no `containerPort` below 1024. The rule
    /// allows it if the container adds the capability `NET_BIND_SERVICE`, or if the pod lowers the limit with the
    /// sysctl `net.ipv4.ip_unprivileged_port_start`.
    ///
    /// containerd 2 and Docker 20.10 set this limit to 0 for every pod. By default the rule therefore only checks
    /// pods on the node's network, where the limit of the node applies. Set `unprivilegedPorts: false` for CRI-O
    /// and older versions of containerd. Pods for Windows nodes, which have no such limit, are exempt.
    ///
    /// ## Why
    /// The program cannot bind the port (`permission denied`), and the container restarts again and again. A
    /// program whose file in the image has the capability can bind the port all the same.
    ///
    /// ## Fix
    /// Listen on a port above 1023. The Service keeps its port and sends to the new one:
    ///
    /// ```yaml
    /// ports:
    ///   - {port: 80, targetPort: 8080}
    /// ```
    findings: {
        /// A container that is not root listens on a port that may be closed to it
        Privileged: Info, Guess;
    },
    priority: P3,
    effort: Small,
    factor: PortBinding,
    peers: ["KL:privileged-ports", "TR:KSV-0117"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAs, Windows, UnprivilegedPorts],
    reads: [
        "pod.spec.hostNetwork", "pod.spec.securityContext.sysctls", "container.ports[*].containerPort",
        "container.securityContext.capabilities.add",
    ],
}

const START: &str = "net.ipv4.ip_unprivileged_port_start";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let spec = workload.spec();
    let is_on_node = spec.get("hostNetwork").is_true();
    if windows::is_only(input) {
        return not_applicable("the pod is for Windows nodes");
    }
    if !is_on_node && input.setting::<UnprivilegedPorts>() {
        return not_applicable("the container runtime lets every user bind every port");
    }
    let sysctl = spec.at("securityContext.sysctls").items().find(|sysctl| sysctl.get("name").text() == START);
    let start = sysctl.and_then(|sysctl| sysctl.get("value").text().parse().ok()).unwrap_or(1024);
    for container in workload.containers().filter(|container| run_as::is_known_non_root(input, container)) {
        let mut added = container.at("securityContext.capabilities.add").items();
        if added.any(|added| matches!(added.text(), "NET_BIND_SERVICE" | "CAP_NET_BIND_SERVICE" | "ALL")) {
            continue;
        }
        for port in container.get("ports").items().map(|port| port.get("containerPort")) {
            if port.as_i64().is_some_and(|number| number < start) {
                let place = if is_on_node { " on the node's network" } else { "" };
                let message = format!(
                    "{} is not root and listens on port {}{place}, expected one from {start} on",
                    container.described(),
                    port.to_json()
                );
                findings.report(Code::Privileged, &port, message);
            }
        }
    }
    Ok(())
}
