use policy_sdk::kubernetes::rbac::{self, BoundRole, Crowd, Grant, OwnBinding};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// No role is bound to everybody
    ///
    /// No subject of a RoleBinding or ClusterRoleBinding is the user `system:anonymous` or one of the groups
    /// `system:unauthenticated`, `system:authenticated` and `system:serviceaccounts`.
    ///
    /// What passes: the bindings that Kubernetes makes for itself (label `kubernetes.io/bootstrapping: rbac-defaults`),
    /// and the pairs that it documents: `system:public-info-viewer` for both groups of users, `system:basic-user` and
    /// `system:discovery` for `system:authenticated`, `system:service-account-issuer-discovery`, which shows public
    /// keys, for all, and kubeadm's `kubeadm:bootstrap-signer-clusterinfo` in `kube-public`. All accounts of one
    /// namespace (`system:serviceaccounts:NAMESPACE`) are a finding of `rbac-default-sa-bound`.
    ///
    /// A role among the documents that only reads, and neither Secrets nor by wildcards, is milder; one for people
    /// without a login has to name the objects, too.
    ///
    /// ## Why
    /// `system:anonymous` and `system:unauthenticated` are whoever reaches the API server, from the internet too where
    /// its address is public. `system:authenticated` is everybody with any login: on some clouds that is every account
    /// of the provider. `system:serviceaccounts` is every pod of the cluster.
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
        /// Everybody may read what the role shows, and nothing secret
        Readable: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: [
        "KC:C-0262", "KC:C-0265", "TR:KSV-0122", "TR:KSV-01011", "GK:disallowanonymous",
        "KY:restrict-binding-system-groups",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/RoleBinding"],
    uses: [OwnBinding, BoundRole],
}

/// Which role who may have, whom Kubernetes' documentation names.
const ALLOWED: [(&str, &str); 8] = [
    ("system:public-info-viewer", "system:unauthenticated"),
    ("system:public-info-viewer", "system:authenticated"),
    ("system:basic-user", "system:authenticated"),
    ("system:discovery", "system:authenticated"),
    ("system:service-account-issuer-discovery", "system:serviceaccounts"),
    ("system:service-account-issuer-discovery", "system:authenticated"),
    ("system:service-account-issuer-discovery", "system:unauthenticated"),
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
            let is_anybody = matches!(code, Code::Anonymous);
            let code = if shows_only(input, is_anybody) { Code::Readable } else { code };
            let message = format!("{who} has the role `{role}`, which is bound to {}", subject.described());
            findings.report(code, &subject.0.get("name"), message);
        }
    }
    Ok(())
}

/// Whether the role is known and only reads what is no secret, by its name where it is for anybody.
fn shows_only(input: &Input<'_, Parameters>, is_for_anybody: bool) -> bool {
    let Some(role) = rbac::bound_role(input) else { return false };
    let is_open = |grant: Grant<'_>| {
        let wildcards = ["resources", "apiGroups", "nonResourceURLs"].map(|field| grant.0.get(field));
        let has_wildcard = wildcards.iter().flat_map(View::items).any(|item| item.text().contains('*'));
        let reads_secrets = grant.resource("", "secrets").is_some();
        grant.writes() || has_wildcard || reads_secrets || is_for_anybody && !grant.is_narrowed()
    };
    // A role that is put together from others says nothing itself.
    let mut grants = rbac::grants_of(&role.document).peekable();
    grants.peek().is_some() && !grants.any(is_open)
}
