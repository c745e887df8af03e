//! See the `rule!` block.

use policy_sdk::image;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Root filesystems are read-only
    ///
    /// Every main, init and sidecar container sets `readOnlyRootFilesystem: true`. Where its image is
    /// one of `needs_tmp`, or `require_tmp` is set, an `emptyDir` is mounted at `/tmp`.
    ///
    /// The fix also mounts an `emptyDir` at `/tmp`, where most programs write. It is unsafe: an image
    /// that writes elsewhere would stop working.
    ///
    /// ## Why
    /// Whoever gets into a container with a writable root drops tools into it and replaces its
    /// binaries; and what a program writes there is lost with the container.
    ///
    /// ## Fix
    /// Set `readOnlyRootFilesystem: true`, and mount volumes where the program writes.
    severity: High,
    priority: P0,
    effort: Medium,
    factor: "XV Security",
    controls: ["nsa:immutable-containers"],
    aliases: [
        "KL:no-read-only-root-fs", "KS:container-security-context-readonlyrootfilesystem", "PO:notReadOnlyRootFilesystem",
        "KC:C-0017", "CK:CKV_K8S_22", "TR:KSV-0014", "KY:require-ro-rootfs", "GK:read-only-root-filesystem",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "container.image",
        "container.securityContext.readOnlyRootFilesystem",
        "container.volumeMounts",
        "pod.spec.os.name",
        "pod.spec.volumes[*].name",
        "pod.spec.volumes[*].emptyDir",
    ],
    parameters: {
        /// Images, as globs, that need a writable `/tmp`.
        needs_tmp: Vec<String> = Vec::new(),
        /// Every container needs a writable `/tmp`.
        require_tmp: bool = false,
    },
}

const TMP: &str = "/tmp";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.is_windows() {
        return not_applicable("the pod is for Windows nodes");
    }
    for container in workload.containers().filter(|container| container.class != Class::Ephemeral) {
        let read_only = container.at("securityContext.readOnlyRootFilesystem");
        let name = container.described();
        if !read_only.is_true() {
            let how = if read_only.exists() { "sets `readOnlyRootFilesystem: false`" } else { "does not set `readOnlyRootFilesystem`" };
            findings
                .report(&read_only, format!("{name} {how}, expected `true`"))
                .code("writable")
                .fix(fix(&workload, &container, &read_only));
        } else if needs_tmp(&input.parameters, container.image()) && !has_tmp(&workload, &container) {
            let mounts = container.get("volumeMounts");
            findings.report(&mounts, format!("{name} needs an `emptyDir` at `{TMP}`")).code("tmp");
        }
    }
    Ok(())
}

fn needs_tmp(parameters: &Parameters, image: &str) -> bool {
    parameters.require_tmp || parameters.needs_tmp.iter().any(|glob| image::glob_match(glob, image))
}

fn is_tmp(mount: &View<'_>) -> bool {
    mount.get("mountPath").text().trim_end_matches('/') == TMP
}

fn has_tmp(workload: &Workload<'_>, container: &Container<'_>) -> bool {
    let is_empty_dir = |name: &str| {
        let mut volumes = workload.spec().get("volumes").items();
        volumes.any(|volume| volume.get("name").text() == name && volume.get("emptyDir").exists())
    };
    container.get("volumeMounts").items().any(|mount| is_tmp(&mount) && is_empty_dir(mount.get("name").text()))
}

fn fix(workload: &Workload<'_>, container: &Container<'_>, read_only: &View<'_>) -> Fix {
    let fix = Fix::unsafe_("make the root filesystem read-only, with an emptyDir at /tmp").set(read_only, true);
    let mounts = container.get("volumeMounts");
    if mounts.items().any(|mount| is_tmp(&mount)) {
        return fix;
    }
    let volumes = workload.spec().get("volumes");
    let fix = fix.set(&mounts.end(), object! { "name": "tmp", "mountPath": TMP });
    // Another container's fix may have brought the volume.
    if volumes.items().any(|volume| volume.get("name").text() == "tmp") {
        return fix;
    }
    fix.set(&volumes.end(), object! { "name": "tmp", "emptyDir": object! {} })
}
