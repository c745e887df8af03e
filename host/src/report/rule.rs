//! A rule's documentation, from its manifest.

use crate::manifest::{Manifest, Scope, Within, properties};
use crate::visible::{visible, visible_lines};
use std::collections::BTreeSet;
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
    for kind in &manifest.findings {
        let (severity, confidence) = (kind.severity, kind.confidence);
        let title = visible(&kind.title);
        let _ = write!(out, "- {} {} ({severity}, {confidence}): {title}", strong("Finds"), code(&kind.code));
        if !kind.covers.is_empty() {
            let place = match kind.within {
                Within::Path => "at the same path",
                Within::Container => "in the same container",
                Within::Document => "in the same document",
            };
            let _ = write!(out, "; covers {} {place}", list(&kind.covers, code));
        }
        if !kind.absence.is_empty() {
            let missing: Vec<_> = BTreeSet::from_iter(manifest.missing(kind)).into_iter().collect();
            let _ = write!(out, "; reported only where every {} is known", list(&missing, code));
        }
        out.push('\n');
    }
    let effort = format!("{:?}", manifest.effort).to_lowercase();
    let facts = [
        ("Priority", format!("{:?}, effort {effort}", manifest.priority)),
        ("Factor", format!("{}, since {}", manifest.factor, manifest.since)),
        ("Applies to", list(&manifest.applies_to, code)),
        ("Controls", manifest.controls.join(", ")),
        ("Known elsewhere as", manifest.peers.join(", ")),
        ("Renamed from", list(&manifest.renamed_from, code)),
        ("Reads", list(&manifest.reads, code)),
    ];
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(out, "- {}: {}", strong(name), visible(fact));
    }
    for query in &manifest.inventory {
        let via = query.via.as_ref().map_or(String::new(), |via| format!(" (here is each of {})", code(via)));
        let relation = query.relation.as_ref().map(|relation| format!(", related by {}", code(&relation.to_string())));
        let unless = query.unless.as_ref().map_or(String::new(), |first| format!(" (unless {} has any)", code(first)));
        let related = relation.unwrap_or_default() + &via + &unless;
        let place = if query.scope == Scope::Namespace { "the same namespace" } else { "the whole cluster" };
        let _ = writeln!(
            out,
            "- {} {} of {place}{related}: {}",
            strong("Asks for"),
            list(&query.kinds, code),
            if query.reads.is_empty() { "that they are there".to_owned() } else { list(&query.reads, code) }
        );
    }
    values("Setting", &manifest.settings, strong, code, &mut out);
    values("Parameter", &manifest.parameters, strong, code, &mut out);
    visible_lines(&out).into_owned()
}

fn list<T: ToString>(items: &[T], code: impl Fn(&str) -> String) -> String {
    items.iter().map(|item| code(&visible(&item.to_string()))).collect::<Vec<_>>().join(", ")
}

/// A line for each property of a schema.
fn values(
    what: &str,
    schema: &serde_json::Value,
    strong: impl Fn(&str) -> String,
    code: impl Fn(&str) -> String,
    out: &mut String,
) {
    for (name, schema) in properties(schema) {
        let text = |key: &str| schema.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let default = schema.get("default").map_or("unset".to_owned(), |value| code(&visible(&value.to_string())));
        let description = text("description").split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            out,
            "- {} {} ({}, {default}): {description}",
            strong(what),
            code(&visible(name)),
            visible(text("type"))
        );
    }
}
