//! PriorityClasses: which the subject's pods name, and which there are.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The PriorityClass that the subject's pods name.
    pub OwnPriorityClass {
        reads: ["pod.spec.priorityClassName"],
        inventory: {
            own_priority_class: {
                kinds: ["scheduling.k8s.io/PriorityClass"],
                scope: "cluster",
                relation: named { kind: "=PriorityClass", name: "pod.spec.priorityClassName" },
                reads: ["metadata.name"],
            },
        },
    }
    /// All PriorityClasses. No relation fits: what counts are those that the subject does not name, the default one and
    /// what a mistyped name may mean. A cluster has a handful.
    pub PriorityClasses {
        inventory: {
            priority_classes: {
                kinds: ["scheduling.k8s.io/PriorityClass"],
                scope: "cluster",
                reads: ["globalDefault"],
            },
        },
    }
}

/// Where the subject's pods name their class.
pub fn class_name<'d, P: Uses<OwnPriorityClass>>(input: &Input<'d, P>) -> View<'d> {
    input.workload().spec().get("priorityClassName")
}

/// The class that the subject's pods name, where it is among the documents.
pub fn own_class<'d, P: Uses<OwnPriorityClass>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("own_priority_class").next()
}

/// Whether every cluster has a class of that name.
pub fn is_built_in(name: &str) -> bool {
    matches!(name, "system-node-critical" | "system-cluster-critical")
}

/// Whether a class stands for pods that name none.
pub fn has_default<P: Uses<PriorityClasses>>(input: &Input<'_, P>) -> bool {
    input.related("priority_classes").any(|class| class.document.get("globalDefault").is_true())
}

/// All classes that are known.
pub fn classes<'d, P: Uses<PriorityClasses>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("priority_classes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn one_class_may_stand_for_all_others() {
        let seen = |related: &str| {
            look("shop", "{}", PriorityClasses::QUERIES, &[related], |input| {
                (classes(input).count(), has_default(input))
            })
        };
        let class =
            |default: bool| format!(r#"[{{"subject":{{"name":"low"}},"document":{{"globalDefault":{default}}}}}]"#);
        assert_eq!((seen("[]"), seen(&class(false)), seen(&class(true))), ((0, false), (1, false), (1, true)));
        assert!(is_built_in("system-node-critical") && !is_built_in("system-critical"));
    }

    #[test]
    fn a_class_is_named_by_the_pods() {
        let document = r#"{"pod":{"spec":{"priorityClassName":"low"}}}"#;
        let class = r#"[{"subject":{"name":"low"},"document":{}}]"#;
        look("shop", document, OwnPriorityClass::QUERIES, &[class], |input| {
            assert_eq!(class_name(input).text(), own_class(input).unwrap().name());
        });
    }
}
