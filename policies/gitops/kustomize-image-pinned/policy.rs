use policy_sdk::kubernetes::kustomized::{self, Kustomizations};
use policy_sdk::prelude::*;
use policy_sdk::tables::moving_tags::{self, MovingTags};

policy_sdk::rule! {
    /// Kustomizations set image tags that do not move
    ///
    /// `newTag` of an entry of `images` does not move (`latest`, `main`, `stable-alpine`, the table `movingTags`),
    /// unless the entry has a `digest`. Commits, dates and words such as `v2` pass.
    ///
    /// Checked are kustomizations that nothing else includes and that are no Components, and only where they take
    /// resources from outside: of the workloads among the files, `image-tag-not-mutable` checks the image that is
    /// built. A placeholder (`IMAGE_TAG`) is what `image-placeholder-resolved` reports.
    ///
    /// ## Why
    /// A moving tag makes the same commit run different code on the next node, and reverting the commit brings nothing
    /// back.
    ///
    /// ## Fix
    /// Let the pipeline write the version or the digest:
    ///
    /// ```sh
    /// kustomize edit set image shop/cart=registry.example.com/shop/cart:1.4.2
    /// ```
    findings: {
        /// The tag of an image moves
        MovingTag: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Kustomization"],
    uses: [Kustomizations, MovingTags],
    reads: ["kind", "images"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.document.get("images").is_empty() {
        return not_applicable("it sets no images");
    }
    if input.document.get("kind").text() == "Component" || kustomized::includer(input).is_some() {
        return not_applicable("others include it and may set other images");
    }
    let Some(outside) = kustomized::outside(input) else {
        return not_applicable("all its resources are among the files, where their images are checked");
    };
    let table = input.setting::<MovingTags>();
    for image in input.document.get("images").items() {
        let (name, tag) = (image.get("name").text(), image.get("newTag"));
        let text = tag.scalar_text().unwrap_or_default().to_ascii_lowercase();
        let is_moving = table.rows.iter().any(|row| row.tag == text) || moving_tags::moves_by_word(&table.rows, &text);
        if is_moving && image.get("digest").text().is_empty() {
            let message = format!("the tag `{text}` of image `{name}` moves");
            let (kustomization, place) = &outside;
            findings.report(Code::MovingTag, &tag, message).label_in(kustomization, place, "it comes from here");
        }
    }
    Ok(())
}
