//! The checks of the level baseline.

use super::{Level, Owner, PolicyVersion, Violation, has_user_namespace, in_contexts, leaves_windows};
use crate::input::Input;
use crate::json::View;
use crate::kubernetes::windows::Windows;
use crate::kubernetes::workload::Container;
use crate::tables::safe_sysctls::{self, SafeSysctls};
use crate::uses::Uses;

crate::usable! {
    /// AppArmor profiles of the pod and its containers, in fields and in annotations.
    pub AppArmor {
        reads: [
            "pod.metadata.annotations",
            "pod.spec.securityContext.appArmorProfile",
            "container.securityContext.appArmorProfile",
        ],
    }
    /// Capabilities of containers.
    pub AddedCapabilities {
        reads: ["container.securityContext.capabilities"],
    }
    /// Namespaces of the node that the pod shares.
    pub HostNamespaces {
        reads: ["pod.spec.hostNetwork", "pod.spec.hostPID", "pod.spec.hostIPC"],
    }
    /// Volumes that are paths of the node.
    pub HostPathVolumes {
        reads: ["pod.spec.volumes[*].name", "pod.spec.volumes[*].hostPath"],
    }
    /// Ports of the node.
    pub HostPorts {
        reads: ["container.ports[*]"],
    }
    /// Hosts that probes and hooks call.
    pub HostProbes {
        reads: [
            "container.livenessProbe.httpGet.host", "container.livenessProbe.tcpSocket.host",
            "container.readinessProbe.httpGet.host", "container.readinessProbe.tcpSocket.host",
            "container.startupProbe.httpGet.host", "container.startupProbe.tcpSocket.host",
            "container.lifecycle.postStart.httpGet.host", "container.lifecycle.postStart.tcpSocket.host",
            "container.lifecycle.preStop.httpGet.host", "container.lifecycle.preStop.tcpSocket.host",
        ],
    }
    /// HostProcess pods and containers.
    pub HostProcess {
        reads: [
            "pod.spec.securityContext.windowsOptions.hostProcess",
            "container.securityContext.windowsOptions.hostProcess",
        ],
    }
    /// Privileged containers.
    pub Privileged {
        reads: ["container.securityContext.privileged"],
    }
    /// Masks of `/proc`.
    pub ProcMount {
        reads: ["pod.spec.hostUsers", "container.securityContext.procMount"],
    }
    /// SELinux options of the pod and its containers.
    pub SeLinux {
        reads: ["pod.spec.securityContext.seLinuxOptions", "container.securityContext.seLinuxOptions"],
    }
    /// Seccomp profiles of the pod and its containers.
    pub Seccomp {
        reads: ["pod.spec.securityContext.seccompProfile", "container.securityContext.seccompProfile"],
    }
    /// Seccomp profiles in annotations, which kubelets before Kubernetes 1.27 knew.
    pub SeccompAnnotations {
        reads: ["pod.metadata.annotations", "container.name"],
    }
    /// Kernel parameters that the pod sets.
    pub Sysctls {
        reads: ["pod.spec.securityContext.sysctls"],
    }
}

/// The capabilities that containers may add: those that runtimes give by default.
pub const DEFAULT_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const POD_SECCOMP_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The types of seccomp profile that confine.
const CONFINING: [&str; 2] = ["RuntimeDefault", "Localhost"];

/// AppArmor profiles that do not confine: the `type` of a field, or an annotation.
pub fn app_armor<'d, P: Uses<AppArmor>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let workload = input.workload();
    let in_fields = in_contexts(&workload, "appArmorProfile")
        .map(|(owner, profile)| Violation { owner, at: profile.get("type") })
        .filter(|violation| !CONFINING.contains(&violation.at.text()));
    let is_confining = |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let annotations = workload.pod.at("metadata.annotations").entries();
    let in_annotations = annotations
        .filter(|(key, value)| key.starts_with(APP_ARMOR_ANNOTATION) && !is_confining(value.text()))
        .map(|(_, value)| Violation::of_pod(value));
    in_fields.chain(in_annotations).collect()
}

/// The AppArmor profiles of the nodes that are named: a `localhostProfile`, or an annotation.
pub fn localhost_profiles<'d, P: Uses<AppArmor>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let workload = input.workload();
    let in_fields = in_contexts(&workload, "appArmorProfile")
        .filter(|(_, profile)| profile.get("type").text() == "Localhost")
        .map(|(owner, profile)| Violation { owner, at: profile.get("localhostProfile") });
    let annotations = workload.pod.at("metadata.annotations").entries();
    let in_annotations = annotations
        .filter(|(key, value)| key.starts_with(APP_ARMOR_ANNOTATION) && value.text().starts_with("localhost/"))
        .map(|(_, value)| Violation::of_pod(value));
    in_fields.chain(in_annotations).collect()
}

/// The capabilities that a container adds and that are not among `allowed`, letter by letter.
pub fn added_beyond<'d>(container: &Container<'d>, allowed: &[&str]) -> Vec<View<'d>> {
    let added = container.at("securityContext.capabilities.add").items();
    added.filter(|name| !allowed.contains(&name.text())).collect()
}

/// The capabilities that containers add and that runtimes do not give by default.
pub fn added_capabilities<'d, P>(input: &Input<'d, P>, level: Level, version: PolicyVersion) -> Vec<Violation<'d>>
where
    P: Uses<AddedCapabilities> + Uses<Windows>,
{
    if leaves_windows(input, level, version) {
        return Vec::new();
    }
    let of = |container: Container<'d>| {
        let names = added_beyond(&container, &DEFAULT_CAPABILITIES);
        names.into_iter().map(move |name| Violation::of(container.clone(), name))
    };
    input.workload().containers().flat_map(of).collect()
}

/// The namespaces of the node that the pod shares.
pub fn host_namespaces<'d, P: Uses<HostNamespaces>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let spec = input.workload().spec();
    let fields = ["hostNetwork", "hostPID", "hostIPC"].map(|field| spec.get(field));
    fields.into_iter().filter(View::is_true).map(Violation::of_pod).collect()
}

/// The volumes that are paths of the node, each at its `hostPath`.
pub fn host_path_volumes<'d, P: Uses<HostPathVolumes>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let volumes = input.workload().spec().get("volumes").items();
    volumes.map(|volume| volume.get("hostPath")).filter(View::exists).map(Violation::of_pod).collect()
}

/// The ports of the node that containers take, each at its `hostPort`.
pub fn host_ports<'d, P: Uses<HostPorts>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let of = |container: Container<'d>| {
        let ports = container.get("ports").items().map(|port| port.get("hostPort"));
        let taken = ports.filter(|port| port.as_i64().is_some_and(|port| port != 0));
        taken.map(move |port| Violation::of(container.clone(), port))
    };
    input.workload().containers().flat_map(of).collect()
}

/// The hosts that probes and hooks name, from version 1.34 on.
pub fn host_probes<'d, P: Uses<HostProbes>>(input: &Input<'d, P>, version: PolicyVersion) -> Vec<Violation<'d>> {
    const HANDLERS: [&str; 5] =
        ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop"];
    if !version.is_at_least(34) {
        return Vec::new();
    }
    let of = |container: Container<'d>| {
        let handlers = HANDLERS.map(|handler| container.at(handler));
        let hosts =
            handlers.into_iter().flat_map(|handler| ["httpGet.host", "tcpSocket.host"].map(|it| handler.at(it)));
        hosts.filter(|host| !host.text().is_empty()).map(move |host| Violation::of(container.clone(), host))
    };
    input.workload().containers().flat_map(of).collect()
}

/// Where the pod or a container is a HostProcess.
pub fn host_process<'d, P: Uses<HostProcess>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    in_contexts(&input.workload(), "windowsOptions")
        .map(|(owner, options)| Violation { owner, at: options.get("hostProcess") })
        .filter(|violation| violation.at.is_true())
        .collect()
}

/// Where containers are privileged.
pub fn privileged<'d, P: Uses<Privileged>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let containers = input.workload().containers();
    let of_each = containers.map(|container| (container.at("securityContext.privileged"), container));
    of_each.filter(|(at, _)| at.is_true()).map(|(at, container)| Violation::of(container, at)).collect()
}

/// Where containers ask for another mask of `/proc` than the default. From version 1.35 on baseline lets pods in a user
/// namespace of their own do that.
pub fn proc_mount<'d, P: Uses<ProcMount>>(
    input: &Input<'d, P>,
    level: Level,
    version: PolicyVersion,
) -> Vec<Violation<'d>> {
    let workload = input.workload();
    if level < Level::Restricted && has_user_namespace(&workload.spec(), version) {
        return Vec::new();
    }
    let of_each = workload.containers().map(|container| (container.at("securityContext.procMount"), container));
    let other = of_each.filter(|(at, _)| at.exists() && at.text() != "Default");
    other.map(|(at, container)| Violation::of(container, at)).collect()
}

/// The SELinux types that are allowed.
pub fn se_linux_types(version: PolicyVersion) -> &'static [&'static str] {
    const TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    if version.is_at_least(31) { &TYPES } else { &TYPES[..4] }
}

/// The SELinux options that are not allowed: a `type`, and any `user` or `role`.
pub fn se_linux<'d, P: Uses<SeLinux>>(input: &Input<'d, P>, version: PolicyVersion) -> Vec<Violation<'d>> {
    let of = |(owner, options): (Owner<'d>, View<'d>)| {
        let fields = ["type", "user", "role"].map(|field| (field, options.get(field)));
        let allowed = move |field: &str| if field == "type" { se_linux_types(version) } else { &[""] };
        let forbidden = fields.into_iter().filter(move |(field, at)| !allowed(field).contains(&at.text()));
        forbidden.map(move |(_, at)| Violation { owner: owner.clone(), at })
    };
    in_contexts(&input.workload(), "seLinuxOptions").flat_map(of).collect()
}

/// Seccomp profiles that do not confine, each at its `type`.
pub fn unconfining<'d, P: Uses<Seccomp>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    in_contexts(&input.workload(), "seccompProfile")
        .map(|(owner, profile)| Violation { owner, at: profile.get("type") })
        .filter(|violation| !CONFINING.contains(&violation.at.text()))
        .collect()
}

/// Seccomp profiles in annotations: of the pod, and of the containers that it has.
pub fn seccomp_annotations<'d, P: Uses<SeccompAnnotations>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let workload = input.workload();
    let annotations = workload.pod.at("metadata.annotations");
    let of_pod = Violation::of_pod(annotations.get(POD_SECCOMP_ANNOTATION));
    let of_containers = workload.containers().map(|container| {
        let at = annotations.get(&[SECCOMP_ANNOTATION, container.name()].concat());
        Violation::of(container, at)
    });
    std::iter::once(of_pod).chain(of_containers).filter(|violation| violation.at.exists()).collect()
}

/// Seccomp profiles that do not confine: from version 1.19 on in fields, before that in annotations.
pub fn seccomp<'d, P>(input: &Input<'d, P>, level: Level, version: PolicyVersion) -> Vec<Violation<'d>>
where
    P: Uses<Seccomp> + Uses<SeccompAnnotations> + Uses<Windows>,
{
    if leaves_windows(input, level, version) {
        return Vec::new();
    }
    let is_confining = |at: &View<'_>| {
        matches!(at.text(), "runtime/default" | "docker/default") || at.text().starts_with("localhost/")
    };
    if version.is_at_least(19) {
        unconfining(input)
    } else {
        seccomp_annotations(input).into_iter().filter(|annotation| !is_confining(&annotation.at)).collect()
    }
}

/// The kernel parameters that are not among the safe ones, each at its `name`.
pub fn sysctls<'d, P>(input: &Input<'d, P>, version: PolicyVersion) -> Vec<Violation<'d>>
where
    P: Uses<Sysctls> + Uses<SafeSysctls>,
{
    let set: Vec<View<'d>> =
        input.workload().spec().at("securityContext.sysctls").items().map(|sysctl| sysctl.get("name")).collect();
    if set.is_empty() {
        return Vec::new();
    }
    let safe = input.setting::<SafeSysctls>();
    let forbidden = set.into_iter().filter(|name| !safe_sysctls::is_safe(&safe.rows, name.text(), version));
    forbidden.map(Violation::of_pod).collect()
}
