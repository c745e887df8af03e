//! The checks of Kubernetes' Pod Security Standards, version by version, as `k8s.io/pod-security-admission` makes them.
//!
//! Each check is a view that owns its paths, and a function that gives the fields which the check forbids, or the
//! places of those which it demands. The rules say what is wrong and how to mend it; [`failures`] asks all of a level.
//! `make pod-security` holds both beside the library itself.

pub mod admission;
pub mod baseline;
pub mod restricted;

use crate::input::Input;
use crate::json::View;
use crate::kubernetes::windows::{self, Windows};
use crate::kubernetes::workload::{Container, Workload};
use crate::settings::KubernetesVersion;
use crate::uses::Uses;
use crate::values::version::Version;
use baseline::{
    AddedCapabilities, AppArmor, HostNamespaces, HostPathVolumes, HostPorts, HostProbes, HostProcess, Privileged,
    ProcMount, SeLinux, Seccomp, SeccompAnnotations, Sysctls,
};
use restricted::{Escalation, RunAsNonRoot, RunAsUser, VolumeSources};
use std::cmp::Ordering;
use std::fmt;

crate::choice! {
    /// A level of the Pod Security Standards; empty where none is named.
    pub Level { None = "", Privileged = "privileged", Baseline = "baseline", Restricted = "restricted" }
}

impl Level {
    /// The level of that name, as the API server takes it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Privileged, Self::Baseline, Self::Restricted].into_iter().find(|level| level.as_ref() == text)
    }
}

/// From the laxest to the strictest.
impl Ord for Level {
    fn cmp(&self, other: &Self) -> Ordering {
        (*self as u8).cmp(&(*other as u8))
    }
}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

crate::setting! {
    /// The level of the Pod Security Standards that is meant, where checks of baseline differ by it: `restricted`
    /// forbids `procMount` also in a user namespace, and leaves the Linux fields of Windows pods to the API server.
    pub PodSecurityLevel, "podSecurityLevel": Profile = Profile::Baseline;
}

crate::choice! {
    /// A level that forbids something.
    pub Profile { Baseline = "baseline", Restricted = "restricted" }
}

impl From<Profile> for Level {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Baseline => Self::Baseline,
            Profile::Restricted => Self::Restricted,
        }
    }
}

/// A version of the standards: that of the Kubernetes release, 1.N, which they came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyVersion(u32);

impl PolicyVersion {
    /// The newest.
    pub const LATEST: Self = Self(u32::MAX);

    /// Of Kubernetes 1.`minor`.
    pub const fn of(minor: u32) -> Self {
        Self(minor)
    }

    /// What a Namespace's label says: `latest` or `v1.N`. `None` for what the API server refuses.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::LATEST);
        }
        let minor = text.strip_prefix("v1.")?;
        let is_number = minor.bytes().all(|byte| byte.is_ascii_digit()) && (minor == "0" || !minor.starts_with('0'));
        minor.parse().ok().filter(|_| is_number).map(Self)
    }

    /// Whether it is that of Kubernetes 1.`minor` or a later one.
    pub fn is_at_least(self, minor: u32) -> bool {
        self.0 >= minor
    }
}

impl From<Version> for PolicyVersion {
    fn from(version: Version) -> Self {
        match version.major_minor() {
            (1, minor) => Self(minor),
            _ => Self::LATEST,
        }
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::LATEST { out.write_str("latest") } else { write!(out, "v1.{}", self.0) }
    }
}

/// The version of the clusters' checks: that of the settings, or the newest where the settings name none.
pub fn version<P: Uses<KubernetesVersion>>(input: &Input<'_, P>) -> PolicyVersion {
    input.setting_if_set::<KubernetesVersion>().map_or(PolicyVersion::LATEST, PolicyVersion::from)
}

/// Whether Linux' fields are not demanded of the pod: it says that it is for Windows nodes, and the version knows that.
pub fn is_exempt_windows<P: Uses<Windows>>(input: &Input<'_, P>, version: PolicyVersion) -> bool {
    version.is_at_least(25) && windows::is_declared(input)
}

/// Whether checks of baseline for Linux' fields are not made of the pod, since it is for Windows nodes: restricted
/// leaves it to the API server, which refuses those fields there.
pub fn leaves_windows<P: Uses<Windows>>(input: &Input<'_, P>, level: Level, version: PolicyVersion) -> bool {
    level >= Level::Restricted && is_exempt_windows(input, version)
}

/// Whether a pod has a user namespace of its own, which counts from version 1.35 on.
pub fn has_user_namespace(spec: &View<'_>, version: PolicyVersion) -> bool {
    version.is_at_least(35) && spec.get("hostUsers").as_bool() == Some(false)
}

/// Who has a field: the pod, or one of its containers.
#[derive(Clone)]
pub enum Owner<'d> {
    /// The pod itself.
    Pod,
    /// One of its containers.
    Container(Container<'d>),
}

impl<'d> Owner<'d> {
    /// The container, where it is one.
    pub fn container(&self) -> Option<&Container<'d>> {
        match self {
            Self::Pod => None,
            Self::Container(container) => Some(container),
        }
    }

    /// Its `securityContext`.
    pub fn security_context(&self, workload: &Workload<'d>) -> View<'d> {
        match self {
            Self::Pod => workload.spec().get("securityContext"),
            Self::Container(container) => container.security_context(),
        }
    }

    /// How messages call it.
    pub fn described(&self) -> String {
        match self {
            Self::Pod => "the pod".into(),
            Self::Container(container) => container.described(),
        }
    }
}

/// A place that a check forbids, or where something is missing that it demands.
pub struct Violation<'d> {
    /// Whose it is.
    pub owner: Owner<'d>,
    /// The place.
    pub at: View<'d>,
}

impl<'d> Violation<'d> {
    fn of_pod(at: View<'d>) -> Self {
        Self { owner: Owner::Pod, at }
    }

    fn of(container: Container<'d>, at: View<'d>) -> Self {
        Self { owner: Owner::Container(container), at }
    }
}

/// A field of the `securityContext` of the pod and of every container, where it is set.
fn in_contexts<'d>(workload: &Workload<'d>, field: &str) -> impl Iterator<Item = (Owner<'d>, View<'d>)> + use<'d> {
    let of_pod = (Owner::Pod, workload.spec().get("securityContext").get(field));
    let of_containers = workload.containers().map(|container| {
        let view = container.security_context().get(field);
        (Owner::Container(container), view)
    });
    let all: Vec<_> = std::iter::once(of_pod).chain(of_containers).filter(|(_, view)| view.exists()).collect();
    all.into_iter()
}

/// What a check forbids in the subject.
pub struct Failure<'d> {
    /// The check, for messages.
    pub check: &'static str,
    /// What it forbids; never empty.
    pub violations: Vec<Violation<'d>>,
}

/// What the checks of a level forbid, check by check.
pub fn failures<'d, P>(input: &Input<'d, P>, level: Level, version: PolicyVersion) -> Vec<Failure<'d>>
where
    P: Uses<AppArmor>
        + Uses<AddedCapabilities>
        + Uses<HostNamespaces>
        + Uses<HostPathVolumes>
        + Uses<HostPorts>
        + Uses<HostProbes>
        + Uses<HostProcess>
        + Uses<Privileged>
        + Uses<ProcMount>
        + Uses<SeLinux>
        + Uses<Seccomp>
        + Uses<SeccompAnnotations>
        + Uses<Sysctls>
        + Uses<Escalation>
        + Uses<RunAsNonRoot>
        + Uses<RunAsUser>
        + Uses<VolumeSources>
        + Uses<Windows>
        + Uses<crate::tables::safe_sysctls::SafeSysctls>,
{
    let mut failures = Vec::new();
    let mut add = |check: &'static str, violations: Vec<Violation<'d>>| {
        if !violations.is_empty() {
            failures.push(Failure { check, violations });
        }
    };
    if level < Level::Baseline {
        return failures;
    }
    add("privileged", baseline::privileged(input));
    add("host namespaces", baseline::host_namespaces(input));
    add("host ports", baseline::host_ports(input));
    add("hosts of probes and hooks", baseline::host_probes(input, version));
    add("HostProcess", baseline::host_process(input));
    add("hostPath volumes", baseline::host_path_volumes(input));
    add("added capabilities", baseline::added_capabilities(input, level, version));
    add("AppArmor", baseline::app_armor(input));
    add("SELinux", baseline::se_linux(input, version));
    add("seccomp", baseline::seccomp(input, level, version));
    add("`procMount`", baseline::proc_mount(input, level, version));
    add("sysctls", baseline::sysctls(input, version));
    if level < Level::Restricted {
        return failures;
    }
    add("privilege escalation", restricted::escalation(input, version));
    add("capabilities not dropped", restricted::capabilities(input, version));
    add("`runAsNonRoot`", restricted::run_as_non_root(input, version).violations());
    add("`runAsUser`", restricted::run_as_user(input, version));
    add("no seccomp profile", restricted::unconfined(input, version));
    add("volume types", restricted::volumes(input));
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn versions_are_those_that_the_api_server_takes() {
        for (text, minor) in [("v1.0", 0), ("v1.9", 9), ("v1.35", 35)] {
            assert_eq!(PolicyVersion::parse(text), Some(PolicyVersion::of(minor)), "{text}");
        }
        assert_eq!(PolicyVersion::parse("latest"), Some(PolicyVersion::LATEST));
        for text in ["", "1.35", "v1", "v1.", "v1.35.0", "v1.035", "v1.+3", "v2.0", "Latest", "v1.99999999999"] {
            assert_eq!(PolicyVersion::parse(text), None, "{text}");
        }
        assert!(PolicyVersion::of(35) < PolicyVersion::LATEST && PolicyVersion::of(9) < PolicyVersion::of(10));
        assert_eq!(PolicyVersion::of(35).to_string(), "v1.35");
        assert_eq!(PolicyVersion::from(Version::of(1, 30)), PolicyVersion::of(30));
        assert_eq!(PolicyVersion::from(Version::of(2, 0)), PolicyVersion::LATEST);
    }

    #[test]
    fn levels_go_from_lax_to_strict() {
        assert!(Level::None < Level::Privileged && Level::Privileged < Level::Baseline);
        assert!(Level::Baseline < Level::Restricted);
        assert_eq!(Level::parse("restricted"), Some(Level::Restricted));
        assert_eq!(Level::parse(""), None);
        assert_eq!(Level::parse("Restricted"), None);
    }

    #[test]
    fn every_level_has_the_checks_of_those_below_it() {
        let of = |spec: &str, level, minor| {
            look("shop", &format!(r#"{{"pod":{{"spec":{spec}}}}}"#), &[], &[], |input| {
                let failures = failures(input, level, PolicyVersion::of(minor));
                failures.iter().map(|failure| failure.check).collect::<Vec<_>>().join(", ")
            })
        };
        const BARE: &str = r#"{"hostPID":true,"containers":[{"name":"a"}]}"#;
        const WINDOWS: &str = r#"{"os":{"name":"windows"},"securityContext":{"runAsNonRoot":true},"containers":[
            {"name":"a","securityContext":{"capabilities":{"add":["NET_ADMIN"]},"seccompProfile":{"type":"Unconfined"}}}]}"#;
        assert_eq!(of(BARE, Level::Privileged, 37), "");
        assert_eq!(of(BARE, Level::Baseline, 37), "host namespaces");
        let demanded = "privilege escalation, capabilities not dropped, `runAsNonRoot`, no seccomp profile";
        assert_eq!(of(BARE, Level::Restricted, 37), ["host namespaces, ", demanded].concat());
        assert_eq!(of(BARE, Level::Restricted, 7), "host namespaces, `runAsNonRoot`");
        assert_eq!(of(WINDOWS, Level::Baseline, 37), "added capabilities, seccomp");
        assert_eq!(of(WINDOWS, Level::Restricted, 37), "");
        let old = "added capabilities, seccomp, privilege escalation, capabilities not dropped";
        assert_eq!(of(WINDOWS, Level::Restricted, 24), old);
    }
}
