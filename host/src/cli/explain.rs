//! `policy-host explain`

use super::args::{ExplainArguments, ExplainFormat};
use super::{CommandResult, Exit};
use crate::bundle::Library;
use crate::engine::{SandboxLimits, inspect, read_component};
use crate::manifest::Manifest;
use crate::report::explain;
use std::path::Path;

pub(super) fn run(arguments: &ExplainArguments, pack: &'static [u8], limits: &SandboxLimits) -> CommandResult {
    let library = Library::embedded(pack)?;
    let manifests: Vec<Manifest> = match &arguments.rule {
        None => library.rules().map(|rule| rule.manifest.clone()).collect(),
        Some(rule) => vec![find(rule, &library, limits)?],
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

fn find(name: &str, library: &Library, limits: &SandboxLimits) -> Result<Manifest, Box<dyn std::error::Error>> {
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
        return Ok(inspect(&read_component(Path::new(name), limits)?, limits)?.manifest()?);
    }
    let known = library.rules().map(|rule| rule.manifest.id.as_str());
    Err(match crate::suggest::closest(name, known) {
        Some(close) => format!("there is no rule `{name}`; did you mean `{close}`?").into(),
        None => format!("there is no rule `{name}`; `policy-host list` shows them").into(),
    })
}
