use policy_sdk::kubernetes::rbac::{self, Crowd, OwnBinding};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// No role is bound to everybody
    ///
    /// No subject of a RoleBinding or ClusterRoleBinding is the user `system:anonymous` or one of the groups
    /// `system:unauthenticated`, `system:authenticated` and `system:serviceaccounts`.
    ///
    /// What passes: the bindings that Kubernetes makes for itself (label `kubernetes.io/bootstrapping: rbac-defaults`), and
    /// the pairs that it documents: `system:public-info-viewer` for both groups of users, `system:basic-user` and
    /// `system:discovery` for `system:authenticated`, `system:service-account-issuer-discovery` for
    /// `system:serviceaccounts`, and kubeadm's `kubeadm:bootstrap-signer-clusterinfo` in `kube-public`. All accounts of one
    /// namespace (`system:serviceaccounts:NAMESPACE`) are a finding of `rbac-default-sa-bound`.
    ///
    /// ## Why
    /// `system:anonymous` and `system:unauthenticated` are whoever reaches the API server, from the internet too where its
    /// address is public. `system:authenticated` is everybody with any login: on some clouds that is every account of the
    /// provider. `system:serviceaccounts` is every pod of the cluster.
    ///
    /// ## Fix
    /// Bind the role to the group or ServiceAccount that needs it, and delete the subject that stands for everybody:
    ///
    /// ```yaml
    /// subjects:
    ///   - kind: ServiceAccount
    ///     name: dashboard
    ///     namespace: monitoring
    /// ```
    findings: {
        /// Whoever reaches the API server has the role
        Anonymous: Critical, Certain;
        /// Everybody who can log in, or every pod, has the role
        Everybody: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["cis:5.1.1"],
    peers: [
        "KC:C-0262", "KC:C-0265", "TR:KSV-0122", "TR:KSV-01011", "GK:disallowanonymous",
        "KY:restrict-binding-system-groups",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/RoleBinding"],
    uses: [OwnBinding],
}

/// Which role who may have, whom Kubernetes' documentation names.
const ALLOWED: [(&str, &str); 6] = [
    ("system:public-info-viewer", "system:unauthenticated"),
    ("system:public-info-viewer", "system:authenticated"),
    ("system:basic-user", "system:authenticated"),
    ("system:discovery", "system:authenticated"),
    ("system:service-account-issuer-discovery", "system:serviceaccounts"),
    ("kubeadm:bootstrap-signer-clusterinfo", "system:anonymous"),
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if rbac::is_built_in_binding(input) {
        return not_applicable("it is one of Kubernetes' own bindings");
    }
    let role = rbac::role_ref(input).get("name").text();
    for subject in rbac::subjects(input) {
        let (code, who) = match subject.crowd() {
            Some(Crowd::Anybody) => (Code::Anonymous, "whoever reaches the API server, without a login,"),
            Some(Crowd::Authenticated) => (Code::Everybody, "everybody who can log in"),
            Some(Crowd::Accounts) => (Code::Everybody, "every ServiceAccount of the cluster"),
            Some(Crowd::AccountsOf(_)) | None => continue,
        };
        if !ALLOWED.contains(&(role, subject.name())) {
            let message = format!("{who} has the role `{role}`, which is bound to {}", subject.described());
            findings.report(code, &subject.0.get("name"), message);
        }
    }
    Ok(())
}
