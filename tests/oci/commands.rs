//! The commands, as a person or a pipeline uses them; and the store, whatever happens to who writes it.

use super::{Client, made};
use crate::fake_registry::{FakeRegistry, Fault};
use policy_host::oci::layout::{Contents as _, Layout};
use policy_host::oci::model::{Descriptor, Manifest, annotation, media};
use policy_host::oci::{Store, artifact};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory in which the binary runs, with a cache of its own.
pub(super) struct Home(tempfile::TempDir);

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_policy-host"));
        command.args(arguments).env_clear().env("POLICY_HOST_CACHE", self.path("cache")).current_dir(self.0.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that succeeds prints.
    pub(super) fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command that fails says.
    pub(super) fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn store(&self) -> Store {
        Store::open(&self.path("cache/store")).unwrap()
    }
}

const BUNDLE: &str = "pod-security-restricted";
const POD: &str = include_str!("../fixtures/good-pod.yaml");

#[test]
fn a_bundle_goes_to_a_registry_and_judges_from_there() {
    let (registry, home) = (FakeRegistry::start(), Home::new());
    let reference = registry.reference("team/pss:1.0");
    std::fs::write(home.path("pod.yaml"), POD).unwrap();
    let pushed = home.done(&["bundle", "push", BUNDLE, &reference, "--insecure"]);
    let digest = registry.digest("team/pss", "1.0");
    assert_eq!(pushed.trim(), format!("{}@{digest}", reference.trim_start_matches("oci://")));

    let refused = home.fails(&["eval", "--bundle", &reference, "--insecure", "pod.yaml"]);
    assert!(refused.contains(&digest.to_string()) && refused.contains("there is no trust policy"), "{refused}");
    assert!(refused.contains("--allow-unsigned"), "{refused}");
    assert!(!registry.asked().iter().any(|asked| asked.method == "GET" && asked.path.contains("/blobs/")));

    let from_there = ["eval", "--insecure", "--allow-unsigned", "--format", "json", "--bundle", &reference, "pod.yaml"];
    let shipped: serde_json::Value =
        serde_json::from_str(&home.done(&["eval", "--format", "json", "--bundle", BUNDLE, "pod.yaml"])).unwrap();
    let fetched: serde_json::Value = serde_json::from_str(&home.done(&from_there)).unwrap();
    assert_eq!(shipped["summary"]["rules"], fetched["summary"]["rules"]);
    assert!(std::fs::read_to_string(home.path("policy-host.lock")).unwrap().contains(&digest.to_string()));

    let tags = home.done(&["bundle", "list", &registry.reference("team/pss"), "--insecure"]);
    assert_eq!(tags, "1.0\n1.0-gatekeeper\n1.0-kyverno\n");
    let inspected = home.done(&["bundle", "inspect", &reference, "--insecure", "--format", "json"]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&inspected["bundle"], &inspected["digest"]), (&BUNDLE.into(), &digest.to_string().into()));
}

#[test]
fn plain_http_is_only_spoken_on_purpose() {
    let (registry, home) = (FakeRegistry::start(), Home::new());
    let reference = registry.reference("team/pss:1.0");
    let error = home.fails(&["bundle", "pull", &reference]);
    assert!(error.contains("HEAD https://127.0.0.1"), "{error}");
    assert_eq!(registry.asked(), []);
    let error = home.fails(&["bundle", "pull", &reference, "--insecure=registry.example"]);
    assert!(error.contains("HEAD https://127.0.0.1"), "{error}");
}

#[test]
fn the_same_bundle_is_the_same_bytes() {
    let home = Home::new();
    let build = |out: &str, epoch: Option<&str>| {
        let mut command = home.command(&["bundle", "build", BUNDLE, "-o", out]);
        epoch.map(|epoch| command.env("SOURCE_DATE_EPOCH", epoch));
        let output = command.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let digest = build("one.tar", None);
    assert_eq!(build("two.tar", None), digest);
    assert_eq!(std::fs::read(home.path("one.tar")).unwrap(), std::fs::read(home.path("two.tar")).unwrap());
    assert_eq!(build("layout", None), digest);
    assert_eq!(build("layout", None), digest, "a layout is replaced");
    let later = build("three.tar", Some("1700000000"));
    assert_ne!(later, digest);
    assert_eq!(build("four.tar", Some("1700000000")), later);
    for source in ["one.tar", "layout"] {
        assert!(home.done(&["bundle", "inspect", source]).contains(digest.trim()));
    }
    std::fs::create_dir(home.path("mine")).unwrap();
    std::fs::write(home.path("mine/notes"), "x").unwrap();
    assert!(home.fails(&["bundle", "build", BUNDLE, "-o", "mine"]).contains("something else in it"));
}

#[test]
fn a_built_bundle_has_what_others_read() {
    let home = Home::new();
    home.done(&["bundle", "build", BUNDLE, "-o", "layout"]);
    let layout = Layout::open(&home.path("layout")).unwrap();
    let read = |digest| layout.content(digest, 4 << 20).unwrap();
    let index = artifact::index(&read(layout.listing.root.digest)).unwrap();
    let manifests: Vec<Manifest> =
        index.manifests.iter().map(|one| Manifest::parse(&read(one.digest)).unwrap()).collect();
    let of = |kind: &str| manifests.iter().filter(|one| one.kind() == kind).collect::<Vec<_>>();

    // A component: the configuration names the layer and what the component exports.
    let components = of(media::WASM_CONFIG);
    for component in &components {
        let [layer] = component.layers.as_slice() else { panic!("one layer") };
        let config: Value = serde_json::from_slice(&read(component.config.digest)).unwrap();
        assert_eq!(layer.media_type, media::WASM);
        assert_eq!(config["layerDigests"][0], layer.digest.to_string());
        assert_eq!((&config["architecture"], &config["os"]), (&"wasm".into(), &"wasip2".into()));
        assert_eq!(config["created"], "1970-01-01T00:00:00Z");
        assert!(config["component"]["exports"].as_array().unwrap().contains(&"policy:rule/rules@1.0.0".into()));
    }
    // The definition as it was written, with an inventory and a statement that are about these components.
    let [bundle] = of(media::BUNDLE)[..] else { panic!("one definition") };
    assert_eq!(read(bundle.layers[0].digest), include_bytes!("../../bundles/pod-security-restricted.yaml"));
    let inventory: Value = serde_json::from_slice(&read(bundle.layers[1].digest)).unwrap();
    let statement: Value = serde_json::from_slice(&read(bundle.layers[2].digest)).unwrap();
    assert!(inventory["packages"].as_array().unwrap().iter().any(|one| one["name"] == "wit-component"));
    for component in &components {
        let hex = component.layers[0].digest.hex();
        let packages = inventory["packages"].as_array().unwrap();
        assert!(packages.iter().any(|one| one["checksums"][0]["checksumValue"] == hex.as_str()));
        let subjects = statement["subject"].as_array().unwrap();
        assert!(subjects.iter().any(|one| one["digest"]["sha256"] == hex.as_str()));
    }
    // gator unpacks what has a title and reads all YAML of it; kyverno takes layers of its own type.
    let titles = |manifest: &Manifest| -> Vec<String> {
        manifest.layers.iter().filter_map(|layer| layer.annotations.get(annotation::TITLE).cloned()).collect()
    };
    let [gatekeeper] = of(media::GATEKEEPER)[..] else { panic!("one for Gatekeeper") };
    assert_eq!(titles(gatekeeper), ["template.yaml", "constraint.yaml", "constraint-warnings.yaml"]);
    let template = String::from_utf8(read(gatekeeper.layers[0].digest)).unwrap();
    assert!(template.contains("kind: ConstraintTemplate"), "{template}");
    let [kyverno] = of(media::KYVERNO_CONFIG)[..] else { panic!("one for Kyverno") };
    assert_eq!(kyverno.layers[0].media_type, media::KYVERNO_POLICY);
    assert!(String::from_utf8(read(kyverno.layers[0].digest)).unwrap().contains("kind: ClusterPolicy"));
    assert!(titles(bundle).is_empty() && titles(kyverno).is_empty());
}

#[test]
fn an_archive_carries_a_bundle_where_there_is_no_network() {
    let (registry, home, away) = (FakeRegistry::start(), Home::new(), Home::new());
    let reference = registry.reference("team/pss:1.0");
    home.done(&["bundle", "push", BUNDLE, &reference, "--insecure"]);
    home.done(&["bundle", "save", &reference, "pss.tar", "--insecure"]);
    std::fs::copy(home.path("pss.tar"), away.path("pss.tar")).unwrap();
    std::fs::write(away.path("pod.yaml"), POD).unwrap();
    drop(registry);
    let loaded = away.done(&["bundle", "load", "pss.tar"]);
    assert!(loaded.contains("team/pss:1.0@sha256:"), "{loaded}");
    away.done(&["eval", "--bundle", &reference, "--offline", "--allow-unsigned", "pod.yaml"]);
    let unsigned = away.fails(&["eval", "--bundle", &reference, "--offline", "pod.yaml"]);
    assert!(unsigned.contains("there is no trust policy"), "{unsigned}");
}

/// An archive with these entries, of this type.
fn tar_of(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn hostile_archives_are_refused() {
    use tar::EntryType;
    let home = Home::new();
    let blob = format!("blobs/sha256/{}", "0".repeat(64));
    for (archive, says) in [
        (b"no archive".to_vec(), "it is no tar archive"),
        (tar_of(&[]), "it has no `index.json`"),
        (tar_of(&[("../../escaped", EntryType::Regular, b"x")]), "a layout has no such file"),
        (tar_of(&[("/etc/passwd", EntryType::Regular, b"x")]), "a layout has no such file"),
        (tar_of(&[("blobs/sha256/../../../escaped", EntryType::Regular, b"x")]), "a layout has no such file"),
        (tar_of(&[("index.json", EntryType::Symlink, b"")]), "it is no file"),
        (tar_of(&[(&blob, EntryType::Link, b"")]), "it is no file"),
        (tar_of(&[("x", EntryType::GNULongName, b"index.json")]), "it is no file"),
        (tar_of(&[("x", EntryType::XHeader, b"13 size=99999\n")]), "it is no file"),
        (tar_of(&[(&blob, EntryType::Regular, b"x")]), "its digest is"),
        (tar_of(&[("index.json", EntryType::Regular, b"{")]), "malformed"),
        (tar_of(&[("index.json", EntryType::Regular, b"{\"schemaVersion\":2,\"manifests\":[]}")]), "0 indexes"),
    ] {
        std::fs::write(home.path("x.tar"), archive).unwrap();
        let error = home.fails(&["bundle", "load", "x.tar", "oci://h.example/a:1"]);
        assert!(error.contains(says), "{error}");
    }
    assert!(!home.path("escaped").exists());
    assert_eq!(home.store().entries().unwrap(), []);
}

/// Every blob of a store is what it is called.
fn is_whole(store: &Path) {
    for blob in std::fs::read_dir(store.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let digest = policy_host::digest::Digest::of(&std::fs::read(&path).unwrap());
        assert_eq!(digest.hex(), path.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn killed_at_any_moment_the_store_is_whole() {
    let (registry, home) = (FakeRegistry::start(), Home::new());
    let reference = registry.reference("team/made:1");
    Client::new().push(&reference, &made::bundle(60, 20_000)).unwrap();
    let pull = ["bundle", "pull", &reference, "--insecure", "--allow-unsigned"];
    for millis in [5, 15, 25, 35, 50, 70, 100] {
        let mut child = home.command(&pull).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        if home.path("cache/store/blobs").exists() {
            is_whole(&home.path("cache/store"));
        }
    }
    home.done(&pull);
    is_whole(&home.path("cache/store"));
    assert_eq!(std::fs::read_dir(home.path("cache/store/temporary")).unwrap().count(), 0);
}

#[test]
fn two_processes_fetch_into_one_store() {
    let (registry, home) = (FakeRegistry::start(), Home::new());
    let reference = registry.reference("team/made:1");
    let built = made::bundle(60, 20_000);
    Client::new().push(&reference, &built).unwrap();
    let pull = ["bundle", "pull", &reference, "--insecure", "--allow-unsigned"];
    let pulling: Vec<_> =
        (0..2).map(|_| home.command(&pull).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()).collect();
    let pruned = home.run(&["store", "prune"]);
    assert!(pruned.status.success(), "{}", String::from_utf8_lossy(&pruned.stderr));
    for child in pulling {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    is_whole(&home.path("cache/store"));
    for bytes in built.contents.values() {
        assert!(home.store().has(&Descriptor::of("", bytes)).unwrap());
    }
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let (registry, home) = (FakeRegistry::start(), Home::new());
    let reference = registry.reference("team/made:1");
    Client::new().push(&reference, &made::bundle(3, 100_000)).unwrap();
    // A file may not grow beyond 32 KiB, which looks to a writer as a quota does.
    let pull = format!(
        "trap '' XFSZ; ulimit -f 32; exec {} bundle pull {reference} --insecure --allow-unsigned",
        env!("CARGO_BIN_EXE_policy-host")
    );
    let output = Command::new("bash")
        .args(["-c", &pull])
        .env_clear()
        .env("POLICY_HOST_CACHE", home.path("cache"))
        .current_dir(home.0.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("is full") && error.contains("store prune"), "{error}");
    is_whole(&home.path("cache/store"));
    assert_eq!(home.store().entries().unwrap(), []);
    assert_eq!(std::fs::read_dir(home.path("cache/store/temporary")).unwrap().count(), 0);
    home.done(&["bundle", "pull", &reference, "--insecure", "--allow-unsigned"]);
}

#[test]
fn what_is_damaged_on_the_disk_is_fetched_again() {
    let (registry, home) = (FakeRegistry::start(), Home::new());
    let reference = registry.reference("team/pss:1.0");
    std::fs::write(home.path("pod.yaml"), POD).unwrap();
    home.done(&["bundle", "push", BUNDLE, &reference, "--insecure"]);
    let eval = ["eval", "--insecure", "--allow-unsigned", "--bundle", &reference, "pod.yaml"];
    home.done(&eval);
    for blob in std::fs::read_dir(home.path("cache/store/blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    home.done(&eval);
    home.done(&["store", "prune"]);
    registry.fault("", Fault::Status(500, None), usize::MAX);
    home.done(&["eval", "--offline", "--allow-unsigned", "--bundle", &reference, "pod.yaml"]);
    // Where it cannot be fetched again, what is damaged is not called missing.
    for blob in std::fs::read_dir(home.path("cache/store/blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let output = home.run(&["eval", "--offline", "--allow-unsigned", "--bundle", &reference, "pod.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("in the store was damaged, and was removed; ") && error.contains("--offline"), "{error}");
}
