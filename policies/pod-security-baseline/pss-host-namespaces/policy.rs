use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods do not share the node's namespaces
    ///
    /// None of the pod's `hostNetwork`, `hostPID` and `hostIPC` is `true`.
    ///
    /// ## Why
    /// With the node's network a pod bypasses every NetworkPolicy and reaches what listens on
    /// localhost there; with its process or IPC namespace it can read and kill other pods' processes.
    ///
    /// ## Fix
    /// Remove the field. A network plugin or a node exporter that needs it gets an exemption that
    /// names its namespace and image.
    severity: Critical,
    priority: P0,
    effort: Small,
    factor: "XV Security",
    controls: ["pss:baseline", "cis:5.2.3", "cis:5.2.4", "cis:5.2.5"],
    aliases: [
        "KL:host-network", "KL:host-pid", "KL:host-ipc",
        "PO:hostNetworkSet", "PO:hostPIDSet", "PO:hostIPCSet",
        "KC:C-0038", "KC:C-0041",
        "CK:CKV_K8S_17", "CK:CKV_K8S_18", "CK:CKV_K8S_19",
        "TR:KSV-0008", "TR:KSV-0009", "TR:KSV-0010",
        "KY:disallow-host-namespaces", "GK:host-namespaces",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["pod.spec.hostNetwork", "pod.spec.hostPID", "pod.spec.hostIPC"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.workload().spec();
    for (field, code, what) in
        [("hostNetwork", "host-network", "network"), ("hostPID", "host-pid", "process"), ("hostIPC", "host-ipc", "IPC")]
    {
        let shared = spec.get(field);
        if shared.is_true() {
            let message = format!("the pod shares the node's {what} namespace: `{field}` is `true`, expected `false`");
            findings.report(&shared, message).code(code);
        }
    }
    Ok(())
}
