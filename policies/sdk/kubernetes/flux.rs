//! Flux: what it applies (Kustomization, HelmRelease), and where that comes from.

use crate::input::{Input, Related};
use crate::json::View;
use crate::repository::files::{is_below, joined};
use crate::uses::Uses;

crate::usable! {
    /// The subject itself, a Kustomization of Flux.
    pub OwnKustomization {
        reads: [
            "spec.interval", "spec.path", "spec.prune", "spec.wait", "spec.timeout", "spec.retryInterval",
            "spec.sourceRef", "spec.dependsOn", "spec.healthChecks", "spec.targetNamespace", "spec.decryption",
        ],
    }
    /// The subject itself, a HelmRelease.
    pub OwnHelmRelease {
        reads: [
            "spec.interval", "spec.timeout", "spec.chart", "spec.chartRef", "spec.install", "spec.upgrade",
            "spec.rollback", "spec.test", "spec.values", "spec.valuesFrom",
        ],
    }
    /// The source that the subject, a Kustomization or a HelmRelease, names.
    pub Sources {
        reads: ["spec.sourceRef", "spec.chart.spec.sourceRef", "spec.chartRef"],
        inventory: {
            sources: {
                kinds: [
                    "source.toolkit.fluxcd.io/GitRepository", "source.toolkit.fluxcd.io/OCIRepository",
                    "source.toolkit.fluxcd.io/HelmRepository", "source.toolkit.fluxcd.io/Bucket",
                    "source.toolkit.fluxcd.io/HelmChart",
                ],
                scope: "cluster",
                relation: named {
                    kind: "spec.sourceRef.kind|spec.chart.spec.sourceRef.kind|spec.chartRef.kind",
                    name: "spec.sourceRef.name|spec.chart.spec.sourceRef.name|spec.chartRef.name",
                    namespace: "spec.sourceRef.namespace|spec.chart.spec.sourceRef.namespace|spec.chartRef.namespace",
                },
                reads: ["spec.url", "spec.ref", "spec.interval", "spec.verify", "spec.secretRef", "spec.insecure"],
            },
        },
    }
    /// The Kustomizations of Flux that replace variables in what they apply. No relation fits: what they apply lies
    /// below their path.
    pub SubstitutingKustomizations {
        inventory: {
            substituting_kustomizations: {
                kinds: ["kustomize.toolkit.fluxcd.io/Kustomization"],
                scope: "cluster",
                reads: ["spec.path", "spec.postBuild"],
            },
        },
    }
    /// The subject itself, a source.
    pub OwnSource {
        reads: ["spec.url", "spec.ref", "spec.interval", "spec.verify", "spec.secretRef", "spec.insecure"],
    }
}

/// Where the subject, a Kustomization or a HelmRelease, names its source.
pub fn source_ref<'d, P: Uses<Sources>>(input: &Input<'d, P>) -> View<'d> {
    let places = ["spec.sourceRef", "spec.chart.spec.sourceRef", "spec.chartRef"].map(|path| input.document.at(path));
    let [first, ..] = &places;
    places.iter().find(|place| place.exists()).unwrap_or(first).clone()
}

/// The source that the subject names, where it is among the documents.
pub fn source<'d, P: Uses<Sources>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("sources").next()
}

/// The version of its chart that the subject, a HelmRelease, asks for; absent for the latest.
pub fn chart_version<'d, P: Uses<OwnHelmRelease>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at("spec.chart.spec.version")
}

/// Whether the subject, a HelmRelease, tries an upgrade again or undoes it where it fails. What the last failure
/// leaves is undone unless that is switched off, as soon as there are retries.
pub fn mends_upgrades<P: Uses<OwnHelmRelease>>(input: &Input<'_, P>) -> bool {
    let upgrade = input.document.at("spec.upgrade");
    let remediation = upgrade.get("remediation");
    // A negative number is without end.
    upgrade.at("strategy.name").text() == "RetryOnFailure"
        || remediation.get("retries").as_i64().is_some_and(|retries| retries != 0)
        || remediation.get("remediateLastFailure").is_true()
}

/// The Kustomization of Flux that replaces variables in the subject's file. The rule uses
/// [`OwnFile`](super::file::OwnFile).
pub fn substituting<'d, P: Uses<SubstitutingKustomizations> + Uses<super::file::OwnFile>>(
    input: &Input<'d, P>,
) -> Option<Related<'d>> {
    let file = joined("", input.document.get("file").text());
    input.related("substituting_kustomizations").find(|it| {
        let build = it.document.at("spec.postBuild");
        let replaces = ["substitute", "substituteFrom"].iter().any(|field| !build.get(field).is_empty());
        replaces && is_below(&file, &joined("", it.document.at("spec.path").text()))
    })
}

/// What a source's document follows, with its place: a branch, which moves, a tag, a commit, a digest, or a range of
/// versions.
pub fn reference<'d>(source: &View<'d>) -> Option<(&'static str, View<'d>)> {
    // In the order in which the controllers take them.
    const FIELDS: [&str; 6] = ["digest", "commit", "name", "semver", "tag", "branch"];
    let reference = source.at("spec.ref");
    FIELDS.into_iter().map(|field| (field, reference.get(field))).find(|(_, place)| place.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn a_source_is_named_by_release_and_kustomization() {
        let git = r#"[{"subject":{"kind":"GitRepository","name":"shop"},
            "document":{"spec":{"ref":{"branch":"main","commit":"abc"}}}}]"#;
        for (document, place) in [
            (r#"{"spec":{"sourceRef":{"name":"shop"}}}"#, "/spec/sourceRef"),
            (r#"{"spec":{"chart":{"spec":{"sourceRef":{"name":"shop"}}}}}"#, "/spec/chart/spec/sourceRef"),
            (r#"{"spec":{"chartRef":{"name":"shop"}}}"#, "/spec/chartRef"),
            (r#"{"spec":{}}"#, "/spec/sourceRef"),
        ] {
            look("shop", document, Sources::QUERIES, &[git], |input| {
                assert_eq!(source_ref(input).pointer(), place);
                let (field, value) = reference(&source(input).unwrap().document).unwrap();
                assert_eq!((field, value.text()), ("commit", "abc"));
            });
        }
    }

    #[test]
    fn variables_are_replaced_below_a_path() {
        let of = |path: &str, build: &str| {
            let flux = format!(r#"[{{"subject":{{}},"document":{{"spec":{{"path":"{path}","postBuild":{build}}}}}}}]"#);
            let document = r#"{"file":"apps/prod/cart.yaml"}"#;
            look("shop", document, SubstitutingKustomizations::QUERIES, &[&flux], |input| substituting(input).is_some())
        };
        let replaced = r#"{"substitute":{"tag":"1"}}"#;
        assert!(of("./apps", replaced) && of("./", replaced) && of("apps/prod", replaced));
        assert!(!of("./app", replaced) && !of("./apps", "{}"));
    }

    #[test]
    fn upgrades_are_mended_by_retries_or_by_undoing() {
        for (upgrade, mends) in [
            ("{}", false),
            (r#"{"remediation":{"retries":0}}"#, false),
            (r#"{"remediation":{"retries":-1}}"#, true),
            (r#"{"remediation":{"remediateLastFailure":true}}"#, true),
            (r#"{"strategy":{"name":"RetryOnFailure"}}"#, true),
        ] {
            let document = format!(r#"{{"spec":{{"upgrade":{upgrade}}}}}"#);
            assert_eq!(look("shop", &document, &[], &[], mends_upgrades), mends, "{upgrade}");
        }
        look("shop", r#"{"spec":{}}"#, &[], &[], |input| assert!(!chart_version(input).exists()));
    }
}
