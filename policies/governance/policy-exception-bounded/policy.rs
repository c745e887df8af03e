use policy_sdk::prelude::*;
use policy_sdk::settings::Today;
use policy_sdk::values::date::Date;

policy_sdk::rule! {
    /// Exceptions from policies are narrow, and end
    ///
    /// A PolicyException of Kyverno does not let all rules (`*`) pass for all kinds or all namespaces. One of
    /// `policies.kyverno.io` names policies, and has `matchConditions` or names the images or values that may pass.
    /// Gatekeeper's Config excludes no namespace pattern `*`. A SecurityException of Kubescape names namespaces or objects.
    ///
    /// These kinds have no field for an end. With `expiry_annotation` they carry a day (`2026-12-31`) there, which has not
    /// come and is at most `max_days` away.
    ///
    /// ## Why
    /// An exception that lets everything pass switches the policy off. One without an end is still there when nobody
    /// knows why.
    ///
    /// ## Fix
    /// Name the rules, the kind, the namespace and the object:
    ///
    /// ```yaml
    /// spec:
    ///   exceptions:
    ///     - policyName: disallow-privileged-containers
    ///       ruleNames: [privileged-containers]
    ///   match:
    ///     any:
    ///       - resources:
    ///           kinds: [DaemonSet]
    ///           namespaces: [falco]
    ///           names: [falco]
    /// ```
    findings: {
        /// The exception lets everything pass somewhere, or something everywhere
        Wide: Medium, Certain;
        /// The exception has no end
        NoEnd: Medium, Certain;
        /// The end is too far away
        TooLong: Medium, Certain;
        /// The end has come
        Ended: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["KY:expiration-for-policyexceptions", "KY:policy-for-exceptions"],
    since: "0.1.0",
    applies_to: [
        "kyverno.io/PolicyException", "policies.kyverno.io/PolicyException", "config.gatekeeper.sh/Config",
        "kubescape.io/SecurityException", "kubescape.io/ClusterSecurityException",
    ],
    uses: [Today],
    reads: [
        "metadata.name", "metadata.annotations", "spec.exceptions", "spec.match", "spec.policyRefs",
        "spec.matchConditions", "spec.images", "spec.allowedValues",
    ],
    parameters: {
        /// The annotation that names the last day; exceptions need none where it is empty.
        expiry_annotation: String = String::new(),
        /// How many days away the end may be.
        max_days: i64 = 180,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    match (&*input.subject.group, &*input.subject.kind) {
        ("config.gatekeeper.sh", _) => {
            let mut names = spec.get("match").items().flat_map(|entry| entry.get("excludedNamespaces").items());
            if let Some(name) = names.find(|name| name.text() == "*") {
                findings.report(Code::Wide, &name, "all namespaces are excluded from Gatekeeper");
            }
            // It is a configuration and no exception, so it has no end.
            return Ok(());
        }
        ("policies.kyverno.io", _) => {
            let narrowed = ["matchConditions", "images", "allowedValues"].iter().any(|it| !spec.get(it).is_empty());
            let references = spec.get("policyRefs");
            let all = references.items().map(|it| it.get("name")).find(|name| name.text().contains('*'));
            if let Some(place) = all {
                findings.report(Code::Wide, &place, format!("policies are named by `{}`", place.text()));
            } else if !narrowed {
                let message = "it has no `matchConditions`, so every object passes";
                findings.report(Code::Wide, &references, message);
            }
        }
        ("kyverno.io", _) => report_wide(&spec, findings),
        _ if spec.get("match").is_empty() => {
            findings.report(Code::Wide, &spec.get("match"), "it names neither namespaces nor objects");
        }
        _ => {}
    }
    check_end(input, findings)
}

/// All rules of a policy, or all policies, for all kinds or in all namespaces.
fn report_wide(spec: &View<'_>, findings: &mut Findings) {
    let mut all = spec
        .get("exceptions")
        .items()
        .flat_map(|exception| exception.get("ruleNames").items().chain([exception.get("policyName")]));
    let Some(rules) = all.find(|name| name.text() == "*") else { return };
    let blocks = ["any", "all"].map(|list| spec.at("match").get(list));
    let is_open = |list: &View<'_>| list.is_empty() || list.items().any(|entry| matches!(entry.text(), "*" | "*/*"));
    let filters: Vec<View<'_>> = blocks.iter().flat_map(|block| block.items()).map(|it| it.get("resources")).collect();
    let open = filters.iter().find_map(|resources| {
        let (kinds, namespaces) = (resources.get("kinds"), resources.get("namespaces"));
        let is_named = !is_open(&resources.get("names"));
        match () {
            () if is_open(&kinds) => Some((kinds, "of every kind")),
            () if is_open(&namespaces) && !is_named && resources.get("namespaceSelector").is_empty() => {
                Some((namespaces, "in every namespace"))
            }
            () => None,
        }
    });
    let open = open.or_else(|| filters.is_empty().then(|| (spec.get("match"), "of every kind")));
    if let Some((place, what)) = open {
        findings.report(Code::Wide, &rules, format!("all rules let pass what is {what}")).label(&place, what);
    }
}

fn check_end(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let annotation = &input.parameters.expiry_annotation;
    if annotation.is_empty() {
        return Ok(());
    }
    let place = input.document.at("metadata.annotations").get(annotation);
    let Some(end) = Date::parse(place.text().get(..10).unwrap_or_default()) else {
        let message = match place.text() {
            "" => format!("it has no end, expected a day in `{annotation}`"),
            text => format!("`{annotation}` is `{text}`, expected a day such as `2026-12-31`"),
        };
        findings.report(Code::NoEnd, &place, message);
        return Ok(());
    };
    let Some(today) = input.setting::<Today>() else {
        return not_evaluated("`date` does not say which day it is, so whether it has ended is not known");
    };
    let (days, max) = (today.days_until(end), input.parameters.max_days);
    if days < 0 {
        findings.report(Code::Ended, &place, format!("the exception ended on {end}"));
    } else if days > max {
        findings.report(Code::TooLong, &place, format!("the exception ends in {days} days, expected at most {max}"));
    }
    Ok(())
}
