//! `policy-host lsp`

use super::args::{JudgedArguments, LspArguments};
use super::config::{self, Configured};
use super::{CommandResult, Context, Exit, judging};
use crate::baseline::Baseline;
use crate::bundle::Bundle;
use crate::config::{ConfigFile, places};
use crate::evaluate::Judge;
use crate::lsp::{self, Configure, Ended, Setup};
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) fn run(arguments: LspArguments, context: Context) -> CommandResult {
    let idle = Judge::new(&context.engine, &Arc::new(Bundle::of_rules("none", [])));
    let configuration = Editor { given: arguments.judged, context, folder: None, files: Vec::new() };
    let ended = lsp::serve(configuration, idle, BufReader::new(std::io::stdin()), std::io::stdout().lock());
    match ended.map_err(|error| format!("the client cannot be talked to: {error}"))? {
        Ended::Orderly => Ok(Exit::Clean),
        // The protocol wants 1.
        Ended::Abrupt => Ok(Exit::Findings),
    }
}

/// The configuration of an editor's workspace: that of `eval` in its first folder.
struct Editor {
    given: JudgedArguments,
    context: Context,
    /// The folder that is the working directory since the client said what its folders are.
    folder: Option<PathBuf>,
    files: Vec<PathBuf>,
}

impl Configure for Editor {
    fn configure(&mut self, folders: &[PathBuf]) -> Result<Setup, String> {
        if let Some(folder) = folders.first().filter(|folder| self.folder.as_ref() != Some(folder)) {
            // All paths, of the configuration and of what is checked, are meant from there, as they are for `eval`.
            std::env::set_current_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            self.folder = Some(folder.clone());
        }
        self.setup().map_err(|error| error.to_string())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.clone()
    }
}

impl Editor {
    fn setup(&mut self) -> Result<Setup, Box<dyn std::error::Error>> {
        self.files = match &self.given.config {
            Some(path) => vec![path.clone()],
            None if self.given.no_config => Vec::new(),
            None => places(&std::env::current_dir()?),
        };
        let library = &self.context.library;
        let configured: Configured<LspArguments> =
            config::configure(&self.given, |name| library.bundle(name).is_some())?;
        let judged = &configured.arguments.judged;
        self.files.push(PathBuf::from(&judged.bundle));
        self.files.extend(judged.baseline.clone());
        // Each time anew: a component may be another one under the same name.
        let mut context = self.context.clone();
        let today = jiff::Zoned::now().date();
        let bundle = Bundle::open(&judged.bundle, &mut context.library, &context.engine, today)?;
        self.files.extend(bundle.files.clone());
        let bundle = judging::configured_bundle(bundle, &configured, judged, &context, today)?;
        Ok(Setup {
            judge: Judge::new(&context.engine, &Arc::new(bundle)),
            level: judging::level(judged),
            excluded: judging::exclusion(&configured, judged)?,
            named: configured.file.as_ref().map(ConfigFile::sets).transpose()?.unwrap_or_default(),
            baseline: judged.baseline.as_deref().map(Baseline::read).transpose()?,
        })
    }
}
