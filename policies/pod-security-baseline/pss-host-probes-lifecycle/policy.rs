use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::{self, HostProbes};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Probes and hooks call the pod itself
    ///
    /// `host` of `httpGet` and `tcpSocket` is absent or empty in every probe and in the hooks `postStart` and `preStop`
    /// of every container of every class. `127.0.0.1` is a host too. Pod Security knows this check from Kubernetes 1.34
    /// on; for older clusters it does not apply.
    ///
    /// The fix removes `host`. The kubelet then calls the address of the pod, and a program that listens on loopback
    /// only fails its probe, so a person must confirm.
    ///
    /// ## Why
    /// The kubelet makes the call, from the node. With `host` the author of a pod makes it call any address that the
    /// node reaches, such as the metadata service of the cloud.
    ///
    /// ## Fix
    /// Remove `host` and let the program listen on all addresses of the pod. For a virtual host set the header instead:
    /// `httpHeaders: [{name: Host, value: shop.example.com}]`. To stay on loopback use an `exec` probe.
    findings: {
        /// A probe or a hook names a host
        Host: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline"],
    peers: ["GK:host-probes-lifecycle", "PSS:hostProbesAndHostLifecycle"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostProbes, KubernetesVersion],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let version = pod_security::version(input);
    if !version.is_at_least(34) {
        return not_applicable("Pod Security has the check from Kubernetes 1.34 on");
    }
    for violation in baseline::host_probes(input, version) {
        let pointer = violation.at.pointer();
        let handler = pointer.rsplit('/').nth(2).unwrap_or_default();
        let host = violation.at.text();
        let message =
            format!("`{handler}` of {} calls the host `{host}`, expected the pod itself", violation.owner.described());
        let fix = Fix::unsafe_("call the pod itself").remove(&violation.at);
        findings.report(Code::Host, &violation.at, message).fix(fix);
    }
    Ok(())
}
