//! PodDisruptionBudgets: how many pods of a workload may be evicted at once.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;
use crate::values::int_or_string::{IntOrString, Rounding};
use crate::values::selector;

crate::usable! {
    /// The budgets that select the subject's pods.
    pub DisruptionBudgets {
        reads: ["pod.metadata.labels"],
        inventory: {
            pdbs: {
                kinds: ["policy/PodDisruptionBudget"],
                scope: "namespace",
                relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
                reads: ["spec.minAvailable", "spec.maxUnavailable"],
            },
        },
    }
    /// The budgets that name one of the pods' labels, and so may have meant them.
    pub NearBudgets {
        reads: ["pod.metadata.labels"],
        inventory: {
            near_pdbs: {
                kinds: ["policy/PodDisruptionBudget"],
                scope: "namespace",
                relation: same { there: "spec.selector.matchLabels.*", here: "pod.metadata.labels.*" },
                reads: ["spec.selector"],
            },
        },
    }
    /// The subject itself, a budget: its bounds, and the workloads whose pods it selects.
    pub OwnBudget {
        reads: ["spec.selector", "spec.minAvailable", "spec.maxUnavailable"],
        inventory: {
            budgeted: {
                kinds: ["workload"],
                scope: "namespace",
                relation: selected { there: "pod.metadata.labels", here: "spec.selector" },
                reads: ["object.spec.replicas"],
            },
        },
    }
    /// The workloads that have one of the labels that the subject, a budget, names, and so may be meant.
    pub NearWorkloads {
        reads: ["spec.selector"],
        inventory: {
            near_workloads: {
                kinds: ["workload"],
                scope: "namespace",
                relation: same { there: "pod.metadata.labels.*", here: "spec.selector.matchLabels.*" },
                reads: ["pod.metadata.labels"],
            },
        },
    }
}

/// The budgets that select the subject's pods.
pub fn budgets<'d, P: Uses<DisruptionBudgets>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("pdbs")
}

/// A budget that would select the subject's pods but for the value of one label, and that label.
pub fn near_miss<'d, P: Uses<NearBudgets>>(input: &Input<'d, P>) -> Option<(Related<'d>, String)> {
    let labels = input.workload().pod_labels();
    input.related("near_pdbs").find_map(|budget| {
        let key = selector::near_miss(&budget.document.at("spec.selector"), &labels)?.to_owned();
        Some((budget, key))
    })
}

/// The workloads whose pods the subject, a budget, selects.
pub fn selected<'d, P: Uses<OwnBudget>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("budgeted")
}

/// The workloads that the subject, a budget, may mean.
pub fn near<'d, P: Uses<NearWorkloads>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("near_workloads")
}

/// The bound that a budget sets.
pub struct Bound<'d> {
    /// `minAvailable`, or `maxUnavailable`.
    pub field: &'static str,
    /// Where it stands.
    pub place: View<'d>,
    value: IntOrString,
}

impl<'d> Bound<'d> {
    /// The bound of a budget; the API server takes only one of the two. `None` where neither can be read.
    pub fn of(budget: &View<'d>) -> Option<Self> {
        ["minAvailable", "maxUnavailable"].into_iter().find_map(|field| {
            let place = budget.at("spec").get(field);
            Some(Self { field, value: IntOrString::from_view(&place)?, place })
        })
    }

    /// How many of so many pods may be evicted while all are healthy. Percentages are rounded up for both fields.
    pub fn evictable(&self, replicas: i64) -> i64 {
        let scaled = self.value.scale(replicas, Rounding::Up).unwrap_or(i64::MAX);
        let evictable = if self.field == "minAvailable" { replicas.saturating_sub(scaled) } else { scaled };
        evictable.clamp(0, replicas.max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn bounds_are_rounded_up() {
        for (spec, replicas, evictable) in [
            (r#"{"minAvailable":1}"#, 2, Some(1)),
            (r#"{"minAvailable":3}"#, 2, Some(0)),
            (r#"{"minAvailable":"50%"}"#, 3, Some(1)),
            (r#"{"minAvailable":"100%"}"#, 5, Some(0)),
            (r#"{"maxUnavailable":"25%"}"#, 3, Some(1)),
            (r#"{"maxUnavailable":0}"#, 3, Some(0)),
            (r#"{"maxUnavailable":7}"#, 3, Some(3)),
            (r#"{"maxUnavailable":"some"}"#, 3, None),
            ("{}", 3, None),
        ] {
            let text = format!(r#"{{"spec":{spec}}}"#);
            let json = Json::parse(&text).unwrap();
            assert_eq!(Bound::of(&json.root()).map(|bound| bound.evictable(replicas)), evictable, "{spec}");
        }
    }

    #[test]
    fn a_near_miss_names_the_label() {
        let document = r#"{"pod":{"metadata":{"labels":{"app":"cart","tier":"front"}}}}"#;
        let related = r#"[{"subject":{"name":"cart"},
            "document":{"spec":{"selector":{"matchLabels":{"app":"cart","tier":"back"}}}}}]"#;
        look("shop", document, NearBudgets::QUERIES, &[related], |input| {
            let (budget, label) = near_miss(input).unwrap();
            assert_eq!((budget.name(), &*label), ("cart", "tier"));
        });
    }
}
