//! What registries say of images: what is asked, what is believed, and what becomes of registries that lie, dawdle or
//! flood.

use crate::fake_registry::{Door, FakeRegistry, Fault};
use policy_host::digest::Digest;
use policy_host::document::{Document, Images as _};
use policy_host::images::{Asked, Fetcher, ImageOptions};
use policy_host::oci::limits::Patience;
use policy_host::oci::model::{Descriptor, EMPTY_JSON, Manifest, media};
use policy_host::oci::registry::{Credentials, PlainHttp, RegistryOptions};
use policy_host::trust::{
    BUNDLE_MEDIA_TYPE, PrivateKey, SIGNATURE, Target, TrustPolicy, sign_statement, write_statement,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const SPDX: &str = "https://spdx.dev/Document";

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
static OTHER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

/// Who asks, with what may be asked.
struct Asker {
    _home: tempfile::TempDir,
    asked: Asked,
}

impl Asker {
    fn new(allowed: &[&str], mirrors: &[&str], policy: Option<&str>, deadline: Duration) -> Self {
        let home = tempfile::tempdir().unwrap();
        let patience = Patience { backoff: Duration::from_millis(5), ..Patience::until(deadline) };
        let options = ImageOptions {
            allowed: allowed.iter().map(|text| text.parse().unwrap()).collect(),
            mirrors: mirrors.iter().map(|text| text.parse().unwrap()).collect(),
            deadline,
            registry: RegistryOptions {
                plain_http: PlainHttp::Always,
                credentials: Credentials::Anonymous,
                patience,
                ..RegistryOptions::default()
            },
            store: home.path().join("images"),
        };
        let policy = policy.map(|text| TrustPolicy::parse("trust.yaml", text, Path::new("")).unwrap());
        Self { asked: Asked::new(Fetcher::start(options, policy).unwrap()), _home: home }
    }

    /// Of one registry, without a trust policy.
    fn of(registry: &FakeRegistry) -> Self {
        Self::new(&[&registry.host], &[], None, Duration::from_secs(20))
    }

    fn tell(&self, reference: &str) -> Value {
        let document: std::sync::Arc<Document> = self.asked.image(reference);
        assert_eq!((document.subject.group.as_str(), document.subject.kind.as_str()), ("policy-host.dev", "Image"));
        document.root.to_value()
    }

    /// Why nothing is known, and whether it should be.
    fn unknown(&self, reference: &str) -> (String, bool) {
        let told = self.tell(reference);
        assert!(told.get("platforms").is_none() && told.get("exists").is_none(), "{told}");
        (told["unknown"]["reason"].as_str().unwrap().to_owned(), told["unknown"]["failed"] == true)
    }
}

fn configuration(user: &str, created: &str, labels: &Value) -> Vec<u8> {
    let value = json!({
        "os": "linux", "architecture": "amd64", "created": created,
        "config": {"User": user, "Labels": labels}, "rootfs": {"type": "layers", "diff_ids": []}, "history": [],
    });
    value.to_string().into_bytes()
}

/// A manifest of an image with one layer of so many bytes, which nobody fetches.
fn manifest(media_type: &str, config_type: &str, config: &[u8], layer: u64) -> Vec<u8> {
    let value = json!({
        "schemaVersion": 2, "mediaType": media_type,
        "config": {"mediaType": config_type, "digest": Digest::of(config).to_string(), "size": config.len()},
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": Digest::of(b"layer").to_string(), "size": layer,
        }],
    });
    value.to_string().into_bytes()
}

/// Puts an image for one platform under a tag.
fn publish(registry: &FakeRegistry, repository: &str, tag: &str, layer: u64) -> Digest {
    let config = configuration("65532:65532", "2026-01-01T00:00:00Z", &json!({"team": "shop"}));
    registry.put_blob(&config);
    registry.put_manifest(repository, tag, media::MANIFEST, &manifest(media::MANIFEST, OCI_CONFIG, &config, layer))
}

/// Attaches a signature, or an attestation, of a digest as it is called in a repository.
fn attach(
    registry: &FakeRegistry,
    repository: &str,
    digest: Digest,
    (name, predicate): (&str, &str),
    key: &PrivateKey,
) {
    let target = Target::new(name, &digest.to_string()).unwrap();
    let bundle = sign_statement(key, &write_statement(&target, predicate, RawValue::NULL)).into_bytes();
    registry.put_blob(&bundle);
    registry.put_blob(EMPTY_JSON);
    let mut manifest =
        Manifest::new(Descriptor::of(media::EMPTY, EMPTY_JSON), vec![Descriptor::of(BUNDLE_MEDIA_TYPE, &bundle)]);
    manifest.artifact_type = Some(BUNDLE_MEDIA_TYPE.to_owned());
    manifest.subject = Some(Descriptor { digest, ..Descriptor::of(media::MANIFEST, b"") });
    registry.put_manifest(
        repository,
        &format!("s{}", Digest::of(&bundle).short()),
        media::MANIFEST,
        &manifest.to_bytes(),
    );
}

fn sign(registry: &FakeRegistry, repository: &str, digest: Digest, key: &PrivateKey) {
    attach(registry, repository, digest, (&format!("{}/{repository}", registry.host), SIGNATURE), key);
}

/// A trust policy by which [`KEY`] signs.
fn signed_by_key(pattern: &str, more: &str) -> String {
    let pem = KEY.public().to_pem().trim().replace('\n', "\n    ");
    format!("keys:\n  release: |\n    {pem}\nrepositories:\n- match: '{pattern}'\n  signedBy: [release]\n{more}")
}

#[test]
fn an_image_is_told_with_its_platforms_and_asked_for_once() {
    let registry = FakeRegistry::start();
    let digest = publish(&registry, "shop/cart", "1.0", 1000);
    let asker = Asker::of(&registry);
    let reference = format!("{}/shop/cart:1.0", registry.host);
    let told = asker.tell(&reference);
    assert_eq!(told["digest"], digest.to_string());
    assert_eq!((&told["exists"], &told["tag"]), (&json!(true), &json!("1.0")));
    let platforms = told["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 1);
    let platform = &platforms[0];
    assert_eq!((&platform["os"], &platform["user"]), (&json!("linux"), &json!("65532:65532")));
    assert_eq!(platform["labels"], json!({"team": "shop"}));
    assert!(platform["size"].as_u64().unwrap() > 1000 && platform["ageDays"].as_i64().unwrap() >= 0);
    // Without a trust policy nothing is believed.
    assert_eq!(told["signature"]["state"], "refused");

    registry.asked();
    assert_eq!(asker.tell(&format!("{reference}@{digest}"))["digest"], digest.to_string());
    assert_eq!(registry.asked(), [], "what a digest stands for is known");
    asker.tell(&reference);
    assert_eq!(registry.asked(), [], "a run asks once what a tag stands for");
}

#[test]
fn indexes_and_dockers_older_types_are_read() {
    let registry = FakeRegistry::start();
    let mut children = Vec::new();
    for (architecture, user) in [("amd64", ""), ("arm64", "1000")] {
        let config = configuration(user, "1970-01-01T00:00:00Z", &Value::Null);
        registry.put_blob(&config);
        let bytes = manifest(DOCKER_MANIFEST, DOCKER_CONFIG, &config, 5);
        let digest = registry.put_manifest("shop/old", architecture, DOCKER_MANIFEST, &bytes);
        children.push(json!({
            "mediaType": DOCKER_MANIFEST, "digest": digest.to_string(), "size": bytes.len(),
            "platform": {"os": "linux", "architecture": architecture},
        }));
    }
    // What BuildKit puts beside them runs nowhere.
    children.push(json!({
        "mediaType": media::MANIFEST, "digest": Digest::of(b"gone").to_string(), "size": 4,
        "platform": {"os": "unknown", "architecture": "unknown"},
    }));
    let index = json!({"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": children}).to_string();
    registry.put_manifest("shop/old", "1", DOCKER_INDEX, index.as_bytes());
    let told = Asker::of(&registry).tell(&format!("{}/shop/old:1", registry.host));
    let platforms = told["platforms"].as_array().unwrap();
    let seen: Vec<_> = platforms.iter().map(|one| (&one["architecture"], &one["user"], one.get("ageDays"))).collect();
    assert_eq!(seen, [(&json!("amd64"), &json!(""), None), (&json!("arm64"), &json!("1000"), None)]);
}

#[test]
fn signatures_are_told_as_the_trust_policy_takes_them() {
    let registry = FakeRegistry::start();
    let (signed, unsigned) = (publish(&registry, "shop/cart", "1", 1), publish(&registry, "shop/cart", "2", 2));
    let stranger = publish(&registry, "shop/cart", "3", 3);
    sign(&registry, "shop/cart", signed, &KEY);
    sign(&registry, "shop/cart", stranger, &OTHER);
    let policy = signed_by_key(
        &format!("{}/shop/*", registry.host),
        &format!("- match: '{}/free/*'\n  unsigned: allow\n", registry.host),
    );
    let asker = Asker::new(&[&registry.host], &[], Some(&policy), Duration::from_secs(20));
    let state =
        |repository: &str, tag: &str| asker.tell(&format!("{}/{repository}:{tag}", registry.host))["signature"].clone();
    assert_eq!(state("shop/cart", "1"), json!({"state": "verified", "signers": ["release"], "attestations": []}));
    for (tag, digest, reason) in
        [("2", unsigned, "it has 0 of 1 signatures"), ("3", stranger, "no key that may sign made it")]
    {
        let signature = state("shop/cart", tag);
        assert_eq!(signature["state"], "refused", "{digest}");
        assert!(signature["reason"].as_str().unwrap().contains(reason), "{signature}");
    }
    publish(&registry, "free/tool", "1", 4);
    assert_eq!(state("free/tool", "1"), json!({"state": "unsigned"}));
    publish(&registry, "else/tool", "1", 5);
    assert!(state("else/tool", "1")["reason"].as_str().unwrap().contains("no entry of the trust policy"));

    // A signature of the same content, made for another repository, is none.
    let stolen = publish(&registry, "shop/api", "1", 1);
    assert_eq!(stolen, signed);
    assert!(state("shop/api", "1")["reason"].as_str().unwrap().contains("it was made for the repository"));
}

#[test]
fn what_is_attested_is_told_where_the_trust_policy_asks_for_it() {
    let registry = FakeRegistry::start();
    let digest = publish(&registry, "shop/cart", "1", 1);
    let name = format!("{}/shop/cart", registry.host);
    sign(&registry, "shop/cart", digest, &KEY);
    let policy = signed_by_key(&name, "  attestations: [spdxjson]\n");
    let asker = || Asker::new(&[&registry.host], &[], Some(&policy), Duration::from_secs(20));
    let reason = asker().tell(&format!("{name}:1"))["signature"]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("no attestation `https://spdx.dev/Document`"), "{reason}");
    attach(&registry, "shop/cart", digest, (&name, SPDX), &KEY);
    let attestations = asker().tell(&format!("{name}:1"))["signature"]["attestations"].clone();
    assert_eq!(attestations, json!([{"type": SPDX, "signer": "release"}]));
}

#[test]
fn only_registries_that_are_allowed_are_asked() {
    let (registry, mirror) = (FakeRegistry::start(), FakeRegistry::start());
    publish(&registry, "shop/cart", "1", 1);
    let policy = signed_by_key("nobody.example/**", "");
    let asker = Asker::new(&[&format!("{}/shop/**", registry.host)], &[], Some(&policy), Duration::from_secs(20));
    for reference in [
        format!("{}/other/cart:1", registry.host),
        format!("{}/shopping/cart:1", registry.host),
        format!("{}/shop/cart:1", mirror.host),
        "nginx".to_owned(),
        "169.254.169.254/latest/meta-data:1".to_owned(),
    ] {
        let (reason, failed) = asker.unknown(&reference);
        assert!(reason.contains("is not one of the repositories that may be asked") && !failed, "{reason}");
        // The trust policy is at hand: nobody may sign these.
        assert_eq!(asker.tell(&reference)["signature"]["state"], "refused");
    }
    for reference in ["", "a b", "http://x/y", "a:b:c", "../../etc/passwd"] {
        let (reason, failed) = asker.unknown(reference);
        assert!(reason.contains("is no reference") && !failed, "{reason}");
    }
    assert_eq!((registry.asked(), mirror.asked()), (Vec::new(), Vec::new()));
}

#[test]
fn a_mirror_is_asked_in_place_of_its_origin_and_signatures_name_the_origin() {
    let mirror = FakeRegistry::start();
    let digest = publish(&mirror, "hub/acme/api", "1", 1);
    attach(&mirror, "hub/acme/api", digest, ("docker.io/acme/api", SIGNATURE), &KEY);
    let policy = signed_by_key("docker.io/acme/*", "");
    let place = format!("docker.io={}/hub", mirror.host);
    let asker = Asker::new(&["docker.io/acme/**"], &[&place], Some(&policy), Duration::from_secs(20));
    let told = asker.tell("acme/api:1");
    assert_eq!((&told["repository"], &told["signature"]["state"]), (&json!("docker.io/acme/api"), &json!("verified")));
    assert!(mirror.asked().iter().all(|asked| asked.path.starts_with("/v2/hub/acme/api/")));
}

#[test]
fn what_is_not_there_is_told_apart_from_what_is_not_known() {
    let registry = FakeRegistry::start();
    let digest = publish(&registry, "shop/cart", "1", 1);
    let asker = Asker::of(&registry);
    let gone = Digest::of(b"gone");
    for reference in [format!("{}/shop/cart:2", registry.host), format!("{}/shop/cart@{gone}", registry.host)] {
        let told = asker.tell(&reference);
        assert_eq!(told["exists"], false, "{told}");
        assert!(told.get("unknown").is_none() && told.get("signature").is_none());
    }
    // Who is not let in does not know what is there.
    registry.set_door(Door::Basic);
    let (reason, failed) = Asker::of(&registry).unknown(&format!("{}/shop/cart:1", registry.host));
    assert!(failed && reason.contains("docker login"), "{reason}");
    registry.set_door(Door::Open);
    drop(registry);
    let (reason, failed) = asker.unknown(&format!("127.0.0.1:1/shop/cart@{digest}"));
    assert!(!failed && reason.contains("not one of the repositories"), "{reason}");
}

#[test]
fn a_registry_that_is_away_or_slow_is_not_waited_for_longer_than_the_deadline() {
    let gone = FakeRegistry::start();
    let host = gone.host.clone();
    drop(gone);
    let (reason, failed) =
        Asker::new(&[&host], &[], None, Duration::from_secs(5)).unknown(&format!("{host}/shop/cart:1"));
    assert!(failed && reason.contains(&host), "{reason}");
    for fault in [Fault::Silence, Fault::Drip] {
        let registry = FakeRegistry::start();
        publish(&registry, "shop/cart", "1", 1);
        registry.fault("GET /v2/shop/cart", fault.clone(), usize::MAX);
        let asker = Asker::new(&[&registry.host], &[], None, Duration::from_millis(300));
        let (reason, failed) = asker.unknown(&format!("{}/shop/cart:1", registry.host));
        assert!(failed && reason.contains("did not answer in time"), "{fault:?}: {reason}");
    }
}

#[test]
fn what_is_not_what_its_digest_says_is_not_believed() {
    for (path, fault) in [
        ("GET /v2/shop/cart/manifests/sha256:", Fault::Lie("{\"schemaVersion\":2}")),
        ("GET /v2/shop/cart/manifests/sha256:", Fault::Corrupt),
        ("GET /v2/shop/cart/blobs/", Fault::Corrupt),
        ("GET /v2/shop/cart/blobs/", Fault::Lie("{}")),
    ] {
        let registry = FakeRegistry::start();
        publish(&registry, "shop/cart", "1", 1);
        registry.fault(path, fault.clone(), usize::MAX);
        let (reason, failed) = Asker::of(&registry).unknown(&format!("{}/shop/cart:1", registry.host));
        assert!(failed, "{fault:?}: {reason}");
    }
}

#[test]
fn what_floods_is_bounded_before_it_is_fetched() {
    let registry = FakeRegistry::start();
    let child = |number: usize, size: u64| {
        let digest = Digest::of(&number.to_le_bytes()).to_string();
        json!({"mediaType": media::MANIFEST, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": "a"}})
    };
    let index = |children: Vec<Value>| {
        json!({"schemaVersion": 2, "mediaType": media::INDEX, "manifests": children}).to_string()
    };
    let many = index((0..33).map(|number| child(number, 10)).collect());
    let large = index((0..3).map(|number| child(number, 3 << 20)).collect());
    let huge = index(vec![child(0, u64::MAX), child(1, u64::MAX)]);
    for (tag, text) in [("many", &many), ("large", &large), ("huge", &huge)] {
        registry.put_manifest("shop/flood", tag, media::INDEX, text.as_bytes());
    }
    let layers: Vec<Value> =
        (0..501).map(|_| json!({"mediaType": "l", "digest": Digest::of(b"l").to_string(), "size": 1})).collect();
    let config = json!({"mediaType": OCI_CONFIG, "digest": Digest::of(b"c").to_string(), "size": 1});
    let layers = json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string();
    registry.put_manifest("shop/flood", "layers", media::MANIFEST, layers.as_bytes());
    let config = json!({"mediaType": OCI_CONFIG, "digest": Digest::of(b"c").to_string(), "size": 5 << 20});
    let config = json!({"schemaVersion": 2, "config": config, "layers": []}).to_string();
    registry.put_manifest("shop/flood", "config", media::MANIFEST, config.as_bytes());
    registry.put_manifest("shop/flood", "bytes", media::MANIFEST, &vec![b' '; (4 << 20) + 1]);
    registry.put_manifest("shop/flood", "deep", media::MANIFEST, "[".repeat(100_000).as_bytes());
    let asker = Asker::of(&registry);
    for (tag, expected) in [
        ("many", "33 platforms, more than 32"),
        ("large", "bytes of manifests and configurations, more than 8388608"),
        ("huge", "bytes of manifests and configurations, more than 8388608"),
        ("layers", "501 layers, more than 500"),
        ("config", "bytes, more than 4194304"),
        ("bytes", "bytes, more than 4194304"),
        ("deep", "malformed"),
    ] {
        let (reason, failed) = asker.unknown(&format!("{}/shop/flood:{tag}", registry.host));
        assert!(failed && reason.contains(expected), "{tag}: {reason}");
        assert!(reason.chars().count() <= 1000);
    }
    assert!(registry.asked().iter().all(|asked| !asked.path.contains("/blobs/")), "nothing else was fetched");
}

#[test]
fn long_texts_are_told_in_part_or_by_name() {
    let registry = FakeRegistry::start();
    let mut labels: serde_json::Map<String, Value> =
        (0..300).map(|number| (format!("l{number:03}"), "x".into())).collect();
    labels.insert("a-long".to_owned(), "y".repeat(5000).into());
    let config = configuration(&"u".repeat(10_000), "2026-01-01T00:00:00Z", &Value::Object(labels));
    registry.put_blob(&config);
    registry.put_manifest("shop/long", "1", media::MANIFEST, &manifest(media::MANIFEST, OCI_CONFIG, &config, 1));
    let told = Asker::of(&registry).tell(&format!("{}/shop/long:1", registry.host));
    let platform = &told["platforms"][0];
    assert_eq!(platform["user"].as_str().unwrap().len(), 256);
    assert_eq!(platform["labels"].as_object().unwrap().len(), 256);
    let left_out = platform["labelsLeftOut"].as_array().unwrap();
    assert_eq!((left_out.len(), &left_out[0]), (45, &json!("a-long")));
}

#[test]
fn what_is_no_image_is_told_so() {
    let registry = FakeRegistry::start();
    let config = b"{}";
    registry.put_blob(config);
    let chart = manifest(media::MANIFEST, "application/vnd.cncf.helm.config.v1+json", config, 1);
    registry.put_manifest("shop/chart", "1", media::MANIFEST, &chart);
    registry.put_manifest("shop/chart", "2", media::MANIFEST, b"{\"schemaVersion\":1,\"fsLayers\":[]}");
    let asker = Asker::of(&registry);
    for (tag, expected) in
        [("1", "it is no image: its configuration is of the type"), ("2", "neither an index nor a manifest")]
    {
        let (reason, failed) = asker.unknown(&format!("{}/shop/chart:{tag}", registry.host));
        assert!(failed && reason.contains(expected), "{reason}");
    }
}

#[test]
fn many_images_are_asked_about_side_by_side() {
    let registry = FakeRegistry::start();
    let references: Vec<Box<str>> = (0..1500)
        .map(|number| {
            let repository = format!("shop/image{}", number % 40);
            publish(&registry, &repository, &format!("t{number}"), 1);
            format!("{}/{repository}:t{number}", registry.host).into()
        })
        .collect();
    let asker = Asker::of(&registry);
    asker.asked.want(&references);
    for reference in &references {
        assert_eq!(asker.tell(reference)["exists"], true, "{reference}");
    }
}
