//! Who may be run: signatures and attestations in a registry, right, wrong, stolen from elsewhere and far too many.

use super::{Client, published};
use crate::fake_registry::{FakeRegistry, Fault};
use policy_host::digest::Digest;
use policy_host::oci::admit::RefuseUnsigned;
use policy_host::oci::model::{Descriptor, EMPTY_JSON, Manifest, media};
use policy_host::oci::registry::fallback_tag;
use policy_host::oci::{ByPolicy, Claim, OciError, Reference};
use policy_host::trust::{
    BUNDLE_MEDIA_TYPE, MAX_EVIDENCE, PrivateKey, Problem, Reason, Refusal, SIGNATURE, Target, TrustPolicy,
    sign_statement, write_statement,
};
use serde_json::value::RawValue;
use std::path::Path;
use std::sync::LazyLock;

const SPDX: &str = "https://spdx.dev/Document";

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
static OTHER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

fn made(registry: &FakeRegistry) -> Reference {
    registry.reference("team/made:1").parse().unwrap()
}

/// A client that holds `team/*` to a signature by [`KEY`], and to what else is said.
fn client(registry: &FakeRegistry, more: &str) -> Client {
    let mut client = Client::new();
    let pem = KEY.public().to_pem().trim().replace('\n', "\n    ");
    let text = format!(
        "keys:\n  release: |\n    {pem}\nrepositories:\n- match: '{}/team/*'\n  signedBy: [release]\n{more}",
        registry.host
    );
    client.session.admit = Box::new(ByPolicy(TrustPolicy::parse("trust.yaml", &text, Path::new("")).unwrap()));
    client
}

fn sign(registry: &FakeRegistry, key: &PrivateKey) {
    Client::new().session.attach(&made(registry), &Claim::signature(), key).unwrap();
}

fn attest(registry: &FakeRegistry, key: &PrivateKey, predicate_type: &str) {
    let claim = Claim { predicate_type, predicate: RawValue::NULL };
    Client::new().session.attach(&made(registry), &claim, key).unwrap();
}

/// Attaches whatever it is to what is under `team/made:1`, as a bundle, in a registry that lists referrers.
fn attach(registry: &FakeRegistry, bundle: &[u8]) {
    let subject = Descriptor { digest: registry.digest("team/made", "1"), ..Descriptor::of(media::INDEX, b"") };
    registry.put_blob(bundle);
    let layer = Descriptor::of(BUNDLE_MEDIA_TYPE, bundle);
    let mut manifest = Manifest::new(Descriptor::of(media::EMPTY, EMPTY_JSON), vec![layer]);
    manifest.artifact_type = Some(BUNDLE_MEDIA_TYPE.to_owned());
    manifest.subject = Some(subject);
    registry.put_manifest("team/made", "attached", media::MANIFEST, &manifest.to_bytes());
}

/// Why the bundle is refused; no component was asked for then.
fn refused(registry: &FakeRegistry, client: &Client) -> Refusal {
    registry.asked();
    let error = client.pull(&made(registry).to_string()).unwrap_err();
    let index = registry.manifest("team/made", "1").unwrap();
    let children = policy_host::oci::model::Index::parse(&index).unwrap().manifests;
    for asked in registry.asked() {
        assert!(children.iter().all(|child| !asked.path.contains(&child.digest.hex())), "{asked:?}");
    }
    match error {
        OciError::NotAdmitted(refusal) => *refusal,
        other => panic!("{other}"),
    }
}

fn only_problem(refusal: &Refusal) -> &Problem {
    let [rejected] = refusal.rejected.as_slice() else { panic!("{refusal}") };
    &rejected.problem
}

#[test]
fn what_was_signed_is_taken_and_asked_for_once() {
    for lists in [true, false] {
        let (registry, built) = published(2);
        registry.lists_referrers(lists);
        sign(&registry, &KEY);
        assert_eq!(registry.manifest("team/made", &fallback_tag(built.root.digest)).is_none(), lists);
        let client = client(&registry, "");
        let fetched = client.pull(&made(&registry).to_string()).unwrap();
        assert_eq!(fetched.admission.0, "signed by release");
        registry.asked();
        client.pull(&made(&registry).to_string()).unwrap();
        assert_eq!(registry.asked().len(), 1, "the signature is kept");
    }
}

#[test]
fn signing_again_changes_nothing() {
    let (registry, _) = published(1);
    let client = Client::new();
    let sign = || client.session.attach(&made(&registry), &Claim::signature(), &KEY).unwrap();
    assert_eq!(sign(), sign());
}

#[test]
fn without_a_policy_and_without_a_signature_it_is_refused() {
    let (registry, built) = published(1);
    let mut strict = Client::new();
    strict.session.admit = Box::new(RefuseUnsigned);
    assert_eq!(refused(&registry, &strict).reason, Reason::NoPolicy);

    let refusal = refused(&registry, &client(&registry, ""));
    assert_eq!((refusal.target.digest(), refusal.rejected.len()), (built.root.digest.to_string().as_str(), 0));
    assert_eq!(refusal.reason, Reason::Signatures { counted: 0, needed: 1 });
    assert!(refusal.remedy.contains("by the key `release`"), "{refusal}");
}

#[test]
fn what_may_be_unsigned_is_taken() {
    let (registry, _) = published(1);
    let mut client = Client::new();
    let text = format!("repositories: [{{match: '{}/**', unsigned: allow}}]", registry.host);
    client.session.admit = Box::new(ByPolicy(TrustPolicy::parse("trust.yaml", &text, Path::new("")).unwrap()));
    let fetched = client.pull(&made(&registry).to_string()).unwrap();
    assert_eq!(fetched.admission.0, "unsigned, which the trust policy allows");
}

#[test]
fn a_wrong_signature_is_none() {
    type Bundle = fn(&FakeRegistry, Digest) -> Vec<u8>;
    type Expected = fn(&Problem) -> bool;
    let cases: [(&str, Bundle, Expected); 6] = [
        (
            "the wrong key",
            |registry, digest| signed(&OTHER, &made_in(registry, "team/made").target(digest), SIGNATURE),
            |it| matches!(it, Problem::Key { .. }),
        ),
        (
            "another digest",
            |registry, _| signed(&KEY, &made_in(registry, "team/made").target(Digest::of(b"another")), SIGNATURE),
            |it| matches!(it, Problem::Digest(Some(_))),
        ),
        (
            "another predicate",
            |registry, digest| signed(&KEY, &made_in(registry, "team/made").target(digest), SPDX),
            |it| matches!(it, Problem::Predicate(_)),
        ),
        (
            "a replay from another repository",
            |registry, digest| signed(&KEY, &made_in(registry, "team/dev").target(digest), SIGNATURE),
            |it| matches!(it, Problem::Repository { .. }),
        ),
        ("rubbish", |_, _| b"{}".to_vec(), |it| matches!(it, Problem::Malformed(_))),
        (
            "a giant",
            |_, _| vec![b' '; (4 << 20) + 1],
            |it| matches!(it, Problem::Unreadable(why) if why.contains("4194305 bytes, more than 4194304")),
        ),
    ];
    for (what, bundle, expected) in cases {
        let (registry, built) = published(1);
        attach(&registry, &bundle(&registry, built.root.digest));
        let refusal = refused(&registry, &client(&registry, ""));
        assert!(expected(only_problem(&refusal)), "{what}: {refusal}");
        // And it does not stand in the way of a good one.
        sign(&registry, &KEY);
        assert!(client(&registry, "").pull(&made(&registry).to_string()).is_ok(), "{what}");
    }
}

fn signed(key: &PrivateKey, target: &Target, predicate: &str) -> Vec<u8> {
    sign_statement(key, &write_statement(target, predicate, RawValue::NULL)).into_bytes()
}

fn made_in(registry: &FakeRegistry, path: &str) -> policy_host::oci::Repository {
    registry.reference(&format!("{path}:1")).parse::<Reference>().unwrap().repository
}

#[test]
fn attestations_are_wanted_by_those_who_may() {
    let (registry, _) = published(1);
    sign(&registry, &KEY);
    attest(&registry, &OTHER, SPDX);
    let wanting = client(&registry, "  attestations: [spdxjson]\n");
    let refusal = refused(&registry, &wanting);
    assert_eq!(refusal.reason, Reason::Attestation(SPDX.to_owned()));
    attest(&registry, &KEY, SPDX);
    let fetched = wanting.pull(&made(&registry).to_string()).unwrap();
    assert_eq!(fetched.admission.0, format!("signed by release; attested: {SPDX}"));
}

#[test]
fn an_attestation_is_no_signature() {
    let (registry, _) = published(1);
    attest(&registry, &KEY, SPDX);
    let refusal = refused(&registry, &client(&registry, "  attestations: [spdxjson]\n"));
    assert_eq!(refusal.reason, Reason::Signatures { counted: 0, needed: 1 });
}

#[test]
fn any_number_of_referrers_costs_a_bound() {
    let (registry, _) = published(1);
    let junk = |number: usize| sign_statement(&OTHER, format!("{{\"number\":{number}}}").as_bytes());
    for number in 0..900 {
        attach(&registry, junk(number).as_bytes());
    }
    let refusal = refused(&registry, &client(&registry, ""));
    assert_eq!(refusal.rejected.len(), MAX_EVIDENCE);
    assert!(refusal.to_string().contains("only 100 signatures and attestations are looked at"), "{refusal}");
    // What says that it is a signature is looked at first.
    sign(&registry, &KEY);
    assert!(client(&registry, "").pull(&made(&registry).to_string()).is_ok());
    for number in 900..1000 {
        attach(&registry, junk(number).as_bytes());
    }
    let error = client(&registry, "").pull(&made(&registry).to_string()).unwrap_err().to_string();
    assert!(error.contains("1001 referrers, more than 1000"), "{error}");
}

#[test]
fn a_registry_that_does_not_answer_is_no_reason_to_believe() {
    let (registry, _) = published(1);
    sign(&registry, &KEY);
    registry.fault("/referrers/", Fault::Status(403, None), 1);
    let client = client(&registry, "");
    assert!(client.pull(&made(&registry).to_string()).is_err());
    assert!(client.pull(&made(&registry).to_string()).is_ok());
}

#[test]
fn the_older_form_is_read_written_and_carried() {
    let (registry, built) = published(1);
    let signer = Client::new();
    for key in [&*OTHER, &*KEY, &*KEY] {
        signer.session.sign_under_tag(&made(&registry), key).unwrap();
    }
    let tag = format!("sha256-{}.sig", built.root.digest.hex());
    let manifest = Manifest::parse(&registry.manifest("team/made", &tag).unwrap()).unwrap();
    assert_eq!(manifest.layers.len(), 2, "signatures add up, and the same one is there once");
    let client = client(&registry, "");
    let fetched = client.pull(&made(&registry).to_string()).unwrap();
    assert_eq!(fetched.admission.0, "signed by release");
    registry.asked();
    client.pull(&made(&registry).to_string()).unwrap();
    assert_eq!(registry.asked().len(), 1, "it is kept");

    let listing = client.session.listing(&fetched).unwrap();
    let to = FakeRegistry::start();
    client.session.push(&to.reference("team/made:1").parse().unwrap(), &listing, &client.session.store).unwrap();
    assert_eq!(to.manifest("team/made", &tag), registry.manifest("team/made", &tag));
}

#[test]
fn offline_only_what_is_kept_counts() {
    let (registry, _) = published(1);
    sign(&registry, &KEY);
    let mut signed = client(&registry, "");
    signed.pull(&made(&registry).to_string()).unwrap();
    signed.session.options.offline = true;
    registry.asked();
    assert!(signed.pull(&made(&registry).to_string()).is_ok());

    let mut unsigned = client(&registry, "");
    unsigned.session.admit = Box::new(policy_host::oci::admit::AllowUnsigned);
    unsigned.pull(&made(&registry).to_string()).unwrap();
    unsigned.session.options.offline = true;
    unsigned.session.admit = client(&registry, "").session.admit;
    registry.asked();
    let text = unsigned.pull(&made(&registry).to_string()).unwrap_err().to_string();
    assert!(text.contains("no registry was asked"), "{text}");
    assert_eq!(registry.asked(), []);
}
