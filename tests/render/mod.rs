//! `eval --render`: charts and kustomizations, checked as what they deploy. Most of it is tested with programs that
//! only pretend; `make render` runs what is in `real` with helm and kustomize themselves.

mod built;
mod hostile;
mod real;
mod unrendered;

use crate::cli::{Home, stderr, stdout};
use serde_json::Value;
use std::process::Output;

/// A program of this directory, which pretends to be another one.
fn fake(name: &str) -> String {
    format!("{}/../tests/render/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Checks by one rule, with programs that pretend.
fn eval(home: &Home, arguments: &[&str]) -> Output {
    home.write("../one.yaml", "name: one\nversion: '1'\nrules: [pss-privileged]\n");
    let (helm, kustomize) = (fake("fake-helm.sh"), fake("fake-kustomize.sh"));
    let all = ["eval", "--render", "--helm", &helm, "--kustomize", &kustomize, "--bundle", "../one.yaml"];
    home.run(&[&all[..], arguments].concat())
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// The findings of JSON results: `FILE:LINE:COLUMN MESSAGE`.
fn findings(results: &Value) -> Vec<String> {
    let all = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let outcomes = all(results, "documents").into_iter().flat_map(move |document| all(&document, "outcomes"));
    let findings = outcomes.flat_map(|outcome| all(&outcome, "findings"));
    let shown = findings.map(|finding| {
        let at = &finding["location"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        format!("{}:{}:{} {}", text(&at["file"]), at["line"], at["column"], text(&finding["message"]))
    });
    shown.collect()
}

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const TEMPLATE: &str = "\
{{- if .Values.on }}
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: app
      securityContext:
        privileged: true # for now
    - name: other
      securityContext:
        privileged: {{ .Values.other }}
{{- end }}
";
/// Renders `templates/pod.yaml`, with `other: true` where the values file says so.
const FAKE: &str = r#"
other=false
case "$*" in *values-dev.yaml*) other=true ;; esac
echo "---
# Source: web/templates/pod.yaml
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: app
      securityContext:
        privileged: true # for now
    - name: other
      securityContext:
        privileged: $other"
"#;

fn chart() -> Home {
    Home::with(&[
        ("chart/Chart.yaml", CHART),
        ("chart/values.yaml", "other: false\n"),
        ("chart/values-dev.yaml", "other: true\n"),
        ("chart/templates/pod.yaml", TEMPLATE),
        ("chart/fake.sh", FAKE),
    ])
}

#[test]
fn findings_lead_to_the_template_and_are_told_once() {
    let home = chart();
    let output = eval(&home, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let results = json(&output);
    assert_eq!(
        findings(&results),
        [
            "chart/templates/pod.yaml:9:21 container `app` is privileged (in `chart chart`, `chart chart with values-dev.yaml`)",
            "chart/templates/pod.yaml:1:1 container `other` is privileged (in `chart chart with values-dev.yaml`)",
        ]
    );
    assert_eq!(results["summary"]["findings"], serde_json::json!([0, 2, 0, 0, 0]));
    assert_eq!(results["summary"]["fixable"], 0, "nobody fixes what is rendered");
    let rendered: Vec<&Value> =
        results["documents"].as_array().unwrap().iter().filter(|document| !document["rendering"].is_null()).collect();
    assert_eq!(rendered[1]["rendering"]["values"], "chart/values-dev.yaml");
    let first = &rendered[0]["outcomes"][0]["findings"][0];
    assert_eq!(first["renderings"], serde_json::json!(["chart chart", "chart chart with values-dev.yaml"]));
    assert_eq!(
        results["renderables"],
        serde_json::json!([{"tool": "helm", "folder": "chart", "command": "helm template chart", "rendered": true}])
    );
    let shown = stdout(&eval(&home, &[]));
    assert!(shown.contains("9 |         privileged: true # for now"), "{shown}");
    assert!(!shown.contains("skipped"), "{shown}");
}

#[test]
fn a_baseline_knows_what_is_rendered() {
    let home = chart();
    eval(&home, &["--write-baseline", "../known.json"]);
    let output = eval(&home, &["--baseline", "../known.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    home.write("chart/values-new.yaml", "");
    home.write("chart/fake.sh", &FAKE.replace("values-dev", "values-"));
    let output = eval(&home, &["--baseline", "../known.json"]);
    assert_eq!(output.status.code(), Some(0), "another values file is no other fault: {}", stdout(&output));
}

#[test]
fn a_comment_of_the_template_lifts_a_rule() {
    let home = chart();
    let ignored = "privileged: true # policy: ignore[pss-privileged] the node's agent";
    home.write("chart/templates/pod.yaml", &TEMPLATE.replace("privileged: true # for now", ignored));
    home.write("chart/fake.sh", &FAKE.replace("privileged: true # for now", ignored));
    let results = json(&eval(&home, &["--format", "json"]));
    assert_eq!(results["summary"]["exempt"], 1);
    assert_eq!(results["exceptions"].as_array().map(Vec::len), Some(1), "{}", results["exceptions"]);
    assert_eq!(results["exceptions"][0]["location"]["file"], "chart/templates/pod.yaml");
}

/// What an overlay deploys, each object with its origin as kustomize says it.
const OVERLAY: &str = r#"
echo "apiVersion: v1
kind: Pod
metadata:
  annotations:
    config.kubernetes.io/origin: |
      path: $folder/../base/pod.yaml
  name: prod-web
spec:
  containers:
  - name: app
    securityContext:
      privileged: true
---
apiVersion: v1
kind: Pod
metadata:
  annotations:
    config.kubernetes.io/origin: |
      configuredIn: $folder/kustomization.yaml
  name: made
spec:
  containers:
  - name: app
    securityContext: {privileged: true}"
"#;

#[test]
fn what_a_kustomization_deploys_is_judged_in_place_of_its_files() {
    let base = "# a\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  hostPID: true\n  containers:\n    - name: app\n      \
                securityContext:\n        privileged: true\n    - name: gone\n      securityContext:\n        privileged: true\n";
    let home = Home::with(&[
        ("base/pod.yaml", base),
        ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
        ("prod/kustomization.yaml", "resources: [../base]\n"),
        ("prod/fake.sh", OVERLAY),
        ("alone.yaml", crate::cli::PRIVILEGED),
    ]);
    let output = eval(&home, &["--format", "json"]);
    let results = json(&output);
    assert_eq!(
        findings(&results),
        [
            "alone.yaml:11:21 container `app` is privileged",
            "base/pod.yaml:3:1 container `app` is privileged (in `kustomization prod`)",
            "prod/kustomization.yaml:1:1 container `app` is privileged (in `kustomization prod`)",
        ],
        "the base holds it twice, so that no line is certain, and its own objects are not judged apart from the overlay"
    );
    home.write("base/pod.yaml", base.split("    - name: gone").next().unwrap());
    let found = findings(&json(&eval(&home, &["--format", "json"])));
    assert!(found[1].starts_with("base/pod.yaml:11:21 "), "{found:?}");
}

#[test]
fn kubectl_serves_where_there_is_no_kustomize() {
    let home = Home::with(&[("prod/kustomization.yaml", "resources: []\n"), ("prod/fake.sh", OVERLAY)]);
    home.write(
        "../bin/kubectl",
        &std::fs::read_to_string(fake("fake-kustomize.sh")).unwrap().replace("build", "kustomize"),
    );
    let kubectl = home.path("../bin/kubectl");
    std::fs::set_permissions(&kubectl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let arguments = ["eval", "--render", "--bundle", "pod-security-baseline", "--format", "json"];
    let output = home.command(&arguments).env("PATH", kubectl.parent().unwrap()).output().unwrap();
    assert_eq!(findings(&json(&output)).len(), 2, "{}", stderr(&output));
    let bare = home.run(&arguments);
    let errors = json(&bare)["errors"].to_string();
    assert!(errors.contains("there is no `kustomize` on PATH, which 1 folders need, this among them"), "{errors}");
}
