use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Work, environment, has_word};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Two deployments to one environment do not run at the same time
    ///
    /// A job that deploys, or applies infrastructure, has a `concurrency` group, its own or that of the workflow. The
    /// group is the same for all runs to one environment, so it holds no `github.run_id`, `run_number` or `sha`.
    /// `cancel-in-progress` is not `true`, and not an expression that can be true, unless that asks for pull requests or
    /// branches.
    ///
    /// A job deploys by its commands and actions (`kubectl apply`, `helm upgrade`, `terraform apply`, the setting
    /// `pipelineCalls`), not by its name. Jobs that test are skipped: they create a cluster, or destroy what they made, or
    /// their name says so. For a workflow that others call, their `concurrency` counts as well.
    ///
    /// ## Why
    /// Two merges in a minute start two deployments. The older one may end last, and then the old version runs; two
    /// `terraform apply` fight for the lock. A deployment that is cancelled in the middle leaves half of it behind.
    ///
    /// ## Fix
    /// ```yaml
    /// jobs:
    ///   deploy:
    ///     environment: production
    ///     concurrency:
    ///       group: deploy-production
    ///       cancel-in-progress: false
    /// ```
    findings: {
        /// Deployments can run side by side
        Missing: Medium, Likely;
        /// The group differs from run to run
        GroupPerRun: Medium, Likely;
        /// A newer run cancels a deployment in the middle
        Cancels: Medium, Likely;
        /// The workflow waits for the one that calls it, which waits for it
        Deadlock: High, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["ZZ:concurrency-limits"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: [],
    inventory: {
        callers: {
            kinds: ["file/GitHubWorkflow"],
            scope: "cluster",
            relation: calls {},
            reads: ["concurrency", "jobs.*.concurrency", "jobs.*.uses"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let is_deployment = |work: &&Work<'_>| {
        !work.is_called
            && matches!(work.does, Does::Deploy | Does::InfrastructureApply)
            && !pipeline.is_for_tests(work.at.0)
    };
    let mut deployments: Vec<&Work<'_>> = pipeline.works.iter().filter(is_deployment).collect();
    deployments.dedup_by_key(|work| work.at.0);
    if deployments.is_empty() {
        return not_applicable("it deploys nothing");
    }
    let of_workflow = input.document.get("concurrency");
    let callers: Vec<Related<'_>> = input.related("callers").collect();
    for caller in &callers {
        let theirs = caller.document.get("concurrency");
        if of_workflow.exists() && group(&of_workflow) == group(&theirs) {
            let message = format!("the group `{}` is also that of a workflow that calls this one", group(&of_workflow));
            findings.report(Code::Deadlock, &of_workflow, message).label_in(caller, &theirs, "this holds the group");
        }
    }
    let is_called = pipeline.events.contains(&"workflow_call");
    for work in deployments {
        let Some(job) = pipeline.job(work) else { continue };
        let own = job.view.get("concurrency");
        let groups: Vec<&View<'_>> = [&own, &of_workflow].into_iter().filter(|group| group.exists()).collect();
        for concurrency in &groups {
            let cancels = concurrency.get("cancel-in-progress");
            if cancels.is_true() || may_cancel(cancels.text()) {
                let message = format!("a newer run cancels job `{}` while `{}` is at work", job.id, work.name());
                let fix = Fix::unsafe_("let a deployment end").set(&cancels, false);
                findings.report(Code::Cancels, &cancels, message).label(&work.place, "this may be cut off").fix(fix);
            }
        }
        if let Some(concurrency) = groups.first()
            && groups.iter().all(|concurrency| is_per_run(group(concurrency)))
        {
            let message = format!("each run has a group of its own, `{}`", group(concurrency));
            findings.report(Code::GroupPerRun, concurrency, message).label(&work.place, "this can run twice at a time");
        }
        if groups.is_empty() && !(is_called && (callers.is_empty() || callers.iter().any(has_group))) {
            let message = format!("job `{}` deploys by `{}` without a `concurrency` group", job.id, work.name());
            let name = environment(&job.view).text();
            let name = if name.is_empty() { "deploy".to_owned() } else { format!("deploy-{name}") };
            let fix = Fix::unsafe_("let one deployment run at a time")
                .set(&own.get("group"), name)
                .set(&own.get("cancel-in-progress"), false);
            findings.report(Code::Missing, &own, message).label(&work.place, "this can run twice at a time").fix(fix);
        }
    }
    Ok(())
}

/// The name of a group, which may stand alone.
fn group<'d>(concurrency: &View<'d>) -> &'d str {
    concurrency.as_str().unwrap_or_else(|| concurrency.get("group").text())
}

/// Whether a caller, or the job of it that calls, has a group.
fn has_group(caller: &Related<'_>) -> bool {
    let jobs = caller.document.get("jobs");
    caller.document.get("concurrency").exists()
        || jobs.entries().any(|(_, job)| job.get("uses").exists() && job.get("concurrency").exists())
}

fn is_per_run(group: &str) -> bool {
    ["run_id", "run_number", "run_attempt", "sha"].iter().any(|part| group.contains(&format!("github.{part}")))
}

/// Whether an expression of `cancel-in-progress` may be true for a deployment.
fn may_cancel(expression: &str) -> bool {
    let asks = ["pull_request", "ref", "event_name", "false"].iter().any(|word| has_word(expression, word));
    expression.contains("${{") && !asks && !expression.contains("pull_request")
}
