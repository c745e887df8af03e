use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers are not privileged
    ///
    /// No container of any class sets `securityContext.privileged: true`.
    ///
    /// ## Why
    /// A privileged container sees the node's devices and keeps every kernel capability: escaping it
    /// means root on the node.
    ///
    /// ## Fix
    /// Drop `privileged`, or add the single capability that the process needs.
    severity: Critical,
    priority: P0,
    effort: Small,
    factor: "XV Security",
    controls: ["pss:baseline", "cis:5.2.2"],
    aliases: ["KL:privileged-container", "CK:CKV_K8S_16", "TR:KSV-0017"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["container.securityContext.privileged"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for container in input.workload().containers() {
        let privileged = container.at("securityContext.privileged");
        if privileged.is_true() {
            findings.report(&privileged, format!("{} is privileged", container.described()));
        }
    }
    Ok(())
}
