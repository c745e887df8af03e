use policy_sdk::prelude::*;
use policy_sdk::repository::github::given;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Work, has_word};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Images are scanned before their release tags are pushed
    ///
    /// In a job that pushes an image and scans it, the scan comes first. A push passes if nothing is released by it: its
    /// tag is one of a candidate (`candidate`, `pr`, `sha`, a commit or a run), it pushes by digest, or the registry is on
    /// the runner, or the job sets the release tag after the scan (`docker buildx imagetools create`, `crane tag`, a
    /// second push). The scan of a registry after the push, such as that of ECR, stops nothing.
    ///
    /// ## Why
    /// Whoever pulls the tag between push and scan gets the image that the scan refuses. After the scan has failed the tag
    /// still stands in the registry, and nobody takes it back.
    ///
    /// ## Fix
    /// Load the image into the runner's daemon, scan it there, and push it then:
    ///
    /// ```yaml
    /// steps:
    ///   - uses: docker/build-push-action@v6
    ///     with: {load: true, tags: shop:candidate}
    ///   - uses: aquasecurity/trivy-action@0.33.1
    ///     with: {image-ref: shop:candidate, exit-code: 1}
    ///   - uses: docker/build-push-action@v6
    ///     with: {push: true, tags: registry.example/shop:1.4.2}
    /// ```
    ///
    /// An image for several platforms cannot be loaded: push it with the tag of a candidate, scan that, and tag the digest.
    findings: {
        /// A release tag is pushed before the scan
        PushedFirst: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: [],
    parameters: {
        /// Accept a push of a candidate's tag before the scan.
        accept_candidate_tag: bool = true,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let mut judged = 0;
    for job in 0..pipeline.jobs.len() {
        let works: Vec<&Work<'_>> = pipeline.works_of(job).filter(|work| !work.is_called).collect();
        let Some(scan) = works.iter().position(|work| work.does == Does::ScanImage) else { continue };
        let is_push = |work: &&&Work<'_>| matches!(work.does, Does::PushImage | Does::TagImage);
        if works.iter().any(|work| work.does == Does::PushImage) {
            judged += 1;
        }
        // What is tagged or pushed behind the scan is the release.
        if works[scan..].iter().any(|work| is_push(&work)) {
            continue;
        }
        let scanned = reference(works[scan]);
        let is_release = |work: &&&Work<'_>| {
            let tags = tags(work);
            work.does == Does::PushImage
                && !tags.iter().any(|tag| is_local(tag))
                && !(input.parameters.accept_candidate_tag
                    && (is_by_digest(work) || tags.iter().all(|tag| is_candidate(tag))))
                && is_about(&scanned, &tags)
        };
        if let Some(push) = works[..scan].iter().find(is_release) {
            let message = format!("`{}` releases the image before it is scanned", push.name());
            findings
                .report(Code::PushedFirst, &push.place, message)
                .label(&works[scan].place, "the scan comes after it");
        }
    }
    if judged == 0 { not_applicable("no job of it scans an image and pushes one") } else { Ok(()) }
}

/// What a push pushes: the tags of an action, the operands of a command.
fn tags(push: &Work<'_>) -> Vec<String> {
    match &push.command {
        None => given(&push.with, "tags").text().split(['\n', ',']).map(|tag| tag.trim().to_owned()).collect(),
        Some(command) => {
            command.arguments().filter(|argument| argument.contains([':', '/', '$'])).map(Into::into).collect()
        }
    }
}

/// What a scan scans.
fn reference(scan: &Work<'_>) -> String {
    match &scan.command {
        None => ["image-ref", "image", "image-name"]
            .iter()
            .map(|input| given(&scan.with, input).text())
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned(),
        Some(command) => {
            let is_image = |argument: &&str| !argument.starts_with('-') && argument.contains([':', '/', '$']);
            command.arguments().find(is_image).unwrap_or_default().to_owned()
        }
    }
}

/// Whether a scan is of what is pushed, as far as both say: names without tags, where neither has an expression.
fn is_about(scanned: &str, tags: &[String]) -> bool {
    let is_open = |text: &str| text.is_empty() || text.contains('$');
    let name = |text: &str| {
        text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(text, |(name, _)| name).to_owned()
    };
    is_open(scanned) || tags.is_empty() || tags.iter().any(|tag| is_open(tag) || name(tag) == name(scanned))
}

fn is_local(tag: &str) -> bool {
    tag.starts_with("localhost") || tag.starts_with("127.0.0.1") || tag.starts_with("kind-registry")
}

fn is_by_digest(push: &Work<'_>) -> bool {
    given(&push.with, "outputs").text().contains("push-by-digest=true")
}

/// Whether a tag is for those who build: of a commit, a run, a pull request.
fn is_candidate(tag: &str) -> bool {
    const WORDS: [&str; 14] = [
        "candidate",
        "rc",
        "pr",
        "sha",
        "run_id",
        "run_number",
        "test",
        "tmp",
        "temp",
        "staging",
        "scan",
        "ci",
        "build",
        "unverified",
    ];
    let tag = tag.rsplit_once(':').map_or(tag, |(_, tag)| tag);
    WORDS.iter().any(|word| has_word(tag, word)) || tag.contains("run_id") || tag.contains("run_number")
}
