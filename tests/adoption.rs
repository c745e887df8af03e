//! Adopting rules on a repository that has findings: exceptions, baselines, changes, configuration, and the tools
//! that run the command.

mod add_ignore;
mod baseline;
mod configuration;
mod exceptions;
mod selection;
mod tools;

use crate::cli::{Home, stderr, stdout};
use std::process::Command;

/// A pod with one finding of `pss-privileged`, on its line 11.
const POD: &str = crate::cli::PRIVILEGED;
/// Checks by one rule.
const ONE_RULE: &str = "name: one\nversion: '1'\nrules: [pss-privileged]\n";

/// A directory with files, and a bundle of one rule.
fn home(files: &[(&str, &str)]) -> Home {
    let home = Home::with(files);
    home.write("../one.yaml", ONE_RULE);
    home
}

/// `eval --bundle ../one.yaml`, with more.
fn eval(home: &Home, arguments: &[&str]) -> (i32, String) {
    let output = home.run(&[&["eval", "--bundle", "../one.yaml"], arguments].concat());
    (output.status.code().unwrap(), format!("{}{}", stdout(&output), stderr(&output)))
}

/// Runs git in the directory, as somebody.
fn git(home: &Home, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(home.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}
