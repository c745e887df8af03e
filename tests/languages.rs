//! Trees of texts, from the file to the views that rules are written with and to the place that a finding shows.

use crate::cli::Home;
use policy_host::document::{Document, Source};
use policy_host::language::Language;
use policy_host::manifest::ReadPath;
use policy_host::parse::{Form, Limits, Unit};
use policy_host::project::Projection;
use policy_host::workload::Shape;
use policy_sdk::json::Json;
use policy_sdk::language::execution::executions;
use policy_sdk::language::shell::all_commands;
use policy_sdk::language::sleep::sleep_millis;
use policy_sdk::language::{LANGUAGES, unread};
use proptest::prelude::*;

/// A document with a script, or with the words of a command, under `it`, as a rule gets its tree.
fn projected(it: serde_json::Value) -> String {
    let text = serde_json::json!({"apiVersion": "v1", "kind": "X", "it": it}).to_string();
    let unit = Unit::new(Form::Json, Source::new("a.json", text));
    let document: Document = unit.parse(&Limits::default()).unwrap().remove(0);
    let reads: [ReadPath; 1] = ["it:shell".parse().unwrap()];
    Projection::new(&reads).apply(&document, &Shape::Plain)
}

/// The commands that run, with the groups of those that may.
fn outline(script: &str) -> String {
    let variables = |name: &str| match name {
        "PROFILE" => Some("release".to_owned()),
        "EMPTY" => Some(String::new()),
        "FLAGS" => Some("-a -b".to_owned()),
        _ => None,
    };
    let text = projected(script.into());
    let json = Json::parse(&text).unwrap();
    let outline: Vec<String> = executions(&json.root().get("it:shell"), &variables)
        .into_iter()
        .map(|execution| {
            let words: Vec<&str> = execution.words.iter().map(|word| word.text.as_str()).collect();
            let group = if execution.group > 0 { format!("?{} ", execution.group) } else { String::new() };
            group + &words.join(" ")
        })
        .collect();
    outline.join("; ")
}

fn slept(it: serde_json::Value) -> Option<i64> {
    let text = projected(it);
    sleep_millis(&Json::parse(&text).unwrap().root().get("it:shell"))
}

#[test]
fn rules_know_the_languages_that_the_host_knows() {
    assert_eq!(Language::ALL.map(Language::name).as_slice(), LANGUAGES);
}

#[test]
fn known_conditions_are_decided() {
    for (script, expected) in [
        (r#"if [ "$PROFILE" = "release" ]; then a --x; else b; fi"#, "a --x"),
        (r#"if [ "$PROFILE" != release ]; then a; else b; fi; c"#, "b; c"),
        (r#"if [[ ${PROFILE} == debug ]]; then a; elif test -n "$EMPTY"; then b; else c; fi"#, "c"),
        (r#"if ! test -z "$EMPTY"; then a; fi"#, ""),
        (r#"if [ -z "$EMPTY" ] && [ "$PROFILE" = release ]; then a; fi"#, "a"),
        (r#"[ "$PROFILE" = release ] && a || b"#, "a"),
        (r#"[ "$PROFILE" = debug ] && a || b"#, "b"),
        ("PROFILE=debug; if [ $PROFILE = release ]; then a; else b; fi", "b"),
        ("export PROFILE=debug; [ $PROFILE = release ] && a", "export PROFILE=debug"),
        (r#"sh -c 'if [ "$PROFILE" = release ]; then a; fi'"#, "sh -c if [ \"$PROFILE\" = release ]; then a; fi; a"),
        ("for x in 1 2; do a $x; done; { b; c; }", "a $x; b; c"),
        ("a | b && c", "a; b; c"),
        ("sudo a \"$(b)\"; bash <<X\nc\nX", "b; a $(b); bash; c"),
    ] {
        assert_eq!(outline(script), expected, "{script}");
    }
}

#[test]
fn of_others_the_branches_form_a_group() {
    for (script, expected) in [
        (r#"if [ -n "$JOBS" ]; then a; else b; fi; c"#, "?1 a; ?1 b; c"),
        (r#"if [ -n "$JOBS" ]; then a; elif [ $PROFILE = x ]; then b; else [ $JOBS ] || c; fi"#, "?1 a; ?1 c"),
        ("if a; then b; fi; if c; then d; fi", "a; ?1 b; c; ?2 d"),
        ("test -f x && a || b; test -f y || c && d", "?1 a; ?1 b; ?2 c; ?2 d"),
        (r#"case "$JOBS" in 1) a;; *) b;; esac; c"#, "?1 a; ?1 b; c"),
        ("PROFILE=$(cat p); [ $PROFILE = x ] && a", "cat p; ?1 a"),
    ] {
        assert_eq!(outline(script), expected, "{script}");
    }
}

#[test]
fn variables_are_replaced() {
    for (script, expected) in [
        ("a ${PROFILE:-x} ${EMPTY:-x} ${EMPTY-x} \"$EMPTY\" b", "a release x  b"),
        ("a ${PROFILE:+--release} ${EMPTY:+--release}", "a --release"),
        ("a $FLAGS \"$FLAGS\" ${JOBS:-4} $?", "a -a -b -a -b ${JOBS:-4} $?"),
        ("a '$FLAGS' \\$FLAGS", "a $FLAGS $FLAGS"),
    ] {
        assert_eq!(outline(script), expected, "{script}");
    }
}

#[test]
fn sleeps_are_found_in_argument_vectors() {
    for (argv, expected) in [
        (&["sleep", "5"][..], Some(5_000)),
        (&["/bin/sleep", "5"], Some(5_000)),
        (&["/bin/busybox", "sleep", "5"], Some(5_000)),
        (&["sleep", "1m", "0.5"], Some(60_500)),
        (&["sleep", "0"], Some(0)),
        (&["sh", "-c", "sleep 5 && nginx -s quit"], Some(5_000)),
        (&["bash", "-o", "pipefail", "-c", "sleep 5; sleep 2m"], Some(125_000)),
        (&["/bin/busybox", "ash", "-c", "sleep 5"], Some(5_000)),
        (&["timeout", "20", "sleep", "5"], Some(5_000)),
        (&["sleep"], None),
        (&["sleep", "$DELAY"], None),
        (&["sleep", "9223372036854775", "9223372036854775"], None),
        (&["nginx", "-s", "quit"], None),
        (&["echo", "sleep", "5"], None),
        (&["/opt/sleepy", "5"], None),
        (&["sh", "-c", ""], None),
        (&["sh", "x.sh", "-c", "sleep 5"], None),
        (&[], None),
    ] {
        assert_eq!(slept(argv.into()), expected, "{argv:?}");
    }
}

#[test]
fn only_certain_sleeps_of_scripts_count() {
    for (script, expected) in [
        ("nginx -s quit; sleep 5", Some(5_000)),
        ("nginx -s quit && sleep 5", Some(5_000)),
        ("sleep 5\nsleep 5\n", Some(10_000)),
        ("# drain\nsleep 5 # seconds", Some(5_000)),
        ("sleep 5 || true", Some(5_000)),
        ("curl x || sleep 5", None),
        ("curl x || sleep 5; sleep 1", Some(1_000)),
        ("curl x || echo && sleep 5", Some(5_000)),
        ("curl x || sleep 3 | sleep 4", None),
        ("sleep 5 & sleep 1", Some(1_000)),
        ("a && sleep 5 & sleep 1", Some(1_000)),
        ("sleep 5 | sleep 3", Some(5_000)),
        ("sleep 5 >/dev/null 2>&1", Some(5_000)),
        ("X=1 command sleep 5", Some(5_000)),
        ("sleep '5'; \"sleep\" \"1\"", Some(6_000)),
        ("echo 'sleep 5'; echo $(sleep 5)", None),
        ("(sleep 5; sleep 1) & sleep 2", Some(2_000)),
        ("{ sleep 5; sleep 1; } && sleep 2", Some(8_000)),
        ("true || { sleep 5; sleep 1; }; sleep 2", Some(2_000)),
        ("if a; then sleep 5; else sleep $X; fi; sleep 1", Some(1_000)),
        ("while ! a; do b; sleep 1; done; sleep 2", Some(2_000)),
        ("case $x in a) sleep 5;; b) sleep 6;; esac; sleep 1", Some(1_000)),
        ("if a; then (sleep 5); { sleep 1; }; fi && sleep 3", Some(3_000)),
        ("sh -c 'sleep 5; sleep 1'", Some(6_000)),
        ("trap 'sleep 5' EXIT; sleep 1", Some(1_000)),
        ("! sleep 5", Some(5_000)),
        ("sleep 1; sleep $DELAY", None),
        ("sleep ${DELAY:-5}", None),
        ("f() { sleep 5; }; f", None),
        ("cat <<EOF\nsleep 5\nEOF", None),
        ("sh <<EOF\nsleep 5\nEOF", Some(5_000)),
        ("curl x | sh; sleep 5", None),
        ("sleep 5; 'open", None),
        ("(sleep 5", None),
        ("if a; then sleep 5", None),
    ] {
        assert_eq!(slept(script.into()), expected, "{script}");
        assert_eq!(slept(["sh", "-c", script].as_slice().into()), expected, "sh -c {script}");
    }
}

proptest! {
    #[test]
    fn views_never_panic(script in "([a-z0-9 ;&|()<>'\"\\\\$`{}#\n=é-]|if |then |fi|do |done|case |esac|sleep 1|\\[ |\\] |<<A){0,40}") {
        let text = projected(script.as_str().into());
        let json = Json::parse(&text).unwrap();
        let tree = json.root().get("it:shell");
        let _ = (sleep_millis(&tree), unread(&tree), all_commands(&tree).len());
        let _ = executions(&tree, &|_| Some("x".to_owned()));
    }

    #[test]
    fn a_sequence_adds_up(seconds in prop::collection::vec(0..10_000_i64, 1..8), joint in "(;|&&|\n| ; true ; )") {
        let script = seconds.iter().map(|seconds| format!("sleep {seconds}")).collect::<Vec<_>>().join(&joint);
        prop_assert_eq!(slept(script.into()), Some(seconds.iter().sum::<i64>() * 1000));
    }
}

/// What one rule says of a file: where its findings stand, or how it ended.
fn told(rule: &str, path: &str, text: &str) -> Vec<String> {
    let bundle = format!("name: some\nversion: 1.0.0\nrules: [{rule}]\n");
    let home = Home::with(&[(path, text), ("b.yaml", &bundle)]);
    let json = home.json(&["eval", "--bundle", "b.yaml", path]);
    let documents = json["documents"].as_array().unwrap();
    let outcomes = documents.iter().flat_map(|document| document["outcomes"].as_array().unwrap());
    let of_outcome = |outcome: &serde_json::Value| match outcome["findings"].as_array() {
        Some(findings) if !findings.is_empty() => {
            let place = |finding: &serde_json::Value| {
                format!("{}:{}", finding["location"]["line"], finding["location"]["column"])
            };
            findings.iter().map(place).collect()
        }
        _ => vec![outcome["outcome"].as_str().unwrap().to_owned()],
    };
    outcomes.flat_map(of_outcome).collect()
}

#[test]
fn findings_stand_at_the_very_command() {
    let rule = "df-release-build";
    for (text, expected) in [
        ("FROM rust:1\nRUN cat <<CONF >/etc/shop.conf && cargo build\nport = 80\nCONF\n", "2:35"),
        ("FROM rust:1\nRUN bash -eu <<GO\ncargo build\nGO\n", "3:1"),
        ("FROM rust:1\nRUN bash -eu <<-GO\n\tset -x\n\tcargo build\n\tGO\n", "4:2"),
        ("FROM rust:1\nRUN set -e; \\\n    # why\n    cargo \\\n      build\n", "4:5"),
        ("FROM rust:1\nRUN [\"sh\", \"-c\", \"echo \\\"a\\\" && cargo build\"]\n", "2:33"),
        ("FROM rust:1\nRUN sh -c 'a && cargo build'\n", "2:17"),
    ] {
        assert_eq!(told(rule, "Dockerfile", text), [expected], "{text}");
    }
    let workflow = |run: &str| {
        format!("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: {run}\n      - run: docker push x\n")
    };
    for (run, expected) in [
        ("cargo build", "6:14"),
        ("'a && cargo build'", "6:20"),
        ("\"a &&\\tcargo build\"", "6:21"),
        ("|\n          a\n            cargo build", "8:13"),
        (">-\n          a &&\n          cargo build", "8:11"),
    ] {
        assert_eq!(told(rule, ".github/workflows/w.yml", &workflow(run)), [expected], "{run}");
    }
}

#[test]
fn what_is_not_read_is_not_passed() {
    let text = "FROM rust:1\nRUN if true; then cargo build\n";
    assert_eq!(told("df-release-build", "Dockerfile", text), ["not-evaluated"]);
}
