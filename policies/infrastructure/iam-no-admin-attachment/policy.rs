use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Argument, Block};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// No role, user or group has AdministratorAccess
    ///
    /// None of the policies in `denied` is attached to a role, user or group: by an attachment, by
    /// `managed_policy_arns` of a role, or by the arguments of a module that makes roles. The policy is known by its
    /// name, whether its ARN is written out, put together with the partition, or looked up by `data.aws_iam_policy`.
    ///
    /// Permission sets of IAM Identity Center and access entries of EKS that make people administrators are a remark.
    /// Roles and users whose names match `break_glass` may have the policies.
    ///
    /// ## Why
    /// With AdministratorAccess one leaked token or one compromised build is enough to lose the account, its backups
    /// included. PowerUserAccess is the same for all but IAM.
    ///
    /// ## Fix
    /// Attach a policy with the actions that are needed. What CloudTrail recorded shows them: IAM Access Analyzer
    /// writes a policy from it. Where Terraform itself needs the rights, keep a role for it that only its pipeline can
    /// take, and record an exception.
    findings: {
        /// Somebody may do everything
        Admin: High, Certain;
        /// Somebody may do everything but manage users and roles
        PowerUser: Medium, Certain;
        /// People who log in may do everything
        People: Info, Certain;
        /// Somebody may do everything in a cluster
        Cluster: Info, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["CK:CKV_AWS_274", "CK:CKV2_AWS_56"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    reads: [
        "resource.aws_iam_role_policy_attachment", "resource.aws_iam_user_policy_attachment",
        "resource.aws_iam_group_policy_attachment", "resource.aws_iam_policy_attachment",
        "resource.aws_iam_role_policy_attachments_exclusive", "resource.aws_iam_role.*.attributes.name",
        "resource.aws_iam_role.*.attributes.managed_policy_arns",
        "resource.aws_ssoadmin_managed_policy_attachment", "resource.aws_eks_access_policy_association",
        "data.aws_iam_policy.*.attributes", "module.*.attributes",
    ],
    parameters: {
        /// The names of the policies that are attached to nobody.
        denied: Vec<String> = ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"].map(String::from).into(),
        /// Names of roles and users for emergencies, with `*` for any text.
        break_glass: Vec<String> =
            ["*break-glass*", "*break_glass*", "*breakglass*", "*emergency*"].map(String::from).into(),
    },
}

/// Where a policy is attached: the type, and the arguments that hold policies.
const ATTACHMENTS: [(&str, &str); 8] = [
    ("aws_iam_role_policy_attachment", "policy_arn"),
    ("aws_iam_user_policy_attachment", "policy_arn"),
    ("aws_iam_group_policy_attachment", "policy_arn"),
    ("aws_iam_policy_attachment", "policy_arn"),
    ("aws_iam_role_policy_attachments_exclusive", "policy_arns"),
    ("aws_iam_role", "managed_policy_arns"),
    ("aws_ssoadmin_managed_policy_attachment", "managed_policy_arn"),
    ("aws_eks_access_policy_association", "policy_arn"),
];
/// Arguments of modules that attach policies to the role, user or group that they make.
const ARGUMENTS: [&str; 8] = [
    "policies",
    "policy_arns",
    "role_policy_arns",
    "custom_role_policy_arns",
    "additional_policies",
    "iam_role_additional_policies",
    "custom_group_policy_arns",
    "managed_policy_arns",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let mut unknown = None;
    let mut is_any = false;
    for (kind, argument) in ATTACHMENTS {
        for (address, resource) in terraform::resources(module, kind).filter(|(_, resource)| !resource.is_left_out()) {
            let names = ["name", "role", "user", "group", "role_name"].map(|name| text(&resource.argument(name)));
            for policy in elements(resource.argument(argument)) {
                is_any = true;
                let who = format!("{kind}.{address}");
                match name_of(module, &policy) {
                    Some(name) => report(input, &who, &names, &policy, &name, findings),
                    // A policy of one's own is not one of AWS'.
                    None if text(&policy).contains("aws_iam_policy.") && !text(&policy).contains("data.") => {}
                    None if text(&policy).starts_with("module.") => {}
                    None => unknown = Some(format!("the policy of `{who}` is only known after apply")),
                }
            }
        }
    }
    for (name, call) in module.get("module").entries() {
        let call = Block::of(call);
        let names = ["name", "role_name", "trusted_role_name"].map(|argument| text(&call.argument(argument)));
        for policy in ARGUMENTS.iter().flat_map(|argument| elements(call.argument(argument))) {
            is_any = true;
            if let Some(policy_name) = name_of(module, &policy) {
                report(input, &format!("module.{name}"), &names, &policy, &policy_name, findings);
            }
        }
    }
    if !is_any {
        return not_applicable("it attaches no policies");
    }
    findings.or_unknown(unknown)
}

fn report(
    input: &Input<'_, Parameters>,
    who: &str,
    names: &[&str],
    policy: &Argument<'_>,
    name: &str,
    findings: &mut Findings,
) {
    let is_break_glass =
        |text: &str| input.parameters.break_glass.iter().any(|glob| glob_match(glob, &text.to_ascii_lowercase()));
    let is_cluster = who.starts_with("aws_eks_") && name == "AmazonEKSClusterAdminPolicy";
    let is_denied = is_cluster || input.parameters.denied.iter().any(|denied| denied == name);
    if !is_denied || is_break_glass(who) || names.iter().any(|name| is_break_glass(name)) {
        return;
    }
    let code = match name {
        _ if is_cluster => Code::Cluster,
        _ if who.starts_with("aws_ssoadmin_") => Code::People,
        "PowerUserAccess" => Code::PowerUser,
        _ => Code::Admin,
    };
    findings.report(code, policy.place(), format!("`{who}` attaches `{name}`"));
}

/// The policies in an argument: one, a list, or a map.
fn elements<'d>(argument: Argument<'d>) -> Vec<Argument<'d>> {
    match &argument {
        Argument::Known(view) => match view.kind() {
            Some(Kind::Array) => view.items().map(Argument::of).collect(),
            Some(Kind::Object) => view.entries().map(|(_, it)| Argument::of(it)).collect(),
            _ => vec![argument],
        },
        Argument::Unknown(..) => vec![argument],
        Argument::Absent(_) => Vec::new(),
    }
}

fn text<'d>(argument: &Argument<'d>) -> &'d str {
    match argument {
        Argument::Known(view) => view.text(),
        Argument::Unknown(_, expression) => expression,
        Argument::Absent(_) => "",
    }
}

/// The name of a policy, as far as it is known: of its ARN, or of the data source that looks it up.
fn name_of(module: &View<'_>, policy: &Argument<'_>) -> Option<String> {
    let last = |arn: &str| -> Option<String> {
        let name = arn.rsplit(['/', '"']).find(|part| !part.is_empty() && !part.contains([')', ' ', ',']))?;
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte)).then(|| name.to_owned())
    };
    match policy {
        Argument::Known(view) => last(view.text()),
        Argument::Unknown(_, expression) if expression.contains("policy/") => {
            last(&expression[expression.find("policy/")?..])
        }
        Argument::Unknown(_, expression) => {
            let name = expression.strip_prefix("data.aws_iam_policy.")?.split(['.', '[']).next()?;
            let (_, data) = module.at("data.aws_iam_policy").entries().find(|(address, _)| {
                let own = address.rsplit('.').next().unwrap_or_default();
                own.split('[').next() == Some(name)
            })?;
            let data = Block::of(data);
            last(text(&data.argument("name"))).or_else(|| last(text(&data.argument("arn"))))
        }
        Argument::Absent(_) => None,
    }
}
