//! The command line, as a person or a pipeline uses it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory with a cache of its own, in which the binary runs and the environment says nothing.
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

/// The repository with the gaps that real services have.
pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sample-repository");

pub(crate) const PRIVILEGED: &str = "\
# a pod
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app # the app
      image: app:1.0.0
      securityContext:
        privileged: true
";

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let home = Self::new();
        for (name, text) in files {
            home.write(name, text);
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        fs::create_dir_all(self.path("")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_policy-host"));
        command.args(arguments).env_clear().env("POLICY_HOST_CACHE", self.cache()).current_dir(self.path(""));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn pipe(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The output without what changes from run to run.
fn steady(output: &Output) -> String {
    let text = stdout(output);
    let (before, summary) = text.trim_end().rsplit_once('\n').unwrap_or(("", &text));
    let summary = summary.rsplit_once(", ").map_or(summary, |(counts, _time)| counts);
    format!("{before}\n{summary}\n")
}

pub(crate) const PSS: [&str; 3] = ["eval", "--bundle", "pod-security-restricted"];

#[test]
fn exit_codes_say_what_happened() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED), ("broken.yaml", "apiVersion: v1\nkind: [\n")]);
    home.write("notes.txt", "nothing");
    let good = home.pipe(&["eval", "--bundle", "pod-security-restricted", "-"], include_str!("fixtures/good-pod.yaml"));
    assert_eq!(good.status.code(), Some(0), "{}", stdout(&good));
    let code = |arguments: &[&str]| home.run(&[&PSS[..], arguments].concat()).status.code();
    assert_eq!(code(&["bad.yaml"]), Some(1));
    assert_eq!(code(&["bad.yaml", "--fail-on", "never"]), Some(0));
    assert_eq!(code(&["broken.yaml"]), Some(1));
    assert_eq!(code(&["broken.yaml", "--fail-on", "never"]), Some(0));
    assert_eq!(code(&["missing.yaml"]), Some(2));
    assert_eq!(home.run(&["eval", "--bundle", "none"]).status.code(), Some(2));
    assert_eq!(home.run(&["eval", "--nonsense"]).status.code(), Some(2));
    home.write("empty/notes.txt", "nothing");
    assert_eq!(code(&["empty"]), Some(3));
}

#[test]
fn severity_filters_and_gates() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    let code = |arguments: &[&str]| home.run(&[&PSS[..], &["bad.yaml"], arguments].concat()).status.code();
    assert_eq!(code(&["--fail-on", "high"]), Some(1));
    assert_eq!(code(&["--fail-on", "critical"]), Some(0));
    let all = home.json(&[&PSS[..], &["bad.yaml"]].concat());
    let high = home.json(&[&PSS[..], &["bad.yaml", "--min-severity", "high"]].concat());
    assert_eq!(high["summary"]["findings"], serde_json::json!([0, 1, 0, 0, 0]));
    assert!(all["summary"]["findings"][2].as_u64().unwrap() > 0);
}

#[test]
fn the_human_report() {
    let home = Home::with(&[("k8s/web.yaml", PRIVILEGED), ("k8s/broken.yaml", "a: 1\n---\nkind: {x: [1, 2}\n")]);
    let output = home.run(&[&PSS[..], &["k8s"]].concat());
    insta::assert_snapshot!("human", steady(&output));
}

#[test]
fn the_json_report() {
    let home = Home::with(&[("web.yaml", PRIVILEGED)]);
    let json = home.json(&[&PSS[..], &["web.yaml"]].concat());
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn colour_is_for_terminals_and_whoever_asks() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    let has_colour =
        |arguments: &[&str]| stdout(&home.run(&[&PSS[..], &["bad.yaml"], arguments].concat())).contains('\x1b');
    assert!(!has_colour(&[]));
    assert!(has_colour(&["--color", "always"]));
    assert!(!has_colour(&["--color", "never"]));
}

#[test]
fn standard_input_takes_yaml_json_and_admission_reviews() {
    let home = Home::new();
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
         "spec": {"containers": [{"name": "x", "securityContext": {"privileged": true}}]}}]}"#;
    let review = r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1",
        "operation": "CREATE", "namespace": "shop", "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"hostPID": true, "containers": []}}}}"#;
    let list = home.pipe(&[&PSS[..], &["-"]].concat(), list);
    assert!(stdout(&list).contains("at /spec/containers/0/securityContext/privileged"), "{}", stdout(&list));
    let review = home.pipe(&[&PSS[..], &["-"]].concat(), review);
    assert!(stdout(&review).contains("in: Pod shop/a, at /spec/hostPID"), "{}", stdout(&review));
}

#[test]
fn gitignore_is_respected_and_helm_templates_are_passed_over() {
    let home = Home::with(&[
        (".gitignore", "ignored/\n"),
        ("ignored/bad.yaml", PRIVILEGED),
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
        ("chart/templates/bad.yaml", "{{ if .Values.x }}\nkind: {{ y }}\n"),
        ("good.yaml", include_str!("fixtures/good-pod.yaml")),
    ]);
    let output = home.run(&PSS);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("1 Helm template skipped"), "{}", stdout(&output));
}

#[test]
fn fixes_keep_comments_are_idempotent_and_judged_again() {
    let unprivileged = PRIVILEGED.replace("true", "false");
    let home = Home::with(&[("web.yaml", &unprivileged)]);
    let diff = home.run(&[&PSS[..], &["--diff", "web.yaml"]].concat());
    assert!(stdout(&diff).contains("+++ b/web.yaml"), "{}", stdout(&diff));
    assert_eq!(home.read("web.yaml"), unprivileged, "--diff changes nothing");

    let fixed = home.run(&[&PSS[..], &["--fix", "web.yaml"]].concat());
    let text = home.read("web.yaml");
    assert!(text.starts_with("# a pod\n") && text.contains("- name: app # the app\n"), "{text}");
    assert!(text.contains("type: RuntimeDefault"), "{text}");
    assert_eq!(fixed.status.code(), Some(1), "what no safe fix cures is still found");
    home.run(&[&PSS[..], &["--fix", "web.yaml"]].concat());
    assert_eq!(home.read("web.yaml"), text, "fixing again changes nothing");
}

#[test]
fn a_fixed_file_keeps_its_mode_and_its_link() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with(&[("real.yaml", &PRIVILEGED.replace("true", "false"))]);
    fs::set_permissions(home.path("real.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(home.path("real.yaml"), home.path("link.yaml")).unwrap();
    home.run(&[&PSS[..], &["--fix", "link.yaml"]].concat());
    assert!(fs::symlink_metadata(home.path("link.yaml")).unwrap().is_symlink());
    assert_eq!(fs::metadata(home.path("real.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(home.read("real.yaml").contains("allowPrivilegeEscalation: false"));
}

/// Everything but the time it took.
fn verdicts(home: &Home, arguments: &[&str]) -> String {
    steady(&home.run(&[&["eval", ".", "--all"], arguments].concat()))
}

fn many_documents() -> Vec<(String, String)> {
    (0..40)
        .map(|number| {
            let privileged = if number % 3 == 0 { "true" } else { "false" };
            let text = PRIVILEGED
                .replace("web", &format!("web-{number}"))
                .replace("privileged: true", &format!("privileged: {privileged}"));
            (format!("d/{number}.yaml"), format!("{text}---\n{text}"))
        })
        .collect()
}

#[test]
fn output_is_the_same_at_any_number_of_threads_with_and_without_memory() {
    let home = Home::new();
    for (name, text) in many_documents() {
        home.write(&name, &text);
    }
    let alone = verdicts(&home, &["--threads", "1", "--no-cache"]);
    assert!(alone.contains("web-39"));
    assert_eq!(verdicts(&home, &["--threads", "7", "--no-cache"]), alone);
    assert_eq!(verdicts(&home, &["--threads", "2"]), alone, "first run, remembering");
    assert_eq!(verdicts(&home, &["--threads", "2"]), alone, "second run, from memory");

    // One document changes, another moves to other lines.
    home.write("d/1.yaml", &format!("# moved\n\n{}", PRIVILEGED));
    home.write("d/2.yaml", &PRIVILEGED.replace("app:1.0.0", "app:latest"));
    let fresh = verdicts(&home, &["--no-cache"]);
    assert_eq!(verdicts(&home, &[]), fresh);
    assert_eq!(verdicts(&home, &[]), fresh);
}

#[test]
fn what_is_remembered_about_others_follows_them() {
    let deployment = include_str!("fixtures/replicated.yaml");
    let pdb = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: shop}\n\
               spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}\n";
    let home = Home::with(&[("web.yaml", deployment)]);
    let lacks = || stdout(&home.run(&["eval", "."])).contains("[pdb-required]");
    assert!(lacks());
    assert!(lacks(), "from memory");
    home.write("pdb.yaml", pdb);
    assert!(!lacks(), "the deployment did not change, what it is told did");
    assert!(!lacks());
    fs::remove_file(home.path("pdb.yaml")).unwrap();
    assert!(lacks());
}

/// The files in which verdicts are remembered.
fn shards(home: &Home) -> Vec<PathBuf> {
    let below = |path: PathBuf| fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    let files = below(home.cache().join("verdicts")).flat_map(below);
    let mut shards: Vec<PathBuf> = files.filter(|path| !path.ends_with("seal.key")).collect();
    shards.sort();
    shards
}

#[test]
fn one_changed_file_is_written_into_one_shard() {
    use std::os::unix::fs::MetadataExt as _;
    let home = Home::new();
    for (name, text) in many_documents() {
        home.write(&name, &text);
    }
    let written = || -> Vec<u64> { shards(&home).iter().map(|path| path.metadata().unwrap().ino()).collect() };
    verdicts(&home, &[]);
    let before = written();
    assert!(before.len() > 20, "{} shards", before.len());
    let of_one = || stdout(&home.run(&["eval", "d/1.yaml"]));
    of_one();
    assert_eq!(written(), before, "a part of the tree is remembered as the whole is, by repository");
    home.write("d/1.yaml", &PRIVILEGED.replace("app:1.0.0", "app:2.0.0"));
    of_one();
    let changed = before.iter().zip(written()).filter(|(before, after)| *before != after).count();
    assert_eq!((written().len(), changed), (before.len(), 1));
}

#[test]
fn a_damaged_cache_is_ignored_and_written_anew() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    let bundle = ["--bundle", "pod-security-baseline"];
    let expected = verdicts(&home, &[&bundle[..], &["--no-cache"]].concat());
    assert_eq!(verdicts(&home, &bundle), expected);
    assert_eq!(shards(&home).len(), 1);
    let path = shards(&home).remove(0);
    let whole = fs::read(&path).unwrap();
    for damaged in [Vec::new(), whole[..whole.len() / 2].to_vec(), vec![0xff; whole.len()]] {
        fs::write(&path, &damaged).unwrap();
        assert_eq!(verdicts(&home, &bundle), expected);
        assert_eq!(fs::read(&path).unwrap(), whole, "written anew");
    }
}

#[test]
fn a_cache_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    fs::create_dir_all(home.cache().join("code")).unwrap();
    fs::set_permissions(home.cache().join("code"), fs::Permissions::from_mode(0o777)).unwrap();
    let output = home.run(&[&PSS[..], &["bad.yaml"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("others can write to it"), "{}", stderr(&output));
}

#[test]
fn a_bundle_s_mistakes_are_named_with_their_place() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    let cases = [
        ("name: x\nversion: 1\nrules: []\n", "b.yaml:2:10: `version`"),
        (
            "name: x\nversion: '1'\nrules:\n  - pss-priviliged\n",
            "b.yaml:4:5: there is no rule `pss-priviliged`; did you mean `pss-privileged`?",
        ),
        ("name: x\nversion: '1'\nrules: [pss-privileged, pss-privileged]\n", "listed twice"),
        ("name: x\nversion: '1'\nrule: []\n", "b.yaml:"),
        (
            "name: x\nversion: '1'\nrules:\n  - rule: prestop-drain-hook\n    parameters:\n      min_sleep: soon\n",
            "b.yaml:6:18: parameter of `prestop-drain-hook`",
        ),
        ("name: x\nversion: '1'\nrules:\n  - rule: pss-privileged\n    parameters: {none: 1}\n", "b.yaml:5:"),
        (
            "name: x\nversion: '1'\nrules: [pss-privileged]\nexemptions:\n  - {rules: [pss-privileged], reason: '', owner: me}\n",
            "b.yaml:5:39: an exemption needs a `reason`",
        ),
        (
            "name: x\nversion: '1'\nrules: [pss-privileged]\nexemptions:\n  - {rules: [other], reason: r, owner: me}\n",
            "not a rule of this bundle",
        ),
        (
            "name: x\nversion: '1'\nsettings:\n  kubernetesVersoin: '1.30'\nrules: [pss-privileged]\n",
            "b.yaml:4:22: no rule uses a setting `kubernetesVersoin`; did you mean `kubernetesVersion`?",
        ),
        (
            "name: x\nversion: '1'\nsettings:\n  production:\n    folders: prod\nrules: [min-replicas]\n",
            "b.yaml:5:14: the rule `min-replicas` refuses it: ",
        ),
        ("name: [\n", "b.yaml:"),
    ];
    for (text, expected) in cases {
        home.write("b.yaml", text);
        let output = home.run(&["eval", "--bundle", "b.yaml", "bad.yaml"]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(stderr(&output).contains(expected), "{text}\n{}", stderr(&output));
    }
}

#[test]
fn exemptions_lift_findings_until_they_expire() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    let bundle = |expires: &str| {
        format!(
            "name: x\nversion: '1'\nrules: [pss-privileged]\nexemptions:\n  - rules: [pss-privileged]\n    kinds: [Pod]\n    \
             images: ['app:*']\n    reason: it drives the hardware\n    owner: platform\n    expires: {expires}\n"
        )
    };
    home.write("b.yaml", &bundle("2999-12-31"));
    let lifted = home.run(&["eval", "--bundle", "b.yaml", "bad.yaml"]);
    assert_eq!(lifted.status.code(), Some(0), "{}", stdout(&lifted));
    assert!(stdout(&lifted).contains("1 exempt"), "{}", stdout(&lifted));
    home.write("b.yaml", &bundle("2020-01-01"));
    let expired = home.run(&["eval", "--bundle", "b.yaml", "bad.yaml"]);
    assert_eq!(expired.status.code(), Some(1));
    assert!(stdout(&expired).contains("expired on 2020-01-01"), "{}", stdout(&expired));
    home.write("b.yaml", &bundle("2999-12-31").replace("app:*", "other:*"));
    assert_eq!(home.run(&["eval", "--bundle", "b.yaml", "bad.yaml"]).status.code(), Some(1));
}

#[test]
fn severity_enforcement_and_parameters_come_from_the_bundle() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    home.write(
        "b.yaml",
        "name: x\nversion: '1'\nrules:\n  - {rule: pss-privileged, severity: low, enforcement: warn}\n",
    );
    let output = home.run(&["eval", "--bundle", "b.yaml", "--fail-on", "info", "bad.yaml"]);
    assert_eq!(output.status.code(), Some(0), "a warning does not fail");
    assert!(stdout(&output).contains("low[pss-privileged]"), "{}", stdout(&output));
}

#[test]
fn settings_are_given_once_and_the_configuration_goes_before_the_bundle() {
    const ONE_REPLICA: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: shop\n  namespace: eu-live\nspec:\n  \
        replicas: 1\n  selector:\n    matchLabels: {app: shop}\n  template:\n    metadata:\n      labels: {app: shop}\n    spec:\n      \
        containers:\n        - name: shop\n          image: shop:1.0.0\n          ports: [{name: http, containerPort: 80}]\n---\napiVersion: v1\n\
        kind: Service\nmetadata: {name: shop, namespace: eu-live}\nspec:\n  selector: {app: shop}\n  ports: [{port: 80}]\n";
    let home = Home::with(&[("shop.yaml", ONE_REPLICA)]);
    home.write(
        "b.yaml",
        "name: x\nversion: '1'\nsettings:\n  production: {namespaceParts: [eu]}\nrules: [min-replicas]\n",
    );
    let code = |arguments: &[&str]| home.run(arguments).status.code();
    let judged = ["eval", "--bundle", "b.yaml", "--no-cache", "--fail-on", "info", "shop.yaml"];
    assert_eq!(code(&judged), Some(1), "`eu` says production");
    home.write("policy-host.yaml", "settings:\n  production: {namespaceParts: [prod]}\n");
    assert_eq!(code(&judged), Some(0), "and with the configuration `prod` alone does");
    let shown = home.run(&["config", "show", "--bundle", "b.yaml"]);
    let line = |name: &str| {
        let all = stdout(&shown);
        let line =
            all.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {all}")).to_owned();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("settings.production"), r#"settings.production policy-host.yaml:2:15 {"namespaceParts":["prod"]}"#);
    assert_eq!(line("settings.kubernetesVersion"), r#"settings.kubernetesVersion default "1.35""#);
    home.write("policy-host.yaml", "settings:\n  producton: {}\n");
    let refused = home.run(&judged);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("policy-host.yaml:2:14: no rule uses a setting `producton`; did you mean `production`?"),
        "{said}"
    );
}

#[test]
fn a_directory_of_components_is_a_bundle() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    fs::create_dir_all(home.path("rules")).unwrap();
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/policies/pod-security-baseline.wasm");
    fs::copy(&component, home.path("rules/any-name.wasm")).unwrap();
    let output = home.run(&["eval", "--bundle", "rules", "bad.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("high[pss-privileged]"));

    let inspected = home.run(&["inspect", "rules/any-name.wasm"]);
    assert!(stdout(&inspected).contains("imports  none"), "{}", stdout(&inspected));
    assert!(stdout(&inspected).contains("pod.spec.containers[*].securityContext.privileged"));

    fs::write(home.path("rules/broken.wasm"), b"\0asm garbage").unwrap();
    let refused = home.run(&["eval", "--bundle", "rules", "bad.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("broken.wasm is refused"), "{}", stderr(&refused));
}

#[test]
fn rules_are_listed_and_explained_from_their_manifests() {
    let home = Home::new();
    let listed = home.json(&["list"]);
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let folders =
        |path: &Path| -> Vec<PathBuf> { path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect() };
    let packs = folders(&policies).into_iter().filter(|path| path.is_dir());
    let rules = packs.flat_map(|pack| folders(&pack)).filter(|rule| rule.join("policy.rs").is_file()).count();
    assert_eq!(listed.as_array().unwrap().len(), rules, "every rule is in a bundle");
    let explained = home.run(&["explain", "pss-privileged"]);
    insta::assert_snapshot!("explain", stdout(&explained));
    assert_eq!(stdout(&home.run(&["explain", "CKV_K8S_16"])), stdout(&explained), "a peer's id will do");
    let unknown = home.run(&["explain", "pss-priviliged"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("did you mean `pss-privileged`?"));
}

#[test]
fn a_secret_is_never_shown() {
    let secret = "hunter2hunter2hunter2";
    let block = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - name: app\n      image: app:1\n      env:\n        \
         - name: DB_PASSWORD\n          value: {secret}\n        - {{name: DATABASE_URL, value: 'postgres://app:{secret}@db/app'}}\n"
    );
    // Here frames of other findings show the same line.
    let flow = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: flow}}\nspec:\n  containers:\n    - {{name: a, image: x, env: \
         [{{name: A_PASSWORD, value: {secret}}}, {{name: B_PASSWORD, value: {secret}}}, {{name: URL, value: 'http://u:{secret}@h/'}}]}}\n"
    );
    for text in [block, flow] {
        let home = Home::with(&[("web.yaml", &text)]);
        for format in ["human", "json"] {
            let output = home.run(&["eval", "web.yaml", "--format", format]);
            assert!(stdout(&output).contains("no-secret-literal-in-env"), "{}", stdout(&output));
            assert!(stdout(&output).contains("no-credentials-in-url"), "{}", stdout(&output));
            assert!(!stdout(&output).contains(secret), "{}", stdout(&output));
        }
    }
}

#[test]
fn a_secret_that_is_a_word_of_the_message_does_not_garble_it() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: app\n      image: app:1\n      env:\n        \
               - {name: DB_PASSWORD, value: password}\n        - {name: COOKIE_SECRET, value: SECRET}\n";
    let home = Home::with(&[("web.yaml", pod)]);
    let shown = stdout(&home.run(&["eval", "--bundle", "strict", "web.yaml"]));
    for message in
        ["`DB_PASSWORD` of container `app` holds a well-known password", "`COOKIE_SECRET` of container `app`"]
    {
        assert!(shown.contains(message), "{shown}");
    }
    assert!(shown.contains("value: ********}") && !shown.contains("value: password"), "{shown}");
}

#[test]
fn a_secret_that_is_the_name_of_its_container_leaves_the_name_alone() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: minio\n      image: minio:1\n      env:\n        \
               - {name: MINIO_ROOT_PASSWORD, value: minio}\n";
    let home = Home::with(&[("web.yaml", pod)]);
    let shown = stdout(&home.run(&["eval", "--bundle", "strict", "web.yaml"]));
    assert!(shown.contains("`MINIO_ROOT_PASSWORD` of container `minio` holds"), "{shown}");
    assert!(shown.contains("value: *****}") && !shown.contains("value: minio"), "{shown}");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let home = Home::with(&[("bad.yaml", PRIVILEGED)]);
    let mut child = home.command(&["eval", "bad.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

/// The rules that tell something of the sample repository, by a bundle: what another finding covers is not told, and
/// what is exempt is no gap.
pub(crate) fn gaps_of_the_sample(bundle: &str) -> BTreeSet<String> {
    let arguments = ["eval", "--bundle", bundle, "--format", "json", "."];
    let output = Home::new().command(&arguments).current_dir(SAMPLE).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["summary"]["ruleErrors"], 0, "{bundle}");
    assert_eq!(json["summary"]["inputErrors"], 0, "{bundle}");
    let documents = json["documents"].as_array().unwrap().iter();
    let outcomes = documents.flat_map(|document| document["outcomes"].as_array().unwrap());
    let is_gap = |finding: &serde_json::Value| finding["exempt"].is_null();
    let told = outcomes.filter(|outcome| outcome["findings"].as_array().is_some_and(|list| list.iter().any(is_gap)));
    told.map(|outcome| outcome["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_sample_repository_has_the_gaps_that_every_rule_looks_for() {
    let found = gaps_of_the_sample("twelve-factor");
    // These say nothing until somebody says what only a team knows, which the sample's own bundle does: its priority
    // classes, variables and labels, its images, registries and actions, where its controllers run, that strangers see
    // its repository, that it needs keys of its own, and that there is no more.
    let found_by_its_own = gaps_of_the_sample("policies/parcelbird.yaml");
    let needs_parameters = [
        "ecr-encrypted-kms",
        "image-registry-allowed",
        "image-tag-semver",
        "netpol-allows-ingress-controller",
        "priority-class-set",
        "privilege-policy-present",
        "required-env-present",
        "required-labels",
        "wf-actions-allow-list",
        "wf-self-hosted-guarded",
    ];
    // One is asked at admission alone, about the Secrets that a cluster has: no file shows it. The other is not
    // evaluated beside a root that gives pods roles, which another rule needs.
    let not_shown = ["external-secrets-used", "eks-oidc-provider"];
    let listed = Home::new().json(&["list", "--bundle", "twelve-factor"]);
    let rules = listed.as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap());
    let rules = rules.filter(|rule| !not_shown.contains(rule));
    let (asked, unasked): (Vec<&str>, Vec<&str>) = rules.partition(|rule| !needs_parameters.contains(rule));
    let silent: Vec<&str> = asked.into_iter().filter(|rule| !found.contains(*rule)).collect();
    assert!(silent.is_empty(), "nothing in the sample shows {silent:?}");
    for rule in unasked {
        assert!(!found.contains(rule), "{rule} needs no parameters any more");
        assert!(found_by_its_own.contains(rule), "nothing in the sample shows {rule}");
    }
    for rule in not_shown {
        assert!(!found.contains(rule) && !found_by_its_own.contains(rule), "{rule} is shown");
    }
}

/// What is as it should be stays so: the rest of the sample is told apart from it by its findings.
#[test]
fn one_service_of_the_sample_repository_has_no_gap() {
    for bundle in ["twelve-factor", "policies/parcelbird.yaml"] {
        let arguments = ["eval", "--bundle", bundle, "--format", "concise", "--fail-on", "never", "."];
        let output = Home::new().command(&arguments).current_dir(SAMPLE).output().unwrap();
        let told = stdout(&output);
        let of_rates: Vec<&str> = told.lines().filter(|line| line.starts_with("k8s/rates.yaml")).collect();
        assert!(of_rates.is_empty() && told.contains("k8s/tracking-api.yaml"), "{bundle}: {of_rates:#?}");
    }
}

/// What we deploy has none of the gaps that we look for.
#[test]
fn our_own_manifests_have_no_finding() {
    let bundles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundles");
    let home = Home::new();
    for bundle in ["default", "twelve-factor", "strict", "pod-security-baseline", "pod-security-restricted"] {
        let paths = ["deploy", "default/rbac"].map(|path| bundles.join(path).display().to_string());
        let output = home.run(&["eval", "--bundle", bundle, "--fail-on", "info", &paths[0], &paths[1]]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("no findings"));
    }
}
