//! What is read, and as what: encodings, templates, repeated keys, names of files, and the kinds that rules ask for.

use crate::cli::{Home, PSS, stderr, stdout};
use policy_host::discover::discover;
use policy_host::kinds::{self, Wanted};
use policy_host::parse::Limits;
use std::collections::BTreeSet;
use std::fs;
use std::process::Output;

/// A pod with a finding at its `hostPID`.
fn pod(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{hostPID: true, containers: [{{name: a, image: \
         \"r.example/a:1\"}}]}}\n"
    )
}

/// The lines of a file at which a rule finds something.
fn lines(output: &Output, file: &str, rule: &str) -> Vec<usize> {
    let found = stdout(output);
    let line = |line: &str| {
        let mut parts = line.strip_prefix(file)?.strip_prefix(':')?.split(':');
        let number = parts.next()?.parse().ok()?;
        line.contains(&format!(" {rule} ")).then_some(number)
    };
    found.lines().filter_map(line).collect()
}

fn concise(home: &Home, more: &[&str]) -> Output {
    home.run(&[&PSS[..], &["--format", "concise", "--no-cache"], more].concat())
}

/// Checks one text, and gives the exit code and the lines at which `pss-host-namespaces` finds something.
fn judged(text: &[u8]) -> (Option<i32>, Vec<usize>, String) {
    let home = Home::new();
    home.write("in.yaml", "");
    fs::write(home.path("in.yaml"), text).unwrap();
    let output = concise(&home, &["."]);
    (output.status.code(), lines(&output, "in.yaml", "pss-host-namespaces"), stdout(&output))
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect()
}

#[test]
fn texts_are_read_in_the_encodings_that_kubectl_reads() {
    let text = pod("a");
    let marked = format!("\u{feff}{text}");
    for bytes in [
        text.clone().into_bytes(),
        marked.into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
        utf16(&text, u16::to_le_bytes),
        utf16(&text, u16::to_be_bytes),
        text.replace("kind: Pod", "kind:\tPod\t").replace("spec: ", "spec:\t").into_bytes(),
    ] {
        let (code, lines, said) = judged(&bytes);
        assert_eq!((code, lines), (Some(1), vec![4]), "{said}");
    }
    let (code, _, said) = judged(b"\xff\xfea\0b");
    assert!(code == Some(1) && said.contains("the file is not UTF-16 (byte 4)"), "{said}");
}

#[test]
fn a_file_in_utf_16_stays_one_when_it_is_fixed() {
    let home = Home::new();
    home.write("in.yaml", "");
    let text =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: ä}\nspec:\n  containers:\n  - name: a\n    image: r.example/a:1\n";
    fs::write(home.path("in.yaml"), utf16(text, u16::to_le_bytes)).unwrap();
    home.run(&[&PSS[..], &["--fix", "in.yaml"]].concat());
    let fixed = fs::read(home.path("in.yaml")).unwrap();
    let units: Vec<u16> = fixed.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let fixed = String::from_utf16(&units).unwrap();
    assert!(fixed.starts_with("\u{feff}apiVersion") && fixed.contains("{name: ä}"), "{fixed}");
    assert!(fixed.contains("RuntimeDefault"), "{fixed}");
}

#[test]
fn a_byte_order_mark_may_stand_before_each_document() {
    let (one, two) = (pod("a"), pod("b"));
    for text in [
        format!("{one}---\n\u{feff}{two}"),
        format!("{one}\u{feff}---\n{two}"),
        format!("\u{feff}{one}\u{feff}---\n\u{feff}{two}"),
        format!("\u{feff}{one}---\n\u{feff}# a comment\n{two}").replacen("# a comment\n", "", 1),
        format!("{one}---\r\n\u{feff}{two}"),
    ] {
        let (code, lines, said) = judged(text.as_bytes());
        assert_eq!((code, lines), (Some(1), vec![4, 9]), "{text:?}: {said}");
    }
    // Elsewhere it is a letter like any other.
    let (_, _, said) = judged(one.replace("  ", " ").replace("kind", "\u{feff}kind").as_bytes());
    assert!(said.contains("a BOM must not appear inside a document"), "{said}");
}

#[test]
fn lines_of_quoted_texts_are_indented_as_anybody_likes() {
    for (text, line) in [
        ("metadata:\n  name: p\n  annotations:\n    text: \"one\ntwo\n  three\"\n", 9),
        ("metadata:\n  name: p\n  annotations:\n    text: 'one\ntwo\n\n  it''s'\n", 10),
        ("metadata:\n  name: p\n  annotations:\n    \"a\": \"one\n\ttwo\"\n", 8),
        ("metadata: {name: p, annotations: {a: \"one\ntwo\"}}\n", 5),
        ("metadata:\n  name: p\n  finalizers:\n  - \"a\nb\"\n  - 'c\n\"d'\n", 10),
    ] {
        let spec = "spec: {hostIPC: true, containers: [{name: p, image: \"r.example/p:1\"}]}\n";
        let (code, lines, said) = judged(format!("apiVersion: v1\nkind: Pod\n{text}{spec}").as_bytes());
        assert_eq!((code, lines), (Some(1), vec![line]), "{text}: {said}");
    }
    // What is wrong elsewhere is told where it is written.
    let broken = "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    a: \"b\nc\"\n  d: [\n";
    let (code, _, said) = judged(broken.as_bytes());
    assert!(code == Some(1) && said.starts_with("in.yaml:"), "{said}");
}

#[test]
fn keys_that_stand_twice_are_told_and_the_last_counts() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  hostNetwork: false\n  containers: [{name: p, image: \
                \"r.example/p:1\"}]\n  hostNetwork: true\n";
    let (code, lines, said) = judged(text.as_bytes());
    assert_eq!((code, lines), (Some(1), vec![7]), "{said}");
    assert!(said.contains("in.yaml:7:3: warning the key `hostNetwork` stands twice"), "{said}");
    // In JSON as well, and with mappings, of which the last is the whole value.
    let home = Home::with(&[(
        "in.json",
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"},\n\"spec\": {\"hostPID\": \
         true},\n\"spec\": {\"containers\": [{\"name\": \"p\", \"image\": \"a:1\"}]}}\n",
    )]);
    let output = concise(&home, &["in.json"]);
    assert!(stdout(&output).contains("in.json:3:1: warning the key `spec` stands twice"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("hostPID"), "{}", stdout(&output));
    // It fails a run as a finding does, and memory does not forget it.
    let good = include_str!("fixtures/good-pod.yaml").replacen("kind: Pod\n", "kind: Pod\nkind: Pod\n", 1);
    let home = Home::with(&[("good.yaml", &good)]);
    for arguments in [&["good.yaml"][..], &["good.yaml"]] {
        let output = home.run(&[&PSS[..], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        assert!(stdout(&output).contains("warning[repeated-key]"), "{}", stdout(&output));
        assert!(stdout(&output).contains("1 key that stands twice"), "{}", stdout(&output));
    }
    assert_eq!(home.run(&[&PSS[..], &["good.yaml", "--fail-on", "never"]].concat()).status.code(), Some(0));
    // Whose tool refuses it, refuses it here.
    let workflow = "on: push\njobs: {}\njobs: {}\n";
    let home = Home::with(&[(".github/workflows/ci.yml", workflow)]);
    let output = home.run(&["eval", "."]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("the key `jobs` stands twice"), "{}", stdout(&output));
    // Nobody asked for what is of no kind.
    let home = Home::with(&[("plugin.yaml", "hooks: {}\nhooks: {}\n"), ("pod.yaml", &pod("a"))]);
    assert_eq!(concise(&home, &["."]).status.code(), Some(1));
}

#[test]
fn templates_are_passed_over_and_counted_wherever_they_stand() {
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Name }}\nspec:\n  {{- with .Ports }}\n  ports: {{ . \
                   }}\n  {{- end }}\n";
    let jinja =
        "{% for name in names %}\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: \"{{ name }}\"\n{% endfor %}\n";
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {{ spec | to_json }}}\n";
    let home = Home::with(&[
        ("assets/shop.yaml", service),
        ("ansible/shop.yml", jinja),
        ("assets/shop.json", json),
        ("docker/Dockerfile", "FROM {{ .Base }}\n"),
        ("a.yaml.tmpl", "{{ x"),
        ("pod.yaml", &pod("p")),
    ]);
    let output = home.run(&["eval", "--no-cache", "."]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("note: 5 templates skipped"), "{}", stdout(&output));
    let only = home.run(&[&PSS[..], &["assets"]].concat());
    assert_eq!(only.status.code(), Some(3), "{}", stderr(&only));
    assert!(stderr(&only).contains("2 templates were skipped"), "{}", stderr(&only));
}

#[test]
fn what_only_looks_like_a_template_is_judged() {
    let spec = "spec: {hostPID: true, containers: [{name: a, image: \"r.example/a:1\"}]}\n";
    for metadata in [
        "metadata:\n  name: a\n  annotations: {a: \"{{ .Name }}\"}\n",
        "metadata:\n  name: a\n  annotations:\n    a: |\n      {{ if .x }}\n      {% y %}\n",
        "metadata:\n  name: a # {{ .Name }}\n",
        "metadata:\n  name: a\n  annotations:\n    a: Pod {{ $labels.pod }} is down\n",
        "metadata:\n  name: a\n  annotations: {a: '{{ it''s }}'}\n",
    ] {
        let (code, lines, said) = judged(format!("apiVersion: v1\nkind: Pod\n{metadata}{spec}").as_bytes());
        assert_eq!((code, lines.len()), (Some(1), 1), "{metadata}: {said}");
    }
    // A broken manifest stays an error.
    for broken in [
        "apiVersion: v1\nkind: Pod\nmetadata: {name: [}\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations: {a: \"{{ .Name }}\"\n  b: [\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ not closed\n",
    ] {
        let (code, _, said) = judged(broken.as_bytes());
        assert!(code == Some(1) && said.contains(" error "), "{broken}: {said}");
    }
}

#[test]
fn files_are_dockerfiles_by_their_names() {
    let dockerfile = "FROM r.example/shop:1\nHEALTHCHECK CMD [\"/shop\"] || exit 1\n";
    let home = Home::new();
    for name in
        ["Dockerfile", "Dockerfile-slim", "Dockerfile_musl", "Dockerfile.prod", "shop.Dockerfile", "Containerfile-x"]
    {
        home.write(name, dockerfile);
    }
    home.write("dockerfile.go", "package dockerfile\n");
    home.write("dockerfile_test.go", "package dockerfile\n");
    home.write("Dockerfile.tmpl", "FROM {{ .Base }}\n");
    home.write("Dockerfile.md", "# How to build\n");
    let output = home.run(&["eval", "--bundle", "twelve-factor", "--format", "json", "--no-cache", "."]);
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results["errors"], serde_json::json!([]));
    let documents = results["documents"].as_array().unwrap();
    let files = documents.iter().filter_map(|document| document["location"]["file"].as_str());
    // The repository itself is a document, too.
    let files: Vec<&str> = files.filter(|file| *file != ".").collect();
    assert_eq!(
        files,
        ["Containerfile-x", "Dockerfile", "Dockerfile-slim", "Dockerfile.prod", "Dockerfile_musl", "shop.Dockerfile"]
    );
}

#[test]
fn a_shift_in_a_dockerfile_is_no_here_document() {
    let home = Home::with(&[("Dockerfile", "FROM rust:1\nRUN echo $(( 4 << 1 )) > /n && cargo build\n")]);
    let output = home.run(&["eval", "--no-cache", "Dockerfile"]);
    assert_ne!(output.status.code(), Some(2), "{}", stdout(&output));
}

#[test]
fn what_no_rule_asks_for_is_neither_read_nor_parsed() {
    let home = Home::with(&[
        ("Dockerfile", "FROM [\n"),
        ("main.tf", "locals {\n"),
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\n"),
        ("chart/values.yaml", "a: [\n"),
        ("Cargo.toml", "[\n"),
        ("package.json", "{\n"),
        ("go.mod", "require (\n"),
        ("pod.yaml", include_str!("fixtures/good-pod.yaml")),
    ]);
    for name in ["Cargo.toml", "Dockerfile"] {
        // Nobody may read it, so reading it would be an error.
        let path = home.path(name);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    }
    let output = home.run(&[&PSS[..], &["--no-cache", "."]].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}

/// A file of every kind, the repository itself aside.
const EVERY_KIND: &[(&str, &str)] = &[
    ("Dockerfile", "FROM scratch\n"),
    (".github/workflows/ci.yml", "on: push\njobs: {}\n"),
    ("action.yml", "name: a\nruns: {using: composite, steps: []}\n"),
    (".gitlab-ci.yml", "build: {script: [make]}\n"),
    ("buildspec.yml", "version: 0.2\nphases: {build: {commands: [make]}}\n"),
    ("compose.yaml", "services: {a: {image: b}}\n"),
    ("chart/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"),
    ("chart/values.yaml", "replicas: 2\n"),
    ("chart/values.schema.json", "{\"type\": \"object\"}\n"),
    ("chart/requirements.yaml", "dependencies: []\n"),
    ("chart/Chart.lock", "dependencies: []\ngenerated: now\n"),
    ("chart/templates/_helpers.tpl", "{{- define \"a\" }}b{{- end }}\n"),
    ("chart/templates/a.yaml", "kind: {{ .Values.kind }}\n"),
    ("skaffold.yaml", "apiVersion: skaffold/v4beta11\nkind: Config\n"),
    (".github/dependabot.yml", "version: 2\nupdates: []\n"),
    ("renovate.json5", "// a\n{extends: ['config:base']}\n"),
    ("infra/main.tf", "locals {}\n"),
    ("infra/live.tfvars", "region = \"eu\"\n"),
    ("plan.json", "{\"format_version\": \"1.2\", \"planned_values\": {}}\n"),
    ("base/kustomization.yaml", "resources: [a.yaml]\n"),
    ("rules.yaml", "groups: [{name: a, rules: [{alert: B, expr: up == 0}]}]\n"),
    ("alertmanager.yml", "route: {receiver: a}\nreceivers: [{name: a}]\n"),
    ("dashboard.json", "{\"panels\": [], \"schemaVersion\": 39}\n"),
    ("openapi.json", "{\"openapi\": \"3.1.0\", \"info\": {}, \"paths\": {}}\n"),
    ("a.proto", "syntax = \"proto3\";\n"),
    ("Cargo.toml", "[package]\nname = \"a\"\n"),
    ("pyproject.toml", "[project]\nname = \"a\"\n"),
    ("package.json", "{\"name\": \"a\"}\n"),
    ("go.mod", "module a\n"),
    (".env", "A=b\n"),
    ("a.properties", "a=b\n"),
    ("Makefile", "a:\n\tb\n"),
    ("a.sh", "#!/bin/sh\nexit 0\n"),
    ("migrations/1.sql", "select 1;\n"),
];

#[test]
fn every_kind_of_file_is_found_and_parsed_when_it_is_asked_for() {
    let home = Home::with(EVERY_KIND);
    let found = discover(&[home.path("")], &Wanted::All, &Limits::default());
    assert_eq!(found.problems, []);
    let mut kinds = BTreeSet::new();
    for unit in &found.units {
        for document in unit.parse(&Limits::default()).unwrap() {
            assert!(document.is_file(), "{}", document.subject);
            assert!(kinds.insert(document.subject.kind.clone()), "{} is there twice", document.subject.kind);
            if document.subject.kind == "Repository" {
                let files = document.root.get("files").unwrap().items();
                assert_eq!(files.len(), EVERY_KIND.len());
                let path = &document.sources[usize::from(files[0].span.file)].path;
                assert!(path.ends_with("/.env"), "{path}");
            }
        }
    }
    let known: BTreeSet<String> = kinds::KINDS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(kinds, known);
    // The template of the chart is text to whoever asks for it, and skipped as what it is rendered to.
    assert_eq!(found.passed.len(), 1);

    let wanted = Wanted::Named(["GoModule".to_owned(), "HelmValues".to_owned()].into());
    let found = discover(&[home.path("")], &wanted, &Limits::default());
    let named: Vec<&str> = found.units.iter().filter_map(|unit| Some(unit.kind?.name)).collect();
    assert_eq!(named, ["HelmValues", "GoModule"]);
}

#[test]
fn the_hooks_run_for_what_the_shipped_rules_ask_for() {
    let hooks = include_str!("../.pre-commit-hooks.yaml");
    let rules = Home::new().json(&["list"]);
    let targets = rules.as_array().unwrap().iter().flat_map(|rule| rule["appliesTo"].as_array().unwrap());
    let kinds = targets.filter_map(|target| target.as_str()?.strip_prefix("file/").map(str::to_owned));
    let tags = Wanted::Named(kinds.collect()).tags();
    let tags: Vec<&str> = tags.into_iter().collect();
    let wanted = format!("types_or: [{}]", tags.join(", "));
    let written: Vec<&str> = hooks.lines().map(str::trim).filter(|line| line.starts_with("types_or:")).collect();
    assert_eq!(written, [wanted.as_str(), wanted.as_str()]);
}
