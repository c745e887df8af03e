use policy_sdk::kubernetes::pod_security::baseline::{self, ProcMount};
use policy_sdk::kubernetes::pod_security::{self, PodSecurityLevel};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// `/proc` of containers stays masked
    ///
    /// `securityContext.procMount` of every container of every class is absent or `Default`. From Kubernetes 1.35 on
    /// the level baseline lets pods with a user namespace of their own (`hostUsers: false`) choose; restricted (setting
    /// `podSecurityLevel`) does not.
    ///
    /// ## Why
    /// The runtime hides the parts of `/proc` that let root in a container change the node or read its memory.
    /// `Unmasked` shows them.
    ///
    /// ## Fix
    /// Remove `procMount`. What builds images or nests containers also needs `hostUsers: false`, and a namespace that
    /// allows it.
    findings: {
        /// A container asks for a `/proc` that is not masked
        Unmasked: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline", "pss:restricted"],
    peers: [
        "KL:unsafe-proc-mount", "PO:procMount", "TR:KSV-0027", "KY:disallow-proc-mount", "GK:proc-mount",
        "PSS:procMount", "PSS:procMount_restricted",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [ProcMount, KubernetesVersion, PodSecurityLevel],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let level = input.setting::<PodSecurityLevel>().into();
    for violation in baseline::proc_mount(input, level, pod_security::version(input)) {
        let (who, written) = (violation.owner.described(), violation.at.text());
        let message = format!("{who} sets `procMount` to `{written}`, expected `Default`");
        findings.report(Code::Unmasked, &violation.at, message);
    }
    Ok(())
}
