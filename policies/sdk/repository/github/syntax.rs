//! What GitHub takes in workflows and actions: keys, events, and which contexts an expression may name where.
//!
//! From GitHub's documentation, "Workflow syntax for GitHub Actions" and "Contexts reference", as of 2026-11.

/// Keys of a workflow.
pub const WORKFLOW: &[&str] = &["name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"];
/// Keys of a job that has steps.
pub const JOB: &[&str] = &[
    "name",
    "permissions",
    "needs",
    "if",
    "runs-on",
    "snapshot",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
];
/// Keys of a job that calls a workflow.
pub const CALL: &[&str] = &["name", "uses", "with", "secrets", "strategy", "needs", "if", "concurrency", "permissions"];
/// Keys of a step.
pub const STEP: &[&str] = &[
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
    "background",
    "cancel",
    "parallel",
    "wait",
    "wait-all",
];
/// Keys of a step that say that it does something else than to run a script or an action.
pub const CONTROL: &[&str] = &["cancel", "parallel", "wait", "wait-all"];
/// Keys of `strategy`.
pub const STRATEGY: &[&str] = &["matrix", "fail-fast", "max-parallel"];
/// Scopes of `permissions`.
pub const SCOPES: &[&str] = &[
    "actions",
    "artifact-metadata",
    "attestations",
    "checks",
    "code-quality",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
];
/// Events.
pub const EVENTS: &[&str] = &[
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "image_version",
    "issue_comment",
    "issues",
    "label",
    "merge_group",
    "milestone",
    "page_build",
    "project",
    "project_card",
    "project_column",
    "public",
    "pull_request",
    "pull_request_comment",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "push",
    "registry_package",
    "release",
    "repository_dispatch",
    "schedule",
    "status",
    "watch",
    "workflow_call",
    "workflow_dispatch",
    "workflow_run",
    "commit_comment",
];

/// Keys of mappings in workflows and jobs, by where they stand there.
pub const NESTED: &[(&str, &[&str])] = &[
    ("defaults", &["run"]),
    ("defaults.run", &["shell", "working-directory"]),
    ("concurrency", &["group", "cancel-in-progress", "queue"]),
    ("environment", &["name", "url", "deployment"]),
    ("container", &["image", "credentials", "env", "ports", "volumes", "options"]),
];
/// Keys of a service.
pub const SERVICE: &[&str] = &["image", "credentials", "env", "ports", "volumes", "options", "command", "entrypoint"];
/// What may be said of events; of all others at most their `types`.
pub const FILTERS: &[(&str, &[&str])] = &[
    ("push", &["branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"]),
    ("pull_request", &["types", "branches", "branches-ignore", "paths", "paths-ignore"]),
    ("pull_request_target", &["types", "branches", "branches-ignore", "paths", "paths-ignore"]),
    ("workflow_run", &["types", "workflows", "branches", "branches-ignore"]),
    ("merge_group", &["types", "branches", "branches-ignore"]),
    ("workflow_dispatch", &["inputs"]),
    ("workflow_call", &["inputs", "outputs", "secrets"]),
];

/// All contexts.
const CONTEXTS: &[&str] =
    &["github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"];

/// What may be named at a kind of place: contexts, and functions beside those that are known everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Available {
    /// Contexts.
    pub contexts: &'static [&'static str],
    /// `hashFiles`.
    pub files: bool,
    /// `always`, `success`, `failure`, `cancelled`.
    pub status: bool,
}

const fn of(contexts: &'static [&'static str]) -> Available {
    Available { contexts, files: false, status: false }
}

/// `run-name` and `concurrency` of a workflow, defaults of inputs.
pub const IN_WORKFLOW: Available = of(&["github", "inputs", "vars"]);
/// `env` of a workflow.
pub const IN_WORKFLOW_ENV: Available = of(&["github", "inputs", "secrets", "vars"]);
/// What a called workflow gives back.
pub const IN_CALL_OUTPUT: Available = of(&["github", "inputs", "jobs", "vars"]);
/// `if` of a job.
pub const IN_JOB_IF: Available = Available { status: true, ..of(&["github", "inputs", "needs", "vars"]) };
/// `strategy` of a job.
pub const IN_STRATEGY: Available = of(&["github", "inputs", "needs", "vars"]);
/// Most of a job.
pub const IN_JOB: Available = of(&["github", "inputs", "matrix", "needs", "strategy", "vars"]);
/// `env` of a job, and secrets that it hands over.
pub const IN_JOB_ENV: Available = of(&["github", "inputs", "matrix", "needs", "secrets", "strategy", "vars"]);
/// What a job gives back.
pub const IN_JOB_OUTPUT: Available =
    of(&["env", "github", "inputs", "job", "matrix", "needs", "runner", "secrets", "steps", "strategy", "vars"]);
/// Most of a step.
pub const IN_STEP: Available = Available { files: true, ..IN_JOB_OUTPUT };
/// `if` of a step.
pub const IN_STEP_IF: Available = Available {
    status: true,
    files: true,
    ..of(&["env", "github", "inputs", "job", "matrix", "needs", "runner", "steps", "strategy", "vars"])
};
/// A step of an action.
pub const IN_ACTION: Available = Available {
    files: true,
    ..of(&["env", "github", "inputs", "job", "matrix", "runner", "steps", "strategy", "vars"])
};
/// `if` of a step of an action.
pub const IN_ACTION_IF: Available = Available { status: true, ..IN_ACTION };

/// Why a context, by its first name, may not be named at a place; `None` where it may.
pub fn refuses(available: Available, root: &str) -> Option<String> {
    if available.contexts.contains(&root) {
        return None;
    }
    Some(match CONTEXTS.contains(&root) {
        true => format!("`{root}` is not available here, only {}", available.contexts.join(", ")),
        false => format!("there is no context `{root}`"),
    })
}

/// Whether a function, by its name in lower case, may be called at a place.
pub fn takes_call(available: Available, function: &str) -> bool {
    match function {
        "hashfiles" => available.files,
        "always" | "success" | "failure" | "cancelled" => available.status,
        _ => true,
    }
}

/// What a context holds, of those where that is fixed; `None` for the others.
pub fn properties(root: &str) -> Option<&'static [&'static str]> {
    Some(match root {
        "job" => &[
            "check_run_id",
            "container",
            "services",
            "status",
            "workflow_ref",
            "workflow_sha",
            "workflow_repository",
            "workflow_file_path",
        ],
        "runner" => &["name", "os", "arch", "temp", "tool_cache", "debug", "environment", "workspace"],
        "strategy" => &["fail-fast", "job-index", "job-total", "max-parallel"],
        "github" => &[
            "action",
            "action_path",
            "action_ref",
            "action_repository",
            "action_status",
            "actor",
            "actor_id",
            "api_url",
            "artifact_cache_size_limit",
            "base_ref",
            "env",
            "event",
            "event_name",
            "event_path",
            "graphql_url",
            "head_ref",
            "job",
            "output",
            "path",
            "ref",
            "ref_name",
            "ref_protected",
            "ref_type",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "repository_visibility",
            "repositoryurl",
            "retention_days",
            "run_attempt",
            "run_id",
            "run_number",
            "secret_source",
            "server_url",
            "sha",
            "state",
            "step_summary",
            "token",
            "triggering_actor",
            "workflow",
            "workflow_ref",
            "workflow_sha",
            "workspace",
        ],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_take_some_contexts() {
        assert_eq!(refuses(IN_STEP, "secrets"), None);
        assert!(refuses(IN_STEP_IF, "secrets").is_some_and(|why| why.starts_with("`secrets` is not available here")));
        assert_eq!(refuses(IN_STEP, "secret").as_deref(), Some("there is no context `secret`"));
        assert!(takes_call(IN_STEP, "hashfiles") && !takes_call(IN_STEP, "always") && takes_call(IN_JOB, "format"));
        assert!(takes_call(IN_JOB_IF, "always") && !takes_call(IN_JOB_IF, "hashfiles"));
        assert!(properties("job").is_some_and(|of| !of.contains(&"duration")) && properties("env").is_none());
    }
}
