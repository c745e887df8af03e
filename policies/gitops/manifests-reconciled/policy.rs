use policy_sdk::kubernetes::file::{self, OwnFile};
use policy_sdk::kubernetes::kustomized::{self, Kustomizations};
use policy_sdk::kubernetes::production::{self, Production};
use policy_sdk::prelude::*;
use policy_sdk::repository::files::{folder, is_below, joined, upwards};
use policy_sdk::settings::{DeliveryWay, ExpectedDelivery};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// What is written is deployed
    ///
    /// Where objects of Argo CD or Flux apply the files of this repository, each workload stands in a file below a
    /// path of theirs: of an Application, of a directory that an ApplicationSet generates from, or of a Kustomization
    /// of Flux. A file that a kustomization below such a path includes counts as well. That the objects are of this
    /// repository shows where a path leads to one of its kustomizations or to the file itself. Where the setting
    /// `delivery` has `gitops`, workloads of production are checked although there are no such objects. Folders of
    /// tests, examples and documentation are not checked. An Application that a chart makes is not seen, so this is a
    /// guess.
    ///
    /// Not evaluated where an ApplicationSet makes its paths from something else than directories of the repository.
    ///
    /// ## Why
    /// Manifests that nobody applies drift away from what runs. Somebody changes them, the review passes, and nothing
    /// happens; or they are applied by hand, and nothing sets them right again.
    ///
    /// ## Fix
    /// Let the controller apply the folder, or delete it:
    ///
    /// ```yaml
    /// apiVersion: argoproj.io/v1alpha1
    /// kind: Application
    /// metadata:
    ///   name: cart
    ///   namespace: argocd
    /// spec:
    ///   project: shop
    ///   source:
    ///     repoURL: https://github.com/example/shop
    ///     path: deploy/cart
    ///   destination:
    ///     server: https://kubernetes.default.svc
    ///     namespace: shop
    ///   syncPolicy:
    ///     automated: {}
    /// ```
    findings: {
        /// Nothing applies a workload
        Unapplied: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [ExpectedDelivery, Kustomizations, OwnFile, Production],
    reads: ["object.metadata.name"],
    inventory: {
        // No relation fits: paths are compared.
        applied: {
            kinds: [
                "argoproj.io/Application", "argoproj.io/ApplicationSet", "kustomize.toolkit.fluxcd.io/Kustomization",
            ],
            scope: "cluster",
            reads: [
                "spec.path", "spec.source.path", "spec.sources[*].path", "spec.template.spec.source.path",
                "spec.template.spec.sources[*].path", "spec.generators[*].git.directories[*].path",
                "spec.generators[*].matrix.generators[*].git.directories[*].path",
                "spec.generators[*].merge.generators[*].git.directories[*].path",
            ],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let own = joined("", input.document.get("file").text());
    if own.is_empty() {
        return not_applicable("it stands in no file");
    }
    if file::is_sample(input) {
        return not_applicable("its folder is one of tests, examples or documentation");
    }
    let (mut paths, mut unclear): (Vec<String>, Option<String>) = (Vec::new(), None);
    for applied in input.related("applied") {
        for path in paths_of(&applied.document) {
            if path.contains("{{") {
                unclear = Some(format!("{} `{}` makes its path from something else", applied.kind(), applied.name()));
            } else {
                paths.push(joined("", path));
            }
        }
    }
    let kustomizations: Vec<Related<'_>> = input.related("kustomizations").collect();
    let is_applied = |one: &&Related<'_>| paths.iter().any(|path| covers(path, &joined("", folder(one.name()))));
    let built: Vec<&Related<'_>> = kustomizations.iter().filter(is_applied).collect();
    if paths.iter().any(|path| covers(path, folder(&own))) {
        return Ok(());
    }
    let mut included = built.iter().flat_map(|one| kustomized::with_included(&kustomizations, one));
    if included.any(|one| kustomized::lists(&one, &own)) {
        return Ok(());
    }
    let is_expected = input.setting::<ExpectedDelivery>().contains(&DeliveryWay::GitOps);
    if built.is_empty() && !is_expected {
        return not_applicable("no Application or Kustomization applies files of this repository");
    }
    if built.is_empty() && !production::is_production(input) {
        return not_applicable("it is not of production");
    }
    if let Some(reason) = unclear {
        return not_evaluated(reason);
    }
    let message = format!("no Application and no Kustomization of Flux applies `{own}`");
    findings.report(Code::Unapplied, &input.workload().object.at("metadata.name"), message);
    Ok(())
}

/// The paths that an object of Argo CD or Flux applies. A template of an ApplicationSet whose path is made from
/// directories stands for those.
fn paths_of<'d>(document: &View<'d>) -> Vec<&'d str> {
    let generators = [
        "spec.generators[*].git.directories[*].path",
        "spec.generators[*].matrix.generators[*].git.directories[*].path",
        "spec.generators[*].merge.generators[*].git.directories[*].path",
    ];
    let directories: Vec<View<'d>> = generators.iter().flat_map(|path| document.select(path)).collect();
    let own = [
        "spec.path",
        "spec.source.path",
        "spec.sources[*].path",
        "spec.template.spec.source.path",
        "spec.template.spec.sources[*].path",
    ];
    let own = own.iter().flat_map(|path| document.select(path)).map(|place| place.text());
    let own = own.filter(|path| directories.is_empty() || !path.contains("{{"));
    directories.iter().map(|place| place.text()).chain(own).filter(|path| !path.is_empty()).collect()
}

/// Whether a folder lies below a path, which may have stars.
fn covers(path: &str, directory: &str) -> bool {
    if !path.contains('*') {
        return is_below(directory, path);
    }
    let depth = path.matches('/').count();
    upwards(directory).any(|outer| outer.matches('/').count() == depth && glob_match(path, outer))
}
