use policy_sdk::kubernetes::pod_security::baseline::{self, AddedCapabilities, DEFAULT_CAPABILITIES};
use policy_sdk::kubernetes::pod_security::{self, PodSecurityLevel};
use policy_sdk::kubernetes::windows::Windows;
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Containers add no capability beyond the runtime's default set
    ///
    /// `securityContext.capabilities.add` of every container of every class names only `AUDIT_WRITE`, `CHOWN`,
    /// `DAC_OVERRIDE`, `FOWNER`, `FSETID`, `KILL`, `MKNOD`, `NET_BIND_SERVICE`, `SETFCAP`, `SETGID`, `SETPCAP`,
    /// `SETUID` and `SYS_CHROOT`. Pod Security compares names letter by letter and refuses `CAP_CHOWN` and `chown`. A
    /// container gets one finding with all its names.
    ///
    /// ## Why
    /// `SYS_ADMIN`, `SYS_PTRACE`, `NET_ADMIN` and their like let a process that breaks in rule over the node, or over
    /// the traffic of its neighbours.
    ///
    /// ## Fix
    /// Remove the names. An agent of the node that needs one gets an exemption that names its namespace and image.
    /// Write a name of the list in capitals, without `CAP_`.
    findings: {
        /// A container adds a capability that runtimes do not give by default
        Added: High, Certain, covers: ["pss-drop-all-capabilities/added"], within: Container;
        /// A container adds a capability of the default set in a spelling that Pod Security does not know
        Spelling: Medium, Certain, covers: ["pss-drop-all-capabilities/added"], within: Container;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:baseline", "cis:5.2.9"],
    peers: [
        "PO:dangerousCapabilities", "KC:C-0046", "CK:CKV_K8S_25", "CK:CKV_K8S_39", "TR:KSV-0005", "TR:KSV-0022",
        "TR:KSV-0120", "KY:disallow-capabilities", "GK:capabilities", "PSS:capabilities_baseline",
        "PSS:capabilities_restricted",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [AddedCapabilities, Windows, KubernetesVersion, PodSecurityLevel],
    parameters: {
        /// More capabilities that may be added.
        extra_allowed: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (level, version) = (input.setting::<PodSecurityLevel>().into(), pod_security::version(input));
    if pod_security::leaves_windows(input, level, version) {
        return not_applicable("the pod is for Windows nodes, where the API server refuses capabilities");
    }
    let is_allowed = |name: &View<'_>| input.parameters.extra_allowed.iter().any(|allowed| allowed == name.text());
    for container in input.workload().containers() {
        let mut names = baseline::added_beyond(&container, &DEFAULT_CAPABILITIES);
        names.retain(|name| !is_allowed(name));
        let (misspelt, added): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| right_spelling(name).is_some());
        let who = container.described();
        if let Some(first) = added.first() {
            let listed: Vec<&str> = added.iter().map(View::text).collect();
            let names = listed.join("`, `");
            let message = format!("{who} adds `{names}`, which runtimes do not give by default");
            let report = findings.report(Code::Added, first, message);
            added[1..].iter().fold(report, |report, name| report.label(name, "this one is added too"));
        }
        for name in misspelt {
            let right = right_spelling(&name).unwrap_or_default();
            let message =
                format!("{who} adds `{}`, expected `{right}`: Pod Security compares letter by letter", name.text());
            findings
                .report(Code::Spelling, &name, message)
                .fix(Fix::safe(format!("write `{right}`")).set(&name, right));
        }
    }
    Ok(())
}

/// The name of the default set that is meant.
fn right_spelling(name: &View<'_>) -> Option<&'static str> {
    let upper = name.text().to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    DEFAULT_CAPABILITIES.into_iter().find(|known| *known == bare)
}
