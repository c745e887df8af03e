//! Baselines, and what a change touches.

use super::{POD, eval, git, home};
use crate::cli::stderr;
use crate::sandbox::Answer;

#[test]
fn only_new_findings_fail() {
    let home = home(&[("web.yaml", POD)]);
    let (code, text) = eval(&home, &["--write-baseline", "known.json"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("known.json holds 1 findings now"), "{text}");
    insta::assert_snapshot!("baseline", home.read("known.json"));
    let (code, text) = eval(&home, &["--baseline", "known.json"]);
    assert!(code == 0 && text.contains("1 in the baseline"), "{text}");

    // Lines move, the file moves, another container comes before it: the same finding.
    let moved = format!("# moved\n\n{POD}").replace("    - name: app", "    - name: first\n    - name: app");
    std::fs::remove_file(home.path("web.yaml")).unwrap();
    home.write("k8s/pod.yaml", &moved);
    assert_eq!(eval(&home, &["--baseline", "known.json"]).0, 0);

    // One more of the same, and one in another object, are new.
    home.write("k8s/pod.yaml", &format!("{POD}---\n{POD}"));
    let (code, text) = eval(&home, &["--baseline", "known.json"]);
    assert!(code == 1 && text.contains("1 finding: 1 high · 1 in the baseline"), "{text}");
    home.write("k8s/pod.yaml", &format!("{POD}---\n{}", POD.replace("name: web", "name: other")));
    assert_eq!(eval(&home, &["--baseline", "known.json"]).0, 1);
}

#[test]
fn what_is_fixed_is_said_to_be_and_drops_out() {
    let home = home(&[("web.yaml", POD), ("other.yaml", &POD.replace("name: web", "name: other"))]);
    eval(&home, &["--write-baseline", "known.json"]);
    home.write("web.yaml", &POD.replace("true", "false"));
    let (code, text) = eval(&home, &["--baseline", "known.json", "web.yaml"]);
    assert_eq!(code, 0);
    assert!(
        text.contains("fixed: pss-privileged: Pod web at /spec/containers/[app]/securityContext/privileged\n"),
        "{text}"
    );
    assert!(!text.contains("Pod other"), "what was not judged is not fixed: {text}");
    let json = home.json(&["eval", "--bundle", "../one.yaml", "--baseline", "known.json", "web.yaml"]);
    assert_eq!((json["baseline"]["fixed"].as_array().unwrap().len(), &json["baseline"]["unseen"]), (1, &1.into()));
    eval(&home, &["--baseline", "known.json", "--write-baseline", "known.json"]);
    home.write("web.yaml", POD);
    assert_eq!(eval(&home, &["--baseline", "known.json"]).0, 1, "what was fixed is new when it comes back");
}

/// What the run says of the baseline: how much is fixed, and what was not evaluated, by files, rules and undecided.
fn progress(home: &crate::cli::Home, arguments: &[&str]) -> (usize, [u64; 3]) {
    let json = home.json(&[&["eval", "--baseline", "known.json"], arguments].concat());
    let baseline = &json["baseline"];
    let by = ["files", "rules", "undecided"].map(|name| baseline["unseenBy"][name].as_u64().unwrap());
    assert_eq!(baseline["unseen"].as_u64().unwrap(), by.iter().sum::<u64>());
    (baseline["fixed"].as_array().unwrap().len(), by)
}

#[test]
fn what_was_not_evaluated_is_never_fixed() {
    let one = ["--bundle", "../one.yaml"];
    let with = |arguments: &[&'static str]| [&one[..], arguments].concat();
    let home =
        home(&[("dev/web.yaml", POD), ("prod/web.yaml", POD), ("prod/other.yaml", &POD.replace("web", "other"))]);
    eval(&home, &["--write-baseline", "known.json"]);
    assert_eq!(progress(&home, &one), (0, [0, 0, 0]));
    // The same object stands in two folders, of which one is looked at.
    home.write("dev/web.yaml", &POD.replace("true", "false"));
    assert_eq!(progress(&home, &with(&["prod"])), (0, [1, 0, 0]));
    assert_eq!(progress(&home, &with(&["dev"])), (1, [2, 0, 0]), "the one in this folder is fixed");
    assert_eq!(progress(&home, &one), (1, [0, 0, 0]));
    let (_, text) = eval(&home, &["--baseline", "known.json", "prod/web.yaml"]);
    assert!(
        text.contains(
            "note: 2 findings of the baseline not evaluated this time, so not fixed: 2 in files that were not evaluated"
        ),
        "{text}"
    );
    // A file that cannot be read, or not as what it is.
    home.write("prod/other.yaml", "kind: [\n");
    assert_eq!(progress(&home, &with(&["."])), (1, [1, 0, 0]));
    // One that is excluded.
    assert_eq!(progress(&home, &with(&["--exclude", "prod/other.yaml"])), (1, [1, 0, 0]));
    // Rules that are not asked, and findings that are too mild for the bundle.
    home.write("prod/other.yaml", POD);
    home.write("../others.yaml", "name: x\nversion: '1'\nrules: [pss-host-namespaces]\n");
    assert_eq!(progress(&home, &["--bundle", "../others.yaml"]), (0, [0, 3, 0]));
    home.write("../mild.yaml", "name: x\nversion: '1'\nreport: {severity: critical}\nrules: [pss-privileged]\n");
    assert_eq!(progress(&home, &["--bundle", "../mild.yaml"]), (0, [0, 3, 0]));
    // What an exception lifts is there all the same.
    home.write(
        "prod/other.yaml",
        &POD.replace("web", "other").replace("true", "true # policy: ignore[pss-privileged] why"),
    );
    assert_eq!(progress(&home, &one), (1, [0, 0, 0]));
    // What is gone is fixed: an object, and a file.
    home.write("prod/other.yaml", POD.replace("web", "third").as_str());
    assert_eq!(progress(&home, &one), (2, [0, 0, 0]));
    std::fs::remove_file(home.path("prod/other.yaml")).unwrap();
    assert_eq!(progress(&home, &one), (2, [0, 0, 0]));
}

#[test]
fn writing_a_baseline_again_keeps_what_was_not_evaluated() {
    let home = home(&[("a.yaml", POD), ("b.yaml", &POD.replace("web", "other")), ("broken.yaml", "kind: [\n")]);
    eval(&home, &["--write-baseline", "known.json"]);
    home.write("a.yaml", &POD.replace("true", "false"));
    let (code, text) = eval(&home, &["--write-baseline", "known.json", "a.yaml"]);
    assert_eq!(code, 0);
    assert!(
        text.contains("known.json holds 2 findings now; 2 of them were not evaluated this time and stay in it"),
        "{text}"
    );
    assert_eq!(eval(&home, &["--baseline", "known.json"]).0, 0, "what is in b.yaml and broken.yaml is known as before");
    home.write("a.yaml", POD);
    assert_eq!(eval(&home, &["--baseline", "known.json"]).0, 1, "what was fixed is not");
    let (code, text) = eval(&home, &["--write-baseline", "known.json"]);
    assert!(code == 0 && text.contains("known.json holds 3 findings now\n"), "{text}");
}

#[test]
fn a_baseline_takes_the_place_of_nothing_else() {
    let home = home(&[("web.yaml", POD)]);
    let (code, text) = eval(&home, &["--write-baseline", "web.yaml"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("error: web.yaml: ") && text.contains("remove the file, or name another one"), "{text}");
    assert_eq!(home.read("web.yaml"), POD);
}

#[test]
fn a_baseline_is_not_written_of_half_a_run_nor_read_from_anything() {
    let home = home(&[("web.yaml", POD)]);
    std::fs::create_dir(home.path("rules")).unwrap();
    let failing = Answer::Error("it is Monday".to_owned()).guest().with_manifest();
    std::fs::write(home.path("rules/failing.wasm"), failing).unwrap();
    let output = home.run(&["eval", "--bundle", "rules", "--write-baseline", "known.json"]);
    let text = stderr(&output);
    assert!(output.status.code() == Some(2) && text.contains("known.json is not written"), "{text}");
    assert!(!home.path("known.json").exists());
    let cases = [
        ("", "this is no baseline"),
        ("{\"schema\": \"other\", \"findings\": []}", "its schema is `other`"),
        ("{\"schema\": \"policy-host/baseline/v1\", \"findings\": [{\"rule\": 1}]}", "this is no baseline"),
    ];
    for (content, expected) in cases {
        home.write("known.json", content);
        let (code, text) = eval(&home, &["--baseline", "known.json", "web.yaml"]);
        assert!(code == 2 && text.contains(expected), "{text}");
    }
    assert_eq!(eval(&home, &["--baseline", "none.json"]).0, 2);
}

#[test]
fn since_shows_what_a_change_touches() {
    let two = format!("{POD}---\n{}", POD.replace("name: web", "name: other"));
    let home = home(&[("two.yaml", &two), ("same.yaml", POD), ("gone.yaml", POD)]);
    git(&home, &["init", "-q", "-b", "main"]);
    git(&home, &["add", "."]);
    git(&home, &["commit", "-qm", "one"]);
    let since = |reference: &str| eval(&home, &["--since", reference]);
    let (code, text) = since("main");
    assert!(code == 0 && text.contains("4 outside of the change"), "{text}");

    git(&home, &["checkout", "-qb", "topic"]);
    home.write("two.yaml", &two.replace("name: other", "name: another"));
    std::fs::remove_file(home.path("gone.yaml")).unwrap();
    let (code, text) = since("main");
    assert!(code == 1 && text.contains("1 finding: ") && text.contains("Pod another"), "not committed yet: {text}");
    git(&home, &["commit", "-qam", "two"]);
    assert!(since("main").1.contains("1 finding: "), "committed");

    // What came to main since then is not one of this branch's.
    git(&home, &["checkout", "-q", "main"]);
    home.write("same.yaml", &format!("# new\n{POD}"));
    git(&home, &["commit", "-qam", "three"]);
    git(&home, &["checkout", "-q", "topic"]);
    assert!(since("main").1.contains("1 finding: "));

    // Moved: nothing. New, whatever it is called, known to git or not: all of it.
    git(&home, &["mv", "same.yaml", "moved.yaml"]);
    assert!(since("main").1.contains("1 finding: "));
    let hostile = ["--output=x.yaml", "a b\t\"ä\n+++ b/two.yaml", "-"];
    for (number, name) in hostile.iter().enumerate() {
        home.write(&format!("{name}.yaml"), &POD.replace("name: web", &format!("name: hostile-{number}")));
    }
    assert!(since("main").1.contains("4 findings: "), "{}", since("main").1);
    git(&home, &["add", "."]);
    assert!(since("main").1.contains("4 findings: "), "{}", since("main").1);
}

#[test]
fn a_deleted_line_touches_its_document() {
    let home = home(&[("web.yaml", &POD.replace("  name: web\n", "  name: web\n  labels: {a: b}\n"))]);
    git(&home, &["init", "-q"]);
    git(&home, &["add", "."]);
    git(&home, &["commit", "-qm", "one"]);
    home.write("web.yaml", POD);
    assert_eq!(eval(&home, &["--since", "HEAD"]).0, 1);
}

#[test]
fn a_reference_is_a_commit_or_an_error() {
    let home = home(&[("web.yaml", POD)]);
    let (code, text) = eval(&home, &["--since", "HEAD"]);
    assert!(code == 2 && text.contains("git rev-parse: not a git repository"), "{text}");
    git(&home, &["init", "-q"]);
    git(&home, &["add", "."]);
    git(&home, &["commit", "-qm", "one"]);
    for reference in ["none", "--output=web.yaml", "HEAD:web.yaml", "", "HEAD;true", "--all"] {
        let (code, text) = eval(&home, &[&format!("--since={reference}")]);
        assert!(code == 2 && text.contains("is no commit here"), "{reference}: {text}");
    }
    assert_eq!(home.read("web.yaml"), POD);
}
