//! Flagger: Canaries, which roll out a Deployment or DaemonSet that others write.

use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The subject itself, a Canary.
    pub OwnCanary {
        reads: ["spec.analysis", "spec.skipAnalysis"],
    }
}

/// How the subject, a Canary, analyses a new version.
pub fn analysis<'d, P: Uses<OwnCanary>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at("spec.analysis")
}

/// Where the subject, a Canary, says that it analyses nothing.
pub fn skips_analysis<'d, P: Uses<OwnCanary>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at("spec.skipAnalysis")
}

/// The first share of the requests that the subject, a Canary, gives to a new version, with its place. `None` where it
/// has no shares but iterations: blue/green and A/B tests.
pub fn first_weight<'d, P: Uses<OwnCanary>>(input: &Input<'d, P>) -> Option<(i64, View<'d>)> {
    let analysis = analysis(input);
    let (steps, step) = (analysis.get("stepWeights").item(0), analysis.get("stepWeight"));
    let place = if steps.exists() { steps } else { step };
    let is_iterated = analysis.get("iterations").as_i64().is_some_and(|count| count > 0);
    Some((place.as_i64().filter(|weight| *weight > 0 && !is_iterated)?, place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look_at;

    #[test]
    fn a_canary_begins_with_its_first_step() {
        for (analysis, first) in [
            (r#""analysis":{"stepWeight":5,"maxWeight":50}"#, Some(5)),
            (r#""analysis":{"stepWeights":[1,2,10]}"#, Some(1)),
            (r#""analysis":{"iterations":10,"stepWeight":5}"#, None),
            (r#""analysis":{}"#, None),
        ] {
            let document = format!(r#"{{"spec":{{{analysis}}}}}"#);
            look_at("Canary", &document, |input| {
                assert_eq!(first_weight(input).map(|(weight, _)| weight), first, "{analysis}");
                assert!(!skips_analysis(input).exists());
            });
        }
    }
}
