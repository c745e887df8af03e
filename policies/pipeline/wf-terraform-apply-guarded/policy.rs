use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Terraform applies a plan that somebody has seen
    ///
    /// `terraform apply`, `tofu apply` and `terragrunt apply` get a plan file that `plan -out` has written earlier in the
    /// job, or in a job that it needs. One without a plan file is reported by what starts the workflow: a pull request or
    /// a comment, unless an `if` asks for the event or the branch; a push, a schedule or a person. Behind an `environment`
    /// it is a remark, since somebody may approve it there.
    ///
    /// `-lock=false` and `-target` are reported, too. Jobs that test are skipped: they destroy what they make, or their
    /// name says so. Whatever HCP Terraform, Spacelift or Atlantis runs is not in a workflow.
    ///
    /// ## Why
    /// Between the plan in the pull request and the apply, the world changes: what is applied is not what was reviewed,
    /// and it may delete a database. On a pull request, the code of whoever opened it is applied with the credentials
    /// of the pipeline.
    ///
    /// ## Fix
    /// ```yaml
    /// jobs:
    ///   plan:
    ///     steps:
    ///       - run: terraform plan -out=plan.bin
    ///       - uses: actions/upload-artifact@v4
    ///         with: {name: plan, path: plan.bin}
    ///   apply:
    ///     needs: plan
    ///     environment: production
    ///     steps:
    ///       - uses: actions/download-artifact@v4
    ///         with: {name: plan}
    ///       - run: terraform apply -input=false plan.bin
    /// ```
    ///
    /// A plan file holds secrets: keep the artifact for a day at most.
    findings: {
        /// A pull request or a comment applies
        OnPullRequest: High, Likely;
        /// Nobody sees what is applied
        Unreviewed: Medium, Likely;
        /// What is applied is planned anew behind an environment
        PlannedAgain: Low, Likely;
        /// The state is not locked
        NoLock: Medium, Certain;
        /// Only a part is applied
        Target: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: [],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let applies: Vec<&Work<'_>> = pipeline
        .doing(&[Does::InfrastructureApply])
        .filter(|work| !work.is_called && !pipeline.is_for_tests(work.at.0))
        .collect();
    let mut judged = 0;
    for work in applies {
        let Some(command) = work.command.as_ref().filter(|it| matches!(it.name(), "terraform" | "tofu" | "terragrunt"))
        else {
            continue;
        };
        judged += 1;
        if command.has(&["-lock=false", "--lock=false"]) {
            let message = format!("`{}` does not lock the state, so two runs can destroy it", command.name());
            findings.report(Code::NoLock, &work.place, message);
        }
        if let Some(target) =
            command.arguments().find(|it| it.trim_start_matches('-').starts_with("target=") || *it == "-target")
        {
            findings.report(Code::Target, &work.place, format!("`{target}` applies a part, and the rest drifts"));
        }
        if !has_plan(command) {
            check_apply(&pipeline, work, command, findings);
        }
    }
    if judged == 0 { not_applicable("it applies no infrastructure with Terraform") } else { Ok(()) }
}

fn check_apply(pipeline: &Pipeline<'_>, work: &Work<'_>, command: &Command<'_>, findings: &mut Findings) {
    let Some(job) = pipeline.job(work) else { return };
    let what = format!("job `{}` runs `{} apply` without a plan file", job.id, command.name());
    let of_others = ["pull_request", "pull_request_target", "issue_comment"];
    let by_others = pipeline.events.iter().find(|event| of_others.contains(event));
    let is_called = pipeline.events == ["workflow_call"];
    let (code, message) = match by_others {
        Some(event) if !asks_for_branch(pipeline, work) => (Code::OnPullRequest, format!("{what} for `{event}`")),
        _ if job.view.get("environment").exists() => {
            (Code::PlannedAgain, format!("{what}: what was approved may not be what is applied"))
        }
        _ if is_called => return,
        _ => (Code::Unreviewed, format!("{what}, and outside of any environment")),
    };
    findings.report(code, &work.place, message);
}

/// Whether an argument is a plan: an operand, which may be in a variable.
fn has_plan(command: &Command<'_>) -> bool {
    let mut arguments = command.arguments().skip_while(|it| *it != "apply").skip(1).peekable();
    while let Some(argument) = arguments.next() {
        let takes_value = matches!(
            argument,
            "-var" | "-var-file" | "-target" | "-replace" | "-parallelism" | "--working-dir" | "-state"
        );
        if takes_value || argument.starts_with("--terragrunt") && !argument.contains("non-interactive") {
            arguments.next();
        } else if !argument.starts_with('-') {
            return true;
        }
    }
    false
}

/// Whether the job, its step, or a job that it needs asks for the event or the branch.
fn asks_for_branch(pipeline: &Pipeline<'_>, work: &Work<'_>) -> bool {
    let asks = |holder: &View<'_>| {
        let condition = holder.get("if").text();
        ["github.event_name", "github.ref", "merged", "base_ref", "refs/heads"]
            .iter()
            .any(|part| condition.contains(part))
    };
    let jobs = pipeline.ancestors(work.at.0);
    let in_branch = work.place.pointer().contains("/branches/");
    in_branch
        || pipeline.step(work).is_some_and(|step| asks(&step.view))
        || jobs.iter().chain([&work.at.0]).any(|job| asks(&pipeline.jobs[*job].view))
}
