use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Nothing is deployed before tests and scans have passed
    ///
    /// A job that deploys needs each of the `gates` that its workflow has: the tests, the scan of the image and the
    /// validation of manifests. It needs a gate if the gate is an earlier step of the same job, or in a job that it
    /// needs directly or through others, and if its `if` does not let it run after that job has failed. Reusable
    /// workflows and actions of the repository are followed. What a step does follows from its command or action, not
    /// from its name.
    ///
    /// A workflow that another one starts (`workflow_run`) runs whatever the result was: its jobs that deploy have to test
    /// `github.event.workflow_run.conclusion`.
    ///
    /// The rule does not ask for a gate that the workflow does not have. It skips workflows that only others call, jobs
    /// that test (they create a cluster, or their name says so), and what Argo CD or Flux deploys.
    ///
    /// ## Why
    /// Jobs that do not need each other run at the same time. The image is in production before the scan has found the
    /// vulnerability, or the test the error.
    ///
    /// ## Fix
    /// Name the jobs in `needs`:
    ///
    /// ```yaml
    /// jobs:
    ///   deploy:
    ///     needs: [test, scan]
    /// ```
    findings: {
        /// A job deploys without waiting for a gate of its workflow
        NotNeeded: Medium, Guess;
        /// A job deploys although a gate that it needs has failed
        RunsAnyway: Medium, Likely;
        /// A workflow deploys after another one, whatever the result of that was
        AfterFailure: Medium, Likely;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: ["on.workflow_run.types"],
    parameters: {
        /// What has to be passed before a deployment.
        gates: Vec<Gate> = vec![Gate::Test, Gate::ImageScan, Gate::ManifestValidate],
    },
}

policy_sdk::choice! {
    /// A gate.
    pub Gate { Test = "test", ImageScan = "image_scan", ManifestValidate = "manifest_validate" }
}

impl Gate {
    fn does(self) -> Does {
        match self {
            Self::Test => Does::Test,
            Self::ImageScan => Does::ScanImage,
            Self::ManifestValidate => Does::ManifestValidate,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Test => "the tests",
            Self::ImageScan => "the scan of the image",
            Self::ManifestValidate => "the validation of manifests",
        }
    }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let deployments = pipeline.first_deployments();
    if deployments.is_empty() {
        return not_applicable("it deploys nothing");
    }
    if pipeline.is_only_called() {
        return not_applicable("the workflows that call it decide what it needs");
    }
    for deployment in &deployments {
        let Some(job) = pipeline.job(deployment) else { continue };
        if pipeline.events == ["workflow_run"] && !tests_conclusion(&pipeline, deployment) {
            let message = format!("job `{}` deploys whatever the result of the workflow that starts it was", job.id);
            findings
                .report(Code::AfterFailure, &deployment.place, message)
                .label(&input.document.at("on.workflow_run"), "this starts it");
        }
        let missing: Vec<(Gate, &Work<'_>)> = input
            .parameters
            .gates
            .iter()
            .filter_map(|gate| Some((*gate, missing(&pipeline, deployment, *gate)?)))
            .collect();
        let Some((_, first)) = missing.first() else { continue };
        let titles: Vec<&str> = missing.iter().map(|(gate, _)| gate.title()).collect();
        let is_needed = pipeline.ancestors(deployment.at.0).contains(&first.at.0);
        let (code, text) =
            if is_needed { (Code::RunsAnyway, "even if it fails:") } else { (Code::NotNeeded, "without waiting for") };
        let message = format!("job `{}` deploys by `{}` {text} {}", job.id, deployment.name(), titles.join(" and "));
        let report = findings.report(code, &deployment.place, message);
        missing
            .iter()
            .fold(report, |report, (gate, work)| report.label(&work.place, format!("{} runs here", gate.title())));
    }
    findings.or_unknown(pipeline.unknown)
}

/// The gate of a workflow that a deployment does not wait for; `None` where it waits for one, or there is none.
fn missing<'p, 'd>(pipeline: &'p Pipeline<'d>, deployment: &Work<'d>, gate: Gate) -> Option<&'p Work<'d>> {
    let gates = pipeline.gates(deployment.at.0);
    let is_passed = |work: &Work<'_>| {
        if work.at.0 == deployment.at.0 {
            work.is_called == deployment.is_called && pipeline.is_before(work, deployment)
                || work.at.1 == deployment.at.1
        } else {
            gates.contains(&work.at.0)
        }
    };
    // What waits for the deployment tests what was deployed.
    let works = pipeline.works.iter().filter(|work| work.does == gate.does());
    let mut works = works.filter(|work| !pipeline.is_before(deployment, work)).peekable();
    let first = works.peek().copied();
    if works.any(is_passed) { None } else { first }
}

/// Whether a job, or one that it needs, asks how the workflow ended that starts this one.
fn tests_conclusion(pipeline: &Pipeline<'_>, deployment: &Work<'_>) -> bool {
    let mut jobs = pipeline.ancestors(deployment.at.0);
    jobs.push(deployment.at.0);
    let asks = |condition: View<'_>| condition.text().contains("workflow_run.conclusion");
    jobs.iter().any(|job| asks(pipeline.jobs[*job].view.get("if")))
        || pipeline.step(deployment).is_some_and(|step| asks(step.view.get("if")))
}
