//! The same with helm and kustomize themselves: `make render` builds them and runs this.

use super::{findings, json};
use crate::cli::{Home, stderr, stdout};
use std::process::Output;

/// Checks by one bundle, with a helm and a kustomize that were built.
fn eval(home: &Home, helm: &str, bundle: &str, arguments: &[&str]) -> Output {
    let tools = std::env::var("RENDER_TOOLS").unwrap_or_else(|_| panic!("`make render` builds them and says where"));
    let (helm, kustomize) = (format!("{tools}/{helm}"), format!("{tools}/kustomize"));
    let all = ["eval", "--render", "--helm", &helm, "--kustomize", &kustomize, "--bundle", bundle];
    home.run(&[&all[..], arguments].concat())
}

/// Both versions of helm that people use.
const HELMS: [&str; 2] = ["helm3", "helm4"];

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const TEMPLATE: &str = "\
{{- if .Values.enabled }}
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}
spec:
  hostNetwork: true # the node's
  containers:
    - name: app
      image: {{ .Values.image | quote }}
      securityContext:
        privileged: {{ .Values.privileged }}
{{- end }}
";
const TEST: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: try, annotations: {helm.sh/hook: test}}
spec: {hostPID: true, containers: [{name: try, image: try}]}
";

fn chart() -> Home {
    Home::with(&[
        ("web/Chart.yaml", CHART),
        ("web/values.yaml", "enabled: true\nimage: app:1.0.0\nprivileged: false\n"),
        ("web/values-dev.yaml", "privileged: true\n"),
        ("web/ci/off-values.yaml", "enabled: false\n"),
        ("web/templates/pod.yaml", TEMPLATE),
        ("web/templates/tests/try.yaml", TEST),
    ])
}

#[test]
#[ignore = "make render"]
fn charts_are_rendered_with_each_of_their_values_files() {
    for helm in HELMS {
        let home = chart();
        let output = eval(&home, helm, "pod-security-baseline", &["--format", "json"]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert_eq!(
            findings(&json(&output)),
            [
                "web/templates/pod.yaml:7:16 the pod shares the node's network namespace: `hostNetwork` is `true`, expected `false` \
                 (in `chart web`, `chart web with values-dev.yaml`)",
                "web/templates/pod.yaml:1:1 container `app` is privileged (in `chart web with values-dev.yaml`)",
            ],
            "{helm}: tests are left out"
        );
    }
}

#[test]
#[ignore = "make render"]
fn charts_that_need_more_say_so_and_nothing_is_fetched() {
    // Whoever calls it is seen here.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    for helm in HELMS {
        let home = chart();
        home.write("web/values.schema.json", &format!("{{\"$ref\": \"{url}/schema.json\"}}"));
        home.write("broken/Chart.yaml", &CHART.replace("web", "broken"));
        home.write("broken/templates/a.yaml", "{{ required \"say who\" .Values.who }}");
        home.write(
            "far/Chart.yaml",
            &format!("{CHART}dependencies: [{{name: redis, version: 1.0.0, repository: '{url}'}}]\n"),
        );
        home.write("lib/Chart.yaml", &format!("{CHART}type: library\n"));
        for (folder, field) in [("a", "resources"), ("b", "components"), ("c", "configurations"), ("d", "crds")] {
            home.write(&format!("{folder}/kustomization.yaml"), &format!("{field}: ['{url}/x.yaml']\n"));
        }
        // What no reading of ours sees: a transformer that loads a patch itself.
        home.write("e/kustomization.yaml", "resources: [pod.yaml]\ntransformers: [t.yaml]\n");
        home.write("e/pod.yaml", crate::cli::PRIVILEGED);
        let transformer = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\n";
        home.write("e/t.yaml", &format!("{transformer}path: '{url}/p.yaml'\ntarget: {{kind: Pod}}\n"));
        let output = eval(&home, helm, "pod-security-baseline", &["--format", "json"]);
        let errors = json(&output)["errors"].to_string();
        assert!(errors.contains("say who") && errors.contains("helm dependency build far"), "{helm}: {errors}");
        for folder in ["a", "b", "c", "d", "e"] {
            assert!(errors.contains(&format!("kustomization {folder} cannot be rendered")), "{folder}: {errors}");
        }
        assert!(!errors.contains("chart lib"), "{errors}");
        assert!(listener.accept().is_err(), "{helm} or kustomize called");
    }
}

#[test]
#[ignore = "make render"]
fn sub_charts_and_definitions_lead_to_their_own_files() {
    for helm in HELMS {
        let home = chart();
        home.write("web/charts/side/Chart.yaml", &CHART.replace("web", "side"));
        home.write("web/charts/side/templates/pod.yaml", &TEST.replace(", annotations: {helm.sh/hook: test}", ""));
        home.write(
            "web/crds/pod.yaml",
            &TEST.replace("hostPID", "hostIPC").replace(", annotations: {helm.sh/hook: test}", ""),
        );
        let found = findings(&json(&eval(&home, helm, "pod-security-baseline", &["--format", "json"]))).join("\n");
        assert!(found.contains("web/charts/side/templates/pod.yaml:4:"), "{helm}: {found}");
        assert_eq!(found.matches("web/crds/pod.yaml:4:").count(), 1, "{helm}: {found}");
    }
}

const BASE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {}
---
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  hostNetwork: true # one
  containers:
    - name: app
      image: app
";

#[test]
#[ignore = "make render"]
fn overlays_are_judged_as_what_they_deploy() {
    let home = Home::with(&[
        ("base/kustomization.yaml", "resources: [all.yaml]\n"),
        ("base/all.yaml", BASE),
        ("dev/kustomization.yaml", "resources: [../base]\nnamePrefix: dev-\n"),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\nnamespace: prod\npatches:\n- path: p.yaml\nconfigMapGenerator: [{name: c, literals: [a=b]}]\n",
        ),
        ("prod/p.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {hostNetwork: false}\n"),
    ]);
    let output = eval(&home, "helm3", "pod-security-baseline", &["--format", "json"]);
    let results = json(&output);
    assert_eq!(
        findings(&results),
        ["base/all.yaml:11:16 the pod shares the node's network namespace: `hostNetwork` is `true`, expected `false` \
          (in `kustomization dev`)"],
        "{}",
        stdout(&output)
    );
    assert_eq!(results["errors"], serde_json::json!([]));
}

#[test]
#[ignore = "make render"]
fn plugins_and_files_outside_stay_away() {
    let home = Home::with(&[
        ("a/kustomization.yaml", "generators: [g.yaml]\n"),
        (
            "a/g.yaml",
            "apiVersion: x/v1\nkind: Run\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: ./run.sh}'}}\n",
        ),
        ("a/run.sh", "#!/bin/sh\necho ran > ran\n"),
        ("b/kustomization.yaml", "configMapGenerator: [{name: x, files: [../outside.txt]}]\n"),
        ("outside.txt", "x"),
    ]);
    let output = eval(&home, "helm3", "pod-security-baseline", &["--format", "json"]);
    let errors = json(&output)["errors"].to_string();
    for folder in ["a", "b"] {
        assert!(errors.contains(&format!("kustomization {folder} cannot be rendered")), "{folder}: {errors}");
    }
    assert!(!home.path("a/ran").exists());
}

/// With `UPDATE=1` what is kept is written anew.
#[test]
#[ignore = "make render"]
fn builds_that_are_kept_are_what_kustomize_makes() {
    let tools = std::env::var("RENDER_TOOLS").unwrap();
    for case in super::built::cases() {
        for (top, kept) in &case.builds {
            let mut command = std::process::Command::new(format!("{tools}/kustomize"));
            let output = command.args(["build", top]).current_dir(case.home.path("")).output().unwrap();
            assert!(output.status.success(), "{}: {}", case.name, stderr(&output));
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(kept, stdout(&output)).unwrap();
            }
            assert_eq!(stdout(&output), std::fs::read_to_string(kept).unwrap(), "{} {top}", case.name);
        }
        let rendered = eval(&case.home, "helm3", "../rules.yaml", &["--format", "json", "."]);
        assert_eq!(super::built::as_written(&case), super::built::verdicts(&[rendered]), "{}", case.name);
    }
}
