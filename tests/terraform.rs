//! What `eval` says of Terraform modules and files of variables.

use crate::cli::{Home, stderr};
use serde_json::Value as Json;

const PROVIDER: &str = "provider \"aws\" {}\n";

fn state(block: &str) -> String {
    format!("terraform {{\n  {block}\n}}\n")
}

/// The findings of a run over some files, as `rule/code file:line`, and what could not be read.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let home = Home::with(files);
    let output =
        home.run(&["eval", "--no-config", "--bundle", "twelve-factor", "--fail-on", "never", "--format", "json"]);
    let results: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let mut found: Vec<String> = list(&results["errors"]).iter().map(Json::to_string).collect();
    for document in list(&results["documents"]) {
        for outcome in list(&document["outcomes"]) {
            for finding in list(&outcome["findings"]).iter().filter(|finding| finding["exempt"].is_null()) {
                let at = &finding["location"];
                let file = at["file"].as_str().unwrap_or_default();
                found.push(format!("{} {file}:{}", outcome["rule"].as_str().unwrap_or_default(), at["line"]));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn overrides_decide_where_state_is() {
    let (local, s3) = (state("backend \"local\" {}"), state("backend \"s3\" {}"));
    let main = |state: &str| format!("{state}{PROVIDER}");
    assert_eq!(findings(&[("a/main.tf", &main(&local)), ("a/override.tf", &s3)]), [""; 0]);
    assert_eq!(
        findings(&[("a/main.tf", &main(&s3)), ("a/x_override.tf", &local)]),
        ["tf-remote-backend a/x_override.tf:2"]
    );
    assert_eq!(
        findings(&[("a/main.tf", &main(&local)), ("a/override.tf.json", "{\"terraform\": {\"cloud\": {}}}")]),
        [""; 0]
    );
}

#[test]
fn every_file_of_a_module_counts() {
    assert_eq!(
        findings(&[
            ("json/state.tf.json", "{\"terraform\": {\"backend\": {\"http\": {}}}}"),
            ("json/main.tf", PROVIDER),
            ("tofu/main.tf", PROVIDER),
            ("tofu/state.tofu", &state("backend \"gcs\" {}")),
            ("tofujson/main.tf", PROVIDER),
            ("tofujson/state.tofu.json", "{\"terraform\": {\"cloud\": {}}}"),
            ("vars/prod.tfvars", "size = 2\n"),
            ("none/main.tf", PROVIDER),
            ("other/main.tf.json", "{\"provider\": {\"aws\": {}},\n \"terraform\": {\"backend\": {\"local\": {}}}}"),
        ]),
        [
            "tf-environments-separated vars/prod.tfvars:1",
            "tf-remote-backend none/main.tf:1",
            "tf-remote-backend other/main.tf.json:2",
        ]
    );
}

#[test]
fn passwords_in_files_of_variables_are_found() {
    let url = |host: &str| format!("dsn = \"mysql://shop:letmein99@{host}/shop\"\n");
    assert_eq!(
        findings(&[
            ("main.tf", &format!("{}{PROVIDER}variable \"dsn\" {{}}\n", state("backend \"s3\" {}"))),
            ("live.tfvars", &url("db.store.example")),
            ("terraform.tfvars", &url("db.one.example")),
            ("envs/prod.tfvars", &format!("# one\n{}", url("db.two.example"))),
            ("envs/test.tfvars.json", "{\"dsn\": \"mysql://shop:letmein99@db.three.example/shop\"}"),
        ]),
        [
            "no-credentials-in-url envs/prod.tfvars:2",
            "no-credentials-in-url envs/test.tfvars.json:1",
            "no-credentials-in-url live.tfvars:1",
            "no-credentials-in-url terraform.tfvars:1",
            "tf-environments-separated envs/prod.tfvars:1",
        ]
    );
}

#[test]
fn what_is_overridden_is_in_the_repository_still() {
    let url = "output \"x\" {\n  value = \"mysql://shop:letmein99@db.store.example/shop\"\n}\n";
    assert_eq!(
        findings(&[("a.tf", url), ("override.tf", "output \"x\" {\n  value = 1\n}\n"), ("b.tf", url), ("b.tofu", "")]),
        ["no-credentials-in-url a.tf:2", "no-credentials-in-url b.tf:2"]
    );
}

#[test]
fn reusable_modules_are_no_roots() {
    let module = "variable \"name\" {}\nresource \"aws_sns_topic\" \"t\" {\n  name = var.name\n}\n";
    assert_eq!(findings(&[("topic/main.tf", module), ("topic/example.tfvars", "name = \"x\"\n")]), [""; 0]);
    let caller = format!("{}module \"t\" {{\n  source = \"./../topic\"\n}}\n", state("cloud {}"));
    let with_provider = format!("{PROVIDER}{module}");
    assert_eq!(findings(&[("topic/main.tf", &with_provider), ("live/main.tf", &caller)]), [""; 0]);
    assert_eq!(findings(&[("topic/main.tf", &with_provider)]), ["tf-remote-backend topic/main.tf:1"]);
}

#[test]
fn block_comments_lift_rules() {
    let said = "policy: ignore[tf-remote-backend] thrown away each night";
    for text in [
        format!("/* {said} */\n{PROVIDER}"),
        format!("/*\n * Prose.\n *\n * {said}\n */\n\n# more\n/* and more */ {PROVIDER}"),
        format!("/* {said} */ {PROVIDER}"),
        format!("provider \"aws\" {{}} /* {said} */\n"),
        format!("provider /* {said}\n  */ \"aws\" {{}}\n"),
    ] {
        assert_eq!(findings(&[("main.tf", &text)]), [""; 0], "{text}");
    }
    for text in [
        format!("locals {{\n  a = \"/* {said} */\"\n}}\n{PROVIDER}"),
        format!("locals {{\n  a = <<E\n/* {said} */\nE\n}}\n{PROVIDER}"),
        format!("/* {said} */\nlocals {{}}\n{PROVIDER}"),
    ] {
        assert_eq!(findings(&[("main.tf", &text)]).len(), 1, "{text}");
    }
}

#[test]
fn exceptions_in_a_module_that_is_called_are_told_once() {
    let caller = format!("{}module \"m\" {{\n  source = \"./m\"\n}}\n", state("cloud {}"));
    let home = Home::with(&[
        ("main.tf", &caller),
        ("m/a.tf", "# policy: ignore[nothing-such] one\n# policy: ignore[tf-remote-backend] two\nlocals {}\n"),
    ]);
    let json = home.json(&["eval", "--no-config", "--bundle", "twelve-factor", "--fail-on", "never"]);
    let comments = json["exceptions"].as_array().unwrap().iter().filter(|exception| exception["origin"] == "comment");
    let said = comments
        .map(|exception| format!("{} {}", exception["status"].as_str().unwrap(), exception["location"]["line"]));
    assert_eq!(said.collect::<Vec<_>>(), ["unknown-rule 1", "unused 2"]);
}

#[test]
fn valid_hcl_is_judged() {
    let state = state("backend \"s3\" {}");
    for text in [
        "locals {\n  q = <<-STOP\n    a\n    STOP;\n    b\n  STOP\n}\n",
        "locals {\n  s = <<E\n%{ if var.a\n  && var.b }x%{ endif }\nE\n}\n",
        "locals {\n  m = { for k in var.l : k => k.on\n    && k.up }\n}\n",
        "locals {\n  t = { Team = \"a\", Team = \"b\" }\n}\n",
    ] {
        assert_eq!(findings(&[("main.tf", &format!("{state}{text}"))]), [""; 0], "{text}");
    }
    let broken = findings(&[("main.tf", "locals {\n  a = <<E\n}\n")]);
    assert!(broken.len() == 1 && broken[0].contains("main.tf"), "{broken:?}");
}

#[test]
fn backends_that_keep_state_remotely_are_allowed() {
    for name in ["consul", "kubernetes", "oss", "cos", "pg", "oci", "s3", "gcs", "azurerm", "http", "remote"] {
        let text = format!("{}{PROVIDER}", state(&format!("backend \"{name}\" {{}}")));
        assert_eq!(findings(&[("main.tf", &text)]), [""; 0], "{name}");
    }
}
