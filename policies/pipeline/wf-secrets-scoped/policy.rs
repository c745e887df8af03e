use policy_sdk::language::expression::{Expression, all, expressions, trees};
use policy_sdk::language::shell::{Command, commands, lists};
use policy_sdk::language::unread;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Used, UsedActions};
use policy_sdk::settings::GitHubOwners;

policy_sdk::rule! {
    /// Secrets reach only the jobs and steps that need them
    ///
    /// No job gets all secrets at once (`toJSON(secrets)`, `secrets[…]` with a name that is put together), and no
    /// called workflow of another owner does (`secrets: inherit`). No script prints a secret, or traces commands
    /// (`set -x`) that have one among their words. Secrets stand in the `env` of the step that uses them: not of the
    /// whole workflow, and not in the text of its script.
    ///
    /// No secret is taken apart with `fromJSON()`, since the log does not mask its parts.
    ///
    /// What is piped into a program, written to a file, or handed to `::add-mask::` is not printed.
    ///
    /// ## Why
    /// A secret that a job has can be taken by every action and every dependency that runs in it. Where all are handed
    /// over, the log masks and the audit of one no longer help. In the text of a script, a secret is seen in the list
    /// of processes, and one with a quote in it becomes code.
    ///
    /// ## Fix
    /// Name each secret where it is used:
    ///
    /// ```yaml
    /// - run: ./deploy.sh
    ///   env:
    ///     DEPLOY_KEY: ${{ secrets.DEPLOY_KEY }}
    /// ```
    ///
    /// A workflow that is called gets them by name, too: `secrets: {DEPLOY_KEY: "${{ secrets.DEPLOY_KEY }}"}`.
    findings: {
        /// All secrets are handed over, or any
        AllSecrets: Medium, Certain;
        /// A part of a secret is taken out, which the log does not mask
        Unmasked: Medium, Likely;
        /// A secret is printed
        Printed: Medium, Likely;
        /// A secret is among the words of commands that are traced
        Traced: Medium, Likely;
        /// All secrets go to a workflow of an owner that is not one's own
        InheritedByOther: Medium, Certain;
        /// All secrets go to a workflow of another repository
        Inherited: Low, Certain;
        /// All jobs get a secret
        WorkflowEnv: Low, Certain;
        /// A secret stands in the text of a script
        InScript: Low, Certain;
        /// All secrets go to a workflow of the same repository
        InheritedLocally: Info, Certain;
        /// All jobs get the token by name, which each has anyway
        TokenInEnv: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    peers: ["ZZ:secrets-inherit", "ZZ:overprovisioned-secrets", "ZZ:unredacted-secrets"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    uses: [UsedActions, GitHubOwners],
    reads: [
        "env", "env.*:expression", "jobs.*.secrets", "jobs.*.secrets.*:expression", "jobs.*.env",
        "jobs.*.env.*:expression", "jobs.*.with", "jobs.*.with.*:expression", "jobs.*.steps[*].env",
        "jobs.*.steps[*].env.*:expression", "jobs.*.steps[*].with", "jobs.*.steps[*].with.*:expression",
        "jobs.*.steps[*].run", "jobs.*.steps[*].run:expression", "jobs.*.steps[*].run:shell", "runs.steps[*].run",
        "runs.steps[*].run:expression", "runs.steps[*].run:shell",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workflow = &input.document;
    let jobs: Vec<(&str, View<'_>)> = workflow.get("jobs").entries().collect();
    if jobs.len() > 1 {
        judge_env(&workflow.get("env"), jobs.len(), findings);
    }
    for tree in trees(workflow) {
        judge_tree(&tree, findings);
    }
    let mut unknown = None;
    for (_, job) in &jobs {
        judge_inherit(input, job, findings);
        for step in job.get("steps").items() {
            unknown = unknown.or(judge_script(&step, &[&job.get("env"), &workflow.get("env")], findings));
        }
    }
    for step in workflow.at("runs.steps").items() {
        unknown = unknown.or(judge_script(&step, &[], findings));
    }
    findings.or_unknown(unknown.map(|reason| format!("a script with a secret is not read: {reason}")))
}

/// Checks the variables of a workflow, which all of its jobs get: one finding, since one `env` is to be taken apart.
fn judge_env(env: &View<'_>, jobs: usize, findings: &mut Findings) {
    let mut with_secret = github::with_secrets(env).filter(|(_, _, is_one)| *is_one);
    if let Some((name, value, _)) = with_secret.next() {
        let more = match with_secret.count() {
            0 => " holds a secret".to_owned(),
            count => format!(" and {count} more variables hold secrets"),
        };
        findings.report(Code::WorkflowEnv, &value, format!("`{name}`{more} for all {jobs} jobs"));
    }
    for (name, value) in env.entries() {
        let tree = env.get(&format!("{name}:expression"));
        if all(&tree).iter().any(|it| it.context() == "secrets.github_token") {
            let message = format!("`{name}` holds the token for all {jobs} jobs, each of which has its own");
            findings.report(Code::TokenInEnv, &value, message);
        }
    }
}

/// Reports expressions that hand over all secrets, or any.
fn judge_tree(tree: &View<'_>, findings: &mut Findings) {
    for part in all(tree) {
        let names_all = |it: &Expression<'_>| it.context() == "secrets";
        if part.call() == "tojson" && part.operands().iter().any(names_all) {
            let message = "`toJSON(secrets)` hands over all secrets, expected those that are needed, by name";
            findings.report(Code::AllSecrets, &part, message);
        } else if part.call() == "fromjson" && part.operands().iter().any(|it| it.context().starts_with("secrets.")) {
            let message = "the log masks the secret as a whole, not a value that is taken out of it";
            findings.report(Code::Unmasked, &part, message);
        } else if part.context().starts_with("secrets[") {
            let message = "the name of the secret is put together, so that the job is given all of them";
            findings.report(Code::AllSecrets, &part, message);
        }
    }
}

fn judge_inherit(input: &Input<'_, Parameters>, job: &View<'_>, findings: &mut Findings) {
    let secrets = job.get("secrets");
    if secrets.text() != "inherit" {
        return;
    }
    let owners = input.setting::<GitHubOwners>();
    let (code, message) = match Used::parse(job.get("uses").text()) {
        Some(Used::Local(path)) => {
            (Code::InheritedLocally, format!("`{path}` of this repository gets all secrets, expected them by name"))
        }
        Some(Used::Action(action)) if owners.is_empty() || owners.iter().any(|owner| action.is_of(owner)) => {
            (Code::Inherited, format!("`{}` gets all secrets, expected them by name", action.name))
        }
        Some(Used::Action(action)) => {
            let owner = action.repository().split('/').next().unwrap_or_default();
            let message = format!("`{}` of `{owner}` gets all secrets, expected those that it needs", action.name);
            (Code::InheritedByOther, message)
        }
        _ => return,
    };
    findings.report(code, &secrets, message);
}

/// Checks the script of a step; why it could not be read, where that matters.
fn judge_script<'d>(step: &View<'d>, outer: &[&View<'d>], findings: &mut Findings) -> Option<&'d str> {
    let (run, tree) = (step.get("run"), step.get("run:shell"));
    let script = step.get("run:expression");
    let in_text = expressions(&script).find(|it| github::names_secret(it));
    if let Some(expression) = &in_text {
        let message = "a secret stands in the text of the script, expected it in `env`";
        findings.report(Code::InScript, expression, message);
    }
    let own = step.get("env");
    let mut variables: Vec<&str> = Vec::new();
    for env in std::iter::once(&own).chain(outer.iter().copied()) {
        variables.extend(github::with_secrets(env).filter(|(_, _, is_one)| *is_one).map(|(name, _, _)| name));
    }
    // The text of each expression that names a secret.
    let holds_secret = |word: &View<'_>| {
        word.get("parts").items().any(|part| {
            let expression = part.get("expression").text().to_ascii_lowercase();
            let is_secret = expression.contains("secrets.") && !expression.contains("secrets.github_token");
            is_secret || part.get("operator").text().is_empty() && variables.contains(&part.get("variable").text())
        })
    };
    for list in lists(&tree) {
        for (at, command) in list.iter().enumerate() {
            let is_piped = list.get(at + 1).is_some_and(|next| matches!(next.joined(), "|" | "|&"));
            if !is_piped && prints(command) {
                let secret = command.program_words().skip(1).find(|word| holds_secret(word));
                if let Some(word) = secret.filter(|word| !word.text().contains("::add-mask::")) {
                    let message = format!("`{}` prints a secret into the log", command.name());
                    findings.report(Code::Printed, &word, message);
                }
            }
            let is_traced = command.get("options").items().any(|option| option.text() == "xtrace");
            if let Some(word) = command.words().find(|word| is_traced && holds_secret(word)) {
                let message = format!("a secret is a word of `{}`, which `set -x` writes into the log", command.name());
                findings.report(Code::Traced, &word, message);
            }
        }
    }
    let prints_some = || run.text().contains("echo") || run.text().contains("set -x");
    unread(&tree).filter(|_| (in_text.is_some() || !variables.is_empty()) && prints_some())
}

/// Whether a command writes its words to the log.
fn prints(command: &Command<'_>) -> bool {
    let into_file = command.get("redirects").items().any(|it| it.get("operator").text().starts_with('>'));
    matches!(command.name(), "echo" | "printf") && !into_file && commands(command).next().is_none()
}
