//! What is known of how a bundle was put together, as an in-toto statement with SLSA provenance: what went in, and
//! which program did it. Where components were compiled, and from which sources, is not known here and not said.

use super::component::About;
use crate::bundle::ComponentSource;
use crate::digest::Digest;
use serde_json::{Value, json};

/// The statement.
pub(super) fn provenance(name: &str, version: &str, definition: &[u8], components: &[&ComponentSource]) -> Vec<u8> {
    let mut subjects = vec![artifact("definition", &Digest::of(definition).hex())];
    subjects.extend(components.iter().map(|component| {
        let about = About::new(component);
        artifact(&format!("{}.wasm", about.name), component.digest.trim_start_matches("sha256:"))
    }));
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:policy-host:bundle-build:v1",
                "externalParameters": { "bundle": name, "version": version },
                "resolvedDependencies": subjects,
            },
            "runDetails": {
                "builder": { "id": "urn:policy-host:cli", "version": { "policy-host": env!("CARGO_PKG_VERSION") } },
            },
        },
    });
    statement.to_string().into_bytes()
}

fn artifact(name: &str, digest: &str) -> Value {
    json!({ "name": name, "digest": { "sha256": digest } })
}
