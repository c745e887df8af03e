use policy_sdk::language::shell::all_commands;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Action, Permissions, Used, UsedActions};
use policy_sdk::values::version::major_minor;

policy_sdk::rule! {
    /// Checkouts do not leave the token behind
    ///
    /// `actions/checkout` has `persist-credentials: false` in a job that needs no credentials of git: none of its later
    /// steps pushes, fetches, or uses an action that does. Worst is a job that then uploads the whole workspace with
    /// its hidden files, and the token in `.git/config`. From version 6 on the token is kept outside of the workspace.
    ///
    /// Jobs that push, tag, release or fetch submodules pass.
    ///
    /// ## Why
    /// The token stays in the checkout until the job ends. Every later step can read it, and an artifact of the whole
    /// directory publishes it.
    ///
    /// ## Fix
    /// ```yaml
    /// - uses: actions/checkout@v6
    ///   with:
    ///     persist-credentials: false
    /// ```
    findings: {
        /// The token is uploaded with the workspace
        Uploaded: Medium, Likely;
        /// Later steps can read a token that may write
        Kept: Low, Certain;
        /// Later steps can read a token that only reads, or one that lies outside of the workspace
        KeptHarmlessly: Info, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Security,
    peers: ["ZZ:artipacked"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [UsedActions, Permissions],
    reads: [
        "jobs.*.steps[*].uses:comments", "jobs.*.steps[*].with", "jobs.*.steps[*].run", "jobs.*.steps[*].run:shell",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for (_, job) in input.document.get("jobs").entries() {
        let steps: Vec<View<'_>> = job.get("steps").items().collect();
        for (at, step) in steps.iter().enumerate() {
            let Some(Used::Action(action)) = Used::parse(step.get("uses").text()) else { continue };
            if action.is("actions/checkout") {
                judge(input, &job, (step, &action), &steps[at + 1..], findings);
            }
        }
    }
    Ok(())
}

fn judge(
    input: &Input<'_, Parameters>,
    job: &View<'_>,
    (step, action): (&View<'_>, &Action<'_>),
    later: &[View<'_>],
    findings: &mut Findings,
) {
    let with = step.get("with");
    let persist = github::given(&with, "persist-credentials");
    let is_off = persist.as_bool() == Some(false) || persist.text().eq_ignore_ascii_case("false");
    // An expression decides, or a person did.
    if is_off || persist.exists() || github::given(&with, "ssh-key").exists() || later.iter().any(uses_git) {
        return;
    }
    let version = github::version(action, step).map(major_minor);
    let is_outside = version.is_some_and(|(major, _)| major >= 6);
    let fix = later
        .iter()
        .all(is_plain)
        .then(|| Fix::safe("do not keep the token"))
        .or_else(|| (version != Some((1, 0))).then(|| Fix::unsafe_("do not keep the token")));
    let fix = fix.map(|fix| fix.set(&with.get("persist-credentials"), false));
    let place = step.get("uses");
    if let Some(upload) = later.iter().find(|later| uploads_all(later)).filter(|_| !is_outside) {
        let message = "the token is uploaded with the workspace, expected `persist-credentials: false`";
        findings.report(Code::Uploaded, &place, message).label(&upload.get("uses"), "uploaded here").fix(fix);
        return;
    }
    let (code, what) = match github::may_write_anything(input, job) {
        _ if is_outside => (Code::KeptHarmlessly, "outside of the workspace"),
        Some(false) => (Code::KeptHarmlessly, "for all later steps, and only reads"),
        _ => (Code::Kept, "for all later steps"),
    };
    let message = format!("the token is kept {what}, expected `persist-credentials: false`");
    findings.report(code, &place, message).fix(fix);
}

/// Whether a step needs the credentials of git, as far as that can be known.
fn uses_git(step: &View<'_>) -> bool {
    const PUSH: [&str; 15] = [
        "stefanzweifel/git-auto-commit-action",
        "peter-evans/create-pull-request",
        "EndBug/add-and-commit",
        "ad-m/github-push-action",
        "peaceiris/actions-gh-pages",
        "JamesIves/github-pages-deploy-action",
        "changesets/action",
        "helm/chart-releaser-action",
        "cycjimmy/semantic-release-action",
        "goreleaser/goreleaser-action",
        "googleapis/release-please-action",
        "mathieudutour/github-tag-action",
        "anothrNick/github-tag-action",
        "cherry-pick-bot/action",
        "korthout/backport-action",
    ];
    const RELEASE: [&str; 6] =
        ["semantic-release", "lerna", "goreleaser", "release-it", "standard-version", "cargo-release"];
    let used = Used::parse(step.get("uses").text());
    if let Some(Used::Action(action)) = used {
        return PUSH.iter().any(|known| action.is(known));
    }
    all_commands(&step.get("run:shell")).iter().any(|command| {
        let is_of_network = ["push", "fetch", "pull", "submodule", "clone", "lfs", "ls-remote", "remote"];
        let is_git = command.name() == "git" && command.arguments().any(|it| is_of_network.contains(&it));
        is_git || RELEASE.contains(&command.name()) || command.arguments().any(|it| RELEASE.contains(&it))
    })
}

/// Whether a step surely needs no credentials of git: an action that everybody knows, or a program that has nothing to
/// do with it.
fn is_plain(step: &View<'_>) -> bool {
    const PROGRAMS: [&str; 14] =
        ["cargo", "npm", "pytest", "go", "echo", "ls", "cat", "cd", "mkdir", "test", "set", "export", "rustup", "ruff"];
    match Used::parse(step.get("uses").text()) {
        Some(Used::Action(action)) => {
            ["actions/setup-", "actions/cache", "actions/upload-artifact", "actions/download-artifact", "codecov/"]
                .iter()
                .any(|known| action.name.to_ascii_lowercase().starts_with(known))
        }
        Some(_) => false,
        None => {
            let commands = all_commands(&step.get("run:shell"));
            let is_known = |name: &str, verb: Option<&str>| match name {
                "npm" => matches!(verb, Some("ci" | "test" | "install")),
                "cargo" | "go" => !matches!(verb, Some("publish" | "release" | "run" | "generate")),
                _ => PROGRAMS.contains(&name),
            };
            commands.iter().all(|command| is_known(command.name(), command.arguments().next()))
        }
    }
}

/// Whether a step uploads the whole workspace with its hidden files.
fn uploads_all(step: &View<'_>) -> bool {
    let Some(Used::Action(action)) = Used::parse(step.get("uses").text()) else { return false };
    let with = step.get("with");
    let hidden = github::given(&with, "include-hidden-files");
    let has_hidden = hidden.is_true() || hidden.text() == "true";
    // Hidden files are left out since 4.4.
    let is_old = github::version(&action, step).is_some_and(|text| {
        let parts = text.matches('.').count();
        major_minor(text) < (4, 4) && (parts > 0 || major_minor(text).0 < 4)
    });
    let is_whole = |path: &str| {
        let path = path.trim().trim_start_matches("./").trim_end_matches('/');
        matches!(path, "" | "." | "*" | "**" | "**/*" | ".git" | "${{ github.workspace }}" | "${{github.workspace}}")
    };
    let path = github::given(&with, "path").text();
    action.is("actions/upload-artifact") && (has_hidden || is_old) && !path.is_empty() && path.lines().any(is_whole)
}
