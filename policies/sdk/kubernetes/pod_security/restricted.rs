//! The checks that the level restricted has beside those of baseline.

use super::baseline::{AddedCapabilities, Seccomp, added_beyond};
use super::{PolicyVersion, Violation, has_user_namespace, in_contexts, is_exempt_windows};
use crate::input::Input;
use crate::json::View;
use crate::kubernetes::windows::Windows;
use crate::kubernetes::workload::Container;
use crate::uses::Uses;

crate::usable! {
    /// Whether containers may gain privileges.
    pub Escalation {
        reads: ["container.securityContext.allowPrivilegeEscalation"],
    }
    /// Whether the pod and its containers say that they are not root.
    pub RunAsNonRoot {
        reads: [
            "pod.spec.hostUsers",
            "pod.spec.securityContext.runAsNonRoot",
            "container.securityContext.runAsNonRoot",
        ],
    }
    /// The user of the pod and its containers.
    pub RunAsUser {
        reads: [
            "pod.spec.hostUsers",
            "pod.spec.securityContext.runAsUser",
            "container.securityContext.runAsUser",
        ],
    }
    /// What the pod's volumes are.
    pub VolumeSources {
        reads: ["pod.spec.volumes[*]"],
    }
}

/// The volumes that are allowed.
pub const VOLUME_SOURCES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The capability that may be added beside `drop: [ALL]`.
pub const NET_BIND_SERVICE: &str = "NET_BIND_SERVICE";

/// Where containers do not forbid gaining privileges, from version 1.8 on.
pub fn escalation<'d, P>(input: &Input<'d, P>, version: PolicyVersion) -> Vec<Violation<'d>>
where
    P: Uses<Escalation> + Uses<Windows>,
{
    if !version.is_at_least(8) || is_exempt_windows(input, version) {
        return Vec::new();
    }
    let containers = input.workload().containers();
    let of_each = containers.map(|container| (container.at("securityContext.allowPrivilegeEscalation"), container));
    let allowing = of_each.filter(|(allowed, _)| allowed.as_bool() != Some(false));
    allowing.map(|(allowed, container)| Violation::of(container, allowed)).collect()
}

/// Where containers do not drop all capabilities, or add another than `NET_BIND_SERVICE`, from version 1.22 on.
pub fn capabilities<'d, P>(input: &Input<'d, P>, version: PolicyVersion) -> Vec<Violation<'d>>
where
    P: Uses<AddedCapabilities> + Uses<Windows>,
{
    if !version.is_at_least(22) || is_exempt_windows(input, version) {
        return Vec::new();
    }
    let fails =
        |container: &Container<'d>| !drops_all(container) || !added_beyond(container, &[NET_BIND_SERVICE]).is_empty();
    let failing = input.workload().containers().filter(fails);
    let of_each = failing.map(|container| (container.at("securityContext.capabilities"), container));
    of_each.map(|(at, container)| Violation::of(container, at)).collect()
}

/// Whether a container drops all capabilities, letter by letter.
pub fn drops_all(container: &Container<'_>) -> bool {
    container.at("securityContext.capabilities.drop").items().any(|dropped| dropped.text() == "ALL")
}

/// What is wrong with the `runAsNonRoot` of a pod and its containers.
#[derive(Default)]
pub struct NonRoot<'d> {
    /// That of the pod, where it allows root.
    pub pod: Option<View<'d>>,
    /// The containers that allow it.
    pub allowing: Vec<Container<'d>>,
    /// The containers that say nothing where the pod says nothing.
    pub silent: Vec<Container<'d>>,
}

impl<'d> NonRoot<'d> {
    /// Each of them at its `runAsNonRoot`.
    pub fn violations(self) -> Vec<Violation<'d>> {
        let containers = self.allowing.into_iter().chain(self.silent);
        let of_containers = containers.map(|container| {
            let at = container.at("securityContext.runAsNonRoot");
            Violation::of(container, at)
        });
        self.pod.map(Violation::of_pod).into_iter().chain(of_containers).collect()
    }
}

/// Whether the pod or all its containers say that they are not root, and none says that it may be. From version 1.35 on
/// a user namespace of the pod's own is enough.
pub fn run_as_non_root<'d, P: Uses<RunAsNonRoot>>(input: &Input<'d, P>, version: PolicyVersion) -> NonRoot<'d> {
    let workload = input.workload();
    if has_user_namespace(&workload.spec(), version) {
        return NonRoot::default();
    }
    let pod = workload.spec().at("securityContext.runAsNonRoot");
    let own = |container: &Container<'d>| container.at("securityContext.runAsNonRoot");
    let (set, mut silent): (Vec<_>, Vec<_>) = workload.containers().partition(|container| own(container).exists());
    if pod.is_true() {
        silent.clear();
    }
    NonRoot {
        allowing: set.into_iter().filter(|container| !own(container).is_true()).collect(),
        pod: Some(pod).filter(|pod| pod.exists() && !pod.is_true()),
        silent,
    }
}

/// Where the pod or a container is to run as user 0, from version 1.23 on. From version 1.35 on a user namespace of the
/// pod's own is enough.
pub fn run_as_user<'d, P: Uses<RunAsUser>>(input: &Input<'d, P>, version: PolicyVersion) -> Vec<Violation<'d>> {
    let workload = input.workload();
    if !version.is_at_least(23) || has_user_namespace(&workload.spec(), version) {
        return Vec::new();
    }
    let users = in_contexts(&workload, "runAsUser").filter(|(_, user)| user.as_i64() == Some(0));
    users.map(|(owner, at)| Violation { owner, at }).collect()
}

/// The containers without a seccomp profile, where the pod has none that confines; from version 1.19 on.
pub fn unconfined<'d, P>(input: &Input<'d, P>, version: PolicyVersion) -> Vec<Violation<'d>>
where
    P: Uses<Seccomp> + Uses<Windows>,
{
    let workload = input.workload();
    let of_pod = workload.spec().at("securityContext.seccompProfile");
    if !version.is_at_least(19) || is_exempt_windows(input, version) || of_pod.exists() {
        return Vec::new();
    }
    let of_each = workload.containers().map(|container| (container.at("securityContext.seccompProfile"), container));
    let without = of_each.filter(|(profile, _)| !profile.exists());
    without.map(|(profile, container)| Violation::of(container, profile)).collect()
}

/// The volumes that are of another kind, each at its source; those that are paths of the node are baseline's.
pub fn volumes<'d, P: Uses<VolumeSources>>(input: &Input<'d, P>) -> Vec<Violation<'d>> {
    let other = |volume: View<'d>| {
        let mut sources = volume.entries().filter(|(key, source)| *key != "name" && source.exists()).peekable();
        let is_allowed = volume.entries().any(|(key, source)| VOLUME_SOURCES.contains(&key) && source.exists());
        let first = sources.next().filter(|(key, _)| !is_allowed && *key != "hostPath");
        first.map(|(_, source)| Violation::of_pod(source))
    };
    input.workload().spec().get("volumes").items().filter_map(other).collect()
}
