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

    // What came to main since then is none of this branch's.
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
