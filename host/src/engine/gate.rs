//! What a component must be before it is compiled: read from its bytes alone.
//!
//! The gate is what makes "a rule cannot leak" true: no imported function, no imported resource, a
//! readable manifest, UTF-8 strings only (the other encodings' transcoders have had most of the
//! component model's advisories).

use super::limits::SandboxLimits;
use super::size;
use crate::manifest::{Manifest, ManifestError, bounds};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use wasmparser::component_types::ComponentEntityType;
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload, Validator, WasmFeatures};

/// The custom section that holds the manifest.
pub const MANIFEST_SECTION: &str = "policy:manifest";
/// The interface that a rule exports.
const RULE_INTERFACE: &str = "policy:rule/rule@1.0.0";

/// Why a component is refused.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Larger than the bound.
    #[error("it has {bytes} bytes, more than {limit} (limit `component_bytes`)")]
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
    #[error("it does not export `{RULE_INTERFACE}`")]
    NoRule,
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
    /// The manifest's JSON, when there is exactly one.
    pub manifest: Option<Vec<u8>>,
    manifest_sections: usize,
}

impl Inspection {
    /// The manifest, checked.
    ///
    /// # Errors
    /// When there is none, or several, or a bad one.
    pub fn manifest(&self) -> Result<Manifest, GateError> {
        let json = self.manifest.as_deref().ok_or(GateError::ManifestSections(self.manifest_sections))?;
        Ok(Manifest::parse(json)?)
    }
}

/// `sha256:` and the hex digest of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
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
        digest: digest(component),
        manifest: None,
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
                inspection.manifest = (inspection.manifest_sections == 1).then(|| section.data().to_vec());
            }
            _ => {}
        }
    }
    for name in &inspection.imports {
        let entity = types.component_item_for_import(name).map(|item| item.ty);
        refuse_import(name, entity, &types)?;
    }
    if !inspection.exports.iter().any(|name| name == RULE_INTERFACE) {
        return Err(GateError::NoRule);
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

/// The component with a manifest section at its end, replacing nothing.
pub fn embed_manifest(component: &[u8], manifest: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(manifest.len() + MANIFEST_SECTION.len() + 8);
    write_leb128(MANIFEST_SECTION.len(), &mut body);
    body.extend_from_slice(MANIFEST_SECTION.as_bytes());
    body.extend_from_slice(manifest);

    let mut out = component.to_vec();
    out.push(0); // a custom section
    write_leb128(body.len(), &mut out);
    out.extend_from_slice(&body);
    out
}

fn write_leb128(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
