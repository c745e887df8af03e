use policy_sdk::kubernetes::rbac::{self, OwnRole};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// People's roles do not write endpoints
    ///
    /// A role for people grants no `create`, `update` or `patch` on Endpoints and EndpointSlices. Roles for people are
    /// those that are put into `edit` or `admin` by a label, Kubernetes' own among them, and those whose name is in
    /// `people_roles`.
    ///
    /// Roles of controllers pass: load balancers and operators write these objects.
    ///
    /// ## Why
    /// An Ingress or load balancer sends requests wherever the endpoints of its Service point, also to pods of another
    /// namespace, past the NetworkPolicies of that namespace (CVE-2021-25740). Kubernetes took the right out of `edit`
    /// in 1.22, but only from new clusters: an upgraded one still has it.
    ///
    /// ## Fix
    /// Take Endpoints and EndpointSlices out of the entry. If the cluster is older than 1.22, edit
    /// `system:aggregate-to-edit` with the annotation `rbac.authorization.kubernetes.io/autoupdate: "false"`, so that
    /// the API server keeps the change.
    findings: {
        /// A role for people writes where requests are sent
        Endpoints: Low, Guess;
    },
    priority: P2,
    effort: Small,
    factor: Security,
    peers: ["TR:KSV-0056", "GK:block-endpoint-edit-default-role", "KY:restrict-edit-for-endpoints"],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"],
    uses: [OwnRole],
    parameters: {
        /// Names of roles for people, as globs.
        people_roles: Vec<String> = list(["admin", "edit", "developer", "developers"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_named = input.parameters.people_roles.iter().any(|glob| glob_match(glob, &input.subject.name));
    let label = rbac::aggregated_into(input).find(|(role, _)| matches!(*role, "edit" | "admin"));
    if !is_named && label.is_none() {
        return not_applicable("it is no role for people (`people_roles`)");
    }
    for grant in rbac::grants(input) {
        let verbs = ["create", "update", "patch"];
        let written = grant
            .by_name("", &["endpoints"], &verbs)
            .or_else(|| grant.by_name("discovery.k8s.io", &["endpointslices"], &verbs));
        let Some(written) = written else { continue };
        let message = format!("people with the role may send requests of a Service anywhere: {}", written.described());
        let report = findings.report(Code::Endpoints, &written.resource, message);
        if let Some((_, place)) = &label {
            report.label(place, "it is for people");
        }
    }
    Ok(())
}
