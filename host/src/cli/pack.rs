//! `policy-host pack`: from built components to what the binary embeds.

use super::args::PackArguments;
use super::terminal::outln;
use super::{CommandResult, Exit};
use crate::bundle::{Pack, PackedRule};
use crate::engine::{Engine, SandboxLimits, embed_manifest, inspect};
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

struct Built {
    pack: String,
    id: String,
    digest: String,
    manifest: Vec<u8>,
    component: Vec<u8>,
    code: Vec<u8>,
}

pub(super) fn run(arguments: &PackArguments) -> CommandResult {
    let engine = Engine::new(SandboxLimits::default(), None)?;
    let rules = rules(&arguments.policies)?;
    let built: Vec<Built> =
        rules.par_iter().map(|(pack, id)| build(arguments, &engine, pack, id)).collect::<Result<_, String>>()?;
    std::fs::create_dir_all(&arguments.out)?;
    for rule in &built {
        write_if_changed(&arguments.out.join(format!("{}.wasm", rule.id)), &rule.component)?;
    }
    let pack = Pack {
        bundles: bundles(&arguments.bundles)?,
        rules: built
            .iter()
            .map(|rule| PackedRule {
                digest: Cow::Borrowed(&rule.digest),
                pack: Cow::Borrowed(&rule.pack),
                manifest: &rule.manifest,
                component: &rule.component,
                code: &rule.code,
            })
            .collect(),
    };
    let bytes = postcard::to_stdvec(&pack)?;
    write_if_changed(&arguments.out.join("embedded.pack"), &bytes)?;
    outln!("{} rules, {} bundles, {} KiB", pack.rules.len(), pack.bundles.len(), bytes.len() / 1024);
    Ok(Exit::Clean)
}

/// Pack and id of every rule: the folders that hold a `policy.rs`.
fn rules(policies: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut rules = Vec::new();
    for pack in directories(policies)? {
        for rule in directories(&pack)?.into_iter().filter(|rule| rule.join("policy.rs").is_file()) {
            rules.push((name(&pack), name(&rule)));
        }
    }
    Ok(rules)
}

fn directories(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            directories.push(path);
        }
    }
    directories.sort();
    Ok(directories)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn build(arguments: &PackArguments, engine: &Engine, pack: &str, id: &str) -> Result<Built, String> {
    let path = arguments.components.join(format!("{}.wasm", id.replace('-', "_")));
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let raw = std::fs::read(&path).map_err(|error| failed(&error))?;
    let manifest = engine.extract_manifest(&raw).map_err(|error| failed(&error))?;
    let component = embed_manifest(&raw, &manifest);
    let inspection = inspect(&component, engine.limits()).map_err(|error| failed(&error))?;
    let code = engine.precompile(&component).map_err(|error| failed(&error))?;
    let named = inspection.manifest().map_err(|error| failed(&error))?.id;
    if named != id {
        return Err(failed(&format!("the component is the rule `{named}`")));
    }
    Ok(Built { pack: pack.to_owned(), id: id.to_owned(), digest: inspection.digest, manifest, component, code })
}

fn bundles(directory: &Path) -> std::io::Result<Vec<(Cow<'static, str>, Cow<'static, str>)>> {
    let mut bundles = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            bundles.push((name.into(), std::fs::read_to_string(&path)?.into()));
        }
    }
    bundles.sort();
    Ok(bundles)
}

/// What did not change is not written, so that nothing is built again for it.
fn write_if_changed(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes)
}
