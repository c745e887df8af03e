use policy_sdk::kubernetes::rbac::{self, OwnRole};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Roles do not delete events
    ///
    /// No entry of a ClusterRole grants `delete` or `deletecollection` on events, in the core group or in
    /// `events.k8s.io`. Wildcards are a finding of `rbac-no-wildcards`; Kubernetes' own roles (label
    /// `kubernetes.io/bootstrapping: rbac-defaults`) are exempt.
    ///
    /// Log files of pods cannot be deleted through the API, and the API server's audit log is no object of it.
    ///
    /// ## Why
    /// Events are what an investigation reads first: which image was pulled, which pod was killed and by whom. An
    /// intruder who may delete them leaves no such trace.
    ///
    /// ## Fix
    /// Recording events needs two verbs; generated roles often have all of them:
    ///
    /// ```yaml
    /// - apiGroups: ["", events.k8s.io]
    ///   resources: [events]
    ///   verbs: [create, patch]
    /// ```
    findings: {
        /// Events can be deleted in every namespace
        DeleteEvents: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["KC:C-0031", "TR:KSV-0042"],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/ClusterRole"],
    uses: [OwnRole],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if rbac::is_built_in(input) {
        return not_applicable("it is one of Kubernetes' own roles");
    }
    for grant in rbac::grants(input) {
        let deletes = |group| grant.by_name(group, &["events"], &["delete", "deletecollection"]);
        let Some(deleted) = deletes("").or_else(|| deletes("events.k8s.io")) else { continue };
        let message = format!("{} removes the trace of what happened", deleted.described());
        findings.report(Code::DeleteEvents, &deleted.verb, message).label(&deleted.resource, "on this");
    }
    Ok(())
}
