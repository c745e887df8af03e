use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers cannot gain privileges
    ///
    /// Every container of every class sets `securityContext.allowPrivilegeEscalation: false`. Pods
    /// for Windows nodes, where the field is not allowed, are exempt.
    ///
    /// The fix is safe where the field is not set, though a binary that relies on set-user-ID or
    /// file capabilities (`sudo`, `ping`) loses them; where somebody wrote `true` it needs a person.
    /// A privileged container, or one that adds `SYS_ADMIN`, gets none: the API server refuses the
    /// combination.
    ///
    /// ## Why
    /// It sets the kernel's `no_new_privs` flag: without it a set-user-ID binary left in the image
    /// makes any process root again.
    ///
    /// ## Fix
    /// Set `allowPrivilegeEscalation: false`.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "XV Security",
    controls: ["pss:restricted", "cis:5.2.6"],
    aliases: [
        "KL:privilege-escalation-container", "PO:privilegeEscalationAllowed", "KC:C-0016", "CK:CKV_K8S_20",
        "TR:KSV-0001", "KY:disallow-privilege-escalation", "GK:allow-privilege-escalation",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.os.name",
        "container.securityContext.allowPrivilegeEscalation",
        "container.securityContext.privileged",
        "container.securityContext.capabilities.add",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.is_windows() {
        return not_applicable("the pod is for Windows nodes");
    }
    for container in workload.containers() {
        let allowed = container.at("securityContext.allowPrivilegeEscalation");
        if allowed.as_bool() == Some(false) {
            continue;
        }
        let has = if allowed.is_true() {
            "sets `allowPrivilegeEscalation: true`"
        } else {
            "does not set `allowPrivilegeEscalation`"
        };
        let message = format!("{} {has}, expected `false`", container.described());
        findings.report(&allowed, message).fix(fix(&container, &allowed));
    }
    Ok(())
}

fn fix(container: &Container<'_>, allowed: &View<'_>) -> Option<Fix> {
    let mut added = container.at("securityContext.capabilities.add").items();
    let needs_it = container.at("securityContext.privileged").is_true()
        || added.any(|capability| matches!(capability.text(), "SYS_ADMIN" | "CAP_SYS_ADMIN"));
    if needs_it {
        return None;
    }
    let title = "forbid gaining privileges";
    let fix = if allowed.exists() { Fix::unsafe_(title) } else { Fix::safe(title) };
    Some(fix.set(allowed, false))
}
