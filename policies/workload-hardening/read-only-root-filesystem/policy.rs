use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::values::image;

policy_sdk::rule! {
    /// The root filesystem is read-only
    ///
    /// Every main container, init container and sidecar sets
    /// `securityContext.readOnlyRootFilesystem: true`. Where a container is known to need it (its
    /// image is listed, the workload is labelled, or `require_tmp` is set), an `emptyDir` is mounted
    /// at `/tmp` as well. Pods for Windows nodes, where the field is not allowed, are exempt: by `os.name`, a node
    /// selector, a required affinity, or because they are HostProcess pods.
    ///
    /// The fix also mounts a bounded `emptyDir` at `/tmp` where nothing is mounted there. It needs a
    /// person all the same: nobody but the program's author knows where else it writes, and it would
    /// fail on its first write.
    ///
    /// ## Why
    /// An intruder cannot drop tools or change the program, and nothing can be kept by accident where
    /// a restart loses it.
    ///
    /// ## Fix
    /// Set `readOnlyRootFilesystem: true`, and mount an `emptyDir` wherever the program writes.
    findings: {
        /// A container does not make its root filesystem read-only
        Writable: Low, Certain;
        /// A container says that it writes to its root filesystem: a decision
        Decided: Info, Certain;
        /// A container that writes to `/tmp` has nothing mounted there
        NoTmp: Low, Guess;
    },
    priority: P0,
    effort: Medium,
    factor: Security,
    controls: ["nsa:immutable-root"],
    peers: [
        "KL:no-read-only-root-fs", "KS:container-security-context-readonlyrootfilesystem",
        "PO:notReadOnlyRootFilesystem", "KC:C-0017", "CK:CKV_K8S_22", "TR:KSV-0014", "KY:require-ro-rootfs",
        "GK:read-only-root-filesystem", "CK:CKV_K8S_29", "CK:CKV_K8S_30", "KC:C-0211", "TR:KSV-0118",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Windows],
    reads: [
        "object.metadata.labels",
        "pod.metadata.labels",
        "pod.spec.securityContext.windowsOptions.hostProcess",
        "pod.spec.volumes[*].name",
        "pod.spec.volumes[*].emptyDir",
        "pod.spec.volumes[*].ephemeral",
        "container.image",
        "container.securityContext.readOnlyRootFilesystem",
        "container.volumeMounts[*].name",
        "container.volumeMounts[*].mountPath",
    ],
    parameters: {
        /// Images, as globs, that write to `/tmp`.
        needs_tmp: Vec<String> = Vec::new(),
        /// The label of workloads whose main containers write to `/tmp`.
        needs_tmp_label: String = "policy/needs-tmp".into(),
        /// Take every container for one that writes to `/tmp`.
        require_tmp: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if is_for_windows(input) {
        return not_applicable("the pod is for Windows nodes");
    }
    let Parameters { needs_tmp, needs_tmp_label, require_tmp } = &input.parameters;
    let is_labelled = workload.label(needs_tmp_label).is_some_and(|value| value != "false");
    for container in workload.containers().filter(|container| container.class != Class::Ephemeral) {
        let read_only = container.at("securityContext.readOnlyRootFilesystem");
        let name = container.described();
        if !read_only.is_true() {
            let (code, has) = if read_only.exists() {
                (Code::Decided, format!("sets `readOnlyRootFilesystem` to `{}`", read_only.to_json()))
            } else {
                (Code::Writable, "does not set `readOnlyRootFilesystem`".to_owned())
            };
            let fix = Fix::unsafe_("make the root filesystem read-only").set(&read_only, true);
            let message = format!("{name} {has}, expected `true`");
            findings.report(code, &read_only, message).fix(with_tmp(&workload, &container, fix));
            continue;
        }
        let needs_it = *require_tmp
            || is_labelled && container.class == Class::Main
            || needs_tmp.iter().any(|glob| image::glob_match(glob, container.image()));
        let volume = mount_at_tmp(&container).map(|mount| volume_named(&workload, mount.get("name").text()));
        let is_own = |volume: View<'_>| volume.get("emptyDir").exists() || volume.get("ephemeral").exists();
        if needs_it && !volume.flatten().is_some_and(is_own) {
            let place = mount_at_tmp(&container).unwrap_or_else(|| container.get("volumeMounts"));
            let fix = with_tmp(&workload, &container, Fix::unsafe_("mount an `emptyDir` at `/tmp`"));
            let message = format!("{name} writes to `/tmp`, expected an `emptyDir` mounted there");
            findings.report(Code::NoTmp, &place, message).fix(mount_at_tmp(&container).is_none().then_some(fix));
        }
    }
    Ok(())
}

fn is_for_windows(input: &Input<'_, Parameters>) -> bool {
    windows::is_only(input) || input.workload().spec().at("securityContext.windowsOptions.hostProcess").is_true()
}

/// The mount at `/tmp`, or else at a directory around it.
fn mount_at_tmp<'d>(container: &Container<'d>) -> Option<View<'d>> {
    container.get("volumeMounts").items().find(|mount| {
        let path = mount.get("mountPath").text();
        matches!(path.trim_end_matches('/'), "/tmp" | "") && path.starts_with('/')
    })
}

fn volume_named<'d>(workload: &Workload<'d>, name: &str) -> Option<View<'d>> {
    workload.spec().get("volumes").items().find(|volume| volume.get("name").text() == name)
}

/// Mounts a directory of the container's own at `/tmp`, unless something is mounted there.
fn with_tmp(workload: &Workload<'_>, container: &Container<'_>, fix: Fix) -> Fix {
    if mount_at_tmp(container).is_some() {
        return fix;
    }
    let taken = |name: &str| volume_named(workload, name).is_some();
    let short: String = container.name().chars().take(50).collect();
    let mut name = format!("tmp-{}", short.trim_end_matches('-'));
    while taken(&name) {
        name.push_str("-2");
    }
    let volume = object! { "name": name, "emptyDir": object! { "sizeLimit": "256Mi" } };
    let mount = object! { "name": name, "mountPath": "/tmp" };
    fix.set(&workload.spec().get("volumes").end(), volume).set(&container.get("volumeMounts").end(), mount)
}
