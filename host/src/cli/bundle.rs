//! `policy-host bundle ENGINE`: manifests with which an engine asks the server.

use super::args::{BundleArguments, Integration};
use super::{CommandResult, Context, Exit};
use crate::bundle::Bundle;
use crate::integrate::{self, File, Options};
use std::path::Path;

pub(super) fn run(arguments: &BundleArguments, mut context: Context) -> CommandResult {
    let today = jiff::Zoned::now().date();
    let bundle = Bundle::open(&arguments.bundle, &mut context.library, &context.engine, today)?;
    let read = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let options = Options {
        url: arguments.url.clone(),
        ca_bundle: arguments.ca_bundle.as_ref().map(read).transpose()?,
        namespace: arguments.namespace.clone(),
    };
    let files = generate(arguments.engine, &bundle, &options);
    match &arguments.out {
        Some(directory) => write(&files, directory)?,
        None => {
            let applied: Vec<&str> = files.iter().filter(|file| file.applied).map(|file| file.text.as_str()).collect();
            anstream::print!("{}", applied.join("---\n"));
        }
    }
    Ok(Exit::Clean)
}

/// The files for an engine.
pub(super) fn generate(engine: Integration, bundle: &Bundle, options: &Options) -> Vec<File> {
    match engine {
        Integration::Gatekeeper => integrate::gatekeeper(bundle, options),
        Integration::Kyverno => integrate::kyverno(bundle, options),
        Integration::Webhook => integrate::webhook(bundle, options),
        Integration::Rbac => integrate::rbac(bundle, options),
    }
}

/// Writes files below a directory.
pub(super) fn write(files: &[File], directory: &Path) -> std::io::Result<()> {
    for file in files {
        let path = directory.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, &file.text)?;
    }
    Ok(())
}
