//! `policy-host completions` and `policy-host man`: what shells and `man` know of the commands.

use super::args::{Arguments, CompletionsArguments, ManArguments};
use super::{CommandResult, Exit, terminal};
use clap::CommandFactory as _;

pub(super) fn completions(arguments: &CompletionsArguments) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "policy-host", &mut script);
    print(&script)
}

/// One page, or a page for each command in a directory.
pub(super) fn man(arguments: &ManArguments) -> CommandResult {
    match &arguments.out {
        Some(directory) => {
            let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
            std::fs::create_dir_all(directory).map_err(failed)?;
            clap_mangen::generate_to(Arguments::command(), directory).map_err(failed)?;
            Ok(Exit::Clean)
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            print(&page)
        }
    }
}

fn print(text: &[u8]) -> CommandResult {
    terminal::print(&String::from_utf8_lossy(text));
    Ok(Exit::Clean)
}
