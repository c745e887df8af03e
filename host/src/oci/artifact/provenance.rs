//! What is known of how a bundle was put together, as an in-toto statement with SLSA provenance: what went in, and
//! which program did it. Where components were compiled, and from which sources, is not known here and not said.

use crate::bundle::RuleSource;
use crate::digest::Digest;
use serde_json::{Value, json};
use std::sync::Arc;

/// The statement.
pub(super) fn provenance(name: &str, version: &str, definition: &[u8], rules: &[Arc<RuleSource>]) -> Vec<u8> {
    let mut subjects = vec![artifact("definition", &Digest::of(definition).hex())];
    subjects.extend(
        rules
            .iter()
            .map(|rule| artifact(&format!("{}.wasm", rule.manifest.id), rule.digest.trim_start_matches("sha256:"))),
    );
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
