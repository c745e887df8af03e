//! Cases of rules: files and folders, what they may say, and what `policy-host test` says where they are wrong.

use crate::cli::{Home, stdout};
use crate::sandbox::{Answer, DEPLOYMENT, Told, repeating};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: good}\nspec: {containers: [{name: app}]}\n";
const PRIVILEGED: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: app
      securityContext: {privileged: true}
";
/// The line of the image in [`DEPLOYMENT`].
const IMAGE: usize = 8;

/// A folder with cases of a shipped rule, and the component of its pack.
fn shipped(pack: &str, rule: &str, files: &[(&str, &str)]) -> Home {
    let home = cases(rule, files);
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/policies");
    fs::create_dir_all(home.path("target/policies")).unwrap();
    fs::copy(packs.join(pack).with_extension("wasm"), home.path(&format!("target/policies/{rule}.wasm"))).unwrap();
    home
}

/// A folder with cases of a rule of the tests' own.
fn told(component: &[u8], files: &[(&str, &str)]) -> Home {
    let home = cases("told", files);
    fs::create_dir_all(home.path("told/target")).unwrap();
    fs::write(home.path("told/target/told.wasm"), component).unwrap();
    home
}

fn cases(rule: &str, files: &[(&str, &str)]) -> Home {
    let home = Home::new();
    for (name, text) in files {
        home.write(&format!("{rule}/{name}"), text);
    }
    home
}

/// What `test` says of a rule, with the spaces at the ends of lines left out.
fn said(home: &Home, rule: &str, arguments: &[&str]) -> String {
    let output = stdout(&home.run(&[&["test", rule], arguments].concat()));
    output.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A text with a comment behind one of its lines.
fn with_comment(text: &str, line: usize, comment: &str) -> String {
    let lines = text.lines().enumerate();
    lines
        .map(|(index, text)| if index + 1 == line { format!("{text} {comment}\n") } else { format!("{text}\n") })
        .collect()
}

#[test]
fn a_folder_is_a_small_repository() {
    let json = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "json"},
        "spec": {"containers": [{"name": "app", "securityContext": {"privileged": true}}]},
    });
    let case = "\
expect:
  - {file: k8s/pod.json, line: 12, code: privileged, severity: high, confidence: certain, secret: false, excerpt: 'true'}
";
    let files = [
        ("fail-folder/case.yaml", case),
        ("fail-folder/k8s/pod.json", &serde_json::to_string_pretty(&json).unwrap()),
        ("fail-folder/k8s/deep/web.yaml", &with_comment(PRIVILEGED, 7, "# expect[privileged]: is privileged")),
        ("fail-folder/.gitignore", "ignored.yaml\n"),
        ("fail-folder/ignored.yaml", PRIVILEGED),
        ("pass.yaml", POD),
    ];
    let home = shipped("pod-security-baseline", "pss-privileged", &files);
    let text = said(&home, "pss-privileged", &[]);
    assert_eq!(text, "ok     pss-privileged: 2 cases, 2 findings\n1 passed, 0 failed\n");
}

#[test]
fn labels_excerpts_and_secrets_are_expected_where_they_matter() {
    let finding = Told {
        message: "bad".into(),
        at: "/pod/spec/containers/0/image".into(),
        excerpt: "ngi".into(),
        labels: vec![("/pod/spec".into(), "beside it".into())],
        secret: true,
        ..Told::default()
    };
    let component = Answer::Judged(vec![finding]).guest().saying(&json!({"id": "told"}));
    let labelled = with_comment(DEPLOYMENT, 6, "# label: beside");
    let right = with_comment(&labelled, IMAGE, "# expect[bad secret high certain]: bad # excerpt: ngi");
    let home = told(&component, &[("fail.yaml", &right), ("pass.yaml", POD)]);
    // Its findings in `pass.yaml` are no part of this.
    assert!(!said(&home, "told", &[]).contains("fail.yaml"), "{}", said(&home, "told", &[]));
    let wrong = right.replace("excerpt: ngi", "excerpt: nginx").replace("high", "low").replace("label: b", "label: z");
    home.write("told/fail.yaml", &wrong);
    let text = said(&home, "told", &[]);
    for part in [
        "error: another finding than expected: bad\n --> told/fail.yaml:8:30\n",
        "= expected: bad (bad, low, certain, secret, underlines `nginx`)\n",
        "= found: it is high, it underlines `ngi`\n",
        "error: expected a label of a finding: zeside\n --> told/fail.yaml:6:5\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let case = "expect: [{line: 8, file: fail.yaml, labels: [{file: fail.yaml, line: 6, text: beside}]}]\n";
    fs::remove_file(home.path("told/fail.yaml")).unwrap();
    home.write("told/fail-x/fail.yaml", DEPLOYMENT);
    home.write("told/fail-x/case.yaml", case);
    assert!(!said(&home, "told", &[]).contains("fail-x"), "{}", said(&home, "told", &[]));
    home.write("told/fail-x/case.yaml", &case.replace("line: 6", "line: 7"));
    assert!(said(&home, "told", &[]).contains("= found: it has no label that says `beside`\n"));
}

#[test]
fn labels_in_other_documents_are_expected() {
    let budget = "\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {app: web, tier: a}} # expect[near-miss]: `app: wbe`
";
    let deployment = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      labels:
        app: wbe # label: what they have
        tier: a
";
    let files = [("fail-near/budget.yaml", budget), ("fail-near/k8s/web.yaml", deployment), ("pass.yaml", POD)];
    let home = shipped("availability", "pdb-selector-matches", &files);
    let text = said(&home, "pdb-selector-matches", &[]);
    assert!(!text.contains("fail-near"), "{text}");
    home.write("pdb-selector-matches/fail-near/k8s/web.yaml", &deployment.replace("what they", "what others"));
    let text = said(&home, "pdb-selector-matches", &[]);
    assert!(text.contains("error: expected a label of a finding: what others have\n"), "{text}");
    let plain =
        |text: &str| text.lines().map(|line| format!("{}\n", line.split(" #").next().unwrap())).collect::<String>();
    home.write("pdb-selector-matches/fail-near/budget.yaml", &plain(budget));
    home.write("pdb-selector-matches/fail-near/k8s/web.yaml", &plain(deployment));
    let case = "expect: [{file: budget.yaml, line: 6, code: near-miss, labels: [{file: k8s/web.yaml, line: 8, text: what they have}]}]\n";
    home.write("pdb-selector-matches/fail-near/case.yaml", case);
    let text = said(&home, "pdb-selector-matches", &[]);
    assert!(!text.contains("fail-near"), "{text}");
    home.write("pdb-selector-matches/fail-near/case.yaml", &case.replace("line: 8", "line: 7"));
    let text = said(&home, "pdb-selector-matches", &[]);
    assert!(text.contains("= found: it has no label that says `what they have`\n"), "{text}");
}

#[test]
fn what_no_file_can_say_is_in_the_case() {
    let asks = json!({
        "id": "told", "readsUser": true, "readsOld": true, "operations": ["UPDATE", "DELETE"], "subresources": ["scale"],
        "reads": ["object", "object:comments", "pod", "file"],
    });
    let old = DEPLOYMENT.replace("nginx", "httpd");
    let at = |offset: u32| format!("(i32.add (local.get $request) (i32.const {offset}))");
    let before = "(i32.add (i32.load offset=76 (local.get $request)) (i32.const 8))".to_owned();
    for (pair, definition, message) in [
        (at(40), "operation: DELETE\n", "DELETE"),
        (at(40), "old: old.yaml\n", "UPDATE"),
        (at(48), "operation: UPDATE\nsubresource: scale\n", "scale"),
        (at(60), "operation: UPDATE\nuser: {name: alice, groups: [dev]}\n", "alice"),
        (before, "subject: k8s/web.yaml\nold: old.yaml\n", "httpd"),
    ] {
        let case = format!("{definition}expect: [{{file: k8s/web.yaml, line: {IMAGE}, message: {message}}}]\n");
        let files = [
            ("fail-review/case.yaml", &*case),
            ("fail-review/k8s/web.yaml", DEPLOYMENT),
            ("fail-review/old.yaml", &old),
            ("pass.tf", ""),
        ];
        let home = told(&repeating(&pair).saying(&asks), &files);
        if !definition.contains("old") {
            fs::remove_file(home.path("told/fail-review/old.yaml")).unwrap();
        }
        let text = said(&home, "told", &[]);
        assert!(!text.contains("fail-review"), "{definition}{text}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    let files = [("fail-x/web.yaml", PRIVILEGED), ("fail-x/old.yaml", POD), ("pass.yaml", POD)];
    let home = shipped("pod-security-baseline", "pss-privileged", &files);
    for (definition, problem) in [
        ("expects: []\n", "1:1: `expects`: there is no field `expects` here; did you mean `expect`?"),
        (
            "expect:\n  - {code: priviliged}\n",
            "2:12: the rule has no kind of finding `priviliged`; did you mean `privileged`?",
        ),
        (
            "expect:\n  - {file: wep.yaml}\n",
            "2:12: the case has no file `wep.yaml` beside its `case.yaml`; did you mean `web.yaml`?",
        ),
        ("expect:\n  - {file: web.yaml, line: 8}\n", "2:28: `web.yaml` has the lines 1 to 7"),
        ("notEvaluated:\n  - {line: 1}\n", "2:12: a line needs its `file`"),
        (
            "expect:\n  - {severity: severe}\n",
            "2:16: `expect[0].severity`: `severe` is not one of the words that may stand here",
        ),
        ("operation: CREATE\nold: old.yaml\n", "1:12: only an UPDATE has `old`"),
        ("old: none.yaml\n", "1:6: the case has no file `none.yaml`"),
        ("old: old.yaml\n", "1:6: there is no Pod good now"),
        ("subject: web.yml\n", "1:10: the case has no file `web.yml`"),
        ("", "1:1: the file is empty"),
    ] {
        home.write("pss-privileged/fail-x/case.yaml", definition);
        let text = said(&home, "pss-privileged", &[]);
        assert!(text.contains(&format!("  pss-privileged/fail-x/case.yaml:{problem}")), "{definition}{text}");
    }
    home.write("pss-privileged/fail-x/case.yaml", "parameters: {min: 3}\n");
    assert!(said(&home, "pss-privileged", &[]).contains("  pss-privileged/fail-x: parameters: "));
    fs::remove_file(home.path("pss-privileged/fail-x/case.yaml")).unwrap();
    for (comment, problem) in [
        ("# expect[privilege]: x", "the rule has no kind of finding `privilege`; did you mean `privileged`?"),
        ("# expect[high low]: x", "`low` is the second of its kind"),
        ("# excerpt: x", "`# excerpt:` follows an `# expect:` of the same line"),
    ] {
        home.write("pss-privileged/fail-x/web.yaml", &with_comment(PRIVILEGED, 7, comment));
        let text = said(&home, "pss-privileged", &[]);
        assert!(text.contains(&format!("  pss-privileged/fail-x/web.yaml:7: {problem}\n")), "{comment}\n{text}");
    }
}

#[test]
fn a_verdict_that_is_none_is_expected_or_told() {
    for (answer, word, verdict) in [
        (Answer::NotEvaluated("it is templated".into()), "not-evaluated", "not evaluated"),
        (Answer::NotApplicable("it is done".into()), "not-applicable", "not applicable"),
    ] {
        let (Answer::NotEvaluated(reason) | Answer::NotApplicable(reason)) = &answer else { continue };
        let component = answer.guest().saying(&json!({"id": "told"}));
        let two = format!("# {word}: {reason}\n{DEPLOYMENT}---\n{DEPLOYMENT}");
        let home = told(&component, &[("pass.yaml", &two), ("fail.tf", "")]);
        let text = said(&home, "told", &[]);
        let told = format!("error: unexpected: {verdict}: {reason}\n  --> told/pass.yaml:12:7\n");
        assert!(text.contains(&told) && !text.contains("pass.yaml:2"), "{text}");
        home.write("told/pass.yaml", &two.replace(word, "not-wanted").replace("---", &format!("# {word}: other\n---")));
        let text = said(&home, "told", &[]);
        assert!(text.contains(&format!("error: expected: {verdict}: other\n")), "{text}");
        assert!(text.contains(&format!("= found: {verdict}: {reason}\n")), "{text}");
    }
}

#[test]
fn every_kind_of_finding_has_a_case() {
    let pod = POD.replace("spec: {", "spec: {hostNetwork: true, ");
    let fail = with_comment(&pod, 4, "# expect[host-network]: network");
    let home = shipped("pod-security-baseline", "pss-host-namespaces", &[("fail.yaml", &fail), ("pass.yaml", POD)]);
    let expected = "\
FAILED pss-host-namespaces
  pss-host-namespaces: no case expects and finds `host-pid`
  pss-host-namespaces: no case expects and finds `host-ipc`
0 passed, 1 failed
";
    assert_eq!(said(&home, "pss-host-namespaces", &[]), expected);
}

#[test]
fn a_case_shows_what_its_name_says() {
    let files = [("fail.yaml", POD), ("pass.yaml", &*with_comment(PRIVILEGED, 7, "# expect: privileged"))];
    let home = shipped("pod-security-baseline", "pss-privileged", &files);
    let text = said(&home, "pss-privileged", &[]);
    assert!(text.contains("  pss-privileged/fail.yaml: a fail case expects a finding\n"), "{text}");
    assert!(text.contains("  pss-privileged/pass.yaml: a pass case expects no finding\n"), "{text}");
    fs::create_dir(home.path("pss-privileged/fail-link")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", home.path("pss-privileged/fail-link/a.yaml")).unwrap();
    let text = said(&home, "pss-privileged", &[]);
    assert!(text.contains("  pss-privileged/fail-link/a.yaml: a case is files and folders, without links\n"), "{text}");
}

#[test]
fn a_golden_folder_has_the_files_that_change() {
    let web = with_comment(POD, 4, "# expect[missing]: is not set");
    let good = POD.replace("{name: app}", "{name: app, securityContext: {allowPrivilegeEscalation: false}}");
    let files = [("fail-two/k8s/web.yaml", &*web), ("fail-two/good.yaml", &good), ("pass.yaml", &good)];
    let home = shipped("pod-security-restricted", "pss-privilege-escalation", &files);
    let text = said(&home, "pss-privilege-escalation", &[]);
    let golden = "pss-privilege-escalation/fail-two.fixed/k8s/web.yaml";
    assert!(text.contains(&format!("  {golden}: missing: there are fixes; write it with --update\n")), "{text}");
    said(&home, "pss-privilege-escalation", &["--update"]);
    assert!(home.read(golden).contains("allowPrivilegeEscalation: false"), "{}", home.read(golden));
    assert_eq!(fs::read_dir(home.path("pss-privilege-escalation/fail-two.fixed")).unwrap().count(), 1);
    let text = said(&home, "pss-privilege-escalation", &[]);
    assert!(!text.contains("fail-two"), "{text}");
    home.write("pss-privilege-escalation/fail-two.fixed/old.yaml", "a: 1\n");
    let text = said(&home, "pss-privilege-escalation", &[]);
    assert!(text.contains("fail-two.fixed/old.yaml: there is no fix that would make it\n"), "{text}");
    said(&home, "pss-privilege-escalation", &["--update"]);
    assert!(!home.path("pss-privilege-escalation/fail-two.fixed/old.yaml").exists());
}

#[test]
fn the_schema_is_what_the_code_says() {
    let committed: Value = serde_json::from_str(include_str!("../host/schema/case.v1.json")).unwrap();
    assert!(
        policy_host::fixtures::schema() == committed,
        "host/schema/case.v1.json is not up to date: run `make docs`"
    );
    let validator = jsonschema::validator_for(&committed).unwrap();
    let case = json!({
        "operation": "UPDATE", "old": "old.yaml", "user": {"name": "alice"},
        "expect": [{"file": "a.json", "line": 3, "code": "missing", "severity": "high", "labels": [{"text": "x"}]}],
    });
    assert!(validator.is_valid(&case));
    assert!(!validator.is_valid(&json!({"expects": []})));
}
