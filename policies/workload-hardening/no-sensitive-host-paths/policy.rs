use policy_sdk::kubernetes::host_path::{self, HostPath, HostPaths, clean, is_in};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Sensitive paths of the node are not mounted
    ///
    /// No `hostPath` volume opens a path of `sensitive`, one below it, or a directory in which one lies (`/`, `/var/lib`). What
    /// counts are the paths that containers see, with their `subPath`, and the volume's own where none mounts it yet. Each
    /// volume is told once.
    ///
    /// Let through are paths of `harmless` and below that are mounted read-only, since every user of a node may read them or a
    /// program of the node's kernel needs them (`/etc/localtime`, `/lib/modules`), devices below `/dev` (the type `CharDevice`,
    /// and those of `devices`), and `/run`, whose sockets are no-runtime-socket-mount's. Of `/var/log` itself only a mount that
    /// may be written is told: with a link in it, the kubelet serves any file of the node as a log.
    ///
    /// Agents of the node (network and storage plugins, node exporters, Falco) need such paths. The bundles exempt well-known
    /// ones by namespace and image; exempt your own likewise.
    ///
    /// ## Why
    /// These paths hold the node's configuration, keys of the kubelet, data and tokens of all its pods. Who may read them
    /// knows the node's secrets; who may write them starts what he likes there, as root.
    ///
    /// ## Fix
    /// Mount the one file or directory that is needed, read-only, or take what the API server knows: the downward API for the
    /// pod's own data, a CSI driver or a local volume for storage, a device plugin for devices.
    ///
    /// ```yaml
    /// volumes:
    ///   - name: zone
    ///     hostPath: {path: /etc/localtime, type: File}
    /// ```
    findings: {
        /// A pod opens a sensitive path of the node
        Sensitive: High, Certain, covers: ["pss-hostpath-volumes", "host-mounts-read-only"];
        /// A pod may write where the kubelet serves logs from
        Logs: Medium, Certain, covers: ["host-mounts-read-only"];
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.2.12"],
    peers: ["KL:sensitive-host-mounts", "KC:C-0048", "KC:C-0020"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostPaths],
    parameters: {
        /// Paths that are sensitive, with all below them.
        sensitive: Vec<String> = list([
            "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/sbin", "/sys", "/usr",
            "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/etcd",
            "/var/lib/rancher/k3s/server", "/var/lib/rancher/rke2/server", r"C:\etc\kubernetes", r"C:\ProgramData\containerd",
            r"C:\ProgramData\docker", r"C:\Users", r"C:\var\lib\kubelet", r"C:\Windows",
        ]),
        /// Paths that may be mounted read-only, with all below them.
        harmless: Vec<String> = list([
            "/etc/ca-certificates", "/etc/group", "/etc/hostname", "/etc/hosts", "/etc/localtime", "/etc/machine-id",
            "/etc/os-release", "/etc/passwd", "/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/resolv.conf",
            "/etc/ssl/certs", "/etc/timezone", "/lib/modules", "/sys/fs/cgroup", "/usr/lib/modules",
            "/usr/lib/os-release", "/usr/local/share/ca-certificates", "/usr/share/ca-certificates",
            "/usr/share/zoneinfo", "/usr/src",
        ]),
        /// Devices, and directories of devices, that may be mounted.
        devices: Vec<String> = list(["/dev/dri", "/dev/fuse", "/dev/kvm", "/dev/net/tun"]),
    },
}

/// Where a writer takes the node over at once.
const OWN_THE_NODE: [&str; 5] = ["/", "/etc", "/root", "/var/lib/kubelet", "/etc/kubernetes"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let cleaned = |paths: &[String]| paths.iter().map(|path| clean(path)).collect::<Vec<_>>();
    let Parameters { sensitive, harmless, devices } = &input.parameters;
    let (sensitive, harmless, devices) = (cleaned(sensitive), cleaned(harmless), cleaned(devices));
    for volume in host_path::host_paths(input) {
        let is_read_only = volume.is_read_only();
        let is_let_through = |path: &str| {
            let is_release = path.ends_with("-release") && is_in(path, "/etc");
            is_in(path, "/dev") && (volume.kind() == "CharDevice" || devices.iter().any(|device| is_in(path, device)))
                || is_read_only && (is_release || harmless.iter().any(|harmless| is_in(path, harmless)))
        };
        let opens = |path: &&str| {
            !is_let_through(path) && sensitive.iter().any(|sensitive| is_in(path, sensitive) || is_in(sensitive, path))
        };
        if let Some(path) = volume.opened().find(opens) {
            let what = if volume.mounts.is_empty() {
                "which is sensitive, although nothing mounts it yet"
            } else if is_read_only {
                "to read: it is sensitive"
            } else if OWN_THE_NODE.contains(&path) {
                "to write to: whoever gets into the container can become root on the node"
            } else {
                "to write to: it is sensitive"
            };
            report(Code::Sensitive, &volume, path, what, findings);
        } else if volume.path == "/var/log" && !is_read_only {
            let what = "to write to: by a link in it, the kubelet serves any file of the node";
            report(Code::Logs, &volume, "/var/log", what, findings);
        }
    }
    Ok(())
}

fn report(code: Code, volume: &HostPath<'_>, path: &str, what: &str, findings: &mut Findings) {
    let written = volume.written();
    let part = if volume.path == path { String::new() } else { format!(" (`{path}`)") };
    let report =
        findings.report(code, &volume.place, format!("the volume opens `{written}`{part} of the node, {what}"));
    let opens = |mount: &&host_path::HostMount<'_>| mount.path == path;
    volume.mounts.iter().filter(opens).fold(report, |report, mount| {
        let how = if mount.is_read_only() { "mounted read-only here" } else { "mounted here" };
        report.label(&mount.place, how)
    });
}
