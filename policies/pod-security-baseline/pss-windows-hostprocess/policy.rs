use policy_sdk::kubernetes::pod_security::baseline::{self, HostProcess};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Windows containers do not run as processes of the node
    ///
    /// `securityContext.windowsOptions.hostProcess` of the pod and of every container of every class is absent or
    /// `false`.
    ///
    /// ## Why
    /// A HostProcess container is no container: it sees the node's files, registry and network, and runs as an account
    /// of the node.
    ///
    /// ## Fix
    /// Remove `hostProcess`. A network plugin, a storage driver or a monitoring agent for Windows nodes that needs it
    /// gets an exemption that names its namespace and image.
    findings: {
        /// The pod or a container is a process of the node
        HostProcess: High, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["pss:baseline", "cis:5.2.11"],
    peers: [
        "PO:hostProcess", "KC:C-0202", "TR:KSV-0103", "KY:disallow-host-process", "GK:host-process",
        "PSS:windowsHostProcess",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostProcess],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for violation in baseline::host_process(input) {
        let who = violation.owner.described();
        let message = format!("{who} runs as a process of the Windows node: `hostProcess` is `true`, expected `false`");
        findings.report(Code::HostProcess, &violation.at, message);
    }
    Ok(())
}
