use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::eks::{self, EksClusters};
use policy_sdk::repository::terraform::{self, Argument, Callers};

policy_sdk::rule! {
    /// The control plane of EKS logs who did what
    ///
    /// `enabled_cluster_log_types` has the types of the parameter `required`: `audit`, who did what, and
    /// `authenticator`, who came in as whom. The argument of an `aws_eks_cluster` that is left out enables none.
    ///
    /// Calls of the module `terraform-aws-modules/eks/aws` are checked by `enabled_log_types`, before version 21
    /// `cluster_enabled_log_types`. Since version 18 its default is `audit`, `api` and `authenticator`.
    ///
    /// ## Why
    /// After an incident the first question is who deleted this, or who read that Secret. EKS does not keep the answer
    /// unless somebody switches it on, and cannot find it afterwards.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_eks_cluster" "shop" {
    ///   enabled_cluster_log_types = ["audit", "authenticator"]
    /// }
    /// ```
    ///
    /// The logs go to CloudWatch and cost by the gigabyte. Make the group `/aws/eks/NAME/cluster` yourself, with
    /// `retention_in_days`, or they stay for ever.
    findings: {
        /// Some of the logs are not enabled
        Missing: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Logs,
    peers: ["CK:CKV_AWS_37", "TR:AWS-0038", "KC:C-0067"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EksClusters],
    parameters: {
        /// The types of logs that are needed.
        required: Vec<String> = list(["audit", "authenticator"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let clusters = eks::clusters(input);
    if clusters.is_empty() {
        return not_applicable("it makes no cluster of EKS");
    }
    terraform::uncalled(input)?;
    let mut unknown = None;
    for cluster in &clusters {
        let types = cluster.argument("enabled_cluster_log_types", &["enabled_log_types", "cluster_enabled_log_types"]);
        let enabled: Vec<Argument<'_>> = match (&types, &cluster.call) {
            (Argument::Known(list), _) => list.items().map(Argument::of).collect(),
            (Argument::Absent(_), Some(call)) if !call.is_before(18) => continue,
            (Argument::Absent(_), _) => Vec::new(),
            (Argument::Unknown(..), _) => vec![types.clone()],
        };
        let is_enabled =
            |wanted: &str| enabled.iter().any(|one| one.known().is_some_and(|known| known.text() == wanted));
        let missing: Vec<&str> =
            input.parameters.required.iter().map(String::as_str).filter(|wanted| !is_enabled(wanted)).collect();
        if missing.is_empty() {
            continue;
        }
        if enabled.iter().any(Argument::is_unknown) {
            unknown = Some(format!("which logs of `{}` are enabled is not known", cluster.called));
            continue;
        }
        let message = format!("`{}` does not log `{}`", cluster.called, missing.join("` and `"));
        findings.report(Code::Missing, types.place(), message);
    }
    findings.or_unknown(unknown)
}
