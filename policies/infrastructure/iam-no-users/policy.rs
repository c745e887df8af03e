use policy_sdk::language::texts;
use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Argument, Block};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// People and pipelines have no IAM users
    ///
    /// No user has an access key or a password for the console (`aws_iam_access_key`, `aws_iam_user_login_profile`),
    /// and no call of the module `iam-user` makes one. A user with neither is a remark. Each user is reported once.
    ///
    /// What passes: keys that are `Inactive`, keys for sending mail by SMTP (`ses_smtp_password_v4`), for which AWS has
    /// nothing else, and users whose names match `allow`.
    ///
    /// ## Why
    /// An access key works from anywhere until somebody rotates it, and nobody notices a copy. Terraform also keeps the
    /// secret in its state, in plain text unless `pgp_key` is set. A password of a user is outside of single sign-on:
    /// it stays when the person leaves.
    ///
    /// ## Fix
    /// People log in through IAM Identity Center. GitHub Actions and GitLab take a role by OIDC, pods by Pod Identity
    /// or IRSA, machines elsewhere by IAM Roles Anywhere. Remove the key first and the user after it.
    findings: {
        /// A user has a key that does not expire
        AccessKey: High, Likely;
        /// A user has a password for the console
        LoginProfile: High, Likely;
        /// There is a user, without key and password
        User: Low, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["CK:CKV_AWS_273", "CK:CKV_AWS_40", "CK:CKV2_AWS_22", "TR:AWS-0143"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    reads: [
        "blocks", "resource.aws_iam_user", "resource.aws_iam_access_key", "resource.aws_iam_user_login_profile",
        "module.*.attributes",
    ],
    parameters: {
        /// Names of users that may be there, with `*` for any text: services of others that can take no role.
        allow: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let of_kind = |kind| terraform::resources(module, kind).filter(|(_, block)| !block.is_left_out());
    let users: Vec<_> = of_kind("aws_iam_user").collect();
    let mut is_any = !users.is_empty();
    let mut told: Vec<&str> = Vec::new();
    let is_allowed = |name: &str| input.parameters.allow.iter().any(|glob| glob_match(glob, name));
    let kinds = [
        ("aws_iam_access_key", Code::AccessKey, "has an access key, which does not expire"),
        ("aws_iam_user_login_profile", Code::LoginProfile, "has a password for the console"),
    ];
    for (kind, code, what) in kinds {
        for (address, resource) in of_kind(kind) {
            is_any = true;
            let user = resource.argument("user");
            let owner = users.iter().find(|(address, _)| is_of(&user, address));
            let name = owner.map_or_else(|| text(&user), |(address, user)| name(address, user));
            let is_off = text(&resource.argument("status")) == "Inactive";
            if let Some((address, _)) = owner {
                if told.contains(address) {
                    continue;
                }
                told.push(address);
            }
            if is_allowed(name) || is_off || code == Code::AccessKey && sends_mail(module, address) {
                continue;
            }
            let report = findings.report(code, resource.place(), format!("the user `{name}` {what}"));
            if let Some((_, user)) = owner {
                report.label(user.place(), "the user");
            }
        }
    }
    let mut block = "";
    for (address, user) in &users {
        if told.contains(address) || is_allowed(name(address, user)) {
            continue;
        }
        // `for_each` makes several of one block.
        let own = address.split('[').next().unwrap_or_default();
        if own != block {
            let message = format!("`{}` is an IAM user, expected a role", name(address, user));
            findings.report(Code::User, user.place(), message);
        }
        block = own;
    }
    for (_, call) in module.get("module").entries() {
        let call = Block::of(call);
        let is_true = |name: &str| call.argument(name).known().is_none_or(|it| it.as_bool() != Some(false));
        if !text(&call.argument("source")).ends_with("//modules/iam-user") {
            continue;
        }
        is_any = true;
        let name = text(&call.argument("name"));
        let made = [
            ("create_iam_access_key", "create_access_key", kinds[0]),
            ("create_iam_user_login_profile", "create_login_profile", kinds[1]),
        ];
        let first = made.into_iter().find(|(old, new, _)| is_true(old) && is_true(new));
        if let (Some((_, _, (_, code, what))), false) = (first, is_allowed(name)) {
            findings.report(code, call.place(), format!("the user `{name}` {what}"));
        }
    }
    if is_any { Ok(()) } else { not_applicable("it has no IAM users") }
}

fn text<'d>(argument: &Argument<'d>) -> &'d str {
    match argument {
        Argument::Known(view) => view.text(),
        Argument::Unknown(_, expression) => expression,
        Argument::Absent(_) => "",
    }
}

/// The name of a user, or its address.
fn name<'d>(address: &'d str, user: &Block<'d>) -> &'d str {
    user.argument("name").known().and_then(View::as_str).unwrap_or(address)
}

/// Whether a reference means the user of an address, or has its name.
fn is_of(user: &Argument<'_>, address: &str) -> bool {
    let own = address.rsplit('.').next().unwrap_or_default().split('[').next().unwrap_or_default();
    match user {
        Argument::Known(view) => view.text() == own,
        Argument::Unknown(_, expression) => {
            let name = expression.strip_prefix("aws_iam_user.").and_then(|rest| rest.split(['.', '[']).next());
            name == Some(own)
        }
        Argument::Absent(_) => false,
    }
}

/// Whether something takes the password for SMTP that AWS makes of a key.
fn sends_mail(module: &View<'_>, address: &str) -> bool {
    let own = address.rsplit('.').next().unwrap_or_default().split('[').next().unwrap_or_default();
    let key = ["aws_iam_access_key.", own].concat();
    texts(&module.get("blocks")).iter().map(View::text).any(|text| {
        text.contains("ses_smtp_password") && text.split(&*key).skip(1).any(|rest| rest.starts_with(['.', '[']))
    })
}
