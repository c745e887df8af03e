//! `policy-host inspect`

use super::args::{Format, InspectArguments};
use super::terminal::outln;
use super::{CommandResult, Exit, terminal};
use crate::engine::{Inspection, SandboxLimits, inspect, read_component};
use crate::manifest::{Manifest, ReadPath};
use std::collections::BTreeSet;

pub(super) fn run(arguments: &InspectArguments, limits: &SandboxLimits) -> CommandResult {
    let path = arguments.file.display();
    let bytes = read_component(&arguments.file, limits).map_err(|error| format!("{path}: {error}"))?;
    let inspected =
        inspect(&bytes, limits).and_then(|inspection| inspection.manifests().map(|manifests| (inspection, manifests)));
    let (inspection, manifests) = inspected.map_err(|error| format!("{path} is refused: {error}"))?;
    match arguments.format {
        Format::Json => terminal::print_json(&json(&inspection, &manifests))?,
        Format::Human => print(&inspection, &manifests),
    }
    Ok(Exit::Clean)
}

fn json(inspection: &Inspection, manifests: &[Manifest]) -> serde_json::Value {
    serde_json::json!({
        "digest": inspection.digest,
        "bytes": inspection.bytes,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "rules": manifests,
    })
}

fn print(inspection: &Inspection, manifests: &[Manifest]) {
    let imports = if inspection.imports.is_empty() { "none".to_owned() } else { inspection.imports.join(", ") };
    if let [manifest] = manifests {
        outln!("{} {}: {}", manifest.id, manifest.version, manifest.title);
    } else {
        outln!("{} rules", manifests.len());
    }
    outln!("digest   {}", inspection.digest);
    outln!("size     {} bytes", inspection.bytes);
    outln!("imports  {imports}");
    outln!("exports  {}", inspection.exports.join(", "));
    for manifest in manifests {
        if manifests.len() > 1 {
            outln!("\n{} {}: {}", manifest.id, manifest.version, manifest.title);
        }
        let targets: Vec<String> = manifest.applies_to.iter().map(ToString::to_string).collect();
        outln!("applies  {}", targets.join(", "));
        paths("reads", &manifest.reads);
        for query in &manifest.inventory {
            let kinds: Vec<String> = query.kinds.iter().map(ToString::to_string).collect();
            outln!("asks for {}", kinds.join(", "));
            if let Some(relation) = &query.relation {
                outln!("  by     {relation}");
            }
            if let Some(via) = &query.via {
                outln!("  here   each of `{via}`");
            }
            if let Some(first) = &query.unless {
                outln!("  unless `{first}` has any");
            }
            paths("  reads", &query.reads);
        }
    }
    if manifests.len() > 1 {
        let all: BTreeSet<&ReadPath> = manifests.iter().flat_map(|manifest| &manifest.reads).collect();
        outln!("\nWhat they read together, each of them may see when they are asked together:");
        paths("reads", all);
    }
}

fn paths<'p>(name: &str, paths: impl IntoIterator<Item = &'p ReadPath>) {
    for (index, path) in paths.into_iter().enumerate() {
        outln!("{:8} {path}", if index == 0 { name } else { "" });
    }
}
