//! Argo CD: Applications and the projects that bound them.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The subject itself, an Application.
    pub OwnApplication {
        reads: ["spec.project", "spec.source", "spec.sources", "spec.destination", "spec.syncPolicy"],
    }
    /// The project of the subject, an Application.
    pub OwnProject {
        reads: ["spec.project"],
        inventory: {
            own_project: {
                kinds: ["argoproj.io/AppProject"],
                scope: "namespace",
                relation: named { kind: "=AppProject", name: "spec.project=default" },
                reads: ["spec.sourceRepos", "spec.destinations", "spec.clusterResourceWhitelist"],
            },
        },
    }
    /// All Applications. No relation fits: which objects an Application applies stands in its source, so any of them
    /// may apply the subject.
    pub Applications {
        inventory: {
            applications: {
                kinds: ["argoproj.io/Application"],
                scope: "cluster",
                reads: ["spec.ignoreDifferences"],
            },
        },
    }
    /// The subject itself, an AppProject.
    pub OwnAppProject {
        reads: [
            "spec.sourceRepos", "spec.destinations", "spec.clusterResourceWhitelist",
            "spec.namespaceResourceWhitelist", "spec.roles",
        ],
    }
}

/// The sources of the subject, an Application: one, or several.
pub fn sources<'d, P: Uses<OwnApplication>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    let spec = input.document.get("spec");
    let one = Some(spec.get("source")).filter(View::exists);
    one.into_iter().chain(spec.get("sources").items())
}

/// Where the subject, an Application, says that Argo CD applies changes by itself; absent where it does not, or that
/// is switched off.
pub fn automated<'d, P: Uses<OwnApplication>>(input: &Input<'d, P>) -> Option<View<'d>> {
    let automated = input.document.at("spec.syncPolicy.automated");
    let is_on = automated.exists() && automated.get("enabled").as_bool() != Some(false);
    is_on.then_some(automated)
}

/// Whether an option of syncing is set (`CreateNamespace`), and to what, with its place.
pub fn sync_option<'d, P: Uses<OwnApplication>>(input: &Input<'d, P>, name: &str) -> Option<(&'d str, View<'d>)> {
    input.document.at("spec.syncPolicy.syncOptions").items().find_map(|option| {
        let (key, value) = option.as_str()?.split_once('=')?;
        (key == name).then_some((value, option))
    })
}

/// The project of the subject, an Application, where it is among the documents.
pub fn project<'d, P: Uses<OwnProject>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("own_project").next()
}

/// An Application that leaves a field of objects of the subject's kind as it is in the cluster: `/spec/replicas`.
pub fn ignoring<'d, P: Uses<Applications>>(input: &Input<'d, P>, pointer: &str) -> Option<Related<'d>> {
    let path = pointer.replace('/', ".");
    let names = |rule: &View<'_>, field: &str, own: &str| {
        matches!(rule.get(field).text(), "" | "*") || rule.get(field).text() == own
    };
    let ignores = |rule: View<'_>| {
        names(&rule, "kind", &input.subject.kind)
            && names(&rule, "name", &input.subject.name)
            && (rule.get("jsonPointers").items().any(|it| it.text() == pointer)
                || rule.get("jqPathExpressions").items().any(|it| it.text().trim_ascii() == path))
    };
    input.related("applications").find(|it| it.document.at("spec.ignoreDifferences").items().any(ignores))
}

/// The places at which the subject, an AppProject, admits everything: any repository, any cluster and namespace, any
/// kind of cluster-wide object.
pub fn wildcards<'d, P: Uses<OwnAppProject>>(input: &Input<'d, P>) -> Vec<View<'d>> {
    let spec = input.document.get("spec");
    let is_any = |view: &View<'_>| view.text() == "*";
    let places = |list: &str, field: &'static str| spec.get(list).items().map(move |entry| entry.get(field));
    let repositories = spec.get("sourceRepos").items();
    let destinations = places("destinations", "namespace").chain(places("destinations", "server"));
    repositories.chain(destinations).chain(places("clusterResourceWhitelist", "kind")).filter(is_any).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn an_application_says_how_it_is_synced() {
        let document = r#"{"spec":{"source":{"repoURL":"a"},"sources":[{"repoURL":"b"}],"syncPolicy":{
            "automated":{"prune":true},"syncOptions":["CreateNamespace=true","Replace"]}}}"#;
        look("argocd", document, &[], &[], |input| {
            assert_eq!(sources(input).count(), 2);
            assert_eq!(automated(input).unwrap().get("prune").pointer(), "/spec/syncPolicy/automated/prune");
            assert_eq!(sync_option(input, "CreateNamespace").map(|(value, _)| value), Some("true"));
            assert!(sync_option(input, "Replace").is_none());
        });
        let off = r#"{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}"#;
        assert!(look("argocd", off, &[], &[], |input| automated(input).is_none()));
    }

    #[test]
    fn an_application_may_ignore_a_field() {
        let ignores = |rule: &str| {
            let related =
                format!(r#"[{{"subject":{{"name":"shop"}},"document":{{"spec":{{"ignoreDifferences":[{rule}]}}}}}}]"#);
            look("shop", "{}", Applications::QUERIES, &[&related], |input| ignoring(input, "/spec/replicas").is_some())
        };
        assert!(ignores(r#"{"group":"apps","kind":"Deployment","jsonPointers":["/spec/replicas"]}"#));
        assert!(ignores(r#"{"kind":"*","jqPathExpressions":[".spec.replicas"]}"#));
        assert!(!ignores(r#"{"kind":"StatefulSet","jsonPointers":["/spec/replicas"]}"#));
        assert!(!ignores(r#"{"kind":"Deployment","name":"web","jsonPointers":["/spec/replicas"]}"#));
        assert!(!ignores(r#"{"kind":"Deployment","jsonPointers":["/spec/template"]}"#));
    }

    #[test]
    fn wildcards_of_a_project_are_found() {
        let document = r#"{"spec":{"sourceRepos":["https://a","*"],"destinations":[{"namespace":"*","server":"x"}],
            "clusterResourceWhitelist":[{"group":"*","kind":"*"}]}}"#;
        look("argocd", document, &[], &[], |input| {
            let places: Vec<String> = wildcards(input).iter().map(View::pointer).collect();
            let expected =
                ["/spec/sourceRepos/1", "/spec/destinations/0/namespace", "/spec/clusterResourceWhitelist/0/kind"];
            assert_eq!(places, expected);
        });
    }
}
