//! The Namespace of the subject.

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
    use crate::testing::look;
    use crate::uses::Usable;

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
