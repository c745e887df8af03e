//! What a component must be before it is compiled: read from its bytes alone.
//!
//! The gate is what makes "a rule cannot leak" true: no imported function, no imported resource, a
//! readable manifest, UTF-8 strings only (the other encodings' transcoders have had most of the
//! component model's advisories).

use super::limits::SandboxLimits;
use super::size;
use crate::digest::Digest;
use crate::manifest::{Manifest, ManifestError, bounds};
use std::path::Path;
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::component_types::ComponentEntityType;
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload, Validator, WasmFeatures};

/// The custom section that holds the manifests of a component's rules, a JSON array.
pub const MANIFEST_SECTION: &str = "policy:manifest";
/// The interface that a component of rules exports.
const RULES_INTERFACE: &str = "policy:rule/rules@1.0.0";

/// What allows a component of a size.
fn allowing(bytes: usize) -> String {
    match bytes {
        ..=SandboxLimits::MAX_COMPONENT_BYTES => format!("; --component-mib {} allows it", bytes.div_ceil(1 << 20)),
        _ => format!(", and {} MiB are the most that can be allowed", SandboxLimits::MAX_COMPONENT_BYTES >> 20),
    }
}

/// Why a component is refused.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Larger than the bound.
    #[error("it has {bytes} bytes, more than {limit}{}", allowing(*bytes))]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// More than a rule may have.
    #[error("it has more than {limit} {what}, which would take too long to compile")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A core module, or no WebAssembly at all.
    #[error("it is not a WebAssembly component")]
    NotAComponent,
    /// Malformed, or uses a feature that rules may not use.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// It wants something from the host.
    #[error("it imports {what} `{name}`; a rule imports nothing, so that it cannot leak what it sees")]
    Import {
        /// `the function`, `the resource`, ….
        what: &'static str,
        /// Full name of the import.
        name: String,
    },
    /// It does not export the contract.
    #[error("it does not export `{RULES_INTERFACE}`")]
    NoRules,
    /// Strings in another encoding.
    #[error("it passes strings in another encoding than UTF-8")]
    Encoding,
    /// No manifest section, or several.
    #[error("it has {0} `{MANIFEST_SECTION}` sections instead of one")]
    ManifestSections(usize),
    /// The manifest is bad.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// What a component's bytes say.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Names of its imports; type-only ones are allowed.
    pub imports: Vec<String>,
    /// Names of its exports.
    pub exports: Vec<String>,
    /// Its size.
    pub bytes: usize,
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// The JSON of its manifests, when there is exactly one section with them.
    pub manifests: Option<Vec<u8>>,
    manifest_sections: usize,
}

impl Inspection {
    /// The manifests of its rules, checked; at least one.
    ///
    /// # Errors
    /// When there are none, or several sections of them, or a bad one.
    pub fn manifests(&self) -> Result<Vec<Manifest>, GateError> {
        let json = self.manifests.as_deref().ok_or(GateError::ManifestSections(self.manifest_sections))?;
        Ok(Manifest::parse_all(json)?)
    }
}

/// Checks a component against the contract, all but its manifest.
///
/// # Errors
/// Says what is wrong, naming the import where that is it.
pub fn inspect(component: &[u8], limits: &SandboxLimits) -> Result<Inspection, GateError> {
    if component.len() > limits.component_bytes {
        return Err(GateError::TooLarge { bytes: component.len(), limit: limits.component_bytes });
    }
    if !Parser::is_component(component) {
        return Err(GateError::NotAComponent);
    }
    size::check(component, limits)?;
    // What compilers for rules make, and nothing newer: a small surface to trust. Position-independent code, which
    // interpreters are linked from, adds in constants. Blocks with several values are made by none, and each branch
    // to one copies all of them.
    let features = (WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::EXTENDED_CONST)
        .difference(WasmFeatures::MULTI_VALUE);
    let types = Validator::new_with_features(features)
        .validate_all(component)
        .map_err(|error| GateError::Invalid(error.to_string()))?;

    let mut inspection = Inspection {
        imports: Vec::new(),
        exports: Vec::new(),
        bytes: component.len(),
        digest: Digest::of(component).to_string(),
        manifests: None,
        manifest_sections: 0,
    };
    let invalid = |error: wasmparser::BinaryReaderError| GateError::Invalid(error.to_string());
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    inspection.imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    inspection.exports.push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    refuse_other_encodings(&function.map_err(invalid)?)?;
                }
            }
            Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                let (bytes, limit) = (section.data().len(), bounds::TOTAL_BYTES);
                if bytes > limit {
                    return Err(ManifestError::TooLarge { bytes, limit }.into());
                }
                inspection.manifest_sections += 1;
                inspection.manifests = (inspection.manifest_sections == 1).then(|| section.data().to_vec());
            }
            _ => {}
        }
    }
    for name in &inspection.imports {
        let entity = types.component_item_for_import(name).map(|item| item.ty);
        refuse_import(name, entity, &types)?;
    }
    if !inspection.exports.iter().any(|name| name == RULES_INTERFACE) {
        return Err(GateError::NoRules);
    }
    Ok(inspection)
}

/// Reads a component's file, as far as it may be one: a larger one is not read at all.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger than the bound.
pub fn read_component(path: &Path, limits: &SandboxLimits) -> std::io::Result<Vec<u8>> {
    crate::files::read(path, limits.component_bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::FileTooLarge => {
            let bytes = std::fs::metadata(path).map_or(0, |file| file.len() as usize);
            let refused = GateError::TooLarge { bytes, limit: limits.component_bytes };
            std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("it is refused: {refused}"))
        }
        _ => error,
    })
}

fn refuse_other_encodings(function: &CanonicalFunction) -> Result<(), GateError> {
    let options = match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => options,
        _ => return Ok(()),
    };
    let other = |option: &CanonicalOption| matches!(option, CanonicalOption::UTF16 | CanonicalOption::CompactUTF16);
    if options.iter().any(other) { Err(GateError::Encoding) } else { Ok(()) }
}

/// Only an instance of nothing but value types may be imported: it needs nothing from the host.
fn refuse_import(
    name: &str,
    entity: Option<ComponentEntityType>,
    types: &wasmparser::types::Types,
) -> Result<(), GateError> {
    let refused = |what, name: String| Err(GateError::Import { what, name });
    let is_resource = |entity: &ComponentEntityType| matches!(entity, ComponentEntityType::Type { created, .. } if is_resource(*created));
    match entity {
        Some(ComponentEntityType::Instance(instance)) => {
            for (export, item) in &types.as_ref()[instance].exports {
                match &item.ty {
                    ComponentEntityType::Func(_) => return refused("the function", format!("{name}#{export}")),
                    entity if is_resource(entity) => return refused("the resource", format!("{name}#{export}")),
                    ComponentEntityType::Type { .. } => {}
                    _ => return refused("the item", format!("{name}#{export}")),
                }
            }
            Ok(())
        }
        Some(ComponentEntityType::Func(_)) => refused("the function", name.to_owned()),
        Some(ref entity) if is_resource(entity) => refused("the resource", name.to_owned()),
        Some(ComponentEntityType::Type { .. }) => Ok(()),
        _ => refused("the item", name.to_owned()),
    }
}

fn is_resource(id: wasmparser::component_types::ComponentAnyTypeId) -> bool {
    matches!(id, wasmparser::component_types::ComponentAnyTypeId::Resource(_))
}

/// The component with a section of manifests, a JSON array, at its end, replacing nothing.
pub fn embed_manifests(component: &[u8], manifests: &[u8]) -> Vec<u8> {
    let mut out = component.to_vec();
    CustomSection { name: MANIFEST_SECTION.into(), data: manifests.into() }.append_to_component(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest component: a header and nothing else.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    proptest! {
        #[test]
        fn an_embedded_manifest_reads_back(manifest: Vec<u8>, repeat in 1usize..300) {
            let manifest = manifest.repeat(repeat);
            let component = embed_manifests(EMPTY, &manifest);
            prop_assert!(component.starts_with(EMPTY));
            let mut sections = Parser::new(0).parse_all(&component).filter_map(|payload| match payload.unwrap() {
                Payload::CustomSection(section) => Some((section.name().to_owned(), section.data().to_vec())),
                _ => None,
            });
            prop_assert_eq!(sections.next(), Some((MANIFEST_SECTION.to_owned(), manifest)));
            prop_assert_eq!(sections.next(), None);
        }
    }
}
