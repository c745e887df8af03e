//! What findings are told: how bad, how sure, by which bundle, and once where one cure heals two.

use crate::cli::{Home, PRIVILEGED, stdout};
use policy_host::engine::embed_manifests;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Served by nobody that is known, with a port: `readiness-probe-required` only guesses.
const GUESSED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: app
          image: registry.example.com/web:1.0.0
          ports: [{containerPort: 8080}]
          env:
            - {name: ADMIN_PASSWORD, value: swordfish-or-not}
            - {name: SAMPLE_PASSWORD, value: minio}
";

fn bundle(report: &str) -> String {
    format!(
        "name: some\nversion: 1.0.0\n{report}rules: [readiness-probe-required, no-secret-literal-in-env, pss-privileged]\n"
    )
}

/// Rule, code, severity and confidence of each finding.
fn told(json: &Value) -> Vec<[String; 4]> {
    let outcomes = json["documents"].as_array().unwrap().iter().flat_map(|it| it["outcomes"].as_array().unwrap());
    let findings = outcomes.flat_map(|outcome| {
        let findings = outcome["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        findings.iter().map(move |finding| (&outcome["rule"], finding))
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.map(|(rule, it)| [text(rule), text(&it["code"]), text(&it["severity"]), text(&it["confidence"])]).collect()
}

fn eval(home: &Home, arguments: &[&str]) -> Value {
    home.json(&[&["eval", "--bundle", "b.yaml", "web.yaml"], arguments].concat())
}

#[test]
fn a_bundle_reports_from_a_severity_and_a_confidence_on() {
    let home = Home::with(&[("web.yaml", GUESSED), ("b.yaml", &bundle(""))]);
    let found = |code: &str, severity: &str, confidence: &str, rule: &str| {
        [rule, code, severity, confidence].map(str::to_owned)
    };
    let probe = found("unserved", "info", "guess", "readiness-probe-required");
    let password = found("name", "high", "likely", "no-secret-literal-in-env");
    let sample = found("weak", "low", "guess", "no-secret-literal-in-env");
    assert_eq!(told(&eval(&home, &[])), [probe, password.clone(), sample.clone()]);
    home.write("b.yaml", &bundle("report: {confidence: likely}\n"));
    assert_eq!(told(&eval(&home, &[])), std::slice::from_ref(&password));
    home.write("b.yaml", &bundle("report: {severity: low}\n"));
    assert_eq!(told(&eval(&home, &[])), [password, sample]);
    home.write("b.yaml", &bundle("report: {severity: high, confidence: certain}\n"));
    let none = eval(&home, &[]);
    assert_eq!(told(&none), Vec::<[String; 4]>::new());
    // What is not reported has passed, and what a rule says instead of findings stays.
    assert_eq!(none["summary"]["passed"], 3, "{none}");
    // A secret that is not reported is masked all the same, where a frame shows its line.
    home.write("b.yaml", &bundle("report: {severity: medium, confidence: likely}\n"));
    let flow = GUESSED.replace(
        "            - {name: ADMIN_PASSWORD, value: swordfish-or-not}\n            - {name: SAMPLE_PASSWORD, value: minio}\n",
        "            [{name: ADMIN_PASSWORD, value: swordfish-or-not}, {name: SAMPLE_PASSWORD, value: minio}]\n",
    );
    home.write("web.yaml", &flow);
    let shown = stdout(&home.run(&["eval", "--bundle", "b.yaml", "web.yaml"]));
    assert!(shown.contains("SAMPLE_PASSWORD, value: *****}"), "{shown}");
    assert!(!shown.contains("minio"), "{shown}");
}

#[test]
fn what_a_bundle_reports_is_a_part_of_it() {
    let home = Home::with(&[("web.yaml", GUESSED), ("b.yaml", &bundle("report: {severity: bad}\n"))]);
    let refused = home.run(&["eval", "--bundle", "b.yaml", "web.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("b.yaml:3:") && said.contains("bad"), "{said}");
    // What is remembered under one is not taken for the other.
    home.write("b.yaml", &bundle(""));
    assert_eq!(told(&eval(&home, &[])).len(), 3);
    home.write("b.yaml", &bundle("report: {severity: high}\n"));
    assert_eq!(told(&eval(&home, &[])).len(), 1);
}

#[test]
fn a_report_leaves_out_what_is_milder_or_less_sure() {
    let home = Home::with(&[("web.yaml", GUESSED), ("b.yaml", &bundle(""))]);
    let codes =
        |arguments: &[&str]| told(&eval(&home, arguments)).into_iter().map(|[_, code, ..]| code).collect::<Vec<_>>();
    assert_eq!(codes(&["--min-confidence", "likely"]), ["name"]);
    assert_eq!(codes(&["--min-confidence", "certain"]), Vec::<String>::new());
    assert_eq!(codes(&["--min-severity", "low"]), ["name", "weak"]);
    home.write("policy-host.yaml", "minConfidence: likely\n");
    assert_eq!(codes(&[]), ["name"]);
    home.write("policy-host.yaml", "minConfidence: sure\n");
    let refused = home.run(&["eval", "--bundle", "b.yaml", "web.yaml"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("`sure` is none of guess, likely, certain"), "{said}");
}

#[test]
fn one_cure_is_one_finding() {
    let home = Home::with(&[(
        "b.yaml",
        "name: some\nversion: 1.0.0\nrules: [pss-privilege-escalation, pss-drop-all-capabilities, pss-privileged]\n",
    )]);
    let other = "    - {name: other, image: 'app:1.0.0'}\n";
    home.write("web.yaml", &format!("{PRIVILEGED}{other}"));
    let codes =
        |json: &Value| told(json).into_iter().map(|[rule, code, ..]| format!("{rule}/{code}")).collect::<Vec<_>>();
    let covered = eval(&home, &[]);
    let of_other = ["pss-privilege-escalation/missing", "pss-drop-all-capabilities/not-dropped"];
    assert_eq!(codes(&covered), [of_other[0], of_other[1], "pss-privileged/privileged"]);
    assert_eq!(covered["summary"]["covered"], 2);
    assert_eq!(covered["summary"]["findings"], json!([0, 1, 2, 0, 0]));
    let shown = stdout(&home.run(&["eval", "--bundle", "b.yaml", "web.yaml"]));
    assert!(shown.contains("3 findings: 1 high, 2 medium · 2 covered by others"), "{shown}");
    // An exemption of what covers: then all is told that it covered.
    home.write(
        "web.yaml",
        &format!("{}{other}", PRIVILEGED.replace("true", "true # policy: ignore[pss-privileged] it has to")),
    );
    let exempt = eval(&home, &[]);
    assert_eq!(
        codes(&exempt).iter().filter(|code| code.starts_with("pss-privilege-escalation")).count(),
        2,
        "{exempt}"
    );
    assert_eq!(exempt["summary"]["covered"], 0);
    // So it is where the rule that covers is missing, or is enforced less strictly.
    home.write("web.yaml", PRIVILEGED);
    home.write("b.yaml", "name: some\nversion: 1.0.0\nrules: [pss-privilege-escalation]\n");
    assert_eq!(codes(&eval(&home, &[])), ["pss-privilege-escalation/missing"]);
    home.write(
        "b.yaml",
        "name: some\nversion: 1.0.0\nrules: [pss-privilege-escalation, {rule: pss-privileged, enforcement: warn}]\n",
    );
    assert_eq!(codes(&eval(&home, &[])), ["pss-privilege-escalation/missing", "pss-privileged/privileged"]);
}

/// A home with a rule that had another id before.
fn renamed() -> Home {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    write_renamed(&home, "pss-privileged", "rule.wasm");
    home.write("b.yaml", RENAMED);
    home
}

/// Writes the component of a pack, one of whose rules had the id `no-privileged` before.
fn write_renamed(home: &Home, rule: &str, file: &str) {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/rules/pod-security-baseline.wasm");
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/pod-security-baseline");
    let folders = pack.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let ids: BTreeSet<String> = folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let manifests = ids.into_iter().map(|id| {
        let mut manifest = home.json(&["explain", &id]);
        if id == rule {
            manifest["renamedFrom"] = json!(["no-privileged"]);
        }
        manifest
    });
    let manifests: Vec<serde_json::Value> = manifests.collect();
    let component = embed_manifests(&std::fs::read(built).unwrap(), json!(manifests).to_string().as_bytes());
    std::fs::write(home.path(file), component).unwrap();
}

const RENAMED: &str =
    "name: some\nversion: 1.0.0\nrules: [{rule: pss-privileged, component: rule.wasm}, pss-host-namespaces]\n";

#[test]
fn exceptions_may_name_a_rule_as_it_was_called() {
    let home = renamed();
    let run = || {
        let output = home.run(&["eval", "--bundle", "b.yaml", "web.yaml", "--baseline", "known.json"]);
        (output.status.code(), stdout(&output))
    };
    let none = "{\"schema\": \"policy-host/baseline/v1\", \"findings\": []}";
    home.write("known.json", none);
    assert_eq!(run().0, Some(1));
    let expect = |said: &str| {
        let (code, text) = run();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(said), "{text}");
    };
    home.write("web.yaml", &PRIVILEGED.replace("true", "true # policy: ignore[no-privileged] it has to"));
    expect("warning: web.yaml:11:26: the rule `no-privileged` is called `pss-privileged` now");
    home.write(
        "web.yaml",
        &PRIVILEGED.replace(
            "  name: web\n",
            "  name: web\n  annotations: {ignore.policy-host.dev/no-privileged: it has to}\n",
        ),
    );
    expect("the rule `no-privileged` is called `pss-privileged` now");
    home.write("web.yaml", PRIVILEGED);
    home.write(
        "b.yaml",
        &format!("{RENAMED}exemptions:\n  - {{rules: [no-privileged], reason: it has to, owner: us}}\n"),
    );
    expect("warning: b.yaml:5:5: the rule `no-privileged` is called `pss-privileged` now");
    home.write("b.yaml", RENAMED);
    home.write("policy-host.yaml", "exceptions:\n  - {rules: [no-privileged], reason: it has to}\n");
    expect("policy-host.yaml:2:5: the rule `no-privileged` is called `pss-privileged` now");
    std::fs::remove_file(home.path("policy-host.yaml")).unwrap();
    home.run(&["eval", "--bundle", "b.yaml", "web.yaml", "--write-baseline", "known.json"]);
    home.write("known.json", &home.read("known.json").replace("pss-privileged", "no-privileged"));
    expect("warning: the baseline names the rule `no-privileged`, which is called `pss-privileged` now");
    // A bundle lists rules by the ids that they have.
    home.write("known.json", none);
    home.write(
        "b.yaml",
        "name: some\nversion: 1.0.0\nrules: [{rule: pss-privileged, component: rule.wasm}, no-privileged]\n",
    );
    let refused = home.run(&["eval", "--bundle", "b.yaml", "web.yaml"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("the rule `no-privileged` is called `pss-privileged` now"), "{said}");
}

#[test]
fn a_former_id_is_that_of_one_rule() {
    let home = renamed();
    write_renamed(&home, "pss-host-namespaces", "other.wasm");
    home.write("b.yaml", &RENAMED.replace("pss-host-namespaces", "{rule: pss-host-namespaces, component: other.wasm}"));
    let refused = home.run(&["eval", "--bundle", "b.yaml", "web.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let expected = "`no-privileged` is the name, or was, of the rules `pss-privileged` and `pss-host-namespaces`";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_peer_of_a_rule_is_no_name_for_an_exception() {
    let peer = "CK:CKV_K8S_16";
    let home = Home::with(&[
        ("web.yaml", &PRIVILEGED.replace("true", &format!("true # policy: ignore[{peer}] it has to"))),
        ("b.yaml", &bundle("")),
    ]);
    let json = eval(&home, &[]);
    assert_eq!(told(&json).len(), 1, "{json}");
    assert_ne!(json["exceptions"][0]["status"], "used", "{json}");
    home.write(
        "b.yaml",
        &format!("{}exemptions:\n  - {{rules: ['{peer}'], reason: it has to, owner: us}}\n", bundle("")),
    );
    let refused = home.run(&["eval", "--bundle", "b.yaml", "web.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stdout(&home.run(&["explain", "CKV_K8S_16"])).starts_with("pss-privileged\n"));
}
