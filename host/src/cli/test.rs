//! `policy-host test`

use super::args::TestArguments;
use super::component::finished;
use super::terminal::{errln, outln};
use super::watch::{cover, stop_on_signals};
use super::{CommandResult, Context, Exit, failed, terminal};
use crate::bundle::{Library, RuleSource};
use crate::engine::Engine;
use crate::fixtures::{self, Outcomes};
use crate::manifest::ReadPath;
use crate::watch::{Ignored, Watch};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn run(arguments: &TestArguments, context: &Context) -> CommandResult {
    if !arguments.watch {
        return run_once(arguments, context);
    }
    let mut watched = arguments.paths.clone();
    watched.extend(arguments.components.is_dir().then(|| arguments.components.clone()));
    // What is built stands in directories that git ignores.
    let mut watch = Watch::new(Ignored::Watched)?;
    stop_on_signals(&watch)?;
    loop {
        cover(&mut watch, &watched);
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
        errln!("error: no rule in {}: a rule's folder has a `policy.rs`, or cases", paths.join(", "));
        return Ok(Exit::NoInput);
    }
    let results: Vec<Result<Outcomes, String>> =
        folders.par_iter().map(|folder| test(folder, arguments, &context.library, &context.engine)).collect();
    let mut failed = 0;
    for (folder, result) in folders.iter().zip(results) {
        let name = folder.display();
        match result {
            Ok(outcomes) if outcomes.problems.is_empty() => {
                outln!("ok     {name}: {} cases, {} findings", outcomes.cases, outcomes.matched);
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

/// The folders of rules among and below some folders.
fn rule_folders(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut folders = Vec::new();
    for path in paths {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        if fixtures::is_rule(path).map_err(failed)? {
            folders.push(path.clone());
            continue;
        }
        let mut below: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if entry.file_type().map_err(failed)?.is_dir() && name != "sdk" && name != "target" {
                below.push(entry.path());
            }
        }
        below.sort();
        folders.extend(rule_folders(&below)?);
    }
    Ok(folders)
}

fn test(folder: &Path, arguments: &TestArguments, library: &Library, engine: &Arc<Engine>) -> Result<Outcomes, String> {
    let id = std::fs::canonicalize(folder)
        .ok()
        .and_then(|folder| folder.file_name().map(|name| name.to_string_lossy().into_owned()))
        .ok_or("the folder has no name")?;
    let rule = rule(folder, &arguments.components, &id, engine)?;
    let others: BTreeSet<&ReadPath> = library.rules().flat_map(|rule| &rule.manifest.reads).collect();
    let others: Vec<ReadPath> = others.into_iter().cloned().collect();
    fixtures::test(folder, &rule, &others, engine, arguments.update).map_err(|error| error.to_string())
}

/// A rule from a built component: the rule's own, else its pack's.
fn rule(folder: &Path, components: &Path, id: &str, engine: &Arc<Engine>) -> Result<Arc<RuleSource>, String> {
    let pack = folder.parent().and_then(|pack| pack.canonicalize().ok());
    let pack = pack.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let candidates = [
        Some(folder.join("target").join(format!("{id}.wasm"))),
        Some(components.join(format!("{id}.wasm"))),
        pack.map(|pack| components.join(format!("{pack}.wasm"))),
    ];
    let candidates: Vec<PathBuf> = candidates.into_iter().flatten().collect();
    let path = candidates.iter().find(|path| path.is_file()).ok_or_else(|| {
        let places: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
        format!("there is no component, neither {}: build it first", places.join(" nor "))
    })?;
    let rules = RuleSource::from_component(finished(path, engine)?, engine)
        .map_err(|error| format!("{} is refused: {error}", path.display()))?;
    let there: Vec<String> = rules.iter().map(|rule| rule.manifest.id.clone()).collect();
    rules
        .into_iter()
        .find(|rule| rule.manifest.id == id)
        .ok_or_else(|| format!("{} has the rules `{}`, not `{id}`: build it again", path.display(), there.join("`, `")))
}
