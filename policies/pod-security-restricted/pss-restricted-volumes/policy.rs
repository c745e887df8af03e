use policy_sdk::kubernetes::pod_security::restricted::{self, VOLUME_SOURCES, VolumeSources};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Volumes are of the kinds that need nothing of the node
    ///
    /// Each volume of the pod is a `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`,
    /// `persistentVolumeClaim`, `projected` or `secret`. `hostPath` is left to `pss-hostpath-volumes`.
    ///
    /// ## Why
    /// With `nfs`, `iscsi` or `rbd` in the pod its author chooses the server and the rights on it. A claim leaves that
    /// to the people who run the storage, and the pod moves to another cluster unchanged. `gitRepo` runs git as root on
    /// the node.
    ///
    /// ## Fix
    /// Describe the storage once, in a PersistentVolume, and claim it:
    ///
    /// ```yaml
    /// volumes:
    ///   - name: shared
    ///     persistentVolumeClaim: {claimName: shared}
    /// ```
    ///
    /// In place of `gitRepo` clone into an `emptyDir` in an init container.
    findings: {
        /// A volume is of another kind
        Source: Low, Certain;
    },
    priority: P0,
    effort: Medium,
    factor: Security,
    controls: ["pss:restricted"],
    peers: [
        "TR:KSV-0028", "TR:KSV-0121", "KY:restrict-volume-types", "GK:volumes", "PSS:restrictedVolumes",
        "GK:flexvolume-drivers",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [VolumeSources],
    parameters: {
        /// More kinds of volume that are allowed.
        extra_allowed: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for violation in restricted::volumes(input) {
        let pointer = violation.at.pointer();
        let mut path = pointer.rsplit('/');
        let (source, index) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
        if input.parameters.extra_allowed.iter().any(|allowed| allowed == source) {
            continue;
        }
        let volume = input.workload().spec().get("volumes").item(index.parse().unwrap_or_default());
        let (name, allowed) = (volume.get("name").text(), VOLUME_SOURCES.join("`, `"));
        let message = format!("volume `{name}` is of the kind `{source}`, expected one of `{allowed}`");
        findings.report(Code::Source, &violation.at, message);
    }
    Ok(())
}
