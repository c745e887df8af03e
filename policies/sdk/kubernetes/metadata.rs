//! The metadata of an object, whether or not it is a workload.

use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The name, namespace, labels and annotations of the subject, and who controls it.
    pub OwnMetadata {
        reads: [
            "metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations",
            "metadata.ownerReferences[*].kind", "object.metadata.name", "object.metadata.namespace",
            "object.metadata.labels", "object.metadata.annotations", "object.metadata.ownerReferences[*].kind",
        ],
    }
}

/// The metadata of the subject: of a workload that of the object, not of its pods.
pub fn metadata<'d, P: Uses<OwnMetadata>>(input: &Input<'d, P>) -> View<'d> {
    let object = input.document.get("object");
    if object.exists() { object.get("metadata") } else { input.document.get("metadata") }
}

/// Where a finding about a mapping of metadata (`labels`, `annotations`) stands that may be absent.
pub fn place<'d>(metadata: &View<'d>, field: &str) -> View<'d> {
    let place = metadata.get(field);
    if place.exists() { place } else { metadata.get("name") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn the_metadata_of_workloads_is_that_of_the_object() {
        let pointers = |document: &str| {
            look("shop", document, &[], &[], |input| {
                let metadata = metadata(input);
                (metadata.pointer(), place(&metadata, "labels").pointer())
            })
        };
        let plain = r#"{"metadata":{"name":"a"}}"#;
        assert_eq!(pointers(plain), ("/metadata".into(), "/metadata/name".into()));
        let workload = r#"{"object":{"metadata":{"name":"a","labels":{"b":"c"}}},"pod":{}}"#;
        assert_eq!(pointers(workload), ("/object/metadata".into(), "/object/metadata/labels".into()));
    }
}
