use policy_sdk::prelude::*;
use policy_sdk::repository::iam::{self, Statement};
use policy_sdk::repository::terraform::{self, Argument, Callers, resources};
use policy_sdk::repository::terraform_calls::{Call, calls};
use policy_sdk::repository::terraform_links::name_of;
use policy_sdk::settings::AwsAccounts;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Other AWS accounts only pull from ECR, and only those that are named
    ///
    /// A statement of a repository's or the registry's policy that allows something names accounts, roles or services.
    /// Where it is for everybody (`*`), a condition narrows it to an organisation, accounts, or networks. A condition
    /// with `…IfExists` or `ForAllValues:` does not: it also holds for callers who have no such key.
    ///
    /// No other account as a whole may push, delete, or change the policy. Accounts of the setting `awsAccounts` are
    /// one's own. `Deny` statements are no findings, and public repositories (`aws_ecrpublic_*`) are meant to be open.
    ///
    /// Policies are read from JSON and from `aws_iam_policy_document`; calls of the modules for ECR by the lists of
    /// principals that they take.
    ///
    /// ## Why
    /// With `*` everybody who has an AWS account can pull the images, and read what is in them. With a right to push,
    /// whoever gets into any role of the other account replaces an image that production runs.
    ///
    /// ## Fix
    /// ```hcl
    /// data "aws_iam_policy_document" "pull" {
    ///   statement {
    ///     actions = [
    ///       "ecr:BatchCheckLayerAvailability",
    ///       "ecr:BatchGetImage",
    ///       "ecr:GetDownloadUrlForLayer",
    ///     ]
    ///     principals {
    ///       type        = "AWS"
    ///       identifiers = ["*"]
    ///     }
    ///     condition {
    ///       test     = "StringEquals"
    ///       variable = "aws:PrincipalOrgID"
    ///       values   = ["o-a1b2c3d4e5"]
    ///     }
    ///   }
    /// }
    /// ```
    findings: {
        /// Every AWS account may do something
        Anyone: High, Certain;
        /// Another account may change what is in the repository
        Push: High, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["CK:CKV_AWS_32", "TR:AWS-0032"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, AwsAccounts],
    reads: [
        "resource.aws_ecr_repository_policy", "resource.aws_ecr_repository_policy.*.attributes.policy:json",
        "resource.aws_ecr_registry_policy", "resource.aws_ecr_registry_policy.*.attributes.policy:json",
        "resource.aws_ecr_repository_creation_template",
        "resource.aws_ecr_repository_creation_template.*.attributes.repository_policy:json",
        "data.aws_iam_policy_document", "module.*.attributes",
    ],
}

/// Actions that change what is in a repository, or who may.
const CHANGES: [&str; 12] = [
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:BatchDeleteImage",
    "ecr:DeleteRepository",
    "ecr:SetRepositoryPolicy",
    "ecr:DeleteRepositoryPolicy",
    "ecr:PutLifecyclePolicy",
    "ecr:DeleteLifecyclePolicy",
    "ecr:PutImageTagMutability",
    "ecr:PutRegistryPolicy",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let own = input.setting::<AwsAccounts>();
    let mut unknown = None;
    let mut is_any = false;
    let mut called = false;
    for (kind, argument) in [
        ("aws_ecr_repository_policy", "policy"),
        ("aws_ecr_registry_policy", "policy"),
        ("aws_ecr_repository_creation_template", "repository_policy"),
    ] {
        for resource in resources(module, kind) {
            is_any = true;
            if !called {
                terraform::uncalled(input)?;
                called = true;
            }
            let policy = iam::policy(module, &resource, argument);
            for statement in policy.statements.iter().filter(|statement| statement.allows) {
                unknown = judge(statement, &own, findings).or(unknown);
            }
            if let Some(expression) = policy.unknown {
                let address = name_of(kind, resource.0);
                unknown = Some(format!("the policy of `{address}` is not known: {}", excerpt(expression)));
            }
        }
    }
    for call in calls(module) {
        if call.is_of("terraform-aws-modules/ecr/aws") || call.is_of("cloudposse/ecr/aws") {
            is_any = true;
            judge_call(&call, &own, findings);
        }
    }
    if !is_any {
        return not_applicable("it has no policy of ECR");
    }
    findings.or_unknown(unknown)
}

/// The first line of an expression.
fn excerpt(expression: &str) -> &str {
    expression.lines().next().unwrap_or_default()
}

/// Checks a statement that allows something; says what of it is not known.
fn judge(statement: &Statement<'_>, own: &[String], findings: &mut Findings) -> Option<String> {
    if statement.is_for_all() {
        if statement.is_narrowed() {
            return None;
        }
        if statement.is_partial {
            return Some("the conditions are made by a `dynamic` block".to_owned());
        }
        let weak = statement.conditions.iter().find(|condition| {
            condition.operator.ends_with("IfExists") || condition.operator.starts_with("ForAllValues:")
        });
        let why = weak.map_or(String::new(), |weak| {
            format!("; the condition `{}` also holds for callers without the key", weak.operator)
        });
        let message = format!("every AWS account may use this, expected named accounts or a condition{why}");
        findings.report(Code::Anyone, &statement.place, message);
        return None;
    }
    let action = statement.actions.iter().find_map(|action| action.known().filter(|action| changes(action.text())))?;
    let mut unknown = None;
    for (_, principal) in statement.principals.iter().filter(|(kind, _)| *kind == "AWS") {
        report_push(principal, &format!("`{}`", action.text()), own, findings);
        // Roles of the module and its own account are no others, and named roles count with the setting only.
        if let Argument::Unknown(_, expression) = principal
            && !expression.starts_with("aws_iam_")
            && !expression.contains("caller_identity")
            && !(own.is_empty() && expression.contains(":role/"))
        {
            unknown = Some(format!(
                "whether `{expression}`, which may do `{}`, is another account is not known",
                action.text()
            ));
        }
    }
    unknown
}

/// Whether an action, which may have wildcards, changes something.
fn changes(action: &str) -> bool {
    CHANGES.iter().any(|change| glob_match(&action.to_ascii_lowercase(), &change.to_ascii_lowercase()))
}

/// Reports a principal that is another account as a whole, or that the setting does not have.
fn report_push(principal: &Argument<'_>, what: &str, own: &[String], findings: &mut Findings) {
    let Some(text) = principal.known().map(View::text) else { return };
    // `111122223333` and `arn:aws:iam::111122223333:root` are the same.
    let account = text.split(':').nth(4).unwrap_or(text);
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = text == account || text.ends_with(":root");
    if !is_account || own.iter().any(|known| known == account) || !is_whole && own.is_empty() {
        return;
    }
    let who = if is_whole { format!("the account {account}") } else { format!("`{text}`") };
    let message = format!("{who} may do {what} here, expected only to pull");
    findings.report(Code::Push, principal.place(), message);
}

/// Checks the lists of principals that a module takes.
fn judge_call(call: &Call<'_>, own: &[String], findings: &mut Findings) {
    for (name, may_push) in [
        ("repository_read_access_arns", false),
        ("repository_read_write_access_arns", true),
        ("principals_readonly_access", false),
        ("principals_push_access", true),
        ("principals_full_access", true),
    ] {
        let Argument::Known(list) = call.block.argument(name) else { continue };
        for principal in list.items() {
            if principal.text() == "*" {
                let address = name_of("module", call.address);
                let message = format!("every AWS account may use `{address}`, expected named accounts");
                findings.report(Code::Anyone, &principal, message);
            } else if may_push {
                report_push(&Argument::of(principal), "all that pushes need", own, findings);
            }
        }
    }
}
