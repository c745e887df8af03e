use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Permissions, Triggers};

policy_sdk::rule! {
    /// Tokens of jobs may do what the job needs
    ///
    /// Each job has `permissions`, its own or the workflow's, and none has `write-all`. What may write stands at the
    /// job that writes, not at the workflow whose other jobs get it too. A job that calls a workflow of the repository
    /// grants what that workflow asks for.
    ///
    /// A workflow that only others call has what its callers grant. Without `permissions` the repository's or
    /// organisation's default holds, which files do not show: it is read-only for new ones and may be read and write.
    ///
    /// ## Why
    /// The token of a job is what an attacker gets who brings code into it, by an action, a dependency, a test. With
    /// `contents: write` it pushes commits and tags, with `packages: write` it replaces images.
    ///
    /// ## Fix
    /// Let the workflow read, and each job write what it has to:
    ///
    /// ```yaml
    /// permissions:
    ///   contents: read
    /// jobs:
    ///   release:
    ///     permissions:
    ///       contents: write
    /// ```
    findings: {
        /// The token may do everything
        WriteAll: High, Certain;
        /// The token may do what the default says, perhaps everything
        Unset: Medium, Likely;
        /// The called workflow asks for more: GitHub refuses to start it
        Exceeded: Medium, Certain;
        /// All jobs may write what not all need
        TopWrite: Low, Likely;
        /// The token may read everything
        ReadAll: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["ZZ:excessive-permissions", "CK:CKV2_GHA_1"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [Permissions, Triggers],
    reads: ["jobs.*.name", "jobs.*.uses"],
    inventory: {
        called: {
            kinds: ["file/GitHubWorkflow"],
            scope: "cluster",
            relation: called {},
            reads: ["permissions", "jobs.*.permissions"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let top = input.document.get("permissions");
    let jobs: Vec<(&str, View<'_>)> = input.document.get("jobs").entries().collect();
    let inheriting: Vec<&(&str, View<'_>)> =
        jobs.iter().filter(|(_, job)| job.get("permissions").kind().is_none()).collect();
    for permissions in std::iter::once(top.clone()).chain(jobs.iter().map(|(_, job)| job.get("permissions"))) {
        match permissions.text() {
            "write-all" => {
                let message = "the token may write everything, expected the scopes that are needed";
                findings.report(Code::WriteAll, &permissions, message);
            }
            "read-all" => {
                let message = "the token may read everything, expected the scopes that are needed";
                findings.report(Code::ReadAll, &permissions, message);
            }
            _ => {}
        }
    }
    let is_only_called = github::events(input).iter().all(|event| event.name == "workflow_call");
    if top.kind().is_none() && !inheriting.is_empty() && !is_only_called {
        let names: Vec<&str> = inheriting.iter().map(|(id, _)| *id).collect();
        let message = format!("{} not limited, and may be allowed to write everything", tokens(&names));
        let fix = Fix::unsafe_("let the workflow read the repository").set(&top, object! { "contents": "read" });
        let mut report = findings.report(Code::Unset, &top, message).fix(fix);
        for (id, job) in inheriting.iter().take(5) {
            report = report.label(job, format!("job `{id}`"));
        }
    }
    if inheriting.len() > 1 {
        for (scope, value) in top.entries().filter(|(_, value)| value.text() == "write") {
            let message =
                format!("`{scope}: write` holds for {} jobs, expected it at the job that writes", inheriting.len());
            findings.report(Code::TopWrite, &value, message);
        }
    }
    for (id, job) in &jobs {
        judge_call(input, id, job, findings);
    }
    Ok(())
}

/// `the token of job … is`, `the tokens of jobs … are`.
fn tokens(names: &[&str]) -> String {
    match names {
        [one] => format!("the token of job `{one}` is"),
        [first, second] => format!("the tokens of jobs `{first}` and `{second}` are"),
        [first, second, rest @ ..] => format!("the tokens of jobs `{first}`, `{second}` and {} more are", rest.len()),
        [] => String::new(),
    }
}

/// Checks what a job grants to the workflow of the repository that it calls.
fn judge_call(input: &Input<'_, Parameters>, id: &str, job: &View<'_>, findings: &mut Findings) {
    let granted = github::permissions(input, job);
    let path = job.get("uses").text().trim_start_matches("./").trim_start_matches("$/");
    if path.is_empty() || granted.kind().is_none() || granted.as_str().is_some() {
        return;
    }
    let Some(called) = input.related("called").find(|called| github::is_at(called.name(), path)) else { return };
    let of_jobs = called.document.get("jobs").entries().map(|(_, job)| job.get("permissions"));
    for asked in std::iter::once(called.document.get("permissions")).chain(of_jobs) {
        for (scope, level) in asked.entries() {
            let has = granted.get(scope);
            if rank(level.text()) > rank(has.text()) {
                let message = format!(
                    "job `{id}` grants `{scope}: {}` to a workflow that asks for `{scope}: {}`, so that it does not \
                     start",
                    has.as_str().unwrap_or("none"),
                    level.text()
                );
                let report = findings.report(Code::Exceeded, &job.get("uses"), message);
                report.label(&granted, "granted here").label_in(&called, &level, "asked for here");
                return;
            }
        }
    }
}

fn rank(level: &str) -> u8 {
    match level {
        "write" => 2,
        "read" => 1,
        _ => 0,
    }
}
