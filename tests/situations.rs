//! Situations of real repositories, each a folder of `situations`, that were once checked wrongly: what is right to say
//! of them, however their files are written.

use crate::cli::{Home, stderr};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A folder, the rules that are asked, and what they find: `FILE:LINE RULE/CODE`. What is wrong with an input is
/// `FILE:LINE KIND`.
type Situation = (&'static str, &'static str, &'static [&'static str]);

const KUBERNETES: &[Situation] = &[
    (
        "bom-second-document",
        "pss-host-namespaces",
        &[
            "bom-second-document.yaml:4 pss-host-namespaces/host-pid",
            "bom-second-document.yaml:9 pss-host-namespaces/host-ipc",
        ],
    ),
    (
        "controller-labels",
        "netpol-covers-workload, servicemonitor-required",
        &[
            "controller-labels.yaml:15 netpol-covers-workload/uncovered",
            "controller-labels.yaml:15 servicemonitor-required/missing",
        ],
    ),
    (
        "duplicate-keys",
        "pss-host-namespaces",
        &["duplicate-keys.yaml:7 pss-host-namespaces/host-network", "duplicate-keys.yaml:7 repeated-key"],
    ),
    ("exempt-by-image", "pss-host-namespaces, pss-privileged", &["agent.yaml:12 pss-privileged/privileged"]),
    (
        "fix-above-pod-limit",
        "resource-requests-required",
        &["fix-above-pod-limit.yaml:11 resource-requests-required/missing"],
    ),
    ("go-template", "pss-host-namespaces", &["pod.yaml:4 pss-host-namespaces/host-pid"]),
    (
        "gomaxprocs-pod-limit",
        "gomaxprocs-follows-cpu-limit {unknown_versions: true}",
        &["gomaxprocs-pod-limit.yaml:14 gomaxprocs-follows-cpu-limit/unknown"],
    ),
    ("hpa-request-zero", "hpa-needs-requests", &["hpa-request-zero.yaml:16 hpa-needs-requests/no-request"]),
    (
        "kustomize-patch",
        "resource-requests-required, pss-privilege-escalation",
        &["base/shop.yaml:11 pss-privilege-escalation/true", "base/shop.yaml:11 resource-requests-required/missing"],
    ),
    (
        "memory-canonical",
        "requests-not-above-limits",
        &["memory-canonical.yaml:18 requests-not-above-limits/too-little"],
    ),
    (
        "mistyped-fields",
        "pss-run-as-non-root, read-only-root-filesystem, pss-privilege-escalation",
        &[
            "mistyped-fields.yaml:5 mistyped",
            "mistyped-fields.yaml:5 pss-run-as-non-root/false",
            "mistyped-fields.yaml:7 mistyped",
            "mistyped-fields.yaml:8 pss-privilege-escalation/missing",
            "mistyped-fields.yaml:8 read-only-root-filesystem/writable",
        ],
    ),
    ("namespace-default", "pdb-required, pdb-selector-matches", &[]),
    // The policy does not isolate ingress, so its ingress rule says nothing: nobody is cut off, and the rule is
    // ignored.
    (
        "netpol-policy-types",
        "netpol-covers-workload, netpol-policytypes-explicit",
        &["netpol-policy-types.yaml:23 netpol-policytypes-explicit/ignored"],
    ),
    ("probe-port-in-quotes", "probe-port-declared", &["probe-port-in-quotes.yaml:9 probe-port-declared/quoted-number"]),
    ("quoted-lines", "pss-host-namespaces", &["quoted-lines.yaml:9 pss-host-namespaces/host-ipc"]),
    (
        "random-or-words",
        "no-secret-literal-in-env {random: true}",
        &["random-or-words.yaml:13 no-secret-literal-in-env/random"],
    ),
    (
        "rollout-workload-ref",
        "pdb-required, zone-spread-required",
        &[
            "rollout-workload-ref.yaml:3 pdb-required/missing",
            "rollout-workload-ref.yaml:9 zone-spread-required/missing-in-production",
        ],
    ),
    ("safe-fix-bind", "pss-privilege-escalation", &["safe-fix-bind.yaml:12 pss-privilege-escalation/missing"]),
    ("safe-fix-grace", "prestop-drain-hook, grace-covers-prestop", &[]),
    ("secret-addresses", "no-secret-literal-in-env", &["secret-addresses.yaml:13 no-secret-literal-in-env/name"]),
    ("secret-object-name", "no-secret-literal-in-env", &[]),
    (
        "settings-and-durations",
        "no-secret-literal-in-env",
        &["settings-and-durations.yaml:16 no-secret-literal-in-env/name"],
    ),
    ("two-environments", "pdb-required", &["live/shop.yaml:3 pdb-required/missing"]),
    (
        "url-hosts",
        "no-credentials-in-url",
        &[
            "url-hosts.yaml:6 no-credentials-in-url/password",
            "url-hosts.yaml:7 no-credentials-in-url/password",
            "url-hosts.yaml:8 no-credentials-in-url/password",
        ],
    ),
    ("url-placeholders", "no-credentials-in-url", &["url-placeholders.yaml:9 no-credentials-in-url/password"]),
    (
        "windows-by-selector",
        "pss-run-as-non-root, pss-seccomp-restricted, read-only-root-filesystem",
        &[
            "windows-by-selector.yaml:8 pss-run-as-non-root/missing",
            "windows-by-selector.yaml:8 pss-seccomp-restricted/missing",
        ],
    ),
    (
        "zone-spread-counts-nothing",
        "topology-spread-selector-matches",
        &["zone-spread-counts-nothing.yaml:14 topology-spread-selector-matches/selects-others"],
    ),
];

const FILES: &[Situation] = &[
    ("block-comment", "tf-remote-backend", &[]),
    ("compose-defaults", "image-tag-not-mutable", &["compose.yaml:3 image-tag-not-mutable/moving-tag-in-file"]),
    (
        "dockerfile-names",
        "df-healthcheck-valid",
        &["Dockerfile-slim:2 df-healthcheck-valid/not-json", "Dockerfile_musl:2 df-healthcheck-valid/not-json"],
    ),
    ("fix-eats-instruction", "df-healthcheck-valid", &["Dockerfile:2 df-healthcheck-valid/not-json"]),
    ("hcl-heredoc-end", "tf-remote-backend", &[]),
    ("hcl-valid", "tf-remote-backend", &[]),
    (
        "healthcheck-deceives",
        "df-healthcheck-valid",
        &["a.Dockerfile:2 df-healthcheck-valid/operator", "b.Dockerfile:2 df-healthcheck-valid/not-json"],
    ),
    ("healthcheck-script", "df-healthcheck-valid", &[]),
    (
        "heredoc-hides-script",
        "df-release-build",
        &[
            ".github/workflows/push.yml:10 df-release-build/workflow",
            "a.Dockerfile:2 df-release-build/debug-build",
            "b.Dockerfile:3 df-release-build/debug-build",
        ],
    ),
    (
        "ignore-case",
        "wf-oidc-not-static-keys",
        &[
            ".github/workflows/ci.yml:10 wf-oidc-not-static-keys/static-key",
            ".github/workflows/ci.yml:6 wf-oidc-not-static-keys/static-key",
        ],
    ),
    ("not-only-tf", "tf-remote-backend", &[]),
    (
        "options-and-wrappers",
        "df-release-build",
        &[
            "options-and-wrappers.Dockerfile:2 df-release-build/debug-build",
            "options-and-wrappers.Dockerfile:3 df-release-build/debug-build",
            "options-and-wrappers.Dockerfile:4 df-release-build/debug-build",
            "options-and-wrappers.Dockerfile:5 df-release-build/debug-build",
            "options-and-wrappers.Dockerfile:6 df-release-build/debug-build",
        ],
    ),
    ("other-backends", "tf-remote-backend", &[]),
    ("override-files", "tf-remote-backend", &["local/team_override.tf:2 tf-remote-backend/local"]),
    ("own-repository", "wf-actions-pinned", &[]),
    ("reusable-module", "tf-remote-backend", &[]),
    ("shift-is-no-heredoc", "df-release-build", &["shift-is-no-heredoc.Dockerfile:2 df-release-build/debug-build"]),
    (
        "short-sha",
        "wf-actions-pinned",
        &[
            ".github/workflows/ci.yml:6 wf-actions-pinned/short-sha",
            ".github/workflows/ci.yml:7 wf-actions-pinned/short-sha",
        ],
    ),
    ("tfvars-password", "no-credentials-in-url", &["live.tfvars:1 no-credentials-in-url/password"]),
];

/// The situations that the tests of fixes hold.
const FIXED: [&str; 1] = ["unsafe-fix-less"];

/// Every input that was once checked wrongly.
const INPUTS: [&str; 47] = [
    "block-comment",
    "bom-second-document",
    "compose-defaults",
    "controller-labels",
    "dockerfile-names",
    "duplicate-keys",
    "exempt-by-image",
    "fix-above-pod-limit",
    "fix-eats-instruction",
    "go-template",
    "gomaxprocs-pod-limit",
    "hcl-heredoc-end",
    "hcl-valid",
    "healthcheck-deceives",
    "healthcheck-script",
    "heredoc-hides-script",
    "hpa-request-zero",
    "ignore-case",
    "kustomize-patch",
    "memory-canonical",
    "mistyped-fields",
    "namespace-default",
    "netpol-policy-types",
    "not-only-tf",
    "options-and-wrappers",
    "other-backends",
    "override-files",
    "own-repository",
    "probe-port-in-quotes",
    "quoted-lines",
    "random-or-words",
    "reusable-module",
    "rollout-workload-ref",
    "safe-fix-bind",
    "safe-fix-grace",
    "secret-addresses",
    "secret-object-name",
    "settings-and-durations",
    "shift-is-no-heredoc",
    "short-sha",
    "tfvars-password",
    "two-environments",
    "unsafe-fix-less",
    "url-hosts",
    "url-placeholders",
    "windows-by-selector",
    "zone-spread-counts-nothing",
];

/// Each input is a folder, and a test holds it.
#[test]
fn every_input_is_held_by_a_test() {
    let folders = fs::read_dir(folder_of("")).unwrap();
    let mut folders: Vec<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    assert_eq!(folders, INPUTS);
    let held: Vec<&str> = KUBERNETES.iter().chain(FILES).map(|situation| situation.0).chain(FIXED).collect();
    for input in INPUTS {
        assert!(held.contains(&input), "{input}");
    }
    assert_eq!(held.len(), INPUTS.len());
}

/// A situation in a folder of its own, each file written in some way.
fn home((folder, rules, _): &Situation, written: &dyn Fn(&str) -> String) -> Home {
    let home = Home::new();
    copy(&folder_of(folder), &folder_of(folder), &home, written);
    let rules: Vec<String> = rules
        .split(", ")
        .map(|rule| match rule.split_once(' ') {
            Some((rule, parameters)) => format!("{{rule: {rule}, parameters: {parameters}}}"),
            None => rule.to_owned(),
        })
        .collect();
    let settings = "settings: {monitoring: prometheus-operator}";
    home.write("../rules.yaml", &format!("name: r\nversion: '1'\n{settings}\nrules: [{}]\n", rules.join(", ")));
    home
}

fn folder_of(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/situations").join(name)
}

fn copy(top: &Path, folder: &Path, home: &Home, written: &dyn Fn(&str) -> String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            copy(top, &path, home, written);
        } else {
            let below = path.strip_prefix(top).unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            // The configuration is no input.
            home.write(below, &if below == "policy-host.yaml" { text } else { written(&text) });
        }
    }
}

/// What is found, and what is wrong with the input.
fn found(home: &Home) -> Vec<String> {
    let output = home.run(&["eval", "--bundle", "../rules.yaml", "--format", "json", "."]);
    let results: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |location: &Value| format!("{}:{}", text(&location["file"]), location["line"]);
    let mut found = Vec::new();
    for document in results["documents"].as_array().unwrap() {
        for outcome in document["outcomes"].as_array().unwrap() {
            assert_ne!(outcome["outcome"], "error", "{outcome}");
            let findings = outcome["findings"].as_array().cloned().unwrap_or_default();
            for finding in findings.iter().filter(|finding| finding["exempt"].is_null()) {
                let (rule, code) = (text(&outcome["rule"]), text(&finding["code"]));
                found.push(format!("{} {rule}/{code}", place(&finding["location"])));
            }
        }
    }
    found.extend(
        results["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| format!("{} {}", place(&error["location"]), text(&error["kind"]))),
    );
    found.sort();
    found
}

/// Holds every situation against what is right, its files written in some way.
fn check(written: &dyn Fn(&str) -> String) {
    let wrong: Vec<String> = KUBERNETES
        .iter()
        .chain(FILES)
        .filter_map(|situation| {
            let found = found(&home(situation, written));
            (found != situation.2).then(|| format!("{}: {found:#?}, expected {:#?}", situation.0, situation.2))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_right_is_said() {
    check(&str::to_owned);
}

#[test]
fn ends_of_lines_change_nothing() {
    check(&|text| text.replace('\n', "\r\n"));
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    check(&|text| format!("\u{feff}{text}"));
}

/// Objects of a List, two levels in, are checked as they are alone.
#[test]
fn objects_in_lists_are_judged_alike() {
    let mut wrong = Vec::new();
    for situation in KUBERNETES {
        // What is wrong with a text stands in it.
        let is_of_text = |name: &&str| ["bom-second-document", "duplicate-keys", "quoted-lines"].contains(name);
        if is_of_text(&situation.0) || ["go-template", "kustomize-patch", "two-environments"].contains(&situation.0) {
            continue;
        }
        let listed = |text: &str| -> String {
            if !text.contains("\nkind: ") {
                return text.to_owned();
            }
            let items = text.split("---\n").filter(|item| !item.trim().is_empty()).map(|item| {
                let mut lines = item.lines();
                let first = lines.next().unwrap_or_default();
                let rest: String = lines.map(|line| format!("      {line}\n")).collect();
                format!("    - {first}\n{rest}")
            });
            let items: String = items.collect();
            format!("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n{items}")
        };
        let without_lines = |found: Vec<String>| -> Vec<String> {
            let mut found: Vec<String> =
                found.iter().map(|it| it.split_once(' ').map_or("", |(_, what)| what).to_owned()).collect();
            found.sort();
            found
        };
        let wanted = without_lines(situation.2.iter().map(|it| (*it).to_owned()).collect());
        let found = without_lines(found(&home(situation, &listed)));
        if found != wanted {
            wrong.push(format!("{}: {found:#?}, expected {wanted:#?}", situation.0));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a file is after its fixes.
fn fixed(situation: &str, rules: &'static str, fixes: &str, file: &str) -> String {
    let name: &'static str = Box::leak(situation.to_owned().into_boxed_str());
    let home = home(&(name, rules, &[]), &str::to_owned);
    home.run(&["eval", "--bundle", "../rules.yaml", fixes, "."]);
    home.read(file)
}

#[test]
fn fixes_do_no_harm() {
    let dockerfile = fixed("fix-eats-instruction", "df-healthcheck-valid", "--fix", "Dockerfile");
    assert!(!dockerfile.contains("|| exit") && dockerfile.contains("\nCMD [\"/shop\"]"), "{dockerfile}");
    assert!(!dockerfile.contains('\\'), "{dockerfile}");

    let bind = fixed("safe-fix-bind", "pss-privilege-escalation", "--fix", "safe-fix-bind.yaml");
    assert!(!bind.contains("allowPrivilegeEscalation"), "{bind}");

    let grace = fixed("safe-fix-grace", "prestop-drain-hook, grace-covers-prestop", "--fix", "safe-fix-grace.yaml");
    assert!(grace.contains("terminationGracePeriodSeconds: 5 "), "{grace}");

    let rules = "pss-run-as-non-root, pss-seccomp-restricted, pss-privilege-escalation, pss-drop-all-capabilities, \
                 read-only-root-filesystem";
    let windows = fixed("windows-by-selector", rules, "--fix=unsafe", "windows-by-selector.yaml");
    for field in ["allowPrivilegeEscalation", "seccompProfile", "capabilities", "readOnlyRootFilesystem"] {
        assert!(!windows.contains(field), "{windows}");
    }

    let limits = fixed("fix-above-pod-limit", "resource-requests-required", "--fix=unsafe", "fix-above-pod-limit.yaml");
    let asked = |what: &str| limits.lines().skip_while(|line| !line.contains("requests")).any(|it| it.contains(what));
    assert!(limits.contains("requests") && !asked("100m") && !asked("128Mi"), "{limits}");
}

#[test]
fn unsafe_fixes_do_at_least_what_safe_ones_do() {
    let rules = "readiness-probe-required, min-replicas, zone-spread-required, pdb-required, pss-privilege-escalation, \
                 pss-seccomp-restricted, pss-drop-all-capabilities";
    let file = "unsafe-fix-less.yaml";
    let (safe, all) =
        (fixed("unsafe-fix-less", rules, "--fix", file), fixed("unsafe-fix-less", rules, "--fix=unsafe", file));
    for field in ["allowPrivilegeEscalation: false", "seccompProfile"] {
        assert!(safe.contains(field) && all.contains(field), "{safe}\n{all}");
    }
}
