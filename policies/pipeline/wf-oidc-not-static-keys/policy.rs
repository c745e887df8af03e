use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Permissions, Triggers, Used, UsedActions};

policy_sdk::rule! {
    /// Workflows log in to clouds with OIDC, not with stored keys
    ///
    /// No `env` takes a cloud key such as `AWS_SECRET_ACCESS_KEY` from a secret, the login
    /// actions of AWS, Google Cloud and Azure get no key but the role to assume
    /// (`role-to-assume`, `workload_identity_provider`, `client-id`), and no script logs in with a key
    /// (`aws configure set aws_secret_access_key`, `gcloud auth activate-service-account`, `az login
    /// --service-principal` with a password). The job that uses them has the
    /// permission `id-token: write`; a reusable workflow may leave that to its caller. Sessions are
    /// asked for one hour at most.
    ///
    /// Keys beside a session token are short-lived and pass; so do chained roles and Azure's
    /// managed identities, which need no `id-token`. AWS keys beside an endpoint that is not AWS (MinIO, R2) are
    /// none of a cloud that issues tokens. On a runner of one's own, or with `AWS_ROLE_ARN` or `AWS_PROFILE`
    /// set, the AWS action needs no role.
    ///
    /// ## Why
    /// A stored key works for anybody, anywhere, until somebody remembers to rotate it. A token that
    /// GitHub issues is bound to this repository and branch and is gone after the job.
    ///
    /// ## Fix
    /// Let the cloud trust GitHub's OIDC issuer for this repository, give the job
    /// `permissions: {id-token: write, contents: read}`, name the role, and delete the secret.
    findings: {
        /// The job may not ask for the token that it logs in with: the login fails
        NoIdToken: High, Certain;
        /// A stored key of a cloud is used
        StaticKey: Medium, Likely;
        /// The login names no role to assume
        NoRole: Medium, Likely;
        /// The session lives longer than an hour
        LongSession: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [Permissions, Triggers, UsedActions],
    reads: [
        "env", "env.*:expression", "jobs.*.runs-on", "jobs.*.env", "jobs.*.env.*:expression",
        "jobs.*.container.env", "jobs.*.container.env.*:expression",
        "jobs.*.steps[*].env", "jobs.*.steps[*].env.*:expression", "jobs.*.steps[*].with",
        "jobs.*.steps[*].run:shell",
    ],
}

const KEY_VARIABLES: [&str; 7] = [
    "AWS_SECRET_ACCESS_KEY",
    "GOOGLE_CREDENTIALS",
    "GCLOUD_SERVICE_KEY",
    "GCP_SA_KEY",
    "AZURE_CREDENTIALS",
    "AZURE_CLIENT_SECRET",
    "ARM_CLIENT_SECRET",
];

struct Login {
    action: &'static str,
    keys: &'static [&'static str],
    role: &'static str,
    /// The input that says how long the session lives, in seconds.
    lifetime: &'static str,
}

const LOGINS: [Login; 3] = [
    Login {
        action: "aws-actions/configure-aws-credentials",
        keys: &["aws-secret-access-key", "aws-access-key-id"],
        role: "role-to-assume",
        lifetime: "role-duration-seconds",
    },
    Login {
        action: "google-github-actions/auth",
        keys: &["credentials_json"],
        role: "workload_identity_provider",
        lifetime: "access_token_lifetime",
    },
    Login { action: "azure/login", keys: &["creds"], role: "client-id", lifetime: "" },
];

const MAX_SECONDS: u64 = 3600;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workflow = &input.document;
    judge_env(&workflow.get("env"), findings);
    for (id, job) in workflow.get("jobs").entries() {
        judge_env(&job.get("env"), findings);
        judge_env(&job.at("container.env"), findings);
        for step in job.get("steps").items() {
            judge_env(&step.get("env"), findings);
            let used = Used::parse(step.get("uses").text());
            let is_used = |login: &&Login| matches!(used, Some(Used::Action(action)) if action.is(login.action));
            if let Some(login) = LOGINS.iter().find(is_used) {
                judge_login(input, login, (id, &job), &step, findings);
            }
            judge_script(&step.get("run:shell"), findings);
        }
    }
    Ok(())
}

fn judge_env(env: &View<'_>, findings: &mut Findings) {
    for (name, value, names_secret) in github::with_secrets(env) {
        let upper = name.to_ascii_uppercase();
        let is_key = KEY_VARIABLES.contains(&&*upper) && names_secret;
        if is_key && !(upper.starts_with("AWS_") && is_no_aws(env)) {
            let message = format!("`{name}` is a stored key, expected a login with OIDC");
            findings.report(Code::StaticKey, &value, message);
        }
    }
}

/// Commands of a script that log in with a key.
fn judge_script(tree: &View<'_>, findings: &mut Findings) {
    let commands = all_commands(tree);
    let is_short_lived = commands.iter().any(|command| has(command, "aws_session_token"));
    for command in &commands {
        let login = match command.name() {
            "aws" if has(command, "configure") && has(command, "aws_secret_access_key") && !is_short_lived => {
                "aws configure set aws_secret_access_key"
            }
            "gcloud" if has(command, "auth") && has(command, "activate-service-account") => {
                "gcloud auth activate-service-account"
            }
            "az" if has(command, "login") && has(command, "--service-principal") && has_password(command) => {
                "az login --service-principal"
            }
            _ => continue,
        };
        let message = format!("`{login}` takes a stored key, expected a login with OIDC");
        findings.report(Code::StaticKey, &command.get("name"), message);
    }
}

fn has(command: &Command<'_>, word: &str) -> bool {
    command.program_words().any(|own| own.text() == word)
}

fn has_password(command: &Command<'_>) -> bool {
    command.program_words().any(|word| {
        let option = word.text().split('=').next().unwrap_or_default();
        matches!(option, "-p" | "--password" | "--certificate")
    })
}

/// Whether AWS variables are short-lived, or for a store that only speaks like S3.
fn is_no_aws(env: &View<'_>) -> bool {
    const STORES: [&str; 6] = ["AWS_ENDPOINT_URL", "S3_ENDPOINT", "MINIO", "LOCALSTACK", "R2_", "BACKBLAZE"];
    env.entries().any(|(name, value)| {
        let upper = name.to_ascii_uppercase();
        let is_store = STORES.iter().any(|store| upper.contains(store));
        upper == "AWS_SESSION_TOKEN" || is_store && !value.text().contains("amazonaws.com")
    })
}

fn judge_login(
    input: &Input<'_, Parameters>,
    login: &Login,
    (id, job): (&str, &View<'_>),
    step: &View<'_>,
    findings: &mut Findings,
) {
    let with = step.get("with");
    let given = |name: &str| github::given(&with, name);
    let (action, role) = (login.action, login.role);
    if let Some(key) = login.keys.iter().find(|key| given(key).exists()) {
        if !given("aws-session-token").exists() && !holds_only_ids(given(key).text()) {
            let message = format!("`{action}` gets the stored key `{key}`, expected only `{role}`");
            findings.report(Code::StaticKey, &given(key), message);
        }
        return;
    }
    let chaining = given("role-chaining");
    let is_chained = chaining.is_true() || chaining.text() == "true";
    if given("auth-type").text().eq_ignore_ascii_case("identity") {
        return;
    }
    if !given(role).exists() {
        let finds_one = login.role == "role-to-assume"
            && (!is_hosted(&job.get("runs-on"))
                || [step.get("env"), job.get("env"), input.document.get("env")]
                    .iter()
                    .any(|env| ["AWS_ROLE_ARN", "AWS_PROFILE"].iter().any(|name| env.get(name).exists())));
        if !finds_one {
            findings.report(Code::NoRole, &given(role), format!("`{action}` names no `{role}`"));
        }
    } else if !is_chained && !github::may_write(input, job, "id-token").unwrap_or(github::is_reusable(input)) {
        let message = format!("job `{id}` logs in with OIDC but lacks the permission `id-token: write`");
        // Where the permissions stand that win.
        let permissions = github::permissions(input, job);
        let fix = Fix::unsafe_("let the job ask for an identity token");
        let fix = match permissions.kind() {
            None => Some(fix.set(&permissions, object! { "contents": "read", "id-token": "write" })),
            Some(Kind::Object) => Some(fix.set(&permissions.get("id-token"), "write")),
            _ => None,
        };
        let place = if permissions.as_str().is_some() { permissions } else { permissions.get("id-token") };
        findings.report(Code::NoIdToken, &place, message).label(&step.get("uses"), "logs in here").fix(fix);
    }
    let lifetime = given(login.lifetime);
    let seconds = lifetime.scalar_text().and_then(|text| text.trim_end_matches('s').parse::<u64>().ok());
    if let Some(seconds) = seconds.filter(|seconds| *seconds > MAX_SECONDS) {
        let message = format!("the session lives {seconds} seconds, expected at most {MAX_SECONDS}");
        findings.report(Code::LongSession, &lifetime, message);
    }
}

/// A JSON text that is written out and holds no secret: what Azure calls credentials without a secret.
fn holds_only_ids(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.trim_start().starts_with('{') && lower.contains("clientid") && !lower.contains("clientsecret")
}

/// Whether a job runs on machines of GitHub.
fn is_hosted(runs_on: &View<'_>) -> bool {
    let is_label = |label: &str| ["ubuntu-", "windows-", "macos-"].iter().any(|hosted| label.starts_with(hosted));
    match runs_on.kind() {
        Some(Kind::String) => is_label(runs_on.text()),
        Some(Kind::Array) => runs_on.items().all(|label| is_label(label.text())),
        _ => false,
    }
}
