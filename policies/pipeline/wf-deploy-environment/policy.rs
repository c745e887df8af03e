use policy_sdk::kubernetes::production::ProductionSigns;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::Action;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Work, environment};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Deployments to production use an environment
    ///
    /// A job that deploys to production, or applies its infrastructure, names an `environment`. That it is production, its
    /// name says, or the arguments and inputs of what deploys (`--context prod`, `-n shop-prod`, `overlays/prod`), by the
    /// setting `production`. An environment from an expression passes. A job that calls a reusable workflow cannot have
    /// one; the job of that workflow can.
    ///
    /// Actions that ask for an approval in an issue (`trstringer/manual-approval`) are reported: reviewers of an
    /// environment do the same without a token. Jobs that publish packages get a remark of low severity. Whether an
    /// environment has reviewers or allows branches is not in any file: look there.
    ///
    /// ## Why
    /// An environment is where GitHub keeps the rules for production: who approves, which branches may deploy, which
    /// secrets only this job gets. Without one, each branch and each change of a workflow can deploy.
    ///
    /// ## Fix
    /// Create the environment in the settings of the repository, with reviewers and allowed branches, and name it:
    ///
    /// ```yaml
    /// jobs:
    ///   deploy:
    ///     environment: production
    /// ```
    findings: {
        /// A job deploys to production outside of any environment
        Missing: Medium, Likely;
        /// A job publishes a package outside of any environment
        Publish: Low, Guess;
        /// An approval is asked for in an issue
        IssueApproval: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["ZZ:secrets-outside-env"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline, ProductionSigns],
    reads: [],
}

const APPROVALS: [&str; 4] = [
    "trstringer/manual-approval",
    "hmarr/manual-approval",
    "reviewdog/manual-approval",
    "cloudposse/github-action-wait-approval",
];
const PACKAGES: [&str; 6] = ["npm", "cargo", "twine", "gem", "poetry", "uv"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let words = input.setting::<ProductionSigns>().namespace_parts;
    for job in &pipeline.jobs {
        for step in &job.steps {
            let action = Action::parse(step.uses.text());
            if let Some(action) = action.filter(|action| APPROVALS.iter().any(|known| action.is(known))) {
                let message = format!("`{}` asks for an approval in an issue, expected an environment", action.name);
                findings.report(Code::IssueApproval, &step.uses, message);
            }
        }
    }
    let mut told = Vec::new();
    let works = pipeline.works.iter().filter(|work| !work.is_called && !pipeline.is_for_tests(work.at.0));
    for work in works {
        let Some(job) = pipeline.job(work) else { continue };
        let deploys = matches!(work.does, Does::Deploy | Does::InfrastructureApply) && pipeline.is_named(work, &words);
        if !(deploys || is_package(work)) || job.view.get("environment").exists() || told.contains(&work.at.0) {
            continue;
        }
        told.push(work.at.0);
        let own = environment(&job.view);
        if deploys {
            let message =
                format!("job `{}` deploys to production by `{}` outside of any environment", job.id, work.name());
            let fix = Fix::unsafe_("deploy in the environment `production`").set(&own, "production");
            findings.report(Code::Missing, &own, message).label(&work.place, "this deploys").fix(fix);
        } else {
            let message = format!("job `{}` publishes by `{}` outside of any environment", job.id, work.name());
            findings.report(Code::Publish, &own, message).label(&work.place, "this publishes");
        }
    }
    Ok(())
}

/// Whether something publishes a package for others.
fn is_package(work: &Work<'_>) -> bool {
    work.does == Does::Publish
        && match &work.command {
            Some(command) => PACKAGES.contains(&command.name()) && !command.has(&["--dry-run"]),
            None => work.place.text().starts_with("pypa/gh-action-pypi-publish"),
        }
}
