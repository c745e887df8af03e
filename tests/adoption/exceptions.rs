//! Comments, annotations and entries that lift rules.

use super::{POD, eval, home};
use crate::cli::{Home, stdout};

/// Findings that stand, and the status of each exception.
fn settled(text: &str, file: &str) -> (u64, Vec<String>) {
    settled_by(&home(&[(file, text)]), &["--bundle", "../one.yaml"])
}

fn settled_by(home: &Home, arguments: &[&str]) -> (u64, Vec<String>) {
    let json = home.json(&[&["eval"], arguments].concat());
    let standing = json["summary"]["findings"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    let statuses = json["exceptions"].as_array().unwrap().iter();
    (standing, statuses.map(|exception| exception["status"].as_str().unwrap().to_owned()).collect())
}

/// The pod with a text behind a line, from 1.
fn behind(line: usize, text: &str) -> String {
    let pod = POD.replace(" # the app", "");
    let lines = pod.lines().enumerate();
    lines.map(|(at, old)| if at + 1 == line { format!("{old} {text}\n") } else { format!("{old}\n") }).collect()
}

const IGNORE: &str = "# policy: ignore[pss-privileged] it drives the hardware";

#[test]
fn a_comment_covers_its_line_and_what_starts_there() {
    // The finding is on line 11. `metadata:`, `name:` and the container's image are not around it.
    for (line, covers) in [(2, true), (3, false), (4, false), (5, false), (6, true), (7, true), (8, true), (9, false)] {
        let expected = if covers { (0, "used") } else { (1, "unused") };
        let (standing, statuses) = settled(&behind(line, IGNORE), "web.yaml");
        assert_eq!((standing, &*statuses[0]), expected, "behind line {line}");
    }
    for line in [10, 11] {
        assert_eq!(settled(&behind(line, IGNORE), "web.yaml").0, 0, "behind line {line}");
    }
    // On a line of its own it is about the next one, over comments and empty lines.
    let above = POD.replace("        privileged", &format!("        {IGNORE}\n\n        # really\n        privileged"));
    assert_eq!(settled(&above, "web.yaml"), (0, vec!["used".to_owned()]));
    let below = format!("{POD}        {IGNORE}\n");
    assert_eq!(settled(&below, "web.yaml"), (1, vec!["unused".to_owned()]));
}

#[test]
fn what_only_looks_like_a_comment_is_none() {
    for text in [
        POD.replace("true", &format!("true\n        note: '{IGNORE}'")),
        POD.replace("  name: web", &format!("  name: web\n  annotations:\n    note: |\n      {IGNORE}")),
        POD.replace("privileged: true", "privileged: true\n        note: x#policy:ignore[pss-privileged]why"),
    ] {
        assert_eq!(settled(&text, "web.yaml"), (1, Vec::new()), "{text}");
    }
}

#[test]
fn one_that_gives_no_reason_or_has_expired_hides_nothing_and_says_so() {
    let cases = [
        ("# policy: ignore[pss-privileged]", "does not hold: it gives no reason"),
        ("# policy: ignore pss-privileged why", "does not hold: it names no rule in brackets"),
        ("# policy: ignore[pss-privileged] why until=soon", "`until=soon` is no day"),
        (
            "# policy: ignore[pss-privileged] why until=2020-01-31 owner=ops",
            "expired on 2020-01-31 and no longer holds (owner: ops)",
        ),
        ("# policy: ignore[pss-priviliged] why", "names `pss-priviliged`, and there is no such rule"),
    ];
    for (comment, expected) in cases {
        let (code, text) = eval(&home(&[("web.yaml", &behind(11, comment))]), &[]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("warning: web.yaml:11:26: ") && text.contains(expected), "{comment}\n{text}");
    }
    let (code, text) = eval(&home(&[("web.yaml", &behind(11, &format!("{IGNORE} until=2999-01-31")))]), &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("1 exempt") && !text.contains("warning"), "{text}");
    let (code, text) = eval(&home(&[("web.yaml", &behind(9, IGNORE))]), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("the exception from pss-privileged is unused"), "{text}");
}

#[test]
fn one_comment_names_several_rules_and_those_of_other_bundles_are_no_news() {
    let text = behind(11, "# policy: ignore[pss-privileged, pdb-required, none] why");
    assert_eq!(settled(&text, "web.yaml"), (0, vec!["used".to_owned(), "unknown-rule".to_owned()]));
}

#[test]
fn whoever_judges_can_pass_over_them() {
    let home = home(&[("web.yaml", &behind(11, IGNORE))]);
    assert_eq!(eval(&home, &[]).0, 0);
    assert_eq!(eval(&home, &["--no-ignores"]).0, 1);
}

#[test]
fn what_is_remembered_expires_all_the_same_and_fixes_pass_over_what_is_exempt() {
    let home = home(&[("web.yaml", &behind(11, IGNORE))]);
    let first = eval(&home, &[]);
    assert_eq!((first.0, eval(&home, &[]).0), (0, 0), "the second from memory");
    assert_eq!(eval(&home, &["--no-ignores"]).0, 1, "from memory too");
    eval(&home, &["--fix=unsafe"]);
    assert_eq!(home.read("web.yaml"), behind(11, IGNORE));
}

#[test]
fn the_annotation_covers_its_object() {
    let annotated = |value: &str| {
        let annotations = format!("  name: web\n  annotations:\n    ignore.policy-host.dev/pss-privileged: {value}");
        POD.replace("  name: web", &annotations)
    };
    assert_eq!(settled(&annotated("it drives the hardware"), "web.yaml"), (0, vec!["used".to_owned()]));
    assert_eq!(settled(&annotated("why until=2020-01-01"), "web.yaml"), (1, vec!["expired".to_owned()]));
    assert_eq!(settled(&annotated("''"), "web.yaml"), (1, vec!["invalid".to_owned()]));
    assert_eq!(settled(&annotated("[1]"), "web.yaml"), (1, vec!["invalid".to_owned()]));
    let two = format!("{}---\n{POD}", annotated("why"));
    assert_eq!(settled(&two, "web.yaml").0, 1, "and no other object");
}

#[test]
fn dockerfiles_workflows_and_terraform_have_comments_of_their_own() {
    let home = Home::with(&[
        ("Dockerfile", "FROM alpine:latest\nRUN <<EOF\n# policy: ignore[dockerfile-base-pinned] a heredoc\nEOF\n"),
        (
            "a/Dockerfile",
            "# policy: ignore[nothing-such] above the stage\nFROM alpine:latest\nRUN true \\\n  # policy: ignore[nothing-such] in between\n  && false # policy: ignore[nothing-such] shell\n",
        ),
        (
            "main.tf",
            "// policy: ignore[nothing-such] one\nlocals { # policy: ignore[nothing-such] two\n  a = \"# policy: ignore[nothing-such] no\"\n}\n",
        ),
        (
            ".github/workflows/ci.yaml",
            "on: push\njobs:\n  a: # policy: ignore[nothing-such] three\n    runs-on: x\n    steps:\n      - run: |\n          # policy: ignore[nothing-such] no\n",
        ),
    ]);
    let json = home.json(&["eval", "--fail-on", "never"]);
    let places = json["exceptions"].as_array().unwrap().iter().filter(|exception| exception["origin"] == "comment");
    let places = places.map(|exception| {
        format!("{}:{}", exception["location"]["file"].as_str().unwrap(), exception["location"]["line"])
    });
    let places: Vec<String> = places.collect();
    assert_eq!(places, [".github/workflows/ci.yaml:3", "a/Dockerfile:1", "a/Dockerfile:4", "main.tf:1", "main.tf:2"]);
}

#[test]
fn too_many_are_an_error() {
    let text = format!("{POD}{}", "# policy: ignore[x] y\n".repeat(1001));
    let (code, text) = eval(&home(&[("web.yaml", &text)]), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("more than 1000 exceptions (limit `exceptions`)"), "{text}");
}

#[test]
fn entries_of_the_configuration_are_like_exemptions_of_a_bundle() {
    let entry = |fields: &str| format!("exceptions:\n  - {{rules: [pss-privileged], reason: why{fields}}}\n");
    let matching = [
        ", paths: ['k8s/**']",
        ", kinds: [Pod]",
        ", names: [w*]",
        ", images: ['app:*']",
        ", containers: [app]",
        ", expires: 2999-01-31",
        ", owner: me",
    ];
    let home = home(&[("k8s/web.yaml", POD)]);
    for fields in matching {
        home.write("policy-host.yaml", &entry(fields));
        assert_eq!(settled_by(&home, &["--bundle", "../one.yaml"]), (0, vec!["used".to_owned()]), "{fields}");
    }
    for fields in [", paths: ['web/**']", ", kinds: [Job]", ", namespaces: [shop]", ", images: ['other:*']"] {
        home.write("policy-host.yaml", &entry(fields));
        assert_eq!(settled_by(&home, &["--bundle", "../one.yaml"]), (1, vec!["unused".to_owned()]), "{fields}");
    }
    home.write("policy-host.yaml", &entry(", expires: 2020-01-31"));
    let (code, text) = eval(&home, &[]);
    assert!(code == 1 && text.contains("policy-host.yaml:2:5: the exception from pss-privileged expired"), "{text}");
    home.write("policy-host.yaml", "exceptions:\n  - {rules: [nothing-such], reason: why}\n");
    let (_, text) = eval(&home, &[]);
    assert!(text.contains("policy-host.yaml:2:5: the exception names `nothing-such`"), "{text}");
}

#[test]
fn paths_are_told_from_the_configuration_wherever_one_stands() {
    let entry = "exceptions:\n  - {rules: [pss-privileged], reason: why, paths: ['a/web.yaml']}\n";
    let home = home(&[("policy-host.yaml", entry), ("a/web.yaml", POD), ("b/web.yaml", POD), (".git/HEAD", "")]);
    for (directory, expected) in [("a", 0), ("b", 1), ("a", 0)] {
        // The same file name with the same content, so that memory could mistake one for the other.
        let mut command = home.command(&["eval", "--bundle", "../../one.yaml", "web.yaml"]);
        let output = command.current_dir(home.path(directory)).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{directory}: {}", stdout(&output));
    }
}
