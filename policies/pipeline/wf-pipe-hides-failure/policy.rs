use policy_sdk::json::Kind;
use policy_sdk::language::shell::{Command, commands};
use policy_sdk::language::unread;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Shells};

policy_sdk::rule! {
    /// Pipelines do not hide that a command failed
    ///
    /// What builds, tests, scans or deploys (the programs in `guarded`) is not on the left of a pipe whose right side
    /// is content with whatever comes (`tee`, `cat`, `grep -v`, `sort` …), where the shell has no `pipefail`. A step
    /// without `shell` runs `bash -e`, without it; `shell: bash` has it, by itself or as the default of the job or
    /// workflow, and so does a script with `set -o pipefail`.
    ///
    /// Conditions, pipelines in `$(…)`, and scripts that ask for `PIPESTATUS` pass. PowerShell and Python are not
    /// checked.
    ///
    /// ## Why
    /// A pipeline ends as its last command does. `cargo test | tee test.log` is green when the tests fail, and what was
    /// tested is deployed.
    ///
    /// ## Fix
    /// Name the shell, which GitHub then starts with `-eo pipefail`, once for all jobs:
    ///
    /// ```yaml
    /// defaults:
    ///   run:
    ///     shell: bash
    /// ```
    ///
    /// Look at the other pipelines of the step first: `… | head -1` and `… | grep -q …` end early, and what is on their
    /// left then fails.
    findings: {
        /// A failure is lost in the pipe
        Hidden: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    uses: [Shells],
    reads: [
        "jobs.*.runs-on", "jobs.*.steps[*].run", "jobs.*.steps[*].run:shell", "runs.steps[*].run",
        "runs.steps[*].run:shell",
    ],
    parameters: {
        /// Programs whose failure must be seen, or a program and its first argument.
        guarded: Vec<String> = list([
            "cargo", "go test", "go build", "go vet", "npm test", "npm run", "npm ci", "yarn", "pnpm", "pytest", "tox",
            "nox", "mvn", "gradle", "gradlew", "make", "ctest", "dotnet", "bats", "trivy", "grype", "snyk", "semgrep",
            "gosec", "govulncheck", "golangci-lint", "hadolint", "checkov", "terraform plan", "terraform apply",
            "terraform validate", "tofu plan", "tofu apply", "helm upgrade", "helm install", "helm lint",
            "helm template", "kubectl apply", "kubectl diff", "kubectl rollout", "kubectl wait", "sqlx", "flyway",
            "docker build", "docker push", "docker buildx", "ginkgo", "gotestsum", "kubeconform", "conftest",
        ]),
    },
}

/// Programs that are content with whatever comes through a pipe. `grep` is one with `-v` only.
const CONTENT: [&str; 16] = [
    "tee", "cat", "sort", "uniq", "head", "tail", "awk", "sed", "tr", "cut", "ts", "less", "column", "xargs", "nl",
    "wc",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    for (_, job) in input.document.get("jobs").entries() {
        let is_windows = runs_on_windows(&job);
        for step in job.get("steps").items() {
            let shell = github::shell(input, Some(&job), &step);
            let is_unjudged = !shell.exists() && is_windows;
            if !is_unjudged && !fails_in_pipes(shell.text()) {
                unknown = unknown.or(judge_step(input, &step, findings));
            }
        }
    }
    for step in input.document.at("runs.steps").items() {
        if !fails_in_pipes(github::shell(input, None, &step).text()) {
            unknown = unknown.or(judge_step(input, &step, findings));
        }
    }
    findings.or_unknown(unknown.map(|reason| format!("a script with a pipe is not read: {reason}")))
}

/// Whether all labels of a job are of Windows, where PowerShell runs scripts.
fn runs_on_windows(job: &View<'_>) -> bool {
    let runs_on = job.get("runs-on");
    let is_windows = |label: &str| label.to_ascii_lowercase().contains("windows");
    match runs_on.kind() {
        Some(Kind::Array) => runs_on.items().any(|label| is_windows(label.text())),
        _ => is_windows(runs_on.text()),
    }
}

/// Whether a `shell` has `pipefail`, or is none whose pipes hide failures: GitHub starts `bash` with it, and a command
/// line of one's own as it is written.
fn fails_in_pipes(shell: &str) -> bool {
    let program = shell.split_ascii_whitespace().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    match name {
        "" | "sh" => false,
        "bash" => shell == "bash" || shell.contains("pipefail"),
        _ => true,
    }
}

/// Checks a step; why its script could not be read, where that matters.
fn judge_step<'d>(input: &Input<'d, Parameters>, step: &View<'d>, findings: &mut Findings) -> Option<&'d str> {
    let (run, tree) = (step.get("run"), step.get("run:shell"));
    if run.text().contains("PIPESTATUS") {
        return None;
    }
    let mut open = vec![tree.clone()];
    while let Some(parent) = open.pop() {
        let list: Vec<Command<'d>> = commands(&parent).collect();
        for (at, command) in list.iter().enumerate() {
            // What is asked for as a condition may fail.
            open.extend(command.branches().filter(|(role, _)| *role != "condition").map(|(_, branch)| branch));
            judge_command(input, command, &list[at + 1..], step, findings);
        }
    }
    unread(&tree).filter(|_| run.text().contains(" | "))
}

fn judge_command(
    input: &Input<'_, Parameters>,
    command: &Command<'_>,
    behind: &[Command<'_>],
    step: &View<'_>,
    findings: &mut Findings,
) {
    let mut pipe = behind.iter().take_while(|next| matches!(next.joined(), "|" | "|&")).peekable();
    let Some(right) = pipe.peek().map(|next| next.name()) else { return };
    let is_safe = command.get("options").items().any(|option| option.text() == "pipefail");
    // What is in the background nobody waits for.
    let is_apart = command.get("negated").is_true() || command.get("background").is_true();
    if is_safe || is_apart || !is_guarded(command, &input.parameters.guarded) {
        return;
    }
    // In front of `||` or `&&` the pipeline is a condition.
    let next = &behind[pipe.clone().count()..];
    let is_condition = next.first().is_some_and(|next| matches!(next.joined(), "&&" | "||"));
    if !is_condition && pipe.all(|next| is_content(next)) {
        let message =
            format!("a failure of `{}` is lost in `| {right}`, since the shell has no `pipefail`", command.line());
        let fix = Fix::unsafe_("run the step with `bash -eo pipefail`").set(&step.get("shell"), "bash");
        findings.report(Code::Hidden, command, message).fix(fix);
    }
}

fn is_content(command: &Command<'_>) -> bool {
    let name = command.name();
    CONTENT.contains(&name) || name == "grep" && command.has(&["-v", "-vE", "-Ev", "--invert-match"])
}

fn is_guarded(command: &Command<'_>, guarded: &[String]) -> bool {
    let verb = match command.subcommand() {
        "" => command.arguments().find(|it| !it.starts_with('-')).unwrap_or_default(),
        verb => verb,
    };
    let asks = command.has(&["--version", "--help", "-V", "version", "help", "-n", "--dry-run"]);
    !asks
        && guarded.iter().any(|tool| match tool.split_once(' ') {
            Some((program, wanted)) => program == command.name() && wanted == verb,
            None => tool == command.name(),
        })
}
