use policy_sdk::kubernetes::pod_security::baseline::{self, AppArmor};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// AppArmor is not switched off
    ///
    /// Where the pod or a container of any class sets `securityContext.appArmorProfile`, its `type` is `RuntimeDefault`
    /// or `Localhost`. Annotations of the pod that begin with `container.apparmor.security.beta.kubernetes.io/` say
    /// `runtime/default` or `localhost/PROFILE`, also for a container that does not exist. What sets nothing gets the
    /// runtime's profile, where the node has AppArmor.
    ///
    /// ## Why
    /// The runtime's profile keeps a process that is root in its container from mounting file systems and from writing
    /// to the kernel's settings. Without it the next hole in the runtime is open.
    ///
    /// ## Fix
    /// Remove the profile, or write one that allows what the program needs, load it on the nodes and name it:
    ///
    /// ```yaml
    /// securityContext:
    ///   appArmorProfile: {type: Localhost, localhostProfile: exporter}
    /// ```
    findings: {
        /// A profile does not confine
        Unconfined: Medium, Certain;
        /// An annotation switches AppArmor off
        Annotation: Medium, Certain;
        /// A profile of the nodes is not in the list of allowed ones
        NotAllowed: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline"],
    peers: ["TR:KSV-0002", "KY:restrict-apparmor-profiles", "GK:apparmor", "PSS:appArmorProfile"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [AppArmor],
    parameters: {
        /// The profiles of the nodes that may be named; empty for any.
        allowed_localhost: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for violation in baseline::app_armor(input) {
        let (who, at) = (violation.owner.described(), &violation.at);
        if at.pointer().contains("/annotations/") {
            let message =
                format!("an annotation sets `{}`, expected `runtime/default` or `localhost/PROFILE`", at.text());
            findings.report(Code::Annotation, at, message);
        } else if at.exists() {
            let message =
                format!("{who} has the AppArmor profile `{}`, expected `RuntimeDefault` or `Localhost`", at.text());
            findings.report(Code::Unconfined, at, message);
        } else {
            let message = format!("{who} has an AppArmor profile without `type`, which the API server refuses");
            findings.report(Code::Unconfined, at, message);
        }
    }
    let allowed = &input.parameters.allowed_localhost;
    for profile in baseline::localhost_profiles(input) {
        let written = profile.at.text();
        let name = written.strip_prefix("localhost/").unwrap_or(written);
        if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed == name) {
            let who = profile.owner.described();
            let message = format!("{who} has the AppArmor profile `{name}`, expected `{}`", allowed.join("` or `"));
            findings.report(Code::NotAllowed, &profile.at, message);
        }
    }
    Ok(())
}
