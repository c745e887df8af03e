//! Under which heading a rule's findings stand.
//!
//! The headings are those of a gap analysis that a person writes, who says "no health probes" where three rules
//! found something. A rule that is not listed has a heading of its own, its title, in an area named after its pack.

use crate::report::Rule;

/// A heading, and the rules below it.
struct Heading {
    area: &'static str,
    title: &'static str,
    rules: &'static [&'static str],
}

/// Rules on what runs; see [`title`].
const WORKLOADS: &str = "Application Manifests";
const BUILD: &str = "Container Build Pipeline";

const HEADINGS: &[Heading] = &[
    Heading {
        area: WORKLOADS,
        title: "No Health Probes",
        rules: &["readiness-probe-required", "liveness-probe-required", "probe-port-declared"],
    },
    Heading {
        area: WORKLOADS,
        title: "No Resource Requests/Limits",
        rules: &["resource-requests-required", "memory-limit-required", "requests-not-above-limits"],
    },
    Heading {
        area: WORKLOADS,
        title: "No Security Context",
        rules: &[
            "pss-run-as-non-root",
            "pss-privilege-escalation",
            "pss-drop-all-capabilities",
            "pss-seccomp-restricted",
            "read-only-root-filesystem",
        ],
    },
    Heading {
        area: WORKLOADS,
        title: "Privileged Access to the Node",
        rules: &["pss-privileged", "pss-host-namespaces"],
    },
    Heading {
        area: WORKLOADS,
        title: "No Graceful Shutdown Configuration",
        rules: &["prestop-drain-hook", "grace-covers-prestop"],
    },
    Heading { area: WORKLOADS, title: "No PodDisruptionBudget", rules: &["pdb-required", "pdb-selector-matches"] },
    Heading {
        area: WORKLOADS,
        title: "No Topology Spread / Anti-Affinity",
        rules: &["zone-spread-required", "min-replicas"],
    },
    Heading { area: WORKLOADS, title: "No ServiceMonitor / PodMonitor", rules: &["servicemonitor-required"] },
    Heading { area: WORKLOADS, title: "HorizontalPodAutoscaler Without Requests", rules: &["hpa-needs-requests"] },
    Heading { area: WORKLOADS, title: "No NetworkPolicy", rules: &["netpol-covers-workload"] },
    Heading {
        area: WORKLOADS,
        title: "Secrets in Plain Text",
        rules: &["no-secret-literal-in-env", "no-credentials-in-url"],
    },
    Heading {
        area: BUILD,
        title: "No Standardized Dockerfile Template",
        rules: &["df-release-build", "df-healthcheck-valid"],
    },
    Heading { area: BUILD, title: "Mutable Image Tags", rules: &["image-tag-not-mutable"] },
    Heading { area: BUILD, title: "Unpinned Actions", rules: &["wf-actions-pinned"] },
    Heading { area: BUILD, title: "Static Cloud Credentials", rules: &["wf-oidc-not-static-keys"] },
    Heading { area: "Infrastructure", title: "Terraform State Not Shared", rules: &["tf-remote-backend"] },
    Heading { area: "Cluster-Level Access", title: "Wildcard Roles", rules: &["rbac-no-wildcards"] },
    Heading {
        area: "GOMAXPROCS Automation",
        title: "No `automaxprocs` Enforcement",
        rules: &["gomaxprocs-follows-cpu-limit"],
    },
];

/// Area and title of a rule's gap, and where it stands among the others.
pub(super) fn heading<'r>(rule: &'r Rule<'_>) -> (usize, String, &'r str) {
    let listed = HEADINGS.iter().enumerate().find(|(_, heading)| heading.rules.contains(&&*rule.id));
    match listed {
        Some((index, heading)) => (index, heading.area.to_owned(), heading.title),
        None => (HEADINGS.len(), area_of(&rule.pack), &rule.title),
    }
}

/// The title of an area: manifests that all come from charts are a chart's.
pub(super) fn title<'f>(area: &str, mut files: impl Iterator<Item = &'f str>) -> String {
    let in_chart = |file: &str| file.split('/').any(|part| matches!(part, "helm" | "chart" | "charts" | "templates"));
    if area == WORKLOADS && files.all(in_chart) { "Helm App Chart".to_owned() } else { area.to_owned() }
}

/// `workload-hardening` is `Workload Hardening`.
fn area_of(pack: &str) -> String {
    if pack.is_empty() {
        return "Other".to_owned();
    }
    let words = pack.split('-').filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
        first + letters.as_str()
    });
    words.collect::<Vec<_>>().join(" ")
}
