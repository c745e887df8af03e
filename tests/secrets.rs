//! What a finding says is a secret is shown by nothing: no frame, no neighbouring line, no diff, no fix.

use crate::cli::{Home, stderr, stdout};
use crate::sandbox::{Answer, Told};
use policy_sdk::values::credential;
use serde_json::json;
use std::fs;
use std::process::Command;

const FORMATS: [&str; 8] = ["human", "concise", "json", "sarif", "junit", "github", "markdown", "html"];
const SECRET: &str = "hunter2-and-more";
/// The last line of the first document is next to the first of the second, where there are no findings of others.
const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: app
          image: nginx
          env:
            - {name: PASSWORD, value: hunter2-and-more}
          workingDir: old
";

fn secret(message: &str) -> Told {
    let at = "/pod/spec/containers/0/env/0/value";
    Told { message: message.to_owned(), at: at.to_owned(), secret: true, ..Told::default() }
}

fn fixed(at: &str, patch: &serde_json::Value) -> Told {
    Told { message: "bad".to_owned(), at: at.to_owned(), fix: Some((0, patch.to_string())), ..Told::default() }
}

/// A directory whose one rule has these findings on each workload.
fn home(findings: Vec<Told>, text: &str) -> Home {
    let home = Home::with(&[("web.yaml", text)]);
    fs::create_dir_all(home.path("rules")).unwrap();
    fs::write(home.path("rules/guest.wasm"), Answer::Judged(findings).guest().with_manifest()).unwrap();
    fs::create_dir_all(home.path("out")).unwrap();
    home
}

/// A fix of the line before the secret.
fn neighbour() -> Told {
    let patch = json!([{"op": "replace", "path": "/pod/spec/containers/0/image", "value": "nginx:1.0"}]);
    fixed("/pod/spec/containers/0/image", &patch)
}

fn assert_no_secret(home: &Home, arguments: &[&str]) {
    assert_not_shown(home, arguments, &[SECRET, "hunter2"]);
}

/// That no form of output shows any of these.
fn assert_not_shown(home: &Home, arguments: &[&str], secrets: &[&str]) {
    let reports: Vec<String> = FORMATS.iter().map(|format| format!("--report={format}=out/{format}")).collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let eval = [&["eval", "--no-cache", "--bundle", "rules", "web.yaml"][..], arguments].concat();
    let output = home.run(&[&eval[..], &reports].concat());
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", stderr(&output));
    let mut texts = vec![stdout(&output), stderr(&output)];
    texts.extend(FORMATS.iter().map(|format| home.read(&format!("out/{format}"))));
    texts.extend(["markdown", "html"].map(|format| stdout(&home.run(&["report", "out/json", "--format", format]))));
    for fix in [&["--diff"][..], &["--diff", "--fix"], &["--diff", "--fix=unsafe"]] {
        let output = home.run(&[&eval[..], fix].concat());
        texts.extend([stdout(&output), stderr(&output)]);
    }
    for text in texts {
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
}

#[test]
fn whatever_a_finding_is_about() {
    // The secret is next to another finding, in the range of a label of one, and in the context of a diff.
    let labelled = Told { labels: vec![("/pod/spec/containers/0/env".to_owned(), "here".to_owned())], ..neighbour() };
    for findings in [
        vec![secret("bad"), neighbour()],
        vec![neighbour(), secret("bad")],
        vec![labelled, secret("bad")],
        // A rule that quotes what it says is a secret.
        vec![secret("the password hunter2-and-more is bad"), neighbour()],
    ] {
        assert_no_secret(&home(findings, DEPLOYMENT), &[]);
    }
}

#[test]
fn also_where_the_secret_is_exempt_known_or_outside_of_the_change() {
    let findings = || vec![secret("bad"), neighbour()];
    let exempt = DEPLOYMENT.replace("hunter2-and-more}", "hunter2-and-more} # policy: ignore[guest] it is made up");
    let home_ = home(findings(), &exempt);
    assert_no_secret(&home_, &[]);
    let home_ = home(findings(), DEPLOYMENT);
    let baseline = ["eval", "--no-cache", "--bundle", "rules", "web.yaml", "--write-baseline", "out/baseline"];
    assert_eq!(home_.run(&baseline).status.code(), Some(0));
    assert!(!home_.read("out/baseline").contains(SECRET));
    assert_no_secret(&home_, &["--baseline", "out/baseline"]);
    // The line before the secret is touched, the secret is not.
    let home_ = home(findings(), &DEPLOYMENT.replace("nginx", "httpd"));
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        assert!(command.current_dir(home_.path("")).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "x"]);
    home_.write("web.yaml", DEPLOYMENT);
    let output = {
        let mut command = home_.command(&["eval", "--no-cache", "--bundle", "rules", "web.yaml", "--since", "HEAD"]);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.output().unwrap()
    };
    let text = stdout(&output);
    assert!(text.contains("image: nginx"), "{text}{}", stderr(&output));
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn also_in_the_other_documents_of_the_file() {
    // What changes is at the end of the first document, and the secret at the beginning of the second.
    let patch = json!([{"op": "replace", "path": "/pod/spec/containers/0/workingDir", "value": "new"}]);
    let tail = fixed("/pod/spec/containers/0/workingDir", &patch);
    let first = DEPLOYMENT.replace(SECRET, "plain-and-more");
    let container = format!("{{name: a, image: b, env: [{{name: p, value: {SECRET}}}]}}");
    let second = format!("spec: {{template: {{spec: {{containers: [{container}]}}}}}}");
    let text = format!("{first}---\n{second}\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: two}}\n");
    let home = home(vec![secret("bad"), tail], &text);
    assert_no_secret(&home, &[]);
    let diff = stdout(&home.run(&["eval", "--no-cache", "--bundle", "rules", "web.yaml", "--diff"]));
    assert!(diff.contains("+          workingDir: new\n ---\n spec: "), "{diff}");
}

#[test]
fn a_diff_with_stars_says_that_it_is_to_be_read() {
    let masked = home(vec![secret("bad"), neighbour()], DEPLOYMENT);
    let output = masked.run(&["eval", "--no-cache", "--bundle", "rules", "web.yaml", "--diff"]);
    let diff = stdout(&output);
    assert!(diff.contains("-          image: nginx\n+          image: nginx:1.0\n"), "{diff}");
    let line = DEPLOYMENT.lines().find(|line| line.contains(SECRET)).unwrap();
    let line = line.replace(SECRET, &"*".repeat(SECRET.len()));
    assert!(diff.contains(&format!("\n {line}\n")), "{diff}");
    assert!(stderr(&output).contains("this diff is to be read"), "{}", stderr(&output));
    assert_eq!(masked.read("web.yaml"), DEPLOYMENT);
    // Without a secret it is the change to the letter, and nothing else is said.
    let plain = home(vec![neighbour()], DEPLOYMENT);
    let output = plain.run(&["eval", "--no-cache", "--bundle", "rules", "web.yaml", "--diff"]);
    assert!(!stderr(&output).contains("to be read"), "{}", stderr(&output));
    plain.write("change.diff", &stdout(&output));
    let applied = Command::new("git").args(["apply", "change.diff"]).current_dir(plain.path("")).output().unwrap();
    assert!(applied.status.success(), "{applied:?}");
    assert!(plain.read("web.yaml").contains("image: nginx:1.0\n"));
}

#[test]
fn a_fix_that_takes_a_secret_along_shows_none() {
    // A rule that moves what it found elsewhere: into the document, into another one, into another value.
    let moves = [
        (0, json!([{"op": "add", "path": "/object/metadata/annotations", "value": {"was": SECRET}}]).to_string()),
        (
            0,
            json!([{"op": "add", "path": "/object/metadata/annotations", "value": {"was": format!("u:{SECRET}@h")}}])
                .to_string(),
        ),
        (
            0,
            json!([{"op": "replace", "path": "/pod/spec/containers/0/env/0/value", "value": format!("{SECRET}!")}])
                .to_string(),
        ),
        (
            1,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": SECRET}})
                .to_string(),
        ),
    ];
    for (case, change) in moves {
        let title = format!("move {SECRET} away");
        let found = Told { fix: Some((case, change.clone())), title, ..secret("bad") };
        for text in [DEPLOYMENT.to_owned(), DEPLOYMENT.replace(SECRET, &format!("'{SECRET}'"))] {
            assert_no_secret(&home(vec![found.clone()], &text), &[]);
        }
    }
}

#[test]
fn a_fix_beside_a_secret_on_one_line_is_told_without_it() {
    let text =
        DEPLOYMENT.replace("{name: PASSWORD, value: hunter2-and-more}", "{name: a, value: hunter2-and-more, x: a}");
    let patch = json!([
        {"op": "replace", "path": "/pod/spec/containers/0/env/0/name", "value": "b"},
        {"op": "replace", "path": "/pod/spec/containers/0/env/0/x", "value": "b"},
    ]);
    let home = home(vec![secret("bad"), fixed("/pod/spec/containers/0/env", &patch)], &text);
    assert_no_secret(&home, &[]);
    let sarif: serde_json::Value = serde_json::from_str(&home.read("out/sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let replacements = &results[1]["fixes"][0]["artifactChanges"][0]["replacements"];
    assert_eq!(replacements.as_array().map(Vec::len), Some(2), "{results:#?}");
    let output = home.run(&["eval", "--no-cache", "--bundle", "rules", "web.yaml", "--fix"]);
    assert!(home.read("web.yaml").contains("{name: b, value: hunter2-and-more, x: b}"), "{}", stderr(&output));
}

/// What a finding says nothing of: a credential by its form, and the password of a URL whatever its host looks like.
#[test]
fn a_credential_is_starred_out_whatever_rules_say() {
    let token = ["ghp", "_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let key =
        ["-----BEGIN EC PRIV", "ATE KEY-----\\nMHcCAQEEIExampleExampleExample\\n-----END EC PRIV", "ATE KEY-----"]
            .concat();
    let web = ["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTYifQ", ".c2lnbmF0dXJlc2lnbmF0dXJl"].concat();
    let connection = ["Server=db;User Id=app;Pass", "word=zUGp8-k2;Encrypt=True"].concat();
    for (value, secret) in [
        (token.as_str(), token.as_str()),
        (key.as_str(), "MHcCAQEEIExampleExampleExample"),
        (&format!("Bearer {web}"), web.as_str()),
        (connection.as_str(), "zUGp8-k2"),
    ] {
        let text = DEPLOYMENT.replace("value: hunter2-and-more", &format!("value: \"{value}\""));
        assert_not_shown(&home(vec![neighbour()], &text), &[], &[secret]);
    }
    for host in [
        "db:5432/shop",
        "[fd00:1::2]:6379/3",
        "/shop?host=/sock",
        "<broker>/v",
        "tcp(db:3306)/x",
        "%2Frun%2Fpg/x",
        "${HOST}/x",
        "db",
    ] {
        let address = ["amqp:", "//app:letmein99@", host].concat();
        let text = DEPLOYMENT.replace("value: hunter2-and-more", &format!("value: \"{address}\""));
        assert_not_shown(&home(vec![neighbour()], &text), &[], &["letmein99"]);
    }
}

/// The lines of the corpus: whether it is a secret, its name, and its value.
fn corpus() -> impl Iterator<Item = (bool, String, String)> {
    let lines = include_str!("secrets/corpus.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        // The mark stands for nothing: it cuts what a scanner of repositories would take for a live secret.
        let line = line.replace('\u{a6}', "");
        let mut parts = line.splitn(3, '\t');
        let mut next = || parts.next().unwrap_or_else(|| panic!("{line}")).to_owned();
        (next() == "true", next(), next())
    })
}

#[test]
fn secrets_are_told_from_what_looks_like_one() {
    let (mut found, mut false_ones, mut missed) = (0, Vec::new(), Vec::new());
    for (is_secret, name, value) in corpus() {
        match (is_secret, credential::judge(&name, &value)) {
            (true, Some(_)) => found += 1,
            (true, None) => missed.push(format!("{name}={value}")),
            (false, Some(what)) => false_ones.push(format!("{name}={value}: {what}")),
            (false, None) => {}
        }
    }
    let precision = f64::from(found) / (f64::from(found) + false_ones.len() as f64);
    let recall = f64::from(found) / (f64::from(found) + missed.len() as f64);
    println!("{found} secrets found: precision {precision:.3}, recall {recall:.3}");
    println!("none, but taken for one: {false_ones:#?}\nmissed: {missed:#?}");
    assert!(corpus().count() > 600 && corpus().filter(|(is_secret, ..)| *is_secret).count() > 200);
    assert!(precision >= 0.98 && recall >= 0.9, "precision {precision:.3}, recall {recall:.3}");
}

#[test]
fn a_credential_is_found_in_time_that_its_text_takes() {
    // Beginnings of tokens without end, each of which could go on to the end of the text.
    for piece in [
        "eyJ.",
        "eyJ-",
        "glc_/",
        "sk-",
        "-----BEGIN PRIVATE KEY-----",
        "password=",
        ".atlasv1.",
        "Q~",
        ":AA",
        "SG.",
        "AccountKey=",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        assert!(credential::form::find(&text).len() < 2, "{piece}");
    }
}
