use policy_sdk::kubernetes::host_path;
use policy_sdk::kubernetes::mount;
use policy_sdk::kubernetes::pod_security::baseline::HostPathVolumes;
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
        "GK:host-filesystem",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostPathVolumes],
    reads: ["container.volumeMounts[*].name", "container.volumeMounts[*].readOnly"],
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
    let workload = input.workload();
    for volume in workload.spec().get("volumes").items().filter(|volume| volume.get("hostPath").exists()) {
        let (name, host_path) = (volume.get("name").text(), volume.get("hostPath"));
        let path = host_path.get("path").text();
        let allowed: Vec<&AllowedPath> =
            input.parameters.allowed_paths.iter().filter(|allowed| is_below(path, &allowed.prefix)).collect();
        if allowed.is_empty() {
            let message = format!("volume `{name}` is the path `{path}` of the node");
            findings.report(Code::HostPath, &host_path, message);
        } else if allowed.iter().all(|allowed| allowed.read_only)
            && let Some(container) = workload.containers().find(|container| can_write(container, name))
        {
            let who = container.described();
            let message = format!("{who} can write to `{path}` of the node, expected `readOnly: true`");
            findings.report(Code::Writable, &host_path, message).label(&container, "it is mounted here");
        }
    }
    Ok(())
}

fn can_write(container: &Container<'_>, volume: &str) -> bool {
    mount::of_volume(container, volume).any(|mount| !mount.get("readOnly").is_true())
}

/// Whether a path is a directory, or something below it, however both are spelled.
fn is_below(path: &str, directory: &str) -> bool {
    path.starts_with('/') && host_path::is_in(&host_path::clean(path), &host_path::clean(directory))
}
