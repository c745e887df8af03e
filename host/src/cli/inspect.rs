//! `policy-host inspect`

use super::args::{Format, InspectArguments};
use super::terminal::outln;
use super::{CommandResult, Exit, terminal};
use crate::engine::{Inspection, SandboxLimits, inspect};
use crate::manifest::{Manifest, ReadPath};

pub(super) fn run(arguments: &InspectArguments, limits: &SandboxLimits) -> CommandResult {
    let path = arguments.file.display();
    let bytes = std::fs::read(&arguments.file).map_err(|error| format!("{path}: {error}"))?;
    let inspected =
        inspect(&bytes, limits).and_then(|inspection| inspection.manifest().map(|manifest| (inspection, manifest)));
    let (inspection, manifest) = inspected.map_err(|error| format!("{path} is refused: {error}"))?;
    match arguments.format {
        Format::Json => terminal::print_json(&json(&inspection, &manifest))?,
        Format::Human => print(&inspection, &manifest),
    }
    Ok(Exit::Clean)
}

fn json(inspection: &Inspection, manifest: &Manifest) -> serde_json::Value {
    serde_json::json!({
        "digest": inspection.digest,
        "bytes": inspection.bytes,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "manifest": manifest,
    })
}

fn print(inspection: &Inspection, manifest: &Manifest) {
    let imports = if inspection.imports.is_empty() { "none".to_owned() } else { inspection.imports.join(", ") };
    outln!("{} {}: {}", manifest.id, manifest.version, manifest.title);
    outln!("digest   {}", inspection.digest);
    outln!("size     {} bytes", inspection.bytes);
    outln!("imports  {imports}");
    outln!("exports  {}", inspection.exports.join(", "));
    let targets: Vec<String> = manifest.applies_to.iter().map(ToString::to_string).collect();
    outln!("applies  {}", targets.join(", "));
    paths("reads", &manifest.reads);
    for query in &manifest.inventory {
        let kinds: Vec<String> = query.kinds.iter().map(ToString::to_string).collect();
        outln!("asks for {}", kinds.join(", "));
        paths("  reads", &query.reads);
    }
}

fn paths(name: &str, paths: &[ReadPath]) {
    for (index, path) in paths.iter().enumerate() {
        outln!("{:8} {path}", if index == 0 { name } else { "" });
    }
}
