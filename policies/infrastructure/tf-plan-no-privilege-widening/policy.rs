use policy_sdk::prelude::*;
use policy_sdk::repository::iam::{self, Statement};
use policy_sdk::repository::security_group::{self, Ingress, Ports};
use policy_sdk::repository::terraform::{Argument, Block};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// A plan does not widen access
    ///
    /// What a plan of Terraform or OpenTofu changes is compared with what was there. No policy newly allows actions
    /// with a star, or on all resources, or for everybody; no security group is newly open to the internet, but for the
    /// ports 80 and 443; nothing becomes public; and neither encryption nor protection against deletion is switched
    /// off.
    ///
    /// Policies are compared by what they allow, so another order, and statements that are put together, pass. Of a new
    /// resource only what makes it public counts; what its policy allows is a finding of `iam-no-wildcards`. A policy
    /// that is only known after apply is not evaluated. Values that the plan calls sensitive are never shown.
    ///
    /// ## Why
    /// One line in a long plan opens the account, and nobody reads on at line 400. This is the last place where
    /// somebody can stop it.
    ///
    /// ## Fix
    /// Allow only what the change needs: name actions, resources and networks. Where the change is meant, have a second
    /// person approve it, and record an exception.
    findings: {
        /// A policy newly allows too much
        Policy: High, Certain;
        /// A security group is newly open to the internet
        Ingress: High, Certain;
        /// Something becomes public
        Public: High, Certain;
        /// Encryption or protection is switched off
        Protection: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["file/TerraformPlan"],
    reads: [
        "changes[*].address", "changes[*].type", "changes[*].mode", "changes[*].change.actions",
        "changes[*].change.before", "changes[*].change.after", "changes[*].change.after_unknown",
        "changes[*].change.after_sensitive", "changes[*].change.before.policy:json",
        "changes[*].change.after.policy:json", "changes[*].change.before.assume_role_policy:json",
        "changes[*].change.after.assume_role_policy:json", "changes[*].change.before.inline_policy:json",
        "changes[*].change.after.inline_policy:json", "changes[*].change.before.access_policies:json",
        "changes[*].change.after.access_policies:json",
    ],
}

/// Arguments that make something public when they have this value.
const PUBLIC: [(&str, bool); 11] = [
    ("publicly_accessible", true),
    ("endpoint_public_access", true),
    ("public_network_access_enabled", true),
    ("allow_nested_items_to_be_public", true),
    ("allow_blob_public_access", true),
    ("associate_public_ip_address", true),
    ("map_public_ip_on_launch", true),
    ("block_public_acls", false),
    ("block_public_policy", false),
    ("ignore_public_acls", false),
    ("restrict_public_buckets", false),
];
/// Arguments that protect something while they are true.
const PROTECTIONS: [&str; 8] = [
    "encrypted",
    "storage_encrypted",
    "at_rest_encryption_enabled",
    "transit_encryption_enabled",
    "enable_key_rotation",
    "deletion_protection",
    "deletion_protection_enabled",
    "enable_deletion_protection",
];
/// Arguments that hold policies.
const POLICIES: [&str; 4] = ["policy", "assume_role_policy", "inline_policy", "access_policies"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    for resource in input.document.get("changes").items().filter(|it| it.get("mode").text() != "data") {
        let change = resource.get("change");
        let changes = |it: View<'_>| matches!(it.text(), "create" | "update");
        if !change.get("actions").items().any(changes) {
            continue;
        }
        let (before, after) = (change.get("before"), change.get("after"));
        let name = resource.get("address").text();
        flags(name, &before, &after, findings);
        ingresses(resource.get("type").text(), name, &before, &after, findings);
        for policy in POLICIES.iter().filter(|policy| before.get(policy).exists()) {
            if change.get("after_unknown").get(policy).is_true() {
                unknown = Some(format!("the {policy} of `{name}` is only known after apply"));
                continue;
            }
            let tree = [policy, ":json"].concat();
            let old = iam::of_json(&before.get(&tree).get("value"));
            let new = iam::of_json(&after.get(&tree).get("value"));
            let Some(message) = new.iter().find_map(|statement| wider(statement, &old)) else { continue };
            let place = after.get(policy);
            if change.get("after_sensitive").get(policy).is_true() {
                findings.report(Code::Policy, &place, format!("`{name}` newly allows more")).secret();
            } else {
                findings.report(Code::Policy, &place, format!("`{name}` newly allows {message}"));
            }
        }
    }
    findings.or_unknown(unknown)
}

/// Reports arguments that make something public or take its protection away, at any depth.
fn flags(name: &str, before: &View<'_>, after: &View<'_>, findings: &mut Findings) {
    // A list of mappings stands for blocks: the first of them is compared with the first.
    let mut open = vec![(before.clone(), after.clone())];
    while let Some((before, after)) = open.pop() {
        for (key, value) in after.entries() {
            let old = before.get(key);
            let becomes = |wanted: bool| value.as_bool() == Some(wanted) && old.as_bool() != Some(wanted);
            if let Some((_, public)) = PUBLIC.iter().find(|(flag, public)| *flag == key && becomes(*public)) {
                // A new resource that says nothing of it may be public by default, which is no change.
                if *public || old.exists() {
                    let message = format!("`{key}` of `{name}` becomes {public}");
                    findings.report(Code::Public, &value, message);
                }
            } else if PROTECTIONS.contains(&key) && old.is_true() && becomes(false) {
                findings.report(Code::Protection, &value, format!("`{key}` of `{name}` becomes false"));
            }
            match value.kind() {
                Some(Kind::Object) => open.push((old, value)),
                Some(Kind::Array) => {
                    let inner = value.items().enumerate().filter(|(_, item)| item.kind() == Some(Kind::Object));
                    open.extend(inner.map(|(at, item)| (old.item(at), item)));
                }
                _ => {}
            }
        }
    }
}

/// Reports a resource that is open to the internet and was not.
fn ingresses(kind: &str, name: &str, before: &View<'_>, after: &View<'_>, findings: &mut Findings) {
    let rules = |values: &View<'_>| -> Vec<String> {
        let all = security_group::of_resource(kind, name, &Block::of_values(values.clone()));
        all.iter().filter(|rule| rule.from_everywhere().is_some()).map(opened).collect()
    };
    let old = rules(before);
    let all = security_group::of_resource(kind, name, &Block::of_values(after.clone()));
    let is_web = |rule: &Ingress<'_>| matches!(rule.ports, Ports::Range(80, 80) | Ports::Range(443, 443));
    let new = all.iter().find_map(|rule| {
        let source = rule.from_everywhere()?.clone();
        (!is_web(rule) && !old.contains(&opened(rule))).then_some(source)
    });
    if let Some(source) = new {
        findings.report(Code::Ingress, &source, format!("`{name}` is newly open to `{}`", source.text()));
    }
}

fn opened(rule: &Ingress<'_>) -> String {
    format!("{} {:?}", rule.protocol, rule.ports)
}

/// What a statement allows with a star that no former one does.
fn wider(statement: &Statement<'_>, old: &[Statement<'_>]) -> Option<String> {
    if !statement.allows {
        return None;
    }
    let everything = || vec!["*"];
    let actions = if statement.not_actions.is_empty() { known(&statement.actions) } else { everything() };
    let resources = if statement.not_resources.is_empty() { known(&statement.resources) } else { everything() };
    let whom: Vec<&str> = statement.principals.iter().filter_map(|(_, it)| it.known().map(View::text)).collect();
    let is_open = whom.contains(&"*");
    let conditions = conditions(statement);
    for action in &actions {
        for resource in resources.iter().copied().chain(resources.is_empty().then_some("")) {
            let is_wide = action.contains('*') || resource == "*" || is_open;
            let is_old = old.iter().filter(|it| it.allows).any(|former| {
                let covers = |list: &[Argument<'_>], others: &[Argument<'_>], text: &str| {
                    !others.is_empty() || known(list).iter().any(|glob| covers(glob, text)) || text.is_empty()
                };
                let former_whom: Vec<&str> =
                    former.principals.iter().filter_map(|(_, it)| it.known().map(View::text)).collect();
                covers(&former.actions, &former.not_actions, action)
                    && covers(&former.resources, &former.not_resources, resource)
                    && (!is_open || former_whom.contains(&"*"))
                    && (self::conditions(former).is_empty() || self::conditions(former) == conditions)
            });
            if is_wide && !is_old {
                let on = if resource.is_empty() { String::new() } else { format!(" on `{resource}`") };
                let to = if is_open { " to everybody" } else { "" };
                return Some(format!("`{action}`{on}{to}"));
            }
        }
    }
    None
}

fn known<'d>(list: &[Argument<'d>]) -> Vec<&'d str> {
    list.iter().filter_map(|it| it.known().map(View::text)).collect()
}

/// Whether a text with stars stands for another one, in any case of letters.
fn covers(glob: &str, text: &str) -> bool {
    glob_match(&glob.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// The conditions of a statement, in an order of their own.
fn conditions(statement: &Statement<'_>) -> Vec<String> {
    let mut all: Vec<String> = statement
        .conditions
        .iter()
        .map(|it| {
            let mut values = known(&it.values);
            values.sort_unstable();
            format!("{} {} {}", it.operator, it.key.text(), values.join(" "))
        })
        .collect();
    all.sort_unstable();
    all
}
