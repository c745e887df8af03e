use policy_sdk::kubernetes::pod_security::Owner;
use policy_sdk::kubernetes::pod_security::baseline::{self, HostPorts};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers take no ports of the node
    ///
    /// `ports[].hostPort` of every container of every class is absent or 0. In a pod on the node's network the API
    /// server sets it to the `containerPort`, so a port that says the same is left to `pss-host-namespaces`.
    ///
    /// ## Why
    /// A port of the node is reachable from wherever the node is, past every Service, and often past every
    /// NetworkPolicy. Two pods that want the same one cannot share a node: rollouts wait for a node that is free.
    ///
    /// ## Fix
    /// Remove `hostPort` and reach the pod through a Service: `ClusterIP` inside the cluster, `LoadBalancer`, an
    /// Ingress or a Gateway from outside. An agent that must listen on each node gets an exemption.
    findings: {
        /// A container takes a port of the node
        HostPort: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline", "cis:5.2.13"],
    peers: [
        "PO:hostPortSet", "KC:C-0044", "CK:CKV_K8S_26", "TR:KSV-0024", "KY:disallow-host-ports",
        "GK:host-network-ports", "PSS:hostPorts",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostPorts],
    reads: ["pod.spec.hostNetwork"],
    parameters: {
        /// Ranges of ports that may be taken.
        allowed_ranges: Vec<Range> = Vec::new(),
    },
}

policy_sdk::record! {
    /// A range of ports.
    pub Range {
        /// The first.
        pub from, "from": i64 = 1;
        /// The last.
        pub to, "to": i64 = 65535;
        /// `TCP`, `UDP` or `SCTP`.
        pub protocol, "protocol": String = "TCP".into();
    }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_on_node = input.workload().spec().get("hostNetwork").is_true();
    for violation in baseline::host_ports(input) {
        let (Owner::Container(container), Some(number)) = (&violation.owner, violation.at.as_i64()) else { continue };
        let mut ports = container.get("ports").items();
        let port = ports.find(|port| port.get("hostPort").pointer() == violation.at.pointer());
        let Some(port) = port else { continue };
        let protocol = port.get("protocol").as_str().unwrap_or("TCP");
        let is_set_by_server = is_on_node && port.get("containerPort").as_i64() == Some(number);
        let mut allowed = input.parameters.allowed_ranges.iter();
        if is_set_by_server
            || allowed.any(|range| range.protocol == protocol && (range.from..=range.to).contains(&number))
        {
            continue;
        }
        let message = format!("{} takes port {number}/{protocol} of the node, expected none", container.described());
        findings.report(Code::HostPort, &violation.at, message);
    }
    Ok(())
}
