use policy_sdk::kubernetes::image_facts::{self, Image, ImageFacts, Signature};
use policy_sdk::kubernetes::images::{Images, images};
use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::parameter::{Bounded, QuantityParameter};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Images are what the policy requires, as their registries say
    ///
    /// Of every image of a workload, those of image volumes included, the registry says whether it exists, who signed
    /// it, how old and how large it is and as which user it runs. Each requirement is off until a parameter sets it.
    ///
    /// * `signed`: the trust policy takes the image: enough of those who may sign its repository signed its digest.
    ///   `identities` are the names that one of the signers has there, `attestations` the predicate types that must be
    ///   attested; each of the two asks for a signature as well.
    /// * `pinned`: the reference has a digest. At admission the mutation writes the one that was looked at.
    /// * `non_root`: the image's own user is not root, where neither the container nor the pod sets `runAsUser` or
    ///   `runAsNonRoot`.
    /// * `max_age_days`, `max_size`: for each platform; the size is that of the compressed layers. What claims to be
    ///   from before 2013 does not say its age.
    ///
    /// An image that its registry does not have is reported whatever is required. The host asks registries only where
    /// it is let: `eval --images`, or `images.repositories` of the server. Elsewhere the rule is not evaluated; where a
    /// registry that is to be asked does not answer, nothing was checked, and the failure mode decides.
    ///
    /// ## Why
    /// A manifest names an image, and the registry decides what that is. Who may push to a repository, or move one of
    /// its tags, runs code in the cluster.
    ///
    /// ## Fix
    /// Sign the image where it is built, by a key or an identity of the trust policy, and name it by the digest that
    /// was signed:
    ///
    /// ```yaml
    /// image: registry.example.com/shop/cart:1.4.2@sha256:…
    /// ```
    ///
    /// Rebuild an image that is too old, on a base of today.
    findings: {
        /// The registry does not have the image
        Missing: High, Certain;
        /// The trust policy does not take the image
        Unsigned: High, Certain;
        /// None of the identities that are asked for signed the image
        WrongIdentity: High, Certain;
        /// An attestation that is asked for is missing
        NotAttested: Medium, Certain;
        /// The image starts as root, and the workload does not say otherwise
        Root: Medium, Certain;
        /// A tag names the image, and no digest
        NotPinned: Medium, Certain;
        /// The image is too old
        TooOld: Low, Certain;
        /// The image is too large
        TooLarge: Info, Certain;
        /// Nothing is known of an image, beside one that is not as it should be
        NotKnown: Info, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: [
        "KY:verify-image", "KY:verify-image-gcpkms", "KY:verify-sbom-cyclonedx", "KY:verify-image-slsa", "KY:block-stale-images",
        "KY:block-large-images", "KY:resolve-image-to-digest",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [ImageFacts, Images, RunAs],
    parameters: {
        /// Whether the trust policy has to take every image.
        signed: bool = false,
        /// Names of keys and identities of the trust policy, of which one signed every image.
        identities: Vec<String> = Vec::new(),
        /// Predicate types of attestations that every image has, of those that the trust policy asks for.
        attestations: Vec<String> = Vec::new(),
        /// Whether every reference has a digest.
        pinned: bool = false,
        /// Whether no image may start as root where the workload does not set a user.
        non_root: bool = false,
        /// The days since an image was built, at the most.
        max_age_days: Option<Bounded<1, 36_500>> = None,
        /// The compressed size of an image for one platform, at the most.
        max_size: Option<QuantityParameter> = None,
    },
}

impl Parameters {
    fn wants_signature(&self) -> bool {
        self.signed || !self.identities.is_empty() || !self.attestations.is_empty()
    }

    fn wants_platforms(&self) -> bool {
        self.non_root || self.max_age_days.is_some() || self.max_size.is_some()
    }

    fn wants_anything(&self) -> bool {
        self.wants_signature() || self.wants_platforms() || self.pinned
    }
}

/// What could not be found out of images.
#[derive(Default)]
struct Open<'d> {
    failed: Vec<String>,
    unknown: Vec<(View<'d>, String)>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let images = images(input);
    if images.is_empty() {
        return not_applicable("it names no image");
    }
    let mut open = Open::default();
    let mut untrusted = false;
    for named in &images {
        let (view, who, reference) = (&named.view, named.who.as_str(), named.text());
        let Some(image) = image_facts::image(input, reference) else {
            open.unknown.push((view.clone(), format!("nothing is known of `{reference}`")));
            continue;
        };
        if image.is_missing() {
            let message = format!("{who} has the image `{reference}`, which the registry does not have");
            findings.report(Code::Missing, view, message);
            untrusted = true;
            continue;
        }
        untrusted |= check_signature(input, findings, &image, (view, who));
        check_contents(input, findings, &image, (view, who));
        if let Some(unknown) = image.unknown().filter(|_| !is_settled(input, &image)) {
            let reason = format!("`{reference}`: {}", unknown.reason);
            if unknown.failed {
                open.failed.push(reason);
            } else {
                open.unknown.push((view.clone(), reason));
            }
        }
    }
    close(input, findings, open, untrusted)
}

/// Whether all that is required of an image is known although something is not.
fn is_settled(input: &Input<'_, Parameters>, image: &Image<'_>) -> bool {
    let parameters = &input.parameters;
    image.signature().is_some() && parameters.wants_signature() && !parameters.wants_platforms() && !parameters.pinned
}

/// True when the image is not trusted.
fn check_signature(
    input: &Input<'_, Parameters>,
    findings: &mut Findings,
    image: &Image<'_>,
    (view, who): (&View<'_>, &str),
) -> bool {
    let Parameters { identities, attestations, .. } = &input.parameters;
    if !input.parameters.wants_signature() {
        return false;
    }
    let reference = view.text();
    match image.signature() {
        None => false,
        Some(Signature::Refused(reason)) => {
            let message = format!("{who} has the image `{reference}`, which the trust policy does not take: {reason}");
            findings.report(Code::Unsigned, view, message);
            true
        }
        Some(Signature::Unsigned) if identities.is_empty() && attestations.is_empty() => false,
        Some(Signature::Unsigned) => {
            let message = format!("{who} has the image `{reference}`, which nobody has to sign by the trust policy");
            findings.report(Code::WrongIdentity, view, message);
            true
        }
        Some(Signature::Verified { signers, attestations: attested }) => {
            if !identities.is_empty() && !signers.iter().any(|signer| identities.iter().any(|name| name == signer)) {
                let (by, wanted) = (quoted(&signers), quoted(&texts(identities)));
                let message = format!("{who} has the image `{reference}`, signed by {by} and by none of {wanted}");
                findings.report(Code::WrongIdentity, view, message);
                return true;
            }
            let missing: Vec<&str> = texts(attestations).into_iter().filter(|kind| !attested.contains(kind)).collect();
            if missing.is_empty() {
                return false;
            }
            let missing = quoted(&missing);
            let message = format!("{who} has the image `{reference}`, of which the trust policy verifies no {missing}");
            findings.report(Code::NotAttested, view, message);
            true
        }
    }
}

/// Names for a message.
fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn check_contents(
    input: &Input<'_, Parameters>,
    findings: &mut Findings,
    image: &Image<'_>,
    (view, who): (&View<'_>, &str),
) {
    let parameters = &input.parameters;
    let (reference, digest) = (view.text(), image.digest());
    if parameters.pinned && !digest.is_empty() && !reference.contains('@') {
        let message =
            format!("{who} has the image `{reference}`, which is `{digest}` now and another when its tag moves");
        let fix = Fix::safe("name the digest that the tag stands for").set(view, format!("{reference}@{digest}"));
        findings.report(Code::NotPinned, view, message).fix(fix);
    }
    let root = image.platforms().find(|platform| parameters.non_root && platform.is_root());
    if let Some(platform) = root.filter(|_| runs_as_image_says(input, reference)) {
        let (user, platform) = (platform.user(), platform.name());
        let user = if user.is_empty() { "no user".to_owned() } else { format!("the user `{user}`") };
        let message = format!(
            "{who} has the image `{reference}`, which sets {user} ({platform}), and neither container nor pod sets one"
        );
        findings.report(Code::Root, view, message);
    }
    if let Some(most) = parameters.max_age_days {
        let oldest = image.platforms().filter_map(|platform| platform.age_in_days()).max();
        if let Some(days) = oldest.filter(|days| *days > most.get()) {
            let message =
                format!("{who} has the image `{reference}`, built {days} days ago, more than {} days", most.get());
            findings.report(Code::TooOld, view, message);
        }
    }
    if let Some(most) = &parameters.max_size {
        let sizes = image.platforms().filter_map(|platform| Some((platform.size()?, platform.name())));
        let limit = most.value.milli() / 1000;
        if let Some((size, platform)) = sizes.max().filter(|(size, _)| i128::from(*size) > limit) {
            let mebibytes = size / (1 << 20);
            let message = format!(
                "{who} has the image `{reference}`, of {mebibytes} MiB ({platform}), more than `{}`",
                most.text
            );
            findings.report(Code::TooLarge, view, message);
        }
    }
}

/// Whether a container with the image starts as the user that the image sets.
fn runs_as_image_says(input: &Input<'_, Parameters>, reference: &str) -> bool {
    let workload = input.workload();
    let decides = |container: &Container<'_>| {
        !run_as::user(input, container).exists() && !run_as::non_root(input, container).is_true()
    };
    workload.containers().filter(|container| container.image() == reference).any(|container| decides(&container))
}

/// What is not known counts: a registry that did not answer before all that is no matter of trust.
fn close(input: &Input<'_, Parameters>, findings: &mut Findings, open: Open<'_>, untrusted: bool) -> Check {
    let required = input.parameters.wants_anything();
    if untrusted {
        return Ok(());
    }
    if !open.failed.is_empty() {
        let reasons = open.failed.join("; ");
        return if required { failed(reasons) } else { not_evaluated(reasons) };
    }
    if findings.is_empty() && !open.unknown.is_empty() {
        let reasons: Vec<String> = open.unknown.into_iter().map(|(_, reason)| reason).collect();
        return not_evaluated(reasons.join("; "));
    }
    for (view, reason) in open.unknown {
        findings.report(Code::NotKnown, &view, reason);
    }
    if findings.is_empty() && !required {
        return not_applicable("no requirement is set");
    }
    Ok(())
}
