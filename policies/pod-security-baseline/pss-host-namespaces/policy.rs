use policy_sdk::kubernetes::pod_security::baseline::{self, HostNamespaces, HostProcess};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods do not share the node's namespaces
    ///
    /// None of the pod's `hostNetwork`, `hostPID` and `hostIPC` is `true`. A HostProcess pod for Windows nodes must
    /// be on their network, so there `hostNetwork` is left to `pss-windows-hostprocess`.
    ///
    /// ## Why
    /// With the node's network a pod bypasses every NetworkPolicy and reaches what listens on
    /// localhost there; with its process or IPC namespace it can read and kill other pods' processes.
    ///
    /// ## Fix
    /// Remove the field. A network plugin or a node exporter that needs it gets an exemption that
    /// names its namespace and image.
    findings: {
        /// The pod is on the node's network
        HostNetwork: High, Certain;
        /// The pod sees the node's processes
        HostPid: High, Certain;
        /// The pod shares the node's IPC
        HostIpc: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline", "cis:5.2.3", "cis:5.2.4", "cis:5.2.5"],
    peers: [
        "KL:host-network", "KL:host-pid", "KL:host-ipc", "PO:hostNetworkSet", "PO:hostPIDSet", "PO:hostIPCSet",
        "KC:C-0038", "KC:C-0041", "CK:CKV_K8S_17", "CK:CKV_K8S_18", "CK:CKV_K8S_19", "TR:KSV-0008", "TR:KSV-0009",
        "TR:KSV-0010", "KY:disallow-host-namespaces", "GK:host-namespaces", "PSS:hostNamespaces",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostNamespaces, HostProcess],
    reads: ["pod.spec.hostUsers"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let spec = workload.spec();
    let must_share_network = !baseline::host_process(input).is_empty();
    for (field, code, what) in [
        ("hostNetwork", Code::HostNetwork, "network"),
        ("hostPID", Code::HostPid, "process"),
        ("hostIPC", Code::HostIpc, "IPC"),
    ] {
        let shared = spec.get(field);
        if !shared.is_true() || field == "hostNetwork" && must_share_network {
            continue;
        }
        let also = if spec.get("hostUsers").as_bool() == Some(false) {
            ", which the API server refuses beside `hostUsers: false`"
        } else if workload.kind() == "DaemonSet" {
            "; an agent of the node that needs it is to be exempted, not changed"
        } else {
            ""
        };
        let message =
            format!("the pod shares the node's {what} namespace: `{field}` is `true`, expected `false`{also}");
        findings.report(code, &shared, message);
    }
    Ok(())
}
