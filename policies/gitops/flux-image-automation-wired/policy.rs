use policy_sdk::language::comment::comments;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Flux' image automation finds what it updates
    ///
    /// An ImagePolicy names an ImageRepository that exists. A comment `# {"$imagepolicy": "namespace:name"}` behind an
    /// image or a tag names an ImagePolicy that exists; where the documents hold none, they are kept elsewhere, and
    /// nothing is said. Where the documents hold an ImageUpdateAutomation, an ImagePolicy that no such comment names
    /// is reported as information.
    ///
    /// With `require_pr_branch` an ImageUpdateAutomation pushes to another branch than the one that it reads, so that
    /// somebody reviews the update. Whether `update.path` exists is not checked, since the source may be another
    /// repository.
    ///
    /// ## Why
    /// The automation is silent about a comment that it does not understand: the image is never updated, and fixes of
    /// security faults with it.
    ///
    /// ## Fix
    /// Write the namespace and name of the ImagePolicy:
    ///
    /// ```yaml
    /// image: ghcr.io/stefanprodan/podinfo:6.5.4 # {"$imagepolicy": "flux-system:podinfo"}
    /// ```
    findings: {
        /// No ImageRepository has that name
        NoRepository: Medium, Likely, absence: ["repositories"];
        /// A comment names no ImagePolicy
        NoPolicy: Medium, Likely, absence: ["policies"];
        /// No comment names the ImagePolicy
        NoMarker: Info, Likely, absence: ["marked"];
        /// Updates go to the branch that is deployed
        NoReview: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: [
        "image.toolkit.fluxcd.io/ImagePolicy", "image.toolkit.fluxcd.io/ImageUpdateAutomation", "workload",
        "helm.toolkit.fluxcd.io/HelmRelease", "source.toolkit.fluxcd.io/OCIRepository",
    ],
    reads: [
        ":comments", "object:comments", "spec.imageRepositoryRef", "spec.update", "spec.git.push.branch",
        "spec.git.checkout.ref.branch",
    ],
    inventory: {
        repositories: {
            kinds: ["image.toolkit.fluxcd.io/ImageRepository"],
            scope: "cluster",
            relation: named {
                kind: "=ImageRepository",
                name: "spec.imageRepositoryRef.name",
                namespace: "spec.imageRepositoryRef.namespace",
            },
            reads: ["metadata.name"],
        },
        // No relations fit: the names stand in comments.
        policies: { kinds: ["image.toolkit.fluxcd.io/ImagePolicy"], scope: "cluster", reads: ["metadata.name"] },
        automations: {
            kinds: ["image.toolkit.fluxcd.io/ImageUpdateAutomation"], scope: "cluster", reads: ["metadata.name"],
        },
        // Each workload finds itself, and so none of them lists the others.
        itself: {
            kinds: ["workload"],
            scope: "namespace",
            relation: same { there: "object.metadata.name", here: "object.metadata.name" },
            reads: [],
        },
        marked: {
            kinds: [
                "workload", "file/Kustomization", "helm.toolkit.fluxcd.io/HelmRelease",
                "source.toolkit.fluxcd.io/OCIRepository",
            ],
            scope: "cluster",
            unless: "itself",
            reads: [":comments", "object:comments"],
        },
    },
    parameters: {
        /// Updates are pushed to a branch of their own.
        require_pr_branch: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    match input.subject.kind.as_str() {
        "ImagePolicy" => check_policy(input, findings),
        "ImageUpdateAutomation" => check_automation(input, findings),
        _ => check_markers(input, findings),
    }
    Ok(())
}

fn check_policy(input: &Input<'_, Parameters>, findings: &mut Findings) {
    let name = input.document.at("spec.imageRepositoryRef.name");
    if !name.text().is_empty() && input.related("repositories").next().is_none() {
        let message = format!("there is no ImageRepository `{}`, so no tag is selected", name.text());
        findings.report(Code::NoRepository, &name, message);
    }
    let own = |(namespace, policy): (&str, &str)| {
        policy == input.subject.name && (namespace == input.subject.namespace || input.subject.namespace.is_empty())
    };
    let names = |document: &View<'_>| markers(document).into_iter().any(|(_, marker)| own(marker));
    if input.related("automations").next().is_some() && !input.related("marked").any(|it| names(&it.document)) {
        let message = format!("no comment `$imagepolicy` names `{}`, so nothing is updated by it", input.subject.name);
        findings.report(Code::NoMarker, &input.document.at("metadata.name"), message);
    }
}

fn check_automation(input: &Input<'_, Parameters>, findings: &mut Findings) {
    let git = input.document.at("spec.git");
    let (push, checkout) = (git.at("push.branch"), git.at("checkout.ref.branch"));
    let is_same = push.text().is_empty() || push.text() == checkout.text();
    if input.parameters.require_pr_branch && is_same {
        let message = "updates are pushed to the branch that they are read from, so nobody reviews them";
        findings.report(Code::NoReview, &push, message);
    }
    // A kustomization knows no objects, so its comments are checked from here.
    let update = input.document.at("spec.update");
    for kustomization in input.related("marked").filter(|it| it.group() == ":file") {
        for (_, (namespace, name)) in markers(&kustomization.document) {
            if let Some(message) = missing(input, namespace, name) {
                findings.report(Code::NoPolicy, &update, format!("{message}, in `{}`", kustomization.name()));
            }
        }
    }
}

fn check_markers(input: &Input<'_, Parameters>, findings: &mut Findings) {
    for (place, (namespace, name)) in markers(&input.document) {
        if let Some(message) = missing(input, namespace, name) {
            findings.report(Code::NoPolicy, &place, message);
        }
    }
}

/// What is wrong with a comment that names no ImagePolicy. Where there is none at all, they are kept elsewhere.
fn missing(input: &Input<'_, Parameters>, namespace: &str, name: &str) -> Option<String> {
    let mut policies = input.related("policies").peekable();
    policies.peek()?;
    let is_meant = |it: Related<'_>| it.name() == name && (it.namespace() == namespace || it.namespace().is_empty());
    let is_there = policies.any(is_meant);
    let message =
        format!("there is no ImagePolicy `{name}` in the namespace `{namespace}`, so its comment does nothing");
    (!is_there).then_some(message)
}

/// The ImagePolicies that comments of a document name, by namespace and name, with the comments.
fn markers<'d>(document: &View<'d>) -> Vec<(View<'d>, (&'d str, &'d str))> {
    let trees = [":comments", "object:comments"].map(|tree| document.get(tree));
    let of = |text: View<'d>| {
        let (_, value) = text.text().split_once("\"$imagepolicy\"")?;
        let value = value.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let mut parts = value.split('"').next()?.split(':');
        Some((text, (parts.next()?, parts.next()?)))
    };
    trees.iter().flat_map(comments).filter_map(|comment| of(comment.text())).collect()
}
