//! Every way in which a registry fails. Nothing that is wrong is kept, nothing is waited for for ever, and what was
//! fetched until then is not fetched again.

use super::{Client, made, published};
use crate::fake_registry::{BASIC, Door, FakeRegistry, Fault, TOKEN};
use policy_host::digest::Digest;
use policy_host::oci::model::{Descriptor, Index, media};
use policy_host::oci::registry::{Credential, Credentials};

#[test]
fn corrupted_blobs_are_not_kept() {
    let (registry, _) = published(5);
    registry.fault("GET /v2/team/made/blobs/", Fault::Corrupt, 1);
    let client = Client::new();
    let error = client.refused(&registry.reference("team/made:1"));
    assert!(error.contains("its digest is sha256:") && error.contains("it was not kept"), "{error}");
    // The rest is there already.
    client.pull(&registry.reference("team/made:1")).unwrap();
}

#[test]
fn broken_off_blobs_are_asked_for_again() {
    let (registry, built) = published(5);
    registry.fault("GET /v2/team/made/blobs/", Fault::BreakOff, 2);
    let client = Client::new();
    assert_eq!(client.pull(&registry.reference("team/made:1")).unwrap().descriptor.digest, built.root.digest);

    registry.fault("GET /v2/team/made/blobs/", Fault::BreakOff, usize::MAX);
    let error = Client::new().refused(&registry.reference("team/made:1"));
    assert!(error.contains("it broke off after") && error.contains("tried 3 times"), "{error}");
}

#[test]
fn a_fetch_goes_on_where_the_last_one_ended() {
    let (registry, built) = published(30);
    let last = built.contents.keys().next_back().unwrap();
    registry.fault(&format!("blobs/{last}"), Fault::Status(403, None), 1);
    registry.fault(&format!("manifests/{last}"), Fault::Status(403, None), 1);
    let client = Client::new();
    assert!(client.refused(&registry.reference("team/made:1")).contains("403"));
    let before = registry.asked();
    client.pull(&registry.reference("team/made:1")).unwrap();
    let after = registry.asked();
    let got = |asked: &[crate::fake_registry::Asked]| {
        asked.iter().filter(|asked| asked.method == "GET").map(|asked| asked.path.clone()).collect::<Vec<_>>()
    };
    let twice: Vec<_> = got(&after).into_iter().filter(|path| got(&before).contains(path)).collect();
    // What was in the air when it failed is not known; the rest is not asked for twice.
    assert!(twice.len() <= 2 * policy_host::oci::limits::PARALLEL, "{twice:?}");
}

#[test]
fn a_manifest_that_is_another_is_refused() {
    let (registry, _) = published(1);
    registry.fault("GET /v2/team/made/manifests/sha256:", Fault::Lie("{\"schemaVersion\":2}"), 1);
    let error = Client::new().refused(&registry.reference("team/made:1"));
    assert!(error.contains("its digest is") && error.contains("not kept"), "{error}");
}

#[test]
fn a_tag_that_moves_meanwhile_is_not_followed() {
    let (registry, built) = published(1);
    let other = made::bundle(2, 10);
    Client::new().push(&registry.reference("team/made:2"), &other).unwrap();
    registry.fault("HEAD /v2/team/made/manifests/1", Fault::MoveTag("1".to_owned(), other.root.digest), 1);
    let fetched = Client::new().pull(&registry.reference("team/made:1")).unwrap();
    assert_eq!(fetched.descriptor.digest, built.root.digest);
    assert_eq!(registry.digest("team/made", "1"), other.root.digest);
}

#[test]
fn redirects_end() {
    let (registry, _) = published(1);
    let here = format!("http://{}/v2/team/made/blobs/", registry.host);
    registry.fault("GET /v2/team/made/blobs/", Fault::Redirect(here), usize::MAX);
    let error = Client::new().refused(&registry.reference("team/made:1"));
    assert!(error.contains("more than 5 redirects"), "{error}");
}

#[test]
fn credentials_do_not_follow_a_redirect() {
    let (registry, built) = published(1);
    let elsewhere = FakeRegistry::start();
    for bytes in built.contents.values() {
        elsewhere.put_blob(bytes);
    }
    registry.set_door(Door::Basic);
    for digest in built.contents.keys() {
        let there = format!("http://{}/v2/team/made/blobs/{digest}", elsewhere.host);
        registry.fault(&format!("GET /v2/team/made/blobs/{digest}"), Fault::Redirect(there), usize::MAX);
    }
    let mut client = Client::new();
    assert!(client.refused(&registry.reference("team/made:1")).contains("docker login"));
    let me = Credential::Password { user: "me".to_owned(), password: "secret".to_owned() };
    client.session.options.credentials = Credentials::Fixed(registry.host.clone(), me);
    client.pull(&registry.reference("team/made:1")).unwrap();
    assert!(registry.asked().iter().any(|asked| asked.authorization.as_deref() == Some(BASIC)));
    let elsewhere = elsewhere.asked();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|asked| asked.authorization.is_none()), "{elsewhere:?}");
}

#[test]
fn tokens_are_asked_for_where_that_is_safe() {
    let (registry, _) = published(1);
    registry.set_door(Door::Bearer(None));
    let mut client = Client::new();
    let me = Credential::Password { user: "me".to_owned(), password: "secret".to_owned() };
    client.session.options.credentials = Credentials::Fixed(registry.host.clone(), me);
    client.pull(&registry.reference("team/made:1")).unwrap();
    let asked = registry.asked();
    let token: Vec<_> = asked.iter().filter(|asked| asked.path.starts_with("/token")).collect();
    assert!(!token.is_empty() && token.iter().all(|asked| asked.authorization.as_deref() == Some(BASIC)), "{token:?}");
    assert!(token[0].path.contains("scope=repository%3Ateam%2Fmade%3Apull"), "{token:?}");
    assert!(asked.iter().any(|asked| asked.authorization.as_deref() == Some(TOKEN)));
    assert!(
        asked
            .iter()
            .filter(|asked| !asked.path.starts_with("/token"))
            .all(|asked| asked.authorization.as_deref() != Some(BASIC))
    );

    // Another host in the clear gets neither the password nor the question.
    let thief = FakeRegistry::start();
    registry.set_door(Door::Bearer(Some(format!("http://localhost:{}/token", thief.host.rsplit_once(':').unwrap().1))));
    let mut client = Client::new();
    let me = Credential::Password { user: "me".to_owned(), password: "secret".to_owned() };
    client.session.options.credentials = Credentials::Fixed(registry.host.clone(), me);
    let error = client.refused(&registry.reference("team/made:1"));
    assert!(error.contains("in the clear") && !error.contains("secret"), "{error}");
    assert_eq!(thief.asked(), []);
}

#[test]
fn storms_pass() {
    let (registry, built) = published(10);
    registry.fault("GET ", Fault::Status(429, Some(0)), 2);
    registry.fault("HEAD ", Fault::Status(500, None), 2);
    let client = Client::new();
    assert_eq!(client.pull(&registry.reference("team/made:1")).unwrap().descriptor.digest, built.root.digest);

    // One that does not pass has an end, also where the registry would have everybody wait for a day.
    registry.fault("HEAD ", Fault::Status(429, Some(86_400)), usize::MAX);
    registry.asked();
    let error = Client::new().refused(&registry.reference("team/made:1"));
    assert!(error.contains("answered 429"), "{error}");
    assert_eq!(registry.asked().len(), 3);
}

#[test]
fn slow_and_silent_registries_are_given_up() {
    let (registry, _) = published(1);
    registry.fault("GET /v2/team/made/blobs/", Fault::Drip, usize::MAX);
    let error = Client::new().refused(&registry.reference("team/made:1"));
    assert!(error.contains("is too slow"), "{error}");
    registry.fault("HEAD ", Fault::Silence, usize::MAX);
    let error = Client::new().refused(&registry.reference("team/made:1"));
    assert!(error.contains("no answer within"), "{error}");
}

#[test]
fn a_registry_that_is_gone_is_said_to_be() {
    let (registry, _) = published(1);
    let reference = registry.reference("team/made:1");
    drop(registry);
    let error = Client::new().refused(&reference);
    assert!(error.contains("HEAD http://127.0.0.1") && error.contains("tried 3 times"), "{error}");
}

#[test]
fn what_is_too_large_is_not_fetched() {
    let registry = FakeRegistry::start();
    let client = Client::new();
    let reference = registry.reference("team/made:1");

    let too_many = made::bundle(policy_host::oci::limits::COMPONENTS + 1, 1);
    let index = &too_many.contents[&too_many.root.digest];
    registry.put_manifest("team/made", "1", media::INDEX, index);
    assert!(client.refused(&reference).contains("1001 components, more than 1000"));

    let huge = format!("{{\"schemaVersion\":2,\"manifests\":[],\"x\":\"{}\"}}", "y".repeat(4 << 20));
    registry.put_manifest("team/made", "1", media::INDEX, huge.as_bytes());
    let error = client.refused(&reference);
    assert!(error.contains("bytes, more than 4194304"), "{error}");

    // What is said to be larger than a component may be is not asked for.
    let mut built = made::bundle(1, 10);
    let index = Index::parse(&built.contents[&built.root.digest]).unwrap();
    let child = &index.manifests[1];
    let text =
        String::from_utf8(built.contents[&child.digest].clone()).unwrap().replace("\"size\":10,", "\"size\":9000000,");
    let child = Descriptor { size: text.len() as u64, digest: Digest::of(text.as_bytes()), ..child.clone() };
    let index = Index { manifests: vec![index.manifests[0].clone(), child.clone()], ..index };
    registry.put_manifest("team/made", "x", media::MANIFEST, text.as_bytes());
    registry.put_manifest(
        "team/made",
        "y",
        media::MANIFEST,
        &built.contents.remove(&index.manifests[0].digest).unwrap(),
    );
    registry.put_manifest("team/made", "1", media::INDEX, &index.to_bytes());
    registry.asked();
    let error = client.refused(&reference);
    assert!(error.contains("9000000 bytes, more than 8388608"), "{error}");
    assert!(!registry.asked().iter().any(|asked| asked.path.contains("/blobs/")));
}

#[test]
fn what_is_no_bundle_is_refused() {
    let registry = FakeRegistry::start();
    let client = Client::new();
    for (text, says) in [
        ("", "it is no index of a bundle"),
        ("[]", "it is no index of a bundle"),
        ("{\"schemaVersion\":2,\"manifests\":[]}", "its annotation `dev.policy-host.kind` is `nothing`"),
        (
            "{\"schemaVersion\":2,\"manifests\":[],\"annotations\":{\"dev.policy-host.kind\":\"application/vnd.policy-host.bundle.v1\"}}",
            "exactly one manifest",
        ),
    ] {
        registry.put_manifest("team/made", "1", media::INDEX, text.as_bytes());
        let error = client.refused(&registry.reference("team/made:1"));
        assert!(error.contains(says), "{error}");
    }
    let error = client.refused(&registry.reference("team/nothing:1"));
    assert!(error.contains("team/nothing:1 is not there"), "{error}");
}

#[test]
fn a_push_that_breaks_off_leaves_no_tag() {
    let registry = FakeRegistry::start();
    let built = made::bundle(5, 100);
    registry.fault("PUT /v2/team/made/blobs", Fault::Status(503, None), 2);
    registry.fault("PUT /v2/team/made/manifests", Fault::Status(403, None), 1);
    let client = Client::new();
    let error = client.push(&registry.reference("team/made:1"), &built).unwrap_err().to_string();
    assert!(error.contains("403"), "{error}");
    assert_eq!(registry.manifest("team/made", "1"), None);
    client.push(&registry.reference("team/made:1"), &built).unwrap();
    assert_eq!(registry.digest("team/made", "1"), built.root.digest);
}
