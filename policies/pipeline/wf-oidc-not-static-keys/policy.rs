use policy_sdk::github::{self, Action};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Workflows log in to clouds with OIDC, not with stored keys
    ///
    /// No `env` takes a cloud key such as `AWS_SECRET_ACCESS_KEY` from a secret, and the login
    /// actions of AWS, Google Cloud and Azure get no key but the role to assume
    /// (`role-to-assume`, `workload_identity_provider`, `client-id`). The job that uses them has the
    /// permission `id-token: write`; a reusable workflow may leave that to its caller. Sessions are
    /// asked for one hour at most.
    ///
    /// Keys beside an `aws-session-token` are short-lived and pass; so do chained roles and Azure's
    /// managed identities, which need no `id-token`.
    ///
    /// ## Why
    /// A stored key works for anybody, anywhere, until somebody remembers to rotate it. A token that
    /// GitHub issues is bound to this repository and branch and is gone after the job.
    ///
    /// ## Fix
    /// Let the cloud trust GitHub's OIDC issuer for this repository, give the job
    /// `permissions: {id-token: write, contents: read}`, name the role, and delete the secret.
    severity: High,
    priority: P1,
    effort: Medium,
    factor: "IV Backing services",
    aliases: ["ZZ:use-trusted-publishing"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    reads: [
        "on", "permissions", "env", "jobs.*.permissions", "jobs.*.env", "jobs.*.container.env",
        "jobs.*.steps[*].uses", "jobs.*.steps[*].env", "jobs.*.steps[*].with",
    ],
    parameters: {
        /// Ids of jobs that may use stored keys.
        allow_jobs: Vec<String> = Vec::new(),
    },
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
        keys: &["aws-access-key-id", "aws-secret-access-key"],
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
        if input.parameters.allow_jobs.iter().any(|allowed| allowed == id) {
            continue;
        }
        judge_env(&job.get("env"), findings);
        judge_env(&job.at("container.env"), findings);
        for step in job.get("steps").items() {
            judge_env(&step.get("env"), findings);
            let action = Action::parse(step.get("uses").text());
            if let Some(login) = LOGINS.iter().find(|login| action.is_some_and(|action| action.is(login.action))) {
                judge_login(login, workflow, (id, &job), &step, findings);
            }
        }
    }
    Ok(())
}

fn judge_env(env: &View<'_>, findings: &mut Findings) {
    for (name, value) in env.entries().filter(|(name, _)| KEY_VARIABLES.contains(name)) {
        if ["secrets.", "secrets["].iter().any(|secret| value.text().contains(secret)) {
            let message = format!("`{name}` is a stored key, expected a login with OIDC");
            findings.report(&value, message).code("static-key");
        }
    }
}

fn judge_login(
    login: &Login,
    workflow: &View<'_>,
    (id, job): (&str, &View<'_>),
    step: &View<'_>,
    findings: &mut Findings,
) {
    let with = step.get("with");
    let (action, role) = (login.action, login.role);
    if let Some(key) = login.keys.iter().find(|key| with.get(key).exists()) {
        if !with.get("aws-session-token").exists() {
            let message = format!("`{action}` gets the stored key `{key}`, expected only `{role}`");
            findings.report(&with.get(key), message).code("static-key");
        }
        return;
    }
    let is_chained = with.get("role-chaining").is_true() || with.get("role-chaining").text() == "true";
    if with.get("auth-type").text().eq_ignore_ascii_case("identity") {
        return;
    }
    if !with.get(role).exists() {
        findings.report(&with.get(role), format!("`{action}` names no `{role}`")).code("no-role");
    } else if !is_chained && !github::may_write(workflow, job, "id-token").unwrap_or(github::is_reusable(workflow)) {
        let message = format!("job `{id}` logs in with OIDC but lacks the permission `id-token: write`");
        findings
            .report(&job.at("permissions.id-token"), message)
            .code("no-id-token")
            .label(&step.get("uses"), "logs in here");
    }
    let lifetime = with.get(login.lifetime);
    let seconds = lifetime.scalar_text().and_then(|text| text.trim_end_matches('s').parse::<u64>().ok());
    if let Some(seconds) = seconds.filter(|seconds| *seconds > MAX_SECONDS) {
        let message = format!("the session lives {seconds} seconds, expected at most {MAX_SECONDS}");
        findings.report(&lifetime, message).code("long-session");
    }
}
