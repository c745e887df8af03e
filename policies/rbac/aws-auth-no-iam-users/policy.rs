use policy_sdk::kubernetes::aws_auth::{self, EksLogins};
use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::Argument;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Nobody logs in to EKS as an IAM user
    ///
    /// The ConfigMap `aws-auth` in `kube-system` maps no users (`mapUsers`), and no access entry
    /// (`aws_eks_access_entry`, or `access_entries` of an EKS module) is of an IAM user. ARNs that match `allowed_arns`
    /// pass: break-glass users.
    ///
    /// ## Why
    /// An IAM user has an access key that never expires. It lies on laptops and in CI settings, and whoever copies it
    /// is in the cluster until somebody notices. A role is taken for an hour, by somebody who has just logged in.
    ///
    /// ## Fix
    /// Map roles, which people take by single sign-on and pipelines by OIDC:
    ///
    /// ```hcl
    /// resource "aws_eks_access_entry" "developers" {
    ///   cluster_name      = aws_eks_cluster.this.name
    ///   principal_arn     = "arn:aws:iam::111122223333:role/AWSReservedSSO_Developer_0123456789abcdef"
    ///   kubernetes_groups = ["developers"]
    /// }
    /// ```
    findings: {
        /// An IAM user may log in
        IamUser: Medium, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["KC:C-0232", "KC:C-0285"],
    since: "0.1.0",
    applies_to: ["core/ConfigMap", "file/TerraformModule"],
    uses: [EksLogins],
    parameters: {
        /// ARNs, as globs, of users that may log in.
        allowed_arns: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(logins) = aws_auth::logins(input) else {
        return not_applicable("it says nothing of who may log in to EKS");
    };
    let mut unknown = logins.unknown;
    for login in &logins.known {
        let arn = login.arn_text();
        let is_user = match &login.arn {
            Argument::Known(arn) => login.is_user || arn.text().contains(":user/"),
            // A resource of that type is a user, whatever its name will be.
            Argument::Unknown(_, expression) if login.is_user || expression.starts_with("aws_iam_user.") => true,
            Argument::Unknown(_, expression) => {
                if !expression.contains("role") {
                    unknown.get_or_insert_with(|| format!("whether `{expression}` is a user is not known"));
                }
                false
            }
            Argument::Absent(_) => login.is_user,
        };
        if is_user && !input.parameters.allowed_arns.iter().any(|glob| glob_match(glob, arn)) {
            let called = if arn.is_empty() { String::new() } else { format!(" `{arn}`") };
            let message = format!("the IAM user{called} may log in to the cluster, expected a role");
            findings.report(Code::IamUser, login.arn.place(), message);
        }
    }
    findings.or_unknown(unknown)
}
