//! The command line: arguments in, results on standard output, everything else on standard error.
//!
//! Exit codes are the same everywhere: 0 clean, 1 findings, 2 an error or a rule that could not run,
//! 3 nothing to check.

mod add_ignore;
mod args;
mod artifact;
mod bench;
mod bundle;
mod choices;
mod component;
mod config;
mod docs;
mod eval;
mod explain;
mod inspect;
mod judging;
mod key;
mod list;
mod lsp;
mod new;
mod oci;
mod pack;
mod passphrase;
mod progress;
mod render;
mod report;
mod reports;
mod serve;
mod shell;
mod sign;
mod terminal;
mod test;
mod watch;

use crate::bundle::{Library, LibraryError};
use crate::cache;
use crate::engine::{CodeCache, Engine, EngineError, SandboxLimits};
use crate::oci::OciError;
use args::{Arguments, BundleCommand, Command, StoreCommand};
use clap::Parser as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use terminal::errln;

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Clean = 0,
    Findings = 1,
    Error = 2,
    NoInput = 3,
}

/// What every command needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) engine: Arc<Engine>,
    pub(crate) library: Library,
    pub(crate) threads: usize,
}

/// Runs the command line; `pack` is what the binary has embedded.
pub fn main(pack: &'static [u8]) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            terminal::usage(&error);
            // Help and version are asked for; anything else is a usage error, exit 2.
            return ExitCode::from(if error.use_stderr() { Exit::Error } else { Exit::Clean } as u8);
        }
    };
    let exit = run(arguments, pack).unwrap_or_else(|error| failed(&*error));
    if let Some(failure) = terminal::failure() {
        errln!("error: standard output cannot be written to: {failure}");
        return ExitCode::from(Exit::Error as u8);
    }
    ExitCode::from(exit as u8)
}

/// Says why a command failed.
fn failed(error: &(dyn std::error::Error + 'static)) -> Exit {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        terminal::usage(error);
    } else if let Some(OciError::NotAdmitted(refusal)) = error.downcast_ref() {
        // It has a line for each signature.
        terminal::print_error(&format!("error: {refusal}\n"));
    } else {
        errln!("error: {error}");
    }
    Exit::Error
}

type CommandResult = Result<Exit, Box<dyn std::error::Error>>;

fn run(arguments: Arguments, pack: &'static [u8]) -> CommandResult {
    let threads = arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // A guest's stack is on its thread's.
    rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(4 << 20).build_global()?;
    let limits = SandboxLimits::with_component_bytes(usize::from(arguments.component_mib) << 20);
    match arguments.command {
        Command::Inspect(arguments) => inspect::run(&arguments, &limits),
        Command::List(arguments) => list::run(&arguments, pack, &limits),
        Command::Explain(arguments) => explain::run(&arguments, pack, &limits),
        Command::Eval(arguments) => {
            let context = context(pack, &limits, arguments.no_cache, threads)?;
            let configure = || config::configure(&arguments.judged, |name| context.library.bundle(name).is_some());
            if arguments.watch { watch::run(&configure, &context) } else { eval::judge(&configure()?, context.clone()) }
        }
        Command::AddIgnore(arguments) => {
            let context = context(pack, &limits, false, threads)?;
            let configured = config::configure(&arguments.judged, |name| context.library.bundle(name).is_some())?;
            add_ignore::run(&configured, context)
        }
        Command::Config(arguments) => {
            let library = Library::embedded(pack)?;
            config::run(&arguments, &library)
        }
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Serve(arguments) => {
            let context = context(pack, &limits, false, threads)?;
            serve::run(*arguments, context)
        }
        Command::Key(arguments) => key::run(&arguments),
        Command::Sign(arguments) => sign::sign(&arguments),
        Command::Attest(arguments) => sign::attest(&arguments),
        Command::Verify(arguments) => sign::verify(&arguments),
        Command::Test(arguments) => test::run(&arguments, &context(pack, &limits, false, threads)?),
        Command::Bundle(arguments) => match &arguments.command {
            // These run nothing, so that they need no engine.
            BundleCommand::Pull(arguments) => artifact::pull(arguments),
            BundleCommand::Inspect(arguments) => artifact::inspect(arguments),
            BundleCommand::List(arguments) => artifact::list(arguments),
            BundleCommand::Copy(arguments) => artifact::copy(arguments),
            BundleCommand::Save(arguments) => artifact::save(arguments),
            BundleCommand::Load(arguments) => artifact::load(arguments),
            BundleCommand::Build(arguments) => artifact::build(arguments, &mut context(pack, &limits, false, threads)?),
            BundleCommand::Push(arguments) => artifact::push(arguments, &mut context(pack, &limits, false, threads)?),
            BundleCommand::Engine(command) => bundle::run(command, context(pack, &limits, false, threads)?),
        },
        Command::Store(arguments) => match arguments.command {
            StoreCommand::Prune(arguments) => {
                let unused_for = arguments.unused_for.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
                artifact::prune(arguments.store.as_deref(), unused_for, arguments.format)
            }
        },
        Command::Docs(arguments) => docs::run(&arguments, context(pack, &limits, false, threads)?),
        Command::New(arguments) => new::run(&arguments),
        Command::Component(arguments) => component::run(&arguments, &context(pack, &limits, false, threads)?),
        Command::Bench(arguments) => bench::run(&arguments, context(pack, &limits, false, threads)?),
        Command::Lsp(arguments) => lsp::run(arguments, context(pack, &limits, false, threads)?),
        Command::Pack(arguments) => pack::run(&arguments),
    }
}

fn context(
    pack: &'static [u8],
    limits: &SandboxLimits,
    no_cache: bool,
    threads: usize,
) -> Result<Context, ContextError> {
    let code_cache = if no_cache { None } else { open_code_cache() };
    let (engine, library) = rayon::join(|| Engine::new(limits.clone(), code_cache), || Library::embedded(pack));
    let context = Context { engine: Arc::new(engine?), library: library?, threads };
    // The process ends with its command: nobody waits until rules and sandboxes are taken apart.
    std::mem::forget(context.clone());
    Ok(context)
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// Without a cache everything works, only slower; a directory that cannot be trusted is worth a word.
fn open_code_cache() -> Option<CodeCache> {
    let directory = cache::directory()?;
    match CodeCache::open(&directory) {
        Ok(cache) => Some(cache),
        Err(error) => {
            errln!("warning: compiled rules are not kept: {error}");
            None
        }
    }
}
