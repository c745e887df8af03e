use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::{self, Sysctls};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;
use policy_sdk::tables::safe_sysctls::{self, SafeSysctls};
use policy_sdk::values::image::glob_match;

policy_sdk::setting! {
    /// Kernel parameters that the kubelets of the clusters allow beside the safe ones (`allowedUnsafeSysctls`); `*` at
    /// the end stands for any rest.
    pub AllowedUnsafeSysctls, "allowedUnsafeSysctls": Vec<String> = Vec::new();
}

policy_sdk::rule! {
    /// Pods set only safe kernel parameters
    ///
    /// Each `securityContext.sysctls[].name` of the pod is one that Pod Security takes for safe, by the Kubernetes
    /// version of the clusters; where no version is set, by the newest. It compares names letter by letter, with dots:
    /// the kubelet knows `net/ipv4/tcp_syncookies` as well, Pod Security does not.
    ///
    /// ## Why
    /// Other parameters belong to the node as a whole, or can be set so that other pods suffer. Kubelets refuse them as
    /// well: the pod then ends with `SysctlForbidden`.
    ///
    /// ## Fix
    /// Remove the entry, or set the parameter where nodes are configured. What the kubelets of a pool of nodes allow is
    /// listed in the setting `allowedUnsafeSysctls`.
    findings: {
        /// A parameter is not safe
        Unsafe: Medium, Certain;
        /// A safe parameter is written with slashes
        Spelling: Medium, Certain;
        /// A parameter is safe in newer clusters only
        TooNew: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline"],
    peers: ["KL:unsafe-sysctls", "TR:KSV-0026", "KY:restrict-sysctls", "GK:forbidden-sysctls", "PSS:sysctls"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Sysctls, SafeSysctls, KubernetesVersion, AllowedUnsafeSysctls],
    reads: ["pod.spec.hostNetwork"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let version = pod_security::version(input);
    let (safe, allowed) = (input.setting::<SafeSysctls>(), input.setting::<AllowedUnsafeSysctls>());
    let is_on_node = input.workload().spec().get("hostNetwork").is_true();
    for violation in baseline::sysctls(input, version) {
        let name = violation.at.text();
        if allowed.iter().any(|allowed| glob_match(allowed, name)) {
            continue;
        }
        let dotted = name.replace('/', ".");
        let since = safe_sysctls::safe_since(&safe.rows, &dotted);
        if let Some(since) = since.filter(|since| !version.is_at_least(*since)) {
            let message =
                format!("`{name}` is a safe kernel parameter from Kubernetes 1.{since} on, not yet in {version}");
            findings.report(Code::TooNew, &violation.at, message);
        } else if since.is_some() {
            let message = format!("the pod sets `{name}`, expected `{dotted}`: Pod Security compares letter by letter");
            let fix = Fix::safe(format!("write `{dotted}`")).set(&violation.at, &*dotted);
            findings.report(Code::Spelling, &violation.at, message).fix(fix);
        } else {
            let also = if is_on_node && dotted.starts_with("net.") {
                ", and the kubelet refuses it in a pod on the node's network"
            } else {
                ""
            };
            let message = format!("the pod sets the kernel parameter `{name}`, which is not a safe one{also}");
            findings.report(Code::Unsafe, &violation.at, message);
        }
    }
    Ok(())
}
