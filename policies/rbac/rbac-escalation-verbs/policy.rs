use policy_sdk::kubernetes::rbac::{self, OwnRole};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Roles do not let a subject give itself more rights
    ///
    /// No entry of a Role or ClusterRole grants `escalate` or `bind` on roles or cluster roles, or `impersonate` on
    /// users, groups, ServiceAccounts, uids or extras, without `resourceNames`. A Role reaches one namespace and is
    /// milder.
    ///
    /// Creating and changing roles and bindings is no finding: the API server refuses rights there that the subject
    /// lacks itself, unless it has one of these verbs. Verbs by `*` are a finding of `rbac-no-wildcards`. Kubernetes'
    /// own roles (label `kubernetes.io/bootstrapping: rbac-defaults`) are exempt.
    ///
    /// ## Why
    /// With `escalate` a subject writes any right into a role that it has, with `bind` it binds itself to
    /// `cluster-admin`, and with `impersonate` it acts as an administrator. Whoever breaks into its pod or takes its
    /// token owns what the role reaches.
    ///
    /// ## Fix
    /// Leave the verb out. Name what may be bound where a controller hands out a few fixed roles:
    ///
    /// ```yaml
    /// - apiGroups: [rbac.authorization.k8s.io]
    ///   resources: [clusterroles]
    ///   resourceNames: [tenant-viewer]
    ///   verbs: [bind]
    /// ```
    findings: {
        /// A ClusterRole grants it, so it leads to the whole cluster
        Cluster: High, Certain;
        /// A Role grants it, so it leads to all of a namespace
        Namespace: Medium, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.1.8"],
    peers: [
        "KC:C-0191", "KC:C-0065", "CK:CKV_K8S_157", "CK:CKV_K8S_158", "CK:CKV2_K8S_1", "CK:CKV2_K8S_3", "TR:KSV-0043",
        "TR:KSV-0050", "TR:KSV-0051", "TR:KSV-0052", "TR:KSV-0055", "KY:restrict-escalation-verbs-roles",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"],
    uses: [OwnRole],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if rbac::is_built_in(input) {
        return not_applicable("it is one of Kubernetes' own roles");
    }
    let (code, extent) = match &*input.subject.kind {
        "ClusterRole" => (Code::Cluster, "in the whole cluster"),
        _ => (Code::Namespace, "in the namespace"),
    };
    for grant in rbac::grants(input).filter(|grant| !grant.is_narrowed()) {
        let Some(granted) = rbac::escalation(&grant) else { continue };
        let may = match granted.verb.text() {
            "escalate" => "may write rights into roles that it does not have",
            "bind" => "may bind roles with rights that it does not have",
            _ => "may act as others",
        };
        let message = format!("whoever has the role {may} {extent}: {}", granted.described());
        findings.report(code, &granted.verb, message).label(&granted.resource, "on this");
    }
    Ok(())
}
