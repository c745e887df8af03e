use policy_sdk::kubernetes::host_path::{self, HostMount, HostPaths, clean, is_in};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Paths of the node are mounted read-only
    ///
    /// Every mount of a `hostPath` volume is read-only. Told is what the rules that refuse such volumes let pass
    /// (`pss-hostpath-volumes`, `no-sensitive-host-paths`, `no-runtime-socket-mount`), because they are not in the bundle or
    /// their finding is exempt.
    ///
    /// Not judged are sockets and devices, which `readOnly` does not protect; what the node gets for this pod
    /// (`DirectoryOrCreate`, `FileOrCreate`) and directories in which agents keep their own state (`writable`); and mounts that are
    /// to reach the node (`mountPropagation: Bidirectional`).
    ///
    /// The fix needs a person: nobody but the author knows whether the program writes there.
    ///
    /// ## Why
    /// What a container writes to the node outlives it, fills the node's disk, and is read by others there. From a
    /// writable directory a link leads out of it.
    ///
    /// ## Fix
    /// ```yaml
    /// volumeMounts:
    ///   - name: config
    ///     mountPath: /etc/agent
    ///     readOnly: true
    /// ```
    findings: {
        /// A path of the node may be written
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
