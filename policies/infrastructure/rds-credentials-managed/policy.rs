use policy_sdk::prelude::*;
use policy_sdk::repository::rds::{self, Database, Databases, Form};
use policy_sdk::repository::terraform::Argument;

policy_sdk::rule! {
    /// Passwords of databases are managed by AWS
    ///
    /// The password of an instance or cluster of RDS is none that stands in the configuration, and none that Terraform
    /// makes and keeps: `manage_master_user_password`, `password_wo` with an ephemeral value, and a password that a
    /// data source reads from Secrets Manager or Parameter Store are right. So are replicas and databases that are
    /// restored, which have the password of the former one, and instances of Aurora, whose cluster has it.
    ///
    /// Where the engine allows it (PostgreSQL, MySQL, MariaDB, Aurora), logging in by IAM is suggested.
    ///
    /// ## Why
    /// A password that Terraform knows is in its state in plain text, and whoever may plan may read it. One that stands
    /// in the repository is in every checkout. Neither is ever rotated.
    ///
    /// ## Fix
    /// ```hcl
    /// manage_master_user_password = true
    /// ```
    ///
    /// AWS makes the password, keeps it in Secrets Manager and rotates it. Remove `password` in the same change.
    findings: {
        /// The password stands in the configuration
        Literal: Medium, Likely;
        /// Terraform makes the password, so its state has it
        InState: Low, Likely;
        /// Nobody can log in by IAM
        NoIamLogin: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    peers: ["CK:CKV_AWS_161", "CK:CKV_AWS_162", "CK:CKV2_AWS_57", "TR:AWS-0176"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Databases],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    let mut is_any = false;
    for database in rds::databases(input).iter().filter(|it| it.form != Form::ClusterInstance) {
        if database.form == Form::Instance && database.is_aurora() == Some(true) || inherits(database) {
            continue;
        }
        is_any = true;
        let name = &database.name;
        let login = database.argument("iam_database_authentication_enabled");
        let has_login = match &login {
            Argument::Known(value) => value.is_true() || value.text() == "true",
            Argument::Unknown(..) => true,
            Argument::Absent(_) => false,
        };
        if !has_login && database.engine().is_some_and(can_login_by_iam) {
            let message =
                format!("nobody can log in to `{name}` by IAM, as `iam_database_authentication_enabled` is not set");
            findings.report(Code::NoIamLogin, database.block.place(), message);
        }
        let passwords = ["password", "master_password"].map(|argument| database.argument(argument));
        match passwords.iter().find(|it| !matches!(it, Argument::Absent(_))) {
            Some(Argument::Known(value)) if !value.text().is_empty() => {
                let message = format!("the password of `{name}` stands in the configuration");
                findings.report(Code::Literal, value, message).secret();
            }
            Some(Argument::Unknown(place, expression))
                if expression.contains("random_password.") || expression.contains("random_string.") =>
            {
                let message = format!("Terraform makes the password of `{name}`, so its state has it");
                findings.report(Code::InState, place, message);
            }
            Some(Argument::Unknown(_, expression)) if !is_kept_elsewhere(expression) => {
                unknown = Some(format!("where the password of `{name}` comes from is not known: `{expression}`"));
            }
            _ => {}
        }
    }
    if is_any { findings.or_unknown(unknown) } else { not_applicable("it has no database with a password of its own") }
}

/// Whether a database has the password of another one.
fn inherits(database: &Database<'_>) -> bool {
    let joins = ["domain", "global_cluster_identifier"]
        .into_iter()
        .any(|name| !matches!(database.argument(name), Argument::Absent(_)));
    let origin = database.origin();
    origin.is_some()
        || joins
            && ["password", "master_password"].iter().all(|it| matches!(database.argument(it), Argument::Absent(_)))
}

/// Whether an expression takes the password from where it is kept, or from whoever applies the configuration.
fn is_kept_elsewhere(expression: &str) -> bool {
    ["data.", "ephemeral.", "var.", "vault_"].iter().any(|word| expression.contains(word))
}

fn can_login_by_iam(engine: &str) -> bool {
    ["postgres", "mysql", "mariadb", "aurora"].iter().any(|name| engine.starts_with(name))
}
