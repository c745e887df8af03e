use policy_sdk::kubernetes::rbac::{self, Grant, OwnRole};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Roles grant no wildcards
    ///
    /// No rule of a Role or ClusterRole has `*` among its `verbs` or `resources` (`*/scale` counts as
    /// one too) or `*` or `/*` among its `nonResourceURLs`. `*` among `apiGroups` is reported where
    /// the verbs go beyond `get`, `list` and `watch`. Each entry of `rules` is reported once, by the worst that it
    /// grants; `resourceNames` make it milder.
    ///
    /// The roles that Kubernetes makes for itself, which have the label `kubernetes.io/bootstrapping:
    /// rbac-defaults`, are exempt; names say nothing, since any author may choose them.
    ///
    /// ## Why
    /// A wildcard also grants what will be installed tomorrow: every new resource and every new
    /// verb, `escalate` and `impersonate` among them.
    ///
    /// ## Fix
    /// Name the verbs, resources and API groups that the subject uses; its audit log or
    /// `kubectl auth can-i --list` tells which.
    findings: {
        /// Every verb on every resource
        Everything: High, Certain;
        /// Every resource may be changed
        WriteAll: High, Certain;
        /// Every resource may be read, Secrets among them
        ReadAll: High, Certain;
        /// Every verb on what leads to other rights: Secrets, pods, roles, tokens
        VerbsOnSensitive: High, Certain;
        /// Every verb on some built-in resources
        Verbs: Medium, Certain;
        /// Every resource of a built-in group may be changed
        Resources: Medium, Certain;
        /// Every URL of the API server
        Urls: Medium, Certain;
        /// What would be high, of named objects only
        Narrowed: Medium, Certain;
        /// Named resources of every group may be changed
        ApiGroups: Low, Certain;
        /// A sub-resource of every kind may be changed
        SubResources: Low, Certain;
        /// A wildcard in a group of one's own, or one that only reads what holds no Secrets
        Own: Low, Certain;
        /// What would be medium, of named objects only
        NarrowedMild: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.1.3"],
    peers: [
        "KL:wildcard-in-rules", "KC:C-0187", "CK:CKV_K8S_49", "TR:KSV-0044", "TR:KSV-0045", "TR:KSV-0046",
        "KY:restrict-wildcard-verbs", "KY:restrict-wildcard-resources",
    ],
    since: "0.1.0",
    applies_to: ["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"],
    uses: [OwnRole],
}

/// The groups that every API server has.
const BUILT_IN: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];
/// Resources that lead to whatever else there is.
const SENSITIVE: [&str; 8] = [
    "secrets",
    "pods",
    "pods/exec",
    "roles",
    "clusterroles",
    "rolebindings",
    "clusterrolebindings",
    "serviceaccounts/token",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if rbac::is_built_in(input) {
        return not_applicable("it is one of Kubernetes' own roles");
    }
    for grant in rbac::grants(input) {
        let Some((code, what)) = worst(&grant) else { continue };
        let code = if grant.is_narrowed() { narrowed(code) } else { code };
        let fields = ["nonResourceURLs", "apiGroups", "resources", "verbs"];
        let all = fields.into_iter().flat_map(|field| grant.0.get(field).items());
        let wildcards: Vec<View<'_>> = all.filter(|granted| is_wildcard(granted.text())).collect();
        let Some((first, others)) = wildcards.split_first() else { continue };
        let message = format!("`{}` grants {what}, expected each by name", first.text());
        let report = findings.report(code, first, message);
        others.iter().fold(report, |report, other| report.label(other, "and this"));
    }
    Ok(())
}

/// The worst that an entry grants by wildcards.
fn worst(grant: &Grant<'_>) -> Option<(Code, &'static str)> {
    let (rule, writes) = (&grant.0, grant.writes());
    let (verbs, resources, groups) = (rule.get("verbs"), rule.get("resources"), rule.get("apiGroups"));
    let has = |list: &View<'_>, wanted: &str| list.items().any(|item| item.text() == wanted);
    let is_built_in = |group: View<'_>| group.text() == "*" || BUILT_IN.contains(&group.text());
    let of_built_in = groups.items().any(is_built_in);
    if rule.get("nonResourceURLs").items().any(|url| is_wildcard(url.text())) {
        return Some((Code::Urls, "every URL of the API server"));
    }
    if has(&resources, "*") {
        let of_core = has(&groups, "") || has(&groups, "*");
        return Some(match (of_core, has(&verbs, "*"), writes) {
            (true, true, _) => (Code::Everything, "everything"),
            (true, false, true) => (Code::WriteAll, "changes of every resource"),
            (true, false, false) => (Code::ReadAll, "the content of every Secret"),
            (false, _, true) if of_built_in => (Code::Resources, "changes of every resource of a built-in group"),
            _ => (Code::Own, "every resource of the group, also those to come"),
        });
    }
    if has(&verbs, "*") {
        let is_sensitive = |resource: View<'_>| SENSITIVE.contains(&resource.text());
        return Some(match (of_built_in, resources.items().any(is_sensitive)) {
            (true, true) => (Code::VerbsOnSensitive, "every verb on what leads to other rights"),
            (true, false) => (Code::Verbs, "every verb, also those to come"),
            (false, _) => (Code::Own, "every verb, also those to come"),
        });
    }
    if writes && has(&groups, "*") {
        return Some((Code::ApiGroups, "resources of every group, also those to come"));
    }
    let has_sub_resource = resources.items().any(|resource| is_wildcard(resource.text()));
    (writes && has_sub_resource).then_some((Code::SubResources, "a sub-resource of every kind"))
}

/// A step milder.
fn narrowed(code: Code) -> Code {
    match code {
        Code::Everything | Code::WriteAll | Code::ReadAll | Code::VerbsOnSensitive => Code::Narrowed,
        Code::Verbs | Code::Resources | Code::Urls => Code::NarrowedMild,
        code => code,
    }
}

fn is_wildcard(text: &str) -> bool {
    text == "*" || text == "/*" || text.starts_with("*/")
}
