use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// An SBOM is attached to what it describes
    ///
    /// A workflow that pushes an image or publishes a release, and makes an SBOM of it (Syft, Trivy, CycloneDX …), attaches
    /// it: `cosign attest`, `actions/attest-sbom`, `oras attach`, an asset of the release, `sbom: true` of BuildKit. An SBOM
    /// that is only uploaded as an artifact of the run is gone after 90 days.
    ///
    /// What a tool attaches by itself passes: ko, GoReleaser, BuildKit, `anchore/sbom-action` on a release. An SBOM that a
    /// scanner reads in the same job is part of the scan. Whether a repository makes an SBOM at all is for
    /// `wf-required-stages`.
    ///
    /// ## Why
    /// When a flaw in a library is published, nobody can look up which images contain it: the list was made and thrown
    /// away.
    ///
    /// ## Fix
    /// ```yaml
    /// - uses: anchore/sbom-action@v0
    ///   with: {image: "ghcr.io/acme/cart@${{ steps.push.outputs.digest }}", format: spdx-json, output-file: sbom.spdx.json}
    /// - uses: actions/attest-sbom@v3
    ///   with:
    ///     subject-name: ghcr.io/acme/cart
    ///     subject-digest: ${{ steps.push.outputs.digest }}
    ///     sbom-path: sbom.spdx.json
    ///     push-to-registry: true
    /// ```
    findings: {
        /// An SBOM is made, and attached to nothing
        NotAttached: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["CK:CKV_GHA_6"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let is_published = pipeline.doing(&[Does::PushImage, Does::Publish]).next().is_some();
    let made: Vec<&Work<'_>> = pipeline.doing(&[Does::Sbom]).collect();
    if made.is_empty() || !is_published {
        return not_applicable("it makes no SBOM of what it publishes");
    }
    let is_released = input.document.get("on").get("release").kind().is_some()
        || input.document.at("on.push.tags").exists()
        || input.document.get("on").text() == "release";
    if made.iter().any(|work| attaches(work, is_released)) || is_attached(&pipeline) {
        return Ok(());
    }
    if let Some(work) = made.iter().find(|work| !work.is_called && !is_scanned(&pipeline, work)) {
        let message = format!("`{}` makes an SBOM, and nothing attaches it to what is published", work.name());
        let build = pipeline.doing(&[Does::PushImage]).find(|build| !build.is_called && is_build(build));
        let fix = build.map(|build| {
            Fix::unsafe_("let BuildKit attach an SBOM to the image").set(&given(&build.with, "sbom"), true)
        });
        findings.report(Code::NotAttached, &work.place, message).fix(fix);
    }
    Ok(())
}

fn is_build(work: &Work<'_>) -> bool {
    Action::parse(work.place.text()).is_some_and(|action| action.is("docker/build-push-action"))
}

/// Whether what makes an SBOM attaches it as well.
fn attaches(work: &Work<'_>, is_released: bool) -> bool {
    let Some(command) = &work.command else {
        let action = Action::parse(work.place.text());
        let is = |name: &str| action.is_some_and(|action| action.name.eq_ignore_ascii_case(name));
        return is("docker/build-push-action")
            || is("docker/bake-action")
            || is("depot/build-push-action")
            || is("actions/attest-sbom")
            || is("anchore/sbom-action")
                && is_released
                && given(&work.with, "upload-release-assets").as_bool() != Some(false)
            // What it submits, GitHub keeps.
            || given(&work.with, "dependency-snapshot").is_true()
            || given(&work.with, "format").text() == "github";
    };
    matches!(command.name(), "docker" | "ko" | "cosign" | "make" | "just" | "task" | "bom") && !command.has(&["scout"])
}

/// Whether something attaches files with an SBOM's name, or everything that was made.
fn is_attached(pipeline: &Pipeline<'_>) -> bool {
    let is_sbom = |text: &str| {
        let lower = text.to_ascii_lowercase();
        ["sbom", "spdx", "cyclonedx", "cdx", "bom."].iter().any(|name| lower.contains(name))
            || lower.contains("/*")
            || lower.contains("**")
    };
    let mut publishers = pipeline.doing(&[Does::Publish, Does::Provenance, Does::Sign]);
    let of_works = publishers.any(|work| match &work.command {
        Some(command) => command.arguments().any(|word| is_sbom(word) || word.starts_with('$')),
        None => {
            let is_goreleaser = work.place.text().contains("goreleaser");
            is_goreleaser || work.with.entries().any(|(_, value)| value.text().lines().any(is_sbom))
        }
    });
    let commands = pipeline.jobs.iter().flat_map(|job| &job.steps).flat_map(|step| step.commands());
    of_works
        || commands.into_iter().any(|command| {
            matches!(command.name(), "oras" | "regctl" | "cosign" | "goreleaser") && !command.has(&["sign", "login"])
        })
}

/// Whether the same job scans, so that the SBOM is what the scanner reads.
fn is_scanned(pipeline: &Pipeline<'_>, made: &Work<'_>) -> bool {
    let mut works = pipeline.works_of(made.at.0);
    works.any(|work| {
        let reads = work.command.as_ref().is_some_and(|it| it.arguments().any(|word| word.contains("sbom")))
            || work.with.entries().any(|(_, value)| value.text().contains("sbom"));
        work.at != made.at && matches!(work.does, Does::ScanImage | Does::DependencyAudit) && reads
    })
}
