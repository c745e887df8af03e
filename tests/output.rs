//! What people read of a run: bounded, grouped, and with nothing left unsaid.

use crate::cli::{Home, PRIVILEGED, PSS, stderr, stdout};
use serde_json::Value;

/// A pod that is privileged and shares the node's PID namespace, under a name.
fn pod(name: &str) -> String {
    PRIVILEGED.replace("name: web", &format!("name: {name}")).replace("spec:\n", "spec:\n  hostPID: true\n")
}

/// The lines that say where a finding is, in order.
fn places(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect()
}

fn human(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(&[&PSS[..], arguments].concat());
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    stdout(&output)
}

/// A text without the time that the run took.
fn steady(text: &str) -> String {
    let (before, summary) = text.trim_end().rsplit_once('\n').unwrap_or(("", text));
    format!("{before}\n{}\n", summary.rsplit_once(", ").map_or(summary, |(counts, _time)| counts))
}

#[test]
fn findings_stand_by_file_and_line_and_what_a_rule_advises_stands_once() {
    let home = Home::with(&[("b.yaml", &pod("one")), ("a.yaml", &format!("{}---\n{}", pod("two"), pod("three")))]);
    let text = human(&home, &["b.yaml", "a.yaml"]);
    let files: Vec<&str> = places(&text).iter().map(|place| &place[..6]).collect();
    assert!(files.is_sorted() && files.len() == 9, "{text}");
    let lines: Vec<usize> =
        places(&text).iter().take(6).map(|place| place.split(':').nth(1).unwrap().parse().unwrap()).collect();
    assert!(lines.is_sorted(), "{text}");
    assert_eq!(text.matches("= why: ").count(), 3, "{text}");
    assert_eq!(text.matches("= fix: ").count(), 3, "{text}");
    insta::assert_snapshot!("human-grouped", steady(&text));
}

#[test]
fn a_rule_shows_a_screenful_unless_all_is_asked_for() {
    let many: String = (0..60).map(|number| format!("---\n{}", pod(&format!("web-{number}")))).collect();
    let home = Home::with(&[("many.yaml", &many), ("one.yaml", &PRIVILEGED.replace("name: web", "name: alone"))]);
    let text = human(&home, &["."]);
    for rule in ["pss-privileged", "pss-host-namespaces", "pss-run-as-non-root"] {
        let frames = text.matches(&format!("[{rule}]: ")).count();
        assert!((1..=6).contains(&frames), "{rule}: {frames}\n{text}");
    }
    assert!(
        text.contains("[pss-privileged]: container `app` is privileged\n  --> one.yaml"),
        "no file hides another: {text}"
    );
    assert!(text.contains("more findings of 3 rules are not shown; --all shows them"), "{text}");
    assert!(text.lines().count() < 200, "{}", text.lines().count());
    assert!(text.contains("many.yaml: 180 findings, "), "{text}");
    let all = human(&home, &[".", "--all"]);
    assert_eq!(places(&all).len(), 182);
    assert!(!all.contains("not shown"), "{all}");
}

#[test]
fn what_is_wrong_with_the_input_stands_behind_the_findings_and_is_counted() {
    let broken = "kind: [\n";
    let mut files: Vec<(String, &str)> = (0..30).map(|number| (format!("broken-{number:02}.yaml"), broken)).collect();
    files.push(("web.yaml".to_owned(), PRIVILEGED));
    let home = Home::new();
    files.iter().for_each(|(name, text)| home.write(name, text));
    let text = human(&home, &["."]);
    let (finding, problems) = (text.find("high[pss-privileged]"), text.find("30 problems of the input"));
    assert!(finding.is_some() && finding < problems, "{text}");
    assert!(text.contains("more of these are not shown; --all shows them"), "{text}");
    assert!(text.lines().count() < 120, "{}", text.lines().count());
    assert_eq!(human(&home, &[".", "--all"]).matches("error[syntax]").count(), 30);
}

#[test]
fn statistics_are_the_table_alone() {
    let home = Home::with(&[("a.yaml", &pod("one")), ("b.yaml", &format!("{}---\n{PRIVILEGED}", pod("two")))]);
    insta::assert_snapshot!("human-statistics", steady(&human(&home, &[".", "--statistics"])));
    let output = home.run(&[&PSS[..], &[".", "--statistics", "--format=json"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--statistics is a table for people"), "{}", stderr(&output));
}

#[test]
fn quiet_says_what_is_wrong_and_verbose_also_what_does_not_count() {
    let exempt =
        pod("exempt").replace("hostPID: true", "hostPID: true # policy: ignore[pss-host-namespaces] it traces");
    let home = Home::with(&[("a.yaml", &pod("one")), ("b.yaml", &exempt)]);
    let quiet = human(&home, &[".", "--quiet"]);
    assert!(quiet.contains("high[pss-privileged]") && !quiet.contains("findings:"), "{quiet}");
    assert!(!quiet.lines().any(|line| line.starts_with("rule ") || line.contains("note: ")), "{quiet}");
    let verbose = human(&home, &[".", "-v"]);
    assert!(verbose.contains("exempt: b.yaml:7:12: pss-host-namespaces: Pod exempt: "), "{verbose}");
    assert!(verbose.contains("(comment: it traces)"), "{verbose}");
    assert!(!human(&home, &["."]).contains("it traces"));
    let clean = home.pipe(&[&PSS[..], &["-q", "-"]].concat(), include_str!("fixtures/good-pod.yaml"));
    assert_eq!((stdout(&clean), stderr(&clean)), (String::new(), String::new()));
}

#[test]
fn a_file_takes_the_place_of_standard_output() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    let printed = human(&home, &["web.yaml", "--format=concise"]);
    let output =
        home.run(&[&PSS[..], &["web.yaml", "--format=concise", "--output=out.txt", "--color=always"]].concat());
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    assert_eq!(home.read("out.txt"), printed);
    let output = home.run(&[&PSS[..], &["web.yaml", "-o", "none/out.txt"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot write none/out.txt"), "{}", stderr(&output));
}

/// Forty pods with two faults each of which one rule is worse, and one with a third.
fn crowded() -> Home {
    let many: String = (0..40).map(|number| format!("---\n{}", pod(&format!("web-{number}")))).collect();
    let other = "apiVersion: v1\nkind: Pod\nmetadata: {name: other}\nspec:\n  hostNetwork: true\n  securityContext: {seccompProfile: {type: Unconfined}}\n  containers: [{name: a, image: 'a:1'}]\n";
    Home::with(&[("many.yaml", &many), ("other.yaml", other)])
}

/// What a form names first, and of which rules.
fn rules(lines: &[String]) -> std::collections::BTreeSet<String> {
    let words = lines.iter().flat_map(|line| line.split(|letter: char| !(letter.is_alphanumeric() || letter == '-')));
    words.filter(|word| word.starts_with("pss-")).map(str::to_owned).collect()
}

#[test]
fn annotations_and_summaries_never_show_one_rule_alone() {
    let home = crowded();
    let github = human(&home, &[".", "--format=github"]);
    let of_grade = |grade: &str| -> Vec<String> {
        github.lines().filter(|line| line.starts_with(grade)).take(10).map(str::to_owned).collect()
    };
    let errors = rules(&of_grade("::error"));
    assert!(errors.len() >= 2, "GitHub shows ten: {errors:?}");
    assert!(of_grade("::error")[0].contains("pss-"), "{github}");
    let markdown = human(&home, &[".", "--format=markdown"]);
    assert!(rules(&markdown.lines().map(str::to_owned).collect::<Vec<_>>()).len() >= 4, "{markdown}");
    insta::assert_snapshot!("crowded-markdown", markdown.lines().take(40).collect::<Vec<_>>().join("\n"));
    let first: Vec<&str> = github.lines().take(8).collect();
    insta::assert_snapshot!("crowded-github", first.join("\n"));
}

#[test]
fn problems_of_the_input_leave_room_for_findings() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    (0..30).for_each(|number| home.write(&format!("broken-{number}.yaml"), "kind: [\n"));
    let github = human(&home, &[".", "--format=github"]);
    let errors: Vec<&str> = github.lines().filter(|line| line.starts_with("::error")).take(10).collect();
    assert!(errors.iter().any(|line| line.contains("pss-privileged")), "{github}");
    assert_eq!(github.lines().filter(|line| line.contains("title=input::")).count(), 30);
}

const EXCEPTED: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    ignore.policy-host.dev/pss-host-namespaces: it traces
spec:
  hostPID: true
  containers:
    - name: app
      image: app:1.0.0
      securityContext:
        privileged: true # policy: ignore[pss-privileged] it drives the hardware until=2999-01-31
    - name: old
      image: old:1.0.0
      securityContext:
        privileged: true # policy: ignore[pss-privileged] why until=2020-01-31 owner=ops
";

/// A repository with a finding for each way in which one does not count, and an exception that has expired.
fn excepted() -> Home {
    let home = Home::with(&[("web.yaml", EXCEPTED), ("known.yaml", &PRIVILEGED.replace("name: web", "name: known"))]);
    home.write(
        "policy-host.yaml",
        "bundle: pod-security-baseline\nexceptions:\n  - {rules: [pss-privileged], names: [entry], reason: 'a driver'}\n",
    );
    home.write("entry.yaml", &PRIVILEGED.replace("name: web", "name: entry"));
    let written = home.run(&["eval", "known.yaml", "--write-baseline=known.json"]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    home
}

#[test]
fn every_form_reports_exceptions() {
    let home = excepted();
    let eval = |format: &str| {
        let output = home.run(&["eval", ".", "--baseline=known.json", "-v", "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stdout(&output)
    };
    let sarif: Value = serde_json::from_str(&eval("sarif")).unwrap();
    let suppressions: Vec<(String, String)> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|result| result["suppressions"].as_array().unwrap())
        .map(|it| (it["kind"].as_str().unwrap().to_owned(), it["properties"]["by"].as_str().unwrap().to_owned()))
        .collect();
    let expected =
        [("external", "configuration"), ("external", "baseline"), ("inSource", "annotation"), ("inSource", "comment")];
    let mut suppressions: Vec<(&str, &str)> = suppressions.iter().map(|(kind, by)| (&**kind, &**by)).collect();
    suppressions.sort();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(suppressions, expected);
    let notifications = sarif["runs"][0]["invocations"][0]["toolConfigurationNotifications"].to_string();
    assert!(notifications.contains("expired on 2020-01-31"), "{notifications}");
    for format in ["concise", "github", "junit", "markdown"] {
        let text = eval(format);
        assert!(text.contains("expired on 2020-01-31"), "{format}: {text}");
        insta::assert_snapshot!(format!("excepted-{format}"), text.trim_end());
    }
    let html = eval("html");
    for text in ["expired on 2020-01-31", "it drives the hardware", "it traces", "a driver", "in the baseline"] {
        assert!(html.contains(text), "{text}");
        assert!(eval("human").contains(text), "{text}: {}", eval("human"));
    }
}

#[test]
fn no_form_says_anything_of_exceptions_where_there_are_none() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    for (format, said) in [
        ("concise", " exempt "),
        ("github", "title=exceptions"),
        ("junit", "exempt: "),
        ("markdown", "## Exceptions"),
        ("html", "id=\"exceptions\""),
        ("sarif", "justification"),
    ] {
        let text = human(&home, &["web.yaml", "--format", format]);
        assert!(!text.contains(said), "{format}: {text}");
    }
}
