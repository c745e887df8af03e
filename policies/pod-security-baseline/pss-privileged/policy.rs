use policy_sdk::kubernetes::workload::CommandLines;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers are not privileged
    ///
    /// No container of any class sets `securityContext.privileged: true`.
    ///
    /// What else a privileged container lacks (`allowPrivilegeEscalation`, `capabilities`, `seccompProfile`) is not
    /// told beside it: the cure is the same.
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
            covers: ["pss-privilege-escalation", "pss-drop-all-capabilities", "pss-seccomp-restricted"], within: Container;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline", "cis:5.2.2"],
    peers: ["KL:privileged-container", "CK:CKV_K8S_16", "TR:KSV-0017"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [CommandLines],
    reads: [
        "container.securityContext.privileged",
        "container.volumeMounts[*].mountPropagation",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for container in input.workload().containers() {
        let privileged = container.at("securityContext.privileged");
        if privileged.is_true() {
            let message = format!("{} is privileged{}", container.described(), smaller_way(&container));
            findings.report(Code::Privileged, &privileged, message);
        }
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
