use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::{self, SeLinux};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// SELinux confines containers as containers
    ///
    /// `securityContext.seLinuxOptions` of the pod and of every container of every class sets no `user` and no `role`,
    /// and no other `type` than `container_t`, `container_init_t`, `container_kvm_t` and, from Kubernetes 1.31 on,
    /// `container_engine_t`. `level` is free.
    ///
    /// ## Why
    /// Another type, such as `spc_t`, takes the container out of the policy that keeps it from the files and processes
    /// of the node and of other pods.
    ///
    /// ## Fix
    /// Remove `type`, `user` and `role`. To share a volume between pods set `level` alone:
    /// `seLinuxOptions: {level: "s0:c123,c456"}`.
    findings: {
        /// A type is not one of containers
        Type: Medium, Certain;
        /// A user or a role is set
        UserOrRole: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline"],
    peers: ["TR:KSV-0025", "KY:disallow-selinux", "GK:selinux", "PSS:seLinuxOptions"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [SeLinux, Windows, KubernetesVersion],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let version = pod_security::version(input);
    let is_windows = windows::is_declared(input);
    let also = if is_windows { "; the API server refuses the field beside `os.name: windows`" } else { "" };
    for violation in baseline::se_linux(input, version) {
        let (who, written) = (violation.owner.described(), violation.at.text());
        let pointer = violation.at.pointer();
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let (code, expected) = if field == "type" {
            let types = baseline::se_linux_types(version);
            (Code::Type, format!("expected none or `{}`", types[1..].join("`, `")))
        } else {
            (Code::UserOrRole, "expected none".to_owned())
        };
        let message = format!("{who} sets the SELinux {field} `{written}`, {expected}{also}");
        findings.report(code, &violation.at, message);
    }
    Ok(())
}
