use policy_sdk::kubernetes::images::{Images, images};
use policy_sdk::kubernetes::production::{Production, is_production};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::settings::FirstParty;
use policy_sdk::tables::moving_tags::{self, MovingTags};

policy_sdk::rule! {
    /// Production runs no image of a pull request or of another environment
    ///
    /// The tag of an image in production begins with none of `denied_prefixes` and ends with none of `denied_suffixes`,
    /// whatever the case of its letters; a digest beside the tag does not excuse it. Where `firstParty` is set, only
    /// these images are checked.
    ///
    /// A tag that moves, such as `dev` or `dev-alpine`, is reported by `image-tag-not-mutable`. Release candidates are
    /// not reported: others ship them.
    ///
    /// ## Why
    /// `pr-212`, `staging-7f3c2ab` and `1.4.2-dirty` say that nobody released this image: it was built from a branch,
    /// for another environment or with changes that are in no commit.
    ///
    /// ## Fix
    /// Deploy the image that was released: `1.4.2`, or the digest that passed the stages before.
    findings: {
        /// The tag is one of another environment, or of no release
        EnvironmentTag: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [FirstParty, Images, MovingTags, Production],
    reads_built: true,
    parameters: {
        /// How tags of other environments begin.
        denied_prefixes: Vec<String> = list(["pr-", "staging-", "dev-", "test-"]),
        /// How tags end that are of no release.
        denied_suffixes: Vec<String> = list(["-dirty", "-SNAPSHOT"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !is_production(input) {
        return not_applicable("it is not of production");
    }
    let Parameters { denied_prefixes, denied_suffixes } = &input.parameters;
    let (own, moving) = (input.setting::<FirstParty>(), input.setting::<MovingTags>().rows);
    let lower = |texts: &[String]| texts.iter().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>();
    let (prefixes, suffixes) = (lower(denied_prefixes), lower(denied_suffixes));
    for image in images(input) {
        let Some(reference) = image.reference() else { continue };
        let Some(tag) = reference.tag.filter(|tag| !moving_tags::moves(&moving, None, tag)) else { continue };
        if !own.is_empty() && !own.iter().any(|entry| reference.matches_allowed(entry)) {
            continue;
        }
        let text = tag.to_ascii_lowercase();
        let begins = prefixes.iter().find(|prefix| text.starts_with(prefix.as_str()));
        let ends = suffixes.iter().find(|suffix| text.ends_with(suffix.as_str()));
        let Some(part) = begins.or(ends) else { continue };
        let message = format!("{} has the image `{}` in production, whose tag has `{part}`", image.who, image.text());
        let report = findings.report(Code::EnvironmentTag, &image.view, message);
        image.others.iter().fold(report, |report, other| report.label(other, "here too"));
    }
    Ok(())
}
