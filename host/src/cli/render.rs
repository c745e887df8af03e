//! `eval --render`: what it needs, and what it does not go with.

use super::args::EvalArguments;
use super::progress::Progress;
use crate::discover::Discovered;
use crate::evaluate::Judge;
use crate::parse::Limits;
use crate::render::{self, Bounds, Programs, Renderable, Rendered};
use std::time::Duration;

/// Refuses flags that are about files, when what is rendered is to be checked.
///
/// # Errors
/// Names the flag and says why.
pub(super) fn refuse_others(arguments: &EvalArguments) -> Result<(), String> {
    let about_files = [
        ("--fix", arguments.fix.is_some(), "fixes are made to files, not to what is rendered from them"),
        ("--diff", arguments.diff, "fixes are made to files, not to what is rendered from them"),
        ("--since", arguments.since.is_some(), "a change of a value may change any document that is rendered with it"),
        ("--watch", arguments.watch, "what a rendering depends on is not watched"),
    ];
    let given = about_files.into_iter().find(|(_, is_given, _)| arguments.rendering.render && *is_given);
    given.map_or(Ok(()), |(flag, _, why)| Err(format!("`--render` does not go with `{flag}`: {why}")))
}

/// Renders and checks what is rendered, where that was asked for.
///
/// # Errors
/// When a program that was named cannot be run.
pub(super) fn judge(
    arguments: &EvalArguments,
    judge: &Judge,
    renderables: &[Renderable],
    discovered: &Discovered,
    limits: &Limits,
    threads: usize,
) -> Result<Option<Rendered>, Box<dyn std::error::Error>> {
    let flags = &arguments.rendering;
    if !flags.render {
        return Ok(None);
    }
    let bounds = Bounds { time: Duration::from_secs(flags.render_timeout.into()), output: Bounds::OUTPUT };
    let programs = Programs::find(flags.helm.as_deref(), flags.kustomize.as_deref(), bounds)?;
    let count = renderables.len();
    let progress = Progress::start(move |seconds| format!("rendering {count} charts and kustomizations, {seconds} s"));
    let rendered = render::render(judge, &programs, renderables, &discovered.units, limits, threads);
    progress.stop();
    Ok(Some(rendered))
}
