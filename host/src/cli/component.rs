//! `policy-host component`: from what a compiler made to what the loader takes.

use super::args::ComponentArguments;
use super::terminal::outln;
use super::{CommandResult, Context, Exit};
use crate::engine::{Engine, embed_manifests, inspect, read_component};
use std::io::Write as _;
use std::path::Path;

pub(super) fn run(arguments: &ComponentArguments, context: &Context) -> CommandResult {
    let component = finished(&arguments.file, &context.engine)?;
    let inspection = inspect(&component, context.engine.limits())?;
    let manifests = inspection.manifests()?;
    let out = &arguments.out;
    let directory = out.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| format!("{}: {error}", out.display());
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(&component).map_err(failed)?;
    file.persist(out).map_err(|error| failed(error.error))?;
    let rules: Vec<String> = manifests.iter().map(|rule| format!("{} {}", rule.id, rule.version)).collect();
    outln!("{}: {} bytes, {}", rules.join(", "), component.len(), inspection.digest);
    Ok(Exit::Clean)
}

/// A built component with its manifests, which are asked of it when the build has not done that yet.
pub(super) fn finished(path: &Path, engine: &Engine) -> Result<Vec<u8>, String> {
    let refused = |error: &dyn std::fmt::Display| format!("{} is refused: {error}", path.display());
    let bytes = read_component(path, engine.limits()).map_err(|error| format!("{}: {error}", path.display()))?;
    let inspection = inspect(&bytes, engine.limits()).map_err(|error| refused(&error))?;
    if inspection.manifests.is_some() {
        return Ok(bytes);
    }
    let manifests = engine.extract_manifests(&bytes).map_err(|error| refused(&error))?;
    Ok(embed_manifests(&bytes, &manifests))
}
