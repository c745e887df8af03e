//! `policy-host new`

use super::args::NewArguments;
use super::terminal::outln;
use super::{CommandResult, Exit};
use crate::scaffold::{self, Language};

pub(super) fn run(arguments: &NewArguments) -> CommandResult {
    let written = scaffold::new(&arguments.rule, arguments.lang, arguments.out.as_deref())?;
    let folder = written.rule.display();
    let rule = arguments.rule.rsplit('/').next().unwrap_or_default();
    if let Some(repository) = &written.repository {
        outln!("{}: a repository of rules, with the SDK", repository.display());
    }
    outln!("{folder}: a rule that builds and passes its cases; change it until it is yours");
    match (arguments.lang, &arguments.out) {
        (Language::Rust, None) => outln!("  make rule RULE={rule}"),
        (Language::Rust, Some(out)) => outln!("  make -C {} rule RULE={rule}", out.display()),
        _ => outln!("  {folder}/build.sh && policy-host test {folder}"),
    }
    Ok(Exit::Clean)
}
