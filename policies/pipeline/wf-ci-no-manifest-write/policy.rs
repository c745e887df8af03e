use policy_sdk::kubernetes::production::ProductionSigns;
use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::files::is_below;
use policy_sdk::repository::pipeline::{self, AllPipelines, Job};

policy_sdk::rule! {
    /// The pipeline that builds does not write what is deployed
    ///
    /// Where Flux or Argo CD updates images by itself (an ImageUpdateAutomation, an Application with annotations of Argo
    /// CD Image Updater), no job of a workflow in the same run commits and pushes changes below the path that is updated,
    /// and none changes a cluster of production with `kubectl` or `helm`. A job commits such a path if a command of it
    /// names the path (`git add`, `sed -i`, `yq -i`, `kustomize edit`, `cd`) and it pushes to the repository afterwards.
    ///
    /// Jobs that open a pull request pass, and so do those that test. An automation of the whole repository, without a
    /// path, is not compared.
    ///
    /// ## Why
    /// Two writers of one file overwrite each other. And whoever gets into the build, by an action or a dependency, can
    /// then decide what runs in production, without a review.
    ///
    /// ## Fix
    /// Let the build push the image, and nothing else. The automation in the cluster commits the new tag; remove the step
    /// that does so, and `contents: write` with it.
    findings: {
        /// A job commits what is deployed
        CommitsManifests: Low, Guess;
        /// A job changes a cluster of production itself
        ChangesCluster: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["image.toolkit.fluxcd.io/ImageUpdateAutomation", "argoproj.io/Application"],
    uses: [AllPipelines, ProductionSigns],
    reads: ["metadata.annotations", "spec.update.path", "spec.source.path", "spec.sources[*].path"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let is_updater = |(key, _): (&str, View<'_>)| key.starts_with("argocd-image-updater.argoproj.io/");
    if input.subject.kind == "Application" && !document.at("metadata.annotations").entries().any(is_updater) {
        return not_applicable("nothing updates its images");
    }
    let sources = document.at("spec.sources").items().map(|source| source.get("path"));
    let places = [document.at("spec.update.path"), document.at("spec.source.path")].into_iter().chain(sources);
    let places: Vec<View<'_>> = places.filter(|place| !bare(place.text()).is_empty()).collect();
    let words = input.setting::<ProductionSigns>().namespace_parts;
    for (file, pipeline) in pipeline::all(input) {
        let deployments = pipeline.deployments();
        for (at, job) in pipeline.jobs.iter().enumerate().filter(|(at, _)| !pipeline.is_for_tests(*at)) {
            if let Some((command, place)) = commits(job, &places) {
                let message =
                    format!("job `{}` changes what is deployed from `{}`, and pushes it", job.id, place.text());
                let report = findings.report(Code::CommitsManifests, place, message);
                report.label_in(&file, &command, "this changes it");
            }
            let is_own = |work: &&&pipeline::Work<'_>| work.at.0 == at && !work.is_called && work.is_of_cluster();
            let mut own = deployments.iter().filter(is_own);
            if let Some(work) = own.find(|work| pipeline.is_named(work, &words)) {
                let message =
                    format!("job `{}` changes production by `{}`, beside what this updates", job.id, work.name());
                let report = findings.report(Code::ChangesCluster, &document.get("spec"), message);
                report.label_in(&file, &work.place, "this changes it");
            }
        }
    }
    Ok(())
}

fn bare(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path).trim_matches('/');
    if path == "." { "" } else { path }
}

/// The command of a job that names one of the places, which it pushes later.
fn commits<'d, 'p>(job: &Job<'d>, places: &'p [View<'d>]) -> Option<(Command<'d>, &'p View<'d>)> {
    let commands: Vec<Command<'d>> = job.steps.iter().flat_map(|step| step.commands()).collect();
    let push = commands.iter().position(|it| it.name() == "git" && it.has(&["push"]))?;
    let writes = |it: &&Command<'d>| match it.name() {
        "git" => it.has(&["add", "commit"]),
        "sed" | "yq" => it.arguments().any(|argument| argument.starts_with("-i") || argument == "--inplace"),
        "kustomize" => it.has(&["edit"]),
        "cp" | "mv" | "cd" => true,
        _ => false,
    };
    commands[..push].iter().filter(writes).find_map(|command| {
        let is_there = |place: &&View<'d>| command.arguments().any(|it| is_below(bare(it), bare(place.text())));
        Some((command.clone(), places.iter().find(is_there)?))
    })
}
