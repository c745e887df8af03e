//! What expressions come to, and what is not known.

use super::x;
use serde_json::json;

fn is_unknown(expression: &str, others: &str) {
    assert_eq!(x(expression, others), json!({ "$unknown": expression }), "{expression}");
}

#[test]
fn references_resolve() {
    let others = "locals {\n a = { k = [\"x\", \"y\"], \"q r\" = var.n }\n b = local.a.k\n c = \"${local.b[1]}-${var.n}\"\n d = local.c\n}\nvariable \"n\" { default = 5 }\nvariable \"o\" {}\n";
    assert_eq!(x("local.b", others), json!(["x", "y"]));
    assert_eq!(x("local.d", others), "y-5");
    assert_eq!(x("\"${var.n}\"", others), 5);
    assert_eq!(x("\"<${~ var.n ~}  >\"", others), "<5>");
    assert_eq!(x("local.a[\"q r\"]", others), 5);
    assert_eq!(x("local.a.k.0", others), "x");
    assert_eq!(x("local.a.k[var.n - 4]", others), "y");
    assert_eq!(x("local.b[*]", others), json!(["x", "y"]));
    assert_eq!(x("[local.a][*].k[0]", others), json!(["x"]));
    assert_eq!(x("[local.a].*.k[0]", others), json!(["x", "y"]));
    assert_eq!(x("var.n[*]", others), json!([5]));
    assert_eq!(x("null[*]", others), json!([]));
    assert_eq!(x("[local.a.k[0], var.o]", others), json!(["x", { "$unknown": "var.o" }]));
    for unknown in [
        "var.o",
        "local.none",
        "\"a${var.o}\"",
        "\"${var.o}\"",
        "(var.o)",
        "f(1)",
        "!var.o",
        "1 + var.o",
        "aws_x.y.arn",
        "var.o ? 1 : 2",
        "[for a in var.o : a]",
        "{ (var.o) = 1 }",
        "\"a${local.b}\"",
        "\"%{ if var.o }a%{ endif }\"",
        "local.a.none",
        "local",
        "each.key",
        "var[\"n\"]",
        "local.a.k[9]",
        "local.a.k[-1]",
        "path.module",
        "null.x",
        "count.index",
        "var.none",
    ] {
        is_unknown(unknown, others);
    }
}

#[test]
fn cycles_are_unknown() {
    let others = "locals {\n a = local.b\n b = [local.c]\n c = \"${local.a}\"\n}\n";
    assert_eq!(x("local.a", others), json!([{ "$unknown": "local.c" }]));
    is_unknown("local.a", "locals { a = local.a }");
    is_unknown("var.a", "variable \"a\" { default = var.a }");
}

#[test]
fn operators() {
    for (expression, expected) in [
        ("1 + 2 * 3 - 4 / 8", json!(6.5)),
        ("(1 + 2) * -3 % 4", json!(-1)),
        ("0.5 + 0.25", json!(0.75)),
        ("\"2\" * 3", json!(6)),
        ("1 < 2 && 2 >= 2 || false", json!(true)),
        ("1 == 1 != false", json!(true)),
        ("\"a\" == \"a\"", json!(true)),
        ("1 == \"1\"", json!(false)),
        ("null == null", json!(true)),
        ("[] == null", json!(false)),
        ("!true", json!(false)),
        ("true ? 1 : x.y", json!(1)),
        ("false && x.y", json!(false)),
        ("x.y || true", json!(true)),
        ("1 > 2 ? 3 : 4 > 3 ? 5 : 6", json!(5)),
        ("- 2 + 5", json!(3)),
        ("true ? 1 : \"a\"", json!("1")),
    ] {
        assert_eq!(x(expression, ""), expected, "{expression}");
    }
    for unknown in [
        "1 / 0",
        "0.1 + 0.2",
        "-0",
        "1 / 3",
        "\"a\" + 1",
        "1 && true",
        "null + 1",
        "null ? 1 : 2",
        "[] == []",
        "{} == {}",
        "x.y && true",
        "[1] < [2]",
        "-\"a\"",
    ] {
        is_unknown(unknown, "");
    }
}

#[test]
fn loops() {
    let others = "locals {\n m = { b = 1, a = 2 }\n s = toset([\"y\", \"x\", \"y\"])\n}\n";
    assert_eq!(x("[for k, v in local.m : \"${k}${v}\"]", others), json!(["a2", "b1"]));
    assert_eq!(x("{ for k, v in local.m : v => k }", others), json!({ "2": "a", "1": "b" }));
    assert_eq!(x("{ for v in [\"a\", \"b\", \"a\"] : v => 1... }", others), json!({ "a": [1, 1], "b": [1] }));
    assert_eq!(x("[for k, v in local.s : \"${k}${v}\"]", others), json!(["xx", "yy"]));
    assert_eq!(x("[for a in [1, 2] : [for b in [a, 3] : a * b]]", others), json!([[1, 3], [4, 6]]));
    assert_eq!(x("[for v in [1, x.y] : v]", others), json!([1, { "$unknown": "v" }]));
    assert_eq!(x("[for v in [1, 2, 3] : v if v > 1]", others), json!([2, 3]));
    for unknown in
        ["{ for v in [\"a\", \"a\"] : v => 1 }", "[for v in [x.y] : v if v]", "[for v in 1 : v]", "local.s[0]"]
    {
        is_unknown(unknown, others);
    }
}

#[test]
fn functions() {
    for (expression, expected) in [
        ("format(\"%s-%03d%%-%v\", \"a\", 7, true)", json!("a-007%-true")),
        ("formatlist(\"%s/%s\", \"a\", [\"b\", \"c\"])", json!(["a/b", "a/c"])),
        ("join(\",\", [\"a\", 1], [\"b\"])", json!("a,1,b")),
        ("split(\",\", \"a,b,\")", json!(["a", "b", ""])),
        ("lower(\"ABC\")", json!("abc")),
        ("upper(\"abc\")", json!("ABC")),
        ("trimspace(\" a \\n\")", json!("a")),
        ("trim(\"?!a?!\", \"!?\")", json!("a")),
        ("trimprefix(\"aab\", \"a\")", json!("ab")),
        ("trimsuffix(\"abb\", \"b\")", json!("ab")),
        ("chomp(\"a\\r\\n\\n\")", json!("a")),
        ("replace(\"a.b.c\", \".\", \"-\")", json!("a-b-c")),
        ("substr(\"hello\", 1, 3)", json!("ell")),
        ("substr(\"hello\", -2, -1)", json!("lo")),
        ("startswith(\"ab\", \"a\") && endswith(\"ab\", \"b\") && strcontains(\"ab\", \"ab\")", json!(true)),
        ("indent(2, \"a\\nb\")", json!("a\n  b")),
        ("merge({ a = 1, b = 1 }, null, { b = 2 })", json!({ "a": 1, "b": 2 })),
        ("merge([{ a = 1 }, { b = 2 }]...)", json!({ "a": 1, "b": 2 })),
        ("concat([1], [], [2])", json!([1, 2])),
        ("lookup({ a = 1 }, \"a\", 2) + lookup({}, \"a\", 2)", json!(3)),
        ("coalesce(null, \"\", \"a\")", json!("a")),
        ("coalescelist([], [1])", json!([1])),
        ("compact([\"a\", \"\", null])", json!(["a"])),
        ("contains([\"a\", x.y], \"a\")", json!(true)),
        ("distinct([\"b\", \"a\", \"b\"])", json!(["b", "a"])),
        ("distinct([1, \"1\", 2])", json!(["1", "2"])),
        ("element([1, 2], 3)", json!(2)),
        ("flatten([[1], [[2], 3], []])", json!([1, 2, 3])),
        ("index([\"a\", \"b\"], \"b\")", json!(1)),
        ("keys({ b = 1, a = 2 })", json!(["a", "b"])),
        ("values({ b = 1, a = 2 })", json!([2, 1])),
        ("length([x.y, 1]) + length({}) + length(\"abc\")", json!(5)),
        ("range(1, 6, 2)", json!([1, 3, 5])),
        ("reverse([1, 2])", json!([2, 1])),
        ("setunion([\"b\"], [\"a\"])", json!(["a", "b"])),
        ("setintersection([\"b\", \"a\"], [\"a\"])", json!(["a"])),
        ("setsubtract([\"b\", \"a\"], [\"a\"])", json!(["b"])),
        ("slice([1, 2, 3], 1, 3)", json!([2, 3])),
        ("sort([\"b\", \"a\"])", json!(["a", "b"])),
        ("zipmap([\"a\"], [1])", json!({ "a": 1 })),
        ("one([]) == null && one([1]) == 1", json!(true)),
        ("alltrue([true, \"true\"]) && anytrue([false, x.y, true])", json!(true)),
        ("tostring(1.50)", json!("1.5")),
        ("tonumber(\"2\")", json!(2)),
        ("tobool(\"true\")", json!(true)),
        ("tolist(toset([\"b\", \"a\"]))", json!(["a", "b"])),
        ("max(1, 3, 2) - min(1, 2)", json!(2)),
        ("abs(-1) + ceil(1.2) + floor(-1.2) + signum(-5)", json!(0)),
        ("sum([1, 2])", json!(3)),
        ("parseint(\"ff\", 16)", json!(255)),
        (
            "jsonencode({ b = [1, null, \"<&>\"], a = true })",
            json!("{\"a\":true,\"b\":[1,null,\"\\u003c\\u0026\\u003e\"]}"),
        ),
        ("base64decode(base64encode(\"aé\"))", json!("aé")),
        ("try(1, x.y)", json!(1)),
        ("can([])", json!(true)),
        ("core::lower(\"A\")", json!("a")),
        ("nonsensitive(sensitive(\"a\"))", json!("a")),
    ] {
        assert_eq!(x(expression, ""), expected, "{expression}");
    }
    for unknown in [
        "file(\"a\")",
        "timestamp()",
        "uuid()",
        "try(x.y, 1)",
        "can(x.y)",
        "coalesce(x.y, 1)",
        "contains([x.y], 1)",
        "join(\",\", [x.y])",
        "merge(x.y, {})",
        "concat([1], x.y)",
        "flatten([x.y])",
        "lower()",
        "lower(1, 2)",
        "format(\"%s\")",
        "format(\"a\", 1)",
        "format(\"%q\", 1)",
        "format(\"%d\", 1.5)",
        "replace(\"a\", \"/a/\", \"b\")",
        "replace(\"a\", \"\", \"b\")",
        "split(\"\", \"a\")",
        "tonumber(\"a\")",
        "slice([1], 0, 2)",
        "element([], 0)",
        "length(\"é\")",
        "substr(\"é\", 0, 1)",
        "range(2000)",
        "range(1, 2, 0)",
        "index([1], 2)",
        "one([1, 2])",
        "toset([[]])",
        "jsonencode([x.y])",
        "base64decode(\"?\")",
        "lookup({}, \"a\")",
        "provider::aws::f(1)",
        "parseint(\"z\", 10)",
        "sum([])",
        "zipmap([\"a\"], [])",
        "format(\"%\")",
        "format(\"%é\", 1)",
    ] {
        is_unknown(unknown, "");
    }
}

#[test]
fn variables_are_of_their_type() {
    let of = |declared: &str, default: &str| {
        x("var.v", &format!("variable \"v\" {{\n type = {declared}\n default = {default}\n}}\n"))
    };
    let unknown = json!({ "$unknown": "var.v" });
    assert_eq!(of("string", "5"), "5");
    assert_eq!(of("number", "\"5\""), 5);
    assert_eq!(of("bool", "\"true\""), true);
    assert_eq!(of("\"string\"", "true"), "true");
    assert_eq!(of("any", "5"), 5);
    assert_eq!(of("list(string)", "[1, \"a\"]"), json!(["1", "a"]));
    assert_eq!(of("set(string)", "[\"b\", \"a\", \"b\"]"), json!(["a", "b"]));
    assert_eq!(of("map(number)", "{ a = \"1\" }"), json!({ "a": 1 }));
    assert_eq!(
        of("object({ a = optional(string, \"d\"), b = optional(bool), c = list(number) })", "{ c = [\"1\"], x = 1 }"),
        json!({ "a": "d", "b": null, "c": [1] })
    );
    assert_eq!(
        of("object({ a = optional(object({ b = optional(number, 1) }), {}) })", "{}"),
        json!({ "a": { "b": 1 } })
    );
    assert_eq!(of("list(object({ a = optional(string, \"d\") }))", "[{ a = null }]"), json!([{ "a": "d" }]));
    for (declared, default) in
        [("number", "\"a\""), ("object({ a = string })", "{}"), ("list(number)", "[\"a\"]"), ("map(string)", "[]")]
    {
        assert_eq!(of(declared, default), unknown, "{declared}");
    }
    assert_eq!(x("var.v", "variable \"v\" {\n default = null\n}\n"), json!(null));
}
