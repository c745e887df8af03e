//! Kustomizations that nobody renders are checked as what they build. Each folder of `built` holds some, and in
//! `built/` what kustomize makes of each that no other includes: `make render` holds that against kustomize itself.

use crate::cli::{Home, stderr};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The rules that are asked, each of which looks at other objects.
const RULES: [&str; 7] = [
    "hpa-needs-requests",
    "min-replicas",
    "netpol-covers-workload",
    "pdb-required",
    "pdb-selector-matches",
    "readiness-probe-required",
    "zone-spread-required",
];

/// One folder.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) home: Home,
    /// What is built: the folder of a kustomization, and the file that keeps what kustomize makes of it.
    pub(super) builds: Vec<(String, PathBuf)>,
}

/// All folders, each copied to one of its own.
pub(super) fn cases() -> Vec<Case> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/render/built");
    let mut cases: Vec<Case> = fs::read_dir(&all)
        .unwrap()
        .map(|entry| {
            let folder = entry.unwrap().path();
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            let home = Home::new();
            home.write("../rules.yaml", &format!("name: r\nversion: '1'\nrules: [{}]\n", RULES.join(", ")));
            copy(&folder, &folder, &home);
            let mut builds: Vec<(String, PathBuf)> = fs::read_dir(folder.join("built"))
                .unwrap_or_else(|_| panic!("{name} keeps no build"))
                .map(|entry| {
                    let path = entry.unwrap().path();
                    let top = path.file_stem().unwrap().to_str().unwrap().replace("__", "/");
                    (if top == "_" { ".".to_owned() } else { top }, path)
                })
                .collect();
            builds.sort();
            Case { name, home, builds }
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(cases.len() > 10);
    cases
}

fn copy(top: &Path, folder: &Path, home: &Home) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let below = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true if below == "built" => {}
            true => copy(top, &path, home),
            false => home.write(&below, &fs::read_to_string(&path).unwrap()),
        }
    }
}

/// The worst that a rule says of objects of a kind: `KIND RULE OUTCOME CODES`.
pub(super) fn verdicts(outputs: &[Output]) -> Vec<String> {
    let rank = |outcome: &str| ["fail", "not-evaluated", "pass", "not-applicable"].iter().position(|it| *it == outcome);
    let mut worst: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for output in outputs {
        let results: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)));
        assert_eq!(results["errors"], serde_json::json!([]), "{results}");
        for document in results["documents"].as_array().unwrap() {
            for outcome in document["outcomes"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let findings = outcome["findings"].as_array().cloned().unwrap_or_default();
                let mut codes: Vec<String> = findings.iter().map(|finding| text(&finding["code"])).collect();
                codes.sort();
                codes.dedup();
                let said = text(&outcome["outcome"]);
                let said = (rank(&said).unwrap_or(0), format!("{said} {}", codes.join(" ")));
                let key = (text(&document["subject"]["kind"]), text(&outcome["rule"]));
                let known = worst.entry(key).or_insert_with(|| said.clone());
                if said.0 < known.0 {
                    *known = said;
                }
            }
        }
    }
    worst.into_iter().map(|((kind, rule), (_, said))| format!("{kind} {rule} {}", said.trim_end())).collect()
}

/// What is said of a folder as it is written.
pub(super) fn as_written(case: &Case) -> Vec<String> {
    verdicts(&[case.home.run(&["eval", "--bundle", "../rules.yaml", "--format", "json", "."])])
}

#[test]
fn what_is_written_is_judged_as_it_is_built() {
    for case in cases() {
        let arguments = ["eval", "--bundle", "../rules.yaml", "--format", "json", "-"];
        let built = case.builds.iter().map(|(_, path)| case.home.pipe(&arguments, &fs::read_to_string(path).unwrap()));
        let built: Vec<Output> = built.collect();
        assert_eq!(as_written(&case), verdicts(&built), "{}", case.name);
        assert_eq!(as_written(&case), verdicts(&built), "{} from memory", case.name);
    }
}

/// The files and places of the findings of one rule, and whether each has a fix.
fn told(home: &Home, rule: &str) -> Vec<String> {
    let json = home.json(&["eval", "--bundle", "../rules.yaml", "."]);
    let documents = json["documents"].as_array().unwrap().iter();
    let outcomes = documents.flat_map(|document| document["outcomes"].as_array().unwrap());
    let findings = outcomes
        .filter(|outcome| outcome["rule"] == rule)
        .flat_map(|outcome| outcome["findings"].as_array().cloned().unwrap_or_default());
    findings
        .map(|finding| {
            let at = &finding["location"];
            let fix = if finding["fix"].is_null() { "" } else { " fixable" };
            let message = finding["message"].as_str().unwrap();
            format!("{}:{}:{} {message}{fix}", at["file"].as_str().unwrap(), at["line"], at["column"])
        })
        .collect()
}

#[test]
fn what_is_told_stands_where_it_is_written_and_fixes_write_nothing_that_is_built() {
    let shop = include_str!("built/names/base/deployment.yaml");
    let home = Home::with(&[
        (
            "kustomization.yaml",
            "resources: [shop.yaml]\nnamePrefix: prod-\nnamespace: prod\ncommonLabels: {app: shop}\n",
        ),
        ("shop.yaml", shop),
    ]);
    home.write("../rules.yaml", "name: r\nversion: '1'\nrules: [pdb-required]\n");
    let found = told(&home, "pdb-required");
    assert_eq!(found, ["shop.yaml:4:9 no PodDisruptionBudget selects its pods (replicas: 3) fixable"]);
    home.run(&["eval", "--bundle", "../rules.yaml", "--fix=unsafe", "."]);
    let fixed = [home.read("shop.yaml"), home.read("kustomization.yaml")].concat();
    assert_eq!(fixed.matches("prod-").count(), 1, "{fixed}");
    assert!(!home.read("shop.yaml").contains("app: shop") && !home.read("shop.yaml").contains("namespace"), "{fixed}");
}

#[test]
fn one_environment_of_several_is_named() {
    let case = cases().into_iter().find(|case| case.name == "environments").unwrap();
    let found = told(&case.home, "pdb-required");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("(as the kustomization in `overlays/test` builds it)"), "{found:?}");
    // What a patch may have changed counts only where all builds have it.
    case.home
        .write("overlays/test/kustomization.yaml", "resources: [../../base]\nnamespace: test\npatches: [{patch: x}]\n");
    assert_eq!(told(&case.home, "pdb-required"), [""; 0]);
}
