//! Pod Security Admission: which level a Namespace's labels enforce, and what the cluster's configuration says.

use super::{Level, PolicyVersion};
use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

/// What the labels of Pod Security Admission begin with.
pub const PREFIX: &str = "pod-security.kubernetes.io/";
/// The label that names the level which pods must meet.
pub const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// The label that names its version.
pub const ENFORCE_VERSION: &str = "pod-security.kubernetes.io/enforce-version";
/// The label that names the level of the audit log.
pub const AUDIT: &str = "pod-security.kubernetes.io/audit";
/// The label that names the level of warnings.
pub const WARN: &str = "pod-security.kubernetes.io/warn";

crate::record! {
    /// The `PodSecurityConfiguration` of the API server.
    pub Configuration {
        /// The level that is enforced in namespaces without a label; empty where that is not known.
        pub enforce, "enforce": Level = Level::None;
        /// Its version: `latest` or `v1.N`.
        pub enforce_version, "enforceVersion": String = "latest".into();
        /// Users whose pods are exempt.
        pub usernames, "usernames": Vec<String> = Vec::new();
        /// Namespaces that are exempt.
        pub namespaces, "namespaces": Vec<String> = Vec::new();
        /// Runtime classes whose pods are exempt.
        pub runtime_classes, "runtimeClasses": Vec<String> = Vec::new();
        /// Whether another engine (Gatekeeper, Kyverno …) enforces the standards instead.
        pub other_engine, "otherEngine": bool = false;
    }
}

crate::setting! {
    /// How the API servers of the clusters are configured for Pod Security Admission.
    pub PodSecurityAdmission, "podSecurityAdmission": Configuration = Configuration::default();
}

crate::usable! {
    /// What can exempt the subject from Pod Security Admission.
    pub AdmissionExemption {
        reads: ["pod.spec.runtimeClassName"],
        setting: PodSecurityAdmission,
    }
}

/// The configuration of the API servers.
pub fn configuration<P: Uses<AdmissionExemption>>(input: &Input<'_, P>) -> Configuration {
    crate::uses::read::<PodSecurityAdmission, P>(input)
}

/// Why the subject is exempt from Pod Security Admission: its namespace, its runtime class or its user. The user is
/// only known of requests, to rules that ask for it.
pub fn exempted_by<P: Uses<AdmissionExemption>>(
    input: &Input<'_, P>,
    configuration: &Configuration,
) -> Option<&'static str> {
    let class = input.workload().spec().get("runtimeClassName");
    let user = input.user.map_or("", |user| &user.name);
    let is_in = |list: &[String], text: &str| !text.is_empty() && list.iter().any(|entry| entry == text);
    if is_in(&configuration.namespaces, &input.subject.namespace) {
        Some("namespace")
    } else if is_in(&configuration.runtime_classes, class.text()) {
        Some("runtime class")
    } else {
        is_in(&configuration.usernames, user).then_some("user")
    }
}

/// What is enforced in a namespace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// The level.
    pub level: Level,
    /// The version of the standards.
    pub version: PolicyVersion,
}

/// What the labels of a Namespace enforce, beside the configuration's defaults. What the API server cannot read counts
/// as `restricted`, or as `latest`. `None` where neither names a level.
pub fn enforced(labels: Option<&View<'_>>, configuration: &Configuration) -> Option<Profile> {
    let label = |key: &str| labels.and_then(|labels| labels.get(key).as_str());
    let level = match label(ENFORCE) {
        Some(level) => Level::parse(level).unwrap_or(Level::Restricted),
        None => Some(configuration.enforce).filter(|level| *level != Level::None)?,
    };
    let version = label(ENFORCE_VERSION).unwrap_or(&configuration.enforce_version);
    Some(Profile { level, version: PolicyVersion::parse(version).unwrap_or(PolicyVersion::LATEST) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;

    fn of(labels: &str, configuration: &Configuration) -> Option<(String, String)> {
        let json = Json::parse(labels).unwrap();
        let profile = enforced(Some(&json.root()), configuration)?;
        Some((profile.level.as_ref().to_owned(), profile.version.to_string()))
    }

    #[test]
    fn labels_go_before_the_configuration_and_what_is_unreadable_is_strict() {
        let unknown = Configuration::default();
        let known =
            Configuration { enforce: Level::Baseline, enforce_version: "v1.30".into(), ..Configuration::default() };
        let label =
            |level: &str, version: &str| format!(r#"{{"{ENFORCE}":"{level}","{ENFORCE_VERSION}":"{version}"}}"#);
        assert_eq!(of("{}", &unknown), None);
        assert_eq!(of(&format!(r#"{{"{ENFORCE_VERSION}":"v1.30"}}"#), &unknown), None);
        assert_eq!(of("{}", &known), Some(("baseline".into(), "v1.30".into())));
        assert_eq!(of(&label("restricted", "v1.25"), &known), Some(("restricted".into(), "v1.25".into())));
        assert_eq!(of(&label("privileged", "latest"), &known), Some(("privileged".into(), "latest".into())));
        assert_eq!(of(&label("Baseline", "1.25"), &known), Some(("restricted".into(), "latest".into())));
        assert_eq!(of(&label("baseline", "v1.025"), &known), Some(("baseline".into(), "latest".into())));
    }

    #[test]
    fn namespaces_and_runtime_classes_are_exempt() {
        let configuration = Configuration {
            namespaces: vec!["kube-system".into()],
            runtime_classes: vec!["gvisor".into()],
            ..Configuration::default()
        };
        let by = |namespace: &str, document: &str| {
            look(namespace, document, &[], &[], |input| exempted_by(input, &configuration))
        };
        assert_eq!(by("kube-system", "{}"), Some("namespace"));
        assert_eq!(by("shop", r#"{"pod":{"spec":{"runtimeClassName":"gvisor"}}}"#), Some("runtime class"));
        assert_eq!(by("shop", r#"{"pod":{"spec":{"runtimeClassName":"kata"}}}"#), None);
        assert_eq!(by("", "{}"), None);
    }
}
