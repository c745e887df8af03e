use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Security settings do not contradict each other
    ///
    /// No container of any class has both `runAsNonRoot: true` and `runAsUser: 0`: the kubelet refuses to start it.
    /// The container's own field counts, else the pod's.
    ///
    /// The rule also reports what the API server refuses: `allowPrivilegeEscalation: false` together with
    /// `privileged: true` or with the added capability `CAP_SYS_ADMIN` in exactly this spelling (it accepts
    /// `SYS_ADMIN`); and, in `seccompProfile` and `appArmorProfile`, the type `Localhost` without
    /// `localhostProfile`, or `localhostProfile` with another type.
    ///
    /// A container may override the settings of its pod; that is no contradiction. Pods for Windows nodes are
    /// exempt.
    ///
    /// ## Why
    /// The API server refuses the object, or its pods never start (`CreateContainerConfigError`). In both cases the
    /// rollout stops.
    ///
    /// ## Fix
    /// Keep one of the two settings. A container that must not be root needs another user:
    ///
    /// ```yaml
    /// securityContext:
    ///   runAsNonRoot: true
    ///   runAsUser: 65532
    /// ```
    findings: {
        /// A container has both `runAsNonRoot: true` and `runAsUser: 0`, so it never starts
        RootRefused: High, Certain, covers: ["pss-run-as-user"];
        /// The API server refuses `allowPrivilegeEscalation: false` beside a setting that allows it
        Escalation: High, Certain;
        /// The API server refuses a `Localhost` profile without a name, or a name with another type
        Profile: High, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAs, Windows],
    reads: [
        "pod.spec.securityContext.seccompProfile", "pod.spec.securityContext.appArmorProfile",
        "container.securityContext.seccompProfile", "container.securityContext.appArmorProfile",
        "container.securityContext.privileged", "container.securityContext.allowPrivilegeEscalation",
        "container.securityContext.capabilities.add",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if windows::is_only(input) {
        return not_applicable("the pod is for Windows nodes");
    }
    let pod = workload.spec().get("securityContext");
    profiles("the pod", &pod, findings);
    let mut refused_by_pod: Vec<Container<'_>> = Vec::new();
    for container in workload.containers() {
        let name = container.described();
        let own = container.security_context();
        let (user, non_root) = (run_as::user(input, &container), run_as::non_root(input, &container));
        if non_root.is_true() && user.as_i64() == Some(0) {
            let (own_user, own_non_root) = (own.get("runAsUser"), own.get("runAsNonRoot"));
            match [own_user, own_non_root].into_iter().find(View::exists) {
                Some(place) => {
                    let message = format!("{name} never starts: it has `runAsNonRoot: true` and `runAsUser: 0`");
                    let other = if place.pointer() == user.pointer() { &non_root } else { &user };
                    findings.report(Code::RootRefused, &place, message).label(other, "the other setting");
                }
                None => refused_by_pod.push(container.clone()),
            }
        }
        escalation(&name, &own, findings);
        profiles(&name, &own, findings);
    }
    if !refused_by_pod.is_empty() {
        let who = listed(&refused_by_pod);
        let message = format!("the pod has `runAsNonRoot: true` and `runAsUser: 0`, so these never start: {who}");
        let report = findings.report(Code::RootRefused, &pod.get("runAsUser"), message);
        report.label(&pod.get("runAsNonRoot"), "the other setting");
    }
    Ok(())
}

fn escalation(name: &str, context: &View<'_>, findings: &mut Findings) {
    let escalation = context.get("allowPrivilegeEscalation");
    if escalation.as_bool() != Some(false) {
        return;
    }
    let privileged = context.get("privileged");
    let added = context.at("capabilities.add").items().find(|added| added.text() == "CAP_SYS_ADMIN");
    for (other, what) in [
        (Some(privileged).filter(View::is_true), "`privileged: true`"),
        (added, "the added capability `CAP_SYS_ADMIN`"),
    ] {
        if let Some(other) = other {
            let message = format!("the API server refuses `allowPrivilegeEscalation: false` of {name} beside {what}");
            findings.report(Code::Escalation, &escalation, message).label(&other, "the other setting");
            return;
        }
    }
}

fn profiles(name: &str, context: &View<'_>, findings: &mut Findings) {
    for field in ["seccompProfile", "appArmorProfile"] {
        let profile = context.get(field);
        let (kind, file) = (profile.get("type"), profile.get("localhostProfile"));
        let message = match (kind.text(), file.text()) {
            ("Localhost", "") => {
                format!("without `localhostProfile` the API server refuses `Localhost` as `{field}` of {name}")
            }
            ("Localhost", _) | (_, "") => continue,
            (other, _) => {
                format!("the API server refuses `localhostProfile` beside the type `{other}` in `{field}` of {name}")
            }
        };
        let place = if file.text().is_empty() { &kind } else { &file };
        findings.report(Code::Profile, place, message);
    }
}
