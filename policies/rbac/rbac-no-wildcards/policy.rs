use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Roles grant no wildcards
    ///
    /// No rule of a Role or ClusterRole has `*` among its `verbs` or `resources` (`*/scale` counts as
    /// one too) or `*` or `/*` among its `nonResourceURLs`. `*` among `apiGroups` is reported where
    /// the verbs go beyond `get`, `list` and `watch`.
    ///
    /// `cluster-admin` and the roles that Kubernetes makes for itself (`system:…`) are exempt.
    ///
    /// ## Why
    /// A wildcard also grants what will be installed tomorrow: every new resource and every new
    /// verb, `escalate` and `impersonate` among them.
    ///
    /// ## Fix
    /// Name the verbs, resources and API groups that the subject uses; its audit log or
    /// `kubectl auth can-i --list` tells which.
    severity: High,
    priority: P1,
    effort: Medium,
    factor: "XV Security",
    controls: ["cis:5.1.3"],
    aliases: [
        "KL:wildcard-in-rules", "KC:C-0187", "CK:CKV_K8S_49", "TR:KSV-0044", "TR:KSV-0045", "TR:KSV-0046",
        "KY:restrict-wildcard-verbs", "KY:restrict-wildcard-resources",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"],
    reads: ["rules[*].verbs", "rules[*].resources", "rules[*].apiGroups", "rules[*].nonResourceURLs"],
    parameters: {
        /// Tolerate wildcards in rules whose verbs are only `get`, `list` and `watch`.
        allow_readonly_wildcard: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let name = input.subject.name.as_str();
    if name == "cluster-admin" || name.starts_with("system:") {
        return not_applicable("it is one of Kubernetes' own roles");
    }
    for rule in input.document.get("rules").items() {
        let reads_only = rule.get("verbs").items().all(|verb| matches!(verb.text(), "get" | "list" | "watch"));
        let tolerated = reads_only && input.parameters.allow_readonly_wildcard;
        for (field, code, what, tolerated) in [
            ("verbs", "verbs", "verb", false),
            ("resources", "resources", "resource", tolerated),
            ("nonResourceURLs", "urls", "URL", tolerated),
            ("apiGroups", "api-groups", "API group", reads_only),
        ] {
            for granted in rule.get(field).items().filter(|granted| is_wildcard(granted.text()) && !tolerated) {
                let message = format!("`{field}` holds `{}`, expected each {what} by name", granted.text());
                findings.report(&granted, message).code(code);
            }
        }
    }
    Ok(())
}

fn is_wildcard(text: &str) -> bool {
    text == "*" || text == "/*" || text.starts_with("*/")
}
