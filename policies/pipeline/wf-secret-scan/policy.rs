use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Action, Triggers, given};
use policy_sdk::repository::pipeline::{self, Job, OwnPipeline, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Scans for secrets look at what they are to look at
    ///
    /// A step with TruffleHog compares two commits that differ: on a push to the default branch, `base` is not that branch.
    /// Gitleaks and TruffleHog, where they read the history, run behind a checkout that fetches it (`fetch-depth: 0`). A
    /// scan of files alone (`gitleaks dir`, `--no-git`, `trufflehog filesystem`) sees no secret that a commit has removed.
    ///
    /// Whether a repository has such a scan at all is for `wf-required-stages`, and whether it stops anything for the rule on
    /// gates. `--only-verified` is right. A checkout in another file, or one that a script completes with `git fetch
    /// --unshallow`, passes.
    ///
    /// ## Why
    /// The scan is green and has looked at nothing: at no commit, or at the last one only. A key that was committed last week
    /// and removed today is still in the history, for everybody who can read the repository.
    ///
    /// ## Fix
    /// Let the action find the commits by itself, and fetch them:
    ///
    /// ```yaml
    /// - uses: actions/checkout@v4
    ///   with: {fetch-depth: 0}
    /// - uses: trufflesecurity/trufflehog@main
    ///   with: {extra_args: --results=verified}
    /// ```
    findings: {
        /// Base and head are the same commit: nothing is scanned
        NothingScanned: Medium, Certain;
        /// The history is to be scanned, and only the last commit is fetched
        Shallow: Low, Certain;
        /// Only files are scanned
        FilesOnly: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline, Triggers],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let mut scans = pipeline.doing(&[Does::SecretScan]).filter(|work| !work.is_called).peekable();
    if scans.peek().is_none() {
        return not_applicable("it scans for no secrets");
    }
    let reads_history = ["push", "schedule", "workflow_dispatch"].iter().any(|it| github::event(input, it).is_some());
    for scan in scans {
        let name = scan.name();
        let base = given(&scan.with, "base");
        let head = given(&scan.with, "head").text();
        let is_default = base.text().contains("default_branch") && !base.text().contains(['&', '|'])
            || matches!(base.text(), "main" | "master");
        let is_last = matches!(head, "" | "HEAD") || ["github.sha", "github.ref"].iter().any(|it| head.contains(it));
        if name.contains("trufflehog")
            && github::runs_on_default_branch(input)
            && (is_default && is_last || base.exists() && base.text() == head)
        {
            let message = format!("`base` is `{}`, which on a push to it is also the last commit", base.text());
            findings.report(Code::NothingScanned, &base, message);
        } else if reads_files_only(scan) {
            findings.report(Code::FilesOnly, &scan.place, format!("`{name}` scans files, and not the history"));
        } else if let Some(checkout) = pipeline.job(scan).and_then(|job| shallow_checkout(job, scan.at.1))
            && reads_history
            && is_of_history(scan)
        {
            let depth = given(&checkout.get("with"), "fetch-depth");
            let message = format!("`{name}` is to scan the history, and the checkout fetches the last commit only");
            let fix = Fix::safe("fetch the history").set(&depth, 0);
            findings.report(Code::Shallow, &depth, message).label(&scan.place, "it scans here").fix(fix);
        }
    }
    Ok(())
}

/// Whether a scan reads the files that are there, and no commits.
fn reads_files_only(scan: &Work<'_>) -> bool {
    let Some(command) = &scan.command else { return false };
    match command.name() {
        "gitleaks" => command.has(&["dir", "directory", "--no-git", "--no-git=true"]),
        "trufflehog" => command.has(&["filesystem"]),
        _ => false,
    }
}

/// Whether a scan reads the commits of a checkout.
fn is_of_history(scan: &Work<'_>) -> bool {
    match &scan.command {
        Some(command) => match command.name() {
            "gitleaks" => command.has(&["detect", "git"]),
            "trufflehog" => command.has(&["git"]) && !command.arguments().any(|word| word.contains("://github.com")),
            _ => false,
        },
        None => {
            let action = Action::parse(scan.place.text());
            let is = |name: &str| action.is_some_and(|action| action.is(name));
            is("gitleaks/gitleaks-action") || is("trufflesecurity/trufflehog")
        }
    }
}

/// The checkout before a step of a job that fetches the last commit alone.
fn shallow_checkout<'d>(job: &Job<'d>, step: usize) -> Option<View<'d>> {
    let before = job.steps.get(..step)?;
    let completes = |command: policy_sdk::language::shell::Command<'_>| {
        command.name() == "git" && command.has(&["--unshallow", "--depth=0"])
    };
    if before.iter().any(|step| step.commands().any(completes)) {
        return None;
    }
    let is_checkout = |uses: &str| Action::parse(uses).is_some_and(|action| action.is("actions/checkout"));
    let checkout = before.iter().rev().find(|step| is_checkout(step.uses.text()))?;
    let with = checkout.view.get("with");
    // Another repository's history is not one of this one.
    let depth = given(&with, "fetch-depth");
    let is_shallow = !depth.exists() || depth.scalar_text() == Some("1");
    (is_shallow && !given(&with, "repository").exists()).then(|| checkout.view.clone())
}
