//! The documents' console blocks: every `$ policy-host …` in them runs, and says what they show.

use crate::fake_registry::FakeRegistry;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Beside these, every page of `docs`.
const DOCUMENTS: [&str; 2] = ["README.md", "CONTRIBUTING.md"];
/// They go on until they are told to end; `tests/server` and `tests/adoption` have their tests.
const ENDLESS: [&str; 2] = ["serve", "--watch"];
/// The registry of the documents, and the one that stands in for it.
const REGISTRY: &str = "registry.example";
const TRUST: &str =
    "keys: {release: release.pub}\nrepositories: [{match: \"registry.example/**\", signedBy: [release]}]\n";

/// A command of a document, and the output that stands below it.
#[derive(Debug, PartialEq)]
struct Shown {
    line: usize,
    arguments: Vec<String>,
    output: Vec<String>,
}

fn commands(text: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut in_block = false;
    let mut of_ours = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            (in_block, of_ours) = (line == "```console", false);
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_block) {
            // A pipe's other end is somebody else's.
            let command = command.split(" #").next().unwrap_or_default();
            let ours = command.strip_prefix("policy-host ").filter(|rest| !rest.contains('|'));
            of_ours = ours.is_some();
            if let Some(arguments) = ours {
                let arguments = arguments.split_whitespace().map(str::to_owned).collect();
                commands.push(Shown { line: index + 1, arguments, output: Vec::new() });
            }
        } else if in_block && of_ours {
            commands.last_mut().unwrap().output.push(line.to_owned());
        }
    }
    commands
}

/// Whether a text is what a document shows of it: `…` is anything within a line, and alone on one any lines.
fn matches(shown: &[String], said: &[&str]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first.trim() == "…" => (0..=said.len()).any(|skip| matches(rest, &said[skip..])),
        Some((first, rest)) => said
            .split_first()
            .is_some_and(|(line, lines)| like(first.trim_end(), line.trim_end()) && matches(rest, lines)),
    }
}

fn like(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    let parts: Vec<&str> = pattern.split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let at = match index {
            0 => rest.starts_with(part).then_some(0),
            _ if index == parts.len() - 1 => rest.len().checked_sub(part.len()).filter(|_| rest.ends_with(part)),
            _ => rest.find(part),
        };
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || parts.len() > 1
}

/// A repository with what the documents' commands name.
fn repository(registry: &FakeRegistry) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("work");
    copy(Path::new("../tests/sample-repository"), &work);
    let rule = ["../target/policies/pod-security-baseline.wasm"].iter().map(PathBuf::from).find(|path| path.is_file());
    fs::copy(rule.expect("`make rules` builds the rules"), work.join("rule.wasm")).unwrap();
    let key = rcgen::generate_simple_self_signed(["policy-host".to_owned()]).unwrap();
    fs::write(work.join("ca.crt"), key.cert.pem()).unwrap();
    fs::write(work.join("bundle.yaml"), "name: ours\nversion: 1.0.0\nrules: [pss-privileged]\n").unwrap();
    fs::write(work.join("trust.yaml"), TRUST.replace(REGISTRY, &registry.host)).unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "commit", "--quiet", "-m", "one"],
        &["update-ref", "refs/remotes/origin/main", "HEAD"],
    ] {
        assert!(Command::new("git").args(arguments).current_dir(&work).status().unwrap().success());
    }
    policy_host(root.path(), &["eval".to_owned(), "--report=json=last-week.json".to_owned()]);
    root
}

fn policy_host(root: &Path, arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_policy-host"))
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("POLICY_HOST_CACHE", root.join("cache"))
        .env("POLICY_HOST_STORE", root.join("store"))
        .env("POLICY_HOST_TRUST", "trust.yaml")
        .env("POLICY_HOST_KEY_PASSWORD", "a passphrase")
        .current_dir(root.join("work"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

#[test]
fn the_documents_commands_work() {
    let pages = fs::read_dir("../docs").unwrap().map(|page| format!("docs/{}", page.unwrap().file_name().display()));
    for document in DOCUMENTS.map(str::to_owned).into_iter().chain(pages) {
        let text = fs::read_to_string(Path::new("..").join(&document)).unwrap();
        let registry = FakeRegistry::start();
        let root = repository(&registry);
        let ends = |shown: &Shown| !shown.arguments.iter().any(|argument| ENDLESS.contains(&argument.as_str()));
        for mut shown in commands(&text).into_iter().filter(ends) {
            let place = format!("{document}:{}: policy-host {}", shown.line, shown.arguments.join(" "));
            if place.contains("oci://") {
                shown.arguments.iter_mut().for_each(|argument| *argument = argument.replace(REGISTRY, &registry.host));
                shown.arguments.push("--insecure".to_owned());
            }
            let output = policy_host(root.path(), &shown.arguments);
            let said = String::from_utf8(output.stdout).unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            // Findings are no failure, and an editor that is gone at once is none either.
            assert!(matches!(output.status.code(), Some(0 | 1)), "{place}: {}\n{errors}", output.status);
            assert!(!errors.contains("error:"), "{place}\n{errors}");
            let lines: Vec<&str> = said.lines().collect();
            assert!(shown.output.is_empty() || matches(&shown.output, &lines), "{place}\n{said}");
        }
    }
}

#[test]
fn commands_and_outputs_are_told_apart() {
    let text = "```console\n$ policy-host list  # all\na\n\nb\n$ make x\nc\n$ helm | policy-host eval -\n```\n$ policy-host no\n";
    let output = ["a", "", "b"].map(str::to_owned).to_vec();
    assert_eq!(commands(text), [Shown { line: 2, arguments: vec!["list".to_owned()], output }]);
}

#[test]
fn what_is_left_out_is_anything() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (shown, said, same) in [
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a …", "a b", true),
        ("… b … d", "a b c d", true),
        ("a", "a\nb", false),
        ("a … c", "a b d", false),
        ("ab…ba", "aba", false),
    ] {
        assert_eq!(matches(&lines(shown), &said.lines().collect::<Vec<_>>()), same, "{shown:?} {said:?}");
    }
}

/// Every link of a page leads to a file, and to a heading of it.
#[test]
fn the_documents_links_lead_somewhere() {
    let pages = fs::read_dir("../docs").unwrap().map(|page| page.unwrap().path());
    let documents = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md", "bundles/README.md"];
    for page in documents.iter().map(|document| Path::new("..").join(document)).chain(pages) {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link}", page.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(slug);
                assert!(headings.any(|known| known == heading), "{}: {link}", page.display());
            }
        }
    }
}

/// The anchor that GitHub gives a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    kept.map(|character| if character == ' ' { '-' } else { character }).collect()
}
