use policy_sdk::prelude::*;
use policy_sdk::values::duration::parse_millis;

policy_sdk::rule! {
    /// External secrets are read again
    ///
    /// An ExternalSecret or ClusterExternalSecret reads its secrets again at least every `max` and not more often than once a
    /// minute. `refreshInterval` is an hour where it is absent. `0` means never: that passes where `refreshPolicy` is
    /// `CreatedOnce` or `OnChange`, which says so, and where all of it comes from generators, whose values are new
    /// each time.
    ///
    /// ## Why
    /// A secret that is rotated where it is kept, because it leaked or because it is time, stays the old one in the
    /// cluster: the application fails when the old one ends. Reading every few seconds costs money with most providers,
    /// and runs into their limits, so that no secret is read any more.
    ///
    /// ## Fix
    /// ```yaml
    /// spec:
    ///   refreshInterval: 1h
    /// ```
    findings: {
        /// It is read once and never again
        Never: Medium, Certain;
        /// It is read again too late
        TooSlow: Medium, Certain;
        /// It is read too often
        TooOften: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["external-secrets.io/ExternalSecret", "external-secrets.io/ClusterExternalSecret"],
    reads: [
        "spec.refreshInterval", "spec.refreshPolicy", "spec.data", "spec.dataFrom", "spec.refreshTime",
        "spec.externalSecretSpec.refreshInterval", "spec.externalSecretSpec.refreshPolicy",
        "spec.externalSecretSpec.data", "spec.externalSecretSpec.dataFrom",
    ],
    parameters: {
        /// The longest time between two readings, as `24h`.
        max: String = "24h".into(),
    },
}

const MINUTE: i64 = 60_000;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(max) = parse_millis(&input.parameters.max) else {
        return not_evaluated(format!("`max` is no duration: `{}`", input.parameters.max));
    };
    let spec = input.document.get("spec");
    let is_cluster = input.subject.kind == "ClusterExternalSecret";
    let inner = if is_cluster { spec.get("externalSecretSpec") } else { spec };
    let explicit = matches!(inner.get("refreshPolicy").text(), "CreatedOnce" | "OnChange");
    if explicit {
        return not_applicable("its `refreshPolicy` says when it is read");
    }
    if is_generated(&inner) {
        return not_applicable("all of it comes from generators");
    }
    let interval = inner.get("refreshInterval");
    let text = interval.text();
    if text.is_empty() {
        return Ok(());
    }
    match parse_millis(text) {
        None => return not_evaluated(format!("`refreshInterval` is no duration: `{text}`")),
        Some(..=0) => {
            let message = format!("it is read once and never again (`refreshInterval: {text}`)");
            let fix = Fix::unsafe_("read it every hour").set(&interval, "1h");
            findings.report(Code::Never, &interval, message).fix(fix);
        }
        Some(millis) if millis > max => {
            let message = format!("it is read again after `{text}`, more than `{}`", input.parameters.max);
            findings.report(Code::TooSlow, &interval, message);
        }
        Some(millis) if millis < MINUTE => {
            findings.report(Code::TooOften, &interval, format!("it is read again after `{text}`, less than a minute"));
        }
        Some(_) => {}
    }
    Ok(())
}

/// Whether nothing of it is kept anywhere: all is made by generators.
fn is_generated(spec: &View<'_>) -> bool {
    let from = spec.get("dataFrom");
    let is_generator = |entry: View<'_>| entry.at("sourceRef.generatorRef").exists();
    spec.get("data").is_empty() && !from.is_empty() && from.items().all(is_generator)
}
