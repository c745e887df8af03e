//! `policy-host.yaml`.

use super::{ONE_RULE, POD, eval, home};
use crate::cli::{Home, stderr, stdout};

#[test]
fn flags_go_before_variables_before_the_file_before_defaults() {
    let home = home(&[("web.yaml", POD), ("policy-host.yaml", "failOn: never\n")]);
    assert_eq!(eval(&home, &["--no-config"]).0, 1);
    assert_eq!(eval(&home, &[]).0, 0);
    let with_variable = |arguments: &[&str]| {
        let arguments = [&["eval", "--bundle", "../one.yaml"], arguments].concat();
        home.command(&arguments).env("POLICY_HOST_FAIL_ON", "high").output().unwrap().status.code()
    };
    assert_eq!(with_variable(&[]), Some(1));
    assert_eq!(with_variable(&["--fail-on", "never"]), Some(0));
}

#[test]
fn a_file_that_was_found_has_no_registry_called() {
    // Whoever calls it is seen here.
    let registry = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    registry.set_nonblocking(true).unwrap();
    let called = || registry.accept().is_ok();
    let reference = format!("oci://{}/team/rules:1", registry.local_addr().unwrap());
    let file = format!("bundle: {reference}\n");
    let home =
        Home::with(&[("web.yaml", POD), ("policy-host.yaml", &file), ("below/web.yaml", POD), (".git/HEAD", "")]);
    for directory in ["", "below"] {
        // Also where everything else is allowed.
        let arguments = ["eval", "--insecure", "--allow-unsigned", "web.yaml"];
        let output = home.command(&arguments).current_dir(home.path(directory)).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("policy-host.yaml:1:9: a file that was found may not have a registry called"));
        assert!(!called(), "{directory}");
    }
    // Who runs it may: by naming the file, or the bundle. The registry then does not answer.
    for asked in [&["--config", "policy-host.yaml"][..], &["--bundle", &reference]] {
        let arguments = [&["eval", "--insecure", "--allow-unsigned", "web.yaml"], asked].concat();
        let mut child = home.command(&arguments).stderr(std::process::Stdio::null()).spawn().unwrap();
        let started = std::time::Instant::now();
        while !called() {
            assert!(started.elapsed().as_secs() < 60, "{asked:?}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn reports_of_the_file_are_written_below_it() {
    let home = home(&[("web.yaml", POD), ("policy-host.yaml", "reports: {json: out.json, concise: out.txt}\n")]);
    assert_eq!(eval(&home, &[]).0, 1);
    assert!(home.read("out.txt").contains("web.yaml:11:21"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&home.read("out.json")).unwrap()["summary"]["documents"], 1);
    eval(&home, &["--report", "junit=other.xml"]);
    assert!(home.path("other.xml").exists());
}

#[test]
fn config_show_says_where_every_value_came_from() {
    let file = "paths: [k8s]\nbundle: rules/one.yaml\nfailOn: high\nbaseline: known.json\nexceptions:\n  - {rules: [a, b], reason: why}\n";
    let home = Home::with(&[
        ("policy-host.yaml", file),
        ("rules/one.yaml", ONE_RULE),
        ("k8s/web.yaml", POD),
        (".git/HEAD", ""),
    ]);
    let mut command = home.command(&["config", "show", "--format", "json"]);
    let output = command.env("POLICY_HOST_MIN_SEVERITY", "low").current_dir(home.path("k8s")).output().unwrap();
    insta::assert_snapshot!("config-show", stdout(&output));
    home.write("known.json", "{\"schema\": \"policy-host/baseline/v1\", \"findings\": []}");
    let output = home.command(&["eval"]).current_dir(home.path("rules")).output().unwrap();
    assert!(stdout(&output).contains("--> ../k8s/web.yaml:11:21"), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn it_is_found_up_to_the_root_of_the_repository_and_no_further() {
    let home = home(&[("policy-host.yaml", "failOn: never\n"), ("repository/web.yaml", POD)]);
    let code = || {
        let mut command = home.command(&["eval", "--bundle", "../../one.yaml"]);
        command.current_dir(home.path("repository")).output().unwrap().status.code()
    };
    assert_eq!(code(), Some(1), "outside of a repository only the directory itself counts");
    home.write("repository/.git/HEAD", "");
    assert_eq!(code(), Some(1));
    std::fs::rename(home.path("repository/.git"), home.path(".git")).unwrap();
    assert_eq!(code(), Some(0));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let home = home(&[("web.yaml", POD)]);
    let cases = [
        (
            "failOn: high\npathz: [a]\n",
            "policy-host.yaml:2:1: `pathz`: there is no field `pathz` here",
            "did you mean `paths`?",
        ),
        ("exceptions:\n  - rules: [a]\n    reson: x\n", "policy-host.yaml:3:5: ", "did you mean `reason`?"),
        ("exceptions:\n  - {rules: [a], reason: ' '}\n", "policy-host.yaml:2:26: ", "needs a `reason`"),
        (
            "exceptions:\n  - {rules: [pss-privileged], reason: x, names: ['[']}\n",
            "policy-host.yaml:2:",
            "glob is malformed",
        ),
        ("exceptions:\n  - {rules: [a], reason: x, expires: soon}\n", "policy-host.yaml:2:", "expires"),
        ("failOn: hihg\n", "policy-host.yaml:1:9: `hihg` is none of", "did you mean `high`?"),
        ("bundle: defualt\n", "policy-host.yaml:1:9: there is no bundle `defualt`", "did you mean `default`?"),
        ("baseline: none.json\n", "policy-host.yaml:1:11: none.json: No such file or directory\n", ""),
        (
            "exceptions:\n  - {rules: [a], reason: x, expires: soon}\n",
            "policy-host.yaml:2:",
            "`soon` is no day like 2027-01-31",
        ),
        ("paths: [/etc]\n", "policy-host.yaml:1:9: ", "`/etc` leads out of the directory of this file"),
        ("bundle: ../one.yaml\n", "policy-host.yaml:1:9: ", "leads out"),
        ("baseline: ../x.json\n", "policy-host.yaml:1:11: ", "leads out"),
        ("reports: {yaml: a}\n", "policy-host.yaml:1:17: `yaml` is none of human", ""),
        ("reports: {json: .git/config}\n", "policy-host.yaml:1:17: ", "or into `.git`"),
        ("paths: yes\n", "policy-host.yaml:1:8: ", "expected a list, found the text `yes`"),
        ("[", "policy-host.yaml:1:", ""),
        ("", "policy-host.yaml:1:1: the file is empty", ""),
    ];
    for (text, place, message) in cases {
        home.write("policy-host.yaml", text);
        let output = home.run(&["eval"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}{said}");
        assert!(said.contains(place) && said.contains(message), "{text}{said}");
    }
    home.write("policy-host.yaml", "failOn: never\n");
    assert_eq!(home.run(&["eval", "--config", "none.yaml"]).status.code(), Some(2));
}

#[test]
fn the_schema_is_what_the_code_says_and_takes_what_the_program_takes() {
    let schema = stdout(&home(&[]).run(&["config", "schema"]));
    assert_eq!(schema, include_str!("../../host/schema/policy-host.v1.json"), "run `make docs`");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let entry = serde_json::json!({"rules": ["a"], "paths": ["k8s/**"], "reason": "why", "expires": "2027-01-31"});
    let valid = serde_json::json!({"paths": ["."], "bundle": "twelve-factor", "failOn": "high", "exceptions": [entry]});
    assert!(validator.is_valid(&valid));
    for wrong in [
        serde_json::json!({"pathz": []}),
        serde_json::json!({"failOn": "hihg"}),
        serde_json::json!({"exceptions": [{"rules": ["a"]}]}),
        serde_json::json!({"exceptions": [{"rules": ["a"], "reason": "why", "until": "2027-01-31"}]}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn a_server_takes_no_notice_of_it() {
    let home = home(&[("policy-host.yaml", "nonsense: true\n")]);
    let output = home.run(&["serve", "--bundle", "none", "--no-cluster"]);
    assert!(stderr(&output).contains("there is no bundle `none`"), "{}", stderr(&output));
}
