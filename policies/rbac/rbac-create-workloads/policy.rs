use policy_sdk::kubernetes::rbac::{self, Granted, OwnRole, Reach, RoleBindings};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Few roles create pods in every namespace
    ///
    /// No entry of a ClusterRole grants `create` on pods, or on what makes pods: Deployments, DaemonSets, StatefulSets,
    /// ReplicaSets, Jobs and CronJobs. A ClusterRole that only RoleBindings bind passes, as does a Role.
    ///
    /// `update` and `patch` are no finding, since they scale and roll out what is there. Exempt are roles whose name
    /// matches `allow_roles` or begins with `system:`, roles that are put into others (`aggregate-to-edit`,
    /// `aggregationRule`), and Kubernetes' own. Wildcards are a finding of `rbac-no-wildcards`.
    ///
    /// ## Why
    /// Whoever creates a pod in a namespace has the rights of every ServiceAccount there, reads every Secret there, and
    /// runs on a node of the cluster. In every namespace, `kube-system` included, this leads to all rights that exist.
    ///
    /// ## Fix
    /// Bind the role by a RoleBinding in the namespaces where the subject deploys:
    ///
    /// ```yaml
    /// kind: RoleBinding
    /// metadata: {name: deployer, namespace: shop}
    /// roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer}
    /// subjects:
    ///   - {kind: ServiceAccount, name: deployer, namespace: ci}
    /// ```
    ///
    /// A controller that makes pods everywhere is listed in `allow_roles`.
    findings: {
        /// A ClusterRole creates pods anywhere
        Create: Low, Guess;
    },
    priority: P2,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.1.4"],
    peers: ["KL:access-to-create-pods", "KC:C-0188", "TR:KSV-0048"],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/ClusterRole"],
    uses: [OwnRole, RoleBindings],
    reads: ["aggregationRule"],
    parameters: {
        /// Names of roles, as globs, that may create pods anywhere.
        allow_roles: Vec<String> = list(["*-controller"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let name = &*input.subject.name;
    if rbac::is_built_in(input) || name.starts_with("system:") {
        return not_applicable("it is one of Kubernetes' own roles");
    }
    if rbac::aggregated_into(input).next().is_some() || input.document.get("aggregationRule").exists() {
        return not_applicable("it is put together with other roles");
    }
    if input.parameters.allow_roles.iter().any(|glob| glob_match(glob, name)) {
        return not_applicable("it is a role that may create pods anywhere (`allow_roles`)");
    }
    let reach = rbac::reach(input);
    if matches!(reach, Reach::Namespaces) {
        return Ok(());
    }
    let created: Vec<Granted<'_>> = rbac::grants(input)
        .filter_map(|grant| {
            let creates = |group, resources| grant.by_name(group, resources, &["create"]);
            creates("", &["pods"])
                .or_else(|| creates("apps", &["deployments", "daemonsets", "statefulsets", "replicasets"]))
                .or_else(|| creates("batch", &["jobs", "cronjobs"]))
        })
        .collect();
    let Some((first, others)) = created.split_first() else { return Ok(()) };
    let message = format!("{} makes pods in every namespace", first.described());
    let mut report = findings.report(Code::Create, &first.resource, message);
    if let Reach::Everywhere(binding) = &reach {
        report = report.label_in(binding, &binding.document.get("subjects"), "for these");
    }
    others.iter().fold(report, |report, other| report.label(&other.resource, "and these"));
    Ok(())
}
