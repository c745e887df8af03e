use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work, has_word};
use policy_sdk::tables::moving_tags::{MovingTags, moves};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// A deployment names the version that it deploys
    ///
    /// * `kubectl rollout restart` is not the whole deployment after a push of an image: the workflow pushes a tag that
    ///   moves (`latest`, `main`, the table `movingTags`) and restarts the pods, which pull it again. A restart after a
    ///   ConfigMap or Secret has changed passes, and so does one beside `kubectl set image`, `apply` or `helm upgrade`.
    /// * `kubectl apply -f https://…` names a version in its path. `main`, `master`, `latest` and the like move.
    /// * `--record` is deprecated, and remarked.
    ///
    /// Jobs that test (they create a cluster, or their name says so) are skipped.
    ///
    /// ## Why
    /// Which version runs is what the tag was at the moment of the pull: it differs between nodes and days, nobody can
    /// read it from the manifest, and `kubectl rollout undo` pulls the same tag. A manifest from a branch changes
    /// the cluster without any commit of one's own.
    ///
    /// ## Fix
    /// Push a tag that is used once, and set it:
    ///
    /// ```yaml
    /// - run: kubectl set image deployment/cart cart=registry.example/cart:${{ github.sha }}
    /// ```
    ///
    /// Name a release in the address: `…/releases/download/v1.16.2/cert-manager.yaml`.
    findings: {
        /// Pods are restarted to pull a tag that moves
        Restart: Medium, Likely;
        /// A manifest comes from an address whose content changes
        MovingUrl: Medium, Likely;
        /// The flag `--record` is deprecated
        Record: Info, Certain;
    },
    priority: P0,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline, MovingTags],
    reads: [],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let rows = input.setting::<MovingTags>().rows;
    let is_moving = |tag: &str| moves(&rows, None, tag);
    let deployments = pipeline.deployments();
    if deployments.is_empty() {
        return not_applicable("it deploys nothing");
    }
    for work in deployments.iter().filter(|work| !work.is_called) {
        let Some(command) = work.command.as_ref().filter(|command| matches!(command.name(), "kubectl" | "oc")) else {
            continue;
        };
        if command.arguments().any(|argument| argument == "--record" || argument == "--record=true") {
            let message = format!("`{}` has `--record`, which is deprecated", work.name());
            findings.report(Code::Record, &work.place, message);
        }
        if is_restart(work) {
            let is_version = |other: &&Work<'_>| other.at.0 == work.at.0 && !is_restart(other);
            if deployments.iter().any(|other| is_version(&other)) || changes_configuration(&pipeline, work) {
                continue;
            }
            let pushes = pipeline.doing(&[Does::PushImage]);
            let push = pushes.into_iter().find(|push| pushed(push).iter().any(|tag| is_moving(tag)));
            if let Some(push) = push {
                let message =
                    "`kubectl rollout restart` deploys whatever the tag is now, expected a tag that is used once";
                findings
                    .report(Code::Restart, &work.place, message)
                    .label(&push.place, "this pushes the tag that moves");
            }
        }
        for url in command.arguments().filter(|argument| argument.starts_with("https://") && !argument.contains('$')) {
            if let Some(reference) = moving_part(url, &is_moving) {
                let message = format!("`{}` applies what stands at `{reference}` at the time", work.name());
                findings.report(Code::MovingUrl, &work.place, message);
            }
        }
    }
    Ok(())
}

fn is_restart(work: &Work<'_>) -> bool {
    work.command.as_ref().is_some_and(|command| command.has(&["rollout"]) && command.has(&["restart"]))
}

/// Whether the job writes a ConfigMap or a Secret, which pods read when they start.
fn changes_configuration(pipeline: &Pipeline<'_>, work: &Work<'_>) -> bool {
    let commands =
        pipeline.jobs.get(work.at.0).into_iter().flat_map(|job| job.steps.iter().flat_map(|step| step.commands()));
    let mut of_cluster = commands.filter(|command| matches!(command.name(), "kubectl" | "oc"));
    of_cluster.any(|command| {
        command
            .arguments()
            .any(|it| ["configmap", "configmaps", "secret", "secrets", "cm"].iter().any(|word| has_word(it, word)))
    })
}

/// The tags that something pushes, as far as they are written.
fn pushed<'d>(push: &Work<'d>) -> Vec<&'d str> {
    let images: Vec<&str> = match &push.command {
        Some(command) => command.arguments().collect(),
        None => push.with.get("tags").text().split(['\n', ',']).map(str::trim).collect(),
    };
    let tag = |image: &'d str| {
        let (_, tag) = image.rsplit_once(':')?;
        (!tag.contains(['/', '$'])).then_some(tag)
    };
    images.into_iter().filter_map(tag).collect()
}

/// The part of an address that moves: a branch, `latest`, or the host where nothing names a version.
fn moving_part<'u>(url: &'u str, is_moving: &dyn Fn(&str) -> bool) -> Option<&'u str> {
    let path = url.strip_prefix("https://")?;
    let mut parts = path.split('/');
    let host = parts.next()?;
    let parts: Vec<&str> = parts.collect();
    let moving = parts.iter().find(|part| is_moving(part) || part.eq_ignore_ascii_case("HEAD")).copied();
    let is_version = |part: &&str| {
        let is_commit = part.len() >= 7 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_commit || part.contains(|it: char| it.is_ascii_digit()) && part.contains(['.', '-', 'v'])
    };
    moving.or_else(|| (!parts.iter().any(is_version)).then_some(host))
}
