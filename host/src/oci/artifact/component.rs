//! A component as an artifact: what `wkg` and its relatives publish and take.

use super::super::model::{Descriptor, Manifest, Platform, annotation, media};
use crate::bundle::ComponentSource;
use crate::engine::{EngineError, SandboxLimits, inspect};

/// The manifest of a component, with its configuration.
pub(super) struct Component {
    pub(super) descriptor: Descriptor,
    pub(super) manifest: Vec<u8>,
    pub(super) config: Vec<u8>,
}

/// What is pushed for a component.
pub(super) fn component(component: &ComponentSource, created: &str) -> Result<Component, EngineError> {
    let bytes = component.bytes();
    let inspection = inspect(bytes, &SandboxLimits::default())?;
    let config = serde_json::json!({
        "created": created,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [inspection.digest],
        "component": { "exports": inspection.exports, "imports": inspection.imports },
    });
    let config = config.to_string().into_bytes();
    let About { name, version, description, rules } = About::new(component);
    let layer = Descriptor::of(media::WASM, bytes).with(annotation::TITLE, format!("{name}.wasm"));
    let mut manifest = Manifest::new(Descriptor::of(media::WASM_CONFIG, &config), vec![layer]);
    for (key, value) in [
        (annotation::TITLE, &name),
        (annotation::VERSION, &version),
        (annotation::DESCRIPTION, &description),
        (annotation::RULES, &rules),
    ] {
        manifest.annotations.insert(key.to_owned(), value.clone());
    }
    let manifest = manifest.to_bytes();
    let descriptor = Descriptor {
        platform: Some(Platform { architecture: "wasm".to_owned(), os: "wasip2".to_owned() }),
        ..Descriptor::of(media::MANIFEST, &manifest)
    };
    let descriptor = descriptor.with(annotation::KIND, media::WASM_CONFIG);
    let descriptor = descriptor.with(annotation::RULES, rules).with(annotation::VERSION, version);
    Ok(Component { descriptor, manifest, config })
}

/// What others are told of a component.
pub(super) struct About {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: String,
    /// The ids of its rules, joined by commas.
    pub(super) rules: String,
}

impl About {
    /// A component of one rule is called as the rule is, one of several as the folder that it was built from.
    pub(super) fn new(component: &ComponentSource) -> Self {
        let manifests = &component.manifests;
        let ids: Vec<&str> = manifests.iter().map(|manifest| manifest.id.as_str()).collect();
        let first = manifests.first();
        let (name, description) = match (first, ids.len()) {
            (Some(only), 1) => (only.id.clone(), only.title.clone()),
            (Some(first), _) if component.name.is_empty() => (first.id.clone(), format!("{} rules", ids.len())),
            _ => (component.name.clone(), format!("{} rules", ids.len())),
        };
        let version = first.map_or_else(String::new, |manifest| manifest.version.clone());
        Self { name, version, description, rules: ids.join(",") }
    }
}
