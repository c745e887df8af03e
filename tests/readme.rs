//! The documents' console blocks: every `$ policy-host …` in them runs, and says what they show.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const DOCUMENTS: [&str; 2] = ["README.md", "CONTRIBUTING.md"];
/// It serves until it is told to end; `tests/server` has its tests.
const ENDLESS: &str = "serve";

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
fn repository() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("work");
    copy(Path::new("../tests/sample-repository"), &work);
    let rule = ["../target/policies/pss-privileged.wasm"].iter().map(PathBuf::from).find(|path| path.is_file());
    fs::copy(rule.expect("`make rules` builds the rules"), work.join("rule.wasm")).unwrap();
    let key = rcgen::generate_simple_self_signed(["policy-host".to_owned()]).unwrap();
    fs::write(work.join("ca.crt"), key.cert.pem()).unwrap();
    root
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
    for document in DOCUMENTS {
        let text = fs::read_to_string(Path::new("..").join(document)).unwrap();
        let root = repository();
        for shown in commands(&text).into_iter().filter(|shown| shown.arguments[0] != ENDLESS) {
            let place = format!("{document}:{}: policy-host {}", shown.line, shown.arguments.join(" "));
            let output = Command::new(env!("CARGO_BIN_EXE_policy-host"))
                .args(&shown.arguments)
                .env_clear()
                .env("POLICY_HOST_CACHE", root.path().join("cache"))
                .current_dir(root.path().join("work"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
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
