use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers drop all capabilities and add at most `NET_BIND_SERVICE`
    ///
    /// In every container of every class `securityContext.capabilities.drop` contains `ALL` and
    /// `capabilities.add` nothing but `NET_BIND_SERVICE`. Pods for Windows nodes, which have no
    /// capabilities, are exempt.
    ///
    /// Dropping is a safe fix where the container is known not to run as root, since then the kernel
    /// gave it no capability to begin with (but for binaries with file capabilities). A container
    /// that may be root can need `CHOWN` or `SETUID` to start, so there a person must confirm; a
    /// privileged one is left alone. What is added is never removed.
    ///
    /// ## Why
    /// The container runtime's default set lets root in a container forge packets, change the
    /// owner of any file and become any user.
    ///
    /// ## Fix
    /// Set `capabilities.drop: ["ALL"]`. To listen below port 1024 add `NET_BIND_SERVICE`, or
    /// listen above it.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "XV Security",
    controls: ["pss:restricted", "cis:5.2.8", "cis:5.2.9", "cis:5.2.10"],
    aliases: [
        "KL:drop-net-raw-capability", "PO:insecureCapabilities", "PO:linuxHardening", "KC:C-0055",
        "CK:CKV_K8S_37", "CK:CKV_K8S_28", "TR:KSV-0003", "TR:KSV-0004", "TR:KSV-0106", "TR:KSV-0119",
        "KY:disallow-capabilities-strict", "KY:require-drop-all", "GK:capabilities",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.os.name",
        "pod.spec.securityContext.runAsNonRoot",
        "pod.spec.securityContext.runAsUser",
        "container.securityContext.capabilities",
        "container.securityContext.privileged",
        "container.securityContext.runAsNonRoot",
        "container.securityContext.runAsUser",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.is_windows() {
        return not_applicable("the pod is for Windows nodes");
    }
    let pod = workload.spec().get("securityContext");
    for container in workload.containers() {
        let drop = container.at("securityContext.capabilities.drop");
        if !drop.items().any(|capability| capability.text() == "ALL") {
            let message =
                format!("{} does not drop all capabilities, expected `drop: [\"ALL\"]`", container.described());
            findings.report(&drop, message).code("not-dropped").fix(fix(&container, &pod, &drop));
        }
        for capability in container.at("securityContext.capabilities.add").items() {
            if capability.text() != "NET_BIND_SERVICE" {
                let added = capability.text();
                let message = format!(
                    "{} adds the capability `{added}`, only `NET_BIND_SERVICE` may be added",
                    container.described()
                );
                findings.report(&capability, message).code("added");
            }
        }
    }
    Ok(())
}

fn fix(container: &Container<'_>, pod: &View<'_>, drop: &View<'_>) -> Option<Fix> {
    let own = container.security_context();
    if own.get("privileged").is_true() {
        return None;
    }
    let effective = |field| if own.get(field).exists() { own.get(field) } else { pod.get(field) };
    let is_root = match effective("runAsUser").as_i64() {
        Some(user) => user == 0,
        None => !effective("runAsNonRoot").is_true(),
    };
    let title = "drop all capabilities";
    let fix = if is_root { Fix::unsafe_(title) } else { Fix::safe(title) };
    Some(fix.set(drop, ["ALL"]))
}
