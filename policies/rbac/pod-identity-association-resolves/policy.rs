use policy_sdk::prelude::*;
use policy_sdk::repository::iam::{self, Statement, Trust, TrustPolicies};
use policy_sdk::repository::terraform::{Argument, resources};

policy_sdk::rule! {
    /// Pods can take the roles that Pod Identity associates with them
    ///
    /// For each `aws_eks_pod_identity_association` of a Terraform module: the role of the same module that it names may
    /// be taken by `pods.eks.amazonaws.com`, with `sts:AssumeRole` and `sts:TagSession`. A module that makes the
    /// cluster installs the add-on `eks-pod-identity-agent` too, unless the cluster is in Auto Mode, which has the
    /// agent built in.
    ///
    /// Roles of other modules, and policies that are only known after apply, are not evaluated.
    ///
    /// ## Why
    /// AWS accepts the association anyway. The pods start without the role and fail at their first request to AWS, or
    /// work with the role of the node.
    ///
    /// ## Fix
    /// ```hcl
    /// data "aws_iam_policy_document" "pods" {
    ///   statement {
    ///     actions = ["sts:AssumeRole", "sts:TagSession"]
    ///     principals {
    ///       type        = "Service"
    ///       identifiers = ["pods.eks.amazonaws.com"]
    ///     }
    ///   }
    /// }
    ///
    /// resource "aws_eks_addon" "agent" {
    ///   cluster_name = aws_eks_cluster.this.name
    ///   addon_name   = "eks-pod-identity-agent"
    /// }
    /// ```
    findings: {
        /// Pods may not take the role
        Trust: Medium, Certain;
        /// The cluster is made without the agent
        Agent: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    uses: [TrustPolicies],
    reads: [
        "resource.aws_eks_pod_identity_association", "resource.aws_eks_addon.*.attributes.addon_name",
        "resource.aws_eks_cluster", "module.*.attributes.source",
    ],
}

/// Who asks for the role in the name of pods.
const PODS: &str = "pods.eks.amazonaws.com";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let associations: Vec<_> = resources(module, "aws_eks_pod_identity_association").collect();
    if associations.is_empty() {
        return not_applicable("it has no Pod Identity association");
    }
    let roles = iam::roles(input);
    let mut unknown = None;
    for (address, association) in &associations {
        let role = association.argument("role_arn");
        let trust = match &role {
            Argument::Unknown(_, expression) => iam::role_of(&roles, (address, association.label(1)), expression),
            Argument::Known(_) | Argument::Absent(_) => None,
        };
        match trust {
            Some((name, Trust::Known(statements))) => {
                if let Some(missing) = missing(statements) {
                    let message = format!("pods cannot take the role `{name}`: {missing}");
                    let report = findings.report(Code::Trust, role.place(), message);
                    if let Some(statement) = statements.first() {
                        report.label(&statement.place, "who may take it");
                    }
                }
            }
            Some((name, Trust::Unknown(_))) => unknown = Some(format!("who may take the role `{name}` is not known")),
            None => unknown = Some(format!("the role of the association `{address}` is not in the module")),
        }
    }
    if let Some((name, place)) = cluster_without_agent(module) {
        let message = format!("the cluster `{name}` is made without the add-on `eks-pod-identity-agent`");
        findings.report(Code::Agent, &place, message);
    }
    findings.or_unknown(unknown)
}

/// What of a trust policy keeps pods from taking the role.
fn missing(statements: &[Statement<'_>]) -> Option<&'static str> {
    let is_pods = |principal: &(&str, Argument<'_>)| match principal {
        ("Service", Argument::Known(view)) => view.text() == PODS,
        ("Service", Argument::Unknown(..)) => true,
        _ => false,
    };
    let mut of_pods = statements.iter().filter(|it| it.is_partial || it.principals.iter().any(is_pods)).peekable();
    if of_pods.peek().is_none() {
        return Some("its policy does not allow `pods.eks.amazonaws.com`");
    }
    let of_pods: Vec<_> = of_pods.collect();
    let allows = |action| of_pods.iter().any(|statement| statement.allows(action));
    match (allows("sts:AssumeRole"), allows("sts:TagSession")) {
        (true, true) => None,
        (false, _) => Some("its policy does not allow `sts:AssumeRole`"),
        (true, false) => Some("its policy does not allow `sts:TagSession`"),
    }
}

/// A cluster of the module that has neither Auto Mode nor the agent. An add-on of unknown name may be it.
fn cluster_without_agent<'d>(module: &View<'d>) -> Option<(&'d str, View<'d>)> {
    let (name, cluster) = resources(module, "aws_eks_cluster").next()?;
    if cluster.blocks("compute_config").next().is_some() || cluster.is_dynamic("compute_config") {
        return None;
    }
    let is_agent = |addon: Argument<'_>| {
        addon.is_unknown() || addon.known().is_some_and(|it| it.text() == "eks-pod-identity-agent")
    };
    let has_agent = resources(module, "aws_eks_addon").any(|(_, addon)| is_agent(addon.argument("addon_name")));
    // Modules for add-ons, and Helm, bring it as well.
    let may_be_elsewhere = module
        .get("module")
        .entries()
        .any(|(name, call)| name.contains("addon") || call.at("attributes.source").text().contains("addon"));
    (!has_agent && !may_be_elsewhere).then(|| (name, cluster.place().clone()))
}
