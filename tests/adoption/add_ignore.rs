//! `add-ignore` writes comments that hold.

use super::{POD, home};
use crate::cli::{Home, stderr, stdout};

/// Runs it with a bundle of one rule: the exit code, what it wrote, what it said.
fn add(home: &Home, arguments: &[&str]) -> (i32, String, String) {
    let output = home.run(&[&["add-ignore", "--bundle", "../one.yaml"], arguments].concat());
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

fn standing(home: &Home) -> u64 {
    let json = home.json(&["eval", "--bundle", "../one.yaml"]);
    json["summary"]["findings"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn a_comment_above_each_line_lifts_what_is_found_there() {
    let two = format!("{POD}---\n{}", POD.replace("name: web", "name: other"));
    let home = home(&[("k8s/two.yaml", &two), ("web.yaml", POD)]);
    assert_eq!(standing(&home), 3);
    let (code, wrote, said) = add(
        &home,
        &["pss-privileged", "k8s", "--reason", "it drives the hardware", "--owner=ops", "--until=2999-01-31"],
    );
    assert_eq!(code, 0, "{said}");
    let comment = "# policy: ignore[pss-privileged] it drives the hardware until=2999-01-31 owner=ops";
    assert_eq!(wrote, format!("k8s/two.yaml:11: {comment}\nk8s/two.yaml:23: {comment}\n"));
    let line = "        privileged: true";
    assert_eq!(home.read("k8s/two.yaml"), two.replace(line, &format!("        {comment}\n{line}")));
    assert_eq!((standing(&home), home.read("web.yaml")), (1, POD.to_owned()));
    let exceptions = home.json(&["eval", "--bundle", "../one.yaml"])["exceptions"].to_string();
    assert_eq!(exceptions.matches("\"used\"").count(), 2, "{exceptions}");
    let (code, _, said) = add(&home, &["pss-privileged", "k8s", "--reason", "again"]);
    assert_eq!(code, 3);
    assert!(said.contains("pss-privileged found nothing that counts"), "{said}");
}

#[test]
fn what_can_have_no_comment_is_said() {
    let json = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "json"}, "spec": {"containers": [{"name": "a", "securityContext": {"privileged": true}}]}}"#;
    let home = home(&[("web.yaml", POD), ("pod.json", json)]);
    let (code, wrote, said) = add(&home, &["pss-privileged", "--reason", "why"]);
    assert_eq!(code, 1);
    assert!(wrote.starts_with("web.yaml:11: "), "{wrote}");
    assert!(
        said.contains(
            "error: pod.json:1: pss-privileged: its language has no comments that say it; say it in `exceptions`"
        ),
        "{said}"
    );
    assert_eq!((home.read("pod.json"), standing(&home)), (json.to_owned(), 1));
}

#[test]
fn what_makes_no_sense_writes_nothing() {
    let home = home(&[("web.yaml", POD)]);
    for (arguments, expected) in [
        (&["pss-privilegd", "--reason", "why"][..], "has no rule `pss-privilegd`; did you mean `pss-privileged`?"),
        (&["pss-privileged", "--reason", " "], "--reason: it gives no reason"),
        (&["pss-privileged", "--reason", "a\nb"], "--reason: a reason is one line"),
        (&["pss-privileged", "--reason", "a", "--until", "soon"], "`soon` is no day like 2027-01-31"),
        (&["pss-privileged"], "--reason <TEXT>"),
    ] {
        let (code, _, said) = add(&home, arguments);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(home.read("web.yaml"), POD);
}

#[test]
fn rules_are_listed_as_a_bundle_has_them() {
    let home = home(&[]);
    home.write("b.yaml", "name: x\nversion: '1'\nrules:\n  - {rule: pss-privileged, severity: low, enforcement: warn}\n  - pdb-required\n");
    let list = |arguments: &[&str]| stdout(&home.run(&[&["list"], arguments].concat()));
    assert_eq!(
        list(&["--bundle=b.yaml", "--columns=id,severity,enforcement"]).lines().next(),
        Some("pss-privileged  low     warn")
    );
    assert_eq!(list(&["--bundle=b.yaml", "--columns=id", "--ignore=pss-privileged"]), "pdb-required\n");
    assert_eq!(list(&["--bundle=b.yaml", "--columns=id", "--min-severity=medium"]), "pdb-required\n");
    let json = home.json(&["list", "--select", "pss-privileged"]);
    assert_eq!(json.as_array().unwrap().len(), 1);
    let unknown = home.run(&["list", "--select", "pss-privilegd"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("did you mean `pss-privileged`?"), "{}", stderr(&unknown));
}
