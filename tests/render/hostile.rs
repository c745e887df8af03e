//! Programs that fail, hang, flood, lie or leave something running, and what they are given.

use super::{CHART, FAKE, eval, findings, json};
use crate::cli::{Home, stderr, stdout};
use std::process::Output;

/// A chart beside a good one, whose program does what a script says.
fn beside(script: &str) -> Home {
    Home::with(&[
        ("bad/Chart.yaml", CHART),
        ("bad/fake.sh", script),
        ("good/Chart.yaml", CHART),
        ("good/fake.sh", FAKE),
    ])
}

/// The one failure of a run in which the good chart was checked.
fn failure(output: &Output) -> String {
    let results = json(output);
    assert_eq!(output.status.code(), Some(1), "by what was found: {}", stderr(output));
    assert_eq!(findings(&results).len(), 1, "{results}");
    assert_eq!(results["summary"]["inputErrors"], 1);
    assert_eq!((&results["errors"][0]["kind"], &results["errors"][0]["file"]), (&"unrendered".into(), &"bad".into()));
    results["errors"][0]["message"].as_str().unwrap().trim_start_matches("bad: ").to_owned()
}

#[test]
fn what_cannot_be_rendered_is_named_and_the_rest_is_judged() {
    let output = eval(&beside("echo 'Error: no such value' >&2; exit 1"), &["--format", "json"]);
    assert_eq!(failure(&output), "chart bad cannot be rendered: no such value");
    let clean = beside("exit 7");
    clean.write("good/fake.sh", "echo 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}'");
    let output = eval(&clean, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert_eq!(eval(&clean, &["--fail-on", "never"]).status.code(), Some(0));
    let shown = stdout(&output);
    assert!(shown.contains("error: bad: chart bad cannot be rendered: it ended with exit status: 7"), "{shown}");
    assert!(shown.contains("1 input that could not be read"), "{shown}");
}

#[test]
fn what_takes_too_long_is_ended() {
    let home = beside("echo $$ > \"$3/pids\"; /bin/sleep 1000 & echo $! >> \"$3/pids\"; /bin/sleep 1000");
    let output = eval(&home, &["--format", "json", "--render-timeout", "1"]);
    assert!(failure(&output).contains("it took longer than 1 s (`--render-timeout`), and was ended"));
    for pid in home.read("bad/pids").lines() {
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let started = std::time::Instant::now();
        // It was told to end; one that nobody has waited for yet has.
        while !(state().is_empty() || state().contains(") Z ")) {
            assert!(started.elapsed().as_secs() < 60, "{}", state());
        }
    }
}

#[test]
fn floods_are_ended() {
    let output = eval(&beside("exec /bin/cat /dev/zero"), &["--format", "json"]);
    assert!(failure(&output).contains("it wrote more than 16777216 bytes (limit `output`), and was ended"));
    let output = eval(&beside("/bin/cat /dev/zero >&2"), &["--format", "json", "--render-timeout", "1"]);
    assert!(failure(&output).contains("longer than 1 s"));
}

#[test]
fn what_a_program_says_is_visible_and_short() {
    let output = eval(&beside("printf '\\033[2J::error::x\\n##[y' >&2; exit 1"), &[]);
    let shown = stdout(&output);
    assert!(!shown.contains('\u{1b}') && shown.contains("\\u{1b}[2J"), "{shown}");
    assert!(shown.lines().all(|line| !line.starts_with("::")) && !shown.contains("##["), "{shown}");
    let long = "i=0; while [ $i -lt 3000 ]; do echo 0123456789; i=$((i+1)); done >&2; exit 1";
    assert!(failure(&eval(&beside(long), &["--format", "json"])).len() < 2_200);
}

#[test]
fn what_a_program_says_shows_no_secret() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, env: [{name: DB_PASSWORD, value: hunter2-and-more}]}]}";
    let home = beside("echo 'bad value hunter2-and-more' >&2; exit 1");
    home.write("good/fake.sh", &format!("echo '# Source: web/templates/a.yaml\n{pod}'"));
    // Twice, so that no place in the template is certain.
    home.write("good/templates/a.yaml", &format!("{pod}\n{{{{ x }}}}\n{pod}\n"));
    for format in ["human", "json", "sarif", "html", "concise", "markdown"] {
        let helm = super::fake("fake-helm.sh");
        let shown =
            stdout(&home.run(&["eval", "--render", "--helm", &helm, "--bundle", "twelve-factor", "--format", format]));
        assert!(shown.contains("no-secret-literal-in-env"), "{format}: {shown}");
        assert!(!shown.contains("hunter2"), "{format}: {shown}");
        assert!(!matches!(format, "human" | "json") || shown.contains("bad value ****"), "{format}: {shown}");
    }
}

#[test]
fn programs_get_an_environment_made_from_nothing() {
    let script = r#"echo "$TOKEN|$POLICY_HOST_CACHE|$KUSTOMIZE|$HELM_PLUGINS|$HOME|$PATH|$PWD|$*" >&2; exit 1"#;
    let home = beside(script);
    home.write("../one.yaml", "name: one\nversion: '1'\nrules: [pss-privileged]\n");
    let helm = super::fake("fake-helm.sh");
    let arguments = ["eval", "--render", "--helm", &helm, "--bundle", "../one.yaml", "--format", "json"];
    let mut command = home.command(&arguments);
    command.env("TOKEN", "hunter2").env("HELM_PLUGINS", "/evil").env("KUSTOMIZE", "x").env("HOME", "/evil");
    let said = failure(&command.output().unwrap());
    let said = said.strip_prefix("chart bad cannot be rendered: ").unwrap();
    let parts: Vec<&str> = said.split('|').collect();
    assert_eq!(parts[..3], ["", "", ""], "{said}");
    let temporary = |path: &str| path.contains("/policy-host-") && !path.contains("evil");
    assert!(parts[3..7].iter().all(|path| temporary(path)), "{said}");
    let folder = home.path("bad").to_string_lossy().into_owned();
    assert_eq!(parts[7], format!("template web {folder} --include-crds --skip-tests"));
    // What they had is gone with them.
    assert!(!std::path::Path::new(parts[4]).exists(), "{said}");
}

#[test]
fn nothing_is_fetched() {
    let ran = "echo ran > \"$3/ran\"";
    let home = Home::with(&[
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0, repository: 'https://e.example'}]\n",
        ),
        ("web/fake.sh", ran),
        ("prod/kustomization.yaml", "resources: ['https://e.example/x?ref=1']\n"),
    ]);
    let output = eval(&home, &["--format", "json"]);
    let errors = json(&output)["errors"].to_string();
    assert!(errors.contains("chart web cannot be rendered: its dependencies are not beside it, and nothing is fetched: `redis`; run `helm dependency build web` first"), "{errors}");
    assert!(errors.contains("kustomization prod cannot be rendered: prod includes `https://e.example/x?ref=1`, which is no file or folder here"), "{errors}");
    assert!(!home.path("web/ran").exists());
}

#[test]
fn what_is_rendered_may_be_anything() {
    for (text, what) in [
        (
            "# Source: web/../../../etc/passwd\napiVersion: v1\nkind: Pod\nspec: {containers: [{name: app, securityContext: {privileged: true}}]}",
            "bad/Chart.yaml:1:1",
        ),
        (
            "# Source: /etc/passwd\napiVersion: v1\nkind: Pod\nspec: {containers: [{name: app, securityContext: {privileged: true}}]}",
            "bad/Chart.yaml:1:1",
        ),
        ("apiVersion: v1\nkind: [\n", "(rendered by `chart bad`)"),
        ("---\n---\n# nothing\n", ""),
        ("\u{feff}a: &a [*a]\n", "(rendered by `chart bad`)"),
    ] {
        let home = beside("/bin/cat \"$3/out\"");
        home.write("bad/out", text);
        let output = eval(&home, &["--format", "concise"]);
        let shown = format!("{}{}", stdout(&output), stderr(&output));
        assert!(shown.contains(what) && shown.contains("good/Chart.yaml:1:1"), "{text}: {shown}");
        assert!(!shown.contains("panicked") && !shown.contains("root:"), "{shown}");
    }
    let output = eval(&beside("printf '\\377'"), &["--format", "json"]);
    assert!(failure(&output).contains("what it wrote is not UTF-8"));
}
