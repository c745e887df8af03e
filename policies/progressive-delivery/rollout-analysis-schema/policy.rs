use policy_sdk::kubernetes::rollout::{self, RolloutStrategy, When};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A Rollout describes its analyses with fields that exist
    ///
    /// An analysis of a Rollout (`canary.analysis`, an `analysis` step, `prePromotionAnalysis`,
    /// `postPromotionAnalysis`) names AnalysisTemplates in `templates`, and may have `args`, `dryRun`,
    /// `measurementRetention` and `analysisRunMetadata`; `canary.analysis` also has `startingStep`. Metrics, queries
    /// and thresholds stand in the template. A step is one of `setWeight`, `pause`, `analysis` and `experiment`, never
    /// two of them.
    ///
    /// ## Why
    /// The API server drops a field that it does not know, unless the client asks it to refuse it. Then no analysis
    /// runs, and a bad version is rolled out to everybody although the file seems to forbid it. A step with two
    /// actions is an `InvalidSpec`, and nothing is rolled out.
    ///
    /// ## Fix
    /// Put the metrics into an AnalysisTemplate and name it:
    ///
    /// ```yaml
    /// steps:
    ///   - setWeight: 10
    ///   - analysis:
    ///       templates:
    ///         - templateName: error-rate
    ///       args:
    ///         - {name: service, value: web-canary}
    /// ```
    findings: {
        /// An analysis has a field that does not exist
        Unknown: High, Certain;
        /// An analysis names no template
        NoTemplate: High, Certain;
        /// A step has two actions
        TwoActions: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout"],
    uses: [RolloutStrategy],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    const FIELDS: [&str; 5] = ["templates", "args", "dryRun", "measurementRetention", "analysisRunMetadata"];
    for step in rollout::steps(input) {
        let actions = ["setWeight", "pause", "analysis", "experiment"].into_iter().filter(|it| step.0.get(it).exists());
        let actions: Vec<&str> = actions.collect();
        if let [first, second, ..] = actions[..] {
            let message = format!("a step has both `{first}` and `{second}`, so nothing is rolled out");
            findings.report(Code::TwoActions, &step.0, message);
        }
    }
    for analysis in rollout::own_analyses(input) {
        if analysis.when == When::Experiment {
            continue;
        }
        let is_known =
            |field: &str| FIELDS.contains(&field) || (field == "startingStep" && analysis.when == When::Background);
        let unknown: Vec<&str> = analysis.view.entries().map(|(field, _)| field).filter(|it| !is_known(it)).collect();
        let is_named = analysis.references().iter().any(|it| !it.get("templateName").text().is_empty());
        if let Some(first) = unknown.first() {
            let effect = if is_named { "they do nothing" } else { "no analysis runs" };
            let hint = if matches!(*first, "templateName" | "name") { ", use `templates`" } else { "" };
            let message = format!("an analysis has no field `{}`{hint}: {effect}", unknown.join("`, `"));
            findings.report(Code::Unknown, &analysis.view.get(first), message);
        } else if !is_named {
            findings.report(Code::NoTemplate, &analysis.view, "the analysis names no template, so no analysis runs");
        }
    }
    Ok(())
}
