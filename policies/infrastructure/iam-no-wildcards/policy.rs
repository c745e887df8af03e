use policy_sdk::prelude::*;
use policy_sdk::repository::iam::{self, Condition, Grant, IdentityPolicies, Statement};
use policy_sdk::repository::terraform::Argument;
use policy_sdk::tables::aws_services::{AwsServices, Effect, effect};

policy_sdk::rule! {
    /// IAM policies grant what is needed, and on what
    ///
    /// No statement of a policy for users, groups or roles allows all actions, all of a sensitive service, all but some
    /// actions (`NotAction`), or actions that change something or read secrets on all resources. Policies are read from
    /// `aws_iam_policy_document`, from JSON in `aws_iam_policy` and the inline policies, and from plans.
    ///
    /// What passes: denials; policies of resources, whose statements name principals (in a KMS key's policy `*` is that
    /// key); actions that no policy can limit (`ecr:GetAuthorizationToken`, `cloudwatch:PutMetricData`) and that only
    /// read; statements with a condition on the resource, its tags or the service that calls. A service that the table
    /// `awsServices` lacks is not evaluated.
    ///
    /// ## Why
    /// Whoever takes over one container has its role. With `*` that is the whole account: other teams' data, other
    /// roles, the log that would show it.
    ///
    /// ## Fix
    /// Name the actions and the resources:
    ///
    /// ```hcl
    /// statement {
    ///   actions   = ["s3:GetObject", "s3:PutObject"]
    ///   resources = ["${aws_s3_bucket.media.arn}/uploads/*"]
    /// }
    /// ```
    findings: {
        /// All actions on all resources
        Admin: High, Likely;
        /// All actions of a sensitive service on all resources
        Service: High, Likely;
        /// All actions of a sensitive service on some resources
        ScopedService: Medium, Likely;
        /// Any role may be given to any service
        PassRole: High, Likely;
        /// Everything but some actions
        NotAction: High, Likely;
        /// On everything but some resources
        NotResource: Medium, Likely;
        /// Actions that can be limited are allowed on all resources
        Resource: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: [
        "CK:CKV_AWS_1", "CK:CKV_AWS_49", "CK:CKV_AWS_62", "CK:CKV_AWS_63", "CK:CKV_AWS_355", "CK:CKV_AWS_356",
        "CK:CKV_AWS_290", "TR:AWS-0057",
    ],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [IdentityPolicies, AwsServices],
    parameters: {
        /// The services of which all actions are too many.
        sensitive: Vec<String> =
            ["iam", "sts", "kms", "s3", "ec2", "eks", "secretsmanager", "dynamodb"].map(String::from).into(),
    },
}

/// Keys of conditions that say nothing of the resource: when, how and from where somebody calls.
const CIRCUMSTANCES: [&str; 10] = [
    "aws:securetransport",
    "aws:multifactorauth",
    "aws:requestedregion",
    "aws:sourceip",
    "aws:vpcsourceip",
    "aws:sourcevpc",
    "aws:currenttime",
    "aws:epochtime",
    "aws:useragent",
    "aws:tokenissuetime",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let grants = iam::grants(input);
    if grants.is_empty() {
        return not_applicable("it has no policies of users, groups or roles");
    }
    let mut unknown = None;
    for Grant { name, policy } in grants {
        // With principals it is a policy of a resource, or says who may take a role.
        let own = policy.statements.iter().filter(|statement| statement.allows && statement.principals.is_empty());
        for statement in own {
            unknown = judge(input, &name, statement, findings).or(unknown);
        }
        if policy.unknown.is_some() {
            unknown = Some(format!("the policy of `{name}` is only known after apply"));
        }
    }
    findings.or_unknown(unknown)
}

/// Checks a statement that allows something: one finding, or why there can be none.
fn judge(
    input: &Input<'_, Parameters>,
    name: &str,
    statement: &Statement<'_>,
    findings: &mut Findings,
) -> Option<String> {
    let rows = &input.setting::<AwsServices>().rows;
    let known = |list: &[Argument<'_>]| -> Vec<String> {
        list.iter().filter_map(|it| it.known().map(|view| view.text().to_owned())).collect()
    };
    let actions = known(&statement.actions);
    let on_all = statement.resources.iter().any(is_all);
    let is_bound = statement.conditions.iter().any(is_binding);
    let sensitive = |action: &&String| {
        let service = action.to_ascii_lowercase();
        input.parameters.sensitive.iter().any(|it| service.strip_prefix(&**it) == Some(":*"))
    };
    let place = |text: &str| {
        let at = statement.actions.iter().find(|it| it.known().is_some_and(|view| view.text() == text));
        at.map_or_else(|| statement.place.clone(), |it| it.place().clone())
    };
    let mut report = |code, at: View<'_>, message: String| {
        findings.report(code, &at, format!("`{name}` allows {message}"));
        None
    };
    if let Some(all) = actions.iter().find(|action| matches!(&***action, "*" | "*:*")) {
        return if on_all && !statement.is_partial {
            report(Code::Admin, place(all), "all actions on all resources".into())
        } else if on_all {
            Some(conditional(name))
        } else {
            report(Code::ScopedService, place(all), "all actions, expected those that are needed".into())
        };
    }
    if let [first, ..] = &*statement.not_actions {
        let message = format!("all actions but {}", listed(&known(&statement.not_actions)));
        return report(Code::NotAction, first.place().clone(), message);
    }
    if let [first, ..] = &*statement.not_resources {
        let message = format!("{} on all resources but some", listed(&actions));
        return report(Code::NotResource, first.place().clone(), message);
    }
    if let (Some(all), false) = (actions.iter().find(sensitive), is_bound) {
        let service = all.split(':').next().unwrap_or_default();
        let at = place(all);
        return match (on_all, statement.is_partial) {
            (true, true) => Some(conditional(name)),
            (true, false) => report(Code::Service, at, format!("all actions of `{service}` on all resources")),
            (false, _) => {
                report(Code::ScopedService, at, format!("all actions of `{service}`, expected those that are needed"))
            }
        };
    }
    if !on_all || is_bound {
        return None;
    }
    let limited: Vec<String> = actions.iter().filter(|it| effect(rows, it) == Effect::Limited).cloned().collect();
    if limited.is_empty() {
        let is_known = |action: &&String| effect(rows, action) == Effect::Unknown;
        let unknown =
            actions.iter().find(is_known).map(|action| format!("whether `{action}` can be limited is not known"));
        let is_written = |it: &Argument<'_>| it.is_unknown();
        let hidden = statement.actions.iter().any(is_written).then(|| format!("not all actions of `{name}` are known"));
        return unknown.or(hidden);
    }
    if statement.is_partial {
        return Some(conditional(name));
    }
    let at = statement.resources.iter().find(|it| is_all(it)).map_or(&statement.place, Argument::place).clone();
    if let Some(pass) = limited.iter().find(|action| action.eq_ignore_ascii_case("iam:PassRole")) {
        let message = format!("`{pass}` of all roles to all services, expected a condition on `iam:PassedToService`");
        return report(Code::PassRole, at, message);
    }
    report(Code::Resource, at, format!("{} on all resources", listed(&limited)))
}

fn conditional(name: &str) -> String {
    format!("the conditions of `{name}` are made by a `dynamic` block")
}

/// Three of a list, and how many more there are.
fn listed(actions: &[String]) -> String {
    let shown: Vec<String> = actions.iter().take(3).map(|action| format!("`{action}`")).collect();
    match actions.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether a resource is all of them: `*`, or a name of which only the service is fixed.
fn is_all(resource: &Argument<'_>) -> bool {
    let text = match resource {
        Argument::Known(view) => view.text(),
        Argument::Unknown(_, expression) => expression.trim_matches('"'),
        Argument::Absent(_) => return false,
    };
    // `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; colons in `${…}` are no matter, as those are no `*`.
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["*"] => true,
        ["arn", _, _, region, account, rest] => {
            [region, account].iter().all(|part| matches!(**part, "" | "*")) && rest.split('/').all(|part| part == "*")
        }
        _ => false,
    }
}

/// Whether a condition says on what, or for whom, something is done.
fn is_binding(condition: &Condition<'_>) -> bool {
    let operator = condition.operator;
    let key = condition.key.text().to_ascii_lowercase();
    let limits = !operator.contains("Not") && !operator.ends_with("IfExists") && operator != "Null";
    limits && !CIRCUMSTANCES.iter().any(|it| key.contains(it))
}
