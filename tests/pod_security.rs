//! The `pss-*` rules before the fixtures of Kubernetes' own Pod Security Admission.
//!
//! The fixtures are part of a Go module, which `go` fetches into its cache. Where there is no `go`,
//! or no network, the test says that it was skipped; in CI (`CI=true`) only a missing `go` excuses.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use policy_host::bundle::{Bundle, RuleSource};
use policy_host::engine::{Engine, SandboxLimits};
use policy_host::evaluate::{DocumentVerdict, Judge, RunOptions, run};
use policy_host::parse::{Form, Limits, Scalars, Unit};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const MODULE: &str = "k8s.io/pod-security-admission@v0.37.2";
/// What `go` says of the module's content.
const SUM: &str = "h1:mnfCR7fUzsvtiSiYZD9HTcTJ9cpJDMnQn++9Rq1mlrc=";
/// The newest policy version that the module has fixtures for.
const POLICY: &str = "v1.37";

const BASELINE: &[&str] = &[
    "pss-privileged",
    "pss-host-namespaces",
    "pss-capabilities-baseline",
    "pss-hostpath-volumes",
    "pss-host-ports",
    "pss-host-probes-lifecycle",
    "pss-apparmor",
    "pss-selinux",
    "pss-procmount",
    "pss-seccomp-baseline",
    "pss-sysctls",
    "pss-windows-hostprocess",
];
/// What restricted checks beside baseline.
const RESTRICTED: &[&str] = &[
    "pss-run-as-non-root",
    "pss-run-as-user",
    "pss-privilege-escalation",
    "pss-drop-all-capabilities",
    "pss-seccomp-restricted",
    "pss-restricted-volumes",
];

/// A check of Pod Security Admission, the rules that are that check, of which one has to report its fixtures (where
/// restricted includes the check of baseline, the rule of baseline may report it), and the rules that
/// rightly report them as well: `allowprivilegeescalation3` leaves the whole `securityContext` out.
/// `procmount_restricted` needs the setting `podSecurityLevel`: tests/pod-security asks with it, and of every version.
const CHECKS: &[(&str, &[&str], &[&str])] = &[
    ("allowprivilegeescalation", &["pss-privilege-escalation"], &["pss-drop-all-capabilities"]),
    ("apparmorprofile", &["pss-apparmor"], &[]),
    ("capabilities_baseline", &["pss-capabilities-baseline"], &[]),
    ("capabilities_restricted", &["pss-drop-all-capabilities", "pss-capabilities-baseline"], &[]),
    ("hostnamespaces", &["pss-host-namespaces"], &[]),
    ("hostpathvolumes", &["pss-hostpath-volumes"], &[]),
    ("hostports", &["pss-host-ports"], &[]),
    ("hostprobesandhostlifecycle", &["pss-host-probes-lifecycle"], &[]),
    ("privileged", &["pss-privileged"], &[]),
    ("procmount", &["pss-procmount"], &[]),
    ("procmount_restricted", &[], &[]),
    ("restrictedvolumes", &["pss-restricted-volumes", "pss-hostpath-volumes"], &[]),
    ("runasnonroot", &["pss-run-as-non-root"], &[]),
    ("runasuser", &["pss-run-as-user"], &[]),
    ("seccompprofile_baseline", &["pss-seccomp-baseline"], &[]),
    ("seccompprofile_restricted", &["pss-seccomp-restricted", "pss-seccomp-baseline"], &[]),
    ("selinuxoptions", &["pss-selinux"], &[]),
    ("sysctls", &["pss-sysctls"], &[]),
    ("windowshostprocess", &["pss-windows-hostprocess"], &[]),
];

#[test]
fn official_baseline_fixtures() {
    judge_level("baseline", BASELINE);
}

#[test]
fn official_restricted_fixtures() {
    judge_level("restricted", &[BASELINE, RESTRICTED].concat());
}

fn judge_level(level: &str, rules: &[&str]) {
    let module = match fetch() {
        Ok(module) => module,
        Err(reason) => {
            // Not through `eprintln!`, whose output is hidden when a test passes.
            let message = format!("SKIPPED the official Pod Security fixtures ({level}): {reason}\n");
            std::io::stderr().write_all(message.as_bytes()).unwrap();
            return;
        }
    };
    let fixtures = module.join("test/testdata").join(level).join(POLICY);
    let engine = Arc::new(Engine::new(SandboxLimits::default(), None).unwrap());
    let bundle = Arc::new(Bundle::of_rules(level, rules.iter().map(|id| rule(id, &engine))));
    let judge = Judge::new(&engine, &bundle);

    let mut problems = Vec::new();
    let mut reported = Vec::new();
    for (folder, is_fail) in [("pass", false), ("fail", true)] {
        for (name, verdict) in verdicts(&judge, &fixtures.join(folder)) {
            let mut complain = |message: String| problems.push(format!("{level}/{POLICY}/{folder}/{name}: {message}"));
            if verdict.outcomes.len() != rules.len() {
                complain(format!("{} outcomes of {} rules", verdict.outcomes.len(), rules.len()));
            }
            for (rule, failure) in verdict.errors() {
                complain(format!("{} could not run: {failure}", rules[usize::from(rule)]));
            }
            let (expected, tolerated) = if is_fail { rules_for(&name) } else { (&[][..], &[][..]) };
            for (rule, finding) in verdict.findings() {
                let rule = rules[usize::from(rule)];
                reported.push(rule);
                if !expected.contains(&rule) && !tolerated.contains(&rule) {
                    complain(format!("unexpected finding of {rule}: {} at {}", finding.message, finding.path));
                }
            }
            let is_asked = expected.iter().any(|rule| rules.contains(rule));
            if is_asked && !verdict.findings().any(|(rule, _)| expected.contains(&rules[usize::from(rule)])) {
                complain(format!("no finding of {expected:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let silent: Vec<_> = rules.iter().filter(|rule| !reported.contains(rule)).collect();
    assert!(silent.is_empty(), "no fixture concerns {silent:?}");
}

/// The rules of which one must report a fixture of the check that its file is named after, and those that may.
fn rules_for(file: &str) -> (&'static [&'static str], &'static [&'static str]) {
    let check = file.trim_end_matches(".yaml").trim_end_matches(|c: char| c.is_ascii_digit());
    let known = CHECKS.iter().find(|(name, ..)| *name == check);
    known.map(|(_, rule, tolerated)| (*rule, *tolerated)).unwrap_or_else(|| panic!("{file}: unknown check `{check}`"))
}

/// File name and verdict of each fixture in a folder, each a single Pod.
fn verdicts(judge: &Judge, folder: &Path) -> Vec<(String, DocumentVerdict)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let units: Vec<Unit> = paths.iter().flat_map(|path| units(path)).collect();
    assert_eq!(units.len(), paths.len(), "each fixture is one document");
    let result = run(judge, &units, RunOptions::default());
    assert_eq!(result.errors, []);
    assert_eq!(result.documents.len(), paths.len(), "each fixture is one object");
    let name = |unit: usize| paths[unit].file_name().unwrap().to_string_lossy().into_owned();
    result.documents.into_iter().map(|(unit, verdict)| (name(unit), verdict)).collect()
}

fn units(path: &Path) -> Vec<Unit> {
    let text = std::fs::read_to_string(path).unwrap();
    let shown = path.to_string_lossy().into();
    Unit::split(Form::Yaml(Scalars::Kubernetes), &shown, &text, &Limits::default()).unwrap()
}

/// The rule as `make rules` left it.
fn rule(id: &str, engine: &Engine) -> Arc<RuleSource> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/policies");
    for pack in ["pod-security-baseline", "pod-security-restricted"] {
        let path = folder.join(format!("{pack}.wasm"));
        let component =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `make rules` first", path.display()));
        let rules = RuleSource::from_component(component, engine).unwrap();
        if let Some(rule) = rules.into_iter().find(|rule| rule.manifest.id == id) {
            return rule;
        }
    }
    panic!("there is no rule {id}")
}

/// The module's directory, or why it cannot be had.
fn fetch() -> Result<PathBuf, String> {
    // Away from any go.mod, whose settings would count.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", MODULE]).current_dir(elsewhere.path());
    let output = go.output().map_err(|error| format!("`go` cannot be run: {error}"))?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let Some(directory) = answer["Dir"].as_str().filter(|_| output.status.success()) else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let reason = answer["Error"].as_str().unwrap_or(&stderr);
        let message = format!("`go mod download {MODULE}`: {}", reason.trim());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        return Err(message);
    };
    assert_eq!(answer["Sum"], SUM, "{MODULE} has other content than when it was pinned");
    Ok(directory.into())
}
