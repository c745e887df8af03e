use policy_sdk::language::expression::contexts;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::given;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Images get a tag of their own, and pull requests push none
    ///
    /// * A workflow that `pull_request` starts does not push images unconditionally: `push: true` or a `docker push`
    ///   stands behind an `if` of its step, of its job or of a job that it needs, or `push` is an expression
    ///   (`${{ github.event_name != 'pull_request' }}`).
    /// * At least one of the tags that a step pushes is used once: it has an expression or a variable in it (a commit, a
    ///   run, a version, the output of a step), or is a version.
    ///
    /// Registries on the runner (`localhost:5000`) and jobs that test are skipped. That there is a build at all is what
    /// `wf-required-stages` reports.
    ///
    /// ## Why
    /// Anybody can open a pull request. If its build is pushed, unreviewed code stands in the registry under a name that
    /// others pull; from a fork the push fails, and with it the check. A tag that each build overwrites says nothing about
    /// what is in it.
    ///
    /// ## Fix
    /// ```yaml
    /// - uses: docker/build-push-action@v6
    ///   with:
    ///     push: ${{ github.event_name != 'pull_request' }}
    ///     tags: registry.example/shop:${{ github.sha }}
    /// ```
    findings: {
        /// Each pull request pushes its image
        PushedByPullRequest: Medium, Likely;
        /// Each build overwrites the tag of the one before
        NoUniqueTag: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: [],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let pushes: Vec<&Work<'_>> = pipeline
        .doing(&[Does::PushImage])
        .filter(|work| !work.is_called && !pipeline.is_for_tests(work.at.0))
        .collect();
    if pushes.is_empty() {
        return not_applicable("it pushes no image");
    }
    for push in pushes {
        let tags = tags(push);
        if tags.iter().any(|tag| is_local(tag)) {
            continue;
        }
        let input_push = given(&push.with, "push");
        let is_open = input_push.text().contains("${{") || given(&push.with, "outputs").text().contains("${{");
        if pipeline.events.contains(&"pull_request")
            && !is_open
            && !is_conditional(&pipeline, push)
            && !is_makefile(push)
        {
            let place = if input_push.exists() { input_push } else { push.place.clone() };
            let message = format!("`{}` pushes an image for each pull request", push.name());
            let fix = (push.command.is_none() && place.kind().is_some()).then(|| {
                Fix::unsafe_("push only what is merged").set(&place, "${{ github.event_name != 'pull_request' }}")
            });
            findings.report(Code::PushedByPullRequest, &place, message).fix(fix);
        }
        if !tags.is_empty() && !tags.iter().any(|tag| is_unique(tag)) {
            let place = if push.command.is_some() { push.place.clone() } else { given(&push.with, "tags") };
            let message = format!("`{}` pushes `{}`, which each build overwrites", push.name(), tags.join("`, `"));
            findings.report(Code::NoUniqueTag, &place, message);
        }
    }
    Ok(())
}

/// What a target of make does with pull requests is written there.
fn is_makefile(push: &Work<'_>) -> bool {
    push.command.as_ref().is_some_and(|command| matches!(command.name(), "make" | "just" | "task"))
}

/// Whether something decides whether the push runs: an `if` of its step, its job, or a job that it needs; one of its shell.
fn is_conditional(pipeline: &Pipeline<'_>, push: &Work<'_>) -> bool {
    let decides = |holder: &View<'_>| {
        let condition = holder.get("if");
        condition.as_bool() == Some(false) || !contexts(&holder.get("if:expression")).is_empty()
    };
    let jobs = pipeline.ancestors(push.at.0);
    let in_branch = push.command.as_ref().is_some_and(|it| it.pointer().contains("/branches/"));
    in_branch
        || pipeline.step(push).is_some_and(|step| decides(&step.view))
        || jobs.iter().chain([&push.at.0]).any(|job| decides(&pipeline.jobs[*job].view))
}

/// The tags that are pushed, as far as they are written.
fn tags(push: &Work<'_>) -> Vec<String> {
    let Some(command) = &push.command else {
        let tags = given(&push.with, "tags");
        return tags
            .text()
            .split(['\n', ','])
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect();
    };
    if !matches!(command.name(), "docker" | "podman" | "nerdctl" | "buildah") || command.has(&["compose"]) {
        return Vec::new();
    }
    let arguments: Vec<&str> = command.arguments().collect();
    let of_option = arguments.iter().enumerate().filter(|(_, it)| matches!(**it, "-t" | "--tag"));
    let tagged: Vec<String> =
        of_option.filter_map(|(at, _)| arguments.get(at + 1)).map(|image| (*image).to_owned()).collect();
    match (tagged.is_empty(), arguments.last()) {
        (true, Some(image)) if command.has(&["push"]) => vec![(*image).to_owned()],
        _ => tagged,
    }
}

fn is_local(tag: &str) -> bool {
    ["localhost", "127.0.0.1", "kind-registry"].iter().any(|host| tag.starts_with(host))
}

/// Whether a tag may be used once: it is not known, or a version, or a digest.
fn is_unique(image: &str) -> bool {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    let has_number = tag.contains(|it: char| it.is_ascii_digit());
    image.contains(['$', '@', '{']) || has_number
}
