use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, AllPipelines, Job};
use policy_sdk::repository::terraform::{Argument, Block, resources};

policy_sdk::rule! {
    /// Protection of branches asks for checks that exist
    ///
    /// Of `github_branch_protection`, `github_branch_protection_v3` and `github_repository_ruleset` in Terraform: each check
    /// that a branch requires is a job of a workflow, by its `name`, else its id, as `caller / job` of a reusable workflow,
    /// with the values of a matrix behind it, or one of a known service. Jobs are those of the workflows in the run, so that
    /// the rule speaks only where one of the checks is among them, and the others are not. A workflow with such a job has no
    /// `paths`, since it is skipped for other changes, and the check never comes. A ruleset is `active`, and the reviews that
    /// are required are not 0.
    ///
    /// Files of GitHub itself (`.github/settings.yml`, exported rulesets) are not read. That there is a protection at all is
    /// no matter of this rule: most repositories have theirs in the service.
    ///
    /// ## Why
    /// A check that no job reports stays "expected", and no pull request can be merged until somebody switches the protection
    /// off. One that is not enforced stops nothing.
    ///
    /// ## Fix
    /// Name the job as GitHub shows it beside the pull request:
    ///
    /// ```hcl
    /// required_status_checks {
    ///   strict   = true
    ///   contexts = ["test", "build (linux)"]
    /// }
    /// ```
    findings: {
        /// No job reports the check
        NoSuchCheck: Medium, Likely;
        /// The workflow of the check is skipped for some changes
        MaySkip: Medium, Likely;
        /// The ruleset is not enforced
        NotEnforced: Low, Certain;
        /// No review is required
        NoReview: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [AllPipelines],
    reads: [
        "resource.github_branch_protection", "resource.github_branch_protection_v3",
        "resource.github_repository_ruleset",
    ],
    inventory: {
        // What starts workflows, and over which values their jobs run; no relation says which are meant.
        triggers: { kinds: ["file/GitHubWorkflow"], scope: "cluster", reads: ["on", "jobs.*.strategy.matrix"] },
    },
}

/// A check that a branch requires, and where.
struct Required<'d> {
    name: &'d str,
    place: View<'d>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let protections = || {
        let kinds = ["github_branch_protection", "github_branch_protection_v3"];
        kinds.into_iter().flat_map(|kind| resources(module, kind)).map(|(_, block)| block)
    };
    let rulesets = || resources(module, "github_repository_ruleset").map(|(_, block)| block);
    if protections().next().is_none() && rulesets().next().is_none() {
        return not_applicable("it protects no branch of GitHub");
    }
    let mut unknown = None;
    let mut required: Vec<Required<'_>> = Vec::new();
    for block in protections() {
        for checks in block.blocks("required_status_checks") {
            for argument in ["contexts", "checks"].map(|name| checks.argument(name)) {
                collect(&argument, &mut required, &mut unknown);
            }
        }
        judge_reviews(&block, "required_pull_request_reviews", findings);
    }
    for block in rulesets() {
        let enforcement = block.argument("enforcement");
        if let Some(text) = enforcement.known().map(View::text).filter(|text| matches!(*text, "disabled" | "evaluate"))
        {
            findings.report(
                Code::NotEnforced,
                enforcement.place(),
                format!("the ruleset is `{text}`, and stops nothing"),
            );
        }
        for rules in block.blocks("rules") {
            for check in rules
                .blocks("required_status_checks")
                .flat_map(|checks| checks.blocks("required_check").collect::<Vec<_>>())
            {
                collect(&check.argument("context"), &mut required, &mut unknown);
            }
            judge_reviews(&rules, "pull_request", findings);
        }
    }
    judge_checks(input, &required, findings);
    findings.or_unknown(unknown)
}

/// Adds the checks that an argument names, a text or a list.
fn collect<'d>(argument: &Argument<'d>, required: &mut Vec<Required<'d>>, unknown: &mut Option<&'static str>) {
    if argument.is_unknown() {
        *unknown = Some("which checks are required is not known");
    }
    let Some(value) = argument.known() else { return };
    for place in value.items().chain([value.clone()]) {
        // Behind a colon may stand the app that reports it.
        if let Some(name) = place.as_str() {
            let name =
                name.rsplit_once(':').filter(|(_, app)| app.parse::<i64>().is_ok()).map_or(name, |(name, _)| name);
            required.push(Required { name, place });
        }
    }
}

fn judge_reviews(block: &Block<'_>, kind: &str, findings: &mut Findings) {
    for reviews in block.blocks(kind) {
        let count = reviews.argument("required_approving_review_count");
        if count.known().and_then(View::as_i64) == Some(0) {
            findings.report(Code::NoReview, count.place(), "a pull request needs 0 reviews");
        }
    }
}

/// Checks checks by the jobs of the workflows.
fn judge_checks(input: &Input<'_, Parameters>, required: &[Required<'_>], findings: &mut Findings) {
    let pipelines = pipeline::all(input);
    let workflows: Vec<_> = pipelines.iter().filter(|(file, _)| file.kind() == "GitHubWorkflow").collect();
    let reporting = |name: &str| {
        let mut jobs = workflows.iter().flat_map(|(file, pipeline)| pipeline.jobs.iter().map(move |job| (file, job)));
        jobs.find(|(_, job)| reports(job, name))
    };
    // Those of another repository have none of their checks here.
    if !required.iter().any(|check| reporting(check.name).is_some()) {
        return;
    }
    for check in required {
        let Some((file, _)) = reporting(check.name) else {
            if !is_of_service(check.name) {
                let message = format!("no job of a workflow reports the check `{}`", check.name);
                findings.report(Code::NoSuchCheck, &check.place, message);
            }
            continue;
        };
        let Some(trigger) = input.related("triggers").find(|other| other.name() == file.name()) else { continue };
        let on = trigger.document.get("on");
        let event = on.get("pull_request");
        let filter = ["paths", "paths-ignore"].map(|key| event.get(key)).into_iter().find(View::exists);
        if let Some(filter) = filter {
            let message =
                format!("the check `{}` never comes for changes that its workflow is not started for", check.name);
            findings.report(Code::MaySkip, &check.place, message).label_in(&trigger, &filter, "the filter");
        }
    }
}

/// Whether a job reports a check: by its name, with the values of a matrix behind it, or with a called job.
fn reports(job: &Job<'_>, check: &str) -> bool {
    let name = job.view.get("name").as_str().unwrap_or(job.id);
    let fixed = name.split("${{").next().unwrap_or_default();
    if fixed.len() < name.len() {
        // What an expression comes to is not known.
        return check.starts_with(fixed.trim_end());
    }
    let rest = check.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" (") || rest.starts_with(" / "))
}

/// Whether a check is one of a service, which no workflow reports.
fn is_of_service(check: &str) -> bool {
    const SERVICES: [&str; 17] = [
        "dco",
        "cla",
        "codecov",
        "coveralls",
        "netlify",
        "vercel",
        "sonar",
        "circleci",
        "travis",
        "appveyor",
        "jenkins",
        "snyk",
        "wip",
        "renovate",
        "buildkite",
        "atlantis",
        "codeql",
    ];
    let lower = check.to_ascii_lowercase();
    let mut words = lower.split(|character: char| !character.is_ascii_alphanumeric());
    lower.starts_with("continuous-integration/")
        || words.any(|word| SERVICES.contains(&word) || word.starts_with("sonar"))
}
