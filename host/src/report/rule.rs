//! A rule's documentation, from its manifest.

use crate::manifest::{Manifest, Scope};
use crate::visible::{visible, visible_lines};
use std::fmt::Write as _;

/// Everything that a manifest says. With a `heading`, as Markdown.
pub fn explain(manifest: &Manifest, heading: &str) -> String {
    let markdown = !heading.is_empty();
    let strong = |text: &str| if markdown { format!("**{text}**") } else { text.to_owned() };
    let code = |text: &str| if markdown { format!("`{text}`") } else { text.to_owned() };
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "{heading}{}\n\n{}.\n", visible(&manifest.id), visible(&manifest.title));
    if !manifest.description.is_empty() {
        let _ = writeln!(out, "{}\n", manifest.description);
    }
    let _ = writeln!(out, "{}: {}\n\n{}: {}\n", strong("Why"), manifest.why, strong("Fix"), manifest.fix);
    let effort = format!("{:?}", manifest.effort).to_lowercase();
    let facts = [
        ("Severity", format!("{}, priority {:?}, effort {effort}", manifest.severity, manifest.priority)),
        ("Factor", format!("{}, since {}", manifest.factor, manifest.since)),
        ("Applies to", list(&manifest.applies_to, code)),
        ("Controls", manifest.controls.join(", ")),
        ("Known elsewhere as", manifest.aliases.join(", ")),
        ("Reads", list(&manifest.reads, code)),
    ];
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(out, "- {}: {}", strong(name), visible(fact));
    }
    for query in &manifest.inventory {
        let place = if query.scope == Scope::Namespace { "the same namespace" } else { "the whole cluster" };
        let _ = writeln!(
            out,
            "- {} {} of {place}: {}",
            strong("Asks for"),
            list(&query.kinds, code),
            list(&query.reads, code)
        );
    }
    parameters(manifest, strong, code, &mut out);
    visible_lines(&out).into_owned()
}

fn list<T: ToString>(items: &[T], code: impl Fn(&str) -> String) -> String {
    items.iter().map(|item| code(&visible(&item.to_string()))).collect::<Vec<_>>().join(", ")
}

fn parameters(manifest: &Manifest, strong: impl Fn(&str) -> String, code: impl Fn(&str) -> String, out: &mut String) {
    let properties = manifest.parameters.get("properties").and_then(serde_json::Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        let text = |key: &str| schema.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let default = schema.get("default").map_or("unset".to_owned(), |value| code(&visible(&value.to_string())));
        let description = text("description").split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            out,
            "- {} {} ({}, {default}): {description}",
            strong("Parameter"),
            code(&visible(name)),
            visible(text("type"))
        );
    }
}
