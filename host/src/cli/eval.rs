//! `policy-host eval`

use super::args::{EvalArguments, FixExtent};
use super::reports::Outputs;
use super::{CommandResult, Context, Exit, cache};
use crate::bundle::{Bundle, Enforcement, Ignoring};
use crate::discover::{self, Discovered, STDIN};
use crate::evaluate::{Judge, Memo, RunOptions, RunResult, run as evaluate};
use crate::fix::{self, Extent};
use crate::parse::Limits;
use crate::report::{Report, write_file};
use std::io::IsTerminal as _;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Progress is shown when a run takes longer than this.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) fn run(arguments: &EvalArguments, mut context: Context) -> CommandResult {
    let started = Instant::now();
    let outputs = Outputs::new(arguments.format, &arguments.report)?;
    let today = jiff::Zoned::now().date();
    let mut bundle = Bundle::open(&arguments.bundle, &mut context.library, &context.engine, today)?;
    bundle.ignoring = (!arguments.no_ignores).then(|| Ignoring { today, known: context.library.names() });
    let bundle = Arc::new(bundle);
    let limits = Limits::default();
    let mut discovered = discover::discover(&arguments.paths, &limits);
    let input_errors: Vec<String> = discovered.errors.iter().map(ToString::to_string).collect();
    if discovered.units.is_empty() && input_errors.is_empty() {
        anstream::eprintln!("error: {}", nothing_found(arguments, &discovered));
        return Ok(Exit::NoInput);
    }
    let judge = Judge::new(&context.engine, &bundle);
    let progress = Progress::start(discovered.units.len(), context.threads);
    let (result, fixed) = if arguments.fix.is_some() || arguments.diff {
        let (result, applied) = apply_fixes(arguments, &judge, &mut discovered, &limits)?;
        (result, Some(applied))
    } else {
        let memo = open_memo(arguments, &bundle);
        (evaluate(&judge, &discovered.units, RunOptions { limits, memo }), None)
    };
    progress.stop();
    let report = Report {
        bundle: &bundle,
        units: &discovered.units,
        result: &result,
        input_errors: &input_errors,
        min_severity: arguments.min_severity,
        templates: discovered.templates,
        elapsed: started.elapsed(),
        fixed,
    };
    if !arguments.diff {
        outputs.write(&report, arguments.color)?;
    }
    Ok(exit(arguments, &report))
}

fn open_memo(arguments: &EvalArguments, bundle: &Bundle) -> Option<Memo> {
    if arguments.no_cache {
        return None;
    }
    Memo::open(&cache::directory()?, &bundle.fingerprint).ok()
}

fn nothing_found(arguments: &EvalArguments, discovered: &Discovered) -> String {
    let paths: Vec<String> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
    let mut message = format!("nothing to judge in {}", paths.join(", "));
    if discovered.templates > 0 {
        let templates = discovered.templates;
        message.push_str(&format!(": {templates} Helm templates were passed over; pipe the rendered chart in"));
    } else if discovered.files == 0 {
        message.push_str(": no manifests, Dockerfiles, workflows or Terraform (.gitignore is respected)");
    }
    message
}

/// Writes the fixed files, or shows what would be written.
fn apply_fixes(
    arguments: &EvalArguments,
    judge: &Judge,
    discovered: &mut Discovered,
    limits: &Limits,
) -> Result<(RunResult, usize), Box<dyn std::error::Error>> {
    let extent = if arguments.fix == Some(FixExtent::Unsafe) { Extent::Unsafe } else { Extent::Safe };
    let fixed = fix::fix(judge, std::mem::take(&mut discovered.units), limits, extent);
    for refused in &fixed.refused {
        anstream::eprintln!("warning: {refused}");
    }
    let original = |path: &str| if path == STDIN { None } else { std::fs::read_to_string(path).ok() };
    let changed = fix::changed_files(&fixed.slots, original);
    for (path, new) in &changed {
        if arguments.diff {
            let old = std::fs::read_to_string(path)?;
            let diff = similar::TextDiff::from_lines(old.as_str(), new.as_str());
            let shown = path.trim_start_matches('/');
            anstream::print!("{}", diff.unified_diff().header(&format!("a/{shown}"), &format!("b/{shown}")));
        } else {
            write_file(path.as_ref(), new)?;
        }
    }
    discovered.units = fixed.slots.into_iter().map(|slot| slot.unit).collect();
    Ok((fixed.result, fixed.applied))
}

fn exit(arguments: &EvalArguments, report: &Report<'_>) -> Exit {
    let counts = report.counts();
    let documents = || report.result.documents.iter().map(|(_, document)| document);
    let fails = documents()
        .flat_map(|document| document.findings())
        .any(|(_, finding)| finding.enforcement == Enforcement::Deny && arguments.fail_on.includes(finding.severity));
    if counts.rule_errors > 0 || counts.input_errors > 0 {
        Exit::Error
    } else if fails {
        Exit::Findings
    } else if counts.documents == 0 {
        anstream::eprintln!("note: none of the input is something that a rule of this bundle judges");
        Exit::NoInput
    } else {
        Exit::Clean
    }
}

/// A line on standard error, only on a terminal and only when it takes long.
struct Progress(Option<(mpsc::Sender<()>, std::thread::JoinHandle<()>)>);

impl Progress {
    fn start(units: usize, threads: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            let mut shown = false;
            let mut wait = PATIENCE;
            while stopped.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprint!("\r\x1b[2Kjudging {units} documents on {threads} threads, {} s", started.elapsed().as_secs());
                (shown, wait) = (true, Duration::from_millis(250));
            }
            if shown {
                eprint!("\r\x1b[2K");
            }
        });
        Self(Some((stop, thread)))
    }

    fn stop(self) {
        if let Some((stop, thread)) = self.0 {
            drop(stop);
            let _ = thread.join();
        }
    }
}
