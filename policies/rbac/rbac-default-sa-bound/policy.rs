use policy_sdk::kubernetes::rbac::{self, Crowd, OwnBinding};
use policy_sdk::kubernetes::service_account::DEFAULT;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The ServiceAccount `default` has no roles
    ///
    /// No RoleBinding or ClusterRoleBinding has a ServiceAccount `default` among its subjects, or all accounts of a
    /// namespace (`system:serviceaccounts:NAMESPACE`). OpenShift's binding of `system:image-puller`, which lets a
    /// namespace pull its own images, passes.
    ///
    /// A binding of `cluster-admin` is a finding of `rbac-cluster-admin-binding` alone.
    ///
    /// ## Why
    /// Every pod that names no account runs as `default`. A right for one of them is a right for all of them, also for
    /// the pod that somebody deploys next year and that has a hole.
    ///
    /// ## Fix
    /// Give the workload that needs the role an account of its own, and bind that:
    ///
    /// ```yaml
    /// subjects:
    ///   - kind: ServiceAccount
    ///     name: cart
    ///     namespace: shop
    /// ---
    /// spec:
    ///   serviceAccountName: cart
    /// ```
    findings: {
        /// A role is bound to the account of all pods that name none
        Default: Medium, Certain;
        /// A role is bound to all accounts of a namespace
        Namespace: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["cis:5.1.5"],
    peers: ["KC:C-0189", "CK:CKV_K8S_42"],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/RoleBinding"],
    uses: [OwnBinding],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let role = rbac::role_ref(input).get("name").text();
    for subject in rbac::subjects(input) {
        let place = subject.0.get("name");
        match subject.crowd() {
            Some(Crowd::AccountsOf(namespace)) if role != "system:image-puller" => {
                let message = format!("every pod of the namespace `{namespace}` has the role `{role}`");
                findings.report(Code::Namespace, &place, message);
            }
            None if subject.kind() == "ServiceAccount" && subject.name() == DEFAULT => {
                let of = match subject.namespace() {
                    "" => "its namespace".to_owned(),
                    namespace => format!("the namespace `{namespace}`"),
                };
                let message = format!("every pod of {of} that names no ServiceAccount has the role `{role}`");
                findings.report(Code::Default, &place, message);
            }
            _ => {}
        }
    }
    Ok(())
}
