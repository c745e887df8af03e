//! Bounds: each has a test.

use super::{fails, module, sources, x};
use crate::parse::Limits;
use crate::parse::hcl::parse_module;
use serde_json::json;

#[test]
fn nesting_is_bounded() {
    for open in [
        "[",
        "{",
        "(",
        "!",
        "-",
        "{a=",
        "\"${",
        "f(",
        "a[",
        "<<A\n${",
        "\"%{if a}",
        "a?",
        "1+(",
        "[for a in ",
        "\"%{if ",
        "a[*]",
    ] {
        fails(&format!("x = {}", open.repeat(100_000)));
        fails(&format!("x = {}", open.repeat(200)));
    }
    fails(&"a {\n".repeat(100_000));
    // The deepest that is accepted must fit a thread's default stack, also unoptimised.
    for (open, middle, close) in [
        ("[", "1", "]"),
        ("{a=", "1", "}"),
        ("(", "1", ")"),
        ("!", "a", ""),
        ("\"${", "1", "}\""),
        ("[for a in [1] : ", "1", "]"),
        ("true ? 1 : ", "1", ""),
        ("max(", "1", ")"),
    ] {
        let levels = if open.starts_with('"') { 50 } else { 120 };
        let text = format!("b {{\n x = {}{middle}{}\n}}", open.repeat(levels), close.repeat(levels));
        let deep = module(&[("main.tf", &text)]);
        assert!(deep.is_ok(), "{open} {:?}", deep.err());
    }
    let blocks = format!("{}{}", "a {\n".repeat(60), "}\n".repeat(60));
    assert!(module(&[("main.tf", &blocks)]).is_ok());
    let chain = |line: fn(usize) -> String| (1..200).map(line).collect::<String>();
    let direct = chain(|n| format!(" a{n} = local.a{}\n", n - 1));
    assert_eq!(x("local.a199", &format!("locals {{\n a0 = 1\n{direct}}}")), json!({ "$unknown": "local.a199" }));
    assert_eq!(x("local.a99", &format!("locals {{\n a0 = 1\n{direct}}}")), 1);
    let nested = chain(|n| format!(" a{n} = [local.a{}]\n", n - 1));
    assert!(fails(&format!("locals {{\n a0 = 1\n{nested}}}")).1.contains("limit `depth`"));
}

#[test]
fn resolved_values_are_bounded() {
    let grow = |line: fn(usize) -> String| (1..40).map(line).collect::<String>();
    let tuples =
        format!("locals {{\n a0 = 1\n{}}}", grow(|n| format!(" a{n} = [local.a{m}, local.a{m}]\n", m = n - 1)));
    assert!(fails(&tuples).1.contains("limit `nodes`"));
    for text in [
        "\"${local.a{m}}${local.a{m}}\"",
        "join(\"\", [local.a{m}, local.a{m}])",
        "format(\"%s%s\", local.a{m}, local.a{m})",
        "replace(local.a{m}, \"x\", \"xx\")",
        "jsonencode([local.a{m}, local.a{m}])",
    ] {
        let lines: String =
            (1..40).map(|n| format!(" a{n} = {}\n", text.replace("{m}", &(n - 1).to_string()))).collect();
        let error = fails(&format!("locals {{\n a0 = \"xx\"\n{lines}}}")).1;
        assert!(error.contains("limit `bytes`"), "{text}: {error}");
    }
    let lists = format!(
        "locals {{\n a0 = [1]\n{}}}\nb {{\n x = length(local.a39)\n}}",
        grow(|n| format!(" a{n} = concat(local.a{m}, local.a{m})\n", m = n - 1))
    );
    assert!(fails(&lists).1.contains("limit `nodes`"));
    let nested = "[for a in range(1000) : length([for b in range(1000) : [for c in range(1000) : c]])]";
    assert!(fails(&format!("x = 1\nb {{\n x = {nested}\n}}\n")).1.contains("more than 4000000 steps"));
    let long = format!("locals {{\n a = \"{}\"\n}}\nb {{\n x = [{}]\n}}", "x".repeat(1 << 20), "local.a,".repeat(100));
    assert!(fails(&long).1.contains("limit `bytes`"));
    let limits = Limits { bytes: 64, nodes: 20, ..Limits::default() };
    let limited = |text: &str| {
        parse_module("d", &sources(&[("a.tf", text)]), &limits).err().map(|error| error.message).unwrap_or_default()
    };
    assert!(limited(&" ".repeat(65)).contains("limit `bytes`"));
    assert!(limited("b {\n x = [1,1,1,1,1,1,1,1,1,1,1,1,1]\n}").contains("limit `nodes`"));
}

/// Each of these must end in about linear time, with a result or an error.
#[test]
fn hostile_sizes() {
    let n = 1 << 16;
    let many = |count: usize, item: fn(usize) -> String| (0..count).map(item).collect::<String>();
    for text in [
        format!("x = {{{}}}", many(n, |i| format!("k{i}=1\n"))),
        many(n, |i| format!("k{i}=1\n")),
        format!("x = {{{}}}", many(n / 8, |i| format!("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,{i}]=1\n"))),
        format!("x = [{}]", "1,".repeat(n)),
        format!("x = \"{}\"", "${a}".repeat(n)),
        format!("x = \"{}\"", "$".repeat(n)),
        format!("x = <<E\n{}E\n", "\n".repeat(n)),
        format!("x = <<-E\n{}E\n", "  E E\n".repeat(n)),
        format!("x = !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!1{}", " ".repeat(n)),
        format!("x = {}", "/*".repeat(n)),
        format!("{}x = 1", "/**/".repeat(n)),
        format!("x = {}", "<<".repeat(n)),
        "#\n".repeat(n),
        "a {}\n".repeat(n),
        format!("a {}{{}}", "\"b\" ".repeat(n)),
        format!("x = f({})", "a, ".repeat(n)),
        format!("x = \"{}", "%{if a}".repeat(n)),
        format!("x = 1{}", " + 1".repeat(n)),
        format!("x = 1{}", " + 1 * 2 == 3 && 4".repeat(n)),
        format!("x = a{}", ".b".repeat(n)),
        format!("terraform {{\n backend \"a\" {{}}\n}}\n{}", "terraform {\n backend \"b\" {}\n}\n".repeat(n / 8)),
        format!(
            "locals {{\n a = {{{}}}\n}}\nb {{\n x = [{}]\n}}",
            many(4096, |i| format!("k{i}=1\n")),
            "local.a.k9,".repeat(50_000)
        ),
        format!("b {{\n x = distinct([{}])\n}}", many(n, |i| format!("{i},"))),
        format!("b {{\n x = merge({})\n}}", "{ a = 1 },".repeat(n)),
    ] {
        let _ = module(&[("main.tf", &text)]);
    }
}
