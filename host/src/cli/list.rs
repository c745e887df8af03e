//! `policy-host list`

use super::args::{Column, Format, ListArguments};
use super::terminal::outln;
use super::{CommandResult, Exit, terminal};
use crate::bundle::{Bundle, BundleRule, Library, Selection};
use crate::engine::{Engine, SandboxLimits};
use crate::manifest::Manifest;
use clap::ValueEnum as _;
use std::sync::Arc;

pub(super) fn run(arguments: &ListArguments, pack: &'static [u8], limits: &SandboxLimits) -> CommandResult {
    let mut library = Library::embedded(pack)?;
    let mut bundle = match &arguments.bundle {
        None => Bundle::of_rules("all", library.rules().map(Arc::clone)),
        Some(reference) => {
            let engine = Engine::new(limits.clone(), None)?;
            Bundle::open(reference, &mut library, &engine, jiff::Zoned::now().date())?
        }
    };
    if !arguments.select.is_empty() || !arguments.ignore.is_empty() {
        let selection = Selection::new(&arguments.select, &arguments.ignore, &bundle, &library)
            .map_err(|(list, (_, message))| format!("--{list}: {message}"))?;
        bundle.narrow(&selection);
    }
    bundle.rules.retain(|rule| arguments.min_severity.is_none_or(|least| rule.worst() >= least));
    if arguments.format == Format::Json {
        let manifests: Vec<&Manifest> = bundle.rules.iter().map(|rule| &*rule.source.manifest).collect();
        terminal::print_json(&manifests)?;
        return Ok(Exit::Clean);
    }
    let rows: Vec<Vec<String>> =
        bundle.rules.iter().map(|rule| arguments.columns.iter().map(|column| cell(rule, *column)).collect()).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..arguments.columns.len()).map(width).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        outln!("{}", cells.join("  ").trim_end());
    }
    if arguments.bundle.is_none() {
        let names: Vec<&str> = library.bundle_names().collect();
        outln!("");
        outln!("{} rules; bundles: {}", rows.len(), names.join(", "));
    }
    Ok(Exit::Clean)
}

fn cell(rule: &BundleRule, column: Column) -> String {
    let manifest = &*rule.source.manifest;
    match column {
        Column::Id => manifest.id.clone(),
        Column::Severity => rule.worst().to_string(),
        Column::Confidence => {
            manifest.findings.iter().map(|kind| kind.confidence).max().map(|sure| sure.to_string()).unwrap_or_default()
        }
        Column::Enforcement => {
            rule.enforcement.to_possible_value().map(|word| word.get_name().to_owned()).unwrap_or_default()
        }
        Column::Priority => manifest.priority.as_str().to_owned(),
        Column::Effort => format!("{:?}", manifest.effort).to_lowercase(),
        Column::Pack => rule.source.component.name.clone(),
        Column::Factor => manifest.factor.clone(),
        Column::Controls => manifest.controls.join(" "),
        Column::Peers => manifest.peers.join(" "),
        Column::Title => manifest.title.clone(),
    }
}
