use policy_sdk::kubernetes::command::Commands;
use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::{AddedCapabilities, Privileged};
use policy_sdk::kubernetes::pod_security::restricted::{self, Escalation, RunAsNonRoot, RunAsUser};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Containers cannot gain privileges
    ///
    /// Every container of every class sets `securityContext.allowPrivilegeEscalation: false`. Pods
    /// for Windows nodes, where the field is not allowed, are exempt.
    ///
    /// The fix is safe where the field is not set and nothing shows that the container relies on set-user-ID or
    /// file capabilities: a command that calls `sudo`, `su`, `ping` or `newuidmap`, or a capability that is added
    /// for a user other than root. There, and where somebody wrote `true`, it needs a person. A privileged
    /// container gets none, since the API server refuses the combination; nor is a container checked that adds
    /// `CAP_SYS_ADMIN` in that spelling, for the same reason.
    ///
    /// ## Why
    /// It sets the kernel's `no_new_privs` flag: without it a set-user-ID binary left in the image
    /// makes any process root again.
    ///
    /// ## Fix
    /// Set `allowPrivilegeEscalation: false`.
    findings: {
        /// A container does not set `allowPrivilegeEscalation`
        Missing: Medium, Certain;
        /// A container allows it
        True: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:restricted", "cis:5.2.6"],
    peers: [
        "KL:privilege-escalation-container", "PO:privilegeEscalationAllowed", "KC:C-0016", "CK:CKV_K8S_20",
        "TR:KSV-0001", "KY:disallow-privilege-escalation", "GK:allow-privilege-escalation",
        "PSS:allowPrivilegeEscalation",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [
        Escalation, AddedCapabilities, Commands, Privileged, RunAsNonRoot, RunAsUser, Windows, KubernetesVersion,
    ],
}

/// Programs that work by set-user-ID or file capabilities.
const RAISING: [&str; 4] = ["sudo", "su", "ping", "newuidmap"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (workload, version) = (input.workload(), pod_security::version(input));
    if pod_security::is_exempt_windows(input, version) {
        return not_applicable("the pod is for Windows nodes");
    }
    for violation in restricted::escalation(input, version) {
        let (Some(container), allowed) = (violation.owner.container(), &violation.at) else { continue };
        // The API server takes no `false` beside it.
        if added(container).any(|capability| capability.text() == "CAP_SYS_ADMIN") {
            continue;
        }
        let name = container.described();
        let hint = windows::hint(input);
        let report = if allowed.exists() {
            let written = allowed.to_json();
            let message = format!("{name} sets `allowPrivilegeEscalation` to `{written}`, expected `false`{hint}");
            findings.report(Code::True, allowed, message)
        } else {
            let message = format!("`allowPrivilegeEscalation` of {name} is not set, expected `false`{hint}");
            findings.report(Code::Missing, allowed, message)
        };
        report.fix(windows::unless_only(input, fix(&workload, container, allowed)));
    }
    Ok(())
}

fn added<'d>(container: &Container<'d>) -> impl Iterator<Item = View<'d>> + use<'d> {
    container.at("securityContext.capabilities.add").items()
}

fn fix(workload: &Workload<'_>, container: &Container<'_>, allowed: &View<'_>) -> Option<Fix> {
    if container.at("securityContext.privileged").is_true() || container.class == Class::Ephemeral {
        return None;
    }
    let (own, pod) = (container.security_context(), workload.spec().get("securityContext"));
    let effective = |field| if own.get(field).exists() { own.get(field) } else { pod.get(field) };
    let is_root = match effective("runAsUser").as_i64() {
        Some(user) => user == 0,
        None => !effective("runAsNonRoot").is_true(),
    };
    let command = container.command_line();
    let is_admin = added(container).any(|capability| capability.text() == "SYS_ADMIN");
    let relies_on_it =
        is_admin || !is_root && added(container).next().is_some() || command.runs(&RAISING) || command.is_unclear();
    let title = "forbid gaining privileges";
    let fix = if allowed.exists() || relies_on_it { Fix::unsafe_(title) } else { Fix::safe(title) };
    Some(fix.set(allowed, false))
}
