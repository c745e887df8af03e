//! The Namespace of the subject, and the one Namespace that stands for its cluster.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The Namespace of the subject, with its labels and annotations.
    pub OwnNamespace {
        inventory: {
            own_namespace: {
                kinds: ["core/Namespace"],
                scope: "cluster",
                relation: of { there: "namespace" },
                reads: ["metadata.labels", "metadata.annotations"],
            },
        },
    }
    /// Whether the subject, a Namespace, stands for its cluster, so that what is true of the cluster is told once. No
    /// relation fits: it is the first of all.
    pub ClusterNamespace {
        reads: ["metadata.name", "metadata.uid"],
        inventory: {
            namespaces: { kinds: ["core/Namespace"], scope: "cluster", reads: [] },
        },
    }
}

/// What is known of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cluster {
    /// It is a live one: its objects are all there.
    Live,
    /// Files say what is in it.
    Written,
}

/// The cluster that the subject, a Namespace, stands for: of a live one that is `kube-system`, of files the Namespace
/// whose name comes first. `None` for all others.
pub fn cluster<P: Uses<ClusterNamespace>>(input: &Input<'_, P>) -> Option<Cluster> {
    let name = &input.subject.name;
    if input.document.at("metadata.uid").exists() {
        return (name == "kube-system").then_some(Cluster::Live);
    }
    let is_first = input.related("namespaces").all(|other| other.name() >= name.as_str());
    is_first.then_some(Cluster::Written)
}

/// The Namespace of the subject, where it is among the documents.
pub fn namespace<'d, P: Uses<OwnNamespace>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("own_namespace").next()
}

/// The value of a label of the subject's Namespace; `None` where the Namespace is not among the documents.
pub fn label<'d, P: Uses<OwnNamespace>>(input: &Input<'d, P>, key: &str) -> Option<View<'d>> {
    namespace(input).map(|namespace| namespace.document.at("metadata.labels").get(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{look, look_as};
    use crate::uses::Usable;

    #[test]
    fn one_namespace_stands_for_its_cluster() {
        let of = |document: &str, others: &str| {
            look_as(("Namespace", ""), document, ClusterNamespace::QUERIES, &[others], cluster)
        };
        // Every subject here is called `cart`.
        let other = |name: &str| format!(r#"[{{"subject":{{"name":"{name}"}},"document":{{}}}}]"#);
        assert_eq!(of("{}", &other("cart")), Some(Cluster::Written));
        assert_eq!((of("{}", &other("shop")), of("{}", &other("base"))), (Some(Cluster::Written), None));
        assert_eq!(of(r#"{"metadata":{"uid":"1"}}"#, "[]"), None);
    }

    #[test]
    fn a_namespace_that_is_not_known_has_no_labels() {
        let known = r#"[{"subject":{"name":"shop"},"document":{"metadata":{"labels":{"a":"b"}}}}]"#;
        let label_of = |related: &str, key: &str| {
            look("shop", "{}", OwnNamespace::QUERIES, &[related], |input| {
                label(input, key).map(|label| label.text().to_owned())
            })
        };
        assert_eq!(label_of(known, "a").as_deref(), Some("b"));
        assert_eq!(label_of(known, "c").as_deref(), Some(""));
        assert_eq!(label_of("[]", "a"), None);
    }
}
