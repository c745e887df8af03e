use policy_sdk::kubernetes::images::{Images, images};
use policy_sdk::kubernetes::production::{Production, is_production};
use policy_sdk::prelude::*;
use policy_sdk::settings::FirstParty;
use policy_sdk::tables::moving_tags::{self, MovingTags};
use policy_sdk::values::semver::SemVer;

policy_sdk::rule! {
    /// The organisation's own images have versions for tags
    ///
    /// The tag of an image of `firstParty` is a whole semantic version in production: `1.4.2`, `v1.4.2`, with build
    /// metadata behind `-` or `_` (`1.4.2-7f3c2ab`), and with `four_numbers` also `1.4.2.7`. Elsewhere a commit (7 to
    /// 40 hexadecimal digits) and the tags of environments and pull requests (`staging-…`, `pr-…`) are right as well.
    /// An image without a tag but with a digest passes.
    ///
    /// Tags that move are reported by `image-tag-not-mutable`, those of other environments in production by
    /// `image-env-tag-mismatch`.
    ///
    /// ## Why
    /// Who reads `1.4.2` in an alert finds the changes, the release and what it can be rolled back to. `build-8812`
    /// says nothing to anybody who was not there.
    ///
    /// ## Fix
    /// Tag the image with the version when it is released, and deploy that: `registry.example.com/shop/cart:1.4.2`.
    findings: {
        /// The tag is no version
        NoVersion: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [FirstParty, Images, MovingTags, Production],
    reads_built: true,
    parameters: {
        /// Whether a version may have a fourth number.
        four_numbers: bool = false,
    },
}

/// How tags of other environments begin, which image-env-tag-mismatch tells in production.
const ENVIRONMENTS: [&str; 4] = ["pr-", "staging-", "dev-", "test-"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let own = input.setting::<FirstParty>();
    if own.is_empty() {
        return not_applicable("which images are the organisation's own is not set (`firstParty`)");
    }
    let (production, moving) = (is_production(input), input.setting::<MovingTags>().rows);
    for image in images(input) {
        let Some(reference) = image.reference() else { continue };
        let is_own = own.iter().any(|entry| reference.matches_allowed(entry));
        let Some(tag) = reference.tag.filter(|tag| is_own && !moving_tags::moves(&moving, None, tag)) else { continue };
        let is_environment = ENVIRONMENTS.iter().any(|prefix| tag.to_ascii_lowercase().starts_with(prefix));
        if is_version(tag, input.parameters.four_numbers) || is_environment || (!production && is_commit(tag)) {
            continue;
        }
        let message = format!("{} has the image `{}`, whose tag `{tag}` is no version", image.who, image.text());
        let report = findings.report(Code::NoVersion, &image.view, message);
        image.others.iter().fold(report, |report, other| report.label(other, "here too"));
    }
    Ok(())
}

/// `1.4.2`, with `v` before it and anything behind `-` or `_`.
fn is_version(tag: &str, four_numbers: bool) -> bool {
    let release = tag.split(['-', '_']).next().unwrap_or_default();
    let shorter = release.rsplit_once('.').filter(|(_, last)| four_numbers && last.parse::<u64>().is_ok());
    SemVer::parse(release).is_some() || shorter.is_some_and(|(first, _)| SemVer::parse(first).is_some())
}

fn is_commit(tag: &str) -> bool {
    (7..=40).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
