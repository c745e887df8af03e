//! `policy-host test`

use super::args::TestArguments;
use super::{CommandResult, Context, Exit};
use crate::bundle::RuleSource;
use crate::engine::{Engine, embed_manifest, inspect};
use crate::fixtures::{self, Outcomes};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn run(arguments: &TestArguments, context: &Context) -> CommandResult {
    let folders = rule_folders(&arguments.paths)?;
    if folders.is_empty() {
        anstream::eprintln!("error: no rule in {:?}: a rule's folder has a `policy.rs`, or fixtures", arguments.paths);
        return Ok(Exit::NoInput);
    }
    let results: Vec<Result<Outcomes, String>> =
        folders.par_iter().map(|folder| test(folder, arguments, &context.engine)).collect();
    let mut failed = 0;
    for (folder, result) in folders.iter().zip(results) {
        let name = folder.display();
        match result {
            Ok(outcomes) if outcomes.problems.is_empty() => {
                anstream::println!("ok     {name}: {} files, {} findings", outcomes.files, outcomes.matched);
            }
            Ok(outcomes) => {
                failed += 1;
                anstream::println!("FAILED {name}\n  {}", outcomes.problems.join("\n  "));
            }
            Err(error) => {
                failed += 1;
                anstream::println!("FAILED {name}\n  {error}");
            }
        }
    }
    anstream::println!("{} passed, {failed} failed", folders.len() - failed);
    Ok(if failed == 0 { Exit::Clean } else { Exit::Findings })
}

/// A folder with fixtures is a rule's; any other folder is searched.
fn rule_folders(paths: &[PathBuf]) -> std::io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for path in paths {
        let is_rule = path.join("policy.rs").is_file() || path.join("fail.yaml").is_file();
        if is_rule {
            folders.push(path.clone());
            continue;
        }
        let mut below: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && entry.file_name() != "sdk" {
                below.push(entry.path());
            }
        }
        below.sort();
        folders.extend(rule_folders(&below)?);
    }
    Ok(folders)
}

fn test(folder: &Path, arguments: &TestArguments, engine: &Arc<Engine>) -> Result<Outcomes, String> {
    let id = std::fs::canonicalize(folder)
        .ok()
        .and_then(|folder| folder.file_name().map(|name| name.to_string_lossy().into_owned()))
        .ok_or("the folder has no name")?;
    let rule = component(&arguments.components, &id, engine)?;
    fixtures::test(folder, &Arc::new(rule), engine, arguments.update).map_err(|error| error.to_string())
}

/// A built component, with its manifest extracted when the build has not done that yet.
fn component(components: &Path, id: &str, engine: &Arc<Engine>) -> Result<RuleSource, String> {
    let candidates = [components.join(format!("{id}.wasm")), components.join(format!("{}.wasm", id.replace('-', "_")))];
    let path = candidates
        .iter()
        .find(|path| path.is_file())
        .ok_or_else(|| format!("there is no component {}: build it first", candidates[1].display()))?;
    let refused = |error: &dyn std::fmt::Display| format!("{} is refused: {error}", path.display());
    let mut bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let inspection = inspect(&bytes, engine.limits()).map_err(|error| refused(&error))?;
    if inspection.manifest.is_none() {
        let manifest = engine.extract_manifest(&bytes).map_err(|error| refused(&error))?;
        bytes = embed_manifest(&bytes, &manifest);
    }
    let rule = RuleSource::from_component(bytes, engine).map_err(|error| refused(&error))?;
    if rule.manifest.id != id {
        return Err(format!("{} is the rule `{}`, not `{id}`", path.display(), rule.manifest.id));
    }
    Ok(rule)
}
