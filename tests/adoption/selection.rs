//! What is read, asked and told: `exclude`, `select`, `ignore`, and bundles that extend others.

use super::{POD, eval, home};
use crate::cli::{Home, stderr, stdout};

/// The findings of a run over the directory as `file rule/code`.
fn findings(home: &Home, arguments: &[&str]) -> Vec<String> {
    let report = home.json(&[&["eval", "--no-cache"], arguments].concat());
    let outcomes = report["documents"].as_array().unwrap().iter().flat_map(|document| {
        let file = document["location"]["file"].as_str().unwrap();
        document["outcomes"].as_array().unwrap().iter().flat_map(move |outcome| {
            let findings = outcome["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
            let name = move |finding: &serde_json::Value| {
                let (rule, code) = (outcome["rule"].as_str().unwrap(), finding["code"].as_str().unwrap());
                format!("{file} {rule}/{code}")
            };
            findings.iter().map(name)
        })
    });
    outcomes.collect()
}

/// What a run that is refused says.
fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(&[&["eval"], arguments].concat());
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    stderr(&output)
}

#[test]
fn what_is_excluded_is_not_even_read() {
    let home = home(&[
        ("web.yaml", POD),
        ("vendor/web.yaml", POD),
        ("vendor/deep/broken.yaml", "a: ["),
        ("k8s/vendor/web.yaml", POD),
        ("k8s/a.gen.yaml", "a: ["),
    ]);
    std::fs::write(home.path("vendor/binary.yaml"), [0xff]).unwrap();
    let (code, said) = eval(&home, &["--exclude", "vendor", "--exclude", "**/*.gen.yaml"]);
    assert!(code == 1 && !said.contains("broken") && !said.contains("binary") && !said.contains(".gen"), "{said}");
    assert!(said.contains("k8s/vendor/web.yaml") && !said.contains("--> vendor/"), "{said}");
    home.write("policy-host.yaml", "exclude: [vendor, '**/*.gen.yaml']\n");
    assert_eq!(eval(&home, &[]).1.matches("-->").count(), 2);
    // From a directory below it is the same.
    home.write(".git/HEAD", "");
    let run = |directory: &str, arguments: &[&str]| {
        let mut command = home.command(&[&["eval", "--bundle", "../../one.yaml"], arguments].concat());
        command.current_dir(home.path(directory)).output().unwrap()
    };
    assert_eq!(stdout(&run("k8s", &[".."])).matches("-->").count(), 2);
    let nothing = run("k8s", &["--force-exclude", "../vendor/deep"]);
    assert_eq!(nothing.status.code(), Some(3));
    assert!(stderr(&nothing).contains("1 file or directory is excluded"), "{}", stderr(&nothing));
    // What the command line says goes before the file.
    assert!(eval(&home, &["--exclude", "k8s"]).1.contains("--> vendor/web.yaml"));
    for (text, message) in [
        ("exclude: ['[']\n", "policy-host.yaml:1:11: the glob is malformed"),
        ("exclude: [a, '!b']\n", "policy-host.yaml:1:14: a glob here cannot begin with `!`"),
        ("exclude: vendor\n", "policy-host.yaml:1:10: "),
    ] {
        home.write("policy-host.yaml", text);
        let said = refused(&home, &[]);
        assert!(said.contains(message), "{said}");
    }
    assert!(refused(&home, &["--no-config", "--exclude", "["]).contains("--exclude: the glob is malformed"));
}

#[test]
fn a_path_that_is_named_is_read_although_the_configuration_excludes_it() {
    let vendored = ["vendor/web.yaml", "vendor/deep/web.yaml", "vendor/deep/vendor/web.yaml"];
    let mut files = vec![("web.yaml", POD), ("policy-host.yaml", "exclude: ['**/vendor']\n")];
    files.extend(vendored.map(|path| (path, POD)));
    let home = home(&files);
    let run = |arguments: &[&str]| {
        let output = home.run(&[&["eval", "--no-cache", "--bundle", "../one.yaml"], arguments].concat());
        let (said, told) = (stdout(&output), stderr(&output));
        (vendored.iter().filter(|path| said.contains(&format!("--> {path}:"))).count(), told)
    };
    let note = |what: &str| format!("note: {what} named; --force-exclude leaves");
    let (count, told) = run(&["vendor/web.yaml", "web.yaml"]);
    assert!(count == 1 && told.contains(&note("`vendor/web.yaml` is excluded, and read because it is")), "{told}");
    let (count, told) = run(&["vendor/web.yaml", "vendor/deep/web.yaml"]);
    assert!(count == 2 && told.contains(&note("`vendor/web.yaml` and 1 more are excluded, and read because they are")));
    // What is excluded below a directory that is named stays so.
    let (count, told) = run(&["vendor"]);
    assert!(count == 2 && told.contains("`vendor` is excluded"), "{told}");
    // Whoever passes names that nobody chose says so, on the command line or in the configuration.
    assert_eq!(run(&["--force-exclude", "vendor/web.yaml", "web.yaml"]), (0, String::new()));
    home.write("policy-host.yaml", "exclude: ['**/vendor']\nforceExclude: true\n");
    assert_eq!(run(&["vendor/web.yaml", "web.yaml"]), (0, String::new()));
    // What names a path and excludes it means that it is left out, and so does a file that names what it excludes.
    home.write("policy-host.yaml", "paths: [vendor, web.yaml]\nexclude: ['**/vendor']\n");
    assert_eq!(run(&["--exclude", "vendor", "vendor/web.yaml", "web.yaml"]), (0, String::new()));
    assert_eq!(run(&[]), (0, String::new()));
}

#[test]
fn rules_are_selected_and_ignored_by_all_that_they_belong_to() {
    let home = Home::with(&[("web.yaml", POD)]);
    let all = findings(&home, &["--bundle", "strict"]);
    let of = |list: &str, names: &str| findings(&home, &["--bundle", "strict", list, names]);
    let privileged = "web.yaml pss-privileged/privileged".to_owned();
    assert!(all.contains(&privileged) && all.len() > 3, "{all:?}");
    for name in ["pss-privileged", "pss-privileged/privileged", "pod-security-baseline"] {
        assert_eq!(of("--select", name), std::slice::from_ref(&privileged), "{name}");
        // What it covered is told now.
        let others = of("--ignore", name);
        assert!(!others.contains(&privileged) && others.len() >= all.len() - 1, "{name}: {others:?}");
    }
    for name in ["P0", "XV Security", "XV", "Security", "pss"] {
        let selected = of("--select", name);
        assert!(selected.contains(&privileged), "{name}: {selected:?}");
        assert!(selected.iter().all(|found| !of("--ignore", name).contains(found)), "{name}: {selected:?}");
    }
    let both = ["--bundle", "strict", "--select", "Security,pss-seccomp-restricted", "--ignore", "pss-privileged"];
    assert!(!findings(&home, &both).contains(&privileged));
    home.write("policy-host.yaml", "bundle: strict\nselect: [pss-privileged, rbac]\nignore: [rbac]\n");
    assert_eq!(findings(&home, &[]), [privileged]);
    let shown = stdout(&home.run(&["config", "show", "--ignore", "P1"]));
    let has = |parts: &[&str]| shown.lines().any(|line| line.split_whitespace().eq(parts.iter().copied()));
    assert!(has(&["ignore", "P1", "command", "line"]), "{shown}");
    assert!(shown.contains("pss-privileged rbac") && shown.contains("policy-host.yaml:2:9"), "{shown}");
}

#[test]
fn names_that_nobody_knows_are_refused_with_their_place() {
    let home = Home::with(&[("web.yaml", POD)]);
    for (text, message) in [
        ("select: [pss-priviliged]\n", "policy-host.yaml:1:10: `pss-priviliged` is no rule"),
        ("select: [pss-priviliged]\n", "did you mean `pss-privileged`?"),
        ("ignore: [P0, Secutiry]\n", "policy-host.yaml:1:14: `Secutiry` is no rule"),
        ("ignore: [pss-privileged/privilegd]\n", "did you mean `pss-privileged/privileged`?"),
    ] {
        home.write("policy-host.yaml", text);
        let said = refused(&home, &[]);
        assert!(said.contains(message), "{said}");
    }
    assert!(refused(&home, &["--no-config", "--select", "x"]).contains("--select: `x` is no rule"));
    let none = refused(&home, &["--no-config", "--select", "rbac", "--ignore", "rbac"]);
    assert!(none.contains("no rule of the bundle `default` is left"), "{none}");
}

#[test]
fn a_secret_of_what_is_ignored_in_part_stays_hidden() {
    let text = POD.replace(
        "image: app:1.0.0",
        "image: app:1.0.0\n      env: [{name: DB, value: 'postgres://a:letmein99@[fd00::1]/x'}]",
    );
    let home = Home::with(&[("web.yaml", &text)]);
    let output = home.run(&["eval", "--no-cache", "--select", "pss-privileged"]);
    assert!(stdout(&output).contains("pss-privileged"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("letmein99"), "{}", stdout(&output));
}

#[test]
fn a_bundle_says_more_of_what_it_extends() {
    let middle = "\
name: middle
version: '1'
extends: pod-security-restricted
enforcement: warn
rules:
  - {rule: pss-privileged, severity: low}
  - {rule: pss-run-as-non-root, enabled: false}
exemptions:
  - {rules: [pss-seccomp-restricted], names: [web], reason: because, owner: us}
";
    let own = "\
name: own
version: '2'
extends: ../middle.yaml
rules:
  - {rule: pss-privileged, enforcement: deny}
  - {rule: pss-seccomp-restricted, enabled: false}
  - min-replicas
";
    let home = Home::with(&[("web.yaml", POD), ("middle.yaml", middle), ("rules/own.yaml", own)]);
    let bundle = ["--bundle", "rules/own.yaml"];
    let report = home.json(&[&["eval", "--no-cache"], &bundle[..]].concat());
    let rules = report["rules"].as_array().unwrap();
    let rule = |id: &str| rules.iter().find(|rule| rule["id"] == id);
    let said = |id: &str| rule(id).map(|rule| (rule["severity"].as_str(), rule["enforcement"].as_str()));
    assert_eq!(said("pss-privileged"), Some((Some("low"), Some("deny"))));
    assert_eq!(said("pss-drop-all-capabilities").unwrap().1, Some("warn"));
    assert!(rule("min-replicas").is_some());
    assert!(rule("pss-run-as-non-root").is_none() && rule("pss-seccomp-restricted").is_none());
    assert_eq!(report["bundle"]["name"], "own");
    let shown = stdout(&home.run(&["config", "show", "--bundle", "rules/own.yaml"]));
    assert!(shown.contains("own.extends") && shown.contains("rules/own.yaml:3:10"), "{shown}");
    assert!(shown.contains("middle.extends") && shown.contains("middle.yaml:3:10"), "{shown}");
    for (name, text, message) in [
        ("a.yaml", "name: a\nversion: '1'\nextends: defualt\n", "a.yaml:3:10: there is no bundle `defualt`"),
        ("a.yaml", "name: a\nversion: '1'\nextends: defualt\n", "did you mean `default`?"),
        ("a.yaml", "name: a\nversion: '1'\nextends: a.yaml\n", "bundles extend one another, or each other"),
        ("a.yaml", "name: a\nversion: '1'\n", "a.yaml:1:1: a bundle has `rules`, or `extends` another"),
        (
            "a.yaml",
            "name: a\nversion: '1'\nextends: strict\nrules:\n  - {rule: min-replicas, parameters: {min: [x]}}\n",
            "a.yaml:5:",
        ),
    ] {
        home.write(name, text);
        let said = refused(&home, &["--bundle", name]);
        assert!(said.contains(message), "{said}");
    }
}

#[test]
fn what_could_not_be_read_is_a_finding() {
    let home = home(&[("web.yaml", POD), ("k8s/broken.yaml", "kind: [\n"), ("good.txt", "")]);
    std::fs::write(home.path("k8s/binary.yaml"), [0xff]).unwrap();
    for (arguments, wanted) in [
        (&["--fail-on", "never"][..], 0),
        (&["--fail-on", "critical", "k8s"], 0),
        (&["--fail-on", "high", "k8s"], 1),
        (&["k8s"], 1),
        (&["none.yaml", "--fail-on", "never"], 2),
    ] {
        let (code, said) = eval(&home, arguments);
        assert_eq!(code, wanted, "{arguments:?} {said}");
    }
    for format in ["human", "concise", "json", "sarif", "junit", "github", "markdown", "html"] {
        let (_, said) = eval(&home, &["--format", format]);
        assert!(said.contains("broken.yaml") && said.contains("binary.yaml"), "{format}: {said}");
    }
    let report = home.json(&["eval", "--bundle", "../one.yaml"]);
    let kinds: Vec<(&str, &str)> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["kind"].as_str().unwrap(), error["file"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("not-text", "k8s/binary.yaml"), ("syntax", "k8s/broken.yaml")]);
}

#[test]
fn a_baseline_holds_what_could_not_be_read() {
    let home = home(&[("web.yaml", POD), ("k8s/broken.yaml", "kind: [\n")]);
    std::fs::write(home.path("k8s/binary.yaml"), [0xff]).unwrap();
    let (code, said) = eval(&home, &["--write-baseline", "known.json"]);
    assert!(code == 0 && said.contains("holds 3 findings now"), "{said}");
    assert!(home.read("known.json").contains("\"path\": \"k8s/broken.yaml\""));
    let (code, said) = eval(&home, &["--baseline", "known.json"]);
    assert!(code == 0 && said.contains("3 in the baseline") && !said.contains("could not be read"), "{said}");
    // From elsewhere, and with other lines, they are the same; another file and another kind of problem are not.
    home.write("k8s/broken.yaml", "a: b\n\nkind: [\n");
    assert_eq!(eval(&home, &["--baseline", "known.json"]).0, 0);
    home.write("k8s/other.yaml", "kind: [\n");
    let (code, said) = eval(&home, &["--baseline", "known.json"]);
    assert!(code == 1 && said.contains("k8s/other.yaml") && !said.contains("broken.yaml"), "{said}");
    std::fs::write(home.path("k8s/broken.yaml"), [0xff]).unwrap();
    std::fs::remove_file(home.path("k8s/other.yaml")).unwrap();
    let (code, said) = eval(&home, &["--baseline", "known.json"]);
    assert!(code == 1 && said.contains("k8s/broken.yaml: the file is not UTF-8"), "{said}");
}
