//! `policy-host bundle`: the manifests with which engines ask the server.

use super::args::{
    CallArguments, EngineCommand, GatekeeperArguments, KyvernoArguments, ManifestArguments, RbacArguments,
    WebhookArguments,
};
use super::terminal::errln;
use super::{CommandResult, Context, Exit, terminal};
use crate::bundle::{Bundle, BundleError};
use crate::integrate::{self, File, Options, Purpose};
use std::path::Path;

type Generated = Result<Vec<File>, Box<dyn std::error::Error>>;

pub(super) fn run(command: &EngineCommand, mut context: Context) -> CommandResult {
    let context = &mut context;
    let (manifests, files) = match command {
        EngineCommand::Gatekeeper(arguments) => (&arguments.call.manifests, gatekeeper(arguments, context)?),
        EngineCommand::Kyverno(arguments) => (&arguments.call.manifests, kyverno(arguments, context)?),
        EngineCommand::Webhook(arguments) => (&arguments.call.manifests, webhook(arguments, context)?),
        EngineCommand::Rbac(arguments) => (&arguments.manifests, rbac(arguments, context)?),
    };
    match &manifests.out {
        Some(directory) => {
            write(&files, directory)?;
            errln!("{} files in {}", files.len(), directory.display());
        }
        None => print(&files),
    }
    Ok(Exit::Clean)
}

fn gatekeeper(arguments: &GatekeeperArguments, context: &mut Context) -> Generated {
    let bundle = open(context, &arguments.call.bundle)?;
    let options = Options {
        enforcement: arguments.enforcement,
        image_digests: arguments.image_digests,
        digest: !arguments.no_digest,
        ..called(&arguments.call)?
    };
    if options.authority.is_none() {
        errln!(
            "warning: the Provider has no `caBundle`, and Gatekeeper will refuse everything; give it by --ca-bundle"
        );
    }
    Ok(integrate::gatekeeper(&bundle, &options)?)
}

fn kyverno(arguments: &KyvernoArguments, context: &mut Context) -> Generated {
    let bundle = open(context, &arguments.call.bundle)?;
    let options = Options {
        enforcement: arguments.enforcement,
        cluster_policy: arguments.cluster_policy,
        ..called(&arguments.call)?
    };
    let is_https = options.url.as_ref().is_some_and(|url| url.starts_with("https://"));
    if is_https && options.authority.is_some() && !options.cluster_policy {
        errln!("warning: policies.kyverno.io can name no authority; put it among those that Kyverno itself trusts");
    }
    Ok(integrate::kyverno(&bundle, &options)?)
}

fn webhook(arguments: &WebhookArguments, context: &mut Context) -> Generated {
    let bundle = open(context, &arguments.call.bundle)?;
    let options = Options { failure_policy: arguments.failure_policy, ..called(&arguments.call)? };
    Ok(integrate::webhook(&bundle, &options)?)
}

fn rbac(arguments: &RbacArguments, context: &mut Context) -> Generated {
    let bundle = open(context, &arguments.bundle)?;
    Ok(integrate::rbac(&bundle, &placed(&arguments.manifests))?)
}

fn open(context: &mut Context, reference: &str) -> Result<Bundle, BundleError> {
    let bundle = Bundle::open(reference, &mut context.library, &context.engine, jiff::Zoned::now().date())?;
    for notice in &bundle.notices {
        errln!("warning: {}", notice.0);
    }
    Ok(bundle)
}

fn placed(arguments: &ManifestArguments) -> Options {
    Options { name: arguments.name.clone(), namespace: arguments.namespace.clone(), ..Options::default() }
}

/// Bytes of a file of certificates.
const MAX_AUTHORITY_BYTES: usize = 1 << 20;

fn called(arguments: &CallArguments) -> Result<Options, String> {
    let read = |path: &std::path::PathBuf| {
        crate::files::read_text(path, MAX_AUTHORITY_BYTES).map_err(|error| format!("{}: {error}", path.display()))
    };
    Ok(Options {
        url: arguments.url.clone(),
        authority: arguments.ca_bundle.as_ref().map(read).transpose()?,
        timeout: arguments.timeout,
        ..placed(&arguments.manifests)
    })
}

/// Prints what is to be applied, in that order.
fn print(files: &[File]) {
    let applied: Vec<&str> =
        files.iter().filter(|file| file.purpose == Purpose::Apply).map(|file| file.text.as_str()).collect();
    terminal::print(&applied.join("---\n"));
}

/// Writes files below a directory.
pub(super) fn write(files: &[File], directory: &Path) -> std::io::Result<()> {
    for file in files {
        let path = directory.join(&file.path);
        let failed = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, &file.text).map_err(failed)?;
    }
    Ok(())
}
