//! Files that are none, wherever one is named or found: a pipe that nobody writes to, a device that never ends, a
//! directory, a file of a terabyte. Nothing waits for them, and nothing reads more than it may.

use crate::cli::{Home, PRIVILEGED, stderr};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What a name can lead to, and what is said of it.
const HOSTILE: [(&str, &[&str]); 4] = [
    ("pipe", &["it is no regular file"]),
    ("device", &["it is no regular file"]),
    ("directory", &["directory"]),
    ("huge", &["longer than", "more than"]),
];

fn make(kind: &str, path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    match kind {
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "device" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        "directory" => std::fs::create_dir(path).unwrap(),
        _ => std::fs::File::create(path).unwrap().set_len(1 << 40).unwrap(),
    }
}

/// Runs a command that has to end by itself.
fn run(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.command(arguments);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn whatever_is_named() {
    // A directory is walked, or holds components, where it says so.
    let commands: [(&str, &[&str], bool); 16] = [
        ("input.yaml", &["eval", "--no-config", "--bundle", "pod-security-restricted", "X"], true),
        ("input.json", &["eval", "--no-config", "--bundle", "pod-security-restricted", "X"], true),
        ("main.tf", &["eval", "--no-config", "--bundle", "pod-security-restricted", "X"], true),
        ("baseline.json", &["eval", "--no-config", "--baseline", "X", "web.yaml"], false),
        ("config.yaml", &["eval", "--config", "X", "web.yaml"], false),
        ("rules/rule.wasm", &["eval", "--no-config", "--bundle", "rules", "web.yaml"], true),
        ("rules/bundle.yaml", &["eval", "--no-config", "--bundle", "rules", "web.yaml"], true),
        ("rule.wasm", &["inspect", "X"], false),
        ("rule.wasm", &["component", "X", "--out", "out.wasm"], false),
        ("results.json", &["report", "X"], false),
        ("serve.yaml", &["serve", "--config", "X"], false),
        (
            "trust.yaml",
            &["eval", "--no-config", "--trust", "X", "--bundle", "oci://localhost:1/a:1", "web.yaml"],
            false,
        ),
        (
            "lock",
            &[
                "eval",
                "--no-config",
                "--allow-unsigned",
                "--lock",
                "X",
                "--bundle",
                "oci://localhost:1/a:1",
                "web.yaml",
            ],
            false,
        ),
        ("key.pub", &["verify", "--key", "X", "oci://localhost:1/a:1"], false),
        ("archive.tar", &["bundle", "load", "X"], false),
        ("certificates.pem", &["bundle", "gatekeeper", "pod-security-restricted", "--ca-bundle", "X"], false),
    ];
    for (kind, says) in HOSTILE {
        for (name, arguments, walks) in commands {
            if kind == "directory" && walks {
                continue;
            }
            let home = Home::with(&[("web.yaml", PRIVILEGED)]);
            make(kind, &home.path(name));
            let arguments: Vec<&str> =
                arguments.iter().map(|argument| if *argument == "X" { name } else { argument }).collect();
            let output = run(&home, &arguments);
            let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
            // What is checked and too large is a finding.
            let is_judged = ["input.yaml", "input.json", "main.tf"].contains(&name);
            let expected = if kind == "huge" && is_judged { 1 } else { 2 };
            assert_eq!(output.status.code(), Some(expected), "{kind} as {arguments:?}: {said}");
            let told = says.iter().any(|part| said.contains(part));
            assert!(told || (name == "archive.tar" && kind == "huge"), "{kind} as {arguments:?}: {said}");
        }
    }
}

#[test]
fn whatever_is_found() {
    for (kind, _) in HOSTILE {
        let home = Home::with(&[("web.yaml", PRIVILEGED)]);
        // The configuration of the repository.
        make(kind, &home.path("policy-host.yaml"));
        let output = run(&home, &["eval", "--bundle", "pod-security-restricted", "web.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{kind}: {}", stderr(&output));

        // Among what is checked: what is no file is skipped, what is too large is told.
        let home = Home::with(&[("k8s/web.yaml", PRIVILEGED)]);
        make(kind, &home.path("k8s/other.yaml"));
        let output = run(&home, &["eval", "--no-config", "--bundle", "pod-security-restricted", "k8s"]);
        assert_eq!(output.status.code(), Some(1), "{kind}: {}", stderr(&output));
        let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.contains("k8s/other.yaml: the file has more than"), kind == "huge", "{kind}: {said}");

        // What says which files are to be ignored.
        for name in [".gitignore", "k8s/.gitignore", "k8s/below/.ignore"] {
            let home = Home::with(&[("k8s/web.yaml", PRIVILEGED), ("k8s/below/web.yaml", PRIVILEGED)]);
            make(kind, &home.path(name));
            let output = run(&home, &["eval", "--no-config", "--bundle", "pod-security-restricted", "k8s"]);
            assert_eq!(output.status.code(), Some(2), "{kind} {name}: {}", stderr(&output));
        }
    }
}

/// JSON that is too large to be looked at as a whole is no error unless it may be ours.
#[test]
fn large_json_of_others_is_passed_over() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    let filler = "x".repeat(9 << 20);
    home.write("data.json", &format!("{{\"data\": \"{filler}\"}}"));
    let judge = || run(&home, &["eval", "--no-config", "--bundle", "pod-security-restricted", "."]);
    assert_eq!(judge().status.code(), Some(1));
    home.write("ours.json", &format!("{{\"apiVersion\": \"v1\", \"data\": \"{filler}\"}}"));
    let output = judge();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("ours.json") && said.contains("(limit `bytes`)") && !said.contains("data.json"), "{said}");
}
