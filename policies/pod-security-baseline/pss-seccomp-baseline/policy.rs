use policy_sdk::kubernetes::pod_security::baseline::{self, Seccomp, SeccompAnnotations};
use policy_sdk::kubernetes::pod_security::{self, Owner, PodSecurityLevel};
use policy_sdk::kubernetes::windows::Windows;
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Seccomp is not switched off
    ///
    /// Where the pod or a container of any class sets `securityContext.seccompProfile`, its `type` is `RuntimeDefault`
    /// or `Localhost`. For clusters before Kubernetes 1.19 the annotations of that time are looked at instead. Kubelets
    /// ignore them from 1.27 on: where an annotation names a profile and no field does, the pod runs without that
    /// profile.
    ///
    /// ## Why
    /// The profile keeps a process from system calls that no application makes and that most escapes from containers
    /// begin with.
    ///
    /// ## Fix
    /// Set `seccompProfile: {type: RuntimeDefault}`, or name a profile of your own that lies on the nodes:
    ///
    /// ```yaml
    /// securityContext:
    ///   seccompProfile: {type: Localhost, localhostProfile: profiler.json}
    /// ```
    findings: {
        /// A profile confines nothing, or is of a type that does not exist
        Unconfined: Medium, Certain,
            covers: ["pss-seccomp-restricted/other", "pss-seccomp-restricted/empty"], within: Path;
        /// An annotation names a profile that kubelets do not look at
        NoEffect: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline", "cis:5.7.2"],
    peers: ["TR:KSV-0104", "KY:restrict-seccomp", "GK:seccompv2", "PSS:seccompProfile_baseline", "GK:seccomp"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Seccomp, SeccompAnnotations, Windows, KubernetesVersion, PodSecurityLevel],
    parameters: {
        /// Tell of annotations that have no effect.
        annotations: bool = true,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (workload, version) = (input.workload(), pod_security::version(input));
    let level = input.setting::<PodSecurityLevel>().into();
    if pod_security::leaves_windows(input, level, version) {
        return not_applicable("the pod is for Windows nodes, where the API server refuses seccomp profiles");
    }
    for violation in baseline::seccomp(input, level, version) {
        let (who, at) = (violation.owner.described(), &violation.at);
        let message = if at.exists() {
            format!("{who} has the seccomp profile `{}`, expected `RuntimeDefault` or `Localhost`", at.text())
        } else {
            format!("{who} has a seccomp profile without `type`, which the API server refuses")
        };
        let profile = violation.owner.security_context(&workload).get("seccompProfile");
        let fix = Fix::unsafe_("use the container runtime's seccomp profile");
        let fix = fix.set(&profile, object! { "type": "RuntimeDefault" });
        findings.report(Code::Unconfined, at, message).fix(version.is_at_least(19).then_some(fix));
    }
    if !input.parameters.annotations || !version.is_at_least(27) {
        return Ok(());
    }
    for annotation in baseline::seccomp_annotations(input) {
        let own = annotation.owner.security_context(&workload).get("seccompProfile");
        if !own.exists() && !Owner::Pod.security_context(&workload).get("seccompProfile").exists() {
            let (who, profile) = (annotation.owner.described(), annotation.at.text());
            let message = format!(
                "the seccomp profile `{profile}` of {who} has no effect: kubelets look at `seccompProfile` only"
            );
            findings.report(Code::NoEffect, &annotation.at, message);
        }
    }
    Ok(())
}
