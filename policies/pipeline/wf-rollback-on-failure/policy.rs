use policy_sdk::kubernetes::production::ProductionSigns;
use policy_sdk::language::shell::commands;
use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, Judged, JudgedDeployments, OwnPipeline, Pipeline, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// A failed deployment is rolled back
    ///
    /// A workflow that deploys to a cluster by itself has something that brings the former version back when a later step
    /// fails: `helm upgrade --atomic` or `--rollback-on-failure`, or a step or job with `if: failure()` that runs
    /// `kubectl rollout undo`, `helm rollback`, `argo rollouts abort` or `git revert`. A rollback that only runs after a
    /// success (a step without `if`) never runs when it is needed.
    ///
    /// The setting `deployments` says which deployments that holds for. For those to production the rule asks only where
    /// the workflow waits for the new pods, since otherwise nothing can fail (`wf-rollout-verified` reports that). What
    /// Argo CD, Flux or Argo Rollouts deploys is skipped: there, a commit is reverted, or an analysis aborts, and a
    /// `kubectl rollout undo` would be undone again.
    ///
    /// ## Why
    /// The run is red, and the new version, which does not work, stays. Somebody has to find out by hand how to go back,
    /// while customers wait.
    ///
    /// ## Fix
    /// ```yaml
    /// - run: kubectl rollout status deployment/cart --timeout=10m
    /// - if: failure()
    ///   run: kubectl rollout undo deployment/cart
    /// ```
    ///
    /// A migration of the database is not undone by that: keep it compatible with the former version.
    findings: {
        /// Nothing rolls back
        NoRollback: Low, Guess;
        /// The rollback only runs when all has gone well
        CannotRun: Low, Likely;
    },
    priority: P1,
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
    let judged = input.setting::<JudgedDeployments>();
    let mut deployments = pipeline.judged_deployments(judged, &words);
    let of_rollouts = |work: &Work<'_>| work.command.as_ref().is_some_and(|command| command.has(&["argo"]));
    deployments.retain(|work| work.is_of_cluster() && !of_rollouts(work));
    if judged == Judged::Production {
        let waits = |work: &Work<'_>| pipeline.works_of(work.at.0).any(|other| other.does == Does::VerifyRollout);
        deployments.retain(|work| waits(work));
    }
    deployments.dedup_by_key(|work| work.at.0);
    if deployments.is_empty() {
        return not_applicable("it deploys nothing that has to be rolled back");
    }
    for work in deployments {
        let rollbacks: Vec<&Work<'_>> =
            pipeline.doing(&[Does::Rollback]).filter(|it| it.does == Does::Rollback).collect();
        let job = pipeline.job(work).map_or("", |job| job.id);
        if rollbacks.iter().any(|rollback| can_run(&pipeline, work, rollback)) {
            continue;
        }
        if let Some(rollback) = rollbacks.first() {
            let message = format!("`{}` runs only when everything before it has gone well", rollback.name());
            findings.report(Code::CannotRun, &rollback.place, message).label(&work.place, "this is to be rolled back");
            continue;
        }
        let message = format!("job `{job}` deploys by `{}`, and nothing rolls back when it fails", work.name());
        let report = findings.report(Code::NoRollback, &work.place, message);
        let mut migrations = pipeline.doing(&[Does::Migrate]);
        if let Some(migration) = migrations.find(|migration| pipeline.is_before(migration, work)) {
            report.label(&migration.place, "a rollback of the pods does not undo this");
        }
    }
    findings.or_unknown(pipeline.unknown)
}

/// Whether a rollback runs when the deployment, or something behind it, has failed.
fn can_run(pipeline: &Pipeline<'_>, deployment: &Work<'_>, rollback: &Work<'_>) -> bool {
    let Some(step) = pipeline.step(rollback) else { return false };
    // `helm upgrade --atomic`.
    let is_own = rollback.command.as_ref().is_some_and(|command| command.has(&["upgrade", "install"]));
    let of_job = rollback.at.0 != deployment.at.0 && pipeline.runs_despite(rollback.at.0, deployment.at.0);
    let in_job = rollback.at.0 == deployment.at.0 && step.runs_after_failure();
    let is_conditional = || {
        let is_at = |other: &View<'_>| other.pointer() == rollback.place.pointer();
        !step.scripts.iter().any(|script| commands(script).any(|it| it.joined() != "||" && is_at(&it)))
    };
    is_own || of_job || in_job || rollback.is_called || rollback.command.is_some() && is_conditional()
}
