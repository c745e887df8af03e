use policy_sdk::kubernetes::host_path::{self, HostMount, HostPaths, clean, is_in};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Paths of the node are mounted read-only
    ///
    /// Every mount of a `hostPath` volume is read-only. Other rules already report most of these volumes
    /// (`pss-hostpath-volumes`, `no-sensitive-host-paths`, `no-runtime-socket-mount`). This one speaks where they
    /// are silent: where they allow the path, are not in the bundle, or an exemption applies.
    ///
    /// Exempt are sockets and devices, which `readOnly` does not protect; files and directories that Kubernetes
    /// creates for the pod (`DirectoryOrCreate`, `FileOrCreate`); directories in which node agents keep their state
    /// (`writable`); and mounts that have to reach the node (`mountPropagation: Bidirectional`).
    ///
    /// The fix is unsafe: only the author knows whether the program writes there.
    ///
    /// ## Why
    /// Files that a container writes to the node stay there after the pod is gone. They can fill the node's disk,
    /// and other programs may read them. A symbolic link in a writable directory leads out of it.
    ///
    /// ## Fix
    ///
    /// ```yaml
    /// volumeMounts:
    ///   - name: config
    ///     mountPath: /etc/agent
    ///     readOnly: true
    /// ```
    findings: {
        /// A container can write to a path of the node
        Writable: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["KL:writable-host-mount", "KC:C-0045", "KY:ensure-readonly-hostpath"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostPaths],
    parameters: {
        /// Directories in which agents of the node keep their own state, each in one below.
        writable: Vec<String> = list(["/opt/cni", "/run", "/var/lib"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let own: Vec<String> = input.parameters.writable.iter().map(|directory| clean(directory)).collect();
    for volume in host_path::host_paths(input) {
        if !matches!(volume.kind(), "" | "Directory" | "File") || own.iter().any(|own| is_in(&volume.path, own)) {
            continue;
        }
        let is_judged = |mount: &&HostMount<'_>| {
            !mount.is_read_only() && mount.place.get("mountPropagation").text() != "Bidirectional"
        };
        let writable: Vec<&HostMount<'_>> = volume.mounts.iter().filter(is_judged).collect();
        let Some(first) = writable.first() else { continue };
        let message = format!("{} may write to `{}` of the node", first.container.described(), volume.written());
        let fix = Fix::unsafe_("mount it read-only");
        let fix = writable.iter().fold(fix, |fix, mount| fix.set(&mount.place.get("readOnly"), true));
        let report = findings.report(Code::Writable, &volume.place, message).fix(fix);
        writable.iter().fold(report, |report, mount| report.label(&mount.place, "mounted here"));
    }
    Ok(())
}
