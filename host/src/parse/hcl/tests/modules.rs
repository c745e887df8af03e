//! What makes a module: override files, OpenTofu's files, files of variables, and modules that are called.

use super::{check_spans, root};
use crate::document::Source;
use crate::parse::Limits;
use crate::parse::hcl::{Group, group, parse_module, parse_variables};
use serde_json::{Value as Json, json};

/// The models of the modules in some files, by their paths.
fn models(files: &[(&str, &str)]) -> Json {
    let groups = group(files.iter().map(|(path, text)| Source::new(*path, *text)));
    let models = groups.iter().map(|group| match group {
        Group::Module(sources) => {
            let path = sources[0].path.rsplit_once('/').map_or(".", |(directory, _)| directory);
            let node = parse_module(path, sources, &Limits::default()).expect("a module");
            check_spans(&node, sources);
            (path.to_owned(), node.to_value())
        }
        Group::Variables(source) => {
            (source.path.to_string(), parse_variables(source, &Limits::default()).expect("variables").to_value())
        }
    });
    Json::Object(models.collect())
}

fn backend(files: &[(&str, &str)]) -> String {
    let settings = &root(files).to_value()["terraform"];
    let kinds = ["backend", "cloud"].into_iter().filter(|kind| !settings[kind].is_null());
    kinds.map(|kind| format!("{kind} {}", settings[kind]["labels"][0].as_str().unwrap_or_default())).collect()
}

#[test]
fn a_backend_in_an_override_file_takes_the_place_of_others() {
    let state = |block: &str| format!("terraform {{\n {block}\n}}\n");
    let (s3, local, cloud) = (state("backend \"s3\" {}"), state("backend \"local\" {}"), state("cloud {}"));
    assert_eq!(backend(&[("main.tf", &local), ("override.tf", &s3)]), "backend s3");
    assert_eq!(backend(&[("main.tf", &s3), ("a_override.tf", &cloud)]), "cloud ");
    assert_eq!(backend(&[("main.tf", &cloud), ("override.tf", &local)]), "backend local");
    assert_eq!(backend(&[("z.tf", &s3), ("a_override.tf", &local)]), "backend local", "whatever their names");
    assert_eq!(backend(&[("a_override.tf", &s3), ("main.tf", &cloud), ("b_override.tf", &local)]), "backend local");
    assert_eq!(
        backend(&[("main.tf", &local), ("override.tf.json", "{\"terraform\":{\"backend\":{\"gcs\":{}}}}")]),
        "backend gcs"
    );
    assert_eq!(
        backend(&[("main.tf", &s3), ("override.tf", "terraform {\n required_version = \"1\"\n}\n")]),
        "backend s3"
    );
    assert_eq!(backend(&[("overrides.tf", &s3)]), "backend s3", "which is none");
}

#[test]
fn override_files_are_merged_as_terraform_does() {
    let node = root(&[
        (
            "main.tf",
            "resource \"t\" \"n\" {\n a = 1\n b = 2\n one {\n  x = 1\n }\n one {\n  x = 2\n }\n two {}\n dynamic \"three\" {\n  for_each = []\n }\n lifecycle {\n  c = 1\n  d = 1\n }\n}\nlocals {\n l = 1\n m = local.l\n}\nvariable \"v\" {\n type = string\n default = \"a\"\n}\nprovider \"p\" {\n a = 1\n}\nprovider \"p\" {\n alias = \"x\"\n a = 1\n}\nterraform {\n required_providers {\n  a = 1\n  b = 1\n }\n}\n",
        ),
        (
            "x_override.tf",
            "resource \"t\" \"n\" {\n b = var.v\n one {\n  x = 3\n }\n three {}\n lifecycle {\n  d = local.m\n }\n}\nlocals {\n l = 5\n}\nvariable \"v\" {\n default = \"o\"\n}\nprovider \"p\" {\n alias = \"x\"\n a = 2\n}\nterraform {\n required_providers {\n  b = 2\n }\n}\n",
        ),
    ])
    .to_value();
    let resource = &node["resource"]["t"]["n"];
    assert_eq!(resource["attributes"], json!({ "a": 1, "b": "o" }));
    let blocks: Vec<String> = resource["blocks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|block| format!("{} {}", block["type"], block["attributes"]))
        .collect();
    assert_eq!(blocks, ["\"two\" {}", "\"lifecycle\" {\"c\":1,\"d\":5}", "\"one\" {\"x\":3}", "\"three\" {}"]);
    assert_eq!(node["provider"]["p"][0]["attributes"], json!({ "a": 1 }));
    assert_eq!(node["provider"]["p"][1]["attributes"], json!({ "alias": "x", "a": 2 }));
    assert_eq!(node["terraform"]["required_providers"], json!({ "a": 1, "b": 2 }));
    assert_eq!(node["blocks"][0]["attributes"]["b"], 2, "what is written stays");
}

#[test]
fn opentofu_takes_its_own_file_of_a_name() {
    let node = models(&[
        ("m/a.tf", "locals {\n a = 1\n}\n"),
        ("m/a.tofu", "locals {\n a = 2\n}\n"),
        ("m/b.tf", "resource \"t\" \"n\" {\n a = local.a\n}\n"),
        ("m/b.tofu.json", "{\"resource\": {\"t\": {\"o\": {}}}}"),
    ]);
    assert_eq!(node["m"]["resource"]["t"]["n"]["attributes"]["a"], 2);
    assert_eq!(node["m"]["resource"]["t"]["o"]["attributes"], json!({}), "of another syntax");
    assert_eq!(node["m"]["blocks"].as_array().map(Vec::len), Some(4), "what is written stays");
}

#[test]
fn files_of_variables_are_read_as_terraform_does() {
    let models = models(&[
        ("a/main.tf", "variable \"v\" {}\nvariable \"w\" {}\nresource \"t\" \"n\" {\n v = var.v\n w = var.w\n}\n"),
        ("a/live.tfvars", "v = \"l\"\n"),
        ("a/terraform.tfvars", "v = \"t\"\nw = \"t\"\n"),
        ("a/terraform.tfvars.json", "{\"w\": \"${x}\"}"),
        ("a/x.auto.tfvars", "v = \"x\"\n"),
        ("b/terraform.tfvars", "v = [1]\n"),
        ("b/c.tfvars.json", "{\"v\": null}"),
    ]);
    assert_eq!(models["a"]["resource"]["t"]["n"]["attributes"], json!({ "v": "x", "w": "${x}" }));
    assert_eq!(models["a/live.tfvars"], json!({ "path": "a/live.tfvars", "values": { "v": "l" } }));
    assert_eq!(models["b/terraform.tfvars"]["values"], json!({ "v": [1] }));
    assert_eq!(models["b/c.tfvars.json"]["values"], json!({ "v": null }));
}

const STORAGE: &str = "variable \"name\" {}\nvariable \"acl\" {\n default = \"private\"\n}\nvariable \"kms\" {}\nresource \"bucket\" \"b\" {\n name = \"x-${var.name}\"\n acl = var.acl\n kms = var.kms\n}\noutput \"id\" {\n value = var.name\n}\n";

#[test]
fn local_modules_are_read_with_the_arguments_of_their_calls() {
    let main = "module \"s\" {\n source = \"../modules/storage\"\n name = local.n\n acl = \"public\"\n kms = aws_kms.k.arn\n}\nmodule \"other\" {\n source = \"o/vpc/aws\"\n version = \"1.0\"\n open = true\n}\nlocals {\n n = \"logs\"\n}\nresource \"y\" \"z\" {\n id = module.s.id\n of = module.other.id\n}\n";
    let models = models(&[
        ("live/main.tf", main),
        ("modules/storage/main.tf", STORAGE),
        ("modules/storage/terraform.tfvars", "name = \"no\"\n"),
    ]);
    let live = &models["live"];
    let bucket = &live["resource"]["bucket"]["module.s.b"]["attributes"];
    assert_eq!(*bucket, json!({ "name": "x-logs", "acl": "public", "kms": { "$unknown": "var.kms" } }));
    assert_eq!(
        live["resource"]["y"]["z"]["attributes"],
        json!({ "id": "logs", "of": { "$unknown": "module.other.id" } })
    );
    assert_eq!(live["module"]["s"]["directory"], "modules/storage");
    assert_eq!(live["module"]["other"]["attributes"]["open"], true);
    assert_eq!(live["module"]["other"]["directory"], Json::Null);
    assert_eq!(live["files"], json!(["main.tf"]));
    let own = &models["modules/storage"]["resource"]["bucket"]["b"]["attributes"];
    assert_eq!(*own, json!({ "name": "x-no", "acl": "private", "kms": { "$unknown": "var.kms" } }));
}

#[test]
fn arguments_have_the_place_where_they_are_given() {
    let main = "module \"s\" {\n source = \"./s\"\n name = \"logs\"\n kms = { a = { b = \"deep\" } }\n}\n";
    let storage = STORAGE.replace("kms = var.kms\n", "kms = var.kms.a.b\n");
    let sources = [Source::new("main.tf", main), Source::new("s/main.tf", storage)];
    let node = parse_module(".", &sources, &Limits::default()).expect("a module");
    let attribute = |name: &str| {
        let value = node.path(&["resource", "bucket", "module.s.b", "attributes", name]).expect("an attribute");
        sources[usize::from(value.span.file)].text[value.span.range()].to_owned()
    };
    assert_eq!(attribute("name"), "\"x-${var.name}\"");
    assert_eq!(attribute("kms"), "\"deep\"");
    assert_eq!(attribute("acl"), "var.acl");
}

#[test]
fn repeated_calls_are_there_once_for_each_instance() {
    let call = |extra: &str| {
        format!(
            "module \"s\" {{\n source = \"./s\"\n {extra}\n name = each.key\n kms = 1\n}}\nresource \"y\" \"z\" {{\n id = module.s[\"a\"].id\n}}\n"
        )
    };
    let of = |extra: &str| models(&[("main.tf", &call(extra)), ("s/main.tf", STORAGE)])["."].clone();
    let repeated = of("for_each = toset([\"b\", \"a\"])");
    let buckets = &repeated["resource"]["bucket"];
    assert_eq!(buckets.as_object().unwrap().keys().collect::<Vec<_>>(), ["module.s[\"a\"].b", "module.s[\"b\"].b"]);
    assert_eq!(buckets["module.s[\"b\"].b"]["attributes"], json!({ "name": "x-b", "acl": "private", "kms": 1 }));
    assert_eq!(repeated["resource"]["y"]["z"]["attributes"]["id"], json!({ "$unknown": "module.s[\"a\"].id" }));
    // The call is there once, as it is written.
    assert_eq!(repeated["module"]["s"]["attributes"]["name"], json!({ "$unknown": "each.key" }));
    let unknown = of("for_each = var.unset");
    assert_eq!(
        unknown["resource"]["bucket"]["module.s.b"]["attributes"]["name"],
        json!({ "$unknown": "\"x-${var.name}\"" })
    );
    for none in [
        "count = 0",
        "for_each = {}",
        "for_each = toset([])",
        "count = var.on ? 1 : 0\n}\nvariable \"on\" {\n default = false",
    ] {
        assert_eq!(of(none)["resource"]["bucket"], Json::Null, "{none}");
    }
    assert_ne!(of("count = var.unset ? 1 : 0")["resource"]["bucket"], Json::Null);
}

#[test]
fn repeated_resources_have_the_addresses_of_their_instances() {
    let of = |repeated: &str, argument: &str| {
        let text = format!(
            "locals {{\n m = {{ b = \"two\", \"a.\\\"x\" = \"one\" }}\n}}\nresource \"r\" \"n\" {{\n {repeated}\n v = {argument}\n inner {{\n  w = {argument}\n }}\n}}\n"
        );
        models(&[("main.tf", &text)])["."]["resource"]["r"].clone()
    };
    let keys = |model: &Json| model.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let counted = of("count = 2", "\"n-${count.index}\"");
    assert_eq!(keys(&counted), ["n[0]", "n[1]"]);
    assert_eq!(counted["n[1]"]["attributes"], json!({ "count": 2, "v": "n-1" }));
    assert_eq!(counted["n[1]"]["blocks"][0]["attributes"]["w"], "n-1");
    let each = of("for_each = local.m", "\"${each.key}=${each.value}\"");
    assert_eq!(keys(&each), ["n[\"a.\\\"x\"]", "n[\"b\"]"]);
    assert_eq!(each["n[\"b\"]"]["attributes"]["v"], "b=two");
    assert_eq!(of("for_each = toset([\"k\"])", "each.value")["n[\"k\"]"]["attributes"]["v"], "k");
    // Nothing of one instance is known of another, and what is not known of an instance stays so.
    let part = of("for_each = { a = var.x, b = 1 }", "each.value");
    assert_eq!(part["n[\"a\"]"]["attributes"]["v"], json!({ "$unknown": "each.value" }));
    assert_eq!(part["n[\"b\"]"]["attributes"]["v"], 1);
    for (unknown, argument) in [
        ("for_each = var.x", "each.key"),
        ("count = var.x", "count.index"),
        ("count = 65", "count.index"),
        ("for_each = [1]", "each.key"),
    ] {
        let model = of(unknown, argument);
        assert_eq!(keys(&model), ["n"], "{unknown}");
        assert_eq!(model["n"]["attributes"]["v"], json!({ "$unknown": argument }), "{unknown}");
    }
    assert_eq!(of("count = 0", "1"), Json::Null);
    assert_eq!(of("for_each = {}", "1"), Json::Null);
}

#[test]
fn instances_are_bounded() {
    let many: String =
        (0..40).map(|at| format!("resource \"r\" \"n{at}\" {{\n count = 60\n v = count.index\n}}\n")).collect();
    let model = models(&[("main.tf", &many)])["."]["resource"]["r"].clone();
    assert_eq!(model["n0[59]"]["attributes"]["v"], 59);
    assert_eq!(model["n39"]["attributes"]["v"], json!({ "$unknown": "count.index" }));
    let large = (0..4_000).map(|at| format!(" a{at} = {at}\n")).collect::<String>();
    let model = models(&[("main.tf", &format!("resource \"r\" \"n\" {{\n count = 64\n v = count.index\n{large}}}\n"))]);
    assert!(model["."]["resource"]["r"].get("n").is_some() || model["."]["resource"]["r"].get("n[63]").is_some());
}
