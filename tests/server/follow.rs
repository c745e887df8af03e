//! Bundles from a registry, and tags that are followed.

use super::process::{Server, until};
use crate::fake_registry::{FakeRegistry, Fault};
use policy_host::oci::model::media;
use policy_host::trust::{EncryptedKey, PrivateKey};
use std::process::Command;

const PATH: &str = "team/pss";

/// Sends the bundle with this description, so that it is another one, under the tag `1`.
fn push(registry: &FakeRegistry, description: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let definition = include_str!("../../bundles/pod-security-restricted.yaml");
    let described = definition.replacen("description: ", &format!("description: {description} "), 1);
    assert_ne!(described, definition);
    std::fs::write(home.path().join("bundle.yaml"), described).unwrap();
    let pushed = Command::new(env!("CARGO_BIN_EXE_policy-host"))
        .args(["bundle", "push", "bundle.yaml", &registry.reference(&format!("{PATH}:1")), "--insecure"])
        .env_clear()
        .env("POLICY_HOST_CACHE", home.path().join("cache"))
        .current_dir(home.path())
        .output()
        .unwrap();
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    registry.digest(PATH, "1").to_string()
}

fn settings(registry: &FakeRegistry) -> String {
    format!(
        "bundles: [{{bundle: '{}', follow: 1s}}]\nregistries: {{allowUnsigned: true, plainHttp: ['{}'], store: DIR/store}}",
        registry.reference(&format!("{PATH}:1")),
        registry.host
    )
}

/// Whether the server says that it serves this digest.
fn serves(server: &Server, registry: &FakeRegistry, digest: &str) -> bool {
    let reference = format!("{}/{PATH}:1", registry.host);
    let labels = format!("{{bundle=\"pod-security-restricted\",reference=\"{reference}\",digest=\"{digest}\"}}");
    server.metric(&format!("policy_host_bundle_artifact_info{labels}")) == 1.0 && server.get("/").body.contains(digest)
}

#[test]
fn a_tag_is_followed_and_the_last_good_bundle_kept() {
    let registry = FakeRegistry::start();
    let first = push(&registry, "one");
    let server = Server::start(&settings(&registry), |_| {});
    assert!(serves(&server, &registry, &first));

    let second = push(&registry, "two");
    until("the new bundle is served", || serves(&server, &registry, &second));
    registry.asked();
    until("the tag is looked at again", || !registry.asked().is_empty());
    assert!(registry.asked().iter().all(|asked| asked.method == "HEAD"), "what is there is not fetched again");

    // Something that is no bundle: the last good one goes on, and people are told.
    let good = registry.manifest(PATH, "1").unwrap();
    registry.put_manifest(PATH, "1", media::INDEX, b"{\"schemaVersion\":2,\"manifests\":[]}");
    let told = |text: &str| server.get("/readyz?verbose").body.contains(text);
    until("the failure is told", || told("dev.policy-host.kind"));
    assert!(serves(&server, &registry, &second));
    assert!(server.metric("policy_host_reloads_total{what=\"tags\",outcome=\"failed\"}") >= 1.0);

    // And the tag is right again, after a while in which the registry was away.
    registry.fault("HEAD", Fault::Status(403, None), 2);
    registry.put_manifest(PATH, "1", media::INDEX, &good);
    until("the failure is over", || !told("not served"));
    assert!(serves(&server, &registry, &second));
}

#[test]
fn a_server_starts_from_its_store_while_the_registry_is_away() {
    let registry = FakeRegistry::start();
    let digest = push(&registry, "one");
    let kept = tempfile::tempdir().unwrap();
    let settings = settings(&registry).replace("DIR/store", &kept.path().join("store").display().to_string());
    drop(Server::start(&settings, |_| {}));
    registry.fault("", Fault::Status(503, Some(0)), usize::MAX);
    let server = Server::start(&settings, |_| {});
    assert!(serves(&server, &registry, &digest));
    let warned =
        server.log().iter().any(|entry| entry["message"].as_str().is_some_and(|said| said.contains("cannot be asked")));
    assert!(warned);
}

#[test]
fn what_nobody_signed_is_not_served_unless_that_is_said() {
    let registry = FakeRegistry::start();
    push(&registry, "one");
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("serve.yaml");
    let settings =
        settings(&registry).replace("allowUnsigned: true, ", "").replace("DIR", &home.path().display().to_string());
    std::fs::write(&config, format!("cluster: {{mode: none}}\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\n{settings}\n"))
        .unwrap();
    let served = Command::new(env!("CARGO_BIN_EXE_policy-host"))
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .env_clear()
        .env("POLICY_HOST_CACHE", home.path().join("cache"))
        .output()
        .unwrap();
    let error = String::from_utf8(served.stderr).unwrap();
    assert_eq!(served.status.code(), Some(2), "{error}");
    assert!(error.contains("there is no trust policy") && error.contains("registries.allowUnsigned"), "{error}");
}

#[test]
fn a_key_that_is_trusted_no_longer_loads_nothing_new() {
    let registry = FakeRegistry::start();
    let digest = push(&registry, "one");
    let (home, key) = (tempfile::tempdir().unwrap(), PrivateKey::generate().unwrap());
    let (trust, public) = (home.path().join("trust.yaml"), home.path().join("release.pub"));
    std::fs::write(&public, key.public().to_pem()).unwrap();
    let policy = format!(
        "keys: {{release: release.pub}}\nrepositories: [{{match: '{}/team/*', signedBy: [release]}}]",
        registry.host
    );
    std::fs::write(&trust, policy).unwrap();
    sign(&registry, &key);
    let settings = settings(&registry).replace("allowUnsigned: true, ", "");
    let server = Server::start(&format!("{settings}\ntrust: {}\nreload: {{interval: 100ms}}", trust.display()), |_| {});
    assert!(serves(&server, &registry, &digest));

    // What is served goes on, and people are told why nothing else would be.
    std::fs::write(&public, PrivateKey::generate().unwrap().public().to_pem()).unwrap();
    until("the refusal is told", || server.get("/readyz?verbose").body.contains("it has 0 of 1 signatures that count"));
    assert!(serves(&server, &registry, &digest));
    let unsigned = push(&registry, "two");
    std::fs::write(&public, key.public().to_pem()).unwrap();
    until("the tag is looked at", || server.get("/readyz?verbose").body.contains(&unsigned));
    assert!(serves(&server, &registry, &digest));
    sign(&registry, &key);
    until("what is signed is served", || serves(&server, &registry, &unsigned));
}

fn sign(registry: &FakeRegistry, key: &PrivateKey) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("release.key");
    std::fs::write(&file, EncryptedKey::seal(key, b"passphrase").unwrap()).unwrap();
    let signed = Command::new(env!("CARGO_BIN_EXE_policy-host"))
        .args(["sign", &registry.reference(&format!("{PATH}:1")), "--insecure", "--key"])
        .arg(&file)
        .env_clear()
        .env("POLICY_HOST_CACHE", home.path().join("cache"))
        .env("POLICY_HOST_KEY_PASSWORD", "passphrase")
        .output()
        .unwrap();
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
}
