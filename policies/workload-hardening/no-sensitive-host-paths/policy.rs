use policy_sdk::kubernetes::host_path::{self, HostPath, HostPaths, clean, is_in};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Sensitive paths of the node are not mounted
    ///
    /// No `hostPath` volume gives access to a path in `sensitive`, to anything below it, or to a directory that
    /// contains one (`/`, `/var/lib`). The rule looks at what containers see, including their `subPath`; for a
    /// volume that nothing mounts, at its own path. It reports each volume once.
    ///
    /// It allows read-only mounts of the paths in `harmless`, which every user of a node may read or which kernel
    /// modules need (`/etc/localtime`, `/lib/modules`); devices below `/dev`, by the type `CharDevice` or by the
    /// list `devices`; and `/run`, whose sockets `no-runtime-socket-mount` checks. For `/var/log` it only reports
    /// writable mounts: a process can put a symbolic link there, and the kubelet then serves any file of the node
    /// as a log.
    ///
    /// Node agents (network and storage plugins, node exporters, Falco) need such paths. The bundles exempt
    /// well-known ones by namespace and image. Add exemptions for your own in the same way.
    ///
    /// ## Why
    /// These paths hold the configuration of the node, the keys of the kubelet, and the data and tokens of all pods
    /// on it. A process that can read them knows the secrets of the node. A process that can write them can start
    /// programs there as root.
    ///
    /// ## Fix
    /// Mount only the file or directory that is needed, read-only. Often there is another way: the downward API for
    /// data of the pod itself, a CSI driver or a local volume for storage, a device plugin for devices.
    ///
    /// ```yaml
    /// volumes:
    ///   - name: timezone
    ///     hostPath: {path: /etc/localtime, type: File}
    /// ```
    findings: {
        /// A pod has access to a sensitive path of the node
        Sensitive: High, Certain, covers: ["pss-hostpath-volumes", "host-mounts-read-only"];
        /// A pod can write to the directory from which the kubelet serves logs
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
            "/var/lib/rancher/k3s/server", "/var/lib/rancher/rke2/server", r"C:\etc\kubernetes",
            r"C:\ProgramData\containerd", r"C:\ProgramData\docker", r"C:\Users", r"C:\var\lib\kubelet", r"C:\Windows",
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

/// Directories of which a writer becomes root on the node.
const OWN_THE_NODE: [&str; 5] = ["/", "/etc", "/root", "/var/lib/kubelet", "/etc/kubernetes"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let volumes = host_path::host_paths(input);
    if volumes.is_empty() {
        return Ok(());
    }
    let cleaned = |paths: &[String]| paths.iter().map(|path| clean(path)).collect::<Vec<_>>();
    let Parameters { sensitive, harmless, devices } = &input.parameters;
    let (sensitive, harmless, devices) = (cleaned(sensitive), cleaned(harmless), cleaned(devices));
    for volume in volumes {
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
            let (access, why) = if volume.mounts.is_empty() {
                ("access", ", which is sensitive, although nothing mounts it yet")
            } else if is_read_only {
                ("read access", ", which is sensitive")
            } else if OWN_THE_NODE.contains(&path) {
                ("write access", ": an attacker in the container can become root there")
            } else {
                ("write access", ", which is sensitive")
            };
            report(Code::Sensitive, &volume, path, (access, why), findings);
        } else if volume.path == "/var/log" && !is_read_only {
            let why = ": with a symbolic link in it, the kubelet serves any file of the node";
            report(Code::Logs, &volume, "/var/log", ("write access", why), findings);
        }
    }
    Ok(())
}

fn report(code: Code, volume: &HostPath<'_>, path: &str, (access, why): (&str, &str), findings: &mut Findings) {
    let written = volume.written();
    let part = if volume.path == path { String::new() } else { format!(" (`{path}`)") };
    let message = format!("the volume gives {access} to `{written}`{part} of the node{why}");
    let report = findings.report(code, &volume.place, message);
    let opens = |mount: &&host_path::HostMount<'_>| mount.opened == path;
    volume.mounts.iter().filter(opens).fold(report, |report, mount| {
        let how = if mount.is_read_only() { "mounted read-only here" } else { "mounted here" };
        report.label(&mount.place, how)
    });
}
