use policy_sdk::kubernetes::images::{Images, images};
use policy_sdk::prelude::*;
use policy_sdk::repository::compose::with_defaults;
use policy_sdk::settings::AllowedRegistries;
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Images name their registry
    ///
    /// Every image of a workload, of a Compose service that is not built there, and of a Dockerfile's stages names the
    /// host of its registry: the first part has a `.` or `:`, or is `localhost`. Stages that begin from another stage
    /// or from `scratch`, and what a variable decides, are not checked.
    ///
    /// Where `allowedRegistries` is set, `image-registry-allowed` tells more, and this rule is silent.
    ///
    /// ## Why
    /// `nginx` means `docker.io/library/nginx` for Docker and for Kubernetes, and something else where a runtime has
    /// other search registries. A name without a registry hides that an image comes from the internet.
    ///
    /// ## Fix
    /// Write the registry. The fix writes the one that is meant today:
    ///
    /// ```yaml
    /// image: docker.io/library/nginx:1.27
    /// ```
    findings: {
        /// The image of a workload names no registry
        NoRegistry: Info, Certain;
        /// The image of a Compose service or of a stage names no registry
        NoRegistryInFile: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: ["workload", "file/Compose", "file/Dockerfile"],
    uses: [AllowedRegistries, Images],
    reads: ["services.*.image", "services.*.build", "stages[*].image", "stages[*].stage"],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !input.setting::<AllowedRegistries>().is_empty() {
        return not_applicable("`allowedRegistries` is set, by which image-registry-allowed checks");
    }
    for image in images(input) {
        let Some(reference) = image.reference().filter(|reference| !reference.has_registry) else { continue };
        let full = full(image.text(), &reference);
        let fix = Fix::safe(format!("name the registry: `{full}`")).set(&image.view, &full);
        let fix = image.others.iter().fold(fix, |fix, other| fix.set(other, &full));
        let message =
            format!("{} has the image `{}`, which names no registry and is `{full}`", image.who, image.text());
        let report = findings.report(Code::NoRegistry, &image.view, message).fix(fix);
        image.others.iter().fold(report, |report, other| report.label(other, "here too"));
    }
    for (name, service) in input.document.get("services").entries() {
        let image = service.get("image");
        let text = with_defaults(image.text());
        let reference = ImageReference::parse(&text).filter(|reference| !reference.has_registry);
        if let Some(reference) = reference.filter(|_| !service.get("build").exists()) {
            let full = full(&text, &reference);
            let message = format!("service `{name}` has the image `{text}`, which names no registry and is `{full}`");
            let fix =
                (image.text() == text).then(|| Fix::safe(format!("name the registry: `{full}`")).set(&image, &full));
            findings.report(Code::NoRegistryInFile, &image, message).fix(fix);
        }
    }
    for stage in input.document.get("stages").items() {
        let image = stage.get("image");
        let is_other = stage.get("stage").exists() || image.text() == "scratch" || image.text().contains('$');
        let reference = ImageReference::parse(image.text()).filter(|reference| !reference.has_registry && !is_other);
        if let Some(reference) = reference {
            let (text, full) = (image.text(), full(image.text(), &reference));
            let message = format!("a stage begins from the image `{text}`, which names no registry and is `{full}`");
            findings.report(Code::NoRegistryInFile, &image, message);
        }
    }
    Ok(())
}

/// The reference with the registry that is meant.
fn full(text: &str, reference: &ImageReference<'_>) -> String {
    let library = if reference.path.starts_with("library/") && !text.starts_with("library/") { "library/" } else { "" };
    format!("{}/{library}{text}", reference.registry)
}
