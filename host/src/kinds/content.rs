//! How the content of kinds is recognised.

use super::Content;
use crate::document::{Node, Value};

const fn content(is: fn(&Node, bool) -> bool, words: &'static str, marks: &'static [&'static str]) -> Content {
    Content { is, words, of_objects: false, marks }
}

/// The same for what has an `apiVersion` of its own.
const fn of_objects(is: fn(&Node, bool) -> bool, words: &'static str) -> Content {
    Content { is, words, of_objects: true, marks: &[] }
}

fn has(root: &Node, key: &str) -> bool {
    root.get(key).is_some()
}

fn is_list(node: Option<&Node>) -> bool {
    node.is_some_and(|node| matches!(node.value, Value::Array(_)))
}

fn is_mapping(node: Option<&Node>) -> bool {
    node.is_some_and(|node| matches!(node.value, Value::Object(_)))
}

fn is_text(node: Option<&Node>) -> bool {
    node.and_then(Node::as_str).is_some()
}

pub(super) const WORKFLOW: Content = content(
    |root, named| has(root, "jobs") && (named || has(root, "on")),
    "it has `jobs`, and `on` unless its path says enough",
    &[],
);

pub(super) const ACTION: Content =
    content(|root, _| root.path(&["runs", "using"]).is_some(), "it has `runs.using`", &[]);

pub(super) const BUILDSPEC: Content = content(
    |root, named| has(root, "phases") && (named || has(root, "version")),
    "it has `phases`, and `version` unless its path says enough",
    &[],
);

pub(super) const COMPOSE: Content = content(
    |root, named| {
        let services = root.get("services").map_or(&[][..], Node::entries);
        let is_service = |service: &Node| has(service, "image") || has(service, "build");
        let look_composed = || !services.is_empty() && services.iter().all(|service| is_service(&service.value));
        has(root, "services") && (named || look_composed())
    },
    "it has `services`, each with `image` or `build` unless its path says enough",
    &[],
);

pub(super) const KUSTOMIZATION: Content = of_objects(
    |root, named| {
        let of_kustomize = root
            .get("apiVersion")
            .and_then(Node::as_str)
            .is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"));
        named && !has(root, "kind") || of_kustomize
    },
    "its `apiVersion` is of `kustomize.config.k8s.io`, or it has no `kind` and its path says enough",
);

pub(super) const SKAFFOLD: Content = of_objects(
    |root, _| {
        let version = root.get("apiVersion").and_then(Node::as_str);
        version.is_some_and(|version| version.starts_with("skaffold/"))
    },
    "its `apiVersion` begins with `skaffold/`",
);

pub(super) const PROMETHEUS_RULES: Content = content(
    |root, _| {
        let groups = root.get("groups").map_or(&[][..], Node::items);
        let is_rule = |rule: &Node| has(rule, "expr") && (has(rule, "alert") || has(rule, "record"));
        let is_group = |group: &Node| {
            is_text(group.get("name")) && group.get("rules").is_some_and(|rules| rules.items().iter().all(is_rule))
        };
        !has(root, "kind") && !groups.is_empty() && groups.iter().all(is_group)
    },
    "it has `groups`, each with a `name` and `rules` that are alerts or records",
    &[],
);

pub(super) const ALERTMANAGER: Content = content(
    |root, _| !has(root, "kind") && is_mapping(root.get("route")) && is_list(root.get("receivers")),
    "it has a `route` and `receivers`",
    &[],
);

pub(super) const DASHBOARD: Content = content(
    |root, _| {
        let is_dashboard = |node: &Node| is_list(node.get("panels")) && has(node, "schemaVersion");
        is_dashboard(root) || root.get("dashboard").is_some_and(is_dashboard)
    },
    "it, or its `dashboard`, has `panels` and a `schemaVersion`",
    &["\"schemaVersion\""],
);

pub(super) const OPEN_API: Content = content(
    |root, _| {
        let version = ["openapi", "swagger"].iter().any(|key| is_text(root.get(key)));
        version && is_mapping(root.get("info"))
    },
    "it has `info`, and a version under `openapi` or `swagger`",
    &["\"openapi\"", "\"swagger\""],
);

pub(super) const DEPENDABOT: Content =
    content(|root, named| named && is_list(root.get("updates")), "it has `updates`", &[]);

pub(super) const TERRAFORM_PLAN: Content = content(
    |root, _| has(root, "planned_values") && has(root, "format_version"),
    "it has `planned_values` and a `format_version`: what `terraform show -json` prints of a plan",
    &["\"planned_values\""],
);
