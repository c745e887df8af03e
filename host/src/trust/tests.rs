//! The whole of it: policies over evidence, ours and cosign's, whole and spoilt.

use super::*;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const REPOSITORY: &str = "registry.example/team/rules";
const SPDX: &str = "https://spdx.dev/Document";
/// What cosign signed for the fixtures.
const COSIGN_REPOSITORY: &str = "127.0.0.1:5977/team/rules";
const COSIGN_DIGEST: &str = "sha256:3c80ea2728817bdb476ecb28625a05c2d4eb32489c05bc5a256df463f0143b7d";

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
static OTHER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/trust")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

fn target() -> Target {
    Target::new(REPOSITORY, &digest('a')).unwrap()
}

fn statement(target: &Target, predicate_type: &str) -> Vec<u8> {
    write_statement(target, predicate_type, RawValue::NULL)
}

fn signature(key: &PrivateKey, target: &Target) -> Vec<u8> {
    sign_statement(key, &statement(target, SIGNATURE)).into_bytes()
}

fn policy(text: &str) -> Result<TrustPolicy, String> {
    let keys = format!(
        "keys:\n  release: |\n    {}\n  builder: |\n    {}\n",
        KEY.public().to_pem().trim().replace('\n', "\n    "),
        OTHER.public().to_pem().trim().replace('\n', "\n    "),
    );
    TrustPolicy::parse("trust.yaml", &(keys + text), &fixtures()).map_err(|error| error.to_string())
}

fn verify(policy: &TrustPolicy, target: &Target, evidence: &[&[u8]]) -> Result<Verified, Box<Refusal>> {
    let (demand, named) = policy.demand(target)?;
    let Demand::Signed(requirement) = demand else { panic!("it is allowed to be unsigned") };
    let mut check = Check::new(requirement, target, &named);
    for (index, bytes) in evidence.iter().enumerate() {
        check.offer(&format!("sha256:{index}"), &Evidence::Bundle(bytes));
    }
    check.finish()
}

fn by_release() -> TrustPolicy {
    policy("repositories:\n- match: registry.example/team/*\n  signedBy: [release]\n").unwrap()
}

#[test]
fn our_own_signatures_verify() {
    let verified = verify(&by_release(), &target(), &[&signature(&KEY, &target())]).unwrap();
    assert_eq!(verified, Verified { signers: vec!["release".into()], attestations: Vec::new() });

    let simple = sign_simply(&KEY, &target());
    let requirement = Requirement::any_of(vec![("key.pub".into(), KEY.public())]);
    let target = target();
    let mut check = Check::new(&requirement, &target, &target);
    check.offer("sha256:1", &Evidence::Simple(&simple));
    assert!(check.finish().is_ok());
}

#[test]
fn what_cosign_made_verifies() {
    let text = "repositories:\n- match: 127.0.0.1:5977/**\n  signedBy: [cosign]\n  attestations: [spdxjson]\n";
    let policy =
        TrustPolicy::parse("trust.yaml", &format!("keys: {{cosign: cosign.pub}}\n{text}"), &fixtures()).unwrap();
    let asked = Target::new(COSIGN_REPOSITORY, COSIGN_DIGEST).unwrap();
    let (signature, spdx) = (fixture("signature.sigstore.json"), fixture("spdx.sigstore.json"));
    let verified = verify(&policy, &asked, &[&signature, &spdx]).unwrap();
    assert_eq!(verified.attestations, [(SPDX.to_owned(), "cosign".into())]);

    let manifest: Value = serde_json::from_slice(&fixture("signature.manifest.json")).unwrap();
    let made = manifest["layers"][0]["annotations"][SIGNATURE_ANNOTATION].as_str().unwrap().to_owned();
    let simple = SimpleSignature { payload: fixture("signature.payload.json"), signature: made };
    let key = PublicKey::from_pem(&fixture("cosign.pub")).unwrap();
    let requirement = Requirement::any_of(vec![("cosign.pub".into(), key.clone())]);
    let mut check = Check::new(&requirement, &asked, &asked);
    check.offer("sha256:1", &Evidence::Simple(&simple));
    assert!(check.finish().is_ok());

    // Its payload is ours to the byte, and its key opens here.
    let Ok(KeyFile::Encrypted(private)) = KeyFile::read(&fixture("cosign.key")) else { panic!("cosign encrypts") };
    let private = private.open(b"correct-horse").unwrap();
    assert_eq!(private.public(), key);
    assert_eq!(sign_simply(&private, &asked).payload, simple.payload);
}

#[test]
fn every_refusal_says_which_check_failed() {
    let elsewhere = Target::new("registry.example/team/other", &digest('a')).unwrap();
    let another = Target::new(REPOSITORY, &digest('b')).unwrap();
    let with_type = |payload_type: &str| {
        let payload = statement(&target(), SIGNATURE);
        let mut signed = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
        signed.extend_from_slice(&payload);
        let mut bundle: Value = serde_json::from_slice(&signature(&KEY, &target())).unwrap();
        bundle["dsseEnvelope"]["payloadType"] = payload_type.into();
        bundle["dsseEnvelope"]["signatures"][0]["sig"] = BASE64_STANDARD.encode(KEY.sign(&signed)).into();
        bundle.to_string().into_bytes()
    };
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("the wrong key", signature(&PrivateKey::generate().unwrap(), &target()), "no key that may sign made it"),
        ("another digest", signature(&KEY, &another), &format!("it is for another digest, {}", digest('b'))),
        (
            "another repository",
            signature(&KEY, &elsewhere),
            "it was made for the repository `registry.example/team/other`, and not for `registry.example/team/rules`",
        ),
        (
            "another predicate",
            sign_statement(&KEY, &statement(&target(), "https://example.com/p")).into(),
            "it is about `https://example.com/p`, which is neither a signature nor an attestation asked for",
        ),
        ("another payload", with_type("text/plain"), "its envelope holds `text/plain`, and no in-toto statement"),
        (
            "no statement",
            sign_statement(&KEY, br#"{"_type":"x","subject":[],"predicateType":""}"#).into(),
            "the statement is a `x`",
        ),
        (
            "no subject",
            sign_statement(
                &KEY,
                json!({"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": SIGNATURE})
                    .to_string()
                    .as_bytes(),
            )
            .into(),
            "it is for no digest",
        ),
        ("rubbish", b"rubbish".to_vec(), "it is malformed: it is not JSON"),
        ("too much", vec![b' '; MAX_BUNDLE_BYTES + 1], "it has 4194305 bytes, and may have 4194304"),
    ];
    for (what, evidence, expected) in cases {
        let refusal = verify(&by_release(), &target(), &[&evidence]).unwrap_err();
        assert_eq!(refusal.reason, Reason::Signatures { counted: 0, needed: 1 }, "{what}");
        let text = refusal.to_string();
        assert!(text.contains(&format!("  sha256:0: {expected}")) || text.contains(expected), "{what}: {text}");
        let [first, .., last] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert_eq!(
            first,
            format!("{REPOSITORY}@{} is refused: it has 0 of 1 signatures that count", digest('a')),
            "{what}"
        );
        assert!(last.contains(&format!("by the key `release` ({})", KEY.public().hint())), "{last}");
    }
}

#[test]
fn the_older_form_is_held_to_the_same() {
    let requirement = Requirement::any_of(vec![("key.pub".into(), KEY.public())]);
    let elsewhere = Target::new("registry.example/team/other", &digest('a')).unwrap();
    let another = Target::new(REPOSITORY, &digest('b')).unwrap();
    let spoilt = SimpleSignature { signature: "%".into(), ..sign_simply(&KEY, &target()) };
    let long = SimpleSignature { payload: vec![b' '; MAX_PAYLOAD_BYTES + 1], ..sign_simply(&KEY, &target()) };
    for (signature, expected) in [
        (sign_simply(&OTHER, &target()), "no key that may sign made it"),
        (sign_simply(&KEY, &elsewhere), "it was made for the repository `registry.example/team/other`"),
        (sign_simply(&KEY, &another), "it is for another digest"),
        (spoilt, "its signature: "),
        (long, "it has 65537 bytes"),
    ] {
        let target = target();
        let mut check = Check::new(&requirement, &target, &target);
        check.offer("sha256:1", &Evidence::Simple(&signature));
        let text = check.finish().unwrap_err().to_string();
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_statement_without_a_repository_counts_unless_a_name_is_required() {
    let unnamed = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": SIGNATURE, "predicate": {},
        "subject": [{"digest": {"sha256": target().hex()}, "annotations": {}}],
    });
    let unnamed = sign_statement(&KEY, unnamed.to_string().as_bytes()).into_bytes();
    assert!(verify(&by_release(), &target(), &[&unnamed]).is_ok());
    let strict = policy("repositories:\n- {match: '**', signedBy: [release], requireName: true}\n").unwrap();
    let refusal = verify(&strict, &target(), &[&unnamed]).unwrap_err();
    assert_eq!(refusal.rejected[0].problem, Problem::Unnamed(REPOSITORY.into()));
    assert!(verify(&strict, &target(), &[&signature(&KEY, &target())]).is_ok());
}

#[test]
fn several_signers_and_attestations() {
    let two = policy(
        "repositories:\n- match: '**'\n  signedBy: [release, builder]\n  threshold: 2\n  attestations:\n  - {type: spdxjson, signedBy: [builder]}\n",
    )
    .unwrap();
    let (one, other) = (signature(&KEY, &target()), signature(&OTHER, &target()));
    let attestation = |key: &PrivateKey| sign_statement(key, &statement(&target(), SPDX)).into_bytes();
    let (good, bad) = (attestation(&OTHER), attestation(&KEY));

    // One key twice is one.
    let refusal = verify(&two, &target(), &[&one, &one, &good]).unwrap_err();
    assert_eq!(refusal.reason, Reason::Signatures { counted: 1, needed: 2 });
    // An attestation is no signature, and not everybody may attest.
    let refusal = verify(&two, &target(), &[&one, &other, &bad]).unwrap_err();
    assert_eq!(refusal.reason, Reason::Attestation(SPDX.into()));
    let problem = Problem::NotEntitled { signer: "release".into(), predicate: SPDX.into() };
    assert_eq!(refusal.rejected, [Rejected { origin: "sha256:2".into(), problem }]);
    assert!(refusal.to_string().contains("policy-host attest"), "{refusal}");

    let verified = verify(&two, &target(), &[&bad, &one, &good, &other]).unwrap();
    assert_eq!(verified.signers, ["builder".into(), "release".into()]);
    assert_eq!(verified.attestations, [(SPDX.to_owned(), "builder".into())]);
}

#[test]
fn a_mirror_serves_what_was_signed_for_its_origin() {
    let mirror =
        policy("repositories:\n- {match: mirror.local/upstream/**, mirrorOf: registry.example, signedBy: [release]}\n")
            .unwrap();
    let asked = |path: &str| Target::new(&format!("mirror.local/upstream/{path}"), &digest('a')).unwrap();
    assert!(verify(&mirror, &asked("team/rules"), &[&signature(&KEY, &target())]).is_ok());
    let refusal = verify(&mirror, &asked("team/other"), &[&signature(&KEY, &target())]).unwrap_err();
    assert!(matches!(refusal.rejected[0].problem, Problem::Repository { .. }), "{refusal}");
}

#[test]
fn only_so_much_evidence_is_looked_at() {
    let policy = by_release();
    let target = target();
    let (Demand::Signed(requirement), named) = policy.demand(&target).unwrap() else { panic!("signed") };
    let mut check = Check::new(requirement, &target, &named);
    let junk = signature(&OTHER, &target);
    let mut offered = 0;
    while !check.is_over() {
        check.offer("sha256:0", &Evidence::Bundle(&junk));
        offered += 1;
    }
    assert_eq!(offered, MAX_EVIDENCE);
    let text = check.finish().unwrap_err().to_string();
    assert!(text.contains("and 95 more that do not count"), "{text}");
    assert!(text.contains("only 100 signatures and attestations are looked at"), "{text}");
}

#[test]
fn the_first_entry_that_matches_decides() {
    let policy = policy(
        "repositories:\n- {match: registry.example/dev/**, unsigned: allow}\n- {match: registry.example/**, signedBy: [release]}\n",
    )
    .unwrap();
    let at = |repository: &str| Target::new(repository, &digest('a')).unwrap();
    assert!(matches!(policy.demand(&at("registry.example/dev/rules")), Ok((Demand::Unsigned, _))));
    assert!(matches!(policy.demand(&at("registry.example/team/rules")), Ok((Demand::Signed(_), _))));
    let refusal = policy.demand(&at("elsewhere.example/rules")).unwrap_err();
    assert_eq!(refusal.reason, Reason::NoEntry("trust.yaml".into()));
    assert!(refusal.to_string().contains("`- match: elsewhere.example/rules`"), "{refusal}");
}

#[test]
fn policies_are_checked_as_they_are_read() {
    let cases = [
        ("repositories:\n- {match: a/b}\n", ":13:3: an entry has `signedBy`, or `unsigned: allow`"),
        ("repositories:\n- {match: 'a/b*', signedBy: [release]}\n", "`a/b*`: `*` stands for a whole segment"),
        (
            "repositories:\n- {match: a/b, signedBy: [nobody]}\n",
            "there is no key or identity `nobody`; known: `builder`, `release`",
        ),
        ("repositories:\n- {match: a/b, signedBy: [release, release]}\n", "`release` is there twice"),
        (
            "repositories:\n- {match: a/b, signedBy: [release], threshold: 2}\n",
            "`threshold` is from 1 to the number of those who may sign, 1",
        ),
        ("repositories:\n- {match: a/b, signedBy: [release], threshold: 0}\n", "`threshold` is from 1"),
        (
            "repositories:\n- {match: a/b, signedBy: [release], unsigned: allow}\n",
            "`unsigned: allow` goes with neither",
        ),
        ("repositories:\n- {match: a/b, unsigned: true}\n", "`repositories[0].unsigned`"),
        ("repositories:\n- {match: a/b, signedBy: [release], attestations: [sbom]}\n", "`sbom` is no predicate type"),
        ("repositories:\n- {match: a/b, signedBy: [release], mirrorOf: 'b/*'}\n", "`mirrorOf` is what stands"),
        (
            "repositories:\n- {match: '**', unsigned: allow}\n- {match: a/b, signedBy: [release]}\n",
            "`**` above matches all of it",
        ),
        ("identities: {ci: {issuer: a, subject: b}}\nrepositories: []\n", "identities need `trustedRoot`"),
        ("trustedRoot: cosign.pub\nrepositories: []\n", "cosign.pub: "),
        ("trustedRoot: missing.json\nrepositories: []\n", "missing.json: No such file"),
        ("repository: []\n", "there is no field `repository` here; did you mean `repositories`?"),
        ("{}\n", ""),
    ];
    for (text, expected) in cases {
        let error = policy(text).unwrap_err();
        assert!(error.starts_with("trust.yaml:") && error.contains(expected), "{text}: {error}");
    }
    for (keys, expected) in [
        ("a: missing.pub", "trust.yaml:1:11: key `a`: "),
        ("a: cosign.key", "it holds a private key"),
        ("a: README.md", "it is no public key in PEM"),
        ("a: cosign.pub, b: cosign.pub", "key `b` is the same as `a`"),
    ] {
        let text = format!("keys: {{{keys}}}\nrepositories: []\n");
        let error = TrustPolicy::parse("trust.yaml", &text, &fixtures()).unwrap_err().to_string();
        assert!(error.contains(expected), "{keys}: {error}");
    }
}

proptest! {
    /// Whatever byte of payload, signature or digest changes, it does not count.
    #[test]
    fn a_changed_bundle_is_refused(field in 0..3_usize, at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let bundle = signature(&KEY, &target());
        let mut bundle: Value = serde_json::from_slice(&bundle).unwrap();
        let mut asked = target();
        let envelope = &mut bundle["dsseEnvelope"];
        match field {
            0 => spoil(&mut envelope["payload"], at, flip),
            1 => spoil(&mut envelope["signatures"][0]["sig"], at, flip),
            _ => {
                let mut hex = asked.hex().as_bytes().to_owned();
                *at.get_mut(&mut hex) = b'0' + flip % 10;
                asked = Target::new(REPOSITORY, &format!("sha256:{}", String::from_utf8(hex).unwrap())).unwrap();
            }
        }
        let bundle = bundle.to_string();
        prop_assert!(verify(&by_release(), &asked, &[bundle.as_bytes()]).is_err());
    }

    /// Any change at all either leaves the meaning as it is (a hint, white space) or is refused; nothing panics.
    #[test]
    fn no_byte_can_be_turned_against_us(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let good = signature(&KEY, &target());
        let mut bytes = good.clone();
        *at.get_mut(&mut bytes) = byte;
        if verify(&by_release(), &target(), &[&bytes]).is_ok() {
            let envelope = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["dsseEnvelope"].clone();
            prop_assert_eq!(envelope(&bytes), envelope(&good));
        }
        // Nobody else's digest either.
        prop_assert!(verify(&by_release(), &Target::new(REPOSITORY, &digest('b')).unwrap(), &[&bytes]).is_err());
    }

    #[test]
    fn rubbish_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(verify(&by_release(), &target(), &[&bytes]).is_err());
        prop_assert!(KeyFile::read(&bytes).is_err());
        prop_assert!(PublicKey::from_pem(&bytes).is_err());
        let _ = TrustPolicy::parse("trust.yaml", &String::from_utf8_lossy(&bytes), Path::new(""));
    }
}

fn spoil(text: &mut Value, at: prop::sample::Index, flip: u8) {
    let mut bytes = BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap();
    *at.get_mut(&mut bytes) ^= flip;
    *text = BASE64_STANDARD.encode(bytes).into();
}

mod identities {
    use super::*;
    use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

    const SUBJECT: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
    const DIGEST: &str = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";

    /// A policy that has the identity attest, and our key sign.
    fn policy_for(issuer: &str, subject: &str) -> Result<TrustPolicy, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("root.json"), SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
        std::fs::write(directory.path().join("key.pub"), KEY.public().to_pem()).unwrap();
        let text = format!(
            "keys: {{release: key.pub}}\ntrustedRoot: root.json\nidentities:\n  ci: {{issuer: '{issuer}', subject: '{subject}'}}\n\
             repositories:\n- match: '**'\n  signedBy: [release]\n  attestations: [{{type: slsaprovenance1, signedBy: [ci]}}]\n"
        );
        TrustPolicy::parse("trust.yaml", &text, directory.path()).map_err(|error| error.to_string())
    }

    fn check(issuer: &str, subject: &str, provenance: &[u8]) -> Result<Verified, Box<Refusal>> {
        // The provenance is a file's.
        let file = Target::new("a.txt", DIGEST).unwrap();
        verify(&policy_for(issuer, subject).unwrap(), &file, &[&signature(&KEY, &file), provenance])
    }

    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    #[test]
    fn a_certificate_of_the_public_instance_is_believed_offline() {
        let provenance = fixture("identity.sigstore.json");
        for subject in [SUBJECT, SUBJECT.strip_suffix("main").unwrap().to_owned().as_str()] {
            let subject = if subject == SUBJECT { subject.to_owned() } else { format!("{subject}*") };
            let verified = check(ISSUER, &subject, &provenance).unwrap();
            assert_eq!(verified.attestations, [("https://slsa.dev/provenance/v1".to_owned(), "ci".into())]);
        }
        for (issuer, subject) in [("https://accounts.example", SUBJECT), (ISSUER, "https://github.com/somebody/else")] {
            let refusal = check(issuer, subject, &provenance).unwrap_err();
            assert!(matches!(refusal.rejected[0].problem, Problem::Identity { .. }), "{refusal}");
        }
    }

    #[test]
    fn a_changed_bundle_of_an_identity_is_refused() {
        let provenance: Value = serde_json::from_slice(&fixture("identity.sigstore.json")).unwrap();
        for pointer in [
            "/dsseEnvelope/payload",
            "/dsseEnvelope/signatures/0/sig",
            "/verificationMaterial/certificate/rawBytes",
            "/verificationMaterial/tlogEntries/0/canonicalizedBody",
            "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash",
            "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp",
        ] {
            let mut spoilt = provenance.clone();
            let text = spoilt.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}"));
            let mut bytes = BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            *text = BASE64_STANDARD.encode(bytes).into();
            let refusal = check(ISSUER, SUBJECT, spoilt.to_string().as_bytes()).unwrap_err();
            assert_eq!(refusal.reason, Reason::Attestation("https://slsa.dev/provenance/v1".into()), "{pointer}");
        }
        let mut unlogged = provenance;
        unlogged["verificationMaterial"]["tlogEntries"] = json!([]);
        let refusal = check(ISSUER, SUBJECT, unlogged.to_string().as_bytes()).unwrap_err();
        assert!(matches!(refusal.rejected[0].problem, Problem::Certificate(_)), "{refusal}");
    }

    #[test]
    fn an_identity_is_somebody() {
        for (issuer, subject) in [("", "a"), ("a", ""), ("a", "*"), ("a", "b*c"), ("a*", "b")] {
            let error = policy_for(issuer, subject).unwrap_err();
            assert!(error.contains("identity `ci`: "), "{error}");
        }
    }
}
