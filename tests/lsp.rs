//! The language server, as an editor uses it: the binary, over its standard streams.

use crate::sandbox::{Answer, Told};
use crate::visible::{HOSTILE, problem};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web # 🦀 web
spec:
  containers:
    - {name: app, image: app:1.0.0, securityContext: {privileged: true, allowPrivilegeEscalation: true}}
";

/// A pod of which safe fixes make something better.
const BARE: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      image: app:1.0.0
";

struct Editor {
    directory: tempfile::TempDir,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    last_id: i64,
}

impl Editor {
    fn start(files: &[(&str, &str)]) -> Self {
        Self::judging_by("pod-security-restricted", files, tempfile::tempdir().unwrap())
    }

    /// One that checks by a component.
    fn with_rule(component: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rules = directory.path().join("rules");
        fs::create_dir(&rules).unwrap();
        fs::write(rules.join("rule.wasm"), component).unwrap();
        Self::judging_by(rules.to_str().unwrap(), &[], directory).ready(json!({}))
    }

    fn judging_by(bundle: &str, files: &[(&str, &str)], directory: tempfile::TempDir) -> Self {
        for (name, text) in files {
            let path = directory.path().join("work").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_policy-host"))
            .args(["lsp", "--stdio", "--bundle", bundle])
            .env_clear()
            .env("POLICY_HOST_CACHE", directory.path().join("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { directory, child, input, output, last_id: 0 }
    }

    fn initialized(files: &[(&str, &str)]) -> Self {
        Self::with_capabilities(files, json!({"workspace": {"workspaceEdit": {"documentChanges": true}}}))
    }

    fn with_capabilities(files: &[(&str, &str)], capabilities: Value) -> Self {
        Self::start(files).ready(capabilities)
    }

    fn ready(mut self, capabilities: Value) -> Self {
        let root = self.uri("");
        let folders = json!([{"uri": root, "name": "work"}]);
        self.ask("initialize", json!({"processId": null, "capabilities": capabilities, "workspaceFolders": folders}));
        self.tell("initialized", json!({}));
        self
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.directory.path().join("work").join(name).display())
    }

    fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        // It may be gone already.
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server is gone");
            match line.trim_end().split_once(": ") {
                Some((_, value)) => length = value.parse().unwrap(),
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The answer to a request, whatever else comes before it.
    fn respond(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.receive();
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let response = self.respond(method, params);
        assert!(response.get("error").is_none(), "{response}");
        response["result"].clone()
    }

    fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    fn change(&mut self, name: &str, version: i64, change: Value) {
        let document = json!({"uri": self.uri(name), "version": version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}));
    }

    /// The diagnostics of a file at a version, as `code line:character-line:character`.
    fn diagnostics(&mut self, name: &str, version: Option<i64>) -> Vec<String> {
        self.published(name, version).iter().map(shown).collect()
    }

    /// The diagnostics of a version of a text, as the client gets them.
    fn published(&mut self, name: &str, version: Option<i64>) -> Vec<Value> {
        let uri = self.uri(name);
        loop {
            let message = self.receive();
            let params = &message["params"];
            let published = message["method"] == "textDocument/publishDiagnostics" && params["uri"] == uri.as_str();
            if published && params.get("version").and_then(Value::as_i64) == version {
                return params["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    fn actions(&mut self, name: &str, only: &str) -> Value {
        let uri = self.uri(name);
        let everything = json!({"start": {"line": 0, "character": 0}, "end": {"line": 999, "character": 0}});
        let context = json!({"diagnostics": [], "only": [only]});
        let params = json!({"textDocument": {"uri": uri}, "range": everything, "context": context});
        self.ask("textDocument/codeAction", params)
    }

    /// Ends the conversation, and gives the exit code and what was on standard error.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        std::io::copy(&mut self.output, &mut std::io::sink()).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

fn shown(diagnostic: &Value) -> String {
    let place = |end: &str| {
        let position = &diagnostic["range"][end];
        format!("{}:{}", position["line"], position["character"])
    };
    format!("{} {}-{}", diagnostic["code"].as_str().unwrap(), place("start"), place("end"))
}

/// A text after edits in their order.
fn apply_all(text: &str, edits: &Value) -> String {
    let edits = edits.as_array().unwrap().iter().rev();
    edits.fold(text.to_owned(), |text, edit| apply(&text, edit))
}

/// A text after an edit of whole characters below U+10000.
fn apply(text: &str, edit: &Value) -> String {
    let offset = |end: &str| {
        let position = &edit["range"][end];
        let line = position["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start + position["character"].as_u64().unwrap() as usize
    };
    [&text[..offset("start")], edit["newText"].as_str().unwrap(), &text[offset("end")..]].concat()
}

#[test]
fn what_is_typed_is_judged_and_not_what_is_on_disk() {
    let mut editor = Editor::initialized(&[("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n")]);
    editor.open("pod.yaml", POD);
    let found = editor.diagnostics("pod.yaml", Some(1));
    assert!(found.contains(&"pss-privileged 6:66-6:70".to_owned()), "{found:?}");

    let line = json!({"start": {"line": 6, "character": 66}, "end": {"line": 6, "character": 70}});
    editor.change("pod.yaml", 2, json!({"range": line, "text": "false"}));
    let found = editor.diagnostics("pod.yaml", Some(2));
    assert!(!found.iter().any(|line| line.starts_with("pss-privileged")), "{found:?}");

    editor.change("pod.yaml", 3, json!({"text": "a: [\n"}));
    assert_eq!(editor.diagnostics("pod.yaml", Some(3)), ["syntax 0:3-0:4"]);

    let uri = editor.uri("pod.yaml");
    editor.tell("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    assert_eq!(editor.diagnostics("pod.yaml", None), [""; 0]);
}

#[test]
fn places_are_in_utf_16_units() {
    let mut editor = Editor::initialized(&[]);
    let text = POD.replace("{name: app,", "{name: app, workingDir: /🦀é,");
    editor.open("pod.yaml", &text);
    // What was put in front of it is 17 characters, of which one counts twice.
    let found = editor.diagnostics("pod.yaml", Some(1));
    assert!(found.contains(&"pss-privileged 6:84-6:88".to_owned()), "{found:?}");
}

#[test]
fn hovering_explains_the_rule() {
    let mut editor = Editor::initialized(&[]);
    editor.open("pod.yaml", POD);
    let uri = editor.uri("pod.yaml");
    let at = |line: u32, character: u32| json!({"line": line, "character": character});
    let hover = |at: Value| json!({"textDocument": {"uri": uri.as_str()}, "position": at});
    // Without waiting for diagnostics: what is asked about is the text as it is.
    let told = editor.ask("textDocument/hover", hover(at(6, 66)));
    let text = told["contents"]["value"].as_str().unwrap();
    assert!(text.starts_with("## pss-privileged\n"), "{text}");
    assert!(text.contains("**Why**: A privileged container"), "{text}");
    assert!(editor.ask("textDocument/hover", hover(at(0, 0))).is_null());
    assert!(editor.ask("textDocument/hover", hover(at(4_000_000_000, 4_000_000_000))).is_null());
}

#[test]
fn fixes_are_edits_of_the_open_version() {
    let mut editor = Editor::initialized(&[]);
    editor.open("pod.yaml", POD);
    editor.change("pod.yaml", 7, json!({"text": BARE}));
    let actions = editor.actions("pod.yaml", "quickfix");
    let action = actions
        .as_array()
        .unwrap()
        .iter()
        .find(|action| action["title"].as_str().unwrap().starts_with("pss-privilege-escalation: "));
    let change = &action.unwrap_or_else(|| panic!("{actions}"))["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"]["version"], 7);
    let fixed = apply_all(BARE, &change["edits"]);
    assert!(fixed.contains("allowPrivilegeEscalation: false"), "{fixed}");

    let all = editor.actions("pod.yaml", "source.fixAll");
    let fixed = apply_all(BARE, &all[0]["edit"]["documentChanges"][0]["edits"]);
    editor.change("pod.yaml", 8, json!({"text": fixed}));
    assert_eq!(editor.actions("pod.yaml", "source.fixAll"), json!([]));
}

#[test]
fn fixing_all_is_worked_out_when_it_is_chosen() {
    let resolve = json!({"textDocument": {"codeAction": {"resolveSupport": {"properties": ["edit"]}}}});
    let mut editor = Editor::with_capabilities(&[], resolve);
    editor.open("pod.yaml", BARE);
    let action = editor.actions("pod.yaml", "source.fixAll")[0].clone();
    assert!(action.get("edit").is_none());
    let uri = editor.uri("pod.yaml");
    let resolved = editor.ask("codeAction/resolve", action.clone());
    let edits = &resolved["edit"]["changes"][uri.as_str()];
    assert!(apply_all(BARE, edits).contains("allowPrivilegeEscalation: false"), "{edits}");
    // The text is another one now: no edit is better than one of the wrong text.
    editor.change("pod.yaml", 2, json!({"text": ""}));
    assert!(editor.ask("codeAction/resolve", action).get("edit").is_none());
}

#[test]
fn files_of_the_workspace_are_the_inventory() {
    let service =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n";
    let mut editor = Editor::initialized(&[("other.yaml", service)]);
    editor.open("main.tf", "terraform {\n}\n");
    assert_eq!(editor.diagnostics("main.tf", Some(1)), [""; 0]);
    editor.open("notes.md", "# Notes\n");
    assert_eq!(editor.diagnostics("notes.md", Some(1)), [""; 0]);
}

#[test]
fn what_led_to_a_finding_is_shown_in_its_file() {
    let service = "# a\napiVersion: v1\nkind: Service\nmetadata: {name: shop}\n\
                   spec:\n  selector: {app: shop}\n  ports:\n    - port: 80\n";
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("bundle.yaml");
    fs::write(&bundle, "name: b\nversion: '1'\nrules: [readiness-probe-required]\n").unwrap();
    let files = [("all services/a.yaml", service)];
    let mut editor = Editor::judging_by(bundle.to_str().unwrap(), &files, directory).ready(json!({}));
    editor.open("deploy/shop.yaml", include_str!("fixtures/shop.yaml"));
    let related = loop {
        let message = editor.receive();
        if message["method"] == "textDocument/publishDiagnostics" {
            break message["params"]["diagnostics"][0]["relatedInformation"][0].clone();
        }
    };
    assert_eq!(related["location"]["uri"], editor.uri("all services/a.yaml").replace(' ', "%20"));
    assert_eq!(related["location"]["range"]["start"]["line"], 6);
    assert_eq!(related["message"], "Service shop: it sends to the pods");
}

#[test]
fn a_client_is_told_what_it_does_wrong() {
    let mut editor = Editor::start(&[]);
    assert_eq!(editor.respond("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.ask("initialize", json!({"capabilities": {}}));
    assert_eq!(editor.respond("initialize", json!({"capabilities": {}}))["error"]["code"], -32600);
    assert_eq!(editor.respond("no/such", json!({}))["error"]["code"], -32601);
    assert_eq!(editor.respond("textDocument/hover", json!({"textDocument": 1}))["error"]["code"], -32602);
    editor.send(&json!({"jsonrpc": "2.0", "hello": "world"}));
    assert_eq!(editor.receive()["error"]["code"], -32700);
    editor.ask("shutdown", Value::Null);
    assert_eq!(editor.respond("textDocument/hover", json!({}))["error"]["code"], -32600);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.end(), (Some(0), String::new()));
}

#[test]
fn hostile_clients_are_survived() {
    let mut editor = Editor::initialized(&[]);
    // A change of what is not open, an older version, ranges that are nowhere or backwards, no parameters at all.
    editor.change("none.yaml", 1, json!({"text": "a: 1"}));
    editor.open("pod.yaml", POD);
    let backwards = json!({"start": {"line": 5, "character": 3}, "end": {"line": 2, "character": 4_294_967_295_u32}});
    editor.change("pod.yaml", -5, json!({"range": backwards, "text": "\u{0}"}));
    let far = json!({"start": {"line": 4_294_967_295_u32, "character": 0}, "end": {"line": 4_294_967_295_u32, "character": 9}});
    editor.change("pod.yaml", 1, json!({"range": far, "text": "\n---\nkind: ["}));
    for method in ["textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "$/cancelRequest", "?"] {
        editor.tell(method, json!([null]));
    }
    // More than is parsed, and more than is kept.
    editor.open("large.yaml", &"a: b\n".repeat(2 << 20));
    assert_eq!(editor.diagnostics("large.yaml", Some(1)), ["syntax 0:0-0:0"]);
    let start = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}});
    editor.change("large.yaml", 2, json!({"range": start, "text": "c: d\n".repeat(2 << 20)}));
    assert_eq!(editor.diagnostics("large.yaml", Some(2)), ["syntax 0:0-0:0"]);
    editor.change("large.yaml", 3, json!({"text": POD}));
    assert_ne!(editor.diagnostics("large.yaml", Some(3)), [""; 0]);
    // A request that is cancelled while it waits gets one answer, whichever.
    editor.tell("$/cancelRequest", json!({"id": 1000}));
    editor.last_id = 999;
    assert_eq!(editor.respond("textDocument/hover", json!({}))["error"]["code"], -32800);
    // Nobody is there any more.
    assert_eq!(editor.end(), (Some(1), String::new()));
}

#[test]
fn what_is_no_protocol_ends_with_an_error() {
    let mut editor = Editor::start(&[]);
    editor.raw(b"GET / HTTP/1.1\r\n\r\n");
    let (code, said) = editor.end();
    assert_eq!(code, Some(2));
    assert_eq!(said, "error: the client cannot be talked to: a header line without a colon\n");
}

const SECRET: &str = "\
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
            - {name: a, value: hunter2-and-more, x: a}
          workingDir: old
";

#[test]
fn edits_around_a_secret_do_without_it() {
    let at = "/pod/spec/containers/0";
    let replace = |path: &str, value: &str| json!({"op": "replace", "path": format!("{at}{path}"), "value": value});
    let patch = json!([replace("/image", "nginx:1.0"), replace("/workingDir", "new")]);
    let patch_of_line = json!([replace("/env/0/name", "b"), replace("/env/0/x", "b")]);
    let fixed = |patch: &Value, title: &str| Told {
        message: "bad".to_owned(),
        at: format!("{at}/image"),
        fix: Some((0, patch.to_string())),
        title: title.to_owned(),
        ..Told::default()
    };
    let message = "`hunter2-and-more` is bad".to_owned();
    let secret = Told { message, at: format!("{at}/env/0/value"), secret: true, ..Told::default() };
    let findings = vec![secret, fixed(&patch, "not hunter2-and-more"), fixed(&patch_of_line, "")];
    let mut editor = Editor::with_rule(&Answer::Judged(findings).guest().with_manifest());
    editor.open("web.yaml", SECRET);
    let uri = editor.uri("web.yaml");
    let published = loop {
        let message = editor.receive();
        if message["method"] == "textDocument/publishDiagnostics" {
            break message.to_string();
        }
    };
    let actions = editor.actions("web.yaml", "quickfix");
    for told in [&published, &actions.to_string()] {
        assert!(!told.contains("hunter2"), "{told}");
    }
    let edited: Vec<String> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| apply_all(SECRET, &action["edit"]["changes"][uri.as_str()]))
        .collect();
    let images = SECRET.replace("nginx", "nginx:1.0").replace("old", "new");
    let line = SECRET.replace("name: a,", "name: b,").replace("x: a}", "x: b}");
    assert_eq!(edited, [images, line]);
}

#[test]
fn what_rules_say_is_plain() {
    let patch = json!([{"op": "replace", "path": "/pod/spec/containers/0/image", "value": "a"}]);
    let finding = Told {
        message: HOSTILE.to_owned(),
        at: "/pod/spec/containers/0/image".to_owned(),
        labels: vec![("/object/metadata/name".to_owned(), HOSTILE.to_owned())],
        title: HOSTILE.to_owned(),
        fix: Some((0, patch.to_string())),
        ..Told::default()
    };
    let manifest = json!({"title": HOSTILE, "why": HOSTILE, "fix": HOSTILE, "factor": HOSTILE});
    let mut editor = Editor::with_rule(&Answer::Judged(vec![finding]).guest().saying(&manifest));
    editor.open("web.yaml", SECRET);
    let diagnostics = loop {
        let message = editor.receive();
        if message["method"] == "textDocument/publishDiagnostics" {
            break message["params"]["diagnostics"].clone();
        }
    };
    let actions = editor.actions("web.yaml", "quickfix");
    let place = json!({"textDocument": {"uri": editor.uri("web.yaml")}, "position": {"line": 8, "character": 18}});
    let hover = editor.ask("textDocument/hover", place)["contents"]["value"].clone();
    assert!(diagnostics[0]["relatedInformation"][0]["message"].is_string());
    for text in
        [&diagnostics[0]["message"], &diagnostics[0]["relatedInformation"][0]["message"], &actions[0]["title"], &hover]
    {
        let text = text.as_str().unwrap();
        // What a rule says in lines stays in lines; only our own terminal has a use for the first word of one.
        let text = text.replace("forged line", "");
        assert_eq!(problem(&text), None, "{text:?}");
    }
}

#[test]
fn the_configuration_of_eval_counts_and_is_followed() {
    let config = "select: [pss-privileged, pss-run-as-non-root/missing]\nexclude: [vendor]\n";
    let files = [("policy-host.yaml", config), ("vendor/pod.yaml", POD)];
    let mut editor = Editor::initialized(&files);
    editor.open("pod.yaml", POD);
    let codes = |found: Vec<String>| -> Vec<String> {
        found.iter().map(|shown| shown.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(codes(editor.diagnostics("pod.yaml", Some(1))), ["pss-privileged", "pss-run-as-non-root"]);
    editor.open("vendor/pod.yaml", POD);
    assert_eq!(editor.diagnostics("vendor/pod.yaml", Some(1)), Vec::<String>::new());
    // The file is written by the editor itself or by somebody else; either way it is told of.
    let mut rewrite = |text: &str, version: i64| {
        let path = editor.directory.path().join("work/policy-host.yaml");
        fs::write(&path, text).unwrap();
        editor.change("pod.yaml", version, json!({"text": POD}));
        codes(editor.diagnostics("pod.yaml", Some(version)))
    };
    assert_eq!(rewrite("ignore: [pod-security-restricted]\n", 2), ["pss-privileged"]);
    let exception = "exceptions:\n  - {rules: [pss-privileged], reason: because}\nselect: [pss-privileged]\n";
    assert_eq!(rewrite(exception, 3), ["pss-privileged"], "as a hint");
    // What is wrong goes on as before, and is told.
    let path = editor.directory.path().join("work/policy-host.yaml");
    fs::write(&path, "select: [pss-priviliged]\n").unwrap();
    editor.change("pod.yaml", 4, json!({"text": POD}));
    loop {
        let message = editor.receive();
        if message["method"] == "window/showMessage" {
            let said = message["params"]["message"].as_str().unwrap();
            assert!(
                said.contains("policy-host.yaml:1:10") && said.contains("did you mean `pss-privileged`?"),
                "{said}"
            );
            break;
        }
    }
    assert_eq!(codes(editor.diagnostics("pod.yaml", Some(4))), ["pss-privileged"], "the hint");
    fs::remove_file(&path).unwrap();
    editor.change("pod.yaml", 5, json!({"text": POD}));
    assert!(codes(editor.diagnostics("pod.yaml", Some(5))).len() > 1);
}

#[test]
fn exceptions_are_told_where_they_are_written() {
    let excepted = |said: &str| POD.replace("true}}\n", &format!("true}}}} # policy: ignore[pss-privileged] {said}\n"));
    let config = "select: [pss-privileged]\n";
    let mut editor = Editor::initialized(&[("policy-host.yaml", config)]);
    editor.open("pod.yaml", &excepted("it drives the hardware"));
    let told = editor.published("pod.yaml", Some(1));
    let [hint] = told.as_slice() else { panic!("{told:?}") };
    assert!(hint["message"].as_str().unwrap().starts_with("exempt, it drives the hardware\n"), "{hint}");
    assert_eq!(hint["severity"], 4, "a hint");
    editor.change("pod.yaml", 2, json!({"text": excepted("why until=2020-01-31")}));
    let told = editor.published("pod.yaml", Some(2));
    assert!(told.iter().any(|one| one["code"] == "exception" && one["severity"] == 2), "{told:?}");
    assert!(told.iter().any(|one| one["code"] == "pss-privileged" && one["severity"] == 1), "{told:?}");
}

#[test]
fn a_known_finding_is_not_told() {
    let known = json!({"schema": "policy-host/baseline/v1", "findings": [{
        "rule": "pss-privileged", "code": "privileged", "document": "Pod web",
        "path": "/spec/containers/[app]/securityContext/privileged",
    }]});
    let config = "baseline: known.json\nselect: [pss-privileged]\n";
    let mut editor = Editor::initialized(&[("policy-host.yaml", config), ("known.json", &known.to_string())]);
    editor.open("pod.yaml", POD);
    assert_eq!(editor.diagnostics("pod.yaml", Some(1)), Vec::<String>::new());
}

#[test]
fn the_sets_of_the_configuration_count() {
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("bundle.yaml");
    fs::write(&bundle, "name: b\nversion: '1'\nrules: [pdb-required]\n").unwrap();
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: shop}\n\
                  spec: {maxUnavailable: 1, selector: {matchLabels: {app: shop}}}\n";
    let shop = include_str!("fixtures/shop.yaml");
    let files = [("a/shop.yaml", shop), ("b/shop.yaml", shop), ("b-more/budget.yaml", budget)];
    let mut editor = Editor::judging_by(bundle.to_str().unwrap(), &files, directory).ready(json!({}));
    editor.open("a/shop.yaml", shop);
    assert_eq!(editor.diagnostics("a/shop.yaml", Some(1)), [""; 0], "what stands beside both is common");
    let path = editor.directory.path().join("work/policy-host.yaml");
    fs::write(&path, "sets:\n  b: ['b/**', 'b-more/**']\n").unwrap();
    editor.change("a/shop.yaml", 2, json!({"text": shop}));
    let found = editor.diagnostics("a/shop.yaml", Some(2));
    assert!(found.len() == 1 && found[0].starts_with("pdb-required"), "{found:?}");
}
