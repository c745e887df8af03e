use policy_sdk::kubernetes::rbac::{self, OwnRole};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Roles do not open a shell in other pods
    ///
    /// No entry of a Role or ClusterRole grants `create` on `pods/exec`, `pods/attach` or `pods/portforward`, `update`
    /// or `patch` on `pods/ephemeralcontainers`, or any request through `pods/proxy`. Before Kubernetes 1.35 (setting
    /// `kubernetesVersion`) `get` is enough to open an exec or a port over a WebSocket. A Role, or `resourceNames`,
    /// makes it milder.
    ///
    /// Exempt are roles whose name matches `allow_roles`, and Kubernetes' own (label `kubernetes.io/bootstrapping:
    /// rbac-defaults`). Wildcards are a finding of `rbac-no-wildcards`.
    ///
    /// ## Why
    /// A shell in a pod has all that the pod has: its Secrets, its cloud identity, its database. Changes made there are
    /// in no repository and in no image, and the audit log holds only that a shell was opened.
    ///
    /// ## Fix
    /// Leave these sub-resources out of roles for every day. Put them into a role that is bound for an incident and
    /// taken back afterwards, and name it so that the rule knows it (`break-glass-debug`). A controller needs a Role in
    /// the namespace of its own pods:
    ///
    /// ```yaml
    /// kind: Role
    /// metadata: {name: backup, namespace: database}
    /// rules:
    ///   - apiGroups: [""]
    ///     resources: [pods/exec]
    ///     verbs: [create]
    /// ```
    findings: {
        /// A ClusterRole opens any pod
        Cluster: Medium, Certain;
        /// A Role opens the pods of one namespace
        Namespace: Low, Certain;
        /// It opens named pods only
        Named: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Admin,
    peers: [
        "PO:rolePodExecAttach", "PO:clusterrolePodExecAttach", "KC:C-0002", "KC:C-0063", "TR:KSV-0053", "TR:KSV-0054",
        "CK:CKV2_K8S_2",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"],
    uses: [OwnRole, KubernetesVersion],
    parameters: {
        /// Names of roles, as globs, that may open pods.
        allow_roles: Vec<String> = list(["break-glass-*"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if rbac::is_built_in(input) {
        return not_applicable("it is one of Kubernetes' own roles");
    }
    if input.parameters.allow_roles.iter().any(|glob| glob_match(glob, &input.subject.name)) {
        return not_applicable("it is a role that may open pods (`allow_roles`)");
    }
    let needs_create = input.setting::<KubernetesVersion>().is_at_least(1, 35);
    let streams: &[&str] = if needs_create { &["create"] } else { &["create", "get"] };
    for grant in rbac::grants(input) {
        let opened = grant
            .by_name("", &["pods/exec", "pods/attach", "pods/portforward"], streams)
            .or_else(|| grant.by_name("", &["pods/ephemeralcontainers"], &["update", "patch"]))
            .or_else(|| grant.by_name("", &["pods/proxy"], &["get", "create", "update", "patch", "delete"]));
        let Some(opened) = opened else { continue };
        let (code, which) = match (grant.is_narrowed(), &*input.subject.kind) {
            (true, _) => (Code::Named, "of the named pods"),
            (false, "ClusterRole") => (Code::Cluster, "of any pod"),
            (false, _) => (Code::Namespace, "of any pod of the namespace"),
        };
        let what = match opened.resource.text() {
            "pods/exec" => "runs commands in the containers",
            "pods/attach" => "attaches to the containers",
            "pods/ephemeralcontainers" => "puts containers of its own beside those",
            _ => "reaches every port",
        };
        let message = format!("whoever has the role {what} {which}: {}", opened.described());
        findings.report(code, &opened.resource, message).label(&opened.verb, "by this verb");
    }
    Ok(())
}
