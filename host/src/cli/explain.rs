//! `policy-host explain`

use super::args::{ExplainArguments, ExplainFormat};
use super::{CommandResult, Exit, terminal};
use crate::bundle::Library;
use crate::engine::{SandboxLimits, inspect, read_component};
use crate::manifest::Manifest;
use crate::report::explain;
use std::path::Path;

pub(super) fn run(arguments: &ExplainArguments, pack: &'static [u8], limits: &SandboxLimits) -> CommandResult {
    let library = Library::embedded(pack)?;
    let manifests: Vec<Manifest> = match &arguments.rule {
        None => library.rules().map(|rule| Manifest::clone(&rule.manifest)).collect(),
        Some(rule) => find(rule, &library, limits)?,
    };
    if arguments.format == ExplainFormat::Json {
        match manifests.as_slice() {
            [one] if !arguments.all => terminal::print_json(one)?,
            all => terminal::print_json(&all)?,
        }
        return Ok(Exit::Clean);
    }
    let heading = if arguments.format == ExplainFormat::Markdown { "## " } else { "" };
    let texts: Vec<String> = manifests.iter().map(|manifest| explain(manifest, heading)).collect();
    terminal::print(&texts.join("\n"));
    Ok(Exit::Clean)
}

fn find(name: &str, library: &Library, limits: &SandboxLimits) -> Result<Vec<Manifest>, Box<dyn std::error::Error>> {
    if let Some(rule) = library.rule(name) {
        return Ok(vec![Manifest::clone(&rule.manifest)]);
    }
    let is_called = |manifest: &Manifest| manifest.is_called(name);
    let has_peer = |manifest: &Manifest| {
        manifest.peers.iter().any(|peer| peer == name || peer.split_once(':').is_some_and(|(_, code)| code == name))
    };
    let known = |named: &dyn Fn(&Manifest) -> bool| library.rules().find(|rule| named(&rule.manifest));
    if let Some(rule) = known(&is_called).or_else(|| known(&has_peer)) {
        return Ok(vec![Manifest::clone(&rule.manifest)]);
    }
    if Path::new(name).is_file() {
        return Ok(inspect(&read_component(Path::new(name), limits)?, limits)?.manifests()?);
    }
    let known = library.rules().map(|rule| rule.manifest.id.as_str());
    Err(match crate::suggest::closest(name, known) {
        Some(close) => format!("there is no rule `{name}`; did you mean `{close}`?").into(),
        None => format!("there is no rule `{name}`; `policy-host list` shows them").into(),
    })
}
