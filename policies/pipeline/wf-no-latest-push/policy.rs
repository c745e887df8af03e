use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};
use policy_sdk::repository::pipeline::{self, OwnPipeline, Work};
use policy_sdk::tables::moving_tags::{MovingTags, moves};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Pipelines push no tag that moves
    ///
    /// What a workflow pushes is not called `latest`, or after a branch (the table `movingTags`): by the `tags` of
    /// `docker/build-push-action` and its like, by `docker push`, `docker buildx build --push -t`, `crane tag`, and by
    /// `docker/metadata-action` with `flavor: latest=true` or `type=raw,value=latest`. An image without a tag is
    /// `latest`. The finding says whether another tag is pushed beside it.
    ///
    /// Pulls, caches (`cache-to`, tags such as `buildcache`) and registries on the runner are no pushes. Jobs that test are
    /// skipped. `latest=auto`
    /// of the metadata action, its default, adds `latest` to releases only and passes.
    ///
    /// ## Why
    /// Each push puts another image under the same name. Nobody can say which one runs, a rollback pulls the wrong one,
    /// and registries that allow tags to change allow it to attackers, too.
    ///
    /// ## Fix
    /// Push a tag that is used once, and let manifests name that or its digest:
    ///
    /// ```yaml
    /// tags: registry.example/shop:${{ github.sha }}
    /// ```
    findings: {
        /// The only tag that is pushed moves
        OnlyLatest: Low, Certain, covers: ["wf-build-image-and-push/no-unique-tag"];
        /// A tag that moves is pushed beside another one
        LatestToo: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline, MovingTags],
    reads: [],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let rows = input.setting::<MovingTags>().rows;
    let is_moving = |image: &String| {
        let tag = tag(image);
        moves(&rows, None, tag) && !tag.contains("cache")
    };
    let is_push = |work: &&Work<'_>| {
        let pushes = matches!(work.does, Does::PushImage | Does::TagImage);
        pushes && !work.is_called && !pipeline.is_for_tests(work.at.0)
    };
    let pushes: Vec<&Work<'_>> = pipeline.works.iter().filter(is_push).collect();
    for push in &pushes {
        let images = images(push);
        let moving: Vec<&String> = images.iter().filter(|image| is_moving(image)).collect();
        let Some(first) = moving.first() else { continue };
        // `docker push` pushes one; others of the job may be of the same image.
        let others = pushes.iter().filter(|other| push.command.is_some() && other.at.0 == push.at.0);
        let is_alone = moving.len() == images.len()
            && others
                .flat_map(|other| self::images(other))
                .all(|image| is_moving(&image) || name(&image) != name(first));
        let place = if push.command.is_some() { push.place.clone() } else { given(&push.with, "tags") };
        let (code, end) = if is_alone {
            (Code::OnlyLatest, "and no other tag is pushed")
        } else {
            (Code::LatestToo, "beside another tag")
        };
        findings.report(
            code,
            &place,
            format!("`{}` pushes `{first}`, which is set anew each time, {end}", push.name()),
        );
    }
    if !pushes.is_empty() {
        check_metadata(&pipeline, findings);
    }
    if pushes.is_empty() { not_applicable("it pushes no image") } else { Ok(()) }
}

/// `docker/metadata-action`, which makes the tags.
fn check_metadata(pipeline: &pipeline::Pipeline<'_>, findings: &mut Findings) {
    let steps = pipeline.jobs.iter().flat_map(|job| &job.steps);
    for step in steps.filter(|step| Action::parse(step.uses.text()).is_some_and(|it| it.is("docker/metadata-action"))) {
        let with = step.view.get("with");
        let (flavor, tags) = (given(&with, "flavor"), given(&with, "tags"));
        let is_raw = |line: &str| {
            let parts: Vec<&str> = line.split(',').map(str::trim).collect();
            parts.contains(&"type=raw") && parts.contains(&"value=latest") && !parts.contains(&"enable=false")
        };
        let (place, written) =
            if flavor.text().lines().flat_map(|line| line.split(',')).any(|it| it.trim() == "latest=true") {
                (&flavor, "latest=true")
            } else if tags.text().lines().any(is_raw) {
                (&tags, "type=raw,value=latest")
            } else {
                continue;
            };
        let is_alone = place.pointer() == tags.pointer()
            && tags.text().lines().filter(|line| !line.trim().is_empty()).count() == 1;
        let (code, end) = if is_alone { (Code::OnlyLatest, ", and no other") } else { (Code::LatestToo, ", too") };
        findings.report(code, place, format!("`{written}` makes the tag `latest`{end}"));
    }
}

/// The images that something pushes, with their tags; none that an expression may name as a whole.
fn images(push: &Work<'_>) -> Vec<String> {
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
    let arguments: Vec<&str> = command.arguments().collect();
    let options = ["-t", "--tag", "--destination", "--image-name"];
    let valued = |at: usize, argument: &str| {
        let (option, value) = argument.split_once('=').unwrap_or((argument, ""));
        let value = if value.is_empty() { arguments.get(at + 1).copied().unwrap_or_default() } else { value };
        options.contains(&option).then(|| value.to_owned())
    };
    let tagged: Vec<String> = arguments.iter().enumerate().filter_map(|(at, argument)| valued(at, argument)).collect();
    if !tagged.is_empty() {
        return tagged;
    }
    match (command.name(), arguments.as_slice()) {
        ("crane" | "gcrane", ["tag", image, tag]) => vec![format!("{}:{tag}", name(image))],
        ("skopeo" | "crane" | "gcrane" | "regctl", all) => {
            let is_image = |argument: &&&str| !argument.starts_with('-') && argument.contains([':', '/']);
            let images = all.iter().filter(is_image).map(|image| image.trim_start_matches("docker://").to_owned());
            images.last().into_iter().collect()
        }
        ("docker" | "podman" | "nerdctl" | "buildah", [.., image])
            if command.has(&["push"]) && !command.has(&["compose", "--all-tags", "-a"]) =>
        {
            vec![(*image).to_owned()]
        }
        _ => Vec::new(),
    }
}

fn name(image: &str) -> &str {
    image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(image, |(name, _)| name)
}

/// The tag of an image; `latest` where it has none, and nothing where that is not known.
fn tag(image: &str) -> &str {
    let is_local = ["localhost", "127.0.0.1", "kind-registry"].iter().any(|host| image.starts_with(host));
    match image.rsplit_once(':') {
        _ if is_local || image.contains('@') => "",
        Some((_, tag)) if !tag.contains('/') => tag,
        _ if image.contains('$') => "",
        _ => "latest",
    }
}
