//! `eval --watch`: check again whenever something that is checked changes, until somebody presses Ctrl-C.

use super::config::Configured;
use super::terminal::errln;
use super::{CommandResult, Context, Exit, eval, failed, render, terminal};
use crate::bundle::{Layers, Library};
use crate::digest::Hasher;
use crate::discover;
use crate::engine::SandboxLimits;
use crate::kinds::Wanted;
use crate::parse::Limits;
use crate::system::End;
use crate::watch::{Ignored, Watch};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Checks until it is told to stop; the exit code is the last verdict's.
pub(super) fn run(
    configured: &dyn Fn() -> Result<Configured, Box<dyn std::error::Error>>,
    context: &Context,
) -> CommandResult {
    if configured()?.arguments.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err("standard input cannot be watched".into());
    }
    render::refuse_others(&configured()?.arguments)?;
    let mut watch = Watch::new(Ignored::PassedOver)?;
    stop_on_signals(&watch)?;
    let mut last = (String::new(), Exit::Error);
    loop {
        // Settings may be half-written, too: what is wrong with them is shown, and the next change tried.
        let configured = configured();
        let library = &context.library;
        let roots =
            configured.as_ref().map_or_else(|_| vec![PathBuf::from(".")], |configured| roots(configured, library));
        cover(&mut watch, &roots);
        let state = configured.as_ref().map_or_else(ToString::to_string, |configured| state(configured, context));
        // Files change that nobody checks: what this run prints into, for one.
        if state != last.0 {
            terminal::clear();
            let exit = configured.and_then(|configured| eval::judge(&configured, context.clone()));
            let exit = exit.unwrap_or_else(|error| failed(&*error));
            errln!("watching for changes; Ctrl-C ends with the exit code of this verdict, {}", exit as u8);
            last = (state, exit);
        }
        if !watch.wait() {
            return Ok(last.1);
        }
    }
}

/// Names all that a verdict is about and by.
fn state(configured: &Configured, context: &Context) -> String {
    let mut hasher = Hasher::default();
    // A bundle that cannot be opened asks for nothing; what is wrong with it is told by the run.
    let wanted = eval::wanted(configured, context.clone()).unwrap_or_else(|_| Wanted::Named(BTreeSet::new()));
    let excluded = eval::exclusion(configured).unwrap_or_default();
    let discovered = discover::discover_except(&configured.arguments.paths, &wanted, &excluded, &Limits::default());
    discovered.units.iter().for_each(|unit| hasher.update(unit.key(&[0; 32])));
    discovered.problems.iter().for_each(|problem| hasher.part(problem.line(&discovered.units)));
    discovered.passed.iter().for_each(|passed| hasher.part(&passed.path));
    for path in settings(configured, &context.library) {
        let files = std::fs::read_dir(&path).map_or_else(
            |_| vec![path],
            |entries| {
                let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                paths.sort();
                paths
            },
        );
        for file in files {
            hasher.part(file.as_os_str().as_encoded_bytes());
            hasher.part(crate::files::read(&file, SandboxLimits::MAX_COMPONENT_BYTES).unwrap_or_default());
        }
    }
    hasher.finish().to_string()
}

/// What a verdict depends on.
fn roots(configured: &Configured, library: &Library) -> Vec<PathBuf> {
    configured.arguments.paths.iter().cloned().chain(settings(configured, library)).collect()
}

/// What it is by: the bundle and what it extends, where they are files, the configuration, the baseline.
fn settings(configured: &Configured, library: &Library) -> Vec<PathBuf> {
    let arguments = &configured.arguments.judged;
    let file = configured.file.as_ref().map(|file| file.path.clone());
    let layers = Layers::open(&arguments.bundle, library).ok().flatten();
    let extended = layers.iter().flat_map(Layers::iter).filter_map(|layer| layer.file.clone());
    let named = [Some(PathBuf::from(&arguments.bundle)), file, arguments.baseline.clone()];
    named.into_iter().flatten().chain(extended).collect()
}

/// Watches further directories, and says which cannot be watched.
pub(super) fn cover(watch: &mut Watch, roots: &[PathBuf]) {
    for (directory, error) in watch.cover(roots) {
        errln!("warning: {} is not watched: {error}", directory.display());
    }
}

/// Has Ctrl-C, and what ends a process, end the waiting for changes.
pub(super) fn stop_on_signals(watch: &Watch) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut end = {
        let _inside = runtime.enter();
        End::catch()?
    };
    let stop = watch.stopper();
    std::thread::spawn(move || {
        runtime.block_on(end.received());
        stop();
    });
    Ok(())
}
