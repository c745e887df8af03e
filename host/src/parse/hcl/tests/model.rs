//! The shape of the model, and the places in it.

use super::{check_spans, fails, module, root, sources};
use crate::document::{Node, Span};
use serde_json::json;

#[test]
fn a_whole_module() {
    let files = [
        (
            "main.tf",
            "terraform {\n  required_version = \"1\"\n  backend \"s3\" {\n    bucket = \"b-${var.env}\"\n  }\n}\nresource aws_x \"y\" {\n  n = local.n\n}\n",
        ),
        (
            "vars.tf",
            "variable \"env\" {\n  type = string\n  default = \"dev\"\n}\nlocals { n = 3 }\nprovider \"aws\" {}\n",
        ),
        ("z.auto.tfvars", "env = \"z\"\n"),
        ("a.auto.tfvars", "env = \"a\"\nk = [1]\n"),
        ("terraform.tfvars", "env = \"t\"\n"),
    ];
    let node = root(&files);
    let backend = json!({ "type": "backend", "labels": ["s3"], "attributes": { "bucket": "b-z" }, "blocks": [] });
    let resource = json!({ "type": "resource", "labels": ["aws_x", "y"], "attributes": { "n": 3 }, "blocks": [] });
    let provider = json!({ "type": "provider", "labels": ["aws"], "attributes": {}, "blocks": [] });
    assert_eq!(
        node.to_value(),
        json!({
            "path": "infra",
            "files": ["main.tf", "vars.tf", "z.auto.tfvars", "a.auto.tfvars", "terraform.tfvars"],
            "blocks": [
                { "type": "terraform", "labels": [], "attributes": { "required_version": "1" }, "blocks": [backend] },
                resource,
                { "type": "variable", "labels": ["env"],
                  "attributes": { "type": { "$unknown": "string" }, "default": "dev" }, "blocks": [] },
                { "type": "locals", "labels": [], "attributes": { "n": 3 }, "blocks": [] },
                provider,
            ],
            "tfvars": { "env": "z", "k": [1] },
            "terraform": { "attributes": { "required_version": "1" }, "backend": backend },
            "provider": { "aws": [provider] },
            "resource": { "aws_x": { "y": resource } },
            "data": {},
            "module": {},
        })
    );
    check_spans(&node, &sources(&files));
}

#[test]
fn no_files_are_an_empty_module() {
    assert_eq!(module(&[]).map(|node| node.get("blocks").map(Node::to_json)), Ok(Some("[]".to_owned())));
}

#[test]
fn spans_are_those_of_the_expressions() {
    let text = "\u{feff}resource \"é\" y {\n  tags = { \"k\" = var.v, j : 1 }\n  o = 1\n}\nvariable \"v\" { default = { a = [1] } }\n";
    let node = root(&[("main.tf", text)]);
    let block = node.get("blocks").and_then(|blocks| blocks.item(0)).expect("a block");
    let slice = |span: Span| &text[span.range()];
    assert_eq!(slice(block.span), &text[3..text.find("\nvariable").unwrap_or(0)]);
    let labels = block.get("labels").expect("labels");
    assert_eq!((slice(labels.span), labels.item(0).map(|label| slice(label.span))), ("\"é\" y", Some("\"é\"")));
    assert_eq!(block.entry("labels").map(|entry| slice(entry.key_span)), Some("resource"));
    let tags = block.get("attributes").and_then(|attributes| attributes.entry("tags")).expect("tags");
    assert_eq!((slice(tags.key_span), slice(tags.value.span)), ("tags", "{ \"k\" = var.v, j : 1 }"));
    let keys: Vec<_> = tags.value.entries().iter().map(|entry| (&*entry.key, slice(entry.key_span))).collect();
    assert_eq!(keys, [("k", "\"k\""), ("j", "j")]);
    let inner = tags.value.path(&["k", "a"]).and_then(|list| list.item(0)).expect("a resolved value");
    assert_eq!((inner.to_json(), slice(inner.span)), ("1".to_owned(), "var.v"));
    let by_type = node.path(&["resource"]).and_then(|types| types.entry("é")).expect("resources of a type");
    assert_eq!(slice(by_type.key_span), "\"é\"");
    assert_eq!(by_type.value.entry("y").map(|entry| slice(entry.key_span)), Some("y"));
}

#[test]
fn errors_have_a_place() {
    assert_eq!(fails("a {\n  b = \n}\n").0, 10);
    assert_eq!(fails("é {\n b = 1\n b = 2\n}\n").0, 13);
    let error = module(&[("a.tf", ""), ("b.tf", "\u{feff}x = [")]).err().map(|error| (error.file, error.at));
    assert_eq!(error, Some((1, 8)));
    let error = module(&[("a.tf", ""), ("b.tf.json", "{\"resource\": 1}")]).err().map(|error| (error.file, error.at));
    assert_eq!(error, Some((1, 13)));
    let error = module(&[("a.tf.json", "{\"output\": {\"x\": {\"value\": \"${a\"}}}")]).err();
    assert_eq!(error.map(|error| error.at), Some(27));
}

#[test]
fn keys_that_look_unknown_are_told_apart() {
    let node = root(&[("a.tf", "b {\n x = { \"$unknown\" = 1, \"$$unknown\" = 2, \"$other\" = 3 }\n y = z.a\n}\n")]);
    let attributes = &node.to_value()["blocks"][0]["attributes"];
    assert_eq!(attributes["x"], json!({ "$$unknown": 1, "$$$unknown": 2, "$other": 3 }));
    assert_eq!(attributes["y"], json!({ "$unknown": "z.a" }));
}

#[test]
fn json_is_the_same_tree() {
    let native = "terraform {\n  required_version = \"1\"\n  backend \"s3\" {\n    key = \"k\"\n  }\n}\nresource \"t\" \"n\" {\n  a = \"x-${var.v}\"\n  b = [1, -2, null, true]\n  lifecycle {\n    prevent_destroy = true\n  }\n}\nvariable \"v\" {\n  default = \"d\"\n}\n";
    let json = r#"{"//": "a comment", "terraform": {"required_version": "1", "backend": {"s3": {"key": "k"}}},
        "resource": {"t": {"n": {"//": "x", "a": "x-${var.v}", "b": [1, -2, null, true], "lifecycle": {"prevent_destroy": true}}}},
        "variable": [{"v": {"default": "d"}}]}"#;
    let native = root(&[("main.tf", native)]).to_value();
    let files = [("main.tf.json", json)];
    let node = root(&files);
    check_spans(&node, &sources(&files));
    let node = node.to_value();
    for key in ["blocks", "terraform", "resource"] {
        assert_eq!(node[key], native[key], "{key}");
    }
    let several = root(&[(
        "a.tf.json",
        "{\"provider\": {\"aws\": [{}, {\"alias\": \"b\"}]}, \"output\": {\"o\": {\"value\": \"${a.b}\"}}}",
    )]);
    assert_eq!(several.to_value()["provider"]["aws"][1]["attributes"]["alias"], "b");
    assert_eq!(several.to_value()["blocks"][2]["attributes"]["value"], json!({ "$unknown": "\"${a.b}\"" }));
}
