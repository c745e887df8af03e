//! What all tests of modules need.

mod bounds;
mod model;
mod modules;
mod properties;
mod syntax;
mod values;

use super::parse_module;
use crate::document::{Node, Source, Span, Value};
use crate::parse::{Limits, SyntaxError};

fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(name, text)| Source::new(format!("infra/{name}"), *text)).collect()
}

fn module(files: &[(&str, &str)]) -> Result<Node, SyntaxError> {
    parse_module("infra", &sources(files), &Limits::default())
}

fn root(files: &[(&str, &str)]) -> Node {
    match module(files) {
        Ok(root) => root,
        Err(error) => panic!("{error} at {} of file {}", error.at, error.file),
    }
}

/// The value of `x` in a block, next to other blocks.
fn x(expression: &str, others: &str) -> serde_json::Value {
    let root = root(&[("main.tf", &format!("b {{\n x = {expression}\n}}\n{others}"))]);
    root.to_value()["blocks"][0]["attributes"]["x"].clone()
}

fn fails(text: &str) -> (usize, String) {
    match module(&[("main.tf", text)]) {
        Ok(_) => panic!("{text:.100} is accepted"),
        Err(error) => (error.at, error.message),
    }
}

/// Every place is in the text, and what is not known has a text.
fn check_spans(node: &Node, files: &[Source]) {
    let slice = |span: Span| files[usize::from(span.file)].text.get(span.range());
    assert!(slice(node.span).is_some(), "{:?}", node.span);
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| check_spans(item, files)),
        Value::Object(entries) => {
            for entry in entries {
                assert!(slice(entry.key_span).is_some(), "{:?}", entry.key_span);
                if &*entry.key == "$unknown" {
                    assert!(entry.value.as_str().is_some_and(|text| !text.is_empty()));
                }
                check_spans(&entry.value, files);
            }
        }
        _ => {}
    }
}
