use policy_sdk::image::ImageReference;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Images have a tag that does not move
    ///
    /// Every image of a workload's containers of all classes, of a Compose service that is not built
    /// there and of a workflow job's container and services names a tag that is not in
    /// `denied_tags`, or a digest. A Compose variable counts with its default (`${TAG:-latest}`);
    /// where an image is not known (`${TAG}`, `${{ … }}`) nothing is said about it.
    ///
    /// ## Why
    /// A moving tag makes the same manifest run different code on the next node, and there is nothing
    /// to roll back to.
    ///
    /// ## Fix
    /// Name the version (`1.4.2`), or better the digest.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "V Build/Release/Run",
    aliases: [
        "KL:latest-tag", "KS:container-image-tag", "PO:tagNotSpecified", "KC:C-0075", "CK:CKV_K8S_14",
        "TR:KSV-0013", "KY:disallow-latest-tag", "GK:disallowedtags", "ZZ:unpinned-images",
    ],
    since: "0.1.0",
    applies_to: ["workload", "file/Compose", "file/GitHubWorkflow"],
    reads: [
        "container.image", "services.*.image", "services.*.build", "jobs.*.container", "jobs.*.services.*.image",
    ],
    parameters: {
        /// Tags that move.
        denied_tags: Vec<String> = list([
            "latest", "main", "master", "develop", "stable", "edge", "nightly", "dev", "staging", "prod",
        ]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut judge = |image: &View<'_>, who: &str| judge(image, who, &input.parameters.denied_tags, findings);
    for container in input.workload().containers() {
        judge(&container.get("image"), &container.described());
    }
    for (name, service) in input.document.get("services").entries() {
        if !service.get("build").exists() {
            judge(&service.get("image"), &format!("service `{name}`"));
        }
    }
    for (id, job) in input.document.get("jobs").entries() {
        let container = job.get("container");
        let image = if container.as_str().is_some() { container } else { container.get("image") };
        judge(&image, &format!("the container of job `{id}`"));
        for (name, service) in job.get("services").entries() {
            judge(&service.get("image"), &format!("service `{name}` of job `{id}`"));
        }
    }
    Ok(())
}

fn judge(image: &View<'_>, who: &str, denied: &[String], findings: &mut Findings) {
    let text = with_defaults(image.text());
    let Some(reference) = ImageReference::parse(&text).filter(|reference| reference.digest.is_none()) else { return };
    match reference.tag {
        None => {
            findings
                .report(image, format!("{who} has the image `{text}` without a tag, so `latest` is pulled"))
                .code("no-tag");
        }
        Some(tag) if denied.iter().any(|denied| denied == tag) => {
            findings.report(image, format!("{who} has the image `{text}`, whose tag `{tag}` moves")).code("moving-tag");
        }
        Some(_) => {}
    }
}

/// Puts the defaults of variables (`${NAME:-default}`) in their place. What has none stays, and is no
/// image then.
fn with_defaults(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (variable, after))) =
        rest.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        out.push_str(before);
        out.push_str(variable.split_once('-').map_or("$", |(_, default)| default));
        rest = after;
    }
    out + rest
}
