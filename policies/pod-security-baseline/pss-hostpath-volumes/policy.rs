use policy_sdk::kubernetes::host_path::{self, HostPaths};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods mount no paths of the node
    ///
    /// No volume of the pod is a `hostPath`. With `allowed_paths` the listed directories and what is below them may be
    /// mounted; with `readOnly` only where every mount of the volume, in every container of every class, is read-only.
    ///
    /// ## Why
    /// A file of the node that a pod can write, or a socket that it can open, is a way to root on the node. What it can
    /// read holds credentials of other pods. And the data is gone, or another's, once the pod moves to another node.
    ///
    /// ## Fix
    /// Take `emptyDir` for scratch data, a PersistentVolumeClaim for what must stay, `configMap`, `secret` or
    /// `projected` for files that are given. An agent of the node, a log shipper or a CSI driver gets an exemption that
    /// names its namespace and image.
    findings: {
        /// A volume is a path of the node
        HostPath: High, Certain, covers: ["host-mounts-read-only"];
        /// A path of the node that may be read is mounted so that it can be written
        Writable: High, Certain, covers: ["host-mounts-read-only"];
    },
    priority: P0,
    effort: Medium,
    factor: Security,
    controls: ["pss:baseline", "cis:5.2.12"],
    peers: [
        "KL:sensitive-host-mounts", "PO:hostPathSet", "KC:C-0048", "TR:KSV-0023", "KY:disallow-host-path",
        "GK:host-filesystem", "PSS:hostPathVolumes", "PSS:restrictedVolumes",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostPaths],
    parameters: {
        /// Paths of the node that may be mounted.
        allowed_paths: Vec<AllowedPath> = Vec::new(),
    },
}

policy_sdk::record! {
    /// A path of the node that may be mounted, with what is below it.
    pub AllowedPath {
        /// The directory.
        pub prefix, "prefix": String = "/".into();
        /// Whether it may be read only.
        pub read_only, "readOnly": bool = true;
    }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_below = |path: &str, allowed: &AllowedPath| host_path::is_in(path, &host_path::clean(&allowed.prefix));
    for volume in host_path::host_paths(input) {
        let written = volume.written();
        // A path that does not begin at the root is not what it seems to be.
        let is_absolute = written.starts_with('/');
        let allowed = input.parameters.allowed_paths.iter().filter(|it| is_absolute && is_below(&volume.path, it));
        let allowed: Vec<&AllowedPath> = allowed.collect();
        if allowed.is_empty() {
            findings.report(Code::HostPath, &volume.place, format!("the volume is the path `{written}` of the node"));
        } else if allowed.iter().all(|allowed| allowed.read_only)
            && let Some(mount) = volume.mounts.iter().find(|mount| !mount.is_read_only())
        {
            let who = mount.container.described();
            let message = format!("{who} can write to `{written}` of the node, expected `readOnly: true`");
            findings.report(Code::Writable, &volume.place, message).label(&mount.place, "it is mounted here");
        }
    }
    Ok(())
}
