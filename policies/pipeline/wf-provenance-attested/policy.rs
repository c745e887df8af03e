use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Action, Triggers, given};
use policy_sdk::repository::pipeline::{self, OwnPipeline, Step};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// The provenance of images and releases comes from the platform
    ///
    /// A build that pushes an image does not switch off the provenance that BuildKit adds by itself (`provenance: false`,
    /// `--provenance=false`, `BUILDX_NO_DEFAULT_ATTESTATIONS`), unless the workflow attests it otherwise:
    /// `actions/attest-build-provenance`, `slsa-github-generator`, `cosign attest`. A JSON file of one's own, uploaded as
    /// `provenance.json`, is no attestation. And `provenance: mode=max` goes with no build argument that is a secret, since
    /// it holds all of them.
    ///
    /// Builds that push nothing pass. A reusable workflow is not evaluated, since its caller may attest. Whether a repository has a provenance at all is for `wf-required-stages`.
    ///
    /// ## Why
    /// Nobody can tell whether an image was built by this pipeline, from which commit, or on somebody's laptop. What a
    /// script writes itself, whoever can change the script can write as well: nothing signs it.
    ///
    /// ## Fix
    /// Let the platform attest what was built, and verify it where it is deployed:
    ///
    /// ```yaml
    /// permissions: {contents: read, packages: write, id-token: write, attestations: write}
    /// steps:
    ///   - id: push
    ///     uses: docker/build-push-action@v6
    ///     with: {push: true, tags: "ghcr.io/acme/cart:1.4.0", provenance: mode=max}
    ///   - uses: actions/attest-build-provenance@v3
    ///     with: {subject-name: ghcr.io/acme/cart, subject-digest: "${{ steps.push.outputs.digest }}", push-to-registry: true}
    /// ```
    findings: {
        /// The provenance holds build arguments that are secrets
        Secrets: Medium, Likely;
        /// An image is pushed, and its provenance is switched off
        Off: Low, Likely;
        /// A file that somebody writes stands for a provenance
        SelfMade: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline, Triggers],
    reads: ["jobs.*.steps[*].with.*:expression"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    // Of a reusable workflow the caller may attest.
    let is_reusable = github::is_reusable(input);
    let is_attested = is_reusable || pipeline.doing(&[Does::Provenance]).next().is_some();
    let steps = || pipeline.jobs.iter().flat_map(|job| &job.steps);
    let is_of = |step: &Step<'_>, name: &str| Action::parse(step.uses.text()).is_some_and(|action| action.is(name));
    for step in steps().filter(|step| is_of(step, "docker/build-push-action")) {
        let with = step.view.get("with");
        let provenance = given(&with, "provenance");
        let is_pushed = pushes(&with);
        if is_pushed && is_false(&provenance) && !is_attested {
            let message = "the image is pushed, and its provenance is switched off";
            let fix = Fix::unsafe_("let BuildKit add the provenance").remove(&provenance);
            findings.report(Code::Off, &provenance, message).label(&step.uses, "it pushes here").fix(fix);
        }
        let arguments = given(&with, "build-args");
        if provenance.text().contains("mode=max") && github::names_secret(&with.get("build-args:expression")) {
            let message = "the provenance holds all build arguments, and one of them is a secret";
            findings.report(Code::Secrets, &arguments, message).label(&provenance, "everything is in it");
        }
    }
    for push in pipeline.doing(&[Does::PushImage]).filter(|work| !work.is_called && !is_attested) {
        let Some(command) = &push.command else { continue };
        let mut words = command.program_words();
        if let Some(word) = words.find(|word| word.text() == "--provenance=false") {
            let message = "the image is pushed, and its provenance is switched off";
            findings.report(Code::Off, &word, message);
        }
    }
    for step in steps().filter(|step| is_of(step, "actions/upload-artifact")) {
        let path = given(&step.view.get("with"), "path");
        let lower = path.text().to_ascii_lowercase();
        let is_provenance = |line: &str| line.contains("provenance") && line.trim_end().ends_with(".json");
        if !is_attested && lower.lines().any(is_provenance) {
            let message = format!("`{}` is a file like any other: nothing signs it", path.text().trim());
            findings.report(Code::SelfMade, &path, message);
        }
    }
    let is_any = pipeline.doing(&[Does::PushImage, Does::Publish]).next().is_some() || is_attested;
    if findings.is_empty() && !is_any {
        return not_applicable("it publishes nothing");
    }
    findings.or_unknown(is_reusable.then_some("what calls it may attest what it publishes"))
}

fn is_false(value: &View<'_>) -> bool {
    value.as_bool() == Some(false) || value.text() == "false"
}

/// Whether a step with `docker/build-push-action` may push.
fn pushes(with: &View<'_>) -> bool {
    let push = given(with, "push");
    let outputs = given(with, "outputs").text();
    push.exists() && !is_false(&push) || outputs.contains("push=true") || outputs.contains("type=registry")
}
