use policy_sdk::kubernetes::images::{Images, images};
use policy_sdk::kubernetes::production::{Production, is_production};
use policy_sdk::prelude::*;
use policy_sdk::repository::compose::with_defaults;
use policy_sdk::settings::FirstParty;
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Images are pinned by digest
    ///
    /// Every image of a workload of production, of containers of each class and of image volumes, has a digest
    /// (`@sha256:` or `@sha512:`), with or without a tag. With `mode: all` that holds everywhere, with `mode:
    /// third-party` for images that are not among `firstParty`, and with `compose: true` for the services of Compose
    /// files that are not built there.
    ///
    /// A workload that a kustomization builds has the image and digest that its `images` set.
    ///
    /// ## Why
    /// A tag is a name that somebody can move. A digest is the content: what was tested and scanned is what every node
    /// runs, also after a restart.
    ///
    /// ## Fix
    /// Have the release write the digest, in the manifest or in the `images` of a kustomization:
    ///
    /// ```yaml
    /// image: registry.example.com/shop/cart:1.4.2@sha256:…
    /// ```
    ///
    /// Renovate and Dependabot keep digests up to date. Where images are verified at admission,
    /// `image-verified-in-context` with `pinned: true` writes the digest itself.
    findings: {
        /// An image has no digest
        NoDigest: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Dependencies,
    peers: [
        "KC:C-0306", "CK:CKV_K8S_43", "KY:require-image-checksum", "GK:imagedigests",
    ],
    since: "0.1.0",
    applies_to: ["workload", "file/Compose"],
    uses: [FirstParty, Images, Production],
    reads: ["services.*.image", "services.*.build"],
    reads_built: true,
    parameters: {
        /// Which images of workloads are checked.
        mode: Mode = Mode::Production,
        /// Whether the services of Compose files are checked.
        compose: bool = false,
    },
}

policy_sdk::choice! {
    /// Which images are checked.
    pub Mode { Production = "production", ThirdParty = "third-party", All = "all" }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.kind == "Compose" {
        return check_compose(input, findings);
    }
    let mode = input.parameters.mode;
    if mode == Mode::Production && !is_production(input) {
        return not_applicable("it is not of production");
    }
    let own = input.setting::<FirstParty>();
    if mode == Mode::ThirdParty && own.is_empty() {
        return not_applicable("which images are the organisation's own is not set (`firstParty`)");
    }
    for image in images(input) {
        let Some(reference) = image.reference().filter(|reference| reference.digest.is_none()) else { continue };
        if mode == Mode::ThirdParty && own.iter().any(|entry| reference.matches_allowed(entry)) {
            continue;
        }
        let message = format!("{} has the image `{}` without a digest", image.who, image.text());
        let report = findings.report(Code::NoDigest, &image.view, message);
        image.others.iter().fold(report, |report, other| report.label(other, "here too"));
    }
    Ok(())
}

fn check_compose(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !input.parameters.compose {
        return not_applicable("Compose files are not checked (`compose`)");
    }
    for (name, service) in input.document.get("services").entries() {
        let image = service.get("image");
        let text = with_defaults(image.text());
        let is_pinned = ImageReference::parse(&text).is_none_or(|reference| reference.digest.is_some());
        if !service.get("build").exists() && !is_pinned {
            findings.report(
                Code::NoDigest,
                &image,
                format!("service `{name}` has the image `{text}` without a digest"),
            );
        }
    }
    Ok(())
}
