//! `policy-host explain`

use super::args::{ExplainArguments, ExplainFormat};
use super::{CommandResult, Exit};
use crate::bundle::Library;
use crate::engine::{SandboxLimits, inspect};
use crate::manifest::{Manifest, Scope};
use std::fmt::Write as _;
use std::path::Path;

pub(super) fn run(arguments: &ExplainArguments, pack: &'static [u8]) -> CommandResult {
    let library = Library::embedded(pack)?;
    let manifests: Vec<Manifest> = match &arguments.rule {
        None => library.rules().map(|rule| rule.manifest.clone()).collect(),
        Some(rule) => vec![find(rule, &library)?],
    };
    if arguments.format == ExplainFormat::Json {
        let json = match manifests.as_slice() {
            [one] if !arguments.all => serde_json::to_string_pretty(one)?,
            all => serde_json::to_string_pretty(all)?,
        };
        anstream::println!("{json}");
        return Ok(Exit::Clean);
    }
    let heading = if arguments.format == ExplainFormat::Markdown { "## " } else { "" };
    let texts: Vec<String> = manifests.iter().map(|manifest| explain(manifest, heading)).collect();
    anstream::print!("{}", texts.join("\n"));
    Ok(Exit::Clean)
}

fn find(name: &str, library: &Library) -> Result<Manifest, Box<dyn std::error::Error>> {
    if let Some(rule) = library.rule(name) {
        return Ok(rule.manifest.clone());
    }
    let has_alias = |manifest: &Manifest| {
        manifest
            .aliases
            .iter()
            .any(|alias| alias == name || alias.split_once(':').is_some_and(|(_, code)| code == name))
    };
    if let Some(rule) = library.rules().find(|rule| has_alias(&rule.manifest)) {
        return Ok(rule.manifest.clone());
    }
    if Path::new(name).is_file() {
        return Ok(inspect(&std::fs::read(name)?, &SandboxLimits::default())?.manifest()?);
    }
    let known = library.rules().map(|rule| rule.manifest.id.as_str());
    Err(match crate::suggest::closest(name, known) {
        Some(close) => format!("there is no rule `{name}`; did you mean `{close}`?").into(),
        None => format!("there is no rule `{name}`; `policy-host list` shows them").into(),
    })
}

fn explain(manifest: &Manifest, heading: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "{heading}{}\n\n{}.\n", manifest.id, manifest.title);
    if !manifest.description.is_empty() {
        let _ = writeln!(out, "{}\n", manifest.description);
    }
    let targets: Vec<String> = manifest.applies_to.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        out,
        "{} · {:?} · effort {} · {} · since {}\nApplies to: {}\n",
        manifest.severity,
        manifest.priority,
        format!("{:?}", manifest.effort).to_lowercase(),
        manifest.factor,
        manifest.since,
        targets.join(", ")
    );
    let _ = writeln!(out, "Why: {}\n", manifest.why);
    let _ = writeln!(out, "Fix: {}\n", manifest.fix);
    parameters(manifest, &mut out);
    let _ = writeln!(out, "Reads:");
    for path in &manifest.reads {
        let _ = writeln!(out, "  {path}");
    }
    for query in &manifest.inventory {
        let kinds: Vec<String> = query.kinds.iter().map(ToString::to_string).collect();
        let scope = if query.scope == Scope::Namespace { "the same namespace" } else { "the whole cluster" };
        let _ = writeln!(out, "Reads of {} in {scope}:", kinds.join(", "));
        for path in &query.reads {
            let _ = writeln!(out, "  {path}");
        }
    }
    for (name, list) in [("Controls", &manifest.controls), ("Known elsewhere as", &manifest.aliases)] {
        if !list.is_empty() {
            let _ = writeln!(out, "{name}: {}", list.join(", "));
        }
    }
    out
}

fn parameters(manifest: &Manifest, out: &mut String) {
    let Some(properties) = manifest.parameters.get("properties").and_then(serde_json::Value::as_object) else { return };
    if properties.is_empty() {
        return;
    }
    let _ = writeln!(out, "Parameters:");
    for (name, schema) in properties {
        let text = |key: &str| schema.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let default = schema.get("default").map_or("unset".to_owned(), ToString::to_string);
        let description = text("description").split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "  {name} ({}) = {default}\n      {description}", text("type"));
    }
    out.push('\n');
}
