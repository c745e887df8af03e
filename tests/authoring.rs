//! Beginning, testing, finishing and measuring rules, as their authors do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FAIL: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: app # expect: nothing of the kind
      securityContext:
        privileged: true
";
const PASS: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app}]}\n";

fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policy-host"));
    command.args(arguments).env_clear().env("POLICY_HOST_CACHE", directory.join("cache")).current_dir(directory);
    command.output().unwrap()
}

/// The component that has the rule that the tests use.
fn pack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/policies/pod-security-baseline.wasm")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn rule_folder(home: &Path) {
    fs::create_dir(home.join("pss-privileged")).unwrap();
    fs::write(home.join("pss-privileged/fail.yaml"), FAIL).unwrap();
    fs::write(home.join("pss-privileged/pass.yaml"), PASS).unwrap();
}

#[test]
fn what_differs_from_a_fixture_is_framed() {
    let home = tempfile::tempdir().unwrap();
    rule_folder(home.path());
    fs::create_dir(home.path().join("components")).unwrap();
    fs::copy(pack(), home.path().join("components/pss-privileged.wasm")).unwrap();
    let output = run(home.path(), &["test", "pss-privileged", "--components", "components"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "\
FAILED pss-privileged
  error: unexpected finding: container `app` is privileged
 --> pss-privileged/fail.yaml:8:21
  |
8 |         privileged: true
  |                     ^^^^
  |
  = in: Pod web, at /spec/containers/0/securityContext/privileged
  error: expected a finding: nothing of the kind
 --> pss-privileged/fail.yaml:6:5
  |
6 |     - name: app # expect: nothing of the kind
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ here
";
    let lines = |text: &str| text.lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let (shown, wanted) = (lines(&said(&output)), lines(expected));
    // Lines of context stand between them.
    let mut rest = shown.iter();
    for line in &wanted {
        assert!(rest.any(|shown| shown == line), "{line}\n{}", said(&output));
    }
}

#[test]
fn a_rules_own_component_comes_first() {
    let home = tempfile::tempdir().unwrap();
    rule_folder(home.path());
    fs::write(
        home.path().join("pss-privileged/fail.yaml"),
        FAIL.replace(" # expect: nothing of the kind", "").replace("true", "true # expect: is privileged"),
    )
    .unwrap();
    fs::create_dir(home.path().join("pss-privileged/target")).unwrap();
    let component = pack();
    let out = "pss-privileged/target/pss-privileged.wasm";
    let output = run(home.path(), &["component", component.to_str().unwrap(), "--out", out]);
    assert!(said(&output).contains("pss-host-namespaces 0.1.0, "), "{}", said(&output));
    let output = run(home.path(), &["test", "pss-privileged"]);
    assert_eq!(said(&output), "ok     pss-privileged: 2 cases, 1 findings\n1 passed, 0 failed\n");
}

#[test]
fn what_is_no_rule_is_refused_and_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("none.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let output = run(home.path(), &["component", "none.wasm", "--out", "out/rule.wasm"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(said(&output), "error: none.wasm is refused: it is not a WebAssembly component\n");
    assert!(!home.path().join("out").exists());
}

#[test]
fn the_bound_on_components_can_be_raised() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("large.wasm"), vec![0; 9 << 20]).unwrap();
    let refusal = |arguments: &[&str]| said(&run(home.path(), &[arguments, &["inspect", "large.wasm"]].concat()));
    assert!(refusal(&[]).contains("more than 8388608; --component-mib "));
    assert!(refusal(&["--component-mib", "9"]).contains("it is not a WebAssembly component"));
    assert_eq!(run(home.path(), &["--component-mib", "65", "inspect", "large.wasm"]).status.code(), Some(2));
}

#[test]
fn a_rule_is_begun_once() {
    let home = tempfile::tempdir().unwrap();
    let new = |arguments: &[&str]| run(home.path(), &[&["new"], arguments].concat());
    assert!(new(&["my/rule", "--lang", "python"]).status.success());
    assert_eq!(said(&new(&["my/rule", "--lang", "python"])), "error: ./my/rule is there already\n");
    assert!(said(&new(&["my/rule"])).starts_with("error: there is no repository of rules here"));
    let go = new(&["my/other", "--lang", "go"]);
    assert_eq!(go.status.code(), Some(2));
    assert!(said(&go).contains("the standard compiler's components import WASI"));
    assert!(!home.path().join("my/other").exists());
}

#[test]
fn a_rule_is_measured_against_another_version() {
    let home = tempfile::tempdir().unwrap();
    let component = pack();
    let arguments = ["bench", "pss-privileged", "--samples", "11", "--format", "json", "--against"];
    let output = run(home.path(), &[&arguments[..], &[component.to_str().unwrap()]].concat());
    let results: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let rule = &results["rules"][0];
    assert_eq!(rule["rule"], "pss-privileged");
    assert_eq!(rule["evaluationMicros"]["n"], 11);
    assert_eq!(rule["bytes"], rule["against"]["bytes"]);
    assert_eq!(rule["comparison"].as_array().map(Vec::len), Some(2));
}
