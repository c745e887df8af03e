use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};
use policy_sdk::tables::base_images::{BuildImages, holds};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Images are built from a small base
    ///
    /// The image that the final stage begins from, through the stages below it, is not one of a whole distribution or
    /// of a language with all its tools (`ubuntu`, `debian:trixie`, `node:24`, `python:3.13`; the table `buildImages`).
    /// Where `allowed` is set, it matches one of these globs instead, which are held against the repository with its
    /// tag, and without a registry for those of Docker Hub.
    ///
    /// Images without `ENTRYPOINT` and `CMD` are not checked, nor are images of Windows, and those for development or
    /// tests. A base that is there to build is what `df-multi-stage` reports.
    ///
    /// ## Why
    /// What is in an image has to be patched, scanned and pulled. Most of a whole distribution is never used by the
    /// program, and is there for an attacker.
    ///
    /// ## Fix
    /// Take `gcr.io/distroless/static` or `scratch` for a static program, `gcr.io/distroless/cc` for one that needs the
    /// C library, and the `-slim` or `-alpine` tag of a language.
    findings: {
        /// The base is a whole distribution
        Distribution: Low, Certain;
        /// The base is not one of those that are allowed
        NotAllowed: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    peers: ["KY:allowed-base-images"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [BuildImages, Stages],
    parameters: {
        /// Base images that are allowed, as globs; without it all but whole distributions.
        allowed: Option<Vec<String>> = None,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if !file.starts() {
        return not_applicable("the image starts nothing: it is a base, or holds tools");
    }
    if file.is_windows() {
        return not_applicable("the image is one of Windows");
    }
    if let Some(name) = file.development() {
        return not_applicable(format!("`{name}` says that it is for development"));
    }
    let Some(base) = file.base() else { return not_applicable("there is no final stage") };
    let Some(resolved) = base.resolved() else {
        return not_evaluated(format!("the base image `{}` is not known", base.image().text()));
    };
    let rows = input.setting::<BuildImages>().rows;
    let holds = base.reference().and_then(|image| holds(&rows, &image));
    if let Some(allowed) = &input.parameters.allowed {
        let name = match base.reference() {
            Some(image) => {
                let repository = image.repository();
                let short = repository.strip_prefix("docker.io/").unwrap_or(&repository);
                let short = short.strip_prefix("library/").unwrap_or(short);
                format!("{short}:{}", image.effective_tag().unwrap_or_default())
            }
            None => resolved.to_owned(),
        };
        if !allowed.iter().any(|glob| glob_match(glob, &name)) {
            let message =
                format!("the image is built from `{resolved}`, which is not one of the small ones that are allowed");
            findings.report(Code::NotAllowed, &base.image(), message);
        }
    } else if holds == Some("distribution") {
        let message = format!("the image is built from `{resolved}`, a whole distribution, expected a small base");
        findings.report(Code::Distribution, &base.image(), message);
    }
    Ok(())
}
