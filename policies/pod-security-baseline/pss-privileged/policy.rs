use policy_sdk::kubernetes::command::Commands;
use policy_sdk::kubernetes::pod_security::baseline::{self, Privileged};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers are not privileged
    ///
    /// No container of any class sets `securityContext.privileged: true`.
    ///
    /// What else a privileged container lacks (`allowPrivilegeEscalation`, `capabilities`, `seccompProfile`,
    /// `procMount`) is not reported beside it: the cure is the same.
    ///
    /// ## Why
    /// A privileged container sees the node's devices and keeps every kernel capability: escaping it
    /// means root on the node.
    ///
    /// ## Fix
    /// Drop `privileged`, or add the single capability that the process needs. `sysctl -w` becomes the pod's
    /// `securityContext.sysctls`, access to devices a device plugin. A CSI driver that propagates mounts to the
    /// node can do with nothing less: exempt it by namespace and image.
    findings: {
        /// A container is privileged
        Privileged: High, Certain,
            covers: [
                "pss-capabilities-baseline", "pss-drop-all-capabilities", "pss-privilege-escalation", "pss-procmount",
                "pss-seccomp-baseline", "pss-seccomp-restricted",
            ],
            within: Container;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline", "cis:5.2.2"],
    peers: [
        "KL:privileged-container", "KS:container-security-context-privileged", "PO:runAsPrivileged", "KC:C-0057",
        "CK:CKV_K8S_16", "TR:KSV-0017", "KY:disallow-privileged-containers", "GK:privileged-containers",
        "PSS:privileged",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Commands, Privileged],
    reads: ["container.volumeMounts[*].mountPropagation"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for violation in baseline::privileged(input) {
        let way = violation.owner.container().map_or("", smaller_way);
        let message = format!("{} is privileged{way}", violation.owner.described());
        findings.report(Code::Privileged, &violation.at, message);
    }
    Ok(())
}

/// What does with less, where the container shows what it is privileged for.
fn smaller_way(container: &Container<'_>) -> &'static str {
    let mut mounts = container.get("volumeMounts").items();
    if container.command_line().runs(&["sysctl"]) {
        "; what it sets with `sysctl` can stand in the pod's `securityContext.sysctls`, or is a setting of the node"
    } else if mounts.any(|mount| mount.get("mountPropagation").text() == "Bidirectional") {
        "; only a privileged container may mount with `Bidirectional`, so it needs an exemption"
    } else {
        ""
    }
}
