use policy_sdk::kubernetes::rbac::{self, OwnRole, Reach, RoleBindings};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Roles do not read all Secrets
    ///
    /// No entry of a Role or ClusterRole grants `get`, `list` or `watch` on Secrets without `resourceNames`. How bad it
    /// is depends on the bindings of the role: a ClusterRoleBinding opens the Secrets of the whole cluster, a
    /// RoleBinding those of one namespace. Each entry is checked alone: names in one do not narrow another.
    ///
    /// `list` and `watch` with `resourceNames` pass: an informer with a field selector asks for one object so.
    /// Kubernetes' own roles (label `kubernetes.io/bootstrapping: rbac-defaults`) and roles that are put into `edit` or
    /// `admin`, which read Secrets anyway, are exempt. Wildcards are a finding of `rbac-no-wildcards`.
    ///
    /// ## Why
    /// Secrets hold what leads further: passwords of databases, keys of clouds, tokens of other ServiceAccounts. Who
    /// reads those of every namespace has the rights of every pod, those in `kube-system` included.
    ///
    /// ## Fix
    /// Name the Secrets:
    ///
    /// ```yaml
    /// - apiGroups: [""]
    ///   resources: [secrets]
    ///   resourceNames: [cart-database]
    ///   verbs: [get]
    /// ```
    ///
    /// If the names are not known beforehand, bind the ClusterRole by a RoleBinding in each namespace that the
    /// controller watches, instead of a ClusterRoleBinding. For a controller of Secrets (cert-manager, External
    /// Secrets) this is its purpose: write an exemption for its role, with the reason.
    findings: {
        /// A ClusterRoleBinding gives the Secrets of the whole cluster
        Everywhere: High, Likely;
        /// A ClusterRole that nothing binds here would give them
        Unbound: Medium, Guess;
        /// The Secrets of a namespace can be read, all of them
        Namespace: Low, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.1.2"],
    peers: [
        "KL:access-to-secrets", "KC:C-0186", "KC:C-0015", "CK:CKV2_K8S_5", "TR:KSV-0041", "TR:KSV-0113",
        "KY:restrict-secret-role-verbs",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"],
    uses: [OwnRole, RoleBindings],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if rbac::is_built_in(input) {
        return not_applicable("it is one of Kubernetes' own roles");
    }
    if rbac::aggregated_into(input).any(|(role, _)| matches!(role, "edit" | "admin")) {
        return not_applicable("it is put into a role that reads Secrets anyway");
    }
    let reach = rbac::reach(input);
    for grant in rbac::grants(input) {
        let Some(granted) = rbac::reads_secrets(&grant) else { continue };
        let what = granted.described();
        match &reach {
            Reach::Everywhere(binding) => {
                let message = format!("{what} opens all Secrets of the whole cluster, expected `resourceNames`");
                let report = findings.report(Code::Everywhere, &granted.resource, message);
                report.label(&granted.verb, "by this verb").label_in(
                    binding,
                    &binding.document.get("subjects"),
                    "for these",
                );
            }
            Reach::Unbound => {
                let message = format!("{what} opens all Secrets wherever the role is bound, expected `resourceNames`");
                findings.report(Code::Unbound, &granted.resource, message).label(&granted.verb, "by this verb");
            }
            Reach::Namespaces => {
                let message = format!("{what} opens all Secrets of the namespace, expected `resourceNames`");
                findings.report(Code::Namespace, &granted.resource, message).label(&granted.verb, "by this verb");
            }
        }
    }
    Ok(())
}
