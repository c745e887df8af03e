use policy_sdk::kubernetes::pod_security::admission::{
    AUDIT, ENFORCE, ENFORCE_VERSION, PREFIX, PodSecurityAdmission, WARN,
};
use policy_sdk::kubernetes::pod_security::{Level, PolicyVersion};
use policy_sdk::kubernetes::production::{self, ProductionObject};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::choice! {
    /// A level of the Pod Security Standards that keeps something out.
    pub Wanted { Baseline = "baseline", Restricted = "restricted" }
}

policy_sdk::setting! {
    /// Namespaces, as globs, whose pods have to be privileged: those of the cluster and of agents on its nodes.
    pub PrivilegedNamespaces, "privilegedNamespaces": Vec<String> = list([
        "kube-system", "kube-public", "kube-node-lease", "calico-*", "tigera-*", "cilium*", "kube-flannel", "csi-*",
        "*-csi", "longhorn-system", "rook-ceph", "metallb-system", "falco", "gpu-operator", "istio-system",
        "openshift-*",
    ]);
}

policy_sdk::rule! {
    /// Namespaces enforce a level of the Pod Security Standards
    ///
    /// The label `pod-security.kubernetes.io/enforce` of a Namespace is `min_level` or stricter, in production
    /// `production_level`. All six labels of Pod Security have values that the API server takes. Without
    /// `enforce-version` the newest version holds.
    ///
    /// Namespaces of the setting `privilegedNamespaces`, those that say why in the annotation `reason_annotation`,
    /// those that a controller made, and those that are being deleted are exempt. Where the setting
    /// `podSecurityAdmission` says that the cluster enforces a level by default, or that another engine does, the rule
    /// does not apply.
    ///
    /// The safe fix adds the labels `warn` and `audit`, which refuse nothing. Enforcing can stop rollouts, so once they
    /// are there a person must confirm it.
    ///
    /// ## Why
    /// Without the label everybody who may create a pod in the namespace may create a privileged one, and with it own
    /// the node.
    ///
    /// ## Fix
    /// Label the Namespace. Warn first, read the warnings, then enforce:
    ///
    /// ```yaml
    /// metadata:
    ///   labels:
    ///     pod-security.kubernetes.io/enforce: baseline
    ///     pod-security.kubernetes.io/audit: restricted
    ///     pod-security.kubernetes.io/warn: restricted
    /// ```
    findings: {
        /// The Namespace enforces no level
        Missing: Medium, Likely;
        /// The Namespace enforces a level that is not strict enough
        Weak: Medium, Likely;
        /// A Namespace of production enforces a level that is not strict enough there
        WeakInProduction: Low, Likely;
        /// A label has a value that the API server refuses
        Invalid: High, Certain;
        /// A label begins like those of Pod Security, which does not know it
        Unknown: Medium, Certain;
        /// The version is not pinned, or an old one
        Version: Low, Certain;
        /// The API server neither warns of nor logs what the level allows
        Unwatched: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["cis:5.2.1"],
    peers: [
        "KC:C-0192", "KC:C-0193", "KC:C-0194", "KC:C-0195", "KC:C-0196", "KC:C-0197", "KC:C-0198", "KC:C-0199",
        "KC:C-0200", "KC:C-0201", "KC:C-0202", "KC:C-0203", "KC:C-0204", "KY:add-psa-labels",
        "KY:deny-privileged-profile",
    ],
    since: "0.1.0",
    applies_to: ["core/Namespace"],
    uses: [PodSecurityAdmission, PrivilegedNamespaces, ProductionObject],
    reads: ["metadata.name", "metadata.annotations", "metadata.ownerReferences", "metadata.deletionTimestamp"],
    parameters: {
        /// The least level that is enforced.
        min_level: Wanted = Wanted::Baseline,
        /// The least level that is enforced in production.
        production_level: Wanted = Wanted::Restricted,
        /// Require the label `enforce-version`.
        require_version: bool = false,
        /// The oldest version that may be pinned: `v1.30`.
        min_version: Option<String> = None,
        /// Require the labels `warn` and `audit`, at the enforced level or above.
        require_warn_and_audit: bool = false,
        /// The annotation in which a Namespace says why its pods have to be privileged.
        reason_annotation: String = "policy/privileged-reason".into(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let metadata = input.document.get("metadata");
    let (name, labels) = (metadata.get("name").text(), metadata.get("labels"));
    report_unreadable(&labels, findings);
    if let Some(reason) = exempted_by(input, &metadata) {
        return if findings.is_empty() { not_applicable(reason) } else { Ok(()) };
    }
    let parameters = &input.parameters;
    let label = labels.get(ENFORCE);
    let enforced = if label.exists() { Level::parse(label.text()) } else { Some(Level::None) };
    // What the API server cannot read is reported above.
    let Some(enforced) = enforced else { return Ok(()) };
    let is_production = production::is_production_object(input);
    let least = parameters.min_level.level();
    let wanted = if is_production { parameters.production_level.level().max(least) } else { least };
    if enforced < wanted {
        let of = if is_production { "Namespace of production" } else { "Namespace" };
        let (code, has) = match enforced {
            Level::None => (Code::Missing, "enforces no level of the Pod Security Standards".to_owned()),
            _ if enforced < least => (Code::Weak, format!("enforces `{}`", enforced.as_ref())),
            _ => (Code::WeakInProduction, format!("enforces `{}`", enforced.as_ref())),
        };
        let message = format!("{of} `{name}` {has}, expected `{}` or stricter", wanted.as_ref());
        findings.report(code, &label, message).fix(fix(&labels, wanted));
    }
    report_version(input, &labels, findings);
    let is_watched = |key: &str| Level::parse(labels.get(key).text()).is_some_and(|level| level >= enforced);
    if parameters.require_warn_and_audit && !(is_watched(WARN) && is_watched(AUDIT)) {
        let message = format!("Namespace `{name}` does not both warn of and audit `{}` or stricter", wanted.as_ref());
        findings.report(Code::Unwatched, &labels, message);
    }
    Ok(())
}

impl Wanted {
    fn level(self) -> Level {
        match self {
            Self::Baseline => Level::Baseline,
            Self::Restricted => Level::Restricted,
        }
    }
}

/// Labels whose values the API server refuses, and those that it does not look at.
fn report_unreadable(labels: &View<'_>, findings: &mut Findings) {
    for (key, value) in labels.entries() {
        let Some(kind) = key.strip_prefix(PREFIX) else { continue };
        let (is_readable, expected) = match kind {
            "enforce" | "audit" | "warn" => {
                (Level::parse(value.text()).is_some(), "`privileged`, `baseline` or `restricted`")
            }
            "enforce-version" | "audit-version" | "warn-version" => {
                (PolicyVersion::parse(value.text()).is_some(), "`latest` or one like `v1.30`")
            }
            _ => {
                findings.report(Code::Unknown, &value, format!("Pod Security has no label `{key}`: it has no effect"));
                continue;
            }
        };
        if !is_readable {
            let message =
                format!("the API server refuses `{}` in the label `{key}`, expected {expected}", value.text());
            findings.report(Code::Invalid, &value, message);
        }
    }
}

/// Why this Namespace need not enforce a level.
fn exempted_by(input: &Input<'_, Parameters>, metadata: &View<'_>) -> Option<&'static str> {
    let configuration = input.setting::<PodSecurityAdmission>();
    let name = metadata.get("name").text();
    if configuration.other_engine {
        Some("another engine enforces the Pod Security Standards")
    } else if metadata.get("deletionTimestamp").exists() {
        Some("it is being deleted")
    } else if !metadata.get("ownerReferences").is_empty() {
        Some("a controller made it, and decides what it enforces")
    } else if configuration.namespaces.iter().any(|exempt| exempt == name) {
        Some("it is exempt from Pod Security Admission")
    } else if input.setting::<PrivilegedNamespaces>().iter().any(|glob| glob_match(glob, name)) {
        Some("its pods have to be privileged")
    } else if !metadata.get("annotations").get(&input.parameters.reason_annotation).text().is_empty() {
        Some("it says why its pods have to be privileged")
    } else {
        let is_default = !metadata.get("labels").get(ENFORCE).exists()
            && configuration.enforce >= input.parameters.min_level.level();
        is_default.then_some("the cluster enforces a level by default")
    }
}

fn report_version(input: &Input<'_, Parameters>, labels: &View<'_>, findings: &mut Findings) {
    let label = labels.get(ENFORCE_VERSION);
    let oldest = input.parameters.min_version.as_deref();
    let pinned = PolicyVersion::parse(label.text());
    if input.parameters.require_version && !label.exists() {
        findings.report(Code::Version, &label, "no version of the Pod Security Standards is pinned, expected one");
    } else if let Some(oldest) = oldest.filter(|oldest| pinned < PolicyVersion::parse(oldest) && pinned.is_some()) {
        let message = format!("the version `{}` of the Pod Security Standards is older than `{oldest}`", label.text());
        findings.report(Code::Version, &label, message);
    }
}

/// Warn first; enforce once that is done.
fn fix(labels: &View<'_>, wanted: Level) -> Fix {
    let missing: Vec<View<'_>> =
        [WARN, AUDIT].map(|key| labels.get(key)).into_iter().filter(|it| !it.exists()).collect();
    if missing.is_empty() {
        let title = format!("enforce `{}`", wanted.as_ref());
        return Fix::unsafe_(title).set(&labels.get(ENFORCE), wanted.as_ref());
    }
    let fix = Fix::safe("warn of and audit what `restricted` forbids");
    missing.iter().fold(fix, |fix, label| fix.set(label, "restricted"))
}
