use policy_sdk::kubernetes::images::{Images, images};
use policy_sdk::prelude::*;
use policy_sdk::settings::FirstParty;
use policy_sdk::values::image::ImageReference;

policy_sdk::rule! {
    /// Workloads of one release run one version of an image
    ///
    /// Workloads of one namespace with the same `app.kubernetes.io/instance` (the Deployment, its Jobs and CronJobs,
    /// their init containers) name the same tag, or digest, of each repository that they share. Where `firstParty` is
    /// set, only those repositories are compared. The version that most containers have is the right one; where as many
    /// have another, that of the workload which runs all the time.
    ///
    /// A canary is meant to differ: Rollouts, workloads that are called `…-canary` or `…-primary`, and those labelled
    /// `track: canary` are left out.
    ///
    /// ## Why
    /// A migration of one version and a server of another do not know each other's schema. A CronJob whose image nobody
    /// raised goes on running the code of last year.
    ///
    /// ## Fix
    /// Set the tag in one place for all of them: a value of the chart, or `images` of the kustomization:
    ///
    /// ```yaml
    /// images:
    /// - name: registry.example.com/shop/cart
    ///   newTag: 1.4.2
    /// ```
    findings: {
        /// A workload of the release runs another version
        OtherVersion: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [FirstParty, Images],
    reads: ["object.metadata.labels"],
    inventory: {
        release: {
            kinds: ["workload"],
            scope: "namespace",
            relation: same {
                there: "object.metadata.labels[\"app.kubernetes.io/instance\"]",
                here: "object.metadata.labels[\"app.kubernetes.io/instance\"]",
            },
            reads: ["object.metadata.labels", "container.image"],
        },
    },
}

/// A version of a repository, and what has it.
struct Version<'d> {
    /// The tag, else the digest.
    text: &'d str,
    containers: usize,
    /// Whether a workload that runs all the time has it.
    is_running: bool,
    holder: Related<'d>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.object.at("metadata.labels").get("app.kubernetes.io/instance").text().is_empty() {
        return not_applicable("it does not say of which release it is (`app.kubernetes.io/instance`)");
    }
    if is_canary(&workload, &input.subject.name) {
        return not_applicable("it is a canary, or has one, which runs another version on purpose");
    }
    let own = input.setting::<FirstParty>();
    let others: Vec<Related<'_>> =
        input.related("release").filter(|other| !is_canary(&other.workload(), other.name())).collect();
    for image in images(input) {
        let Some(reference) = image.reference() else { continue };
        if !own.is_empty() && !own.iter().any(|entry| reference.matches_allowed(entry)) {
            continue;
        }
        let Some(text) = version(&reference) else { continue };
        let versions = versions(&others, &reference);
        let right = versions.iter().max_by_key(|version| (version.containers, version.is_running));
        let Some(right) = right.filter(|right| right.text != text) else { continue };
        let own_version = versions.iter().find(|version| version.text == text);
        let is_tie =
            own_version.is_some_and(|own| (own.containers, own.is_running) == (right.containers, right.is_running));
        // Of two that nothing tells apart the one with the smaller text is reported, so that only one is.
        if is_tie && text > right.text {
            continue;
        }
        let message = format!(
            "{} has the image `{}`, and the release runs `{}` of it elsewhere",
            image.who,
            image.text(),
            right.text
        );
        let label = format!("{} `{}` has `{}`", right.holder.kind(), right.holder.name(), right.text);
        let there = right.holder.document.clone();
        let report = findings.report(Code::OtherVersion, &image.view, message).label_in(&right.holder, &there, label);
        image.others.iter().fold(report, |report, other| report.label(other, "here too"));
    }
    Ok(())
}

/// The versions of a repository in a release.
fn versions<'d>(others: &[Related<'d>], reference: &ImageReference<'_>) -> Vec<Version<'d>> {
    let repository = reference.repository();
    let mut versions: Vec<Version<'d>> = Vec::new();
    for other in others {
        let workload = other.workload();
        for container in workload.containers() {
            let parsed = ImageReference::parse(container.image()).filter(|one| one.repository() == repository);
            let Some(text) = parsed.as_ref().and_then(|one| version(one)) else { continue };
            let is_running = workload.is_long_running() || workload.kind() == "DaemonSet";
            match versions.iter_mut().find(|known| known.text == text) {
                Some(known) => {
                    known.containers += 1;
                    known.is_running |= is_running;
                }
                None => versions.push(Version { text, containers: 1, is_running, holder: other.clone() }),
            }
        }
    }
    versions.sort_by(|one, other| one.text.cmp(other.text));
    versions
}

/// The tag, which decides also beside a digest; else the digest.
fn version<'d>(reference: &ImageReference<'d>) -> Option<&'d str> {
    reference.tag.or(reference.digest).or(Some("latest"))
}

/// Whether a workload is one of a pair of which one runs another version on purpose.
fn is_canary(workload: &Workload<'_>, name: &str) -> bool {
    let label = |key: &str| workload.object.at("metadata.labels").get(key).text();
    workload.kind() == "Rollout"
        || ["-canary", "-primary", "-preview"].iter().any(|suffix| name.ends_with(suffix))
        || ["track", "app.kubernetes.io/track"].iter().any(|key| label(key) == "canary")
}
