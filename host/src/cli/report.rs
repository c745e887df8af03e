//! `policy-host report`

use super::args::ReportArguments;
use super::{CommandResult, Exit, terminal};
use crate::report::{MAX_RESULTS_BYTES, ReadError, Results, gap_report, read, write_file};
use std::path::Path;

pub(super) fn run(arguments: &ReportArguments) -> CommandResult {
    let results = open(&arguments.results)?;
    let older = arguments.baseline.as_deref().map(open).transpose()?;
    let text = gap_report(&results, older.as_ref(), arguments.format);
    match &arguments.output {
        Some(path) => write_file(path, text.as_bytes())?,
        None => terminal::report(&text),
    }
    Ok(Exit::Clean)
}

fn open(path: &Path) -> Result<Results<'static>, String> {
    let results = match path {
        path if path == Path::new("-") => read(std::io::stdin().lock()),
        path => {
            crate::files::read(path, MAX_RESULTS_BYTES as usize).map_err(ReadError::Io).and_then(|bytes| read(&*bytes))
        }
    };
    results.map_err(|error| format!("{}: {error}", path.display()))
}
