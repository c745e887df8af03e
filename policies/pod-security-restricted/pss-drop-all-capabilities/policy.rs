use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::{self, AddedCapabilities, Privileged};
use policy_sdk::kubernetes::pod_security::restricted::{self, NET_BIND_SERVICE, RunAsNonRoot, RunAsUser};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Containers drop all capabilities and add at most `NET_BIND_SERVICE`
    ///
    /// In every container of every class `securityContext.capabilities.drop` contains `ALL` and
    /// `capabilities.add` nothing but `NET_BIND_SERVICE`. Pods for Windows nodes, which have no
    /// capabilities, are exempt.
    ///
    /// Dropping is a safe fix where the container is known not to run as root, since then the kernel
    /// gave it no capability to begin with (but for binaries with file capabilities), and adds none. A container
    /// that may be root can need `CHOWN` or `SETUID` to start, so there a person must confirm; a
    /// privileged one is left alone. What is added is never removed. Each container is reported once, with all
    /// that is wrong with its capabilities.
    ///
    /// ## Why
    /// The container runtime's default set lets root in a container forge packets, change the
    /// owner of any file and become any user.
    ///
    /// ## Fix
    /// Set `capabilities.drop: ["ALL"]`. To listen below port 1024 add `NET_BIND_SERVICE`, or
    /// listen above it.
    findings: {
        /// A container does not drop all capabilities
        NotDropped: Medium, Certain;
        /// A container drops `all`, or the like: Pod Security knows only `ALL`
        Spelling: Medium, Certain;
        /// A container adds others than `NET_BIND_SERVICE`
        Added: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:restricted", "cis:5.2.8", "cis:5.2.9", "cis:5.2.10"],
    peers: [
        "KL:drop-net-raw-capability", "PO:insecureCapabilities", "PO:linuxHardening", "KC:C-0055", "CK:CKV_K8S_37",
        "CK:CKV_K8S_28", "TR:KSV-0003", "TR:KSV-0004", "TR:KSV-0106", "TR:KSV-0119", "KY:disallow-capabilities-strict",
        "KY:require-drop-all", "GK:capabilities", "PSS:capabilities_restricted",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [AddedCapabilities, Privileged, RunAsNonRoot, RunAsUser, Windows, KubernetesVersion],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let version = pod_security::version(input);
    if pod_security::is_exempt_windows(input, version) {
        return not_applicable("the pod is for Windows nodes");
    }
    let pod = input.workload().spec().get("securityContext");
    for violation in restricted::capabilities(input, version) {
        let (Some(container), capabilities) = (violation.owner.container(), &violation.at) else { continue };
        let drop = capabilities.get("drop");
        let added = baseline::added_beyond(container, &[NET_BIND_SERVICE]);
        let names: Vec<&str> = added.iter().map(View::text).collect();
        let adds = format!("adds `{}`, only `NET_BIND_SERVICE` may be added", names.join("`, `"));
        let also = if added.is_empty() { String::new() } else { format!("; it also {adds}") };
        let (name, hint) = (container.described(), windows::hint(input));
        let misspelt = drop.items().find(|dropped| matches!(&*dropped.text().to_ascii_uppercase(), "ALL" | "CAP_ALL"));
        let report = if restricted::drops_all(container) {
            let report = findings.report(Code::Added, capabilities, format!("{name} {adds}{hint}"));
            report.fix(windows::unless_only(input, None))
        } else if let Some(misspelt) = misspelt {
            let written = misspelt.text();
            let message =
                format!("{name} drops `{written}`, expected `ALL`: Pod Security compares letter by letter{also}{hint}");
            let fix = Fix::safe("write `ALL`").set(&misspelt, "ALL");
            findings.report(Code::Spelling, &misspelt, message).fix(windows::unless_only(input, Some(fix)))
        } else {
            let message = format!("{name} does not drop all capabilities, expected `drop: [\"ALL\"]`{also}{hint}");
            let fix = fix(container, &pod, &drop, added.is_empty());
            findings.report(Code::NotDropped, capabilities, message).fix(windows::unless_only(input, fix))
        };
        added.iter().fold(report, |report, added| report.label(added, "this one is added"));
    }
    Ok(())
}

fn fix(container: &Container<'_>, pod: &View<'_>, drop: &View<'_>, adds_none: bool) -> Option<Fix> {
    let own = container.security_context();
    if own.get("privileged").is_true() || container.class == Class::Ephemeral {
        return None;
    }
    let effective = |field| if own.get(field).exists() { own.get(field) } else { pod.get(field) };
    let is_root = match effective("runAsUser").as_i64() {
        Some(user) => user == 0,
        None => !effective("runAsNonRoot").is_true(),
    };
    let title = "drop all capabilities";
    let fix = if is_root || !adds_none { Fix::unsafe_(title) } else { Fix::safe(title) };
    Some(fix.set(drop, ["ALL"]))
}
