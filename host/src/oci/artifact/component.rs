//! A component as an artifact: what `wkg` and its relatives publish and take.

use super::super::model::{Descriptor, Manifest, Platform, annotation, media};
use crate::bundle::RuleSource;
use crate::engine::{EngineError, SandboxLimits, inspect};

/// The manifest of a component, with its configuration.
pub(super) struct Component {
    pub(super) descriptor: Descriptor,
    pub(super) manifest: Vec<u8>,
    pub(super) config: Vec<u8>,
}

/// What is pushed for a rule's component.
pub(super) fn component(rule: &RuleSource, created: &str) -> Result<Component, EngineError> {
    let bytes = rule.component();
    let inspection = inspect(bytes, &SandboxLimits::default())?;
    let config = serde_json::json!({
        "created": created,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [inspection.digest],
        "component": { "exports": inspection.exports, "imports": inspection.imports },
    });
    let config = config.to_string().into_bytes();
    let about = &rule.manifest;
    let layer = Descriptor::of(media::WASM, bytes).with(annotation::TITLE, format!("{}.wasm", about.id));
    let mut manifest = Manifest::new(Descriptor::of(media::WASM_CONFIG, &config), vec![layer]);
    for (key, value) in [
        (annotation::TITLE, &about.id),
        (annotation::VERSION, &about.version),
        (annotation::DESCRIPTION, &about.title),
        (annotation::RULE, &about.id),
    ] {
        manifest.annotations.insert(key.to_owned(), value.clone());
    }
    let manifest = manifest.to_bytes();
    let descriptor = Descriptor {
        platform: Some(Platform { architecture: "wasm".to_owned(), os: "wasip2".to_owned() }),
        ..Descriptor::of(media::MANIFEST, &manifest)
    };
    let descriptor = descriptor.with(annotation::KIND, media::WASM_CONFIG);
    let descriptor = descriptor.with(annotation::RULE, &about.id).with(annotation::VERSION, &about.version);
    Ok(Component { descriptor, manifest, config })
}
