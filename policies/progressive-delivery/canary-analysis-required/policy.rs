use policy_sdk::kubernetes::flagger::{self, OwnCanary};
use policy_sdk::kubernetes::production::{self, Production, ProductionObject};
use policy_sdk::kubernetes::rollout::{self, Hold, RolloutStrategy};
use policy_sdk::parameter::Decimal;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A new version in production is checked by metrics
    ///
    /// In production a Rollout of Argo has an analysis: in the background (`canary.analysis`), in a step, in an
    /// experiment, or before or after the promotion of a blue/green strategy. A Canary of Flagger has metrics or
    /// webhooks, and does not set `skipAnalysis`. A Rollout that waits for a person after its first weight
    /// (`pause: {}`) is reported as information. A canary without weights is a rolling update, and not checked.
    ///
    /// Of Flagger's own metrics, `request-success-rate` demands at least `min_success` percent and `request-duration`
    /// at most `max_ms` milliseconds.
    ///
    /// Production is a namespace with the part `prod`, `production` or `live`, a label `environment: prod`, or a folder
    /// `prod`.
    ///
    /// ## Why
    /// A canary that nobody looks at only makes a bad release slower. Time passes, the weight rises, and everybody
    /// gets the errors that the first ten percent have had.
    ///
    /// ## Fix
    /// Let the controller measure the new version and take it back:
    ///
    /// ```yaml
    /// strategy:
    ///   canary:
    ///     analysis:
    ///       templates:
    ///         - templateName: error-rate
    ///     steps:
    ///       - setWeight: 10
    ///       - pause: {duration: 5m}
    /// ```
    ///
    /// Flagger:
    ///
    /// ```yaml
    /// analysis:
    ///   interval: 1m
    ///   threshold: 5
    ///   metrics:
    ///     - name: request-success-rate
    ///       thresholdRange: {min: 99}
    ///       interval: 1m
    /// ```
    findings: {
        /// Nothing checks a new version
        NoAnalysis: Medium, Likely, covers: ["rollout-auto-rollback"], within: Document;
        /// Only a person checks a new version
        ByHand: Info, Likely;
        /// The analysis is switched off
        Skipped: Medium, Certain;
        /// A threshold of Flagger's own metrics is lenient
        Lenient: Low, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    renamed_from: ["canary-flagger-complete"],
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout", "flagger.app/Canary"],
    uses: [OwnCanary, Production, ProductionObject, RolloutStrategy],
    reads_built: true,
    parameters: {
        /// The percent of requests that must succeed.
        min_success: Decimal = Decimal { milli: 99_000 },
        /// The milliseconds that requests may take at the most.
        max_ms: i64 = 500,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !production::is_production(input) && !production::is_production_object(input) {
        return not_applicable("it is not of production");
    }
    if input.subject.kind == "Canary" {
        check_flagger(input, findings)
    } else {
        check_rollout(input, findings)
    }
    Ok(())
}

fn check_rollout(input: &Input<'_, Parameters>, findings: &mut Findings) {
    let (canary, blue_green) = (rollout::canary(input), rollout::blue_green(input));
    let has_weights = rollout::first_weight(input).is_some();
    if rollout::is_analysed(input) || !(has_weights || blue_green.exists()) {
        return;
    }
    let steps = rollout::steps(input).skip_while(|step| step.weight().is_none_or(|(weight, _)| weight == 0));
    let waits = steps.into_iter().any(|step| step.hold() == Hold::UntilSomebody)
        || blue_green.get("autoPromotionEnabled").as_bool() == Some(false);
    let place = if blue_green.exists() { &blue_green } else { &canary };
    if waits {
        findings.report(Code::ByHand, place, "no metric checks a new version, only the person who promotes it");
    } else {
        findings.report(Code::NoAnalysis, place, "no analysis checks a new version before all requests reach it");
    }
}

fn check_flagger(input: &Input<'_, Parameters>, findings: &mut Findings) {
    let Parameters { min_success, max_ms } = &input.parameters;
    let skip = flagger::skips_analysis(input);
    if skip.is_true() {
        let message = "`skipAnalysis` is true: each new version gets all requests at once";
        let fix = Fix::unsafe_("analyse new versions").remove(&skip);
        findings.report(Code::Skipped, &skip, message).fix(fix);
        return;
    }
    let analysis = flagger::analysis(input);
    if analysis.get("metrics").is_empty() && analysis.get("webhooks").is_empty() {
        let message = "no metric and no webhook checks a new version, only whether its pods are ready";
        findings.report(Code::NoAnalysis, &analysis.get("metrics"), message);
    }
    for metric in analysis.get("metrics").items().filter(|metric| !metric.get("templateRef").exists()) {
        // The older way to write it is one number, the least or the most.
        let threshold = |side: &str| {
            let (range, threshold) = (metric.at("thresholdRange").get(side), metric.get("threshold"));
            let place = if range.exists() { range } else { threshold };
            Some((Quantity::from_view(&place)?.milli(), place))
        };
        let place = match metric.get("name").text() {
            "request-success-rate" => threshold("min").filter(|(least, _)| *least < i128::from(min_success.milli)),
            "request-duration" => threshold("max").filter(|(most, _)| *most > i128::from(*max_ms) * 1000),
            _ => None,
        };
        if let Some((_, place)) = place {
            let value = place.scalar_text().unwrap_or_default();
            let message = if metric.get("name").text() == "request-success-rate" {
                let least = min_success.milli / 1000;
                format!("{value} percent of requests are enough to succeed, expected at least {least}")
            } else {
                format!("requests may take {value} ms, expected at most {max_ms}")
            };
            findings.report(Code::Lenient, &place, message);
        }
    }
}
