//! PodDisruptionBudgets: how many pods of a workload may be evicted at once.

use crate::input::{Input, Related};
use crate::json::View;
use crate::kubernetes::autoscaling;
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
                reads: ["spec.selector", "spec.minAvailable", "spec.maxUnavailable"],
            },
        },
    }
    /// Where no budget selects the subject's pods: those that name one of their labels, and so may have meant them. A
    /// rule lists it behind [`DisruptionBudgets`].
    pub NearBudgets {
        reads: ["pod.metadata.labels"],
        inventory: {
            near_pdbs: {
                kinds: ["policy/PodDisruptionBudget"],
                scope: "namespace",
                unless: "pdbs",
                relation: same { there: "spec.selector.matchLabels.*", here: "pod.metadata.labels.*" },
                reads: ["spec.selector"],
            },
        },
    }
    /// The subject itself, a budget.
    pub OwnBudget {
        reads: [
            "spec.selector", "spec.minAvailable", "spec.maxUnavailable", "spec.unhealthyPodEvictionPolicy",
            "metadata.ownerReferences[*].controller",
        ],
    }
    /// The workloads whose pods the subject, a budget, selects.
    pub BudgetedWorkloads {
        inventory: {
            budgeted: {
                kinds: ["workload"],
                scope: "namespace",
                relation: selected { there: "pod.metadata.labels", here: "spec.selector" },
                reads: ["object.spec.replicas"],
            },
        },
    }
    /// What says how many pods of [`BudgetedWorkloads`] there are: their autoscalers, and the Rollouts that take their
    /// pod template, which scale in their place. A rule lists it behind those.
    pub BudgetedNumbers {
        inventory: {
            budgeted_autoscalers: {
                kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
                scope: "namespace",
                via: "budgeted",
                relation: names {
                    kind: "spec.scaleTargetRef.kind=Deployment",
                    group: "spec.scaleTargetRef.apiVersion",
                    name: "spec.scaleTargetRef.name",
                },
                reads: ["spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
            },
            budgeted_rollouts: {
                kinds: ["argoproj.io/Rollout"],
                scope: "namespace",
                via: "budgeted",
                relation: names {
                    kind: "object.spec.workloadRef.kind",
                    group: "object.spec.workloadRef.apiVersion",
                    name: "object.spec.workloadRef.name",
                },
                reads: ["object.spec.workloadRef.name"],
            },
        },
    }
    /// Where the subject, a budget, selects no workload's pods: the workloads that have one of the labels that it names,
    /// and so may be meant. A rule lists it behind [`BudgetedWorkloads`].
    pub NearWorkloads {
        reads: ["spec.selector"],
        inventory: {
            near_workloads: {
                kinds: ["workload"],
                scope: "namespace",
                unless: "budgeted",
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
pub fn selected<'d, P: Uses<BudgetedWorkloads>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("budgeted")
}

/// A workload whose pods the subject, a budget, selects, and the fewest of them that there are.
pub struct Budgeted<'d> {
    /// The workload.
    pub workload: Related<'d>,
    /// The minimum of its autoscaler, else its `replicas`, else 1. `None` where another object says how many there
    /// are, or nobody does: pods on their own, of a DaemonSet, of a Job, of a Rollout that takes the pod template.
    pub fewest: Option<i64>,
    /// The autoscaler that leaves so few.
    pub autoscaler: Option<Related<'d>>,
}

/// The workloads whose pods the subject, a budget, selects, with their numbers. Of a workload that is there several
/// times, once for each environment, the largest number counts.
pub fn counted<'d, P: Uses<BudgetedWorkloads> + Uses<BudgetedNumbers>>(input: &Input<'d, P>) -> Vec<Budgeted<'d>> {
    let count = |(position, workload): (usize, Related<'d>)| {
        let is_of_it = |other: &Related<'d>| other.via().any(|at| at == position);
        let scales = matches!(
            workload.kind(),
            "Deployment"
                | "StatefulSet"
                | "ReplicaSet"
                | "ReplicationController"
                | "Rollout"
                | "DeploymentConfig"
                | "CloneSet"
        );
        let is_lent = input.related("budgeted_rollouts").any(|rollout| is_of_it(&rollout));
        let autoscaler = input.related("budgeted_autoscalers").filter(is_of_it).min_by_key(autoscaling::minimum);
        let replicas = || workload.document.at("object.spec.replicas").as_i64().unwrap_or(1);
        let fewest = (scales && !is_lent).then(|| autoscaler.as_ref().map_or_else(replicas, autoscaling::minimum));
        Budgeted { workload, fewest, autoscaler }
    };
    let mut counted: Vec<Budgeted<'d>> = Vec::new();
    for it in selected(input).enumerate().map(count) {
        let is_same = |other: &&mut Budgeted<'d>| {
            (other.workload.kind(), other.workload.name()) == (it.workload.kind(), it.workload.name())
        };
        match counted.iter_mut().find(is_same) {
            Some(known) if known.fewest < it.fewest => *known = it,
            Some(_) => {}
            None => counted.push(it),
        }
    }
    counted
}

/// Whether a controller, an operator's, writes the subject, a budget.
pub fn is_written_by_controller<P: Uses<OwnBudget>>(input: &Input<'_, P>) -> bool {
    input.document.at("metadata.ownerReferences").items().any(|owner| owner.get("controller").is_true())
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

/// The fields of a budget's two bounds, of which the API server takes one.
pub const BOUNDS: [&str; 2] = ["minAvailable", "maxUnavailable"];

impl<'d> Bound<'d> {
    /// The bound of a budget; the API server takes only one of the two. `None` where neither can be read.
    pub fn of(budget: &View<'d>) -> Option<Self> {
        BOUNDS.into_iter().find_map(|field| Self::in_field(budget, field))
    }

    /// The bound in one of a budget's fields; `None` where it is absent or cannot be read.
    pub fn in_field(budget: &View<'d>, field: &'static str) -> Option<Self> {
        let place = budget.at("spec").get(field);
        Some(Self { field, value: IntOrString::from_view(&place)?, place })
    }

    /// Whether the API server refuses it: less than nothing, or more than all.
    pub fn is_refused(&self) -> bool {
        match self.value {
            IntOrString::Int(number) => number < 0,
            IntOrString::Percent(percent) => percent > 100,
        }
    }

    /// Whether it lets no pod be evicted, however many there are: `maxUnavailable` of nothing, `minAvailable` of all.
    pub fn forbids_all(&self) -> bool {
        matches!(
            (self.field, self.value),
            ("maxUnavailable", IntOrString::Int(0) | IntOrString::Percent(0))
                | ("minAvailable", IntOrString::Percent(100))
        )
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
    fn bounds_that_no_number_of_pods_meets() {
        for (spec, forbids, refused) in [
            (r#"{"minAvailable":"100%"}"#, true, false),
            (r#"{"minAvailable":"99%"}"#, false, false),
            (r#"{"minAvailable":0}"#, false, false),
            (r#"{"minAvailable":"101%"}"#, false, true),
            (r#"{"maxUnavailable":0}"#, true, false),
            (r#"{"maxUnavailable":"0%"}"#, true, false),
            (r#"{"maxUnavailable":"100%"}"#, false, false),
            (r#"{"maxUnavailable":-1}"#, false, true),
        ] {
            let text = format!(r#"{{"spec":{spec}}}"#);
            let json = Json::parse(&text).unwrap();
            let bound = Bound::of(&json.root()).unwrap();
            assert_eq!((bound.forbids_all(), bound.is_refused()), (forbids, refused), "{spec}");
        }
    }

    /// The names of both views' queries.
    const QUERIES: &[crate::manifest::Query] = crate::queries! {
        budgeted: { kinds: [], scope: "namespace", reads: [] },
        budgeted_autoscalers: { kinds: [], scope: "namespace", reads: [] },
        budgeted_rollouts: { kinds: [], scope: "namespace", reads: [] },
    };

    #[test]
    fn autoscalers_and_rollouts_say_how_many_pods_there_are() {
        let workload = |kind: &str, name: &str| {
            format!(
                r#"{{"subject":{{"kind":"{kind}","name":"{name}"}},"document":{{"object":{{"spec":{{"replicas":4}}}}}}}}"#
            )
        };
        let workloads =
            [("Deployment", "a"), ("StatefulSet", "b"), ("Deployment", "c"), ("DaemonSet", "d"), ("StatefulSet", "b")];
        let workloads: Vec<String> = workloads.iter().map(|(kind, name)| workload(kind, name)).collect();
        let workloads = format!("[{}]", workloads.join(","));
        let scalers = r#"[{"subject":{"kind":"HorizontalPodAutoscaler","name":"b"},"via":[1],
            "document":{"spec":{"minReplicas":2}}}]"#;
        let rollouts = r#"[{"subject":{"kind":"Rollout","name":"c"},"via":[2],"document":{}}]"#;
        look("shop", "{}", QUERIES, &[&workloads, scalers, rollouts], |input| {
            // The second `b` is of another environment, where nothing scales it.
            let fewest: Vec<Option<i64>> = counted(input).iter().map(|budgeted| budgeted.fewest).collect();
            assert_eq!(fewest, [Some(4), Some(4), None, None]);
        });
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
