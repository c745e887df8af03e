use policy_sdk::language::expression::contexts;
use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::prelude::*;
use policy_sdk::repository::github::outsider::{self, Conditions, PRIVILEGED, Reach};
use policy_sdk::repository::github::{self, Permissions, Triggers, Used, UsedActions};

policy_sdk::rule! {
    /// Workflows with secrets do not run code of strangers
    ///
    /// In a workflow that anybody can start and that gets the repository's secrets and token (`pull_request_target`,
    /// `workflow_run`, `issue_comment`, `issues` …), no job checks out the head of a pull request, or downloads the
    /// artifact of its run, and then runs something of it: a build, a test, a script, an action of the checkout
    /// (`./…`). A checkout that is only read is milder, and so is a label as the guard; artifacts may be read.
    ///
    /// Such a workflow is right as long as it runs its own code: labels, titles, comments. Jobs that strangers cannot
    /// start pass: `if: github.event.pull_request.head.repo.full_name == github.repository`, an `author_association` of
    /// members. Whether the last event was a bot's (`github.actor`) keeps nobody out.
    ///
    /// ## Why
    /// `npm ci` in the checkout of a pull request runs what its author wrote into `package.json`. That author then has
    /// the secrets of the job and its token, and the token writes to the repository.
    ///
    /// ## Fix
    /// Build and test in a workflow `on: pull_request`, which has neither secrets nor a token that writes. Hand on
    /// results as an artifact, and treat it as data in a second workflow (`on: workflow_run`).
    ///
    /// Where the code has to run with secrets, let somebody look at it first: an `environment` with required reviewers,
    /// and the commit that was looked at, `ref: ${{ github.event.pull_request.head.sha }}`.
    findings: {
        /// Anybody runs code with secrets or a token that may write
        RunsHead: Critical, Likely;
        /// Code of strangers runs with neither, or when somebody approves the deployment
        RunsHeadLimited: High, Likely;
        /// Code of strangers runs as soon as somebody puts a label, also what is pushed right after it
        RunsHeadLabelled: Medium, Likely;
        /// Code of strangers lies beside what runs
        ReadsHead: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["ZZ:dangerous-triggers"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [Triggers, Conditions, Permissions, UsedActions],
    reads: [
        "env", "env.*:expression", "jobs.*.env", "jobs.*.env.*:expression", "jobs.*.secrets", "jobs.*.steps[*].env",
        "jobs.*.steps[*].env.*:expression", "jobs.*.steps[*].with", "jobs.*.steps[*].with.*:expression",
        "jobs.*.steps[*].working-directory", "jobs.*.steps[*].run", "jobs.*.steps[*].run:expression",
        "jobs.*.steps[*].run:shell",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let events: Vec<&str> =
        github::events(input).iter().map(|event| event.name).filter(|name| PRIVILEGED.contains(name)).collect();
    if events.is_empty() {
        return not_applicable("nobody without rights starts it with secrets");
    }
    for (id, job) in input.document.get("jobs").entries() {
        let steps: Vec<View<'_>> = job.get("steps").items().collect();
        for (at, step) in steps.iter().enumerate() {
            let Some(taken) = taken(step, &events) else { continue };
            judge(input, (id, &job), &taken, (step, &steps[at + 1..]), &events, findings);
        }
    }
    Ok(())
}

/// What a step takes from a stranger.
struct Taken<'d> {
    place: View<'d>,
    what: &'static str,
    /// It is there to be read: an artifact.
    is_data: bool,
    /// The directory that it lies in; empty for the workspace itself.
    directory: &'d str,
}

fn judge(
    input: &Input<'_, Parameters>,
    (id, job): (&str, &View<'_>),
    taken: &Taken<'_>,
    (step, later): (&View<'_>, &[View<'_>]),
    events: &[&str],
    findings: &mut Findings,
) {
    let reach_of = |event: &&str, step: &View<'_>| {
        outsider::reach(input, event, job).min(outsider::of_conditions(input, event, job, step))
    };
    let Some(event) = events.iter().copied().max_by_key(|event| reach_of(event, step)) else { return };
    let user = later.iter().find_map(|later| {
        let runs = runs(later, taken.directory).filter(|_| reach_of(&event, later) > Reach::Closed)?;
        Some((runs, reach_of(&event, later)))
    });
    let reach = reach_of(&event, step).min(user.as_ref().map_or(Reach::Open, |(_, reach)| *reach));
    let (what, code) = match (&user, reach) {
        (_, Reach::Closed) => return,
        // What an artifact is for.
        (None, _) if taken.is_data => return,
        (None, _) => ("lies in the job", Code::ReadsHead),
        (_, Reach::Label) => ("runs in the job as soon as somebody puts a label", Code::RunsHeadLabelled),
        (_, Reach::Environment) => ("runs in the job if the environment lets it", Code::RunsHeadLimited),
        (_, Reach::Open) if github::has_nothing_to_take(input, job) => ("runs in the job", Code::RunsHeadLimited),
        (_, Reach::Open) => ("runs in the job, with what it may do", Code::RunsHead),
    };
    let message = format!("{} {what}: anybody can start job `{id}` by `{event}`", taken.what);
    let report = findings.report(code, &taken.place, message);
    if let Some((place, _)) = user {
        report.label(&place, "runs here");
    }
}

/// What a step takes from a stranger: a checkout of a pull request's head, or an artifact of another run.
fn taken<'d>(step: &View<'d>, events: &[&str]) -> Option<Taken<'d>> {
    let with = step.get("with");
    let given = |name: &str| github::given(&with, name);
    if let Some(Used::Action(action)) = Used::parse(step.get("uses").text()) {
        if action.is("actions/checkout") {
            let of_head = ["ref", "repository"].into_iter().find_map(|name| {
                let (key, value) = with.entries().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
                is_head(&value, &with.get(&format!("{key}:expression"))).then_some(value)
            });
            let directory = given("path").text();
            return of_head.map(|place| Taken { place, what: "the head of a pull request", is_data: false, directory });
        }
        let is_download = action.is("dawidd6/action-download-artifact")
            || action.is("actions/download-artifact") && given("run-id").exists();
        if is_download && events.contains(&"workflow_run") {
            let (place, directory) = (step.get("uses"), given("path").text());
            return Some(Taken { place, what: "the artifact of another run", is_data: true, directory });
        }
        return None;
    }
    let command = all_commands(&step.get("run:shell")).into_iter().find(fetches_head)?;
    Some(Taken { place: View::clone(&command), what: "the head of a pull request", is_data: false, directory: "" })
}

/// Whether a `ref` or `repository` is that of a pull request's head.
fn is_head(value: &View<'_>, tree: &View<'_>) -> bool {
    const OF_PULL_REQUEST: [&str; 5] = [
        "github.event.pull_request.head.",
        "github.head_ref",
        "github.event.workflow_run.head_",
        "github.event.pull_request.merge_commit_sha",
        "github.event.workflow_run.pull_requests",
    ];
    // Of a step that asked for the pull request of a comment.
    const OF_OUTPUTS: [&str; 6] = ["head", "sha", "branch", "ref", "commit", "pr_"];
    value.text().contains("refs/pull/")
        || contexts(tree).into_iter().any(|context| {
            let of_output = context.split_once(".outputs.").filter(|_| context.starts_with(['s', 'n']));
            OF_PULL_REQUEST.iter().any(|known| context.starts_with(known))
                || of_output.is_some_and(|(_, name)| OF_OUTPUTS.iter().any(|word| name.contains(word)))
        })
}

/// `gh pr checkout 1`, `git fetch origin pull/1/head`.
fn fetches_head(command: &Command<'_>) -> bool {
    let words: Vec<&str> = command.arguments().collect();
    match command.name() {
        "gh" => words.starts_with(&["pr", "checkout"]),
        "git" => {
            words.first().is_some_and(|word| matches!(*word, "fetch" | "pull"))
                && words.iter().any(|it| it.contains("pull/"))
        }
        _ => false,
    }
}

/// Programs that run what lies in the directory that they are started in.
const BUILDERS: [&str; 42] = [
    "npm",
    "yarn",
    "pnpm",
    "npx",
    "bun",
    "node",
    "pip",
    "pip3",
    "python",
    "python3",
    "poetry",
    "uv",
    "tox",
    "nox",
    "pytest",
    "make",
    "just",
    "task",
    "go",
    "cargo",
    "mvn",
    "gradle",
    "bundle",
    "rake",
    "ruby",
    "docker",
    "podman",
    "bazel",
    "cmake",
    "dotnet",
    "composer",
    "php",
    "terraform",
    "tofu",
    "pre-commit",
    "bash",
    "sh",
    "source",
    ".",
    "earthly",
    "mage",
    "ko",
];

/// Where a step runs something that lies in a directory of the workspace.
fn runs<'d>(step: &View<'d>, directory: &str) -> Option<View<'d>> {
    let directory = directory.trim_start_matches("./").trim_end_matches('/');
    let works_in = step.get("working-directory").text().trim_start_matches("./");
    let uses = step.get("uses");
    match Used::parse(uses.text()) {
        Some(Used::Local(path)) => {
            return path.trim_start_matches("./").starts_with(directory).then_some(uses);
        }
        Some(Used::Action(action)) => {
            let builds = [
                "docker/build-push-action",
                "pre-commit/action",
                "gradle/gradle-build-action",
                "goreleaser/goreleaser-action",
            ];
            let context = github::given(&step.get("with"), "context");
            let is_there = directory.is_empty() || context.text().contains(directory);
            return (is_there && builds.iter().any(|known| action.is(known))).then_some(uses);
        }
        _ => {}
    }
    let is_there =
        directory.is_empty() || works_in.starts_with(directory) || step.get("run").text().contains(directory);
    let commands = all_commands(&step.get("run:shell"));
    let command = commands.into_iter().filter(|_| is_there).find(|command| {
        let is_script = command.program_words().next().is_some_and(|word| {
            let text = word.text();
            text.contains('/') && !text.starts_with(['/', '$', '~'])
        });
        let asks = command.has(&["--version", "--help", "-v", "version", "-c"]);
        is_script || BUILDERS.contains(&command.name()) && !asks && !is_harmless(command)
    })?;
    Some(View::clone(&command))
}

/// `go install x@v1`, `npm install -g x`, `docker login`: what does not run what lies there.
fn is_harmless(command: &Command<'_>) -> bool {
    let words: Vec<&str> = command.arguments().collect();
    let verb = words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or_default();
    match command.name() {
        "docker" | "podman" => !matches!(verb, "build" | "buildx" | "compose" | "run"),
        "npm" | "yarn" | "pnpm" => command.has(&["-g", "--global"]) || matches!(verb, "config" | "view" | "whoami"),
        "go" => matches!(verb, "env" | "list") || words.iter().any(|word| word.contains('@')),
        "pip" | "pip3" => {
            verb != "install" || !words.iter().any(|word| matches!(*word, "." | "-e" | "-r" | "--editable"))
        }
        "cargo" => verb == "install" && !command.has(&["--path"]),
        // A program that the command line holds.
        "python" | "python3" | "node" | "ruby" | "php" | "bash" | "sh" => {
            command.has(&["-e", "-p", "-"]) || words.is_empty()
        }
        "terraform" | "tofu" => verb == "fmt",
        _ => false,
    }
}
