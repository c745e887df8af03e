//! Argo Rollouts: how a new version gets its share of the requests, and what analyses it.
//!
//! These views are for rules that apply to `argoproj.io/Rollout`: those for workloads are not asked about a Rollout
//! that takes its pod template from a Deployment. A Rollout is told as `object` and `pod`, whatever names it.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;
use crate::values::duration::parse_millis;

crate::usable! {
    /// The strategy of the subject, a Rollout.
    pub RolloutStrategy {
        reads: ["object.spec.strategy"],
    }
    /// The templates of analyses that the subject, a Rollout, names: AnalysisTemplates of its namespace, and
    /// ClusterAnalysisTemplates.
    pub Analyses {
        inventory: {
            analyses: {
                kinds: ["argoproj.io/AnalysisTemplate"],
                scope: "namespace",
                relation: named {
                    kind: "=AnalysisTemplate",
                    name: [
                        "object.spec.strategy.canary.steps[*].analysis.templates[*].templateName",
                        "object.spec.strategy.canary.steps[*].experiment.analyses[*].templateName",
                        "object.spec.strategy.canary.analysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.prePromotionAnalysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.postPromotionAnalysis.templates[*].templateName",
                    ],
                },
                reads: [
                    "spec.args", "spec.metrics", "spec.metrics[*].provider.prometheus.query:promql", "spec.templates",
                ],
            },
            cluster_analyses: {
                kinds: ["argoproj.io/ClusterAnalysisTemplate"],
                scope: "cluster",
                relation: named {
                    kind: "=ClusterAnalysisTemplate",
                    name: [
                        "object.spec.strategy.canary.steps[*].analysis.templates[*].templateName",
                        "object.spec.strategy.canary.steps[*].experiment.analyses[*].templateName",
                        "object.spec.strategy.canary.analysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.prePromotionAnalysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.postPromotionAnalysis.templates[*].templateName",
                    ],
                },
                reads: [
                    "spec.args", "spec.metrics", "spec.metrics[*].provider.prometheus.query:promql", "spec.templates",
                ],
            },
        },
    }
    /// The Rollouts that name the subject, an AnalysisTemplate or ClusterAnalysisTemplate.
    pub AnalysisUsers {
        inventory: {
            analysis_users: {
                kinds: ["argoproj.io/Rollout"],
                scope: "namespace",
                relation: names {
                    kind: "=AnalysisTemplate",
                    name: [
                        "object.spec.strategy.canary.steps[*].analysis.templates[*].templateName",
                        "object.spec.strategy.canary.steps[*].experiment.analyses[*].templateName",
                        "object.spec.strategy.canary.analysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.prePromotionAnalysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.postPromotionAnalysis.templates[*].templateName",
                    ],
                },
                reads: ["object.spec.strategy"],
            },
            cluster_analysis_users: {
                kinds: ["argoproj.io/Rollout"],
                scope: "cluster",
                relation: names {
                    kind: "=ClusterAnalysisTemplate",
                    name: [
                        "object.spec.strategy.canary.steps[*].analysis.templates[*].templateName",
                        "object.spec.strategy.canary.steps[*].experiment.analyses[*].templateName",
                        "object.spec.strategy.canary.analysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.prePromotionAnalysis.templates[*].templateName",
                        "object.spec.strategy.blueGreen.postPromotionAnalysis.templates[*].templateName",
                    ],
                },
                reads: ["object.spec.strategy"],
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
    /// The share of the requests that it sets, with its place: percent, unless the canary says what the whole is.
    pub fn weight(&self) -> Option<(i64, View<'d>)> {
        let place = self.0.get("setWeight");
        Some((place.as_i64()?, place))
    }

    /// How long it holds the weight before it.
    pub fn hold(&self) -> Hold {
        let pause = self.0.get("pause");
        if ["analysis", "experiment", "plugin"].iter().any(|kind| self.0.get(kind).exists()) {
            return Hold::UntilDone;
        }
        match (pause.kind(), pause.get("duration")) {
            (None, _) => Hold::Not,
            (_, duration) if !duration.exists() => Hold::UntilSomebody,
            (_, duration) => duration.scalar_text().and_then(parse_millis).map_or(Hold::Unclear, Hold::Millis),
        }
    }
}

/// How long a step of a canary holds a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It goes on at once.
    Not,
    /// For so many milliseconds.
    Millis(i64),
    /// Until its analysis, experiment or plugin has ended.
    UntilDone,
    /// Until a person lets it go on.
    UntilSomebody,
    /// For a time that cannot be read.
    Unclear,
}

/// The steps of the subject's canary.
pub fn steps<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> impl Iterator<Item = Step<'d>> + use<'d, P> {
    canary(input).get("steps").items().map(Step)
}

/// The first share of the requests above none that the subject's canary sets, with its place.
pub fn first_weight<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> Option<(i64, View<'d>)> {
    steps(input).filter_map(|step| step.weight()).find(|(weight, _)| *weight > 0)
}

/// Whether a canary may run a pod beyond its replicas: `maxSurge`, a quarter where it is not written, is more than
/// none.
pub fn may_surge(canary: &View<'_>) -> bool {
    !matches!(canary.get("maxSurge").scalar_text(), Some("0" | "0%"))
}

/// The weight that stands for all requests.
pub fn whole_weight<P: Uses<RolloutStrategy>>(input: &Input<'_, P>) -> i64 {
    canary(input).at("trafficRouting.maxTrafficWeight").as_i64().filter(|whole| *whole > 0).unwrap_or(100)
}

/// The subject's canary; absent for another strategy.
pub fn canary<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at("object.spec.strategy.canary")
}

/// The subject's blue/green strategy; absent for another.
pub fn blue_green<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at("object.spec.strategy.blueGreen")
}

/// When an analysis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As a step of the canary, which waits for it.
    Step,
    /// Beside an experiment, as long as that takes.
    Experiment,
    /// Beside the steps, until the last of them is done.
    Background,
    /// Before the new version gets requests.
    BeforePromotion,
    /// After the new version gets requests.
    AfterPromotion,
}

/// Where a Rollout has a new version analysed.
#[derive(Clone)]
pub struct Analysis<'d> {
    /// Where it stands.
    pub view: View<'d>,
    /// When it runs.
    pub when: When,
}

impl<'d> Analysis<'d> {
    /// Where it names templates: entries with `templateName`.
    pub fn references(&self) -> Vec<View<'d>> {
        if self.when == When::Experiment {
            vec![self.view.clone()]
        } else {
            self.view.get("templates").items().collect()
        }
    }

    /// Whether the Rollout goes on only when it has ended.
    pub fn is_waited_for(&self) -> bool {
        matches!(self.when, When::Step | When::BeforePromotion | When::AfterPromotion)
    }
}

/// Where the subject, a Rollout, has a new version analysed.
pub fn own_analyses<'d, P: Uses<RolloutStrategy>>(input: &Input<'d, P>) -> Vec<Analysis<'d>> {
    analyses_of(&input.document)
}

/// Whether an analysis or an experiment of the subject, a Rollout, can stop a new version.
pub fn is_analysed<P: Uses<RolloutStrategy>>(input: &Input<'_, P>) -> bool {
    let names =
        |analysis: &Analysis<'_>| analysis.references().iter().any(|it| !it.get("templateName").text().is_empty());
    own_analyses(input).iter().any(names) || steps(input).any(|step| step.0.get("experiment").exists())
}

/// Where a Rollout that names the subject, a template, has a new version analysed with it, with that Rollout and the
/// place of the name.
pub fn users<'d, P: Uses<AnalysisUsers>>(input: &Input<'d, P>) -> Vec<(Related<'d>, Analysis<'d>, View<'d>)> {
    let is_cluster = input.subject.kind == "ClusterAnalysisTemplate";
    let mut users = Vec::new();
    for rollout in input.related(if is_cluster { "cluster_analysis_users" } else { "analysis_users" }) {
        for analysis in analyses_of(&rollout.document) {
            for reference in analysis.references() {
                let name = reference.get("templateName");
                if is_of_cluster(&reference) == is_cluster && name.text() == input.subject.name {
                    users.push((rollout.clone(), analysis.clone(), name));
                }
            }
        }
    }
    users
}

fn analyses_of<'d>(rollout: &View<'d>) -> Vec<Analysis<'d>> {
    let strategy = rollout.at("object.spec.strategy");
    let (canary, blue_green) = (strategy.get("canary"), strategy.get("blueGreen"));
    let of_steps = canary.get("steps").items().flat_map(|step| {
        let of_experiment = step.at("experiment.analyses").items().map(|view| (view, When::Experiment));
        of_experiment.chain([(step.get("analysis"), When::Step)])
    });
    let whole = [
        (canary.get("analysis"), When::Background),
        (blue_green.get("prePromotionAnalysis"), When::BeforePromotion),
        (blue_green.get("postPromotionAnalysis"), When::AfterPromotion),
    ];
    let all = of_steps.chain(whole).filter(|(view, _)| view.exists());
    all.map(|(view, when)| Analysis { view, when }).collect()
}

/// Whether an entry with `templateName` names a ClusterAnalysisTemplate.
pub fn is_of_cluster(reference: &View<'_>) -> bool {
    reference.get("clusterScope").is_true()
}

/// The templates that an entry with `templateName` names, as far as they are among the documents. Where several have
/// that name, it is not known which is meant.
pub fn templates<'d, P: Uses<Analyses>>(input: &Input<'d, P>, reference: &View<'d>) -> Vec<Related<'d>> {
    let query = if is_of_cluster(reference) { "cluster_analyses" } else { "analyses" };
    input.related(query).filter(|template| template.name() == reference.get("templateName").text()).collect()
}

/// The metrics of the subject, an AnalysisTemplate.
pub fn metrics<'d, P: Uses<OwnAnalysis>>(input: &Input<'d, P>) -> impl Iterator<Item = Metric<'d>> + use<'d, P> {
    metrics_of(&input.document)
}

/// The metrics of a template.
pub fn metrics_of<'d>(template: &View<'d>) -> impl Iterator<Item = Metric<'d>> + use<'d> {
    template.at("spec.metrics").items().map(Metric)
}

/// A metric by which a new version is analysed.
#[derive(Clone)]
pub struct Metric<'d>(pub View<'d>);

impl<'d> Metric<'d> {
    /// Its name.
    pub fn name(&self) -> &'d str {
        self.0.get("name").text()
    }

    /// Where it says what asks for the value: the one entry of `provider`.
    pub fn provider(&self) -> Option<(&'d str, View<'d>)> {
        self.0.get("provider").entries().next()
    }

    /// Whether a bad value ends the analysis: without conditions it never fails.
    pub fn has_condition(&self) -> bool {
        CONDITIONS.iter().any(|field| !self.0.get(field).text().is_empty())
    }
}

/// The fields of a metric that say which values are good.
pub const CONDITIONS: [&str; 2] = ["successCondition", "failureCondition"];

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
    use crate::uses::Usable;

    #[test]
    fn metrics_tell_their_provider() {
        let document = r#"{"spec":{"metrics":[{"provider":{"prometheus":{"query":"1"}},"successCondition":"x"},{}]}}"#;
        look("shop", document, &[], &[], |input| {
            let seen = metrics(input).map(|metric| (metric.provider().map(|(name, _)| name), metric.has_condition()));
            assert_eq!(seen.collect::<Vec<_>>(), [(Some("prometheus"), true), (None, false)]);
        });
    }

    const CANARY: &str = r#"{"object":{"spec":{"strategy":{"canary":{
        "trafficRouting":{"maxTrafficWeight":1000},
        "analysis":{"templates":[{"templateName":"errors","clusterScope":true}]},
        "steps":[{"setWeight":0},{"setWeight":10},{"pause":{}},{"pause":{"duration":"5m"}},{"pause":{"duration":30}},
            {"pause":{"duration":"x"}},{"analysis":{"templates":[{"templateName":"latency"}]}},
            {"experiment":{"analyses":[{"name":"a","templateName":"latency"}]}}]}}}}}"#;

    #[test]
    fn steps_tell_weights_and_how_long_they_hold_them() {
        look("shop", CANARY, &[], &[], |input| {
            let holds: Vec<Hold> = steps(input).map(|step| step.hold()).collect();
            let of_pauses = [Hold::UntilSomebody, Hold::Millis(300_000), Hold::Millis(30_000), Hold::Unclear];
            assert_eq!(holds[..2], [Hold::Not, Hold::Not]);
            assert_eq!(holds[2..6], of_pauses);
            assert_eq!(holds[6..], [Hold::UntilDone, Hold::UntilDone]);
            let (weight, place) = first_weight(input).unwrap();
            assert_eq!((weight, &*place.pointer()), (10, "/object/spec/strategy/canary/steps/1/setWeight"));
            assert_eq!(whole_weight(input), 1000);
            assert!(may_surge(&canary(input)));
        });
    }

    #[test]
    fn analyses_name_their_templates() {
        look("shop", CANARY, &[], &[], |input| {
            let analyses = own_analyses(input);
            assert!(is_analysed(input));
            let told: Vec<_> = analyses
                .iter()
                .flat_map(|analysis| analysis.references().into_iter().map(|it| (analysis.when, it)))
                .map(|(when, it)| (when, it.get("templateName").text(), is_of_cluster(&it)))
                .collect();
            let expected = [
                (When::Step, "latency", false),
                (When::Experiment, "latency", false),
                (When::Background, "errors", true),
            ];
            assert_eq!(told, expected);
            assert!(analyses[0].is_waited_for() && !analyses[1].is_waited_for() && !analyses[2].is_waited_for());
        });
    }

    #[test]
    fn a_template_is_found_by_scope_and_name() {
        let (own, cluster) = (r#"[{"subject":{"name":"latency"},"document":{}}]"#, "[]");
        look("shop", CANARY, Analyses::QUERIES, &[own, cluster], |input| {
            let analyses = own_analyses(input);
            let found = analyses.iter().flat_map(Analysis::references).map(|it| templates(input, &it).len());
            assert_eq!(found.collect::<Vec<_>>(), [1, 1, 0]);
        });
    }

    #[test]
    fn a_template_knows_who_uses_it() {
        let rollout = |template: &str| {
            format!(
                r#"[{{"subject":{{"name":"web"}},"document":{{"object":{{"spec":{{"strategy":{{"blueGreen":{{
                "postPromotionAnalysis":{{"templates":[{{"templateName":"{template}"}}]}}}}}}}}}}}}}}]"#
            )
        };
        for (name, count) in [("cart", 1), ("other", 0)] {
            look("shop", "{}", AnalysisUsers::QUERIES, &[&rollout(name), "[]"], |input| {
                let users = users(input);
                assert_eq!(users.len(), count, "{name}");
                assert!(users.iter().all(|(_, analysis, _)| analysis.when == When::AfterPromotion));
            });
        }
    }
}
