//! `key`, `sign`, `attest` and `verify`, as a person or a pipeline uses them.

use super::commands::Home;
use crate::fake_registry::FakeRegistry;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

/// A command with a passphrase.
fn with(home: &Home, passphrase: &str, arguments: &[&str]) -> Output {
    let mut command: Command = home.command(arguments);
    command.env("POLICY_HOST_KEY_PASSWORD", passphrase).output().unwrap()
}

fn done(home: &Home, arguments: &[&str]) -> String {
    let output = with(home, "correct horse", arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_key_is_made_once_and_for_its_owner_alone() {
    let home = Home::new();
    done(&home, &["key", "generate", "--output", "release"]);
    let read = |name: &str| std::fs::read_to_string(home.path(name)).unwrap();
    let mode = |name: &str| std::fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("release.key"), mode("release.pub")), (0o600, 0o644));
    let (private, public) = (read("release.key"), read("release.pub"));
    assert!(private.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"));
    assert_eq!(done(&home, &["key", "public", "release.key"]), public);

    let again = fails(&with(&home, "correct horse", &["key", "generate", "--output", "release"]));
    assert!(again.contains("release.key exists, and keys are never overwritten"), "{again}");
    assert_eq!(read("release.key"), private);
    std::fs::write(home.path("half.pub"), "mine").unwrap();
    fails(&with(&home, "correct horse", &["key", "generate", "--output", "half"]));
    assert!(!home.path("half.key").exists());

    let wrong = fails(&with(&home, "battery staple", &["key", "public", "release.key"]));
    assert!(wrong.contains("the passphrase is wrong"), "{wrong}");
    let none = home.fails(&["key", "public", "release.key"]);
    assert!(none.contains("neither POLICY_HOST_KEY_PASSWORD nor COSIGN_PASSWORD is set"), "{none}");
    let empty = fails(&with(&home, "", &["key", "generate", "--output", "open"]));
    assert!(empty.contains("an empty passphrase does not protect a key"), "{empty}");
}

#[test]
fn a_bundle_is_signed_attested_and_held_to_a_policy() {
    let (registry, home) = (FakeRegistry::start(), Home::new());
    let reference = registry.reference("team/pss:1");
    home.done(&["bundle", "push", "pod-security-restricted", &reference, "--insecure"]);
    let digest = registry.digest("team/pss", "1");
    for prefix in ["release", "other"] {
        done(&home, &["key", "generate", "--output", prefix]);
    }
    let signed = done(&home, &["sign", &reference, "--insecure", "--key", "release.key", "--legacy"]);
    assert!(signed.trim().ends_with(&digest.to_string()), "{signed}");
    assert!(registry.manifest("team/pss", &format!("sha256-{}.sig", digest.hex())).is_some());

    home.done(&["verify", &reference, "--insecure", "--key", "other.pub", "--key", "release.pub"]);
    let refused = home.fails(&["verify", &reference, "--insecure", "--key", "other.pub"]);
    assert!(refused.contains(&format!("@{digest} is refused: it has 0 of 1 signatures that count")), "{refused}");

    let policy = format!(
        "keys: {{release: release.pub}}\nrepositories: [{{match: '{}/**', signedBy: [release], attestations: [spdxjson]}}]",
        registry.host
    );
    std::fs::write(home.path("trust.yaml"), policy).unwrap();
    std::fs::write(home.path("pod.yaml"), include_str!("../fixtures/good-pod.yaml")).unwrap();
    let eval = ["eval", "--bundle", &reference, "--insecure", "--trust", "trust.yaml", "pod.yaml"];
    let refused = home.fails(&eval);
    assert!(refused.contains("it has no attestation `https://spdx.dev/Document` that counts"), "{refused}");

    std::fs::write(home.path("sbom.json"), "{\"spdxVersion\":\"SPDX-2.3\"}").unwrap();
    let attest = ["attest", &reference, "--insecure", "--key", "release.key", "--predicate", "sbom.json", "--type"];
    let unknown = fails(&with(&home, "correct horse", &[&attest[..], &["sbom"]].concat()));
    assert!(unknown.contains("`sbom` is none of spdxjson, slsaprovenance1"), "{unknown}");
    done(&home, &[&attest[..], &["spdxjson"]].concat());
    home.done(&eval);

    // The archive takes all of it along, and nobody needs to be asked.
    home.done(&["bundle", "save", &reference, "pss.tar", "--insecure", "--lock", "other.lock"]);
    let away = Home::new();
    for name in ["pss.tar", "trust.yaml", "release.pub", "pod.yaml"] {
        std::fs::copy(home.path(name), away.path(name)).unwrap();
    }
    drop(registry);
    away.done(&["bundle", "load", "pss.tar"]);
    away.done(&["eval", "--bundle", &reference, "--offline", "--trust", "trust.yaml", "pod.yaml"]);
    away.done(&["verify", &reference, "--offline", "--trust", "trust.yaml"]);
}

#[test]
fn what_cannot_be_is_said() {
    let home = Home::new();
    std::fs::write(home.path("key.pub"), "rubbish").unwrap();
    for (arguments, expected) in [
        (&["verify", "oci://r.example/a:1", "--key", "key.pub"][..], "key.pub: it is no public key in PEM"),
        (&["verify", "oci://r.example/a:1"], "--key <FILE>"),
        (&["verify", "oci://r.example/a:1", "--trust", "no.yaml"], "no.yaml: No such file"),
        (&["verify", "nonsense", "--key", "key.pub"], "key.pub: it is no public key"),
        (&["sign", "nonsense", "--key", "key.pub"], "`nonsense` is no reference"),
        (&["sign", "oci://r.example/a:1", "--key", "key.pub"], "it is no PEM"),
        (&["bundle", "pull", "oci://r.example/a:1", "--trust", "t", "--allow-unsigned"], "cannot be used with"),
    ] {
        let said = home.fails(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
