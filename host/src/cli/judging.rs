//! By what a run or an editor checks: the bundle with the settings, the exceptions and the selection of the
//! configuration, and what is not read.

use super::Context;
use super::args::JudgedArguments;
use super::config::Configured;
use crate::bundle::{Bundle, ExemptionSource, Ignoring, Level, Selection};
use crate::document::Pointer;
use crate::exclusion::Exclusion;

type Failure = Box<dyn std::error::Error>;

/// Gives a bundle, as it was opened, what the configuration says of it.
pub(super) fn configured_bundle<A>(
    mut bundle: Bundle,
    configured: &Configured<A>,
    arguments: &JudgedArguments,
    context: &Context,
    today: jiff::civil::Date,
) -> Result<Bundle, Failure> {
    let ignoring = Ignoring { today, known: context.library.names() };
    if let Some(file) = &configured.file {
        let at: Pointer = ["settings"].into_iter().collect();
        bundle
            .set(&file.located.value.settings, &context.library)
            .map_err(|(path, message)| file.located.error(&at.concat(&path), message))?;
        for (index, kind) in file.located.value.workloads.iter().enumerate() {
            let at: Pointer = ["workloads".to_owned(), index.to_string(), "template".to_owned()].into_iter().collect();
            bundle.add_workload(kind).map_err(|error| file.located.error(&at, error.to_string()))?;
        }
        for (index, entry) in file.located.value.exceptions.iter().enumerate() {
            let at: Pointer = ["exceptions".to_owned(), index.to_string()].into_iter().collect();
            let place = file.located.place(&at);
            let from = ExemptionSource { configuration: true, place, directory: file.directory.clone() };
            bundle
                .add_exception(entry, from, &ignoring)
                .map_err(|(field, message)| file.located.error(&at.join(field), message))?;
        }
    }
    bundle.ignoring = (!arguments.no_ignores).then_some(ignoring);
    let (select, ignore) = (&arguments.select, &arguments.ignore);
    if !select.is_empty() || !ignore.is_empty() {
        let selection = Selection::new(select, ignore, &bundle, &context.library)
            .map_err(|(list, (index, message))| configured.refused(list, index, &message))?;
        bundle.narrow(&selection);
        if bundle.rules.is_empty() {
            return Err(format!("no rule of the bundle `{}` is left by `select` and `ignore`", bundle.name).into());
        }
    }
    Ok(bundle)
}

/// What is not read.
pub(super) fn exclusion<A>(configured: &Configured<A>, arguments: &JudgedArguments) -> Result<Exclusion, Failure> {
    let globs = Exclusion::new(&arguments.exclude);
    globs.map_err(|(index, message)| configured.refused("exclude", index, &message))
}

/// What is told.
pub(super) fn level(arguments: &JudgedArguments) -> Level {
    Level { severity: arguments.min_severity, confidence: arguments.min_confidence }
}
