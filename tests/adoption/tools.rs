//! What runs the command: a shell, a watcher, pre-commit, GitHub.

use super::{POD, git, home};
use crate::cli::{Home, stderr, stdout};
use policy_host::parse::{Limits, Scalars, yaml};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read_yaml(name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(root().join(name)).unwrap();
    yaml::parse(&text, Scalars::Core12, &Limits::default()).unwrap().unwrap().to_value()
}

/// The `PATH` with the binary on it.
fn path() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_policy-host"));
    format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap())
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    let home = home(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(stdout(&home.run(&["completions", shell])).contains("write-baseline"), "{shell}");
    }
    assert!(stdout(&home.run(&["man"])).starts_with(".ie"));
    home.run(&["man", "--out", "pages"]);
    assert!(home.read("pages/policy-host-eval.1").contains("\\-\\-since"));
    assert!(!home.path("pages/policy-host-pack.1").exists(), "what is hidden stays so");
}

/// Waits for something to be in a file.
fn wait_for(home: &Home, name: &str, expected: &str) {
    let started = Instant::now();
    while !home.read(name).contains(expected) {
        assert!(started.elapsed() < Duration::from_secs(60), "{expected} is not in {}", home.read(name));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn watching_judges_again_survives_what_is_broken_and_ends_with_the_last_verdict() {
    let home = home(&[("web.yaml", POD)]);
    let said = std::fs::File::create(home.path("said")).unwrap();
    let mut command = home.command(&["eval", "--watch", "--bundle", "../one.yaml", "--no-cache"]);
    let mut child = command.stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
    let wait = |expected: &str| {
        wait_for(&home, "said", expected);
        std::fs::write(home.path("said"), "").unwrap();
    };
    wait("of this verdict, 1\n");
    home.write("web.yaml", "kind: [");
    wait("of this verdict, 1\n");
    std::fs::remove_file(home.path("web.yaml")).unwrap();
    wait("of this verdict, 3\n");
    home.write("new/deep/web.yaml", POD);
    wait("of this verdict, 1\n");
    home.write("policy-host.yaml", "nonsense: 1\n");
    wait("of this verdict, 2\n");
    home.write("policy-host.yaml", "failOn: never\n");
    wait("of this verdict, 0\n");
    home.write("../one.yaml", "name: [");
    wait("of this verdict, 2\n");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

/// Runs a hook as pre-commit does: its entry, a script of this repository, in the root of another.
fn hook(home: &Home, id: &str) -> Output {
    let hooks = read_yaml(".pre-commit-hooks.yaml");
    let hook = hooks.as_array().unwrap().iter().find(|hook| hook["id"] == id).unwrap();
    assert_eq!((&hook["language"], &hook["pass_filenames"]), (&"script".into(), &false.into()));
    let mut words = hook["entry"].as_str().unwrap().split(' ');
    let mut command = Command::new(root().join(words.next().unwrap()));
    command.args(words).env_clear().env("PATH", path()).env("POLICY_HOST_CACHE", home.cache());
    command.current_dir(home.path("")).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_hooks_of_pre_commit_fail_on_findings() {
    let home = home(&[("web.yaml", POD)]);
    git(&home, &["init", "-q"]);
    git(&home, &["add", "."]);
    git(&home, &["commit", "-qm", "one"]);
    let all = hook(&home, "policy-host");
    assert_eq!(all.status.code(), Some(1), "{}", stderr(&all));
    let changes = hook(&home, "policy-host-changes");
    assert_eq!(changes.status.code(), Some(0), "{}", stderr(&changes));
    home.write("new.yaml", POD);
    git(&home, &["add", "."]);
    assert_eq!(hook(&home, "policy-host-changes").status.code(), Some(1));
}

/// Runs the steps of the action as GitHub does, and gives the last one's output and what it set.
fn action(home: &Home, inputs: &[(&str, &str)]) -> (Output, String) {
    let action = read_yaml("action.yml");
    let defaults = action["inputs"].as_object().unwrap().iter();
    let mut values: BTreeMap<&str, &str> =
        defaults.map(|(name, input)| (name.as_str(), input["default"].as_str().unwrap())).collect();
    for (name, value) in inputs {
        assert!(values.insert(name, value).is_some(), "there is no input {name}");
    }
    let mut last = None;
    home.write("../output", "");
    for (number, step) in action["runs"]["steps"].as_array().unwrap().iter().enumerate() {
        assert_eq!(step["shell"], "bash");
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "inputs must not become part of the script");
        home.write(&format!("../step{number}.sh"), script);
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(home.path(&format!("../step{number}.sh")));
        command.env_clear().env("PATH", path()).env("POLICY_HOST_CACHE", home.cache());
        command.env("GITHUB_OUTPUT", home.path("../output")).env("GITHUB_ACTION_PATH", root());
        for (name, value) in step["env"].as_object().unwrap() {
            let value = value.as_str().unwrap().strip_prefix("${{ ").unwrap().strip_suffix(" }}").unwrap();
            // What GitHub says of the action itself is empty, as it is for one of the same repository.
            let value = value.strip_prefix("inputs.").map_or("", |input| values[input]);
            command.env(name, value);
        }
        last = Some(command.current_dir(home.path("")).output().unwrap());
    }
    (last.unwrap(), home.read("../output"))
}

#[test]
fn the_action_judges_and_tells_the_exit_code() {
    let home = home(&[("k8s/web.yaml", POD), ("a b/good.yaml", include_str!("../fixtures/good-pod.yaml"))]);
    let (output, set) = action(&home, &[("bundle", "../one.yaml")]);
    assert!(stdout(&output).starts_with("::error "), "{}", stdout(&output));
    assert_eq!((output.status.code(), &*set), (Some(1), "exit-code=1\n"), "{}", stderr(&output));
    let (output, set) = action(&home, &[("bundle", "../one.yaml"), ("paths", "a b\n\n")]);
    assert_eq!((output.status.code(), &*set), (Some(0), "exit-code=0\n"), "{}", stderr(&output));
    let (output, _) = action(&home, &[("bundle", "../one.yaml"), ("fail-on", "never"), ("format", "json")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok());
    let (_, set) = action(&home, &[("paths", "$(touch hacked)\n`touch hacked`\n--fix")]);
    assert_eq!(set, "exit-code=2\n");
    assert!(!home.path("hacked").exists());
    let (output, _) = action(&home, &[("policy-host", "/none")]);
    assert_eq!(output.status.code(), Some(127));
}
