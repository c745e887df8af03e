use policy_sdk::kubernetes::host_path::{self, HostPaths, clean, is_in};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Container runtime sockets are not mounted
    ///
    /// No container mounts the socket of Docker, containerd, CRI-O, Podman, BuildKit or a similar runtime from the
    /// node, nor a directory that contains one: `/run`, `/var/run` (the same directory), `/run/containerd`. A
    /// `subPath` that selects another part of such a directory passes. `no-sensitive-host-paths` checks `/` and
    /// `/var`, which contain much more.
    ///
    /// `readOnly` does not help: it prevents replacing the socket, not connecting to it.
    ///
    /// ## Why
    /// The runtime starts any container for a process that reaches its socket, including a privileged one with the
    /// node's file system. An attacker in this container controls the node.
    ///
    /// ## Fix
    /// Build images with a tool that needs no daemon (rootless BuildKit, Buildah), and ask the API server or the
    /// kubelet about pods. For a node agent that has no other way, add an exemption by namespace and image.
    findings: {
        /// A container has access to the socket of the container runtime
        Socket: High, Certain, covers: ["pss-hostpath-volumes", "host-mounts-read-only"];
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.2.13"],
    peers: ["KL:docker-sock", "KC:C-0074", "CK:CKV_K8S_27", "TR:KSV-0006", "KY:disallow-cri-sock-mount"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [HostPaths],
    parameters: {
        /// Sockets, by their paths on the node.
        sockets: Vec<String> = list([
            "/run/docker.sock",
            "/run/containerd/containerd.sock",
            "/run/containerd/containerd.sock.ttrpc",
            "/run/docker/containerd/containerd.sock",
            "/run/k3s/containerd/containerd.sock",
            "/run/k0s/containerd.sock",
            "/var/snap/microk8s/common/run/containerd.sock",
            "/run/dockershim.sock",
            "/run/cri-dockerd.sock",
            "/run/crio/crio.sock",
            "/run/podman/podman.sock",
            "/run/buildkit/buildkitd.sock",
            "/run/nri/nri.sock",
            r"\\.\pipe\docker_engine",
            r"\\.\pipe\containerd-containerd",
        ]),
    },
}

/// Directories that are no-sensitive-host-paths'.
const OTHERS: [&str; 2] = ["/", "/var"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let sockets: Vec<String> = input.parameters.sockets.iter().map(|socket| clean(socket)).collect();
    for volume in host_path::host_paths(input) {
        let opened = |path: &str| sockets.iter().find(|socket| is_in(socket, path) && !OTHERS.contains(&path));
        let open = volume.mounts.iter().find_map(|mount| Some((mount, opened(&mount.opened)?)));
        let Some((mount, socket)) = open else { continue };
        let name = mount.container.described();
        let message = if mount.opened == *socket {
            format!("{name} mounts `{}`, the socket of the node's container runtime", volume.written())
        } else {
            format!("{name} mounts `{}`, where sockets of container runtimes lie (`{socket}`)", volume.written())
        };
        findings.report(Code::Socket, &volume.place, message).label(&mount.place, "mounted here");
    }
    Ok(())
}
