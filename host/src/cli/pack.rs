//! `policy-host pack`: from built components to what the binary embeds.

use super::args::PackArguments;
use super::terminal::outln;
use super::{CommandResult, Exit};
use crate::bundle::{Pack, PackedBuffer, PackedComponent, unique_names};
use crate::engine::{CrossCompiler, Engine, SandboxLimits, embed_manifests, inspect, read_component};
use crate::manifest::Manifest;
use crate::oci::limits;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A folder of rules.
struct Folder {
    name: String,
    /// The rules in it, by id.
    rules: BTreeSet<String>,
}

struct Built {
    name: String,
    rules: usize,
    digest: String,
    manifests: Vec<u8>,
    component: PackedBuffer,
    code: PackedBuffer,
}

pub(super) fn run(arguments: &PackArguments) -> CommandResult {
    let engine = Engine::new(SandboxLimits::default(), None)?;
    let cross = arguments.target.as_deref().map(CrossCompiler::new).transpose()?;
    let folders = folders(&arguments.policies)?;
    std::fs::create_dir_all(&arguments.out)?;
    let built: Vec<Built> = folders
        .par_iter()
        .map(|folder| build(arguments, &engine, cross.as_ref(), folder))
        .collect::<Result<_, String>>()?;
    let manifests = built.iter().map(|component| Manifest::parse_all(&component.manifests));
    let manifests: Vec<Vec<Manifest>> = manifests.collect::<Result<_, _>>()?;
    unique_names(manifests.iter().flatten())?;
    let pack = Pack {
        bundles: bundles(&arguments.bundles)?,
        components: built
            .iter()
            .map(|component| PackedComponent {
                digest: Cow::Borrowed(&component.digest),
                name: Cow::Borrowed(&component.name),
                manifests: &component.manifests,
                component: component.component.borrow(),
                code: component.code.borrow(),
            })
            .collect(),
    };
    let bytes = postcard::to_stdvec(&pack)?;
    write_if_changed(&arguments.out.join("embedded.pack"), &bytes)?;
    let rules: usize = built.iter().map(|component| component.rules).sum();
    let (components, bundles, kib) = (built.len(), pack.bundles.len(), bytes.len() / 1024);
    outln!("{rules} rules in {components} components, {bundles} bundles, {kib} KiB");
    Ok(Exit::Clean)
}

/// Every folder of rules: of folders that hold a `policy.rs`.
fn folders(policies: &Path) -> std::io::Result<Vec<Folder>> {
    let mut folders = Vec::new();
    for folder in directories(policies)? {
        let rules = directories(&folder)?.into_iter().filter(|rule| rule.join("policy.rs").is_file());
        let rules: BTreeSet<String> = rules.map(|rule| name(&rule)).collect();
        if !rules.is_empty() {
            folders.push(Folder { name: name(&folder), rules });
        }
    }
    Ok(folders)
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

fn build(
    arguments: &PackArguments,
    engine: &Engine,
    cross: Option<&CrossCompiler>,
    folder: &Folder,
) -> Result<Built, String> {
    let path = arguments.components.join(format!("{}.wasm", folder.name));
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let raw = read_component(&path, engine.limits()).map_err(|error| failed(&error))?;
    let manifests = engine.extract_manifests(&raw).map_err(|error| failed(&error))?;
    let component = embed_manifests(&raw, &manifests);
    let inspection = inspect(&component, engine.limits()).map_err(|error| failed(&error))?;
    let named = inspection.manifests().map_err(|error| failed(&error))?;
    let named: BTreeSet<String> = named.into_iter().map(|manifest| manifest.id).collect();
    if named != folder.rules {
        let differing: Vec<&str> = named.symmetric_difference(&folder.rules).map(String::as_str).collect();
        return Err(failed(&format!("it has other rules than its folder: {}; build it again", differing.join(", "))));
    }
    write_if_changed(&arguments.out.join(format!("{}.wasm", folder.name)), &component)
        .map_err(|error| failed(&error))?;
    let code = match cross {
        Some(compiler) => compiler.precompile(&component),
        None => engine.precompile(&component),
    };
    let code = code.map_err(|error| failed(&error))?;
    let packed = |bytes: &[u8]| PackedBuffer::new(bytes).map_err(|error| failed(&error));
    Ok(Built {
        name: folder.name.clone(),
        rules: folder.rules.len(),
        digest: inspection.digest,
        manifests,
        component: packed(&component)?,
        code: packed(&code)?,
    })
}

fn bundles(directory: &Path) -> std::io::Result<Vec<(Cow<'static, str>, Cow<'static, str>)>> {
    let mut bundles = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            bundles.push((name.into(), crate::files::read_text(&path, limits::DEFINITION_BYTES as usize)?.into()));
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
