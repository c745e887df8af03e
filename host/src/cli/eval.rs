//! `policy-host eval`

use super::args::{EvalArguments, FixExtent};
use super::config::Configured;
use super::progress::Progress;
use super::reports::Outputs;
use super::terminal::errln;
use super::{CommandResult, Context, Exit, judging, oci, render, terminal};
use crate::baseline::{Baseline, Evaluated};
use crate::bundle::{Bundle, BundleError, Enforcement, unknown_bundle};
use crate::cache;
use crate::changes::Changes;
use crate::config::ConfigFile;
use crate::discover::{self, Discovered, STDIN};
use crate::encoding::{Encoding, decode};
use crate::evaluate::{Judge, Memo, RunOptions, RunResult, Secrets, mask_messages, run as evaluate};
use crate::exclusion::Exclusion;
use crate::files;
use crate::fix::{self, Extent, Fixed};
use crate::kinds::Wanted;
use crate::oci::Reference;
use crate::parse::{Limits, Unit};
use crate::problem::{self, InputProblem, ProblemKind};
use crate::report::{Adoption, Report, write_file};
use crate::root;
use crate::sets::{Surroundings, kustomizations_beside};
use std::sync::Arc;
use std::time::Instant;

/// Checks once, and prints the report.
pub(super) fn judge(configured: &Configured, mut context: Context) -> CommandResult {
    let arguments = &configured.arguments;
    let started = Instant::now();
    render::refuse_others(arguments)?;
    let outputs = Outputs::new(arguments.format, arguments.output.as_deref(), &arguments.report)?;
    let detail = arguments.detail.detail();
    outputs.refuse(detail)?;
    let today = jiff::Zoned::now().date();
    let bundle = Arc::new(open_bundle(configured, &mut context, today)?);
    let limits = Limits::default();
    let excluded = exclusion(configured)?;
    let wanted = if arguments.rendering.render { bundle.wanted().and(crate::render::VALUES) } else { bundle.wanted() };
    let mut discovered = discover::discover_except(&arguments.paths, &wanted, &excluded, &limits);
    if !discovered.spared.is_empty() && !arguments.detail.quiet {
        errln!("note: {}", spared(&discovered.spared));
    }
    if discovered.units.is_empty() && discovered.problems.is_empty() {
        errln!("error: {}", nothing_found(arguments, &discovered));
        return Ok(Exit::NoInput);
    }
    let renderables = crate::render::found(&discovered.units, &limits);
    let mut judge = Judge::new(&context.engine, &bundle);
    if let Some(images) = oci::images(&arguments.images, &arguments.registry, &arguments.trust)? {
        judge = judge.with_images(Arc::new(images));
    }
    let rendered = render::judge(arguments, &judge, &renderables, &discovered, &limits, context.threads)?;
    if let Some(rendered) = &rendered {
        discovered.units.retain(|unit| !rendered.replaces(unit));
    }
    let surroundings = surroundings(configured, &discovered)?;
    let progress = judging(discovered.units.len(), context.threads);
    let (mut result, fixed) = if arguments.fix.is_some() || arguments.diff {
        let fixed = apply_fixes(arguments, &judge, &mut discovered, (&limits, &surroundings))?;
        (fixed.result, Some((fixed.applied, fixed.secrets)))
    } else {
        let memo = open_memo(arguments, &bundle);
        (evaluate(&judge, &discovered.units, RunOptions { limits, memo, surroundings }), None)
    };
    progress.stop();
    let (of_renderings, failures) = match rendered {
        Some(rendered) => {
            result.append(&bundle, discovered.units.len(), rendered.result);
            discovered.units.extend(rendered.units);
            (rendered.secrets, rendered.failures)
        }
        None => Default::default(),
    };
    // Before anything is set apart: what is left out of a report is no less secret.
    let mut secrets = Secrets::of(&discovered.units, &result);
    if let Some((_, before)) = &fixed {
        secrets.add_values(before);
    }
    secrets.add_anywhere(&of_renderings);
    mask_messages(&secrets, &discovered.units, &mut result);
    let mut problems = discovered.problems.clone();
    problems.extend(result.problems(&discovered.units));
    // What a program says may quote what it was given.
    problems.extend(failures.into_iter().map(|crate::render::Failure { folder, message }| {
        InputProblem::of_file(folder, ProblemKind::Unrendered, secrets.masked_values(&message))
    }));
    let adoption = adopt(configured, &bundle, &discovered.units, &mut result, &mut problems)?;
    let report = Report {
        bundle: &bundle,
        units: &discovered.units,
        result: &result,
        secrets: &secrets,
        problems: &problems,
        level: judging::level(&arguments.judged),
        passed: &discovered.passed,
        renderables: &renderables,
        rendered: arguments.rendering.render,
        elapsed: started.elapsed(),
        fixed: fixed.map(|(applied, _)| applied),
        adoption: &adoption,
        detail,
    };
    if !arguments.diff {
        outputs.write(&report, arguments.color)?;
    }
    Ok(exit(arguments, &report))
}

/// The kinds of files that are asked for.
pub(super) fn wanted(configured: &Configured, mut context: Context) -> Result<Wanted, Box<dyn std::error::Error>> {
    Ok(open_bundle(configured, &mut context, jiff::Zoned::now().date())?.wanted())
}

/// What is not read. Who names a path on the command line wants it read, whatever the configuration excludes; what the
/// command line excludes itself, it excludes of the paths that it names too.
pub(super) fn exclusion(configured: &Configured) -> Result<Exclusion, Box<dyn std::error::Error>> {
    let arguments = &configured.arguments;
    let excluded = judging::exclusion(configured, &arguments.judged)?;
    let is_named = configured.is_on_command_line("paths") && !configured.is_on_command_line("exclude");
    Ok(if is_named && !arguments.force_exclude { excluded.sparing_named() } else { excluded })
}

/// Says that paths are read though they are excluded.
fn spared(paths: &[String]) -> String {
    let (which, they, them) = match paths {
        [path] => (format!("`{path}` is"), "it is", "it"),
        [path, others @ ..] => (format!("`{path}` and {} more are", others.len()), "they are", "them"),
        [] => return String::new(),
    };
    format!("{which} excluded, and read because {they} named; --force-exclude leaves {them} out")
}

/// The bundle, as the configuration has it.
fn open_bundle(
    configured: &Configured,
    context: &mut Context,
    today: jiff::civil::Date,
) -> Result<Bundle, Box<dyn std::error::Error>> {
    let EvalArguments { judged, registry, lock, trust, .. } = &configured.arguments;
    let bundle = if Reference::is_meant(&judged.bundle) {
        oci::open(&judged.bundle, registry, lock, trust, context)?
    } else {
        let opened = Bundle::open(&judged.bundle, &mut context.library, &context.engine, today);
        opened.map_err(|error| match (error, configured.file_that_says("bundle")) {
            (BundleError::Unknown { .. }, Some(file)) => {
                // As it is written there.
                let written = file.located.value.bundle.as_deref().unwrap_or_default();
                configured.placed("bundle", unknown_bundle(written, Some(&file.directory), &context.library))
            }
            (error, _) => error.into(),
        })?
    };
    judging::configured_bundle(bundle, configured, judged, context, today)
}

/// What is known beside the units: kustomizations around them, templates, and the sets of the configuration.
fn surroundings(configured: &Configured, discovered: &Discovered) -> Result<Surroundings, Box<dyn std::error::Error>> {
    let templates = discovered.passed.iter().map(|passed| passed.path.clone()).collect();
    let named = configured.file.as_ref().map(ConfigFile::sets).transpose()?.unwrap_or_default();
    let kustomizations = kustomizations_beside(&discovered.units, &Limits::default());
    Ok(Surroundings { kustomizations, templates, named })
}

/// Sets apart what was there before: by the baseline, by the change.
fn adopt(
    configured: &Configured,
    bundle: &Bundle,
    units: &[Unit],
    result: &mut RunResult,
    problems: &mut Vec<InputProblem>,
) -> Result<Adoption, Box<dyn std::error::Error>> {
    let arguments = &configured.arguments;
    let mut adoption = Adoption::default();
    if let Some(path) = &arguments.judged.baseline {
        let baseline = Baseline::read(path).map_err(|error| configured.placed("baseline", error))?;
        baseline.apply_to_inputs(problems);
        adoption.compared = Some(baseline.apply(bundle, result, Evaluated { units, problems }));
    }
    if let Some(path) = &arguments.write_baseline {
        let failed = result.documents.iter().any(|(_, document)| document.errors().next().is_some());
        if failed {
            errln!("warning: {} is not written: a rule failed", path.display());
        } else {
            let older = Baseline::before(path)?;
            let evaluated = Evaluated { units, problems };
            let mut baseline = Baseline::of(path, bundle, result, evaluated);
            let kept = older.map_or(0, |older| baseline.keep_unseen(&older, bundle, result, evaluated));
            baseline.write()?;
            baseline.apply_to_inputs(problems);
            baseline.apply(bundle, result, Evaluated { units, problems });
            adoption.compared = None;
            if !arguments.detail.quiet {
                errln!("note: {} holds {} findings now{}", path.display(), baseline.len(), still_there(kept));
            }
        }
    }
    if let Some(reference) = &arguments.since {
        adoption.untouched = Some(Changes::since(reference)?.narrow(units, result, problems));
    }
    Ok(adoption)
}

/// What of a baseline was not evaluated and stays in it.
fn still_there(kept: usize) -> String {
    match kept {
        0 => String::new(),
        1 => "; 1 of them was not evaluated this time and stays in it".to_owned(),
        kept => format!("; {kept} of them were not evaluated this time and stay in it"),
    }
}

fn judging(units: usize, threads: usize) -> Progress {
    Progress::start(move |seconds| format!("checking {units} documents on {threads} threads, {seconds} s"))
}

fn open_memo(arguments: &EvalArguments, bundle: &Bundle) -> Option<Memo> {
    if arguments.no_cache {
        return None;
    }
    Memo::open(&cache::directory()?, &root::of_paths(&arguments.paths), &bundle.fingerprint).ok()
}

fn nothing_found(arguments: &EvalArguments, discovered: &Discovered) -> String {
    let paths: Vec<String> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
    let mut message = format!("nothing to check in {}", paths.join(", "));
    let passed = match discovered.passed.len() {
        1 => "1 template was".to_owned(),
        count => format!("{count} templates were"),
    };
    if !discovered.passed.is_empty() {
        message.push_str(&format!(": {passed} skipped; --render checks what charts deploy"));
    } else if discovered.excluded > 0 {
        let (excluded, passed) = match discovered.excluded {
            1 => ("1 file or directory is".to_owned(), "it"),
            many => (format!("{many} files and directories are"), "them"),
        };
        message.push_str(&format!(": {excluded} excluded; `config show` says what excludes {passed}"));
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
    (limits, surroundings): (&Limits, &Surroundings),
) -> Result<Fixed, Box<dyn std::error::Error>> {
    let extent = if arguments.fix == Some(FixExtent::Unsafe) { Extent::Unsafe } else { Extent::Safe };
    let before = std::mem::take(&mut discovered.units);
    let fixed = fix::fix(judge, before.clone(), limits, surroundings, extent);
    for refused in &fixed.refused {
        errln!("warning: {}", fixed.secrets.masked_values(refused));
    }
    // A path that is not UTF-8 is shown with `U+FFFD`, and may be another file's.
    let is_file = |path: &str| path != STDIN && !path.contains('\u{fffd}');
    let read = |path: &str| {
        let bytes = if is_file(path) { files::read(path.as_ref(), limits.bytes).ok() } else { None };
        bytes.and_then(|bytes| decode(bytes).ok())
    };
    let original = |path: &str| read(path).map(|(text, _)| text);
    let fixed_units: Vec<Unit> = fixed.slots.iter().map(|slot| slot.unit.clone()).collect();
    if arguments.diff {
        let after = Secrets::of(&fixed_units, &fixed.result);
        let diffs = fix::diffs(&before, &fixed.secrets, &fixed.slots, &after, original);
        diffs.values().for_each(|diff| terminal::print(&diff.text));
        if !diffs.values().all(|diff| diff.exact) {
            errln!(
                "note: secrets and what is not visible are not shown, so that this diff is to be read; --fix applies it"
            );
        }
    } else {
        for (path, new) in &fix::changed_files(&fixed.slots, original) {
            let encoding = read(path).map_or(Encoding::Utf8, |(_, encoding)| encoding);
            write_file(path.as_ref(), &encoding.encode(new))?;
        }
    }
    discovered.units = fixed_units;
    Ok(fixed)
}

/// An input that could not be checked counts as a finding, unless it is the program that could not read it.
fn exit(arguments: &EvalArguments, report: &Report<'_>) -> Exit {
    let counts = report.counts();
    let failed = counts.rule_errors > 0 || report.standing_problems().any(|problem| problem.kind.is_failure());
    let unread = report.standing_problems().next().is_some() && arguments.fail_on.includes(problem::SEVERITY);
    let documents = || report.result.documents.iter().map(|(_, document)| document);
    let fails = documents()
        .flat_map(|document| document.findings())
        .any(|(_, finding)| finding.enforcement == Enforcement::Deny && arguments.fail_on.includes(finding.severity));
    if failed {
        Exit::Error
    } else if fails || unread {
        Exit::Findings
    } else if counts.documents == 0 && report.problems.is_empty() && report.adoption.untouched.is_none() {
        if !arguments.detail.quiet {
            errln!("note: no rule of this bundle checks anything in the input");
        }
        Exit::NoInput
    } else {
        Exit::Clean
    }
}
