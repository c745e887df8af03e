//! The command line, as a person or a pipeline uses it.

use std::path::Path;
use std::process::{Command, Output};

/// The binary, with a cache of its own and an environment that says nothing.
fn policy_host(cache: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_policy-host"))
        .args(arguments)
        .env_clear()
        .env("POLICY_HOST_CACHE", cache)
        .output()
        .expect("the binary runs")
}

#[test]
fn nothing_to_judge_is_its_own_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let output = policy_host(home.path(), &["eval", home.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
}
