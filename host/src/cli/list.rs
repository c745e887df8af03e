//! `policy-host list`

use super::args::{Format, ListArguments};
use super::terminal::outln;
use super::{CommandResult, Exit, terminal};
use crate::bundle::{Bundle, Library};
use crate::engine::{Engine, SandboxLimits};
use crate::manifest::Manifest;

pub(super) fn run(arguments: &ListArguments, pack: &'static [u8], limits: &SandboxLimits) -> CommandResult {
    let mut library = Library::embedded(pack)?;
    let manifests: Vec<Manifest> = match &arguments.bundle {
        None => library.rules().map(|rule| Manifest::clone(&rule.manifest)).collect(),
        Some(reference) => {
            let engine = Engine::new(limits.clone(), None)?;
            let bundle = Bundle::open(reference, &mut library, &engine, jiff::Zoned::now().date())?;
            bundle.rules.iter().map(|rule| Manifest::clone(&rule.source.manifest)).collect()
        }
    };
    if arguments.format == Format::Json {
        terminal::print_json(&manifests)?;
        return Ok(Exit::Clean);
    }
    let width = manifests.iter().map(|manifest| manifest.id.len()).max().unwrap_or_default();
    for manifest in &manifests {
        let severity = manifest.worst().to_string();
        let fields = (&manifest.id, severity, format!("{:?}", manifest.priority), &manifest.title);
        outln!("{:width$}  {:8}  {}  {}", fields.0, fields.1, fields.2, fields.3);
    }
    if arguments.bundle.is_none() {
        let names: Vec<&str> = library.bundle_names().collect();
        outln!("");
        outln!("{} rules; bundles: {}", manifests.len(), names.join(", "));
    }
    Ok(Exit::Clean)
}
