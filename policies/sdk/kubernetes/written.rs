//! Who wrote an object: a person, a kustomization, or a cluster and its controllers.

use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// Whether the subject, a workload, was taken from a cluster.
    pub FromCluster {
        reads: ["object.metadata.uid"],
    }
    /// Whether an object writes the subject, a workload.
    pub Owned {
        reads: ["object.metadata.ownerReferences[*].kind"],
    }
}

/// Whether the subject is as a cluster has it, with what the API server and controllers filled in: what looks like a
/// choice there may be nobody's.
pub fn is_from_cluster<P: Uses<FromCluster>>(input: &Input<'_, P>) -> bool {
    input.workload().object.at("metadata.uid").exists()
}

/// The kind of the object that writes the subject: an operator's.
pub fn owner<'d, P: Uses<Owned>>(input: &Input<'d, P>) -> Option<View<'d>> {
    input.workload().object.at("metadata.ownerReferences").items().map(|owner| owner.get("kind")).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn a_uid_is_given_by_a_cluster() {
        let seen = |document: &str| {
            look("shop", document, &[], &[], |input| {
                (is_from_cluster(input), owner(input).map(|kind| kind.text().to_owned()))
            })
        };
        assert_eq!(seen(r#"{"object":{"metadata":{"name":"cart"}}}"#), (false, None));
        let owned = r#"{"object":{"metadata":{"uid":"9","ownerReferences":[{"kind":"Prometheus"}]}}}"#;
        assert_eq!(seen(owned), (true, Some("Prometheus".into())));
    }
}
