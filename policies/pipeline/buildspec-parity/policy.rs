use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work};
use policy_sdk::tables::pipeline_work::Does;
use policy_sdk::values::credential;
use policy_sdk::values::credential::name::is_telling;

policy_sdk::rule! {
    /// A buildspec is as strict as the other pipelines
    ///
    /// * `env.variables` hold no credential. CodeBuild reads those from `parameter-store` and `secrets-manager`.
    /// * Nothing pushes the tag `latest`.
    /// * `post_build` does not push or deploy after a failed build. CodeBuild runs that phase whether or not `build` has
    ///   failed, so `build` has `on-failure: ABORT`, or a command of `post_build` tests `CODEBUILD_BUILD_SUCCEEDING`.
    ///
    /// A `post_build` that only reports needs neither. Optimised builds are what `df-release-build` reports, missing
    /// scans what `wf-required-stages` reports.
    ///
    /// ## Why
    /// A `docker push` in `post_build` after a failed build pushes whatever lies there: the image of the last run, or one
    /// that its tests have refused. Variables stand in the file, in the console and in the logs.
    ///
    /// ## Fix
    /// ```yaml
    /// version: 0.2
    /// env:
    ///   secrets-manager:
    ///     DB_PASSWORD: shop/database:password
    /// phases:
    ///   build:
    ///     on-failure: ABORT
    ///     commands:
    ///       - docker build -t "$REPOSITORY:$CODEBUILD_RESOLVED_SOURCE_VERSION" .
    ///   post_build:
    ///     commands:
    ///       - docker push "$REPOSITORY:$CODEBUILD_RESOLVED_SOURCE_VERSION"
    /// ```
    findings: {
        /// A variable is a credential
        Credential: High, Certain;
        /// A literal under a name that says that it is a secret
        Literal: Medium, Likely;
        /// A failed build is pushed or deployed all the same
        AfterFailure: Medium, Likely;
        /// The tag `latest` is pushed
        Latest: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Buildspec"],
    uses: [OwnPipeline],
    reads: [],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for (name, value) in input.document.at("env.variables").entries() {
        if let Some(what) = credential::detect(value.text()) {
            let message = format!("`{name}` is {what}, expected `secrets-manager` or `parameter-store`");
            findings.report(Code::Credential, &value, message).secret();
        } else if is_telling(name) && !value.text().contains('$') && credential::may_be_named(name, value.text()) {
            let message = format!("`{name}` is a literal, as its name says a secret, expected `secrets-manager`");
            findings.report(Code::Literal, &value, message).secret();
        }
    }
    let pipeline = pipeline::own(input);
    for work in pipeline.doing(&[Does::PushImage]) {
        let image = work.command.as_ref().and_then(|it| it.arguments().filter(|it| !it.starts_with('-')).last());
        if let Some(image) = image.filter(|image| image.ends_with(":latest")) {
            findings.report(Code::Latest, &work.place, format!("`{image}` is pushed, which is set anew each time"));
        }
    }
    check_post_build(&input.document, &pipeline, findings);
    findings.or_unknown(pipeline.unknown)
}

fn check_post_build(document: &View<'_>, pipeline: &Pipeline<'_>, findings: &mut Findings) {
    let build = document.at("phases.build");
    let on_failure = build.get("on-failure");
    let steps = pipeline.jobs.iter().flat_map(|job| &job.steps);
    let tests = steps
        .filter(|step| step.phase == "post_build")
        .flat_map(|step| step.commands())
        .any(|command| command.words().any(|word| word.text().contains("CODEBUILD_BUILD_SUCCEEDING")));
    if !build.exists() || on_failure.text() == "ABORT" || tests {
        return;
    }
    let ships = |work: &&Work<'_>| {
        matches!(work.does, Does::PushImage | Does::TagImage | Does::Deploy | Does::InfrastructureApply | Does::Publish)
            && pipeline.step(work).is_some_and(|step| step.phase == "post_build")
    };
    if let Some(work) = pipeline.works.iter().find(ships) {
        let message = format!("`{}` runs although `build` has failed", work.name());
        let fix = Fix::unsafe_("stop after a failed build").set(&on_failure, "ABORT");
        findings.report(Code::AfterFailure, &work.place, message).label(&build, "this may have failed").fix(fix);
    }
}
