use policy_sdk::prelude::*;
use policy_sdk::tables::moving_tags::{self, MovingTag, MovingTags};
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Images have a tag that does not move
    ///
    /// Every image of a workload's containers, of a Compose service that is not built
    /// there and of a workflow job's container and services names a tag that is not in
    /// `denied_tags`, by default the table `movingTags`, and does not begin or end with a word that says that it moves
    /// (`stable-alpine`), or a digest.
    /// A Compose variable counts with its default (`${TAG:-latest}`);
    /// where an image is not known (`${TAG}`, `${{ … }}`) nothing is said about it.
    ///
    /// A workload that a kustomization builds has the image that its `images` set.
    ///
    /// Each image of a workload is told once, with the other containers that have it. Not judged are images that
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
        MovingTag: Medium, Certain;
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
    uses: [MovingTags],
    reads: [
        "pod.metadata.labels", "pod.metadata.annotations", "container.imagePullPolicy",
        "container.image", "services.*.image", "services.*.build", "jobs.*.container", "jobs.*.services.*.image",
    ],
    reads_built: true,
    parameters: {
        /// Tags that move, in place of those of the table.
        denied_tags: Option<Vec<String>> = None,
    },
}

/// What Kubebuilder scaffolds: there is no such image.
const PLACEHOLDER: &str = "controller:latest";

/// Which tags move.
struct Denied {
    table: Vec<MovingTag>,
    /// What is denied in place of the table's tags.
    tags: Option<Vec<String>>,
}

impl Denied {
    fn has(&self, tag: &str) -> bool {
        let is_denied = match &self.tags {
            Some(tags) => tags.iter().any(|denied| denied == tag),
            None => self.table.iter().any(|row| row.tag == tag),
        };
        is_denied || moving_tags::moves_by_word(&self.table, tag)
    }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let table = input.setting::<MovingTags>().rows.into_owned();
    let denied = &Denied { table, tags: input.parameters.denied_tags.clone() };
    judge_workload(&input.workload(), denied, findings);
    let mut judge = |image: &View<'_>, who: &str| {
        let text = with_defaults(image.text());
        if let Some((without, message)) = fault(&text, who, denied) {
            findings.report(if without { Code::NoTagInFile } else { Code::MovingTagInFile }, image, message);
        }
    };
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

fn judge_workload(workload: &Workload<'_>, denied: &Denied, findings: &mut Findings) {
    let is_judged = |container: &Container<'_>| {
        container.class != Class::Ephemeral
            && container.get("imagePullPolicy").text() != "Never"
            && !(container.image() == "auto" && is_injected(workload))
            && container.image() != PLACEHOLDER
    };
    let containers: Vec<Container<'_>> = workload.containers().filter(is_judged).collect();
    for (index, container) in containers.iter().enumerate() {
        let is_same = |other: &&Container<'_>| other.image() == container.image();
        if containers[..index].iter().any(|other| is_same(&other)) {
            continue;
        }
        let Some((without, message)) = fault(container.image(), &container.described(), denied) else { continue };
        let code = if without { Code::NoTag } else { Code::MovingTag };
        let report = findings.report(code, &container.get("image"), message);
        let others = containers[index + 1..].iter().filter(is_same);
        others.fold(report, |report, other| report.label(&other.get("image"), "here too"));
    }
}

/// Whether Istio puts its own image in the place of `auto`.
fn is_injected(workload: &Workload<'_>) -> bool {
    let is_istio = |key: &str| matches!(key, "sidecar.istio.io/inject" | "inject.istio.io/templates");
    let metadata = workload.pod.get("metadata");
    ["labels", "annotations"].into_iter().any(|map| metadata.get(map).entries().any(|(key, _)| is_istio(key)))
}

/// What is wrong with an image, and whether it is that there is no tag.
fn fault(text: &str, who: &str, denied: &Denied) -> Option<(bool, String)> {
    let reference = ImageReference::parse(text).filter(|reference| reference.digest.is_none())?;
    let Some(tag) = reference.tag else {
        return Some((true, format!("{who} has the image `{text}` without a tag, so `latest` is pulled")));
    };
    denied
        .has(&tag.to_ascii_lowercase())
        .then(|| (false, format!("{who} has the image `{text}`, whose tag `{tag}` moves")))
}

/// Puts the defaults of variables in their place, as Compose does: `${NAME:-default}`, which may hold others, and
/// `${NAME:+other}`, which is empty where nothing is set. What has none (`$NAME`, `${NAME:?message}`) stays, and is no image
/// then; nor is `$$`, a literal dollar.
fn with_defaults(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("${") {
        out.push_str(before);
        let Some(end) = closing(inner) else { return out + "$" + inner };
        let (variable, after) = (&inner[..end], &inner[end + 1..]);
        let name = variable.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
        let (_, operator) = variable.split_at(name.unwrap_or(variable.len()));
        let operator = operator.strip_prefix(':').unwrap_or(operator);
        if out.ends_with('$') {
            // A dollar, and text behind it.
            out.push_str(variable);
        } else if let Some(default) = operator.strip_prefix('-') {
            out.push_str(&with_defaults(default));
        } else if !operator.starts_with('+') {
            out.push('$');
        }
        rest = after;
    }
    out + rest
}

/// Where the brace closes that was opened before a text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    text.bytes().position(|byte| {
        open += i32::from(byte == b'{') - i32::from(byte == b'}');
        open == 0
    })
}
