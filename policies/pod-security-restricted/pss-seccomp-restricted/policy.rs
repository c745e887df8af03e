use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;

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
        "KS:container-seccomp-profile", "KC:C-0210", "CK:CKV_K8S_31", "TR:KSV-0030",
        "KY:restrict-seccomp-strict", "GK:seccompv2",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Windows],
    reads: [
        "pod.spec.securityContext.seccompProfile",
        "container.securityContext.seccompProfile",
        "container.securityContext.privileged",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if windows::is_declared(input) {
        return not_applicable("the pod is for Windows nodes");
    }
    let pod = workload.spec().at("securityContext.seccompProfile");
    let (mut unset, set): (Vec<_>, Vec<_>) =
        workload.containers().partition(|container| !container.at("securityContext.seccompProfile").exists());
    unset.retain(|container| !container.at("securityContext.privileged").is_true());
    if pod.exists() {
        judge(input, &pod, "the pod", findings);
    } else if !unset.is_empty() {
        let hint = windows::hint(input);
        let message = format!("neither the pod nor {} sets `seccompProfile`{hint}", listed(&unset));
        let fix = Fix::safe("run under the container runtime's seccomp profile");
        let fix = fix.set(&pod, object! { "type": "RuntimeDefault" });
        let report = findings.report(Code::Missing, &pod, message).fix(windows::unless_only(input, Some(fix)));
        unset.iter().fold(report, |report, container| report.label(container, "does not set it either"));
    }
    for container in set {
        judge(input, &container.at("securityContext.seccompProfile"), &container.described(), findings);
    }
    Ok(())
}

/// Reports a profile that is set and confines nothing.
fn judge(input: &Input<'_, Parameters>, profile: &View<'_>, who: &str, findings: &mut Findings) {
    let kind = profile.get("type");
    if matches!(kind.text(), "RuntimeDefault" | "Localhost") {
        return;
    }
    let (code, has) = if kind.exists() {
        (Code::Other, format!("the seccomp profile `{}`", kind.text()))
    } else {
        (Code::Empty, "a seccomp profile without `type`, which the API server refuses".into())
    };
    let fix =
        Fix::unsafe_("use the container runtime's seccomp profile").set(profile, object! { "type": "RuntimeDefault" });
    let message = format!("{who} has {has}, expected `RuntimeDefault` or `Localhost`{}", windows::hint(input));
    findings.report(code, &kind, message).fix(windows::unless_only(input, Some(fix)));
}
