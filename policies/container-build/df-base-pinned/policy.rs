use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Base images have a version
    ///
    /// Every image that a stage begins from, or that `COPY --from` or a `--mount` takes from, has a digest or a tag
    /// other than `latest`. Variables count with their defaults. Stages that begin from another stage or from `scratch`
    /// have no image. Each image is reported once, with the other places that name it.
    ///
    /// Where a variable has no default, the image is not known and not evaluated.
    ///
    /// ## Why
    /// The same Dockerfile gives another image tomorrow: a new release of the base changes the libraries and the
    /// language below the program, and nobody can build the old image again.
    ///
    /// ## Fix
    /// Name the version, or the digest where the publisher has only moving tags:
    ///
    /// ```dockerfile
    /// FROM python:3.13-slim
    /// FROM gcr.io/distroless/static-debian12@sha256:…
    /// ```
    findings: {
        /// A base image has no tag
        NoTag: Medium, Certain;
        /// The tag of a base image is `latest`
        Latest: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["HL:DL3006", "HL:DL3007", "CK:CKV_DOCKER_7", "TR:DS-0001"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let mut unknown = None;
    // Images, with the places that name them.
    let mut named: Vec<(&str, View<'_>)> = Vec::new();
    for stage in &file.stages {
        match stage.resolved() {
            Some("scratch") => {}
            Some(image) => named.push((image, stage.image())),
            None if stage.parent().is_some() => {}
            None => unknown = Some(format!("from which image a stage begins is not known: `{}`", stage.image().text())),
        }
        for instruction in stage.instructions() {
            let is_image = |from: &&str| file.stage(from).is_none() && !from.contains('$');
            if let Some(from) = instruction.from().filter(is_image) {
                named.push((from, instruction.get("flags").get("from").item(0)));
            }
            for mount in instruction.get("flags").get("mount").items() {
                let from = mount.text().split(',').find_map(|field| field.strip_prefix("from="));
                if let Some(from) = from.filter(is_image) {
                    named.push((from, mount.clone()));
                }
            }
        }
    }
    for (at, (image, place)) in named.iter().enumerate() {
        if named[..at].iter().any(|(earlier, _)| earlier == image) {
            continue;
        }
        let Some(reference) = ImageReference::parse(image).filter(|reference| reference.digest.is_none()) else {
            continue;
        };
        let cure = if is_rolling(&reference) {
            "pin it by its digest, since it has only moving tags"
        } else {
            "name its version"
        };
        let (code, message) = match reference.tag {
            None => (Code::NoTag, format!("the base image `{image}` has no tag, so `latest` is built from: {cure}")),
            Some("latest") => {
                (Code::Latest, format!("the base image `{image}` has the tag `latest`, which moves: {cure}"))
            }
            Some(_) => continue,
        };
        let report = findings.report(code, place, message);
        let others = named[at + 1..].iter().filter(|(other, _)| other == image);
        others.fold(report, |report, (_, other)| report.label(other, "here too"));
    }
    findings.or_unknown(unknown)
}

/// Images whose publishers have no tags of versions.
fn is_rolling(image: &ImageReference<'_>) -> bool {
    image.registry == "cgr.dev" || image.registry == "gcr.io" && image.path.starts_with("distroless/")
}
