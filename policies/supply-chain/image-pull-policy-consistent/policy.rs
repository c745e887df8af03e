use policy_sdk::kubernetes::images::{Images, is_placeholder};
use policy_sdk::prelude::*;
use policy_sdk::tables::moving_tags::{self, MovingTags};
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// The pull policy suits the tag
    ///
    /// The pull policy of a container is what it sets, else what the API server fills in: `Always` where the image has
    /// no tag or `latest`, `IfNotPresent` for every other tag. An image whose tag moves (the table `movingTags`) is
    /// pulled `Always`. `Never` is only for images that are put on the nodes beforehand (`preloaded`). With a digest
    /// every policy is right. With `mode: always` every image without a digest is pulled `Always`, so that the registry
    /// checks each pod's credentials.
    ///
    /// ## Why
    /// With `IfNotPresent` each node keeps the image that it pulled first: after `edge` was pushed again, two pods of
    /// one Deployment run different code. With `Never` a pod does not start on a node that has no such image.
    ///
    /// ## Fix
    /// Better than another policy is a tag that does not move, or a digest. Else:
    ///
    /// ```yaml
    /// imagePullPolicy: Always
    /// ```
    findings: {
        /// The tag moves, and nodes keep what they pulled first
        StaleTag: Low, Certain;
        /// The image is never pulled
        Never: Low, Certain;
        /// Every image is to be pulled for each pod, and this one is not
        NotAlways: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    peers: [
        "KS:container-image-pull-policy", "PO:pullPolicyNotAlways", "CK:CKV_K8S_15", "KC:C-0075",
        "KY:imagepullpolicy-always",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Images, MovingTags],
    reads: ["container.imagePullPolicy"],
    reads_built: true,
    parameters: {
        /// Whether only contradictions are reported, or every image that is not pulled `Always`.
        mode: Mode = Mode::Consistent,
        /// Images that are put on the nodes beforehand, as entries of an allow-list.
        preloaded: Vec<String> = Vec::new(),
    },
}

policy_sdk::choice! {
    /// What is reported.
    pub Mode { Consistent = "consistent", Always = "always" }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { mode, preloaded } = &input.parameters;
    let moving = input.setting::<MovingTags>().rows;
    let workload = input.workload();
    for container in workload.containers().filter(|container| !is_placeholder(&workload, container.image())) {
        let image = container.image();
        let Some(reference) = ImageReference::parse(image).filter(|reference| reference.digest.is_none()) else {
            continue;
        };
        let policy = container.get("imagePullPolicy");
        let implied = if matches!(reference.tag, None | Some("latest")) { "Always" } else { "IfNotPresent" };
        let effective = if policy.text().is_empty() { implied } else { policy.text() };
        let is_moving = reference.tag.is_none_or(|tag| moving_tags::moves(&moving, None, tag));
        let who = container.described();
        // Where an image was put on the nodes beforehand, this breaks what works.
        let set_always = || Fix::unsafe_("pull the image for each pod").set(&policy, "Always");
        match effective {
            "Never" if !preloaded.iter().any(|entry| reference.matches_allowed(entry)) => {
                let message =
                    format!("{who} never pulls its image `{image}`, and runs only where a node has it already");
                findings.report(Code::Never, &policy, message);
            }
            "IfNotPresent" if is_moving => {
                let tag = reference.effective_tag().unwrap_or_default();
                let message = format!(
                    "{who} keeps the image `{image}` that a node pulled first (`IfNotPresent`), and `{tag}` moves"
                );
                findings.report(Code::StaleTag, &policy, message).fix(set_always());
            }
            "IfNotPresent" if *mode == Mode::Always => {
                let message = format!("{who} pulls its image `{image}` only where a node does not have it");
                findings.report(Code::NotAlways, &policy, message).fix(set_always());
            }
            _ => {}
        }
    }
    Ok(())
}
