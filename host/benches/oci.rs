//! Every figure that bundles in registries promise, measured and held against its budget in one run:
//! `make bench-oci`, or `cargo bench -p policy-host --bench oci -- SECTION…` for some sections.
//!
//! The registry is one of the tests', in this process, on loopback; the binary is what is measured, from its start to
//! its end. It prints, and asserts nothing: how fast a machine is is no reason to fail.

#![allow(clippy::unwrap_used, reason = "a registry that cannot start measures nothing")]

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/fake_registry.rs"]
mod fake_registry;
#[path = "../../tests/oci/made.rs"]
mod made;
#[path = "oci/run.rs"]
mod run;
#[allow(dead_code, reason = "other benches need more of it")]
#[path = "table.rs"]
mod table;

use fake_registry::FakeRegistry;
use policy_host::oci::artifact::Built;
use policy_host::oci::model::media;
use policy_host::trust::{
    Check, Evidence, PrivateKey, Requirement, SIGNATURE, Target, sign_statement, write_statement,
};
use run::Run;
use std::error::Error;
use std::time::Instant;
use table::{Budget, Row, Samples};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rounds of a figure.
const ROUNDS: usize = 5;
const BUNDLE: &str = "default";

fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut rows = Vec::new();
    for section in ["default", "kept", "large", "verify"] {
        if !asked.is_empty() && !asked.iter().any(|name| name == section) {
            continue;
        }
        let measured = match section {
            "default" => default_bundle(&mut rows),
            "kept" => kept(&mut rows),
            "large" => large(&mut rows),
            _ => verify(&mut rows),
        };
        if let Err(error) = measured {
            rows.push(Row::skipped(section, "", Budget::None, error.to_string()));
        }
    }
    table::print("figure", &rows);
    Ok(())
}

/// Push to a registry that has nothing, and pull into a store that has nothing.
fn default_bundle(rows: &mut Vec<Row>) -> Result<()> {
    let (mut pushes, mut pulls) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let registry = FakeRegistry::start();
        let home = tempfile::tempdir()?;
        let reference = registry.reference("bench/bundle:1");
        pushes.push(Run::of(home.path(), &["bundle", "push", BUNDLE, &reference, "--insecure"])?.millis);
        pulls.push(pull(home.path(), &reference)?.millis);
    }
    rows.push(Row::new("push of the default bundle, cold", "ms", Budget::AtMost(1000.0), Samples::new(pushes)));
    rows.push(Row::new("pull of the default bundle, cold", "ms", Budget::AtMost(1000.0), Samples::new(pulls)));
    Ok(())
}

/// Pull of what is in the store.
fn kept(rows: &mut Vec<Row>) -> Result<()> {
    let (registry, home) = (FakeRegistry::start(), tempfile::tempdir()?);
    let reference = registry.reference("bench/bundle:1");
    Run::of(home.path(), &["bundle", "push", BUNDLE, &reference, "--insecure"])?;
    pull(home.path(), &reference)?;
    let (mut millis, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..4 * ROUNDS {
        registry.asked();
        // Without the lock that the pull before wrote nothing would be asked at all.
        std::fs::remove_file(home.path().join(policy_host::oci::LOCK_FILE))?;
        millis.push(pull(home.path(), &reference)?.millis);
        requests.push(registry.asked().len() as f64);
    }
    rows.push(Row::new("pull when everything is in the store", "ms", Budget::AtMost(30.0), Samples::new(millis)));
    rows.push(Row::new("  requests", "", Budget::AtMost(1.0), Samples::new(requests)));
    Ok(())
}

/// Pull of many components.
fn large(rows: &mut Vec<Row>) -> Result<()> {
    let registry = FakeRegistry::start();
    publish(&registry, &made::bundle(500, 60_000));
    let (mut seconds, mut megabytes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let home = tempfile::tempdir()?;
        let run = pull(home.path(), &registry.reference("bench/bundle:1"))?;
        seconds.push(run.millis / 1e3);
        megabytes.push(run.megabytes);
    }
    rows.push(Row::new("pull of 500 components of 60 KB", "s", Budget::AtMost(4.0), Samples::new(seconds)));
    rows.push(Row::new("  resident memory", "MB", Budget::AtMost(100.0), Samples::new(megabytes)));
    Ok(())
}

/// The check of one signature, from the bytes of its bundle to the verdict.
fn verify(rows: &mut Vec<Row>) -> Result<()> {
    let key = PrivateKey::generate()?;
    let digest = policy_host::digest::Digest::of(b"bundle").to_string();
    let target = Target::new("registry.example/bench/bundle", &digest).ok_or("a digest")?;
    let bundle = sign_statement(&key, &write_statement(&target, SIGNATURE, serde_json::from_str("{}")?));
    let requirement = Requirement::any_of(vec![("key".to_owned(), key.public())]);
    let mut millis = Vec::new();
    for _ in 0..100 * ROUNDS {
        let started = Instant::now();
        let mut check = Check::new(&requirement, &target, &target);
        check.offer("bench", &Evidence::Bundle(bundle.as_bytes()));
        check.finish()?;
        millis.push(started.elapsed().as_secs_f64() * 1e3);
    }
    rows.push(Row::new("verify one signature, offline", "ms", Budget::AtMost(5.0), Samples::new(millis)));
    Ok(())
}

fn pull(home: &std::path::Path, reference: &str) -> Result<Run> {
    Run::of(home, &["bundle", "pull", reference, "--insecure", "--allow-unsigned"])
}

/// Puts a bundle where pulls find it.
fn publish(registry: &FakeRegistry, built: &Built) {
    for bytes in built.contents.values() {
        registry.put_blob(bytes);
        registry.put_manifest("bench/bundle", "kept", media::MANIFEST, bytes);
    }
    let index = &built.contents[&built.root.digest];
    registry.put_manifest("bench/bundle", "1", media::INDEX, index);
}
