//! What goes wrong is said in plain words, with its place and what would be right.

use crate::cli::{Home, PRIVILEGED, stderr};

/// Words that only who wrote the program understands.
const INNER: [&str; 12] = [
    "os error",
    "untagged",
    "variant",
    "struct ",
    "serde",
    "invalid type",
    "expected one of",
    "sequence",
    "client error",
    "additional properties",
    ".tmp",
    "at line ",
];

/// What a command that fails says: one line.
fn said(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for inner in INNER {
        assert!(!said.to_lowercase().contains(inner), "{arguments:?} says `{inner}`: {said}");
    }
    said
}

#[test]
fn a_typo_in_a_bundle_is_told_with_what_is_meant() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    let head = "name: x\nversion: '1'\n";
    for (text, expected) in [
        (
            "rules: [{rule: pss-privileged, severty: low}]",
            "b.yaml:3:32: `rules[0].severty`: there is no field `severty` here; did you mean `severity`?",
        ),
        (
            "rules: [{rule: pss-privileged, severity: hihg}]",
            "b.yaml:3:42: `rules[0].severity`: `hihg` is not one of the words that may stand here; did you mean `high`?",
        ),
        ("rules: pss-privileged", "b.yaml:3:8: `rules`: expected a list, found the text `pss-privileged`"),
        ("rules: [3]", "b.yaml:3:9: `rules[0]`: expected a word or a mapping, found the number 3"),
        ("rules: [{rule: min-replicas, parameters: [1]}]", "`rules[0].parameters`: expected a mapping, found a list"),
        (
            "rules: [{rule: prestop-drain-hook, parameters: {min_slep: 1}}]",
            "there is no field `min_slep` here; did you mean `min_sleep`?",
        ),
        (
            "rules: [{rule: prestop-drain-hook, parameters: {min_sleep: soon}}]",
            "expected a whole number, found the text `soon`",
        ),
        (
            "rules: [pss-privileged]\nsettings: {production: {namespceParts: [a]}}",
            "there is no field `namespceParts` here; did you mean `namespaceParts`?",
        ),
        (
            "extends: strct",
            "b.yaml:3:10: there is no bundle `strct`: neither a shipped one (default, pod-security-baseline, pod-security-restricted, strict, twelve-factor) nor a file or directory; did you mean `strict`?",
        ),
        (
            "rules: [pss-privileged]\nonUpdate: nwe",
            "`onUpdate`: `nwe` is not one of the words that may stand here: there are `new`, `all`",
        ),
    ] {
        home.write("b.yaml", &format!("{head}{text}\n"));
        let said = said(&home, &["eval", "--bundle", "b.yaml", "web.yaml"]);
        assert!(said.contains(expected), "{text}\n{said}");
    }
    home.write("b.yaml", "version: '1'\nrules: []\n");
    assert!(said(&home, &["eval", "--bundle", "b.yaml"]).contains("error: b.yaml:1:1: the field `name` is missing"));
}

#[test]
fn names_that_nobody_knows_are_told_with_what_is_meant() {
    let home = Home::with(&[
        ("web.yaml", PRIVILEGED),
        ("bundles/ours.yaml", "name: x\nversion: '1'\nrules: [pss-privileged]\n"),
    ]);
    for command in [
        &["eval", "--bundle"][..],
        &["list", "--bundle"],
        &["bundle", "rbac"],
        &["serve", "--no-cluster", "--bundle"],
        &["bench"],
    ] {
        let typo = said(&home, &[command, &["defualt"]].concat());
        assert!(typo.contains("there is no bundle `defualt`") && typo.contains("did you mean `default`?"), "{typo}");
    }
    let typo = said(&home, &["eval", "--bundle", "bundles/our.yaml"]);
    assert!(typo.contains("did you mean `bundles/ours.yaml`?"), "{typo}");
}

#[test]
fn files_that_are_not_there_or_something_else_are_named() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    for (arguments, expected) in [
        (&["eval", "web.yaml", "--baseline=none.json"][..], "none.json: No such file or directory\n"),
        (&["eval", "web.yaml", "--baseline=web.yaml"], "web.yaml: this is no baseline: it is not JSON"),
        (&["eval", "web.yaml", "--report=json=none/a"], "cannot write none/a: No such file or directory\n"),
        (&["eval", "web.yaml", "--write-baseline=none/a"], "none/a: No such file or directory\n"),
        (&["eval", "web.yaml", "--config=none.yaml"], "none.yaml: No such file or directory\n"),
        (&["eval", "web.yaml", "--config=web.yaml"], "web.yaml:2:1: `apiVersion`: there is no field `apiVersion` here"),
        (&["report", "web.yaml"], "web.yaml: it is not JSON: expected value (line 1, column 1)"),
        (&["test", "none"], "none: No such file or directory"),
        (&["man", "--out=/proc/none"], "/proc/none"),
        (&["serve", "--config=none.yaml"], "none.yaml: No such file or directory\n"),
        (&["serve", "--config=web.yaml"], "web.yaml:2:1: `apiVersion`: there is no field `apiVersion` here"),
        (&["inspect", "none.wasm"], "none.wasm: No such file or directory\n"),
        (&["eval", "--trust=none.yaml", "--bundle=oci://localhost:1/x:1"], "none.yaml: No such file or directory\n"),
    ] {
        let said = said(&home, arguments);
        assert!(said.contains(expected), "{arguments:?}\n{said}");
    }
}

#[test]
fn a_registry_that_is_away_is_told_in_plain_words() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    let away = said(&home, &["eval", "--allow-unsigned", "--bundle=oci://127.0.0.1:1/x:1", "web.yaml"]);
    assert!(away.contains("https://127.0.0.1:1/v2/x/manifests/1: Connection refused (tried "), "{away}");
}

#[test]
fn an_exception_from_a_rule_that_nobody_knows_names_the_one_that_is_meant() {
    let text = PRIVILEGED.replace("true", "true # policy: ignore[pss-privilegd] why");
    let home = Home::with(&[("web.yaml", &text)]);
    let output = home.run(&["eval", "web.yaml", "--format=concise"]);
    let said = crate::cli::stdout(&output);
    assert!(said.contains("there is no such rule; did you mean `pss-privileged`?"), "{said}");
}
