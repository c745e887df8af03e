//! From artifacts to a bundle that can run.

use super::super::error::OciError;
use super::super::layout::Contents;
use super::super::limits;
use super::super::model::{Descriptor, Manifest, media};
use super::{check_sizes, check_total, index, is_component};
use crate::bundle::{Bundle, Library, LibraryError, RuleSource};
use crate::digest::Digest;
use crate::engine::{Engine, SandboxLimits};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that a bundle consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called.
    pub descriptor: Descriptor,
    /// How large it may be.
    pub limit: u64,
}

/// Everything that a bundle, and what is about it, leads to: blobs before the manifests that name them, the index
/// last, each once.
///
/// # Errors
/// When a manifest is missing or malformed, or a bound is exceeded.
pub fn contents(root: &Descriptor, referrers: &[Descriptor], from: &dyn Contents) -> Result<Vec<Part>, OciError> {
    let bytes = from.content(root.digest, limits::MANIFEST_BYTES)?;
    let mut seen = BTreeSet::new();
    let mut parts = Vec::new();
    let mut add = |descriptor: &Descriptor, parts: &mut Vec<Part>| {
        if seen.insert(descriptor.digest) {
            let limit = descriptor.size;
            parts.push(Part { descriptor: descriptor.clone(), limit });
        }
    };
    let children = index(&bytes)?.manifests;
    let mut manifests = Vec::new();
    for child in &children {
        manifest(child, from, &mut |blob| add(blob, &mut parts))?;
        manifests.push(child);
    }
    for child in manifests {
        add(child, &mut parts);
    }
    add(root, &mut parts);
    for referrer in referrers {
        manifest(referrer, from, &mut |blob| add(blob, &mut parts))?;
        add(referrer, &mut parts);
    }
    check_total(&root.digest, &parts.iter().map(|part| &part.descriptor).collect::<Vec<_>>())?;
    Ok(parts)
}

fn manifest(child: &Descriptor, from: &dyn Contents, add: &mut dyn FnMut(&Descriptor)) -> Result<Manifest, OciError> {
    let bytes = from.content(child.digest, limits::MANIFEST_BYTES)?;
    if bytes.len() as u64 != child.size {
        let what = child.digest.to_string();
        return Err(OciError::Length { what, expected: child.size, actual: bytes.len() as u64 });
    }
    let manifest = Manifest::parse(&bytes)?;
    check_sizes(&manifest)?;
    manifest.layers.iter().chain([&manifest.config]).for_each(add);
    Ok(manifest)
}

/// Opens a bundle: its definition, resolved against its own components and no others.
///
/// # Errors
/// When something is missing, malformed, too large, refused by the sandbox's gate, or there twice.
pub fn open(
    root: Digest,
    from: &dyn Contents,
    shown: &str,
    shipped: &Library,
    engine: &Engine,
    today: jiff::civil::Date,
) -> Result<Bundle, OciError> {
    let index = index(&from.content(root, limits::MANIFEST_BYTES)?)?;
    let malformed =
        |digest: &Digest, reason: String| OciError::Malformed { what: format!("{shown}: {digest}"), reason };
    let mut library = Library::default();
    let mut definition = None;
    for child in &index.manifests {
        let manifest = manifest(child, from, &mut |_| {})?;
        if is_component(child) {
            let [layer] = manifest.layers.as_slice() else {
                return Err(malformed(&child.digest, "a component has one layer".to_owned()));
            };
            if layer.media_type != media::WASM || manifest.config.media_type != media::WASM_CONFIG {
                return Err(malformed(
                    &child.digest,
                    "its layer or its configuration is not that of a component".to_owned(),
                ));
            }
            for rule in rules(layer, from, shown, shipped, engine)? {
                if library.rule(&rule.manifest.id).is_some() {
                    let (path, id) = (shown.to_owned(), rule.manifest.id.clone());
                    return Err(LibraryError::Twice { path, id }.into());
                }
                library.add(rule);
            }
        } else if child.is_kind(media::BUNDLE) {
            let layer = manifest.layers.first().filter(|layer| layer.media_type == media::DEFINITION);
            let layer = layer.ok_or_else(|| malformed(&child.digest, "its first layer is no definition".to_owned()))?;
            let bytes = from.content(layer.digest, limits::DEFINITION_BYTES)?;
            let text = String::from_utf8(bytes).map_err(|_| malformed(&layer.digest, "it is not UTF-8".to_owned()))?;
            definition = Some(text);
        }
    }
    let definition = definition.ok_or_else(|| malformed(&root, "it has no definition".to_owned()))?;
    let mut bundle = Bundle::of_text(shown, &definition, &mut library, engine, today)?;
    bundle.origin = Some(shown.to_owned());
    Ok(bundle)
}

/// The rules of a component. One that the binary carries as well is taken from there: its code is compiled.
fn rules(
    layer: &Descriptor,
    from: &dyn Contents,
    shown: &str,
    shipped: &Library,
    engine: &Engine,
) -> Result<Vec<Arc<RuleSource>>, OciError> {
    let digest = layer.digest.to_string();
    let known: Vec<_> = shipped.rules().filter(|rule| rule.component.digest == digest).cloned().collect();
    if !known.is_empty() {
        return Ok(known);
    }
    let limit = SandboxLimits::default().component_bytes as u64;
    let bytes = from.content(layer.digest, limit)?;
    let refused = |source| LibraryError::Refused { path: format!("{shown}: {digest}"), source };
    Ok(RuleSource::from_component(bytes, engine).map_err(refused)?)
}
