//! Argo Rollouts: how a new version gets its share of the requests, and what judges it.
//!
//! These views are for rules that apply to `argoproj.io/Rollout`: those for workloads are not asked about a Rollout
//! that takes its pod template from a Deployment.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The strategy of the subject, a Rollout.
    pub RolloutStrategy {
        reads: ["spec.strategy"],
    }
    /// The AnalysisTemplates that the subject, a Rollout, names in its namespace.
    pub Analyses {
        reads: ["spec.strategy"],
        inventory: {
            analyses: {
                kinds: ["argoproj.io/AnalysisTemplate"],
                scope: "namespace",
                relation: named {
                    name: [
                        "spec.strategy.canary.steps[*].analysis.templates[*].templateName",
                        "spec.strategy.canary.analysis.templates[*].templateName",
                        "spec.strategy.blueGreen.prePromotionAnalysis.templates[*].templateName",
                        "spec.strategy.blueGreen.postPromotionAnalysis.templates[*].templateName",
                    ],
                },
                reads: ["spec.args", "spec.metrics"],
            },
        },
    }
    /// The subject itself, an AnalysisTemplate or ClusterAnalysisTemplate.
    pub OwnAnalysis {
        reads: ["spec.args", "spec.metrics"],
    }
    /// The Rollouts that take their pod template from the subject, a Deployment.
    pub TemplateUsers {
        inventory: {
            template_users: {
                kinds: ["argoproj.io/Rollout"],
                scope: "namespace",
                // A Rollout is a workload, told as `object` and `pod` whatever names it.
                relation: names {
                    kind: "object.spec.workloadRef.kind",
                    group: "object.spec.workloadRef.apiVersion",
                    name: "object.spec.workloadRef.name",
                },
                reads: ["object.spec.replicas", "object.spec.workloadRef.scaleDown"],
            },
        },
    }
}

/// One step of a canary.
#[derive(Clone)]
pub struct Step<'d>(pub View<'d>);

impl<'d> Step<'d> {
    /// The share of the requests in percent that it sets, with its place.
    pub fn weight(&self) -> Option<(i64, View<'d>)> {
        let place = self.0.get("setWeight");
        Some((place.as_i64()?, place))
    }

    /// Where it waits; absent where it does not. Without a `duration` it waits for a person.
    pub fn pause(&self) -> Option<View<'d>> {
        Some(self.0.get("pause")).filter(|pause| pause.kind().is_some())
    }

    /// The templates by which it judges the new version.
    pub fn templates(&self) -> impl Iterator<Item = View<'d>> + use<'d> {
        templates_of(&self.0.get("analysis"))
    }
}

/// The steps of the subject's canary.
pub fn steps<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> impl Iterator<Item = Step<'d>> + use<'d, P> {
    canary(input).get("steps").items().map(Step)
}

/// The subject's canary; absent for another strategy.
pub fn canary<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at("spec.strategy.canary")
}

/// The subject's blue/green strategy; absent for another.
pub fn blue_green<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at("spec.strategy.blueGreen")
}

/// Where the subject names templates by which a new version is judged, in steps, in the background, and before and
/// after promotion.
pub fn templates<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> Vec<View<'d>> {
    let blue_green = blue_green(input);
    let whole = [
        canary(input).get("analysis"),
        blue_green.get("prePromotionAnalysis"),
        blue_green.get("postPromotionAnalysis"),
    ];
    steps(input).flat_map(|step| step.templates()).chain(whole.iter().flat_map(templates_of)).collect()
}

fn templates_of<'d>(analysis: &View<'d>) -> impl Iterator<Item = View<'d>> + use<'d> {
    analysis.get("templates").items().map(|template| template.get("templateName"))
}

/// The AnalysisTemplates that the subject names, as far as they are among the documents.
pub fn analyses<'d, P: Uses<Analyses>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("analyses")
}

/// The metrics of the subject, an AnalysisTemplate.
pub fn metrics<'d, P: Uses<OwnAnalysis>>(input: &Input<'d, P>) -> impl Iterator<Item = Metric<'d>> + use<'d, P> {
    input.document.at("spec.metrics").items().map(Metric)
}

/// A metric by which a new version is judged.
#[derive(Clone)]
pub struct Metric<'d>(pub View<'d>);

impl<'d> Metric<'d> {
    /// Where it says what asks for the value: the one entry of `provider`.
    pub fn provider(&self) -> Option<(&'d str, View<'d>)> {
        self.0.get("provider").entries().next()
    }

    /// Whether a bad value ends the analysis: without conditions it never fails.
    pub fn has_condition(&self) -> bool {
        ["successCondition", "failureCondition"].iter().any(|field| self.0.get(field).exists())
    }
}

/// The Rollouts that take their pod template from the subject.
pub fn template_users<'d, P: Uses<TemplateUsers>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("template_users")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn metrics_tell_their_provider() {
        let document = r#"{"spec":{"metrics":[{"provider":{"prometheus":{"query":"1"}},"successCondition":"x"},{}]}}"#;
        look("shop", document, &[], &[], |input| {
            let seen = metrics(input).map(|metric| (metric.provider().map(|(name, _)| name), metric.has_condition()));
            assert_eq!(seen.collect::<Vec<_>>(), [(Some("prometheus"), true), (None, false)]);
        });
    }

    #[test]
    fn steps_tell_weights_pauses_and_analyses() {
        let document = r#"{"spec":{"strategy":{"canary":{
            "analysis":{"templates":[{"templateName":"errors"}]},
            "steps":[{"setWeight":10},{"pause":{}},{"analysis":{"templates":[{"templateName":"latency"}]}}]}}}}"#;
        look("shop", document, &[], &[], |input| {
            let steps: Vec<Step<'_>> = steps(input).collect();
            let (weight, place) = steps[0].weight().unwrap();
            assert_eq!((weight, &*place.pointer()), (10, "/spec/strategy/canary/steps/0/setWeight"));
            assert!(steps[0].pause().is_none() && steps[1].pause().is_some() && steps[1].weight().is_none());
            let names: Vec<&str> = templates(input).iter().map(View::text).collect();
            assert_eq!(names, ["latency", "errors"]);
        });
    }
}
