use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::Privileged;
use policy_sdk::kubernetes::pod_security::restricted::{self, RunAsUser};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Nothing runs as user 0
    ///
    /// `securityContext.runAsUser` of the pod and of every container of every class is absent or another number than 0.
    /// Each field is looked at where it stands: a 0 of the pod counts even where every container has a user of its own.
    /// From Kubernetes 1.35 on pods with a user namespace of their own (`hostUsers: false`) may be root in it.
    ///
    /// The fix sets user 65534. The manifest does not show whether the program works as that user and can read its
    /// files, so a person must confirm it. Privileged and ephemeral containers get no fix.
    ///
    /// ## Why
    /// User 0 in a container is user 0 on the node, once a hole in the runtime or a mount lets it out. In the container
    /// it may change every file of the image.
    ///
    /// ## Fix
    /// Set a number other than 0 and let the image give that user what it must write. Where a volume belongs to root,
    /// set `fsGroup`:
    ///
    /// ```yaml
    /// securityContext: {runAsNonRoot: true, runAsUser: 65534, fsGroup: 65534}
    /// ```
    findings: {
        /// The pod runs as user 0
        Pod: High, Certain, covers: ["pss-run-as-non-root"], within: Document;
        /// A container runs as user 0
        Container: High, Certain, covers: ["pss-run-as-non-root"], within: Container;
    },
    priority: P0,
    effort: Medium,
    factor: Security,
    controls: ["pss:restricted", "cis:5.2.7", "nsa:non-root"],
    peers: [
        "TR:KSV-0105", "KY:require-run-as-non-root-user", "GK:users", "PSS:runAsUser",
        "KS:container-security-context-user-group-id",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAsUser, Privileged, KubernetesVersion],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let version = pod_security::version(input);
    if pod_security::has_user_namespace(&input.workload().spec(), version) {
        return not_applicable("the pod has a user namespace of its own (`hostUsers: false`)");
    }
    for violation in restricted::run_as_user(input, version) {
        let container = violation.owner.container();
        let code = if container.is_some() { Code::Container } else { Code::Pod };
        let has_no_fix = container.is_some_and(|container| {
            container.class == Class::Ephemeral || container.at("securityContext.privileged").is_true()
        });
        let fix = Fix::unsafe_("run as user 65534").set(&violation.at, 65534);
        let message = format!("{} runs as user 0, expected another", violation.owner.described());
        findings.report(code, &violation.at, message).fix((!has_no_fix).then_some(fix));
    }
    Ok(())
}
