use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::{self, Privileged, Seccomp};
use policy_sdk::kubernetes::pod_security::restricted;
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Containers run under a seccomp profile
    ///
    /// The pod's `securityContext.seccompProfile.type` is `RuntimeDefault` or `Localhost`, or that of
    /// every container of every class is; nothing sets another type, such as `Unconfined`. Pods for
    /// Windows nodes are exempt.
    ///
    /// Setting the pod's profile where none is set is a safe fix, as the container runtime's profile
    /// blocks only what containers do not use; in place of a type that somebody wrote a person must confirm.
    /// Privileged containers run unconfined in any case, and need none: `pss-privileged` is about them.
    ///
    /// ## Why
    /// Without a profile a process may make every system call, and most escapes from containers
    /// began with one that no application uses.
    ///
    /// ## Fix
    /// Set `seccompProfile: {type: RuntimeDefault}` in the pod's `securityContext`.
    findings: {
        /// Neither the pod nor all of its containers have a profile
        Missing: Low, Certain;
        /// A profile confines nothing, or is of a type that there is not
        Other: Medium, Certain;
        /// A profile has no type: the API server refuses it
        Empty: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:restricted", "cis:5.7.2"],
    peers: [
        "KS:container-seccomp-profile", "KC:C-0210", "CK:CKV_K8S_31", "TR:KSV-0030", "KY:restrict-seccomp-strict",
        "GK:seccompv2", "PSS:seccompProfile_restricted", "GK:seccomp",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Seccomp, Privileged, Windows, KubernetesVersion],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (workload, version) = (input.workload(), pod_security::version(input));
    if pod_security::is_exempt_windows(input, version) {
        return not_applicable("the pod is for Windows nodes");
    }
    if !version.is_at_least(19) {
        return not_applicable("Pod Security has the check from Kubernetes 1.19 on");
    }
    let hint = windows::hint(input);
    let without = restricted::unconfined(input, version).into_iter();
    let without = without.filter_map(|violation| violation.owner.container().cloned());
    let without: Vec<Container<'_>> =
        without.filter(|container| !container.at("securityContext.privileged").is_true()).collect();
    if !without.is_empty() {
        let pod = workload.spec().at("securityContext.seccompProfile");
        let message = format!("neither the pod nor {} sets `seccompProfile`{hint}", listed_or(&without));
        let fix = Fix::safe("run under the container runtime's seccomp profile");
        let fix = fix.set(&pod, object! { "type": "RuntimeDefault" });
        let report = findings.report(Code::Missing, &pod, message).fix(windows::unless_only(input, Some(fix)));
        without.iter().fold(report, |report, container| report.label(container, "does not set it either"));
    }
    for violation in baseline::unconfining(input) {
        let (who, kind) = (violation.owner.described(), &violation.at);
        let (code, has) = if kind.exists() {
            (Code::Other, format!("the seccomp profile `{}`", kind.text()))
        } else {
            (Code::Empty, "a seccomp profile without `type`, which the API server refuses".into())
        };
        let message = format!("{who} has {has}, expected `RuntimeDefault` or `Localhost`{hint}");
        let profile = violation.owner.security_context(&workload).get("seccompProfile");
        let fix = Fix::unsafe_("use the container runtime's seccomp profile");
        let fix = fix.set(&profile, object! { "type": "RuntimeDefault" });
        findings.report(code, kind, message).fix(windows::unless_only(input, Some(fix)));
    }
    Ok(())
}
