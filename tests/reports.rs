//! Reports in every form, as the programs that read them do, and the gap report.

use crate::cli::{Home, PRIVILEGED, PSS, SAMPLE, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Every form, and the file it is written to.
const FORMATS: [&str; 8] = ["human", "concise", "json", "sarif", "junit", "github", "markdown", "html"];
const GAPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/gap-analysis");
const SARIF_SCHEMA: &str = include_str!("fixtures/sarif-schema-2.1.0.json");
/// Values of the sample repository that rules say are secrets.
const SECRETS: [&str; 8] = [
    "made-up-smtp-7319",
    "made-up-carrier-4402",
    "not-a-real-password",
    "made-up-northpost-5120",
    "made-up-redis-8841",
    "made-up-database-2093",
    "made-up-registry-3316",
    "made-up-shipments-6627",
];

/// A file, an object and a container whose names try to be something else.
const HOSTILE_FILE: &str = "a,line=1::error::x\"><script>alert(1)</script>&`|%0A.yaml";
const HOSTILE: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: "<img src=x onerror=alert(2)>"
  namespace: "]]></testcase>"
spec:
  containers:
    - name: "</script><script>alert(3)</script>\n::error::y\e[2J\0\u202e`|[z](https://example.com)"
      image: app:1.0.0
      securityContext:
        privileged: true
"#;

fn copy(from: &Path, home: &Home, name: &str) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            copy(&entry.path(), home, &format!("{name}/"));
        } else {
            home.write(&name, &fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn repository(path: &str) -> Home {
    let home = Home::new();
    copy(Path::new(path), &home, "");
    home
}

/// Runs `eval` with a report in every form, which it returns in the order of [`FORMATS`].
fn all_reports(home: &Home, arguments: &[&str]) -> Vec<String> {
    let reports: Vec<String> = FORMATS.iter().map(|format| format!("--report={format}=out/{format}")).collect();
    fs::create_dir_all(home.path("out")).unwrap();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let output = home.run(&[&["eval"], arguments, &reports].concat());
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    FORMATS.iter().map(|format| home.read(&format!("out/{format}"))).collect()
}

#[test]
fn every_form_says_the_same() {
    let home = Home::with(&[("k8s/web.yaml", PRIVILEGED)]);
    let reports = all_reports(&home, &["--bundle", "pod-security-restricted", "k8s"]);
    for (format, report) in FORMATS.iter().zip(&reports) {
        let snapshot = match *format {
            // The time it took, and what the json test shows; a page's style and script are beside the code.
            "human" | "json" => continue,
            "sarif" => serde_json::to_string_pretty(&serde_json::from_str::<Value>(report).unwrap()).unwrap(),
            "html" => report.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0.to_owned(),
            _ => report.clone(),
        };
        insta::assert_snapshot!(format!("report-{format}"), snapshot.trim_end());
    }
    for (format, report) in FORMATS.iter().zip(&reports).skip(1) {
        let alone = home.run(&[&PSS[..], &["k8s", "--format", format]].concat());
        assert_eq!(stdout(&alone), *report, "{format}");
    }
}

#[test]
fn a_choice_of_reports_that_makes_no_sense_writes_nothing() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    for arguments in [
        ["--format=json", "--report=concise=-"],
        ["--report=json=-", "--report=concise=-"],
        ["--report=json=a", "--report=concise=a"],
        ["--report=json=a", "--report=nonsense=b"],
        ["--report=json=a", "--report=json="],
        ["--report=json=a", "--diff"],
    ] {
        let output = home.run(&[&PSS[..], &["web.yaml"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
        assert!(!home.path("a").exists(), "{arguments:?}");
    }
    let output = home.run(&[&PSS[..], &["web.yaml", "--report=json=none/a"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot write none/a"), "{}", stderr(&output));
}

#[test]
fn a_report_can_be_standard_output() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    let output = home.run(&[&PSS[..], &["web.yaml", "--report=concise=-", "--report=json=out.json"]].concat());
    assert!(stdout(&output).starts_with("web.yaml:11:21: high pss-privileged container `app` is privileged\n"));
    serde_json::from_str::<Value>(&home.read("out.json")).unwrap();
}

#[test]
fn sarif_is_valid_by_its_schema() {
    // A bracket of its pattern for languages is not escaped, which only some dialects of regular expressions allow.
    let schema: Value = serde_json::from_str(&SARIF_SCHEMA.replace("{2}]?$", "{2}\\\\]?$")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let hostile = Home::with(&[(&HOSTILE_FILE.replace('/', ""), HOSTILE), ("web.yaml", PRIVILEGED)]);
    for home in [repository(SAMPLE), hostile] {
        let log: Value = serde_json::from_str(&all_reports(&home, &["."])[3]).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let broken = Home::with(&[("broken.yaml", "kind: [\n"), ("web.yaml", PRIVILEGED)]);
    let output = broken.run(&["eval", "broken.yaml", "missing.yaml", "web.yaml", "--format=sarif"]);
    let log: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(validator.is_valid(&log), "{log:#}");
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
    let notifications = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    assert_eq!(notifications.as_array().unwrap().len(), 2);
}

/// The byte at a line and a column in UTF-16 code units.
fn offset(text: &str, line: &Value, column: &Value) -> usize {
    let (line, column) = (line.as_u64().unwrap() as usize, column.as_u64().unwrap() as usize);
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let mut units = column - 1;
    let mut at = start;
    for letter in text[start..].chars() {
        if units == 0 {
            break;
        }
        units -= letter.len_utf16();
        at += letter.len_utf8();
    }
    at
}

#[test]
fn sarif_fixes_can_be_applied_as_they_stand() {
    let home = repository(SAMPLE);
    // Characters of one, two, three and four bytes before what is replaced.
    let emoji = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {/*: \"aß€😀\", securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: \"😀\", image: \"a:1.0.0\"}]}\n";
    home.write("emoji.yaml", &emoji.replace("/*", "note"));
    let log: Value = serde_json::from_str(&all_reports(&home, &["."])[3]).unwrap();
    let mut applied = 0;
    for result in log["runs"][0]["results"].as_array().unwrap() {
        for fix in result["fixes"].as_array().into_iter().flatten() {
            let change = &fix["artifactChanges"][0];
            let file = change["artifactLocation"]["uri"].as_str().unwrap();
            let before = home.read(file);
            let mut text = before.clone();
            for replacement in change["replacements"].as_array().unwrap().iter().rev() {
                let region = &replacement["deletedRegion"];
                let start = offset(&before, &region["startLine"], &region["startColumn"]);
                let end = offset(&before, &region["endLine"], &region["endColumn"]);
                assert_eq!(start as u64, region["byteOffset"].as_u64().unwrap(), "{file}: {region}");
                assert_eq!((end - start) as u64, region["byteLength"].as_u64().unwrap(), "{file}: {region}");
                text.replace_range(start..end, replacement["insertedContent"]["text"].as_str().unwrap());
            }
            home.write(file, &text);
            let after = home.json(&["eval", "."]);
            home.write(file, &before);
            let name = &result["partialFingerprints"]["policyHost/v1"];
            let fingerprints = format!("{after}");
            assert!(after["errors"].as_array().unwrap().is_empty(), "{file}: {after}");
            assert!(
                !fingerprints.contains(name.as_str().unwrap()),
                "{}: not cured in {file}:\n{text}",
                result["ruleId"]
            );
            applied += 1;
        }
    }
    assert!(applied > 20, "{applied}");
}

#[test]
fn fingerprints_outlive_moved_lines() {
    let fingerprints = |home: &Home| -> Vec<String> {
        let log: Value = serde_json::from_str(&all_reports(home, &["web.yaml"])[3]).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect()
    };
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    let before = fingerprints(&home);
    home.write("web.yaml", &format!("# one\n\n# two\n{PRIVILEGED}"));
    assert_eq!(fingerprints(&home), before);
    let mut names = before.clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), before.len());
}

#[test]
fn no_report_shows_a_secret() {
    let home = repository(SAMPLE);
    for (format, report) in FORMATS.iter().zip(all_reports(&home, &["."])) {
        for secret in SECRETS {
            assert!(!report.contains(secret), "{format} shows {secret}");
        }
    }
    home.write("results.json", &home.read("out/json"));
    for format in ["markdown", "html"] {
        let report = stdout(&home.run(&["report", "results.json", "--format", format]));
        assert!(!SECRETS.iter().any(|secret| report.contains(secret)), "{format}");
    }
}

#[test]
fn hostile_names_stay_names() {
    let home = Home::with(&[(&HOSTILE_FILE.replace('/', ""), HOSTILE)]);
    let reports = all_reports(&home, &["."]);
    let [_, concise, _, _, junit, github, markdown, html] = &reports[..] else { panic!("a form is missing") };
    let lines = home.json(&["eval", "."])["documents"][0]["outcomes"].to_string().matches("\"message\"").count();
    assert_eq!(concise.lines().count(), lines);
    assert_eq!(github.lines().count(), lines);
    assert!(github.lines().all(|line| line.starts_with("::") && !line.contains("\u{1b}")), "{github}");
    let gaps = |format: &str| stdout(&home.run(&["report", "out/json", "--format", format]));
    for page in [html, &gaps("html")] {
        let lower = page.to_lowercase();
        assert!(!lower.contains("<script>alert") && !lower.contains("<img"), "{page}");
    }
    assert_eq!(html.matches("<script>").count(), 1);
    for text in [concise, junit, github, markdown, html, &gaps("markdown")] {
        assert!(!text.contains(['\u{1b}', '\0', '\u{202e}']), "{text}");
    }
    assert!(!markdown.contains("\n::error"));
    let mut xml = quick_xml::Reader::from_str(junit);
    loop {
        match xml.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(element) => {
                let known = ["testsuites", "testsuite", "testcase", "failure", "skipped"];
                assert!(known.contains(&element.name().as_ref()), "{junit}");
            }
            _ => {}
        }
    }
}

#[test]
fn markdown_is_bounded() {
    let manifest = PRIVILEGED.replace("# a pod\n", "---\n");
    let home = Home::with(&[("many.yaml", &manifest.repeat(500))]);
    let markdown = stdout(&home.run(&[&PSS[..], &["many.yaml", "--format=markdown"]].concat()));
    assert!(markdown.len() < 65_536 && markdown.contains("more, which the other reports have"), "{}", markdown.len());
}

#[test]
fn the_json_is_as_its_schema_says() {
    let schema = policy_host::report::schema();
    let committed: Value = serde_json::from_str(include_str!("../host/schema/results.v1.json")).unwrap();
    assert!(schema == committed, "host/schema/results.v1.json is not up to date: run `make docs`");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for repository in [repository(SAMPLE), repository(GAPS)] {
        let results = repository.json(&["eval", "."]);
        let errors: Vec<String> = validator.iter_errors(&results).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_gap_report() {
    let home = repository(GAPS);
    home.run(&["eval", ".", "--bundle=twelve-factor", "--report=json=results.json"]);
    let report = home.run(&["report", "results.json"]);
    assert_eq!(report.status.code(), Some(0), "{}", stderr(&report));
    insta::assert_snapshot!("gap-report", stdout(&report));
    let page = home.run(&["report", "results.json", "--format=html", "--output=gaps.html"]);
    assert!(page.stdout.is_empty());
    let page = home.read("gaps.html");
    for heading in stdout(&report).lines().filter(|line| line.starts_with("### ")) {
        let title = heading.trim_start_matches("### ").split('`').next().unwrap();
        assert!(page.contains(title), "{title}");
    }
    // A cure may show an address as text; the page itself neither links nor loads anything.
    for loading in ["<script", "<link", "<img", "<iframe", "src=", "href=\"http", "url(", "@import"] {
        assert!(!page.contains(loading), "{loading} in {page}");
    }
}

#[test]
fn the_gap_report_says_what_changed() {
    let home = repository(GAPS);
    home.run(&["eval", ".", "--bundle=twelve-factor", "--report=json=older.json"]);
    let worker = home.read("helm/app/worker.yaml");
    home.write("helm/app/worker.yaml", &worker.replace("hello-world:latest", "hello-world:1.2.0"));
    let dockerfile = home.read("services/hello-world/Dockerfile");
    home.write("services/hello-world/Dockerfile", &dockerfile.replace("go build", "go build -gcflags=all=-N"));
    home.run(&["eval", ".", "--bundle=twelve-factor", "--report=json=newer.json"]);
    let report = stdout(&home.run(&["report", "newer.json", "--baseline", "older.json"]));
    let (_, changes) = report.split_once("## What Changed").unwrap();
    let (changes, _) = changes.split_once("## 1.").unwrap();
    insta::assert_snapshot!("gap-report-changes", changes.trim());
}

/// What the gap report says of changes, from the results of two runs.
fn changes(home: &Home, older: &[&str], newer: &[&str]) -> String {
    for (name, arguments) in [("older", older), ("newer", newer)] {
        home.run(&[&["eval", &*format!("--report=json={name}.json")], arguments].concat());
    }
    let report = stdout(&home.run(&["report", "newer.json", "--baseline", "older.json"]));
    report.split_once("## What Changed").unwrap().1.split_once("\n## ").unwrap().0.trim().to_owned()
}

#[test]
fn the_gap_report_counts_nothing_as_gone_that_was_not_evaluated() {
    let home = Home::with(&[("a/web.yaml", PRIVILEGED), ("b/web.yaml", &PRIVILEGED.replace("web", "other"))]);
    let all = ["--bundle=pod-security-restricted", "."];
    let gone = |text: &str| -> usize { text.split(", ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap() };
    let part = changes(&home, &all, &["--bundle=pod-security-restricted", "a"]);
    assert_eq!(gone(&part), 0, "{part}");
    assert!(part.contains("in files that this one did not evaluate or that are gone: 2 findings."), "{part}");
    let mild = changes(&home, &all, &["--bundle=pod-security-restricted", "--min-severity=high", "."]);
    assert_eq!(gone(&mild), 0, "{mild}");
    assert!(mild.contains("where this one could not decide or does not report it: 2 findings."), "{mild}");
    home.write("b/web.yaml", "kind: [\n");
    home.run(&[&["eval", "--report=json=newer.json"], &all[..]].concat());
    let broken = stdout(&home.run(&["report", "newer.json", "--baseline", "older.json"]));
    assert!(broken.contains("in files that this one did not evaluate or that are gone: 2 findings."), "{broken}");
    home.write(
        "b/web.yaml",
        &PRIVILEGED.replace("web", "other").replace("true", "true # policy: ignore[pss-privileged] why"),
    );
    home.run(&[&["eval", "--report=json=newer.json"], &all[..]].concat());
    let exempt = stdout(&home.run(&["report", "newer.json", "--baseline", "older.json"]));
    assert!(exempt.contains("and exempt in this one: 1 finding."), "{exempt}");
}

#[test]
fn results_that_are_none_are_refused() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    home.run(&[&PSS[..], &["web.yaml", "--report=json=results.json"]].concat());
    let results = home.read("results.json");
    for (text, why) in [
        ("", "it is not JSON: it ends too early"),
        ("{}", "the field `schema` is missing"),
        (&results[..results.len() / 2], "it is not JSON: it ends too early"),
        (&results.replace("results/v1", "results/v2"), "its schema is `policy-host/results/v2`"),
        (
            &results.replacen("\"outcome\": \"fail\"", "\"outcome\": \"maybe\"", 1),
            "at `documents[0].outcomes[0].outcome`",
        ),
        (&results.replacen("\"rule\": \"pss-", "\"rule\": \"not-", 1), "is none of the rules"),
    ] {
        home.write("bad.json", text);
        let output = home.run(&["report", "bad.json"]);
        assert_eq!(output.status.code(), Some(2), "{why}");
        let error = stderr(&output);
        assert!(error.starts_with("error: bad.json: ") && error.contains(why), "{error}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(home.run(&["report", "missing.json"]).status.code(), Some(2));
    assert_eq!(home.pipe(&["report", "-"], &results).status.code(), Some(0));
}
