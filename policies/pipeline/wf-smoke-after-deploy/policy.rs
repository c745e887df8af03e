use policy_sdk::kubernetes::production::ProductionSigns;
use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, JudgedDeployments, OwnPipeline, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// A deployment is followed by a smoke test
    ///
    /// Behind a deployment, in its job or in one that needs it, something asks the deployed service and can fail: `curl -f`,
    /// a test runner, `helm test`, k6, Playwright, a script or target with `smoke` in its name. A `curl` without `-f` or
    /// `--fail` succeeds for an error of the server, so it is no test. `kubectl rollout status` alone is none
    /// either: it knows probes, and not what a user sees.
    ///
    /// The setting `deployments` says which deployments have to be tested: those to production, or all but those to
    /// environments for development. What says so are the name of the environment, those of the job, and the arguments
    /// and inputs of what deploys. The rule skips what Argo CD, Flux or Argo Rollouts deploys, since those can test by
    /// themselves, jobs that test, and workflows that only others call.
    ///
    /// ## Why
    /// Pods are ready and every request fails: the database refuses the password, the route is missing. The first to find
    /// that out is a customer.
    ///
    /// ## Fix
    /// ```yaml
    /// - name: Smoke test
    ///   run: curl --fail --retry 5 --retry-all-errors https://shop.example/health
    /// ```
    findings: {
        /// Nothing tests what was deployed
        NoSmoke: Low, Guess;
    },
    priority: P0,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline, JudgedDeployments, ProductionSigns],
    reads: [],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let words = input.setting::<ProductionSigns>().namespace_parts;
    let mut deployments = pipeline.judged_deployments(input.setting::<JudgedDeployments>(), &words);
    deployments.retain(|work| !is_gitops(work));
    if deployments.is_empty() {
        return not_applicable("it deploys nothing that has to be tested");
    }
    if pipeline.is_only_called() {
        return not_applicable("the workflows that call it may test");
    }
    // The last of each job: what is behind it is behind all of them.
    let last = deployments.iter().enumerate();
    let last = last.filter(|(at, work)| deployments.get(at + 1).is_none_or(|next| next.at.0 != work.at.0));
    for (_, work) in last {
        let does = [Does::Smoke, Does::Test];
        if pipeline.doing(&does).any(|test| pipeline.is_before(work, test)) {
            continue;
        }
        let job = pipeline.job(work).map_or("", |job| job.id);
        let message = format!("job `{job}` deploys by `{}`, and nothing tests the service after it", work.name());
        let report = findings.report(Code::NoSmoke, &work.place, message);
        let steps = pipeline.jobs.get(work.at.0).into_iter().flat_map(|job| job.steps.iter().skip(work.at.1));
        let asks = steps.flat_map(|step| step.commands()).find(|command| command.name() == "curl");
        if let Some(curl) = asks {
            report.label(&curl, "this succeeds whatever the server answers");
        }
    }
    findings.or_unknown(pipeline.unknown)
}

/// Whether Argo CD, Flux or Argo Rollouts deploys, which may test by themselves.
fn is_gitops(work: &Work<'_>) -> bool {
    let of_rollouts = |command: &Command<'_>| command.has(&["argo"]) || command.name() == "kubectl-argo-rollouts";
    work.command.as_ref().is_some_and(|it| matches!(it.name(), "argocd" | "flux") || of_rollouts(it))
}
