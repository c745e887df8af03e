//! What others say (rules, manifests, files' names, arguments, settings) reaches no terminal, no log and no report raw.

use crate::cli::{Home, stderr, stdout};
use crate::sandbox::{Answer, DEPLOYMENT, Told};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Output;

const FORMATS: [&str; 8] = ["human", "concise", "json", "sarif", "junit", "github", "markdown", "html"];

/// Escape sequences, line breaks of every kind, commands of CI runners, turned and hidden letters.
pub(crate) const HOSTILE: &str = "x\u{1b}[2J\u{1b}[8m\u{9b}1m\u{7}\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{feff}\u{2028}\u{2029}\
    \u{85}\u{e0041}\u{7f}\rforged line\r\n::error::forged\n\u{2003}::set-output name=forged::x\nforged line ##[error]forged \
    ##vso[task.setvariable]forged";
/// The same for prose, which has lines of its own.
const PROSE: &str = "why\u{1b}]0;t\u{7}\u{202e}\u{e0041}\n::error::forged\n\n  ::warning::forged ##[error]forged";

/// A string in YAML, of which nothing is raw.
fn yaml(text: &str) -> String {
    let escaped = |letter: char| match letter {
        ' '..='~' if !matches!(letter, '"' | '\\') => letter.to_string(),
        letter => format!("\\U{:08x}", u32::from(letter)),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

/// What a text has that nobody may write.
pub(crate) fn problem(text: &str) -> Option<String> {
    let text = &text.replace("\r\n", "\n");
    let hidden = |letter: char| {
        letter.is_control() && !matches!(letter, '\n' | '\t')
            || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(letter, '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    let forged = |line: &str| {
        let line = line.trim_start();
        line.starts_with("forged line")
            || line.starts_with("::")
                && !line.starts_with("::error file=")
                && !line.starts_with("::error title=input::")
                && !line.starts_with("::warning file=")
                && !line.starts_with("::notice title=exceptions::")
            || line.contains("##[error]")
            || line.contains("##vso[")
    };
    let found = text.chars().find(|letter| hidden(*letter)).map(|letter| format!("raw {letter:?}"));
    found.or_else(|| text.lines().find(|line| forged(line)).map(|line| format!("forged: {line}")))
}

fn assert_plain(what: &str, text: &str) {
    assert_eq!(problem(text), None, "{what}:\n{text:?}");
}

fn assert_output(what: &str, output: &Output) {
    assert!(output.status.code().is_some_and(|code| code < 4), "{what}: {}", stderr(output));
    assert_plain(what, &String::from_utf8(output.stdout.clone()).unwrap());
    assert_plain(what, &String::from_utf8(output.stderr.clone()).unwrap());
}

/// A component of which every text is hostile.
fn component() -> Vec<u8> {
    let at = "/pod/spec/containers/0/image";
    let patch = json!([{"op": "add", "path": format!("/object/metadata/{}", HOSTILE.replace(['~', '/'], "")), "value": HOSTILE}]);
    let finding = |fix: Option<(u8, String)>| Told {
        message: HOSTILE.to_owned(),
        at: at.to_owned(),
        labels: vec![("/object/metadata/name".to_owned(), HOSTILE.to_owned())],
        title: HOSTILE.to_owned(),
        fix,
        ..Told::default()
    };
    let create =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": HOSTILE}, "data": {"k": HOSTILE}});
    let findings = vec![finding(Some((0, patch.to_string()))), finding(Some((1, create.to_string())))];
    Answer::Judged(findings).guest().saying(&manifest("hostile"))
}

fn manifest(id: &str) -> Value {
    json!({
        "id": id, "title": HOSTILE, "description": PROSE, "why": PROSE, "fix": PROSE, "factor": HOSTILE, "since": HOSTILE,
        "version": "1.0.0", "controls": [HOSTILE], "peers": [HOSTILE],
        "findings": [{"code": "bad", "title": HOSTILE, "severity": "high", "confidence": "certain"}],
        "parameters": {"type": "object", "properties": {HOSTILE: {"type": "string", "description": HOSTILE, "default": HOSTILE}}},
    })
}

const EXCEPTION: &str = "# policy: ignore[no-such\u{202e}rule] why \u{200b}\u{2066}\n";

/// A repository that is hostile in everything, and a bundle likewise.
fn home() -> Home {
    let home = Home::new();
    for directory in ["rules", "k8s", "out", "broken"] {
        fs::create_dir_all(home.path(directory)).unwrap();
    }
    fs::write(home.path("rules/hostile.wasm"), component()).unwrap();
    let unable = Answer::NotEvaluated(HOSTILE.to_owned()).guest().saying(&manifest("unable"));
    fs::write(home.path("rules/unable.wasm"), unable).unwrap();
    let failing = Answer::Error(HOSTILE.to_owned()).guest().saying(&manifest("failing"));
    fs::write(home.path("rules/failing.wasm"), failing).unwrap();
    let named = DEPLOYMENT.replace("{name: web}", &format!("{{name: {}}}", yaml(HOSTILE)));
    let image = "\"ng\\e[2J##[error]inx\u{202e}\" } # \u{2066}\u{200b}\u{e0041}::error::x";
    let named = named.replace("nginx}", image);
    let file = HOSTILE.replace('/', "");
    let mut bytes = file.into_bytes();
    bytes.extend(b"\xff.yaml");
    fs::write(home.path("k8s").join(OsStr::from_bytes(&bytes)), format!("{EXCEPTION}{named}")).unwrap();
    fs::write(home.path("k8s").join("::error::forged.yaml"), &named).unwrap();
    bytes.extend(b".yml");
    fs::write(home.path("broken").join(OsStr::from_bytes(&bytes)), format!("a: [\n# \u{202e}\u{9b}1m\n{HOSTILE}: [\n"))
        .unwrap();
    home
}

#[test]
fn every_form_of_report_is_plain() {
    let home = home();
    let reports: Vec<String> = FORMATS.iter().map(|format| format!("--report={format}=out/{format}")).collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let eval =
        ["eval", "--no-cache", "--bundle", "rules", "--write-baseline", "out/baseline\u{1b}\u{202e}\n::error::forged"];
    let paths = ["k8s", "broken", "none\u{1b}[2J\n::error::forged.yaml"];
    let output = home.run(&[&eval[..], &paths, &reports].concat());
    assert_output("eval", &output);
    for format in FORMATS {
        let report = home.read(&format!("out/{format}"));
        assert_plain(format, &report);
        let alone = home.run(&[&eval[..4], &paths[..], &["--format", format]].concat());
        assert_output(format, &alone);
        assert!(stdout(&alone).contains("hostile"), "{format}: {}{}", stdout(&alone), stderr(&alone));
    }
    // What a program reads is what was said.
    let results: Value = serde_json::from_str(&home.read("out/json")).unwrap();
    assert_eq!(results["rules"][1]["title"], HOSTILE);
    // Also the file whose name is not UTF-8 was checked.
    assert_eq!(results["documents"].as_array().map(Vec::len), Some(2));
    let findings = results["documents"][0]["outcomes"][1]["findings"].as_array().unwrap();
    assert_eq!(findings[0]["message"], HOSTILE);
    let sarif: Value = serde_json::from_str(&home.read("out/sarif")).unwrap();
    assert_plain_values("sarif", &sarif["runs"][0]["results"][0]["message"]);
    assert_plain_values("sarif", &sarif["runs"][0]["tool"]["driver"]["rules"]);
    for format in ["markdown", "html"] {
        assert_output("report", &home.run(&["report", "out/json", "--baseline", "out/json", "--format", format]));
    }
    let coloured = home.run(&[&eval[..4], &paths[..2], &["--color", "always"]].concat());
    let text = stdout(&coloured);
    let without: String = text
        .split('\u{1b}')
        .map(|part| {
            part.strip_prefix('[').map_or(part, |part| {
                part.split_once('m')
                    .filter(|(style, _)| style.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'))
                    .map_or(part, |(_, rest)| rest)
            })
        })
        .collect();
    assert_ne!(text, without);
    assert_plain("coloured", &without);
    assert!(!text.contains("\u{1b}[8m") && !text.contains("\u{1b}[2J"));
}

fn assert_plain_values(what: &str, value: &Value) {
    match value {
        Value::String(text) => assert_plain(what, text),
        Value::Array(items) => items.iter().for_each(|item| assert_plain_values(what, item)),
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            assert_plain(what, key);
            assert_plain_values(what, value);
        }),
        _ => {}
    }
}

#[test]
fn fixes_and_diffs_are_plain() {
    let home = home();
    for arguments in [&["--diff"][..], &["--diff", "--fix=unsafe"], &["--fix=unsafe"]] {
        let output = home.run(&[&["eval", "--no-cache", "--bundle", "rules", "k8s"], arguments].concat());
        assert_output("fix", &output);
        // A fix that does not cure what it is for is not applied again and again.
        assert!(output.stdout.len() < 100_000, "{}", output.stdout.len());
    }
}

#[test]
fn every_command_is_plain() {
    let home = home();
    home.write(
        "bundle.yaml",
        &format!("name: b\nversion: '1'\ndescription: {}\nrules: [pss-privileged]\n", yaml(HOSTILE)),
    );
    let hostile = HOSTILE.replace('\0', "");
    let hostile = hostile.as_str();
    let path = format!("none/{hostile}");
    let path = path.as_str();
    let rule = "rules/hostile.wasm";
    for arguments in [
        &["list", "--bundle", "rules"][..],
        &["list", "--bundle", "rules", "--format", "json"],
        &["list", "--bundle", hostile],
        &["explain", rule],
        &["explain", rule, "--format", "markdown"],
        &["explain", rule, "--format", "json"],
        &["explain", hostile],
        &["inspect", rule],
        &["inspect", rule, "--format", "json"],
        &["inspect", path],
        &["bundle", "gatekeeper", "rules"],
        &["bundle", "kyverno", "rules"],
        &["bundle", "webhook", "rules"],
        &["bundle", "rbac", "rules"],
        &["bundle", "gatekeeper", "bundle.yaml"],
        &["bundle", "webhook", hostile],
        &["bundle", "webhook", "rules", "--name", hostile, "--ca-bundle", path],
        &["bundle", "inspect", path],
        &["bundle", "inspect", hostile],
        &["bundle", "pull", hostile],
        &["bundle", "push", "rules", hostile],
        &["bundle", "list", hostile],
        &["bundle", "load", path],
        &["bundle", "build", "rules", "--out", path],
        &["verify", hostile, "--key", path],
        &["sign", hostile, "--key", path],
        &["key", "generate", "--output", path],
        &["key", hostile],
        &["key", "public", path],
        &["store", "prune", "--store", path],
        &["test", path],
        &["test", "rules", "--components", path],
        &["bench", "rules", "--samples", "11"],
        &["bench", rule, "--samples", "11", "--format", "json"],
        &["bench", hostile],
        &["new", hostile],
        &["new", "pack/rule", "--out", path],
        &["component", path, "--out", path],
        &["report", path],
        &["completions", hostile],
        &[hostile],
        &["eval", "--format", hostile],
        &["eval", "--report", hostile],
        &["eval", "--config", path],
        &["eval", "--baseline", path, "k8s"],
        &["eval", "--since", hostile, "k8s"],
        &["config", "show", "--bundle", hostile, path],
        &["serve", "--bundle", hostile, "--no-cluster"],
        &["serve", "--config", path],
        &["lsp", "--bundle", hostile],
    ] {
        assert_output(&format!("{arguments:?}"), &home.run(arguments));
    }
}

#[test]
fn settings_are_plain() {
    for (name, text) in [
        ("policy-host.yaml", format!("bundle: {}\n", yaml(HOSTILE))),
        ("policy-host.yaml", format!("format: {}\n", yaml(HOSTILE))),
        ("policy-host.yaml", format!("{}: 1\n", yaml(HOSTILE))),
        ("policy-host.yaml", format!("paths: [k8s, {}]\n", yaml(HOSTILE))),
        (
            "policy-host.yaml",
            format!(
                "exceptions: [{{rules: [pss-privileged], reason: {0}, owner: {0}, paths: [{0}]}}]\n",
                yaml(HOSTILE)
            ),
        ),
        ("policy-host.yaml", format!("\u{202e}: [\n{HOSTILE}\n")),
    ] {
        let home = home();
        home.write(name, &text);
        fs::create_dir_all(home.path(".git")).unwrap();
        for arguments in [&["eval", "k8s"][..], &["config", "show"], &["eval", "--bundle", "rules", "k8s"]] {
            assert_output(&text, &home.run(arguments));
        }
    }
}

#[test]
fn fixtures_are_plain() {
    let home = home();
    let folder = home.path("pack/hostile");
    fs::create_dir_all(folder.join("target")).unwrap();
    fs::copy(home.path("rules/hostile.wasm"), folder.join("target/hostile.wasm")).unwrap();
    let text = format!("# expect: \u{1b}[2J\u{202e} ::error::forged\n{DEPLOYMENT}");
    fs::write(folder.join("fail.yaml"), &text).unwrap();
    fs::write(folder.join("pass.yaml"), text.replace("web", "\"\\e[2J\u{202e}##[error]x\"")).unwrap();
    let output = home.run(&["test", "pack/hostile"]);
    assert_output("test", &output);
    assert!(stdout(&output).contains("FAILED"), "{output:?}");
}
