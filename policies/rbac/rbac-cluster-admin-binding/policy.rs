use policy_sdk::kubernetes::rbac::{self, OwnBinding, Subject};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// cluster-admin is bound only to break-glass groups
    ///
    /// No binding of the ClusterRole `cluster-admin` has a subject that is not in `allowed_subjects`: by default the
    /// groups `system:masters` and `kubeadm:cluster-admins`, which Kubernetes and kubeadm bind themselves. A
    /// RoleBinding gives the role in one namespace only and is milder.
    ///
    /// Subjects that stand for everybody are a finding of `rbac-anonymous-binding`.
    ///
    /// ## Why
    /// `cluster-admin` may do everything everywhere: read every Secret, start a privileged pod on every node, delete
    /// every namespace. Whoever breaks into one pod of a ServiceAccount with this role, or takes one token of it from a
    /// CI job, owns the cluster.
    ///
    /// ## Fix
    /// Write a role with what the subject needs, and bind that:
    ///
    /// ```yaml
    /// roleRef:
    ///   apiGroup: rbac.authorization.k8s.io
    ///   kind: ClusterRole
    ///   name: deployer
    /// ```
    ///
    /// A delivery controller that really applies everything is named in the bundle, with its namespace:
    ///
    /// ```yaml
    /// - rule: rbac-cluster-admin-binding
    ///   parameters:
    ///     allowed_subjects: ["Group:system:masters", "ServiceAccount:flux-system/kustomize-controller"]
    /// ```
    findings: {
        /// A subject may do everything in the whole cluster
        Cluster: High, Certain, covers: ["rbac-default-sa-bound"], within: Document;
        /// A subject may do everything in a namespace
        Namespace: Medium, Certain, covers: ["rbac-default-sa-bound"], within: Document;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.1.1"],
    peers: [
        "KL:cluster-admin-role-binding", "PO:clusterrolebindingClusterAdmin",
        "PO:rolebindingClusterAdminClusterRole", "KC:C-0185", "KC:C-0035", "TR:KSV-0111",
        "KY:restrict-binding-clusteradmin",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/RoleBinding"],
    uses: [OwnBinding],
    parameters: {
        /// Who may have the role: `Group:NAME`, `User:NAME`, `ServiceAccount:NAMESPACE/NAME`.
        allowed_subjects: Vec<String> = list(["Group:system:masters", "Group:kubeadm:cluster-admins"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let role = rbac::role_ref(input);
    if (role.get("kind").text(), role.get("name").text()) != ("ClusterRole", "cluster-admin") {
        return not_applicable("it binds another role");
    }
    let bound: Vec<Subject<'_>> = rbac::subjects(input)
        .filter(|subject| subject.crowd().is_none() && !is_allowed(subject, &input.parameters.allowed_subjects))
        .collect();
    let Some((first, others)) = bound.split_first() else { return Ok(()) };
    let (code, extent) = match &*input.subject.kind {
        "ClusterRoleBinding" => (Code::Cluster, "the whole cluster"),
        _ => (Code::Namespace, "the namespace"),
    };
    let message = format!("{} may do everything in {extent}, expected a role with what it needs", first.described());
    let report = findings.report(code, &first.0.get("name"), message).label(&role.get("name"), "the role");
    others.iter().fold(report, |report, other| report.label(&other.0.get("name"), "it may, too"));
    Ok(())
}

fn is_allowed(subject: &Subject<'_>, allowed: &[String]) -> bool {
    let (kind, name) = (subject.kind(), subject.name());
    let called = match kind {
        "ServiceAccount" => [kind, ":", subject.namespace(), "/", name].concat(),
        _ => [kind, ":", name].concat(),
    };
    allowed.contains(&called)
}
