use policy_sdk::kubernetes::images::{Images, images_where, stays};
use policy_sdk::prelude::*;
use policy_sdk::repository::compose::with_defaults;
use policy_sdk::tables::moving_tags::{self, MovingTag, MovingTags};
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Images have a tag that does not move
    ///
    /// Every image of a workload's containers and image volumes, of a Compose service that is not built
    /// there and of a workflow job's container and services names a tag that is not in
    /// `denied_tags`, by default the table `movingTags`, and does not begin or end with a word that says that it moves
    /// (`stable-alpine`), or a digest.
    /// A Compose variable counts with its default (`${TAG:-latest}`);
    /// where an image is not known (`${TAG}`, `${{ … }}`) nothing is said about it.
    ///
    /// A workload that a kustomization builds has the image that its `images` set.
    ///
    /// Each image of a workload is reported once, with the other containers that have it. The rule skips images that
    /// are never pulled (`imagePullPolicy: Never`), ephemeral containers, `auto`, for which Istio puts its own, and
    /// `controller:latest`, which Kubebuilder writes for kustomize to put the image in its place.
    ///
    /// ## Why
    /// A moving tag makes the same manifest run different code on the next node, and there is nothing
    /// to roll back to.
    ///
    /// ## Fix
    /// Name the version (`1.4.2`), or better the digest.
    findings: {
        /// An image of a workload has no tag
        NoTag: Medium, Certain;
        /// The tag of an image of a workload moves
        MovingTag: Medium, Certain, covers: ["image-pull-policy-consistent/stale-tag"], within: Container;
        /// An image of a Compose file for production, by its name, has no tag, or one that moves
        InProduction: Medium, Certain;
        /// An image of a Compose file or a workflow has no tag
        NoTagInFile: Low, Certain;
        /// The tag of an image of a Compose file or a workflow moves
        MovingTagInFile: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    peers: [
        "KL:latest-tag", "KS:container-image-tag", "PO:tagNotSpecified", "KC:C-0075", "CK:CKV_K8S_14",
        "TR:KSV-0013", "KY:disallow-latest-tag", "GK:disallowedtags", "ZZ:unpinned-images",
    ],
    since: "0.1.0",
    applies_to: ["workload", "file/Compose", "file/GitHubWorkflow"],
    uses: [Images, MovingTags],
    reads: [
        "container.imagePullPolicy", "services.*.image", "services.*.build", "services.*.pull_policy",
        "jobs.*.container", "jobs.*.services.*.image",
    ],
    reads_built: true,
    parameters: {
        /// Tags that move, in place of those of the table.
        denied_tags: Option<Vec<String>> = None,
    },
}

/// Which tags move: the rows of the table, and what is denied in place of its tags.
struct Denied(Vec<MovingTag>, Option<Vec<String>>);

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let table = input.setting::<MovingTags>().rows.into_owned();
    let denied = &Denied(table, input.parameters.denied_tags.clone());
    judge_workload(input, denied, findings);
    let name = input.subject.name.rsplit('/').next().unwrap_or_default();
    let is_for_production = input.subject.kind == "Compose" && name.split(['.', '-', '_']).any(is_production);
    let mut judge = |image: &View<'_>, who: &str| {
        let text = with_defaults(image.text());
        if let Some((without, message)) = fault(&text, who, denied) {
            let code = match without {
                _ if is_for_production => Code::InProduction,
                true => Code::NoTagInFile,
                false => Code::MovingTagInFile,
            };
            findings.report(code, image, message);
        }
    };
    let services = input.document.get("services");
    let is_built = |service: &View<'_>| service.get("build").exists() || service.get("pull_policy").text() == "build";
    // What one service builds, another may start.
    let built: Vec<&str> = services
        .entries()
        .filter(|(_, service)| is_built(service))
        .map(|(_, service)| service.get("image").text())
        .collect();
    for (name, service) in services.entries() {
        if !is_built(&service) && !built.contains(&service.get("image").text()) {
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

fn is_production(word: &str) -> bool {
    matches!(word, "prod" | "production" | "live")
}

fn judge_workload(input: &Input<'_, Parameters>, denied: &Denied, findings: &mut Findings) {
    let is_judged = |container: &Container<'_>| stays(container) && container.get("imagePullPolicy").text() != "Never";
    for image in images_where(input, is_judged) {
        let Some((without, message)) = fault(image.text(), &image.who, denied) else { continue };
        let code = if without { Code::NoTag } else { Code::MovingTag };
        let report = findings.report(code, &image.view, message);
        image.others.iter().fold(report, |report, other| report.label(other, "here too"));
    }
}

/// What is wrong with an image, and whether it is that there is no tag.
fn fault(text: &str, who: &str, denied: &Denied) -> Option<(bool, String)> {
    let reference = ImageReference::parse(text).filter(|reference| reference.digest.is_none())?;
    let Some(tag) = reference.tag else {
        return Some((true, format!("{who} has the image `{text}` without a tag, so `latest` is pulled")));
    };
    moving_tags::moves(&denied.0, denied.1.as_deref(), tag)
        .then(|| (false, format!("{who} has the image `{text}`, whose tag `{tag}` moves")))
}
