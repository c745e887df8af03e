//! `policy-host test`

use super::args::TestArguments;
use super::component::finished;
use super::terminal::{errln, outln};
use super::{CommandResult, Context, Exit, failed, terminal};
use crate::bundle::RuleSource;
use crate::engine::Engine;
use crate::fixtures::{self, Outcomes};
use crate::watch::Watch;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn run(arguments: &TestArguments, context: &Context) -> CommandResult {
    if !arguments.watch {
        return run_once(arguments, context);
    }
    let mut watched = arguments.paths.clone();
    watched.extend(arguments.components.is_dir().then(|| arguments.components.clone()));
    let watch = Watch::new(&watched)?;
    loop {
        // A folder that is being changed may be unreadable for a moment.
        let exit = run_once(arguments, context).unwrap_or_else(|error| failed(&*error));
        outln!("watching for changes");
        if !watch.wait() {
            return Ok(exit);
        }
    }
}

fn run_once(arguments: &TestArguments, context: &Context) -> CommandResult {
    let folders = rule_folders(&arguments.paths)?;
    if folders.is_empty() {
        let paths: Vec<String> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
        errln!("error: no rule in {}: a rule's folder has a `policy.rs`, or fixtures", paths.join(", "));
        return Ok(Exit::NoInput);
    }
    let results: Vec<Result<Outcomes, String>> =
        folders.par_iter().map(|folder| test(folder, arguments, &context.engine)).collect();
    let mut failed = 0;
    for (folder, result) in folders.iter().zip(results) {
        let name = folder.display();
        match result {
            Ok(outcomes) if outcomes.problems.is_empty() => {
                outln!("ok     {name}: {} files, {} findings", outcomes.files, outcomes.matched);
            }
            Ok(outcomes) => {
                failed += 1;
                outln!("FAILED {name}");
                // Frames have lines of their own.
                outcomes.problems.iter().for_each(|problem| terminal::print(&format!("  {problem}\n")));
            }
            Err(error) => {
                failed += 1;
                outln!("FAILED {name}");
                outln!("  {error}");
            }
        }
    }
    outln!("{} passed, {failed} failed", folders.len() - failed);
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
            let name = entry.file_name();
            if entry.file_type()?.is_dir() && name != "sdk" && name != "target" {
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
    let rule = component(folder, &arguments.components, &id, engine)?;
    fixtures::test(folder, &Arc::new(rule), engine, arguments.update).map_err(|error| error.to_string())
}

/// A built component: the rule's own, else the one among all.
fn component(folder: &Path, components: &Path, id: &str, engine: &Arc<Engine>) -> Result<RuleSource, String> {
    let candidates = [
        folder.join("target").join(format!("{id}.wasm")),
        components.join(format!("{id}.wasm")),
        components.join(format!("{}.wasm", id.replace('-', "_"))),
    ];
    let path = candidates
        .iter()
        .find(|path| path.is_file())
        .ok_or_else(|| format!("there is no component {}: build it first", candidates[2].display()))?;
    let rule = RuleSource::from_component(finished(path, engine)?, engine)
        .map_err(|error| format!("{} is refused: {error}", path.display()))?;
    if rule.manifest.id != id {
        return Err(format!("{} is the rule `{}`, not `{id}`", path.display(), rule.manifest.id));
    }
    Ok(rule)
}
